"""Canvas tokens and synchronisation through the door."""

import asyncio
import base64
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.user_service.integrations.canvas import CanvasProfile, SyncMode
from services.user_service.integrations.errors import (
    CanvasSyncFailed,
    CanvasUnavailable,
    InvalidCanvasToken,
)
from services.user_service.integrations.service import mask
from services.user_service.sealing import Sealer
from services.user_service.tests.fakes import FakeCanvas, FakeCanvasSync
from shared.database import Database

Rows = Callable[..., list[tuple[object, ...]]]

SUB = "7b0e0f6a-1111-4222-8333-944455556666"
CALLER = {"X-Cognito-Sub": SUB}
KEY = {"X-Api-Key": "key-of-the-function"}
TOKEN = "1234~" + "tOkEn" * 12 + "xyz"
CREDENTIALS = "/v1/integrations/canvas/credentials"
BY_SUB = f"/internal/v1/credentials/canvas/by-cognito-sub/{SUB}"
SYNC = "/v1/integrations/canvas/sync"
STAMP = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{6})?")


async def register(client: httpx.AsyncClient, token: Any = TOKEN) -> httpx.Response:
    return await client.post(CREDENTIALS, json={"canvasToken": token}, headers=CALLER)


class TestRegistration:
    async def test_a_good_token_is_stored_sealed(
        self, client: httpx.AsyncClient, rows: Rows, sealer: Sealer
    ) -> None:
        """C-07: bound to user and provider, never in clear."""
        answer = await register(client)
        assert answer.status_code == 200
        assert answer.json().keys() == {"success", "message"}
        assert answer.json()["success"] is True
        assert isinstance(answer.json()["message"], str)
        [row] = rows(
            "SELECT cognito_sub, provider, is_connected, external_user_id, external_username,"
            " last_validated_at IS NOT NULL, last_synced_at, encrypted_token FROM credentials"
        )
        *plain, sealed = row
        assert plain == [SUB, "CANVAS", 1, "4711", "hong@univ.example", 1, None]
        assert TOKEN not in str(sealed)
        assert sealer.open(str(sealed), provider="CANVAS", cognito_sub=SUB) == TOKEN

    async def test_an_existing_token_is_replaced(
        self, client: httpx.AsyncClient, canvas: FakeCanvas, rows: Rows
    ) -> None:
        await register(client)
        [(row_id, created_at)] = rows("SELECT id, created_at FROM credentials")
        canvas.profile = CanvasProfile("4712", None)
        await register(client, "5678~newer")
        assert rows(
            "SELECT id, created_at, external_user_id, external_username FROM credentials"
        ) == [(row_id, created_at, "4712", None)]
        assert (await client.get(BY_SUB, headers=KEY)).json()["canvasToken"] == "5678~newer"

    async def test_registering_many_times_at_once_leaves_one_row(
        self, client: httpx.AsyncClient, rows: Rows
    ) -> None:
        """D-01, D-03."""
        answers = await asyncio.gather(*(register(client, f"1234~{n}") for n in range(20)))
        assert {answer.status_code for answer in answers} == {200}
        assert len(rows("SELECT id FROM credentials")) == 1

    @pytest.mark.parametrize(
        "token",
        [
            None,
            "",
            "   ",
            "x" * 357,
            "é" * 179,
            "to ken",
            "token\n",
            "tok\ren",
            "tok\x7fen",
            "토큰",
            "tok\u00e9n",
        ],
    )
    async def test_a_token_that_cannot_be_one_is_refused_without_asking_canvas(
        self, client: httpx.AsyncClient, canvas: FakeCanvas, token: str | None
    ) -> None:
        """R-9: a clear 400, not a 500."""
        answer = await register(client, token)
        assert answer.status_code == 400
        assert answer.json().keys() == {"status", "message", "errors"}
        assert answer.json()["errors"].keys() == {"canvasToken"}
        assert not canvas.asked

    async def test_the_longest_token_fits(self, client: httpx.AsyncClient) -> None:
        assert (await register(client, "x" * 356)).status_code == 200
        assert (await client.get(BY_SUB, headers=KEY)).json()["canvasToken"] == "x" * 356

    @pytest.mark.parametrize(
        ("failure", "status", "code"),
        [
            (InvalidCanvasToken(), 400, "INVALID_CANVAS_TOKEN"),
            (CanvasUnavailable(), 503, "CANVAS_UNAVAILABLE"),
        ],
    )
    async def test_a_refusal_and_an_outage_differ_and_keep_the_old_token(
        self,
        client: httpx.AsyncClient,
        canvas: FakeCanvas,
        failure: Exception,
        status: int,
        code: str,
    ) -> None:
        """R-9."""
        await register(client)
        canvas.failure = failure
        answer = await register(client, "5678~newer")
        assert (answer.status_code, answer.json()["errorCode"]) == (status, code)
        assert (await client.get(BY_SUB, headers=KEY)).json()["canvasToken"] == TOKEN


