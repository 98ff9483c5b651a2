"""Makes one document of the services': gateway paths, each component once, names changed only where they clash."""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from services.api_gateway.api_document.own_answers import OWN_SCHEMAS, Part, with_own_answers
from services.api_gateway.routes import PREFIX, Access, Route, Service, find_route

SECURITY_SCHEME = "JWT-Bearer"
"""The services' `JWT Bearer` (O3) without its space, which OpenAPI 3.1 allows in no component's name."""

_ABOUT = (
    "Everything a caller can reach. Sign up or sign in, put the `idToken` of the answer into *Authorize*, "
    "and try the rest."
)
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_REFERENCE = "#/components/"

Key = tuple[str, str]
"""A component's section and name."""


def merged_document(documents: Mapping[Service, Part], routes: tuple[Route, ...]) -> Part:
    """Return the one document.

    Args:
        documents: The services' OpenAPI 3.1 documents.
        routes: The routing table; what no row leads to is left out, what a public row leads to needs no token.
    """
    new_names = _new_names(documents)
    components: Part = {"schemas": {}}
    paths: Part = {}
    tags: dict[str, Part] = {}
    operation_ids: set[str] = set()
    for service, document in documents.items():
        renamed = _renamed(document, new_names[service])
        for (section, name), component in _components(renamed).items():
            new_name = new_names[service].get((section, name), name)
            components.setdefault(section, {})[new_name] = component
        described = {tag["name"]: tag for tag in renamed.get("tags", [])}
        for path, item in renamed["paths"].items():
            route = _route(PREFIX + path, service, routes)
            if route is None:
                continue
            paths[PREFIX + path] = {
                key: _operation(value, service, route, operation_ids) if key in _METHODS else value
                for key, value in item.items()
                if key != "servers"
            }
            for tag in _tags(item):
                tags.setdefault(tag, described.get(tag, {"name": tag}))
    components["schemas"].update(OWN_SCHEMAS)
    components["securitySchemes"] = {
        SECURITY_SCHEME: {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "UniSync API", "version": "1.0.0", "description": _ABOUT},
        "servers": [{"url": "/"}],
        "security": [{SECURITY_SCHEME: []}],
        "tags": list(tags.values()),
        "paths": paths,
        "components": components,
    }


def _route(path: str, service: Service, routes: tuple[Route, ...]) -> Route | None:
    route = find_route(path, routes)
    if route is None or route.access is Access.NOBODY or route.service is not service:
        return None
    return route


def _operation(operation: Part, service: Service, route: Route, operation_ids: set[str]) -> Part:
    needs_token = route.access is Access.SIGNED_IN
    changed = {k: v for k, v in operation.items() if k not in {"security", "servers"}}
    changed["responses"] = with_own_answers(
        operation["responses"], needs_token=needs_token, has_body="requestBody" in operation
    )
    if not needs_token:
        changed["security"] = []
    if operation.get("operationId") in operation_ids:
        changed["operationId"] = f"{service.name.lower()}_{operation['operationId']}"
    if "operationId" in changed:
        operation_ids.add(changed["operationId"])
    return changed


def _tags(item: Part) -> Iterator[str]:
    for method in _METHODS:
        yield from item.get(method, {}).get("tags", [])


def _components(document: Part) -> dict[Key, Any]:
    return {
        (section, name): component
        for section, named in document.get("components", {}).items()
        if section != "securitySchemes"
        for name, component in named.items()
    }


def _new_names(documents: Mapping[Service, Part]) -> dict[Service, dict[Key, str]]:
    """Return by service the components that need another name, with it."""
    found = {service: _components(document) for service, document in documents.items()}
    clashing = _clashing(list(found.values()))
    taken = {key for components in found.values() for key in components}
    names: dict[Service, dict[Key, str]] = {}
    for service, components in found.items():
        names[service] = {}
        for section, name in clashing & components.keys():
            prefix = f"{service.name.capitalize()}Service"
            new_name = next(
                candidate
                for number in itertools.count(1)
                if (section, candidate := f"{prefix * number}{name}") not in taken
            )
            names[service][section, name] = new_name
    return names


def _clashing(found: list[dict[Key, Any]]) -> set[Key]:
    """Return the names that mean different things, directly or in what they refer to."""
    clashing = {("schemas", name) for name in OWN_SCHEMAS}
    shared: dict[Key, list[Any]] = {}
    for components in found:
        for key, component in components.items():
            shared.setdefault(key, []).append(component)
    shared = {key: variants for key, variants in shared.items() if len(variants) > 1}
    clashing |= {key for key, variants in shared.items() if any(v != variants[0] for v in variants)}
    while True:
        more = {
            key
            for key, variants in shared.items()
            if key not in clashing and not clashing.isdisjoint(_references(variants))
        }
        if not more:
            return clashing
        clashing |= more


def _references(value: Any) -> Iterator[Key]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from _references(part)
    elif isinstance(value, str) and value.startswith(_REFERENCE):
        section, name = value.split("/", 4)[2:4]
        yield section, name


def _renamed(value: Any, names: Mapping[Key, str]) -> Any:
    """Return a copy whose references use the new names."""
    if isinstance(value, dict):
        return {key: _renamed(part, names) for key, part in value.items()}
    if isinstance(value, list):
        return [_renamed(part, names) for part in value]
    if isinstance(value, str) and value.startswith(_REFERENCE):
        parts = value.split("/", 4)
        parts[3] = names.get((parts[2], parts[3]), parts[3])
        return "/".join(parts)
    return value
