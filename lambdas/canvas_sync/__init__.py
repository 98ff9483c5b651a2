"""Reads what one student sees in Canvas and publishes it; keeps no state.

Owns the invocation shapes, the rules of a synchronisation and the Canvas client. Does not own tokens, enrollments or
any table: it asks user_service and course_service.
Events in: none. Events out: `CANVAS_COURSES_SYNCED` and `CANVAS_SYNC_COMPLETED` on `assignment-events-queue`.
"""
