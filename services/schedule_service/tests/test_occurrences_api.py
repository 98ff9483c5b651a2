"""`GET /v1/schedules/occurrences`: each schedule of a period, at each time it takes place."""

import pytest

MARCH = "startDate=2026-03-01T00:00&endDate=2026-04-01T00:00"


@pytest.fixture
def category(planner):
    return planner.category()


async def listed(api, query=MARCH, zone=None) -> list[dict]:
    headers = {} if zone is None else {"X-Time-Zone": zone}
    answer = await api.get(f"/v1/schedules/occurrences?{query}", headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def times(api, query=MARCH, zone=None) -> list[tuple[str, str]]:
    return [(item["startTime"], item["endTime"]) for item in await listed(api, query, zone)]


def refusal(answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["errorCode"]


async def test_an_occurrence_is_the_schedule_with_its_own_times(api, planner, category):
    made = planner.schedule(category, recurrence_rule="RRULE:FREQ=WEEKLY;COUNT=2", location="3F")
    [whole] = (await api.get("/v1/schedules")).json()
    assert whole["scheduleId"] == made
    assert await listed(api) == [
        whole,
        whole | {"startTime": "2026-03-11T09:00:00", "endTime": "2026-03-11T10:00:00"},
    ]


async def test_a_schedule_that_does_not_recur_is_there_once(api, planner, category):
    planner.schedule(category)
    planner.schedule(category, start_time="2026-02-20", end_time="2026-03-10 12:00")
    planner.schedule(category, start_time="2026-05-01", end_time="2026-05-02")
    assert await times(api) == [
        ("2026-02-20T00:00:00", "2026-03-10T12:00:00"),
        ("2026-03-04T09:00:00", "2026-03-04T10:00:00"),
    ]


async def test_text_from_before_rules_were_checked_does_not_recur(api, planner, category):
    """Other programs write the column, too."""
    for text in ("", "every day", "FREQ=SECONDLY", "FREQ=DAILY;BYDAY=1MO"):
        planner.schedule(category, recurrence_rule=text)
    assert len(await times(api)) == 4


async def test_only_what_overlaps_is_there(api, planner, category):
    """Strictly: what ends with the beginning or begins with the end is outside, points included."""
    planner.schedule(category, recurrence_rule="FREQ=DAILY")
    window = "startDate=2026-03-06T10:00:00&endDate=2026-03-08T09:00:00"
    assert await times(api, window) == [("2026-03-07T09:00:00", "2026-03-07T10:00:00")]
    wider = "startDate=2026-03-06T09:59:59&endDate=2026-03-08T09:00:01"
    assert [start[8:10] for start, _ in await times(api, wider)] == ["06", "07", "08"]
    assert await times(api, "startDate=2026-03-01T00:00&endDate=2026-03-04T09:00") == []


async def test_a_point_in_time_recurs_as_a_point(api, planner, category):
    planner.schedule(category, end_time="2026-03-04 09:00", recurrence_rule="FREQ=DAILY;COUNT=3")
    window = "startDate=2026-03-05T09:00&endDate=2026-03-07T00:00"
    assert await times(api, window) == [("2026-03-06T09:00:00", "2026-03-06T09:00:00")]


async def test_one_that_lasts_longer_than_its_interval_is_found_from_before(api, planner, category):
    planner.schedule(category, end_time="2026-03-06 10:00", recurrence_rule="FREQ=DAILY;COUNT=9")
    window = "startDate=2026-03-06T12:00&endDate=2026-03-06T13:00"
    assert [start[8:10] for start, _ in await times(api, window)] == ["05", "06"]


async def test_the_first_time_is_exactly_the_one_stored(api, planner, category):
    planner.schedule(
        category,
        start_time="2026-03-04 09:00:00.123456",
        end_time="2026-03-04 09:30:00.5",
        recurrence_rule="FREQ=WEEKLY;BYDAY=MO;COUNT=2",
    )
    assert await times(api) == [
        ("2026-03-04T09:00:00.123456", "2026-03-04T09:30:00.500000"),
        ("2026-03-09T09:00:00.123456", "2026-03-09T09:30:00.500000"),
    ]


async def test_occurrences_are_by_start_then_personal_then_by_id(
    api, planner, category, user_service
):
    user_service.roles = {1: {planner.sub: "MEMBER"}}
    rule = {"recurrence_rule": "FREQ=DAILY;COUNT=2"}
    in_group = planner.schedule(category, group_id=1, **rule)
    mine = planner.schedule(category, **rule)
    twin = planner.schedule(category, **rule)
    found = await listed(api, f"{MARCH}&includeGroups=true")
    assert [item["scheduleId"] for item in found] == [mine, twin, in_group] * 2


async def test_the_list_covers_whose_schedules_were_asked_for(api, planner, category, user_service):
    """As in E38; S-01: never a stranger's."""
    user_service.roles = {1: {planner.sub: "MEMBER"}, 2: {planner.sub: "OWNER"}, 9: {"x": "OWNER"}}
    rule = {"recurrence_rule": "FREQ=YEARLY"}
    planner.schedule(category, title="mine", **rule)
    planner.schedule(category, title="in 1", group_id=1, cognito_sub=planner.other_sub, **rule)
    planner.schedule(category, title="in 2", group_id=2, **rule)
    planner.schedule(category, title="left", group_id=9, **rule)
    planner.schedule(category, title="other", cognito_sub=planner.other_sub, **rule)

    async def titles(query):
        return [item["title"] for item in await listed(api, f"{MARCH}&{query}")]

    assert await titles("") == ["mine"]
    assert await titles("includeGroups=true") == ["mine", "in 1", "in 2"]
    assert await titles("groupId=1&includeGroups=true") == ["in 1"]
    foreign = await api.get(f"/v1/schedules/occurrences?{MARCH}&groupId=9")
    assert refusal(foreign) == (403, "UNAUTHORIZED_ACCESS")


async def test_an_outage_of_user_service_is_an_outage(api, user_service):
    """R-4"""
    user_service.statuses = [503, 503]
    answer = await api.get(f"/v1/schedules/occurrences?{MARCH}&includeGroups=true")
    assert refusal(answer) == (503, "SERVICE_UNAVAILABLE")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "BAD_REQUEST"),
        ("startDate=2026-03-01T00:00", "BAD_REQUEST"),
        ("endDate=2026-03-01T00:00", "BAD_REQUEST"),
        ("startDate=&endDate=2026-03-01T00:00", "BAD_REQUEST"),
        ("startDate=2026-03-01&endDate=2026-04-01T00:00", "BAD_REQUEST"),
        (f"{MARCH}&groupId=x", "BAD_REQUEST"),
        (f"{MARCH}&limit=0", "BAD_REQUEST"),
        (f"{MARCH}&cursor=x", "BAD_REQUEST"),
        (f"{MARCH}&cursor=WzFd", "BAD_REQUEST"),
        ("startDate=2026-03-02T00:00&endDate=2026-03-01T00:00", "INVALID_SCHEDULE"),
        ("startDate=2026-01-01T00:00&endDate=2027-01-02T00:00:01", "INVALID_SCHEDULE"),
        ("startDate=0001-01-01T00:00&endDate=9999-12-31T00:00", "INVALID_SCHEDULE"),
    ],
)
async def test_what_makes_no_period_is_refused(session_api, query, code):
    assert refusal(await session_api.get(f"/v1/schedules/occurrences?{query}")) == (400, code)


