"""Categories: what schedules and todos are sorted by, personal, of a group, or made for a Canvas course.

Owns the table `categories`, how it is read and written, how the category of a course is found or made, and
`Uncategorized`, which takes in what a deleted category sorted. Does not know what schedules and todos say.
No events of its own: `sync` calls in.
"""
