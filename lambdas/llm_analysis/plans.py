"""What steps must be like before anybody sees them, whoever proposed them (L-01, L-02)."""

import re
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Annotated, Any, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)
from pydantic.alias_generators import to_camel

from lambdas.llm_analysis.assignments import Assignment
from lambdas.llm_analysis.errors import PlanInvalid
from lambdas.llm_analysis.plain_text import clean
from shared.events.llm_analysis import GeneratedSubtask, GeneratedTask, Priority

MAX_TASKS = 10
MAX_SUBTASKS = 5
MAX_TITLE_CHARACTERS = 120
"""One line of a planner; the column holds 255."""

MAX_DESCRIPTION_CHARACTERS = 500
MAX_QUOTE_CHARACTERS = 300
"""With the two above, the largest plan stays below the message limit in any script."""

MAX_REPORTED_PROBLEMS = 5
"""A repair that has to fix more starts from scratch anyway."""

REDACTIONS = ("[e-mail]", "[number]", "[parameters]")
"""What stands for personal data in the text that a model gets; no piece of the description has them."""

_MARKUP = re.compile(r"<[A-Za-z/!?]")
"""What an HTML parser would take for a tag; a comparison such as `a < b` is none."""

_ADDRESS = re.compile(
    r"[a-z][a-z0-9+.-]{1,20}://\S+"
    r"|\b(?:javascript|data|mailto|tel):\S+"
    r"|\bwww\.\S+"
    r"|[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
    r"|\b(?:[\w-]+\.)+(?:com|net|org|edu|gov|io|kr|dev|app|xyz|info|me|co|ai|ru|cn|example|test)\b\S*"
    r"|\b\d{1,3}(?:\.\d{1,3}){3}\b\S*",
    re.IGNORECASE,
)
_UNQUOTABLE = re.compile(r"<|" + "|".join(map(re.escape, REDACTIONS)))
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def _priority(value: Any) -> Any:
    if value is None:
        return "MEDIUM"
    if not isinstance(value, str):
        return value
    name = value.strip().upper()
    return name if name in {"HIGH", "MEDIUM", "LOW"} else "MEDIUM"


def _day(value: Any) -> date:
    if not isinstance(value, str) or _DAY.fullmatch(value) is None:
        raise ValueError("must be a date written YYYY-MM-DD")
    return date.fromisoformat(value)


def _cleaned(value: Any) -> Any:
    return clean(value) if isinstance(value, str) else value


_Title = Annotated[
    str,
    StringConstraints(strict=True, min_length=1, max_length=MAX_TITLE_CHARACTERS),
    BeforeValidator(_cleaned),
]
_Description = Annotated[
    str,
    StringConstraints(strict=True, max_length=MAX_DESCRIPTION_CHARACTERS),
    BeforeValidator(_cleaned),
]
_Quote = Annotated[
    str,
    StringConstraints(strict=True, min_length=1, max_length=MAX_QUOTE_CHARACTERS),
    BeforeValidator(_cleaned),
]


class _Proposal(BaseModel):
    model_config = ConfigDict(
        extra="forbid", alias_generator=to_camel, populate_by_name=True, hide_input_in_errors=True
    )


class _SubtaskProposal(_Proposal):
    title: _Title
    description: _Description = ""
    priority: Annotated[Priority, BeforeValidator(_priority)] = "MEDIUM"
    quote: _Quote
    due_date: Annotated[date, BeforeValidator(_day)]


class _TaskProposal(_SubtaskProposal):
    subtasks: Annotated[list[_SubtaskProposal], Field(strict=True, max_length=MAX_SUBTASKS)] = []


class _PlanProposal(_Proposal):
    tasks: Annotated[list[_TaskProposal], Field(strict=True, min_length=1, max_length=MAX_TASKS)]


