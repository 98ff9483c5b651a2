"""The student's lock row, and the ids of deleted students."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from services.course_service.database import Base


class Student(Base):
    """Locked by whoever changes or reads a student's whole view; keeps the last `snapshotAt`."""

    __tablename__ = "students"

    cognito_sub: Mapped[str] = mapped_column(String(255), primary_key=True)
    snapshot_at: Mapped[datetime | None]


class DeletedUser(Base):
    """A student whose account is deleted; outlives everything else about the student."""

    __tablename__ = "deleted_users"

    cognito_sub: Mapped[str] = mapped_column(String(255), primary_key=True)
    deleted_at: Mapped[datetime]
