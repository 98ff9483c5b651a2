"""Asks course_service which courses a student synchronises, and user_service for tokens and runs."""

import hashlib
import re
from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import quote, urlencode

import httpx
from pydantic import BaseModel, Field, SecretStr, TypeAdapter, ValidationError

from lambdas.canvas_sync.errors import EnrollmentsUnavailable, RunsUnavailable, TokenUnavailable
from lambdas.canvas_sync.schemas import SyncRequest, SyncResult
from shared.events.event import Identifier
from shared.logging import get_logger
from shared.service_calls import ServiceUnanswered, call_service

log = get_logger(__name__)

TIMEOUT = httpx.Timeout(4.0, connect=1.0)
"""Together the 5 s of events.md 2.2; each call is a few indexed reads and at most one write."""

STUDENTS_PER_PAGE = 1_000
"""The most that user_service gives: 40 KB."""

_REFUSALS = frozenset({400, 404, 409})
_NOTHING_TO_DO = frozenset(
    {"SYNC_ALREADY_RUNNING", "CANVAS_TOKEN_NOT_FOUND", "INVALID_CANVAS_TOKEN"}
)
"""Codes of a claim that is refused for a reason that another try would not change."""

_TOKEN = re.compile(r"[\x21-\x7e]{1,4096}")
"""What can be sent in a header; anything else would come back inside an error message."""

_IDENTIFIER: TypeAdapter[int] = TypeAdapter(Identifier)


class _StudentPage(BaseModel):
    cognito_subs: list[Annotated[str, Field(min_length=1, max_length=255)]] = Field(
        alias="cognitoSubs"
    )
    next: Annotated[str, Field(min_length=1, max_length=255)] | None = None


