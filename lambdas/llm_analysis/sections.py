"""Cuts a description into its sections and tells what each is for."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from lambdas.llm_analysis.assignments import Assignment
from lambdas.llm_analysis.file_requirements import asks_to_hand_in
from lambdas.llm_analysis.plain_text import Kind, Line

PART_LEVEL = 8
"""Below every heading of HTML and below a bold line, which has 7."""

_PART = re.compile(
    r"(?:part|step|task|phase|stage|milestone|section|question|problem|exercise|activity|week)"
    r"\s*[#.-]?\s*(?:\d{1,2}|[a-h]|[ivx]{1,4})\b"
    r"|q\s?\d{1,2}\b"
    r"|(?:제\s*)?\d{1,2}\s*(?:번|단계|부|문제|주차)(?![가-힣])"
    r"|(?:과제|문제|단계|파트|실습|미션|질문|활동|연습)\s*(?:\d{1,2}|[a-h]|[가나다라마바사아])(?![가-힣\w])",
    re.IGNORECASE,
)
_OPTIONAL = re.compile(
    r"\boptional\b|\bbonus\b|\bextra credit\b|보충|선택 ?(?:과제|사항|문제)|추가 ?점수|가산점",
    re.IGNORECASE,
)
_ASKED = re.compile(r"^q\s*[.:]|\?\s*$|\bfaq\b|자주 묻는", re.IGNORECASE)
_BACKGROUND = re.compile(
    r"유의|주의|규칙|안내|공지|채점|평가|배점|루브릭|학습 ?목표|과제 ?목표|^목표|목적|개요|배경|소개|참고|자료|문헌"
    r"|문의|일정|정책|힌트|준비물|마감|지각|표절"
    r"|\b(?:rules?|notes?|notice|grading|rubrics?|criteria|assessment|goals?|objectives?|outcomes?|aims?"
    r"|background|overview|introduction|about|references?|resources?|readings?|materials?|faq|contact"
    r"|office hours|polic(?:y|ies)|schedule|deadlines?|due dates?|late|plagiarism|hints?|tips?|examples?"
    r"|academic (?:honesty|integrity)|honou?r code|ai use)\b",
    re.IGNORECASE,
)
_ORDERED_MARK = re.compile(
    r"(?:\(?\d{1,2}[.)]|[①-⑳]|\(?[a-hA-H][.)]|\(?[ivx]{1,4}[.)]|[가나다라마바사아][.)])\s+(?=\S)|[①-⑳](?=\S)"
)
_BULLET = re.compile(r"[-*•‣▪◦·○●■□※→]\s+(?=\S)")


class Role(Enum):
    """What a section is for."""

    INTRODUCTION = auto()
    WORK = auto()
    OPTIONAL = auto()
    HAND_IN = auto()
    BACKGROUND = auto()


@dataclass
class Section:
    """A heading with the lines below it; the first section may have none."""

    role: Role
    heading: Line | None = None
    lines: list[Line] = field(default_factory=list)

    def items(self) -> list[Line]:
        """Return the entries of its outermost list, of the ordered ones when there are any."""
        listed = [line for line in self.lines if line.kind is Kind.ITEM]
        chosen = [line for line in listed if line.is_ordered] or listed
        outermost = min((line.level for line in chosen), default=0)
        return [line for line in chosen if line.level == outermost]

    def paragraphs(self) -> list[Line]:
        """Return its running text."""
        return [line for line in self.lines if line.kind is Kind.PARAGRAPH]


def is_part(text: str) -> bool:
    """Tell whether a line begins like `Part A`, `Step 2`, `1번` or `과제 1`."""
    return _PART.match(text) is not None


def without_mark(text: str) -> str:
    """Return a line without the `1.`, `(a)`, `①` or bullet before it."""
    found = _ORDERED_MARK.match(text) or _BULLET.match(text)
    return text[found.end() :] if found else text


def split_sections(assignment: Assignment) -> list[Section]:
    """Return the sections of a description in their order, the introduction first."""
    sections = [Section(Role.INTRODUCTION)]
    for line in map(_with_mark_read, assignment.lines):
        if line.kind is Kind.HEADING:
            is_own_title = line.text.casefold() == assignment.title.casefold()
            role = Role.INTRODUCTION if is_own_title else _role_of(line.text)
            sections.append(Section(role, None if is_own_title else line))
        else:
            sections[-1].lines.append(line)
    return [_settled(section, sections[n + 1 :]) for n, section in enumerate(sections)]


def _with_mark_read(line: Line) -> Line:
    """Return a paragraph that begins like a part as a heading, and one with a mark as a list's entry."""
    if line.kind is not Kind.PARAGRAPH:
        return line
    if is_part(line.text):
        return Line(line.text, Kind.HEADING, PART_LEVEL)
    if _ORDERED_MARK.match(line.text):
        return Line(line.text, Kind.ITEM, 1, is_ordered=True)
    if _BULLET.match(line.text):
        return Line(line.text, Kind.ITEM, 1)
    return line


def _role_of(heading: str) -> Role:
    text = without_mark(heading)
    if _OPTIONAL.search(text):
        return Role.OPTIONAL
    if is_part(text):
        return Role.WORK
    if _ASKED.search(text):
        return Role.BACKGROUND
    if asks_to_hand_in(text):
        return Role.HAND_IN
    return Role.BACKGROUND if _BACKGROUND.search(text) else Role.WORK


def _settled(section: Section, following: Sequence[Section]) -> Section:
    """Return a section that only holds deeper headings, or nothing to do, as background."""
    heading = section.heading
    if section.role is not Role.WORK or heading is None or section.lines:
        return section
    deeper = next((later.heading for later in following if later.heading), None)
    is_umbrella = deeper is not None and deeper.level > heading.level
    is_bare_title = not is_part(without_mark(heading.text)) and not _has_mark(heading.text)
    if is_umbrella or is_bare_title:
        return Section(Role.BACKGROUND, heading)
    return section


def _has_mark(text: str) -> bool:
    return _ORDERED_MARK.match(text) is not None


def lines_of(sections: Iterable[Section], *roles: Role) -> list[Line]:
    """Return the lines of all sections of some roles, headings left out."""
    return [line for section in sections if section.role in roles for line in section.lines]
