"""The rules of stored analyses: one worker at a text, and no call beyond the budget (L-03)."""

from datetime import timedelta
from typing import Any

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.dialects.mysql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.schedule_service.analyses.errors import (
    AnalysisBudgetSpent,
    AnalysisClaimed,
    AnalysisNotFound,
)
from services.schedule_service.analyses.models import Analysis, AnalysisBudget, AnalysisClaim
from services.schedule_service.items import IN_SQL, affected
from shared.database import utc_now
from shared.queries import Query

CLAIM_LASTS = timedelta(seconds=180)
"""As long as llm_analysis may run."""

CALLS_PER_TEXT = 2
"""One and its repair; whoever gets no result from them gets none from a third."""

CALLS_ARE_COUNTED_FOR = timedelta(hours=24)

_KNOWN = Query(
    select(Analysis.content_hash).where(Analysis.content_hash == bindparam("content_hash"))
)


async def find_analysis(session: AsyncSession, *, content_hash: str) -> list[Any]:
    """Return the steps of a text.

    Raises:
        AnalysisNotFound: None are stored.
    """
    tasks: list[Any] | None = await session.scalar(
        select(Analysis.tasks).where(Analysis.content_hash == content_hash)
    )
    if tasks is None:
        raise AnalysisNotFound
    return tasks


async def keep_analysis(session: AsyncSession, *, content_hash: str, tasks: list[Any]) -> None:
    """Store the steps of a text in place of what is there, and end the claim on it."""
    statement = insert(Analysis).values(content_hash=content_hash, tasks=tasks, made_at=utc_now())
    await session.execute(
        statement.on_duplicate_key_update(
            tasks=statement.inserted.tasks, made_at=statement.inserted.made_at
        )
    )
    await session.execute(
        delete(AnalysisClaim).where(AnalysisClaim.content_hash == content_hash),
        execution_options=IN_SQL,
    )


async def keep_missing_analysis(
    session: AsyncSession, *, content_hash: str, tasks: list[Any]
) -> None:
    """Store the steps of a text unless there are some."""
    if not await _KNOWN.fetch(session, {"content_hash": content_hash}):
        await keep_analysis(session, content_hash=content_hash, tasks=tasks)


async def claim_analysis(
    session: AsyncSession, *, content_hash: str, worker_id: str, calls_per_day: int
) -> bool:
    """Hold a text for a worker and charge one call; tell whether the worker did not hold it before.

    Raises:
        AnalysisClaimed: Another worker holds it; said first, so that who waits for a result gets it.
        AnalysisBudgetSpent: The day's calls are spent, or the text's own.
    """
    now = utc_now()
    # Takes the exclusive lock at once, whether or not the row was there.
    statement = insert(AnalysisClaim).values(content_hash=content_hash, calls=0, counted_from=now)
    await session.execute(
        statement.on_duplicate_key_update(content_hash=AnalysisClaim.content_hash)
    )
    claim = await session.get_one(AnalysisClaim, content_hash, with_for_update=True)
    is_held = claim.claimed_at is not None and claim.claimed_at > now - CLAIM_LASTS
    if is_held and claim.worker_id != worker_id:
        raise AnalysisClaimed
    if claim.counted_from <= now - CALLS_ARE_COUNTED_FOR:
        claim.calls, claim.counted_from = 0, now
    if claim.calls >= CALLS_PER_TEXT:
        raise AnalysisBudgetSpent
    day = insert(AnalysisBudget).values(period=now.date(), calls=0)
    await session.execute(day.on_duplicate_key_update(period=AnalysisBudget.period))
    charged = await session.execute(
        update(AnalysisBudget)
        .where(AnalysisBudget.period == now.date(), AnalysisBudget.calls < calls_per_day)
        .values(calls=AnalysisBudget.calls + 1),
        execution_options=IN_SQL,
    )
    if affected(charged) == 0:
        raise AnalysisBudgetSpent
    claim.worker_id, claim.claimed_at = worker_id, now
    claim.calls += 1
    return not is_held
