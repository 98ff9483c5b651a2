"""Lets one synchronisation of a student run at a time, and remembers how the last ones ended.

A run is claimed under the lock of the student's credential and holds a lease. What was killed in the
middle loses it when the lease ends, and the next run goes on from there: a synchronisation may be
repeated. Nothing waits for a run or for the function while it holds a database connection.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.user_service.integrations.canvas import CanvasSync, SyncCounts, SyncMode
from services.user_service.integrations.errors import (
    TOOK_TOO_LONG,
    CanvasSyncFailed,
    CanvasTokenNotFound,
    InvalidCanvasToken,
    SyncRunNotFound,
    SyncRunTaken,
)
from services.user_service.integrations.models import (
    Credential,
    Provider,
    RunStatus,
    RunTrigger,
    SyncRun,
)
from shared.database import Database, utc_now
from shared.logging import get_logger

log = get_logger(__name__)

LEASE = timedelta(seconds=150)
"""From additions.md D: as long as `E26` waits, and longer than the function may take for one student."""

KEPT_RUNS = 50
"""As many as the list shows; older ones go when a new one begins."""

MAX_WAIT_SECONDS = 150.0
"""From additions.md A, for other runs and the own one together: the gateway waits five seconds longer."""

SHORTEST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 1.0
"""Between looks at somebody else's run: most take a few seconds, a slow one need not be watched closely."""

_under_way: set[asyncio.Task[SyncCounts]] = set()
"""Keeps runs alive whose callers were answered; the event loop itself holds tasks weakly."""

ABANDONED = "SYNC_ABANDONED"
"""Why a run failed of which nothing was heard until its lease ended."""


@dataclass(frozen=True)
class Claim:
    """A run that is the claimant's to do, or whose result is to be waited for."""

    run: SyncRun
    is_ours: bool


async def synchronise(
    database: Database, function: CanvasSync, *, cognito_sub: str, mode: SyncMode
) -> SyncCounts:
    """Run a synchronisation, or wait for the same one that is on, and return what it covered.

    While one of the other mode is on, this one waits for its end: its result would answer another question. A run
    that was begun is noted to its end, also when nobody waits for it any longer.

    Raises:
        CanvasTokenNotFound: There is no token to synchronise with; nothing was invoked.
        InvalidCanvasToken: Canvas refused the token, now or earlier.
        CanvasSyncFailed: It could not be run to its end, or that and the other one took too long.
    """
    asked_at = utc_now()
    give_up_at = asyncio.get_running_loop().time() + MAX_WAIT_SECONDS
    while True:
        claim = await database.transaction(
            lambda session: claim_run(
                session,
                cognito_sub=cognito_sub,
                mode=mode,
                trigger=RunTrigger.MANUAL,
                asked_at=asked_at,
            )
        )
        if claim.is_ours:
            return await _in_time(_run(database, function, claim.run), give_up_at)
        run = claim.run
        if run.status is RunStatus.RUNNING:
            await _wait_for_end(database, run, give_up_at)
            # Claiming again finds how it ended, or that its lease has.
        else:
            return _result(run)