async def test_a_foreign_group_is_refused_before_the_times(api):
    answer = await api.get(
        "/v1/schedules/occurrences?groupId=9&startDate=2026-03-02T00:00&endDate=2020-03-01T00:00"
    )
    assert refusal(answer) == (403, "UNAUTHORIZED_ACCESS")


PERIODS = [
    "startDate=2026-01-01T00:00&endDate=2027-01-02T00:00",
    "startDate=2026-03-04T09:30&endDate=2026-03-04T09:30",
    "startDate=0001-01-02T00:00&endDate=0001-12-31T00:00",
    "startDate=9999-01-01T00:00&endDate=9999-12-31T00:00",
]


async def test_any_period_of_366_days_is_answered_at_both_ends_of_the_calendar(
    api, planner, category
):
    zones = ("UTC", "America/New_York", "Asia/Seoul")
    for zone in zones:
        for rule in ("FREQ=DAILY", "FREQ=YEARLY", "FREQ=WEEKLY;BYDAY=SU;WKST=SU", "FREQ=MONTHLY"):
            planner.schedule(category, recurrence_rule=rule, time_zone=zone)
    planner.schedule(category, is_all_day=1, recurrence_rule="FREQ=DAILY")
    for period in PERIODS:
        for zone in zones:
            await listed(api, period, zone)
    beyond = "startDate=9999-12-31T23:00&endDate=9999-12-31T23:30"
    answer = await api.get(
        f"/v1/schedules/occurrences?{beyond}", headers={"X-Time-Zone": "America/New_York"}
    )
    assert refusal(answer) == (400, "BAD_REQUEST")


