"""E47, E49, E50 and E53: making, replacing and deleting todos."""

from datetime import datetime

import pytest
from sqlalchemy import event as engine_event

BODY = {"title": "step", "startDate": "2026-03-01", "dueDate": "2026-03-04"}
SEOUL = {"X-Time-Zone": "Asia/Seoul"}
STAMPS = ("createdAt", "updatedAt")

AWKWARD = [
    " leading and trailing ",
    "Ünïcödé, ñ vs ñ, ﬁ, ß, İı",
    "한국어 과제 제출 📚 👩\u200d💻 🏳\ufe0f\u200d🌈",
    "مرحبا \u202eright to left\u202c",
    "z̧͕̺̃a̵l̶g̷o",
    "zero\u200bwidth\ufeff\u00a0\u2028\u2029",
    "tab\tnew\nline\r\n\x01\x1b\x7f",
    "'; DROP TABLE todos; -- \" ` \\ \\' %s %(x)s {0} ${x}",
    "<script>alert(1)</script>&amp;&#0;",
    "../../etc/passwd%00%2e%2e",
    "null",
    "0e1",
    "\U0010ffff\ud7ff\ue000",
    "=cmd|' /C calc'!A0",
    "😀" * 127,
]


@pytest.fixture
def category(planner):
    return planner.category()


@pytest.fixture
def body(category):
    return {**BODY, "categoryId": category}


@pytest.fixture
def todo(planner, category):
    return planner.todo(category)


@pytest.fixture
def statements(database):
    sent = []

    def note(_, __, statement, *___) -> None:
        sent.append(statement)

    engine_event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    yield sent
    engine_event.remove(database.engine.sync_engine, "before_cursor_execute", note)


async def make(api, body, below=None, **fields):
    path = "/v1/todos" if below is None else f"/v1/todos/{below}/subtasks"
    answer = await api.post(path, json={**body, **fields})
    assert answer.status_code == 201, answer.text
    return answer.json()


def refusal(answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["errorCode"]


def count(planner) -> int:
    return planner.rows("SELECT COUNT(*) AS n FROM todos")[0]["n"]


async def test_a_new_todo_has_nothing_done(api, planner, category, body):
    made = await make(api, body)
    assert {name: value for name, value in made.items() if name not in STAMPS} == {
        "todoId": 1,
        "cognitoSub": planner.sub,
        "groupId": None,
        "categoryId": category,
        "title": "step",
        "description": None,
        "startDate": "2026-03-01",
        "dueDate": "2026-03-04",
        "deadline": None,
        "status": "TODO",
        "priority": "MEDIUM",
        "progressPercentage": 0,
        "parentTodoId": None,
        "scheduleId": None,
        "isAiGenerated": False,
    }
    assert made["createdAt"] == made["updatedAt"]
    assert (await api.get("/v1/todos/1")).json() == made


async def test_everything_given_is_kept(api, planner, category, user_service):
    user_service.roles = {5: {planner.sub: "ADMIN"}}
    parent = planner.todo(category)
    given = {
        **BODY,
        "categoryId": category,
        "description": "how",
        "deadline": "2026-03-04T23:59:00.123456",
        "groupId": 5,
        "priority": "URGENT",
        "parentTodoId": parent,
        "scheduleId": planner.schedule(category),
    }
    made = await make(api, given)
    assert {name: made[name] for name in given} == given


async def test_scalars_are_read_leniently(api, planner, body, category):
    """rest.md 1.5 and 1.6"""
    schedule = planner.schedule(category)
    made = await make(
        api,
        body,
        title=17,
        startDate="2026-03-01T23:59:59.999Z",
        dueDate="2026-03-04T00:00",
        categoryId=f"{category}",
        scheduleId=f"{schedule}",
        groupId="",
        parentTodoId="",
        deadline="",
        priority=None,
    )
    assert (made["title"], made["startDate"], made["dueDate"]) == ("17", "2026-03-01", "2026-03-04")
    assert (made["categoryId"], made["scheduleId"]) == (category, schedule)
    assert (made["groupId"], made["parentTodoId"], made["deadline"]) == (None, None, None)
    assert made["priority"] == "MEDIUM"


async def test_fields_of_the_server_are_not_the_clients(api, planner, body):
    """S-02"""
    owned = {
        "todoId": 777,
        "cognitoSub": planner.other_sub,
        "status": "DONE",
        "progressPercentage": 100,
        "isAiGenerated": True,
        "createdAt": "1999-01-01T00:00:00",
        "updatedAt": "1999-01-01T00:00:00",
        "subtasks": [{}],
        "generatedKey": "x",
    }
    made = await make(api, body, **owned)
    replaced = (await api.put(f"/v1/todos/{made['todoId']}", json={**body, **owned})).json()
    for shown in (made, replaced):
        assert not {name for name, value in owned.items() if shown.get(name, ...) == value}


@pytest.mark.parametrize("text", AWKWARD)
async def test_text_survives_the_round_trip(api, body, text):
    """D-05"""
    made = await make(api, body, title=text, description=text * 3)
    shown = (await api.get(f"/v1/todos/{made['todoId']}")).json()
    assert (shown["title"], shown["description"]) == (text, text * 3)


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("0001-01-01T00:00:00", datetime(1, 1, 1)),
        ("9999-12-31T23:59:59.999999", datetime(9999, 12, 31, 23, 59, 59, 999_999)),
        ("2024-02-29T12:00:00.000001", datetime(2024, 2, 29, 12, 0, 0, 1)),
    ],
)
async def test_far_times_survive_the_round_trip(api, planner, body, given, stored):
    """D-05"""
    day = given[:10]
    made = await make(api, body, startDate=day, dueDate=day, deadline=given)
    assert (made["startDate"], made["dueDate"], made["deadline"]) == (day, day, given)
    assert planner.rows("SELECT deadline FROM todos") == [{"deadline": stored}]


