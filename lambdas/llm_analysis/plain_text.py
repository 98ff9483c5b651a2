"""Turns the HTML of a description into lines of text that remember what they were."""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from html.parser import HTMLParser
from typing import Any

MAX_MARKUP_CHARACTERS = 100_000
"""Descriptions have at most 64 KB where they are stored; a message could carry more."""

MAX_TAG_CHARACTERS = 4_000
"""Longer tags are pictures written into an attribute; their text is none."""

MAX_BOLD_HEADING_CHARACTERS = 80
"""A bold line of this length stands in for a heading; a longer one is an emphasis."""

_BIDIRECTIONAL_CONTROLS = {*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF, 0x200B}
_COMMENT_OPEN, _COMMENT_CLOSE = "<!--", "-->"
_LONE_BRACKET = re.compile(rf"<(?!/?[A-Za-z][^<>]{{0,{MAX_TAG_CHARACTERS}}}>)")
_HEADING = re.compile(r"h[1-6]")
_BLOCKS = frozenset(
    {
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "center",
        "dd",
        "details",
        "div",
        "dl",
        "dt",
    }
    | {
        "figcaption",
        "figure",
        "footer",
        "header",
        "hr",
        "html",
        "main",
        "nav",
        "p",
        "pre",
        "section",
    }
    | {"summary", "table", "tbody", "tfoot", "thead"}
)
_UNSHOWN = frozenset({"script", "style", "head", "template", "noscript", "iframe", "object"})
_BOLD = frozenset({"b", "strong"})


class Kind(StrEnum):
    """What a line was in the markup."""

    HEADING = "heading"
    ITEM = "item"
    PARAGRAPH = "paragraph"
    ROW = "row"


@dataclass(frozen=True)
class Line:
    """One line of text; `level` is a heading's rank or an item's depth, from one."""

    text: str
    kind: Kind = Kind.PARAGRAPH
    level: int = 0
    is_ordered: bool = False


def clean(text: str) -> str:
    """Return one line of composed characters without controls, each run of white space as one space."""
    composed = unicodedata.normalize("NFC", text)
    shown = "".join(
        character
        for character in composed
        if character.isspace()
        or (
            unicodedata.category(character) not in {"Cc", "Cs"}
            and ord(character) not in _BIDIRECTIONAL_CONTROLS
        )
    )
    return " ".join(shown.split())


def read_lines(markup: str) -> list[Line]:
    """Return the shown text of a description, line by line; without any tag its own line breaks count."""
    markup = _without_comments(markup[:MAX_MARKUP_CHARACTERS])
    # The parser takes quadratic time over brackets that open no tag, and they are text anyway.
    bounded = _LONE_BRACKET.sub("&lt;", markup)
    reader = _Reader(keeps_line_breaks="<" not in bounded)
    reader.feed(bounded)
    reader.close()
    reader.end_line()
    return reader.lines


def _without_comments(markup: str) -> str:
    pieces: list[str] = []
    position = 0
    while (start := markup.find(_COMMENT_OPEN, position)) >= 0:
        end = markup.find(_COMMENT_CLOSE, start + len(_COMMENT_OPEN))
        if end < 0:
            break
        pieces.append(markup[position:start])
        position = end + len(_COMMENT_CLOSE)
    return "".join([*pieces, markup[position:]])


class _Reader(HTMLParser):
    def __init__(self, *, keeps_line_breaks: bool) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[Line] = []
        self._keeps_line_breaks = keeps_line_breaks
        self._pieces: list[str] = []
        self._plain_characters = 0
        self._bold_depth = 0
        self._unshown: str | None = None
        self._heading_level = 0
        self._lists: list[bool] = []
        self._is_item = False
        self._is_row = False

    def set_cdata_mode(self, *_: Any, **__: Any) -> None:
        """Read on as usual: scripts are left out by name, and their end tag may not be there to search for."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._unshown:
            return
        if tag in _UNSHOWN:
            self._unshown = tag
        elif tag in _BOLD:
            self._bold_depth += 1
        elif tag in {"td", "th"}:
            self._pieces.append(" ")
        elif tag == "br":
            self.end_line()
        elif _HEADING.fullmatch(tag):
            self.end_line()
            self._heading_level = int(tag[1])
        elif tag in {"ul", "ol"}:
            self.end_line()
            self._lists.append(tag == "ol")
        elif tag == "li":
            self.end_line()
            self._is_item = True
        elif tag == "tr":
            self.end_line()
            self._is_row = True
        elif tag in _BLOCKS and (self._has_text() or not self._is_item):
            # A paragraph at the start of an item is the item.
            self.end_line()

    def handle_endtag(self, tag: str) -> None:
        if self._unshown:
            if tag == self._unshown:
                self._unshown = None
            return
        if tag in _BOLD:
            self._bold_depth = max(0, self._bold_depth - 1)
        elif _HEADING.fullmatch(tag):
            self.end_line()
            self._heading_level = 0
        elif tag in {"ul", "ol"}:
            self.end_line()
            if self._lists:
                self._lists.pop()
        elif tag in {"li", "tr"}:
            self.end_line()
            self._is_item = self._is_row = False
        elif tag in _BLOCKS:
            self.end_line()

    def handle_data(self, data: str) -> None:
        if self._unshown:
            return
        if not self._keeps_line_breaks:
            self._add(data)
            return
        first, *others = data.splitlines() or [""]
        self._add(first)
        for line in others:
            self.end_line()
            self._add(line)

    def end_line(self) -> None:
        text = clean("".join(self._pieces))
        is_bold = bool(text) and not self._plain_characters
        self._pieces.clear()
        self._plain_characters = 0
        if not text:
            return
        if self._heading_level:
            line = Line(text, Kind.HEADING, self._heading_level)
        elif self._is_item:
            line = Line(text, Kind.ITEM, max(1, len(self._lists)), bool(self._lists[-1:] == [True]))
            # What follows in the same item explains it.
            self._is_item = False
        elif self._is_row:
            line = Line(text, Kind.ROW)
        elif is_bold and len(text) <= MAX_BOLD_HEADING_CHARACTERS and not self._lists:
            line = Line(text, Kind.HEADING, 7)
        else:
            line = Line(text)
        self.lines.append(line)

    def _add(self, text: str) -> None:
        self._pieces.append(text)
        if not self._bold_depth and not text.isspace():
            self._plain_characters += len(text)

    def _has_text(self) -> bool:
        return any(not piece.isspace() for piece in self._pieces)
