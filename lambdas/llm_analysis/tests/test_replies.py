"""What a model answers: strict, repaired at most once, or nothing (L-01)."""

import copy
import json
import random
from datetime import timedelta
from typing import Any

import pytest

from lambdas.llm_analysis.assignments import Assignment, read_assignment
from lambdas.llm_analysis.errors import PlanInvalid
from lambdas.llm_analysis.plans import MAX_SUBTASKS, accept_plan, refit
from lambdas.llm_analysis.tests.doubles import (
    DESCRIPTION,
    NOW,
    Harness,
    ModelDouble,
    ScheduleService,
    assignment_event,
    plan,
)
from shared.events.llm_analysis import GeneratedTask, TasksGenerated
from shared.messaging.publisher import MAX_BODY_BYTES

SUBTASK = {"title": "Queue", "quote": "round robin", "dueDate": NOW.date().isoformat()}


def _changed(**changes: Any) -> dict[str, Any]:
    return {"tasks": [{**plan()["tasks"][0], **changes}]}


def _without(name: str) -> dict[str, Any]:
    return {"tasks": [{k: v for k, v in plan()["tasks"][0].items() if k != name}]}


BROKEN: list[Any] = [
    "",
    " ",
    "I am sorry, I cannot do that.",
    "null",
    "[]",
    "42",
    '"tasks"',
    "{}",
    '{"tasks": null}',
    '{"tasks": {}}',
    '{"tasks": []}',
    '{"tasks": [null]}',
    '{"tasks": ["Implement round robin"]}',
    '{"tasks": [[]]}',
    "[" * 50_000,
    '{"tasks": [' * 5_000,
    '{"tasks": NaN}',
    "x" * 300_000,
    json.dumps(plan())[:-1],
    json.dumps(plan())[:40],
    json.dumps(plan()) + json.dumps(plan()),
    "Here you are:\n" + json.dumps(plan()),
    "```json\n" + json.dumps(plan())[:-2] + "\n```",
    "<html><body>502</body></html>",
    json.dumps(plan()).replace("Part A", "\\ud800Part A"),
    plan(quote="Part Z"),
    plan(quote=""),
    plan(quote="x" * 301),
    plan(quote="PART A"),
    plan(*[f"Step {n}" for n in range(11)]),
    _changed(title=""),
    _changed(title=" \n"),
    _changed(title="x" * 121),
    _changed(title=5),
    _changed(title=None),
    _changed(title=["a"]),
    _changed(title="<b>Implement</b>"),
    _changed(title="<script>alert(1)</script>"),
    _changed(description="<img src=x onerror=alert(1)>"),
    _changed(description="see </td>"),
    _changed(description="x" * 501),
    _changed(description={}),
    _changed(priority=1),
    _changed(priority=["HIGH"]),
    _changed(dueDate="tomorrow"),
    _changed(dueDate="2026-02-30"),
    _changed(dueDate=20261120),
    _changed(dueDate=None),
    _changed(dueDate="2026-11-20T00:00:00"),
    _changed(subtasks={}),
    _changed(subtasks=None),
    _changed(subtasks=[SUBTASK] * (MAX_SUBTASKS + 1)),
    _changed(subtasks=[{**SUBTASK, "subtasks": []}]),
    _changed(subtasks=[{**SUBTASK, "quote": "not there"}]),
    _changed(canvasAssignmentId=1),
    _changed(cognitoSub="someone-else"),
    _changed(title="Read https://evil.example/login"),
    _changed(description="Mail to boss@evil.example"),
    _changed(description="Open javascript:alert(1)"),
    _changed(description="Visit www.evil.example"),
    _changed(description="Visit evil.com/x"),
    _changed(description="Visit 10.0.0.1/x"),
    {**plan(), "recipients": ["everyone"]},
    {"tasks": plan()["tasks"], "courseId": 99},
    _without("title"),
    _without("quote"),
    _without("dueDate"),
]


