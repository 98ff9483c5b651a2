"""The measure itself: a leak is seen, and noise is not taken for one."""

import random

from tests.soak.trend import slope

MINUTES = [number / 12 for number in range(96)]


def test_a_leak_of_two_megabytes_a_minute_is_seen_in_noise() -> None:
    chance = random.Random(1)
    found = slope(MINUTES, [100 + 2 * minute + chance.gauss(0, 3) for minute in MINUTES])
    assert found.low > 1
    assert found.low < 2 < found.high


def test_the_interval_of_what_does_not_grow_holds_zero() -> None:
    chance = random.Random(2)
    found = slope(MINUTES, [100 + chance.gauss(0, 3) for _ in MINUTES])
    assert found.low < 0 < found.high < 1


def test_what_stays_the_same_has_no_slope() -> None:
    found = slope(MINUTES, [100.0] * len(MINUTES))
    assert (found.per_minute, found.low, found.high) == (0, 0, 0)


def test_values_that_wander_give_a_wider_interval_than_independent_ones() -> None:
    chance = random.Random(3)
    independent = [chance.gauss(0, 1) for _ in MINUTES]
    wandering, at = [], 0.0
    for step in independent:
        at = 0.9 * at + step
        wandering.append(at)
    narrow, wide = slope(MINUTES, independent), slope(MINUTES, wandering)
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)
