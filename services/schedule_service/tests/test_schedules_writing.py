"""E40 to E43: making, changing and deleting schedules."""

import asyncio
from collections import Counter

import pytest

TIMES = {"startTime": "2026-03-04T09:30:00", "endTime": "2026-03-04T11:00:00"}
GROUP, OTHER_GROUP, READ_ONLY, FOREIGN = 1, 2, 3, 9
DENIED = (403, "UNAUTHORIZED_ACCESS")
INVALID = (400, "INVALID_SCHEDULE")
NOT_FOUND = (404, "SCHEDULE_NOT_FOUND")
NO_CATEGORY = (404, "CATEGORY_NOT_FOUND")


@pytest.fixture(autouse=True)
def roles(user_service, planner):
    """The caller owns a group, is an admin of another, a member of a third, and a stranger to the last."""
    user_service.roles = {
        GROUP: {planner.sub: "OWNER", planner.other_sub: "ADMIN"},
        OTHER_GROUP: {planner.sub: "ADMIN"},
        READ_ONLY: {planner.sub: "MEMBER"},
        FOREIGN: {planner.other_sub: "OWNER"},
    }


@pytest.fixture
def category(planner, roles):
    return planner.category(source_type="USER_CREATED")


@pytest.fixture
def body(category):
    return {"title": "Study group", "categoryId": category, **TIMES}


def refusal(answer) -> tuple[int, str]:
    return answer.status_code, answer.json().get("errorCode")


async def test_a_schedule_is_made_and_answered_exactly(api, planner, body):
    """R-19: without `todos`."""
    body |= {
        "description": "Chapter 5",
        "location": "Library 3F",
        "isAllDay": "false",
        "recurrenceRule": "RRULE:FREQ=WEEKLY;COUNT=3",
        "source": "GOOGLE_CALENDAR",
        "sourceId": "evt-1",
        "status": "DONE",
    }
    answer = await api.post("/v1/schedules", json=body)
    [row] = planner.schedules()
    assert (answer.status_code, answer.json()) == (
        201,
        {
            **body,
            "scheduleId": row["schedule_id"],
            "cognitoSub": planner.sub,
            "groupId": None,
            "isAllDay": False,
            "status": "TODO",
            "createdAt": row["created_at"].isoformat(),
            "updatedAt": row["created_at"].isoformat(),
        },
    )
    read = (await api.get(f"/v1/schedules/{row['schedule_id']}")).json()
    assert read == {**answer.json(), "todos": []}


async def test_the_smallest_body_gets_the_defaults(api, body):
    answer = await api.post("/v1/schedules", json=body)
    made = answer.json()
    assert (made["isAllDay"], made["status"], made["source"]) == (False, "TODO", "USER")
    for field in ("description", "location", "groupId", "recurrenceRule", "sourceId"):
        assert made[field] is None


async def test_values_are_read_leniently(api, body, category):
    given = {
        "title": 2026,
        "categoryId": str(category),
        "groupId": "",
        "isAllDay": "TRUE",
        "startTime": "2026-03-04T09:30",
        "endTime": "2026-03-04T09:30:00.5Z",
        "source": None,
        "recurrenceRule": " ",
    }
    made = (await api.post("/v1/schedules", json={**body, **given})).json()
    assert (made["title"], made["categoryId"], made["groupId"]) == ("2026", category, None)
    assert (made["startTime"], made["endTime"]) == (
        "2026-03-04T09:30:00",
        "2026-03-04T09:30:00.500000",
    )
    assert (made["isAllDay"], made["source"], made["recurrenceRule"]) == (True, "USER", None)


@pytest.mark.parametrize(
    ("fields", "offender"),
    [
        ({"title": None}, "title"),
        ({"title": "  "}, "title"),
        ({"title": "가" * 256}, "title"),
        ({"startTime": None}, "startTime"),
        ({"startTime": ""}, "startTime"),
        ({"endTime": None}, "endTime"),
        ({"categoryId": None}, "categoryId"),
        ({"categoryId": ""}, "categoryId"),
        ({"location": "x" * 256}, "location"),
        ({"recurrenceRule": "x" * 256}, "recurrenceRule"),
        ({"sourceId": "x" * 256}, "sourceId"),
    ],
)
async def test_a_broken_rule_names_its_field_before_any_permission_is_asked(
    api, planner, body, fields, offender
):
    own = planner.schedule(body["categoryId"])
    body |= {"groupId": FOREIGN, **fields}
    for answer in (
        await api.post("/v1/schedules", json=body),
        await api.put(f"/v1/schedules/{own}", json=body),
    ):
        assert answer.status_code == 400
        assert (answer.json()["status"], list(answer.json()["errors"])) == ("error", [offender])


