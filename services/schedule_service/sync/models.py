"""The tables `canvas_snapshots` and `deleted_users`."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.dialects.mysql import DATETIME
from sqlalchemy.orm import Mapped, mapped_column

from services.schedule_service.database import Base


class CanvasSnapshot(Base):
    """A student's row: locked while one of their messages is applied; holds the last order mark."""

    __tablename__ = "canvas_snapshots"

    cognito_sub: Mapped[str] = mapped_column(String(255), primary_key=True)
    snapshot_at: Mapped[datetime | None] = mapped_column(DATETIME(fsp=6))


class DeletedUser(Base):
    """An account that is gone, whose late events are skipped."""

    __tablename__ = "deleted_users"

    cognito_sub: Mapped[str] = mapped_column(String(255), primary_key=True)
    deleted_at: Mapped[datetime] = mapped_column(DATETIME(fsp=6))
