"""Shares a limit over workers and instances: Redis lends each of them some requests of a caller at a time.

A lease costs one round trip and is used up without any. What a worker was lent counts at once, what it really used
counts again from when it says so: no 60 s ever hold more than the limit over all workers, and a worker that dies takes
no more than its lease along. While Redis does not answer, each worker holds callers to the limit by itself.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from hashlib import blake2b

from redis.asyncio import Redis
from redis.exceptions import RedisError

from services.api_gateway.metrics import RATE_LIMITS_SHARED
from services.api_gateway.rate_limits.limiter import MAX_CALLERS, LocalLimiter
from shared.logging import get_logger

log = get_logger(__name__)

LEASE_SECONDS = 2.0
"""Longer than a page's burst of calls; what is left over goes back after it."""

RETRY_SECONDS = 1.0
"""Until Redis is asked again after it failed."""

_LEASE = """
local clock = redis.call('TIME')
local now = tonumber(clock[1])
local limit, wanted = tonumber(ARGV[1]), tonumber(ARGV[2])
local lent_at, lent, used = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
if lent > 0 and redis.call('HEXISTS', KEYS[1], lent_at) == 1 then
  redis.call('HINCRBY', KEYS[1], lent_at, -lent)
  if used > 0 then redis.call('HINCRBY', KEYS[1], now, used) end
end
local total, oldest = 0, now
local seconds = redis.call('HGETALL', KEYS[1])
for i = 1, #seconds, 2 do
  local second, count = tonumber(seconds[i]), tonumber(seconds[i + 1])
  if second < now - 60 or count <= 0 then
    redis.call('HDEL', KEYS[1], seconds[i])
  else
    total = total + count
    if second < oldest then oldest = second end
  end
end
local free = limit - total
local granted = 0
if wanted > 0 and free > 0 then
  granted = math.min(free, math.max(wanted, math.floor(free / 20)))
  redis.call('HINCRBY', KEYS[1], now, granted)
end
redis.call('EXPIRE', KEYS[1], 70)
return {granted, now, oldest + 61 - now}
"""
"""One hash per caller with counts by second of Redis's own clock; a twentieth of what is free is lent at a time."""


class _Lease:
    __slots__ = ("asking", "blocked_until", "ends_at", "left", "lent", "lent_at", "waiting")

    def __init__(self) -> None:
        self.lent_at = 0
        self.lent = 0
        self.left = 0
        self.ends_at = 0.0
        self.blocked_until = 0.0
        self.waiting = 0
        self.asking: asyncio.Task[bool] | None = None


class SharedLimiter:
    """One limit over all who use the same Redis."""

    def __init__(
        self,
        redis: Redis,
        name: str,
        limit: int,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._script = redis.register_script(_LEASE)
        self._name = name
        self._limit = limit
        self._clock = clock
        self._leases: OrderedDict[str, _Lease] = OrderedDict()
        self._alone = LocalLimiter(limit, clock=clock)
        self._alone_until = float("-inf")

    def admit(self, caller: str) -> float | None:
        """Count a request against what has been lent; None when there is nothing left to use."""
        now = self._clock()
        if now < self._alone_until:
            return self._alone.admit(caller)
        lease = self._leases.get(caller)
        if lease is None:
            return None
        if lease.left and now < lease.ends_at:
            lease.left -= 1
            return 0.0
        return lease.blocked_until - now if now < lease.blocked_until else None

    async def ask(self, caller: str) -> float:
        """Borrow from Redis and count a request; everyone who asks for the same caller shares the round trip."""
        while True:
            seconds = self.admit(caller)
            if seconds is not None:
                return seconds
            lease = self._leases.get(caller)
            if lease is None:
                lease = self._leases[caller] = _Lease()
                if len(self._leases) > MAX_CALLERS:
                    self._leases.popitem(last=False)
            lease.waiting += 1
            try:
                if lease.asking is None:
                    lease.asking = asyncio.create_task(self._borrow(caller, lease))
                # One caller who leaves must not end the question of the others.
                await asyncio.shield(lease.asking)
            finally:
                lease.waiting -= 1

    async def keep_current(self) -> None:
        """Give back for ever what was lent and not used."""
        while True:
            await asyncio.sleep(LEASE_SECONDS / 2)
            now = self._clock()
            for caller, lease in list(self._leases.items()):
                if lease.asking is not None or now < max(lease.ends_at, lease.blocked_until):
                    continue
                if lease.lent and now >= self._alone_until:
                    lease.asking = asyncio.create_task(self._borrow(caller, lease))
                    await lease.asking
                if not lease.waiting and not lease.lent:
                    self._leases.pop(caller, None)

    async def _borrow(self, caller: str, lease: _Lease) -> bool:
        """Settle the last lease and take a new one of what is wanted; tell whether Redis answered."""
        used = lease.lent - lease.left
        lease.left = 0
        try:
            granted, lent_at, wait_seconds = await self._script(
                keys=[self._key(caller)],
                args=[self._limit, lease.waiting, lease.lent_at, lease.lent, used],
            )
        except (RedisError, OSError, TimeoutError) as problem:
            self._go_alone(problem)
            lease.lent = 0
            return False
        finally:
            lease.asking = None
        RATE_LIMITS_SHARED.set(1)
        now = self._clock()
        lease.lent_at, lease.lent, lease.left = lent_at, granted, granted
        lease.ends_at = now + LEASE_SECONDS
        lease.blocked_until = 0.0 if granted or not lease.waiting else now + wait_seconds
        return True

    def _go_alone(self, problem: BaseException) -> None:
        if self._clock() >= self._alone_until:
            log.warning("rate_limits_not_shared", limit=self._name, reason=type(problem).__name__)
        RATE_LIMITS_SHARED.set(0)
        self._alone_until = self._clock() + RETRY_SECONDS

    def _key(self, caller: str) -> str:
        digest = blake2b(caller.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
        return f"unisync:rate:{self._name}:{digest}"
