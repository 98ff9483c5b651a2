"""Derives steps from the description's own structure: no model, no key, the same answer every time."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from lambdas.llm_analysis.assignments import Assignment
from lambdas.llm_analysis.errors import AnalysisRefused, PlanInvalid
from lambdas.llm_analysis.file_requirements import (
    FileRequirements,
    asks_to_hand_in,
    find_file_requirements,
)
from lambdas.llm_analysis.plain_text import Kind, Line
from lambdas.llm_analysis.plans import (
    MAX_DESCRIPTION_CHARACTERS,
    MAX_SUBTASKS,
    MAX_TASKS,
    MAX_TITLE_CHARACTERS,
    accept_plan,
    day_at,
    has_markup,
    quotable,
)
from lambdas.llm_analysis.providers.provider import AllowCall
from lambdas.llm_analysis.sections import Role, Section, split_sections, without_mark
from shared.events.llm_analysis import GeneratedTask

FINGERPRINT = "outline/1"
"""Raise the number when the rules change: stored steps of older rules are then not used again."""

LONGEST_PLAN_DAYS = 28
"""Nobody begins an assignment earlier; of a semester's project the last four weeks are planned."""

HAND_IN_MARGIN_DAYS = 1
"""Work ends a day before it is handed in, when there are days to spare."""

FEWEST_DAYS_FOR_MARGIN = 3
MAX_SENTENCES = 6
"""Steps read from running text are guesses, and six are what a student still reads."""

HIGH_SHARE = 0.4
LOW_SHARE = 0.1
"""Of all points: a part worth two fifths decides the grade, one worth a tenth hardly moves it."""

_POINTS = re.compile(
    r"[(\[]?\s*(?:배점\s*:?\s*)?(\d{1,4}(?:\.\d{1,2})?)\s*(?:points?\b|pts?\b|marks?\b|점|%)\s*[)\]]?",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"(?<=[.!?。])\s+(?=\S)")
_IMPERATIVE = re.compile(
    r"(?:please\s+|then\s+|next,?\s+|finally,?\s+|first,?\s+|also,?\s+)*(?:add|analy[sz]e|answer|apply|argue|attach|"
    r"bring|build|calculate|choose|collect|compare|complete|compute|conduct|consider|create|critique|define|derive|"
    r"describe|design|determine|develop|discuss|do|document|download|draft|draw|edit|estimate|evaluate|examine|"
    r"explain|explore|extend|find|fill|finish|form|formulate|give|identify|implement|include|install|interpret|"
    r"interview|investigate|justify|list|make|measure|model|modify|observe|outline|perform|pick|plan|plot|post|"
    r"practi[sc]e|prepare|present|propose|prove|provide|read|record|reflect|repeat|report|research|respond|review|"
    r"revise|run|select|show|simulate|sketch|solve|state|study|submit|summari[sz]e|support|take|test|train|"
    r"translate|upload|use|verify|visit|watch|work|write)\b|.*\byou (?:must|should|will|need to|have to|are to)\b",
    re.IGNORECASE,
)
_KOREAN_ORDER = re.compile(
    r"(?:[가-힣](?:세요|시오|십시오|시기 바랍니다)|하라|할 것|해야 (?:합니다|한다)|합니다|봅니다|습니다|[가-힣][기함])"
    r"[.!)]*$"
)
_HANGUL = re.compile(r"[가-힣]")


@dataclass
class _Step:
    title: str
    quote: str
    description: str = ""
    points: float | None = None
    priority: str = "MEDIUM"
    parts: list["_Step"] = field(default_factory=list)


class Outline:
    """Reads steps off headings, lists, parts, points and file requirements, in Korean and English."""

    fingerprint = FINGERPRINT
    is_metered = False

    async def propose(self, assignment: Assignment, allow_call: AllowCall) -> list[GeneratedTask]:
        """Return the steps that the description itself names, at least one.

        Raises:
            AnalysisRefused: The text holds nothing that can be quoted.
        """
        steps = _steps_of(assignment)
        if not steps:
            raise AnalysisRefused("the description has nothing that can be quoted")
        try:
            return accept_plan({"tasks": list(_dated(steps, assignment))}, assignment)
        except PlanInvalid as problem:
            raise AnalysisRefused(str(problem)) from None


