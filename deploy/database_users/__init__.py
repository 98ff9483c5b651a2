"""Makes the three schemas and, for each, the one user that may enter it: a one-off task before the first migration.

Owns the server's users and nothing inside a schema. Its image is the only one that ever gets the master's password.
Run again it changes passwords to those of the secret, which is how they are rotated.
"""
