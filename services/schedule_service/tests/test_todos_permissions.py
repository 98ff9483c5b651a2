"""The permission table of rest.md 1.9 for todos, and every id that a stranger could try."""

import itertools

import pytest

GROUP, FOREIGN_GROUP, UNKNOWN_GROUP = 5, 9, 777
DATES = {"startDate": "2026-03-01", "dueDate": "2026-03-04"}


class World:
    """A group with a member of each rank, and two students with things of their own."""

    def __init__(self, planner, user_service):
        self.planner, self.sub, self.other = planner, planner.sub, planner.other_sub
        user_service.roles = {
            GROUP: {"owner": "OWNER", "admin": "ADMIN", "member": "MEMBER"},
            FOREIGN_GROUP: {planner.other_sub: "OWNER"},
        }
        self.category = planner.category(group_id=GROUP, cognito_sub="owner")
        self.todo = planner.todo(self.category, group_id=GROUP, cognito_sub="owner")
        self.mine = planner.category(name="mine")
        self.my_todo = planner.todo(self.mine)
        self.others = planner.category(name="other", cognito_sub=self.other)
        self.others_todo = planner.todo(self.others, cognito_sub=self.other)
        self.others_schedule = planner.schedule(self.others, cognito_sub=self.other)
        foreign = {"group_id": FOREIGN_GROUP, "cognito_sub": self.other}
        self.foreign_category = planner.category(name="foreign", **foreign)
        self.foreign_todo = planner.todo(self.foreign_category, **foreign)
        self.foreign_schedule = planner.schedule(self.foreign_category, **foreign)

    def body(self, **fields):
        return {"title": "step", "categoryId": self.mine, **DATES, **fields}


@pytest.fixture
def world(planner, user_service):
    return World(planner, user_service)


def group_calls(world):
    """Each call on a group's todos: what it is, what it needs, and its success."""
    body = world.body(categoryId=world.category, groupId=GROUP)
    at = f"/v1/todos/{world.todo}"
    return {
        "list": ("GET", f"/v1/todos?groupId={GROUP}", None, 200),
        "read": ("GET", at, None, 200),
        "subtasks": ("GET", f"{at}/subtasks", None, 200),
        "create": ("POST", "/v1/todos", body, 201),
        "create below": ("POST", f"{at}/subtasks", body, 201),
        "create below by body": ("POST", "/v1/todos", {**body, "parentTodoId": world.todo}, 201),
        "update": ("PUT", at, body, 200),
        "status": ("PATCH", f"{at}/status", {"status": "DONE"}, 200),
        "progress": ("PATCH", f"{at}/progress", {"progressPercentage": 5}, 200),
        "delete": ("DELETE", at, None, 204),
    }


READING = ("list", "read", "subtasks")
CALLS = [
    *READING,
    "create",
    "create below",
    "create below by body",
    "update",
    "status",
    "progress",
    "delete",
]


@pytest.mark.parametrize(
    ("role", "call"), [*itertools.product(["owner", "admin", "member", "nobody"], CALLS)]
)
async def test_a_groups_todos_are_read_by_members_and_written_by_owner_and_admins(
    api, world, role, call
):
    """S-01: each cell of the table."""
    method, path, body, success = group_calls(world)[call]
    before = world.planner.rows("SELECT * FROM todos")
    answer = await api.request(method, path, json=body, headers={"X-Cognito-Sub": role})
    allowed = role in ("owner", "admin") or (role == "member" and call in READING)
    assert answer.status_code == (success if allowed else 403), answer.text
    if not allowed:
        assert answer.json()["errorCode"] == "UNAUTHORIZED_ACCESS"
        assert world.planner.rows("SELECT * FROM todos") == before


@pytest.mark.parametrize("todo", ["others_todo", "foreign_todo"])
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("GET", "/subtasks", None),
        ("POST", "/subtasks", {}),
        ("PUT", "", {}),
        ("PATCH", "/status", {"status": "DONE"}),
        ("PATCH", "/progress", {"progressPercentage": 50}),
        ("DELETE", "", None),
    ],
)
async def test_a_strangers_todo_is_neither_read_nor_written(api, world, todo, method, path, body):
    """S-01, S-02: the id in the path."""
    before = world.planner.contents()
    body = world.body() if body == {} else body
    answer = await api.request(method, f"/v1/todos/{getattr(world, todo)}{path}", json=body)
    assert (answer.status_code, answer.json()["errorCode"]) == (403, "UNAUTHORIZED_ACCESS")
    assert world.planner.contents() == before


