"""The made-up semester: courses and assignments that follow from a seed, a shape and a day."""

from dataclasses import dataclass, field

DEFAULT_SEED = 20260302
DEFAULT_COURSES = 6
DEFAULT_ASSIGNMENTS_PER_COURSE = 20
"""Six courses with twenty assignments: the load of one student in one semester."""


@dataclass(frozen=True)
class Shape:
    """How big a semester is to be and which one; `description_bytes` `None` means natural sizes."""

    seed: int = DEFAULT_SEED
    courses: int = DEFAULT_COURSES
    assignments_per_course: int = DEFAULT_ASSIGNMENTS_PER_COURSE
    description_bytes: int | None = None


@dataclass(frozen=True)
class Term:
    """The term that all courses belong to."""

    id: int
    name: str
    start_at: str
    end_at: str
    created_at: str


@dataclass(frozen=True)
class AssignmentGroup:
    """One weighted part of a course's grade."""

    id: int
    name: str
    position: int
    weight: float


@dataclass(slots=True)
class Assignment:
    """One assignment as the teacher set it; what a student differs in is kept with the student."""

    id: int
    course_id: int
    group_id: int
    position: int
    name: str
    description: str | None
    created_at: str
    updated_at: str
    due_at: str | None
    unlock_at: str | None = None
    lock_at: str | None = None
    points_possible: float | None = 10.0
    grading_type: str = "points"
    submission_types: tuple[str, ...] = ("online_text_entry",)
    allowed_extensions: tuple[str, ...] = ()
    allowed_attempts: int = -1
    peer_reviews: bool = False
    quiz_id: int | None = None
    discussion_topic_id: int | None = None
    rendered: tuple[tuple[str, bool], bytes] | None = field(default=None, repr=False)
    """The JSON last answered for it and what that depended on; dropped when the assignment changes."""


@dataclass
class Course:
    """One course; `is_restricted_by_date` hides everything but its id, its name included."""

    id: int
    uuid: str
    name: str
    code: str
    teacher: str
    term: Term
    created_at: str
    syllabus_body: str
    groups: tuple[AssignmentGroup, ...]
    requirement_count: int | None
    """Module requirements; `None` means that the course has none and no progress is reported."""
    requirement_completed_count: int
    is_restricted_by_date: bool = False
    assignments: list[Assignment] = field(default_factory=list)
    """In the order of their positions."""


class Semester:
    """All courses of one semester, with what the control API may change in them."""

    def __init__(self, shape: Shape, courses: list[Course], first_free_assignment_id: int) -> None:
        self.shape = shape
        self.courses = {course.id: course for course in courses}
        self.assignments = {a.id: a for course in courses for a in course.assignments}
        self._next_assignment_id = first_free_assignment_id

    def add_assignment(
        self, course: Course, *, name: str, description: str | None, due_at: str | None, at: str
    ) -> Assignment:
        """Set a new assignment as the last one of its course."""
        assignment = Assignment(
            id=self._next_assignment_id,
            course_id=course.id,
            group_id=course.groups[0].id,
            position=course.assignments[-1].position + 1 if course.assignments else 1,
            name=name,
            description=description,
            created_at=at,
            updated_at=at,
            due_at=due_at,
        )
        self._next_assignment_id += 1
        course.assignments.append(assignment)
        self.assignments[assignment.id] = assignment
        return assignment

    def remove_assignment(self, assignment: Assignment) -> None:
        """Take an assignment away from everybody."""
        del self.assignments[assignment.id]
        self.courses[assignment.course_id].assignments.remove(assignment)