async def test_pages_put_together_are_the_list(api, planner, category, user_service):
    user_service.roles = {1: {planner.sub: "MEMBER"}}
    planner.schedule(category, recurrence_rule="FREQ=DAILY;COUNT=4")
    planner.schedule(category, recurrence_rule="FREQ=DAILY;COUNT=3", group_id=1)
    planner.schedule(
        category,
        is_all_day=1,
        start_time="2026-03-05",
        end_time="2026-03-06",
        recurrence_rule="FREQ=DAILY;COUNT=3",
    )
    for zone in ("UTC", "Asia/Seoul"):
        query = f"{MARCH}&includeGroups=true"
        whole = await listed(api, query, zone)
        pages, path = [], f"/v1/schedules/occurrences?{query}&limit=3"
        while path:
            answer = await api.get(path, headers={"X-Time-Zone": zone})
            pages.append(answer.json())
            path = answer.links.get("next", {}).get("url")
        assert [len(page) for page in pages] == [3, 3, 3, 1]
        assert [item for page in pages for item in page] == whole


async def test_a_recurring_schedule_follows_the_clocks_of_the_zone_it_was_made_in(api, category):
    """additions.md F: nine o'clock stays nine o'clock."""
    body = {
        "title": "standup",
        "categoryId": category,
        "startTime": "2026-03-06T09:00:00",
        "endTime": "2026-03-06T10:00:00",
        "recurrenceRule": "FREQ=DAILY;COUNT=4",
    }
    in_new_york = {"X-Time-Zone": "America/New_York"}
    made = await api.post("/v1/schedules", json=body, headers=in_new_york)
    assert made.status_code == 201, made.text
    # The clocks go forward on the eighth.
    assert await times(api, zone="America/New_York") == [
        (f"2026-03-0{day}T09:00:00", f"2026-03-0{day}T10:00:00") for day in (6, 7, 8, 9)
    ]
    assert [start[11:16] for start, _ in await times(api)] == ["14:00", "14:00", "13:00", "13:00"]


async def test_without_a_zone_a_schedule_recurs_in_utc(api, planner, category):
    planner.schedule(category, start_time="2026-03-06 14:00", end_time="2026-03-06 15:00",
                     recurrence_rule="FREQ=DAILY;COUNT=4")  # fmt: skip
    assert [start[11:16] for start, _ in await times(api)] == ["14:00"] * 4
    local = await times(api, zone="America/New_York")
    assert [start[11:16] for start, _ in local] == ["09:00", "09:00", "10:00", "10:00"]


async def test_an_occurrence_lasts_exactly_as_long_as_the_first(api, planner, category):
    """RFC 5545: a start with an end has an exact duration, also over a change of the clocks."""
    planner.schedule(
        category,
        start_time="2026-03-07 04:00",  # 23:00 on the sixth in New York
        end_time="2026-03-07 10:00",
        recurrence_rule="FREQ=DAILY;COUNT=2",
        time_zone="America/New_York",
    )
    assert await times(api, zone="America/New_York") == [
        ("2026-03-06T23:00:00", "2026-03-07T05:00:00"),
        ("2026-03-07T23:00:00", "2026-03-08T06:00:00"),
    ]


async def test_a_time_that_the_clocks_skip_moves_forward_and_of_two_the_first_is_meant(
    api, planner, category
):
    planner.schedule(
        category,
        start_time="2026-03-07 07:30",  # 02:30 in New York
        end_time="2026-03-07 07:45",
        recurrence_rule="FREQ=DAILY;COUNT=3",
        time_zone="America/New_York",
    )
    local = await times(api, zone="America/New_York")
    assert [start[8:16] for start, _ in local] == ["07T02:30", "08T03:30", "09T02:30"]
    planner.schedule(
        category,
        start_time="2026-10-31 05:30",  # 01:30 in New York
        end_time="2026-10-31 05:45",
        recurrence_rule="FREQ=DAILY;COUNT=3",
        time_zone="America/New_York",
    )
    autumn = "startDate=2026-10-31T00:00&endDate=2026-11-05T00:00"
    assert [start[8:16] for start, _ in await times(api, autumn)] == [
        "31T05:30",
        "01T05:30",
        "02T06:30",
    ]


