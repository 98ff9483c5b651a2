"""Keeps the pool's keys: fetched rarely, never by anyone's wish alone, never in the way of known keys (J-03, J-04)."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable

from jose.backends.base import Key

from services.api_gateway.tokens.errors import KeysUnavailable, KeysUnusable, TokenRefused
from services.api_gateway.tokens.key_source import Keys
from shared.logging import get_logger

log = get_logger(__name__)

MAX_FETCHES_PER_WINDOW = 2
WINDOW_SECONDS = 10.0
"""J-03: at most two fetches in any 10 s, whoever asks for whatever `kid`."""

REFRESH_SECONDS = 240.0
"""A withdrawn key must be refused within 10 min; this leaves room for one failed fetch."""

RETRY_SECONDS = 15.0
"""After a failed refresh; far enough apart to leave a fetch for an unknown `kid`."""


class KeySet:
    """The pool's keys as last fetched; they stay in use while the endpoint fails."""

    def __init__(
        self,
        fetch: Callable[[], Awaitable[Keys]],
        *,
        clock: Callable[[], float] = time.monotonic,
        refresh_seconds: float = REFRESH_SECONDS,
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._refresh_seconds = refresh_seconds
        self._keys: Keys = {}
        self._fetching: asyncio.Task[bool] | None = None
        self._fetch_starts: deque[float] = deque(maxlen=MAX_FETCHES_PER_WINDOW)
        self.generation = 0
        """Changes whenever a key appears, disappears or is replaced."""

    async def key(self, key_id: str) -> Key:
        """Return the key of this id, at once when it is known, else after at most one fetch.

        Raises:
            TokenRefused: The pool has no such key.
            KeysUnavailable: No key has ever been fetched.
        """
        if key_id not in self._keys:
            await self.refresh()
        key = self._keys.get(key_id)
        if key is not None:
            return key
        if not self._keys:
            raise KeysUnavailable
        raise TokenRefused("unknown_key")

    async def refresh(self) -> bool:
        """Fetch the keys unless there were fetches enough lately; tell whether that succeeded.

        Everyone who asks meanwhile waits for the same fetch.
        """
        if self._fetching is None:
            if not self._may_fetch():
                return False
            self._fetching = asyncio.create_task(self._load())
        # A caller who leaves must not end the fetch of the others.
        return await asyncio.shield(self._fetching)

    async def keep_fresh(self) -> None:
        """Refresh the keys for ever, so that rotation needs neither a restart nor a request."""
        while True:
            succeeded = await self.refresh()
            await asyncio.sleep(self._refresh_seconds if succeeded else RETRY_SECONDS)

    def _may_fetch(self) -> bool:
        now = self._clock()
        starts = self._fetch_starts
        if len(starts) == MAX_FETCHES_PER_WINDOW and now - starts[0] <= WINDOW_SECONDS:
            return False
        starts.append(now)
        return True

    async def _load(self) -> bool:
        try:
            keys = await self._fetch()
        except KeysUnusable as problem:
            log.warning("keys_not_fetched", reason=str(problem))
            return False
        except Exception:
            # Whatever an endpoint makes the reader do, the next refresh must still come.
            log.exception("keys_not_fetched", reason="unexpected")
            return False
        else:
            if _numbers(keys) != _numbers(self._keys):
                self._keys = keys
                self.generation += 1
                log.info("keys_replaced", count=len(keys))
            return True
        finally:
            self._fetching = None


def _numbers(keys: Keys) -> dict[str, object]:
    return {key_id: key.to_dict() for key_id, key in keys.items()}
