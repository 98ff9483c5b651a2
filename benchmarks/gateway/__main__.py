"""Prints the gateway's rate, latency and memory beside its peers', and ends with 1 when a target is missed."""

import argparse
import statistics
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from benchmarks.gateway.idle_connections import CONNECTIONS, Crowd, crowd
from benchmarks.gateway.load import Load, Measurement
from benchmarks.gateway.proxies import (
    Proxy,
    envoy,
    haproxy,
    our_gateway,
    plain_gateway,
    upstream,
)
from benchmarks.gateway.tokens import UserPool

TOKENS = 200
MANY_CONNECTIONS = 32
TURNS = 6
"""Many short ones: the machine has slow seconds, and all contestants of a turn share them."""

OURS, HAPROXY, ENVOY, PLAIN = "this gateway", "HAProxy", "Envoy, cached tokens", "FastAPI + httpx"
RATE_TARGETS = {HAPROXY: 0.75, ENVOY: 1.0, PLAIN: 25.0}
"""Our requests/s at 32 connections as a multiple of theirs, at least."""

LATENCY_TARGET = 1.6
"""Our p50 at one connection as a multiple of HAProxy's, at most."""

CROWD_MILLISECONDS, CROWD_MIB = 500, 512
"""O-02: p95 and memory with 10,000 connections, at most."""

MEMORY = "/dev/shm"
"""Where our log goes: the others write none, and a slow disk is no proxy's fault."""

Turns = dict[str, list[Measurement]]


def main() -> None:
    """Measure all in turns and judge."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=int, default=1, help="length of one measurement")
    seconds = arguments.parse_args().seconds
    pool = UserPool()
    with tempfile.TemporaryDirectory(dir=MEMORY) as name, ExitStack() as stack:
        directory = Path(name)
        load = Load(directory, [pool.token(number) for number in range(TOKENS)])
        url = stack.enter_context(upstream(directory, pool))
        proxies = [
            stack.enter_context(haproxy(directory, pool, url)),
            stack.enter_context(envoy(directory, pool, url, caches_tokens=False)),
            stack.enter_context(envoy(directory, pool, url, caches_tokens=True)),
            stack.enter_context(plain_gateway(directory, pool, url)),
            stack.enter_context(our_gateway(directory, pool, url)),
        ]
        many = _measured(load, proxies, MANY_CONNECTIONS, seconds)
        one = _measured(load, proxies, 1, seconds)
        _print_table(proxies, many, one)
        seen = crowd(proxies[-1], pool.token(0))
    sys.exit(not (_targets_are_met(many, one) & _crowd_is_served(seen)))


def _measured(load: Load, proxies: list[Proxy], connections: int, seconds: int) -> Turns:
    turns: Turns = {proxy.name: [] for proxy in proxies}
    for proxy in proxies:
        load.measure(proxy, connections=connections, seconds=1)
    for _ in range(TURNS):
        for proxy in proxies:
            seen = load.measure(proxy, connections=connections, seconds=seconds)
            turns[proxy.name].append(seen)
    return turns


def _print_table(proxies: list[Proxy], many: Turns, one: Turns) -> None:
    print(
        f"| | requests/s at {MANY_CONNECTIONS} | of HAProxy's | p50 ms | p99 ms | processor us "
        "| requests/s at 1 | p50 ms | of HAProxy's | p99 ms | MiB |\n" + "|---" * 11 + "|"
    )
    for proxy in proxies:
        at_many, at_one = many[proxy.name], one[proxy.name]
        print(
            f"| {proxy.name} | {_median(at_many, 'requests_per_second'):,.0f} "
            f"| {_ratio(many, proxy.name, HAPROXY, 'requests_per_second'):.2f} "
            f"| {_median(at_many, 'p50_milliseconds'):.2f} "
            f"| {_median(at_many, 'p99_milliseconds'):.2f} "
            f"| {_median(at_many, 'processor_microseconds'):.0f} "
            f"| {_median(at_one, 'requests_per_second'):,.0f} "
            f"| {_median(at_one, 'p50_milliseconds'):.3f} "
            f"| {_ratio(one, proxy.name, HAPROXY, 'p50_milliseconds'):.2f} "
            f"| {_median(at_one, 'p99_milliseconds'):.2f} "
            f"| {proxy.resident_mib():.0f} |"
        )


def _targets_are_met(many: Turns, one: Turns) -> bool:
    print()
    all_met = True
    for peer, target in RATE_TARGETS.items():
        ratio = _ratio(many, OURS, peer, "requests_per_second")
        all_met &= ratio >= target
        print(f"rate at {MANY_CONNECTIONS} of {peer}: {ratio:.2f}, target at least {target}")
    ratio = _ratio(one, OURS, HAPROXY, "p50_milliseconds")
    print(f"p50 at 1 of HAProxy: {ratio:.2f}, target at most {LATENCY_TARGET}")
    return all_met and ratio <= LATENCY_TARGET


def _crowd_is_served(seen: Crowd) -> bool:
    print(
        f"{CONNECTIONS:,} connections: {seen.answered:,} answered, p95 {seen.p95_milliseconds:.0f} ms, "
        f"{seen.resident_mib:.0f} MiB; targets all, {CROWD_MILLISECONDS} ms, {CROWD_MIB} MiB"
    )
    return (
        seen.answered == CONNECTIONS
        and seen.p95_milliseconds <= CROWD_MILLISECONDS
        and seen.resident_mib <= CROWD_MIB
    )


def _ratio(turns: Turns, ours: str, theirs: str, figure: str) -> float:
    """Return the median of the ratios of each turn, so that a slow minute counts for both."""
    pairs = zip(turns[ours], turns[theirs], strict=True)
    ratios = [float(getattr(our, figure) / getattr(their, figure)) for our, their in pairs]
    return statistics.median(ratios)


def _median(turns: list[Measurement], figure: str) -> float:
    return statistics.median(float(getattr(turn, figure)) for turn in turns)


if __name__ == "__main__":
    main()
