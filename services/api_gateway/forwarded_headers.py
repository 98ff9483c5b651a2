"""Builds the header lists that cross the gateway: what may pass, plus what only we may say (G-01, G-05, G-10)."""

import re
from urllib.parse import quote

from services.api_gateway.errors import HeadersRefused
from services.api_gateway.routes import PREFIX
from services.api_gateway.tokens.claims import Identity

HeaderList = list[tuple[bytes, bytes]]
"""As ASGI has them: names in lower case, values as they came."""

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
    }
)
"""Only the gateway, or only a service, may say these."""

_FRAMING = frozenset({b"host", b"content-length", b"expect"})
"""Written anew for the connection to the service."""

_NEVER_FORWARDED = _HOP_BY_HOP | _OURS | _FRAMING

_NEVER_RETURNED = _HOP_BY_HOP | {b"x-request-id", b"date", b"server", b"content-length"}
"""Our server writes its own date and length; services are not to be told apart by name and version."""

_DASHED = bytes(byte if chr(byte).isalnum() and byte < 128 else ord("-") for byte in range(256))
"""Some readers take `X_Cognito_Sub` or `X.Cognito.Sub` for `X-Cognito-Sub`; here they are one name."""

_HOST = re.compile(rb"[A-Za-z0-9._\[\]:-]{1,255}")
_FORWARDED_FOR = re.compile(rb"[A-Za-z0-9._\[\]:, -]{1,1024}")


def single(headers: HeaderList, name: bytes) -> bytes | None:
    """Return the value of a header that may occur once.

    Raises:
        HeadersRefused: It occurs more than once.
    """
    values = [value for header, value in headers if header == name]
    if len(values) > 1:
        raise HeadersRefused
    return values[0] if values else None


def checked_host(headers: HeaderList) -> bytes | None:
    """Return the Host the client asked for; None only in HTTP/1.0.

    Raises:
        HeadersRefused: More than one, or not a host.
    """
    host = single(headers, b"host")
    if host is not None and not _HOST.fullmatch(host):
        raise HeadersRefused
    return host


def request_headers(
    headers: HeaderList,
    *,
    host: bytes | None,
    client: str,
    scheme: str,
    request_id: str,
    identity: Identity | None,
    gateway_key: str | None,
) -> list[tuple[str, str]]:
    """Return the headers a service gets, without those that frame the message.

    Args:
        headers: The client's.
        host: The checked Host.
        client: Address of whoever opened the connection.
        scheme: Of the connection, `http` or `https`.
        request_id: The correlation id.
        identity: Whose token the request carries; None on public routes.
        gateway_key: Proves to the service that the request came through here.
    """
    dropped = _NEVER_FORWARDED | _nominated(headers)
    passed = []
    seen_clients = []
    for name, value in headers:
        dashed = name.translate(_DASHED)
        if dashed.startswith(b"x-forwarded-"):
            if name == b"x-forwarded-for" and _FORWARDED_FOR.fullmatch(value):
                seen_clients.append(value.decode("ascii"))
        elif dashed not in dropped:
            passed.append((name.decode("ascii"), _text(value)))
    passed += _forwarding_headers(seen_clients, host, client, scheme)
    passed.append(("X-Request-Id", request_id))
    if identity is not None:
        passed += _identity_headers(identity)
    if gateway_key is not None:
        passed.append(("X-Gateway-Key", gateway_key))
    return passed


def answer_headers(headers: tuple[tuple[bytes, bytes], ...], *, is_private: bool) -> HeaderList:
    """Return the headers a client gets of a service's answer, without those that frame the message.

    Args:
        headers: The service's.
        is_private: Whether the answer is about somebody, so that no cache may keep it.
    """
    lowered = [(name.lower(), value) for name, value in headers]
    dropped = _NEVER_RETURNED | _nominated(lowered)
    passed = [
        (name, value)
        for name, value in lowered
        if name not in dropped and not name.startswith(b"access-control-")
    ]
    names = {name for name, _ in passed}
    if b"x-content-type-options" not in names:
        passed.append((b"x-content-type-options", b"nosniff"))
    if is_private and b"cache-control" not in names:
        passed.append((b"cache-control", b"no-store"))
    return passed


def _nominated(headers: HeaderList) -> frozenset[bytes]:
    """Return the names that `Connection` declares to be for this hop only (RFC 9110 7.6.1)."""
    return frozenset(
        token.strip().lower()
        for name, value in headers
        if name == b"connection"
        for token in value.split(b",")
    )


def _forwarding_headers(
    seen_clients: list[str], host: bytes | None, client: str, scheme: str
) -> list[tuple[str, str]]:
    address = f'"[{client}]"' if ":" in client else client
    forwarded = f"for={address};proto={scheme}"
    ours = [
        ("X-Forwarded-For", ", ".join([*seen_clients, client])),
        ("X-Forwarded-Proto", scheme),
        # Services put it before the path in the `Link` to a next page (additions.md F).
        ("X-Forwarded-Prefix", PREFIX),
    ]
    if host is not None:
        name = host.decode("ascii")
        port = name.rpartition(":")[2]
        ours.append(("X-Forwarded-Host", name))
        ours.append(
            ("X-Forwarded-Port", port if port.isdigit() else "443" if scheme == "https" else "80")
        )
        forwarded += f';host="{name}"'
    ours.append(("Forwarded", forwarded))
    return ours


def _identity_headers(identity: Identity) -> list[tuple[str, str]]:
    ours = [("X-Cognito-Sub", identity.sub)]
    if identity.email is not None:
        ours.append(("X-User-Email", _header_safe(identity.email, "@!#$&'*+/=?^_`{|}~.-")))
    if identity.name is not None:
        ours.append(("X-User-Name", _header_safe(identity.name, "")))
    return ours


def _header_safe(text: str, safe: str) -> str:
    return quote(text[:MAX_NAME_LENGTH], safe=safe, errors="replace")


def _text(value: bytes) -> str:
    # aiohttp writes header values as UTF-8, so UTF-8 passes unchanged; of anything else the characters stay.
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")
