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

WORKER_OF_ITS_OWN = {
    "the running system": ("tests/system/", "local_stack/tests/test_local_stack.py"),
    "chaos that needs a core": (
        "tests/chaos/test_poison.py",
        "tests/chaos/test_availability.py",
        "tests/chaos/test_replacement.py",
    ),
    "chaos that waits": (
        "tests/chaos/test_outbox.py",
        "tests/chaos/test_canvas_governor.py",
        "tests/chaos/test_long_work.py",
        "tests/chaos/test_gateway_clients.py",
    ),
}
"""Files, in order, that one worker runs one after another. A system runs once; of the kill tests, those with a rate or
a share to keep are never beside each other, and beside the ones that wait as long as they last."""


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


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--figures`, for workers of pytest-xdist swallow what passing tests print."""
    parser.addoption("--figures", action="store_true", help="show what passing tests have printed")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show the figures."""
    if not terminalreporter.config.getoption("--figures"):
        return
    terminalreporter.section("figures")
    for report in terminalreporter.getreports("passed"):
        for line in report.capstdout.splitlines():
            # Log lines of the code under test are JSON objects.
            if line and not line.startswith("{"):
                terminalreporter.write_line(line)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests of the running system, which take longest, and with `WORKER_OF_ITS_OWN`."""
    order = [start for starts in WORKER_OF_ITS_OWN.values() for start in starts]

    def place(item: pytest.Item) -> tuple[bool, int]:
        is_of_the_system = item.get_closest_marker("stack") is not None
        starts = (n for n, start in enumerate(order) if item.nodeid.startswith(start))
        return not is_of_the_system, next(starts, len(order))

    items.sort(key=place)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Collect without looking for garbage, which takes half the time: nearly everything that is made stays."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


class OneSystemPerRun(LoadScopeScheduling):  # type: ignore[misc]
    """Keeps each file on one worker, and the files of `WORKER_OF_ITS_OWN` together."""

    def _split_scope(self, nodeid: str) -> str:
        together = (name for name, starts in WORKER_OF_ITS_OWN.items() if nodeid.startswith(starts))
        return next(together, nodeid.partition("::")[0])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> OneSystemPerRun:
    """Replace `--dist loadgroup`, whose groups pytest-xdist 3.8 loses under pytest 9.2."""
    return OneSystemPerRun(config, log)
