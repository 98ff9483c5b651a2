"""How a model is called: bounded in time and size, repeated where that may help, left alone while it is down (L-04)."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx
import orjson

from lambdas.llm_analysis.errors import ProviderUnavailable
from shared.logging import get_logger
from shared.retry_after import retry_after_seconds
from shared.tracing.http_clients import OutsideClient

log = get_logger(__name__)

USER_AGENT = "UniSync/1.0 (planner for students)"
CALL_SECONDS = 30.0
MAX_TRIES = 3
"""Both from L-04: thirty seconds a call, two retries."""

MAX_RETRY_AFTER_SECONDS = 20.0
"""Who asks for more is down for this invocation; the queue brings the record back."""

MAX_ANSWER_BYTES = 1024 * 1024
"""Ten times the longest answer that could be accepted, with all its escapes."""

FAILURES_TO_OPEN = 5
OPEN_SECONDS = 30.0
"""Five calls in a row, with their retries, are no accident; then one call in half a minute tries the water."""

_REPEATABLE = {408, 409, 424, 425, 429}
"""Besides 5xx; 424 is how Bedrock says that the model itself failed."""

Result = TypeVar("Result")


class CallFailed(Exception):
    """One try failed; `may_help` says whether another might do better."""

    def __init__(
        self, reason: str, *, may_help: bool, retry_after_seconds: float | None = None
    ) -> None:
        super().__init__(reason)
        self.may_help = may_help
        self.retry_after_seconds = retry_after_seconds


@dataclass(frozen=True)
class RetryPolicy:
    """How late a call is repeated: one second on average at first, then twice as long, half to one and a half of it."""

    first_pause_seconds: float = 1.0
    max_tries: int = MAX_TRIES
    call_seconds: float = CALL_SECONDS

    def pause_seconds(self, tries: int) -> float:
        """Return a pause after so many tries."""
        nominal_seconds: float = self.first_pause_seconds * 2 ** (tries - 1)
        return nominal_seconds * random.uniform(0.5, 1.5)  # noqa: S311 - spreads, guards nothing


class Circuit:
    """Leaves a failing model alone for a while, then lets one call try.

    Args:
        clock: Monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._open_until = 0.0

    @property
    def is_failing(self) -> bool:
        """Tell whether the model failed so often that calls are let through one at a time, if at all."""
        return self._failures >= FAILURES_TO_OPEN

    def enter(self) -> None:
        """Let a call through.

        Raises:
            ProviderUnavailable: The model failed lately.
        """
        if not self.is_failing:
            return
        now = self._clock()
        if now < self._open_until:
            raise ProviderUnavailable("the model failed lately and is left alone")
        self._open_until = now + OPEN_SECONDS

    def succeeded(self) -> None:
        """Forget earlier failures."""
        self._failures = 0

    def failed(self) -> None:
        """Count a call that failed with all its tries."""
        self._failures += 1
        if self.is_failing:
            self._open_until = self._clock() + OPEN_SECONDS


class ModelCalls:
    """Makes calls to one model, with retries, behind a circuit."""

    def __init__(self, retry: RetryPolicy | None = None, circuit: Circuit | None = None) -> None:
        self._retry = retry or RetryPolicy()
        self._circuit = circuit or Circuit()
        self._trial = asyncio.Lock()

    async def make(self, try_once: Callable[[], Awaitable[Result]]) -> Result:
        """Return what a call brings, after at most three tries.

        Args:
            try_once: Makes one try; raises `CallFailed`.

        Raises:
            ProviderUnavailable: No try succeeded, or none was allowed.
        """
        if self._circuit.is_failing:
            # Others wait for what the one that tries finds: sent back, they would come again minutes later.
            async with self._trial:
                if self._circuit.is_failing:
                    self._circuit.enter()
                    return await self._make(try_once)
        return await self._make(try_once)

    async def _make(self, try_once: Callable[[], Awaitable[Result]]) -> Result:
        tries = 0
        while True:
            tries += 1
            try:
                async with asyncio.timeout(self._retry.call_seconds):
                    result = await try_once()
            except TimeoutError:
                failure = CallFailed("no answer in time", may_help=True)
            except CallFailed as problem:
                failure = problem
            else:
                self._circuit.succeeded()
                return result
            pause_seconds = failure.retry_after_seconds or self._retry.pause_seconds(tries)
            gives_up = (
                not failure.may_help
                or tries >= self._retry.max_tries
                or pause_seconds > MAX_RETRY_AFTER_SECONDS
            )
            log.warning("model_call_failed", reason=str(failure), tries=tries, givesUp=gives_up)
            if gives_up:
                break
            await asyncio.sleep(pause_seconds)
        self._circuit.failed()
        raise ProviderUnavailable(f"the model cannot be asked: {failure}")


def model_http_client() -> httpx.AsyncClient:
    """Open the HTTP client for models: no redirects, which would carry the key elsewhere, and no proxies."""
    return OutsideClient(
        headers={"User-Agent": USER_AGENT, "Accept": "application/json"},
        timeout=httpx.Timeout(CALL_SECONDS, connect=5.0),
        follow_redirects=False,
        trust_env=False,
    )


async def post_json(
    http: httpx.AsyncClient, url: str, headers: Mapping[str, str], body: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the object that a POST answers.

    Raises:
        CallFailed: There was no answer, or none of use.
    """
    content = bytearray()
    reason = ""
    status, answer_headers = 0, httpx.Headers()
    try:
        async with http.stream("POST", url, headers=dict(headers), json=dict(body)) as response:
            status, answer_headers = response.status_code, response.headers
            async for piece in response.aiter_bytes():
                content += piece
                if len(content) > MAX_ANSWER_BYTES:
                    reason = "the answer is too large"
                    break
    except httpx.HTTPError as problem:
        reason = type(problem).__name__
    if reason:
        # Outside the except block: httpx's errors hold the request, and so the key.
        raise CallFailed(reason, may_help=len(content) <= MAX_ANSWER_BYTES)
    try:
        answer = orjson.loads(content)
    except orjson.JSONDecodeError:
        answer = None
    if status != 200:
        raise status_failure(status, answer_headers, is_final=_is_quota_spent(answer))
    if not isinstance(answer, dict):
        raise CallFailed("the answer is no JSON object", may_help=True)
    return answer


def status_failure(
    status: int, headers: Mapping[str, str], *, is_final: bool = False
) -> CallFailed:
    """Return what an HTTP status other than 200 means."""
    may_help = not is_final and (status in _REPEATABLE or status >= 500)
    return CallFailed(
        f"status {status}",
        may_help=may_help,
        retry_after_seconds=retry_after_seconds(headers.get("retry-after", "")),
    )


def _is_quota_spent(answer: Any) -> bool:
    """Tell whether a 429 is OpenAI's permanent one."""
    error = answer.get("error") if isinstance(answer, dict) else None
    return isinstance(error, dict) and error.get("code") == "insufficient_quota"
