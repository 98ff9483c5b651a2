"""Fixtures for every test of the repository."""

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from local_stack.emulator import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, running_emulator
from local_stack.mysql_server import start_mysql
from local_stack.session import running_stack
from shared.settings import Settings
from shared.testing.collector import Collector, running_collector
from shared.testing.upserts import refuse_unnamed_new_values
from shared.tracing.spans import ENDPOINT_VARIABLE, configure_tracing, stop_tracing

refuse_unnamed_new_values()
# Collecting only makes objects that stay: looking through them for garbage would take half its time.
gc.disable()

NEED_THE_SYSTEM = ("tests/system/", "local_stack/tests/test_local_stack.py")


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


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """Yield a collector of traces that this process sends its spans to."""
    with running_collector() as running:
        monkeypatch.setenv(ENDPOINT_VARIABLE, running.url)
        configure_tracing("under_test")
        yield running
        running.let_go()
        stop_tracing()


@pytest.fixture(scope="session")
def stack_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the state directory of the running system, with its logs."""
    return tmp_path_factory.mktemp("stack")


@pytest.fixture(scope="session")
def stack(stack_directory: Path) -> Iterator[dict[str, Any]]:
    """Yield the `stack.json` of a running system, the only one of the run."""
    with running_stack(stack_directory) as described:
        yield described


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests of the running system, which take longest."""
    items.sort(key=lambda item: item.get_closest_marker("stack") is None)


def pytest_collection_finish() -> None:
    """Look for garbage from now on, but not among what was collected."""
    gc.freeze()
    gc.enable()


class OneSystemPerRun(LoadScopeScheduling):  # type: ignore[misc]
    """Keeps each file on one worker, and all that need the running system on the same one."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "the running system" if file.startswith(NEED_THE_SYSTEM) else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> OneSystemPerRun:
    """Replace `--dist loadgroup`, whose groups pytest-xdist 3.8 loses under pytest 9.2."""
    return OneSystemPerRun(config, log)
