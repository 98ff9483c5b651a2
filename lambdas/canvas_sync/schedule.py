"""What the schedule asks for: everybody is put on the queue, and each student is synchronised under a claim."""

import asyncio
import json
from collections.abc import Sequence
from typing import Protocol
from uuid import uuid4

from lambdas.canvas_sync.canvas.errors import (
    CanvasAnswerUnusable,
    CanvasError,
    CanvasPermissionDenied,
    CanvasThrottled,
    CanvasTokenRefused,
    CanvasUnavailable,
)
from lambdas.canvas_sync.errors import (
    EnrollmentsUnavailable,
    RunsUnavailable,
    SyncIncomplete,
    SyncTimedOut,
    TokenUnavailable,
)
from lambdas.canvas_sync.schemas import SyncMode, SyncRequest, SyncResult
from lambdas.canvas_sync.service import MAX_SYNC_SECONDS, CanvasSync, MessageSink
from shared.logging import get_logger
from shared.messaging.publisher import PublishError

log = get_logger(__name__)

LEAST_SECONDS = 30.0
"""A student with less time left goes back to the queue: most take a few seconds, a throttled one takes tens."""

SENT_AT_ONCE = 100
"""Students in one call of the sink, ten of which run side by side: 100,000 students take less than a minute."""

ERROR_CODES: dict[type[Exception], str] = {
    EnrollmentsUnavailable: "COURSE_SERVICE_UNAVAILABLE",
    TokenUnavailable: "CANVAS_TOKEN_UNAVAILABLE",
    CanvasTokenRefused: "INVALID_CANVAS_TOKEN",
    CanvasPermissionDenied: "CANVAS_PERMISSION_DENIED",
    CanvasThrottled: "CANVAS_THROTTLED",
    CanvasUnavailable: "CANVAS_UNAVAILABLE",
    CanvasAnswerUnusable: "CANVAS_ANSWER_UNUSABLE",
    CanvasError: "CANVAS_ERROR",
    PublishError: "PUBLISH_FAILED",
    SyncIncomplete: "SYNC_INCOMPLETE",
    SyncTimedOut: "SYNC_TIMED_OUT",
}
"""Why a run failed, as the student sees it; the most particular class counts."""

OTHER_ERROR_CODE = "CANVAS_SYNC_ERROR"


class Runs(Protocol):
    """Who keeps the students' runs."""

    async def connected_students(self, after: str | None) -> tuple[Sequence[str], str | None]:
        """Return a page of students with a good token, and after whom the next one begins."""

    async def claim_run(self, request: SyncRequest, claim_id: str) -> int | None:
        """Begin a run of a student; `None` when one is on, or there is no good token."""

    async def finish_run(
        self, run_id: int, result: SyncResult | None, error_code: str | None
    ) -> None:
        """Note how a run ended."""


class Schedule:
    """Has everybody synchronised, one run of a student at a time.

    Args:
        sync: Synchronises one student.
        runs: Keeps the runs.
        sink: Takes the students to synchronise.
        queue_name: Where they go.
    """

    def __init__(self, sync: CanvasSync, runs: Runs, sink: MessageSink, queue_name: str) -> None:
        self._sync = sync
        self._runs = runs
        self._sink = sink
        self._queue_name = queue_name

    async def fan_out(self, mode: SyncMode, *, max_seconds: float) -> int:
        """Put every student with a good token on the queue and return how many there are.

        What fails half way is repeated from the start: a student who is synchronised twice is only looked at twice.

        Raises:
            RunsUnavailable: user_service did not say who is connected.
            PublishError: The queue did not take every student.
            SyncTimedOut: The time is up.
        """
        count = 0
        try:
            async with asyncio.timeout(max_seconds) as limit:
                after: str | None = None
                while True:
                    students, next_after = await self._runs.connected_students(after)
                    await self._send(students, mode)
                    count += len(students)
                    if next_after is None:
                        break
                    if next_after == after:
                        raise RunsUnavailable("the pages of students lead back to an earlier one")
                    after = next_after
        except TimeoutError:
            if not limit.expired():
                raise
            raise SyncTimedOut(f"the fan-out took longer than {max_seconds:.0f} s") from None
        log.info("students_fanned_out", syncMode=mode.value, students=count)
        return count

    async def synchronise(self, request: SyncRequest, *, max_seconds: float) -> SyncResult | None:
        """Synchronise a student unless a run is on or there is no good token, and note how it ended.

        Returns:
            What was covered; `None` when there was nothing to do or Canvas refused the token, neither of which
            another try would change.

        Raises:
            RunsUnavailable: user_service did not let the run begin.
            Exception: What `CanvasSync.synchronise` raises, but `CanvasTokenRefused`.
        """
        if max_seconds < LEAST_SECONDS:
            raise SyncTimedOut("the invocation has no time left for this student")
        run_id = await self._runs.claim_run(request, str(uuid4()))
        if run_id is None:
            return None
        try:
            result = await self._sync.synchronise(
                request, max_seconds=min(max_seconds, MAX_SYNC_SECONDS)
            )
        except CanvasTokenRefused as problem:
            await self._finish(run_id, None, error_code(problem))
            return None
        except Exception as problem:
            await self._finish(run_id, None, error_code(problem))
            raise
        await self._finish(run_id, result, None)
        return result

    async def _finish(self, run_id: int, result: SyncResult | None, code: str | None) -> None:
        try:
            await self._runs.finish_run(run_id, result, code)
        except RunsUnavailable as problem:
            # What was published is published; the run's lease ends by itself.
            log.warning("sync_run_not_finished", reason=str(problem))

    async def _send(self, students: Sequence[str], mode: SyncMode) -> None:
        bodies = [
            json.dumps({"cognitoSub": sub, "syncMode": mode.value}).encode() for sub in students
        ]
        slices = [bodies[at : at + SENT_AT_ONCE] for at in range(0, len(bodies), SENT_AT_ONCE)]
        outcomes = await asyncio.gather(
            *(self._sink.send(self._queue_name, part) for part in slices), return_exceptions=True
        )
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome


def error_code(problem: Exception) -> str:
    """Return the code by which a run's failure is known."""
    return next(
        (ERROR_CODES[cause] for cause in type(problem).__mro__ if cause in ERROR_CODES),
        OTHER_ERROR_CODE,
    )
