"""The made-up semester looks like a real one and follows from seed, shape and day."""

import re
from datetime import date, timedelta
from html.parser import HTMLParser

import pytest

from local_stack.canvas_sandbox.semester import Semester, Shape
from local_stack.canvas_sandbox.semester_plan import plan_semester

TODAY = date(2026, 11, 21)


@pytest.fixture(scope="module")
def semester() -> Semester:
    return plan_semester(Shape(), TODAY)


def written(semester: Semester) -> list[tuple]:
    return [(a.id, a.name, a.due_at, a.description) for a in semester.assignments.values()]


def test_the_same_seed_gives_the_same_semester(semester: Semester):
    again = plan_semester(Shape(), TODAY)
    assert again.courses == semester.courses


def test_another_seed_gives_another_semester(semester: Semester):
    other = plan_semester(Shape(seed=7), TODAY)
    assert not set(other.assignments) & set(semester.assignments)


def test_another_day_moves_the_dates_and_leaves_the_ids(semester: Semester):
    later = plan_semester(Shape(), TODAY + timedelta(weeks=1))
    assert list(later.assignments) == list(semester.assignments)
    assert [a.due_at for a in later.assignments.values()] != [
        a.due_at for a in semester.assignments.values()
    ]


def test_bigger_descriptions_leave_ids_names_and_dates(semester: Semester):
    bigger = plan_semester(Shape(description_bytes=9_000), TODAY)
    assert [row[:3] for row in written(bigger)] == [row[:3] for row in written(semester)]


def test_a_student_has_six_courses_with_a_hundred_and_twenty_assignments(semester: Semester):
    open_courses = [c for c in semester.courses.values() if not c.is_restricted_by_date]
    assert len(open_courses) == 6
    assert len(semester.assignments) == 120
    assert len({course.name for course in open_courses}) == 6


def test_one_more_course_is_restricted_by_date(semester: Semester):
    restricted = [c for c in semester.courses.values() if c.is_restricted_by_date]
    assert len(restricted) == 1
    assert restricted[0].assignments == []


def test_deadlines_lie_around_today_and_some_are_missing(semester: Semester):
    due = [a.due_at for a in semester.assignments.values()]
    dated = [moment for moment in due if moment]
    today = TODAY.isoformat()
    assert sum(moment < today for moment in dated) > 20
    assert sum(moment > today for moment in dated) > 40
    assert 6 <= due.count(None) <= 30
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", moment) for moment in dated)


def test_some_points_are_fractional_and_some_ids_come_from_another_shard(semester: Semester):
    points = [a.points_possible for a in semester.assignments.values() if a.points_possible]
    assert any(value != int(value) for value in points)
    assert any(2**53 < number < 2**63 for number in semester.assignments)
    assert any(number < 2**31 for number in semester.assignments)


def test_a_small_semester_has_a_deadline_for_every_assignment():
    semester = plan_semester(Shape(courses=2, assignments_per_course=3), TODAY)
    assert len(semester.assignments) == 6
    assert all(assignment.due_at for assignment in semester.assignments.values())


class TagBalance(HTMLParser):
    """Counts tags that were opened and not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.open.append(tag)
        self.seen.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("size", [None, 300, 3_000])
def test_descriptions_are_well_formed_html(size: int | None):
    seen: set[str] = set()
    for assignment in plan_semester(Shape(description_bytes=size), TODAY).assignments.values():
        balance = TagBalance()
        balance.feed(assignment.description or "")
        assert balance.open == []
        seen |= balance.seen
    if size != 300:
        assert {"h2", "h3", "ol", "ul", "li", "table", "a", "strong", "code"} <= seen


def test_descriptions_mix_korean_and_english_and_differ_in_length(semester: Semester):
    texts = [assignment.description or "" for assignment in semester.assignments.values()]
    assert all(re.search(r"[가-힣]", text) and re.search(r"[a-z]{4}", text) for text in texts)
    sizes = [len(text.encode()) for text in texts]
    assert min(sizes) < 1_000
    assert max(sizes) > 3_500
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize("size", [0, 8, 100, 3_000, 20_000])
def test_descriptions_have_the_size_asked_for(size: int):
    semester = plan_semester(Shape(courses=1, description_bytes=size), TODAY)
    assert {len((a.description or "").encode()) for a in semester.assignments.values()} == {size}
