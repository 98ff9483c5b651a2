"""Holds every upsert of a test run to what MySQL 8 asks for, since the tests mostly run on MariaDB."""

import re
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

NAMED = re.compile(r"INSERT INTO \S+ \(([^)]+)\)")
RENEWED = re.compile(r"\bVALUES\(`?(\w+)`?\)|\bnew\.`?(\w+)`?")


def unnamed_new_values(statement: str) -> set[str]:
    """Return columns whose new value an upsert takes though it gives none: MySQL 8 refuses it, MariaDB takes NULL."""
    insert, _, update = statement.partition("ON DUPLICATE KEY UPDATE")
    columns = NAMED.search(insert)
    if not update or columns is None:
        return set()
    named = {column.strip(" `") for column in columns[1].split(",")}
    return {name for pair in RENEWED.findall(update) for name in pair if name} - named


def refuse_unnamed_new_values() -> None:
    """Fail every statement of this process that MySQL 8 would refuse for them."""

    @event.listens_for(Engine, "before_cursor_execute")
    def check(_: Any, __: Any, statement: str, *___: Any) -> None:
        unnamed = unnamed_new_values(statement)
        if unnamed:
            raise AssertionError(f"{sorted(unnamed)} are renewed and not inserted: {statement}")
