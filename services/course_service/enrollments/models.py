"""The `enrollments` table and each student's observation marks."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from services.course_service.database import Base


class Enrollment(Base):
    """One student in one course.

    `is_listed` says that a listing of the course by this student has been seen, so that the student sees
    what it showed and not everything in the course. It is kept here, so that emptying this table forgets it.
    """

    __tablename__ = "enrollments"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    cognito_sub: Mapped[str] = mapped_column(String(255))
    course_id: Mapped[int] = mapped_column(ForeignKey("courses.id"))
    is_sync_leader: Mapped[bool]
    is_sync_enabled: Mapped[bool]
    enrolled_at: Mapped[datetime]
    is_listed: Mapped[bool]


class CourseObservation(Base):
    """The last `observedAt` of a student's messages about a course and about its assignments.

    Valid only for the enrollment that has the same `enrolled_at`: marks that outlive an emptied
    `enrollments` table must not make messages be skipped. Apart from `enrollments`, because a repeated
    synchronisation moves the marks and must change no row there.
    """

    __tablename__ = "course_observations"

    cognito_sub: Mapped[str] = mapped_column(String(255), primary_key=True)
    course_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    enrolled_at: Mapped[datetime]
    course_observed_at: Mapped[datetime | None]
    listing_observed_at: Mapped[datetime | None]
