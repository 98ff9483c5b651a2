"""Sign-up and sign-in against the Cognito user pool.

Owns the order of the steps between the pool and our row, and what a refusal may reveal. Passwords
pass through and are neither kept nor logged. Does not own the rows (room `users`) and verifies no
tokens (the gateway does). No events go in or out.
"""
