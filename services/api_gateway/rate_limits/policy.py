"""Which requests count against which limit."""

import math
from collections.abc import Mapping

from services.api_gateway.errors import TooManyRequests
from services.api_gateway.metrics import RATE_LIMITED
from services.api_gateway.rate_limits.limiter import Limiter
from services.api_gateway.rate_limits.sign_in import MAX_BODY_BYTES, account_of
from services.api_gateway.routes import Limit, Route
from services.api_gateway.server.exchange import Exchange
from services.api_gateway.tokens.claims import Identity


class RateLimits:
    """The limits that are on."""

    def __init__(self, limiters: Mapping[Limit, Limiter], *, believes_forwarded: bool) -> None:
        """Take the limits.

        Args:
            limiters: By what they limit; one that is off is missing.
            believes_forwarded: Whether a load balancer in front appends the client's address to X-Forwarded-For.
        """
        self._user = limiters.get(Limit.USER)
        self._sync = limiters.get(Limit.SYNC)
        self._sign_in = limiters.get(Limit.SIGN_IN)
        self._believes_forwarded = believes_forwarded

    def admits_at_once(self, identity: Identity, route: Route) -> bool:
        """Count a request against the user's own limit where that needs no question and no refusal: nearly always.

        False: `check_user` must be awaited, and nothing has been counted.
        """
        if route.limit is not Limit.USER:
            return False
        return self._user is None or self._user.admit(identity.sub) == 0

    async def check_user(self, identity: Identity, route: Route, method: str) -> None:
        """Count a signed-in request.

        Raises:
            TooManyRequests: It is one too many.
        """
        if self._user is not None:
            seconds = self._user.admit(identity.sub)
            if seconds is None:
                seconds = await self._user.ask(identity.sub)
            if seconds > 0:
                raise _refusal(Limit.USER, seconds)
        if self._sync is not None and route.limit is Limit.SYNC and method == "POST":
            await _check(self._sync, Limit.SYNC, identity.sub)

    async def check_sign_in(self, exchange: Exchange) -> None:
        """Count a sign-in; reads the body and leaves it where it is.

        Raises:
            TooManyRequests: It is one too many for this account from this address.
        """
        if self._sign_in is None or exchange.method != "POST":
            return
        account = account_of(await exchange.peek(MAX_BODY_BYTES))
        await _check(self._sign_in, Limit.SIGN_IN, f"{self._address(exchange)} {account}")

    def _address(self, exchange: Exchange) -> str:
        """Return the client's address: the last entry is the load balancer's own, all before it the client's words."""
        if self._believes_forwarded:
            forwarded = b",".join(exchange.headers.all(b"x-forwarded-for"))
            last = forwarded.rpartition(b",")[2].strip()
            if last:
                return last.decode("latin-1")
        return exchange.client


async def _check(limiter: Limiter, limit: Limit, caller: str) -> None:
    seconds = limiter.admit(caller)
    if seconds is None:
        seconds = await limiter.ask(caller)
    if seconds > 0:
        raise _refusal(limit, seconds)


def _refusal(limit: Limit, seconds: float) -> TooManyRequests:
    RATE_LIMITED.labels(limit.value).inc()
    return TooManyRequests(math.ceil(seconds))