@pytest.mark.parametrize(
    ("fields", "broken"),
    [
        ({"title": None}, "title"),
        ({"title": " \t\n"}, "title"),
        ({"title": ""}, "title"),
        ({"title": "x" * 256}, "title"),
        ({"startDate": None}, "startDate"),
        ({"startDate": ""}, "startDate"),
        ({"dueDate": None}, "dueDate"),
        ({"categoryId": None}, "categoryId"),
        ({"categoryId": ""}, "categoryId"),
    ],
)
async def test_a_broken_rule_names_its_field(api, planner, body, todo, fields, broken):
    before = planner.contents()
    missing = {name: value for name, value in body.items() if name not in fields}
    bodies = [{**body, **fields}] + ([missing] if None in fields.values() else [])
    for broken_body in bodies:
        for method, path in [("POST", ""), ("POST", f"/{todo}/subtasks"), ("PUT", f"/{todo}")]:
            answer = await api.request(method, f"/v1/todos{path}", json=broken_body)
            assert answer.status_code == 400
            assert answer.json()["status"] == "error"
            assert list(answer.json()["errors"]) == [broken]
    assert planner.contents() == before


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"title": ["x"]}',
        b'{"startDate": "2026-02-30"}',
        b'{"startDate": 20260301}',
        b'{"dueDate": "tomorrow"}',
        b'{"deadline": "2026-03-04T10:00:00+09:00"}',
        b'{"deadline": "2026-03-04"}',
        b'{"categoryId": 1.5}',
        b'{"categoryId": 9223372036854775808}',
        b'{"categoryId": true}',
        b'{"groupId": "five"}',
        b'{"priority": "high"}',
        b'{"priority": ""}',
        b'{"title": "a\\u0000b"}',
        b'{"title": "\\ud800"}',
        b'{"categoryId": NaN}',
        b'{"title": "a", "title": "b"}',
    ],
)
async def test_what_cannot_be_read_is_a_bad_request(api, planner, todo, body, content):
    for method, path in [("POST", ""), ("PUT", f"/{todo}")]:
        answer = await api.request(
            method,
            f"/v1/todos{path}",
            content=content,
            headers={"Content-Type": "application/json"},
        )
        assert refusal(answer) == (400, "BAD_REQUEST")
    assert count(planner) == 1


async def test_a_description_fits_its_column_or_is_refused(api, planner, body):
    """rest.md 1.7: a value longer than its column; bytes count, not characters."""
    made = await make(api, body, description="한" * 21_845)
    assert len(made["description"]) == 21_845
    answer = await api.post("/v1/todos", json={**body, "description": "한" * 21_846})
    assert refusal(answer) == (400, "BAD_REQUEST")
    assert count(planner) == 1


