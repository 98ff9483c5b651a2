"""Tells who used the machine's processors, so that a run beside other work is not taken for one alone."""

import os
import time
from collections.abc import Mapping
from pathlib import Path

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")

_BUSY = (0, 1, 2, 5, 6, 7)
"""Fields of `cpu` in /proc/stat: user, nice, system, interrupts twice, and what the host took (proc(5))."""


class Processors:
    """Processor time of some processes, of this one, and of everything else."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = {**pids, "load": os.getpid()}
        self._used = self._look()
        self._looked_at = time.monotonic()

    def used(self) -> str:
        """Return how many processors each has used since the last time, the largest first."""
        before, self._used = self._used, self._look()
        began_at, self._looked_at = self._looked_at, time.monotonic()
        seconds = self._looked_at - began_at
        shares = {name: (used - before[name]) / seconds for name, used in self._used.items()}
        shares["others"] = shares.pop("machine") - sum(shares.values())
        return ", ".join(
            f"{name} {share:.2f}"
            for name, share in sorted(shares.items(), key=lambda each: -each[1])
            if share >= 0.01
        )

    def _look(self) -> dict[str, float]:
        used = {name: _processor_seconds(pid) for name, pid in self._pids.items()}
        fields = Path("/proc/stat").read_text().splitlines()[0].split()[1:]
        used["machine"] = sum(int(fields[number]) for number in _BUSY) / _TICKS_PER_SECOND
        return used


def _processor_seconds(pid: int) -> float:
    """Return the processor time a process has used, in and out of the kernel (proc(5), fields 14 and 15)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND
