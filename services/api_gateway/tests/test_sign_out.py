"""How signing out reaches every gateway, and for how long it is remembered."""

import asyncio
import time

import pytest

from services.api_gateway.metrics import REVOCATION_ANSWER_TIME
from services.api_gateway.tests.conftest import StartSystem, System
from services.api_gateway.tests.doubles import (
    EndedSessions,
    SigningKey,
    access_claims,
    answer,
    hang,
    id_claims,
    no_revocations,
)
from services.api_gateway.tokens.claims import LEEWAY_SECONDS, MAX_LIFETIME_SECONDS
from services.api_gateway.tokens.errors import RevocationsUnusable
from services.api_gateway.tokens.revocation_source import ANSWER_SECONDS
from services.api_gateway.tokens.revocations import (
    OVERLAP_SECONDS,
    POLL_SECONDS,
    LatestRevocations,
    Revocation,
    Revocations,
)

NOW = 1_800_000_000.0

ME = "/api/v1/users/me"
SIGN_OUT = "/api/v1/auth/signout"


def _bearer(key: SigningKey, **claims: object) -> tuple[str, str]:
    return ("Authorization", f"Bearer {key.token(id_claims(**claims))}")


async def _status(system: System, bearer: tuple[str, str], path: str = ME) -> int:
    return (await system.client.send("GET", path, [bearer])).status


async def _is_refused(system: System, bearer: tuple[str, str]) -> bool:
    return await _status(system, bearer) == 401


async def _becomes_refused(system: System, bearer: tuple[str, str]) -> None:
    while not await _is_refused(system, bearer):
        await asyncio.sleep(0.1)


async def test_sign_out_elsewhere_is_learnt_by_every_gateway_in_time(
    start_system: StartSystem, signing_key: SigningKey
) -> None:
    """J-05: two gateways refuse id and access token within 5 s, although both had accepted them."""
    sessions = EndedSessions()
    other = _bearer(signing_key, sub="other")
    bearers = [
        ("Authorization", f"Bearer {signing_key.token(claims(sub='me'))}")
        for claims in (id_claims, access_claims)
    ]
    async with (
        start_system(ended_sessions=sessions) as first,
        start_system(ended_sessions=sessions) as second,
    ):
        gateways = (first, second)
        for gateway in gateways:
            assert [await _status(gateway, bearer) for bearer in [*bearers, other]] == [200] * 3
        sessions.end("me")
        async with asyncio.timeout(5):
            for gateway in gateways:
                for bearer in bearers:
                    await _becomes_refused(gateway, bearer)
        for gateway in gateways:
            assert await _status(gateway, other) == 200


async def test_restarted_gateway_knows_earlier_sign_outs_from_its_first_request(
    start_system: StartSystem, signing_key: SigningKey
) -> None:
    """J-05: after restarts, too."""
    sessions = EndedSessions()
    sessions.end("me")
    bearer = _bearer(signing_key, sub="me")
    async with start_system(ended_sessions=sessions) as system:
        answered = await system.client.send("GET", ME, [bearer])
        assert answered.status == 401
        assert set(answered.json()) == {"error"}
        assert "invalid_token" in (answered.one("www-authenticate") or "")
        assert system.arrivals == 0


async def test_own_sign_out_holds_before_its_answer_is_read(
    system: System, signing_key: SigningKey
) -> None:
    """J-05: the session and the user's other ones are refused at once, remembered or not."""
    now = int(time.time())
    mine = _bearer(signing_key, sub="leaver", auth_time=now - 100)
    on_phone = _bearer(signing_key, sub="leaver", auth_time=now - 5)
    assert await _status(system, on_phone) == 200

    async def sign_out(request: object, writer: asyncio.StreamWriter) -> None:
        system.ended_sessions.end("leaver")
        await answer(b"", "204 No Content")(request, writer)

    system.user.answer = sign_out
    assert (await system.client.send("POST", SIGN_OUT, [mine])).status == 204
    system.user.answer = answer()
    assert await _is_refused(system, mine)
    assert await _is_refused(system, on_phone)
    assert await _status(system, _bearer(signing_key, sub="stayer")) == 200


async def test_own_sign_out_holds_while_user_service_cannot_tell(
    system: System, signing_key: SigningKey
) -> None:
    """J-05: the signed-out token itself needs no poll."""
    system.ended_sessions.fails = True
    system.user.answer = answer(b"", "204 No Content")
    bearer = _bearer(signing_key, sub="alone")
    assert (await system.client.send("POST", SIGN_OUT, [bearer])).status == 204
    assert await _is_refused(system, bearer)


