"""The table `friendships`."""

from enum import StrEnum

from sqlalchemy.dialects.mysql import ENUM
from sqlalchemy.orm import Mapped, mapped_column

from services.user_service.database import Base, CognitoSub, PrimaryKey, Stamp


class FriendshipStatus(StrEnum):
    """What a row says about its friend side, as seen from its user side."""

    ACCEPTED = "ACCEPTED"
    BLOCKED = "BLOCKED"
    PENDING = "PENDING"


class Friendship(Base):
    """One direction of what is between two people."""

    __tablename__ = "friendships"

    id: Mapped[PrimaryKey]
    user_cognito_sub: Mapped[CognitoSub]
    friend_cognito_sub: Mapped[CognitoSub]
    status: Mapped[FriendshipStatus] = mapped_column(ENUM(FriendshipStatus))
    created_at: Mapped[Stamp]
    updated_at: Mapped[Stamp]
