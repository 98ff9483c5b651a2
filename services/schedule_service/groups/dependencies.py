"""What doors need to ask about groups."""

from typing import Annotated

from services.schedule_service.groups.service import GroupDirectory
from shared.web.dependencies import part_of_process

GroupsDep = Annotated[GroupDirectory, part_of_process("groups")]
"""The directory of groups, as a parameter of an endpoint."""
