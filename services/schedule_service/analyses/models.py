"""The tables `analyses`, `analysis_claims` and `analysis_budget`."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import String
from sqlalchemy.dialects.mysql import CHAR, DATETIME, JSON
from sqlalchemy.orm import Mapped, mapped_column

from services.schedule_service.database import Base


class Analysis(Base):
    """The steps of one text."""

    __tablename__ = "analyses"

    content_hash: Mapped[str] = mapped_column(CHAR(64), primary_key=True)
    tasks: Mapped[list[Any]] = mapped_column(JSON)
    made_at: Mapped[datetime] = mapped_column(DATETIME(fsp=6))


class AnalysisClaim(Base):
    """Who is at a text, and how many calls it was charged since `counted_from`; gone with the result."""

    __tablename__ = "analysis_claims"

    content_hash: Mapped[str] = mapped_column(CHAR(64), primary_key=True)
    worker_id: Mapped[str | None] = mapped_column(String(64))
    claimed_at: Mapped[datetime | None] = mapped_column(DATETIME(fsp=6))
    calls: Mapped[int] = mapped_column(default=0)
    counted_from: Mapped[datetime] = mapped_column(DATETIME(fsp=6))


class AnalysisBudget(Base):
    """How many calls were charged on a day, in UTC."""

    __tablename__ = "analysis_budget"

    period: Mapped[date] = mapped_column(primary_key=True)
    calls: Mapped[int] = mapped_column(default=0)
