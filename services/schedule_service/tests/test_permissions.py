"""The permission table of rest.md 1.9 for categories and schedules, and every id that a stranger could try."""

import itertools

import pytest

GROUP, FOREIGN, UNKNOWN = 5, 9, 777
TIMES = {"startTime": "2026-03-04T09:30:00", "endTime": "2026-03-04T11:00:00"}
CREATOR = "creator"


class World:
    """A group with a member of each rank, and another user with things of their own and of their group."""

    def __init__(self, planner, user_service):
        self.planner = planner
        user_service.roles = {
            GROUP: {"owner": "OWNER", "admin": "ADMIN", "member": "MEMBER", planner.sub: "ADMIN"},
            FOREIGN: {planner.other_sub: "OWNER"},
        }
        shared = {"group_id": GROUP, "cognito_sub": CREATOR}
        self.category = planner.category(name="shared", **shared)
        self.schedule = planner.schedule(self.category, **shared)
        self.mine = planner.category(name="mine")
        self.my_schedule = planner.schedule(self.mine)
        other = {"cognito_sub": planner.other_sub}
        self.others_category = planner.category(name="other", **other)
        self.others_schedule = planner.schedule(self.others_category, **other)
        self.foreign_category = planner.category(name="foreign", group_id=FOREIGN, **other)
        self.foreign_schedule = planner.schedule(self.foreign_category, group_id=FOREIGN, **other)

    def category_body(self, **fields):
        return {"name": "changed", "color": "#000000", **fields}

    def schedule_body(self, **fields):
        return {"title": "changed", "categoryId": self.mine, **TIMES, **fields}


@pytest.fixture
def world(planner, user_service):
    return World(planner, user_service)


def group_calls(world):
    """Each call on what a group has: method, path, body, success."""
    category, schedule = f"/v1/categories/{world.category}", f"/v1/schedules/{world.schedule}"
    as_category = world.category_body(groupId=GROUP)
    as_schedule = world.schedule_body(groupId=GROUP, categoryId=world.category)
    return {
        "list categories": ("GET", f"/v1/categories?groupId={GROUP}", None, 200),
        "read category": ("GET", category, None, 200),
        "list schedules": ("GET", f"/v1/schedules?groupId={GROUP}", None, 200),
        "read schedule": ("GET", schedule, None, 200),
        "create category": ("POST", "/v1/categories", as_category, 201),
        "update category": ("PUT", category, as_category, 200),
        "delete category": ("DELETE", category, None, 204),
        "create schedule": ("POST", "/v1/schedules", as_schedule, 201),
        "update schedule": ("PUT", schedule, as_schedule, 200),
        "set status": ("PATCH", f"{schedule}/status", {"status": "DONE"}, 200),
        "delete schedule": ("DELETE", schedule, None, 204),
    }


READING = ("list categories", "read category", "list schedules", "read schedule")
WRITING = (
    *("create category", "update category", "delete category"),
    *("create schedule", "update schedule", "set status", "delete schedule"),
)


@pytest.mark.parametrize(
    ("role", "call"),
    # Who made a thing and left the group is a stranger to it.
    [*itertools.product(["owner", "admin", "member", "nobody", CREATOR], READING + WRITING)],
)
async def test_what_a_group_has_is_read_by_members_and_written_by_owner_and_admins(
    api, world, role, call
):
    """S-01: each cell of the table."""
    method, path, body, success = group_calls(world)[call]
    before = world.planner.contents()
    answer = await api.request(method, path, json=body, headers={"X-Cognito-Sub": role})
    allowed = role in ("owner", "admin") or (role == "member" and call in READING)
    assert answer.status_code == (success if allowed else 403), answer.text
    if allowed and call in WRITING:
        assert world.planner.contents() != before
    else:
        assert world.planner.contents() == before
    if not allowed:
        assert answer.json()["errorCode"] == "UNAUTHORIZED_ACCESS"


