"""E44 `POST /v1/schedules/find-free-slots`: who is asked about, what makes them busy, what is answered."""

import pytest

URL = "/v1/schedules/find-free-slots"
THIRD_SUB = "11111111-2222-4333-8444-555566667777"
STRANGER = "99999999-2222-4333-8444-555566667777"
WHOLE_DAY = [("2026-03-04T00:00:00", "2026-03-04T23:59:59", 1439)]


@pytest.fixture
def category(planner, user_service):
    """The caller is a MEMBER of group 1 with two others; group 9 is somebody else's."""
    user_service.roles = {
        1: {planner.other_sub: "OWNER", planner.sub: "MEMBER", THIRD_SUB: "ADMIN"},
        2: {planner.other_sub: "OWNER"},
        9: {STRANGER: "OWNER"},
    }
    return planner.category()


def body(**fields):
    given = {"startDate": "2026-03-04", "endDate": "2026-03-04", "minDurationMinutes": 60}
    return {"groupId": 1, **given, **fields}


async def slots(api, zone=None, **fields) -> list[tuple[str, str, int]]:
    headers = {} if zone is None else {"X-Time-Zone": zone}
    answer = await api.post(URL, json=body(**fields), headers=headers)
    assert answer.status_code == 200, answer.text
    return [
        (slot["startTime"], slot["endTime"], slot["durationMinutes"])
        for slot in answer.json()["freeSlots"]
    ]


def refusal(answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["errorCode"]


async def test_the_answer_is_written_out_exactly(api, planner, category):
    """The example of rest.md E44."""
    day = "2026-03-04"
    planner.schedule(category, start_time=f"{day} 10:00", end_time=f"{day} 11:30")
    planner.schedule(
        category, cognito_sub=THIRD_SUB, start_time=f"{day} 15:00", end_time=f"{day} 16:00"
    )
    hours = {"workingHoursStart": "09:00", "workingHoursEnd": "19:00"}
    answer = await api.post(URL, json=body(minDurationMinutes=90, **hours))
    assert answer.status_code == 200
    assert answer.json() == {
        "groupId": 1,
        "groupName": None,
        "memberCount": 3,
        "searchPeriod": {"startDate": day, "endDate": day},
        "freeSlots": [
            {
                "startTime": f"{day}T11:30:00",
                "endTime": f"{day}T15:00:00",
                "durationMinutes": 210,
                "dayOfWeek": "WEDNESDAY",
            },
            {
                "startTime": f"{day}T16:00:00",
                "endTime": f"{day}T19:00:00",
                "durationMinutes": 180,
                "dayOfWeek": "WEDNESDAY",
            },
        ],
        "totalFreeSlotsFound": 2,
    }


async def test_whatever_a_member_created_and_the_group_has_makes_busy(api, planner, category):
    def noon(**row):
        return planner.schedule(
            category, start_time="2026-03-04 00:00", end_time="2026-03-04 22:00", **row
        )

    evening = [("2026-03-04T22:00:00", "2026-03-04T23:59:59", 119)]
    busy_rows = [
        {"cognito_sub": planner.other_sub},
        {"cognito_sub": THIRD_SUB, "group_id": 9},
        {"cognito_sub": STRANGER, "group_id": 1},
        {"status": "DONE"},
        {"is_all_day": 1},
    ]
    for row in busy_rows:
        made = noon(**row)
        assert await slots(api) == evening, row
        planner.rows("DELETE FROM schedules WHERE schedule_id = %s", made)
    noon(cognito_sub=STRANGER)
    noon(cognito_sub=STRANGER, group_id=9)
    assert await slots(api) == WHOLE_DAY


async def test_only_the_members_named_and_the_group_are_looked_at(api, planner, category):
    planner.schedule(category, start_time="2026-03-04 00:00", end_time="2026-03-04 22:00")
    answer = await api.post(URL, json=body(userIds=[planner.other_sub, THIRD_SUB]))
    assert answer.json()["memberCount"] == 2
    assert answer.json()["totalFreeSlotsFound"] == 1
    assert await slots(api, userIds=[planner.other_sub]) == WHOLE_DAY
    for everybody in (None, []):
        assert [minutes for _, _, minutes in await slots(api, userIds=everybody)] == [119]


@pytest.mark.parametrize(
    "fields",
    [
        {"groupId": 9},
        {"groupId": 2},
        {"groupId": 404},
        {"userIds": [STRANGER]},
        {"userIds": [THIRD_SUB, "nobody"]},
        {"groupId": 9, "userIds": [STRANGER]},
    ],
)
async def test_only_members_ask_and_only_about_members(api, category, fields):
    """R-23, S-01"""
    assert refusal(await api.post(URL, json=body(**fields))) == (403, "UNAUTHORIZED_ACCESS")


async def test_an_outage_of_user_service_is_an_outage(api, user_service):
    """R-4"""
    user_service.statuses = [500, 503]
    assert refusal(await api.post(URL, json=body())) == (503, "SERVICE_UNAVAILABLE")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"groupId": None}, "groupId"),
        ({"groupId": 0}, "groupId"),
        ({"groupId": -1}, "groupId"),
        ({"startDate": None}, "startDate"),
        ({"startDate": "2026-3-4"}, "startDate"),
        ({"startDate": "2026-03-04T00:00:00"}, "startDate"),
        ({"startDate": "２０２６-03-04"}, "startDate"),
        ({"startDate": "2026-02-30"}, "startDate"),
        ({"endDate": "2025-02-29"}, "endDate"),
        ({"endDate": "0000-01-01"}, "endDate"),
        ({"endDate": ""}, "endDate"),
        ({"minDurationMinutes": None}, "minDurationMinutes"),
        ({"minDurationMinutes": 0}, "minDurationMinutes"),
        ({"workingHoursStart": "9:00"}, "workingHoursStart"),
        ({"workingHoursStart": "24:00"}, "workingHoursStart"),
        ({"workingHoursEnd": "09:60"}, "workingHoursEnd"),
        ({"workingHoursEnd": "09:00:00"}, "workingHoursEnd"),
        ({"daysOfWeek": [1, 8]}, "daysOfWeek"),
        ({"daysOfWeek": [0]}, "daysOfWeek"),
        ({"userIds": [None]}, "userIds"),
    ],
)
async def test_a_field_that_breaks_its_rule_is_named(session_api, fields, field):
    answer = await session_api.post(URL, json=body(**fields))
    assert answer.status_code == 400
    assert (answer.json()["status"], list(answer.json()["errors"])) == ("error", [field])