def _broken_replies(count: int) -> list[Any]:
    """Return each broken reply, and more of them made by breaking a good one at random."""
    choose = random.Random(1)
    replies = list(BROKEN)
    good = json.dumps(plan("Implement round robin", "Write a report"))
    names = ["title", "quote", "dueDate", "subtasks"]
    while len(replies) < count:
        kind = choose.randrange(4)
        if kind == 0:
            cut = choose.randrange(len(good))
            replies.append(good[:cut])
        elif kind == 1:
            broken = json.loads(good)
            wrong = choose.choice([None, 7, {}, True, "x" * 600, [1]])
            broken["tasks"][choose.randrange(2)][choose.choice(names)] = wrong
            replies.append(broken)
        elif kind == 2:
            broken = json.loads(good)
            broken["tasks"][choose.randrange(2)][f"field{choose.randrange(99)}"] = "x"
            replies.append(broken)
        else:
            at = choose.randrange(len(good))
            replies.append(good[:at] + choose.choice("{}[]\x00") + good[at:] + "}")
    return replies


@pytest.mark.parametrize("count", [150, pytest.param(500, marks=pytest.mark.chaos)])
async def test_broken_replies_write_nothing_and_cost_one_repair_each(
    with_model: Harness, model: ModelDouble, schedule_service: ScheduleService, count: int
) -> None:
    """L-01: 0 invalid rows, at most one repair call; and the record is done, for another try would cost as well."""
    replies = _broken_replies(count)
    by_title = {f"Lab {n}": reply for n, reply in enumerate(replies)}
    model.reply = lambda request: by_title[json.loads(request["messages"][1]["content"])["title"]]
    events = [
        assignment_event(title=title, canvasAssignmentId=n) for n, title in enumerate(by_title, 1)
    ]

    failed = [await with_model.invoke(*events[n : n + 10]) for n in range(0, len(events), 10)]

    figures = f"{len(replies)} broken replies, {len(with_model.published())} published"
    print(f"\nL-01: {figures}, {len(model.requests)} calls")  # noqa: T201
    assert len(replies) == count
    assert with_model.published() == []
    assert schedule_service.stored == {}
    assert [ids for ids in failed if ids] == []
    assert len(model.requests) == 2 * count


async def test_every_date_that_is_published_lies_between_today_and_the_deadline(
    with_model: Harness, model: ModelDouble
) -> None:
    """L-01: whatever days a model names, and no part is due after its task."""
    choose = random.Random(1)

    def day() -> str:
        return (
            (NOW + timedelta(days=choose.choice([-9_999, -1, 0, 5, 10, 11, 9_999])))
            .date()
            .isoformat()
        )

    def reply(request: dict[str, Any]) -> dict[str, Any]:
        proposal = plan("A", "B", "C")
        for task in proposal["tasks"]:
            task["dueDate"] = day()
            task["subtasks"] = [{**SUBTASK, "title": t, "dueDate": day()} for t in "12"]
        return proposal

    model.reply = reply
    events = [assignment_event(title=f"Lab {n}", canvasAssignmentId=n) for n in range(1, 101)]
    for start in range(0, len(events), 10):
        await with_model.invoke(*events[start : start + 10])

    first, last = NOW.date().isoformat(), (NOW + timedelta(days=10)).date().isoformat()
    tasks = [task for event in with_model.published() for task in event["tasks"]]
    valid = [first <= task["dueDate"] <= last for task in tasks]
    valid += [
        first <= part["dueDate"] <= task["dueDate"] for task in tasks for part in task["subtasks"]
    ]
    print(f"\nL-01: {sum(valid)} of {len(valid)} published dates valid")  # noqa: T201
    assert len(valid) == 900
    assert all(valid)


async def test_a_repair_that_obeys_is_accepted_and_was_told_the_reason(
    with_model: Harness, model: ModelDouble
) -> None:
    """L-01"""
    model.reply = lambda request: plan() if len(request["messages"]) > 2 else plan(quote="Part Z")

    await with_model.invoke(assignment_event())

    assert len(with_model.published()) == 1
    [_, repair] = model.requests
    assert [turn["role"] for turn in repair["messages"]] == ["system", "user", "assistant", "user"]
    assert "literal piece" in repair["messages"][3]["content"]


