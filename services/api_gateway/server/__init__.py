"""Speaks HTTP/1.1 with clients: reads requests, holds them to their limits, writes answers in their order.

Owns framing, sizes, patience with slow clients, keep-alive and the graceful stop. Does not own what a request
means: each one is handed over as an `Exchange`. It is not an ASGI server, because of what one request costs there
(benchmarks/gateway/README.md).
Events out: none. Events in: none.
"""