@pytest.mark.parametrize(
    "fields",
    [
        {"groupId": "one"},
        {"minDurationMinutes": 1.5},
        {"daysOfWeek": 1},
        {"daysOfWeek": ["MONDAY"]},
        {"userIds": "all"},
        {"startDate": ["2026-03-04"]},
    ],
)
async def test_a_value_of_the_wrong_kind_is_a_bad_request(session_api, fields):
    answer = await session_api.post(URL, json=body(**fields))
    assert refusal(answer) == (400, "BAD_REQUEST")


async def test_scalars_are_read_leniently(api, category):
    """rest.md 1.5"""
    lenient = {"groupId": "1", "minDurationMinutes": "60", "daysOfWeek": ["3"]}
    assert len(await slots(api, **lenient, workingHoursStart="", workingHoursEnd="12:00")) == 1


async def test_working_hours_count_only_together(api, category):
    assert await slots(api, workingHoursStart="09:00") == WHOLE_DAY
    assert await slots(api, workingHoursEnd="09:00") == WHOLE_DAY
    assert await slots(api, daysOfWeek=[]) == WHOLE_DAY


async def test_an_end_before_the_start_has_no_slots(api, category):
    answer = await api.post(URL, json=body(endDate="2026-03-03"))
    assert answer.status_code == 200
    assert (answer.json()["freeSlots"], answer.json()["totalFreeSlotsFound"]) == ([], 0)
    assert answer.json()["searchPeriod"] == {"startDate": "2026-03-04", "endDate": "2026-03-03"}


