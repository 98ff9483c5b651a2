"""What doors need to ask about groups."""

from typing import Annotated

from fastapi import Depends, Request

from services.schedule_service.groups.service import GroupDirectory


async def _groups(request: Request) -> GroupDirectory:
    groups: GroupDirectory = request.app.state.groups
    return groups


GroupsDep = Annotated[GroupDirectory, Depends(_groups)]
"""The directory of groups, as a parameter of an endpoint."""