async def test_a_first_time_that_is_the_second_of_two_stays_itself(api, planner, category):
    planner.schedule(
        category,
        start_time="2026-11-01 06:30",  # the second 01:30 in New York
        end_time="2026-11-01 06:45",
        recurrence_rule="FREQ=DAILY;COUNT=2",
        time_zone="America/New_York",
    )
    november = "startDate=2026-10-31T00:00&endDate=2026-11-05T00:00"
    assert [start[8:16] for start, _ in await times(api, november)] == ["01T06:30", "02T06:30"]


async def test_hours_that_move_onto_one_another_are_one_occurrence(api, planner, category):
    planner.schedule(
        category,
        start_time="2026-03-08 06:00",  # 01:00 in New York
        end_time="2026-03-08 06:10",
        recurrence_rule="FREQ=HOURLY;COUNT=4",
        time_zone="America/New_York",
    )
    local = await times(api, zone="America/New_York")
    assert [start[11:16] for start, _ in local] == ["01:00", "03:00", "04:00"]


async def test_the_end_of_a_rule_in_utc_is_converted(api, planner, category):
    planner.schedule(
        category,
        start_time="2026-03-04 00:00",  # nine in the morning in Seoul
        end_time="2026-03-04 01:00",
        recurrence_rule="FREQ=DAILY;UNTIL=20260306T000000Z",
        time_zone="Asia/Seoul",
    )
    assert [start[8:16] for start, _ in await times(api, zone="Asia/Seoul")] == [
        "04T09:00",
        "05T09:00",
        "06T09:00",
    ]


async def test_all_day_schedules_have_their_digits_in_every_zone(api, planner, category):
    """additions.md F"""
    planner.schedule(
        category,
        is_all_day=1,
        start_time="2026-03-08",
        end_time="2026-03-08 23:59:59",
        recurrence_rule="FREQ=DAILY;UNTIL=20260309",
        time_zone="America/New_York",
    )
    expected = [(f"2026-03-0{day}T00:00:00", f"2026-03-0{day}T23:59:59") for day in (8, 9)]
    for zone in ("UTC", "Asia/Seoul", "America/New_York", "Pacific/Kiritimati"):
        assert await times(api, zone=zone) == expected
        one_day = "startDate=2026-03-09T00:00:00&endDate=2026-03-10T00:00:00"
        assert await times(api, one_day, zone) == expected[1:]


async def test_a_zone_nobody_knows_counts_as_utc(api, planner, category):
    planner.schedule(category, recurrence_rule="FREQ=DAILY;COUNT=2", time_zone="Moon/Base")
    assert [start[8:16] for start, _ in await times(api)] == ["04T09:00", "05T09:00"]


async def test_an_answer_that_would_be_too_long_is_refused_but_comes_in_pages(
    api, planner, category
):
    """A rule of a few letters must not make an answer of hundreds of megabytes."""
    planner.schedule(category, recurrence_rule="FREQ=HOURLY", description="x" * 60_000)
    year = "startDate=2026-03-04T00:00&endDate=2027-03-04T00:00"
    answer = await api.get(f"/v1/schedules/occurrences?{year}")
    assert refusal(answer) == (400, "INVALID_SCHEDULE")
    assert len(await listed(api, f"{year}&limit=2")) == 2


async def test_more_occurrences_than_can_be_found_in_time_are_refused(api, planner, category):
    values = f"('{planner.sub}', {category}, 't', '2026-03-04', '2026-03-05', NOW(), NOW(), 'FREQ=HOURLY')"
    planner.rows(
        "INSERT INTO schedules (cognito_sub, category_id, title, start_time, end_time, created_at,"
        f" updated_at, recurrence_rule) VALUES {', '.join([values] * 80)}"
    )
    year = "startDate=2026-03-04T00:00&endDate=2027-03-04T00:00"
    answer = await api.get(f"/v1/schedules/occurrences?{year}&limit=1")
    assert refusal(answer) == (400, "INVALID_SCHEDULE")
    assert "shorter" in answer.json()["message"]
