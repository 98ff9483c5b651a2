"""The table `todos`."""

from datetime import date, datetime

from sqlalchemy import BigInteger, String, Text
from sqlalchemy.dialects.mysql import CHAR, DATETIME, ENUM
from sqlalchemy.orm import Mapped, mapped_column

from services.schedule_service.database import Base, Stamped


class Todo(Stamped, Base):
    """One todo; a subtask when it has a parent."""

    __tablename__ = "todos"

    todo_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    cognito_sub: Mapped[str | None] = mapped_column(String(255))
    group_id: Mapped[int | None] = mapped_column(BigInteger)
    category_id: Mapped[int] = mapped_column(BigInteger)
    title: Mapped[str] = mapped_column(String(255))
    description: Mapped[str | None] = mapped_column(Text)
    start_date: Mapped[date]
    due_date: Mapped[date]
    deadline: Mapped[datetime | None] = mapped_column(DATETIME(fsp=6))
    status: Mapped[str] = mapped_column(ENUM("DONE", "IN_PROGRESS", "TODO"), default="TODO")
    priority: Mapped[str] = mapped_column(ENUM("HIGH", "LOW", "MEDIUM", "URGENT"), default="MEDIUM")
    progress_percentage: Mapped[int] = mapped_column(default=0)
    parent_todo_id: Mapped[int | None] = mapped_column(BigInteger)
    schedule_id: Mapped[int | None] = mapped_column(BigInteger)
    is_ai_generated: Mapped[bool] = mapped_column(default=False)
    generated_key: Mapped[str | None] = mapped_column(String(255))
    generated_hash: Mapped[str | None] = mapped_column(CHAR(64))
