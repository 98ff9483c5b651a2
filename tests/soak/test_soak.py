"""O-03: nothing grows while students work for long, and five times too much leaves the useful work standing."""

import asyncio
import resource
import time
from collections import Counter
from itertools import pairwise
from statistics import median
from typing import Any

import pytest

from local_stack.processes import SERVICES
from shared.testing.processors import Processors
from tests.chaos.load import READS, sign_up
from tests.soak.open_load import Answered, OpenLoad
from tests.soak.trend import Sample, look_at, slope

pytestmark = pytest.mark.soak

PER_SECOND = 50
SAMPLE_SECONDS = 2.0
WARM_UP = 0.25
"""Of the time: pools fill, caches and the allocator's arenas reach their size."""

LONG_ENOUGH_SECONDS = 600
"""Shorter runs show the interval, and fail only on growth that is certain."""

POOLED = 8
"""Descriptors by which a pool may differ from one half to the other: a stall of the machine opens some more."""

CLIENTS_AT_PEAK = 32
OVERLOAD = 5
PEAK_SECONDS = 5.0
CALM_SECONDS = 5.0
FLOODS = 3
"""Each between two peaks, and the median of their shares counts, for a shared machine becomes slower and faster by a
fifth within a minute."""

FLOOD_SECONDS = 10.0
RECOVERY_SECONDS = 10.0
REFUSAL_SECONDS = 0.1
LEAST_USEFUL = 0.8


async def test_memory_descriptors_and_connections_do_not_grow(
    now: dict[str, Any], soak_seconds: float
) -> None:
    """O-03"""
    student = await sign_up(now)
    load = OpenLoad(now["gateway"], READS, student.headers)
    samples: dict[str, list[Sample]] = {service.name: [] for service in SERVICES}
    began_at = time.monotonic()
    offering = asyncio.create_task(load.offer(PER_SECOND, soak_seconds))
    while not offering.done():
        minute = (time.monotonic() - began_at) / 60
        for name, looks in samples.items():
            looks.append(look_at(now["pids"][name], minute))
        await asyncio.sleep(SAMPLE_SECONDS)
    answered = await offering

    failed = Counter(each.status for each in answered if each.status != 200)
    print(
        f"\nO-03: {len(answered)} reads in {soak_seconds / 60:.1f} min, not answered with 200: {dict(failed)}"
    )
    growing: list[str] = []
    for name, looks in samples.items():
        warm = [look for look in looks if look.minute * 60 >= WARM_UP * soak_seconds]
        minutes = [look.minute for look in warm]
        memory = slope(minutes, [look.megabytes for look in warm])
        descriptors = growth([look.descriptors for look in warm])
        connections = growth([look.connections for look in warm])
        print(
            f"O-03: {name}: {warm[-1].megabytes:.0f} MB, {memory}; {warm[-1].descriptors} descriptors"
            f" ({descriptors:+.0f} from half to half), {warm[-1].connections} connections"
            f" ({connections:+.0f})"
        )
        bound = memory.high if soak_seconds >= LONG_ENOUGH_SECONDS else memory.low
        if bound >= 1 or descriptors > POOLED or connections > POOLED:
            growing.append(name)
    assert growing == []
    assert sum(failed.values()) <= len(answered) / 1000


async def test_five_times_too_much_leaves_the_useful_work_standing(now: dict[str, Any]) -> None:
    """O-03"""
    _, highest = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest, highest))
    student = await sign_up(now)
    load = OpenLoad(now["gateway"], READS, student.headers)
    processors = Processors(now["pids"])

    async def peak() -> float:
        return good_per_second(
            await load.as_many_as_possible(CLIENTS_AT_PEAK, PEAK_SECONDS), PEAK_SECONDS
        )

    # The first one warms everything up.
    calm = percentile_95(await load.offer(await peak() / 4, CALM_SECONDS))
    processors.used()
    peaks = [await peak()]
    print(f"\nO-03: processors at the peak: {processors.used()}")
    flood: list[Answered] = []
    useful: list[float] = []
    for _ in range(FLOODS):
        processors.used()
        answers = await load.offer(OVERLOAD * peaks[-1], FLOOD_SECONDS)
        over_at = time.monotonic()
        print(f"O-03: processors in the flood: {processors.used()}")
        flood += answers
        useful.append(good_per_second(answers, FLOOD_SECONDS))
        peaks.append(await peak())
    await asyncio.sleep(max(0.0, over_at + RECOVERY_SECONDS - time.monotonic()))
    after = await load.offer(peaks[-1] / 4, CALM_SECONDS)

    shares = [
        2 * good / (before + behind)
        for good, (before, behind) in zip(useful, pairwise(peaks), strict=True)
    ]
    refused = [each for each in flood if each.status != 200]
    slow = [each for each in refused if each.seconds > REFUSAL_SECONDS]
    print(
        f"O-03: p95 of a quarter of the peak {calm * 1000:.0f} ms; {len(flood)} requests offered at"
        f" {OVERLOAD} times the peak: {dict(Counter(each.status for each in flood))};"
        f" useful {', '.join(f'{good:.0f}' for good in useful)}/s between peaks of"
        f" {', '.join(f'{each:.0f}' for each in peaks)}: {', '.join(f'{share:.0%}' for share in shares)};"
        f" {len(slow)} of {len(refused)} refusals later than {REFUSAL_SECONDS * 1000:.0f} ms;"
        f" {RECOVERY_SECONDS:.0f} s later p95 {percentile_95(after) * 1000:.0f} ms,"
        f" {sum(each.status != 200 for each in after)} failed"
    )
    assert median(shares) >= LEAST_USEFUL
    assert len(slow) <= len(refused) / 100
    assert all(each.status == 200 for each in after)
    assert percentile_95(after) <= max(2 * calm, 0.1)


def growth(counts: list[int]) -> float:
    """Return by how much the median of the second half exceeds that of the first."""
    half = len(counts) // 2
    return median(counts[half:]) - median(counts[:half])


def good_per_second(answers: list[Answered], seconds: float) -> float:
    """Return how many were answered with 200 by the second, of those that ended while requests were offered."""
    over_at = min(each.offered_at for each in answers) + seconds
    good = sum(each.status == 200 and each.offered_at + each.seconds <= over_at for each in answers)
    return good / seconds


def percentile_95(answers: list[Answered]) -> float:
    seconds = sorted(each.seconds for each in answers)
    return seconds[int(0.95 * len(seconds))]
