"""What the doors get from the process they run in."""

from typing import Annotated

from fastapi import Depends, Request

from services.course_service.settings import QueueNames
from shared.database import Database


async def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


async def _queue_names(request: Request) -> QueueNames:
    names: QueueNames = request.app.state.queue_names
    return names


DatabaseDep = Annotated[Database, Depends(_database)]
QueueNamesDep = Annotated[QueueNames, Depends(_queue_names)]
