"""What the doors of several rooms ask for."""

from typing import Annotated

from services.user_service.auth.user_pool import UserPool
from services.user_service.deletions.service import GroupData
from shared.web.dependencies import part_of_process

UserPoolDep = Annotated[UserPool, part_of_process("user_pool")]
GroupDataDep = Annotated[GroupData, part_of_process("group_data")]