async def test_a_body_that_is_not_declared_as_json_is_refused(api, todo):
    answer = await api.post("/v1/todos", content=b"{}", headers={"Content-Type": "text/plain"})
    assert refusal(answer) == (415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize(
    ("dates", "valid"),
    [
        ({"startDate": "2026-03-04"}, True),
        ({"startDate": "2026-03-05"}, False),
        ({"deadline": "2026-03-04T00:00:00"}, True),
        ({"deadline": "2026-03-03T23:59:59.999999"}, False),
        ({"deadline": "2026-03-09T00:00:00"}, True),
    ],
)
@pytest.mark.parametrize("zone", [None, "Asia/Seoul", "America/Los_Angeles"])
async def test_dates_may_not_contradict_each_other_as_they_stand_on_the_wire(
    api, planner, body, todo, dates, valid, zone
):
    """additions F: the digits count, whatever the zone makes of them in UTC."""
    headers = {} if zone is None else {"X-Time-Zone": zone}
    for method, path, success in [("POST", "", 201), ("PUT", f"/{todo}", 200)]:
        answer = await api.request(
            method, f"/v1/todos{path}", json={**body, **dates}, headers=headers
        )
        if valid:
            assert answer.status_code == success
            assert answer.json()["deadline"] == dates.get("deadline")
        else:
            assert refusal(answer) == (400, "INVALID_TODO")


async def test_a_deadline_is_stored_in_utc(api, planner, body):
    answer = await api.post(
        "/v1/todos", json={**body, "deadline": "2026-03-04T08:30:00Z"}, headers=SEOUL
    )
    assert answer.json()["deadline"] == "2026-03-04T08:30:00"
    assert planner.rows("SELECT deadline, due_date FROM todos") == [
        {"deadline": datetime(2026, 3, 3, 23, 30), "due_date": datetime(2026, 3, 4).date()}
    ]


async def test_a_deadline_that_no_clock_in_utc_shows_is_a_bad_request(api, planner, body):
    first = {"startDate": "0001-01-01", "dueDate": "0001-01-01", "deadline": "0001-01-01T00:00:00"}
    answer = await api.post("/v1/todos", json={**body, **first}, headers=SEOUL)
    assert refusal(answer) == (400, "BAD_REQUEST")
    assert count(planner) == 0


async def test_checks_come_in_the_order_of_the_contract(api, planner, body, user_service):
    """E47: group, dates, category, parent, schedule."""
    user_service.roles = {5: {planner.sub: "OWNER"}}
    wrong = {"groupId": 9, "startDate": "2027-01-01", "categoryId": 999}
    wrong |= {"parentTodoId": 998, "scheduleId": 997}
    right = {"groupId": 5, "startDate": "2026-03-01", "categoryId": body["categoryId"]}
    right |= {"parentTodoId": planner.todo(body["categoryId"]), "scheduleId": None}
    said = []
    for field in wrong:
        said.append(refusal(await api.post("/v1/todos", json={**body, **wrong})))
        wrong[field] = right[field]
    assert said == [
        (403, "UNAUTHORIZED_ACCESS"),
        (400, "INVALID_TODO"),
        (404, "CATEGORY_NOT_FOUND"),
        (404, "TODO_NOT_FOUND"),
        (404, "SCHEDULE_NOT_FOUND"),
    ]
    assert (await api.post("/v1/todos", json={**body, **wrong})).status_code == 201


async def test_checks_of_a_replacement_come_in_order(api, planner, body, todo, user_service):
    """E50: existence, permission, dates, category, schedule."""
    user_service.roles = {5: {planner.sub: "OWNER"}}
    wrong = {"groupId": 9, "startDate": "2027-01-01", "categoryId": 999, "scheduleId": 997}
    right = {"groupId": 5, "startDate": "2026-03-01", "categoryId": body["categoryId"]}
    right |= {"scheduleId": None}
    said = [refusal(await api.put("/v1/todos/12345", json={**body, **wrong}))]
    for field in wrong:
        said.append(refusal(await api.put(f"/v1/todos/{todo}", json={**body, **wrong})))
        wrong[field] = right[field]
    assert said == [
        (404, "TODO_NOT_FOUND"),
        (403, "UNAUTHORIZED_ACCESS"),
        (400, "INVALID_TODO"),
        (404, "CATEGORY_NOT_FOUND"),
        (404, "SCHEDULE_NOT_FOUND"),
    ]


async def test_a_replacement_keeps_status_progress_and_parent(api, planner, category, todo, body):
    """R-29: the answer shows what is stored, the new stamp included."""
    other = planner.category(name="another")
    child = planner.todo(
        category,
        parent_todo_id=todo,
        status="IN_PROGRESS",
        progress_percentage=45,
        is_ai_generated=1,
        description="old",
        deadline="2026-03-04 10:00:00",
        priority="HIGH",
        schedule_id=planner.schedule(category),
    )
    new = {"title": "new", "startDate": "2026-04-01", "dueDate": "2026-04-02", "categoryId": other}
    answer = await api.put(f"/v1/todos/{child}", json=new)
    assert answer.status_code == 200
    shown = answer.json()
    assert {name: shown[name] for name in new} == new
    assert (shown["description"], shown["deadline"], shown["scheduleId"]) == (None, None, None)
    assert shown["priority"] == "MEDIUM"
    assert (shown["status"], shown["progressPercentage"]) == ("IN_PROGRESS", 45)
    assert (shown["parentTodoId"], shown["isAiGenerated"]) == (todo, True)
    assert shown["createdAt"] == "2025-01-01T00:00:00" < shown["updatedAt"]
    assert (await api.get(f"/v1/todos/{child}")).json() == shown
    parent = (await api.get(f"/v1/todos/{todo}")).json()
    assert parent["updatedAt"] == "2025-01-01T00:00:00"


async def test_a_category_is_only_checked_when_it_changes(api, planner, body, user_service):
    """E50: what once was visible stays usable where it is."""
    hidden = planner.category(name="hidden", cognito_sub=planner.other_sub)
    todo = planner.todo(hidden)
    same = await api.put(f"/v1/todos/{todo}", json={**body, "categoryId": hidden})
    assert same.status_code == 200
    assert (await api.put(f"/v1/todos/{todo}", json=body)).status_code == 200
    back = await api.put(f"/v1/todos/{todo}", json={**body, "categoryId": hidden})
    assert refusal(back) == (404, "CATEGORY_NOT_FOUND")


async def test_a_subtask_is_where_its_body_says_not_where_its_parent_is(
    api, planner, category, body, user_service
):
    user_service.roles = {5: {planner.sub: "ADMIN"}}
    in_group = planner.todo(category, group_id=5, cognito_sub=planner.other_sub)
    personal = planner.todo(category)
    assert (await make(api, body, below=in_group))["groupId"] is None
    assert (await make(api, body, below=in_group, groupId=5))["groupId"] == 5
    assert (await make(api, body, below=personal, groupId=5))["groupId"] == 5


async def test_nesting_ends_at_fifty_levels(api, planner, category, body):
    level = None
    for _ in range(49):
        level = planner.todo(category, parent_todo_id=level)
    last = (await make(api, body, below=level))["todoId"]
    answer = await api.post(f"/v1/todos/{last}/subtasks", json=body)
    assert refusal(answer) == (400, "INVALID_TODO")
    assert count(planner) == 50


async def test_deleting_takes_everything_below_and_nothing_else(api, planner, category):
    """R-25: far deeper than a database cascades by itself."""
    root, other = planner.todo(category), planner.todo(category)
    top = level = planner.todo(category, parent_todo_id=root)
    for _ in range(40):
        planner.todo(category, parent_todo_id=level)
        level = planner.todo(category, parent_todo_id=level)
    below_other = planner.todo(category, parent_todo_id=other)
    assert (await api.delete(f"/v1/todos/{top}")).status_code == 204
    left = [row["todo_id"] for row in planner.rows("SELECT todo_id FROM todos")]
    assert left == [root, other, below_other]
    for path in (top, level):
        assert refusal(await api.delete(f"/v1/todos/{path}")) == (404, "TODO_NOT_FOUND")
        assert refusal(await api.get(f"/v1/todos/{path}")) == (404, "TODO_NOT_FOUND")


async def test_deleting_takes_one_statement_a_level(api, planner, category, statements):
    root = planner.todo(category)
    rows = ", ".join(
        f"('{planner.sub}', {category}, 't', '2026-03-01', '2026-03-04', NOW(), NOW(), {root})"
        for _ in range(1_500)
    )
    planner.rows(
        "INSERT INTO todos (cognito_sub, category_id, title, start_date, due_date, created_at,"
        f" updated_at, parent_todo_id) VALUES {rows}"
    )
    planner.todo(category, parent_todo_id=root + 1)
    statements.clear()
    assert (await api.delete(f"/v1/todos/{root}")).status_code == 204
    assert count(planner) == 0
    deletes = [statement for statement in statements if statement.startswith("DELETE")]
    # Three levels, of which one needs two.
    assert len(deletes) == 4
    assert len(statements) - len(deletes) <= 4


async def test_rings_and_chains_of_other_programs_end(api, planner, category):
    """S-03: no parent is ever changed here, but the table can be written by others."""
    first, second = planner.todo(category), planner.todo(category)
    planner.rows("UPDATE todos SET parent_todo_id = 3 - todo_id")
    for status in ("DONE", "TODO"):
        answer = await api.patch(f"/v1/todos/{first}/status", json={"status": status})
        assert answer.status_code == 200
    assert (await api.delete(f"/v1/todos/{second}")).status_code == 204
    assert count(planner) == 0
    chain = planner.todo(category)
    rows = ", ".join(
        f"({chain + n}, {chain + n - 1}, '{planner.sub}', {category}, 't', '2026-03-01',"
        " '2026-03-04', NOW(), NOW())"
        for n in range(1, 1_201)
    )
    planner.rows(
        "INSERT INTO todos (todo_id, parent_todo_id, cognito_sub, category_id, title, start_date,"
        f" due_date, created_at, updated_at) VALUES {rows}"
    )
    answer = await api.patch(f"/v1/todos/{chain + 1_200}/status", json={"status": "DONE"})
    assert answer.status_code == 200
    assert (await api.get(f"/v1/todos/{chain}")).json()["status"] == "DONE"
    assert (await api.delete(f"/v1/todos/{chain}")).status_code == 204
    assert count(planner) == 0


class DuringFirstCall(list):
    """A log of calls to user_service that does something while the first one is under way."""

    def __init__(self, effect):
        super().__init__()
        self._effect = effect

    def append(self, call):
        super().append(call)
        if len(self) == 1:
            self._effect()


async def test_a_todo_that_changes_groups_while_roles_are_asked_is_judged_by_the_new_one(
    api, planner, category, user_service
):
    """S-01"""
    user_service.roles = {1: {planner.sub: "ADMIN"}, 2: {planner.sub: "MEMBER"}}
    todo = planner.todo(category, group_id=1, cognito_sub=planner.other_sub)
    user_service.calls = DuringFirstCall(lambda: planner.rows("UPDATE todos SET group_id = 2"))
    answer = await api.patch(f"/v1/todos/{todo}/status", json={"status": "DONE"})
    assert refusal(answer) == (403, "UNAUTHORIZED_ACCESS")
    assert user_service.calls == ["role", "role"]
    assert planner.rows("SELECT status FROM todos") == [{"status": "TODO"}]


async def test_user_service_is_never_asked_while_a_row_is_locked(
    api, planner, category, body, database, user_service
):
    user_service.roles = {1: {planner.sub: "ADMIN"}, 2: {planner.sub: "MEMBER"}}
    parent = planner.todo(category, group_id=1, cognito_sub=planner.other_sub)
    held = []

    class Watched(list):
        def append(self, call):
            super().append(call)
            held.append(database.engine.sync_engine.pool.checkedout())

    user_service.calls = Watched()
    shared = planner.category(name="shared", group_id=2)
    made = await make(api, body, below=parent, categoryId=shared)
    await api.get(f"/v1/todos/{parent}/subtasks")
    assert made["categoryId"] == shared
    assert held == [0] * 3


# One call a test: the driver never sees a COMMIT that fails here, and its connection keeps the locks.
@pytest.mark.parametrize(
    ("method", "path"), [("POST", ""), ("PUT", "/{}"), ("PATCH", "/{}/status"), ("DELETE", "/{}")]
)
async def test_a_commit_that_fails_is_no_success(api, body, todo, failing_commits, method, path):
    answer = await api.request(
        method, f"/v1/todos{path.format(todo)}", json={**body, "status": "DONE"}
    )
    assert answer.status_code == 500


async def test_the_document_names_every_answer_of_the_todo_endpoints(api):
    """S-04"""
    document = (await api.get("/v3/api-docs")).json()
    documented = {
        (method.upper(), path.removeprefix("/v1/todos")): set(operation["responses"])
        for path, operations in document["paths"].items()
        if path.startswith("/v1/todos")
        for method, operation in operations.items()
    }
    one, general = "/{todoId}", {"400", "401", "403", "500", "503"}
    writing = general | {"404", "415"}
    assert documented == {
        ("GET", ""): general | {"200"},
        ("POST", ""): writing | {"201"},
        ("GET", one): general | {"200", "404"},
        ("PUT", one): writing | {"200"},
        ("DELETE", one): general | {"204", "404"},
        ("GET", f"{one}/subtasks"): general | {"200", "404"},
        ("POST", f"{one}/subtasks"): writing | {"201"},
        ("PATCH", f"{one}/status"): writing | {"200"},
        ("PATCH", f"{one}/progress"): writing | {"200"},
    }
    schemas = document["components"]["schemas"]
    for name in ("TodoWrite", "TodoStatusChange", "TodoProgressChange", "TodoRead"):
        [example] = schemas[name]["examples"]
        assert set(example) == set(schemas[name]["properties"])
    assert schemas["TodoRead"]["additionalProperties"] is False
    percentage = schemas["TodoProgressChange"]["properties"]["progressPercentage"]
    assert (percentage["minimum"], percentage["maximum"]) == (0, 100)
