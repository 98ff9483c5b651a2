"""O-04: a release, a bad one and the way back cost the students nothing."""

from pathlib import Path
from typing import Any

import pytest

from tests.chaos.replacement import replace_under_load

REQUESTS = 1_000


@pytest.mark.chaos
async def test_replacing_every_instance_and_rolling_back_fails_no_request(
    now: dict[str, Any], tmp_path: Path
) -> None:
    """O-04: on the schema of the next release, which the code knows nothing of (D-06)."""
    replaced = await replace_under_load(now, tmp_path, REQUESTS)

    print(f"\nO-04: {replaced}")
    assert replaced.failures == {}
    assert replaced.requests >= REQUESTS
    assert replaced.writes == replaced.todos
    assert replaced.bad_releases >= 3
    assert replaced.connections_of_bad_releases == 0
    assert replaced.addresses_missed == 0
    assert replaced.rollback_seconds <= 60
    assert set(replaced.exit_codes) == {0}
