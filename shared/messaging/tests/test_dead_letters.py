"""The operators' command, on the real SQS protocol."""

import argparse
import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy.orm import DeclarativeBase

from shared.aws import aws_client
from shared.database import Database, utc_now
from shared.events.routes import LLM_ANALYSIS, QUEUES, TASK_CREATION
from shared.messaging.dead_letters import DeadLetterQueue
from shared.messaging.dead_letters_arguments import add_commands
from shared.messaging.dead_letters_command import run
from shared.messaging.failure_log import FailureColumns, FailureLog
from shared.messaging.failures import FailedMessage
from shared.messaging.publisher import Publisher
from shared.messaging.queues import create_queues, queue_url
from shared.settings import Settings
from shared.testing.hostile_sqs import HostileSQS
from shared.testing.schemas import empty_schema

BODY = json.dumps({"eventType": "COURSE_DISABLED", "cognitoSub": "sub-of-a-student"})


class Base(DeclarativeBase):
    pass


class FailedMessageRow(FailureColumns, Base):
    pass


class Queues:
    """Queues of their own for one test, filled and looked into without the command."""

    def __init__(self, aws: Settings, names: dict[str, str]) -> None:
        self._aws = aws
        self.names = {queue: names[queue.name_setting] for queue in QUEUES}
        self.name = self.names[TASK_CREATION]

    def do(self, work: Callable[[Any], Awaitable[Any]]) -> Any:
        async def connected() -> Any:
            async with aws_client("sqs", self._aws) as sqs:
                return await work(sqs)

        return asyncio.run(connected())

    def kill(self, *bodies: str, name: str | None = None, replays: int = 0) -> list[str]:
        """Put messages straight into a dead-letter queue; returns their ids."""
        attributes = {"correlationId": {"DataType": "String", "StringValue": "request-0001"}}
        if replays:
            attributes["replayCount"] = {"DataType": "Number", "StringValue": str(replays)}

        async def send(sqs: Any) -> list[str]:
            url = await queue_url(sqs, f"{name or self.name}-dlq")
            return [
                (
                    await sqs.send_message(
                        QueueUrl=url, MessageBody=body, MessageAttributes=attributes
                    )
                )["MessageId"]
                for body in bodies
            ]

        return self.do(send)

    def visible(self, name: str) -> list[dict[str, Any]]:
        """Receive everything that can be received right now."""

        async def receive(sqs: Any) -> list[dict[str, Any]]:
            url = await queue_url(sqs, name)
            found: list[dict[str, Any]] = []
            while batch := (
                await sqs.receive_message(
                    QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
                )
            ).get("Messages"):
                found += batch
            return found

        return self.do(receive)

    def waiting(self) -> list[dict[str, Any]]:
        return self.visible(self.name)

    def dead(self) -> list[dict[str, Any]]:
        return self.visible(f"{self.name}-dlq")


@pytest.fixture(scope="module")
def names() -> dict[str, str]:
    return {queue.name_setting: f"{queue.name}-{uuid4().hex[:8]}" for queue in QUEUES}


