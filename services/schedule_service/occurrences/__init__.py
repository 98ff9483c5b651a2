"""Occurrences: the schedules of a stretch of time, recurring ones once for each time they take place.

Owns the list at `/v1/schedules/occurrences`. Reads through the room `schedules`, expands through
`recurrence`. No table, no events.
"""
