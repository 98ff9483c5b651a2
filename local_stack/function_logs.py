"""Copies what the function logs from the emulator's CloudWatch Logs to a file beside the other logs."""

import asyncio
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from shared.aws import aws_client
from shared.settings import Settings

POLL_SECONDS = 1.0
OVERLAP_MS = 5_000
"""Invocations that end side by side may appear out of order, but not by seconds."""

PLATFORM_LINES = ("START RequestId", "END RequestId", "REPORT RequestId")


async def follow_function_logs(aws: Settings, function_name: str, file: Path) -> None:
    """Append the log lines of every new invocation to a file, until cancelled.

    The emulator writes an invocation's lines when it has ended, all at once, to a stream of their own.
    """
    copied: set[str] = set()
    newest_ms = 0
    async with aws_client("logs", aws) as logs:
        while True:
            try:
                answer = await logs.filter_log_events(
                    logGroupName=f"/aws/lambda/{function_name}",
                    startTime=max(0, newest_ms - OVERLAP_MS),
                )
            except (BotoCoreError, ClientError, OSError):
                # Nothing was invoked yet, or the emulator is being restarted.
                await asyncio.sleep(POLL_SECONDS)
                continue
            events = answer["events"]
            lines = [
                f"{event['message'].rstrip()}\n"
                for event in events
                if event["logStreamName"] not in copied
                and not event["message"].startswith(PLATFORM_LINES)
            ]
            with file.open("a") as output:
                output.writelines(lines)
            copied = {event["logStreamName"] for event in events}
            newest_ms = max([newest_ms, *(event["timestamp"] for event in events)])
            await asyncio.sleep(POLL_SECONDS)
