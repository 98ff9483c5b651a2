"""A missing setting is named; a token never travels in the clear in production."""

import re
from pathlib import Path

import pytest

from lambdas import canvas_sync
from lambdas.canvas_sync.settings import CanvasSyncSettings
from shared.settings import SettingsError, read_settings

ENVIRONMENT = {
    "USER_SERVICE_URL": "http://user-service:8081",
    "COURSE_SERVICE_URL": "http://course-service:8082/",
    "CANVAS_API_BASE_URL": "https://canvas.example.edu/api/v1/",
    "CANVAS_SYNC_API_KEY": "secret-key",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ENVIRONMENT", "AWS_ENDPOINT_URL", "SQS_ENDPOINT", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


def test_the_environment_of_the_contract_is_enough() -> None:
    settings = read_settings(CanvasSyncSettings)

    assert settings.canvas_api_base_url == "https://canvas.example.edu/api/v1"
    assert settings.course_service_url == "http://course-service:8082"
    assert settings.assignment_events_queue_name == "assignment-events-queue"
    assert settings.aws_region == "ap-northeast-2"


@pytest.mark.parametrize("name", ENVIRONMENT)
def test_a_missing_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """V-13: there is no built-in key either."""
    monkeypatch.delenv(name)

    with pytest.raises(SettingsError, match=f"missing setting {name}"):
        read_settings(CanvasSyncSettings)


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "SQS_ENDPOINT"])
def test_an_emulator_may_be_named_in_two_ways(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "http://127.0.0.1:4566")

    assert read_settings(CanvasSyncSettings).aws_endpoint_url == "http://127.0.0.1:4566"


def test_canvas_without_tls_is_refused_in_production(monkeypatch: pytest.MonkeyPatch) -> None:
    """C-04"""
    monkeypatch.setenv("CANVAS_API_BASE_URL", "http://canvas.example.edu/api/v1")

    with pytest.raises(SettingsError, match="CANVAS_API_BASE_URL must be https"):
        read_settings(CanvasSyncSettings)

    monkeypatch.setenv("ENVIRONMENT", "local")
    assert read_settings(CanvasSyncSettings).canvas_api_base_url.startswith("http:")


@pytest.mark.parametrize(
    "url",
    ["canvas.example.edu", "ftp://x/api/v1", "https://u:p@x/api/v1", "https://x/?a=1", "https://"],
)
def test_an_unusable_address_is_named_without_being_repeated(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("CANVAS_API_BASE_URL", url)

    with pytest.raises(SettingsError, match="CANVAS_API_BASE_URL") as caught:
        read_settings(CanvasSyncSettings)

    assert url not in str(caught.value)
    assert caught.value.__context__ is None


def test_the_readme_lists_every_setting() -> None:
    readme = (Path(canvas_sync.__file__ or "").parent / "README.md").read_text(encoding="utf-8")
    section = readme.partition("## Settings")[2].partition("\n## ")[0]

    listed = set(re.findall(r"^\| `([A-Z_]+)`", section, re.MULTILINE))

    assert listed == {name.upper() for name in CanvasSyncSettings.model_fields}
