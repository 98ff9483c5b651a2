"""What the gateway counts; served on the management port by `shared.web.health`."""

from functools import cache

from prometheus_client import Counter, Gauge, Histogram

REQUESTS = Counter(
    "gateway_requests", "Requests by row of the routing table.", ["route", "status_class"]
)


@cache
def _requests(route: str, status_class: int) -> Counter:
    """Looking a counter up costs more than counting; there are as many as rows times classes."""
    return REQUESTS.labels(route, f"{status_class}xx" if status_class else "none")


def count_request(route: str, status: int) -> None:
    """Count an answered request; status 0 when its client had left."""
    _requests(route, status // 100).inc()


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
