"""Lists of categories and schedules in pages, in few statements, on indexes."""

import re

import pytest

from shared.testing.statements import sent_statements

GROUPS = range(1, 41)


@pytest.fixture
def many(planner, user_service):
    """Schedules at few different times in the caller's planner, their 40 groups and others'."""
    user_service.roles = {group: {planner.sub: "MEMBER"} for group in GROUPS}
    category = planner.category()

    def rows(numbers, sub, group):
        for number in numbers:
            start = f"'2026-03-{1 + number % 4:02} 09:00:00'"
            yield f"({sub!r}, {group}, {category}, 't{number}', {start}, {start}, NOW(), NOW())"

    values = [
        *rows(range(30), planner.sub, "NULL"),
        *(row for group in GROUPS for row in rows(range(2), "x", group)),
        *(row for other in range(100) for row in rows(range(80), f"other {other}", "NULL")),
        *(row for group in range(100, 140) for row in rows(range(60), "x", group)),
    ]
    planner.rows(
        "INSERT INTO schedules (cognito_sub, group_id, category_id, title, start_time, end_time,"
        f" created_at, updated_at) VALUES {', '.join(values)}"
    )
    names = [f"('x', {group}, 'in {group}', '#000000', NOW(), NOW())" for group in GROUPS]
    names += [f"('o{n}', {n}, 'c', '#000000', NOW(), NOW())" for n in range(1000, 11_000)]
    planner.rows(
        "INSERT INTO categories (cognito_sub, group_id, name, color, created_at, updated_at)"
        f" VALUES {', '.join(names)}"
    )
    planner.rows("ANALYZE TABLE schedules, categories")


RANGE = "startDate=2026-03-01T00:00:00&endDate=2026-03-04T00:00:00"
LISTS = [
    "/v1/categories?includeGroups=true",
    "/v1/schedules",
    "/v1/schedules?includeGroups=true",
    f"/v1/schedules?includeGroups=true&{RANGE}",
    f"/v1/schedules?{RANGE}",
    "/v1/schedules?groupId=7",
    f"/v1/schedules?groupId=7&{RANGE}",
]


async def test_pages_together_are_the_whole_list_and_every_call_is_few_statements_on_indexes(
    api, many, database, planner
):
    """D-07: at 10,000 rows of others; ties at equal times are cut anywhere."""
    for path in LISTS:
        with sent_statements(database) as sent:
            whole = (await api.get(path)).json()
            joined, link = [], f"{path}{'&' if '?' in path else '?'}limit=7"
            pages = 0
            while link:
                answer = await api.get(link)
                assert answer.status_code == 200, answer.text
                joined += answer.json()
                pages += 1
                following = re.fullmatch(r'<(.*)>; rel="next"', answer.headers.get("Link", ""))
                link = following and following[1]
        assert joined == whole
        assert len(whole) > 1
        assert len(sent) == 1 + pages
        for statement, parameters in (sent[0], sent[1], sent[-1]):
            for row in planner.rows(f"EXPLAIN FORMAT=TRADITIONAL {statement}", *parameters):
                if row["table"] in ("schedules", "categories"):
                    assert row["type"] not in ("ALL", "index"), (path, row)


async def test_ties_are_personal_first_in_pages_as_in_the_whole_list(api, many):
    listed = (await api.get("/v1/schedules?includeGroups=true&limit=100")).json()
    places = [(one["startTime"], one["groupId"] is not None, one["scheduleId"]) for one in listed]
    assert places == sorted(places)
    assert {one["groupId"] is None for one in listed} == {True, False}


async def test_a_link_keeps_the_query_and_goes_through_the_gateway(api, many):
    answer = await api.get(
        f"/v1/schedules?groupId=7&{RANGE}&limit=1", headers={"X-Forwarded-Prefix": "/api"}
    )
    link = answer.headers["Link"]
    assert link.startswith("</api/v1/schedules?groupId=7&startDate=2026-03-01T00%3A00%3A00")


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "limit=x", "cursor=x", "cursor=W10=", "cursor=WyJ4Il0="]
)
@pytest.mark.parametrize("path", ["/v1/categories", "/v1/schedules"])
async def test_a_bad_limit_or_cursor_is_a_bad_request(api, path, query):
    answer = await api.get(f"{path}?{query}")
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "BAD_REQUEST")


async def test_a_cursor_of_another_order_is_a_bad_request(api, many):
    link = (await api.get("/v1/schedules?limit=1")).headers["Link"]
    cursor = re.search(r"cursor=([^>&]*)", link)[1]
    answer = await api.get(f"/v1/schedules?includeGroups=true&cursor={cursor}")
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "BAD_REQUEST")


async def test_all_day_schedules_are_cut_into_pages_in_every_zone(api, planner):
    category = planner.category()
    for number in range(5):
        planner.schedule(category, title=str(number), is_all_day=number % 2)
    headers, link, seen = {"X-Time-Zone": "Asia/Seoul"}, "/v1/schedules?includeGroups=1&limit=1", []
    link = "/v1/schedules?includeGroups=true&limit=1"
    while link:
        answer = await api.get(link, headers=headers)
        seen += [one["title"] for one in answer.json()]
        following = re.fullmatch(r'<(.*)>; rel="next"', answer.headers.get("Link", ""))
        link = following and following[1]
    assert seen == ["0", "1", "2", "3", "4"]
