"""The rules of one synchronisation (events.md 2.2, additions.md D)."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Protocol

from pydantic import SecretStr

from lambdas.canvas_sync.canvas.errors import (
    CanvasError,
    CanvasPermissionDenied,
    CanvasThrottled,
    CanvasTokenRefused,
)
from lambdas.canvas_sync.canvas.schemas import CanvasAssignment, CanvasCourse, Reading
from lambdas.canvas_sync.errors import SyncIncomplete, SyncTimedOut
from lambdas.canvas_sync.messages import CourseParts, Envelope, course_list_bodies
from lambdas.canvas_sync.schemas import SyncMode, SyncRequest, SyncResult, written_now
from shared.events.times import write_order_mark
from shared.logging import get_logger
from shared.messaging.publisher import PublishError

log = get_logger(__name__)

COURSES_AT_ONCE = 12
"""Half as many again as calls may be in flight, so that publishing a course leaves no call unmade."""

MAX_FAILED_COURSES = 3
"""So many courses that fail on every try are an outage; the others would only prolong it."""

MAX_SYNC_SECONDS = 130.0
"""Shorter than the 150 s for which `E26` waits, the function's start included."""


class StudentRecords(Protocol):
    """What is known of students elsewhere in the system."""

    async def enabled_course_ids(self, cognito_sub: str) -> frozenset[int]:
        """Return the Canvas ids of the courses that the student synchronises."""

    async def canvas_token(self, cognito_sub: str) -> SecretStr:
        """Return the student's Canvas token."""

    async def report_refusal(self, cognito_sub: str, token: SecretStr) -> None:
        """Say that Canvas refused this token; a report that does not arrive is no failure."""


class StudentCanvas(Protocol):
    """Canvas as one student sees it."""

    async def list_courses(self) -> list[CanvasCourse]:
        """Return the courses in which the student is active."""

    def assignment_pages(self, course_id: int) -> AsyncGenerator[Reading[CanvasAssignment], None]:
        """Yield a course's assignments page by page."""


class MessageSink(Protocol):
    """Where messages go."""

    async def send(self, queue_name: str, bodies: Sequence[bytes]) -> None:
        """Send every body or raise `PublishError`."""


class CanvasSync:
    """Publishes what a student sees in Canvas.

    Args:
        records: Answers which courses and which token.
        canvas_of: Opens Canvas for a token.
        sink: Takes the messages.
        queue_name: Where they go.
    """

    def __init__(
        self,
        records: StudentRecords,
        canvas_of: Callable[[SecretStr], StudentCanvas],
        sink: MessageSink,
        queue_name: str,
    ) -> None:
        self._records = records
        self._canvas_of = canvas_of
        self._sink = sink
        self._queue_name = queue_name

    async def synchronise(
        self, request: SyncRequest, *, max_seconds: float = MAX_SYNC_SECONDS
    ) -> SyncResult:
        """Read the student's courses, and in mode `assignments` the enabled ones' assignments, and publish them.

        Courses that Canvas does not show to the student are left out. What could be read to its end is published
        even when something else fails.

        Raises:
            EnrollmentsUnavailable: course_service did not answer.
            TokenUnavailable: user_service did not hand out a token.
            CanvasError: Canvas refused the token or did not list the courses.
            PublishError: The list of courses could not be published.
            SyncIncomplete: Some courses could not be read or published.
            SyncTimedOut: The time is up.
        """
        started = time.monotonic()
        envelope = Envelope(request.cognito_sub, request.mode, written_now())
        is_in_time = False
        try:
            async with asyncio.timeout(max_seconds) as limit:
                if request.mode is SyncMode.COURSES:
                    counts = await self._publish_courses(envelope)
                else:
                    counts = await self._publish_assignments(envelope)
                is_in_time = True
        except TimeoutError:
            if not limit.expired():
                raise
        if not is_in_time:
            raise SyncTimedOut(f"the synchronisation took longer than {max_seconds:.0f} s")
        log.info(
            "canvas_synchronised",
            syncMode=request.mode.value,
            coursesCount=counts[0],
            assignmentsCount=counts[1],
            durationMs=round((time.monotonic() - started) * 1000),
        )
        return SyncResult(*counts, envelope.synced_at)

    async def _publish_courses(self, envelope: Envelope) -> tuple[int, int]:
        async def publish(canvas: StudentCanvas) -> tuple[int, int]:
            observed_at = _order_mark_now()
            courses = await canvas.list_courses()
            bodies = list(course_list_bodies(envelope, observed_at, courses))
            await self._sink.send(self._queue_name, bodies)
            return len(courses), 0

        return await self._with_canvas(envelope.cognito_sub, publish)

    async def _publish_assignments(self, envelope: Envelope) -> tuple[int, int]:
        enabled_ids = await self._records.enabled_course_ids(envelope.cognito_sub)
        if not enabled_ids:
            return 0, 0

        async def publish(canvas: StudentCanvas) -> tuple[int, int]:
            courses = [course for course in await canvas.list_courses() if course.id in enabled_ids]
            one_by_one = _CourseByCourse(self._sink, self._queue_name, canvas, envelope)
            return await one_by_one.publish(courses)

        return await self._with_canvas(envelope.cognito_sub, publish)

    async def _with_canvas(
        self,
        cognito_sub: str,
        publish: Callable[[StudentCanvas], Awaitable[tuple[int, int]]],
    ) -> tuple[int, int]:
        """Open Canvas for the student, and tell who keeps the token when Canvas refuses it."""
        token = await self._records.canvas_token(cognito_sub)
        try:
            return await publish(self._canvas_of(token))
        except CanvasTokenRefused:
            await self._records.report_refusal(cognito_sub, token)
            raise