class TestStatus:
    async def test_without_credentials_there_are_three_nulls(
        self, client: httpx.AsyncClient
    ) -> None:
        answer = await client.get("/v1/integrations/status", headers=CALLER)
        assert answer.status_code == 200
        assert answer.json() == {"canvas": None, "googleCalendar": None, "outlook": None}

    async def test_each_credential_shows_its_state(
        self, client: httpx.AsyncClient, rows: Rows
    ) -> None:
        await register(client)
        rows(
            "INSERT INTO credentials (cognito_sub, provider, encrypted_token, created_at,"
            " updated_at, last_synced_at)"
            " VALUES (%s, 'GOOGLE_CALENDAR', 'x', NOW(), NOW(), '2026-03-04 09:30:00')",
            SUB,
        )
        rows(
            "INSERT INTO credentials (cognito_sub, provider, encrypted_token, created_at, updated_at)"
            " VALUES ('someone-else', 'CANVAS', 'x', NOW(), NOW())"
        )
        answer = (await client.get("/v1/integrations/status", headers=CALLER)).json()
        assert STAMP.fullmatch(answer["canvas"].pop("lastValidatedAt"))
        assert answer == {
            "canvas": {
                "isConnected": True,
                "externalUsername": "hong@univ.example",
                "lastSyncedAt": None,
            },
            "googleCalendar": {
                "isConnected": False,
                "externalUsername": None,
                "lastValidatedAt": None,
                "lastSyncedAt": "2026-03-04T09:30:00",
            },
            "outlook": None,
        }


class TestMaskedToken:
    async def test_at_most_three_characters_show(self, client: httpx.AsyncClient) -> None:
        """R-10."""
        await register(client)
        answer = await client.get(CREDENTIALS, headers=CALLER)
        assert answer.status_code == 200
        assert answer.json().keys() == {"canvasToken", "lastValidatedAt"}
        assert re.fullmatch(r"\*+xyz", answer.json()["canvasToken"])
        assert STAMP.fullmatch(answer.json()["lastValidatedAt"])

    @pytest.mark.parametrize("token", ["a", "abc", "abcdefghijk"])
    def test_of_a_short_token_nothing_shows(self, token: str) -> None:
        assert set(mask(token)) == {"*"}

    async def test_without_a_token_there_is_nothing_to_show(
        self, client: httpx.AsyncClient
    ) -> None:
        answer = await client.get(CREDENTIALS, headers=CALLER)
        assert (answer.status_code, answer.json()["errorCode"]) == (404, "CANVAS_TOKEN_NOT_FOUND")


class TestDeletion:
    async def test_a_deleted_token_is_gone_for_everyone(
        self, client: httpx.AsyncClient, rows: Rows
    ) -> None:
        await register(client)
        answer = await client.delete(CREDENTIALS, headers=CALLER)
        assert (answer.status_code, answer.content) == (204, b"")
        status = await client.get("/v1/integrations/status", headers=CALLER)
        assert status.json()["canvas"] is None
        assert (await client.get(BY_SUB, headers=KEY)).status_code == 404
        assert not rows("SELECT id FROM credentials")

    async def test_deleting_nothing_is_not_found(self, client: httpx.AsyncClient) -> None:
        answer = await client.delete(CREDENTIALS, headers=CALLER)
        assert (answer.status_code, answer.json()["errorCode"]) == (404, "CANVAS_TOKEN_NOT_FOUND")


