"""Makes one call to Canvas after another: token, bounds, allowance, retries and the one classifier of its failures."""

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx

from lambdas.canvas_sync.canvas.errors import (
    CanvasAnswerUnusable,
    CanvasError,
    CanvasPermissionDenied,
    CanvasThrottled,
    CanvasTokenRefused,
    CanvasUnavailable,
)
from lambdas.canvas_sync.canvas.governor import Call, Governor
from lambdas.canvas_sync.canvas.links import next_link
from shared.logging import get_logger
from shared.retry_after import retry_after_seconds
from shared.tracing.http_clients import OutsideClient

log = get_logger(__name__)

USER_AGENT = "UniSync/1.0 (planner for students)"
"""Canvas refuses calls that do not name their application."""

IDLE_SECONDS = 10.0
"""Longest wait for a connection or for the next piece of an answer (events.md 2.2)."""

TRY_SECONDS = 18.0
"""Three tries with their pauses stay within `MAX_CALL_SECONDS`, even when an answer drips."""

MAX_CALL_SECONDS = 60.0
MAX_TRIES = 3
"""Both from C-05: a fault ends as a failure that somebody sees."""

MAX_PAGE_BYTES = 16 * 1024 * 1024
"""A page of 100 assignments with 64 KB descriptions is 6.5 MB, half as much again where HTML is escaped."""

SMALL_PAGE_BYTES = 1024 * 1024
"""100 assignments of natural length are 0.1 to 0.5 MB. More of a page is read when there is room for it."""

LARGE_PAGES_AT_ONCE = 4
"""Four pages of 64 KB descriptions are the 26 MB of one course of 400; two would take twice as long."""

HEAD_START_SECONDS = 0.002
"""A waiting call is written within a millisecond; reading a page first would cost it several."""

MAX_ERROR_BYTES = 4 * 1024
"""Enough to find the sentence by which older installations say that they throttle."""

CONNECTIONS = 64
"""Eight for each student at work; a process has two of them on AWS, more where invocations share it."""

_THROTTLED_TEXT = b"rate limit exceeded"


@dataclass(frozen=True)
class RetryPolicy:
    """How often and how late a call is repeated.

    The first pause is one second on average because a throttled token regains ten units in it; each next one is
    twice as long. Jitter spreads the students of one institution.

    Attributes:
        idle_seconds: Longest wait for a connection or for the next piece of an answer.
        try_seconds: Longest try.
        max_seconds: Longest call, with all its tries.
    """

    first_pause_seconds: float = 1.0
    max_tries: int = MAX_TRIES
    idle_seconds: float = IDLE_SECONDS
    try_seconds: float = TRY_SECONDS
    max_seconds: float = MAX_CALL_SECONDS

    def pause_seconds(self, tries: int) -> float:
        """Return a pause after so many tries: half to one and a half of the nominal one."""
        nominal_seconds: float = self.first_pause_seconds * 2 ** (tries - 1)
        return nominal_seconds * random.uniform(0.5, 1.5)  # noqa: S311 - spreads, guards nothing


@dataclass(frozen=True)
class Page:
    """One page of a list, and where the next one is."""

    entries: list[Any]
    next_url: httpx.URL | None


@dataclass(frozen=True)
class _Setback:
    """A try that failed and may be repeated."""

    problem: CanvasError
    retry_after_seconds: float | None = None
    is_throttling: bool = False


@dataclass
class _Answer:
    status: int
    headers: httpx.Headers
    body: bytearray = field(default_factory=bytearray)


def canvas_http_client() -> httpx.AsyncClient:
    """Open the HTTP client for Canvas.

    It keeps no cookies, which would carry one student's session into another student's calls, follows no redirect,
    which would carry the token elsewhere, and ignores proxies of the environment.
    """
    return OutsideClient(
        headers={"User-Agent": USER_AGENT, "Accept": "application/json"},
        limits=httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS),
        follow_redirects=False,
        trust_env=False,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
    )


