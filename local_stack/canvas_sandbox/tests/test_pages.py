"""Lists come in pages that only the Link header leads through."""

from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from local_stack.canvas_sandbox.paging import InvalidPageTokenError, cut_page


async def follow(client: httpx.AsyncClient, path: str, **parameters) -> list[httpx.Response]:
    """C-03: only `rel="next"` is used, as every client must."""
    pages = [await client.get(path, params=parameters or None)]
    while "next" in pages[-1].links:
        pages.append(await client.get(pages[-1].links["next"]["url"]))
        assert len(pages) < 100
    assert {page.status_code for page in pages} == {200}
    return pages


def ids_on(pages: list[httpx.Response]) -> list[int]:
    return [item["id"] for page in pages for item in page.json()]


@pytest.mark.parametrize("order_by", ["position", "name", "due_at"])
@pytest.mark.parametrize("per_page", [1, 7, 10, 25, 100])
async def test_following_next_shows_every_item_once_and_none_is_missing(
    campus, order_by: str, per_page: int
):
    """C-03"""
    path = f"/courses/{campus.course.id}/assignments"
    listed = ids_on(await follow(campus.canvas, path, order_by=order_by, per_page=per_page))
    assert len(listed) == 25
    assert set(listed) == {assignment.id for assignment in campus.course.assignments}


async def test_a_page_has_ten_items_unless_asked_otherwise(campus):
    answer = await campus.canvas.get(f"/courses/{campus.course.id}/assignments")
    assert len(answer.json()) == 10


@pytest.mark.parametrize("per_page", ["0", "-5", "many", ""])
async def test_a_senseless_page_size_counts_as_the_default(campus, per_page: str):
    answer = await campus.canvas.get(
        f"/courses/{campus.course.id}/assignments", params={"per_page": per_page}
    )
    assert len(answer.json()) == 10


async def test_more_than_a_hundred_items_a_page_are_cut_silently(campus):
    await campus.control.post("/reset", json={"courses": 1, "assignments_per_course": 120})
    answer = await campus.canvas.get(
        f"/courses/{campus.course.id}/assignments", params={"per_page": 500}
    )
    assert len(answer.json()) == 100
    assert "next" in answer.links


async def test_links_repeat_the_parameters_and_start_with_the_host_of_the_request(campus):
    answer = await campus.canvas.get(
        "/courses", params={"enrollment_type": "student", "include[]": ["term"], "per_page": 2}
    )
    following = urlsplit(answer.links["next"]["url"])
    assert following.netloc == "canvas.test:8090"
    assert following.path == "/api/v1/courses"
    query = parse_qs(following.query)
    assert query["include[]"] == ["term"]
    assert query["enrollment_type"] == ["student"]
    assert query["per_page"] == ["2"]


async def test_the_last_page_has_no_next_and_no_page_says_which_is_last(campus):
    pages = await follow(campus.canvas, "/courses", per_page=2)
    assert all({"current", "first"} <= set(page.links) for page in pages)
    assert not any("last" in page.links for page in pages)
    assert "next" not in pages[-1].links


async def test_page_tokens_are_no_numbers_and_numbers_are_refused(campus):
    path = f"/courses/{campus.course.id}/assignments"
    first = await campus.canvas.get(path)
    assert "page=bookmark:" in first.links["next"]["url"]
    assert (await campus.canvas.get(path, params={"page": "2"})).status_code == 400


async def test_a_page_token_is_good_for_its_own_list_only(campus):
    one, other = list(campus.sandbox.semester.courses)[:2]
    first = await campus.canvas.get(f"/courses/{one}/assignments")
    token = parse_qs(urlsplit(first.links["next"]["url"]).query)["page"][0]
    foreign = await campus.canvas.get(f"/courses/{other}/assignments", params={"page": token})
    assert foreign.status_code == 400


@pytest.mark.parametrize("token", ["bookmark:", "bookmark:???", "bookmark:AAAA", "last"])
def test_an_altered_page_token_is_refused(token: str):
    with pytest.raises(InvalidPageTokenError):
        cut_page([1], key=lambda n: (n,), list_name="n", token=token, per_page=None)


async def test_an_assignment_deleted_between_two_pages_hides_no_other(campus):
    path = f"/courses/{campus.course.id}/assignments"
    kept = [assignment.id for assignment in campus.course.assignments][1:]
    first = await campus.canvas.get(path)
    await campus.control.delete(f"/assignments/{campus.assignment.id}")
    rest = await follow(campus.canvas, first.links["next"]["url"])
    assert [*ids_on([first])[1:], *ids_on(rest)] == kept
