"""The courses every student shares.

Owns the `courses` rows, written by synchronisations only. Does not know who is enrolled: the doors to
a caller's courses are in `enrollments`. No events of its own.
"""
