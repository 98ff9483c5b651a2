"""E38 and E39: reading schedules."""

import pytest

from shared.testing.statements import sent_statements

FIELDS = {
    "scheduleId",
    "cognitoSub",
    "groupId",
    "categoryId",
    "title",
    "description",
    "location",
    "startTime",
    "endTime",
    "isAllDay",
    "status",
    "recurrenceRule",
    "source",
    "sourceId",
    "createdAt",
    "updatedAt",
}


@pytest.fixture
def category(planner):
    return planner.category()


@pytest.fixture
def schedules(planner, category, user_service):
    """Ids by title; personal, of the caller's groups 1 and 2, of the strangers' group 9, another's."""
    user_service.roles = {1: {planner.sub: "MEMBER"}, 2: {planner.sub: "ADMIN"}, 9: {"x": "OWNER"}}
    made = {
        "late": {"start_time": "2026-03-09 09:00", "end_time": "2026-03-09 10:00"},
        "early": {"status": "DONE"},
        "in 1": {"group_id": 1, "cognito_sub": planner.other_sub},
        "in 2": {"group_id": 2, "status": "IN_PROGRESS"},
        "twin": {},
        "in 9": {"group_id": 9, "cognito_sub": "x"},
        "left by me": {"group_id": 9},
        "other": {"cognito_sub": planner.other_sub},
    }
    return {title: planner.schedule(category, title=title, **row) for title, row in made.items()}


async def titles(api, query="") -> list[str]:
    answer = await api.get(f"/v1/schedules{query}")
    assert answer.status_code == 200, answer.text
    return [schedule["title"] for schedule in answer.json()]


