"""The `assignments` and `assignment_visibility` tables."""

from datetime import datetime
from typing import Any

from sqlalchemy import CHAR, JSON, BigInteger, ForeignKey, String, Text, and_
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
    submission: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """The student's own submission with the names of the wire; null while nothing is known of it."""
    submission_hash: Mapped[str | None] = mapped_column(CHAR(32))


SAME_ASSIGNMENT = and_(
    AssignmentVisibility.assignment_id == Assignment.id,
    AssignmentVisibility.canvas_assignment_id == Assignment.canvas_assignment_id,
)
"""Joins a visibility row with its assignment, and with no other that has got its id since."""