class _CourseByCourse:
    """Publishes the assignments of courses, several at once, each as soon as it is read."""

    def __init__(
        self, sink: MessageSink, queue_name: str, canvas: StudentCanvas, envelope: Envelope
    ) -> None:
        self._sink = sink
        self._queue_name = queue_name
        self._canvas = canvas
        self._envelope = envelope
        self._counts: list[int] = []
        self._failures: list[Exception] = []

    async def publish(self, courses: Sequence[CanvasCourse]) -> tuple[int, int]:
        """Return how many courses and assignments were published.

        Raises:
            CanvasTokenRefused: The token was revoked meanwhile; no further call is made.
            CanvasThrottled: Canvas keeps refusing; no further call is made.
            SyncIncomplete: A course failed; the others are published.
        """
        waiting = iter(courses)
        refusal: BaseException | None = None
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(COURSES_AT_ONCE, len(courses))):
                    group.create_task(self._work(waiting))
        except ExceptionGroup as problems:
            refusal = problems.exceptions[0]
        if refusal is not None:
            raise refusal
        if self._failures:
            raise SyncIncomplete(
                f"{len(self._counts)} of {len(courses)} courses published: {self._failures[0]}"
            )
        return len(self._counts), sum(self._counts)

    async def _work(self, waiting: Iterator[CanvasCourse]) -> None:
        for course in waiting:
            try:
                self._counts.append(await self._publish_course(course))
            except (CanvasTokenRefused, CanvasThrottled):
                # Further calls would be refused as well, and add to what made Canvas refuse.
                raise
            except CanvasPermissionDenied as problem:
                log.warning("course_skipped", canvasCourseId=course.id, reason=str(problem))
            except (CanvasError, PublishError) as problem:
                self._failures.append(problem)
                log.error("course_failed", canvasCourseId=course.id, reason=str(problem))
            if len(self._failures) >= MAX_FAILED_COURSES:
                return

    async def _publish_course(self, course: CanvasCourse) -> int:
        parts = CourseParts(self._envelope, course, _order_mark_now())
        # In the order of the listing, and each once: something may move from one page to the next between two calls.
        listed_ids: dict[int, None] = {}
        added_ids: set[int] = set()
        is_exhaustive = True
        async with aclosing(self._canvas.assignment_pages(course.id)) as pages:
            async for page in pages:
                fresh = {entry.id: entry for entry in page.usable if entry.id not in added_ids}
                added_ids.update(fresh)
                listed_ids.update(dict.fromkeys(page.ids))
                is_exhaustive = is_exhaustive and page.is_exhaustive
                for body in parts.add(list(fresh.values())):
                    await self._sink.send(self._queue_name, [body])
                # Not held while the next page is read.
                del page, fresh
        for body in parts.end(list(listed_ids) if is_exhaustive else None):
            await self._sink.send(self._queue_name, [body])
        return parts.assignments_count


def _order_mark_now() -> str:
    return write_order_mark(datetime.now(UTC).replace(tzinfo=None))
