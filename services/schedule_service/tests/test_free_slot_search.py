"""Free time between busy intervals, without a database: held to a model that looks at every minute."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.schedule_service.free_slots.slots import Search, Slot, day_of_week, find_slots
from shared.web.time_zone import on_wire, to_utc

UTC = ZoneInfo("UTC")
SEOUL = ZoneInfo("Asia/Seoul")
NEW_YORK = ZoneInfo("America/New_York")
DAY = date(2026, 3, 4)
MINUTE = timedelta(minutes=1)


def at(text: str) -> datetime:
    """`4 10:30` is half past ten on the fourth of March."""
    day, _, clock = text.partition(" ")
    return datetime.combine(date(2026, 3, int(day)), time.fromisoformat(clock))


def search(*, days=1, minimum=1, hours=None, weekdays=(), first=DAY, zone=UTC) -> Search:
    working = None if hours is None else tuple(time.fromisoformat(clock) for clock in hours)
    last = first + timedelta(days=days - 1)
    return Search(first, last, minimum, working, frozenset(weekdays), zone)


def found(busy, **wanted) -> list[tuple[str, str, int]]:
    intervals = [(at(start), at(end)) for start, end in busy]
    return [
        (f"{slot.start:%-d %H:%M:%S}", f"{slot.end:%-d %H:%M:%S}", slot.minutes)
        for slot in find_slots(intervals, search(**wanted))
    ]


def test_the_example_of_the_contract():
    """rest.md E44"""
    busy = [("4 10:00", "4 11:30"), ("4 15:00", "4 16:00")]
    assert found(busy, minimum=90, hours=("09:00", "19:00")) == [
        ("4 11:30:00", "4 15:00:00", 210),
        ("4 16:00:00", "4 19:00:00", 180),
    ]


@pytest.mark.parametrize(
    ("busy", "slots"),
    [
        ([], [("4 00:00:00", "4 23:59:59", 1439)]),
        # Touching and overlapping ones are one.
        (
            [("4 10:00", "4 12:00"), ("4 12:00", "4 13:00"), ("4 11:00", "4 12:30")],
            [("4 00:00:00", "4 10:00:00", 600), ("4 13:00:00", "4 23:59:59", 659)],
        ),
        # A point splits, unless it is inside or on the edge of something.
        (
            [("4 12:00", "4 12:00"), ("4 06:00", "4 07:00"), ("4 06:30", "4 06:30")],
            [
                ("4 00:00:00", "4 06:00:00", 360),
                ("4 07:00:00", "4 12:00:00", 300),
                ("4 12:00:00", "4 23:59:59", 719),
            ],
        ),
        ([("3 00:00", "5 00:00")], []),
        ([("3 22:00", "4 08:00"), ("4 22:00", "5 08:00")], [("4 08:00:00", "4 22:00:00", 840)]),
        ([("2 00:00", "3 00:00"), ("5 00:00", "6 00:00")], [("4 00:00:00", "4 23:59:59", 1439)]),
        # What other programs may have written backwards takes no time.
        ([("4 12:00", "4 11:00")], [("4 00:00:00", "4 12:00:00", 720), ("4 12:00:00", "4 23:59:59", 719)]),
    ],
)  # fmt: skip
def test_what_nobody_covers_is_free(busy, slots):
    assert found(busy) == slots


def test_a_gap_of_exactly_the_minimum_counts_and_a_second_less_does_not():
    assert found([("4 01:00", "5 00:00")], minimum=60) == [("4 00:00:00", "4 01:00:00", 60)]
    assert found([("4 00:59:59", "5 00:00")], minimum=60) == []
    assert found([], minimum=1440) == []
    assert found([], minimum=2**62) == []


def test_without_hours_and_days_a_slot_may_span_days():
    assert found([("5 10:00", "5 11:00")], days=3) == [
        ("4 00:00:00", "5 10:00:00", 2040),
        ("5 11:00:00", "6 23:59:59", 2219),
    ]


def test_with_working_hours_each_day_of_a_long_gap_has_its_slot():
    """R-24"""
    assert found([("5 10:00", "5 11:00")], days=3, hours=("09:00", "12:00")) == [
        ("4 09:00:00", "4 12:00:00", 180),
        ("5 09:00:00", "5 10:00:00", 60),
        ("5 11:00:00", "5 12:00:00", 60),
        ("6 09:00:00", "6 12:00:00", 180),
    ]


def test_with_days_a_long_gap_is_cut_at_midnight():
    """R-24"""
    # The fourth of March 2026 is a Wednesday.
    assert found([("6 12:00", "6 12:00")], days=5, weekdays={3, 5, 7}) == [
        ("4 00:00:00", "5 00:00:00", 1440),
        ("6 00:00:00", "6 12:00:00", 720),
        ("6 12:00:00", "7 00:00:00", 720),
        ("8 00:00:00", "8 23:59:59", 1439),
    ]


def test_a_piece_that_is_too_short_after_the_cut_is_no_slot():
    assert found([("4 00:00", "4 11:00")], minimum=90, hours=("09:00", "12:00")) == []
    assert found([("4 00:00", "4 23:00")], days=2, minimum=90, weekdays={3}) == []


def test_working_hours_that_end_before_they_begin_leave_nothing():
    assert found([], days=3, hours=("19:00", "09:00")) == []
    assert found([], days=3, hours=("09:00", "09:00")) == []


def test_a_period_that_ends_before_it_begins_has_no_slots():
    assert found([], days=0) == []


def test_fractions_of_seconds_never_overlap_what_is_busy():
    busy = [(at("4 10:00:00.5"), at("4 11:00:00.5"))]
    assert find_slots(busy, search()) == [
        Slot(at("4 00:00"), at("4 10:00:00")),
        Slot(at("4 11:00:01"), at("4 23:59:59")),
    ]


@pytest.mark.parametrize(
    ("day", "minutes"), [(date(2026, 3, 8), 1379), (date(2026, 11, 1), 1499), (DAY, 1439)]
)
def test_a_slot_lasts_as_long_as_its_day_really_does(day, minutes):
    [slot] = find_slots([], search(first=day, zone=NEW_YORK))
    assert on_wire(slot.start, NEW_YORK) == datetime.combine(day, time.min)
    assert on_wire(slot.end, NEW_YORK) == datetime.combine(day, time(23, 59, 59))
    assert slot.minutes == minutes


def test_days_and_hours_are_those_of_the_zone():
    # 23:00 UTC on the third is eight in the morning of the fourth in Seoul.
    [slot] = find_slots([], search(hours=("08:00", "10:00"), weekdays={3}, zone=SEOUL))
    assert (slot.start, slot.end) == (at("3 23:00"), at("4 01:00"))
    assert day_of_week(slot, SEOUL) == "WEDNESDAY"


def test_the_ends_of_the_calendar_are_days_too():
    last = search(first=date.max, weekdays={date.max.isoweekday()})
    assert [slot.minutes for slot in find_slots([], last)] == [1439]
    assert [slot.minutes for slot in find_slots([], search(first=date.min))] == [1439]


def slots_by_the_minute(busy, wanted: Search) -> list[Slot]:
    """Look at every minute: is somebody busy, is it wanted, does something divide it from the one before?"""
    begin, end = wanted.period
    points = {start for start, until in busy if start == until}
    runs: list[list[datetime]] = []
    previous = None
    moment = begin
    while moment < end:
        local = on_wire(moment, wanted.zone)
        is_wanted = not wanted.days or local.isoweekday() in wanted.days
        if wanted.working_hours is not None:
            is_wanted &= wanted.working_hours[0] <= local.time() < wanted.working_hours[1]
        is_busy = any(start <= moment < until for start, until in busy)
        if is_wanted and not is_busy:
            is_new_day = wanted.is_by_day and local.time() == time.min
            if previous is None or moment in points or is_new_day:
                runs.append([])
            runs[-1].append(moment)
            previous = moment
        else:
            previous = None
        moment += MINUTE
    slots = [Slot(run[0], min(run[-1] + MINUTE, end)) for run in runs]
    return [slot for slot in slots if slot.minutes >= wanted.minimum_minutes]


@st.composite
def searches(draw):
    zone = draw(st.sampled_from([UTC, SEOUL, NEW_YORK, ZoneInfo("Asia/Kathmandu")]))
    # Around both changes of the clocks in New York.
    first = draw(st.sampled_from([date(2026, 3, 6), date(2026, 3, 8), date(2026, 10, 31)]))
    hours = draw(st.none() | st.tuples(st.integers(4, 23), st.integers(4, 23)))
    return Search(
        first_day=first,
        last_day=first + timedelta(days=draw(st.integers(0, 2))),
        minimum_minutes=draw(st.sampled_from([1, 30, 60, 600])),
        working_hours=None if hours is None else (time(hours[0]), time(hours[1], 30)),
        days=draw(st.frozensets(st.integers(1, 7), max_size=3)),
        zone=zone,
    )


@settings(deadline=None, max_examples=60)
@given(
    wanted=searches(),
    offsets=st.lists(
        st.tuples(st.integers(-1500, 4500), st.sampled_from([0, 0, 15, 60, 600, 2000])), max_size=8
    ),
)
@example(search(first=date(2026, 3, 8), weekdays={7}, zone=NEW_YORK), [(0, 0), (120, 0)])
def test_slots_are_what_a_look_at_every_minute_finds(wanted, offsets):
    begin = to_utc(datetime.combine(wanted.first_day, time.min), wanted.zone)
    busy = [(begin + MINUTE * start, begin + MINUTE * (start + lasts)) for start, lasts in offsets]
    assert find_slots(busy, wanted) == slots_by_the_minute(busy, wanted)
