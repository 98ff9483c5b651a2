"""The people: one row per student, made at sign-up, found again by Cognito sub.

Owns the table `users`. Does not own passwords or tokens (room `auth`) and makes nothing else for a
new user. No events go in or out.
"""
