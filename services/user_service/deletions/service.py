"""Remembers what others must forget, and has them forget it until it is done.

A request that was admitted before a deletion may still write after it. So a deletion is done only
when all its parts succeeded in a try that began `SETTLE` after it was recorded; every part may be
repeated. Nothing waits for another service while it holds a database connection.
"""

import asyncio
import json
from collections.abc import Coroutine, Mapping, Sequence
from datetime import timedelta
from typing import Any, Protocol

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.user_service.auth.user_pool import UserPool
from services.user_service.deletions.models import Kind, PendingDeletion
from shared.database import Database, DatabaseUnavailable, utc_now
from shared.logging import get_logger

log = get_logger(__name__)

SETTLE = timedelta(seconds=15)
"""Longer than the gateway's 10 s for a request and its 2 s between questions about ended sessions."""

CLAIM = timedelta(seconds=30)
"""Nobody else tries meanwhile; above the longest try, and a process that dies delays it by no more."""

ATTEMPT_SECONDS = 8.5
"""For each part: the first try is part of a request, which the gateway gives 10 s."""

MAX_PAUSE_SECONDS = 10
"""Between tries: a service that is back has forgotten within S-08's minute."""

POLL_SECONDS = 2.0
BATCH = 20


class GroupData(Protocol):
    """The service that keeps what groups plan."""

    async def delete_group_data(self, group_id: int) -> None:
        """Delete everything of a group; done again, it changes nothing. Raises `Unavailable`."""


class UserData(Protocol):
    """A service that keeps data of users."""

    async def delete_user_data(self, cognito_sub: str, group_owners: Mapping[int, str]) -> None:
        """Delete everything of a user; done again, it changes nothing. Raises `Unavailable`.

        Args:
            cognito_sub: Whose data.
            group_owners: By group id, who inherits what the user made there.
        """


def pending_group(group_id: int) -> PendingDeletion:
    """Return the memory of a group whose data was deleted just before the group itself."""
    now = utc_now()
    return PendingDeletion(
        kind=Kind.GROUP,
        subject=str(group_id),
        attempts=0,
        created_at=now,
        next_attempt_at=now + SETTLE,
    )


def pending_user(cognito_sub: str, group_owners: Mapping[int, str]) -> PendingDeletion:
    """Return the memory of an account, which whoever records it also tries at once."""
    now = utc_now()
    return PendingDeletion(
        kind=Kind.USER,
        subject=cognito_sub,
        group_owners=json.dumps(group_owners),
        attempts=0,
        created_at=now,
        next_attempt_at=now + CLAIM,
    )


class Deletions:
    """Has the others forget.

    Args:
        database: user_db.
        user_pool: Forgets users.
        group_data: Forgets groups.
        user_data: Each forgets users.
    """

    def __init__(
        self,
        database: Database,
        user_pool: UserPool,
        group_data: GroupData,
        user_data: Sequence[UserData],
    ) -> None:
        self._database = database
        self._user_pool = user_pool
        self._group_data = group_data
        self._user_data = user_data

    async def attempt(self, pending: PendingDeletion) -> None:
        """Try all parts of one deletion, at the same time, and note how it went."""
        began_at = utc_now()
        parts = (asyncio.wait_for(part, timeout=ATTEMPT_SECONDS) for part in self._parts(pending))
        outcomes = await asyncio.gather(*parts, return_exceptions=True)
        failures = {type(outcome).__name__ for outcome in outcomes if outcome is not None}
        if failures:
            log.warning(
                "deletion_incomplete",
                kind=pending.kind,
                attempts=pending.attempts + 1,
                reasons=sorted(failures),
            )
        is_done = not failures and began_at >= pending.created_at + SETTLE
        try:
            await self._database.transaction(
                lambda session: _note(session, pending, is_done=is_done, has_failed=bool(failures))
            )
        except DatabaseUnavailable:
            # It becomes due again when the claim ends.
            log.warning("deletion_not_noted", kind=pending.kind)

    async def work_off_due(self) -> int:
        """Try the deletions that are due, and return how many there were."""
        due = await self._database.transaction(_claim)
        await asyncio.gather(*(self.attempt(pending) for pending in due))
        return len(due)

    async def work(self, stopping: asyncio.Event) -> None:
        """Work off what is due until told to stop; no failure ends it."""
        while not stopping.is_set():
            try:
                await self.work_off_due()
            except DatabaseUnavailable:
                log.warning("deletions_wait_for_the_database")
            except Exception:
                # Also a schema that is not migrated yet: whoever starts the process sees to that.
                log.exception("deletions_failed")
            try:
                async with asyncio.timeout(POLL_SECONDS):
                    await stopping.wait()
            except TimeoutError:
                continue

    def _parts(self, pending: PendingDeletion) -> list[Coroutine[Any, Any, None]]:
        if pending.kind is Kind.GROUP:
            return [self._group_data.delete_group_data(int(pending.subject))]
        owners = {int(k): v for k, v in json.loads(pending.group_owners or "{}").items()}
        parts = [each.delete_user_data(pending.subject, owners) for each in self._user_data]
        return [*parts, self._user_pool.delete(pending.subject)]


async def _claim(session: AsyncSession) -> Sequence[PendingDeletion]:
    now = utc_now()
    rows = await session.scalars(
        select(PendingDeletion)
        .where(PendingDeletion.next_attempt_at <= now)
        .order_by(PendingDeletion.next_attempt_at)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    due = rows.all()
    for pending in due:
        pending.next_attempt_at = now + CLAIM
    return due


async def _note(
    session: AsyncSession, pending: PendingDeletion, *, is_done: bool, has_failed: bool
) -> None:
    this = PendingDeletion.id == pending.id
    if is_done:
        await session.execute(delete(PendingDeletion).where(this))
        return
    attempts = pending.attempts + 1
    pause = timedelta(seconds=min(2**attempts, MAX_PAUSE_SECONDS))
    again_at = utc_now() + pause if has_failed else pending.created_at + SETTLE
    await session.execute(
        update(PendingDeletion).where(this).values(attempts=attempts, next_attempt_at=again_at)
    )