async def claim_run(
    session: AsyncSession,
    *,
    cognito_sub: str,
    mode: SyncMode,
    trigger: RunTrigger,
    asked_at: datetime | None = None,
    claim_id: str | None = None,
) -> Claim:
    """Begin a run of a student unless one is on.

    Args:
        session: Its transaction makes the claim.
        cognito_sub: Whose.
        mode: What it is to cover.
        trigger: Who asked.
        asked_at: When, in UTC: a run of this mode that ended later answers as well as one that is on.
        claim_id: Names the claim, so that repeating it finds the run that it began.

    Raises:
        CanvasTokenNotFound: There is no token to synchronise with.
        InvalidCanvasToken: Canvas refused the token, and no new one was registered since.
    """
    credential = await session.scalar(
        select(Credential)
        .where(Credential.cognito_sub == cognito_sub, Credential.provider == Provider.CANVAS)
        .with_for_update()
    )
    if credential is None:
        raise CanvasTokenNotFound
    if not credential.is_connected:
        raise InvalidCanvasToken
    now = utc_now()
    student = credential.cognito_sub
    if asked_at is not None:
        answer = await _find_answer(session, student, mode=mode, asked_at=asked_at)
        if answer is not None:
            return Claim(answer, is_ours=False)
    newest = await session.scalar(
        select(SyncRun).where(SyncRun.cognito_sub == student).order_by(SyncRun.id.desc()).limit(1)
    )
    if newest is not None:
        if newest.status is RunStatus.RUNNING and newest.lease_until > now:
            is_repeated = claim_id is not None and newest.claim_id == claim_id
            return Claim(newest, is_ours=is_repeated)
        if newest.status is RunStatus.RUNNING:
            log.warning("sync_run_abandoned")
            _end(newest, RunStatus.FAILED, at=newest.lease_until, error_code=ABANDONED)
    run = SyncRun(
        cognito_sub=student,
        triggered_by=trigger,
        mode=mode,
        status=RunStatus.RUNNING,
        claim_id=claim_id,
        started_at=now,
        lease_until=now + LEASE,
        courses_count=0,
        assignments_count=0,
    )
    session.add(run)
    await session.flush()
    await _forget_old_runs(session, student)
    return Claim(run, is_ours=True)


async def claim_scheduled_run(
    session: AsyncSession, *, cognito_sub: str, mode: SyncMode, claim_id: str | None
) -> SyncRun:
    """Begin a run that the schedule asked for.

    Raises:
        SyncRunTaken: One is on.
        CanvasTokenNotFound: There is no token to synchronise with.
        InvalidCanvasToken: Canvas refused the token, and no new one was registered since.
    """
    claim = await claim_run(
        session,
        cognito_sub=cognito_sub,
        mode=mode,
        trigger=RunTrigger.SCHEDULED,
        claim_id=claim_id,
    )
    if not claim.is_ours:
        raise SyncRunTaken
    return claim.run


async def finish_run(
    session: AsyncSession, run_id: int, *, counts: SyncCounts | None, error_code: str | None
) -> None:
    """Note how a run ended; repeating it changes nothing, nor does it revive a run whose lease was taken over.

    Args:
        session: Its transaction.
        run_id: Which.
        counts: What it covered, when it succeeded.
        error_code: Why it failed, otherwise.

    Raises:
        SyncRunNotFound: There is no such run.
    """
    run = await session.get(SyncRun, run_id, with_for_update=True)
    if run is None:
        raise SyncRunNotFound
    if run.status is not RunStatus.RUNNING:
        return
    now = utc_now()
    if counts is None:
        _end(run, RunStatus.FAILED, at=now, error_code=error_code or CanvasSyncFailed.code)
        return
    _end(run, RunStatus.SUCCEEDED, at=now)
    run.courses_count, run.assignments_count = counts.courses, counts.assignments
    run.synced_at = counts.synced_at
    await session.execute(
        update(Credential)
        .where(Credential.cognito_sub == run.cognito_sub, Credential.provider == Provider.CANVAS)
        .values(last_synced_at=now, updated_at=now)
    )


async def list_runs(session: AsyncSession, cognito_sub: str) -> Sequence[SyncRun]:
    """Return a student's last runs, the newest first; one whose lease has ended counts as failed."""
    rows = await session.scalars(
        select(SyncRun)
        .where(SyncRun.cognito_sub == cognito_sub)
        .order_by(SyncRun.id.desc())
        .limit(KEPT_RUNS)
    )
    runs = rows.all()
    now = utc_now()
    for run in runs:
        if run.status is RunStatus.RUNNING and run.lease_until <= now:
            # Not to be written by whoever only reads: the next claim does it.
            session.expunge(run)
            _end(run, RunStatus.FAILED, at=run.lease_until, error_code=ABANDONED)
    return runs


async def forget_runs(session: AsyncSession, cognito_sub: str) -> None:
    """Delete every run of a student, with the credential that they used."""
    await session.execute(delete(SyncRun).where(SyncRun.cognito_sub == cognito_sub))