def accept_plan(proposal: Any, assignment: Assignment) -> list[GeneratedTask]:
    """Return the steps of a proposal, with dates inside the days that are left.

    Steps that repeat a sibling's title are left out; a quote is cut to its longest piece without markup.

    Args:
        proposal: `{"tasks": [...]}` as parsed from JSON.
        assignment: Whose text the quotes come from.

    Raises:
        PlanInvalid: The proposal has another shape, quotes what is not there, holds markup, or an address that the
            assignment does not have.
    """
    problems: list[str] = []
    try:
        plan = _PlanProposal.model_validate(proposal)
    except ValidationError as refusal:
        problems = [
            f"{'.'.join(map(str, problem['loc'])) or 'reply'}: {problem['msg']}"
            for problem in refusal.errors()[:MAX_REPORTED_PROBLEMS]
        ]
    if problems:
        raise PlanInvalid("; ".join(problems))
    text = clean(assignment.text)
    tasks: list[GeneratedTask] = []
    for task in _distinct(plan.tasks):
        due_on = _within(task.due_date, assignment.today, assignment.deadline)
        subtasks = [
            GeneratedSubtask(
                **_checked(subtask, text, assignment),
                # A part is not due after the whole.
                due_date=_within(subtask.due_date, assignment.today, due_on).isoformat(),
            )
            for subtask in _distinct(task.subtasks)
        ]
        tasks.append(
            GeneratedTask(
                **_checked(task, text, assignment),
                due_date=due_on.isoformat(),
                subtasks=subtasks,
            )
        )
    return tasks


def refit(tasks: Iterable[GeneratedTask], assignment: Assignment) -> dict[str, Any]:
    """Return stored steps as a proposal for an assignment of the same text with days of its own.

    Dates that fit stay; when one does not, all are spread anew over the days that are left, in their proportions.
    """
    proposal = {"tasks": [task.model_dump(by_alias=True) for task in tasks]}
    steps = [step for task in proposal["tasks"] for step in (task, *task["subtasks"])]
    days = [_day_or_none(step["dueDate"]) or assignment.deadline for step in steps]
    if not all(assignment.today <= day <= assignment.deadline for day in days):
        first, last = min(days), max(days)
        length = max(1, (last - first).days)
        for position, day in enumerate(days):
            share = (day - first).days / length if last > first else 1.0
            days[position] = day_at(assignment.today, assignment.deadline, share)
    for step, day in zip(steps, days, strict=True):
        step["dueDate"] = day.isoformat()
    return proposal


def day_at(first: date, last: date, share: float) -> date:
    """Return the day at a share, from 0 to 1, of the way between two days."""
    return date.fromordinal(first.toordinal() + round((last - first).days * share))


def quotable(piece: str) -> str:
    """Return the longest stretch of a piece that may be quoted: no bracket, nothing that was taken out."""
    stretch = max((part.strip() for part in _UNQUOTABLE.split(piece)), key=len, default="")
    return stretch[:MAX_QUOTE_CHARACTERS].rstrip()


def has_markup(text: str) -> bool:
    """Tell whether an HTML parser would find a tag in a text."""
    return _MARKUP.search(text) is not None


def _checked(step: _SubtaskProposal, text: str, assignment: Assignment) -> dict[str, Any]:
    """Return a step's words.

    Raises:
        PlanInvalid: They break a rule.
    """
    quote = quotable(step.quote) if _UNQUOTABLE.search(step.quote) else step.quote
    if not quote or quote not in text:
        raise PlanInvalid("each quote must be a literal piece of the assignment's text")
    known = f"{assignment.title} {text}"
    for words in (step.title, step.description):
        if has_markup(words):
            raise PlanInvalid("titles and descriptions are plain text without tags")
        if any(found[0] not in known for found in _ADDRESS.finditer(words)):
            raise PlanInvalid("only addresses that the assignment names may be used")
    return {
        "title": step.title,
        "description": step.description,
        "priority": step.priority,
        "quote": quote,
    }


StepT = TypeVar("StepT", bound=_SubtaskProposal)


def _distinct(steps: Sequence[StepT]) -> list[StepT]:
    by_title: dict[str, StepT] = {}
    for step in steps:
        by_title.setdefault(step.title.casefold(), step)
    return list(by_title.values())


def _within(day: date, first: date, last: date) -> date:
    return min(max(day, first), last)


def _day_or_none(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        return None
