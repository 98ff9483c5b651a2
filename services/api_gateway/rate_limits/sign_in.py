"""Says whose sign-in a body is, so that guessing one account's password is slow (S-05, S-06)."""

import orjson

MAX_BODY_BYTES = 16 * 1024
"""An e-mail and a password; of anything longer the account is not looked for."""


def account_of(body: bytes) -> str:
    """Return the account a sign-in is for, spelled as user_service spells it; nothing when it names none."""
    if len(body) > MAX_BODY_BYTES:
        return ""
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    email = content.get("email") if isinstance(content, dict) else None
    return email.strip().lower() if isinstance(email, str) else ""
