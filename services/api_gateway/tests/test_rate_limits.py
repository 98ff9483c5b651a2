"""How many requests a minute a caller gets, here and over several workers."""

import asyncio
import socket

import pytest
from redis.asyncio import Redis

from services.api_gateway.rate_limits.leases import SharedLimiter
from services.api_gateway.rate_limits.limiter import LocalLimiter
from services.api_gateway.rate_limits.sign_in import account_of
from services.api_gateway.rate_limits.window import SlidingWindow
from services.api_gateway.tests.conftest import StartSystem
from shared.testing.clock import Clock

PATH = "/api/v1/todos"
SIGN_IN = "/api/v1/auth/signin"
SYNC = "/api/v1/integrations/canvas/sync"


def test_no_sixty_seconds_hold_more_than_the_limit() -> None:
    """S-05: callers who try at every moment, bursts at the worst ones included."""
    window = SlidingWindow()
    admitted = [
        moment / 10
        for moment in range(10_000, 13_000)
        for _ in range(7)
        if window.admit(100, moment / 10) == 0
    ]
    worst = max(
        sum(start <= moment <= start + 60 for moment in admitted) for start in set(admitted)
    )
    print(f"{len(admitted)} admitted in 300 s, at most {worst} in any 60 s")  # noqa: T201
    assert worst <= 100
    assert len(admitted) >= 490


def test_refusal_says_exactly_when_to_come_back() -> None:
    """S-05: after `Retry-After` the next request passes."""
    window = SlidingWindow()
    assert [window.admit(3, 1000.2) for _ in range(3)] == [0, 0, 0]
    seconds = window.admit(3, 1010.0)
    assert 0 < seconds <= 61
    assert window.admit(3, 1010.0 + seconds - 0.1) > 0
    assert window.admit(3, 1010.0 + seconds + 0.01) == 0


def test_callers_do_not_share_a_window() -> None:
    """S-05: others are unaffected."""
    limiter = LocalLimiter(2, clock=Clock(1000.0))
    assert [limiter.admit("me") > 0 for _ in range(3)] == [False, False, True]
    assert limiter.admit("other") == 0


def test_memory_is_bounded() -> None:
    """S-05: a flood of callers does not grow the process."""
    limiter = LocalLimiter(1, clock=Clock(1000.0), max_callers=10)
    for number in range(100):
        limiter.admit(f"caller-{number}")
    assert limiter.admit("caller-99") > 0
    assert limiter.admit("caller-0") == 0


async def test_the_next_request_is_refused_with_a_time(start_system: StartSystem) -> None:
    """S-05: 429 with Retry-After in the gateway's error shape; the service hears nothing of it; others go on."""
    async with start_system(rate_limit_per_minute=5) as system:
        bearer = system.bearer()
        statuses = [(await system.client.send("GET", PATH, [bearer])).status for _ in range(5)]
        assert statuses == [200] * 5
        refused = await system.client.send("GET", PATH, [bearer, ("X-Forwarded-For", "1.2.3.4")])
        assert refused.status == 429
        assert set(refused.json()) == {"error"}
        assert 1 <= int(refused.one("retry-after") or 0) <= 61
        assert len(system.schedule.requests) == 5
        assert (await system.client.send("GET", PATH, [system.bearer(sub="x")])).status == 200
        # The same user with another token is the same user.
        assert (await system.client.send("GET", PATH, [system.bearer()])).status == 429


async def test_syncs_have_a_limit_of_their_own(start_system: StartSystem) -> None:
    """S-05: POSTs to the sync, not the list of its runs, not other calls."""
    async with start_system(rate_limit_sync_per_minute=2) as system:
        bearer = system.bearer()
        statuses = [(await system.client.send("POST", SYNC, [bearer])).status for _ in range(3)]
        assert statuses == [200, 200, 429]
        assert (await system.client.send("GET", f"{SYNC}/runs", [bearer])).status == 200
        assert (await system.client.send("GET", PATH, [bearer])).status == 200


