"""The outline: steps from the description's own structure, each quoting where it came from."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.llm_analysis.assignments import Assignment, read_assignment
from lambdas.llm_analysis.errors import AnalysisRefused
from lambdas.llm_analysis.plain_text import clean
from lambdas.llm_analysis.providers.outline import LONGEST_PLAN_DAYS, Outline
from lambdas.llm_analysis.tests.doubles import NOW
from local_stack.canvas_sandbox.semester import Shape
from local_stack.canvas_sandbox.semester_plan import plan_semester
from shared.events.llm_analysis import GeneratedTask

SEMESTER = plan_semester(Shape(seed=7, courses=5, assignments_per_course=8), date(2026, 11, 20))
GENERATED = [
    (assignment.name, assignment.description or "")
    for course in SEMESTER.courses.values()
    for assignment in list(course.assignments)
]

WRITTEN: list[tuple[str, str, list[str]]] = [
    ("Scheduler lab", "<p>Part A and B</p>", ["Part A and B"]),
    (
        "Parts as bold lines",
        "<p><strong>Part A</strong> </p><p>Implement the queue.</p><p><b>Part B</b></p><p>Test it.</p>",
        ["Part A", "Part B"],
    ),
    (
        "과제 1",
        "1번. 스택을 구현하시오 (20점)\n2번. 큐를 구현하시오 (30점)\n3번. 비교 보고서를 작성하시오 (50점)",
        ["1번. 스택을 구현하시오", "2번. 큐를 구현하시오", "3번. 비교 보고서를 작성하시오"],
    ),
    (
        "문제 풀이",
        "<p>과제 1: 조건부 확률</p><p>과제 2: 정규 분포</p><p>hw.pdf로 제출하세요.</p>",
        ["과제 1: 조건부 확률", "과제 2: 정규 분포", "제출: hw.pdf"],
    ),
    (
        "Ordered list",
        "<p>Do this:</p><ol><li>Collect data</li><li>Clean it</li><li>Plot it</li></ol>",
        ["Collect data", "Clean it", "Plot it"],
    ),
    (
        "Typed numbers",
        "<p>1. Collect data<br>2. Clean it<br>3) Plot it</p>",
        ["Collect data", "Clean it", "Plot it"],
    ),
    ("동그라미 번호", "① 자료 조사\n② 개요 작성\n③ 발표", ["자료 조사", "개요 작성", "발표"]),
    ("가나다", "<p>가. 자료 조사</p><p>나. 초안 작성</p>", ["자료 조사", "초안 작성"]),
    ("Bullets", "- read chapter 3\n- write a summary", ["read chapter 3", "write a summary"]),
    (
        "Essay",
        "<p>Read chapter 4 and write a one page summary. Use two sources. The library has copies.</p>",
        ["Read chapter 4 and write a one page summary.", "Use two sources."],
    ),
    (
        "독후감",
        "<p>「날개」를 읽고 독후감을 작성하세요. 분량은 A4 2쪽입니다. 한글 파일(hwp)로 제출해 주세요.</p>",
        ["「날개」를 읽고 독후감을 작성하세요.", "제출: hwp"],
    ),
    ("Reading", "<p>Chapter 3</p>", ["Chapter 3"]),
    ("Table only", "<table><tr><td>Week 1</td><td>Draft</td></tr></table>", ["Week 1 Draft"]),
    (
        "Rules are no steps",
        "<h3>Task 1</h3><p>Write.</p><h3>Rules</h3><ul><li>No copying</li></ul>",
        ["Task 1"],
    ),
    (
        "Goals are no steps",
        "<h3>학습 목표</h3><ul><li>이해한다</li></ul><h3>문제 1</h3><p>풀이를 쓰시오.</p>",
        ["문제 1"],
    ),
    (
        "Questions are no steps",
        "<h4>Q. May I submit a team report?</h4><p>No.</p><h4>Step 1</h4><p>Think.</p>",
        ["Step 1"],
    ),
    (
        "Umbrella heading",
        "<h2>Requirements</h2><h3>Part A</h3><p>x</p><h3>Part B</h3><p>y</p>",
        ["Part A", "Part B"],
    ),
    (
        "Deliverables",
        "<h3>Analysis</h3><ul><li>Compare both</li></ul><h3>Deliverables</h3><ul><li>report.pdf</li>"
        "<li>code.zip</li></ul>",
        ["Analysis", "Submit: report.pdf, code.zip"],
    ),
    (
        "Optional",
        "<h3>Part A</h3><p>x</p><h3>Bonus: faster</h3><p>Make it faster.</p>",
        ["Part A", "Bonus: faster"],
    ),
    (
        "Code",
        "<p>Use <code>#include &lt;vector&gt;</code> in part one.</p>",
        ["Use #include vector in part one."],
    ),
    (
        "Link",
        '<p>Read <a href="https://x.example/?verifier=k">the article</a> and answer.</p>',
        ["Read the article and answer."],
    ),
]


def read(title: str, description: str, *, days: int = 10) -> Assignment:
    return read_assignment(title, description, due_at=NOW + timedelta(days=days), now=NOW)


async def no_call() -> None:
    raise AssertionError("an outline costs nothing")


async def propose(assignment: Assignment) -> list[GeneratedTask]:
    return await Outline().propose(assignment, no_call)


def assert_in_order(tasks: list[GeneratedTask], assignment: Assignment) -> None:
    text = clean(assignment.text)
    assert 1 <= len(tasks) <= 10
    for task in tasks:
        assert len(task.subtasks) <= 5
        for step in (task, *task.subtasks):
            assert step.quote
            assert step.quote in text
            due_on = date.fromisoformat(step.due_date or "")
            assert assignment.today <= due_on <= assignment.deadline
            assert 1 <= len(step.title) <= 120
    days = [task.due_date or "" for task in tasks]
    assert all(earlier <= later for earlier, later in pairwise(days))


@pytest.mark.parametrize(
    ("title", "description", "titles"), WRITTEN, ids=lambda value: str(value)[:20]
)
async def test_structure_becomes_steps(title: str, description: str, titles: list[str]) -> None:
    assignment = read(title, description)

    tasks = await propose(assignment)

    assert [task.title for task in tasks] == titles
    assert_in_order(tasks, assignment)


@pytest.mark.parametrize(("title", "description"), GENERATED)
async def test_realistic_descriptions_give_a_step_for_each_part_and_one_for_the_hand_in(
    title: str, description: str
) -> None:
    """L-01"""
    assignment = read(title, description)

    tasks = await propose(assignment)

    assert_in_order(tasks, assignment)
    titles = [task.title for task in tasks]
    for part in "ABCD":
        assert any(t.startswith(f"Part {part}.") for t in titles) is (
            f"Part {part}." in description
        )
    has_hand_in = "What to hand in" in description
    assert titles[-1].startswith("제출: studentid_report.") is has_hand_in
    assert not any("Rules" in t or "Grading" in t or "Reading)" in t for t in titles)
    assert await propose(assignment) == tasks


def test_there_are_more_than_thirty_realistic_descriptions() -> None:
    assert len({description for _, description in GENERATED}) > 30


async def test_nested_entries_become_subtasks_with_their_own_quotes() -> None:
    tasks = await propose(
        read(
            "x", "<ol><li>Collect<ul><li>ask ten</li><li>code it</li></ul></li><li>Report</li></ol>"
        )
    )

    assert [[part.title for part in task.subtasks] for task in tasks] == [
        ["ask ten", "code it"],
        [],
    ]


async def test_points_set_priorities_and_share_out_the_days() -> None:
    description = "<h3>Part A (10 points)</h3><h3>Part B (80 points)</h3><h3>Part C (10 pts)</h3>"

    tasks = await propose(read("x", description, days=20))

    assert [task.priority for task in tasks] == ["MEDIUM", "HIGH", "MEDIUM"]
    days = [(date.fromisoformat(task.due_date or "") - NOW.date()).days for task in tasks]
    assert days == [2, 18, 20]


async def test_many_entries_are_grouped_and_none_is_lost() -> None:
    items = [f"Solve problem on topic {n}" for n in range(1, 24)]
    listed = "".join(f"<li>{item}</li>" for item in items)

    tasks = await propose(read("x", f"<ol>{listed}</ol><p>Submit hw.pdf.</p>"))

    assert len(tasks) <= 10
    assert [part.title for task in tasks[:-1] for part in task.subtasks] == items
    assert tasks[-1].title == "Submit: hw.pdf"


async def test_work_ends_a_day_before_the_hand_in() -> None:
    assignment = read("x", "<h3>Part A</h3><p>x</p><p>Submit a.pdf.</p>")

    [work, hand_in] = await propose(assignment)

    assert hand_in.due_date == assignment.deadline.isoformat()
    assert work.due_date == (assignment.deadline - timedelta(days=1)).isoformat()
    assert hand_in.priority == "HIGH"


async def test_a_far_deadline_does_not_begin_today() -> None:
    assignment = read("x", "<h3>Part A</h3><h3>Part B</h3><h3>Part C</h3>", days=100)

    tasks = await propose(assignment)

    earliest = assignment.deadline - timedelta(days=LONGEST_PLAN_DAYS)
    assert all(date.fromisoformat(task.due_date or "") >= earliest for task in tasks)


async def test_a_deadline_today_puts_everything_on_today() -> None:
    assignment = read_assignment(
        "x", "<h3>Part A</h3><h3>Part B</h3>", due_at=NOW + timedelta(seconds=1), now=NOW
    )

    for task in await propose(assignment):
        assert task.due_date in {assignment.today.isoformat(), assignment.deadline.isoformat()}


PIECES = st.sampled_from(
    (
        "<p>|</p>|<h3>|</h3>|<ol>|</ol>|<ul>|<li>|</li>|<br>|<b>|</b>|Part A|1. |제출 |report.pdf|<|>|&lt;b&gt;"
        "| (20점)|&amp;| . |https://x.io/<a>|a@b.kr|\u202e|\x00|보고서를 작성하세요. |Submit |www.<x.com|…"
        "|javascript:alert(1)|x.com|10.0.0.1/x| 가나다 " + "y" * 130
    ).split("|")
)


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES | st.text(max_size=20), max_size=40))
async def test_any_text_gives_steps_that_obey_the_rules_or_none(pieces: list[str]) -> None:
    """L-01"""
    assignment = read("Any lab", "".join(pieces))

    try:
        tasks = await propose(assignment)
    except AnalysisRefused as problem:
        tasks = []
        reason = str(problem)
    if tasks:
        assert_in_order(tasks, assignment)
    else:
        assert "nothing that can be quoted" in reason
