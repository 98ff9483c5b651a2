"""Reads request bodies strictly: what one reader takes for a number or a name, every other must too."""

import json
import math
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.routing import APIRoute

from shared.web.errors import BadRequest, ServiceError
from shared.web.plans import plan_of
from shared.web.time_zone import bind_time_zone

MAX_DEPTH = 32
"""Bodies of the contract are at most two levels deep; recursion in any reader behind us is bounded by this."""


class UnsupportedMediaType(ServiceError):
    """The body is not declared as JSON."""

    status = 415
    code = "UNSUPPORTED_MEDIA_TYPE"
    message = "The body must be application/json."


def parse_json(raw: bytes) -> Any:
    """Parse a JSON document.

    Raises:
        BadRequest: Not UTF-8 JSON, or it holds NaN, an infinite number, a lone surrogate, a name twice, or
            is nested deeper than `MAX_DEPTH`.
    """
    try:
        document = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_unique_names,
            parse_constant=_no_constant,
            parse_float=_finite,
            parse_int=_bounded_int,
        )
    except (ValueError, RecursionError) as problem:
        raise BadRequest("The body is not valid JSON.") from problem
    _check(document, MAX_DEPTH)
    return document


def _unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(pairs)
    if len(names) != len(pairs):
        raise ValueError("duplicate name")
    return names


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(digits)
    return number


def _bounded_int(digits: str) -> int:
    if len(digits) > 40:
        raise ValueError("number too long")
    return int(digits)


def _check(value: Any, depth: int) -> None:
    if depth == 0:
        raise BadRequest("The body is nested too deeply.")
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, dict):
        for name, item in value.items():
            _check_text(name)
            _check(item, depth - 1)
    elif isinstance(value, list):
        for item in value:
            _check(item, depth - 1)


def _check_text(value: str) -> None:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as problem:
        raise BadRequest("The body holds text that is not valid Unicode.") from problem
    if "\x00" in value:
        raise BadRequest("The body holds a NUL character.")


class StrictRequest(Request):
    """A request whose JSON body is parsed by `parse_json`."""

    async def json(self) -> Any:
        """Return the parsed body."""
        if not hasattr(self, "_json"):
            self._json = parse_json(await self.body())
        return self._json


class StrictRoute(APIRoute):
    """A route that reads JSON strictly and refuses bodies that are not declared as JSON.

    Its dependencies are those of its own and of its router; it does not see those of `include_router`.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the endpoint's plan where it can be planned, else FastAPI's handler with the strict request."""
        if (plan := plan_of(self.dependant)) is not None:
            return plan.answer
        handle = super().get_route_handler()
        expects_body = self.body_field is not None

        async def handle_strictly(request: Request) -> Response:
            strict = StrictRequest(request.scope, request.receive)
            if expects_body and await strict.body():
                declared = strict.headers.get("content-type", "").partition(";")[0].strip().lower()
                if declared != "application/json" and not (
                    declared.startswith("application/") and declared.endswith("+json")
                ):
                    raise UnsupportedMediaType
            return await handle(strict)

        return handle_strictly


def strict_router(prefix: str, tag: str) -> APIRouter:
    """Return a router whose bodies are read by `StrictRoute`, in the caller's time zone.

    Args:
        prefix: Path prefix as the service sees it, such as `/v1/courses`.
        tag: Heading of its endpoints on the API page.
    """
    return APIRouter(
        prefix=prefix, tags=[tag], route_class=StrictRoute, dependencies=[Depends(bind_time_zone)]
    )
