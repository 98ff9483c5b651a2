"""Occurrences, free slots and conflicts are one statement each, on an index, at any size."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, event

from shared.testing.schemas import connect

MEMBERS = [f"member-{number:02}" for number in range(20)]


@pytest.fixture
def statements(database):
    """Every statement sent while a test runs, with its parameters."""
    sent = []

    def note(_, __, statement, parameters, *___) -> None:
        sent.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    yield sent
    event.remove(Engine, "before_cursor_execute", note)


@pytest.fixture
def crowd(planner, user_service):
    """A group of 20 whose members have schedules, among many others who have more."""
    user_service.roles = {1: dict.fromkeys([planner.sub, *MEMBERS], "MEMBER")}
    category = planner.category()
    start = datetime(2026, 1, 1)
    rows = [
        (sub, group, category, start + timedelta(days=day), start + timedelta(days=day, hours=1),
         "FREQ=DAILY;COUNT=2" if day == 0 else None)
        for sub in [planner.sub, *MEMBERS, *(f"stranger-{number}" for number in range(200))]
        for group in (None, 1 if sub in MEMBERS[:2] else 5)
        for day in range(10)
    ]  # fmt: skip
    with connect(planner.url) as connection, connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO schedules (cognito_sub, group_id, category_id, title, start_time, end_time,"
            " recurrence_rule, created_at, updated_at)"
            " VALUES (%s, %s, %s, 't', %s, %s, %s, NOW(), NOW())",
            rows,
        )
        cursor.execute("ANALYZE TABLE schedules")


@pytest.mark.parametrize(
    ("method", "path", "json"),
    [
        (
            "GET",
            "/v1/schedules/occurrences?startDate=2026-01-03T00:00&endDate=2026-01-05T00:00"
            "&includeGroups=true",
            None,
        ),
        (
            "POST",
            "/v1/schedules/find-free-slots",
            {
                "groupId": 1,
                "startDate": "2026-01-03",
                "endDate": "2026-01-04",
                "minDurationMinutes": 1,
            },
        ),
        (
            "POST",
            "/v1/schedules/check-conflicts",
            {"groupId": 1, "startTime": "2026-01-03T00:00", "endTime": "2026-01-05T00:00"},
        ),
    ],
    ids=["occurrences", "free slots", "conflicts"],
)
async def test_one_statement_on_an_index_for_any_number_of_members(
    api, planner, crowd, statements, method, path, json
):
    """D-07"""
    answer = await api.request(method, path, json=json)
    assert answer.status_code == 200, answer.text
    assert len(statements) == 1
    statement, parameters = statements[0]
    steps = planner.rows(f"EXPLAIN FORMAT=TRADITIONAL {statement}", *parameters)
    of_the_table = [step for step in steps if step["table"] == "schedules"]
    assert len(of_the_table) == 2
    for step in of_the_table:
        assert step["type"] in ("ref", "range"), step
        assert step["key"].startswith(("idx_cognito_sub", "idx_group_id")), step
