"""Fixtures for every test of the repository."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local_stack.emulator import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, running_emulator
from local_stack.mysql_server import start_mysql
from shared.settings import Settings


@pytest.fixture(scope="session")
def mysql_server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield `mysql://user:password@host:port` of a real server: given, in Docker, or a private one."""
    directory: Path = tmp_path_factory.mktemp("mysql")
    with start_mysql(directory) as server:
        yield server.url()


@pytest.fixture(scope="session")
def emulator_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the base URL of an AWS emulator for queues alone."""
    with running_emulator(tmp_path_factory.mktemp("emulator")) as url:
        yield url


@pytest.fixture
def aws(emulator_url: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Return the emulator's settings, which the environment has, too, as a process of ours would."""
    for name, value in {
        "AWS_ENDPOINT_URL": emulator_url,
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
    }.items():
        monkeypatch.setenv(name, value)
    return Settings(aws_region=REGION, aws_endpoint_url=emulator_url)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests of a whole stack; with pytest-xdist keep them on one worker, which starts one."""
    for item in items:
        if item.get_closest_marker("stack"):
            item.add_marker(pytest.mark.xdist_group("stack"))
    items.sort(key=lambda item: item.get_closest_marker("stack") is None)
