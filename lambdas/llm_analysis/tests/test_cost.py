"""Cost is capped and shared (L-03), and an outage stays its own (L-04)."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from lambdas.llm_analysis.assignments import MAX_TEXT_CHARACTERS
from lambdas.llm_analysis.errors import ProviderUnavailable
from lambdas.llm_analysis.providers.calls import OPEN_SECONDS, Circuit, ModelCalls, RetryPolicy
from lambdas.llm_analysis.providers.model import MAX_OUTPUT_TOKENS
from lambdas.llm_analysis.tests.doubles import (
    DESCRIPTION,
    MODEL_KEY,
    NOW,
    Harness,
    ModelDouble,
    ScheduleService,
    assignment_event,
    plan,
)

WORKERS = 4


@pytest.fixture
async def workers(open_harness: Any, model: ModelDouble) -> list[Harness]:
    return [
        await open_harness(
            llm_provider="openai",
            llm_api_url=f"{model.server.url}/v1",
            llm_api_key=MODEL_KEY,
            llm_model="a-model",
        )
        for _ in range(WORKERS)
    ]


@pytest.mark.parametrize("count", [200, pytest.param(1_000, marks=pytest.mark.chaos)])
async def test_parallel_events_do_not_exceed_the_budget(
    workers: list[Harness], model: ModelDouble, schedule_service: ScheduleService, count: int
) -> None:
    """L-03: at most one call per worker above the cap; the others get an outline and use up no receive."""
    cap = schedule_service.budget = 50
    events = [assignment_event(title=f"Lab {n}", canvasAssignmentId=n) for n in range(1, count + 1)]
    share = len(events) // WORKERS

    async def work(number: int) -> list[str]:
        mine = events[number * share : (number + 1) * share]
        return [
            failed
            for start in range(0, len(mine), 10)
            for failed in await workers[number].invoke(*mine[start : start + 10])
        ]

    failed = await asyncio.gather(*(work(number) for number in range(WORKERS)))

    print(f"\nL-03: cap {cap}, {len(model.requests)} calls for {count} events")  # noqa: T201
    assert len(model.requests) <= cap + WORKERS
    assert [ids for ids in failed if ids] == []
    published = {event["canvasAssignmentId"] for event in workers[0].published()}
    assert published == set(range(1, count + 1))


async def test_identical_content_costs_one_call_for_a_hundred_events(
    workers: list[Harness], model: ModelDouble, schedule_service: ScheduleService
) -> None:
    """L-03: at most two calls for 100 users, side by side and on several workers."""
    model.server.is_hanging = True
    events = [assignment_event(canvasAssignmentId=n) for n in range(1, 101)]
    invocations = asyncio.gather(
        *(workers[n % WORKERS].invoke(*events[n * 10 : n * 10 + 10]) for n in range(10))
    )
    # All hundred are under way while the first one waits for its answer.
    while len(set(schedule_service.refused)) < WORKERS - 1:
        await asyncio.sleep(0.01)
    model.server.is_hanging = False
    failed = await invocations

    published = workers[0].published()
    print(f"\nL-03: {len(model.requests)} call for {len(events)} events of one text")  # noqa: T201
    assert len(model.requests) == 1
    assert [ids for ids in failed if ids] == []
    assert len({event["contentHash"] for event in published}) == 1
    assert {event["canvasAssignmentId"] for event in published} == set(range(1, 101))


async def test_what_was_delivered_between_a_look_and_a_claim_is_not_paid_for_again(
    with_model: Harness, model: ModelDouble, schedule_service: ScheduleService
) -> None:
    """L-03: a worker that was held up after it found nothing gets the claim, and looks once more."""
    await with_model.invoke(assignment_event())
    [(content_hash, tasks)] = schedule_service.stored.items()
    schedule_service.stored.clear()
    claim = with_model.function.analysis._analyses.claim

    async def claim_late(text: str, worker_id: str) -> bool:
        schedule_service.stored[content_hash] = tasks
        return await claim(text, worker_id)

    with_model.function.analysis._analyses.claim = claim_late

    assert await with_model.invoke(assignment_event(canvasAssignmentId=5)) == []
    assert len(model.requests) == 1
    assert len(with_model.published()) == 2


async def test_white_space_and_markup_do_not_make_another_text(
    with_model: Harness, model: ModelDouble
) -> None:
    """L-03"""
    same = DESCRIPTION.replace("round robin", "<em>round</em>\n   robin ")

    await with_model.invoke(assignment_event(), assignment_event(description=same, dueAt=_due(20)))

    assert len(model.requests) == 1


async def test_another_text_title_or_model_is_analysed_anew(
    with_model: Harness, open_harness: Any, model: ModelDouble
) -> None:
    other = await open_harness(
        llm_provider="openai",
        llm_api_url=f"{model.server.url}/v1",
        llm_api_key=MODEL_KEY,
        llm_model="another-model",
    )

    await with_model.invoke(
        assignment_event(), assignment_event(title="x"), assignment_event(description="Part A")
    )
    await other.invoke(assignment_event())

    assert len({event["contentHash"] for event in with_model.published()}) == 4
    assert len(model.requests) == 4


async def test_input_and_output_have_fixed_lengths(with_model: Harness, model: ModelDouble) -> None:
    """L-03"""
    long = "<p>Part A</p>" + "<p>가나다라 lorem ipsum dolor</p>" * 5_000

    await with_model.invoke(assignment_event(description=long, title="x" * 5_000))

    [request] = model.requests
    characters = len(request["messages"][1]["content"])
    print(  # noqa: T201
        f"\nL-03: {len(long):,} characters in, {characters:,} asked, {MAX_OUTPUT_TOKENS} tokens out"
    )
    assert characters < MAX_TEXT_CHARACTERS * 1.2
    assert request["max_tokens"] == MAX_OUTPUT_TOKENS
    assert "temperature" not in request


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"dueAt": None}, "no deadline"),
        ({"dueAt": ""}, "no deadline"),
        ({"dueAt": (NOW - timedelta(seconds=5)).isoformat()}, "passed"),
        ({"dueAt": "2020-01-01T00:00:00Z"}, "passed"),
        ({"description": None}, "no text"),
        ({"description": "<p>&nbsp;</p><script>x</script>"}, "no text"),
    ],
)
async def test_nothing_is_asked_where_there_is_nothing_to_plan(
    with_model: Harness,
    model: ModelDouble,
    schedule_service: ScheduleService,
    changes: dict[str, Any],
    reason: str,
) -> None:
    """additions.md E: nothing for an assignment whose deadline has passed."""
    assert await with_model.invoke(assignment_event(**changes)) == []

    assert model.requests == []
    assert schedule_service.server.calls == []
    assert with_model.published() == []


async def test_steps_that_cannot_be_stored_are_published_all_the_same(
    with_model: Harness, schedule_service: ScheduleService
) -> None:
    """They are paid for, and the event carries them with their hash."""
    schedule_service.refuses_to_store = True

    assert await with_model.invoke(assignment_event()) == []
    assert len(with_model.published()) == 1


async def test_stored_steps_that_break_a_rule_are_made_anew(
    outline: Harness, schedule_service: ScheduleService
) -> None:
    await outline.invoke(assignment_event())
    [content_hash] = schedule_service.stored
    schedule_service.stored[content_hash] = plan(quote="never said")["tasks"]

    await outline.invoke(assignment_event())

    first, second = outline.published()
    assert first == second


@pytest.mark.parametrize("status", [500, 503, 529, 408, 401, 404])
async def test_a_models_outage_fails_the_record_until_its_last_receive(
    with_model: Harness, model: ModelDouble, status: int
) -> None:
    """L-04: then an outline stands in, so that an outage does not drain the queue into its DLQ."""
    model.status = status

    assert await with_model.invoke(assignment_event()) == ["m-0"]
    assert len(model.requests) == (3 if status >= 500 or status == 408 else 1)
    assert await with_model.invoke(assignment_event(), receive_count=2) == ["m-0"]
    assert with_model.published() == []
    assert await with_model.invoke(assignment_event(), receive_count=3) == []

    assert len(with_model.published()) == 1


async def test_after_the_outage_the_model_is_used_again(
    with_model: Harness, model: ModelDouble
) -> None:
    """L-04"""
    model.status = 503
    await with_model.invoke(assignment_event())
    model.status = None

    assert await with_model.invoke(assignment_event(), receive_count=2) == []
    [event] = with_model.published()
    assert event["tasks"][0]["title"] == "Implement round robin"


async def test_a_backlog_of_an_outage_is_done_when_its_records_come_back(
    with_model: Harness, model: ModelDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    """L-04: within five minutes of recovery, by the clock of the circuit and the waits that were asked of the queue."""
    moment = 0.0
    with_model.function.analysis._provider._model._calls._circuit._clock = lambda: moment
    waits: list[int] = []

    async def change_message_visibility_batch(*, QueueUrl: str, Entries: Any) -> dict[str, Any]:
        waits.extend(entry["VisibilityTimeout"] for entry in Entries)
        return {}

    with_model.sqs.change_message_visibility_batch = change_message_visibility_batch
    events = [assignment_event(title=f"Lab {n}", canvasAssignmentId=n) for n in range(1, 101)]
    model.status = 503
    for start in range(0, 100, 10):
        assert len(await with_model.invoke(*events[start : start + 10])) == 10
    calls_in_outage = len(model.requests)
    model.status = None
    # The last record failed just before the model was back; all are there again after the longest wait.
    moment = float(max(waits))

    for start in range(0, 100, 10):
        assert await with_model.invoke(*events[start : start + 10], receive_count=2) == []

    print(  # noqa: T201
        f"\nL-04: 100 records of an outage done {max(waits)} s after it at the latest,"
        f" {calls_in_outage} calls during it"
    )
    assert len(waits) == 100
    assert max(waits) <= 250
    assert len(with_model.published()) == 100
    # A batch is under way when the circuit opens, and each of its calls has three tries.
    assert calls_in_outage <= 10 * 3


async def test_a_hanging_model_costs_three_bounded_tries(
    with_model: Harness, model: ModelDouble
) -> None:
    """L-04: a fifth of a second here, thirty seconds in production."""
    provider = with_model.function.analysis._provider
    provider._model._calls._retry = RetryPolicy(first_pause_seconds=0.005, call_seconds=0.2)
    model.server.is_hanging = True

    # It would wait for ever if a try were not bounded.
    assert await with_model.invoke(assignment_event()) == ["m-0"]


async def test_a_call_that_hangs_is_tried_three_times_of_thirty_seconds() -> None:
    """L-04: 30 s a call, 2 retries."""
    tries = 0

    async def hang() -> None:
        nonlocal tries
        tries += 1
        await asyncio.Event().wait()

    with pytest.raises(ProviderUnavailable, match="no answer in time"):
        await ModelCalls(RetryPolicy(first_pause_seconds=0.001, call_seconds=0.01)).make(hang)

    in_production = RetryPolicy()
    assert (tries, in_production.max_tries, in_production.call_seconds) == (3, 3, 30.0)


async def test_a_circuit_leaves_a_failing_model_alone(
    with_model: Harness, model: ModelDouble
) -> None:
    """L-04"""
    with_model.function.analysis._provider._model._calls._circuit._clock = lambda: 0.0
    model.status = 503
    for number in range(20):
        await with_model.invoke(assignment_event(title=f"Lab {number}"))

    assert len(model.requests) == 5 * 3


def test_an_open_circuit_lets_one_call_try_after_a_while() -> None:
    """L-04"""
    moment = 0.0
    circuit = Circuit(lambda: moment)
    for _ in range(5):
        circuit.enter()
        circuit.failed()
    with pytest.raises(ProviderUnavailable):
        circuit.enter()

    moment = OPEN_SECONDS + 1
    circuit.enter()
    with pytest.raises(ProviderUnavailable):
        circuit.enter()
    circuit.succeeded()
    circuit.enter()


async def test_schedule_service_away_fails_the_record_until_its_last_receive(
    outline: Harness, schedule_service: ScheduleService
) -> None:
    """Q-08: the steps go out by the queue even so."""
    schedule_service.status = 503

    assert await outline.invoke(assignment_event()) == ["m-0"]
    assert await outline.invoke(assignment_event(), receive_count=3) == []

    assert len(outline.published()) == 1


async def test_no_model_is_paid_while_the_budget_cannot_be_asked(
    with_model: Harness, model: ModelDouble, schedule_service: ScheduleService
) -> None:
    """L-03"""
    schedule_service.status = 500

    await with_model.invoke(assignment_event(), receive_count=3)

    assert model.requests == []
    assert len(with_model.published()) == 1


async def test_a_text_that_another_worker_holds_for_long_comes_again(
    with_model: Harness, model: ModelDouble, schedule_service: ScheduleService
) -> None:
    await with_model.invoke(assignment_event())
    [content_hash] = schedule_service.stored
    schedule_service.stored.clear()
    schedule_service.holders[content_hash] = "somebody"
    with_model.function.analysis._claim_patience_seconds = 0.05

    assert await with_model.invoke(assignment_event()) == ["m-0"]
    assert len(model.requests) == 1


async def test_what_another_worker_delivers_is_used(
    with_model: Harness, model: ModelDouble, schedule_service: ScheduleService
) -> None:
    await with_model.invoke(assignment_event())
    [(content_hash, tasks)] = schedule_service.stored.items()
    schedule_service.stored.clear()
    schedule_service.holders[content_hash] = "somebody"

    waiting = asyncio.create_task(with_model.invoke(assignment_event(canvasAssignmentId=5)))
    await asyncio.sleep(0.05)
    schedule_service.stored[content_hash] = tasks

    assert await waiting == []
    assert len(model.requests) == 1
    assert len(with_model.published()) == 2


async def test_a_repair_that_the_budget_does_not_cover_is_not_made(
    with_model: Harness, model: ModelDouble, schedule_service: ScheduleService
) -> None:
    """L-03"""
    schedule_service.budget = 1
    model.reply = lambda request: "no JSON"

    assert await with_model.invoke(assignment_event()) == []
    assert len(model.requests) == 1
    assert with_model.published() == []


def _due(days: int) -> str:
    return (NOW + timedelta(days=days)).isoformat()


async def test_a_proposal_that_takes_too_long_leaves_time_for_the_stand_in(
    with_model: Harness, model: ModelDouble
) -> None:
    """L-04: the platform never has to kill the function."""
    with_model.function.analysis._max_proposal_seconds = 0.05
    model.server.is_hanging = True

    assert await with_model.invoke(assignment_event()) == ["m-0"]
    assert await with_model.invoke(assignment_event(), receive_count=3) == []
    assert len(with_model.published()) == 1
