"""E33 and E34: reading categories."""

import pytest

FIELDS = {
    "categoryId",
    "cognitoSub",
    "groupId",
    "name",
    "color",
    "icon",
    "isDefault",
    "sourceType",
    "sourceId",
    "createdAt",
    "updatedAt",
}


@pytest.fixture
def categories(planner, user_service):
    """Ids by name: own, in the caller's groups 1 and 2, in the strangers' group 9, and another's."""
    user_service.roles = {1: {planner.sub: "MEMBER"}, 2: {planner.sub: "OWNER"}, 9: {"x": "OWNER"}}
    made = {
        "own": {"source_type": "USER_CREATED"},
        "course": {"source_type": "CANVAS_COURSE", "source_id": "3", "is_default": 1, "icon": "📚"},
        "in 2": {"group_id": 2, "cognito_sub": planner.other_sub, "source_type": "USER_CREATED"},
        "in 1": {"group_id": 1},
        "in 9": {"group_id": 9, "cognito_sub": "x"},
        "left by me": {"group_id": 9},
        "other": {"cognito_sub": planner.other_sub},
    }
    return {name: planner.category(name=name, **values) for name, values in made.items()}


async def names(api, query="") -> list[str]:
    answer = await api.get(f"/v1/categories{query}")
    assert answer.status_code == 200
    return [category["name"] for category in answer.json()]


async def test_a_course_category_is_written_out_exactly(api, categories, planner):
    planner.rows("UPDATE categories SET created_at = '2026-03-04 09:30:00.120000'")
    answer = await api.get(f"/v1/categories/{categories['course']}")
    assert answer.json() == {
        "categoryId": categories["course"],
        "cognitoSub": planner.sub,
        "groupId": None,
        "name": "course",
        "color": "#123456",
        "icon": "📚",
        "isDefault": True,
        "sourceType": "CANVAS_COURSE",
        "sourceId": "3",
        "createdAt": "2026-03-04T09:30:00.120000",
        "updatedAt": "2025-01-01T00:00:00",
    }


async def test_a_new_student_has_none(api):
    assert (await api.get("/v1/categories")).json() == []


@pytest.mark.parametrize(
    ("query", "listed"),
    [
        ("", ["own", "course"]),
        ("?includeGroups=false", ["own", "course"]),
        ("?includeGroups=true", ["own", "course", "in 2", "in 1"]),
        ("?groupId=1", ["in 1"]),
        ("?groupId=2&includeGroups=true", ["in 2"]),
        ("?groupId=", ["own", "course"]),
        ("?sourceType=CANVAS_COURSE", ["course"]),
        ("?sourceType=USER_CREATED&includeGroups=TRUE", ["own", "in 2"]),
        ("?sourceType=TODOIST_PROJECT", []),
        ("?sourceType=CANVAS_COURSE&groupId=2", []),
        ("?unknown=1", ["own", "course"]),
    ],
)
async def test_a_list_covers_what_was_asked_for_in_order_of_id(api, categories, query, listed):
    assert await names(api, query) == listed


async def test_a_list_has_exactly_the_fields_of_the_contract(api, categories):
    answer = await api.get("/v1/categories?includeGroups=true")
    assert {frozenset(category) for category in answer.json()} == {frozenset(FIELDS)}


async def test_a_foreign_group_is_refused(api, categories):
    for group_id in (9, 777):
        answer = await api.get(f"/v1/categories?groupId={group_id}")
        assert (answer.status_code, answer.json()["errorCode"]) == (403, "UNAUTHORIZED_ACCESS")


@pytest.mark.parametrize(
    ("name", "status"),
    [("own", 200), ("in 1", 200), ("in 9", 403), ("left by me", 403), ("other", 403)],
)
async def test_one_category_is_read_by_those_who_may(api, categories, name, status):
    """R-15"""
    answer = await api.get(f"/v1/categories/{categories[name]}")
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["errorCode"] == "UNAUTHORIZED_ACCESS"


async def test_an_absent_category_is_absent_before_anything_else(api, user_service):
    user_service.statuses = [500] * 4
    answer = await api.get("/v1/categories/12345")
    assert (answer.status_code, answer.json()["errorCode"]) == (404, "CATEGORY_NOT_FOUND")
    assert set(answer.json()) == {"errorCode", "message", "timestamp"}


@pytest.mark.parametrize(
    "path",
    [
        "/v1/categories?groupId=one",
        "/v1/categories?groupId=9223372036854775808",
        "/v1/categories?includeGroups=maybe",
        "/v1/categories?sourceType=canvas_course",
        "/v1/categories?sourceType=OTHER",
        "/v1/categories/one",
        "/v1/categories/1.5",
    ],
)
async def test_what_cannot_be_converted_is_a_bad_request(api, path):
    answer = await api.get(path)
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "BAD_REQUEST")


@pytest.mark.parametrize("path", ["/v1/categories", "/v1/categories/1", "/v1/schedules/1"])
async def test_a_caller_is_needed(api, path):
    for sub in ("", "  "):
        answer = await api.get(path, headers={"X-Cognito-Sub": sub})
        assert (answer.status_code, answer.json()["errorCode"]) == (401, "UNAUTHORIZED")
