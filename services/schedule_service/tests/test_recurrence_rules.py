"""Which recurrence rules are accepted, and that expanding one agrees with dateutil and costs little."""

import time
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from services.schedule_service.recurrence.errors import InvalidRecurrence, TooManyOccurrences
from services.schedule_service.recurrence.expansion import starts_between
from services.schedule_service.recurrence.grammar import read_rule
from services.schedule_service.recurrence.occurrences import Timing, Window
from services.schedule_service.recurrence.rules import check_rule

START = datetime(2026, 3, 4, 9, 30)
SEOUL = ZoneInfo("Asia/Seoul")
EVERY_HOUR = "BYHOUR=" + ",".join(map(str, range(24)))


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=DAILY",
        "RRULE:FREQ=DAILY",
        "rrule:freq=weekly;byday=mo,we",
        "FREQ=HOURLY;INTERVAL=2",
        "FREQ=WEEKLY;BYDAY=MO,WE;WKST=SU;INTERVAL=2",
        "FREQ=MONTHLY;BYDAY=-1FR",
        "FREQ=MONTHLY;BYDAY=+1MO,-1MO",
        "FREQ=MONTHLY;BYMONTHDAY=-1,15",
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
        "FREQ=YEARLY;BYDAY=20MO",
        "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO",
        "FREQ=YEARLY;BYYEARDAY=-1,100",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29",
        "FREQ=DAILY;COUNT=1",
        "FREQ=DAILY;COUNT=10000",
        "FREQ=DAILY;UNTIL=20260304",
        "FREQ=DAILY;UNTIL=20260304T093000",
        "FREQ=DAILY;UNTIL=20261231T235959Z",
        f"FREQ=DAILY;{EVERY_HOUR}",
    ],
)
def test_a_rule_of_the_standard_is_accepted(rule):
    check_rule(rule, start=START)


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("", "part"),
        ("every day", "part"),
        ("FREQ=DAILY;", "part"),
        ("FREQ=DAILY;;COUNT=2", "part"),
        ("FREQ=DAILY; COUNT=2", "part"),
        ("RRULE:RRULE:FREQ=DAILY", "part"),
        ("RRULE;X=1:FREQ=DAILY", "part"),
        ("DTSTART:20260101T000000\nRRULE:FREQ=DAILY", "part"),
        ("FREQ=DAILY\nEXDATE:20260305T093000", "part"),
        ("FREQ=DAILY;COUNT=2\nRRULE:FREQ=WEEKLY", "part"),
        ("FREQ=DAILY;COUNT=2\n", "part"),
        ("EXDATE=20260305;FREQ=DAILY", "part"),
        ("FREQ=DAILY;BYEASTER=1", "part"),
        ("FREQ=DAILY;X-NAME=1", "part"),
        ("FREQ=DAıLY", "ASCII"),
        ("FREQ=DAILY;" + "BYMONTH=" + "1," * 130 + "1", "255"),
        ("COUNT=3", "FREQ"),
        ("FREQ=FORTNIGHTLY", "FREQ"),
        ("FREQ=MINUTELY", "FREQ"),
        ("FREQ=SECONDLY;COUNT=5", "FREQ"),
        ("FREQ=DAILY;FREQ=DAILY", "twice"),
        ("FREQ=DAILY;COUNT=2;UNTIL=20270101", "COUNT"),
        ("FREQ=DAILY;COUNT=0", "COUNT"),
        ("FREQ=DAILY;COUNT=-1", "COUNT"),
        ("FREQ=DAILY;COUNT=10001", "COUNT"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL"),
        ("FREQ=DAILY;INTERVAL=1.5", "INTERVAL"),
        ("FREQ=DAILY;INTERVAL=1001", "INTERVAL"),
        ("FREQ=DAILY;INTERVAL=99999999999999999999", "INTERVAL"),
        ("FREQ=DAILY;UNTIL=20260230", "UNTIL"),
        ("FREQ=DAILY;UNTIL=2026-12-31", "UNTIL"),
        ("FREQ=DAILY;UNTIL=20261231T2359", "UNTIL"),
        ("FREQ=DAILY;UNTIL=20261231T235959+0900", "UNTIL"),
        ("FREQ=DAILY;UNTIL=20260303", "before"),
        ("FREQ=DAILY;UNTIL=20260304T092959", "before"),
        ("FREQ=WEEKLY;WKST=XX", "WKST"),
        ("FREQ=WEEKLY;BYDAY=", "part"),
        ("FREQ=WEEKLY;BYDAY=MO,,TU", "BYDAY"),
        ("FREQ=WEEKLY;BYDAY=1MO", "BYDAY"),
        ("FREQ=DAILY;BYDAY=2TU", "BYDAY"),
        ("FREQ=MONTHLY;BYDAY=0MO", "BYDAY"),
        ("FREQ=MONTHLY;BYDAY=6MO", "BYDAY"),
        ("FREQ=YEARLY;BYMONTH=2;BYDAY=-6MO", "BYDAY"),
        ("FREQ=YEARLY;BYDAY=54MO", "BYDAY"),
        ("FREQ=YEARLY;BYWEEKNO=3;BYDAY=1MO", "BYDAY"),
        ("FREQ=YEARLY;BYMONTH=0", "BYMONTH"),
        ("FREQ=YEARLY;BYMONTH=13", "BYMONTH"),
        ("FREQ=YEARLY;BYMONTH=-1", "BYMONTH"),
        ("FREQ=MONTHLY;BYMONTHDAY=32", "BYMONTHDAY"),
        ("FREQ=MONTHLY;BYMONTHDAY=0", "BYMONTHDAY"),
        ("FREQ=WEEKLY;BYMONTHDAY=1", "BYMONTHDAY"),
        ("FREQ=DAILY;BYYEARDAY=1", "BYYEARDAY"),
        ("FREQ=YEARLY;BYYEARDAY=367", "BYYEARDAY"),
        ("FREQ=MONTHLY;BYWEEKNO=1", "BYWEEKNO"),
        ("FREQ=YEARLY;BYWEEKNO=54", "BYWEEKNO"),
        ("FREQ=DAILY;BYHOUR=24", "BYHOUR"),
        ("FREQ=DAILY;BYMINUTE=60", "BYMINUTE"),
        ("FREQ=DAILY;BYSECOND=60", "BYSECOND"),
        ("FREQ=DAILY;BYSETPOS=1", "BYSETPOS"),
        ("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=367", "BYSETPOS"),
        ("FREQ=HOURLY;BYMINUTE=0,30", "24 times"),
        (f"FREQ=DAILY;{EVERY_HOUR};BYMINUTE=0,30", "24 times"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "never"),
        ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "never"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;UNTIL=20990101", "never"),
        ("FREQ=DAILY;INTERVAL=7;BYDAY=MO", "never"),
        ("FREQ=HOURLY;INTERVAL=24;BYHOUR=3", "never"),
        ("FREQ=YEARLY;COUNT=401", "too far"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;COUNT=200", "too far"),
    ],
)
def test_anything_else_is_refused_with_a_reason(rule, reason):
    with pytest.raises(InvalidRecurrence, match=reason) as refusal:
        check_rule(rule, start=START)
    assert (refusal.value.status, refusal.value.code) == (400, "INVALID_SCHEDULE")


