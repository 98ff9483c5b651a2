"""What the doors of several rooms ask for."""

from typing import Annotated

from services.course_service.settings import QueueNames
from shared.web.dependencies import part_of_process

QueueNamesDep = Annotated[QueueNames, part_of_process("queue_names")]
