"""Pages by `Link` header with page tokens that mean nothing to a client.

A token marks the last item shown, not a number: items that come or go between two pages neither repeat nor
skip the others, and nobody can compute the next one.
"""

import base64
import hmac
import secrets
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

import orjson

DEFAULT_PER_PAGE = 10
MAX_PER_PAGE = 100
"""Canvas cuts larger values to this without saying so."""

Item = TypeVar("Item")
SortKey = Callable[[Item], tuple[Any, ...]]

_BOOKMARK = "bookmark:"
_SIGNATURE_BYTES = 9
_SECRET = secrets.token_bytes(32)


class InvalidPageTokenError(Exception):
    """The page token was not handed out for this list."""


@dataclass(frozen=True)
class Page(Generic[Item]):
    """One page of a list; `next_token` is missing on the last one."""

    items: Sequence[Item]
    per_page: int
    next_token: str | None


def cut_page(
    items: Sequence[Item],
    *,
    key: SortKey[Item],
    list_name: str,
    token: str | None,
    per_page: str | None,
) -> Page[Item]:
    """Cut the page that a token asks for out of a list.

    Args:
        items: The whole list, sorted by `key`.
        key: Unique for each item and made of JSON values.
        list_name: What the list is and how it is sorted; a token is good for one list only.
        token: The `page` parameter as received; absent, `first` and `1` mean the first page.
        per_page: The `per_page` parameter as received; nonsense counts as the default.

    Raises:
        InvalidPageTokenError: The token is a number, altered, or from another list.
    """
    size = _page_size(per_page)
    start = 0
    if token not in {None, "", "first", "1"}:
        start = bisect_right(items, _bookmarked_key(str(token), list_name), key=key)
    chosen = items[start : start + size]
    has_next = start + size < len(items)
    return Page(chosen, size, _bookmark(key(chosen[-1]), list_name) if has_next else None)


def link_header(url: str, parameters: Sequence[tuple[str, str]], page: Page[Any]) -> str:
    """Write the `Link` header of a page.

    `last` is left out, as Canvas does where counting is expensive; `prev` never exists for bookmarks.

    Args:
        url: The list's address without a query.
        parameters: The query as received; every one is repeated in the links.
        page: The page that is answered.
    """
    kept = [(name, value) for name, value in parameters if name not in {"page", "per_page"}]
    current = next((value for name, value in parameters if name == "page"), "first")

    def link(token: str, relation: str) -> str:
        query = urlencode([*kept, ("page", token), ("per_page", str(page.per_page))], safe=":")
        return f'<{url}?{query}>; rel="{relation}"'

    links = [link(current, "current")]
    if page.next_token is not None:
        links.append(link(page.next_token, "next"))
    links.append(link("first", "first"))
    return ",".join(links)


def _page_size(per_page: str | None) -> int:
    if per_page is None or not per_page.isascii() or not per_page.isdigit() or len(per_page) > 9:
        return DEFAULT_PER_PAGE
    return min(int(per_page), MAX_PER_PAGE) or DEFAULT_PER_PAGE


def _bookmark(last_key: tuple[Any, ...], list_name: str) -> str:
    content = orjson.dumps(last_key)
    return _BOOKMARK + base64.urlsafe_b64encode(_sign(content, list_name) + content).decode()


def _bookmarked_key(token: str, list_name: str) -> tuple[Any, ...]:
    if not token.startswith(_BOOKMARK):
        raise InvalidPageTokenError
    try:
        packed = base64.urlsafe_b64decode(token.removeprefix(_BOOKMARK))
    except ValueError:
        raise InvalidPageTokenError from None
    signature, content = packed[:_SIGNATURE_BYTES], packed[_SIGNATURE_BYTES:]
    if not hmac.compare_digest(signature, _sign(content, list_name)):
        raise InvalidPageTokenError
    return tuple(orjson.loads(content))


def _sign(content: bytes, list_name: str) -> bytes:
    return hmac.digest(_SECRET, list_name.encode() + b"\0" + content, "sha256")[:_SIGNATURE_BYTES]
