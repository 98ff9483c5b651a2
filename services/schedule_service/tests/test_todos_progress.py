"""E51, E52 and the coupling rules of rest.md 4.4: status, progress, and what they do to everything above."""

import asyncio
import random
from dataclasses import dataclass

import pytest

from services.schedule_service.todos.progress import with_percentage

BODY = {"title": "step", "startDate": "2026-03-01", "dueDate": "2026-03-04"}
TODO, IN_PROGRESS, DONE = "TODO", "IN_PROGRESS", "DONE"


class Trees:
    """Todos, their progress and what the API does to them."""

    def __init__(self, api, planner):
        self.api, self.planner = api, planner
        self.category = planner.category()

    def todo(self, parent=None, percentage=0):
        status = with_percentage(percentage).status.value
        values = {"status": status, "progress_percentage": percentage, "parent_todo_id": parent}
        return self.planner.todo(self.category, **values)

    async def make(self, parent=None):
        body = {**BODY, "categoryId": self.category, "parentTodoId": parent}
        answer = await self.api.post("/v1/todos", json=body)
        assert answer.status_code == 201
        return answer.json()["todoId"]

    async def set_status(self, todo, status):
        answer = await self.api.patch(f"/v1/todos/{todo}/status", json={"status": status})
        assert answer.status_code == 200, answer.text
        return answer.json()["status"], answer.json()["progressPercentage"]

    async def set_progress(self, todo, percentage):
        change = {"progressPercentage": percentage}
        answer = await self.api.patch(f"/v1/todos/{todo}/progress", json=change)
        assert answer.status_code == 200, answer.text
        return answer.json()["status"], answer.json()["progressPercentage"]

    async def delete(self, todo):
        assert (await self.api.delete(f"/v1/todos/{todo}")).status_code == 204

    def all(self):
        rows = self.planner.rows("SELECT todo_id, status, progress_percentage AS p FROM todos")
        return {row["todo_id"]: (row["status"], row["p"]) for row in rows}

    def at(self, todo):
        return self.all()[todo]


@pytest.fixture
def trees(api, planner):
    return Trees(api, planner)


@pytest.mark.parametrize(
    ("before", "status", "after"),
    [
        (0, DONE, 100),
        (45, DONE, 100),
        (100, DONE, 100),
        (45, TODO, 0),
        (100, TODO, 0),
        (0, IN_PROGRESS, 0),
        (45, IN_PROGRESS, 45),
        (100, IN_PROGRESS, 100),
    ],
)
async def test_progress_follows_status(trees, before, status, after):
    todo = trees.todo(percentage=before)
    assert await trees.set_status(todo, status) == (status, after)
    assert trees.at(todo) == (status, after)


@pytest.mark.parametrize(
    ("percentage", "status"),
    [(0, TODO), (1, IN_PROGRESS), (50, IN_PROGRESS), (99, IN_PROGRESS), (100, DONE)],
)
@pytest.mark.parametrize("before", [0, 45, 100])
async def test_status_follows_progress(trees, before, percentage, status):
    todo = trees.todo(percentage=before)
    assert await trees.set_progress(todo, percentage) == (status, percentage)
    assert trees.at(todo) == (status, percentage)


@pytest.mark.parametrize("percentage", ["50", 50.0])
async def test_progress_is_read_leniently(trees, percentage):
    assert await trees.set_progress(trees.todo(), percentage) == (IN_PROGRESS, 50)


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("progress", {"progressPercentage": -1}, "progressPercentage"),
        ("progress", {"progressPercentage": 101}, "progressPercentage"),
        ("progress", {"progressPercentage": 2**40}, "progressPercentage"),
        ("progress", {"progressPercentage": None}, "progressPercentage"),
        ("progress", {"progressPercentage": ""}, "progressPercentage"),
        ("progress", {}, "progressPercentage"),
        ("status", {"status": None}, "status"),
        ("status", {}, "status"),
    ],
)
async def test_a_broken_rule_names_its_field(api, trees, path, body, field):
    todo = trees.todo(percentage=45)
    answer = await api.patch(f"/v1/todos/{todo}/{path}", json=body)
    assert answer.status_code == 400
    assert answer.json()["status"] == "error"
    assert list(answer.json()["errors"]) == [field]
    assert trees.at(todo) == (IN_PROGRESS, 45)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("progress", {"progressPercentage": 45.5}),
        ("progress", {"progressPercentage": "half"}),
        ("progress", {"progressPercentage": True}),
        ("progress", {"progressPercentage": [1]}),
        ("status", {"status": "done"}),
        ("status", {"status": ""}),
        ("status", {"status": 1}),
        ("status", [1]),
        ("status", None),
    ],
)
async def test_what_cannot_be_read_is_a_bad_request(api, trees, path, body):
    answer = await api.patch(f"/v1/todos/{trees.todo()}/{path}", json=body)
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "BAD_REQUEST")


