"""The tables `assignment_plans`, `generated_todos` and `recorded_submissions`."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, String
from sqlalchemy.dialects.mysql import CHAR, DATETIME, JSON
from sqlalchemy.orm import Mapped, mapped_column

from services.schedule_service.database import Base


class AssignmentPlan(Base):
    """The newest steps of an assignment, for everybody who has it or will have it.

    `changed_at` is the highest order mark of the plans that were stored here, if one ever had any.
    """

    __tablename__ = "assignment_plans"

    canvas_assignment_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False
    )
    course_id: Mapped[int] = mapped_column(BigInteger)
    content_hash: Mapped[str | None] = mapped_column(CHAR(64))
    due_at: Mapped[datetime | None] = mapped_column(DATETIME(fsp=6))
    changed_at: Mapped[datetime | None] = mapped_column(DATETIME(fsp=6))
    tasks: Mapped[list[Any]] = mapped_column(JSON)
    planned_at: Mapped[datetime] = mapped_column(DATETIME(fsp=6))


class GeneratedTodo(Base):
    """A step that was put into a student's planner; when its todo is gone, the student deleted it."""

    __tablename__ = "generated_todos"

    cognito_sub: Mapped[str] = mapped_column(String(255), primary_key=True)
    generated_key: Mapped[str] = mapped_column(String(255), primary_key=True)


class RecordedSubmission(Base):
    """A student handed an assignment in, which took effect once."""

    __tablename__ = "recorded_submissions"

    cognito_sub: Mapped[str] = mapped_column(String(255), primary_key=True)
    canvas_assignment_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False
    )
    recorded_at: Mapped[datetime] = mapped_column(DATETIME(fsp=6))