@pytest.mark.parametrize(
    "fields",
    [
        {"startTime": "2026-03-04"},
        {"startTime": "2026-03-04T09:30:00+09:00"},
        {"startTime": "2026-02-30T09:30:00"},
        {"startTime": 1772616600},
        {"endTime": "tomorrow"},
        {"isAllDay": "yes"},
        {"categoryId": "one"},
        {"source": "user"},
        {"source": ""},
        {"description": "가" * 21_846},
        {"description": []},
    ],
    ids=str,
)
async def test_what_cannot_be_read_or_stored_is_a_bad_request(api, body, fields):
    answer = await api.post("/v1/schedules", json={**body, **fields})
    assert refusal(answer) == (400, "BAD_REQUEST")


async def test_a_description_fills_its_column_to_the_last_byte(api, body):
    text = "가" * 21_845
    answer = await api.post("/v1/schedules", json={**body, "description": text})
    assert (answer.status_code, answer.json()["description"]) == (201, text)


async def test_mistakes_are_told_in_the_order_of_the_contract(api, body):
    """E40"""
    wrong = {**body, "endTime": "2026-03-04T09:29:59", "categoryId": 12345, "groupId": READ_ONLY}
    assert refusal(await api.post("/v1/schedules", json=wrong)) == DENIED
    wrong["groupId"] = GROUP
    assert refusal(await api.post("/v1/schedules", json=wrong)) == INVALID
    wrong["endTime"] = wrong["startTime"]
    assert refusal(await api.post("/v1/schedules", json=wrong)) == NO_CATEGORY
    wrong["categoryId"] = body["categoryId"]
    assert (await api.post("/v1/schedules", json=wrong)).status_code == 201


@pytest.mark.parametrize("rule", ["every day", "FREQ=OFTEN", "RRULE:", "FREQ=DAILY\nFREQ=DAILY"])
async def test_a_rule_that_is_none_is_invalid(api, planner, body, rule):
    own = planner.schedule(body["categoryId"])
    body["recurrenceRule"] = rule
    assert refusal(await api.post("/v1/schedules", json=body)) == INVALID
    assert refusal(await api.put(f"/v1/schedules/{own}", json=body)) == INVALID


async def test_a_client_makes_no_canvas_schedule(api, planner, body):
    """R-22"""
    answer = await api.post("/v1/schedules", json={**body, "source": "CANVAS"})
    assert refusal(answer) == INVALID
    assert planner.schedules() == []


async def test_a_source_id_of_canvas_form_is_left_alone_by_the_synchronisation(
    api, handle, planner, events, body
):
    """R-22: the source decides."""
    given = {**body, "sourceId": events.source_id(1)}
    made = (await api.post("/v1/schedules", json=given)).json()
    await handle(events.snapshot(events.entry(1)))
    await handle(events.snapshot())
    [row] = planner.schedules()
    assert (row["schedule_id"], row["title"]) == (made["scheduleId"], "Study group")


async def test_a_canvas_schedule_that_is_changed_stays_one(api, handle, planner, events, body):
    """R-22: source and source id are not changed, whatever the body says."""
    await handle(events.snapshot(events.entry(1)))
    [row] = planner.schedules()
    body |= {"source": "CANVAS", "sourceId": "mine", "location": "Room 1"}
    answer = await api.put(f"/v1/schedules/{row['schedule_id']}", json=body)
    assert (answer.json()["source"], answer.json()["sourceId"]) == ("CANVAS", events.source_id(1))
    answer = await api.put(f"/v1/schedules/{row['schedule_id']}", json={**body, "source": "USER"})
    assert (answer.json()["source"], answer.json()["location"]) == ("CANVAS", "Room 1")


