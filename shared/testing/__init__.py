"""Fixtures and doubles that several test suites share; nothing here runs in production.

Doubles are real classes held to the real thing by a shared scenario test, and are hostile where the
real thing may be.
"""
