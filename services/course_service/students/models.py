"""The student's lock row."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from services.course_service.database import Base


class Student(Base):
    """Locked by whoever changes or reads a student's whole view; keeps the last `snapshotAt`."""

    __tablename__ = "students"

    cognito_sub: Mapped[str] = mapped_column(String(255), primary_key=True)
    snapshot_at: Mapped[datetime | None]