@given(st.text(max_size=60) | st.from_regex(r"\A(FREQ|BY[A-Z]{3,8}|COUNT)=[A-Z0-9,;=+-]{1,30}\Z"))
def test_no_text_is_more_than_refused(text):
    with suppress(InvalidRecurrence):
        check_rule(text, start=START)


def test_the_end_of_a_rule_is_in_the_zone_the_schedule_is_made_in():
    check_rule("FREQ=DAILY;UNTIL=20260304T003000Z", start=START, zone=SEOUL)
    with pytest.raises(InvalidRecurrence):
        check_rule("FREQ=DAILY;UNTIL=20260304T002959Z", start=START, zone=SEOUL)


DAYS = st.sampled_from(["MO", "TU", "WE", "TH", "FR", "SA", "SU"])


def _listed(numbers):
    return st.lists(numbers, min_size=1, max_size=3, unique=True).map(
        lambda items: ",".join(map(str, items))
    )


@st.composite
def moderate_rules(draw):
    """Rules on which dateutil and RFC 5545 agree, followed from their start."""
    frequency = draw(st.sampled_from(["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY"]))
    parts = [f"FREQ={frequency}", f"INTERVAL={draw(st.integers(1, 5))}"]
    optional = {
        "BYMONTH": _listed(st.integers(1, 12)),
        "BYHOUR": _listed(st.integers(0, 23)),
        "WKST": DAYS,
    }
    if frequency in ("MONTHLY", "YEARLY"):
        which = st.sampled_from(["", "1", "2", "-1"])
        optional["BYDAY"] = which.flatmap(lambda n: _listed(DAYS.map(lambda day: n + day)))
    else:
        optional["BYDAY"] = _listed(DAYS)
    if frequency != "WEEKLY":
        optional["BYMONTHDAY"] = _listed(st.integers(1, 31) | st.integers(-5, -1))
    if frequency == "YEARLY":
        optional["BYYEARDAY"] = _listed(st.integers(1, 366) | st.integers(-5, -1))
    if frequency in ("MONTHLY", "DAILY"):
        optional["BYSETPOS"] = _listed(st.integers(1, 3) | st.integers(-2, -1))
    chosen = draw(st.lists(st.sampled_from(sorted(optional)), max_size=2, unique=True))
    if set(chosen) & {"BYSETPOS", "WKST"} == set(chosen):
        chosen = [name for name in chosen if name != "BYSETPOS"]
    parts += [f"{name}={draw(optional[name])}" for name in chosen]
    parts += draw(
        st.one_of(
            st.just([]),
            st.integers(1, 40).map(lambda count: [f"COUNT={count}"]),
            st.integers(1, 28).map(lambda day: [f"UNTIL=202706{day:02}T120000"]),
        )
    )
    return ";".join(parts)


