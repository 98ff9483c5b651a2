"""Measures how long one synchronisation takes, in round trips to Canvas.

Owns the measurement and the doubles around it: the sandbox in a process of its own, both services, the queue.
No events go in; those that come out are counted and dropped.
"""
