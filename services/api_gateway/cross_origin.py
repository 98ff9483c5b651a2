"""Decides which browser pages may call (rest.md 1.4 CORS, additions.md B)."""

import re
from dataclasses import dataclass

from services.api_gateway.errors import HeadersRefused
from services.api_gateway.forwarded_headers import SCHEME
from services.api_gateway.headers import Headers

_METHODS = b"GET, POST, PUT, DELETE, PATCH, OPTIONS"
_PREFLIGHT_METHODS = frozenset({*_METHODS.split(b", "), b"HEAD"})
"""HEAD needs no permission of its own, but a browser asks when the request has other headers."""

_HEADER_NAMES = re.compile(rb"[A-Za-z0-9!#$%&'*+.^_`|~, -]{0,4096}")
_DEFAULT_PORTS = {b"http": b":80", b"https": b":443"}

VARY_ORIGIN = b"vary: Origin\r\n"


@dataclass(frozen=True, slots=True)
class Decision:
    """What CORS says about one request; the rendered fields go on every answer to it."""

    fields: list[bytes]
    is_refused: bool = False
    is_preflight: bool = False


_NOT_CROSS_ORIGIN = Decision(fields=[VARY_ORIGIN])
_REFUSED = Decision(fields=[VARY_ORIGIN], is_refused=True)


class CrossOriginPolicy:
    """One allowed origin, with credentials."""

    def __init__(self, allowed_origin: str) -> None:
        self._allowed_origin = allowed_origin.encode("ascii")
        self._fields = [
            b"access-control-allow-origin: %b\r\n" % self._allowed_origin,
            b"access-control-allow-credentials: true\r\n",
            VARY_ORIGIN,
        ]
        # Browsers hide these from scripts of another origin unless they are named.
        self._for_answers = Decision(
            fields=[
                *self._fields,
                b"access-control-expose-headers: Link, Retry-After, X-Request-Id\r\n",
            ]
        )

    def decide(self, method: str, headers: Headers) -> Decision:
        """Return what this request's origin may do."""
        if b"origin" not in headers:
            return _NOT_CROSS_ORIGIN
        try:
            origin = headers.single(b"origin")
            requested_method = headers.single(b"access-control-request-method")
            requested_headers = headers.single(b"access-control-request-headers")
        except HeadersRefused:
            return _REFUSED
        if origin is None or _is_own(origin, headers):
            return _NOT_CROSS_ORIGIN
        if origin != self._allowed_origin:
            return _REFUSED
        if method != "OPTIONS" or requested_method is None:
            return self._for_answers
        return self._preflight(requested_method, requested_headers or b"")

    def _preflight(self, method: bytes, header_names: bytes) -> Decision:
        if method not in _PREFLIGHT_METHODS or not _HEADER_NAMES.fullmatch(header_names):
            return _REFUSED
        fields = [
            *self._fields,
            b"vary: Access-Control-Request-Method, Access-Control-Request-Headers\r\n",
            b"access-control-allow-methods: %b\r\n" % _METHODS,
            b"access-control-max-age: 3600\r\n",
        ]
        if header_names:
            # `*` would not cover Authorization, nor anything on a request with credentials.
            fields.append(b"access-control-allow-headers: %b\r\n" % header_names)
        return Decision(fields=fields, is_preflight=True)


def _is_own(origin: bytes, headers: Headers) -> bool:
    """Tell whether the origin is the scheme and host this request was sent to.

    The load balancer ends TLS and says so in X-Forwarded-Proto. A page of another origin cannot set that
    header without a preflight, and a preflight does not carry it, so believing it here opens nothing.
    """
    try:
        host = headers.single(b"host")
        forwarded = headers.single(b"x-forwarded-proto")
    except HeadersRefused:
        return False
    if host is None:
        return False
    seen_scheme = forwarded if forwarded in _DEFAULT_PORTS else SCHEME.encode("ascii")
    origin_scheme, separator, origin_host = origin.partition(b"://")
    if not separator or origin_scheme != seen_scheme:
        return False
    port = _DEFAULT_PORTS.get(origin_scheme, b"")
    return origin_host.lower().removesuffix(port) == host.lower().removesuffix(port)