@settings(deadline=None)
@given(
    rule=moderate_rules(),
    start=st.datetimes(datetime(2019, 1, 1), datetime(2027, 1, 1)).map(
        lambda moment: moment.replace(microsecond=moment.microsecond % 2)
    ),
    offset_days=st.integers(-400, 1500),
    window_days=st.integers(0, 400),
)
@example("FREQ=YEARLY;INTERVAL=3", datetime(2020, 2, 29, 8), 365 * 12 - 2, 10)
@example("FREQ=MONTHLY;INTERVAL=1", datetime(2026, 1, 31, 8), 30, 60)
@example("FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=SU,MO", datetime(2026, 1, 7, 8), 300, 60)
def test_a_window_holds_what_dateutil_finds_from_the_start(rule, start, offset_days, window_days):
    low = start + timedelta(days=offset_days)
    high = low + timedelta(days=window_days)
    try:
        # dateutil looks until the year 9999 for what never comes, so not at all here.
        check_rule(
            ";".join(
                part for part in rule.split(";") if "COUNT" not in part and "UNTIL" not in part
            ),
            start=start,
        )
        plain = rrulestr(rule, dtstart=start)
    except (ValueError, InvalidRecurrence):
        assume(False)
    fraction = timedelta(microseconds=start.microsecond)
    counted = read_rule(rule).count
    first_fits = next(iter(plain), start) + fraction == start
    followed = takewhile(lambda moment: moment < high, (moment + fraction for moment in plain))
    expected = [moment for moment in followed if moment != start]
    if counted is not None and not first_fits:
        # The start is the first of them whether or not it fits.
        expected = expected if len(expected) < counted else expected[:-1]
    expected = [moment for moment in [start, *expected] if low <= moment < high]
    assert list(starts_between(read_rule(rule), start, low, high)) == expected


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        # What the rule leaves open comes from the start, a Wednesday; dateutil takes the whole week.
        ("FREQ=YEARLY;BYWEEKNO=20", ["2026-03-04", "2026-05-13", "2027-05-19"]),
        # Either of them; dateutil takes days that are both.
        ("FREQ=YEARLY;BYMONTH=5;BYDAY=2MO,-1FR", ["2026-03-04", "2026-05-11", "2026-05-29"]),
        ("FREQ=MONTHLY;BYDAY=TH,1TU;COUNT=4", ["2026-03-04", "2026-03-05", "2026-03-12"]),
        # The start counts as the first although it fits not.
        ("FREQ=MONTHLY;BYMONTHDAY=1;COUNT=2", ["2026-03-04", "2026-04-01"]),
        ("FREQ=DAILY;UNTIL=20260306", ["2026-03-04", "2026-03-05", "2026-03-06"]),
        ("FREQ=DAILY;UNTIL=20260306T092959", ["2026-03-04", "2026-03-05"]),
        # A week's positions count from the beginning of the week the start is in.
        ("FREQ=WEEKLY;BYDAY=MO,FR;BYSETPOS=2", ["2026-03-04", "2026-03-06", "2026-03-13"]),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", ["2026-03-04", "2028-02-29"]),
    ],
)
def test_a_rule_is_read_as_the_standard_means_it(rule, found):
    until = START + timedelta(days=800)
    starts = starts_between(read_rule(rule), START, START, until)
    assert [f"{moment:%Y-%m-%d}" for moment in starts][:3] == found


