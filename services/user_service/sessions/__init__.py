"""What becomes of a session: it is refreshed, or signed out everywhere.

Owns the table `revocations`: a session that began at `revoked_before` or earlier has ended. Gateways
poll the list and refuse its tokens; a refresh is refused here. Does not own sign-in (room `auth`).
No events go in or out.
"""