class TestSync:
    @pytest.mark.parametrize(
        ("query", "mode"),
        [
            ("", SyncMode.ASSIGNMENTS),
            ("?mode=assignments", SyncMode.ASSIGNMENTS),
            ("?mode=courses&unknown=1", SyncMode.COURSES),
        ],
    )
    async def test_the_functions_counts_are_handed_on(
        self, client: httpx.AsyncClient, canvas_sync: FakeCanvasSync, query: str, mode: SyncMode
    ) -> None:
        await register(client)
        answer = await client.post(SYNC + query, headers=CALLER)
        assert answer.status_code == 200
        body = answer.json()
        assert isinstance(body.pop("message"), str)
        assert body == {
            "success": True,
            "coursesCount": 2,
            "assignmentsCount": 7,
            "syncedAt": "2026-11-20T03:04:05.678901",
        }
        assert canvas_sync.invoked == [(SUB, mode)]

    async def test_the_time_of_a_success_is_noted(
        self, client: httpx.AsyncClient, rows: Rows
    ) -> None:
        """R-11."""
        await register(client)
        await client.post(SYNC, headers=CALLER)
        [(age,)] = rows(
            "SELECT TIMESTAMPDIFF(SECOND, last_synced_at, UTC_TIMESTAMP()) FROM credentials"
        )
        assert age in (0, 1)

    async def test_without_a_token_nothing_is_invoked(
        self, client: httpx.AsyncClient, canvas_sync: FakeCanvasSync
    ) -> None:
        """R-11."""
        answer = await client.post(SYNC, headers=CALLER)
        assert (answer.status_code, answer.json()["errorCode"]) == (404, "CANVAS_TOKEN_NOT_FOUND")
        assert not canvas_sync.invoked

    @pytest.mark.parametrize("mode", ["", "all", "COURSES", "courses,assignments"])
    async def test_an_unknown_mode_is_a_bad_request(
        self, client: httpx.AsyncClient, canvas_sync: FakeCanvasSync, mode: str
    ) -> None:
        await register(client)
        answer = await client.post(SYNC, params={"mode": mode}, headers=CALLER)
        assert (answer.status_code, answer.json()["errorCode"]) == (400, "BAD_REQUEST")
        assert not canvas_sync.invoked

    async def test_a_failure_is_neutral_and_notes_no_time(
        self, client: httpx.AsyncClient, canvas_sync: FakeCanvasSync, rows: Rows
    ) -> None:
        await register(client)
        canvas_sync.failure = CanvasSyncFailed()
        answer = await client.post(SYNC, headers=CALLER)
        assert (answer.status_code, answer.json()["errorCode"]) == (500, "CANVAS_SYNC_ERROR")
        assert rows("SELECT last_synced_at FROM credentials") == [(None,)]

    async def test_no_connection_is_held_while_the_function_runs(
        self, client: httpx.AsyncClient, canvas_sync: FakeCanvasSync, database: Database
    ) -> None:
        """D-04: 150 seconds of waiting would starve the pool."""
        held = []

        async def look() -> None:
            held.append(database.engine.pool.checkedout())  # type: ignore[attr-defined]

        await register(client)
        canvas_sync.while_running = look
        await client.post(SYNC, headers=CALLER)
        assert held == [0]


