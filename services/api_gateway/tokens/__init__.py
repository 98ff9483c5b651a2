"""Tells whether a bearer token is the user pool's and whose it is.

Owns the strict reading of tokens, the pool's keys, the memory of tokens already verified and of sessions that
have ended. Does not own what a caller may do. Knows no HTTP but the fetch of keys and revocations.
Events out: none. Events in: none.
"""