@pytest.mark.parametrize("status", ["401 Unauthorized", "500 Oops", "503 Service Unavailable"])
async def test_failed_sign_out_ends_nothing(
    system: System, signing_key: SigningKey, status: str
) -> None:
    """J-05: only what user_service confirmed."""
    bearer = _bearer(signing_key, sub="not-yet-gone")
    system.user.answer = answer(b"{}", status)
    await system.client.send("POST", SIGN_OUT, [bearer])
    system.user.answer = answer()
    assert await _status(system, bearer) == 200


async def test_sign_in_after_sign_out_is_accepted(system: System, signing_key: SigningKey) -> None:
    """J-05: the user may come back."""
    now = time.time()
    system.ended_sessions.end("back", now - 10)
    before = _bearer(signing_key, sub="back", auth_time=int(now) - 10)
    after = _bearer(signing_key, sub="back", auth_time=int(now) - 5)
    async with asyncio.timeout(5):
        await _becomes_refused(system, before)
    assert await _status(system, after) == 200


async def test_gateway_serves_while_user_service_has_never_answered(
    start_system: StartSystem, signing_key: SigningKey
) -> None:
    """J-05, O-05: it starts, accepts tokens, goes on asking, and refuses once it knows."""
    sessions = EndedSessions(fails=True)
    sessions.end("me")
    bearer = _bearer(signing_key, sub="me")
    async with start_system(ended_sessions=sessions) as system:
        assert await _status(system, bearer, "/api/v1/todos") == 200
        sessions.fails = False
        async with asyncio.timeout(5):
            await _becomes_refused(system, bearer)


async def test_hanging_user_service_delays_the_start_by_one_poll_only(
    start_system: StartSystem, signing_key: SigningKey
) -> None:
    started = time.monotonic()
    async with start_system(ended_sessions=hang) as system:  # type: ignore[arg-type]
        assert time.monotonic() - started < ANSWER_SECONDS + 2
        assert await _status(system, _bearer(signing_key), "/api/v1/todos") == 200


def test_hanging_poll_leaves_time_for_the_next() -> None:
    """J-05: a poll that hangs, the pause and the poll after it fit into 5 s."""
    assert ANSWER_SECONDS + POLL_SECONDS + ANSWER_SECONDS <= 5


async def test_poll_presents_the_gateway_key(start_system: StartSystem) -> None:
    """G-03: a user_service that asks for the key answers the poll, too."""
    presented: list[str | None] = []

    class Sessions(EndedSessions):
        async def __call__(self, request, writer) -> None:
            presented.append(request.one("x-gateway-key"))
            await super().__call__(request, writer)

    async with start_system(ended_sessions=Sessions(), gateway_key="k" * 32):
        async with asyncio.timeout(5):
            while not presented:
                await asyncio.sleep(0.01)
    assert set(presented) == {"k" * 32}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"revocations": []}',
        b'{"revocations": [{"cognitoSub": "me"}], "now": "2026-03-04T09:30:00Z"}',
        b'{"revocations": [{"cognitoSub": "me", "revokedBefore": "2026-03-04T09:30:00"}],'
        b' "now": "2026-03-04T09:30:00Z"}',
        b'{"revocations": {}, "now": "2026-03-04T09:30:00Z"}',
    ],
)
async def test_answer_of_another_shape_changes_nothing(
    start_system: StartSystem, signing_key: SigningKey, body: bytes
) -> None:
    """J-05: junk neither ends a session nor the polling."""
    async with start_system(ended_sessions=answer(body)) as system:  # type: ignore[arg-type]
        assert await _status(system, _bearer(signing_key, sub="me")) == 200
        sessions = EndedSessions()
        sessions.end("me")
        system.user.background["/internal/v1/revocations"] = sessions
        async with asyncio.timeout(5):
            await _becomes_refused(system, _bearer(signing_key, sub="me"))


class UserService:
    """user_service's list in memory, and the clock of the gateway that asks it."""

    def __init__(self) -> None:
        self.now = NOW
        self.latest: list[Revocation] = []
        self.fails = False
        self.asked_since: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def fetch(self, since: float) -> LatestRevocations:
        self.asked_since.append(since)
        await asyncio.sleep(0)
        if self.fails:
            raise RevocationsUnusable("told to")
        return LatestRevocations(
            [one for one in self.latest if one.revoked_before >= since], self.now
        )


def _known(service: UserService, **changes: int) -> Revocations:
    return Revocations(service.fetch, now=service, **changes)


