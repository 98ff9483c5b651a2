"""E45, E46 and E48: reading todos."""

import itertools
import re

import pytest

from shared.testing.statements import sent_statements

FIELDS = {
    "todoId",
    "cognitoSub",
    "groupId",
    "categoryId",
    "title",
    "description",
    "startDate",
    "dueDate",
    "deadline",
    "status",
    "priority",
    "progressPercentage",
    "parentTodoId",
    "scheduleId",
    "isAiGenerated",
    "createdAt",
    "updatedAt",
}


@pytest.fixture
def category(planner):
    return planner.category()


@pytest.fixture
def todos(planner, category, user_service):
    """Ids by title; personal, of the caller's groups 1 and 2, of the strangers' group 9, another's."""
    user_service.roles = {1: {planner.sub: "MEMBER"}, 2: {planner.sub: "ADMIN"}, 9: {"x": "OWNER"}}
    made = {
        "march": {"start_date": "2026-03-01", "due_date": "2026-03-31", "priority": "URGENT"},
        "early": {"start_date": "2026-01-05", "due_date": "2026-01-06", "status": "DONE"},
        "in 2": {"group_id": 2, "status": "IN_PROGRESS", "priority": "LOW"},
        "in 1": {"group_id": 1, "cognito_sub": planner.other_sub},
        "in 9": {"group_id": 9, "cognito_sub": "x"},
        "left by me": {"group_id": 9},
        "other": {"cognito_sub": planner.other_sub},
    }
    ids = {title: planner.todo(category, title=title, **row) for title, row in made.items()}
    below = {"parent_todo_id": ids["march"], "start_date": "2026-03-10", "due_date": "2026-03-12"}
    return {**ids, "sub": planner.todo(category, title="sub", **below)}


@pytest.fixture
def statements(database):
    """What was sent to the database, on either of its pools."""
    with sent_statements(database) as sent:
        yield sent


async def titles(api, query="") -> list[str]:
    answer = await api.get(f"/v1/todos{query}")
    assert answer.status_code == 200, answer.text
    return [todo["title"] for todo in answer.json()]


