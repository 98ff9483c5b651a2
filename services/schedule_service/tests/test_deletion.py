"""I7 and the end of an account: everything goes at once, and nothing comes back."""

import asyncio

import pytest

GROUP, OTHER_GROUP = 5, 6
OWNER = "owner"


@pytest.fixture(autouse=True)
def roles(user_service, planner):
    user_service.roles = {
        GROUP: {planner.sub: "ADMIN", OWNER: "OWNER"},
        OTHER_GROUP: {OWNER: "OWNER", planner.sub: "ADMIN"},
    }


def fill(planner, group_id, sub, name):
    """A category with a schedule and a todo below it."""
    owned = {"group_id": group_id, "cognito_sub": sub}
    category = planner.category(name=name, source_type="USER_CREATED", **owned)
    schedule = planner.schedule(category, title=name, **owned)
    root = planner.todo(category, title=name, schedule_id=schedule, **owned)
    planner.todo(category, title=name, parent_todo_id=root, **owned)
    return category, schedule, root


async def delete_user(api, planner, owners=None, sub=None):
    answer = await api.request(
        "DELETE",
        f"/internal/v1/users/{sub or planner.sub}/data",
        json=None if owners is None else {"groupOwners": owners},
        headers={"X-Cognito-Sub": ""},
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


async def delete_group(api, group_id):
    answer = await api.delete(
        f"/api/internal/groups/{group_id}/data", headers={"X-Cognito-Sub": ""}
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def traces(planner, sub):
    """Every value anywhere that holds an id, but in the list of deleted accounts."""
    return [
        (table, column)
        for table, rows in planner.contents().items()
        for row in rows
        for column, value in row.items()
        if isinstance(value, str) and sub in value
    ]


async def test_a_groups_data_goes_and_is_counted(api, planner):
    """I7"""
    fill(planner, GROUP, planner.sub, "a")
    fill(planner, GROUP, OWNER, "b")
    planner.category(name="unused", group_id=GROUP)
    fill(planner, OTHER_GROUP, planner.sub, "c")
    fill(planner, None, planner.sub, "d")
    assert await delete_group(api, GROUP) == {
        "groupId": GROUP,
        "deletedSchedules": 2,
        "deletedTodos": 4,
        "deletedCategories": 3,
        "success": True,
    }
    left = planner.contents()
    assert {row["name"] for row in left["categories"]} == {"c", "d"}
    assert {row["title"] for row in left["schedules"] + left["todos"]} == {"c", "d"}


@pytest.mark.parametrize("group_id", [GROUP, 777, 0, -1])
async def test_a_group_without_data_gives_zeros(api, planner, group_id):
    """I7"""
    fill(planner, None, planner.sub, "d")
    before = planner.contents()
    answer = await delete_group(api, group_id)
    assert answer == {
        "groupId": group_id,
        "deletedSchedules": 0,
        "deletedTodos": 0,
        "deletedCategories": 0,
        "success": True,
    }
    assert planner.contents() == before


async def test_what_others_hung_on_a_groups_things_stays_with_them(api, planner):
    """I7, D-6"""
    category, schedule, root = fill(planner, GROUP, OWNER, "shared")
    mine = planner.category(name="mine")
    planner.schedule(category, title="personal, sorted by the group's")
    planner.todo(category, title="personal, sorted by the group's")
    planner.todo(mine, title="personal, linked", schedule_id=schedule)
    planner.todo(mine, title="personal, below", parent_todo_id=root)
    deleted = await delete_group(api, GROUP)
    assert (deleted["deletedSchedules"], deleted["deletedTodos"]) == (1, 2)
    left = planner.contents()
    [_, uncategorized] = left["categories"]
    assert (uncategorized["name"], uncategorized["cognito_sub"]) == ("Uncategorized", planner.sub)
    by_title = {row["title"]: row for row in left["todos"]}
    moved = [left["schedules"][0], by_title["personal, sorted by the group's"]]
    assert {row["category_id"] for row in moved} == {uncategorized["category_id"]}
    assert by_title["personal, linked"]["schedule_id"] is None
    assert by_title["personal, below"]["parent_todo_id"] is None


async def test_a_tree_deeper_than_any_cascade_goes(api, planner):
    """I7: InnoDB cascades at most 15 levels."""
    category = planner.category(group_id=GROUP)
    parent = None
    for _ in range(40):
        parent = planner.todo(category, group_id=GROUP, parent_todo_id=parent)
    assert (await delete_group(api, GROUP))["deletedTodos"] == 40


async def test_a_group_goes_whole_or_not_at_all(api, planner, failing_commits):
    """I7: one transaction."""
    fill(planner, GROUP, planner.sub, "a")
    before = planner.contents()
    assert (await api.delete(f"/api/internal/groups/{GROUP}/data")).status_code == 500
    assert planner.contents() == before


async def test_things_made_while_a_group_goes_are_whole_or_refused(api, planner):
    """D-6: no error, and no schedule without its category."""
    category, _, _ = fill(planner, GROUP, planner.sub, "a")
    body = {
        "title": "t",
        "categoryId": category,
        "groupId": GROUP,
        "startTime": "2026-03-04T09:00:00",
        "endTime": "2026-03-04T10:00:00",
    }
    calls = [api.post("/v1/schedules", json=body) for _ in range(20)]
    calls[5:5] = [api.delete(f"/api/internal/groups/{GROUP}/data") for _ in range(3)]
    statuses = {answer.status_code for answer in await asyncio.gather(*calls)}
    assert statuses <= {200, 201, 404}
    assert planner.rows("SELECT 1 FROM categories WHERE category_id = %s", category) == []


@pytest.mark.parametrize("path", ["one", "1.5", "9223372036854775808"])
async def test_a_group_id_is_a_number(api, path):
    answer = await api.delete(f"/api/internal/groups/{path}/data")
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "BAD_REQUEST")


async def test_a_users_own_things_go_and_no_trace_stays(api, planner, handle, events):
    """S-08"""
    await handle(events.snapshot(events.entry(1), snapshotAt=events.at(1)))
    fill(planner, None, planner.sub, "mine")
    fill(planner, None, planner.other_sub, "other")
    assert await delete_user(api, planner) == {
        "deletedSchedules": 2,
        "deletedTodos": 2,
        "deletedCategories": 2,
        "handedOverItems": 0,
        "success": True,
    }
    assert traces(planner, planner.sub) == []
    assert {row["cognito_sub"] for row in planner.contents()["schedules"]} == {planner.other_sub}


async def test_what_the_user_made_for_groups_passes_to_the_owners(api, planner, user_service):
    """S-08"""
    for group_id, name in ((GROUP, "a"), (OTHER_GROUP, "b")):
        fill(planner, group_id, planner.sub, name)
    fill(planner, GROUP, planner.other_sub, "c")
    user_service.calls.clear()
    deleted = await delete_user(api, planner, {str(GROUP): "heir", "6": OWNER})
    assert deleted["handedOverItems"] == 8
    assert deleted["deletedTodos"] == deleted["deletedCategories"] == 0
    assert user_service.calls == []
    assert traces(planner, planner.sub) == []
    for rows in planner.contents().values():
        owners = {row.get("name") or row.get("title"): row["cognito_sub"] for row in rows}
        assert owners in ({"a": "heir", "b": OWNER, "c": planner.other_sub}, {})


async def test_the_owner_of_a_group_that_was_not_named_is_asked_for(api, planner):
    """S-08: the user may have left a group long ago."""
    fill(planner, GROUP, planner.sub, "a")
    fill(planner, OTHER_GROUP, planner.sub, "b")
    assert (await delete_user(api, planner, {}))["handedOverItems"] == 8
    assert {row["cognito_sub"] for row in planner.contents()["todos"]} == {OWNER}


async def test_what_was_made_for_a_group_that_is_gone_goes(api, planner, user_service):
    """S-08: nobody could ever see or delete it."""
    fill(planner, 777, planner.sub, "a")
    user_service.roles[778] = {planner.sub: "OWNER"}
    fill(planner, 778, planner.sub, "b")
    deleted = await delete_user(api, planner)
    assert (deleted["deletedTodos"], deleted["deletedCategories"]) == (4, 2)
    assert planner.contents()["categories"] == []


async def test_without_user_service_nothing_is_deleted_until_it_is_back(api, planner, user_service):
    """S-08, R-4: user_service tries again until it succeeds."""
    fill(planner, GROUP, planner.sub, "a")
    before = planner.contents()
    user_service.statuses = [503, 503]
    answer = await api.delete(f"/internal/v1/users/{planner.sub}/data")
    assert answer.status_code == 503
    assert planner.contents() == before
    await delete_user(api, planner)
    assert traces(planner, planner.sub) == []


async def test_names_of_the_new_owner_do_not_get_in_the_way(api, planner):
    """D-1: the key covers all names of a creator."""
    made = {"source_type": "USER_CREATED", "name": "Reading"}
    planner.category(cognito_sub=OWNER, **made)
    planner.category(group_id=GROUP, **made)
    await delete_user(api, planner, {str(GROUP): OWNER})
    rows = planner.categories(OWNER)
    assert [(row["name"], row["group_id"]) for row in rows] == [
        ("Reading", None),
        ("Reading", GROUP),
    ]


async def test_group_things_sorted_by_a_personal_category_are_sorted_anew(api, planner):
    mine = planner.category(name="mine")
    planner.schedule(mine, group_id=GROUP)
    await delete_user(api, planner, {str(GROUP): OWNER})
    [category] = planner.contents()["categories"]
    assert (category["name"], category["group_id"], category["cognito_sub"]) == (
        "Uncategorized",
        GROUP,
        OWNER,
    )


async def test_a_canvas_schedule_given_to_a_group_forgets_whose_it_was(api, planner, events):
    """S-08: its source id holds the user's."""
    category = planner.category()
    own = {"source": "CANVAS", "source_id": events.source_id(1), "group_id": GROUP}
    planner.schedule(category, **own)
    planner.schedule(category, source="TODOIST", source_id="7", group_id=GROUP)
    await delete_user(api, planner, {str(GROUP): OWNER})
    assert traces(planner, planner.sub) == []
    found = [(row["source"], row["source_id"]) for row in planner.schedules(OWNER)]
    assert found == [("USER", None), ("TODOIST", "7")]


async def test_deleting_again_finds_nothing(api, planner):
    fill(planner, None, planner.sub, "mine")
    fill(planner, GROUP, planner.sub, "a")
    await delete_user(api, planner, {str(GROUP): OWNER})
    before = planner.contents()
    again = await delete_user(api, planner, {str(GROUP): OWNER})
    assert [value for value in again.values() if value is not True] == [0, 0, 0, 0]
    assert planner.contents() == before


async def test_late_messages_bring_nothing_back(api, planner, handle, events):
    """S-08"""
    await delete_user(api, planner)
    before = planner.contents()
    await handle(events.snapshot(events.entry(1), snapshotAt=events.at(9)))
    await handle(events.snapshot(events.entry(1)))
    await handle(events.disabled(snapshotAt=events.at(9)))
    assert planner.contents() == before
    assert traces(planner, planner.sub) == []
    await handle(events.snapshot(events.entry(1), cognitoSub=planner.other_sub))
    assert len(planner.schedules(planner.other_sub)) == 1


async def test_messages_in_work_while_an_account_ends_leave_nothing(api, planner, handle, events):
    """S-08"""
    messages = [handle(events.snapshot(events.entry(number))) for number in range(15)]
    work = [*messages[:8], delete_user(api, planner), *messages[8:], delete_user(api, planner)]
    await asyncio.gather(*work)
    assert traces(planner, planner.sub) == []


@pytest.mark.parametrize(
    "body",
    [
        {"groupOwners": {"one": OWNER}},
        {"groupOwners": {"5": None}},
        {"groupOwners": {"5": "x" * 256}},
        {"groupOwners": [OWNER]},
        [],
    ],
    ids=str,
)
async def test_a_body_that_cannot_be_read_deletes_nothing(api, planner, body):
    fill(planner, None, planner.sub, "mine")
    before = planner.contents()
    answer = await api.request("DELETE", f"/internal/v1/users/{planner.sub}/data", json=body)
    assert answer.status_code == 400
    assert planner.contents() == before


async def test_the_empty_forms_of_a_body_name_nobody(api, planner):
    for body in ({}, {"groupOwners": None}, {"groupOwners": {}}, {"unknown": 1}):
        answer = await api.request("DELETE", f"/internal/v1/users/{planner.sub}/data", json=body)
        assert answer.status_code == 200


@pytest.mark.parametrize("sub", ["x" * 256, "%EA%B0%80", "a%20b"])
async def test_what_cannot_be_a_sub_is_a_bad_request(api, sub):
    answer = await api.delete(f"/internal/v1/users/{sub}/data")
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "BAD_REQUEST")
