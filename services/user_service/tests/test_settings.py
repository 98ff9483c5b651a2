"""What the process starts with, and what it refuses to start with."""

import base64
from pathlib import Path

import pytest

from services.user_service.settings import UserServiceSettings
from shared.settings import load_settings

KEY = base64.b64encode(bytes(range(32))).decode()
OTHER = base64.b64encode(bytes(32)).decode()
COMPLETE = {
    "DATABASE_URL": "mysql://user:password@127.0.0.1:3306/user_db",
    "COGNITO_USER_POOL_ID": "ap-northeast-2_abc",
    "COGNITO_CLIENT_ID": "client",
    "CANVAS_BASE_URL": "https://canvas.example.edu/",
    "CANVAS_SYNC_API_KEY": "key",
    "COURSE_SERVICE_URL": "http://127.0.0.1:8082",
    "SCHEDULE_SERVICE_URL": "http://127.0.0.1:8083",
    "ENCRYPTION_KEY": KEY,
}


def load(monkeypatch: pytest.MonkeyPatch, **changes: str) -> UserServiceSettings:
    for name in (*COMPLETE, "ENCRYPTION_KEYS", "ENVIRONMENT", "PORT", "MANAGEMENT_PORT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {**COMPLETE, **changes}.items():
        monkeypatch.setenv(name, value)
    return load_settings(UserServiceSettings)


def test_a_complete_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(monkeypatch)
    assert (settings.port, settings.management_port) == (8081, 9081)
    assert settings.canvas_base_url == "https://canvas.example.edu"
    assert settings.canvas_sync_function_name == "canvas-sync-lambda"
    assert [key.key_id for key in settings.sealing_keys()] == ["default"]


def test_the_first_of_several_keys_writes_and_the_single_one_stays_readable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = load(monkeypatch, ENCRYPTION_KEYS=f"2027:{OTHER}")
    assert [key.key_id for key in settings.sealing_keys()] == ["2027", "default"]


@pytest.mark.parametrize(
    ("changes", "named"),
    [({name: ""}, name) for name in COMPLETE]
    + [
        ({"ENCRYPTION_KEY": "c2hvcnQ="}, "ENCRYPTION_KEY "),
        ({"ENCRYPTION_KEYS": "2026:c2hvcnQ="}, "ENCRYPTION_KEYS "),
        ({"ENCRYPTION_KEYS": f"default:{OTHER}"}, "ENCRYPTION_KEYS"),
        ({"CANVAS_BASE_URL": "http://canvas.example.edu"}, "CANVAS_BASE_URL"),
        ({"CANVAS_BASE_URL": "https://canvas.example.edu/api/v1"}, "CANVAS_BASE_URL"),
        ({"CANVAS_BASE_URL": "https://user@canvas.example.edu"}, "CANVAS_BASE_URL"),
        ({"CANVAS_BASE_URL": "file:///etc/passwd"}, "CANVAS_BASE_URL"),
    ],
)
def test_a_missing_or_unusable_setting_ends_the_start_and_is_named(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    changes: dict[str, str],
    named: str,
) -> None:
    """C-04, I-05: no clear-text Canvas in production, no start without secrets; values are not repeated."""
    with pytest.raises(SystemExit) as end:
        load(monkeypatch, **changes)
    line = capsys.readouterr().err
    assert end.value.code == 78
    assert line.startswith("error: ")
    assert named in line
    assert "c2hvcnQ" not in line
    assert KEY not in line


def test_a_local_stack_may_use_a_canvas_without_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(monkeypatch, ENVIRONMENT="local", CANVAS_BASE_URL="http://127.0.0.1:9000")
    assert settings.canvas_base_url == "http://127.0.0.1:9000"


def test_settings_do_not_show_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """S-07: whoever prints the settings prints no key."""
    shown = repr(load(monkeypatch, CANVAS_SYNC_API_KEY="the-api-key"))
    assert KEY not in shown
    assert "the-api-key" not in shown


def test_the_readme_lists_every_setting_with_its_meaning() -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    for name, field in UserServiceSettings.model_fields.items():
        default = "required" if field.is_required() else f"`{field.default}`"
        default = "-" if field.default is None else default
        assert f"| `{name.upper()}` | {default} | {field.description} |" in readme
