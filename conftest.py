"""Fixtures for every test of the repository."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local_stack.mysql_server import start_mysql


@pytest.fixture(scope="session")
def mysql_server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield `mysql://user:password@host:port` of a real server: given, in Docker, or a private one."""
    directory: Path = tmp_path_factory.mktemp("mysql")
    with start_mysql(directory) as server:
        yield server.url()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests of a whole stack; with pytest-xdist keep them on one worker, which starts one."""
    for item in items:
        if item.get_closest_marker("stack"):
            item.add_marker(pytest.mark.xdist_group("stack"))
    items.sort(key=lambda item: item.get_closest_marker("stack") is None)