async def _find_answer(
    session: AsyncSession, cognito_sub: str, *, mode: SyncMode, asked_at: datetime
) -> SyncRun | None:
    """Return the newest run of a mode that ended since; one that was abandoned answers nobody."""
    found: SyncRun | None = await session.scalar(
        select(SyncRun)
        .where(
            SyncRun.cognito_sub == cognito_sub,
            SyncRun.mode == mode,
            SyncRun.finished_at >= asked_at,
            SyncRun.error_code.is_distinct_from(ABANDONED),
        )
        .order_by(SyncRun.id.desc())
        .limit(1)
    )
    return found


async def _in_time(run: Coroutine[None, None, SyncCounts], give_up_at: float) -> SyncCounts:
    """Return what a run covered; one that takes too long goes on by itself.

    Raises:
        CanvasSyncFailed: It takes too long.
    """
    task = asyncio.create_task(run)
    _under_way.add(task)
    task.add_done_callback(_under_way.discard)
    try:
        async with asyncio.timeout_at(give_up_at) as limit:
            return await asyncio.shield(task)
    except TimeoutError as problem:
        if not limit.expired():
            raise
        raise CanvasSyncFailed(TOOK_TOO_LONG) from problem


async def _run(database: Database, function: CanvasSync, run: SyncRun) -> SyncCounts:
    """Invoke the function and note how it ended."""
    try:
        counts = await function.sync(run.cognito_sub, run.mode)
    except Exception:
        is_refused = await database.transaction(
            lambda session: _note_failure(session, run.id, run.cognito_sub)
        )
        if is_refused:
            raise InvalidCanvasToken from None
        raise
    await database.transaction(lambda session: _note_success(session, run.id, counts))
    return counts


async def _note_success(session: AsyncSession, run_id: int, counts: SyncCounts) -> None:
    try:
        await finish_run(session, run_id, counts=counts, error_code=None)
    except SyncRunNotFound:
        log.info("sync_run_forgotten")


async def _note_failure(session: AsyncSession, run_id: int, cognito_sub: str) -> bool:
    """Note a failure and return whether it was that Canvas refused the token, as the function has said by then."""
    is_connected = await session.scalar(
        select(Credential.is_connected).where(
            Credential.cognito_sub == cognito_sub, Credential.provider == Provider.CANVAS
        )
    )
    is_refused = is_connected is False
    cause = InvalidCanvasToken.code if is_refused else CanvasSyncFailed.code
    try:
        await finish_run(session, run_id, counts=None, error_code=cause)
    except SyncRunNotFound:
        log.info("sync_run_forgotten")
    return is_refused


async def _wait_for_end(database: Database, run: SyncRun, give_up_at: float) -> None:
    """Return when a run has ended, is gone, or has lost its lease.

    Raises:
        CanvasSyncFailed: It took too long.
    """
    clock = asyncio.get_running_loop().time
    pause_seconds = SHORTEST_PAUSE_SECONDS
    while True:
        if clock() + pause_seconds > give_up_at:
            raise CanvasSyncFailed(TOOK_TOO_LONG)
        await asyncio.sleep(pause_seconds)
        pause_seconds = min(pause_seconds * 1.5, LONGEST_PAUSE_SECONDS)
        now_run = await database.transaction(lambda session: session.get(SyncRun, run.id))
        if now_run is None or now_run.status is not RunStatus.RUNNING:
            return
        if now_run.lease_until <= utc_now():
            return


def _result(run: SyncRun) -> SyncCounts:
    if run.status is RunStatus.SUCCEEDED:
        return SyncCounts(run.courses_count, run.assignments_count, run.synced_at or "")
    if run.error_code == InvalidCanvasToken.code:
        raise InvalidCanvasToken
    raise CanvasSyncFailed


def _end(run: SyncRun, status: RunStatus, *, at: datetime, error_code: str | None = None) -> None:
    run.status, run.finished_at, run.error_code = status, at, error_code


async def _forget_old_runs(session: AsyncSession, cognito_sub: str) -> None:
    newest_forgotten = await session.scalar(
        select(SyncRun.id)
        .where(SyncRun.cognito_sub == cognito_sub)
        .order_by(SyncRun.id.desc())
        .offset(KEPT_RUNS)
        .limit(1)
    )
    if newest_forgotten is not None:
        await session.execute(
            delete(SyncRun).where(
                SyncRun.cognito_sub == cognito_sub, SyncRun.id <= newest_forgotten
            )
        )
