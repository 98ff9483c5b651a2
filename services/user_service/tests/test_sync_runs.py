"""One synchronisation of a student at a time, refused tokens, and what is remembered of runs."""

import asyncio
import hashlib
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from services.user_service.integrations import runs
from services.user_service.integrations.canvas import SyncMode
from services.user_service.integrations.errors import CanvasSyncFailed
from services.user_service.tests.fakes import FakeCanvasSync

Rows = Callable[..., list[tuple[object, ...]]]

SUB = "7b0e0f6a-1111-4222-8333-944455556666"
CALLER = {"X-Cognito-Sub": SUB}
KEY = {"X-Api-Key": "key-of-the-function"}
TOKEN = "1234~" + "tOkEn" * 12
SYNC = "/v1/integrations/canvas/sync"
RUNS = "/v1/integrations/canvas/sync/runs"
CLAIM = "/internal/v1/sync-runs"
CONNECTED = "/internal/v1/credentials/canvas/connected"
REFUSED = f"/internal/v1/credentials/canvas/{SUB}/refused"
COUNTS = {"coursesCount": 2, "assignmentsCount": 7, "syncedAt": "2026-11-20T03:04:05.678901"}


async def register(client: httpx.AsyncClient, token: str = TOKEN) -> None:
    answer = await client.post(
        "/v1/integrations/canvas/credentials", json={"canvasToken": token}, headers=CALLER
    )
    assert answer.status_code == 200


async def claim(client: httpx.AsyncClient, **more: Any) -> httpx.Response:
    return await client.post(CLAIM, json={"cognitoSub": SUB, **more}, headers=KEY)


async def finish(client: httpx.AsyncClient, run_id: int, **how: Any) -> httpx.Response:
    return await client.put(f"{CLAIM}/{run_id}", json=how, headers=KEY)


