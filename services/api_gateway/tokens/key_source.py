"""Fetches the pool's key set and keeps of it only what may verify a signature (J-01, J-04)."""

import json
from collections.abc import Mapping
from typing import Any

import aiohttp
from jose import jwk
from jose.backends.base import Key

from services.api_gateway.service_reader import AnswerTooLong, read_bounded
from services.api_gateway.tokens.errors import KeysUnusable
from services.api_gateway.tokens.strict_jwt import decode_base64url

FETCH_SECONDS = 3.0
"""J-04; AWS answers within 100 ms."""

MAX_KEY_SET_BYTES = 64 * 1024
"""J-04; a pool's key set is under 2 KiB."""

MIN_KEY_BITS = 2048
"""RFC 7518 3.3; below it RS256 is not allowed."""

MAX_KEY_BITS = 8192
"""Checking a signature costs with the square of it; AWS uses 2048."""

MAX_KEY_ID_LENGTH = 256
"""Cognito's are 44 characters."""

Keys = Mapping[str, Key]
"""Verification keys by `kid`."""


class KeySource:
    """The pool's key endpoint."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session: aiohttp.ClientSession | None = None

    async def fetch(self) -> Keys:
        """Fetch the keys once.

        Raises:
            KeysUnusable: No answer in time, not 200, too long, not a key set, or no usable key in it.
        """
        session = self._open_session()
        try:
            async with session.get(self._url, allow_redirects=False) as answer:
                if answer.status != 200:
                    raise KeysUnusable(f"status {answer.status}")
                document = await read_bounded(answer, MAX_KEY_SET_BYTES)
        except (aiohttp.ClientError, OSError, TimeoutError) as problem:
            raise KeysUnusable(type(problem).__name__) from problem
        except AnswerTooLong as problem:
            raise KeysUnusable("too long") from problem
        return usable_keys(document)

    async def close(self) -> None:
        """Close the connection."""
        if self._session is not None:
            await self._session.close()

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=FETCH_SECONDS),
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"Accept-Encoding": "identity", "User-Agent": "unisync-api-gateway"},
            )
        return self._session


def usable_keys(document: bytes) -> Keys:
    """Return the keys of a JWKS that may verify RS256; a `kid` used twice names none.

    Raises:
        KeysUnusable: Not a key set, or none of its keys can be used.
    """
    try:
        entries = json.loads(document)["keys"]
    except (ValueError, TypeError, KeyError, RecursionError) as problem:
        raise KeysUnusable("not a key set") from problem
    keys: dict[str, Key] = {}
    ambiguous: set[str] = set()
    for entry in entries if isinstance(entries, list) else ():
        if not isinstance(entry, dict) or not _may_verify(entry):
            continue
        key_id = entry["kid"]
        if key_id in keys:
            ambiguous.add(key_id)
        try:
            keys[key_id] = _public_key(entry)
        except (ValueError, TypeError, AttributeError):
            continue
    for key_id in ambiguous:
        del keys[key_id]
    if not keys:
        raise KeysUnusable("no usable key")
    return keys


def _may_verify(entry: dict[str, Any]) -> bool:
    key_id = entry.get("kid")
    operations = entry.get("key_ops", ["verify"])
    return (
        entry.get("kty") == "RSA"
        and entry.get("use", "sig") == "sig"
        and entry.get("alg", "RS256") == "RS256"
        and isinstance(operations, list)
        and "verify" in operations
        and isinstance(key_id, str)
        and 0 < len(key_id) <= MAX_KEY_ID_LENGTH
    )


def _public_key(entry: dict[str, Any]) -> Key:
    modulus = int.from_bytes(decode_base64url(entry["n"].encode("ascii")), "big")
    if not MIN_KEY_BITS <= modulus.bit_length() <= MAX_KEY_BITS:
        raise ValueError("key size")
    # Only n and e: whatever else the entry holds must not choose the kind of key.
    key = jwk.construct({"kty": "RSA", "n": entry["n"], "e": entry["e"]}, "RS256")
    key.to_dict()
    return key