class TestTokenForFunctions:
    async def test_the_key_opens_the_token(self, client: httpx.AsyncClient) -> None:
        await register(client)
        answer = await client.get(BY_SUB, headers=KEY)
        assert answer.status_code == 200
        body = answer.json()
        assert STAMP.fullmatch(body.pop("lastValidatedAt"))
        assert body == {
            "canvasToken": TOKEN,
            "externalUserId": "4711",
            "externalUsername": "hong@univ.example",
        }
        assert answer.headers["cache-control"] == "no-store"

    @pytest.mark.parametrize(
        "headers",
        [{}, {"X-Api-Key": ""}, {"X-Api-Key": " "}, {"X-Api-Key": "wrong"}, CALLER],
    )
    async def test_without_the_key_nothing_opens(
        self, client: httpx.AsyncClient, headers: dict[str, str]
    ) -> None:
        """G-03, R-1: 401, whether or not there is a token."""
        await register(client)
        for path in (BY_SUB, BY_SUB + "-unknown"):
            answer = await client.get(path, headers=headers)
            assert (answer.status_code, answer.json()["errorCode"]) == (401, "UNAUTHORIZED")

    async def test_a_key_that_is_not_ascii_is_just_wrong(self, client: httpx.AsyncClient) -> None:
        answer = await client.get(BY_SUB, headers={"X-Api-Key": "ké".encode("latin-1")})
        assert answer.status_code == 401

    async def test_no_token_is_not_found(self, client: httpx.AsyncClient) -> None:
        answer = await client.get(BY_SUB, headers=KEY)
        assert (answer.status_code, answer.json()["errorCode"]) == (404, "CANVAS_TOKEN_NOT_FOUND")

    async def test_a_token_in_the_reference_form_opens(
        self, client: httpx.AsyncClient, rows: Rows
    ) -> None:
        """C-07: rows that the reference wrote stay readable."""

        iv = bytes(12)
        sealed = base64.b64encode(iv + AESGCM(bytes(range(32))).encrypt(iv, b"1234~old", None))
        rows(
            "INSERT INTO credentials (cognito_sub, provider, encrypted_token, created_at, updated_at)"
            " VALUES (%s, 'CANVAS', %s, NOW(), NOW())",
            SUB,
            sealed.decode(),
        )
        assert (await client.get(BY_SUB, headers=KEY)).json()["canvasToken"] == "1234~old"

    async def test_a_row_with_anothers_token_opens_for_nobody(
        self, client: httpx.AsyncClient, rows: Rows, log_lines: Callable[[], str]
    ) -> None:
        """C-07: swapped rows are refused, without a word of what is in them."""
        await register(client)
        rows("UPDATE credentials SET cognito_sub = 'someone-else'")
        path = BY_SUB.replace(SUB, "someone-else")
        answer = await client.get(path, headers=KEY)
        assert (answer.status_code, answer.json()["errorCode"]) == (500, "INTERNAL_SERVER_ERROR")
        assert TOKEN not in answer.text
        assert "request_failed" in log_lines()


async def test_tokens_and_subs_reach_no_log(
    client: httpx.AsyncClient, canvas: FakeCanvas, log_lines: Callable[[], str]
) -> None:
    """S-07, C-07."""
    await register(client)
    await client.get(CREDENTIALS, headers=CALLER)
    await client.post(SYNC, headers=CALLER)
    await client.get(BY_SUB, headers=KEY)
    canvas.failure = InvalidCanvasToken()
    await register(client, "bad~token\n")
    await register(client, "bad~token")
    logged = log_lines()
    assert "request_served" in logged
    for secret in (TOKEN, "bad~token", SUB, KEY["X-Api-Key"], "hong@univ.example"):
        assert secret not in logged


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/integrations/status"),
        ("POST", CREDENTIALS),
        ("GET", CREDENTIALS),
        ("DELETE", CREDENTIALS),
        ("POST", SYNC),
    ],
)
async def test_every_door_asks_who_is_calling(
    client: httpx.AsyncClient, method: str, path: str
) -> None:
    """R-1, S-01."""
    body = {"canvasToken": TOKEN} if (method, path) == ("POST", CREDENTIALS) else None
    answer = await client.request(method, path, json=body)
    assert (answer.status_code, answer.json()["errorCode"]) == (401, "UNAUTHORIZED")