async def test_a_period_of_more_than_ten_years_is_refused(api, category):
    far = body(startDate="0001-01-01", endDate="9999-12-31", daysOfWeek=[1])
    assert refusal(await api.post(URL, json=far)) == (400, "INVALID_SCHEDULE")
    ten_years = body(startDate="2026-01-01", endDate="2035-12-31", daysOfWeek=[1])
    answer = await api.post(URL, json=ten_years)
    assert answer.json()["totalFreeSlotsFound"] == 522


async def test_points_split_and_edges_only_touch(api, planner, category):
    planner.schedule(category, start_time="2026-03-04 12:00", end_time="2026-03-04 12:00")
    planner.schedule(category, start_time="2026-03-03 12:00", end_time="2026-03-04 00:00")
    planner.schedule(category, start_time="2026-03-05 00:00", end_time="2026-03-05 00:00")
    assert await slots(api) == [
        ("2026-03-04T00:00:00", "2026-03-04T12:00:00", 720),
        ("2026-03-04T12:00:00", "2026-03-04T23:59:59", 719),
    ]


async def test_every_occurrence_makes_busy(api, planner, category):
    """additions.md F"""
    planner.schedule(
        category,
        start_time="2026-01-07 09:00",
        end_time="2026-01-07 10:00",
        recurrence_rule="FREQ=WEEKLY;BYDAY=WE,FR",
        time_zone="Asia/Seoul",
    )
    found = await slots(
        api, endDate="2026-03-06", workingHoursStart="08:00", workingHoursEnd="12:00"
    )
    assert found == [
        ("2026-03-04T08:00:00", "2026-03-04T09:00:00", 60),
        ("2026-03-04T10:00:00", "2026-03-04T12:00:00", 120),
        ("2026-03-05T08:00:00", "2026-03-05T12:00:00", 240),
        ("2026-03-06T08:00:00", "2026-03-06T09:00:00", 60),
        ("2026-03-06T10:00:00", "2026-03-06T12:00:00", 120),
    ]


async def test_days_hours_and_slots_are_in_the_zone_of_the_caller(api, planner, category):
    """additions.md F"""
    # Ten to eleven in the morning of the fourth in Seoul.
    planner.schedule(category, start_time="2026-03-04 01:00", end_time="2026-03-04 02:00")
    hours = {"workingHoursStart": "09:00", "workingHoursEnd": "12:00", "daysOfWeek": [3]}
    assert await slots(api, zone="Asia/Seoul", **hours) == [
        ("2026-03-04T09:00:00", "2026-03-04T10:00:00", 60),
        ("2026-03-04T11:00:00", "2026-03-04T12:00:00", 60),
    ]


async def test_an_all_day_schedule_is_the_day_of_whoever_looks(api, planner, category):
    planner.schedule(
        category, is_all_day=1, start_time="2026-03-04", end_time="2026-03-04 23:59:59"
    )
    for zone in ("Asia/Seoul", "America/New_York", "UTC"):
        assert await slots(api, zone=zone) == []
        assert len(await slots(api, zone=zone, startDate="2026-03-05", endDate="2026-03-05")) == 1


async def test_a_day_on_which_the_clocks_change_is_as_long_as_it_is(api, planner, category):
    planner.schedule(category, start_time="2026-03-08 20:00", end_time="2026-03-09 20:00")
    found = await slots(api, zone="America/New_York", startDate="2026-03-08", endDate="2026-03-08")
    # From midnight to four in the afternoon, without the hour after one.
    assert found == [("2026-03-08T00:00:00", "2026-03-08T16:00:00", 900)]


async def test_a_group_whose_schedules_recur_too_often_is_told_to_ask_for_less(
    api, planner, category
):
    values = f"('{planner.sub}', {category}, 't', '2026-03-04', '2026-03-04', NOW(), NOW(), 'FREQ=HOURLY')"
    planner.rows(
        "INSERT INTO schedules (cognito_sub, category_id, title, start_time, end_time, created_at,"
        f" updated_at, recurrence_rule) VALUES {', '.join([values] * 30)}"
    )
    answer = await api.post(URL, json=body(endDate="2027-03-03"))
    assert refusal(answer) == (400, "INVALID_SCHEDULE")
    # The last hour of the day lacks a second.
    assert len(await slots(api)) == 23
