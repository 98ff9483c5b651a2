"""What can be wrong with a student."""


class StudentDeleted(Exception):
    """The student's account is deleted: what still comes for it is not kept (S-08)."""
