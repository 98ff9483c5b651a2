"""`POST /v1/schedules/check-conflicts`: what stands in the way, and who may know what it is."""

import pytest

URL = "/v1/schedules/check-conflicts"
MORNING = {"startTime": "2026-03-04T09:00:00", "endTime": "2026-03-04T12:00:00"}
STRANGER = "99999999-2222-4333-8444-555566667777"


@pytest.fixture
def category(planner, user_service):
    """Both students are in groups 1 and 2, only the other one in group 3."""
    user_service.roles = {
        1: {planner.sub: "MEMBER", planner.other_sub: "OWNER"},
        2: {planner.sub: "MEMBER", planner.other_sub: "OWNER"},
        3: {planner.other_sub: "OWNER"},
    }
    return planner.category()


async def conflicts(api, zone=None, **fields) -> list[dict]:
    headers = {} if zone is None else {"X-Time-Zone": zone}
    answer = await api.post(URL, json={"groupId": 1, **MORNING, **fields}, headers=headers)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert set(found) == {"groupId", "hasConflicts", "conflicts"}
    assert found["hasConflicts"] == bool(found["conflicts"])
    return found["conflicts"]


def refusal(answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["errorCode"]


async def test_a_conflict_is_written_out_exactly(api, planner, category):
    made = planner.schedule(category, title="lecture")
    answer = await api.post(URL, json={"groupId": 1, **MORNING})
    assert answer.json() == {
        "groupId": 1,
        "hasConflicts": True,
        "conflicts": [
            {
                "cognitoSub": planner.sub,
                "startTime": "2026-03-04T09:00:00",
                "endTime": "2026-03-04T10:00:00",
                "scheduleId": made,
                "title": "lecture",
            }
        ],
    }


@pytest.mark.parametrize(
    ("row", "is_shown"),
    [
        ({}, True),
        ({"group_id": 1, "cognito_sub": STRANGER}, True),
        ({"group_id": 1}, True),
        ({"group_id": 2, "cognito_sub": "other"}, True),
        ({"cognito_sub": "other"}, False),
        ({"group_id": 3, "cognito_sub": "other"}, False),
        # The caller made it for a group and has left since.
        ({"group_id": 3}, False),
    ],
)
async def test_what_a_conflict_is_shows_only_to_those_who_may_read_it(
    api, planner, category, row, is_shown
):
    """S-01"""
    if row.get("cognito_sub") == "other":
        row = row | {"cognito_sub": planner.other_sub}
    made = planner.schedule(category, title="secret", **row)
    [conflict] = await conflicts(api)
    assert conflict["cognitoSub"] == row.get("cognito_sub", planner.sub)
    assert conflict["startTime"] == "2026-03-04T09:00:00"
    shown = (conflict["scheduleId"], conflict["title"])
    assert shown == ((made, "secret") if is_shown else (None, None))


async def test_what_is_neither_a_members_nor_the_groups_is_no_conflict(api, planner, category):
    planner.schedule(category, cognito_sub=STRANGER)
    planner.schedule(category, cognito_sub=STRANGER, group_id=2)
    assert await conflicts(api) == []


async def test_only_what_overlaps_is_a_conflict(api, planner, category):
    planner.schedule(category)
    for start, end, count in [
        ("10:00", "11:00", 0),
        ("08:00", "09:00", 0),
        ("09:59:59", "11:00", 1),
        ("08:00", "09:00:01", 1),
        ("09:15", "09:30", 1),
        ("08:00", "12:00", 1),
    ]:
        times = {"startTime": f"2026-03-04T{start}", "endTime": f"2026-03-04T{end}"}
        assert len(await conflicts(api, **times)) == count, times


async def test_every_occurrence_is_a_conflict_in_order(api, planner, category):
    rule = "FREQ=HOURLY;COUNT=10"
    hourly = planner.schedule(category, end_time="2026-03-04 09:10", recurrence_rule=rule)
    second = planner.schedule(category, start_time="2026-03-04 10:00", end_time="2026-03-04 10:10")
    found = await conflicts(api)
    assert [(item["startTime"][11:16], item["scheduleId"]) for item in found] == [
        ("09:00", hourly),
        ("10:00", hourly),
        ("10:00", second),
        ("11:00", hourly),
    ]


async def test_times_are_in_the_zone_of_the_caller(api, planner, category):
    planner.schedule(category, start_time="2026-03-04 00:30", end_time="2026-03-04 01:00")
    planner.schedule(
        category, is_all_day=1, start_time="2026-03-04", end_time="2026-03-04 23:59:59"
    )
    found = await conflicts(api, zone="Asia/Seoul")
    assert [(item["startTime"], item["endTime"]) for item in found] == [
        ("2026-03-04T00:00:00", "2026-03-04T23:59:59"),
        ("2026-03-04T09:30:00", "2026-03-04T10:00:00"),
    ]


@pytest.mark.parametrize("group_id", [3, 404, 0, -1])
async def test_only_a_member_may_ask(api, category, group_id):
    """Said before the times are looked at."""
    backwards = {
        "groupId": group_id,
        "startTime": "2026-03-04T09:00",
        "endTime": "2026-03-03T09:00",
    }
    assert refusal(await api.post(URL, json=backwards)) == (403, "UNAUTHORIZED_ACCESS")


async def test_a_time_that_is_none_is_invalid(api, category):
    for end in ("2026-03-04T09:00:00", "2026-03-04T08:59:59", "2027-03-06T09:00:00"):
        answer = await api.post(URL, json={"groupId": 1, **MORNING, "endTime": end})
        assert refusal(answer) == (400, "INVALID_SCHEDULE")


@pytest.mark.parametrize("field", ["groupId", "startTime", "endTime"])
async def test_every_field_is_required(session_api, field):
    given = {"groupId": 1, **MORNING}
    del given[field]
    answer = await session_api.post(URL, json=given)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])


async def test_a_time_with_an_offset_is_a_bad_request(session_api):
    given = {"groupId": 1, **MORNING, "endTime": "2026-03-04T12:00:00+09:00"}
    assert refusal(await session_api.post(URL, json=given)) == (400, "BAD_REQUEST")


async def test_an_outage_of_user_service_is_an_outage(api, planner, category, user_service):
    """R-4: also when only the caller's other groups cannot be asked for."""
    user_service.statuses = [500, 500]
    assert refusal(await api.post(URL, json={"groupId": 1, **MORNING}))[0] == 503
    planner.schedule(category, group_id=2)
    user_service.statuses = [200, 500, 500]
    assert refusal(await api.post(URL, json={"groupId": 1, **MORNING}))[0] == 503
