"""Checks the claims of a token against the pool, the app clients and the time (J-02)."""

import re
from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any

from services.api_gateway.tokens.errors import TokenRefused

LEEWAY_SECONDS = 30
"""Clocks of AWS and ours differ by less; J-02 allows up to 60."""

MAX_LIFETIME_SECONDS = 24 * 3600
"""The longest that Cognito lets id and access tokens be configured to live."""

_SUB = re.compile(r"[\x21-\x7e]{1,255}")
"""What fits a header and every `cognito_sub` column; Cognito's are UUIDs."""

_CLIENT_CLAIM = {"id": "aud", "access": "client_id"}
"""Where each kind of token names its app client; access tokens have no `aud` (external-apis.md 7.2)."""


@dataclass(frozen=True, slots=True, eq=False)
class Identity:
    """Whom a valid token belongs to, and until when it is valid; one for each token, so that it is a quick key."""

    sub: str
    email: str | None
    name: str | None
    signed_in_at: int
    expires_at: int


def check_claims(
    claims: Mapping[str, Any], *, issuer: str, client_ids: Set[str], now: float
) -> Identity:
    """Return whom the claims identify.

    Args:
        claims: A token's payload.
        issuer: The only accepted `iss`.
        client_ids: The accepted app clients.
        now: Seconds since the epoch.

    Raises:
        TokenRefused: A claim is missing, of another kind, for someone else or not for this time.
    """
    if claims.get("iss") != issuer:
        raise TokenRefused("issuer")
    token_use = claims.get("token_use")
    if not isinstance(token_use, str) or token_use not in _CLIENT_CLAIM:
        raise TokenRefused("token_use")
    client_id = claims.get(_CLIENT_CLAIM[token_use])
    if not isinstance(client_id, str) or client_id not in client_ids:
        raise TokenRefused("client")
    sub = claims.get("sub")
    if not isinstance(sub, str) or not _SUB.fullmatch(sub):
        raise TokenRefused("sub")
    issued_at = _instant(claims, "iat")
    expires_at = _instant(claims, "exp")
    # Without it the token's own age decides whether a sign-out came later.
    signed_in_at = _instant(claims, "auth_time") if "auth_time" in claims else issued_at
    if now > expires_at + LEEWAY_SECONDS:
        raise TokenRefused("expired")
    if not 0 < expires_at - issued_at <= MAX_LIFETIME_SECONDS:
        raise TokenRefused("lifetime")
    starts_at = _instant(claims, "nbf") if "nbf" in claims else issued_at
    if max(issued_at, signed_in_at, starts_at) > now + LEEWAY_SECONDS:
        raise TokenRefused("not_yet_valid")
    return Identity(sub, _text(claims, "email"), _text(claims, "name"), signed_in_at, expires_at)


def _instant(claims: Mapping[str, Any], name: str) -> int:
    value = claims.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TokenRefused(name)
    return value


def _text(claims: Mapping[str, Any], name: str) -> str | None:
    # Informational only: a strange value is left out and never fails the request.
    value = claims.get(name)
    return value if isinstance(value, str) and value else None
