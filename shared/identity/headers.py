"""Reads the caller from the headers (rest.md 1.2) and checks the key of internal calls."""

import hmac
from typing import Annotated

from fastapi import Depends, Header

from shared.logging import current_user, pseudonym
from shared.web.errors import BadRequest, Unauthorized

MAX_SUB_LENGTH = 255
"""Width of every `cognito_sub` column."""


async def caller(
    x_cognito_sub: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> str:
    """Return the caller's Cognito sub.

    Raises:
        Unauthorized: The header is missing or blank.
        BadRequest: The header cannot be anyone's sub.
    """
    cognito_sub = (x_cognito_sub or "").strip()
    if not cognito_sub:
        raise Unauthorized
    if len(cognito_sub) > MAX_SUB_LENGTH or not cognito_sub.isascii():
        raise BadRequest("X-Cognito-Sub is not an id.")
    current_user.set(pseudonym(cognito_sub))
    return cognito_sub


Caller = Annotated[str, Depends(caller)]
"""The caller's Cognito sub, as a parameter of an endpoint."""


def is_key(presented: str | None, expected: str) -> bool:
    """Tell in constant time whether a presented key is the expected one."""
    return hmac.compare_digest((presented or "").encode(), expected.encode())
