"""What the todos of a plan are to say: their keys, texts and dates. No database here."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from services.schedule_service.todos.progress import Progress
from services.schedule_service.todos.schemas import TodoStatus

UNTOUCHED = Progress(TodoStatus.TODO, 0)
DONE = Progress(TodoStatus.DONE, 100)
MAX_TITLE_LENGTH = 255
WRITTEN = ("title", "description", "start_date", "due_date", "deadline", "priority", "category_id")
"""What a student may have edited; links, status and progress are looked at on their own."""


@dataclass(frozen=True)
class Step:
    """One todo to be; its parent's key is None at the root."""

    key: str
    parent_key: str | None
    title: str
    description: str
    priority: str
    due_date: date | None

    def values(self, *, start: date, deadline: datetime, category_id: int) -> dict[str, Any]:
        """Return what the todo says, with its dates between its start and the deadline's day."""
        due_on = max(start, min(self.due_date or deadline.date(), deadline.date()))
        return {
            "title": self.title,
            "description": self.description,
            "start_date": min(start, deadline.date()),
            "due_date": min(due_on, deadline.date()),
            "deadline": deadline,
            "priority": self.priority,
            "category_id": category_id,
        }


def key_prefix(canvas_assignment_id: int) -> str:
    """Return how the keys of an assignment's todos begin."""
    return f"{canvas_assignment_id}:"


def assignment_of(key: str) -> int:
    """Return the Canvas id of the assignment that a key names."""
    return int(key.partition(":")[0])


def steps_of(canvas_assignment_id: int, tasks: Sequence[Mapping[str, Any]]) -> Iterator[Step]:
    """Yield the todos of a plan, each after its parent; of siblings with one title only the first."""
    seen: set[str] = set()
    for task in tasks:
        key = key_prefix(canvas_assignment_id) + _name(task["title"])
        if key in seen:
            continue
        seen.add(key)
        yield _step(task, key, None)
        for subtask in task.get("subtasks") or ():
            sub_key = f"{key}/{_name(subtask['title'])}"
            if sub_key not in seen:
                seen.add(sub_key)
                yield _step(subtask, sub_key, key)


def content_hash(values: Mapping[str, Any]) -> str:
    """Return the hash by which it is told whether a todo still says what was written."""
    text = json.dumps([values[name] for name in WRITTEN], default=str)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _step(task: Mapping[str, Any], key: str, parent_key: str | None) -> Step:
    try:
        due_date = date.fromisoformat(task.get("dueDate") or "")
    except ValueError:
        due_date = None
    text = str(task.get("description") or "")
    quote = task.get("quote")
    if quote and quote not in text:
        text = f"{text}\n\n“{quote}”".strip()
    return Step(
        key, parent_key, task["title"][:MAX_TITLE_LENGTH], text[:16_000], task["priority"], due_date
    )


def _name(title: str) -> str:
    """Return a title's part of a key; case and white space make no difference."""
    normalised = " ".join(title.split()).casefold()
    return hashlib.sha256(normalised.encode("utf-8")).hexdigest()[:32]