@pytest.mark.parametrize("owner", ["others", "foreign"])
@pytest.mark.parametrize(
    ("method", "room", "path"),
    [
        ("GET", "category", ""),
        ("PUT", "category", ""),
        ("DELETE", "category", ""),
        ("GET", "schedule", ""),
        ("PUT", "schedule", ""),
        ("PATCH", "schedule", "/status"),
        ("DELETE", "schedule", ""),
    ],
)
async def test_a_strangers_thing_is_neither_read_nor_written(
    api, world, planner, owner, method, room, path
):
    """S-01, S-02: the id in the path."""
    before = planner.contents()
    body = {
        ("PUT", "category"): world.category_body(),
        ("PUT", "schedule"): world.schedule_body(),
        ("PATCH", "schedule"): {"status": "DONE"},
    }.get((method, room))
    rooms = {"category": "categories", "schedule": "schedules"}
    answer = await api.request(
        method, f"/v1/{rooms[room]}/{getattr(world, f'{owner}_{room}')}{path}", json=body
    )
    assert (answer.status_code, answer.json()["errorCode"]) == (403, "UNAUTHORIZED_ACCESS")
    assert planner.contents() == before


@pytest.mark.parametrize(
    ("field", "target", "refusal"),
    [
        ("groupId", FOREIGN, (403, "UNAUTHORIZED_ACCESS")),
        ("groupId", UNKNOWN, (403, "UNAUTHORIZED_ACCESS")),
        ("categoryId", "others_category", (404, "CATEGORY_NOT_FOUND")),
        ("categoryId", "foreign_category", (404, "CATEGORY_NOT_FOUND")),
        ("categoryId", 12345, (404, "CATEGORY_NOT_FOUND")),
    ],
)
async def test_a_strangers_id_in_a_body_links_nothing(api, world, planner, field, target, refusal):
    """S-01: in a body an absent id and a stranger's look the same."""
    target = getattr(world, target) if isinstance(target, str) else target
    body = world.schedule_body(**{field: target})
    calls = [
        ("POST", "/v1/schedules", body),
        ("PUT", f"/v1/schedules/{world.my_schedule}", body),
        ("PUT", f"/v1/schedules/{world.schedule}", {**body, "groupId": body.get("groupId", GROUP)}),
    ]
    if field == "groupId":
        as_category = world.category_body(groupId=target)
        calls += [
            ("POST", "/v1/categories", as_category),
            ("PUT", f"/v1/categories/{world.mine}", as_category),
            ("PUT", f"/v1/categories/{world.category}", as_category),
        ]
    before = planner.contents()
    for method, path, content in calls:
        answer = await api.request(method, path, json=content)
        assert (answer.status_code, answer.json()["errorCode"]) == refusal
    assert planner.contents() == before


@pytest.mark.parametrize("path", ["/v1/categories", "/v1/schedules"])
async def test_lists_of_a_strangers_group_are_refused(api, world, path):
    """S-01: the id in the query."""
    for group in (FOREIGN, UNKNOWN):
        answer = await api.get(path, params={"groupId": group, "includeGroups": "true"})
        assert (answer.status_code, answer.json()["errorCode"]) == (403, "UNAUTHORIZED_ACCESS")


@pytest.mark.parametrize("include", ["", "?includeGroups=true"])
async def test_lists_show_nothing_of_strangers(api, world, planner, include):
    """S-01"""
    for room in ("categories", "schedules"):
        for row in (await api.get(f"/v1/{room}{include}")).json():
            assert planner.other_sub != row["cognitoSub"]
            assert row["groupId"] in (None, GROUP)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/categories"),
        ("PUT", "/v1/categories/1"),
        ("DELETE", "/v1/categories/1"),
        ("POST", "/v1/schedules"),
        ("PUT", "/v1/schedules/1"),
        ("PATCH", "/v1/schedules/1/status"),
        ("DELETE", "/v1/schedules/1"),
    ],
)
async def test_nothing_is_written_without_a_caller(api, method, path):
    body = None if method == "DELETE" else {**TIMES, "name": "x", "title": "x", "categoryId": 1}
    body = body and {**body, "color": "#000000", "status": "DONE"}
    answer = await api.request(method, path, json=body, headers={"X-Cognito-Sub": " "})
    assert (answer.status_code, answer.json()["errorCode"]) == (401, "UNAUTHORIZED")
