"""Measures the gateway beside HAProxy, Envoy and a plain FastAPI + httpx gateway, all in one run.

The proxies share one core in turns, the load and the upstream have the other. Every figure that is judged is a
ratio within the run.
"""
