"""The event door: what one synchronisation message changes, and who is told.

Owns no rows; it puts the rooms' rules in order in one transaction per message. Events in:
CANVAS_COURSES_SYNCED, CANVAS_SYNC_COMPLETED. Events out, through the outbox: orders for snapshots,
ASSIGNMENT_CREATED, ASSIGNMENT_UPDATED, SUBMISSION_DETECTED, SUBMISSION_RECORDED.
"""
