"""What every door needs."""

from typing import Annotated

from fastapi import Depends, Header, Request

from shared.database import Database
from shared.identity.headers import is_key
from shared.web.errors import Unauthorized


async def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


DatabaseDep = Annotated[Database, Depends(_database)]
"""Units of work on `schedule_db`, as a parameter of an endpoint."""


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
