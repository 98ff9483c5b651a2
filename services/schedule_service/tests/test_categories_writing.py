"""E35 to E37: making, changing and deleting categories."""

import asyncio
from collections import Counter

import pytest

OWN = {"source_type": "USER_CREATED"}
BODY = {"name": "Reading", "color": "#4ecDC4"}
GROUP, OTHER_GROUP, READ_ONLY, FOREIGN = 1, 2, 3, 9


@pytest.fixture(autouse=True)
def roles(user_service, planner):
    """The caller owns a group, is an admin of another, a member of a third, and a stranger to the last."""
    user_service.roles = {
        GROUP: {planner.sub: "OWNER", planner.other_sub: "ADMIN"},
        OTHER_GROUP: {planner.sub: "ADMIN"},
        READ_ONLY: {planner.sub: "MEMBER"},
        FOREIGN: {planner.other_sub: "OWNER"},
    }


def refusal(answer) -> tuple[int, str]:
    return answer.status_code, answer.json().get("errorCode")


DENIED = (403, "UNAUTHORIZED_ACCESS")
DUPLICATE = (409, "DUPLICATE_CATEGORY")
NOT_FOUND = (404, "CATEGORY_NOT_FOUND")


async def test_a_category_is_made_and_answered_exactly(api, planner):
    answer = await api.post("/v1/categories", json={**BODY, "icon": "📖"})
    [row] = planner.categories()
    assert (answer.status_code, answer.json()) == (
        201,
        {
            "categoryId": row["category_id"],
            "cognitoSub": planner.sub,
            "groupId": None,
            "name": "Reading",
            "color": "#4ecDC4",
            "icon": "📖",
            "isDefault": False,
            "sourceType": "USER_CREATED",
            "sourceId": None,
            "createdAt": row["created_at"].isoformat(),
            "updatedAt": row["created_at"].isoformat(),
        },
    )
    assert (await api.get(f"/v1/categories/{row['category_id']}")).json() == answer.json()


async def test_a_group_category_is_made_by_those_who_may_write(api):
    answer = await api.post("/v1/categories", json={**BODY, "groupId": str(OTHER_GROUP)})
    assert (answer.status_code, answer.json()["groupId"]) == (201, OTHER_GROUP)


@pytest.mark.parametrize(
    ("fields", "offender"),
    [
        ({"name": None}, "name"),
        ({"name": ""}, "name"),
        ({"name": " \t "}, "name"),
        ({"name": "가" * 101}, "name"),
        ({"color": None}, "color"),
        ({"color": ""}, "color"),
        ({"color": "#12345"}, "color"),
        ({"color": "#1234567"}, "color"),
        ({"color": "#12345g"}, "color"),
        ({"color": "123456"}, "color"),
        ({"color": "#123456\n"}, "color"),
        ({"color": "#１２３４５６"}, "color"),
        ({"icon": "📖" * 51}, "icon"),
    ],
)
async def test_a_broken_rule_names_its_field_before_any_permission_is_asked(
    api, planner, fields, offender
):
    body = {**BODY, "groupId": FOREIGN, **fields}
    own = planner.category(**OWN)
    for answer in (
        await api.post("/v1/categories", json=body),
        await api.put(f"/v1/categories/{own}", json=body),
    ):
        assert answer.status_code == 400
        assert (answer.json()["status"], list(answer.json()["errors"])) == ("error", [offender])


async def test_every_offending_field_is_named(api):
    answer = await api.post("/v1/categories", json={"icon": "x" * 51})
    assert set(answer.json()["errors"]) == {"name", "color", "icon"}


@pytest.mark.parametrize(
    "fields", [{"groupId": "one"}, {"groupId": 1.5}, {"name": []}, {"icon": {}}]
)
async def test_a_wrong_type_is_a_bad_request(api, fields):
    assert refusal(await api.post("/v1/categories", json={**BODY, **fields})) == (
        400,
        "BAD_REQUEST",
    )


async def test_lengths_count_characters_and_numbers_are_read_as_text(api):
    name = "가📚" * 50
    answer = await api.post("/v1/categories", json={**BODY, "name": name, "icon": "📖" * 50})
    assert (answer.status_code, answer.json()["name"]) == (201, name)
    answer = await api.post("/v1/categories", json={**BODY, "name": 2026, "groupId": ""})
    assert (answer.status_code, answer.json()["name"]) == (201, "2026")


@pytest.mark.parametrize("group_id", [READ_ONLY, FOREIGN, 777, 0, -1, 2**63 - 1])
async def test_a_group_that_the_caller_may_not_write_to_is_refused_before_its_names(
    api, planner, group_id
):
    planner.category(name="Reading", group_id=group_id, cognito_sub="x", **OWN)
    planner.category(name="Reading", **OWN)
    answer = await api.post("/v1/categories", json={**BODY, "groupId": group_id})
    assert refusal(answer) == DENIED


