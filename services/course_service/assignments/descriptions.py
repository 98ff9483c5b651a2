"""Makes descriptions from Canvas safe to show and short enough to keep."""

import re
from collections.abc import Callable

import nh3

MAX_STORED_BYTES = 65_535
"""Width of a TEXT column."""

MAX_TAGS = 10_000
"""The parser's time grows with the square of the nesting: 50,000 open elements take four seconds, these
0.2. What comes after them is left out; a description of 65,535 bytes has some hundreds."""

_STYLES = {
    "background-color",
    "border",
    "border-collapse",
    "color",
    "font-size",
    "font-style",
    "font-weight",
    "height",
    "list-style-type",
    "margin-left",
    "padding",
    "padding-left",
    "text-align",
    "text-decoration",
    "vertical-align",
    "width",
}
"""Looks without effect outside of their element: nothing that positions, overlays or loads."""

_CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def _keep_attribute(tag: str, attribute: str, value: str) -> str | None:
    # An image over plain HTTP, or from a path of ours, would be fetched just by reading.
    if tag == "img" and attribute == "src" and not value.lower().startswith("https://"):
        return None
    return value


_CLEANER = nh3.Cleaner(
    attributes={
        **nh3.ALLOWED_ATTRIBUTES,
        "a": {"href", "hreflang", "target"},
        "table": {"align", "border", "cellpadding", "cellspacing", "summary"},
        "*": {"dir", "lang", "style", "title"},
    },
    attribute_filter=_keep_attribute,
    filter_style_properties=_STYLES,
    link_rel="noopener noreferrer nofollow",
    url_schemes={"http", "https", "mailto", "tel"},
)


def sanitise_description(description: str | None) -> str | None:
    """Return a description without anything that could run, load or overlay; harmless markup stays.

    Cut to `MAX_STORED_BYTES` at a character boundary, with open elements closed.
    """
    if description is None:
        return None
    text = _CONTROL_CHARACTERS.sub("", description)
    if text.count("<") > MAX_TAGS:
        text = "<".join(text.split("<", MAX_TAGS + 1)[:-1])
    return _cut(_CLEANER.clean(text), MAX_STORED_BYTES, _first_bytes, _byte_length)


def shorten_description(description: str | None, max_characters: int) -> str | None:
    """Return the beginning of a sanitised description, with open elements closed."""
    if description is None:
        return None
    return _cut(description, max_characters, _first_characters, len)


def _cut(
    text: str, limit: int, first: Callable[[str, int], str], measure: Callable[[str], int]
) -> str:
    room = limit
    result = text
    while measure(result) > limit:
        # Closing tags come on top, so what was too much is taken off and it is tried again.
        result = _CLEANER.clean(_without_cut_entity(first(text, room)))
        room -= max(measure(result) - limit, 1)
    return result


def _without_cut_entity(text: str) -> str:
    start = text.rfind("&")
    return text[:start] if start > text.rfind(";") else text


def _first_bytes(text: str, count: int) -> str:
    return text.encode()[: max(count, 0)].decode(errors="ignore")


def _first_characters(text: str, count: int) -> str:
    return text[: max(count, 0)]


def _byte_length(text: str) -> int:
    return len(text.encode())
