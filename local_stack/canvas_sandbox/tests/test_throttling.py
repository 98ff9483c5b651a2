"""The bucket of each token: full at 600, leaking 10 a second, 50 reserved by each call in flight."""

import asyncio

import pytest

from local_stack.canvas_sandbox.rate_limit import LeakyBucket


@pytest.fixture
def bucket(campus) -> LeakyBucket:
    return LeakyBucket(campus.clock)


def test_a_fresh_bucket_has_everything_left(bucket: LeakyBucket):
    assert bucket.remaining == 600


def test_a_call_holds_fifty_until_it_ends_and_costs_what_it_cost(bucket: LeakyBucket):
    reservation = bucket.reserve()
    assert bucket.remaining == 550
    reservation.settle(1.5)
    assert bucket.remaining == 598.5


def test_a_call_is_settled_once(bucket: LeakyBucket):
    reservation = bucket.reserve()
    reservation.settle(7)
    reservation.settle(0)
    assert bucket.remaining == 593


def test_ten_a_second_leak_back(bucket: LeakyBucket, campus):
    bucket.reserve()
    campus.clock.seconds += 3
    assert bucket.remaining == 580
    campus.clock.seconds += 60
    assert bucket.remaining == 600


def test_the_twelfth_call_in_flight_is_refused(bucket: LeakyBucket):
    assert [bucket.reserve().is_refused for _ in range(12)] == [False] * 11 + [True]


def test_one_call_after_another_is_not_refused_while_each_is_cheap(bucket: LeakyBucket):
    for _ in range(1_000):
        reservation = bucket.reserve()
        assert not reservation.is_refused
        reservation.settle(0.5)


def test_no_burst_fills_the_bucket_beyond_its_ceiling(bucket: LeakyBucket, campus):
    for _ in range(100):
        bucket.reserve()
    assert bucket.remaining == -200


async def test_every_answer_says_what_it_cost_and_what_is_left(campus):
    answer = await campus.canvas.get("/users/self")
    cost = float(answer.headers["X-Request-Cost"])
    assert 0 < cost < 50
    assert float(answer.headers["X-Rate-Limit-Remaining"]) == pytest.approx(600 - cost)


async def test_twelve_calls_at_once_are_too_many_and_eight_are_not(campus):
    """Facts no. 10: what is reserved is held for as long as the call takes."""
    await campus.control.put("/faults", json={"latency_ms": 20})

    async def statuses(calls: int) -> list[int]:
        answers = await asyncio.gather(*(campus.canvas.get("/users/self") for _ in range(calls)))
        return sorted(answer.status_code for answer in answers)

    assert await statuses(8) == [200] * 8
    campus.clock.seconds += 60
    assert await statuses(12) == [200] * 11 + [429]


async def test_an_exhausted_bucket_is_open_again_after_it_leaked(campus):
    bucket = campus.sandbox.buckets.of(campus.token)
    for _ in range(11):
        bucket.reserve()
    assert (await campus.canvas.get("/users/self")).status_code == 429
    campus.clock.seconds += 5
    assert (await campus.canvas.get("/users/self")).status_code == 200


async def test_tokens_do_not_share_a_bucket(campus):
    other = (await campus.control.post("/users")).json()["token"]
    for _ in range(12):
        campus.sandbox.buckets.of(campus.token).reserve()
    client = campus.client_with({"Authorization": f"Bearer {other}"})
    assert (await client.get("/users/self")).status_code == 200


@pytest.mark.parametrize("form", ["429", "403"])
async def test_throttling_on_request_has_the_form_asked_for(campus, form: str):
    await campus.control.put("/faults", json={"throttle": form, "times": 2})
    statuses = [(await campus.canvas.get("/users/self")) for _ in range(3)]
    assert [answer.status_code for answer in statuses] == [int(form), int(form), 200]
    assert "Rate Limit Exceeded" in statuses[0].text
    assert "Retry-After" not in statuses[0].headers


async def test_the_older_form_is_the_text_that_older_installations_send(campus):
    await campus.control.put("/faults", json={"throttle": "403"})
    answer = await campus.canvas.get("/users/self")
    assert answer.text == "403 Forbidden (Rate Limit Exceeded)"


async def test_the_form_holds_for_the_exhausted_bucket_when_nothing_is_forced(campus):
    await campus.control.put("/faults", json={"throttle": "403", "times": 0})
    assert (await campus.canvas.get("/users/self")).status_code == 200
    for _ in range(12):
        campus.sandbox.buckets.of(campus.token).reserve()
    assert (await campus.canvas.get("/users/self")).status_code == 403
