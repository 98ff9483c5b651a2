"""The table `credentials`."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import String
from sqlalchemy.dialects.mysql import DATETIME, ENUM
from sqlalchemy.orm import Mapped, mapped_column

from services.user_service.database import Base, CognitoSub, PrimaryKey, Stamp


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