@pytest.mark.parametrize(
    ("creator", "group_id", "is_visible"),
    [
        ("me", None, True),
        ("other", None, False),
        ("other", GROUP, True),
        ("other", READ_ONLY, True),
        ("other", FOREIGN, False),
        ("me", FOREIGN, False),
    ],
)
async def test_a_schedule_is_sorted_by_a_category_that_the_caller_may_see(
    api, planner, body, creator, group_id, is_visible
):
    """R-15, S-01: what may not be seen is absent."""
    sub = planner.sub if creator == "me" else planner.other_sub
    target = planner.category(name="target", cognito_sub=sub, group_id=group_id)
    own = planner.schedule(body["categoryId"])
    body["categoryId"] = target
    made = await api.post("/v1/schedules", json=body)
    changed = await api.put(f"/v1/schedules/{own}", json=body)
    if is_visible:
        assert (made.status_code, changed.status_code) == (201, 200)
        assert made.json()["categoryId"] == changed.json()["categoryId"] == target
    else:
        assert refusal(made) == refusal(changed) == NO_CATEGORY
        assert len(planner.schedules()) == 1


async def test_a_category_that_does_not_change_is_not_looked_at(api, planner, body):
    """E41"""
    hidden = planner.category(name="hidden", group_id=FOREIGN, cognito_sub="x")
    own = planner.schedule(hidden)
    answer = await api.put(f"/v1/schedules/{own}", json={**body, "categoryId": hidden})
    assert (answer.status_code, answer.json()["title"]) == (200, "Study group")


async def test_an_update_replaces_everything_but_source_status_and_creator(api, planner, body):
    """R-29"""
    other = planner.category(name="other")
    own = planner.schedule(
        other,
        description="d",
        location="l",
        is_all_day=1,
        recurrence_rule="FREQ=DAILY",
        time_zone="Asia/Seoul",
        status="DONE",
        source="TODOIST",
        source_id="7",
    )
    answer = await api.put(f"/v1/schedules/{own}", json={**body, "status": "TODO"})
    [row] = planner.schedules()
    assert answer.json() == {
        **body,
        "scheduleId": own,
        "cognitoSub": planner.sub,
        "groupId": None,
        "description": None,
        "location": None,
        "isAllDay": False,
        "recurrenceRule": None,
        "status": "DONE",
        "source": "TODOIST",
        "sourceId": "7",
        "createdAt": "2025-01-01T00:00:00",
        "updatedAt": row["updated_at"].isoformat(),
    }
    assert row["updated_at"] > row["created_at"]
    assert row["time_zone"] is None


@pytest.mark.parametrize(
    ("creator", "group_id", "new_group_id", "status"),
    [
        ("me", None, GROUP, 200),
        ("me", GROUP, OTHER_GROUP, 200),
        ("me", GROUP, None, 200),
        ("other", GROUP, GROUP, 200),
        ("other", GROUP, OTHER_GROUP, 200),
        ("other", GROUP, None, 403),
        ("me", None, READ_ONLY, 403),
        ("me", None, FOREIGN, 403),
        ("me", READ_ONLY, READ_ONLY, 403),
        ("me", READ_ONLY, None, 403),
        ("me", FOREIGN, None, 403),
        ("other", None, None, 403),
        ("other", None, GROUP, 403),
    ],
)
async def test_moving_needs_both_ends_and_leaving_a_group_its_creator(
    api, planner, body, creator, group_id, new_group_id, status
):
    """R-17"""
    sub = planner.sub if creator == "me" else planner.other_sub
    schedule = planner.schedule(body["categoryId"], cognito_sub=sub, group_id=group_id)
    before = planner.contents()
    # Dates and category are wrong as well: permission comes first.
    wrong = {"endTime": "2020-01-01T00:00:00", "categoryId": 12345} if status == 403 else {}
    answer = await api.put(
        f"/v1/schedules/{schedule}", json={**body, **wrong, "groupId": new_group_id}
    )
    assert answer.status_code == status
    if status == 403:
        assert refusal(answer) == DENIED
        assert planner.contents() == before
    else:
        assert (answer.json()["groupId"], answer.json()["cognitoSub"]) == (new_group_id, sub)


