"""Dead-letter queues of the running system, as it provisioned them and as operators see them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from shared.aws import aws_client
from shared.events.routes import QUEUES
from shared.settings import Settings
from tests.system.conftest import Stack

pytestmark = pytest.mark.stack


async def test_every_queue_has_one_dead_letter_queue_that_keeps_messages_longer(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Q-06"""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", stack["aws_access_key_id"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", stack["aws_secret_access_key"])
    settings = Settings(aws_region=stack["region"], aws_endpoint_url=stack["aws"])
    attributes: dict[str, dict[str, str]] = {}
    async with aws_client("sqs", settings) as sqs:
        for name, url in stack["queues"].items():
            answer = await sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
            attributes[name] = answer["Attributes"]

    assert set(attributes) == {name for q in QUEUES for name in (q.name, q.dead_letter_name)}
    for queue in QUEUES:
        source, dead_letters = attributes[queue.name], attributes[queue.dead_letter_name]
        policy = json.loads(source["RedrivePolicy"])
        assert policy["deadLetterTargetArn"] == dead_letters["QueueArn"]
        assert int(policy["maxReceiveCount"]) == 3
        assert int(dead_letters["MessageRetentionPeriod"]) > int(source["MessageRetentionPeriod"])
        assert "RedrivePolicy" not in dead_letters, "a look at it must use nothing up"


def test_the_command_finds_the_running_system_by_itself(
    stack: Stack, stack_directory: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "local_stack", "dlq", "list"],
        env={**os.environ, "UNISYNC_STATE_DIR": str(stack_directory)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert (done.returncode, done.stderr) == (0, "")
    lines = [line for line in done.stdout.splitlines() if not line.startswith(" ")]
    assert [line.split(":")[0] for line in lines] == [queue.dead_letter_name for queue in QUEUES]
