"""E39: the trees of todos below a schedule."""

import pytest
from sqlalchemy import event as engine_event

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
    "subtasks",
}


@pytest.fixture
def category(planner):
    return planner.category()


@pytest.fixture
def schedule(planner, category):
    return planner.schedule(category)


async def read_trees(api, schedule):
    answer = await api.get(f"/v1/schedules/{schedule}")
    assert answer.status_code == 200, answer.text
    return answer.json()["todos"]


def shape(trees):
    return [(tree["title"], shape(tree["subtasks"])) for tree in trees]


async def test_a_leaf_is_written_out_exactly(api, planner, category, schedule):
    todo = planner.todo(category, schedule_id=schedule, deadline="2026-03-04 23:59:00")
    assert await read_trees(api, schedule) == [
        {
            "todoId": todo,
            "cognitoSub": planner.sub,
            "groupId": None,
            "categoryId": category,
            "title": "step",
            "description": None,
            "startDate": "2026-03-01",
            "dueDate": "2026-03-04",
            "deadline": "2026-03-04T23:59:00",
            "status": "TODO",
            "priority": "MEDIUM",
            "progressPercentage": 0,
            "parentTodoId": None,
            "scheduleId": schedule,
            "isAiGenerated": False,
            "createdAt": "2025-01-01T00:00:00",
            "updatedAt": "2025-01-01T00:00:00",
            "subtasks": [],
        }
    ]


async def test_trees_hang_together_by_id_and_subtasks_are_never_roots(
    api, planner, category, schedule
):
    a = planner.todo(category, title="a", schedule_id=schedule)
    b = planner.todo(category, title="b", schedule_id=schedule)
    aa = planner.todo(category, title="aa", parent_todo_id=a)
    planner.todo(category, title="ba", parent_todo_id=b, schedule_id=schedule)
    planner.todo(category, title="ab", parent_todo_id=a)
    planner.todo(category, title="aaa", parent_todo_id=aa)
    planner.todo(category, title="elsewhere")
    assert shape(await read_trees(api, schedule)) == [
        ("a", [("aa", [("aaa", [])]), ("ab", [])]),
        ("b", [("ba", [])]),
    ]


async def test_only_todos_the_caller_may_read_are_shown(
    api, planner, category, schedule, user_service
):
    """R-21: a todo linked to somebody else's schedule does not show up there."""
    user_service.roles = {1: {planner.sub: "MEMBER"}, 2: {planner.other_sub: "OWNER"}}
    mine = planner.todo(category, title="mine", schedule_id=schedule)
    linked = {"schedule_id": schedule, "cognito_sub": planner.other_sub}
    foreign = planner.todo(category, title="foreign", **linked)
    planner.todo(category, title="my group", group_id=1, **linked)
    planner.todo(category, title="their group", group_id=2, **linked)
    planner.todo(category, title="below foreign", parent_todo_id=foreign)
    planner.todo(category, title="foreign below", parent_todo_id=mine, cognito_sub="x")
    assert shape(await read_trees(api, schedule)) == [("mine", []), ("my group", [])]


async def test_members_see_the_group_todos_of_a_group_schedule(
    api, planner, category, user_service
):
    user_service.roles = {1: {planner.sub: "MEMBER"}}
    schedule = planner.schedule(category, group_id=1, cognito_sub=planner.other_sub)
    linked = {"schedule_id": schedule, "cognito_sub": planner.other_sub}
    planner.todo(category, title="shared", group_id=1, **linked)
    planner.todo(category, title="private", **linked)
    assert shape(await read_trees(api, schedule)) == [("shared", [])]
    assert user_service.calls == ["role"]


async def test_any_number_of_todos_is_read_in_two_statements(
    api, planner, category, schedule, database
):
    """D-07: no query per todo."""
    for _ in range(5):
        root = planner.todo(category, schedule_id=schedule)
        for _ in range(4):
            planner.todo(category, parent_todo_id=planner.todo(category, parent_todo_id=root))
    statements = []

    def note(_, __, statement, *___) -> None:
        statements.append(statement)

    engine = database.engine.sync_engine
    engine_event.listen(engine, "before_cursor_execute", note)
    trees = await read_trees(api, schedule)
    engine_event.remove(engine, "before_cursor_execute", note)
    assert len(statements) == 2
    assert {frozenset(tree) for tree in trees} == {frozenset(FIELDS)}
    assert len(trees) == 5
    assert all(len(tree["subtasks"]) == 4 for tree in trees)


async def test_a_very_deep_tree_is_still_written_out(api, planner, category, schedule):
    """S-03: deeper than a database recurses or a JSON writer descends by itself."""
    first = planner.todo(category, schedule_id=schedule)
    levels = 1_201
    rows = ", ".join(
        f"({first + number}, {first + number - 1}, '{planner.sub}', {category}, 't', '2026-03-01',"
        " '2026-03-04', NOW(), NOW())"
        for number in range(1, levels)
    )
    planner.rows(
        "INSERT INTO todos (todo_id, parent_todo_id, cognito_sub, category_id, title, start_date,"
        f" due_date, created_at, updated_at) VALUES {rows}"
    )
    answer = await api.get(f"/v1/schedules/{schedule}")
    assert answer.status_code == 200
    assert answer.content.count(b'"subtasks":') == levels
    assert answer.content.endswith(b"]}" * (levels + 1))
