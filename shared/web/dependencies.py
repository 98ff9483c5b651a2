"""What endpoints of every service ask for; the parts of a process are those that its composition root puts together."""

from typing import Annotated, Any

from fastapi import Depends, Header, Request, Response

from shared.database import Database
from shared.identity.headers import is_key
from shared.web.errors import Unauthorized


def part_of_process(name: str) -> Any:
    """Return a dependency on the part that is called so in the app's `state`."""

    async def read(request: Request) -> Any:
        return getattr(request.app.state, name)

    return Depends(read)


DatabaseDep = Annotated[Database, part_of_process("database")]
"""Units of work on the service's schema."""


async def _require_api_key(
    request: Request,
    x_api_key: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> None:
    if not is_key(x_api_key, request.app.state.api_key):
        raise Unauthorized("X-Api-Key is missing or wrong.")


RequiresAPIKey = Depends(_require_api_key)
"""Lets only functions in, which present the configured key; anybody else gets 401."""


async def _forbid_storing(response: Response) -> None:
    response.headers["Cache-Control"] = "no-store"


NoStore = Depends(_forbid_storing)
"""Keeps an answer that holds a secret out of every cache."""
