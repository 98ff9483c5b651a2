"""Tells whether a bearer token is the user pool's and whose it is.

Owns the strict reading of tokens, the pool's keys and the memory of tokens already verified. Does not own
what a caller may do. Knows no HTTP but the fetch of the keys. Events out: none. Events in: none.
"""
