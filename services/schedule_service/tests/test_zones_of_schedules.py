"""Times in the caller's zone: stored in UTC, shown in the zone asked for, all-day schedules in none."""

import pytest

SEOUL = {"X-Time-Zone": "Asia/Seoul"}
NEW_YORK = {"X-Time-Zone": "America/New_York"}


@pytest.fixture
def body(planner):
    return {
        "title": "t",
        "categoryId": planner.category(),
        "startTime": "2026-03-04T08:00:00",
        "endTime": "2026-03-04T09:30:00",
    }


async def titles(api, query, headers=None) -> list[str]:
    answer = await api.get(f"/v1/schedules{query}", headers=headers)
    return [schedule["title"] for schedule in answer.json()]


async def test_times_are_stored_in_utc_and_shown_in_every_zone(api, planner, body):
    made = (await api.post("/v1/schedules", json=body, headers=SEOUL)).json()
    assert (made["startTime"], made["endTime"]) == (body["startTime"], body["endTime"])
    [row] = planner.schedules()
    assert row["start_time"].isoformat() == "2026-03-03T23:00:00"
    path = f"/v1/schedules/{row['schedule_id']}"
    for headers, digits in (
        (None, "2026-03-03T23:00:00"),
        (SEOUL, "2026-03-04T08:00:00"),
        (NEW_YORK, "2026-03-03T18:00:00"),
    ):
        assert (await api.get(path, headers=headers)).json()["startTime"] == digits
        [listed] = (await api.get("/v1/schedules", headers=headers)).json()
        assert listed["startTime"] == digits
        status = await api.patch(f"{path}/status", json={"status": "DONE"}, headers=headers)
        assert status.json()["startTime"] == digits


async def test_stamps_are_shown_in_the_zone_too(api, planner, body):
    category = f"/v1/categories/{body['categoryId']}"
    assert (await api.get(category, headers=SEOUL)).json()["createdAt"] == "2025-01-01T09:00:00"
    schedule = planner.schedule(body["categoryId"])
    answer = await api.get(f"/v1/schedules/{schedule}", headers=SEOUL)
    assert answer.json()["createdAt"] == "2025-01-01T09:00:00"


async def test_the_todos_of_a_schedule_are_shown_in_the_zone_too(api, planner, body):
    category = body["categoryId"]
    schedule = planner.schedule(category, is_all_day=1)
    root = planner.todo(category, schedule_id=schedule, deadline="2026-03-04 20:00:00")
    planner.todo(category, parent_todo_id=root, deadline="2026-03-04 20:00:00")
    shown = (await api.get(f"/v1/schedules/{schedule}", headers=SEOUL)).json()
    for todo in (shown["todos"][0], shown["todos"][0]["subtasks"][0]):
        assert todo["deadline"] == "2026-03-05T05:00:00"
        assert todo["createdAt"] == "2025-01-01T09:00:00"
        assert (todo["startDate"], todo["dueDate"]) == ("2026-03-01", "2026-03-04")


async def test_an_all_day_schedule_has_the_same_digits_everywhere(api, planner, body):
    body |= {
        "isAllDay": True,
        "startTime": "2026-03-04T00:00:00",
        "endTime": "2026-03-04T23:59:59.500000",
    }
    made = (await api.post("/v1/schedules", json=body, headers=SEOUL)).json()
    path = f"/v1/schedules/{made['scheduleId']}"
    assert planner.schedules()[0]["start_time"].isoformat() == "2026-03-04T00:00:00"
    for headers in (None, SEOUL, NEW_YORK):
        for shown in (
            (await api.get(path, headers=headers)).json(),
            (await api.get("/v1/schedules", headers=headers)).json()[0],
            (await api.put(path, json=body, headers=headers)).json(),
            (await api.patch(f"{path}/status", json={"status": "TODO"}, headers=headers)).json(),
        ):
            assert (shown["startTime"], shown["endTime"]) == (body["startTime"], body["endTime"])


