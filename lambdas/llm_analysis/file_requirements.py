"""Finds which files a description asks for, by name and by type."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from lambdas.llm_analysis.plain_text import Kind, Line

_EXTENSIONS = (
    "pdf|zip|docx|doc|hwpx|hwp|pptx|ppt|xlsx|xls|csv|txt|md|rtf|odt|tex|ipynb|py|java|cpp|cc|hpp|cs|c|h|jsx|json|js"
    "|tsx|ts|html|css|sql|xml|yaml|yml|rmd|r|go|rs|kt|swift|php|rb|sh|asm|vhd|pcapng|pcap|png|jpeg|jpg|gif|svg|mp3"
    "|mp4|mov|wav|tar|gz|tgz|7z|rar|apk|jar|dwg|stl|psd|fig|key|numbers|pages"
)
"""What students hand in; a word with another ending is not taken for a file."""

_SPOKEN_TYPES = "pdf|zip|docx|hwpx|hwp|pptx|xlsx|csv|txt|ipynb|md|tar|gz|7z|png|jpeg|jpg|mp4|py|java|cpp|sql|pcapng"
"""Types that are also named without a dot; shorter ones are ordinary letters and words."""

_HAND_IN = re.compile(
    r"제출|업로드|\bsubmit|\bsubmission|\bhand(?:ing)?[ -]in\b|\bturn(?:ing)?[ -]in\b|\bupload|\bdeliverable",
    re.IGNORECASE,
)
_REFUSAL = re.compile(
    r"\bdo(?:es)? not\b|\bdon['’]t\b|\bnot accepted\b|\bno\b|\bnever\b|\bwithout\b|하지 ?마|지 않|불가|금지|제외"
    r"|안 됩니다|받지",
    re.IGNORECASE,
)
_CLAUSE_END = re.compile(r"(?<=[;.!?])\s+")
# A Korean particle may follow at once, as in `report.pdf를`.
_NAME = re.compile(
    rf"(?<![\w./@-])[\w-][\w.-]*\.(?P<extension>{_EXTENSIONS})(?![A-Za-z0-9_/]|\.\w)",
    re.IGNORECASE,
)
_TYPE = re.compile(
    rf"(?<![\w/@])(?:\*?\.(?P<dotted>{_EXTENSIONS})|(?P<spoken>{_SPOKEN_TYPES}))(?![A-Za-z0-9_/-])",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class RequiredFile:
    """One file by the name that the description gives it."""

    name: str
    extension: str
    line: Line


@dataclass(frozen=True)
class FileRequirements:
    """All that a description says about the files to hand in."""

    files: tuple[RequiredFile, ...] = ()
    extensions: frozenset[str] = frozenset()
    line: Line | None = None
    """The first line that asks for files or for handing in."""


def asks_to_hand_in(text: str) -> bool:
    """Tell whether a line is about handing in."""
    return _HAND_IN.search(text) is not None


def find_file_requirements(lines: Sequence[Line]) -> FileRequirements:
    """Return which files are asked for in lines about handing in and under headings about it."""
    files: dict[str, RequiredFile] = {}
    extensions: set[str] = set()
    first: Line | None = None
    is_hand_in_section = False
    for line in lines:
        if line.kind is Kind.HEADING:
            is_hand_in_section = asks_to_hand_in(line.text) and not line.text.endswith("?")
        if not is_hand_in_section and not asks_to_hand_in(line.text):
            continue
        for clause in _CLAUSE_END.split(line.text):
            if _REFUSAL.search(clause):
                continue
            names = [(found[0], found["extension"].lower()) for found in _NAME.finditer(clause)]
            for name, extension in names:
                files.setdefault(name.casefold(), RequiredFile(name, extension, line))
            types = [
                (found["dotted"] or found["spoken"]).lower() for found in _TYPE.finditer(clause)
            ]
            extensions.update(types)
            if first is None and (names or types):
                first = line
    extensions.update(file.extension for file in files.values())
    return FileRequirements(tuple(files.values()), frozenset(extensions), first)


def extension_of(filename: str) -> str:
    """Return the ending of a file's name in lower case, empty when it has none."""
    stem, dot, ending = filename.rpartition(".")
    return ending.strip().lower() if stem and dot else ""
