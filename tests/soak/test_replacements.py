"""O-04 and O-05 at their full length."""

from pathlib import Path
from typing import Any

import pytest

from tests.chaos.availability import read_while_instances_die
from tests.chaos.instances import spawn
from tests.chaos.replacement import replace_under_load

pytestmark = pytest.mark.soak

REQUESTS = 10_000

KILL_EVERY_SECONDS = 60.0

LONG_ENOUGH_SECONDS = 600
"""O-05's ten minutes; of fewer reads, the one or two under way in a gateway that is killed are a larger share."""


async def test_ten_thousand_requests_meet_replacements_and_none_fails(
    now: dict[str, Any], tmp_path: Path
) -> None:
    """O-04: whose way back takes as long as production's, imports and all."""
    replaced = await replace_under_load(now, tmp_path, REQUESTS, start=spawn)

    print(f"\nO-04: {replaced}")
    assert replaced.requests >= REQUESTS
    assert replaced.failures == {}
    assert replaced.writes == replaced.todos
    assert replaced.connections_of_bad_releases == 0
    assert replaced.addresses_missed == 0
    assert replaced.rollback_seconds <= 60
    assert set(replaced.exit_codes) == {0}


async def test_an_instance_killed_each_minute_leaves_the_reads_at_99_9_percent(
    now: dict[str, Any], tmp_path: Path, soak_seconds: float
) -> None:
    """O-05"""
    outcome = await read_while_instances_die(
        now,
        tmp_path,
        seconds=soak_seconds,
        kill_every_seconds=min(KILL_EVERY_SECONDS, soak_seconds / 2),
    )

    print(f"\nO-05: {outcome.share:.3%} of reads with two instances: {outcome}")
    assert outcome.share >= (0.999 if soak_seconds >= LONG_ENOUGH_SECONDS else 0.995)
