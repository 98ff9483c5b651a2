"""Categories: what schedules and todos are sorted by, personal, of a group, or made for a Canvas course.

Owns the table `categories`, how it is read, and how the category of a course is found or made.
Does not know schedules or todos. No events of its own: `sync` calls in.
"""
