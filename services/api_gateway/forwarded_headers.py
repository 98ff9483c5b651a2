"""Builds the header fields that cross the gateway: what may pass, plus what only we may say (G-01, G-05, G-10)."""

import re
from functools import lru_cache
from urllib.parse import quote

from services.api_gateway.errors import HeadersRefused
from services.api_gateway.headers import HeaderList, Headers
from services.api_gateway.routes import PREFIX
from services.api_gateway.tokens.claims import Identity
from services.api_gateway.tokens.verifier import MAX_REMEMBERED

SCHEME = "http"
"""Of every connection to the gateway: the load balancer ends TLS."""

_EMAIL_SAFE = "@!#$&'*+/=?^_`{|}~.-"

MAX_NAME_LENGTH = 255
"""Characters of X-User-Name and X-User-Email; a Korean character takes nine bytes when percent-encoded."""

_HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-connection",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)

_OURS = frozenset(
    {
        b"x-cognito-sub",
        b"x-user-email",
        b"x-user-name",
        b"x-api-key",
        b"x-gateway-key",
        b"x-request-id",
        b"forwarded",
        b"traceparent",
        b"tracestate",
        b"baggage",
    }
)
"""Only the gateway, or only a service, may say these. A client's trace would join its work to others', and a client
that asks for records of everything would fill the collector."""

_FRAMING = frozenset({b"host", b"content-length", b"expect"})
"""Written anew for the connection to the service."""

_NEVER_FORWARDED = _HOP_BY_HOP | _OURS | _FRAMING

_NEVER_RETURNED = _HOP_BY_HOP | {b"x-request-id", b"date", b"server", b"content-length"}
"""Our server writes its own date and length; services are not to be told apart by name and version."""

_PLAIN = frozenset(
    {
        b"accept",
        b"accept-encoding",
        b"accept-language",
        b"authorization",
        b"content-type",
        b"cookie",
        b"if-none-match",
        b"origin",
        b"user-agent",
        b"x-time-zone",
    }
)
"""What nearly all requests have and what passes without a closer look."""

_USUAL_CONNECTION = frozenset({b"", b"keep-alive", b"close"})
"""Values of `Connection` that nominate nothing."""

_DASHED = bytes(byte if chr(byte).isalnum() and byte < 128 else ord("-") for byte in range(256))
"""Some readers take `X_Cognito_Sub` or `X.Cognito.Sub` for `X-Cognito-Sub`; here they are one name."""

_HOST = re.compile(rb"[A-Za-z0-9._\[\]:-]{1,255}")
_FORWARDED_FOR = re.compile(rb"[A-Za-z0-9._\[\]:, -]{1,1024}")


def request_fields(
    headers: Headers,
    client: str,
    forwarding: bytes,
    request_id_field: bytes,
    identity: Identity | None,
    gateway_key: bytes | None,
) -> list[bytes]:
    """Return the fields a service gets, rendered, without those that frame the message.

    Args:
        headers: The client's.
        client: Address of whoever opened the connection.
        forwarding: What `forwarding_fields` has rendered.
        request_id_field: The rendered correlation id.
        identity: Whose token the request carries; None on public routes.
        gateway_key: The rendered field that proves that the request came through here.
    """
    nominated = _nominated(headers)
    passed = []
    seen_clients = b""
    for name, value in headers.fields:
        if name == b"host":
            continue
        if name not in _PLAIN or nominated:
            dashed = name.translate(_DASHED)
            if dashed.startswith(b"x-forwarded-"):
                if name == b"x-forwarded-for" and _FORWARDED_FOR.fullmatch(value):
                    seen_clients += value + b", "
                continue
            if dashed in _NEVER_FORWARDED or dashed in nominated:
                continue
        passed.append(b"%b: %b\r\n" % (name, value))
    passed.append(b"x-forwarded-for: %b%b\r\n" % (seen_clients, client.encode("ascii")))
    passed.append(forwarding)
    passed.append(request_id_field)
    if identity is not None:
        passed.append(_identity_fields(identity))
    if gateway_key is not None:
        passed.append(gateway_key)
    return passed


def answer_fields(headers: HeaderList, *, is_private: bool) -> list[bytes]:
    """Return the fields a client gets of a service's answer, rendered, without those that frame the message.

    Args:
        headers: The service's.
        is_private: Whether the answer is about somebody, so that no cache may keep it.
    """
    dropped = _NEVER_RETURNED
    for name, value in headers:
        if name == b"connection" and value.lower() not in _USUAL_CONNECTION:
            dropped = dropped | _nominated(Headers(headers))
    passed = []
    has_sniffing_rule = has_caching_rule = False
    for name, value in headers:
        if name in dropped or name.startswith(b"access-control-"):
            continue
        has_sniffing_rule |= name == b"x-content-type-options"
        has_caching_rule |= name == b"cache-control"
        passed.append(b"%b: %b\r\n" % (name, value))
    if not has_sniffing_rule:
        passed.append(b"x-content-type-options: nosniff\r\n")
    if is_private and not has_caching_rule:
        passed.append(b"cache-control: no-store\r\n")
    return passed


def _nominated(headers: Headers) -> frozenset[bytes]:
    """Return the names that `Connection` declares to be for this hop only (RFC 9110 7.6.1)."""
    values = headers.all(b"connection")
    if not values or (len(values) == 1 and values[0].lower() in _USUAL_CONNECTION):
        return frozenset()
    return frozenset(token.strip().lower() for value in values for token in value.split(b","))


@lru_cache(maxsize=1024)
def forwarding_fields(host: bytes | None, client: str) -> bytes:
    """Return the rendered fields that say where a request came in: the same for nearly all.

    Args:
        host: The Host the client asked for; None only in HTTP/1.0.
        client: Address of whoever opened the connection.

    Raises:
        HeadersRefused: It is not a host.
    """
    if host is not None and not _HOST.fullmatch(host):
        raise HeadersRefused
    address = f'"[{client}]"' if ":" in client else client
    forwarded = f"for={address};proto={SCHEME}"
    # Services put the prefix before the path in the `Link` to a next page (additions.md F).
    ours = [f"X-Forwarded-Proto: {SCHEME}", f"X-Forwarded-Prefix: {PREFIX}"]
    if host is not None:
        name = host.decode("ascii")
        port = name.rpartition(":")[2]
        ours.append(f"X-Forwarded-Host: {name}")
        ours.append(f"X-Forwarded-Port: {port if port.isdigit() else '80'}")
        forwarded += f';host="{name}"'
    ours.append(f"Forwarded: {forwarded}")
    return "".join(f"{field}\r\n" for field in ours).encode("ascii")


@lru_cache(maxsize=MAX_REMEMBERED)
def _identity_fields(identity: Identity) -> bytes:
    """Return what a service is told about a caller; a token is the same for an hour."""
    ours = [f"X-Cognito-Sub: {identity.sub}"]
    if identity.email is not None:
        ours.append(f"X-User-Email: {_header_safe(identity.email, _EMAIL_SAFE)}")
    if identity.name is not None:
        ours.append(f"X-User-Name: {_header_safe(identity.name, '')}")
    return "".join(f"{field}\r\n" for field in ours).encode("ascii")


def _header_safe(text: str, safe: str) -> str:
    return quote(text[:MAX_NAME_LENGTH], safe=safe, errors="replace")
