"""The table `canvas_snapshots`."""

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
