"""Knows whose sessions have ended, so that their tokens are refused before they expire (J-05)."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from services.api_gateway.metrics import (
    REVOCATION_ANSWER_TIME,
    REVOCATION_POLLS,
    REVOCATIONS,
)
from services.api_gateway.tokens.claims import LEEWAY_SECONDS, MAX_LIFETIME_SECONDS
from services.api_gateway.tokens.errors import RevocationsUnusable
from shared.logging import get_logger

log = get_logger(__name__)

POLL_SECONDS = 2.0
"""additions.md F; with a poll that hangs for its whole time, a sign-out still holds within 5 s."""

REMEMBER_SECONDS = MAX_LIFETIME_SECONDS + 2 * LEEWAY_SECONDS
"""After this every token from before a sign-out has expired, whatever the clocks."""

OVERLAP_SECONDS = 30.0
"""A sign-out gets its time before it is committed, so each poll asks again for what the last one could have missed."""

MAX_REMEMBERED = 100_000
"""Sign-outs in 24 h, about 20 MB; ten times the users a gateway remembers tokens of."""


@dataclass(frozen=True, slots=True)
class Revocation:
    """Sessions of this user that began at this time or earlier have ended; seconds since the epoch."""

    sub: str
    revoked_before: float


@dataclass(frozen=True, slots=True)
class LatestRevocations:
    """An answer of user_service, and the time on its own clock."""

    revocations: list[Revocation]
    now: float


Fetch = Callable[[float], Awaitable[LatestRevocations]]
"""Reads all revocations that are not older than a time, in seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class _Ended:
    revoked_before: float
    forget_at: float


class Revocations:
    """What user_service last said about ended sessions.

    While user_service has never answered, tokens are accepted: a gateway that starts during its outage goes on
    serving the planner and the courses. `gateway_revocations_answer_timestamp_seconds` is 0 until then.
    """

    def __init__(
        self,
        fetch: Fetch,
        *,
        now: Callable[[], float] = time.time,
        max_remembered: int = MAX_REMEMBERED,
    ) -> None:
        self._fetch = fetch
        self._now = now
        self._max_remembered = max_remembered
        self._ended: OrderedDict[str, _Ended] = OrderedDict()
        self._all_ended_before = float("-inf")
        self._since: float | None = None
        self._polling = asyncio.Lock()
        self._polls_begun = 0
        self._has_succeeded: bool | None = None

    def has_ended(self, sub: str, signed_in_at: int) -> bool:
        """Tell whether a session that began at this time has ended."""
        if signed_in_at <= self._all_ended_before:
            return True
        ended = self._ended.get(sub)
        return ended is not None and signed_in_at <= ended.revoked_before

    async def end_session(self, sub: str, signed_in_at: int) -> None:
        """Refuse this session from now on, then learn of the user's other ones.

        Returns when user_service has told or could not tell: never raises because of it.
        """
        # The token's own time, not ours: a clock ahead of the pool's would refuse the next sign-in.
        self._add(Revocation(sub, signed_in_at), self._now() + REMEMBER_SECONDS)
        await self.learn()

    async def learn(self) -> None:
        """Ask user_service once; everyone who asks before the next poll begins shares it."""
        begun = self._polls_begun
        async with self._polling:
            if self._polls_begun == begun:
                self._polls_begun += 1
                await self._poll()

    async def keep_current(self) -> None:
        """Poll for ever, after the first poll at the start."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            await self.learn()

    async def _poll(self) -> None:
        since = self._now() - REMEMBER_SECONDS if self._since is None else self._since
        try:
            latest = await self._fetch(since)
        except RevocationsUnusable as problem:
            self._note(False, reason=str(problem))
            return
        except Exception:
            # Whatever an answer makes the reader do, the next poll must still come.
            log.exception("revocations_not_read", reason="unexpected")
            self._note(False, reason="unexpected")
            return
        for revocation in sorted(latest.revocations, key=lambda one: one.revoked_before):
            self._add(revocation, revocation.revoked_before + REMEMBER_SECONDS)
        self._since = latest.now - OVERLAP_SECONDS
        self._forget()
        self._note(True)

    def _add(self, revocation: Revocation, forget_at: float) -> None:
        known = self._ended.get(revocation.sub)
        if known is not None and known.revoked_before >= revocation.revoked_before:
            return
        self._ended[revocation.sub] = _Ended(revocation.revoked_before, forget_at)
        self._ended.move_to_end(revocation.sub)
        if len(self._ended) > self._max_remembered:
            _, dropped = self._ended.popitem(last=False)
            # Too many to tell apart: all who signed in before the dropped one sign in again.
            self._all_ended_before = max(self._all_ended_before, dropped.revoked_before)
            log.error("revocation_dropped", limit=self._max_remembered)
        REVOCATIONS.set(len(self._ended))

    def _forget(self) -> None:
        """Drop what no token can need any more, oldest first."""
        now = self._now()
        while self._ended:
            oldest = next(iter(self._ended.values()))
            if oldest.forget_at > now:
                break
            self._ended.popitem(last=False)
        REVOCATIONS.set(len(self._ended))

    def _note(self, succeeded: bool, **why: str) -> None:
        REVOCATION_POLLS.labels("succeeded" if succeeded else "failed").inc()
        if succeeded:
            REVOCATION_ANSWER_TIME.set(self._now())
        if succeeded is not self._has_succeeded:
            if succeeded:
                log.info("revocations_read", count=len(self._ended))
            else:
                log.warning("revocations_not_read", **why)
        self._has_succeeded = succeeded
