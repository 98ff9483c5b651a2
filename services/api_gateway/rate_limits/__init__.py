"""Holds callers to so many requests a minute (S-05).

Owns the windows, their sharing over workers and instances through Redis, and what counts as one caller. Does not own
which routes are limited, nor the answer to who is over the limit.
Events out: none. Events in: none.
"""
