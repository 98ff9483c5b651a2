"""Breaks assignments into steps and checks submissions against what was asked for; keeps no state.

Owns the way from a description to steps that may be trusted, the providers that propose them, and what a failure
means. Does not own stored analyses, the budget or any todo: those are schedule_service's.
Events in: `ASSIGNMENT_CREATED`, `ASSIGNMENT_UPDATED`, `SUBMISSION_DETECTED`. Events out: `TASKS_GENERATED`.
"""
