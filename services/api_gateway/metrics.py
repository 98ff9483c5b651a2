"""What the gateway counts; served on the management port by `shared.web.health`."""

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
TOKENS = Counter("gateway_tokens", "Bearer tokens by what became of them.", ["outcome"])
REVOCATIONS = Gauge("gateway_revocations", "Users whose earlier sessions are refused.")
REVOCATION_ANSWER_TIME = Gauge(
    "gateway_revocations_answer_timestamp_seconds",
    "When user_service last told which sessions have ended; 0 while it never has and none is refused.",
)
REVOCATION_POLLS = Counter(
    "gateway_revocation_polls", "Questions to user_service which sessions have ended.", ["outcome"]
)
