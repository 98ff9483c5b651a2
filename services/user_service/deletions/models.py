"""The table `pending_deletions`."""

from enum import StrEnum

from sqlalchemy import String, Text
from sqlalchemy.dialects.mysql import ENUM
from sqlalchemy.orm import Mapped, mapped_column

from services.user_service.database import Base, PrimaryKey, Stamp


class Kind(StrEnum):
    """Whose data must go."""

    GROUP = "GROUP"
    USER = "USER"


class PendingDeletion(Base):
    """A group or an account whose data elsewhere must go."""

    __tablename__ = "pending_deletions"

    id: Mapped[PrimaryKey]
    kind: Mapped[Kind] = mapped_column(ENUM(Kind))
    subject: Mapped[str] = mapped_column(String(255))
    group_owners: Mapped[str | None] = mapped_column(Text)
    attempts: Mapped[int]
    created_at: Mapped[Stamp]
    next_attempt_at: Mapped[Stamp]
