"""How long and how large: `SOAK_MINUTES` and `SOAK_ROWS` shorten a run that is only to show that it works.

The files run by name: migrations are measured before the system starts, and what kills its instances comes before what
watches them.
"""

import os
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.instances import described


@pytest.fixture(scope="session")
def soak_seconds() -> float:
    """Return how long each long part takes; ten minutes unless told otherwise."""
    return float(os.environ.get("SOAK_MINUTES", "10")) * 60


@pytest.fixture(scope="session")
def soak_rows() -> int:
    """Return how many rows the large tables have; a million unless told otherwise."""
    return int(os.environ.get("SOAK_ROWS", "1000000"))


@pytest.fixture
async def now(stack: dict[str, Any], stack_directory: Path) -> dict[str, Any]:
    """Return the running stack's `stack.json` after whatever an earlier test has killed."""
    return await described(stack_directory)
