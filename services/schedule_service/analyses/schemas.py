"""What llm_analysis sends and gets (its README has the table)."""

from typing import Annotated
from uuid import uuid4

from pydantic import Field

from shared.events.llm_analysis import GeneratedTask
from shared.web.schemas import Answer, RequestBody

CONTENT_HASH_PATTERN = r"^[0-9a-f]{64}$"

ContentHash = Annotated[str, Field(pattern=CONTENT_HASH_PATTERN)]


class AnalysisWrite(RequestBody):
    """The steps of a text."""

    tasks: Annotated[list[GeneratedTask], Field(max_length=100)]


class AnalysisRead(Answer):
    """The steps of a text."""

    tasks: list[GeneratedTask]


class ClaimWrite(RequestBody):
    """Who wants to ask a model about which text; without a name, a worker of its own."""

    content_hash: ContentHash
    worker_id: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[!-~]+$")] = Field(
        default_factory=lambda: uuid4().hex
    )