@pytest.mark.parametrize(
    ("others", "mean"),
    [
        ([], (DONE, 100)),
        ([0], (IN_PROGRESS, 50)),
        ([0, 0], (IN_PROGRESS, 33)),
        ([100, 99], (IN_PROGRESS, 99)),
        ([100, 100], (DONE, 100)),
        ([0] * 101, (TODO, 0)),
    ],
)
async def test_a_parent_is_the_whole_part_of_the_mean_of_its_subtasks(trees, others, mean):
    root = trees.todo(percentage=7)
    child = trees.todo(root)
    for percentage in others:
        trees.todo(root, percentage)
    await trees.set_status(child, DONE)
    assert trees.at(root) == mean


async def test_a_new_subtask_and_a_deleted_one_count_at_once(trees):
    root = await trees.make()
    first = await trees.make(root)
    await trees.set_status(first, DONE)
    assert trees.at(root) == (DONE, 100)
    second = await trees.make(root)
    assert trees.at(root) == (IN_PROGRESS, 50)
    await trees.delete(second)
    assert trees.at(root) == (DONE, 100)


async def test_a_parent_keeps_its_values_when_its_last_subtask_goes(trees):
    grand = trees.todo(percentage=13)
    root = trees.todo(grand, 45)
    child = trees.todo(root, 90)
    await trees.delete(child)
    assert (trees.at(root), trees.at(grand)) == ((IN_PROGRESS, 45), (IN_PROGRESS, 13))


async def test_a_change_reaches_the_root(trees):
    """R-25"""
    line = [trees.todo()]
    for _ in range(20):
        line.append(trees.todo(line[-1]))
    for todo in line[:2]:
        trees.todo(todo)
    await trees.set_progress(line[-1], 80)
    values = trees.all()
    assert {values[todo][1] for todo in line[2:]} == {80}
    assert [values[todo] for todo in line[:2]] == [(IN_PROGRESS, 20), (IN_PROGRESS, 40)]
    await trees.set_status(line[-1], TODO)
    assert set(trees.all().values()) == {(TODO, 0)}


async def test_a_parent_set_by_hand_shows_that_until_a_subtask_changes(trees):
    grand = trees.todo()
    root = trees.todo(grand)
    child = trees.todo(root, 50)
    trees.todo(root, 0)
    assert await trees.set_progress(root, 45) == (IN_PROGRESS, 45)
    assert trees.at(grand) == (IN_PROGRESS, 45)
    assert await trees.set_status(root, DONE) == (DONE, 100)
    assert (trees.at(child), trees.at(root), trees.at(grand)) == (
        (IN_PROGRESS, 50),
        (DONE, 100),
        (DONE, 100),
    )
    await trees.set_progress(child, 60)
    assert (trees.at(root), trees.at(grand)) == ((IN_PROGRESS, 30), (IN_PROGRESS, 30))


async def test_only_what_changes_gets_a_new_stamp(api, trees, planner):
    root = trees.todo(percentage=50)
    child = trees.todo(root, 0)
    trees.todo(root, 100)
    await trees.set_status(child, IN_PROGRESS)
    stamps = planner.rows("SELECT updated_at > created_at AS is_new FROM todos ORDER BY todo_id")
    assert [row["is_new"] for row in stamps] == [0, 1, 0]


async def test_a_subtask_of_another_counts_for_the_parent_too(api, trees, planner, user_service):
    """A group's todo with a member's personal subtask: each is written by those who may, both count."""
    user_service.roles = {5: {planner.sub: "ADMIN", "member": "MEMBER"}}
    root = planner.todo(trees.category, group_id=5, cognito_sub=planner.other_sub)
    mine = trees.todo(root)
    trees.todo(root, 100)
    user_service.roles[5][planner.sub] = "MEMBER"
    assert await trees.set_progress(mine, 50) == (IN_PROGRESS, 50)
    assert trees.at(root) == (IN_PROGRESS, 75)