async def test_sign_ins_are_counted_by_account(start_system: StartSystem) -> None:
    """S-05, G-10: however the account is spelled and whatever address a header claims; the body arrives whole."""
    async with start_system(rate_limit_signin_per_minute=3) as system:

        async def sign_in(email: str, *headers: tuple[str, str]) -> int:
            body = f'{{"email": "{email}", "password": "guess"}}'.encode()
            return (await system.client.send("POST", SIGN_IN, [*headers], body)).status

        assert [await sign_in("me@example.org") for _ in range(3)] == [200] * 3
        assert await sign_in("me@example.org") == 429
        assert await sign_in(" ME@Example.org") == 429
        assert await sign_in("me@example.org", ("X-Forwarded-For", "9.9.9.9")) == 429
        assert await sign_in("me@example.org", ("Forwarded", "for=9.9.9.9")) == 429
        assert await sign_in("you@example.org") == 200
        assert system.user.requests[0].body == b'{"email": "me@example.org", "password": "guess"}'
        assert (await system.client.send("GET", "/api/v1/auth/health")).status == 200


@pytest.mark.parametrize(
    ("body", "account"),
    [
        (b'{"email": "A@b.c ", "password": "x"}', "a@b.c"),
        (b'{"email": 5}', ""),
        (b"[]", ""),
        (b"not json", ""),
        (b'{"email": "' + b"x" * 20_000 + b'"}', ""),
    ],
)
def test_account_of_a_sign_in(body: bytes, account: str) -> None:
    """S-05: what names no account counts together."""
    assert account_of(body) == account


async def _burst(limiter: SharedLimiter, caller: str, times: int) -> int:
    admitted = 0
    for _ in range(times):
        seconds = limiter.admit(caller)
        if seconds is None:
            seconds = await limiter.ask(caller)
        admitted += seconds == 0
    return admitted


async def test_limit_holds_over_all_workers(redis_url: str) -> None:
    """S-05: eight workers that are asked at once admit no more than one would, and nearly as many."""
    async with Redis.from_url(redis_url) as redis:
        limiters = [SharedLimiter(redis, "all", 100) for _ in range(8)]
        admitted = sum(await asyncio.gather(*(_burst(limiter, "me", 60) for limiter in limiters)))
        print(f"{admitted} of 480 admitted over 8 workers, limit 100")  # noqa: T201
        assert 90 <= admitted <= 100
        assert await _burst(limiters[0], "other", 10) == 10


async def test_unused_lease_goes_back(redis_url: str) -> None:
    """S-05: what a worker borrowed and did not use, another one can, after the lease has ended."""
    async with Redis.from_url(redis_url) as redis:
        first, second = (SharedLimiter(redis, "back", 100) for _ in range(2))
        keeping = asyncio.create_task(first.keep_current())
        assert await _burst(first, "me", 1) == 1
        await asyncio.sleep(3.2)
        keeping.cancel()
        assert await _burst(second, "me", 120) == 99


async def test_a_lease_saves_round_trips(redis_url: str) -> None:
    """S-05: a caller far from the limit costs one question to Redis for many requests."""
    async with Redis.from_url(redis_url) as redis:
        limiter = SharedLimiter(redis, "trips", 10_000_000)
        assert await _burst(limiter, "someone", 1) == 1
        before = (await redis.info("commandstats"))["cmdstat_evalsha"]["calls"]
        assert await _burst(limiter, "me", 1000) == 1000
        calls = (await redis.info("commandstats"))["cmdstat_evalsha"]["calls"] - before
        print(f"{calls} questions for 1,000 requests")  # noqa: T201
        assert calls <= 2


async def test_each_worker_limits_by_itself_while_redis_is_away() -> None:
    """S-05: an outage of Redis neither lets everything through nor stops anybody."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    async with Redis.from_url(f"redis://127.0.0.1:{port}") as redis:
        limiter = SharedLimiter(redis, "away", 10)
        assert await _burst(limiter, "me", 30) == 10
        assert await _burst(limiter, "other", 5) == 5
