"""Asks course_service which courses a student synchronises, and user_service for tokens and runs."""

import hashlib
import re
from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import quote, urlencode

import httpx
from pydantic import BaseModel, Field, SecretStr, TypeAdapter, ValidationError

from lambdas.canvas_sync.canvas.transport import USER_AGENT
from lambdas.canvas_sync.errors import EnrollmentsUnavailable, RunsUnavailable, TokenUnavailable
from lambdas.canvas_sync.schemas import SyncRequest, SyncResult
from shared.events.event import Identifier
from shared.logging import correlation_id, get_logger
from shared.tracing.http_clients import ServiceClient

log = get_logger(__name__)

TIMEOUT_SECONDS = 5.0
"""From events.md 2.2; each call is a few indexed reads and at most one write."""

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


def neighbour_http_client() -> httpx.AsyncClient:
    """Open the HTTP client for calls to services; it ignores proxies of the environment."""
    return ServiceClient(
        headers={"User-Agent": USER_AGENT, "Accept": "application/json"},
        timeout=TIMEOUT_SECONDS,
        follow_redirects=False,
        trust_env=False,
    )


class Neighbours:
    """The two services that know the student."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        course_service_url: str,
        user_service_url: str,
        api_key: SecretStr,
        gateway_key: SecretStr | None = None,
    ) -> None:
        self._http = http
        self._course_service_url = course_service_url
        self._user_service_url = user_service_url
        self._api_key = api_key
        self._gateway_key = gateway_key

    async def enabled_course_ids(self, cognito_sub: str) -> frozenset[int]:
        """Return the Canvas ids of the courses that the student synchronises.

        Raises:
            EnrollmentsUnavailable: course_service did not answer with a usable list.
        """
        url = f"{self._course_service_url}/internal/v1/enrollments/enabled"
        headers = {"X-Cognito-Sub": cognito_sub}
        if self._gateway_key is not None:
            # course_service knows no key of functions (rest.md I6).
            headers["X-Gateway-Key"] = self._gateway_key.get_secret_value()
        answer = await self._ask("GET", url, headers)
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
        answer = await self._ask_user_service(
            "GET", f"/internal/v1/credentials/canvas/by-cognito-sub/{student}"
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
        answer = await self._ask_user_service(
            "POST", f"/internal/v1/credentials/canvas/{student}/refused", {"tokenSha256": digest}
        )
        if isinstance(answer, str):
            log.warning("refusal_not_reported", reason=answer)

    async def connected_students(self, after: str | None) -> tuple[Sequence[str], str | None]:
        """Return a page of the students whose Canvas token is good, and after whom the next one begins.

        Raises:
            RunsUnavailable: user_service did not answer with a usable page.
        """
        query = {"limit": str(STUDENTS_PER_PAGE)} | ({} if after is None else {"after": after})
        answer = await self._ask_user_service(
            "GET", f"/internal/v1/credentials/canvas/connected?{urlencode(query)}"
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
        answer = await self._ask_user_service("POST", "/internal/v1/sync-runs", claim, _REFUSALS)
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
        answer = await self._ask_user_service("PUT", f"/internal/v1/sync-runs/{run_id}", end)
        if isinstance(answer, str):
            raise RunsUnavailable(f"the run's end cannot be noted: {answer}")

    async def _ask_user_service(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        accepted: frozenset[int] = frozenset(),
    ) -> httpx.Response | str:
        headers = {"X-Api-Key": self._api_key.get_secret_value()}
        return await self._ask(method, f"{self._user_service_url}{path}", headers, body, accepted)

    async def _ask(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        body: dict[str, Any] | None = None,
        accepted: frozenset[int] = frozenset(),
    ) -> httpx.Response | str:
        """Return the answer, or why there is none: an httpx error would carry the key in its request.

        Args:
            method: Of a call that may be repeated.
            url: Where.
            headers: Besides the request's id.
            body: Sent as JSON.
            accepted: Statuses that are answers, too, besides those of success.
        """
        request_id = correlation_id.get()
        if request_id is not None:
            headers = {**headers, "X-Request-Id": request_id}
        reason = ""
        # A function that slept finds connections that the other side has closed meanwhile, so a broken
        # connection says nothing before it has been tried afresh.
        for _ in range(2):
            try:
                answer = await self._http.request(method, url, headers=headers, json=body)
            except httpx.TimeoutException:
                return "no answer in time"
            except httpx.HTTPError as problem:
                reason = type(problem).__name__
                continue
            if answer.is_success or answer.status_code in accepted:
                return answer
            return f"status {answer.status_code}"
        return reason
