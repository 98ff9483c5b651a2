"""The table `schedules`."""

from datetime import datetime

from sqlalchemy import BigInteger, String, Text
from sqlalchemy.dialects.mysql import DATETIME, ENUM
from sqlalchemy.orm import Mapped, mapped_column

from services.schedule_service.database import Base, Stamped


class Schedule(Stamped, Base):
    """One entry of a planner; personal when it has no group."""

    __tablename__ = "schedules"

    schedule_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    cognito_sub: Mapped[str | None] = mapped_column(String(255))
    group_id: Mapped[int | None] = mapped_column(BigInteger)
    category_id: Mapped[int] = mapped_column(BigInteger)
    title: Mapped[str] = mapped_column(String(255))
    description: Mapped[str | None] = mapped_column(Text)
    location: Mapped[str | None] = mapped_column(String(255))
    start_time: Mapped[datetime] = mapped_column(DATETIME(fsp=6))
    end_time: Mapped[datetime] = mapped_column(DATETIME(fsp=6))
    is_all_day: Mapped[bool] = mapped_column(default=False)
    status: Mapped[str] = mapped_column(ENUM("DONE", "IN_PROGRESS", "TODO"), default="TODO")
    recurrence_rule: Mapped[str | None] = mapped_column(String(255))
    source: Mapped[str] = mapped_column(
        ENUM("CANVAS", "GOOGLE_CALENDAR", "TODOIST", "USER"), default="USER"
    )
    source_id: Mapped[str | None] = mapped_column(String(255))
    time_zone: Mapped[str | None] = mapped_column(String(64))
