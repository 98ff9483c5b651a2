"""`X-Time-Zone`: wall-clock digits of the caller's zone on the wire, UTC in the columns (additions F)."""

from collections.abc import AsyncIterator
from datetime import datetime
from zoneinfo import ZoneInfo

import httpx
import pytest
from fastapi import Response

from shared.web.app import create_app, json_answer
from shared.web.errors import error_code_shape
from shared.web.json_body import strict_router
from shared.web.schemas import Answer, WholeSecondsDatetime, WireDatetime
from shared.web.time_zone import on_wire, to_utc

SEOUL = ZoneInfo("Asia/Seoul")
BERLIN = ZoneInfo("Europe/Berlin")
STORED = datetime(2026, 3, 4, 0, 30, 0, 250_000)


class Stamps(Answer):
    made_at: WireDatetime
    due_at: WholeSecondsDatetime


router = strict_router("/v1/stamps", "Stamps")


@router.get("/model")
async def model() -> Stamps:
    return Stamps(made_at=STORED, due_at=STORED)


@router.get("/rows")
async def rows() -> Response:
    return json_answer([{"madeAt": STORED}])


@router.get("/dates")
async def dates() -> Response:
    return json_answer({"dueOn": STORED.date(), "madeAt": STORED})


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async def ready() -> bool:
        return True

    app = create_app(
        title="Stamps", routers=[router], error_shape=error_code_shape, is_ready=ready, state={}
    )
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://stamps") as client:
        yield client


@pytest.mark.parametrize("zone", [None, "UTC"])
async def test_without_a_zone_the_stored_digits_are_shown(
    client: httpx.AsyncClient, zone: str | None
) -> None:
    headers = {} if zone is None else {"X-Time-Zone": zone}

    assert (await client.get("/v1/stamps/rows", headers=headers)).json() == [
        {"madeAt": "2026-03-04T00:30:00.250000"}
    ]
    assert (await client.get("/v1/stamps/model", headers=headers)).json() == {
        "madeAt": "2026-03-04T00:30:00.250000",
        "dueAt": "2026-03-04T00:30:00",
    }


async def test_rows_and_models_are_shown_in_the_callers_zone(client: httpx.AsyncClient) -> None:
    headers = {"X-Time-Zone": "Asia/Seoul"}

    assert (await client.get("/v1/stamps/rows", headers=headers)).json() == [
        {"madeAt": "2026-03-04T09:30:00.250000"}
    ]
    assert (await client.get("/v1/stamps/model", headers=headers)).json() == {
        "madeAt": "2026-03-04T09:30:00.250000",
        "dueAt": "2026-03-04T09:30:00",
    }


async def test_a_date_has_no_zone(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/stamps/dates", headers={"X-Time-Zone": "America/Lima"})

    assert answer.json() == {"dueOn": "2026-03-04", "madeAt": "2026-03-03T19:30:00.250000"}


@pytest.mark.parametrize(
    "zone", ["", "Mars/Olympus", "../../etc/passwd", "/etc/localtime", "x" * 300]
)
async def test_an_unknown_zone_is_a_bad_request(client: httpx.AsyncClient, zone: str) -> None:
    answer = await client.get("/v1/stamps/rows", headers={"X-Time-Zone": zone})

    assert (answer.status_code, answer.json()["errorCode"]) == (400, "BAD_REQUEST")


def test_digits_survive_the_round_trip_through_utc() -> None:
    local = datetime(2026, 7, 1, 9, 30)

    assert to_utc(local, SEOUL) == datetime(2026, 7, 1, 0, 30)
    assert on_wire(to_utc(local, SEOUL), SEOUL) == local


def test_a_time_that_does_not_exist_moves_forward() -> None:
    """Berlin, 29 March 2026: the clock goes from 02:00 to 03:00."""
    assert on_wire(to_utc(datetime(2026, 3, 29, 2, 30), BERLIN), BERLIN) == datetime(
        2026, 3, 29, 3, 30
    )


def test_of_an_ambiguous_time_the_first_is_meant() -> None:
    """Berlin, 25 October 2026: 02:30 comes twice, first in summer time."""
    assert to_utc(datetime(2026, 10, 25, 2, 30), BERLIN) == datetime(2026, 10, 25, 0, 30)
