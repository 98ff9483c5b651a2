"""The steps of assignments, as todos in the planner of every student who has them.

Owns `assignment_plans`, `generated_todos`, which remembers what a student was given, and
`recorded_submissions`. Writes todos and reads schedules. Events in: `TASKS_GENERATED`, `SUBMISSION_RECORDED`.
"""
