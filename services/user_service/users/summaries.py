"""How a person is shown beside a friend, a request or a group: columns for other rooms' own queries.

Those queries join the users instead of looking each one up, so rows whose user is gone are left out.
"""

from typing import Any

from sqlalchemy import ColumnElement, or_
from sqlalchemy.orm import InstrumentedAttribute

from services.user_service.database import AnyRow
from services.user_service.users.models import User

SUMMARY_COLUMNS = (
    User.cognito_sub.label("user_sub"),
    User.name.label("user_name"),
    User.email.label("user_email"),
)
"""What a summary is made from, under names that no other table has."""

BY_USER_ID = User.id


def is_user(cognito_sub: InstrumentedAttribute[str]) -> ColumnElement[bool]:
    """Return the condition that joins the person whom another table's column names."""
    return User.cognito_sub == cognito_sub


def is_not(cognito_sub: str) -> ColumnElement[bool]:
    """Return the condition that leaves one person out."""
    return User.cognito_sub != cognito_sub


def has_text(text: str) -> ColumnElement[bool]:
    """Return the condition that e-mail or name contains a text, taken literally."""
    return or_(
        User.email.contains(text, autoescape=True), User.name.contains(text, autoescape=True)
    )


def summary(
    row: AnyRow | User, *, is_friend: bool | None = None, is_pending: bool | None = None
) -> dict[str, Any]:
    """Return a person as on the wire (rest.md 2.3).

    Args:
        row: A row with `SUMMARY_COLUMNS`, or the user.
        is_friend: Filled by the search only.
        is_pending: Filled by the search only.
    """
    if isinstance(row, User):
        sub, name, email = row.cognito_sub, row.name, row.email
    else:
        sub, name, email = row.user_sub, row.user_name, row.user_email
    return {
        "cognitoSub": sub,
        "name": name,
        "email": email,
        "isFriend": is_friend,
        "isPending": is_pending,
    }
