"""Describes the gateway's own refusals as OpenAPI answers, and adds them to an operation's."""

import re
from typing import Any

from services.api_gateway.errors import (
    BodyTooLarge,
    BodyTooSlow,
    GatewayError,
    HeadersRefused,
    OriginRefused,
    PathRefused,
    RouteUnknown,
    TargetTooLong,
    TokenNotAccepted,
    TokenNotCheckable,
    TokenRequired,
    UpstreamNotHTTP,
    UpstreamTimedOut,
    UpstreamUnavailable,
)

Part = dict[str, Any]
"""An object of an OpenAPI document."""

_ALWAYS: tuple[GatewayError, ...] = (
    PathRefused(),
    HeadersRefused(),
    OriginRefused(),
    RouteUnknown("/api/v1/unknown"),
    BodyTooLarge(),
    TargetTooLong(),
    UpstreamNotHTTP(),
    UpstreamUnavailable(),
    UpstreamTimedOut(),
)
_WITH_TOKEN: tuple[GatewayError, ...] = (TokenRequired(), TokenNotAccepted(), TokenNotCheckable())
_WITH_BODY: tuple[GatewayError, ...] = (BodyTooSlow(),)

_SOURCE = re.compile(r" \([a-z]+\.md [^)]*\)")
"""Where a docstring's fact comes from: of no use to callers."""

_REFUSAL, _ROUTE_UNKNOWN = "GatewayRefusal", "GatewayRouteUnknown"

OWN_SCHEMAS: Part = {
    _REFUSAL: {
        "title": _REFUSAL,
        "description": "The gateway did not pass the request on, or got no usable answer to it.",
        "type": "object",
        "properties": {"error": {"type": "string", "examples": [TokenRequired.text]}},
        "required": ["error"],
    },
    _ROUTE_UNKNOWN: {
        "title": _ROUTE_UNKNOWN,
        "description": "No service has this path.",
        "type": "object",
        "properties": {
            "timestamp": {"type": "string", "examples": ["2026-03-04T09:30:00.123456"]},
            "path": {"type": "string", "examples": ["/api/v1/unknown"]},
            "status": {"type": "integer", "const": 404},
            "error": {"type": "string", "const": "Not Found"},
        },
        "required": ["timestamp", "path", "status", "error"],
    },
}
"""Their names are the gateway's: a service's schema of the same name gets another."""


def with_own_answers(responses: Part, *, needs_token: bool, has_body: bool) -> Part:
    """Return an operation's responses together with the gateway's, by status.

    Args:
        responses: What the service documents.
        needs_token: Whether the gateway asks for a bearer token there.
        has_body: Whether the operation takes a body.
    """
    merged = dict(responses)
    for refusal in _ALWAYS + _WITH_TOKEN * needs_token + _WITH_BODY * has_body:
        status = str(refusal.status)
        merged[status] = _with_refusal(merged.get(status), refusal)
    return dict(sorted(merged.items()))


def _with_refusal(documented: Part | None, refusal: GatewayError) -> Part:
    meaning = _SOURCE.sub("", f"The gateway: {(refusal.__doc__ or '').splitlines()[0]}")
    before: Part = documented or {}
    content: Part = before.get("content", {})
    media: Part = content.get("application/json", {})
    description = "; ".join(filter(None, [before.get("description"), meaning]))
    if documented is not None and not content:
        # A document cannot say "this body or none"; what the service answers matters more.
        return {**before, "description": description}
    name = _ROUTE_UNKNOWN if isinstance(refusal, RouteUnknown) else _REFUSAL
    return {
        **before,
        "description": description,
        "content": {
            **content,
            "application/json": {
                **{key: value for key, value in media.items() if key != "example"},
                "schema": _either(media.get("schema"), {"$ref": f"#/components/schemas/{name}"}),
                "examples": {**_examples(media), **_example(refusal)},
            },
        },
    }


def _either(documented: Part | None, own: Part) -> Part:
    if documented is None or documented == own:
        return own
    kinds = documented["anyOf"] if documented.keys() <= {"anyOf", "title"} else [documented]
    return {"anyOf": kinds if own in kinds else [*kinds, own]}


def _examples(media: Part) -> Part:
    if "example" in media:
        return {"service": {"value": media["example"]}}
    examples: Part = media.get("examples", {})
    return examples


def _example(refusal: GatewayError) -> Part:
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", type(refusal).__name__).lower()
    value = refusal.body() or {}
    if "timestamp" in value:
        value["timestamp"] = "2026-03-04T09:30:00.123456"
    return {f"gateway-{words}": {"value": value}}
