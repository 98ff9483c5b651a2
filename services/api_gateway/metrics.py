"""What the gateway counts; served on the management port by `shared.web.health`."""

import asyncio

from prometheus_client import Counter, Gauge, Histogram

REQUESTS = Counter(
    "gateway_requests", "Requests by row of the routing table.", ["route", "status_class"]
)

UPSTREAM_SECONDS = Histogram(
    "gateway_upstream_seconds",
    "Time until a service began to answer.",
    ["service"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 155),
)
UPSTREAM_FAILURES = Counter(
    "gateway_upstream_failures", "Calls without a usable answer.", ["service", "kind"]
)
CIRCUIT_OPEN = Gauge(
    "gateway_circuit_open",
    "1 while a service is left alone, by any worker.",
    ["service"],
    multiprocess_mode="livemax",
)
RATE_LIMITED = Counter("gateway_rate_limited", "Requests over a limit.", ["limit"])
RATE_LIMITS_SHARED = Gauge(
    "gateway_rate_limits_shared",
    "1 while Redis answers; at 0 a worker limits by itself.",
    multiprocess_mode="livemin",
)
TOKENS = Counter("gateway_tokens", "Bearer tokens by what became of them.", ["outcome"])
REVOCATIONS = Gauge(
    "gateway_revocations", "Users whose earlier sessions are refused.", multiprocess_mode="livemin"
)
REVOCATION_ANSWER_TIME = Gauge(
    "gateway_revocations_answer_timestamp_seconds",
    "When user_service last told which sessions have ended; 0 while it never has and none is refused.",
    multiprocess_mode="livemin",
)
REVOCATION_POLLS = Counter(
    "gateway_revocation_polls", "Questions to user_service which sessions have ended.", ["outcome"]
)

POUR_SECONDS = 0.25
"""How old the tally may be when Prometheus asks, which it does every 15 s or less often."""


class Tally:
    """What every request counts, in plain integers: a counter of prometheus_client takes a lock and a microsecond."""

    def __init__(self) -> None:
        self.remembered_tokens = 0
        self._requests: dict[tuple[str, int], int] = {}

    def count_request(self, route: str, status: int) -> None:
        """Count an answered request; status 0 when its client had left."""
        kind = (route, status // 100)
        self._requests[kind] = self._requests.get(kind, 0) + 1

    def pour(self) -> None:
        """Add what has been counted since the last time to what Prometheus reads, here or in the workers' parent."""
        TOKENS.labels("remembered").inc(self.remembered_tokens)
        self.remembered_tokens = 0
        for (route, status_class), count in self._requests.items():
            REQUESTS.labels(route, f"{status_class}xx" if status_class else "none").inc(count)
        self._requests.clear()

    async def keep_poured(self) -> None:
        """Pour for ever."""
        while True:
            await asyncio.sleep(POUR_SECONDS)
            self.pour()
