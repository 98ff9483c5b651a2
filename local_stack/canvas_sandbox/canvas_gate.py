"""The door of the Canvas API: User-Agent, token, throttling, faults and log, before any call is looked at.

Plain ASGI and not a middleware class of the framework: it is passed by every call of a benchmark.
"""

from collections.abc import Iterable

import orjson
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from local_stack.canvas_sandbox.faults import ThrottleForm
from local_stack.canvas_sandbox.rate_limit import LeakyBucket, Reservation, cost_of_answer
from local_stack.canvas_sandbox.sandbox import Sandbox

CANVAS_PATH = "/api/"
STUDENT_KEY = "canvas_sandbox.student"
"""Under which the caller stands in the ASGI scope."""

JSON_TYPE = "application/json; charset=utf-8"
BEARER_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="canvas-lms"'}

_THROTTLED_BODIES = {
    ThrottleForm.TOO_MANY_REQUESTS: "429 Too Many Requests (Rate Limit Exceeded)",
    ThrottleForm.FORBIDDEN: "403 Forbidden (Rate Limit Exceeded)",
}


def canvas_errors(
    status: int, *messages: str, is_about_permission: bool = False, challenges: bool = False
) -> Response:
    """Build an error answer in the shape most of Canvas's errors have.

    Args:
        status: The HTTP status.
        messages: One entry of `errors` each.
        is_about_permission: Adds the word by which Canvas marks a lack of rights.
        challenges: Adds `WWW-Authenticate`, which says that the token is at fault.
    """
    body: dict[str, object] = {"errors": [{"message": message} for message in messages]}
    if is_about_permission:
        body = {"status": "unauthorized", **body}
    headers = BEARER_CHALLENGE if challenges else None
    return Response(orjson.dumps(body), status, headers, JSON_TYPE)


class CanvasGate:
    """Lets calls of known tokens through to the Canvas API and answers all others itself.

    Order of decisions: a fault on request -> User-Agent 403 -> token 401 -> exhausted bucket -> the call.
    Latency delays every answer, and while it does the call holds its share of the bucket.
    """

    def __init__(self, app: ASGIApp, sandbox: Sandbox) -> None:
        self._app = app
        self._sandbox = sandbox

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a call, or pass it on when it is none of the Canvas API's."""
        if scope["type"] != "http" or not scope["path"].startswith(CANVAS_PATH):
            await self._app(scope, receive, send)
            return
        await _Call(self._app, self._sandbox, scope, receive, send).answer()


class _Call:
    """One call on its way through the gate."""

    def __init__(
        self, app: ASGIApp, sandbox: Sandbox, scope: Scope, receive: Receive, send: Send
    ) -> None:
        self._app = app
        self._sandbox = sandbox
        self._scope = scope
        self._receive = receive
        self._send = send
        self._status = 500
        self._was_throttled = False
        self._bucket: LeakyBucket | None = None
        self._reservation: Reservation | None = None

    async def answer(self) -> None:
        """Decide, wait for the injected latency, answer and record."""
        path = self._scope["path"]
        faults = self._sandbox.faults
        self._sandbox.requests.arrived()
        log = self._sandbox.requests
        try:
            refusal = self._refusal(path)
            if self._was_throttled and self._reservation is not None:
                self._reservation.settle(0)
            if faults.latency_ms:
                await self._sandbox.delays.hold_back(faults.latency_ms / 1000)
            chosen = self._app if refusal is None else refusal
            await chosen(self._scope, self._receive, self._send_with_allowance)
        finally:
            if self._reservation is not None:
                self._reservation.settle(0)
            log.answered(
                self._scope["method"], path, self._status, was_throttled=self._was_throttled
            )

    def _refusal(self, path: str) -> Response | None:
        user_agent, token = _credentials(self._scope["headers"])
        student = self._sandbox.students.of_token(token) if token else None
        if student is not None and token:
            self._scope[STUDENT_KEY] = student
            self._bucket = self._sandbox.buckets.of(token)
            self._reservation = self._bucket.reserve()
        fault = self._sandbox.faults.strike(path)
        if isinstance(fault, ThrottleForm):
            return self._throttled(fault)
        if fault is not None:
            return self._failed(fault)
        if not user_agent:
            return _without_user_agent()
        if student is None:
            reason = "Invalid access token." if token else "user authorization required"
            return canvas_errors(401, reason, challenges=True)
        if self._reservation is not None and self._reservation.is_refused:
            return self._throttled(self._sandbox.faults.form)
        return None

    def _throttled(self, form: ThrottleForm) -> Response:
        self._was_throttled = True
        return Response(_THROTTLED_BODIES[form], int(form.value), media_type="text/plain")

    def _failed(self, status: int) -> Response:
        if status == 429:
            return self._throttled(ThrottleForm.TOO_MANY_REQUESTS)
        if status in {502, 503, 504}:
            page = f"<html><body><center><h1>{status}</h1></center></body></html>"
            return Response(page, status, media_type="text/html")
        if status in {401, 403}:
            return canvas_errors(
                status, "user not authorized to perform that action", is_about_permission=True
            )
        return canvas_errors(status, "An error occurred.")

    async def _send_with_allowance(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            if self._reservation is not None and self._bucket is not None:
                cost = 0.0 if self._was_throttled else _cost(message["headers"])
                self._reservation.settle(cost)
                message["headers"] = [
                    *message["headers"],
                    (b"x-request-cost", repr(cost).encode()),
                    (b"x-rate-limit-remaining", repr(self._bucket.remaining).encode()),
                ]
        await self._send(message)


def _credentials(headers: Iterable[tuple[bytes, bytes]]) -> tuple[str | None, str | None]:
    """Read the User-Agent and the bearer token; `None` for what is missing."""
    user_agent: str | None = None
    token: str | None = None
    for name, value in headers:
        if name == b"user-agent":
            user_agent = value.decode("latin-1").strip()
        elif name == b"authorization":
            scheme, _, credentials = value.decode("latin-1").partition(" ")
            if scheme.lower() == "bearer" and credentials.strip():
                token = credentials.strip()
    return user_agent, token


def _cost(headers: Iterable[tuple[bytes, bytes]]) -> float:
    for name, value in headers:
        if name == b"content-length":
            return cost_of_answer(int(value))
    return cost_of_answer(0)


def _without_user_agent() -> Response:
    body = {
        "error": "Forbidden",
        "message": "A User-Agent header is required to use this API; name your application in it.",
    }
    return Response(orjson.dumps(body), 403, media_type=JSON_TYPE)
