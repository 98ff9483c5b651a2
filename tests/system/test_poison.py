"""The short form of Q-06; `tests/chaos/test_poison.py` has the whole one."""

from collections.abc import AsyncIterator

import pytest

from services.schedule_service.migrate import MIGRATIONS
from shared.database import Database
from shared.settings import Settings
from shared.testing.schemas import migrated_schema
from tests.chaos.poison import POISON, consume_with_poison, replay_killed_half_way


@pytest.fixture
async def schedule_db(mysql_server_url: str) -> AsyncIterator[tuple[str, Database]]:
    with migrated_schema(mysql_server_url, MIGRATIONS) as url:
        database = Database(url)
        yield url, database
        await database.close()


async def test_poison_ends_alone_in_the_dead_letter_queue_with_its_reason(
    aws: Settings, schedule_db: tuple[str, Database]
) -> None:
    """Q-06: every kind of poison once; that good messages hardly wait for it is measured in the long form."""
    url, database = schedule_db
    poison = len(POISON)

    outcome = await consume_with_poison(aws, database, url, good=150, poison=poison)

    print(f"Q-06: {outcome}")
    assert outcome.good_in_dead_letter_queue == 0
    assert outcome.poison_in_dead_letter_queue == poison
    assert len(outcome.reasons) == poison


async def test_a_replay_killed_half_way_loses_nothing_and_takes_effect_once(
    aws: Settings, schedule_db: tuple[str, Database]
) -> None:
    """Q-06"""
    url, database = schedule_db

    outcome = await replay_killed_half_way(aws, database, url, letters=60)

    print(f"Q-06: {outcome}")
    assert outcome.left_by_the_kill > 0, "the replay was over before it was killed"
    assert (outcome.schedules, outcome.students_with_a_schedule, outcome.left) == (60, 60, 0)
