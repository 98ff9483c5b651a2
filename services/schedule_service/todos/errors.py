"""What can be wrong with a todo."""

from shared.web.errors import ServiceError


class TodoNotFound(ServiceError):
    """There is no such todo."""

    status = 404
    code = "TODO_NOT_FOUND"
    message = "There is no such todo."


class InvalidTodo(ServiceError):
    """The dates contradict each other, a filter is unknown, or subtasks are nested too deeply."""

    status = 400
    code = "INVALID_TODO"
    message = "The todo is not valid."
