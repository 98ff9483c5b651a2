"""What a log line holds and what it never holds (S-07)."""

import io
import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError
from sqlalchemy.exc import OperationalError

from shared.logging import JSONFormatter, correlation_id, current_user, get_logger, pseudonym

EMAIL = "ann@example.com"
"""Beside the code that fails, which the stack quotes."""

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
        raise OperationalError("INSERT ...", {"email": EMAIL}, Exception(1205, "lock"))
    except OperationalError:
        get_logger("logged").exception("failed")

    assert EMAIL not in stream.getvalue()
    assert "1205" in lines(stream)[0]["error"]["message"]


def test_a_line_names_the_function_that_logged_it_and_when(stream: io.StringIO) -> None:
    get_logger("logged").info("seen")

    (line,) = lines(stream)
    assert line["function"] == (
        "test_logging.test_a_line_names_the_function_that_logged_it_and_when"
    )
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["timestamp"])
    assert (line["level"], line["service"]) == ("INFO", "test_service")


def test_a_refused_value_is_not_repeated_by_the_error_about_it(stream: io.StringIO) -> None:
    """S-07"""
    try:
        TypeAdapter(list[int]).validate_python([EMAIL])
    except ValidationError:
        get_logger("logged").exception("failed")

    error = lines(stream)[0]["error"]
    assert EMAIL not in stream.getvalue()
    assert error["name"] == "ValidationError"
    assert "int_parsing at 0" in error["message"]
    assert "test_logging" in error["stack"]


@pytest.mark.parametrize("value", ["\ud800", 2**70, {1: "a number as key"}, {"a", "set"}])
def test_whatever_a_field_holds_the_line_is_written(stream: io.StringIO, value: Any) -> None:
    get_logger("logged").error("seen", value=value)

    (line,) = lines(stream)
    assert line["message"] == "seen"
    assert line["metadata"]
