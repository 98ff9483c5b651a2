"""What operators see of the queues, on each worker's management port."""

from prometheus_client import Counter, Gauge

PROCESSED = Counter("messages_processed_total", "Messages applied and deleted", ["queue"])
FAILED = Counter("messages_failed_total", "Messages left for a further receive", ["queue"])
RETRIED = Counter("messages_retried_total", "Tries put off because of an outage", ["queue"])
OUTBOX_DEPTH = Gauge("outbox_depth", "Events committed and not sent yet")
OUTBOX_AGE = Gauge("outbox_oldest_seconds", "Age of the oldest event not sent yet")
OUTBOX_SENT = Counter("outbox_sent_total", "Outbox rows sent", ["event_type"])
