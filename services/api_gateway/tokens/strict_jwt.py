"""Reads a compact JWT in the one form Cognito writes, before any library sees it (J-01, J-07).

python-jose tolerates padding, extra parts and headers that choose their own key; everything it would
tolerate is refused here.
"""

import base64
import binascii
import json
import re
from dataclasses import dataclass
from typing import Any

from services.api_gateway.tokens.errors import TokenRefused

MAX_TOKEN_BYTES = 12 * 1024
"""Cognito's tokens are 1 to 4 KiB, 10 KiB with its longest name in Korean; all headers end at 16 KiB (G-06)."""

_BASE64URL = re.compile(rb"[A-Za-z0-9_-]+")

_KEY_CHOOSING_HEADERS = frozenset(
    {"crit", "jwk", "jku", "x5u", "x5c", "x5t", "x5t#S256", "b64", "zip", "enc"}
)
"""Headers that bring or choose a key or change what is signed (RFC 7515 4.1, 7797); Cognito sends none."""


@dataclass(frozen=True, slots=True)
class UnverifiedToken:
    """A well-formed token; nothing in it is true until its signature is checked."""

    text: str
    key_id: str
    claims: dict[str, Any]


def read_token(token: bytes) -> UnverifiedToken:
    """Return the parts of a well-formed token.

    Raises:
        TokenRefused: It is not exactly three canonical parts, or its header asks for anything but a
            signature by RS256 with a named key.
    """
    if len(token) > MAX_TOKEN_BYTES:
        raise TokenRefused("too_long")
    parts = token.split(b".")
    if len(parts) != 3:
        raise TokenRefused("not_three_parts")
    header_json, claims_json, _ = (_decode(part) for part in parts)
    header = _object(header_json)
    if header.get("alg") != "RS256":
        raise TokenRefused("algorithm")
    if not _KEY_CHOOSING_HEADERS.isdisjoint(header) or header.get("typ", "JWT") != "JWT":
        raise TokenRefused("header")
    key_id = header.get("kid")
    if not isinstance(key_id, str) or not key_id:
        raise TokenRefused("key_id")
    return UnverifiedToken(token.decode("ascii"), key_id, _object(claims_json))


def decode_base64url(text: bytes) -> bytes:
    """Return the bytes of an unpadded base64url text.

    Raises:
        ValueError: Other characters, padding, or bits after the last byte that are not zero.
    """
    if not _BASE64URL.fullmatch(text):
        raise ValueError("not base64url")
    try:
        decoded = base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    except binascii.Error as problem:
        raise ValueError("not base64url") from problem
    if base64.urlsafe_b64encode(decoded).rstrip(b"=") != text:
        raise ValueError("not canonical")
    return decoded


def _decode(part: bytes) -> bytes:
    try:
        return decode_base64url(part)
    except ValueError as problem:
        raise TokenRefused("encoding") from problem


def _object(document: bytes) -> dict[str, Any]:
    try:
        value = json.loads(
            document.decode("utf-8"),
            object_pairs_hook=_unique_names,
            parse_constant=_no_constant,
        )
    except (ValueError, RecursionError) as problem:
        raise TokenRefused("not_json") from problem
    if not isinstance(value, dict):
        raise TokenRefused("not_an_object")
    return value


def _unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(pairs)
    if len(names) != len(pairs):
        raise ValueError("duplicate name")
    return names


def _no_constant(name: str) -> Any:
    raise ValueError(name)
