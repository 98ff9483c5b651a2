"""Checks e-mail addresses by syntax alone: no look-ups, no reserved or unusual domain refused."""

from typing import Annotated

import email_validator
from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from shared.web.schemas import NotBlank

# The library offers this list for changing; rest.md E1 accepts reserved domains such as `.test`.
email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()


MAX_LENGTH = 254
"""Of a forward path (RFC 5321, 4.5.3.1.3), one less than the column holds."""


def _check(email: str) -> str:
    lowered = email.lower()
    try:
        if max(len(email), len(lowered)) > MAX_LENGTH:
            raise email_validator.EmailSyntaxError
        email_validator.validate_email(
            email, check_deliverability=False, globally_deliverable=False, strict=True
        )
    except email_validator.EmailNotValidError as problem:
        raise PydanticCustomError("email", "must be an e-mail address") from problem
    return lowered


EmailAddress = Annotated[str, NotBlank, AfterValidator(_check)]
"""An address in lower case, so that one person is one user whatever the spelling."""