@pytest.mark.parametrize(
    ("field", "target", "refusal"),
    [
        ("groupId", FOREIGN_GROUP, (403, "UNAUTHORIZED_ACCESS")),
        ("groupId", UNKNOWN_GROUP, (403, "UNAUTHORIZED_ACCESS")),
        ("categoryId", "others", (404, "CATEGORY_NOT_FOUND")),
        ("categoryId", "foreign_category", (404, "CATEGORY_NOT_FOUND")),
        ("categoryId", "category", (404, "CATEGORY_NOT_FOUND")),
        ("categoryId", 12345, (404, "CATEGORY_NOT_FOUND")),
        ("scheduleId", "others_schedule", (404, "SCHEDULE_NOT_FOUND")),
        ("scheduleId", "foreign_schedule", (404, "SCHEDULE_NOT_FOUND")),
        ("scheduleId", 12345, (404, "SCHEDULE_NOT_FOUND")),
        ("parentTodoId", "others_todo", (403, "UNAUTHORIZED_ACCESS")),
        ("parentTodoId", "foreign_todo", (403, "UNAUTHORIZED_ACCESS")),
        ("parentTodoId", 12345, (404, "TODO_NOT_FOUND")),
    ],
)
async def test_nothing_of_a_stranger_can_be_linked(api, world, field, target, refusal):
    """S-01, S-02, R-17, R-21: an id in a body of E47, E49 and E50."""
    target = getattr(world, target) if isinstance(target, str) else target
    before = world.planner.contents()
    body = world.body(**{field: target})
    answers = [await api.post("/v1/todos", json=body)]
    if field != "parentTodoId":
        answers.append(await api.post(f"/v1/todos/{world.my_todo}/subtasks", json=body))
        answers.append(await api.put(f"/v1/todos/{world.my_todo}", json=body))
    assert {(a.status_code, a.json()["errorCode"]) for a in answers} == {refusal}
    assert world.planner.contents() == before


async def test_parents_in_other_calls_are_not_looked_at(api, world):
    """S-02: E49 takes the path's parent, E50 keeps the one there is."""
    body = world.body(parentTodoId=world.others_todo)
    made = await api.post(f"/v1/todos/{world.my_todo}/subtasks", json=body)
    assert made.json()["parentTodoId"] == world.my_todo
    kept = await api.put(f"/v1/todos/{made.json()['todoId']}", json=body)
    assert kept.json()["parentTodoId"] == world.my_todo


async def test_a_member_uses_the_categories_and_schedules_of_the_group(api, world):
    """A category or a schedule needs reading only; the todo itself stays personal."""
    schedule = world.planner.schedule(world.category, group_id=GROUP, cognito_sub="owner")
    body = world.body(categoryId=world.category, scheduleId=schedule)
    answer = await api.post("/v1/todos", json=body, headers={"X-Cognito-Sub": "member"})
    assert answer.status_code == 201
    assert answer.json()["groupId"] is None


@pytest.mark.parametrize("role", ["MEMBER", "ADMIN"])
async def test_a_todo_moves_only_where_the_caller_may_write(api, world, user_service, role):
    """R-17: both groups count."""
    user_service.roles[GROUP]["two"] = "ADMIN"
    user_service.roles[6] = {"two": role}
    answer = await api.put(
        f"/v1/todos/{world.todo}",
        json=world.body(categoryId=world.category, groupId=6),
        headers={"X-Cognito-Sub": "two"},
    )
    assert answer.status_code == (200 if role == "ADMIN" else 403)


@pytest.mark.parametrize(("caller", "status"), [("owner", 200), ("admin", 403), ("member", 403)])
async def test_only_the_creator_takes_a_todo_out_of_its_group(api, world, caller, status):
    """R-17: an admin cannot push it into another's personal space."""
    body = world.body(categoryId=world.category)
    answer = await api.put(f"/v1/todos/{world.todo}", json=body, headers={"X-Cognito-Sub": caller})
    assert answer.status_code == status
    if status == 200:
        assert (answer.json()["groupId"], answer.json()["cognitoSub"]) == (None, "owner")


async def test_a_change_of_roles_holds_from_the_next_request(api, world, user_service):
    path, change = f"/v1/todos/{world.todo}/status", {"status": "DONE"}
    admin = {"X-Cognito-Sub": "admin"}
    assert (await api.patch(path, json=change, headers=admin)).status_code == 200
    user_service.roles[GROUP]["admin"] = "MEMBER"
    assert (await api.patch(path, json=change, headers=admin)).status_code == 403
    del user_service.roles[GROUP]
    assert (await api.patch(path, json=change, headers=admin)).status_code == 403


async def test_an_outage_of_user_service_writes_nothing(api, world, user_service):
    """R-4"""
    before = world.planner.contents()
    for method, path, body, _ in group_calls(world).values():
        user_service.statuses = [500] * 2
        answer = await api.request(method, path, json=body, headers={"X-Cognito-Sub": "owner"})
        assert (answer.status_code, answer.json()["errorCode"]) == (503, "SERVICE_UNAVAILABLE")
    assert world.planner.contents() == before


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/subtasks", {}),
        ("PUT", "", {"groupId": FOREIGN_GROUP}),
        ("PATCH", "/status", {"status": "DONE"}),
        ("PATCH", "/progress", {"progressPercentage": 1}),
        ("DELETE", "", None),
    ],
)
async def test_what_does_not_exist_is_absent_before_any_permission(api, world, method, path, body):
    body = None if body is None else {**world.body(), **body}
    answer = await api.request(method, f"/v1/todos/12345{path}", json=body)
    assert (answer.status_code, answer.json()["errorCode"]) == (404, "TODO_NOT_FOUND")
