"""Plans become todos for everybody who has the assignment, and what a student changed stays (additions.md D, E)."""

import asyncio
from datetime import date, datetime, timedelta

import pytest

from shared.messaging.consumer import MalformedMessage
from shared.testing.statements import sent_statements

DUE = (datetime.now() + timedelta(days=10)).replace(microsecond=0)
ID = 90210
WRITTEN = "title, parent_todo_id, due_date, status, progress_percentage, schedule_id"


def day(offset: int) -> str:
    return (DUE.date() + timedelta(days=offset)).isoformat()


def step(title: str, *subtasks: str, due: int = -2, **fields):
    made = {
        "title": title,
        "description": "",
        "priority": "HIGH",
        "quote": "q",
        "dueDate": day(due),
    }
    return {**made, "subtasks": [{**made, "title": name} for name in subtasks], **fields}


@pytest.fixture
def plan(events):
    def make(*tasks, **fields):
        sample = events.sample("TASKS_GENERATED")
        del sample["contentHash"], sample["changedAt"]
        return {**sample, "dueAt": DUE.isoformat(), "tasks": list(tasks), **fields}

    return make


@pytest.fixture
def given(handle, events):
    async def give(sub=None, due=DUE, **fields):
        more = {} if sub is None else {"cognitoSub": sub}
        entry = events.entry(ID, dueAt=due.isoformat(), **fields)
        await handle(events.snapshot(entry, **more))

    return give


def todos(planner, sub=None):
    return planner.rows(
        "SELECT * FROM todos WHERE cognito_sub = %s ORDER BY todo_id", sub or planner.sub
    )


def titles(planner, sub=None):
    return sorted(row["title"] for row in todos(planner, sub))


async def test_a_plan_becomes_todos_below_the_canvas_schedule(handle, planner, plan, given):
    await given()
    await handle(plan(step("A", "A1", due=-30), step("B", due=30)))
    [schedule] = planner.schedules()
    parent, other, child = todos(planner)
    assert [row["title"] for row in (parent, child, other)] == ["A", "A1", "B"]
    assert child["parent_todo_id"] == parent["todo_id"]
    for row in (parent, child, other):
        assert row["schedule_id"] == schedule["schedule_id"]
        assert row["category_id"] == schedule["category_id"]
        assert row["deadline"] == DUE
        assert (row["is_ai_generated"], row["status"], row["priority"]) == (1, "TODO", "HIGH")
    assert parent["start_date"] == parent["due_date"] <= date.today() + timedelta(days=1)
    assert other["due_date"] == DUE.date()


async def test_the_same_plan_and_snapshot_again_change_no_row(handle, planner, plan, given):
    await given()
    message = plan(step("A", "A1", "A2"), step("B"), contentHash="a" * 64)
    await handle(message)
    before = planner.contents(), planner.rows("SELECT * FROM assignment_plans, analyses")
    await handle(message)
    await given()
    assert (planner.contents(), planner.rows("SELECT * FROM assignment_plans, analyses")) == before


async def test_whoever_gets_the_assignment_later_gets_the_steps(handle, planner, plan, given):
    await handle(plan(step("A", "A1")))
    assert todos(planner) == []
    for sub in (planner.sub, planner.other_sub):
        await given(sub)
        assert titles(planner, sub) == ["A", "A1"]


async def test_a_new_plan_replaces_only_what_nobody_touched(handle, api, planner, plan, given):
    await given()
    await handle(
        plan(step("A", "A1", "A2"), step("B", "B1"), step("C"), step("D"), step("E", "E1"))
    )
    ids = {row["title"]: row["todo_id"] for row in todos(planner)}
    planner.rows("UPDATE todos SET title = 'mine' WHERE title = 'C'")
    assert (await api.delete(f"/v1/todos/{ids['D']}")).status_code == 204
    own = planner.todo(planner.categories()[0]["category_id"], parent_todo_id=ids["B"], title="own")
    done = await api.patch(f"/v1/todos/{ids['E1']}/status", json={"status": "DONE"})
    assert done.status_code == 200
    await handle(plan(step("A", "A1", "A3", due=-1), step("C"), step("D"), step("F")))
    assert titles(planner) == ["A", "A1", "A3", "B", "E", "E1", "F", "mine", "own"]
    after = {row["title"]: row for row in todos(planner)}
    assert after["A1"]["todo_id"] == ids["A1"]
    assert after["A1"]["due_date"] == DUE.date() - timedelta(days=1)
    assert after["own"]["todo_id"] == own
    assert after["mine"]["due_date"] == DUE.date() - timedelta(days=2)
    assert (after["E"]["status"], after["E1"]["status"]) == ("DONE", "DONE")


async def test_a_parent_counts_the_steps_that_a_new_plan_adds(handle, api, planner, plan, given):
    await given()
    await handle(plan(step("A", "A1")))
    child = todos(planner)[1]["todo_id"]
    await api.patch(f"/v1/todos/{child}/status", json={"status": "DONE"})
    await handle(plan(step("A", "A1", "A2")))
    parent = todos(planner)[0]
    assert (parent["status"], parent["progress_percentage"]) == ("IN_PROGRESS", 50)