@pytest.mark.parametrize("name", ["Reading", "READING", "Réading", "Reading  "])
async def test_a_name_of_ones_own_is_taken_by_what_the_key_takes_for_it(api, planner, name):
    """D-05"""
    planner.category(name="Reading", **OWN)
    assert refusal(await api.post("/v1/categories", json={**BODY, "name": name})) == DUPLICATE


async def test_a_name_is_taken_in_the_group_whoever_used_it(api, planner):
    planner.category(name="Reading", group_id=GROUP, cognito_sub=planner.other_sub, **OWN)
    assert refusal(await api.post("/v1/categories", json={**BODY, "groupId": GROUP})) == DUPLICATE
    assert (await api.post("/v1/categories", json=BODY)).status_code == 201


@pytest.mark.parametrize(("first", "second"), [(None, GROUP), (GROUP, None), (GROUP, OTHER_GROUP)])
async def test_a_name_that_the_creator_uses_elsewhere_is_a_duplicate(api, first, second):
    """R-16, D-1"""
    assert (await api.post("/v1/categories", json={**BODY, "groupId": first})).status_code == 201
    assert refusal(await api.post("/v1/categories", json={**BODY, "groupId": second})) == DUPLICATE


async def test_two_users_may_use_the_same_name(api, planner):
    for sub in (planner.sub, planner.other_sub):
        answer = await api.post("/v1/categories", json=BODY, headers={"X-Cognito-Sub": sub})
        assert answer.status_code == 201


@pytest.mark.parametrize("group_id", [None, GROUP])
async def test_of_fifty_at_once_one_is_made(api, planner, group_id):
    """D-03: in a group two writers compete."""
    subs = [planner.sub, planner.other_sub if group_id else planner.sub]
    answers = await asyncio.gather(
        *(
            api.post(
                "/v1/categories",
                json={**BODY, "groupId": group_id},
                headers={"X-Cognito-Sub": subs[number % 2]},
            )
            for number in range(50)
        )
    )
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 49}
    assert len(planner.contents()["categories"]) == 1


async def test_an_update_replaces_everything_and_answers_with_what_is_stored(api, planner):
    """R-29"""
    category = planner.category(icon="📖", **OWN)
    answer = await api.put(f"/v1/categories/{category}", json=BODY)
    [row] = planner.categories()
    assert answer.status_code == 200
    assert (row["name"], row["color"], row["icon"]) == ("Reading", "#4ecDC4", None)
    assert row["updated_at"] > row["created_at"]
    assert answer.json()["updatedAt"] == row["updated_at"].isoformat()
    assert answer.json() == (await api.get(f"/v1/categories/{category}")).json()


async def test_an_update_keeps_its_own_name_and_not_anothers(api, planner):
    planner.category(name="Reading", **OWN)
    mine = planner.category(name="own", **OWN)
    path = f"/v1/categories/{mine}"
    assert (await api.put(path, json={**BODY, "name": "own"})).status_code == 200
    assert (await api.put(path, json={**BODY, "name": "OWN"})).json()["name"] == "OWN"
    assert refusal(await api.put(path, json=BODY)) == DUPLICATE


async def test_an_admin_renames_anothers_category_without_learning_of_its_creators_names(
    api, planner
):
    """S-01"""
    planner.category(name="Reading", cognito_sub=planner.other_sub, **OWN)
    shared = planner.category(group_id=GROUP, cognito_sub=planner.other_sub, **OWN)
    answer = await api.put(f"/v1/categories/{shared}", json={**BODY, "groupId": GROUP})
    assert (answer.status_code, answer.json()["name"]) == (200, "Reading")


@pytest.mark.parametrize(
    ("creator", "group_id", "new_group_id", "status"),
    [
        ("me", None, GROUP, 200),
        ("me", GROUP, OTHER_GROUP, 200),
        ("me", GROUP, None, 200),
        ("other", GROUP, OTHER_GROUP, 200),
        ("other", GROUP, None, 403),
        ("me", None, READ_ONLY, 403),
        ("me", None, FOREIGN, 403),
        ("other", GROUP, FOREIGN, 403),
        ("me", READ_ONLY, READ_ONLY, 403),
        ("me", READ_ONLY, None, 403),
        ("me", FOREIGN, None, 403),
        ("other", None, None, 403),
        ("other", None, GROUP, 403),
    ],
)
async def test_moving_needs_both_ends_and_leaving_a_group_its_creator(
    api, planner, creator, group_id, new_group_id, status
):
    """R-17"""
    sub = planner.sub if creator == "me" else planner.other_sub
    category = planner.category(cognito_sub=sub, group_id=group_id, **OWN)
    before = planner.contents()
    answer = await api.put(f"/v1/categories/{category}", json={**BODY, "groupId": new_group_id})
    assert answer.status_code == status
    if status == 403:
        assert refusal(answer) == DENIED
        assert planner.contents() == before
    else:
        assert (answer.json()["groupId"], answer.json()["cognitoSub"]) == (new_group_id, sub)


