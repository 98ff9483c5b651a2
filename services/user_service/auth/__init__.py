"""Sign-up and sign-in against the Cognito user pool.

Owns the order of the steps between the pool and our row, what a refusal may reveal, and the pool as
other rooms know it. Passwords pass through and are neither kept nor logged. Does not own the rows
(room `users`) or what becomes of a session (room `sessions`), and verifies no tokens (the gateway
does). No events go in or out.
"""
