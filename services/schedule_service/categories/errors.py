"""What can be wrong with a category."""

from shared.web.errors import ServiceError


class CategoryNotFound(ServiceError):
    """There is no such category."""

    status = 404
    code = "CATEGORY_NOT_FOUND"
    message = "There is no such category."
