"""The tables `credentials` and `sync_runs`."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import String
from sqlalchemy.dialects.mysql import DATETIME, ENUM
from sqlalchemy.orm import Mapped, mapped_column

from services.user_service.database import Base, CognitoSub, PrimaryKey, Stamp
from services.user_service.integrations.canvas import SyncMode


class Provider(StrEnum):
    """Whose token a credential is."""

    CANVAS = "CANVAS"
    GOOGLE_CALENDAR = "GOOGLE_CALENDAR"


class Credential(Base):
    """One user's sealed token for one provider."""

    __tablename__ = "credentials"

    id: Mapped[PrimaryKey]
    cognito_sub: Mapped[CognitoSub]
    provider: Mapped[Provider] = mapped_column(ENUM(Provider))
    encrypted_token: Mapped[str] = mapped_column(String(1024))
    is_connected: Mapped[bool]
    external_user_id: Mapped[str | None] = mapped_column(String(255))
    external_username: Mapped[str | None] = mapped_column(String(255))
    created_at: Mapped[Stamp]
    updated_at: Mapped[Stamp]
    last_validated_at: Mapped[datetime | None] = mapped_column(DATETIME(fsp=6))
    last_synced_at: Mapped[datetime | None] = mapped_column(DATETIME(fsp=6))


class RunTrigger(StrEnum):
    """Who asked for a synchronisation: the student, or the schedule."""

    MANUAL = "MANUAL"
    SCHEDULED = "SCHEDULED"


class RunStatus(StrEnum):
    """Where a synchronisation stands."""

    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


class SyncRun(Base):
    """One synchronisation of one student.

    While it is RUNNING and `lease_until` has not passed, no other one of this student starts.
    """

    __tablename__ = "sync_runs"

    id: Mapped[PrimaryKey]
    cognito_sub: Mapped[CognitoSub]
    triggered_by: Mapped[RunTrigger] = mapped_column(ENUM(RunTrigger))
    mode: Mapped[SyncMode] = mapped_column(ENUM(SyncMode))
    status: Mapped[RunStatus] = mapped_column(ENUM(RunStatus))
    claim_id: Mapped[str | None] = mapped_column(String(64))
    started_at: Mapped[Stamp]
    lease_until: Mapped[Stamp]
    finished_at: Mapped[datetime | None] = mapped_column(DATETIME(fsp=6))
    courses_count: Mapped[int]
    assignments_count: Mapped[int]
    synced_at: Mapped[str | None] = mapped_column(String(32))
    error_code: Mapped[str | None] = mapped_column(String(64))
