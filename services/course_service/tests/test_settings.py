"""The settings and where they are written down."""

from pathlib import Path

import pytest

from services.course_service.settings import APISettings, OutboxSettings, WorkerSettings
from shared.settings import load_settings

DATABASE_URL = "mysql://user:password@127.0.0.1:3306/course_db"


@pytest.mark.parametrize("settings_class", [APISettings, WorkerSettings])
def test_the_readme_lists_every_setting_with_its_meaning(
    settings_class: type[OutboxSettings],
) -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")

    for name, field in settings_class.model_fields.items():
        default = "required" if field.is_required() else f"`{field.default}`"
        default = "-" if field.default is None else default
        assert f"| `{name.upper()}` | {default} | {field.description} |" in readme


def test_queues_may_be_renamed_by_the_names_of_the_route_table(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", DATABASE_URL)
    monkeypatch.setenv("TASK_CREATION_QUEUE_NAME", "tasks")
    monkeypatch.setenv("LLM_ANALYSIS_QUEUE_NAME", "analyses")
    monkeypatch.setenv("ASSIGNMENT_EVENTS_QUEUE_NAME", "syncs")
    monkeypatch.setenv("VISIBILITY_SECONDS", "2")

    settings = load_settings(WorkerSettings)

    names = settings.queue_names()
    assert (names.task_creation, names.llm_analysis) == ("tasks", "analyses")
    assert (settings.assignment_events_queue_name, settings.visibility_seconds) == ("syncs", 2)