@pytest.mark.parametrize("depth", [1, 3])
async def test_fifty_changes_at_once_leave_the_exact_mean(trees, depth):
    """D-02, D-7"""
    line = [trees.todo()]
    for _ in range(depth - 1):
        line.append(trees.todo(line[-1]))
    children = [trees.todo(line[-1]) for _ in range(50)]
    chosen = random.Random(1)
    wanted = {todo: chosen.randrange(101) for todo in children}
    await asyncio.gather(*(trees.set_progress(todo, wanted[todo]) for todo in children))
    mean = sum(wanted.values()) // len(wanted)
    values = trees.all()
    assert {todo: values[todo][1] for todo in children} == wanted
    assert {values[todo] for todo in line} == {(IN_PROGRESS, mean)}


async def test_subtasks_made_changed_and_deleted_at_once_leave_the_exact_mean(trees):
    """D-02: fifty calls of all kinds on one tree, at two levels."""
    root = trees.todo()
    branches = [trees.todo(root) for _ in range(4)]
    doomed = [trees.todo(branch, 100) for branch in branches for _ in range(4)]
    kept = [trees.todo(branch) for branch in branches for _ in range(4)]
    calls = [trees.delete(todo) for todo in doomed]
    calls += [trees.set_status(todo, DONE) for todo in kept]
    calls += [trees.make(branch) for branch in branches for _ in range(4)]
    calls += [trees.set_progress(todo, 30) for todo in kept[:2]]
    random.Random(2).shuffle(calls)
    await asyncio.gather(*calls)
    await trees.set_progress(kept[0], 30)
    await trees.set_progress(kept[1], 30)
    values = trees.all()
    assert [values[branch] for branch in branches] == [
        (IN_PROGRESS, (30 + 30 + 100 + 100) // 8),
        *[(IN_PROGRESS, 50)] * 3,
    ]
    assert values[root] == (IN_PROGRESS, (32 + 50 * 3) // 4)


async def test_a_subtask_made_while_its_parent_is_deleted_is_made_or_refused(api, trees):
    """D-03: never a 5xx, never an orphan."""
    for _ in range(5):
        top = trees.todo()
        parent = trees.todo(top)
        body = {**BODY, "categoryId": trees.category}
        making = [api.post(f"/v1/todos/{parent}/subtasks", json=body) for _ in range(6)]
        *made, deleted = await asyncio.gather(*making, api.delete(f"/v1/todos/{top}"))
        assert deleted.status_code == 204
        assert {answer.status_code for answer in made} <= {201, 404}
        assert trees.all() == {}


@dataclass
class Node:
    """A todo of the model."""

    parent: int | None
    status: str = TODO
    percentage: int = 0


class Model:
    """The coupling rules once more, as plainly as the contract says them."""

    def __init__(self):
        self.nodes: dict[int, Node] = {}

    def children(self, todo):
        return [number for number, node in self.nodes.items() if node.parent == todo]

    def set_progress(self, todo, percentage):
        node = self.nodes[todo]
        node.percentage = percentage
        node.status = TODO if percentage == 0 else DONE if percentage == 100 else IN_PROGRESS

    def recalculate(self, todo):
        if todo is None or not (children := self.children(todo)):
            return
        self.set_progress(todo, sum(self.nodes[c].percentage for c in children) // len(children))
        self.recalculate(self.nodes[todo].parent)

    def delete(self, todo):
        for child in self.children(todo):
            self.delete(child)
        del self.nodes[todo]


@pytest.mark.parametrize("seed", range(4))
async def test_any_sequence_of_calls_leaves_what_the_rules_say(trees, seed):
    chosen, model = random.Random(seed), Model()
    for _ in range(60):
        present = list(model.nodes)
        call = chosen.choice(["make", "make below", "make below", "status", "progress", "delete"])
        if call == "make" or not present:
            model.nodes[await trees.make()] = Node(None)
            continue
        todo = chosen.choice(present)
        parent = model.nodes[todo].parent
        if call == "make below":
            model.nodes[await trees.make(todo)] = Node(todo)
            parent = todo
        elif call == "status":
            status = chosen.choice([TODO, IN_PROGRESS, DONE])
            await trees.set_status(todo, status)
            model.set_progress(todo, {DONE: 100, TODO: 0}.get(status, model.nodes[todo].percentage))
            model.nodes[todo].status = status
        elif call == "progress":
            percentage = chosen.choice([0, 1, 33, 50, 99, 100])
            await trees.set_progress(todo, percentage)
            model.set_progress(todo, percentage)
        elif chosen.random() < 0.5:
            await trees.delete(todo)
            model.delete(todo)
        else:
            continue
        model.recalculate(parent)
        assert trees.all() == {n: (t.status, t.percentage) for n, t in model.nodes.items()}