async def test_a_range_is_in_the_callers_zone_and_meets_all_day_schedules_on_their_day(
    api, planner, body
):
    category = body["categoryId"]
    for title, start, end, all_day in (
        ("day 3", "2026-03-03 00:00", "2026-03-04 00:00", 1),
        ("day 4", "2026-03-04 00:00", "2026-03-05 00:00", 1),
        ("late on 3 in Seoul", "2026-03-03 14:00", "2026-03-03 15:00", 0),
        ("early on 4 in Seoul", "2026-03-03 15:00", "2026-03-03 16:00", 0),
        ("early on 5 in Seoul", "2026-03-04 15:00", "2026-03-04 16:00", 0),
    ):
        planner.schedule(category, title=title, start_time=start, end_time=end, is_all_day=all_day)
    day = "?startDate=2026-03-04T00:00:00&endDate=2026-03-05T00:00:00"
    assert await titles(api, day, SEOUL) == ["early on 4 in Seoul", "day 4"]
    assert await titles(api, day) == ["day 4", "early on 5 in Seoul"]


async def test_a_time_that_the_zone_skips_moves_forward(api, planner, body):
    body |= {"startTime": "2026-03-08T02:30:00", "endTime": "2026-03-08T04:00:00"}
    made = (await api.post("/v1/schedules", json=body, headers=NEW_YORK)).json()
    assert made["startTime"] == "2026-03-08T03:30:00"
    assert planner.schedules()[0]["start_time"].isoformat() == "2026-03-08T07:30:00"
    body["endTime"] = "2026-03-08T03:00:00"
    answer = await api.post("/v1/schedules", json=body, headers=NEW_YORK)
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "INVALID_SCHEDULE")


async def test_of_a_time_that_the_zone_has_twice_the_first_is_meant(api, planner, body):
    body |= {"startTime": "2026-11-01T01:30:00", "endTime": "2026-11-01T01:30:00"}
    await api.post("/v1/schedules", json=body, headers=NEW_YORK)
    assert planner.schedules()[0]["start_time"].isoformat() == "2026-11-01T05:30:00"


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "+09:00", "../etc/passwd", "x" * 65])
async def test_an_unknown_zone_is_a_bad_request(api, body, name):
    headers = {"X-Time-Zone": name}
    for answer in (
        await api.get("/v1/schedules", headers=headers),
        await api.post("/v1/schedules", json=body, headers=headers),
    ):
        assert (answer.status_code, answer.json()["errorCode"]) == (400, "BAD_REQUEST")


@pytest.mark.parametrize(
    ("moment", "zone"), [("0001-01-01T00:00:00", SEOUL), ("9999-12-31T23:59:59", NEW_YORK)]
)
async def test_a_time_out_of_range_is_a_bad_request_unless_it_is_all_day(api, body, moment, zone):
    body |= {"startTime": moment, "endTime": moment}
    answer = await api.post("/v1/schedules", json=body, headers=zone)
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "BAD_REQUEST")
    query = f"?startDate={moment}&endDate={moment}"
    assert (await api.get(f"/v1/schedules{query}", headers=zone)).status_code == 400
    answer = await api.post("/v1/schedules", json={**body, "isAllDay": True}, headers=zone)
    assert (answer.status_code, answer.json()["startTime"]) == (201, moment)


async def test_a_recurring_schedule_remembers_the_zone_it_was_made_in(api, planner, body):
    def zone() -> str | None:
        return planner.schedules()[0]["time_zone"]

    body["recurrenceRule"] = "FREQ=DAILY;COUNT=5"
    made = (await api.post("/v1/schedules", json=body, headers=SEOUL)).json()
    path = f"/v1/schedules/{made['scheduleId']}"
    assert zone() == "Asia/Seoul"
    # The same instant and rule, seen from elsewhere: nothing about when it recurs was changed.
    seen = {**body, "startTime": "2026-03-03T18:00:00", "endTime": "2026-03-03T19:30:00"}
    await api.put(path, json={**seen, "title": "renamed"}, headers=NEW_YORK)
    assert (planner.schedules()[0]["title"], zone()) == ("renamed", "Asia/Seoul")
    await api.put(path, json={**seen, "recurrenceRule": "FREQ=DAILY;COUNT=6"}, headers=NEW_YORK)
    assert zone() == "America/New_York"
    await api.put(path, json=body)
    assert zone() == "UTC"
    await api.put(path, json={**body, "recurrenceRule": None}, headers=SEOUL)
    assert zone() is None
