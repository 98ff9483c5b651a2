"""A query that is written with SQLAlchemy, compiled once, and run many times without it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Enum, SelectBase
from sqlalchemy.dialects.mysql.asyncmy import dialect

_DIALECT = dialect()


class Query:
    """A SELECT as the driver takes it, and how its rows become dictionaries.

    Args:
        statement: Each value in it is a named `bindparam`; none is expanding. Its columns' labels are the
            names in the dictionaries.
    """

    def __init__(self, statement: SelectBase) -> None:
        compiled = statement.compile(dialect=_DIALECT)
        self.sql = str(compiled)
        self._parameters: Sequence[str] = compiled.positiontup or ()
        self._names = tuple(column.name for column in statement.selected_columns)
        self._conversions = tuple(_conversions(statement))

    def arguments(self, values: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return the values of the parameters in the order in which they stand in the statement."""
        return tuple([values[name] for name in self._parameters])

    def as_dicts(self, rows: Iterable[tuple[Any, ...]]) -> list[dict[str, Any]]:
        """Return the driver's rows as dictionaries by label, converted as SQLAlchemy would."""
        names = self._names
        listed = [dict(zip(names, row, strict=True)) for row in rows]
        for name, convert in self._conversions:
            for row in listed:
                row[name] = convert(row[name])
        return listed


def _conversions(statement: SelectBase) -> Iterable[tuple[str, Callable[[Any], Any]]]:
    for column in statement.selected_columns:
        if isinstance(column.type, Enum) and column.type.enum_class is None:
            # It would only look up that the column holds what the column may hold.
            continue
        convert = column.type.dialect_impl(_DIALECT).result_processor(_DIALECT, None)
        if convert is not None:
            yield column.name, convert
