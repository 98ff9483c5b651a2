"""What a student's planner should hold, as one message or as many parts as it takes.

Owns no rows: reads one student's view under that student's lock and renders it within the size limit.
Events out: USER_ASSIGNMENTS_CREATED.
"""
