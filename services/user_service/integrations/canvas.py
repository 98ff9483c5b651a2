"""What this room needs of Canvas and of the function that reads it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


@dataclass(frozen=True)
class CanvasProfile:
    """Whom a Canvas token belongs to."""

    user_id: str
    login_id: str | None


class CanvasProfiles(Protocol):
    """Asks Canvas who a token's owner is."""

    async def read_profile(self, token: str) -> CanvasProfile:
        """Return the owner's profile. Raises `InvalidCanvasToken`, `CanvasUnavailable`."""


class SyncMode(StrEnum):
    """What a synchronisation covers."""

    COURSES = "courses"
    ASSIGNMENTS = "assignments"


@dataclass(frozen=True)
class SyncCounts:
    """What a synchronisation covered, and when it ended in UTC, in the function's own digits."""

    courses: int
    assignments: int
    synced_at: str


class CanvasSync(Protocol):
    """Runs a synchronisation and waits for its end."""

    async def sync(self, cognito_sub: str, mode: SyncMode) -> SyncCounts:
        """Synchronise one student. Raises `CanvasSyncFailed`."""