def _steps_of(assignment: Assignment) -> list[_Step]:
    sections = split_sections(assignment)
    hand_in = _hand_in_step(find_file_requirements(assignment.lines), sections)
    headed = [step for s in sections if s.role is Role.WORK and (step := _section_step(s))]
    introductions = [s for s in sections if s.role is Role.INTRODUCTION]
    work = [step for s in introductions for step in _item_steps(s, ordered_only=bool(headed))]
    work += headed
    if not work:
        # Rules and hand-in lists say what to do only when nothing else does.
        texts = [s for s in sections if s.role is not Role.BACKGROUND] + sections
        work = next((found for s in texts if (found := _sentence_steps(s))), [])
        # Unless it is all there is, handing in has a step of its own.
        if hand_in is not None:
            work = [step for step in work if not asks_to_hand_in(step.title)] or work
    optional = [step for s in sections if s.role is Role.OPTIONAL and (step := _section_step(s))]
    for step in optional:
        step.priority = "LOW"
    _rank(work)
    is_korean = _HANGUL.search(assignment.text) is not None
    work = _grouped(work, MAX_TASKS - (hand_in is not None), is_korean=is_korean)
    room = MAX_TASKS - len(work) - (hand_in is not None)
    steps = [*work, *optional[:room]]
    if hand_in is not None:
        steps = [step for step in steps if step.title != hand_in.title]
        steps.append(hand_in)
    return steps or _first_line_step(assignment.lines)


def _section_step(section: Section) -> _Step | None:
    if section.heading is None:
        return None
    step = _line_step(section.heading)
    if step is None:
        return None
    step.description = _joined(section.paragraphs())
    step.parts = [part for line in section.items() if (part := _line_step(line))]
    if not step.parts:
        step.parts = [part for part in _sentence_steps(section) if len(section.lines) > 1]
    step.parts = step.parts[:MAX_SUBTASKS]
    return step


def _item_steps(section: Section, *, ordered_only: bool) -> Iterator[_Step]:
    """Yield an introduction's list entries as steps, deeper entries as their parts."""
    outermost = section.items()
    if ordered_only and not (outermost and outermost[0].is_ordered):
        return
    step: _Step | None = None
    level = outermost[0].level if outermost else 0
    for line in section.lines:
        if line in outermost:
            if step is not None:
                yield step
            step = _line_step(line)
        elif step is not None and line.kind is Kind.ITEM and line.level > level:
            part = _line_step(line)
            if part is not None and len(step.parts) < MAX_SUBTASKS:
                step.parts.append(part)
    if step is not None:
        yield step


def _sentence_steps(section: Section) -> list[_Step]:
    """Return the sentences that tell somebody to do something."""
    sentences = [
        sentence
        for line in section.lines
        if line.kind is not Kind.ROW
        for sentence in _SENTENCE_END.split(without_mark(line.text))
    ]
    orders = [s for s in sentences if _IMPERATIVE.match(s) or _KOREAN_ORDER.search(s)]
    steps = (_line_step(Line(order)) for order in orders)
    return [step for step in steps if step is not None][:MAX_SENTENCES]


def _first_line_step(lines: Sequence[Line]) -> list[_Step]:
    steps = (_line_step(line) for line in lines)
    return next(([step] for step in steps if step is not None), [])


def _line_step(line: Line) -> _Step | None:
    """Return a line as a step, or nothing when there is nothing to quote or to call it by."""
    text = without_mark(line.text)
    quote = quotable(text)
    points = _POINTS.search(text)
    words = _POINTS.sub(" ", _without_brackets(text))
    words = " ".join(words.split()).rstrip(" :–-,").strip()
    if not quote or not any(character.isalnum() for character in words):
        return None
    title = _short(words, MAX_TITLE_CHARACTERS)
    description = "" if title == words else _short(words, MAX_DESCRIPTION_CHARACTERS)
    return _Step(title, quote, description, float(points[1]) if points else None)


