"""What the doors of several rooms ask for: the database, what talks to the outside, and the key
of internal calls.
"""

from typing import Annotated

from fastapi import Depends, Header, Request, Response

from services.user_service.auth.user_pool import UserPool
from services.user_service.deletions.service import GroupData
from shared.database import Database
from shared.identity.headers import is_key
from shared.web.errors import Unauthorized


async def database(request: Request) -> Database:
    """Return the process's database."""
    found: Database = request.app.state.database
    return found


DatabaseDep = Annotated[Database, Depends(database)]


async def user_pool(request: Request) -> UserPool:
    """Return the process's user pool."""
    found: UserPool = request.app.state.user_pool
    return found


UserPoolDep = Annotated[UserPool, Depends(user_pool)]


async def group_data(request: Request) -> GroupData:
    """Return the process's way to what groups plan."""
    found: GroupData = request.app.state.group_data
    return found


GroupDataDep = Annotated[GroupData, Depends(group_data)]


async def require_api_key(
    request: Request,
    x_api_key: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> None:
    """Let only functions in, which present the configured key.

    Raises:
        Unauthorized: The key is missing, blank or wrong.
    """
    if not is_key(x_api_key, request.app.state.api_key):
        raise Unauthorized("X-Api-Key is missing or wrong.")


RequiresAPIKey = Depends(require_api_key)


async def forbid_storing(response: Response) -> None:
    """Keep an answer that holds a secret out of every cache."""
    response.headers["Cache-Control"] = "no-store"


NoStore = Depends(forbid_storing)
