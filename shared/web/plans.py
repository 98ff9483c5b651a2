"""Calls endpoints by a plan made once, where FastAPI would work the same plan out anew for each request."""

import inspect
from collections.abc import Iterable, Mapping
from types import UnionType
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

from fastapi import APIRouter, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

Finding = dict[str, Any]
"""Why a parameter cannot be read, as pydantic says it."""

_NOT_PLANNED = (
    "cookie_params",
    "body_params",
    "websocket_param_name",
    "http_connection_param_name",
    "response_param_name",
    "background_tasks_param_name",
    "security_scopes_param_name",
    "concurrency",
)
"""What a function may ask FastAPI for besides single values of path, query and headers."""


class Plan:
    """What the parameters of an endpoint, or of a dependency, are read from, in FastAPI's order.

    Args:
        dependant: FastAPI's own description of the function.
    """

    def __init__(self, dependant: Dependant) -> None:
        self._function: Any = dependant.call
        self._request_name = dependant.request_param_name
        self._dependencies = [(part.name, Plan(part)) for part in dependant.dependencies]
        self._path = _parameters(dependant.path_params)
        self._query = _parameters(dependant.query_params)
        self._headers = _parameters(dependant.header_params)

    async def answer(self, request: Request) -> Response:
        """Read the parameters and return the endpoint's answer.

        Raises:
            RequestValidationError: Parameters are missing or cannot be read.
        """
        findings: list[Finding] = []
        answer: Response = await self._call(request, findings)
        if findings:
            raise RequestValidationError(findings)
        return answer

    async def _call(self, request: Request, findings: list[Finding]) -> Any:
        found_before = len(findings)
        arguments: dict[str, Any] = {}
        for name, dependency in self._dependencies:
            value = await dependency._call(request, findings)
            if name is not None:
                arguments[name] = value
        if self._path:
            _read("path", self._path, request.path_params, arguments, findings)
        if self._query:
            _read("query", self._query, dict(request.query_params), arguments, findings)
        if self._headers:
            _read("header", self._headers, request.headers, arguments, findings)
        if len(findings) > found_before:
            return None
        if self._request_name is not None:
            arguments[self._request_name] = request
        return await self._function(**arguments)


class _Parameter(NamedTuple):
    """A single value of a request: how the function and how the wire calls it, and FastAPI's validation."""

    name: str
    alias: str
    is_required: bool
    default: Any
    validate: Any


def _parameters(fields: list[Any]) -> list[_Parameter]:
    return [
        _Parameter(
            field.name,
            field.alias,
            field.field_info.is_required(),
            field.field_info.default,
            field.validate,
        )
        for field in fields
    ]


def _read(
    place: str,
    parameters: list[_Parameter],
    given: Mapping[str, Any],
    arguments: dict[str, Any],
    findings: list[Finding],
) -> None:
    for name, alias, is_required, default, validate in parameters:
        value = given.get(alias)
        if value is not None:
            arguments[name], wrong = validate(value, loc=(place, alias))
            findings += wrong
        elif is_required:
            findings.append({"type": "missing", "loc": (place, alias), "msg": "Field required"})
        else:
            arguments[name] = default


def plan_of(dependant: Dependant) -> Plan | None:
    """Return the plan of an endpoint; None when it needs more than plans read, or answers with no `Response`."""
    returned = inspect.signature(dependant.call, eval_str=True).return_annotation  # type: ignore[arg-type]
    return Plan(dependant) if returned is Response and _is_readable(dependant) else None


def _is_readable(dependant: Dependant) -> bool:
    fields = [*dependant.path_params, *dependant.query_params, *dependant.header_params]
    return (
        inspect.iscoroutinefunction(dependant.call)
        and not any(getattr(dependant, name) for name in _NOT_PLANNED)
        and all(_is_single_value(field.field_info.annotation) for field in fields)
        and not any(
            field.field_info.validate_default or field.field_info.default_factory
            for field in fields
        )
        and all(_is_readable(part) for part in dependant.dependencies)
    )


def _is_single_value(annotation: Any) -> bool:
    if get_origin(annotation) is Annotated:
        return _is_single_value(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return all(_is_single_value(option) for option in get_args(annotation))
    several = (list, tuple, set, frozenset, Mapping, BaseModel)
    return isinstance(annotation, type) and not issubclass(annotation, several)


class PlannedPaths(BaseRoute):
    """The planned GET endpoints whose paths hold no parameter, found in a dictionary before any pattern is tried.

    Args:
        routers: Where they are. Their routes' dependencies are those of the route and of its router.
    """

    def __init__(self, routers: Iterable[APIRouter]) -> None:
        self._planned: dict[str, tuple[APIRoute, Plan]] = {}
        for router in routers:
            for route in router.routes:
                if not isinstance(route, APIRoute) or route.param_convertors:
                    continue
                plan = plan_of(route.dependant) if route.methods == {"GET"} else None
                if plan is not None:
                    self._planned.setdefault(route.path, (route, plan))

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match by the whole path."""
        if scope["type"] == "http" and scope["method"] == "GET":
            found = self._planned.get(scope["path"])
            if found is not None:
                return Match.FULL, {"route": found[0], "plan": found[1]}
        return Match.NONE, {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the endpoint and send its answer."""
        answer = await scope["plan"].answer(Request(scope, receive))
        await answer(scope, receive, send)
