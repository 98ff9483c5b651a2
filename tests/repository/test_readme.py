"""What the README promises is what the code does."""

import re
from pathlib import Path

from tests.repository.settings_table import MARKS, README, table


def test_the_table_of_settings_is_that_of_the_settings_classes() -> None:
    """Renew it with `.venv/bin/python -m tests.repository.settings_table`."""
    written = README.read_text(encoding="utf-8").split(MARKS[0])[1].split(MARKS[1])[0]

    assert written == table()


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", Path("Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z]+)", README.read_text("utf-8"), re.MULTILINE))

    assert {"run", "test", "check"} <= named <= targets


def test_every_file_that_is_linked_exists() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README.read_text(encoding="utf-8"))

    assert links
    assert [link for link in links if not Path(link).exists()] == []