@pytest.fixture
def queues(aws: Settings, names: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Queues:
    """Empty queues, known to the command by their settings."""
    # The emulator's short polls ask everything there is, unlike those of SQS.
    monkeypatch.setattr("shared.messaging.dead_letters.WAIT_SECONDS", 0)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    for setting, name in names.items():
        monkeypatch.setenv(setting, name)

    async def create_and_empty(sqs: Any) -> None:
        for url in (await create_queues(sqs, names)).values():
            await sqs.purge_queue(QueueUrl=url)

    queues = Queues(aws, names)
    queues.do(create_and_empty)
    return queues


@pytest.fixture
def failures_url(mysql_server_url: str) -> Iterator[str]:
    async def create(url: str) -> None:
        database = Database(url)
        async with database.engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        await database.close()

    with empty_schema(mysql_server_url, "dead_letters") as url:
        asyncio.run(create(url))
        yield url


def record(url: str, message_id: str, *reasons: str) -> None:
    async def write() -> None:
        database = Database(url)
        log = FailureLog(database, FailedMessageRow)
        for count, reason in enumerate(reasons, start=1):
            await log.record(
                FailedMessage(message_id, "q", "COURSE_DISABLED", count, reason, utc_now())
            )
        await database.close()

    asyncio.run(write())


def dlq(*arguments: str, database_urls: tuple[str, ...] = ()) -> int:
    parser = argparse.ArgumentParser()
    add_commands(parser)
    return run(parser.parse_args(arguments), database_urls)


def replay_count(message: dict[str, Any]) -> str | None:
    return message["MessageAttributes"].get("replayCount", {}).get("StringValue")


def test_a_list_tells_of_each_message_what_failed_and_why(
    queues: Queues, failures_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Q-06"""
    (message_id,) = queues.kill(BODY, replays=2)
    record(failures_url, message_id, "OperationalError", "MalformedMessage: unusable fields: x")

    assert dlq("list", database_urls=(failures_url,)) == 0

    printed = capsys.readouterr().out
    assert f"{queues.name}-dlq: 1 message, the oldest sent 0 min ago" in printed
    assert f"{queues.names[LLM_ANALYSIS]}-dlq: 0 messages" in printed
    assert f"{message_id}  COURSE_DISABLED  failed 20" in printed
    assert "receives 2  replays 2  request request-0001" in printed
    assert "MalformedMessage: unusable fields: x" in printed


def test_a_list_as_json_has_a_line_for_each_message(
    queues: Queues, capsys: pytest.CaptureFixture[str]
) -> None:
    ids = queues.kill(BODY, BODY)

    assert dlq("list", "--json") == 0

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["messageId"] for line in lines} == set(ids)
    assert {line["queue"] for line in lines} == {queues.name}


def test_what_a_function_failed_is_checked_against_its_schema_again(
    queues: Queues, capsys: pytest.CaptureFixture[str]
) -> None:
    """Q-06"""
    queues.kill('{"eventType": "ASSIGNMENT_CREATED"}', name=queues.names[LLM_ANALYSIS])

    assert dlq("list", "--queue", LLM_ANALYSIS.name) == 0

    assert "schema: missing: courseId" in capsys.readouterr().out


def test_a_message_that_nothing_is_wrong_with_is_said_to_have_outlasted_its_consumer(
    queues: Queues, capsys: pytest.CaptureFixture[str]
) -> None:
    queues.kill(json.dumps({**json.loads(BODY), "courseId": 3}))

    assert dlq("list", "--queue", TASK_CREATION.name) == 0

    assert "the consumer ended or ran out of time" in capsys.readouterr().out


def test_a_list_says_nothing_that_a_body_says_and_no_control_characters(
    queues: Queues, capsys: pytest.CaptureFixture[str]
) -> None:
    """S-07"""
    queues.kill(BODY, "sub-of-a-student is no JSON", json.dumps({"eventType": "\x1b[2Jgone"}))

    assert dlq("list") == 0

    printed = capsys.readouterr().out
    assert "sub-of-a-student" not in printed
    assert "\x1b" not in printed


def test_a_list_hides_no_message_and_uses_none_up(queues: Queues) -> None:
    """Q-06"""
    ids = queues.kill(*[BODY] * 25)
    for _ in range(5):
        assert dlq("list") == 0

    assert {message["MessageId"] for message in queues.dead()} == set(ids)


def test_show_prints_the_whole_message_and_every_reason(
    queues: Queues, failures_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    message_id, _ = queues.kill(BODY, "{}")
    record(failures_url, message_id, "first", "second", "third")

    assert dlq("show", message_id, database_urls=(failures_url,)) == 0

    told, body = capsys.readouterr().out.split("\n\n", 1)
    assert body == f"{BODY}\n"
    assert [failed["reason"] for failed in json.loads(told)["failures"]] == [
        "first",
        "second",
        "third",
    ]


def test_without_its_database_a_list_goes_on_without_reasons(
    queues: Queues, capsys: pytest.CaptureFixture[str]
) -> None:
    queues.kill(BODY)

    assert dlq("list", "--database-url", "mysql://nobody:secret@127.0.0.1:1/course_db") == 0

    output = capsys.readouterr()
    assert "schema: missing: courseId" in output.out
    assert output.err == "warning: course_db has no reasons to read: DatabaseUnavailable\n"


def test_chosen_messages_go_back_counted_and_with_their_attributes(queues: Queues) -> None:
    """Q-06"""
    first, second, third = queues.kill(BODY, "{}", "[]")

    assert dlq("replay", first, third) == 0

    replayed = queues.waiting()
    assert {message["Body"] for message in replayed} == {BODY, "[]"}
    assert {replay_count(message) for message in replayed} == {"1"}
    assert {
        message["MessageAttributes"]["correlationId"]["StringValue"] for message in replayed
    } == {"request-0001"}
    assert [message["MessageId"] for message in queues.dead()] == [second]


def test_everything_goes_back_however_large(queues: Queues) -> None:
    bodies = [json.dumps({"number": n, "text": "x" * 200_000}) for n in range(12)]
    queues.kill(*bodies)

    assert dlq("replay", "--all") == 0

    assert {message["Body"] for message in queues.waiting()} == set(bodies)
    assert queues.dead() == []


@pytest.mark.parametrize("command", ["replay", "purge"])
def test_a_dry_run_changes_nothing(
    queues: Queues, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (message_id,) = queues.kill(BODY)

    assert dlq(command, "--all", "--dry-run") == 0

    assert "1 would be" in capsys.readouterr().out
    assert queues.waiting() == []
    assert [message["MessageId"] for message in queues.dead()] == [message_id]


def test_a_message_that_goes_round_is_refused_unless_forced(
    queues: Queues, capsys: pytest.CaptureFixture[str]
) -> None:
    """Q-06"""
    (tired,) = queues.kill(BODY, replays=3)
    queues.kill("{}", replays=2)

    assert dlq("replay", "--all") == 1
    assert [replay_count(message) for message in queues.waiting()] == ["3"]
    assert capsys.readouterr().err.startswith("error: 1 messages were replayed 3 times or more")

    assert dlq("replay", tired, "--force") == 0
    assert [replay_count(message) for message in queues.waiting()] == ["4"]


def test_what_comes_back_while_a_replay_runs_is_not_replayed_by_it_again(queues: Queues) -> None:
    queues.kill(BODY)

    async def replay_and_fail_again(sqs: Any) -> Any:
        async with DeadLetterQueue(sqs, TASK_CREATION, queues.name) as walk:
            assert await walk.replay(await walk.next_batch()) == {}
            url = await queue_url(sqs, queues.name)
            for _ in range(4):
                await sqs.receive_message(QueueUrl=url, VisibilityTimeout=0)
            return await walk.next_batch()

    assert queues.do(replay_and_fail_again) == []
    assert len(queues.dead()) == 1


async def test_a_walk_that_outlasts_the_visibility_timeout_sees_each_message_once_and_ends() -> (
    None
):
    """Visibility 3 ms: what the walk holds comes round again and again."""
    sqs = HostileSQS(seed=3, copies=1, second=0.0001)
    await create_queues(sqs, {})
    await Publisher(sqs).send(TASK_CREATION.dead_letter_name, [BODY.encode()] * 12)
    seen: list[str] = []

    async with (
        asyncio.timeout(10),
        DeadLetterQueue(sqs, TASK_CREATION, TASK_CREATION.name) as walk,
    ):
        while letters := await walk.next_batch():
            seen += [letter.message_id for letter in letters]
            await asyncio.sleep(0.01)

    assert len(seen) == len(set(seen))
    assert len(seen) >= 10


def test_what_the_source_queue_refuses_stays_a_dead_letter(queues: Queues) -> None:
    queues.kill(BODY, "{}")

    class Refusing:
        def __init__(self, sqs: Any) -> None:
            self._sqs = sqs

        def __getattr__(self, name: str) -> Any:
            return getattr(self._sqs, name)

        async def send_message_batch(self, *, QueueUrl: str, Entries: Any) -> Any:
            good = [entry for entry in Entries if entry["MessageBody"] != "{}"]
            answer = await self._sqs.send_message_batch(QueueUrl=QueueUrl, Entries=good)
            refused = [{"Id": e["Id"], "Code": "InternalError"} for e in Entries if e not in good]
            return {**answer, "Failed": refused}

    async def replay(sqs: Any) -> dict[str, str]:
        async with DeadLetterQueue(Refusing(sqs), TASK_CREATION, queues.name) as walk:
            return await walk.replay(await walk.next_batch())

    assert list(queues.do(replay).values()) == ["not sent: InternalError"]
    assert [message["Body"] for message in queues.waiting()] == [BODY]
    assert [message["Body"] for message in queues.dead()] == ["{}"]


@pytest.mark.parametrize("cut_off_at", ["send_message_batch", "delete_message_batch"])
def test_a_replay_that_is_cut_off_at_either_call_still_has_the_dead_letter(
    queues: Queues, cut_off_at: str
) -> None:
    """Q-06: sent first, deleted afterwards."""
    (message_id,) = queues.kill(BODY)

    class CutOff:
        def __init__(self, sqs: Any) -> None:
            self._sqs = sqs

        def __getattr__(self, name: str) -> Any:
            if name == cut_off_at:
                raise ConnectionResetError(name)
            return getattr(self._sqs, name)

    async def replay(sqs: Any) -> None:
        async with DeadLetterQueue(CutOff(sqs), TASK_CREATION, queues.name) as walk:
            await walk.replay(await walk.next_batch())

    with pytest.raises(ConnectionResetError):
        queues.do(replay)

    assert [message["MessageId"] for message in queues.dead()] == [message_id]
    sent = [] if cut_off_at == "send_message_batch" else [BODY]
    assert [message["Body"] for message in queues.waiting()] == sent


def test_purging_removes_what_was_named_and_nothing_else(queues: Queues) -> None:
    first, second = queues.kill(BODY, "{}")

    assert dlq("purge", first) == 0

    assert [message["MessageId"] for message in queues.dead()] == [second]


def test_purging_everything_wants_to_be_told_twice(
    queues: Queues, capsys: pytest.CaptureFixture[str]
) -> None:
    queues.kill(BODY)

    assert dlq("purge", "--all") == 2
    assert capsys.readouterr().err.startswith("error: purge --all removes every message")
    assert dlq("purge", "--all", "--yes") == 0

    assert queues.dead() == []


@pytest.mark.parametrize("command", ["replay", "purge"])
def test_neither_ids_nor_all_is_a_misuse(
    command: str, queues: Queues, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dlq(command) == 2
    assert "needs either message ids (see `list`) or --all" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["show", "replay", "purge"])
def test_an_id_that_no_queue_has_fails_with_an_error_line(
    command: str, queues: Queues, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dlq(command, "no-such-message") == 1
    last_line = capsys.readouterr().err.splitlines()[-1]
    assert last_line.startswith("error: no dead-letter queue shows no-such-message")


def test_queues_out_of_reach_end_the_command_with_an_error_line(
    queues: Queues, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")

    assert dlq("list") == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith("error: the queues cannot be used")
