"""Students, their tokens, and what differs from student to student: overrides and submissions."""

import secrets
import string
from collections.abc import Iterable
from dataclasses import dataclass, field

TOKEN_CHARACTERS = 64
"""Length of the secret part of real tokens."""

FIRST_STUDENT_ID = 4_100_001
_ALPHABET = string.ascii_letters + string.digits


@dataclass(frozen=True)
class Override:
    """How one assignment looks to one student; `due_at` `None` leaves everybody's date."""

    due_at: str | None = None
    is_visible: bool = True


@dataclass(frozen=True)
class Submission:
    """What one student handed in for one assignment."""

    submitted_at: str
    submission_type: str
    attempt: int


@dataclass
class Student:
    """One student of the semester."""

    id: int
    name: str
    course_ids: set[int]
    created_at: str
    overrides: dict[int, Override] = field(default_factory=dict)
    submissions: dict[int, Submission] = field(default_factory=dict)

    def sees(self, assignment_id: int) -> bool:
        """Tell whether the assignment is in this student's listings."""
        override = self.overrides.get(assignment_id)
        return override is None or override.is_visible

    def submit(
        self, assignment_id: int, *, submitted_at: str | None, submission_type: str
    ) -> Submission | None:
        """Hand in once more, or take everything back when there is no time of submission."""
        if submitted_at is None:
            self.submissions.pop(assignment_id, None)
            return None
        earlier = self.submissions.get(assignment_id)
        attempt = earlier.attempt + 1 if earlier else 1
        submission = Submission(submitted_at, submission_type, attempt)
        self.submissions[assignment_id] = submission
        return submission

    def start_over(self, course_ids: Iterable[int]) -> None:
        """Enter a new semester: enrolled in these courses, nothing handed in, no override."""
        self.course_ids = set(course_ids)
        self.overrides.clear()
        self.submissions.clear()


class Students:
    """All students and the tokens by which they are known."""

    def __init__(self) -> None:
        self._by_token: dict[str, Student] = {}
        self._next_id = FIRST_STUDENT_ID

    def enroll(self, course_ids: Iterable[int], *, at: str) -> tuple[Student, str]:
        """Create a student in these courses, with a token that cannot be guessed."""
        number = self._next_id - FIRST_STUDENT_ID + 1
        student = Student(self._next_id, f"샌드박스 학생 {number}", set(course_ids), at)
        self._next_id += 1
        secret = "".join(secrets.choice(_ALPHABET) for _ in range(TOKEN_CHARACTERS))
        token = f"2107~{secret}"
        self._by_token[token] = student
        return student, token

    def of_token(self, token: str) -> Student | None:
        """Return whose token this is; unknown and revoked ones are nobody's."""
        return self._by_token.get(token)

    def revoke(self, token: str) -> bool:
        """Make a token invalid; false when it is not known."""
        return self._by_token.pop(token, None) is not None

    def start_over(self, course_ids: Iterable[int]) -> None:
        """Move every student with a token into all courses of a new semester."""
        chosen = set(course_ids)
        for student in self._by_token.values():
            student.start_over(chosen)
