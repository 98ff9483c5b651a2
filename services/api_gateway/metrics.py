"""What the gateway counts; served on the management port by `shared.web.health`."""

from prometheus_client import Counter, Histogram

REQUESTS = Counter(
    "gateway_requests", "Requests by row of the routing table.", ["route", "status_class"]
)
UPSTREAM_SECONDS = Histogram(
    "gateway_upstream_seconds",
    "Time until a service began to answer.",
    ["service"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 155),
)
TOKENS = Counter("gateway_tokens", "Bearer tokens by what became of them.", ["outcome"])
