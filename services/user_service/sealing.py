"""Seals secrets for storage with AES-256-GCM, bound to whom and what they belong to.

The stored form is `k:<key id>:` and the Base64 of IV, ciphertext and tag, with the associated data
`<provider>|<cognito_sub>|<key id>`: a row's secret cannot be moved to another row. The form without
prefix and associated data, which the reference wrote, stays readable.
"""

import base64
import binascii
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
IV_BYTES = 12
"""The 96 bits that GCM is made for (NIST SP 800-38D, 5.2.1.1)."""

_KEY_ID = re.compile(r"[A-Za-z0-9._-]{1,32}", re.ASCII)
_PREFIXED = re.compile(r"k:([A-Za-z0-9._-]{1,32}):(.*)", re.ASCII | re.DOTALL)


class UnreadableSecret(Exception):
    """A stored secret was changed, moved to another row, or sealed with a key that is not configured."""


@dataclass(frozen=True)
class SealingKey:
    """A key and the id it goes by in stored values."""

    key_id: str
    key: bytes = field(repr=False)


def parse_key(key_id: str, encoded: str) -> SealingKey:
    """Read one key.

    Args:
        key_id: At most 32 letters, digits, dots, dashes or underscores.
        encoded: 32 bytes in Base64.

    Raises:
        ValueError: The id or the key is malformed; the message holds neither.
    """
    if not _KEY_ID.fullmatch(key_id):
        raise ValueError("a key id is 1 to 32 letters, digits, dots, dashes or underscores")
    try:
        key = base64.b64decode(encoded.strip(), validate=True)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ValueError(f"a key must be {KEY_BYTES} bytes in Base64")
    return SealingKey(key_id, key)


def parse_keys(listed: str) -> list[SealingKey]:
    """Read `id:key,id:key`.

    Raises:
        ValueError: An entry is malformed, or an id occurs twice.
    """
    keys = []
    for entry in listed.split(","):
        key_id, separator, encoded = entry.strip().partition(":")
        if not separator:
            raise ValueError("must be id:key,id:key")
        keys.append(parse_key(key_id, encoded))
    if len({key.key_id for key in keys}) != len(keys):
        raise ValueError("a key id occurs twice")
    return keys


class Sealer:
    """Seals with the first of its keys and opens with any of them.

    Args:
        keys: At least one; the first one writes.
    """

    def __init__(self, keys: Sequence[SealingKey]) -> None:
        self._writing = keys[0]
        self._ciphers = {key.key_id: AESGCM(key.key) for key in keys}

    def seal(self, secret: str, *, provider: str, cognito_sub: str) -> str:
        """Return the form to store of a secret that belongs to one user and provider."""
        key_id = self._writing.key_id
        iv = os.urandom(IV_BYTES)
        sealed = self._ciphers[key_id].encrypt(
            iv, secret.encode("utf-8"), _associated(provider, cognito_sub, key_id)
        )
        return f"k:{key_id}:{base64.b64encode(iv + sealed).decode('ascii')}"

    def is_current(self, stored: str) -> bool:
        """Tell whether a stored form was written under the writing key."""
        return stored.startswith(f"k:{self._writing.key_id}:")

    def open(self, stored: str, *, provider: str, cognito_sub: str) -> str:
        """Return the secret in a stored form.

        Raises:
            UnreadableSecret: It is not what was sealed for this user and provider with a known key.
        """
        prefixed = _PREFIXED.fullmatch(stored)
        if prefixed is None:
            return self._open_reference_form(stored)
        key_id, encoded = prefixed.groups()
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise UnreadableSecret("sealed with an unknown key")
        return _decrypt(cipher, encoded, _associated(provider, cognito_sub, key_id))

    def _open_reference_form(self, stored: str) -> str:
        # It names no key, and the tag tells whether a key was the right one.
        for cipher in self._ciphers.values():
            try:
                return _decrypt(cipher, stored, None)
            except UnreadableSecret:
                continue
        raise UnreadableSecret("no configured key opens it")


def _associated(provider: str, cognito_sub: str, key_id: str) -> bytes:
    return f"{provider}|{cognito_sub}|{key_id}".encode()


def _decrypt(cipher: AESGCM, encoded: str, associated: bytes | None) -> str:
    try:
        raw = base64.b64decode(encoded.encode("ascii"), validate=True)
        # Base64 has spare bits at its end: another text for the same bytes is a changed text.
        if base64.b64encode(raw).decode("ascii") != encoded:
            raise UnreadableSecret("not canonical Base64")
        return cipher.decrypt(raw[:IV_BYTES], raw[IV_BYTES:], associated).decode("utf-8")
    except (binascii.Error, ValueError, InvalidTag) as problem:
        raise UnreadableSecret("changed, or sealed for another row") from problem
