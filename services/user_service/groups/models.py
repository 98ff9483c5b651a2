"""The tables `groups` and `group_members`."""

from enum import StrEnum

from sqlalchemy import BigInteger, String, Text
from sqlalchemy.dialects.mysql import ENUM
from sqlalchemy.orm import Mapped, mapped_column

from services.user_service.database import Base, CognitoSub, PrimaryKey, Stamp


class Role(StrEnum):
    """What a member may do; a group has one OWNER."""

    ADMIN = "ADMIN"
    MEMBER = "MEMBER"
    OWNER = "OWNER"


class Group(Base):
    """A study group."""

    __tablename__ = "groups"

    id: Mapped[PrimaryKey]
    name: Mapped[str] = mapped_column(String(100))
    description: Mapped[str | None] = mapped_column(Text)
    owner_cognito_sub: Mapped[CognitoSub]
    created_at: Mapped[Stamp]
    updated_at: Mapped[Stamp]


class GroupMember(Base):
    """One user in one group."""

    __tablename__ = "group_members"

    id: Mapped[PrimaryKey]
    group_id: Mapped[int] = mapped_column(BigInteger)
    user_cognito_sub: Mapped[CognitoSub]
    role: Mapped[Role] = mapped_column(ENUM(Role))
    joined_at: Mapped[Stamp]
