"""Doubles of what the schedule talks to, in memory."""

from collections.abc import Sequence
from typing import Any

from lambdas.canvas_sync.schemas import SyncRequest, SyncResult


class FakeRuns:
    """Lets every run begin but those of `taken`, and remembers how each ended."""

    def __init__(self, taken: frozenset[str] = frozenset()) -> None:
        self.taken = taken
        self.begun: list[str] = []
        self.ends: dict[str, SyncResult | str | None] = {}

    async def connected_students(self, after: str | None) -> tuple[Sequence[str], str | None]:
        return [], None

    async def claim_run(self, request: SyncRequest, claim_id: str) -> int | None:
        if request.cognito_sub in self.taken:
            return None
        self.begun.append(request.cognito_sub)
        return len(self.begun)

    async def finish_run(
        self, run_id: int, result: SyncResult | None, error_code: str | None
    ) -> None:
        self.ends[self.begun[run_id - 1]] = result or error_code


class FakeSink:
    """Remembers what was sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Any]] = []

    async def send(self, queue_name: str, bodies: Sequence[bytes]) -> None:
        self.sent += [(queue_name, body) for body in bodies]
