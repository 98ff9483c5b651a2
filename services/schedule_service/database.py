"""What the rooms' tables in `schedule_db` have in common."""

from datetime import datetime

from sqlalchemy.dialects.mysql import DATETIME
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """Every table of this service."""


class Stamped:
    """Columns for when a row was made and last changed; the application sets both."""

    created_at: Mapped[datetime] = mapped_column(DATETIME(fsp=6))
    updated_at: Mapped[datetime] = mapped_column(DATETIME(fsp=6))
