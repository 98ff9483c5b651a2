"""Reads the `Link` header, by which alone Canvas says that there are more pages (RFC 8288)."""

import re

_TARGET = re.compile(r"\s*<([^<>]*)>")
_PARAMETER = re.compile(
    r'\s*;\s*(?:([^\s=;,"<>]+)\s*(?:=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*)))?)?', re.DOTALL
)
_SEPARATOR = re.compile(r"\s*(?:,\s*)+|\s*$")


def next_link(header: str) -> str | None:
    """Return the target of the first link with the relation `next`, as it was written.

    Args:
        header: The header's value; several headers joined by commas.

    Raises:
        ValueError: Not a legal header. Nobody knows then whether there is another page.
    """
    position = _separated(header, 0) if header.lstrip().startswith(",") else 0
    found: str | None = None
    while header[position:].strip():
        target = _TARGET.match(header, position)
        if target is None:
            raise ValueError("not a link header")
        position = target.end()
        relations: str | None = None
        is_about_another_page = False
        while parameter := _PARAMETER.match(header, position):
            position = parameter.end()
            name, quoted, plain = parameter.groups()
            if name is None:
                continue
            value = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else (plain or "")
            if name.lower() == "rel" and relations is None:
                relations = value
            is_about_another_page = is_about_another_page or name.lower() == "anchor"
        if found is None and not is_about_another_page and relations is not None:
            found = target[1].strip() if "next" in relations.lower().split() else None
        position = _separated(header, position)
    return found


def _separated(header: str, position: int) -> int:
    separator = _SEPARATOR.match(header, position)
    if separator is None:
        raise ValueError("not a link header")
    return separator.end()
