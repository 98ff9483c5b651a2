"""The tables `users` and `deleted_users`."""

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from services.user_service.database import Base, CognitoSub, PrimaryKey, Stamp


class User(Base):
    """A person who signed up."""

    __tablename__ = "users"

    id: Mapped[PrimaryKey]
    email: Mapped[str] = mapped_column(String(255))
    name: Mapped[str] = mapped_column(String(100))
    cognito_sub: Mapped[CognitoSub]
    is_active: Mapped[bool]
    created_at: Mapped[Stamp]
    updated_at: Mapped[Stamp]


class DeletedUser(Base):
    """An account that was deleted; nothing may bring it back."""

    __tablename__ = "deleted_users"

    cognito_sub: Mapped[str] = mapped_column(String(255), primary_key=True)
    deleted_at: Mapped[Stamp]