async def test_a_moved_deadline_moves_untouched_steps(handle, planner, plan, given):
    await given()
    await handle(plan(step("A", due=0)))
    moved = DUE - timedelta(days=3)
    await given(due=moved)
    [row] = todos(planner)
    assert (row["deadline"], row["due_date"]) == (moved, moved.date())


async def test_enabling_a_course_again_links_the_old_todos(handle, planner, plan, given, events):
    await given()
    await handle(plan(step("A", "A1")))
    before = {row["todo_id"] for row in todos(planner)}
    await handle(events.disabled())
    assert {row["schedule_id"] for row in todos(planner)} == {None}
    await given()
    [schedule] = planner.schedules()
    assert {row["schedule_id"] for row in todos(planner)} == {schedule["schedule_id"]}
    assert {row["todo_id"] for row in todos(planner)} == before


async def test_nothing_is_generated_after_the_deadline(handle, planner, plan, given):
    await given(due=DUE - timedelta(days=20))
    await handle(plan(step("A")))
    assert todos(planner) == []


async def test_a_plan_reaches_a_schedule_that_is_just_being_made(handle, planner, plan, given):
    """V-10: whichever commits first, nobody is missed and nobody gets it twice."""
    for _ in range(8):
        planner.truncate("todos", "schedules", "assignment_plans", "generated_todos")
        await asyncio.gather(
            given(), handle(plan(step("A"))), given(planner.other_sub), handle(plan(step("A")))
        )
        assert titles(planner) == titles(planner, planner.other_sub) == ["A"]


async def test_a_submission_marks_everything_done_that_nobody_began(
    handle, planner, plan, given, events
):
    await given()
    await given(planner.other_sub)
    await handle(plan(step("A", "A1", "A2"), step("B")))
    planner.rows("UPDATE todos SET status='IN_PROGRESS', progress_percentage=30 WHERE title='B'")
    await handle(events.sample("SUBMISSION_RECORDED"))
    status = {row["title"]: row["status"] for row in todos(planner)}
    assert status == {"A": "DONE", "A1": "DONE", "A2": "DONE", "B": "IN_PROGRESS"}
    assert planner.schedules()[0]["status"] == "DONE"
    assert planner.schedules(planner.other_sub)[0]["status"] == "TODO"


async def test_a_submission_takes_effect_once_and_before_the_steps_too(
    handle, planner, plan, given, events
):
    await handle(events.sample("SUBMISSION_RECORDED"))
    await given()
    assert planner.schedules()[0]["status"] == "DONE"
    await handle(plan(step("A", "A1")))
    assert {row["status"] for row in todos(planner)} == {"DONE"}
    planner.rows("UPDATE schedules SET status = 'TODO'")
    await handle(events.sample("SUBMISSION_RECORDED"))
    await given(title="renamed")
    assert planner.schedules()[0]["status"] == "TODO"


async def test_handing_in_again_leaves_open_what_was_opened_again_by_hand(
    handle, planner, plan, given, events
):
    """additions D: unless the student has changed the status by hand"""
    await given()
    await handle(plan(step("A")))
    first = events.sample("SUBMISSION_RECORDED")
    await handle(first)
    planner.rows("UPDATE todos SET status = 'TODO', progress_percentage = 0")
    planner.rows("UPDATE schedules SET status = 'TODO'")
    for change in ({"workflowState": "graded"}, {"submittedAt": "2025-11-27T12:00:00"}):
        await handle({**first, **change})
    assert (todos(planner)[0]["status"], planner.schedules()[0]["status"]) == ("TODO", "TODO")


async def test_what_was_taken_back_stays_done_in_whatever_order_it_is_told(
    handle, planner, given, events
):
    """Q-03: the event carries no order, so only the student opens again what is done."""
    await given()
    handed_in = events.sample("SUBMISSION_RECORDED")
    taken_back = {**handed_in, "submittedAt": None, "workflowState": "unsubmitted"}
    await handle(taken_back)
    assert planner.schedules()[0]["status"] == "TODO"
    for event in (handed_in, taken_back, handed_in):
        await handle(event)
        assert planner.schedules()[0]["status"] == "DONE"


async def test_a_grade_or_a_time_alone_is_no_submission(handle, planner, given, events):
    """external-apis 1.8"""
    await given()
    nothing = {**events.sample("SUBMISSION_RECORDED"), "submittedAt": None}
    await handle({**nothing, "workflowState": "graded"})
    await handle({**nothing, "submittedAt": "2025-11-27T10:00:00", "workflowState": "unsubmitted"})
    assert planner.schedules()[0]["status"] == "TODO"
    await handle({**nothing, "workflowState": "pending_review"})
    assert planner.schedules()[0]["status"] == "DONE"


