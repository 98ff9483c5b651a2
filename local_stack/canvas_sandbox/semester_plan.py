"""Makes up a semester: same seed, same shape and same day give the same one."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from local_stack.canvas_sandbox.descriptions import write_description
from local_stack.canvas_sandbox.semester import (
    Assignment,
    AssignmentGroup,
    Course,
    Semester,
    Shape,
    Term,
)
from local_stack.canvas_sandbox.subjects import SUBJECTS, Subject
from local_stack.canvas_sandbox.timestamps import written

WEEKS_BEFORE_TODAY = 6
WEEKS = 16
"""A Korean semester has sixteen weeks; six are over, so most deadlines are still to come."""

FEWEST_WITH_AN_UNDATED_ONE = 5
"""Smaller courses have due dates throughout: whoever asks for two assignments wants to see two deadlines."""

JITTER_DAYS = 3
"""Keeps the courses from having all their deadlines on the same days."""

UNDATED_SHARE = 0.07
CROSS_SHARD_EVERY = 5
CROSS_SHARD_ORIGIN = 2107 * 10**13
"""Courses of a trusted account on another shard have ids of this size, beyond what a float keeps apart."""

IDS_PER_COURSE = 100_003
ID_STEP = 7
"""Ids grow with gaps, as they do where other courses are busy as well."""

DEADLINE_TIMES = (time(14, 59, 59), time(0), time(9), time(3))
DEADLINE_WEIGHTS = (70, 10, 12, 8)
"""UTC: one second to midnight in Seoul, 09:00, 18:00 and noon."""

WHOLE_POINTS = (5.0, 10.0, 15.0, 20.0, 30.0, 50.0, 100.0)
FRACTIONAL_POINTS = (2.25, 7.5, 12.5, 33.3)

GROUPS = (("과제 (Assignments)", 40.0), ("퀴즈 (Quizzes)", 20.0), ("프로젝트 (Project)", 40.0))


@dataclass(frozen=True)
class Kind:
    """One kind of assignment: how it is called and handed in."""

    title: str
    submission_types: tuple[str, ...]
    group_index: int
    weight: int
    grading_type: str = "points"
    is_practical: bool = False


KINDS = (
    Kind("과제 {number}: {topic}", ("online_upload",), 0, 30),
    Kind("Lab {number} – {topic}", ("online_upload", "online_url"), 0, 20, is_practical=True),
    Kind("퀴즈 {number}: {topic}", ("online_quiz",), 1, 12),
    Kind("Reading response {number}: {topic}", ("online_text_entry",), 0, 12),
    Kind("토론 {number}: {topic}", ("discussion_topic",), 0, 8),
    Kind("Project milestone {number}: {topic}", ("online_upload", "online_text_entry"), 2, 10),
    Kind("손풀이 {number}: {topic}", ("on_paper",), 0, 4),
    Kind("참여 {number}: {topic}", ("none",), 0, 2, "pass_fail"),
    Kind("실습 도구 {number}: {topic}", ("external_tool",), 0, 2, is_practical=True),
)


def plan_semester(shape: Shape, today: date) -> Semester:
    """Make up a semester around a day.

    It has as many courses and assignments as the shape says, and one course more that is restricted by
    date: without a name and, as in Canvas, without assignments a student could read.
    """
    generator = _generator(shape.seed)
    id_origin = generator.randrange(1_000_000, 9_000_000)
    term = _plan_term(generator, today)
    courses = [_plan_course(shape, index, id_origin, term) for index in range(shape.courses)]
    restricted = _plan_empty_course(shape, shape.courses, id_origin, term)
    restricted.is_restricted_by_date = True
    first_free_id = id_origin + (shape.courses + 1) * IDS_PER_COURSE
    return Semester(shape, [*courses, restricted], first_free_id)


def _generator(*what: int) -> random.Random:
    """Each course and assignment draws from its own numbers: changing one leaves the others as they are."""
    return random.Random("/".join(map(str, what)))  # noqa: S311  (a semester is no secret)


def _plan_term(generator: random.Random, today: date) -> Term:
    monday = today - timedelta(days=today.weekday(), weeks=WEEKS_BEFORE_TODAY)
    start = datetime.combine(monday, time(0), UTC)
    half = "1학기 (Spring)" if monday.month < 7 else "2학기 (Fall)"
    return Term(
        id=generator.randrange(100, 999),
        name=f"{monday.year}년 {half}",
        start_at=written(start),
        end_at=written(start + timedelta(weeks=WEEKS) - timedelta(seconds=1)),
        created_at=written(start - timedelta(days=90)),
    )


def _plan_empty_course(shape: Shape, index: int, id_origin: int, term: Term) -> Course:
    generator = _generator(shape.seed, index)
    subject = SUBJECTS[index % len(SUBJECTS)]
    section = index // len(SUBJECTS) + 1
    shard = CROSS_SHARD_ORIGIN if index % CROSS_SHARD_EVERY == 2 else 0
    course_id = shard + id_origin // 100 + index * 13 + generator.randrange(13)
    requirement_count = None if index % 3 == 2 else generator.randrange(4, 20)
    return Course(
        id=course_id,
        uuid=f"{generator.getrandbits(160):040x}",
        name=subject.name if section == 1 else f"{subject.name} {section:02d}분반",
        code=f"{subject.code}-{section:02d}",
        teacher=subject.teacher,
        term=term,
        created_at=term.created_at,
        syllabus_body=(
            f"<h2>{subject.name}</h2><p>담당 교수: {subject.teacher}. "
            "Weekly lectures, 과제와 퀴즈, and one project.</p>"
        ),
        groups=tuple(
            AssignmentGroup(course_id * 10 + n, name, n + 1, weight)
            for n, (name, weight) in enumerate(GROUPS)
        ),
        requirement_count=requirement_count,
        requirement_completed_count=generator.randrange(requirement_count or 1),
    )


def _plan_course(shape: Shape, index: int, id_origin: int, term: Term) -> Course:
    course = _plan_empty_course(shape, index, id_origin, term)
    subject = SUBJECTS[index % len(SUBJECTS)]
    shard = CROSS_SHARD_ORIGIN if index % CROSS_SHARD_EVERY == 2 else 0
    first_id = shard + id_origin + index * IDS_PER_COURSE
    numbers: Counter[str] = Counter()
    kinds = [kind for kind in KINDS if subject.is_practical or not kind.is_practical]
    weights = [kind.weight for kind in kinds]
    for place in range(shape.assignments_per_course):
        generator = _generator(shape.seed, index, place)
        kind = generator.choices(kinds, weights)[0]
        numbers[kind.title] += 1
        course.assignments.append(
            _plan_assignment(
                generator,
                shape=shape,
                course=course,
                subject=subject,
                kind=kind,
                assignment_id=first_id + place * ID_STEP + generator.randrange(ID_STEP),
                place=place,
                number=numbers[kind.title],
            )
        )
    return course


def _plan_assignment(
    generator: random.Random,
    *,
    shape: Shape,
    course: Course,
    subject: Subject,
    kind: Kind,
    assignment_id: int,
    place: int,
    number: int,
) -> Assignment:
    start = datetime.fromisoformat(course.term.start_at)
    topic = subject.topics[place % len(subject.topics)]
    title = kind.title.replace("{number}", str(number)).replace("{topic}", topic)
    due = _due_moment(generator, start, place, shape.assignments_per_course)
    created = written(start - timedelta(days=generator.randrange(3, 20), minutes=place))
    is_upload = "online_upload" in kind.submission_types
    points = _points(generator, kind)
    lock = generator.random() < 0.15 and due is not None
    assignment = Assignment(
        id=assignment_id,
        course_id=course.id,
        group_id=course.groups[kind.group_index].id,
        position=place + 1,
        name=title,
        description=None,
        created_at=created,
        updated_at=created,
        due_at=written(due) if due else None,
        unlock_at=course.term.start_at if generator.random() < 0.1 else None,
        lock_at=written(due + timedelta(days=7)) if lock and due else None,
        points_possible=points,
        grading_type=kind.grading_type,
        submission_types=kind.submission_types,
        allowed_extensions=subject.hand_in if is_upload else (),
        allowed_attempts=generator.choice((-1, -1, -1, 1, 3)),
        peer_reviews=generator.random() < 0.05,
        quiz_id=assignment_id + 1_000_000 if "online_quiz" in kind.submission_types else None,
        discussion_topic_id=(
            assignment_id + 2_000_000 if "discussion_topic" in kind.submission_types else None
        ),
    )
    assignment.description = write_description(
        generator,
        title=title,
        topic=topic,
        points=points,
        extensions=assignment.allowed_extensions,
        size_bytes=shape.description_bytes,
    )
    return assignment


def _due_moment(
    generator: random.Random, start: datetime, place: int, count: int
) -> datetime | None:
    """Spread the deadlines over the semester roughly in the order of the places, some left without one."""
    day = int(WEEKS * 7 * (place + 0.5) / count) + generator.randint(-JITTER_DAYS, JITTER_DAYS)
    day = min(max(day, 0), WEEKS * 7 - 1)
    at = generator.choices(DEADLINE_TIMES, DEADLINE_WEIGHTS)[0]
    is_undated = place > 0 and (generator.random() < UNDATED_SHARE or place == count - 1)
    if is_undated and count >= FEWEST_WITH_AN_UNDATED_ONE:
        return None
    return datetime.combine(start.date() + timedelta(days=day), at, UTC)


def _points(generator: random.Random, kind: Kind) -> float | None:
    if kind.submission_types == ("none",):
        return 0.0
    draw: Callable[[tuple[float, ...]], float] = generator.choice
    chance = generator.random()
    if chance < 0.03:
        return None
    return draw(FRACTIONAL_POINTS) if chance < 0.18 else draw(WHOLE_POINTS)
