"""How the pool's keys are fetched: rarely, once for everybody, bounded, and never in the way of known keys."""

import asyncio
import contextlib
import time
from uuid import uuid4

import pytest

from services.api_gateway.tests.conftest import StartSystem, System
from services.api_gateway.tests.doubles import (
    CLIENT_ID,
    ISSUER,
    Message,
    SigningKey,
    Upstream,
    answer,
    hang,
    id_claims,
    key_set,
    no_revocations,
    raw_answer,
)
from services.api_gateway.tokens.errors import KeysUnavailable, KeysUnusable, TokenRefused
from services.api_gateway.tokens.key_set import REFRESH_SECONDS, RETRY_SECONDS, KeySet
from services.api_gateway.tokens.key_source import (
    FETCH_SECONDS,
    MAX_KEY_SET_BYTES,
    Keys,
    KeySource,
    usable_keys,
)
from services.api_gateway.tokens.revocations import Revocations
from services.api_gateway.tokens.verifier import TokenVerifier


class Pool:
    """A key endpoint in memory, and the clock its users see."""

    def __init__(self, *keys: SigningKey) -> None:
        self.keys = keys
        self.is_failing = False
        self.fetched_at: list[float] = []
        self.now = 1000.0

    async def fetch(self) -> Keys:
        self.fetched_at.append(self.now)
        await asyncio.sleep(0)
        if self.is_failing:
            raise KeysUnusable("told to")
        return usable_keys(key_set(*(key.jwk() for key in self.keys)))

    def clock(self) -> float:
        return self.now


async def test_unknown_key_ids_cannot_hammer_the_endpoint(signing_key: SigningKey) -> None:
    """J-03: 1,000 random ids in 10 s cause at most two fetches in any 10 s."""
    pool = Pool(signing_key)
    keys = KeySet(pool.fetch, clock=pool.clock)
    await keys.key(signing_key.key_id)
    for _ in range(3000):
        pool.now += 0.01
        with pytest.raises(TokenRefused):
            await keys.key(uuid4().hex)
    starts = pool.fetched_at
    assert len(starts) >= 3
    for start in starts:
        assert sum(start <= other < start + 10 for other in starts) <= 2


async def test_new_key_works_within_a_minute_under_attack(
    signing_key: SigningKey, other_key: SigningKey
) -> None:
    """J-03: rotation needs no restart, even while somebody spends the fetches on random ids."""
    pool = Pool(signing_key)
    keys = KeySet(pool.fetch, clock=pool.clock)
    await keys.key(signing_key.key_id)
    pool.keys = (signing_key, other_key)
    started = pool.now
    while pool.now < started + 60:
        pool.now += 0.1
        with contextlib.suppress(TokenRefused):
            await keys.key(uuid4().hex)
        with contextlib.suppress(TokenRefused):
            await keys.key(other_key.key_id)
            return
    pytest.fail("the new key never worked")


async def test_withdrawn_key_is_refused_after_a_refresh(
    signing_key: SigningKey, other_key: SigningKey
) -> None:
    """J-03: a withdrawn key goes with the next refresh, and the tokens remembered for it go, too."""
    pool = Pool(signing_key, other_key)
    keys = KeySet(pool.fetch, clock=pool.clock, refresh_seconds=0.01)
    verifier = TokenVerifier(
        issuer=ISSUER,
        client_ids={CLIENT_ID},
        key_set=keys,
        revocations=Revocations(no_revocations),
    )
    token = signing_key.token(id_claims()).encode()
    await verifier.verify(token)
    assert verifier.remembered(token) is not None
    pool.keys = (other_key,)
    pool.now += 20
    refreshing = asyncio.create_task(keys.keep_fresh())
    await asyncio.sleep(0.05)
    refreshing.cancel()
    assert verifier.remembered(token) is None
    with pytest.raises(TokenRefused, match="unknown_key"):
        await verifier.verify(token)


