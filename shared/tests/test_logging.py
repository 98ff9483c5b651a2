"""What a log line holds and what it never holds (S-07)."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from shared.logging import JSONFormatter, correlation_id, current_user, get_logger, pseudonym

FIELDS = {"timestamp", "level", "service", "function", "requestId", "userId", "message", "metadata"}


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    output = io.StringIO()
    handler = logging.StreamHandler(output)
    handler.setFormatter(JSONFormatter("test_service"))
    logger = logging.getLogger("logged")
    logger.addHandler(handler)
    logger.setLevel("INFO")
    logger.propagate = False
    yield output
    logger.removeHandler(handler)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_one_json_object_with_the_documented_fields(stream: io.StringIO) -> None:
    get_logger("logged").info("course_synced", courses=3)

    (line,) = lines(stream)
    assert line.keys() == FIELDS
    assert (line["message"], line["metadata"]) == ("course_synced", {"courses": 3})


def test_a_line_break_in_a_value_forges_no_line(stream: io.StringIO) -> None:
    get_logger("logged").info("seen", value='x"}\n{"level":"ERROR"}')

    assert len(lines(stream)) == 1


def test_a_line_carries_the_correlation_id_and_a_pseudonym(stream: io.StringIO) -> None:
    sub = "7b0e0f6a-1111-4222-8333-944455556666"
    tokens = correlation_id.set("request-0001"), current_user.set(pseudonym(sub))
    get_logger("logged").info("seen")
    correlation_id.reset(tokens[0])
    current_user.reset(tokens[1])

    (line,) = lines(stream)
    assert line["requestId"] == "request-0001"
    assert line["userId"] == pseudonym(sub)
    assert sub not in stream.getvalue()


def test_an_exception_is_logged_with_name_message_and_stack(stream: io.StringIO) -> None:
    try:
        raise LookupError("nothing there")
    except LookupError:
        get_logger("logged").exception("failed")

    error = lines(stream)[0]["error"]
    assert (error["name"], error["message"]) == ("LookupError", "nothing there")
    assert "test_logging" in error["stack"]


def test_a_database_error_does_not_repeat_its_parameters(stream: io.StringIO) -> None:
    try:
        raise OperationalError("INSERT ...", {"email": "ann@example.com"}, Exception(1205, "lock"))
    except OperationalError:
        get_logger("logged").exception("failed")

    assert "ann@example.com" not in stream.getvalue()
    assert "1205" in lines(stream)[0]["error"]["message"]