async def listed(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    answer = await client.get(RUNS, headers=CALLER)
    assert answer.status_code == 200
    return answer.json()


async def is_connected(client: httpx.AsyncClient) -> bool:
    status = (await client.get("/v1/integrations/status", headers=CALLER)).json()
    return bool(status["canvas"]["isConnected"])


@pytest.fixture
async def connected(client: httpx.AsyncClient) -> httpx.AsyncClient:
    """The API, and a student who registered a token."""
    await register(client)
    return client


class TestOneAtATime:
    async def test_ten_triggers_at_once_are_one_run_with_one_result(
        self, connected: httpx.AsyncClient, canvas_sync: FakeCanvasSync
    ) -> None:
        """C-08: at most 1.1 times the calls of one."""
        canvas_sync.while_running = lambda: asyncio.sleep(0.2)

        answers = await asyncio.gather(*(connected.post(SYNC, headers=CALLER) for _ in range(10)))

        print(f"C-08: {len(canvas_sync.invoked)} invocation(s) for 10 triggers at once")  # noqa: T201
        assert [answer.status_code for answer in answers] == [200] * 10
        assert len({answer.text for answer in answers}) == 1
        assert len(canvas_sync.invoked) == 1
        assert [run["status"] for run in await listed(connected)] == ["SUCCEEDED"]

    async def test_a_trigger_that_was_asked_before_the_end_gets_that_result(
        self, connected: httpx.AsyncClient, canvas_sync: FakeCanvasSync, database: Any
    ) -> None:
        """C-08: it may reach the database after the end."""
        asked_at = runs.utc_now()
        await connected.post(SYNC, headers=CALLER)

        claimed = await database.transaction(
            lambda session: runs.claim_run(
                session,
                cognito_sub=SUB,
                mode=SyncMode.ASSIGNMENTS,
                trigger=runs.RunTrigger.MANUAL,
                asked_at=asked_at,
            )
        )

        assert not claimed.is_ours
        assert claimed.run.status == "SUCCEEDED"

    async def test_a_trigger_after_the_end_is_a_run_of_its_own(
        self, connected: httpx.AsyncClient, canvas_sync: FakeCanvasSync
    ) -> None:
        await connected.post(SYNC, headers=CALLER)
        await connected.post(SYNC, headers=CALLER)

        assert len(canvas_sync.invoked) == 2

    async def test_a_trigger_of_the_other_mode_waits_and_then_runs(
        self, connected: httpx.AsyncClient, canvas_sync: FakeCanvasSync
    ) -> None:
        canvas_sync.while_running = lambda: asyncio.sleep(0.1)

        await asyncio.gather(
            connected.post(SYNC + "?mode=courses", headers=CALLER),
            connected.post(SYNC + "?mode=assignments", headers=CALLER),
        )

        modes = sorted(mode for _, mode in canvas_sync.invoked)
        assert modes == [SyncMode.ASSIGNMENTS, SyncMode.COURSES]
        spans = sorted((run["startedAt"], run["finishedAt"]) for run in await listed(connected))
        assert spans[0][1] <= spans[1][0]

    async def test_everybody_who_waited_gets_the_failure(
        self, connected: httpx.AsyncClient, canvas_sync: FakeCanvasSync
    ) -> None:
        canvas_sync.while_running = lambda: asyncio.sleep(0.2)
        canvas_sync.failure = CanvasSyncFailed()

        answers = await asyncio.gather(*(connected.post(SYNC, headers=CALLER) for _ in range(5)))

        assert {answer.json()["errorCode"] for answer in answers} == {"CANVAS_SYNC_ERROR"}
        assert len(canvas_sync.invoked) == 1

    async def test_a_student_who_waits_gets_the_result_of_a_scheduled_run(
        self, connected: httpx.AsyncClient, canvas_sync: FakeCanvasSync
    ) -> None:
        run_id = (await claim(connected)).json()["runId"]
        waiting = asyncio.create_task(connected.post(SYNC, headers=CALLER))
        await asyncio.sleep(0.15)
        assert not waiting.done()

        await finish(connected, run_id, status="SUCCEEDED", **COUNTS)

        answer = (await waiting).json()
        assert {name: answer[name] for name in COUNTS} == COUNTS
        assert not canvas_sync.invoked

    async def test_nobody_waits_longer_than_the_gateway_does(
        self, connected: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(runs, "MAX_WAIT_SECONDS", 0.2)
        await claim(connected)

        answer = await connected.post(SYNC, headers=CALLER)

        assert (answer.status_code, answer.json()["errorCode"]) == (500, "CANVAS_SYNC_ERROR")
        assert "too long" in answer.json()["message"]

    async def test_a_run_that_waited_its_turn_is_not_waited_for_any_longer_but_kept_to_its_end(
        self,
        connected: httpx.AsyncClient,
        canvas_sync: FakeCanvasSync,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """additions.md A: the wait for the other mode and the own run take 150 s together."""
        monkeypatch.setattr(runs, "MAX_WAIT_SECONDS", 0.6)
        may_end = asyncio.Event()
        canvas_sync.while_running = may_end.wait
        other = (await claim(connected, syncMode="courses")).json()["runId"]
        waiting = asyncio.create_task(connected.post(SYNC, headers=CALLER))
        await asyncio.sleep(0.15)
        await finish(connected, other, status="SUCCEEDED", **COUNTS)

        async with asyncio.timeout(5):
            answer = await waiting

        assert canvas_sync.invoked == [(SUB, SyncMode.ASSIGNMENTS)]
        assert (answer.status_code, answer.json()["errorCode"]) == (500, "CANVAS_SYNC_ERROR")
        assert "too long" in answer.json()["message"]
        assert (await listed(connected))[0]["status"] == "RUNNING"
        may_end.set()
        async with asyncio.timeout(5):
            while (await listed(connected))[0]["status"] != "SUCCEEDED":
                await asyncio.sleep(0.02)

    async def test_a_result_is_not_missed_because_a_run_of_the_other_mode_began_at_once(
        self, connected: httpx.AsyncClient, canvas_sync: FakeCanvasSync
    ) -> None:
        """C-08: who waits looks every now and then, and the next run may be claimed in between."""
        run_id = (await claim(connected)).json()["runId"]
        waiting = asyncio.create_task(connected.post(SYNC, headers=CALLER))
        await asyncio.sleep(0.15)

        await finish(connected, run_id, status="SUCCEEDED", **COUNTS)
        assert (await claim(connected, syncMode="courses")).status_code == 201

        async with asyncio.timeout(5):
            answer = (await waiting).json()
        assert {name: answer[name] for name in COUNTS} == COUNTS
        assert not canvas_sync.invoked

    async def test_a_killed_run_holds_up_the_next_one_until_its_lease_ends(
        self, connected: httpx.AsyncClient, canvas_sync: FakeCanvasSync, rows: Rows
    ) -> None:
        """C-08: nothing is blocked for ever."""
        await claim(connected)
        assert (await claim(connected)).status_code == 409
        [(seconds,)] = rows("SELECT TIMESTAMPDIFF(SECOND, started_at, lease_until) FROM sync_runs")
        assert seconds == 150
        rows("UPDATE sync_runs SET lease_until = UTC_TIMESTAMP(6) - INTERVAL 1 SECOND")
        assert [(run["status"], run["errorCode"]) for run in await listed(connected)] == [
            ("FAILED", "SYNC_ABANDONED")
        ]

        answer = await connected.post(SYNC, headers=CALLER)

        assert answer.status_code == 200
        assert [(run["status"], run["errorCode"]) for run in await listed(connected)] == [
            ("SUCCEEDED", None),
            ("FAILED", "SYNC_ABANDONED"),
        ]

    async def test_students_do_not_wait_for_each_other(self, connected: httpx.AsyncClient) -> None:
        other = {"X-Cognito-Sub": "another-student"}
        await connected.post(
            "/v1/integrations/canvas/credentials", json={"canvasToken": TOKEN}, headers=other
        )
        await claim(connected)

        assert (await connected.post(SYNC, headers=other)).status_code == 200


class TestScheduledRuns:
    async def test_a_run_is_claimed_once_and_its_end_is_kept(
        self, connected: httpx.AsyncClient, rows: Rows
    ) -> None:
        first = await claim(connected, syncMode="courses")
        second = await claim(connected, syncMode="assignments")
        assert (first.status_code, first.json()["leaseSeconds"]) == (201, 150)
        assert (second.status_code, second.json()["errorCode"]) == (409, "SYNC_ALREADY_RUNNING")

        ended = await finish(connected, first.json()["runId"], status="SUCCEEDED", **COUNTS)

        assert ended.status_code == 204
        [run] = await listed(connected)
        assert run.pop("startedAt") <= run.pop("finishedAt")
        assert run == {
            "runId": first.json()["runId"],
            "trigger": "SCHEDULED",
            "mode": "courses",
            "status": "SUCCEEDED",
            "coursesCount": 2,
            "assignmentsCount": 7,
            "errorCode": None,
        }
        assert rows("SELECT last_synced_at IS NULL FROM credentials") == [(0,)]

    async def test_a_failure_is_kept_with_its_cause(
        self, connected: httpx.AsyncClient, rows: Rows
    ) -> None:
        """C-05"""
        run_id = (await claim(connected)).json()["runId"]
        await finish(connected, run_id, status="FAILED", errorCode="CANVAS_THROTTLED")

        [run] = await listed(connected)
        assert (run["status"], run["errorCode"]) == ("FAILED", "CANVAS_THROTTLED")
        assert rows("SELECT last_synced_at FROM credentials") == [(None,)]

    async def test_a_claim_repeated_after_a_lost_answer_finds_its_run(
        self, connected: httpx.AsyncClient
    ) -> None:
        first = await claim(connected, claimId="attempt-1")
        again = await claim(connected, claimId="attempt-1")
        other = await claim(connected, claimId="attempt-2")

        assert (again.status_code, again.json()) == (201, first.json())
        assert other.status_code == 409

    async def test_fifty_claims_at_once_begin_one_run(self, connected: httpx.AsyncClient) -> None:
        """C-08, D-01"""
        answers = await asyncio.gather(*(claim(connected) for _ in range(50)))

        assert sorted(answer.status_code for answer in answers) == [201] + [409] * 49

    async def test_a_late_end_does_not_change_a_run_that_was_taken_over(
        self, connected: httpx.AsyncClient, rows: Rows
    ) -> None:
        killed = (await claim(connected)).json()["runId"]
        rows("UPDATE sync_runs SET lease_until = UTC_TIMESTAMP(6) - INTERVAL 1 SECOND")
        await claim(connected)

        assert (await finish(connected, killed, status="SUCCEEDED", **COUNTS)).status_code == 204

        assert [(run["status"], run["errorCode"]) for run in await listed(connected)] == [
            ("RUNNING", None),
            ("FAILED", "SYNC_ABANDONED"),
        ]

    async def test_without_a_token_there_is_nothing_to_claim(
        self, client: httpx.AsyncClient
    ) -> None:
        answer = await claim(client)
        assert (answer.status_code, answer.json()["errorCode"]) == (404, "CANVAS_TOKEN_NOT_FOUND")
        assert (await finish(client, 1, status="FAILED")).status_code == 404

    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("POST", CLAIM, {"cognitoSub": SUB}),
            ("PUT", CLAIM + "/1", {"status": "FAILED"}),
            ("GET", CONNECTED, None),
            ("POST", REFUSED, None),
        ],
    )
    async def test_without_the_key_no_internal_door_opens(
        self, connected: httpx.AsyncClient, method: str, path: str, body: Any
    ) -> None:
        """G-03"""
        for headers in ({}, {"X-Api-Key": "wrong"}, CALLER):
            answer = await connected.request(method, path, json=body, headers=headers)
            assert (answer.status_code, answer.json()["errorCode"]) == (401, "UNAUTHORIZED")
        assert await is_connected(connected)


class TestList:
    async def test_the_last_fifty_are_kept_the_newest_first(
        self, connected: httpx.AsyncClient, rows: Rows
    ) -> None:
        rows(
            "INSERT INTO sync_runs (cognito_sub, triggered_by, mode, status, started_at, lease_until,"
            " finished_at) SELECT %s, 'SCHEDULED', 'ASSIGNMENTS', 'SUCCEEDED', NOW(6), NOW(6), NOW(6)"
            " FROM information_schema.columns LIMIT 60",
            SUB,
        )
        await connected.post(SYNC, headers=CALLER)

        found = await listed(connected)

        assert len(found) == 50
        assert found[0]["trigger"] == "MANUAL"
        ids = [run["runId"] for run in found]
        assert ids == sorted(ids, reverse=True)
        assert rows("SELECT COUNT(*) FROM sync_runs") == [(50,)]

    async def test_nobody_sees_the_runs_of_others(self, connected: httpx.AsyncClient) -> None:
        """S-01"""
        await connected.post(SYNC, headers=CALLER)
        answer = await connected.get(RUNS, headers={"X-Cognito-Sub": "another-student"})
        assert answer.json() == []
        assert (await connected.get(RUNS)).status_code == 401

    async def test_unlinking_forgets_the_runs(
        self, connected: httpx.AsyncClient, rows: Rows
    ) -> None:
        """S-08"""
        await connected.post(SYNC, headers=CALLER)
        await connected.delete("/v1/integrations/canvas/credentials", headers=CALLER)
        assert rows("SELECT id FROM sync_runs") == []

    async def test_unlinking_during_a_run_leaves_nothing_of_it(
        self, connected: httpx.AsyncClient, canvas_sync: FakeCanvasSync, rows: Rows
    ) -> None:
        """S-08: what ends late does not bring anything back."""

        async def unlink() -> None:
            await connected.delete("/v1/integrations/canvas/credentials", headers=CALLER)

        canvas_sync.while_running = unlink
        assert (await connected.post(SYNC, headers=CALLER)).status_code == 200
        assert rows("SELECT id FROM sync_runs") == []
        assert rows("SELECT id FROM credentials") == []


class TestRefusedTokens:
    async def test_a_refused_token_disconnects_until_a_new_one_is_registered(
        self, connected: httpx.AsyncClient, canvas_sync: FakeCanvasSync
    ) -> None:
        """C-02: one call, state "reconnect", no more syncs."""
        answer = await connected.post(REFUSED, headers=KEY)
        assert (answer.status_code, answer.content) == (204, b"")
        assert not await is_connected(connected)

        manual = await connected.post(SYNC, headers=CALLER)
        scheduled = await claim(connected)

        assert (manual.status_code, manual.json()["errorCode"]) == (400, "INVALID_CANVAS_TOKEN")
        assert (scheduled.status_code, scheduled.json()["errorCode"]) == (
            400,
            "INVALID_CANVAS_TOKEN",
        )
        assert not canvas_sync.invoked
        assert (await connected.get(CONNECTED, headers=KEY)).json()["cognitoSubs"] == []

        await register(connected, "5678~newer")
        assert await is_connected(connected)
        assert (await connected.post(SYNC, headers=CALLER)).status_code == 200

    async def test_a_refusal_of_a_replaced_token_does_not_disconnect_the_new_one(
        self, connected: httpx.AsyncClient
    ) -> None:
        """C-02: it may arrive after the new registration."""
        await register(connected, "5678~newer")

        old = await connected.post(REFUSED, json=digest(TOKEN), headers=KEY)
        assert (old.status_code, await is_connected(connected)) == (204, True)

        await connected.post(REFUSED, json=digest("5678~newer"), headers=KEY)
        assert not await is_connected(connected)

    async def test_a_refusal_found_by_a_trigger_is_its_answer(
        self, connected: httpx.AsyncClient, canvas_sync: FakeCanvasSync
    ) -> None:
        """C-02: the function says so before it fails."""

        async def refuse() -> None:
            await connected.post(REFUSED, json=digest(TOKEN), headers=KEY)

        canvas_sync.while_running, canvas_sync.failure = refuse, CanvasSyncFailed()

        answer = await connected.post(SYNC, headers=CALLER)

        assert (answer.status_code, answer.json()["errorCode"]) == (400, "INVALID_CANVAS_TOKEN")
        assert [(run["status"], run["errorCode"]) for run in await listed(connected)] == [
            ("FAILED", "INVALID_CANVAS_TOKEN")
        ]

    async def test_without_a_token_there_is_none_to_refuse(self, client: httpx.AsyncClient) -> None:
        answer = await client.post(REFUSED, headers=KEY)
        assert (answer.status_code, answer.json()["errorCode"]) == (404, "CANVAS_TOKEN_NOT_FOUND")


class TestConnected:
    async def test_every_connected_student_is_on_one_page_exactly(
        self, client: httpx.AsyncClient, rows: Rows
    ) -> None:
        for number in range(25):
            rows(
                "INSERT INTO credentials (cognito_sub, provider, encrypted_token, is_connected,"
                " created_at, updated_at) VALUES (%s, %s, 'x', %s, NOW(), NOW())",
                f"student-{number:02}",
                "GOOGLE_CALENDAR" if number == 7 else "CANVAS",
                number != 13,
            )
        found: list[str] = []
        query: dict[str, Any] = {"limit": 10}
        pages = 0
        while True:
            answer = (await client.get(CONNECTED, params=query, headers=KEY)).json()
            found += answer["cognitoSubs"]
            pages += 1
            if answer["next"] is None:
                break
            query["after"] = answer["next"]

        assert found == [f"student-{n:02}" for n in range(25) if n not in {7, 13}]
        assert pages == 3

    @pytest.mark.parametrize("limit", ["0", "1001", "many"])
    async def test_an_absurd_page_size_is_refused(
        self, client: httpx.AsyncClient, limit: str
    ) -> None:
        answer = await client.get(CONNECTED, params={"limit": limit}, headers=KEY)
        assert answer.status_code == 400


def digest(token: str) -> dict[str, str]:
    return {"tokenSha256": hashlib.sha256(token.encode()).hexdigest()}