def refusal(answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["errorCode"]


async def test_a_canvas_schedule_is_written_out_exactly(api, handle, planner, events):
    await handle(events.sample("USER_ASSIGNMENTS_CREATED"))
    [row] = planner.schedules()
    expected = {
        "scheduleId": row["schedule_id"],
        "cognitoSub": planner.sub,
        "groupId": None,
        "categoryId": row["category_id"],
        "title": "Scheduler lab",
        "description": "<p>Part A and B</p>",
        "location": None,
        "startTime": "2025-11-28T14:59:00",
        "endTime": "2025-11-28T14:59:00",
        "isAllDay": False,
        "status": "TODO",
        "recurrenceRule": None,
        "source": "CANVAS",
        "sourceId": events.source_id(90210),
        "createdAt": row["created_at"].isoformat(),
        "updatedAt": row["updated_at"].isoformat(),
    }
    assert (await api.get("/v1/schedules")).json() == [expected]
    answer = await api.get(f"/v1/schedules/{row['schedule_id']}")
    assert answer.json() == expected | {"todos": []}


@pytest.mark.parametrize(
    ("query", "listed"),
    [
        # personal means without a group, whoever created it.
        ("", ["late", "early", "twin"]),
        ("?status=DONE", ["early"]),
        ("?status=", ["late", "early", "twin"]),
        ("?includeGroups=true", ["early", "twin", "in 1", "in 2", "late"]),
        ("?includeGroups=true&status=IN_PROGRESS", ["in 2"]),
        ("?groupId=2", ["in 2"]),
        ("?groupId=1&includeGroups=true", ["in 1"]),
        ("?startDate=2026-03-01T00:00:00", ["late", "early", "twin"]),
        ("?endDate=2026-03-01T00:00:00", ["late", "early", "twin"]),
        ("?startDate=2026-03-01T00:00:00&endDate=2026-04-01T00:00", ["early", "twin", "late"]),
        ("?startDate=2026-03-04T09:59:59&endDate=2026-03-09T09:00:01", ["early", "twin", "late"]),
        ("?startDate=2026-03-04T10:00:00&endDate=2026-03-09T09:00:00", []),
        ("?startDate=2026-03-04T09:30:00&endDate=2026-03-04T09:30:00", ["early", "twin"]),
        ("?startDate=2026-03-01T00:00:00Z&endDate=2026-03-05T00:00:00%2B09:00", ["early", "twin"]),
        (
            "?startDate=2026-03-01T00:00&endDate=2026-03-05T00:00&includeGroups=true&status=TODO",
            ["twin", "in 1"],
        ),
        ("?startDate=2026-03-01T00:00&endDate=2026-03-05T00:00&groupId=2", ["in 2"]),
    ],
)
async def test_a_list_covers_what_was_asked_for_in_order(api, schedules, query, listed):
    assert await titles(api, query) == listed


async def test_a_point_in_time_is_inside_a_range_but_not_on_its_edges(api, planner, category):
    planner.schedule(category, start_time="2026-03-04 09:00", end_time="2026-03-04 09:00")
    assert await titles(api, "?startDate=2026-03-04T08:59:59&endDate=2026-03-04T09:00:01")
    assert not await titles(api, "?startDate=2026-03-04T09:00:00&endDate=2026-03-05T00:00:00")
    assert not await titles(api, "?startDate=2026-03-03T00:00:00&endDate=2026-03-04T09:00:00")


async def test_a_student_without_groups_gets_the_personal_ones(api, planner, category):
    planner.schedule(category, title="mine")
    assert await titles(api, "?includeGroups=true") == ["mine"]


async def test_a_list_has_exactly_the_fields_of_the_contract(api, schedules):
    """R-19: no `todos` outside the detail answer."""
    answer = await api.get("/v1/schedules?includeGroups=true")
    assert {frozenset(schedule) for schedule in answer.json()} == {frozenset(FIELDS)}


async def test_an_end_before_the_start_is_invalid(api, schedules):
    backwards = "startDate=2026-03-05T00:00:00&endDate=2026-03-04T00:00:00"
    assert refusal(await api.get(f"/v1/schedules?{backwards}")) == (400, "INVALID_SCHEDULE")
    assert refusal(await api.get(f"/v1/schedules?{backwards}&groupId=1")) == (
        400,
        "INVALID_SCHEDULE",
    )
    assert refusal(await api.get(f"/v1/schedules?{backwards}&groupId=9")) == (
        403,
        "UNAUTHORIZED_ACCESS",
    )


@pytest.mark.parametrize(
    "query", ["status=todo", "status=OPEN", "startDate=2026-03-04", "endDate=x", "groupId=x"]
)
async def test_what_cannot_be_converted_is_a_bad_request(api, query):
    assert refusal(await api.get(f"/v1/schedules?{query}")) == (400, "BAD_REQUEST")


@pytest.mark.parametrize(
    ("title", "status"),
    [("late", 200), ("in 1", 200), ("in 9", 403), ("left by me", 403), ("other", 403)],
)
async def test_one_schedule_is_read_by_those_who_may(api, schedules, title, status):
    answer = await api.get(f"/v1/schedules/{schedules[title]}")
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["errorCode"] == "UNAUTHORIZED_ACCESS"


async def test_an_absent_schedule_is_not_found(api):
    assert refusal(await api.get("/v1/schedules/12345")) == (404, "SCHEDULE_NOT_FOUND")
    assert refusal(await api.get("/v1/schedules/x")) == (400, "BAD_REQUEST")


async def test_an_outage_of_user_service_is_an_outage(api, schedules, user_service):
    """R-4: neither `no permission` nor empty group lists; a read is tried twice."""
    paths = ["?groupId=1", "?includeGroups=true", f"/{schedules['in 1']}"]
    for path in paths:
        user_service.statuses = [503, 500]
        answer = await api.get(f"/v1/schedules{path}")
        assert refusal(answer) == (503, "SERVICE_UNAVAILABLE")
        user_service.statuses = [500]
        assert (await api.get(f"/v1/schedules{path}")).status_code == 200
    assert await titles(api)


async def test_a_role_change_holds_from_the_next_request(api, schedules, user_service, planner):
    """rest.md 1.9: nothing about groups is cached."""
    assert await titles(api, "?groupId=1") == ["in 1"]
    del user_service.roles[1][planner.sub]
    assert refusal(await api.get("/v1/schedules?groupId=1")) == (403, "UNAUTHORIZED_ACCESS")
    assert "in 1" not in await titles(api, "?includeGroups=true")


async def test_a_failing_commit_is_not_answered_with_success(api, schedules, failing_commits):
    """An answer of 2xx means committed."""
    answer = await api.patch(f"/v1/schedules/{schedules['late']}/status", json={"status": "DONE"})
    assert refusal(answer) == (500, "INTERNAL_SERVER_ERROR")


async def test_a_list_of_any_size_is_one_statement_on_an_index(api, planner, category, database):
    """D-07"""
    row = f"('{planner.sub}', {category}, 't', '2026-03-04', '2026-03-05', NOW(), NOW())"
    planner.rows(
        "INSERT INTO schedules (cognito_sub, category_id, title, start_time, end_time, created_at,"
        f" updated_at) VALUES {', '.join([row] * 300)}"
    )
    with sent_statements(database) as sent:
        assert len(await titles(api, "?startDate=2026-03-01T00:00&endDate=2026-04-01T00:00")) == 300
    assert len(sent) == 1
