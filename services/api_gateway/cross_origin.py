"""Decides which browser pages may call (rest.md 1.4 CORS, additions.md B)."""

import re
from dataclasses import dataclass

from services.api_gateway.errors import HeadersRefused
from services.api_gateway.forwarded_headers import HeaderList, single

_METHODS = b"GET, POST, PUT, DELETE, PATCH, OPTIONS"
_PREFLIGHT_METHODS = frozenset({*_METHODS.split(b", "), b"HEAD"})
"""HEAD needs no permission of its own, but a browser asks when the request has other headers."""

_HEADER_NAMES = re.compile(rb"[A-Za-z0-9!#$%&'*+.^_`|~, -]{0,4096}")
_DEFAULT_PORTS = {b"http": b":80", b"https": b":443"}

VARY_ORIGIN = (b"vary", b"Origin")


@dataclass(frozen=True, slots=True)
class Decision:
    """What CORS says about one request; the headers go on every answer to it."""

    headers: HeaderList
    is_refused: bool = False
    is_preflight: bool = False


_NOT_CROSS_ORIGIN = Decision(headers=[VARY_ORIGIN])
_REFUSED = Decision(headers=[VARY_ORIGIN], is_refused=True)


class CrossOriginPolicy:
    """One allowed origin, with credentials."""

    def __init__(self, allowed_origin: str) -> None:
        self._allowed_origin = allowed_origin.encode("ascii")
        self._headers = [
            (b"access-control-allow-origin", self._allowed_origin),
            (b"access-control-allow-credentials", b"true"),
            VARY_ORIGIN,
        ]
        # Browsers hide these from scripts of another origin unless they are named.
        self._answer_headers = [
            *self._headers,
            (b"access-control-expose-headers", b"Link, Retry-After, X-Request-Id"),
        ]

    def decide(self, method: str, scheme: str, headers: HeaderList) -> Decision:
        """Return what this request's origin may do."""
        try:
            origin = single(headers, b"origin")
            requested_method = single(headers, b"access-control-request-method")
            requested_headers = single(headers, b"access-control-request-headers")
        except HeadersRefused:
            return _REFUSED
        if origin is None or _is_own(origin, scheme, headers):
            return _NOT_CROSS_ORIGIN
        if origin != self._allowed_origin:
            return _REFUSED
        if method != "OPTIONS" or requested_method is None:
            return Decision(headers=self._answer_headers)
        return self._preflight(requested_method, requested_headers or b"")

    def _preflight(self, method: bytes, header_names: bytes) -> Decision:
        if method not in _PREFLIGHT_METHODS or not _HEADER_NAMES.fullmatch(header_names):
            return _REFUSED
        headers = [
            *self._headers,
            (b"vary", b"Access-Control-Request-Method, Access-Control-Request-Headers"),
            (b"access-control-allow-methods", _METHODS),
            (b"access-control-max-age", b"3600"),
        ]
        if header_names:
            # `*` would not cover Authorization, nor anything on a request with credentials.
            headers.append((b"access-control-allow-headers", header_names))
        return Decision(headers=headers, is_preflight=True)


def _is_own(origin: bytes, scheme: str, headers: HeaderList) -> bool:
    """Tell whether the origin is the scheme and host this request was sent to.

    The load balancer ends TLS and says so in X-Forwarded-Proto. A page of another origin cannot set that
    header without a preflight, and a preflight does not carry it, so believing it here opens nothing.
    """
    try:
        host = single(headers, b"host")
        forwarded = single(headers, b"x-forwarded-proto")
    except HeadersRefused:
        return False
    if host is None:
        return False
    seen_scheme = forwarded if forwarded in _DEFAULT_PORTS else scheme.encode("ascii")
    origin_scheme, separator, origin_host = origin.partition(b"://")
    if not separator or origin_scheme != seen_scheme:
        return False
    port = _DEFAULT_PORTS.get(origin_scheme, b"")
    return origin_host.lower().removesuffix(port) == host.lower().removesuffix(port)
