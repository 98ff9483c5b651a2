"""Loads a proxy with wrk on a core of its own and reads what it measured."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from benchmarks.gateway.proxies import LOAD_CORE, PATH, Proxy
from shared.settings import exit_with_error

_SCRIPT = """
local requests, sent = {}, 0
local format = wrk.format
init = function(arguments)
  for token in io.lines("%(tokens)s") do
    local headers = {["Host"] = wrk.headers["Host"], ["Authorization"] = "Bearer " .. token}
    requests[#requests + 1] = format("GET", "%(path)s", headers)
  end
end
request = function()
  sent = sent + 1
  return requests[sent %% #requests + 1]
end
done = function(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"requests": %%d, "microseconds": %%d, "p50": %%d, "p99": %%d, "failed": %%d}\\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.status + errors.connect + errors.read + errors.write + errors.timeout))
end
"""


@dataclass(frozen=True)
class Measurement:
    """What wrk saw in one turn."""

    requests_per_second: float
    p50_milliseconds: float
    p99_milliseconds: float
    processor_microseconds: float
    """Of the proxy per request: hardly changes when other programs take the cores."""


class Load:
    """wrk with its script of one request per token."""

    def __init__(self, directory: Path, tokens: list[str]) -> None:
        wrk = shutil.which("wrk")
        if wrk is None:
            exit_with_error("wrk is missing: run 'apt-get install wrk'")
        self._wrk = wrk
        (directory / "tokens").write_text("".join(f"{token}\n" for token in tokens))
        self._script = directory / "load.lua"
        self._script.write_text(_SCRIPT % {"tokens": directory / "tokens", "path": PATH})

    def measure(self, proxy: Proxy, *, connections: int, seconds: int) -> Measurement:
        """Load a proxy; ends the benchmark when a request is not answered with success."""
        command = ["taskset", "-c", LOAD_CORE, self._wrk, "-t1", f"-c{connections}"]
        command += [f"-d{seconds}s", "-s", str(self._script), f"http://127.0.0.1:{proxy.port}"]
        used_before = proxy.processor_seconds()
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        used = proxy.processor_seconds() - used_before
        result = next(line for line in printed.splitlines() if line.startswith("RESULT "))
        seen = json.loads(result.removeprefix("RESULT "))
        if seen["failed"] or not seen["requests"]:
            exit_with_error(f"{proxy.name} failed {seen['failed']} of {seen['requests']} requests")
        return Measurement(
            seen["requests"] / seen["microseconds"] * 1e6,
            seen["p50"] / 1000,
            seen["p99"] / 1000,
            used / seen["requests"] * 1e6,
        )
