"""What every door needs."""

from typing import Annotated

from fastapi import Depends, Request

from shared.database import Database


async def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


DatabaseDep = Annotated[Database, Depends(_database)]
"""Units of work on `schedule_db`, as a parameter of an endpoint."""
