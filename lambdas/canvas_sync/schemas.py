"""What a synchronisation is asked for by, and what it answers (events.md 2.1 and 2.3)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from lambdas.canvas_sync.errors import InvocationInvalid
from shared.logging import accepted_correlation_id

_SUB = re.compile(r"[\x21-\x7e]{1,255}")
"""Goes into a header and a path, so it is one word of plain characters."""


class SyncMode(StrEnum):
    """Courses only, or the assignments of the courses that the student has enabled."""

    COURSES = "courses"
    ASSIGNMENTS = "assignments"


@dataclass(frozen=True)
class SyncRequest:
    """One student's synchronisation."""

    cognito_sub: str
    mode: SyncMode
    correlation_id: str


@dataclass(frozen=True)
class SyncResult:
    """How many courses and assignments are in the messages of a synchronisation."""

    courses_count: int
    assignments_count: int
    synced_at: str


def written_now() -> str:
    """Return the current UTC time as `syncedAt` has it: microseconds, no zone designator."""
    return datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")


def read_mode(payload: Mapping[str, Any]) -> SyncMode:
    """Read `syncMode`, without which assignments are meant.

    Raises:
        InvocationInvalid: It is neither of the two.
    """
    try:
        return SyncMode(payload.get("syncMode", SyncMode.ASSIGNMENTS))
    except ValueError:
        raise InvocationInvalid("syncMode must be courses or assignments") from None


def read_request(payload: Any, presented_id: str | None = None) -> SyncRequest:
    """Read who is to be synchronised and how.

    Args:
        payload: The object that holds `cognitoSub`, and may hold `syncMode` and `correlationId`.
        presented_id: A correlation id that came beside the payload.

    Raises:
        InvocationInvalid: Something required is missing or something given is unknown.
    """
    if not isinstance(payload, Mapping):
        raise InvocationInvalid("the payload is not an object")
    sub = payload.get("cognitoSub")
    if not isinstance(sub, str) or not sub:
        raise InvocationInvalid("cognitoSub is required")
    if _SUB.fullmatch(sub) is None or sub in {".", ".."}:
        raise InvocationInvalid("cognitoSub is not an id of a student")
    mode = read_mode(payload)
    request_id = payload.get("correlationId") or presented_id
    presented = request_id.encode() if isinstance(request_id, str) else None
    return SyncRequest(sub, mode, accepted_correlation_id(presented))
