"""Who is in which course, and which of their courses each student wants in the planner.

Owns `enrollments`, the marks that keep one student's observations of a course in order, and the doors
to the caller's courses. Enrollments come from synchronisations only. Events out: COURSE_DISABLED.
"""