async def test_code_fences_are_tolerated(with_model: Harness, model: ModelDouble) -> None:
    model.reply = lambda request: f"```json\n{json.dumps(plan())}\n```"

    await with_model.invoke(assignment_event())

    assert len(with_model.published()) == len(model.requests) == 1


@pytest.fixture
def assignment() -> Assignment:
    return read_assignment("Scheduler lab", DESCRIPTION, due_at=NOW + timedelta(days=10), now=NOW)


def test_unknown_priorities_become_medium(assignment: Assignment) -> None:
    for written, meant in [
        ("urgent", "MEDIUM"),
        ("high", "HIGH"),
        (None, "MEDIUM"),
        (" low", "LOW"),
    ]:
        assert accept_plan(_changed(priority=written), assignment)[0].priority == meant


def test_dates_are_moved_between_today_and_the_deadline(assignment: Assignment) -> None:
    """L-01: and a subtask's not after its task's."""
    far, past = "2999-01-01", "1999-01-01"
    proposal = _changed(dueDate=past, subtasks=[{**SUBTASK, "dueDate": far}])

    [task] = accept_plan(proposal, assignment)

    assert task.due_date == task.subtasks[0].due_date == NOW.date().isoformat()
    assert accept_plan(_changed(dueDate=far), assignment)[0].due_date == (
        assignment.deadline.isoformat()
    )


def test_repeated_steps_are_left_out(assignment: Assignment) -> None:
    assert len(accept_plan(plan("A", "a", "B"), assignment)) == 2


def test_white_space_and_controls_do_not_matter_in_a_quote(assignment: Assignment) -> None:
    [task] = accept_plan(
        plan(quote=" Part\u00a0A.\n Implement \u202eround\u202c robin"), assignment
    )

    assert task.quote == "Part A. Implement round robin"


def test_an_address_of_the_assignment_may_be_used() -> None:
    text = "<p>Part A: read https://lib.example.edu/a1 and mail ta@example.edu.</p>"
    assignment = read_assignment("x", text, due_at=NOW + timedelta(days=3), now=NOW)

    assert accept_plan(_changed(title="Read https://lib.example.edu/a1"), assignment)
    with pytest.raises(PlanInvalid):
        accept_plan(_changed(title="Read https://lib.example.edu/a2"), assignment)


def test_a_comparison_is_no_markup(assignment: Assignment) -> None:
    assert accept_plan(_changed(title="Show that a < b and b > c"), assignment)


def test_stored_steps_keep_dates_that_fit(assignment: Assignment) -> None:
    stored = accept_plan(plan("A", "B"), assignment)

    assert accept_plan(refit(stored, assignment), assignment) == stored


def test_stored_steps_of_another_semester_are_spread_anew_in_their_order(
    assignment: Assignment,
) -> None:
    days = ["2020-01-01", "2020-01-05", "2020-01-09"]
    proposal = plan("A", "B", "C")
    stored = [GeneratedTask.model_validate(task) for task in proposal["tasks"]]
    for task, day in zip(stored, days, strict=True):
        task.due_date = day

    tasks = accept_plan(refit(stored, assignment), assignment)

    assert [task.due_date for task in tasks] == [
        (NOW.date() + timedelta(days=n)).isoformat() for n in (0, 5, 10)
    ]


def test_the_largest_plan_fits_a_message() -> None:
    """Q-10"""
    wide = "\U00020000"
    text = f"<p>{wide * 400}</p>"
    assignment = read_assignment("x", text, due_at=NOW + timedelta(days=3), now=NOW)
    step = {
        **plan()["tasks"][0],
        "description": wide * 500,
        "quote": wide * 300,
    }
    del step["subtasks"]

    def titled(count: int) -> list[dict[str, Any]]:
        return [{**copy.copy(step), "title": wide * 118 + f"{n:02}"} for n in range(count)]

    proposal = {"tasks": [{**task, "subtasks": titled(5)} for task in titled(10)]}
    tasks = accept_plan(proposal, assignment)
    body = TasksGenerated(
        event_type="TASKS_GENERATED", course_id=1, canvas_assignment_id=1, tasks=tasks
    ).to_body()

    assert sum(1 + len(task.subtasks) for task in tasks) == 60
    assert len(body) <= MAX_BODY_BYTES