def _hand_in_step(requirements: FileRequirements, sections: Sequence[Section]) -> _Step | None:
    section = next((s for s in sections if s.role is Role.HAND_IN), None)
    line = requirements.line or (section.heading if section else None)
    sentences = _SENTENCE_END.split(without_mark(line.text)) if line else []
    asking = next((s for s in sentences if asks_to_hand_in(s)), *sentences[:1] or [""])
    quote = quotable(asking)
    if not quote:
        return None
    names = [file.name for file in requirements.files]
    what = ", ".join(names or sorted(requirements.extensions))
    verb = "제출" if _HANGUL.search(quote) else "Submit"
    parts = [
        _Step(_short(file.name, MAX_TITLE_CHARACTERS), file.name)
        for file in requirements.files[:MAX_SUBTASKS]
    ]
    title = _short(f"{verb}: {what}" if what else f"{verb}: {quote}", MAX_TITLE_CHARACTERS)
    description = _joined(section.paragraphs()) if section else ""
    return _Step(title, quote, description, priority="HIGH", parts=parts if len(parts) > 1 else [])


def _rank(steps: Sequence[_Step]) -> None:
    """Set priorities by the share of the points, where every step says what it is worth."""
    total = sum(step.points or 0.0 for step in steps)
    if len(steps) < 2 or total <= 0 or any(step.points is None for step in steps):
        return
    for step in steps:
        share = (step.points or 0.0) / total
        step.priority = "HIGH" if share >= HIGH_SHARE else "LOW" if share < LOW_SHARE else "MEDIUM"


def _grouped(steps: list[_Step], room: int, *, is_korean: bool) -> list[_Step]:
    """Put neighbours together when there are more steps than room, so that none of up to fifty is lost."""
    if len(steps) <= room:
        return steps
    size = min(MAX_SUBTASKS, -(-len(steps) // room))
    groups = [steps[start : start + size] for start in range(0, len(steps), size)][:room]
    grouped: list[_Step] = []
    for number, group in enumerate(groups):
        first, last = number * size + 1, number * size + len(group)
        span = f"{first}–{last}" if last > first else f"{first}"
        title = f"{span}단계" if is_korean else f"Steps {span}"
        if len(group) == 1:
            grouped.append(group[0])
            continue
        for step in group:
            step.parts = []
        points = [step.points for step in group if step.points is not None]
        grouped.append(_Step(title, group[0].quote, "", sum(points) or None, "MEDIUM", group))
    return grouped


def _dated(steps: Sequence[_Step], assignment: Assignment) -> Iterator[dict[str, Any]]:
    """Yield the steps as a proposal, their days spread by points, or evenly where some have none."""
    deadline = assignment.deadline
    begins_on = max(assignment.today, deadline - timedelta(days=LONGEST_PLAN_DAYS))
    has_hand_in = len(steps) > 1 and steps[-1].priority == "HIGH" and steps[-1].points is None
    has_margin = has_hand_in and (deadline - begins_on).days >= FEWEST_DAYS_FOR_MARGIN
    ends_on = deadline - timedelta(days=HAND_IN_MARGIN_DAYS if has_margin else 0)
    work = steps[:-1] if has_hand_in else steps
    is_weighed = all(step.points for step in work)
    weights = [step.points or 1.0 if is_weighed else 1.0 for step in work]
    total, done = sum(weights), 0.0
    previous = begins_on
    for step, weight in zip(work, weights, strict=True):
        done += weight
        due_on = day_at(begins_on, ends_on, done / total)
        yield _written(step, previous, due_on)
        previous = due_on
    if has_hand_in:
        yield _written(steps[-1], deadline, deadline)


def _written(step: _Step, begins_on: date, due_on: date) -> dict[str, Any]:
    parts = [
        {
            "title": part.title,
            "description": part.description,
            "priority": part.priority,
            "quote": part.quote,
            "dueDate": day_at(begins_on, due_on, number / len(step.parts)).isoformat(),
        }
        for number, part in enumerate(step.parts, 1)
    ]
    return {
        "title": step.title,
        "description": step.description,
        "priority": step.priority,
        "quote": step.quote,
        "dueDate": due_on.isoformat(),
        "subtasks": parts,
    }


def _joined(lines: Sequence[Line]) -> str:
    text = " ".join(line.text for line in lines)
    return _short(_without_brackets(text), MAX_DESCRIPTION_CHARACTERS)


def _without_brackets(text: str) -> str:
    return re.sub(r"\s*[<>]+\s*", " ", text).strip() if has_markup(text) else text


def _short(text: str, most: int) -> str:
    """Return a text cut at a word's end, with a mark that cannot be taken for a part of an address."""
    if len(text) <= most:
        return text
    cut = text[: most - 2]
    words = cut.rsplit(" ", 1)[0] if " " in cut[most // 2 :] else cut
    return f"{words.rstrip(' ,;:')} …"
