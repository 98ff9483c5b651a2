"""A process with unusable settings says which and ends."""

import pytest

from shared.settings import EXIT_CONFIGURATION, DatabaseSettings, ServerSettings, load_settings


class BothSettings(ServerSettings, DatabaseSettings):
    """A process with a port and a database."""


def test_every_missing_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("MANAGEMENT_PORT", "")

    with pytest.raises(SystemExit) as ended:
        load_settings(BothSettings)

    assert ended.value.code == EXIT_CONFIGURATION
    last_line = capsys.readouterr().err.splitlines()[-1]
    assert last_line.startswith("error: missing setting ")
    assert {"DATABASE_URL", "MANAGEMENT_PORT"} <= set(
        last_line.replace(",", " ").replace(":", " ").split()
    )


def test_an_unusable_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://somewhere/else")
    monkeypatch.setenv("MANAGEMENT_PORT", "9081")

    with pytest.raises(SystemExit):
        load_settings(BothSettings)

    assert "unusable setting DATABASE_URL" in capsys.readouterr().err


def test_an_unusable_secret_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """S-07"""
    monkeypatch.setenv("DATABASE_URL", "postgres://user:hunter2@host/name")
    monkeypatch.setenv("MANAGEMENT_PORT", "9081")

    with pytest.raises(SystemExit):
        load_settings(BothSettings)

    assert "hunter2" not in capsys.readouterr().err
