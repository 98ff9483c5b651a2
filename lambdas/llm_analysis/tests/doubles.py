"""Doubles for everything around the function: schedule_service, models and the queue."""

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.responses import JSONResponse, Response

from lambdas.llm_analysis.handler import answer
from lambdas.llm_analysis.runtime import Function
from lambdas.llm_analysis.settings import LLMAnalysisSettings
from lambdas.llm_analysis.tests.server import Call, Server
from lambdas.llm_analysis.tests.vendors import answered
from shared.events.routes import LLM_ANALYSIS, TASK_CREATION
from shared.events.validation import problem_of
from shared.testing.hostile_sqs import HostileSQS

API_KEY = "key-of-the-function"
MODEL_KEY = "key-of-the-model"
SUB = "7b0e0f6a-1111-4222-8333-944455556666"
NOW = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
TEXT = "Part A. Implement round robin. Part B. Write a report."
DESCRIPTION = "<h3>Part A. Implement round robin</h3><h3>Part B. Write a report</h3>"


@dataclass
class ScheduleService:
    """schedule_service's analyses as README.md describes them."""

    server: Server
    stored: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    holders: dict[str, str] = field(default_factory=dict)
    charged: Counter[str] = field(default_factory=Counter)
    budget: int = 1_000_000
    status: int | None = None
    refuses_to_store: bool = False
    refused: list[str] = field(default_factory=list)

    def answer(self, call: Call) -> Response:
        if call.headers.get("x-api-key") != API_KEY:
            return JSONResponse({"error": "unauthorized"}, 401)
        if self.status is not None:
            return JSONResponse({"error": "away"}, self.status)
        if call.path == "/internal/v1/analyses/claims":
            return self._claim(call.body["contentHash"], call.body["workerId"])
        content_hash = call.path.removeprefix("/internal/v1/analyses/")
        assert re.fullmatch(r"[0-9a-f]{64}", content_hash)
        if call.method == "PUT":
            if not self.refuses_to_store:
                self.stored[content_hash] = call.body["tasks"]
                self.holders.pop(content_hash, None)
            return Response(status_code=503 if self.refuses_to_store else 204)
        tasks = self.stored.get(content_hash)
        return JSONResponse(
            {"error": "none"} if tasks is None else {"tasks": tasks}, 404 if tasks is None else 200
        )

    def _claim(self, content_hash: str, worker_id: str) -> Response:
        holder = self.holders.get(content_hash)
        if holder not in {None, worker_id}:
            self.refused.append(worker_id)
            return JSONResponse({"error": "held"}, 409)
        if sum(self.charged.values()) >= self.budget or self.charged[content_hash] >= 2:
            return JSONResponse({"error": "spent"}, 429, headers={"Retry-After": "3600"})
        self.charged[content_hash] += 1
        self.holders[content_hash] = worker_id
        return JSONResponse({"contentHash": content_hash}, 200 if holder else 201)


def plan(*titles: str, quote: str = "Part A", days: int = 3, **extra: Any) -> dict[str, Any]:
    """Return a plan that a well-behaved model proposes."""
    due_on = (NOW + timedelta(days=days)).date().isoformat()
    return {
        "tasks": [
            {
                "title": title,
                "description": "",
                "priority": "HIGH",
                "quote": quote,
                "dueDate": due_on,
                "subtasks": [],
                **extra,
            }
            for title in titles or ("Implement round robin",)
        ]
    }


class ModelDouble:
    """An OpenAI-compatible server; `reply` gets what the model was told and says what it answers."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.reply: Callable[[dict[str, Any]], Any] = lambda request: plan()
        self.status: int | None = None
        server.answer = self.answer

    @property
    def requests(self) -> list[dict[str, Any]]:
        return [call.body for call in self.server.calls]

    def answer(self, call: Call) -> Response:
        if self.status is not None:
            return JSONResponse({"error": {"message": "away", "code": None}}, self.status)
        replied = self.reply(call.body)
        text = replied if isinstance(replied, str) else json.dumps(replied, ensure_ascii=False)
        return answered(call, text)


@dataclass
class Harness:
    """The function as in production but for the queue and shorter pauses."""

    function: Function
    sqs: HostileSQS

    async def invoke(self, *bodies: Any, receive_count: int = 1, **options: Any) -> list[str]:
        """Return the message ids that must come again."""
        event = {"Records": [record(n, body, receive_count) for n, body in enumerate(bodies)]}
        answered = await answer(self.function, event, **options)
        return [failure["itemIdentifier"] for failure in answered["batchItemFailures"]]

    def published(self) -> list[dict[str, Any]]:
        events = self.sqs.bodies(TASK_CREATION.name)
        assert [problem_of(TASK_CREATION, json.dumps(event)) for event in events] == [None] * len(
            events
        ), "Q-10: every body meets its published schema"
        return events


def record(number: int, body: Any, receive_count: int = 1) -> dict[str, Any]:
    """Return one record as Lambda hands it over."""
    return {
        "messageId": f"m-{number}",
        "receiptHandle": f"r-{number}",
        "body": body if isinstance(body, str) else json.dumps(body, ensure_ascii=False),
        "attributes": {"ApproximateReceiveCount": str(receive_count)},
        "messageAttributes": {
            "correlationId": {"stringValue": "request-0001", "dataType": "String"}
        },
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:ap-northeast-2:123456789012:{LLM_ANALYSIS.name}",
    }


def assignment_event(**changes: Any) -> dict[str, Any]:
    """Return an analysis request that is due in ten days."""
    return {
        "eventType": "ASSIGNMENT_CREATED",
        "courseId": 3,
        "canvasAssignmentId": 90210,
        "title": "Scheduler lab",
        "description": DESCRIPTION,
        "dueAt": (NOW + timedelta(days=10)).isoformat(),
        "changedAt": "2026-11-20T03:04:05.000001Z",
        **changes,
    }


def settings(schedule_service: ScheduleService, **changes: Any) -> LLMAnalysisSettings:
    return LLMAnalysisSettings(
        environment="local",
        schedule_service_url=schedule_service.server.url,
        canvas_sync_api_key=API_KEY,
        **changes,
    )