@pytest.mark.parametrize(("signed_in_at", "has_ended"), [(-1, True), (0, True), (1, False)])
async def test_session_has_ended_unless_it_began_later(signed_in_at: int, has_ended: bool) -> None:
    """additions.md F: `auth_time` not later than the sign-out, which has a fraction of a second."""
    service = UserService()
    service.latest = [Revocation("me", NOW + 0.25)]
    revocations = _known(service)
    await revocations.learn()
    assert revocations.has_ended("me", int(NOW) + signed_in_at) is has_ended
    assert not revocations.has_ended("other", int(NOW) + signed_in_at)


async def test_sign_out_is_forgotten_when_its_last_token_has_expired() -> None:
    """J-05: kept for the longest life of a token, dropped after it."""
    service = UserService()
    service.latest = [Revocation("me", NOW)]
    revocations = _known(service)
    await revocations.learn()
    service.now = NOW + MAX_LIFETIME_SECONDS + LEEWAY_SECONDS
    await revocations.learn()
    assert revocations.has_ended("me", int(NOW))
    service.now += LEEWAY_SECONDS + 1
    await revocations.learn()
    assert not revocations.has_ended("me", int(NOW))


async def test_later_sign_out_of_the_same_user_counts() -> None:
    """J-05: repeated and reordered entries leave the latest."""
    service = UserService()
    service.latest = [Revocation("me", NOW), Revocation("me", NOW - 50)]
    revocations = _known(service)
    for _ in range(2):
        await revocations.learn()
    assert revocations.has_ended("me", int(NOW))


async def test_poll_asks_for_what_was_committed_late() -> None:
    """J-05: the first poll asks for a token's whole life, the next ones overlap."""
    service = UserService()
    revocations = _known(service)
    await revocations.learn()
    await revocations.learn()
    assert service.asked_since[0] <= NOW - MAX_LIFETIME_SECONDS
    assert service.asked_since[1] == NOW - OVERLAP_SECONDS


async def test_failed_poll_is_made_up_for_by_the_next() -> None:
    """J-05: the time asked for moves only with an answer, and what is known stays."""
    service = UserService()
    service.latest = [Revocation("me", NOW)]
    revocations = _known(service)
    await revocations.learn()
    service.fails = True
    service.now += 600
    await revocations.learn()
    assert revocations.has_ended("me", int(NOW))
    service.latest.append(Revocation("other", NOW + 300))
    service.fails = False
    await revocations.learn()
    assert revocations.has_ended("other", int(NOW) + 300)


async def test_metric_tells_when_user_service_last_answered() -> None:
    """J-05: whether sign-outs are known is visible, also while tokens are accepted without."""
    service = UserService()
    service.fails = True
    revocations = _known(service)
    before = REVOCATION_ANSWER_TIME._value.get()
    await revocations.learn()
    assert REVOCATION_ANSWER_TIME._value.get() == before
    service.fails = False
    service.now += 5
    await revocations.learn()
    assert REVOCATION_ANSWER_TIME._value.get() == NOW + 5


async def test_memory_is_bounded_and_nobody_signed_out_gets_in_again() -> None:
    """J-05: beyond the limit all who signed in before the oldest sign-out sign in again."""
    service = UserService()
    service.latest = [Revocation(f"user-{number}", NOW + number) for number in range(12)]
    revocations = _known(service, max_remembered=10)
    await revocations.learn()
    for number in range(12):
        assert revocations.has_ended(f"user-{number}", int(NOW) + number)
    assert revocations.has_ended("bystander", int(NOW) + 1)
    assert not revocations.has_ended("bystander", int(NOW) + 2)
    assert len(revocations._ended) == 10


async def test_many_sign_outs_share_polls() -> None:
    """J-05: whoever asks while a poll runs waits for one that began later, together with the others."""
    service = UserService()
    revocations = _known(service)
    running = asyncio.create_task(revocations.learn())
    await asyncio.sleep(0)
    service.latest = [Revocation("late", NOW)]
    await asyncio.gather(*(revocations.learn() for _ in range(100)))
    await running
    assert len(service.asked_since) <= 3
    assert revocations.has_ended("late", int(NOW))


async def test_bug_in_reading_does_not_end_the_polling() -> None:
    """J-05: whatever an answer makes the reader do."""

    async def broken(_: float) -> LatestRevocations:
        raise RuntimeError("surprise")

    revocations = Revocations(broken)
    await revocations.learn()
    assert not revocations.has_ended("me", 0)


async def test_nothing_is_refused_when_nobody_signed_out() -> None:
    revocations = Revocations(no_revocations)
    await revocations.learn()
    assert not revocations.has_ended("me", 1)
