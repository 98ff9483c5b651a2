"""Q-01: workers killed at every step lose nothing and double nothing."""

from collections import Counter

import pytest

from tests.chaos.rolling import NOTHING_LOST_OR_DOUBLED, Rolling, finish, outcome
from tests.chaos.surroundings import Surroundings


async def kill_and_compare(
    place: Surroundings, *, kills: int, messages: int, most_dead: int
) -> None:
    rolling = Rolling(place, kills, messages, students=messages // 10, is_graceful=False)
    await rolling.run()
    dead = await finish(place)
    found = await outcome(place, messages)
    steps = Counter(ending.step for ending in rolling.endings)
    print(
        f"\nQ-01: {len(rolling.endings)} kills over {messages} messages: {found};"
        f" {dead} replayed from dead-letter queues; killed at {dict(steps)}"
    )
    assert len(rolling.endings) == kills
    assert found == NOTHING_LOST_OR_DOUBLED
    assert dead <= most_dead


async def test_a_few_kills_lose_and_double_nothing(surroundings: Surroundings) -> None:
    """Q-01, short: the long form is part of `make chaos`."""
    await kill_and_compare(surroundings, kills=4, messages=80, most_dead=0)


@pytest.mark.chaos
async def test_a_hundred_kills_at_every_step_lose_and_double_nothing(
    surroundings: Surroundings,
) -> None:
    """Q-01"""
    await kill_and_compare(surroundings, kills=100, messages=2_000, most_dead=20)
