"""The contract's common HTTP rules (rest.md 1.2, 1.5 to 1.7), on an app that every service is built like."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Response
from pydantic import Field

from shared.database import DatabaseUnavailable
from shared.identity.headers import Caller
from shared.web.app import create_app, json_answer
from shared.web.errors import code_shape, error_code_shape
from shared.web.json_body import strict_router
from shared.web.schemas import (
    BoolParameter,
    DatetimeParameter,
    LongParameter,
    NotBlank,
    OptionalBool,
    OptionalDate,
    OptionalDatetime,
    OptionalLong,
    PathId,
    RequestBody,
)

CALLER = {"X-Cognito-Sub": "7b0e0f6a-1111-4222-8333-944455556666"}


class Thing(RequestBody):
    name: Annotated[str, Field(max_length=5), NotBlank]
    is_on: OptionalBool = None
    count: OptionalLong = None
    at: OptionalDatetime = None
    on: OptionalDate = None


router = strict_router("/v1/things", "Things")


@router.post("")
async def create_thing(body: Thing, caller: Caller) -> Response:
    return json_answer(body.model_dump(by_alias=True))


@router.get("/{thing_id}")
async def get_thing(
    thing_id: PathId,
    group_id: LongParameter = None,
    start: DatetimeParameter = None,
    is_on: BoolParameter = None,
) -> Response:
    return json_answer({"id": thing_id, "group": group_id, "start": start, "isOn": is_on})


@router.get("/{thing_id}/bug")
async def break_down(thing_id: PathId) -> Response:
    raise LookupError("secret detail")


@router.get("/{thing_id}/outage")
async def lose_database(thing_id: PathId) -> Response:
    raise DatabaseUnavailable("10.1.2.3 refused")


async def ready() -> bool:
    return True


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(
        title="Thing Service API",
        routers=[router],
        error_shape=error_code_shape,
        is_ready=ready,
        state={},
    )
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://things") as client:
        yield client


async def post(client: httpx.AsyncClient, raw: bytes, **headers: str) -> httpx.Response:
    given = {"Content-Type": "application/json", **CALLER, **headers}
    return await client.post("/v1/things", content=raw, headers=given)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b'{"name": 12}', {"name": "12"}),
        (b'{"name": "a", "isOn": "true"}', {"isOn": True}),
        (b'{"name": "a", "isOn": "FALSE"}', {"isOn": False}),
        (b'{"name": "a", "count": "12"}', {"count": 12}),
        (b'{"name": "a", "count": ""}', {"count": None}),
        (b'{"name": "a", "at": ""}', {"at": None}),
        (b'{"name": "a", "unknown": 1}', {"name": "a"}),
        (b'{"name": "a", "at": "2026-03-04T09:30"}', {"at": "2026-03-04T09:30:00"}),
        (b'{"name": "a", "at": "2026-03-04T09:30:00Z"}', {"at": "2026-03-04T09:30:00"}),
        (b'{"name": "a", "at": "2026-03-04T09:30:00.25"}', {"at": "2026-03-04T09:30:00.250000"}),
        (
            b'{"name": "a", "at": "2026-03-04T09:30:00.123456789"}',
            {"at": "2026-03-04T09:30:00.123456"},
        ),
        (b'{"name": "a", "on": "2026-03-04T09:30:00"}', {"on": "2026-03-04"}),
        ('{"name": "가나다라마"}'.encode(), {"name": "가나다라마"}),
    ],
)
async def test_scalars_are_read_leniently(
    client: httpx.AsyncClient, raw: bytes, expected: dict[str, Any]
) -> None:
    answer = await post(client, raw)

    assert answer.status_code == 200, answer.text
    assert expected.items() <= answer.json().items()


@pytest.mark.parametrize(
    ("raw", "fields"),
    [
        (b"{}", {"name"}),
        (b'{"name": null}', {"name"}),
        (b'{"name": "  "}', {"name"}),
        (b'{"name": "toolong"}', {"name"}),
    ],
)
async def test_a_broken_field_rule_names_the_field(
    client: httpx.AsyncClient, raw: bytes, fields: set[str]
) -> None:
    answer = await post(client, raw)

    assert answer.status_code == 400
    assert answer.json().keys() == {"status", "message", "errors"}
    assert answer.json()["status"] == "error"
    assert answer.json()["errors"].keys() == fields


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b'{"name": {}}',
        b'{"name": "a", "isOn": "yes"}',
        b'{"name": "a", "count": 1.5}',
        b'{"name": "a", "count": true}',
        b'{"name": "a", "count": 9223372036854775808}',
        b'{"name": "a", "at": "2026-03-04T09:30:00+09:00"}',
        b'{"name": "a", "at": "2026-03-04"}',
        b'{"name": "a", "at": "2026-02-30T00:00:00"}',
        b'{"name": "a", "on": "2026-3-4"}',
        b'{"name": NaN}',
        b'{"name": "a", "count": Infinity}',
        b'{"name": "a", "count": 1e999}',
        b'{"name": "\\ud800"}',
        b'{"name": "a\\u0000"}',
        b'{"name": "\xff"}',
        b'{"name": "a", "name": "b"}',
        b'{"name": "a", "x": ' + b"[" * 40 + b"]" * 40 + b"}",
        b"[" * 100_000,
        b'{"name": "a", "count": ' + b"9" * 5_000 + b"}",
    ],
)
async def test_what_cannot_be_read_is_a_bad_request(client: httpx.AsyncClient, raw: bytes) -> None:
    """R-1"""
    answer = await post(client, raw)

    assert answer.status_code == 400, answer.text
    assert answer.json().keys() == {"errorCode", "message", "timestamp"}
    assert answer.json()["errorCode"] == "BAD_REQUEST"


@pytest.mark.parametrize("declared", ["text/plain", "application/xml", "multipart/form-data", ""])
async def test_a_body_that_is_not_declared_as_json_is_unsupported(
    client: httpx.AsyncClient, declared: str
) -> None:
    answer = await post(client, b'{"name": "a"}', **{"Content-Type": declared})

    assert (answer.status_code, answer.json()["errorCode"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize("headers", [{}, {"X-Cognito-Sub": ""}, {"X-Cognito-Sub": "   "}])
async def test_a_missing_caller_is_unauthorized(
    client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    """R-1"""
    answer = await client.post("/v1/things", json={"name": "a"}, headers=headers)

    assert (answer.status_code, answer.json()["errorCode"]) == (401, "UNAUTHORIZED")


@pytest.mark.parametrize(
    "path", ["abc", "1.5", "1_0", "%EF%BC%91", "99999999999999999999", "%20", "5?group_id=x"]
)
async def test_an_id_that_is_no_number_is_a_bad_request(
    client: httpx.AsyncClient, path: str
) -> None:
    answer = await client.get(f"/v1/things/{path}")

    assert (answer.status_code, answer.json()["errorCode"]) == (400, "BAD_REQUEST")


async def test_a_query_time_loses_its_zone_without_conversion(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/things/5", params={"start": "2026-03-04T09:30:00+09:00"})

    assert answer.json()["start"] == "2026-03-04T09:30:00"


async def test_a_bare_date_is_no_query_time(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/things/5", params={"start": "2026-03-04"})

    assert answer.status_code == 400


@pytest.mark.parametrize("path", ["/v1/things/5/", "/nothing", "/v1/things/5/x"])
async def test_an_unknown_path_is_not_found_and_not_redirected(
    client: httpx.AsyncClient, path: str
) -> None:
    answer = await client.get(path)

    assert (answer.status_code, answer.json()["errorCode"]) == (404, "NOT_FOUND")


async def test_a_method_that_a_path_lacks_is_not_allowed(client: httpx.AsyncClient) -> None:
    answer = await client.delete("/v1/things/5")

    assert (answer.status_code, answer.json()["errorCode"]) == (405, "METHOD_NOT_ALLOWED")


async def test_head_works_wherever_get_works(client: httpx.AsyncClient) -> None:
    got, headed = await client.get("/v1/things/5"), await client.head("/v1/things/5")

    assert (headed.status_code, headed.content) == (200, b"")
    assert headed.headers["content-length"] == got.headers["content-length"]


async def test_a_bug_is_a_neutral_500_with_a_request_id(client: httpx.AsyncClient) -> None:
    """S-04"""
    answer = await client.get("/v1/things/5/bug", headers={"X-Request-Id": "request-0001"})

    assert (answer.status_code, answer.json()["errorCode"]) == (500, "INTERNAL_SERVER_ERROR")
    assert "secret detail" not in answer.text
    assert answer.headers["X-Request-Id"] == "request-0001"


async def test_a_database_that_is_away_is_a_neutral_503(client: httpx.AsyncClient) -> None:
    """S-04"""
    answer = await client.get("/v1/things/5/outage")

    assert (answer.status_code, answer.json()["errorCode"]) == (503, "SERVICE_UNAVAILABLE")
    assert "10.1.2.3" not in answer.text


@pytest.mark.parametrize("presented", ["short", "x" * 65, "has space", "<script>alert"])
async def test_a_malformed_request_id_is_replaced(
    client: httpx.AsyncClient, presented: str
) -> None:
    """G-10"""
    answer = await client.get("/v1/things/5", headers={"X-Request-Id": presented})

    assert len(answer.headers["X-Request-Id"]) == 32
    assert answer.headers.get_list("X-Request-Id") == [answer.headers["X-Request-Id"]]


def test_course_service_has_an_error_object_of_its_own() -> None:
    assert code_shape("NOT_FOUND", "gone") == {"code": "NOT_FOUND", "message": "gone"}


async def test_the_document_names_gateway_paths_and_the_token(client: httpx.AsyncClient) -> None:
    """O3"""
    document = (await client.get("/v3/api-docs")).json()

    assert document["servers"] == [{"url": "/api"}]
    assert document["info"] == {"title": "Thing Service API", "version": "1.0.0"}
    assert document["security"] == [{"JWT Bearer": []}]
    scheme = document["components"]["securitySchemes"]["JWT Bearer"]
    assert scheme == {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}


async def test_the_document_never_promises_422(client: httpx.AsyncClient) -> None:
    document = (await client.get("/v3/api-docs")).json()

    assert "422" not in str(document["paths"])


async def test_the_api_page_needs_no_other_host(client: httpx.AsyncClient) -> None:
    """O8"""
    page = (await client.get("/swagger-ui.html")).text

    assert "//" not in page.replace("http://things", "").split("<script>")[0].replace("<!--", "")
    assert (await client.get("/swagger-ui/swagger-ui-bundle.js")).status_code == 200
