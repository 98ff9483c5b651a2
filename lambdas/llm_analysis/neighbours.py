"""Asks schedule_service for stored analyses and for leave to call a model, and hands it new ones."""

from typing import Any

import httpx
from pydantic import TypeAdapter, ValidationError

from lambdas.llm_analysis.errors import AnalysesUnavailable, BudgetSpent
from shared.events.llm_analysis import GeneratedTask
from shared.logging import get_logger
from shared.service_calls import ServiceUnanswered, call_service

log = get_logger(__name__)

TIMEOUT = httpx.Timeout(4.0, connect=1.0)
"""Each call is one indexed read or write."""

_PATH = "/internal/v1/analyses"

_TASKS: TypeAdapter[list[GeneratedTask]] = TypeAdapter(list[GeneratedTask])


class StoredAnalyses:
    """schedule_service's internal endpoints of analyses; README.md has their shapes."""

    def __init__(self, schedule_service: httpx.AsyncClient) -> None:
        self._schedule_service = schedule_service

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
        # A claim that is counted twice because its answer was lost is only caution.
        try:
            return await call_service(self._schedule_service, method, _PATH + path, body=body)
        except ServiceUnanswered as problem:
            raise AnalysesUnavailable(f"schedule_service cannot be asked: {problem}") from None
