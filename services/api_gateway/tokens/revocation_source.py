"""Reads user_service's list of ended sessions."""

from datetime import UTC, datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from services.api_gateway.routes import Service
from services.api_gateway.service_reader import ServiceReader, ServiceUnreadable
from services.api_gateway.tokens.errors import RevocationsUnusable
from services.api_gateway.tokens.revocations import LatestRevocations, Revocation

PATH = "/internal/v1/revocations"

ANSWER_SECONDS = 1.5
"""With the 2 s between polls this stays under the 5 s of J-05; the query reads an index."""

MAX_ANSWER_BYTES = 16 * 1024 * 1024
"""More sign-outs in 24 h than `MAX_REMEMBERED`, at about 100 bytes each."""


class _Entry(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)

    cognito_sub: str = Field(min_length=1, max_length=255)
    revoked_before: AwareDatetime


class _Answer(BaseModel):
    revocations: list[_Entry]
    now: AwareDatetime


class RevocationSource:
    """`GET /internal/v1/revocations` of user_service."""

    def __init__(self, reader: ServiceReader) -> None:
        self._reader = reader

    async def fetch(self, since: float) -> LatestRevocations:
        """Return all revocations that are not older than `since`, in seconds since the epoch.

        Raises:
            RevocationsUnusable: No answer in time, or one of another shape.
        """
        moment = datetime.fromtimestamp(since, UTC).replace(tzinfo=None)
        try:
            body = await self._reader.read(
                Service.USER,
                PATH,
                query={"since": f"{moment.isoformat()}Z"},
                within_seconds=ANSWER_SECONDS,
                max_bytes=MAX_ANSWER_BYTES,
            )
            answer = _Answer.model_validate_json(body)
        except ServiceUnreadable as problem:
            raise RevocationsUnusable(str(problem)) from problem
        except ValidationError as problem:
            raise RevocationsUnusable("not a list of revocations") from problem
        return LatestRevocations(
            [
                Revocation(entry.cognito_sub, entry.revoked_before.timestamp())
                for entry in answer.revocations
            ],
            answer.now.timestamp(),
        )
