"""Gives every accepted path exactly one spelling, so that what was routed is what is sent on (G-02).

Starlette decodes before routing and clients normalise before sending; between the two, `%2e%2e`, `//` or `;`
can match one route and arrive at another. Here a path is decoded once, refused when any later reader could
see something else in it, and encoded again from the decoded form.
"""

import re
import unicodedata
from urllib.parse import quote, unquote_to_bytes

from services.api_gateway.errors import PathRefused, TargetTooLong

MAX_TARGET_BYTES = 8192
"""Path and query together; the longest call of the contract is under 2 KiB (G-06)."""

_PLAIN = re.compile(rb"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+/?")
"""Paths without anything to decode or to doubt: nearly all of them."""

_UNENCODED = "/-._~!$&'()*+,=:@"
"""What RFC 3986 lets stand in a path, without `;`, which some readers cut a segment at."""

_NOTHING_TO_ENCODE = re.compile(r"[A-Za-z0-9/._~-]*")
_WELL_FORMED = re.compile(rb"(?:[A-Za-z0-9\-._~!$&'()*+,=:@/]|%[0-9A-Fa-f]{2})+")
_PROXIED = re.compile(rb"https?://[^/?#]*", re.IGNORECASE)
_QUERY = re.compile(rb"[\x21-\x22\x24-\x7e]*")
"""Without `#`, which ends a query for some readers."""
_AMBIGUOUS = re.compile(r"[\\%;?#]")


def canonical_path(raw_path: bytes, query: bytes = b"") -> str:
    """Return the once-decoded path.

    Args:
        raw_path: The path as it came over the wire.
        query: The query as it came, without the question mark; it is passed on as it is.

    Raises:
        PathRefused: Another reader could take it for another path.
        TargetTooLong: Longer than `MAX_TARGET_BYTES`.
    """
    if len(raw_path) + len(query) > MAX_TARGET_BYTES:
        raise TargetTooLong
    if not _QUERY.fullmatch(query):
        raise PathRefused
    if _PLAIN.fullmatch(raw_path):
        return raw_path.decode("ascii")
    if not _WELL_FORMED.fullmatch(raw_path):
        raise PathRefused
    try:
        path = unquote_to_bytes(raw_path).decode("utf-8")
    except UnicodeDecodeError as problem:
        raise PathRefused from problem
    separators = raw_path.count(b"/")
    _refuse_ambiguous(path, separators)
    # A full-width solidus or a two-dot leader becomes `/` or `..` wherever somebody normalises.
    _refuse_ambiguous(unicodedata.normalize("NFKC", path), separators)
    return path


def split_target(target: bytes) -> tuple[bytes, bytes]:
    """Return path and query of a request's target; of a proxy's form (RFC 9112 3.2.2) the host is ignored."""
    if not target.startswith(b"/"):
        proxied = _PROXIED.match(target)
        if proxied is not None:
            target = target[proxied.end() :] or b"/"
    path, _, query = target.partition(b"?")
    return path, query


def encoded_path(path: str) -> str:
    """Return a canonical path as it is sent on."""
    if _NOTHING_TO_ENCODE.fullmatch(path):
        return path
    return quote(path, safe=_UNENCODED)


def _refuse_ambiguous(path: str, separators: int) -> None:
    segments = path.split("/")
    if (
        segments[0] != ""
        or len(segments) - 1 != separators
        or "" in segments[1:-1]
        or any(segment.strip() in {".", ".."} for segment in segments)
        or _AMBIGUOUS.search(path)
        or not path.isprintable()
    ):
        raise PathRefused