def refusal(answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["errorCode"]


async def test_a_todo_is_written_out_exactly(api, planner, category):
    schedule = planner.schedule(category)
    root = planner.todo(category)
    todo = planner.todo(
        category,
        parent_todo_id=root,
        schedule_id=schedule,
        description="how",
        deadline="2026-03-04 23:59:00.250000",
        status="IN_PROGRESS",
        priority="HIGH",
        progress_percentage=45,
        is_ai_generated=1,
        updated_at="2025-01-02 03:04:05.678900",
    )
    expected = {
        "todoId": todo,
        "cognitoSub": planner.sub,
        "groupId": None,
        "categoryId": category,
        "title": "step",
        "description": "how",
        "startDate": "2026-03-01",
        "dueDate": "2026-03-04",
        "deadline": "2026-03-04T23:59:00.250000",
        "status": "IN_PROGRESS",
        "priority": "HIGH",
        "progressPercentage": 45,
        "parentTodoId": root,
        "scheduleId": schedule,
        "isAiGenerated": True,
        "createdAt": "2025-01-01T00:00:00",
        "updatedAt": "2025-01-02T03:04:05.678900",
    }
    assert (await api.get(f"/v1/todos/{todo}")).json() == expected
    assert (await api.get(f"/v1/todos/{root}/subtasks")).json() == [expected]
    assert (await api.get("/v1/todos")).json()[1] == expected


async def test_datetimes_are_shown_in_the_callers_zone_and_dates_as_they_are(
    api, planner, category
):
    todo = planner.todo(category, deadline="2026-03-03 15:30:00")
    answer = await api.get(f"/v1/todos/{todo}", headers={"X-Time-Zone": "Asia/Seoul"})
    shown = answer.json()
    assert (shown["deadline"], shown["createdAt"]) == ("2026-03-04T00:30:00", "2025-01-01T09:00:00")
    assert (shown["startDate"], shown["dueDate"]) == ("2026-03-01", "2026-03-04")


@pytest.mark.parametrize(
    ("query", "listed"),
    [
        ("", ["march", "early", "sub"]),
        ("?includeGroups=false", ["march", "early", "sub"]),
        ("?includeGroups=true", ["march", "early", "in 2", "in 1", "sub"]),
        ("?groupId=1", ["in 1"]),
        ("?groupId=2&includeGroups=true", ["in 2"]),
        ("?groupId=", ["march", "early", "sub"]),
        ("?startDate=2026-03-01", ["march", "sub"]),
        ("?startDate=2026-03-02", ["sub"]),
        ("?endDate=2026-01-06", ["early"]),
        ("?endDate=2026-01-05", []),
        ("?startDate=2026-03-01&endDate=2026-03-30", ["sub"]),
        ("?startDate=2026-12-31&endDate=2026-01-01", []),
        ("?startDate=&endDate=", ["march", "early", "sub"]),
        ("?status=done", ["early"]),
        ("?status=In_Progress&includeGroups=true", ["in 2"]),
        ("?status=", ["march", "early", "sub"]),
        ("?priority=uRGENT", ["march"]),
        ("?priority=LOW&groupId=2", ["in 2"]),
        ("?priority=MEDIUM&status=TODO&includeGroups=true", ["in 1", "sub"]),
        ("?unknown=1", ["march", "early", "sub"]),
    ],
)
async def test_a_list_covers_what_was_asked_for_in_order_of_id(api, todos, query, listed):
    assert await titles(api, query) == listed


async def test_a_list_has_exactly_the_fields_of_the_contract(api, todos):
    """S-02"""
    answer = await api.get("/v1/todos?includeGroups=true")
    assert {frozenset(todo) for todo in answer.json()} == {frozenset(FIELDS)}


async def test_a_new_student_has_none(api):
    assert (await api.get("/v1/todos")).json() == []


@pytest.mark.parametrize(
    "query", ["status=OPEN", "priority=HIGHEST", "status=DONE%20", "status=%C4%B1n_progress"]
)
async def test_an_unknown_filter_is_invalid_but_not_before_the_group_is_checked(api, todos, query):
    assert refusal(await api.get(f"/v1/todos?{query}")) == (400, "INVALID_TODO")
    assert refusal(await api.get(f"/v1/todos?{query}&groupId=9")) == (403, "UNAUTHORIZED_ACCESS")


@pytest.mark.parametrize(
    "path",
    [
        "?startDate=2026-03-04T00:00:00",
        "?startDate=2026-02-30",
        "?endDate=20260304",
        "?endDate=1772000000",
        "?groupId=one",
        "?includeGroups=maybe",
        "?limit=0",
        "?limit=101",
        "?cursor=x",
        "?cursor=WyJ4Il0=",
        "/one",
        "/1.5",
        "/9223372036854775808",
        "/one/subtasks",
    ],
)
async def test_what_cannot_be_converted_is_a_bad_request(api, path):
    assert refusal(await api.get(f"/v1/todos{path}")) == (400, "BAD_REQUEST")


@pytest.mark.parametrize("path", ["", "/1", "/1/subtasks"])
async def test_a_caller_is_needed(api, path):
    answer = await api.get(f"/v1/todos{path}", headers={"X-Cognito-Sub": " "})
    assert refusal(answer) == (401, "UNAUTHORIZED")


async def test_an_absent_todo_is_absent_before_anything_else(api, user_service):
    user_service.statuses = [500] * 4
    for path in ("/v1/todos/12345", "/v1/todos/12345/subtasks", "/v1/todos/-1"):
        answer = await api.get(path)
        assert refusal(answer) == (404, "TODO_NOT_FOUND")
        assert set(answer.json()) == {"errorCode", "message", "timestamp"}


async def test_an_outage_of_user_service_is_said_and_not_guessed(api, todos, user_service):
    """R-4"""
    for path in ("?groupId=1", "?includeGroups=true", f"/{todos['in 1']}"):
        user_service.statuses = [500] * 2
        answer = await api.get(f"/v1/todos{path}")
        assert refusal(answer) == (503, "SERVICE_UNAVAILABLE")


async def test_subtasks_are_the_direct_ones_in_order_of_id(api, planner, category, todos):
    march, sub = todos["march"], todos["sub"]
    planner.todo(category, title="deeper", parent_todo_id=sub)
    planner.todo(category, title="second", parent_todo_id=march)
    answer = await api.get(f"/v1/todos/{march}/subtasks")
    assert [todo["title"] for todo in answer.json()] == ["sub", "second"]
    assert set(answer.json()[0]) == FIELDS
    assert (await api.get(f"/v1/todos/{todos['early']}/subtasks")).json() == []


async def test_subtasks_the_caller_may_not_read_are_hidden(api, planner, category, todos):
    """S-01: a readable parent does not open what hangs below it."""
    for title, row in {
        "mine": {},
        "another's": {"cognito_sub": planner.other_sub},
        "same group": {"group_id": 1, "cognito_sub": planner.other_sub},
        "my other group": {"group_id": 2, "cognito_sub": planner.other_sub},
        "foreign group": {"group_id": 9},
    }.items():
        planner.todo(category, title=title, parent_todo_id=todos["in 1"], **row)
    answer = await api.get(f"/v1/todos/{todos['in 1']}/subtasks")
    assert [todo["title"] for todo in answer.json()] == ["mine", "same group", "my other group"]


@pytest.mark.parametrize("path", ["/v1/todos", "/v1/todos/{march}/subtasks"])
async def test_pages_put_together_are_the_whole_list(api, planner, category, todos, path):
    for number in range(7):
        planner.todo(category, title=f"{number}", parent_todo_id=todos["march"])
        planner.todo(category, title="g", group_id=2, parent_todo_id=todos["march"])
    path = path.format(**todos) + "?includeGroups=true"
    whole = (await api.get(path)).json()
    pages, url = [], f"{path}&limit=4"
    while url:
        answer = await api.get(url)
        pages.append(answer.json())
        link = re.fullmatch(r'<(.+)>; rel="next"', answer.headers.get("Link", ""))
        url = link and link[1]
    assert [*itertools.chain(*pages)] == whole
    assert {len(page) for page in pages[:-1]} == {4}


@pytest.mark.parametrize("filler", [3, 300])
async def test_the_number_of_statements_does_not_grow_with_rows(
    api, planner, category, todos, statements, filler
):
    """D-07"""
    root = todos["in 2"]
    rows = ", ".join(
        f"('{planner.sub}', {category}, 't', '2026-03-01', '2026-03-04', NOW(), NOW(), {group}, {root})"
        for group in ("NULL", 1, 2) * filler
    )
    planner.rows(
        "INSERT INTO todos (cognito_sub, category_id, title, start_date, due_date, created_at,"
        f" updated_at, group_id, parent_todo_id) VALUES {rows}"
    )
    for path, most in [("?includeGroups=true", 1), (f"/{root}/subtasks", 3), (f"/{root}", 1)]:
        statements.clear()
        await api.get(f"/v1/todos{path}")
        assert len(statements) <= most


async def test_no_list_scans_the_table(api, planner, category, todos, statements):
    """D-07: one student's and one group's rows among many others'."""
    planner.rows(
        "INSERT INTO todos (cognito_sub, category_id, title, start_date, due_date, created_at,"
        " updated_at, group_id)"
        f" SELECT CONCAT('u', MOD(seq, 400)), {category}, 't', '2026-03-01', '2026-03-04', NOW(), NOW(),"
        " IF(MOD(seq, 2), 100 + MOD(seq, 300), NULL) FROM"
        " (SELECT a.n * 1000 + b.n * 100 + c.n * 10 + d.n AS seq FROM"
        + ", ".join(
            "(SELECT 0 n UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5"
            f" UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9) {name}"
            for name in "abcd"
        )
        + ") numbers"
    )
    planner.rows(
        f"UPDATE todos SET parent_todo_id = {todos['march']} WHERE cognito_sub = 'u8'"
        " AND group_id IS NULL"
    )
    planner.rows("ANALYZE TABLE todos")
    for query in (
        "?includeGroups=true",
        "?includeGroups=true&limit=5",
        "?limit=5",
        "?groupId=1&status=TODO&startDate=2026-01-01&limit=5",
        f"/{todos['march']}/subtasks",
        f"/{todos['march']}/subtasks?limit=5",
    ):
        statements.clear()
        assert (await api.get(f"/v1/todos{query}")).status_code == 200
        for statement, parameters in list(statements):
            for step in planner.rows(
                f"EXPLAIN FORMAT=TRADITIONAL {statement}", *(parameters or ())
            ):
                if step["table"] == "todos":
                    assert step["type"] not in ("ALL", "index"), (query, step)
                    assert int(step["rows"]) < 1_000, (query, step)