@pytest.mark.parametrize(
    "made",
    [
        {"source_type": "CANVAS_COURSE", "source_id": "3", "is_default": 1},
        {"source_type": "CANVAS_COURSE", "source_id": "3"},
        {"source_type": "GOOGLE_CALENDAR"},
        {"source_type": "USER_CREATED", "is_default": 1},
    ],
)
async def test_linked_and_default_categories_stay_as_they_are(api, planner, made):
    category = planner.category(**made)
    assert refusal(await api.put(f"/v1/categories/{category}", json=BODY)) == DENIED
    assert refusal(await api.delete(f"/v1/categories/{category}")) == DENIED
    assert len(planner.categories()) == 1


async def test_an_absent_category_is_absent_before_any_permission(api, user_service):
    user_service.statuses = [500] * 4
    body = {**BODY, "groupId": FOREIGN}
    assert refusal(await api.put("/v1/categories/12345", json=body)) == NOT_FOUND
    assert refusal(await api.delete("/v1/categories/12345")) == NOT_FOUND


async def test_an_unused_category_is_deleted_and_leaves_nothing(api, planner):
    category = planner.category(**OWN)
    answer = await api.delete(f"/v1/categories/{category}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert refusal(await api.get(f"/v1/categories/{category}")) == NOT_FOUND
    assert refusal(await api.delete(f"/v1/categories/{category}")) == NOT_FOUND
    assert planner.contents()["categories"] == []


async def test_what_a_deleted_category_sorted_moves_to_uncategorized(api, planner):
    """R-18"""
    category, kept = planner.category(**OWN), planner.category(name="kept", **OWN)
    schedule, todo = planner.schedule(category), planner.todo(category)
    elsewhere = planner.schedule(kept)
    assert (await api.delete(f"/v1/categories/{category}")).status_code == 204
    [_, made] = (await api.get("/v1/categories")).json()
    assert (made["name"], made["color"], made["icon"]) == ("Uncategorized", "#9E9E9E", None)
    assert (made["sourceType"], made["isDefault"]) == ("USER_CREATED", False)
    for path in (f"/v1/schedules/{schedule}", f"/v1/todos/{todo}"):
        moved = (await api.get(path)).json()
        assert moved["categoryId"] == made["categoryId"]
        assert moved["updatedAt"] > moved["createdAt"]
    assert (await api.get(f"/v1/schedules/{elsewhere}")).json()["categoryId"] == kept


@pytest.mark.parametrize("name", ["Uncategorized", "uncategorized"])
async def test_an_uncategorized_that_is_there_already_is_used(api, planner, name):
    category, own = planner.category(**OWN), planner.category(name=name, color="#000001", **OWN)
    planner.schedule(category)
    await api.delete(f"/v1/categories/{category}")
    assert [row["category_id"] for row in planner.categories()] == [own]
    assert planner.schedules()[0]["category_id"] == own


async def test_a_course_called_uncategorized_is_no_place_for_other_things(api, planner):
    planner.category(name="Uncategorized", source_type="CANVAS_COURSE", source_id="3", is_default=1)
    for number in range(2):
        category = planner.category(name=f"own {number}", **OWN)
        planner.schedule(category)
        await api.delete(f"/v1/categories/{category}")
    names = [row["name"] for row in planner.categories()]
    assert names == ["Uncategorized", "Uncategorized (2)"]
    assert len({row["category_id"] for row in planner.schedules()}) == 1


async def test_an_uncategorized_in_use_makes_way_for_a_new_one(api, planner):
    used = planner.category(name="Uncategorized", **OWN)
    planner.schedule(used)
    assert (await api.delete(f"/v1/categories/{used}")).status_code == 204
    [new] = planner.categories()
    assert (new["name"], new["color"]) == ("Uncategorized", "#9E9E9E")
    assert new["category_id"] == planner.schedules()[0]["category_id"] != used


async def test_a_group_and_its_members_have_an_uncategorized_each(api, planner):
    """D-1: even when their names would meet in one creator."""
    shared = planner.category(name="shared", group_id=GROUP, **OWN)
    planner.schedule(shared, group_id=GROUP)
    planner.schedule(shared)
    other = planner.category(name="other", group_id=OTHER_GROUP, **OWN)
    planner.schedule(other, group_id=OTHER_GROUP)
    for category in (shared, other):
        assert (await api.delete(f"/v1/categories/{category}")).status_code == 204
    categories = {row["category_id"]: row for row in planner.contents()["categories"]}
    assert {row["name"] for row in categories.values()} == {"Uncategorized"}
    for schedule in planner.schedules():
        assert categories[schedule["category_id"]]["group_id"] == schedule["group_id"]
    assert len(categories) == 3
    assert refusal(await api.post("/v1/categories", json={**BODY, "name": "Uncategorized"})) == (
        DUPLICATE
    )


async def test_a_group_category_called_uncategorized_gives_way_to_the_personal_one(api, planner):
    named = planner.category(name="Uncategorized", group_id=GROUP, **OWN)
    own = planner.category(**OWN)
    planner.schedule(own)
    assert (await api.delete(f"/v1/categories/{own}")).status_code == 204
    [kept, new] = planner.categories()
    assert (kept["category_id"], kept["name"], kept["group_id"]) == (named, "Uncategorized", GROUP)
    assert (new["name"], new["group_id"]) == ("Uncategorized", None)


async def test_deletions_at_once_make_one_uncategorized(api, planner):
    """D-03"""
    ids = [planner.category(name=f"own {number}", **OWN) for number in range(20)]
    for category in ids:
        planner.schedule(category)
    answers = await asyncio.gather(*(api.delete(f"/v1/categories/{category}") for category in ids))
    assert {answer.status_code for answer in answers} == {204}
    [left] = planner.categories()
    assert {row["category_id"] for row in planner.schedules()} == {left["category_id"]}


async def test_a_category_is_not_deleted_under_a_schedule_that_is_just_made(api, planner):
    """D-6: each schedule is refused or survives; none is left without a category."""
    category = planner.category(**OWN)
    body = {
        "title": "t",
        "categoryId": category,
        "startTime": "2026-03-04T09:00:00",
        "endTime": "2026-03-04T10:00:00",
    }
    calls = [api.post("/v1/schedules", json=body) for _ in range(20)]
    calls.insert(10, api.delete(f"/v1/categories/{category}"))
    answers = await asyncio.gather(*calls)
    statuses = Counter(answer.status_code for answer in answers)
    assert statuses[204] == 1
    assert statuses[201] + statuses[404] == 20
    assert len(planner.schedules()) == statuses[201]


async def test_server_owned_fields_are_not_taken_from_a_body(api, planner):
    """S-02"""
    claimed = {
        "categoryId": 99,
        "cognitoSub": planner.other_sub,
        "isDefault": True,
        "sourceType": "CANVAS_COURSE",
        "sourceId": "3",
        "createdAt": "2020-01-01T00:00:00",
        "updatedAt": "2020-01-01T00:00:00",
        "nameScope": 5,
    }
    made = (await api.post("/v1/categories", json={**BODY, **claimed})).json()
    path = f"/v1/categories/{made['categoryId']}"
    for answer in (made, (await api.put(path, json={**BODY, **claimed})).json()):
        assert answer["categoryId"] != 99
        assert answer["cognitoSub"] == planner.sub
        assert (answer["isDefault"], answer["sourceType"], answer["sourceId"]) == (
            False,
            "USER_CREATED",
            None,
        )
        assert answer["createdAt"] == made["createdAt"] != "2020-01-01T00:00:00"
        assert answer["updatedAt"] != "2020-01-01T00:00:00"


@pytest.mark.parametrize(
    "text",
    [
        "' OR 1=1 -- ",
        "%_\\",
        "👩‍👩‍👧‍👦 é é",
        "\u202eright to left",
        "\ufeffbom\u200bzero",
        "line\nbreak\ttab",
        "\x01\x1f\x7f",
        "ﷺ" * 50,
        "𝔘𝔫𝔦",
        " leading and trailing ",
    ],
)
async def test_awkward_text_comes_back_as_it_was(api, text):
    """D-05"""
    answer = await api.post("/v1/categories", json={**BODY, "name": text, "icon": text[:50]})
    assert (answer.json()["name"], answer.json()["icon"]) == (text, text[:50])
    path = f"/v1/categories/{answer.json()['categoryId']}"
    assert (await api.get(path)).json() == answer.json()


async def test_a_failing_commit_is_not_answered_with_success(api, failing_commits):
    """An answer of 2xx means committed."""
    answer = await api.post("/v1/categories", json=BODY)
    assert refusal(answer) == (500, "INTERNAL_SERVER_ERROR")


async def test_an_outage_of_user_service_is_an_outage_and_writes_nothing(
    api, planner, user_service
):
    """R-4"""
    category = planner.category(group_id=GROUP, **OWN)
    before = planner.contents()
    for method, path in (("POST", ""), ("PUT", f"/{category}"), ("DELETE", f"/{category}")):
        user_service.statuses = [503, 503]
        body = None if method == "DELETE" else {**BODY, "groupId": GROUP}
        answer = await api.request(method, f"/v1/categories{path}", json=body)
        assert refusal(answer) == (503, "SERVICE_UNAVAILABLE")
    assert planner.contents() == before
