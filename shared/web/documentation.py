"""Puts the error answers of rest.md 1.7 into the OpenAPI documents."""

from typing import Annotated, Any, Literal

from pydantic import Field

from shared.web.errors import BadRequest, ServiceError, Unauthorized, Unavailable
from shared.web.schemas import Answer

Responses = dict[int | str, dict[str, Any]]

PAGED: Responses = {
    200: {
        "headers": {
            "Link": {
                "description": 'The next page as `<...>; rel="next"`; absent on the last page',
                "schema": {"type": "string"},
            }
        }
    }
}
"""The success answer of a list with `limit` and `cursor`; its model is the endpoint's own."""


class ErrorCodeAnswer(Answer):
    """Error object of user_service and schedule_service."""

    error_code: Annotated[str, Field(examples=["BAD_REQUEST"])]
    message: str
    timestamp: Annotated[str, Field(examples=["2026-03-04T09:30:00.123456"])]


class CodeAnswer(Answer):
    """Error object of course_service."""

    code: Annotated[str, Field(examples=["BAD_REQUEST"])]
    message: str


class InvalidFieldsAnswer(Answer):
    """Tells which fields of a body break a rule."""

    status: Literal["error"]
    message: str
    errors: dict[str, str]


def documented_errors(
    model: type[Answer], *errors: type[ServiceError], has_body: bool = False, public: bool = False
) -> Responses:
    """Return an endpoint's `responses`: its own errors and those every endpoint has.

    Args:
        model: The service's error object.
        errors: What the endpoint's rules raise.
        has_body: Whether fields of a body may break a rule.
        public: Whether it is served without a caller.
    """
    general: list[type[ServiceError]] = [BadRequest, Unavailable, ServiceError]
    if not public:
        general.append(Unauthorized)
    by_status: dict[int, dict[str, type[ServiceError]]] = {}
    for error in (*errors, *general):
        by_status.setdefault(error.status, {})[error.code] = error
    responses: Responses = {}
    for status, meanings in sorted(by_status.items()):
        text = "; ".join(
            f"`{code}`: {(error.__doc__ or '').splitlines()[0]}" for code, error in meanings.items()
        )
        examples = {code: {"value": _example(model, error)} for code, error in meanings.items()}
        responses[status] = {
            "model": model,
            "description": text,
            "content": {"application/json": {"examples": examples}},
        }
    if has_body:
        responses[400]["model"] = InvalidFieldsAnswer | model
        responses[415] = {"model": model, "description": "`UNSUPPORTED_MEDIA_TYPE`: not JSON."}
    return responses


def _example(model: type[Answer], error: type[ServiceError]) -> dict[str, Any]:
    values = {
        "code": error.code,
        "errorCode": error.code,
        "message": error.message,
        "timestamp": "2026-03-04T09:30:00.123456",
    }
    names = [field.alias or name for name, field in model.model_fields.items()]
    return {name: values[name] for name in names if name in values}