def test_refresh_leaves_room_for_a_failed_fetch() -> None:
    """J-03: a withdrawn key is refused within 10 min while the endpoint answers."""
    assert REFRESH_SECONDS + 2 * (FETCH_SECONDS + RETRY_SECONDS) + REFRESH_SECONDS < 600


async def test_known_keys_outlive_a_failing_endpoint(signing_key: SigningKey) -> None:
    """J-04: who was in stays in; junk or failure never empties the key set."""
    pool = Pool(signing_key)
    keys = KeySet(pool.fetch, clock=pool.clock)
    await keys.key(signing_key.key_id)
    pool.is_failing = True
    for _ in range(10):
        pool.now += 3600
        assert not await keys.refresh()
        assert await keys.key(signing_key.key_id)


async def test_nothing_can_be_said_before_the_first_fetch(signing_key: SigningKey) -> None:
    """J-04: without any key the answer is "not now" and never "yes"."""
    pool = Pool(signing_key)
    pool.is_failing = True
    keys = KeySet(pool.fetch, clock=pool.clock)
    for _ in range(5):
        with pytest.raises(KeysUnavailable):
            await keys.key(signing_key.key_id)
    assert len(pool.fetched_at) == 2


async def test_caller_who_leaves_does_not_end_the_fetch_of_others(signing_key: SigningKey) -> None:
    """J-04: one fetch for all, whoever started it."""
    release = asyncio.Event()

    async def fetch() -> Keys:
        await release.wait()
        return usable_keys(key_set(signing_key.jwk()))

    keys = KeySet(fetch)
    first = asyncio.create_task(keys.key(signing_key.key_id))
    second = asyncio.create_task(keys.key(signing_key.key_id))
    await asyncio.sleep(0)
    first.cancel()
    release.set()
    assert await second


