"""Courses, enrollments and assignments as Canvas showed them to each student.

Owns course_db. Does not talk to Canvas and does not own schedules. Events in: CANVAS_COURSES_SYNCED,
CANVAS_SYNC_COMPLETED. Events out: USER_ASSIGNMENTS_CREATED, COURSE_DISABLED, ASSIGNMENT_CREATED,
ASSIGNMENT_UPDATED.
"""
