"""One JSON object a line on standard output: fixed event names, fields beside them, nobody's secrets."""

import hashlib
import json
import logging
import random
import re
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from traceback import format_exception, format_tb
from typing import Any

import orjson
from pydantic_core import ValidationError

correlation_id: ContextVar[str | None] = ContextVar("correlation_id", default=None)
"""Runs from the gateway through the function and the queues to the last consumer."""

current_user: ContextVar[str | None] = ContextVar("current_user", default=None)
"""Pseudonym of whom the current work is for."""


@lru_cache(maxsize=10_000)
def pseudonym(cognito_sub: str) -> str:
    """Return a stable stand-in for a user's id, so that logs can be joined without naming anyone."""
    return hashlib.sha256(cognito_sub.encode("utf-8", "surrogatepass")).hexdigest()[:16]


_WELL_FORMED = re.compile(rb"[A-Za-z0-9._-]{8,64}")


def new_correlation_id() -> str:
    """Return a fresh correlation id; it need not be hard to guess."""
    return f"{random.getrandbits(128):032x}"


def accepted_correlation_id(presented: bytes | None) -> str:
    """Return the presented id when it is well-formed, a new one otherwise."""
    if presented is not None and _WELL_FORMED.fullmatch(presented):
        return presented.decode("ascii")
    return new_correlation_id()


class EventLogger:
    """Logs a fixed event name with fields; the name is for searching, the fields for reading."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def debug(self, event: str, **fields: Any) -> None:
        """Log what only a developer wants to see."""
        self._log(logging.DEBUG, event, fields)

    def info(self, event: str, **fields: Any) -> None:
        """Log a fact of normal operation."""
        self._log(logging.INFO, event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        """Log what went wrong without harm so far."""
        self._log(logging.WARNING, event, fields)

    def error(self, event: str, **fields: Any) -> None:
        """Log what an operator must see."""
        self._log(logging.ERROR, event, fields)

    def exception(self, event: str, **fields: Any) -> None:
        """Log the exception being handled, with its traceback."""
        self._log(logging.ERROR, event, fields, exc_info=True)

    def _log(
        self, level: int, event: str, fields: dict[str, Any], *, exc_info: bool = False
    ) -> None:
        self._logger.log(level, event, extra={"metadata": fields}, exc_info=exc_info, stacklevel=3)


def get_logger(name: str) -> EventLogger:
    """Return the logger of a module."""
    return EventLogger(name)


class JSONFormatter(logging.Formatter):
    """Renders a record in the documented shape; also those of libraries."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """Render one record as one line of JSON."""
        line: dict[str, Any] = {
            "timestamp": datetime.fromtimestamp(record.created, UTC)
            .isoformat(timespec="milliseconds")
            .replace("+00:00", "Z"),
            "level": record.levelname,
            "service": self._service,
            "function": f"{record.module}.{record.funcName}",
            "requestId": correlation_id.get(),
            "userId": current_user.get(),
            "message": record.getMessage(),
            "metadata": getattr(record, "metadata", {}),
        }
        if record.exc_info and record.exc_info[1] is not None:
            problem = record.exc_info[1]
            line["error"] = {
                "name": type(problem).__name__,
                "message": _first_line(problem),
                "stack": _stack(problem),
            }
        try:
            return orjson.dumps(line, default=str).decode("utf-8")
        except orjson.JSONEncodeError:
            # Half a surrogate pair, a number of more than 64 bits: what users can put into a field loses no line.
            return json.dumps(_with_text_keys(line), default=str)


def _with_text_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _with_text_keys(held) for key, held in value.items()}
    return [_with_text_keys(held) for held in value] if isinstance(value, list) else value


def _repeats_users_words(problem: BaseException) -> bool:
    """Tell whether an error's text holds values: statements with their parameters, refused inputs."""
    return type(problem).__module__.startswith(("sqlalchemy", "pydantic"))


def _stack(problem: BaseException) -> str:
    if _repeats_users_words(problem):
        return "".join(format_tb(problem.__traceback__))
    return "".join(format_exception(problem, chain=False))


def _first_line(problem: BaseException) -> str:
    if isinstance(problem, ValidationError):
        findings = problem.errors(include_url=False, include_input=False, include_context=False)
        places = (f"{each['type']} at {'.'.join(map(str, each['loc']))}" for each in findings)
        return "; ".join(places)[:500]
    if _repeats_users_words(problem):
        problem = getattr(problem, "orig", None) or problem
        return f"{type(problem).__name__} {problem.args[:1]}"
    return str(problem)[:500]


def configure_logging(service: str, level: str) -> None:
    """Send everything logged in this process to standard output as JSON.

    Args:
        service: The process's name in the `service` field.
        level: Least severe level that is written.
    """
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JSONFormatter(service))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("httpx", "httpcore", "aiobotocore", "botocore", "uvicorn.access", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # The driver logs what the server warns of, which repeats values: of INSERT IGNORE, the key that there was.
    logging.getLogger("asyncmy").setLevel(logging.ERROR)
