"""Asks schedule_service for stored analyses and for leave to call a model, and hands it new ones."""

from typing import Any

import httpx
from pydantic import SecretStr, TypeAdapter, ValidationError

from lambdas.llm_analysis.errors import AnalysesUnavailable, BudgetSpent
from shared.events.llm_analysis import GeneratedTask
from shared.logging import correlation_id, get_logger
from shared.tracing.http_clients import ServiceClient

log = get_logger(__name__)

USER_AGENT = "UniSync/1.0 (planner for students)"
TIMEOUT_SECONDS = 5.0
"""Each call is one indexed read or write."""

_TASKS: TypeAdapter[list[GeneratedTask]] = TypeAdapter(list[GeneratedTask])


def neighbour_http_client() -> httpx.AsyncClient:
    """Open the HTTP client for calls to services; it ignores proxies of the environment."""
    return ServiceClient(
        headers={"User-Agent": USER_AGENT, "Accept": "application/json"},
        timeout=TIMEOUT_SECONDS,
        follow_redirects=False,
        trust_env=False,
    )


class StoredAnalyses:
    """schedule_service's internal endpoints of analyses; README.md has their shapes."""

    def __init__(
        self, http: httpx.AsyncClient, *, schedule_service_url: str, api_key: SecretStr
    ) -> None:
        self._http = http
        self._base_url = f"{schedule_service_url}/internal/v1/analyses"
        self._api_key = api_key

    async def find(self, content_hash: str) -> list[GeneratedTask] | None:
        """Return the steps that are stored for a text, or nothing.

        Raises:
            AnalysesUnavailable: schedule_service did not say.
        """
        answer = await self._call("GET", f"/{content_hash}")
        if answer.status_code == 404:
            return None
        if answer.status_code != 200:
            raise AnalysesUnavailable(f"stored analyses: status {answer.status_code}")
        try:
            return _TASKS.validate_python(answer.json()["tasks"])
        except (ValueError, ValidationError, KeyError, TypeError):
            log.warning("stored_analysis_unreadable", contentHash=content_hash)
            return None

    async def claim(self, content_hash: str, worker_id: str) -> bool:
        """Charge one call for a text to the budget; false means that another worker holds the text.

        Raises:
            BudgetSpent: No further call may be made for this text.
            AnalysesUnavailable: schedule_service did not say.
        """
        body = {"contentHash": content_hash, "workerId": worker_id}
        answer = await self._call("POST", "/claims", body)
        if answer.status_code == 429:
            raise BudgetSpent("no further call may be made for this text")
        if answer.status_code not in {200, 201, 409}:
            raise AnalysesUnavailable(f"claims: status {answer.status_code}")
        return answer.status_code != 409

    async def keep(self, content_hash: str, tasks: list[GeneratedTask]) -> None:
        """Store the steps of a text.

        Raises:
            AnalysesUnavailable: schedule_service did not take them.
        """
        body = {"tasks": [task.model_dump(by_alias=True) for task in tasks]}
        answer = await self._call("PUT", f"/{content_hash}", body)
        if not answer.is_success:
            raise AnalysesUnavailable(f"storing an analysis: status {answer.status_code}")

    async def _call(self, method: str, path: str, body: Any = None) -> httpx.Response:
        headers = {"X-Api-Key": self._api_key.get_secret_value()}
        request_id = correlation_id.get()
        if request_id is not None:
            headers["X-Request-Id"] = request_id
        reason = ""
        # A function that slept finds connections that the other side has closed meanwhile, so a broken
        # connection says nothing before it has been tried afresh. A claim that was counted twice is only caution.
        for _ in range(2):
            try:
                return await self._http.request(
                    method, self._base_url + path, headers=headers, json=body
                )
            except httpx.TimeoutException:
                reason = "no answer in time"
                break
            except httpx.HTTPError as problem:
                reason = type(problem).__name__
        # Outside the except block: httpx's errors hold the request, and so the key.
        raise AnalysesUnavailable(f"schedule_service cannot be reached: {reason}")
