"""The table `revocations`."""

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from services.user_service.database import Base, Stamp


class Revocation(Base):
    """A user's last sign-out: sessions that began in this second or earlier have ended."""

    __tablename__ = "revocations"

    cognito_sub: Mapped[str] = mapped_column(String(255), primary_key=True)
    revoked_before: Mapped[Stamp]