@pytest.mark.parametrize(
    "reply",
    [
        answer(b"", "500 Internal Server Error"),
        answer(b"{}", "404 Not Found"),
        answer(b"no json"),
        answer(b'{"keys":[]}'),
        raw_answer(b"garbage\r\n\r\n"),
        raw_answer(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"),
        raw_answer(b""),
    ],
)
async def test_unusable_answer_is_an_error_of_its_own(reply: object) -> None:
    """J-04: whatever the endpoint says, the gateway goes on."""
    async with Upstream(answer=reply).listening() as endpoint:
        source = KeySource(endpoint.url)
        with pytest.raises(KeysUnusable):
            await source.fetch()
        await source.close()


async def test_redirect_of_the_endpoint_is_not_followed(signing_key: SigningKey) -> None:
    """J-01: keys come from the configured URL only."""
    async with (
        Upstream(answer=answer(key_set(signing_key.jwk()))).listening() as elsewhere,
        Upstream().listening() as endpoint,
    ):
        endpoint.answer = answer(b"", "302 Found", [("Location", elsewhere.url)])
        source = KeySource(endpoint.url)
        with pytest.raises(KeysUnusable, match="302"):
            await source.fetch()
        await source.close()
        assert elsewhere.connections == 0


async def test_endless_answer_is_cut() -> None:
    """J-04: at most 64 KiB of an answer are read."""
    written = 0

    async def flood(_: Message, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(1000):
            writer.write(b" " * 65536)
            await writer.drain()
            written += 65536

    async with Upstream(answer=flood).listening() as endpoint:
        source = KeySource(endpoint.url)
        with pytest.raises(KeysUnusable, match="too long"):
            await source.fetch()
        await source.close()
        await asyncio.wait_for(endpoint.cut_off.wait(), 2)
    # The rest went into socket buffers.
    assert written < 200 * MAX_KEY_SET_BYTES


async def test_compressed_answer_is_not_unpacked() -> None:
    """J-04: 64 KiB are 64 KiB; a small answer cannot become a large one."""
    async with Upstream().listening() as endpoint:
        endpoint.answer = answer(b"\x1f\x8b...", headers=[("Content-Encoding", "gzip")])
        source = KeySource(endpoint.url)
        with pytest.raises(KeysUnusable, match="not a key set"):
            await source.fetch()
        await source.close()
        assert endpoint.requests[0].one("accept-encoding") == "identity"


async def test_cold_start_fetches_once(start_system: StartSystem, signing_key: SigningKey) -> None:
    """J-04: 200 cold requests, one fetch."""

    async def slowly(request: Message, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.5)
        await answer(key_set(signing_key.jwk()))(request, writer)

    async with Upstream(answer=slowly).listening() as endpoint:
        async with start_system(answer_within_seconds=10, cognito_jwks_url=endpoint.url) as system:
            bearers = [system.bearer(sub=f"user-{number}") for number in range(200)]
            answers = await asyncio.gather(
                *(system.client.send("GET", "/api/v1/todos", [bearer]) for bearer in bearers)
            )
        assert {answer.status for answer in answers} == {200}
        assert len(endpoint.requests) == 1


async def test_hanging_endpoint_hurts_nobody_who_is_known(
    start_system: StartSystem, other_key: SigningKey
) -> None:
    """J-03, J-04: while the endpoint hangs and random ids come in, health and known users are quick."""

    async with start_system(answer_within_seconds=10) as system:
        bearer = system.bearer()
        await system.client.send("GET", "/api/v1/todos", [bearer])
        baseline = await _percentile_95(system, "/api/v1/todos", [bearer])
        system.keys.answer = hang
        fetches = len(system.keys.requests)
        strangers = [
            asyncio.create_task(
                system.client.send(
                    "GET",
                    "/api/v1/todos",
                    [
                        (
                            "Authorization",
                            f"Bearer {other_key.token(id_claims(), {'kid': uuid4().hex})}",
                        )
                    ],
                )
            )
            for _ in range(50)
        ]
        await asyncio.sleep(0.2)
        started = time.monotonic()
        assert await _percentile_95(system, "/actuator/health", []) < 0.05
        # Another token of a known user, so that it is checked and not remembered.
        assert (await system.client.send("GET", "/api/v1/todos", [system.bearer()])).status == 200
        # The slack is for a machine that also runs the strangers.
        assert await _percentile_95(system, "/api/v1/todos", [bearer]) < 2 * baseline + 0.02
        assert {(await stranger).status for stranger in strangers} == {401}
        assert time.monotonic() - started < FETCH_SECONDS + 1
        assert len(system.keys.requests) - fetches <= 1


async def _percentile_95(system: System, path: str, headers: list[tuple[str, str]]) -> float:
    durations = []
    for _ in range(60):
        started = time.perf_counter()
        assert (await system.client.send("GET", path, headers)).status == 200
        durations.append(time.perf_counter() - started)
    return sorted(durations)[56]


async def test_cold_gateway_says_that_it_cannot_check(start_system: StartSystem) -> None:
    """J-04: without keys a good token gets 503, a public route works, a malformed token 401."""
    async with start_system(cognito_jwks_url="http://127.0.0.1:1/keys") as system:
        refused = await system.client.send("GET", "/api/v1/todos", [system.bearer()])
        assert (refused.status, refused.one("retry-after")) == (503, "10")
        assert (await system.client.send("GET", "/api/v1/auth/health")).status == 200
        malformed = [("Authorization", "Bearer a.b.c")]
        assert (await system.client.send("GET", "/api/v1/todos", malformed)).status == 401
        assert not system.schedule.requests


async def test_rotation_is_seen_by_a_running_gateway(
    start_system: StartSystem, other_key: SigningKey
) -> None:
    """J-03: the first token of a new key fetches it."""
    async with start_system() as system:
        assert (await system.client.send("GET", "/api/v1/todos", [system.bearer()])).status == 200
        system.keys.answer = answer(key_set(system.signing_key.jwk(), other_key.jwk()))
        bearer = ("Authorization", f"Bearer {other_key.token(id_claims())}")
        assert (await system.client.send("GET", "/api/v1/todos", [bearer])).status == 200
        assert len(system.keys.requests) == 2