class CanvasTransport:
    """Fetches pages of lists from one Canvas installation.

    Args:
        http: What `canvas_http_client` opened.
        base_url: `https://<host>/api/v1`; the token goes nowhere else (C-04).
        retry: When to give up.
        clock: Monotonic seconds.
        sleep: Waits for some seconds.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        base_url: str,
        *,
        retry: RetryPolicy | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._http = http
        self._base_url = httpx.URL(base_url.rstrip("/"))
        self._retry = retry or RetryPolicy()
        # Waiting for a connection of the pool is the allowance's doing, not Canvas's.
        self._idle = httpx.Timeout(self._retry.idle_seconds, pool=None)
        self._clock = clock
        self._sleep = sleep
        self._large_pages = asyncio.Semaphore(LARGE_PAGES_AT_ONCE)

    def address(self, path: str, parameters: Mapping[str, str | list[str]]) -> httpx.URL:
        """Return the address of a first page; `path` starts with a slash and is relative to the base URL."""
        return httpx.URL(f"{self._base_url}{path}", params=dict(parameters))

    @asynccontextmanager
    async def page(self, url: httpx.URL, token: str, governor: Governor) -> AsyncIterator[Page]:
        """Fetch one page, again when that may help, and hold it until the block ends, which empties it.

        Raises:
            CanvasError: Of the kind that says why, after at most three tries and 60 s.
        """
        async with AsyncExitStack() as room:
            page = await self._fetch(url, token, governor, room)
            yield page
            page.entries.clear()

    async def _fetch(
        self, url: httpx.URL, token: str, governor: Governor, room: AsyncExitStack
    ) -> Page:
        give_up_at: float | None = None
        tries = 0
        while True:
            tries += 1
            async with governor.call() as call:
                # The wait for the token's turn is the allowance's doing, not a fault of this call.
                give_up_at = give_up_at or self._clock() + self._retry.max_seconds
                outcome: Page | _Answer | _Setback = await self._ask(url, token, call, room)
            if isinstance(outcome, _Answer):
                # The call that waited for this one's place leaves before this answer keeps the loop busy.
                await self._sleep(HEAD_START_SECONDS)
                outcome = self._page(url, outcome)
            if isinstance(outcome, Page):
                return outcome
            await room.aclose()
            # Throttling is about the token, so the tries of all its calls count together.
            failures = max(tries, governor.refusals_in_a_row) if outcome.is_throttling else tries
            pause_seconds = outcome.retry_after_seconds or self._retry.pause_seconds(failures)
            is_too_late = self._clock() + pause_seconds + self._retry.try_seconds > give_up_at
            gives_up = failures >= self._retry.max_tries or is_too_late
            log.warning(
                "canvas_call_failed",
                reason=str(outcome.problem),
                failures=failures,
                givesUp=gives_up,
                pauseSeconds=None if gives_up else round(pause_seconds, 2),
            )
            if gives_up:
                raise outcome.problem
            if outcome.is_throttling:
                governor.pause(pause_seconds)
            else:
                await self._sleep(pause_seconds)

    async def _ask(
        self, url: httpx.URL, token: str, call: Call, room: AsyncExitStack
    ) -> _Answer | _Setback:
        """Try once, tell the allowance, and turn everything but a 200 into what it means."""
        outcome = await self._try(url, token, room)
        if isinstance(outcome, _Answer):
            call.remaining = _number(outcome.headers.get("X-Rate-Limit-Remaining"))
            if outcome.status != 200:
                outcome = _classify(outcome)
        call.was_throttled = isinstance(outcome, _Setback) and outcome.is_throttling
        return outcome

    async def _try(self, url: httpx.URL, token: str, room: AsyncExitStack) -> _Answer | _Setback:
        headers = {"Authorization": f"Bearer {token}"}
        try:
            async with (
                asyncio.timeout(self._retry.try_seconds) as time_left,
                self._http.stream("GET", url, headers=headers, timeout=self._idle) as response,
            ):
                answer = _Answer(response.status_code, response.headers)
                most = MAX_PAGE_BYTES if response.status_code == 200 else MAX_ERROR_BYTES
                has_room = False
                async for piece in response.aiter_bytes():
                    answer.body += piece
                    if len(answer.body) > most:
                        break
                    if len(answer.body) > SMALL_PAGE_BYTES and not has_room:
                        await self._wait_for_room(room, time_left)
                        has_room = True
                return answer
        except TimeoutError:
            reason = "took too long"
        except (httpx.HTTPError, httpx.InvalidURL) as problem:
            # An address in `Location` that cannot be one is read even though it is not followed.
            reason = type(problem).__name__
        # Outside the except block: httpx's errors hold the request, and so the token.
        return _Setback(CanvasUnavailable(f"Canvas could not be read: {reason}"))

    async def _wait_for_room(self, room: AsyncExitStack, time_left: asyncio.Timeout) -> None:
        """Wait until few other large pages are held; that is our own doing, so the try's time stands still."""
        clock = asyncio.get_running_loop().time
        ends_at, waits_since = time_left.when(), clock()
        time_left.reschedule(None)
        await room.enter_async_context(self._large_pages)
        if ends_at is not None:
            time_left.reschedule(ends_at + clock() - waits_since)

    def _page(self, url: httpx.URL, answer: _Answer) -> Page | _Setback:
        if len(answer.body) > MAX_PAGE_BYTES:
            raise CanvasAnswerUnusable("a page of Canvas is too large")
        try:
            entries = json.loads(answer.body)
            link = next_link(", ".join(answer.headers.get_list("Link")))
        except (ValueError, RecursionError):
            entries, link = None, None
        if not isinstance(entries, list):
            return _Setback(CanvasAnswerUnusable("Canvas answered something that is no list"))
        return Page(entries, None if link is None else self._same_origin(url, link))

    def _same_origin(self, url: httpx.URL, link: str) -> httpx.URL:
        """Return where a link leads.

        Raises:
            CanvasAnswerUnusable: Not to the configured scheme, host, port and API path (C-04).
        """
        try:
            # No address has a backslash, and programs disagree on whether it is a slash.
            target = None if "\\" in link else url.join(link)
        except (httpx.InvalidURL, ValueError):
            target = None
        if target is None or not self._is_ours(target):
            raise CanvasAnswerUnusable("a page link leads elsewhere")
        return target

    def _is_ours(self, target: httpx.URL) -> bool:
        base = self._base_url
        segments = target.path.split("/")
        return (
            (target.scheme, target.host, target.port) == (base.scheme, base.host, base.port)
            and not target.userinfo
            and target.path.startswith(base.path.rstrip("/") + "/")
            and not {".", ".."}.intersection(segments)
        )


def _classify(answer: _Answer) -> _Setback:
    """Turn a refusal or a failure into a reason to try again, or raise the error it means."""
    status = answer.status
    if status == 429 or (status == 403 and _THROTTLED_TEXT in bytes(answer.body).lower()):
        return _Setback(
            CanvasThrottled("Canvas refuses calls because there were too many"),
            retry_after_seconds(answer.headers.get("Retry-After", "")),
            is_throttling=True,
        )
    if status == 401 and "WWW-Authenticate" in answer.headers:
        raise CanvasTokenRefused("Canvas does not accept the token")
    if status in {401, 403, 404}:
        raise CanvasPermissionDenied(f"Canvas gives no access ({status})")
    if status in {408, 425} or status >= 500:
        problem = CanvasUnavailable(f"Canvas answered {status}")
        return _Setback(problem, retry_after_seconds(answer.headers.get("Retry-After", "")))
    raise CanvasAnswerUnusable(f"Canvas answered {status}")


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text is not None else None
    except ValueError:
        return None
    return number if number is not None and abs(number) < 1e9 else None
