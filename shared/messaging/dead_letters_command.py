"""The operators' command for dead-letter queues: `python -m shared.messaging dlq list|show|replay|purge`.

Bodies hold what students and teachers wrote: only `show` prints one, which is what it is for. Everything
else prints ids, types, counts, times and reasons.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from shared.aws import aws_client
from shared.database import Database, DatabaseUnavailable
from shared.events.routes import QUEUES
from shared.messaging.dead_letters import WAIT_SECONDS, DeadLetter, DeadLetterQueue
from shared.messaging.dead_letters_report import (
    as_json,
    described,
    headline,
    line,
    schema_problem,
)
from shared.messaging.failure_log import read_failures
from shared.messaging.failures import FailedMessage
from shared.messaging.queues import BROKER_ERRORS
from shared.settings import Settings, load_settings

DONE, FAILED, MISUSED, INTERRUPTED = 0, 1, 2, 130

Visit = Callable[[DeadLetterQueue, list[DeadLetter]], Awaitable[None]]


class CommandError(Exception):
    """The command did not do everything it was asked for; the text is its `error:` line."""


@dataclass
class _Selection:
    """Which messages a command is about; `missing` are ids that no queue has shown yet."""

    queue_name: str | None = None
    message_ids: frozenset[str] = frozenset()
    missing: set[str] = field(default_factory=set)

    def is_found(self) -> bool:
        return bool(self.message_ids) and not self.missing

    def of(self, letters: list[DeadLetter]) -> list[DeadLetter]:
        chosen = [
            letter
            for letter in letters
            if not self.message_ids or letter.message_id in self.message_ids
        ]
        self.missing -= {letter.message_id for letter in chosen}
        return chosen


def run(arguments: argparse.Namespace, database_urls: Sequence[str] = ()) -> int:
    """Do what was asked for; returns the exit code and ends a failure with one `error:` line.

    Region, endpoint, credentials and names of the queues come from the environment, as for every process.

    Args:
        arguments: Parsed with `dead_letters_arguments.add_commands`.
        database_urls: Where consumers keep their reasons, `mysql://user:password@host:port/database`.

    Returns:
        0 done; 1 not everything was done; 2 used wrongly; 78 settings missing; 130 interrupted.
    """
    misuse = _misuse(arguments)
    if misuse:
        sys.stderr.write(f"error: {misuse}\n")
        return MISUSED
    try:
        asyncio.run(_run(arguments, database_urls))
    except CommandError as problem:
        sys.stdout.flush()
        sys.stderr.write(f"error: {problem}\n")
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    return DONE


def _misuse(arguments: argparse.Namespace) -> str | None:
    if arguments.dlq_command not in {"replay", "purge"}:
        return None
    if bool(arguments.message_ids) == arguments.all:
        return f"{arguments.dlq_command} needs either message ids (see `list`) or --all"
    if (
        arguments.dlq_command == "purge"
        and arguments.all
        and not (arguments.yes or arguments.dry_run)
    ):
        return "purge --all removes every message for good: add --yes, or look with --dry-run"
    return None


async def _run(arguments: argparse.Namespace, database_urls: Sequence[str]) -> None:
    ids = frozenset(getattr(arguments, "message_ids", ()))
    selection = _Selection(arguments.queue, ids, set(ids))
    command = _Command(arguments, selection, database_urls)
    do = {
        "list": command.list_all,
        "show": command.show,
        "replay": command.replay,
        "purge": command.purge,
    }[arguments.dlq_command]
    async with aws_client(
        "sqs", load_settings(Settings), read_timeout_seconds=WAIT_SECONDS + 10
    ) as sqs:
        await do(sqs)


class _Command:
    """One call of the command, with what it counts on the way."""

    def __init__(
        self,
        arguments: argparse.Namespace,
        selection: _Selection,
        database_urls: Sequence[str],
    ) -> None:
        self._arguments = arguments
        self._selection = selection
        given = getattr(arguments, "database_url", [])
        environment = [os.environ["DATABASE_URL"]] if os.environ.get("DATABASE_URL") else []
        self._database_urls = list(dict.fromkeys([*given, *database_urls, *environment]))
        self._done = 0
        self._refused: list[str] = []
        self._problems: dict[str, str] = {}

    async def list_all(self, sqs: Any) -> None:
        """Print each queue's messages; everything is visible again afterwards."""
        held_elsewhere: dict[str, int] = {}
        found: dict[str, list[DeadLetter]] = {}

        async def visit(queue: DeadLetterQueue, letters: list[DeadLetter]) -> None:
            found[queue.dead_letter_name] += letters

        async def begin(queue: DeadLetterQueue) -> None:
            found[queue.dead_letter_name] = []
            held_elsewhere[queue.dead_letter_name] = (await queue.depth()).in_flight

        await self._walk(sqs, visit, begin)
        failures = await self._failures([letter for all_ in found.values() for letter in all_])
        for name, letters in found.items():
            letters.sort(key=lambda letter: letter.sent_at)
            if not self._arguments.json:
                _say(headline(name, letters, held_elsewhere[name]))
            for letter in letters:
                if self._arguments.json:
                    _say(as_json(described(letter, failures.get(letter.message_id, []))))
                else:
                    _say(line(letter, failures.get(letter.message_id, [])))

    async def show(self, sqs: Any) -> None:
        """Print one message, body and all: an operator must see what could not be applied."""
        found: list[DeadLetter] = []

        async def visit(queue: DeadLetterQueue, letters: list[DeadLetter]) -> None:
            found.extend(self._selection.of(letters))

        await self._walk(sqs, visit)
        self._complain_of_missing()
        failures = await self._failures(found)
        for letter in found:
            told = failures.get(letter.message_id, [])
            whole = {
                **described(letter, told),
                "attributes": letter.attributes,
                "failures": [
                    {
                        "receives": failed.receive_count,
                        "failedAt": failed.failed_at,
                        "reason": failed.reason,
                    }
                    for failed in told
                ],
                "schemaProblem": schema_problem(letter),
            }
            _say(as_json(whole, indented=True))
            _say("")
            _say(letter.body)

    async def replay(self, sqs: Any) -> None:
        """Send the chosen messages back, but for those that went round too often."""

        async def visit(queue: DeadLetterQueue, letters: list[DeadLetter]) -> None:
            chosen = self._selection.of(letters)
            tired = [
                letter
                for letter in chosen
                if letter.replay_count >= self._arguments.max_replays and not self._arguments.force
            ]
            fresh = [letter for letter in chosen if letter not in tired]
            for letter in tired:
                self._refused.append(letter.message_id)
                _say(f"refused  {letter.message_id}  {queue.name}  replays {letter.replay_count}")
            problems = {} if self._arguments.dry_run else await queue.replay(fresh)
            self._report("replayed", queue, fresh, problems)

        await self._walk(sqs, visit)
        self._conclude("replayed")

    async def purge(self, sqs: Any) -> None:
        """Remove the chosen messages."""

        async def visit(queue: DeadLetterQueue, letters: list[DeadLetter]) -> None:
            chosen = self._selection.of(letters)
            problems = {} if self._arguments.dry_run else await queue.delete(chosen)
            self._report("purged", queue, chosen, problems)

        await self._walk(sqs, visit)
        self._conclude("purged")

    async def _walk(
        self,
        sqs: Any,
        visit: Visit,
        begin: Callable[[DeadLetterQueue], Awaitable[None]] | None = None,
    ) -> None:
        async def walk(queue: DeadLetterQueue) -> None:
            async with queue:
                if begin is not None:
                    await begin(queue)
                while not self._selection.is_found() and (letters := await queue.next_batch()):
                    await visit(queue, letters)

        try:
            async with asyncio.TaskGroup() as group:
                for queue in QUEUES:
                    if self._selection.queue_name in {None, queue.name}:
                        name = os.environ.get(queue.name_setting) or queue.name
                        group.create_task(walk(DeadLetterQueue(sqs, queue, name)))
        except ExceptionGroup as problems:
            outages = problems.subgroup(BROKER_ERRORS)
            if outages is None:
                raise
            raise CommandError(
                f"the queues cannot be used: {outages.exceptions[0]}; repeat the command, nothing is lost"
            ) from problems

    async def _failures(self, letters: list[DeadLetter]) -> dict[str, list[FailedMessage]]:
        """Return what consumers recorded; a database that cannot be asked costs its reasons only."""
        failures: dict[str, list[FailedMessage]] = {}
        ids = [letter.message_id for letter in letters]
        for url in self._database_urls if ids else ():
            try:
                database = Database(url)
                try:
                    failures |= await read_failures(database, ids)
                finally:
                    await database.close()
            except (DatabaseUnavailable, SQLAlchemyError, OSError) as problem:
                name = url.rpartition("/")[2]
                reason = type(problem).__name__
                sys.stderr.write(f"warning: {name} has no reasons to read: {reason}\n")
        return failures

    def _report(
        self,
        participle: str,
        queue: DeadLetterQueue,
        letters: list[DeadLetter],
        problems: dict[str, str],
    ) -> None:
        said = f"would be {participle}" if self._arguments.dry_run else participle
        for letter in letters:
            problem = problems.get(letter.message_id)
            self._done += problem is None
            _say(f"{problem or said}  {letter.message_id}  {queue.name}")
        self._problems |= problems

    def _conclude(self, participle: str) -> None:
        """Print the sums.

        Raises:
            CommandError: Something that was asked for was not done.
        """
        would_be = "would be " if self._arguments.dry_run else ""
        _say(f"{self._done} {would_be}{participle}")
        if self._problems:
            raise CommandError(
                f"{len(self._problems)} messages are still in their dead-letter queue: see the lines above"
            )
        if self._refused:
            raise CommandError(
                f"{len(self._refused)} messages were replayed {self._arguments.max_replays} times or more"
                " and came back: see why with `show`, then add --force"
            )
        self._complain_of_missing()

    def _complain_of_missing(self) -> None:
        if self._selection.missing:
            ids = ", ".join(sorted(self._selection.missing))
            raise CommandError(
                f"no dead-letter queue shows {ids}: replayed, expired, or held by another command"
            )


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
