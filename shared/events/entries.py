"""Reads the entries of a message one by one, so that a bad one does not fail its neighbours (V-2)."""

from collections.abc import Collection
from typing import Any, TypeVar

from pydantic import ValidationError

from shared.events.event import Event

EntryT = TypeVar("EntryT", bound=Event)


def read_entry(
    shape: type[EntryT], raw: Any, *, needed: Collection[str]
) -> tuple[EntryT | None, list[str]]:
    """Read one entry; wrong values of fields it can do without are left out, others cost the entry.

    Args:
        shape: What the entry should be.
        raw: The entry as it came.
        needed: Names on the wire of the fields that must be right.

    Returns:
        The entry, None when it cannot be used, and the names of the fields that were wrong.
    """
    try:
        return shape.model_validate(raw), []
    except ValidationError as problem:
        wrong = wrong_fields(problem)
    if not isinstance(raw, dict) or set(needed).intersection(wrong):
        return None, wrong
    return shape.model_validate({name: raw[name] for name in raw if name not in wrong}), wrong


def wrong_fields(problem: ValidationError) -> list[str]:
    """Return the names of the fields at fault, never their values."""
    return sorted({str(finding["loc"][0]) for finding in problem.errors() if finding["loc"]})
