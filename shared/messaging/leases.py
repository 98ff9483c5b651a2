"""What a consumer holds of a queue: kept invisible while in work, deleted when done, handed back when not."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from shared.logging import get_logger
from shared.messaging.queues import BROKER_ERRORS, MAX_BATCH, SQSClient, batches

log = get_logger(__name__)

GATHER_SECONDS = 0.02
"""So long a deletion waits for others to go with it: a fifth of the calls, and hardly longer in hand."""

MARGIN = 0.1
"""Share of the visibility timeout by which we count a lease as over before the queue does."""


class Lease:
    """One received message that nobody else gets until the lease is over.

    Attributes:
        message_id: The queue's id of the message.
        receipt_handle: What this receive is called; a later receive makes it stale.
        is_lost: The lease ran out, or the queue no longer knows it: the message may be in other hands.
    """

    def __init__(self, message_id: str, receipt_handle: str) -> None:
        self.message_id = message_id
        self.receipt_handle = receipt_handle
        self.ends_at = 0.0
        self.is_lost = False
        self._timer: asyncio.TimerHandle | None = None
        self._work: asyncio.Task[Any] | None = None

    def last_until(self, ends_at: float) -> None:
        """Be lost at this time of the event loop's clock, unless told otherwise before."""
        self.end()
        self.ends_at = ends_at
        self._timer = asyncio.get_running_loop().call_at(ends_at, self._run_out)

    def end(self) -> None:
        """Stop counting: the message is no longer held."""
        if self._timer is not None:
            self._timer.cancel()

    def bind(self, work: asyncio.Task[Any]) -> None:
        """Have this work cancelled when the lease is lost."""
        self._work = work

    def lose(self) -> None:
        """Note that the message may be in other hands, and end the work on it."""
        self.is_lost = True
        if self._work is not None:
            self._work.cancel()

    def has_ended(self) -> bool:
        """Tell whether the message may be in other hands, also when a busy loop is late with noticing it."""
        if self.ends_at <= asyncio.get_running_loop().time():
            self._run_out()
        return self.is_lost

    def _run_out(self) -> None:
        if not self.is_lost:
            log.warning("lease_ran_out", messageId=self.message_id)
            self.lose()


class Leases:
    """The messages in hand: `run` extends their leases and deletes what is done.

    Args:
        sqs: An aiobotocore SQS client.
        url: The queue.
        visibility_seconds: What a lease is extended by; extended three times in that time.
    """

    def __init__(self, sqs: SQSClient, url: str, *, visibility_seconds: int) -> None:
        self._sqs = sqs
        self._url = url
        self._visibility_seconds = visibility_seconds
        self._interval_seconds = visibility_seconds / 3
        self._held: dict[str, Lease] = {}
        self._done: list[Lease] = []
        self._extending = asyncio.Lock()
        self._has_done = asyncio.Event()
        self._has_changed = asyncio.Event()

    def take(self, message_id: str, receipt_handle: str) -> Lease:
        """Hold a message that has just been received."""
        lease = Lease(message_id, receipt_handle)
        lease.last_until(self._end_of_lease(_now()))
        self._held[receipt_handle] = lease
        return lease

    def release(self, lease: Lease) -> None:
        """Hold a message no longer: it comes again when its visibility timeout ends."""
        lease.end()
        self._held.pop(lease.receipt_handle, None)
        self._has_changed.set()

    def acknowledge(self, lease: Lease) -> bool:
        """Have a message deleted, unless its lease is lost; tells whether it will be."""
        if lease.has_ended():
            self.release(lease)
            return False
        self._done.append(lease)
        self._has_done.set()
        return True

    async def until(self, is_few: Callable[[int], bool]) -> None:
        """Wait until the number of messages in hand is what the caller waits for."""
        while not is_few(len(self._held)):
            self._has_changed.clear()
            await self._has_changed.wait()

    async def hand_back(self, leases: Sequence[Lease]) -> None:
        """Make messages visible to others at once."""
        for lease in leases:
            self.release(lease)
        # An extension under way might reach the queue after this, and hide them again.
        async with self._extending:
            for batch in batches([lease for lease in leases if not lease.is_lost]):
                await self._set_visibility(batch, 0, within=self._interval_seconds)

    async def run(self) -> None:
        """Extend and delete until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._extend_in_time())
            group.create_task(self._delete_in_batches())

    async def delete_what_is_done(self) -> None:
        """Delete every message that was acknowledged and is still ours."""
        while self._done:
            batch, self._done = self._done[:MAX_BATCH], self._done[MAX_BATCH:]
            await self._delete([lease for lease in batch if not lease.has_ended()])
            for lease in batch:
                self.release(lease)

    async def _delete_in_batches(self) -> None:
        while True:
            await self._has_done.wait()
            if len(self._done) < MAX_BATCH:
                await asyncio.sleep(GATHER_SECONDS)
            self._has_done.clear()
            await self.delete_what_is_done()

    async def _delete(self, leases: Sequence[Lease]) -> None:
        if not leases:
            return
        entries = [
            {"Id": str(position), "ReceiptHandle": lease.receipt_handle}
            for position, lease in enumerate(leases)
        ]
        try:
            answer = await self._sqs.delete_message_batch(QueueUrl=self._url, Entries=entries)
        except BROKER_ERRORS as problem:
            # They will come again, and applying them again changes nothing.
            log.warning("delete_failed", messages=len(leases), reason=type(problem).__name__)
            return
        for refused in answer.get("Failed", []):
            log.warning(
                "delete_refused",
                messageId=leases[int(refused["Id"])].message_id,
                reason=refused.get("Code"),
            )

    async def _extend_in_time(self) -> None:
        while True:
            started_at = _now()
            async with self._extending:
                held = [lease for lease in self._held.values() if not lease.is_lost]
                # Each call ends before the next is due, so that one hanging call costs no lease.
                await asyncio.gather(
                    *(
                        self._set_visibility(
                            batch, self._visibility_seconds, within=self._interval_seconds
                        )
                        for batch in batches(held)
                    )
                )
            await asyncio.sleep(max(0.0, started_at + self._interval_seconds - _now()))

    async def _set_visibility(
        self, leases: Sequence[Lease], seconds: int, *, within: float | None = None
    ) -> None:
        entries: list[dict[str, Any]] = [
            {
                "Id": str(position),
                "ReceiptHandle": lease.receipt_handle,
                "VisibilityTimeout": seconds,
            }
            for position, lease in enumerate(leases)
        ]
        asked_at = _now()
        try:
            async with asyncio.timeout(within):
                answer = await self._sqs.change_message_visibility_batch(
                    QueueUrl=self._url, Entries=entries
                )
        except BROKER_ERRORS as problem:
            log.warning(
                "visibility_change_failed", messages=len(leases), reason=type(problem).__name__
            )
            return
        for extended in answer.get("Successful", []):
            lease = leases[int(extended["Id"])]
            if lease.receipt_handle in self._held and not lease.is_lost:
                lease.last_until(self._end_of_lease(asked_at))
        for refused in answer.get("Failed", []):
            lease = leases[int(refused["Id"])]
            # A message that was deleted while its extension was under way is refused, too.
            if lease.receipt_handle in self._held:
                log.warning("lease_refused", messageId=lease.message_id, reason=refused.get("Code"))
                lease.lose()

    def _end_of_lease(self, began_at: float) -> float:
        return began_at + (1 - MARGIN) * self._visibility_seconds


def _now() -> float:
    return asyncio.get_running_loop().time()
