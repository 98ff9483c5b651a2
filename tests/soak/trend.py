"""What processes take of the machine over time, and whether it grows."""

import itertools
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

MEGABYTE = 1024 * 1024
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")

CONFIDENCE_95 = 1.96
"""Standard errors on either side; there are always dozens of points."""


@dataclass(frozen=True)
class Sample:
    """One look at a process."""

    minute: float
    megabytes: float
    descriptors: int
    connections: int


def look_at(pid: int, minute: float) -> Sample:
    """Return what a process holds now (proc(5)): resident memory, descriptors, and sockets among them."""
    process = Path(f"/proc/{pid}")
    targets: list[str] = []
    for descriptor in (process / "fd").iterdir():
        try:
            targets.append(str(descriptor.readlink()))
        except FileNotFoundError:
            continue
    resident_pages = int((process / "statm").read_text().split()[1])
    return Sample(
        minute=minute,
        megabytes=resident_pages * PAGE_BYTES / MEGABYTE,
        descriptors=len(targets),
        connections=sum(target.startswith("socket:") for target in targets),
    )


@dataclass(frozen=True)
class Slope:
    """Growth by the minute, with the ends of its 95 % confidence interval."""

    per_minute: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.per_minute:+.2f} a minute (95 %: {self.low:+.2f} to {self.high:+.2f})"


def slope(minutes: Sequence[float], values: Sequence[float]) -> Slope:
    """Fit a line by least squares.

    Neighbouring looks at one process are alike, which makes them count for less than their number: the error is
    widened by the correlation of each residual with the next.
    """
    count = len(minutes)
    mean_minute, mean_value = sum(minutes) / count, sum(values) / count
    spread = sum((minute - mean_minute) ** 2 for minute in minutes)
    pairs = list(zip(minutes, values, strict=True))
    fitted = sum((minute - mean_minute) * (value - mean_value) for minute, value in pairs) / spread
    residuals = [value - mean_value - fitted * (minute - mean_minute) for minute, value in pairs]
    squares = sum(residual**2 for residual in residuals)
    alike = 0.0
    if squares:
        neighbours = itertools.pairwise(residuals)
        alike = min(0.95, max(0.0, sum(a * b for a, b in neighbours) / squares))
    error = math.sqrt(squares / (count - 2) / spread * (1 + alike) / (1 - alike))
    return Slope(fitted, fitted - CONFIDENCE_95 * error, fitted + CONFIDENCE_95 * error)
