"""Free slots: when the members of a group are all free, and what stands in the way of a time.

Owns the search of E44 and the check for conflicts. Reads through the room `schedules`, expands through
`recurrence`, asks user_service who is in the group. No table, no events.
"""
