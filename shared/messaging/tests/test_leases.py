"""What is handed back can be received at once, whatever else the queue is told at that moment."""

import asyncio
from typing import Any

from shared.messaging.leases import Leases
from shared.testing.hostile_sqs import HostileSQS

QUEUE = "assignment-events-queue"


class SlowToExtend(HostileSQS):
    """Takes extensions when a test says so."""

    def __init__(self) -> None:
        super().__init__(copies=1)
        self.is_asked = asyncio.Event()
        self.may_go_on = asyncio.Event()
        self.has_extended = asyncio.Event()

    async def change_message_visibility_batch(
        self, *, QueueUrl: str, Entries: list[dict[str, Any]]
    ) -> dict[str, Any]:
        is_extension = Entries[0]["VisibilityTimeout"] > 0
        if is_extension:
            self.is_asked.set()
            await self.may_go_on.wait()
        answer = await super().change_message_visibility_batch(QueueUrl=QueueUrl, Entries=Entries)
        if is_extension:
            self.has_extended.set()
        return answer


async def test_an_extension_under_way_does_not_hide_what_is_handed_back() -> None:
    """Q-09"""
    sqs = SlowToExtend()
    url = (await sqs.create_queue(QueueName=QUEUE))["QueueUrl"]
    await sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": "0", "MessageBody": "{}"}])
    (message,) = (await sqs.receive_message(QueueUrl=url))["Messages"]
    leases = Leases(sqs, url, visibility_seconds=30)
    lease = leases.take(message["MessageId"], message["ReceiptHandle"])
    keeping = asyncio.create_task(leases.run())
    await sqs.is_asked.wait()

    handing_back = asyncio.create_task(leases.hand_back([lease]))
    await asyncio.sleep(0)
    sqs.may_go_on.set()
    await handing_back
    await sqs.has_extended.wait()

    assert len((await sqs.receive_message(QueueUrl=url))["Messages"]) == 1
    keeping.cancel()
