"""How dead letters are written down for operators: lines, JSON, and the reason of each."""

import os
from datetime import datetime, timedelta
from typing import Any

import orjson

from shared.database import utc_now
from shared.events.routes import QUEUES
from shared.events.validation import problem_of
from shared.messaging.dead_letters import DeadLetter
from shared.messaging.failures import FailedMessage


def described(letter: DeadLetter, failures: list[FailedMessage]) -> dict[str, Any]:
    """Return what is told of a message: everything but its body."""
    last = failures[-1] if failures else None
    return {
        "queue": letter.queue_name,
        "messageId": letter.message_id,
        "eventType": letter.event_type,
        "sentAt": letter.sent_at,
        "failedAt": last.failed_at if last else None,
        "receives": last.receive_count if last else None,
        "reason": _reason(letter, last),
        "correlationId": letter.correlation_id,
        "replayCount": letter.replay_count,
    }


def _reason(letter: DeadLetter, last: FailedMessage | None) -> str:
    if last is not None:
        return last.reason
    problem = schema_problem(letter)
    if problem is not None:
        return f"schema: {problem}"
    return "none recorded, and the body meets its schema: the consumer ended or ran out of time"


def schema_problem(letter: DeadLetter) -> str | None:
    """Return why the body does not meet the schema of its queue, without a value of it."""
    queue = next(
        queue
        for queue in QUEUES
        if letter.queue_name == (os.environ.get(queue.name_setting) or queue.name)
    )
    return problem_of(queue, letter.body)


def headline(name: str, letters: list[DeadLetter], held_elsewhere: int) -> str:
    """Return a queue's own line; `letters` are sorted by age."""
    parts = [f"{len(letters)} message{'s' if len(letters) != 1 else ''}"]
    if letters:
        parts.append(f"the oldest sent {_age(utc_now() - letters[0].sent_at)} ago")
    if held_elsewhere:
        parts.append(f"about {held_elsewhere} held by somebody else")
    return f"{name}: {', '.join(parts)}"


def line(letter: DeadLetter, failures: list[FailedMessage]) -> str:
    """Return a message's lines in a list."""
    told = described(letter, failures)
    return (
        f"  {letter.message_id}  {_plain(told['eventType'])}"
        f"  failed {_stamp(told['failedAt'])}  receives {told['receives'] or '-'}"
        f"  replays {letter.replay_count}  request {_plain(letter.correlation_id)}\n"
        f"    {_plain(told['reason'], 255)}"
    )


def _plain(text: str | None, length: int = 64) -> str:
    """Return what a terminal may be given: nobody vouches for what a poisoned body says."""
    return "".join(c if c.isprintable() else "?" for c in (text or "-")[:length])


def _age(age: timedelta) -> str:
    minutes = int(age.total_seconds()) // 60
    days, hours = minutes // 1440, minutes // 60 % 24
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"


def _stamp(at: datetime | None) -> str:
    return f"{at.isoformat(timespec='seconds')}Z" if at else "-"


def as_json(value: Any, *, indented: bool = False) -> str:
    """Return JSON with times in UTC."""
    options = orjson.OPT_UTC_Z | (orjson.OPT_INDENT_2 if indented else 0)
    return orjson.dumps(value, option=options | orjson.OPT_NAIVE_UTC).decode()
