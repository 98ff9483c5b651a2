"""Assignments, shared by everyone in a course, and what each student's own listing showed of them.

Owns `assignments` and `assignment_visibility`, the rules by which a listing changes both, and the
safety of descriptions. Does not decide who is told. Events out: ASSIGNMENT_CREATED, ASSIGNMENT_UPDATED.
"""