class Neighbours:
    """The two services that know the student."""

    def __init__(
        self, *, course_service: httpx.AsyncClient, user_service: httpx.AsyncClient
    ) -> None:
        self._course_service = course_service
        self._user_service = user_service

    async def enabled_course_ids(self, cognito_sub: str) -> frozenset[int]:
        """Return the Canvas ids of the courses that the student synchronises.

        Raises:
            EnrollmentsUnavailable: course_service did not answer with a usable list.
        """
        answer = await _ask(
            self._course_service,
            "GET",
            "/internal/v1/enrollments/enabled",
            headers={"X-Cognito-Sub": cognito_sub},
        )
        if isinstance(answer, str):
            raise EnrollmentsUnavailable(f"the enabled courses cannot be had: {answer}")
        ids: frozenset[int] | None = None
        try:
            ids = frozenset(
                _IDENTIFIER.validate_python(entry["canvasCourseId"]) for entry in answer.json()
            )
        except (ValueError, ValidationError, KeyError, TypeError):
            log.warning("enrollments_unreadable")
        if ids is None:
            raise EnrollmentsUnavailable("the enabled courses cannot be had: unusable answer")
        return ids

    async def canvas_token(self, cognito_sub: str) -> SecretStr:
        """Return the student's Canvas token.

        Raises:
            TokenUnavailable: There is none, it cannot be sent in a header, or user_service did not hand it out.
        """
        student = quote(cognito_sub, safe="")
        answer = await _ask(
            self._user_service, "GET", f"/internal/v1/credentials/canvas/by-cognito-sub/{student}"
        )
        if isinstance(answer, str):
            raise TokenUnavailable(f"the Canvas token cannot be had: {answer}")
        token: Any = None
        try:
            token = answer.json()["canvasToken"]
        except (ValueError, KeyError, TypeError):
            log.warning("token_answer_unreadable")
        if not isinstance(token, str) or _TOKEN.fullmatch(token) is None:
            raise TokenUnavailable("the Canvas token cannot be had: unusable answer")
        return SecretStr(token)

    async def report_refusal(self, cognito_sub: str, token: SecretStr) -> None:
        """Say that Canvas refused this token, by its digest: it may have been replaced meanwhile.

        A report that does not arrive is only logged: the next synchronisation finds the same.
        """
        student = quote(cognito_sub, safe="")
        digest = hashlib.sha256(token.get_secret_value().encode()).hexdigest()
        answer = await _ask(
            self._user_service,
            "POST",
            f"/internal/v1/credentials/canvas/{student}/refused",
            {"tokenSha256": digest},
        )
        if isinstance(answer, str):
            log.warning("refusal_not_reported", reason=answer)

    async def connected_students(self, after: str | None) -> tuple[Sequence[str], str | None]:
        """Return a page of the students whose Canvas token is good, and after whom the next one begins.

        Raises:
            RunsUnavailable: user_service did not answer with a usable page.
        """
        query = {"limit": str(STUDENTS_PER_PAGE)} | ({} if after is None else {"after": after})
        answer = await _ask(
            self._user_service,
            "GET",
            f"/internal/v1/credentials/canvas/connected?{urlencode(query)}",
        )
        if isinstance(answer, str):
            raise RunsUnavailable(f"the connected students cannot be had: {answer}")
        page: _StudentPage | None = None
        try:
            page = _StudentPage.model_validate_json(answer.content)
        except ValidationError:
            log.warning("students_unreadable")
        if page is None:
            raise RunsUnavailable("the connected students cannot be had: unusable answer")
        return page.cognito_subs, page.next

    async def claim_run(self, request: SyncRequest, claim_id: str) -> int | None:
        """Begin a run of a student; `None` when one is on, or there is no good token.

        The claim has an id because the call is repeated when its answer was lost.

        Raises:
            RunsUnavailable: user_service did not answer either.
        """
        claim = {
            "cognitoSub": request.cognito_sub,
            "syncMode": request.mode.value,
            "claimId": claim_id,
        }
        answer = await _ask(
            self._user_service, "POST", "/internal/v1/sync-runs", claim, accepted=_REFUSALS
        )
        if isinstance(answer, str):
            raise RunsUnavailable(f"no run can be claimed: {answer}")
        run_id: Any = None
        reason: Any = None
        try:
            body = answer.json()
            run_id, reason = body.get("runId"), body.get("errorCode")
        except (ValueError, AttributeError):
            log.warning("claim_answer_unreadable")
        if answer.is_success and isinstance(run_id, int):
            return run_id
        if answer.status_code == 409 or reason in _NOTHING_TO_DO:
            log.info("sync_run_not_claimed", reason=reason)
            return None
        raise RunsUnavailable(f"no run can be claimed: status {answer.status_code}")

    async def finish_run(
        self, run_id: int, result: SyncResult | None, error_code: str | None
    ) -> None:
        """Note how a run ended; repeating it is harmless.

        Raises:
            RunsUnavailable: user_service did not note it.
        """
        end: dict[str, Any] = {"status": "FAILED", "errorCode": error_code}
        if result is not None:
            end = {
                "status": "SUCCEEDED",
                "coursesCount": result.courses_count,
                "assignmentsCount": result.assignments_count,
                "syncedAt": result.synced_at,
            }
        answer = await _ask(self._user_service, "PUT", f"/internal/v1/sync-runs/{run_id}", end)
        if isinstance(answer, str):
            raise RunsUnavailable(f"the run's end cannot be noted: {answer}")


async def _ask(
    service: httpx.AsyncClient,
    method: str,
    path: str,
    body: dict[str, Any] | None = None,
    *,
    headers: dict[str, str] | None = None,
    accepted: frozenset[int] = frozenset(),
) -> httpx.Response | str:
    """Return an answer of success or of an accepted status, or why there is none."""
    try:
        answer = await call_service(service, method, path, body=body, headers=headers)
    except ServiceUnanswered as problem:
        return str(problem)
    if answer.is_success or answer.status_code in accepted:
        return answer
    return f"status {answer.status_code}"
