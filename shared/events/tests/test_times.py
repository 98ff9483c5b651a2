"""How times in events are read and written (events.md 3.4)."""

from datetime import datetime

import pytest

from shared.events.times import (
    read_event_time,
    read_order_mark,
    write_event_time,
    write_order_mark,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, None),
        ("", None),
        ("2025-11-28T14:59:00", datetime(2025, 11, 28, 14, 59)),
        ("2025-11-28T14:59:00Z", datetime(2025, 11, 28, 14, 59)),
        ("2025-11-28T14:59:00.123456", datetime(2025, 11, 28, 14, 59)),
        ("2025-11-28T23:59:00+09:00", datetime(2025, 11, 28, 14, 59)),
    ],
)
def test_digits_are_kept_and_only_an_offset_is_converted(
    text: str | None, expected: datetime | None
) -> None:
    assert read_event_time(text) == expected


@pytest.mark.parametrize("text", ["tomorrow", "2025-13-01T00:00:00", "2025-11-28", "14:59"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_event_time(text)


def test_times_are_written_without_fraction_and_zone() -> None:
    assert write_event_time(datetime(2025, 11, 28, 14, 59, 0, 5)) == "2025-11-28T14:59:00"


def test_order_marks_survive_the_round_trip_to_the_microsecond() -> None:
    moment = datetime(2025, 11, 28, 14, 59, 0, 1)

    assert write_order_mark(moment) == "2025-11-28T14:59:00.000001Z"
    assert read_order_mark(write_order_mark(moment)) == moment


@pytest.mark.parametrize("mark", ["2025-11-28T14:59:00", 5, "later"])
def test_an_order_mark_without_a_zone_is_refused(mark: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_order_mark(mark)
