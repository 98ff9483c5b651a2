"""Shows what a test's calls send to the database."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from shared.database import Database

Sent = list[tuple[str, Any]]
"""Statements with their parameters, in order."""


@contextmanager
def sent_statements(database: Database) -> Iterator[Sent]:
    """Collect every statement of units of work and of reads."""
    sent: Sent = []

    def note(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        sent.append((statement, parameters))

    engines = [database.engine.sync_engine, database.reading_engine.sync_engine]
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", note)
