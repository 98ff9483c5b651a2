"""What can be wrong with a category."""

from shared.web.errors import ServiceError


class CategoryNotFound(ServiceError):
    """There is no such category."""

    status = 404
    code = "CATEGORY_NOT_FOUND"
    message = "There is no such category."


class DuplicateCategory(ServiceError):
    """The caller or the group already has a category of this name."""

    status = 409
    code = "DUPLICATE_CATEGORY"
    message = "There is already a category of this name."


class NoFreeName(Exception):
    """Every name tried for a category that nobody named is taken by another one."""
