"""The rules of one analysis: what is analysed, when a model is paid, and what becomes of failures (L-01 to L-04)."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Protocol
from uuid import uuid4
from weakref import WeakValueDictionary

from lambdas.llm_analysis.assignments import Assignment, read_assignment
from lambdas.llm_analysis.errors import (
    AnalysesUnavailable,
    AnalysisInProgress,
    AnalysisRefused,
    AnalysisTimedOut,
    BudgetSpent,
    PlanInvalid,
    PublishingUnavailable,
    RecordMalformed,
    Unavailable,
)
from lambdas.llm_analysis.plans import accept_plan, refit
from lambdas.llm_analysis.providers.provider import Provider
from lambdas.llm_analysis.submissions import check_submission
from shared.events.course_service import AnalysisRequest
from shared.events.llm_analysis import GeneratedTask, TasksGenerated
from shared.events.submissions import SubmissionDetected
from shared.events.times import read_event_time, read_order_mark
from shared.logging import get_logger
from shared.messaging.publisher import PublishError

log = get_logger(__name__)

CLAIM_POLL_SECONDS = 2.0
CLAIM_PATIENCE_SECONDS = 60.0
"""Most calls end within thirty seconds; a worker that takes longer is repairing, repeating or dead."""


MAX_PROPOSAL_SECONDS = 140.0
"""A call with all its retries takes 95 s. What is left of the function's 180 s is for a stand-in and the queue."""


class Analyses(Protocol):
    """Steps by content hash, and the budget of calls."""

    async def find(self, content_hash: str) -> list[GeneratedTask] | None:
        """Return the steps that are stored for a text, or nothing."""

    async def claim(self, content_hash: str, worker_id: str) -> bool:
        """Charge one call to the budget; false when another worker holds the text."""

    async def keep(self, content_hash: str, tasks: list[GeneratedTask]) -> None:
        """Store the steps of a text."""


class MessageSink(Protocol):
    """Where messages go."""

    async def send(self, queue_name: str, bodies: Sequence[bytes]) -> None:
        """Send every body or raise `PublishError`."""


