"""E27, E29 and E31 in pages (additions.md F): cut, complete, and the caller's own."""

import httpx
import pytest

from services.course_service.tests.canvas import (
    JIWOO,
    MINJUN,
    Worker,
    assignment,
    complete,
    courses_synced,
    synced,
)
from services.course_service.tests.conftest import Rows

AS_JIWOO = {"X-Cognito-Sub": JIWOO}
LISTS = ["/v1/courses", "/v1/courses/3/assignments", "/v1/enrollments"]


@pytest.fixture
async def semester(worker: Worker, rows: Rows) -> Worker:
    """Jiwoo and Minjun take courses 1 to 7 in opposite order; course 3 has seven assignments."""
    courses = [complete(n) for n in range(1, 8)]
    courses[2] = complete(3, *(assignment(n) for n in range(1, 8)))
    await worker.sync(courses_synced(MINJUN, *courses))
    for one_course in reversed(courses):
        await worker.sync(synced(JIWOO, one_course))
    return worker


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("limit", [1, 3, 6, 7, 100])
async def test_following_the_links_shows_the_whole_list_once(
    semester: Worker, client: httpx.AsyncClient, path: str, limit: int
) -> None:
    whole = await client.get(path, headers=AS_JIWOO)
    assert len(whole.json()) == 7
    assert "Link" not in whole.headers

    url, seen, pages = f"{path}?limit={limit}", [], 0
    while url:
        answer = await client.get(url, headers=AS_JIWOO)
        seen += answer.json()
        pages += 1
        url = answer.links.get("next", {}).get("url", "")

    assert seen == whole.json()
    assert pages == -(-7 // limit)


@pytest.mark.parametrize("path", LISTS)
async def test_a_page_goes_on_where_it_ended_whatever_was_added_or_removed_before_it(
    semester: Worker, client: httpx.AsyncClient, rows: Rows, path: str
) -> None:
    whole = (await client.get(path, headers=AS_JIWOO)).json()
    first = await client.get(path, params={"limit": 3}, headers=AS_JIWOO)
    rows("DELETE FROM assignments WHERE canvas_assignment_id = 2")
    rows("DELETE FROM enrollments WHERE cognito_sub = %s AND course_id = 6", JIWOO)

    second = await client.get(first.links["next"]["url"], headers=AS_JIWOO)

    assert second.json() == whole[3:6]


@pytest.mark.parametrize("path", LISTS)
async def test_a_foreign_cursor_shows_nothing_foreign(
    semester: Worker, client: httpx.AsyncClient, path: str
) -> None:
    """S-01"""
    own = (await client.get(path, headers=AS_JIWOO)).json()
    foreign = await client.get(path, params={"limit": 1}, headers={"X-Cognito-Sub": MINJUN})

    answer = await client.get(foreign.links["next"]["url"], headers=AS_JIWOO)

    assert [entry for entry in answer.json() if entry not in own] == []


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "limit=x", "cursor=x", "cursor=WyJ4Il0=", "cursor=W10="]
)
async def test_a_page_that_cannot_be_is_a_bad_request(
    client: httpx.AsyncClient, path: str, query: str
) -> None:
    answer = await client.get(f"{path}?{query}", headers=AS_JIWOO)

    assert (answer.status_code, answer.json()["code"]) == (400, "BAD_REQUEST")
