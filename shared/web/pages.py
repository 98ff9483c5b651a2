"""Optional `limit` and `cursor` of lists: the same list, cut, with a `Link` to what follows (additions.md F)."""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, TypeVar
from urllib.parse import urlencode

import orjson
from fastapi import Depends, Query, Request, Response

from shared.web.app import json_answer
from shared.web.errors import BadRequest

MAX_LIMIT = 100
MAX_CURSOR_LENGTH = 512

Position = list[Any]
"""The sort key of the last row shown."""

RowT = TypeVar("RowT", bound=Mapping[Any, Any])

FORWARDED_PREFIX_HEADER = "X-Forwarded-Prefix"
"""Set by the gateway, whose paths begin with `/api`."""


@dataclass(frozen=True)
class Page:
    """Which part of a list is wanted; without a limit all of it."""

    limit: int | None = None
    after: Position | None = None

    @property
    def fetch(self) -> int | None:
        """How many rows to read: one more than shown tells whether there is a next page."""
        return None if self.limit is None else self.limit + 1


async def _page(
    limit: Annotated[
        int | None, Query(ge=1, le=MAX_LIMIT, description="at most so many; all without it")
    ] = None,
    cursor: Annotated[
        str | None,
        Query(max_length=MAX_CURSOR_LENGTH, description="where the previous page ended"),
    ] = None,
) -> Page:
    if cursor is None:
        return Page(limit)
    return Page(MAX_LIMIT if limit is None else limit, _read_cursor(cursor))


PageParameters = Annotated[Page, Depends(_page)]
"""The `limit` and `cursor` of a list endpoint."""


def _read_cursor(cursor: str) -> Position:
    try:
        position = orjson.loads(base64.b64decode(cursor, altchars=b"-_", validate=True))
        if isinstance(position, list) and all(_is_part(part) for part in position):
            return position
    except (ValueError, binascii.Error):
        pass
    raise BadRequest("The cursor is not one of ours.")


def _is_part(part: Any) -> bool:
    if isinstance(part, int):
        return abs(part) < 2**63
    return part is None or isinstance(part, str)


def read_position(page: Page, *kinds: type) -> tuple[Any, ...] | None:
    """Return the sort key after which the page begins, with datetimes read back.

    Args:
        page: The wanted page.
        kinds: The type of each part of the key: `int`, `str` or `datetime`.

    Raises:
        BadRequest: The cursor is of another list.
    """
    if page.after is None:
        return None
    try:
        if len(page.after) == len(kinds):
            return tuple(
                _read_part(part, kind) for part, kind in zip(page.after, kinds, strict=True)
            )
    except ValueError:
        pass
    raise BadRequest("The cursor is not of this list.")


def _read_part(part: Any, kind: type) -> Any:
    if kind is datetime and isinstance(part, str):
        moment = datetime.fromisoformat(part)
        if moment.tzinfo is None:
            return moment
    elif isinstance(part, kind) and not isinstance(part, bool):
        return part
    raise ValueError(part)


def list_answer(
    request: Request,
    page: Page,
    rows: Sequence[RowT],
    position: Callable[[RowT], Position],
) -> Response:
    """Answer with a list, cut to its page, and a `Link` to the next page when there is one.

    Args:
        request: The request, whose own query the next page's repeats.
        page: The wanted page.
        rows: At most `page.fetch` rows, in order.
        position: A row's sort key, unique in the list; datetimes as they are stored.
    """
    if page.limit is None or len(rows) <= page.limit:
        return json_answer(rows)
    shown = rows[: page.limit]
    cursor = base64.urlsafe_b64encode(orjson.dumps(position(shown[-1]))).decode()
    query = [(k, v) for k, v in request.query_params.multi_items() if k not in ("cursor", "limit")]
    query += [("limit", str(page.limit)), ("cursor", cursor)]
    prefix = request.headers.get(FORWARDED_PREFIX_HEADER, "")
    answer = json_answer(shown)
    answer.headers["Link"] = f'<{prefix}{request.url.path}?{urlencode(query)}>; rel="next"'
    return answer
