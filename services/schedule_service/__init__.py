"""Keeps each student's planner: categories, schedules and the todos below them.

Owns `schedule_db`. Makes categories and schedules out of Canvas assignments. Does not know who is in
a group (user_service does) or what Canvas says (course_service does).
Events in: `USER_ASSIGNMENTS_CREATED`, `COURSE_DISABLED`. Events out: none.
"""
