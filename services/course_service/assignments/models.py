"""The `assignments` and `assignment_visibility` tables."""

from datetime import datetime

from sqlalchemy import CHAR, BigInteger, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from services.course_service.database import Base


class Assignment(Base):
    """One Canvas assignment, shared by everyone who is enrolled in its course."""

    __tablename__ = "assignments"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    canvas_assignment_id: Mapped[int] = mapped_column(BigInteger, unique=True)
    course_id: Mapped[int] = mapped_column(ForeignKey("courses.id"))
    title: Mapped[str] = mapped_column(String(255))
    description: Mapped[str | None] = mapped_column(Text)
    due_at: Mapped[datetime | None]
    points_possible: Mapped[int | None]
    submission_types: Mapped[str | None] = mapped_column(String(255))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class AssignmentVisibility(Base):
    """An assignment as one student's listing last showed it.

    Repeats the Canvas id, so that rows that outlive an emptied `assignments` table, where ids start again,
    are not taken for another assignment's.
    """

    __tablename__ = "assignment_visibility"

    cognito_sub: Mapped[str] = mapped_column(String(255), primary_key=True)
    assignment_id: Mapped[int] = mapped_column(ForeignKey("assignments.id"), primary_key=True)
    canvas_assignment_id: Mapped[int] = mapped_column(BigInteger)
    due_at: Mapped[datetime | None]
    listing_hash: Mapped[str] = mapped_column(CHAR(32))
