"""Brings a student's planner into step with what course_service says about their Canvas assignments.

Owns which Canvas schedules should exist, `canvas_snapshots`: each student's lock and the last order mark
applied, and `deleted_users`, of whom nothing is applied. Writes through the rooms `categories` and `schedules`.
Events in: `USER_ASSIGNMENTS_CREATED`, `COURSE_DISABLED`. Events out: none.
"""
