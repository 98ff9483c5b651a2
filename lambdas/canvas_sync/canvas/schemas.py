"""What we read of Canvas's answers: what we need strictly, everything else as far as it is usable."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from shared.events.event import Identifier
from shared.events.times import read_event_time
from shared.logging import get_logger

log = get_logger(__name__)

_UNSENDABLE = re.compile("[\ud800-\udfff\ufffe\uffff]")
"""Half characters have no UTF-8, and SQS refuses a message with one of the other two."""

_IDENTIFIER: TypeAdapter[int] = TypeAdapter(Identifier)


def _text(value: Any) -> str | None:
    if not isinstance(value, str):
        return None
    # The expression reads character by character, and hardly any text needs it.
    return value if _is_sendable(value) else _UNSENDABLE.sub("\ufffd", value)


def _is_sendable(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return "\ufffe" not in text and "\uffff" not in text


def _time(value: Any) -> datetime | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError("a time is a string")
    try:
        return read_event_time(value)
    except OverflowError:
        raise ValueError("the time has no equivalent in UTC") from None


def _usable_time(value: Any) -> datetime | None:
    try:
        return _time(value)
    except ValueError:
        return None


def _usable_number(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and abs(value) < 1e300 and math.isfinite(value) else None


def _submission(value: Any) -> Any:
    """Return what Canvas wrote, or `None` when it is nothing that can be told apart from not knowing."""
    try:
        return CanvasSubmission.model_validate(value)
    except ValidationError:
        return None


def _files(value: Any) -> list[Any]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _size(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value < 2**63 else None


def _names(value: Any) -> tuple[str, ...]:
    texts = [_text(entry) for entry in value] if isinstance(value, list) else []
    return tuple(text for text in texts if text)


Text = Annotated[str | None, BeforeValidator(_text)]
Name = Annotated[str, BeforeValidator(_text), Field(min_length=1)]
UsableTime = Annotated[datetime | None, BeforeValidator(_usable_time)]


class _CanvasObject(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)


class CanvasCourse(_CanvasObject):
    """A course of the student; one that is restricted by date comes without a name and cannot be used.

    `name` is the student's own nickname for it when there is an `original_name`.
    """

    id: Identifier
    name: Name
    original_name: Text = None
    course_code: Text = None
    workflow_state: Text = None
    start_at: Text = None
    end_at: Text = None


class CanvasFile(_CanvasObject):
    """A file that was handed in; its address carries a key and is never read."""

    display_name: Text = None
    filename: Text = None
    content_type: Annotated[Text, Field(alias="content-type")] = None
    size: Annotated[int | None, BeforeValidator(_size)] = None


class CanvasSubmission(_CanvasObject):
    """The student's own submission; there is one for every assignment, handed in or not."""

    submitted_at: Annotated[datetime | None, BeforeValidator(_time)] = None
    submission_type: Text = None
    workflow_state: Text = None
    attachments: Annotated[tuple[CanvasFile, ...], BeforeValidator(_files)] = ()


class CanvasAssignment(_CanvasObject):
    """An assignment with the caller's own due date, in UTC.

    A due date that cannot be read makes the entry unusable: taken as no due date, it would end a schedule.
    """

    id: Identifier
    name: Name
    description: Text = None
    due_at: Annotated[datetime | None, BeforeValidator(_time)] = None
    points_possible: Annotated[float | None, BeforeValidator(_usable_number)] = None
    submission_types: Annotated[tuple[str, ...], BeforeValidator(_names)] = ()
    html_url: Text = None
    created_at: UsableTime = None
    updated_at: UsableTime = None
    submission: Annotated[CanvasSubmission | None, BeforeValidator(_submission)] = None


ObjectT = TypeVar("ObjectT", bound=_CanvasObject)


@dataclass(frozen=True)
class Reading(Generic[ObjectT]):
    """What could be read of one page.

    Attributes:
        usable: The entries that can be used.
        ids: The ids of all entries, unusable ones included: they are there, so nothing may be removed for them.
        is_exhaustive: Whether every entry had an id; without it nobody knows what the entry was.
    """

    usable: list[ObjectT]
    ids: list[int]
    is_exhaustive: bool


def read_entries(object_class: type[ObjectT], entries: Sequence[Any]) -> Reading[ObjectT]:
    """Read the entries of a page one by one, so that a bad one does not fail its neighbours."""
    usable: list[ObjectT] = []
    ids: list[int] = []
    is_exhaustive = True
    for entry in entries:
        try:
            ids.append(_IDENTIFIER.validate_python(entry["id"]))
        except (ValidationError, KeyError, TypeError):
            log.warning("canvas_entry_without_id", kind=object_class.__name__)
            is_exhaustive = False
            continue
        try:
            usable.append(object_class.model_validate(entry))
        except ValidationError as problem:
            fields = sorted({str(error["loc"][0]) for error in problem.errors() if error["loc"]})
            log.info("canvas_entry_skipped", kind=object_class.__name__, id=ids[-1], fields=fields)
    return Reading(usable, ids, is_exhaustive)
