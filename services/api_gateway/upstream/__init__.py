"""Speaks HTTP/1.1 with the services: kept connections, one call at a time on each, answers checked for their framing.

Owns connections and their pools, the circuit of each service and the budget for second tries. Does not own what is
sent or what a failure means to a client (`forwarding.py`). Our own client, because libraries cost twice the time of
all the rest (benchmarks/gateway/README.md).
Events out: none. Events in: none.
"""
