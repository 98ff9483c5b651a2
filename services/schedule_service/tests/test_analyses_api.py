"""The internal doors of llm_analysis: stored steps, claims and the budget (L-03)."""

import asyncio

import pytest

HASH, OTHER_HASH = "a" * 64, "b" * 64
PATH = "/internal/v1/analyses"
KEY = {"X-Api-Key": "key-of-the-functions"}
STEP = {"title": "t", "description": "d", "priority": "LOW", "quote": "q", "dueDate": "2027-01-01"}


async def claim(api, content_hash=HASH, worker="w1"):
    body = {"contentHash": content_hash, "workerId": worker}
    return (await api.post(f"{PATH}/claims", json=body, headers=KEY)).status_code


@pytest.mark.parametrize("headers", [{}, {"X-Api-Key": ""}, {"X-Api-Key": "wrong"}], ids=str)
async def test_nobody_gets_in_without_the_key(api, headers):
    for method, path in (("GET", HASH), ("PUT", HASH), ("POST", "claims")):
        answer = await api.request(method, f"{PATH}/{path}", headers=headers, json={"tasks": []})
        assert (answer.status_code, answer.json()["errorCode"]) == (401, "UNAUTHORIZED")


async def test_steps_are_read_as_they_were_stored_last(api):
    assert (await api.get(f"{PATH}/{HASH}", headers=KEY)).status_code == 404
    for title in ("first", "가 second"):
        tasks = [{**STEP, "title": title, "subtasks": [STEP]}]
        stored = await api.put(f"{PATH}/{HASH}", json={"tasks": tasks}, headers=KEY)
        assert stored.status_code == 204
        assert (await api.get(f"{PATH}/{HASH}", headers=KEY)).json() == {"tasks": tasks}


@pytest.mark.parametrize("name", ["x", "A" * 64, "a" * 63])
async def test_what_is_no_hash_is_a_bad_request(api, name):
    assert (await api.get(f"{PATH}/{name}", headers=KEY)).status_code == 400
    assert await claim(api, name) == 400


async def test_a_text_is_held_by_one_worker_until_it_delivers_or_is_late(api, planner):
    assert [await claim(api), await claim(api, worker="w2"), await claim(api)] == [201, 409, 200]
    planner.rows("UPDATE analysis_claims SET claimed_at = claimed_at - INTERVAL 181 SECOND")
    assert await claim(api, worker="w2") == 429
    await api.put(f"{PATH}/{HASH}", json={"tasks": []}, headers=KEY)
    assert await claim(api, worker="w2") == 201


async def test_a_claim_that_ran_out_passes_on(api, planner):
    assert await claim(api) == 201
    planner.rows("UPDATE analysis_claims SET claimed_at = claimed_at - INTERVAL 181 SECOND")
    assert await claim(api, worker="w2") == 201


async def test_a_text_is_charged_two_calls_a_day(api, planner):
    assert [await claim(api) for _ in range(3)] == [201, 200, 429]
    planner.rows("UPDATE analysis_claims SET counted_from = counted_from - INTERVAL 25 HOUR")
    assert await claim(api) == 200


async def test_parallel_workers_never_exceed_the_budget(api, planner):
    """L-03"""
    hashes = [f"{number:064x}" for number in range(20)]
    answers = await asyncio.gather(*(claim(api, content_hash) for content_hash in hashes))
    assert sorted(answers) == [201] * 5 + [429] * 15
    assert [row["calls"] for row in planner.rows("SELECT calls FROM analysis_budget")] == [5]


async def test_of_parallel_claims_of_one_text_one_is_granted(api):
    answers = await asyncio.gather(*(claim(api, worker=f"w{number}") for number in range(10)))
    assert sorted(answers) == [201] + [409] * 9


async def test_a_claim_without_a_worker_is_of_one_of_its_own(api):
    for status in (201, 409):
        answer = await api.post(f"{PATH}/claims", json={"contentHash": OTHER_HASH}, headers=KEY)
        assert answer.status_code == status
