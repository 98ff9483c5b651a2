"""A missing setting is named; a key never travels in the clear in production."""

import re
from pathlib import Path

import pytest

from lambdas import llm_analysis
from lambdas.llm_analysis.settings import LLMAnalysisSettings
from shared.settings import SettingsError, read_settings

ENVIRONMENT = {
    "SCHEDULE_SERVICE_URL": "http://schedule-service:8083/",
    "CANVAS_SYNC_API_KEY": "secret-key",
}
ALL_NAMES = {name.upper() for name in LLMAnalysisSettings.model_fields}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ALL_NAMES:
        monkeypatch.delenv(name, raising=False)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


def test_without_a_model_two_settings_are_enough() -> None:
    settings = read_settings(LLMAnalysisSettings)

    assert settings.llm_provider == "outline"
    assert settings.schedule_service_url == "http://schedule-service:8083"
    assert settings.task_creation_queue_name == "task-creation-queue"
    assert settings.aws_region == "ap-northeast-2"


@pytest.mark.parametrize("name", ENVIRONMENT)
def test_a_missing_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delenv(name)

    with pytest.raises(SettingsError, match=f"missing setting {name}"):
        read_settings(LLMAnalysisSettings)


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"LLM_PROVIDER": "gpt"}, "LLM_PROVIDER"),
        ({"LLM_PROVIDER": "openai", "LLM_API_KEY": "k"}, "LLM_MODEL"),
        ({"LLM_PROVIDER": "bedrock"}, "LLM_MODEL"),
        ({"LLM_PROVIDER": "openai", "LLM_MODEL": "m"}, "LLM_API_KEY"),
        ({"LLM_PROVIDER": "anthropic", "LLM_MODEL": "m"}, "LLM_API_KEY"),
        (
            {"LLM_PROVIDER": "openai", "LLM_MODEL": "m", "LLM_API_URL": "http://model.example/v1"},
            "LLM_API_URL must be https",
        ),
        ({"LLM_API_URL": "https://user:secret@model.example"}, "LLM_API_URL"),
    ],
)
def test_a_model_that_cannot_be_called_is_refused_at_the_start(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], complaint: str
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError, match=complaint) as caught:
        read_settings(LLMAnalysisSettings)

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "given",
    [
        {"LLM_PROVIDER": "bedrock", "LLM_MODEL": "m"},
        {"LLM_PROVIDER": "anthropic", "LLM_MODEL": "m", "LLM_API_KEY": "k"},
        {"LLM_PROVIDER": "openai", "LLM_MODEL": "m", "LLM_API_KEY": "k"},
        {"LLM_PROVIDER": "openai", "LLM_MODEL": "m", "LLM_API_URL": "https://own.example/v1"},
        {
            "LLM_PROVIDER": "openai",
            "LLM_MODEL": "m",
            "LLM_API_URL": "http://127.0.0.1:1/v1",
            "ENVIRONMENT": "local",
        },
    ],
)
def test_every_provider_can_be_chosen_by_settings(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str]
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)

    assert read_settings(LLMAnalysisSettings).llm_provider == given["LLM_PROVIDER"]


def test_the_readme_lists_every_setting() -> None:
    readme = (Path(llm_analysis.__file__ or "").parent / "README.md").read_text(encoding="utf-8")
    section = readme.partition("## Settings")[2].partition("\n## ")[0]

    assert set(re.findall(r"^\| `([A-Z_]+)`", section, re.MULTILINE)) == ALL_NAMES
