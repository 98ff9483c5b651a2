"""Renders the README's table of settings from the settings classes; run as a program it rewrites the README."""

import re
from pathlib import Path

from pydantic import AliasChoices
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from lambdas.canvas_sync.settings import CanvasSyncSettings
from lambdas.llm_analysis.settings import LLMAnalysisSettings
from services.api_gateway.settings import GatewaySettings
from services.course_service.settings import APISettings as CourseAPISettings
from services.course_service.settings import WorkerSettings as CourseWorkerSettings
from services.schedule_service.settings import APISettings as ScheduleAPISettings
from services.schedule_service.settings import WorkerSettings as ScheduleWorkerSettings
from services.user_service.settings import UserServiceSettings
from shared.settings import Settings

READERS: dict[str, type[Settings]] = {
    "gateway": GatewaySettings,
    "user_service": UserServiceSettings,
    "course_service": CourseAPISettings,
    "course_service worker": CourseWorkerSettings,
    "schedule_service": ScheduleAPISettings,
    "schedule_service worker": ScheduleWorkerSettings,
    "canvas_sync": CanvasSyncSettings,
    "llm_analysis": LLMAnalysisSettings,
}
README = Path("README.md")
MARKS = "<!-- settings: begin -->\n", "<!-- settings: end -->\n"


def table() -> str:
    """Return the table: a row per variable and meaning, with who reads it."""
    rows: dict[tuple[str, str, str], list[str]] = {}
    for reader, settings in READERS.items():
        for name, field in settings.model_fields.items():
            key = (_variable(name, field), _default(field), field.description or "")
            rows.setdefault(key, []).append(reader)
    lines = ["| Setting | Read by | Default | Meaning |", "| --- | --- | --- | --- |"]
    lines += [
        f"| `{variable}` | {_readers(readers)} | {default} | {meaning} |"
        for (variable, default, meaning), readers in sorted(rows.items())
    ]
    return "\n".join(lines) + "\n"


def _variable(name: str, field: FieldInfo) -> str:
    alias = field.validation_alias
    return str(alias.choices[0]) if isinstance(alias, AliasChoices) else name.upper()


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "required"
    return "" if field.default is None else f"`{field.default}`"


def _readers(readers: list[str]) -> str:
    return "all" if len(readers) == len(READERS) else ", ".join(readers)


def main() -> None:
    """Put the current table between the marks in the README."""
    begin, end = MARKS
    text = README.read_text(encoding="utf-8")
    pattern = re.escape(begin) + ".*?" + re.escape(end)
    text = re.sub(pattern, lambda _: begin + table() + end, text, flags=re.DOTALL)
    README.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
