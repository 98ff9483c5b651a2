"""Plans come late, twice and at once; the newest one stays (Q-03, additions.md D, E)."""

import asyncio
import random

import pytest

from services.schedule_service.plans.service import store_plan
from services.schedule_service.sync.handlers import task_creation_handler
from services.schedule_service.sync.schemas import read_plan, read_snapshot
from services.schedule_service.sync.service import apply_snapshot
from shared.database import Database
from shared.messaging.consumer import MalformedMessage

ID = 90210


@pytest.fixture
def plan(events):
    """Call it with a version, None for a plan without mark."""

    def make(version, *, mark=None, canvas_assignment_id=ID):
        message = events.sample("TASKS_GENERATED")
        del message["contentHash"], message["changedAt"]
        order = version if mark is None else mark
        steps = [{"title": f"version {version}"}, {"title": f"step {version % 2}"}]
        return {
            **message,
            **({} if version is None or mark == "absent" else {"changedAt": events.at(order)}),
            "canvasAssignmentId": canvas_assignment_id,
            "dueAt": "2999-01-01T00:00:00",
            "tasks": steps,
        }

    return make


@pytest.fixture
async def given(handle, events, planner):
    for sub in (planner.sub, planner.other_sub):
        entry = events.entry(ID, dueAt="2999-01-01T00:00:00")
        await handle(events.snapshot(entry, cognitoSub=sub))


def titles(planner, sub=None):
    rows = planner.rows("SELECT title FROM todos WHERE cognito_sub = %s", sub or planner.sub)
    return sorted(row["title"] for row in rows)


@pytest.mark.parametrize("count", [200, pytest.param(1_000, marks=pytest.mark.chaos)])
async def test_random_orders_of_plans_end_at_the_highest_version(database, planner, plan, count):
    """Q-03: with duplicates and equal marks, an assignment for each order."""
    randomness = random.Random(4)
    expected, stored_count, skipped_count = {}, 0, 0
    for start in range(0, count, 50):
        messages = []
        for number in range(start + 1, start + 51):
            versions = list(range(1, randomness.randint(2, 4) + 1))
            deliveries = versions + randomness.choices(versions, k=2)
            randomness.shuffle(deliveries)
            expected[number] = max(versions)
            messages += [plan(version, canvas_assignment_id=number) for version in deliveries]

        async def store(session, messages=messages):
            return [await store_plan(session, read_plan(message)) for message in messages]

        outcomes = await database.transaction(store)
        stored_count += outcomes.count(True)
        skipped_count += outcomes.count(False)

    rows = planner.rows("SELECT canvas_assignment_id, tasks FROM assignment_plans")
    final = {row["canvas_assignment_id"]: row["tasks"] for row in rows}
    right = sum(f"version {version}" in final[number] for number, version in expected.items())
    print(  # noqa: T201
        f"\nQ-03: {right} of {len(expected)} orders of plans end at the highest version"
        f" ({stored_count} deliveries stored, {skipped_count} older ones skipped)"
    )
    assert (right, len(final)) == (count, count)
    assert skipped_count > count / 2


async def test_any_order_leaves_the_todos_of_the_highest_version(
    handle, planner, plan, given, database_url
):
    """Q-03: through the door of two workers at once."""
    other_database = Database(database_url)
    other_handle = task_creation_handler(other_database)
    randomness = random.Random(7)
    for _ in range(12):
        planner.truncate("todos", "assignment_plans", "generated_todos")
        deliveries = [
            plan(version) for version in (1, 2, 3, 4, *randomness.choices((1, 2, 3), k=2))
        ]
        randomness.shuffle(deliveries)
        half = len(deliveries) // 2

        async def work(door, messages):
            for message in messages:
                await door(message)

        await asyncio.gather(work(handle, deliveries[:half]), work(other_handle, deliveries[half:]))
        assert titles(planner) == titles(planner, planner.other_sub) == ["step 0", "version 4"]
    await other_database.close()


async def test_a_plan_waits_for_a_snapshot_that_read_the_plans_before_it(
    database, handle, planner, events, plan
):
    """Such a snapshot gives its student no todos, so the plan has to."""
    entry = events.entry(ID, dueAt="2999-01-01T00:00:00")

    async def apply_before_the_plan_comes(session):
        await apply_snapshot(session, read_snapshot(events.snapshot(entry)))
        arriving = asyncio.create_task(handle(plan(1)))
        await asyncio.sleep(0.3)
        assert planner.rows("SELECT COUNT(*) AS plans FROM assignment_plans") == [{"plans": 1}]
        assert not arriving.done()
        return arriving

    await (await database.transaction(apply_before_the_plan_comes))
    assert titles(planner) == ["step 1", "version 1"]


async def test_an_older_plan_changes_no_row(handle, planner, plan, given):
    """Q-03"""
    await handle(plan(2))
    before = planner.contents(), planner.rows("SELECT * FROM assignment_plans")
    await handle(plan(1))
    assert (planner.contents(), planner.rows("SELECT * FROM assignment_plans")) == before


async def test_a_plan_with_an_equal_mark_or_none_is_applied_and_moves_no_mark(
    handle, planner, plan, given
):
    """additions.md D: a consumer lives without the mark, and only strictly older ones are skipped."""
    await handle(plan(5, mark=5))
    await handle(plan(6, mark=5))
    assert "version 6" in titles(planner)
    await handle(plan(8, mark="absent"))
    assert "version 8" in titles(planner)
    await handle(plan(4, mark=4))
    assert "version 8" in titles(planner)
    await handle(plan(7, mark=5))
    assert "version 7" in titles(planner)


async def test_plans_without_marks_are_applied_as_they_come(handle, planner, plan, given):
    for version in (2, 1):
        await handle(plan(version, mark="absent"))
    assert "version 1" in titles(planner)


@pytest.mark.parametrize("mark", ["yesterday", "2025-11-20T03:04:06", ""])
async def test_a_mark_that_cannot_be_compared_is_left_for_the_dead_letter_queue(handle, plan, mark):
    with pytest.raises(MalformedMessage):
        await handle({**plan(1), "changedAt": mark})