async def test_an_update_tells_mistakes_in_the_order_of_the_contract(api, planner, body):
    """E41: existence, permission, dates, category."""
    foreign = planner.schedule(body["categoryId"], cognito_sub="x")
    own = planner.schedule(body["categoryId"])
    wrong = {**body, "endTime": "2026-03-04T09:29:59", "categoryId": 12345, "groupId": READ_ONLY}
    assert refusal(await api.put("/v1/schedules/12345", json=wrong)) == NOT_FOUND
    assert refusal(await api.put(f"/v1/schedules/{foreign}", json=wrong)) == DENIED
    assert refusal(await api.put(f"/v1/schedules/{own}", json=wrong)) == DENIED
    wrong["groupId"] = None
    assert refusal(await api.put(f"/v1/schedules/{own}", json=wrong)) == INVALID
    wrong["endTime"] = wrong["startTime"]
    assert refusal(await api.put(f"/v1/schedules/{own}", json=wrong)) == NO_CATEGORY


@pytest.mark.parametrize("before", ["TODO", "IN_PROGRESS", "DONE"])
async def test_any_status_follows_any_other_and_todos_stay(api, planner, category, before):
    """E42"""
    own = planner.schedule(category, status=before)
    planner.todo(category, schedule_id=own)
    todos = planner.contents()["todos"]
    for after in ("DONE", "TODO", "IN_PROGRESS", "IN_PROGRESS"):
        answer = await api.patch(f"/v1/schedules/{own}/status", json={"status": after})
        assert (answer.status_code, answer.json()["status"]) == (200, after)
        assert "todos" not in answer.json()
        assert answer.json()["updatedAt"] == planner.schedules()[0]["updated_at"].isoformat()
    assert planner.contents()["todos"] == todos


async def test_a_status_is_required_and_known(api, planner, category):
    path = f"/v1/schedules/{planner.schedule(category)}/status"
    for body in ({}, {"status": None}):
        answer = await api.patch(path, json=body)
        assert (answer.status_code, list(answer.json()["errors"])) == (400, ["status"])
    for status in ("done", "", 1, "CANCELLED"):
        answer = await api.patch(path, json={"status": status})
        assert refusal(answer) == (400, "BAD_REQUEST")


