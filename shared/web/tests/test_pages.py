"""Optional pages of lists: nothing missing, nothing twice, and cursors that cannot be abused."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import httpx
import pytest
from fastapi import Request, Response

from shared.web.app import create_app
from shared.web.errors import error_code_shape
from shared.web.json_body import strict_router
from shared.web.pages import PageParameters, list_answer, read_position

START = datetime(2026, 3, 4)
ROWS = [{"id": n, "at": START + timedelta(hours=n // 3)} for n in range(10)]

router = strict_router("/v1/rows", "Rows")


@router.get("")
async def list_rows(request: Request, page: PageParameters) -> Response:
    after = read_position(page, datetime, int)
    rows = [row for row in ROWS if after is None or (row["at"], row["id"]) > after]
    return list_answer(request, page, rows[: page.fetch], lambda row: [row["at"], row["id"]])


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async def ready() -> bool:
        return True

    app = create_app(
        title="Rows", routers=[router], error_shape=error_code_shape, is_ready=ready, state={}
    )
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://rows") as client:
        yield client


async def test_a_list_without_a_limit_is_whole(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/rows")

    assert len(answer.json()) == 10
    assert "Link" not in answer.headers


@pytest.mark.parametrize("limit", [1, 3, 9, 10, 100])
async def test_following_the_links_shows_every_row_once(
    client: httpx.AsyncClient, limit: int
) -> None:
    url, seen = f"/v1/rows?x=1&limit={limit}", []
    while url:
        answer = await client.get(url)
        assert len(answer.json()) <= limit
        seen += [row["id"] for row in answer.json()]
        url = answer.links.get("next", {}).get("url", "")
        assert not url or "x=1" in url

    assert seen == list(range(10))


async def test_the_link_is_a_path_of_the_gateway(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/rows?limit=2", headers={"X-Forwarded-Prefix": "/api"})

    assert answer.links["next"]["url"].startswith("/api/v1/rows?limit=2&cursor=")


@pytest.mark.parametrize("limit", ["0", "101", "-1", "x", "1.5"])
async def test_a_limit_out_of_range_is_a_bad_request(client: httpx.AsyncClient, limit: str) -> None:
    answer = await client.get("/v1/rows", params={"limit": limit})

    assert (answer.status_code, answer.json()["errorCode"]) == (400, "BAD_REQUEST")


@pytest.mark.parametrize("cursor", ["", "x", "WzFd", "W3t9XQ==", "bnVsbA==", "가", "A" * 600])
async def test_a_cursor_that_is_not_ours_is_a_bad_request(
    client: httpx.AsyncClient, cursor: str
) -> None:
    answer = await client.get("/v1/rows", params={"cursor": cursor})

    assert (answer.status_code, answer.json()["errorCode"]) == (400, "BAD_REQUEST")
