"""Asks a process whether it lives: `python -m shared.web.liveness`, the health check of containers."""

import os
import urllib.request

TIMEOUT_SECONDS = 2.0
"""A second less than the platform waits for this program."""


def main() -> None:
    """End with an exception's code, 1, unless the process in the same container answers with a success."""
    url = f"http://127.0.0.1:{os.environ['MANAGEMENT_PORT']}/actuator/health/liveness"
    with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS):
        pass


if __name__ == "__main__":
    main()
