"""What a deletion says of itself."""

from shared.web.schemas import Answer


class DeletedRows(Answer):
    """How much of a student was deleted; zeros when there was nothing, or it was gone already."""

    deleted_enrollments: int
    deleted_assignments: int