async def test_a_deleted_account_gets_no_steps(handle, api, planner, plan, given, events):
    """S-08"""
    await given()
    await handle(plan(step("A")))
    await handle(events.sample("SUBMISSION_RECORDED"))
    await api.delete(f"/internal/v1/users/{planner.sub}/data")
    await handle(plan(step("B")))
    await handle(events.sample("SUBMISSION_RECORDED"))
    assert todos(planner) == planner.rows("SELECT * FROM generated_todos") == []
    assert planner.rows("SELECT * FROM recorded_submissions") == []


@pytest.mark.parametrize("event_type", ["TASKS_GENERATED", "SUBMISSION_RECORDED"])
async def test_what_cannot_be_read_is_left_for_the_dead_letter_queue(handle, events, event_type):
    message = events.sample(event_type)
    del message["canvasAssignmentId"]
    with pytest.raises(MalformedMessage):
        await handle(message)


async def test_what_a_student_deleted_or_edited_stays_so_through_everything_that_comes_again(
    handle, api, planner, plan, given, events
):
    """additions.md E: the same plan, a snapshot that moves the deadline, and a course that was off for a while."""
    await given()
    message = plan(step("A", "A1"), step("B"), step("C"))
    await handle(message)
    ids = {row["title"]: row["todo_id"] for row in todos(planner)}
    assert (await api.delete(f"/v1/todos/{ids['B']}")).status_code == 204
    planner.rows("UPDATE todos SET description = 'mine' WHERE title = 'C'")
    planner.rows("UPDATE todos SET priority = 'URGENT' WHERE title = 'A1'")

    await handle(message)
    await given(due=DUE - timedelta(days=1))
    await handle(events.disabled())
    await given(due=DUE - timedelta(days=1))
    await handle(message)

    after = {row["title"]: row for row in todos(planner)}
    assert after.keys() == {"A", "A1", "C"}
    assert (after["C"]["description"], after["A1"]["priority"]) == ("mine", "URGENT")
    assert after["C"]["deadline"] == after["A1"]["deadline"] == DUE
    assert after["A"]["deadline"] == DUE - timedelta(days=1)
    [schedule] = planner.schedules()
    assert {row["schedule_id"] for row in after.values()} == {schedule["schedule_id"]}


async def test_a_link_that_a_student_took_away_stays_away_when_a_course_is_enabled_again(
    handle, api, planner, plan, given, events
):
    """additions.md E: enabling relinks what the disabling unlinked, and nothing that was edited."""
    await given()
    message = plan(step("A", "A1"), step("B"))
    await handle(message)
    unlinked = next(row for row in todos(planner) if row["title"] == "B")
    edit = {
        "title": "B",
        "description": unlinked["description"],
        "startDate": unlinked["start_date"].isoformat(),
        "dueDate": unlinked["due_date"].isoformat(),
        "deadline": unlinked["deadline"].isoformat(),
        "categoryId": unlinked["category_id"],
        "priority": unlinked["priority"],
    }
    assert (await api.put(f"/v1/todos/{unlinked['todo_id']}", json=edit)).status_code == 200
    before = next(row for row in todos(planner) if row["title"] == "B")

    await handle(message)
    await given(due=DUE - timedelta(days=1))
    await handle(events.disabled())
    await given(due=DUE - timedelta(days=1))

    [schedule] = planner.schedules()
    links = {row["title"]: row["schedule_id"] for row in todos(planner)}
    assert links == {"A": schedule["schedule_id"], "A1": schedule["schedule_id"], "B": None}
    assert next(row for row in todos(planner) if row["title"] == "B") == before


async def test_a_deadline_that_passes_leaves_the_todos_and_adds_none(handle, planner, plan, given):
    """additions.md E"""
    await given()
    await handle(plan(step("A")))
    before = todos(planner)
    planner.rows("UPDATE schedules SET start_time = '2020-01-01', end_time = '2020-01-01'")
    await handle(plan(step("A", due=-5), step("B")))
    assert todos(planner) == before


async def test_a_dead_analysis_costs_the_way_to_the_planner_no_step(
    handle, planner, plan, events, database
):
    """L-04: texts that a dead worker holds and a spent budget change nothing from assignment to schedule."""

    async def given_to(sub):
        with sent_statements(database) as sent:
            entry = events.entry(ID, dueAt=DUE.isoformat())
            await handle(events.snapshot(entry, cognitoSub=sub))
        assert len(planner.schedules(sub)) == 1
        return len(sent)

    never_asked = await given_to("student-1")
    for number in range(200):
        planner.rows(
            "INSERT INTO analysis_claims VALUES (%s, 'killed', UTC_TIMESTAMP(6), 2, UTC_TIMESTAMP(6))",
            f"{number:064x}",
        )
    planner.rows("INSERT INTO analysis_budget VALUES (UTC_DATE(), 1000000)")
    dead = await given_to("student-2")
    await handle(plan(step("A")))
    alive = await given_to("student-3")

    print(  # noqa: T201
        f"\nL-04: {never_asked} statements from assignment to schedule, {dead} while the analysis is dead"
        f" (+{dead / never_asked - 1:.0%}), {alive} with a plan to apply"
    )
    assert dead == never_asked <= alive