class LLMAnalysis:
    """Turns assignments into steps and checks submissions.

    Args:
        provider: Proposes steps.
        stand_in: Proposes steps when the provider may not or cannot be asked; free and always there.
        analyses: Stored steps and the budget.
        sink: Takes the steps.
        queue_name: Where they go.
        now: The current time in UTC, without zone.
        claim_poll_seconds: How often to look for what another worker is about to deliver.
        claim_patience_seconds: How long.
        max_proposal_seconds: How long all of finding, claiming and proposing may take.
    """

    def __init__(
        self,
        provider: Provider,
        stand_in: Provider,
        analyses: Analyses,
        sink: MessageSink,
        queue_name: str,
        *,
        now: Callable[[], datetime] | None = None,
        claim_poll_seconds: float = CLAIM_POLL_SECONDS,
        claim_patience_seconds: float = CLAIM_PATIENCE_SECONDS,
        max_proposal_seconds: float = MAX_PROPOSAL_SECONDS,
    ) -> None:
        self._provider = provider
        self._stand_in = stand_in
        self._analyses = analyses
        self._sink = sink
        self._queue_name = queue_name
        self._now = now or (lambda: datetime.now(UTC).replace(tzinfo=None))
        self._claim_poll_seconds = claim_poll_seconds
        self._claim_patience_seconds = claim_patience_seconds
        self._max_proposal_seconds = max_proposal_seconds
        # One text is worked on once at a time here, so a claim that an outage left behind is ours again.
        self._worker_id = uuid4().hex
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def apply(
        self, event: AnalysisRequest | SubmissionDetected, *, is_last_try: bool = False
    ) -> None:
        """Do what one event asks for.

        Args:
            event: From either queue.
            is_last_try: What is away is done without, because a failure would be the message's last.

        Raises:
            RecordMalformed: The event cannot be understood, however often it comes.
            Unavailable: Something is away; the event must come again.
        """
        if isinstance(event, SubmissionDetected):
            self._check(event)
        else:
            await self._analyse(event, is_last_try=is_last_try)

    def _check(self, event: SubmissionDetected) -> None:
        verdict = check_submission(event)
        log.info(
            "submission_checked",
            courseId=event.course_id,
            assignmentId=event.assignment_id,
            isLate=verdict.is_late,
            isComplete=verdict.is_complete,
            missingTypes=list(verdict.missing_extensions),
            # Not by name: what follows the last dot is whatever the student wrote.
            unaskedTypesCount=len(verdict.unasked_extensions),
            filesCount=len(event.submission_metadata.attachments),
        )

    async def _analyse(self, request: AnalysisRequest, *, is_last_try: bool) -> None:
        assignment = self._read(request)
        if assignment is None:
            return
        try:
            content_hash, tasks = await self._planned(assignment, is_last_try=is_last_try)
        except AnalysisRefused as problem:
            # Not left for the dead-letter queue: another try would be paid for as well.
            log.error(
                "analysis_refused",
                canvasAssignmentId=request.canvas_assignment_id,
                reason=str(problem),
            )
            return
        event = TasksGenerated(
            event_type="TASKS_GENERATED",
            course_id=request.course_id,
            canvas_assignment_id=request.canvas_assignment_id,
            content_hash=content_hash,
            due_at=request.due_at,
            changed_at=request.changed_at,
            tasks=tasks,
        )
        try:
            await self._sink.send(self._queue_name, [event.to_body()])
        except PublishError as problem:
            raise PublishingUnavailable(str(problem)) from None
        log.info(
            "tasks_generated",
            canvasAssignmentId=request.canvas_assignment_id,
            contentHash=content_hash,
            tasksCount=len(tasks),
        )

    def _read(self, request: AnalysisRequest) -> Assignment | None:
        """Return what there is to analyse, if anything.

        Raises:
            RecordMalformed: The deadline or the order mark is no time.
        """
        try:
            due_at = read_event_time(request.due_at)
        except ValueError:
            raise RecordMalformed("dueAt is not a date and time") from None
        try:
            read_order_mark(request.changed_at)
        except ValueError:
            raise RecordMalformed("changedAt is not an order mark") from None
        now = self._now()
        reason = ""
        if due_at is None:
            # Without a due date there is no schedule, and so nobody whose planner could show a step.
            reason = "no deadline"
        elif due_at <= now:
            reason = "deadline has passed"
        else:
            assignment = read_assignment(request.title, request.description, due_at=due_at, now=now)
            if assignment.lines:
                return assignment
            reason = "no text"
        log.info("analysis_skipped", canvasAssignmentId=request.canvas_assignment_id, reason=reason)
        return None

    async def _planned(
        self, assignment: Assignment, *, is_last_try: bool
    ) -> tuple[str, list[GeneratedTask]]:
        """Return steps with the hash they are stored under.

        Raises:
            AnalysisRefused: Nothing acceptable was proposed.
            Unavailable: Something is away, and this is not the last try.
        """
        content_hash = assignment.content_hash(self._provider.fingerprint)
        turn = self._turns.setdefault(content_hash, asyncio.Lock())
        try:
            return content_hash, await self._in_time(turn, content_hash, assignment)
        except BudgetSpent as problem:
            reason = str(problem)
        except Unavailable as problem:
            if not is_last_try:
                raise
            reason = str(problem)
        log.warning("stand_in_used", reason=reason)
        content_hash = assignment.content_hash(self._stand_in.fingerprint)
        tasks = await self._stand_in.propose(assignment, _free)
        await self._keep(content_hash, tasks)
        return content_hash, tasks

    async def _in_time(
        self, turn: asyncio.Lock, content_hash: str, assignment: Assignment
    ) -> list[GeneratedTask]:
        try:
            async with asyncio.timeout(self._max_proposal_seconds), turn:
                return await self._found_or_proposed(content_hash, assignment)
        except TimeoutError:
            raise AnalysisTimedOut("the proposal took too long") from None

    async def _found_or_proposed(
        self, content_hash: str, assignment: Assignment
    ) -> list[GeneratedTask]:
        stored = await self._found(content_hash, assignment)
        if stored is not None:
            return stored
        is_first_call = True

        async def allow_call() -> None:
            nonlocal is_first_call
            if is_first_call:
                # Charged by the claim below.
                is_first_call = False
            elif not await self._analyses.claim(content_hash, self._worker_id):
                raise BudgetSpent("the claim has passed to another worker")

        if self._provider.is_metered:
            stored = await self._delivered_or_claimed(content_hash, assignment)
            if stored is not None:
                return stored
        tasks = await self._provider.propose(assignment, allow_call)
        await self._keep(content_hash, tasks)
        return tasks

    async def _delivered_or_claimed(
        self, content_hash: str, assignment: Assignment
    ) -> list[GeneratedTask] | None:
        """Return what another worker delivered, or nothing when the claim is ours and nobody did.

        Raises:
            AnalysisInProgress: Neither came in time.
            BudgetSpent: No call may be made.
        """
        clock = asyncio.get_running_loop().time
        give_up_at = clock() + self._claim_patience_seconds
        while not await self._analyses.claim(content_hash, self._worker_id):
            if clock() >= give_up_at:
                raise AnalysisInProgress("another worker is at this text")
            await asyncio.sleep(self._claim_poll_seconds)
            stored = await self._found(content_hash, assignment)
            if stored is not None:
                return stored
        # Another worker may have delivered, and so ended its claim, after we looked and before we claimed.
        return await self._found(content_hash, assignment)

    async def _found(self, content_hash: str, assignment: Assignment) -> list[GeneratedTask] | None:
        """Return stored steps with dates that fit; stored ones that break a rule count as none."""
        stored = await self._analyses.find(content_hash)
        if stored is None:
            return None
        try:
            return accept_plan(refit(stored, assignment), assignment)
        except PlanInvalid:
            log.warning("stored_analysis_unusable", contentHash=content_hash)
            return None

    async def _keep(self, content_hash: str, tasks: list[GeneratedTask]) -> None:
        """Store steps; when that fails they are published all the same, for they may have been paid for."""
        try:
            await self._analyses.keep(content_hash, tasks)
        except AnalysesUnavailable as problem:
            log.warning("analysis_not_stored", contentHash=content_hash, reason=str(problem))


async def _free() -> None:
    """Allow a call that costs nothing."""