async def test_a_deleted_schedule_is_gone_and_its_todos_lose_the_link(api, planner, category):
    """R-18"""
    own = planner.schedule(category)
    root = planner.todo(category, schedule_id=own)
    planner.todo(category, parent_todo_id=root)
    answer = await api.delete(f"/v1/schedules/{own}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert refusal(await api.get(f"/v1/schedules/{own}")) == NOT_FOUND
    assert refusal(await api.delete(f"/v1/schedules/{own}")) == NOT_FOUND
    assert (await api.get("/v1/schedules")).json() == []
    assert [row["schedule_id"] for row in planner.contents()["todos"]] == [None, None]


async def test_an_absent_schedule_is_absent_before_any_permission(api, user_service, body):
    user_service.statuses = [500] * 6
    path = "/v1/schedules/12345"
    assert refusal(await api.put(path, json={**body, "groupId": GROUP})) == NOT_FOUND
    assert refusal(await api.patch(f"{path}/status", json={"status": "DONE"})) == NOT_FOUND
    assert refusal(await api.delete(path)) == NOT_FOUND


async def test_writers_at_once_follow_one_another(api, planner, category, body):
    """D-02: the row is one writer's whole, and each answer is what its writer wrote."""
    own = planner.schedule(category)
    given = [{**body, "title": f"t{n}", "location": f"l{n}"} for n in range(50)]
    answers = await asyncio.gather(*(api.put(f"/v1/schedules/{own}", json=one) for one in given))
    assert {answer.status_code for answer in answers} == {200}
    for one, answer in zip(given, answers, strict=True):
        assert (answer.json()["title"], answer.json()["location"]) == (
            one["title"],
            one["location"],
        )
    [row] = planner.schedules()
    assert row["title"][1:] == row["location"][1:]
    assert row["updated_at"].isoformat() == max(answer.json()["updatedAt"] for answer in answers)


async def test_a_deletion_among_writers_is_final(api, planner, category, body):
    """D-02"""
    own = planner.schedule(category)
    calls = [api.put(f"/v1/schedules/{own}", json=body) for _ in range(20)]
    calls[10:10] = [api.delete(f"/v1/schedules/{own}") for _ in range(5)]
    statuses = Counter(answer.status_code for answer in await asyncio.gather(*calls))
    assert statuses[204] == 1
    assert statuses[200] + statuses[404] == 24
    assert planner.schedules() == []


async def test_server_owned_fields_are_not_taken_from_a_body(api, planner, body):
    """S-02"""
    claimed = {
        "scheduleId": 99,
        "cognitoSub": planner.other_sub,
        "status": "DONE",
        "createdAt": "2020-01-01T00:00:00",
        "updatedAt": "2020-01-01T00:00:00",
        "timeZone": "Asia/Seoul",
        "todos": [{"todoId": 1}],
    }
    made = (await api.post("/v1/schedules", json={**body, **claimed})).json()
    path = f"/v1/schedules/{made['scheduleId']}"
    for answer in (made, (await api.put(path, json={**body, **claimed})).json()):
        assert (answer["cognitoSub"], answer["status"]) == (planner.sub, "TODO")
        assert answer["scheduleId"] != 99
        assert answer["createdAt"] == made["createdAt"] != "2020-01-01T00:00:00"
        assert answer["updatedAt"] != "2020-01-01T00:00:00"
        assert "todos" not in answer
    assert planner.schedules()[0]["time_zone"] is None


@pytest.mark.parametrize(
    "text",
    [
        "'; DROP TABLE schedules; -- ",
        "<script>alert(1)</script>",
        "%s %(x)s {0} \\",
        "👩‍👩‍👧‍👦 é é 가",
        "\u202eright to left\u200b\ufeff",
        "line\r\nbreak\ttab",
        "\x01\x1f\x7f\x85\u2028",
        "Z̸̡̢̛͔͔a̷͕͝l̴̰͗g̷̛̱o̸̼͘" * 3,
        " leading and trailing ",
    ],
)
async def test_awkward_text_comes_back_as_it_was(api, body, text):
    """D-05"""
    given = {"title": text, "description": text, "location": text, "sourceId": text}
    made = (await api.post("/v1/schedules", json={**body, **given})).json()
    assert {field: made[field] for field in given} == given
    assert (await api.get(f"/v1/schedules/{made['scheduleId']}")).json() == {**made, "todos": []}


@pytest.mark.parametrize(
    "moment",
    [
        "1970-01-01T00:00:00",
        "2038-01-19T03:14:08",
        "9999-12-31T23:59:59.999999",
        "1000-01-01T00:00:00",
        "0001-01-01T00:00:00",
        "2024-02-29T23:59:59.000001",
        "2016-12-31T23:59:59.100000",
    ],
)
async def test_a_time_comes_back_with_the_same_digits(api, body, moment):
    """D-05, rest.md 1.6"""
    answer = await api.post("/v1/schedules", json={**body, "startTime": moment, "endTime": moment})
    assert (answer.status_code, answer.json().get("startTime")) == (201, moment)
    [listed] = (await api.get("/v1/schedules")).json()
    assert listed["endTime"] == moment


async def test_an_outage_of_user_service_is_an_outage_and_writes_nothing(
    api, planner, user_service, body, category
):
    """R-4"""
    shared = planner.schedule(category, group_id=GROUP)
    body["groupId"] = GROUP
    before = planner.contents()
    for method, path, content in (
        ("POST", "", body),
        ("PUT", f"/{shared}", body),
        ("PATCH", f"/{shared}/status", {"status": "DONE"}),
        ("DELETE", f"/{shared}", None),
    ):
        user_service.statuses = [503, 503]
        answer = await api.request(method, f"/v1/schedules{path}", json=content)
        assert refusal(answer) == (503, "SERVICE_UNAVAILABLE")
    assert planner.contents() == before


async def test_no_connection_is_held_while_user_service_is_asked(
    api, planner, category, session_database, session_user_service, body
):
    """A slow user_service must not use up the pool."""
    shared = planner.schedule(category, group_id=GROUP)
    held = []
    pool = session_database.engine.pool

    class Watching(list):
        def append(self, call: str) -> None:
            held.append(pool.checkedout())
            super().append(call)

    session_user_service.calls = Watching()
    body |= {"groupId": OTHER_GROUP, "categoryId": planner.category(name="x", group_id=READ_ONLY)}
    assert (await api.put(f"/v1/schedules/{shared}", json=body)).status_code == 200
    assert held == [0, 0, 0]