FAR = datetime(9000, 1, 1)


def cheapest_seconds(work) -> float:
    """Processor time of the fastest of three runs: others share the caches."""

    def seconds() -> float:
        begun = time.process_time()
        work()
        return time.process_time() - begun

    return min(seconds() for _ in range(3))


@pytest.mark.parametrize("start", [datetime(1, 1, 1, 9), datetime(9998, 1, 1, 9)])
@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=HOURLY",
        "FREQ=HOURLY;BYSETPOS=2;" + EVERY_HOUR,
        "FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30;COUNT=10000",
        "FREQ=HOURLY;COUNT=10000",
        f"FREQ=DAILY;{EVERY_HOUR}",
        f"FREQ=DAILY;{EVERY_HOUR};COUNT=10000",
        f"FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;{EVERY_HOUR}",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;COUNT=10000",
        "FREQ=DAILY;INTERVAL=7;BYDAY=TU",
        "FREQ=WEEKLY;BYMONTH=2;BYSETPOS=300;BYDAY=MO;WKST=SU",
        "FREQ=MONTHLY;BYMONTHDAY=31;BYMONTH=2;COUNT=10000",
        "FREQ=YEARLY;BYWEEKNO=53,1,-1,-53;BYMONTH=7",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=400",
    ],
)
@pytest.mark.parametrize(
    "window_start", [datetime(1, 1, 1), datetime(2026, 1, 1), FAR, datetime.max]
)
def test_no_rule_costs_more_than_a_tenth_of_a_second_in_a_year(rule, start, window_start):
    """Whatever it says and however far away it starts."""
    timing = Timing(start, start + timedelta(hours=1), False, rule, None)
    window = Window(window_start, min(window_start, FAR) + timedelta(days=366))
    assert cheapest_seconds(lambda: window.occurrences(timing)) < 0.1
    assert len(window.occurrences(timing)) <= 366 * 24 + 1


@pytest.mark.parametrize("rule", ["FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "FREQ=HOURLY;COUNT=10000"])
def test_refusing_or_accepting_a_rule_costs_no_more(rule):

    def check() -> None:
        with suppress(InvalidRecurrence):
            check_rule(rule, start=datetime(1, 1, 1))

    assert cheapest_seconds(check) < 0.1


def test_many_schedules_together_cost_a_bounded_time():
    hourly = Timing(START, START + timedelta(minutes=5), False, "FREQ=HOURLY", None)
    window = Window(START, START + timedelta(days=366))
    begun = time.process_time()
    with pytest.raises(TooManyOccurrences):
        [window.occurrences(hourly) for _ in range(10_000)]
    assert time.process_time() - begun < 5
