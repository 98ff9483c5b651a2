"""The HTTP shell every service wears: app factory, error shapes, JSON rules, health, API page, serving.

Knows the contract's common rules (rest.md 1.5 to 1.7 and 6). Does not know any endpoint.
"""
