"""The people: one row per student, made at sign-up, found again by Cognito sub.

Owns the tables `users` and `deleted_users`, and how a person is shown beside friends, requests and
groups. Does not own passwords or tokens (rooms `auth` and `sessions`), nor what goes with an account
that ends (room `accounts`). No events go in or out.
"""
