"""Traces: spans of requests, calls and messages, tied together over processes by W3C `traceparent`.

Off, and without the OpenTelemetry SDK in memory, unless `OTEL_EXPORTER_OTLP_ENDPOINT` names a collector. Spans hold
methods, route templates, statuses, names of queues and ids of requests and messages; of users their pseudonym alone.
Baggage and `tracestate` are neither read nor sent on.
"""
