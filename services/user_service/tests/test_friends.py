"""Requests, friendships and blocks through the door."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import httpx
import pytest

Rows = Callable[..., list[tuple[object, ...]]]

pytestmark = pytest.mark.usefixtures("people")

FRIENDS = "/v1/friends"
REQUESTS = "/v1/friends/requests"


class Person:
    """Somebody at the door."""

    def __init__(self, client: httpx.AsyncClient, sub: str) -> None:
        self._client = client
        self.sub = sub

    async def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        return await self._client.request(
            method, path, headers={"X-Cognito-Sub": self.sub}, **options
        )

    async def ask(self, sub: str) -> httpx.Response:
        return await self.call("POST", REQUESTS, json={"friendCognitoSub": sub})

    async def accept(self, request_id: int) -> httpx.Response:
        return await self.call("POST", f"{REQUESTS}/{request_id}/accept")

    async def reject(self, request_id: int) -> httpx.Response:
        return await self.call("POST", f"{REQUESTS}/{request_id}/reject")

    async def block(self, sub: str) -> httpx.Response:
        return await self.call("POST", f"{FRIENDS}/{sub}/block")

    async def remove(self, friendship_id: int) -> httpx.Response:
        return await self.call("DELETE", f"{FRIENDS}/{friendship_id}")

    async def friends(self) -> list[str]:
        return [each["friend"]["cognitoSub"] for each in (await self.call("GET", FRIENDS)).json()]

    async def received(self) -> list[str]:
        answer = await self.call("GET", f"{REQUESTS}/pending")
        return [each["fromUser"]["cognitoSub"] for each in answer.json()]

    async def find(self, text: str, **query: Any) -> list[dict[str, Any]]:
        answer = await self.call("GET", f"{FRIENDS}/search", params={"query": text, **query})
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()
        return found


@pytest.fixture
def ann(client: httpx.AsyncClient) -> Person:
    return Person(client, "ann")


@pytest.fixture
def bob(client: httpx.AsyncClient) -> Person:
    return Person(client, "bob")


@pytest.fixture
def cho(client: httpx.AsyncClient) -> Person:
    return Person(client, "cho")


@pytest.fixture
def between(rows: Rows) -> Callable[[], set[tuple[object, ...]]]:
    def read() -> set[tuple[object, ...]]:
        return set(rows("SELECT user_cognito_sub, friend_cognito_sub, status FROM friendships"))

    return read


Between = Callable[[], set[tuple[object, ...]]]

BOB = {
    "cognitoSub": "bob",
    "name": "Bob",
    "email": "bob@example.com",
    "isFriend": None,
    "isPending": None,
}
BEFRIENDED = {("ann", "bob", "ACCEPTED"), ("bob", "ann", "ACCEPTED")}


def is_refused(answer: httpx.Response, status: int, code: str) -> bool:
    assert (answer.status_code, answer.json().get("errorCode")) == (status, code)
    return True


async def befriend(one: Person, other: Person) -> int:
    request_id: int = (await one.ask(other.sub)).json()["friendshipId"]
    assert (await other.accept(request_id)).status_code == 200
    return request_id


class TestRequest:
    async def test_a_request_waits_for_its_addressee(self, ann: Person, bob: Person) -> None:
        answer = await ann.ask("bob")
        assert answer.status_code == 201
        body = answer.json()
        assert body == {
            "friendshipId": body["friendshipId"],
            "friend": BOB,
            "status": "PENDING",
            "createdAt": body["createdAt"],
        }
        [received] = (await bob.call("GET", f"{REQUESTS}/pending")).json()
        assert received.keys() == {"requestId", "fromUser", "createdAt"}
        assert received["requestId"] == body["friendshipId"]
        assert received["createdAt"] == body["createdAt"]
        assert received["fromUser"]["cognitoSub"] == "ann"
        assert await ann.received() == []
        assert await ann.friends() == []

    @pytest.mark.parametrize("body", [{}, {"friendCognitoSub": None}, {"friendCognitoSub": " "}])
    async def test_nobody_named_is_an_invalid_field(
        self, ann: Person, body: dict[str, Any]
    ) -> None:
        answer = await ann.call("POST", REQUESTS, json=body)
        assert (answer.status_code, answer.json()["errors"].keys()) == (400, {"friendCognitoSub"})

    @pytest.mark.parametrize("sub", ["ann", "ANN"])
    async def test_nobody_asks_themselves(self, ann: Person, sub: str) -> None:
        assert is_refused(await ann.ask(sub), 400, "SELF_FRIENDSHIP")

    @pytest.mark.parametrize("sub", ["nobody", "x" * 3000, "%", "'", "😀"])
    async def test_a_stranger_to_the_service_is_not_found(self, ann: Person, sub: str) -> None:
        assert is_refused(await ann.ask(sub), 404, "USER_NOT_FOUND")

    @pytest.mark.parametrize("status", ["PENDING", "ACCEPTED", "BLOCKED"])
    @pytest.mark.parametrize("row", [("ann", "bob"), ("bob", "ann")])
    async def test_whatever_is_between_two_forbids_a_request(
        self, ann: Person, rows: Rows, row: tuple[str, str], status: str
    ) -> None:
        rows(
            "INSERT INTO friendships (user_cognito_sub, friend_cognito_sub, status, created_at,"
            " updated_at) VALUES (%s, %s, %s, NOW(), NOW())",
            *row,
            status,
        )
        assert is_refused(await ann.ask("bob"), 409, "FRIENDSHIP_ALREADY_EXISTS")

    async def test_fields_of_the_server_are_ignored(self, ann: Person, bob: Person) -> None:
        """S-02."""
        body = {"friendCognitoSub": "bob", "status": "ACCEPTED", "userCognitoSub": "cho", "id": 1}
        answer = await ann.call("POST", REQUESTS, json=body)
        assert (answer.status_code, answer.json()["status"]) == (201, "PENDING")
        assert await bob.received() == ["ann"]


class TestAnswer:
    async def test_an_accepted_request_makes_both_friends(
        self, ann: Person, bob: Person, between: Between
    ) -> None:
        request_id = (await ann.ask("bob")).json()["friendshipId"]
        answer = await bob.accept(request_id)
        assert (answer.status_code, list(answer.json())) == (200, ["message"])
        assert "수락" in answer.json()["message"]
        assert between() == BEFRIENDED
        assert (await ann.friends(), await bob.friends()) == (["bob"], ["ann"])
        assert await bob.received() == []
        [friendship] = (await ann.call("GET", FRIENDS)).json()
        assert friendship.keys() == {"friendshipId", "friend", "status", "createdAt"}
        assert (friendship["friend"], friendship["status"]) == (BOB, "ACCEPTED")

    async def test_a_rejected_request_is_gone_and_may_be_sent_again(
        self, ann: Person, bob: Person, between: Between
    ) -> None:
        request_id = (await ann.ask("bob")).json()["friendshipId"]
        answer = await bob.reject(request_id)
        assert answer.status_code == 200
        assert "거절" in answer.json()["message"]
        assert (await bob.received(), between()) == ([], set())
        assert (await ann.ask("bob")).status_code == 201

    async def test_only_the_addressee_answers(
        self, ann: Person, bob: Person, cho: Person, between: Between
    ) -> None:
        request_id = (await ann.ask("bob")).json()["friendshipId"]
        for person in (ann, cho):
            assert is_refused(await person.accept(request_id), 400, "BAD_REQUEST")
            assert is_refused(await person.reject(request_id), 400, "BAD_REQUEST")
        assert between() == {("ann", "bob", "PENDING")}

    async def test_no_such_request_is_not_found(self, ann: Person) -> None:
        for answer in (await ann.accept(404), await ann.reject(404), await ann.accept(-1)):
            assert is_refused(answer, 404, "FRIENDSHIP_NOT_FOUND")

    async def test_an_accepted_request_is_neither_accepted_nor_rejected_again(
        self, ann: Person, bob: Person, between: Between
    ) -> None:
        """R-6: rejecting would leave half a friendship."""
        request_id = await befriend(ann, bob)
        assert is_refused(await bob.accept(request_id), 409, "FRIENDSHIP_ALREADY_EXISTS")
        assert is_refused(await bob.reject(request_id), 404, "FRIENDSHIP_NOT_FOUND")
        assert between() == BEFRIENDED

    async def test_a_blocked_person_cannot_answer_the_block(
        self, ann: Person, bob: Person, rows: Rows, between: Between
    ) -> None:
        """R-6."""
        await ann.block("bob")
        [(block_id,)] = rows("SELECT id FROM friendships")
        for answer in (await bob.accept(int(str(block_id))), await bob.reject(int(str(block_id)))):
            assert is_refused(answer, 404, "FRIENDSHIP_NOT_FOUND")
        assert between() == {("ann", "bob", "BLOCKED")}

    @pytest.mark.parametrize("request_id", ["abc", "1.5", "９"])
    async def test_an_id_that_is_no_number_is_a_bad_request(
        self, ann: Person, request_id: Any
    ) -> None:
        for answer in (
            await ann.accept(request_id),
            await ann.reject(request_id),
            await ann.remove(request_id),
        ):
            assert is_refused(answer, 400, "BAD_REQUEST")


class TestRemove:
    @pytest.mark.parametrize("side", ["ann", "bob"])
    async def test_a_friendship_ends_for_both(
        self, ann: Person, bob: Person, rows: Rows, between: Between, side: str
    ) -> None:
        await befriend(ann, bob)
        [(row_id,)] = rows("SELECT id FROM friendships WHERE user_cognito_sub = %s", side)
        answer = await {"ann": ann, "bob": bob}[side].remove(int(str(row_id)))
        assert answer.status_code == 200
        assert "삭제" in answer.json()["message"]
        assert between() == set()

    async def test_a_request_is_withdrawn(self, ann: Person, between: Between) -> None:
        await ann.remove((await ann.ask("bob")).json()["friendshipId"])
        assert between() == set()

    async def test_lifting_a_block_leaves_the_other_sides_block(
        self, ann: Person, bob: Person, rows: Rows, between: Between
    ) -> None:
        await ann.block("bob")
        await bob.block("ann")
        [(row_id,)] = rows("SELECT id FROM friendships WHERE user_cognito_sub = 'ann'")
        assert (await ann.remove(int(str(row_id)))).status_code == 200
        assert between() == {("bob", "ann", "BLOCKED")}

    async def test_anothers_row_and_an_absent_one_stay(
        self, ann: Person, bob: Person, cho: Person, between: Between
    ) -> None:
        """S-01."""
        friendship_id = await befriend(ann, bob)
        for person in (bob, cho):
            assert is_refused(await person.remove(friendship_id), 400, "BAD_REQUEST")
        assert is_refused(await ann.remove(404404), 404, "FRIENDSHIP_NOT_FOUND")
        assert between() == BEFRIENDED


class TestBlock:
    @pytest.mark.parametrize("before", ["nothing", "sent", "received", "friends", "blocked"])
    async def test_a_block_replaces_what_was_between(
        self, ann: Person, bob: Person, between: Between, before: str
    ) -> None:
        if before == "sent":
            await ann.ask("bob")
        elif before == "received":
            await bob.ask("ann")
        elif before == "friends":
            await befriend(ann, bob)
        elif before == "blocked":
            await ann.block("bob")
        answer = await ann.block("bob")
        assert answer.status_code == 200
        assert "차단" in answer.json()["message"]
        assert between() == {("ann", "bob", "BLOCKED")}
        assert is_refused(await bob.ask("ann"), 409, "FRIENDSHIP_ALREADY_EXISTS")

    async def test_the_other_sides_block_stays(
        self, ann: Person, bob: Person, between: Between
    ) -> None:
        """R-6."""
        await bob.block("ann")
        await ann.block("bob")
        assert between() == {("ann", "bob", "BLOCKED"), ("bob", "ann", "BLOCKED")}

    async def test_neither_oneself_nor_nobody_is_blocked(self, ann: Person) -> None:
        assert is_refused(await ann.block("ann"), 400, "SELF_FRIENDSHIP")
        assert is_refused(await ann.block("nobody"), 404, "USER_NOT_FOUND")


class TestSearch:
    async def test_email_and_name_are_searched_whatever_the_case(
        self, ann: Person, rows: Rows
    ) -> None:
        rows("UPDATE users SET name = '홍길동' WHERE cognito_sub = 'cho'")
        assert [each["cognitoSub"] for each in await ann.find("OB@EXAM")] == ["bob"]
        assert [each["cognitoSub"] for each in await ann.find("길동")] == ["cho"]
        assert await ann.find("bob") == [{**BOB, "isFriend": False, "isPending": False}]

    async def test_the_caller_is_not_found_and_the_order_is_that_of_joining(
        self, bob: Person
    ) -> None:
        assert [each["cognitoSub"] for each in await bob.find("example.com")] == [
            "ann",
            "cho",
            "dan",
        ]

    @pytest.mark.parametrize("text", ["%", "_", "b_b", "/", "\\", "'", '"', "%%", "a%b", "\x00"])
    async def test_wildcards_and_quotes_mean_themselves(
        self, ann: Person, rows: Rows, text: str
    ) -> None:
        """R-26, S-03."""
        assert await ann.find(text) == []
        if text != "\x00":
            rows("UPDATE users SET name = %s WHERE cognito_sub = 'bob'", f"x{text}y")
            assert [each["cognitoSub"] for each in await ann.find(text)] == ["bob"]

    async def test_flags_tell_friends_and_sent_requests_only(
        self, ann: Person, bob: Person, cho: Person, client: httpx.AsyncClient
    ) -> None:
        await befriend(ann, bob)
        await ann.ask("cho")
        await Person(client, "dan").ask("ann")
        flags = {
            each["cognitoSub"]: (each["isFriend"], each["isPending"])
            for each in await ann.find("example")
        }
        assert flags == {"bob": (True, False), "cho": (False, True), "dan": (False, False)}

    async def test_a_block_hides_one_way(self, ann: Person, bob: Person) -> None:
        await ann.block("bob")
        assert await ann.find("bob") == []
        assert [each["cognitoSub"] for each in await bob.find("ann")] == ["ann"]

    @pytest.mark.parametrize(
        ("limit", "count"), [(0, 0), (1, 1), (2, 2), (100, 3), (10**9, 3), (2**62, 3)]
    )
    async def test_there_are_at_most_as_many_as_wanted(
        self, ann: Person, limit: int, count: int
    ) -> None:
        assert len(await ann.find("example", limit=limit)) == count

    async def test_without_a_limit_there_are_ten_and_never_more_than_a_hundred(
        self, ann: Person, rows: Rows
    ) -> None:
        rows(
            "INSERT INTO users (email, name, cognito_sub, created_at, updated_at)"
            " SELECT CONCAT('many', seq, '@example.com'), 'x', CONCAT('many', seq), NOW(), NOW()"
            " FROM (SELECT 100 + a.n * 25 + b.n AS seq FROM "
            + _numbers(range(6))
            + " a, "
            + _numbers(range(25))
            + " b) numbers"
        )
        assert len(await ann.find("many")) == 10
        assert len(await ann.find("many", limit=1000)) == 100

    @pytest.mark.parametrize(
        "query", [{}, {"query": "x", "limit": -1}, {"query": "x", "limit": "ten"}]
    )
    async def test_an_unusable_query_is_a_bad_request(
        self, ann: Person, query: dict[str, Any]
    ) -> None:
        answer = await ann.call("GET", f"{FRIENDS}/search", params=query)
        assert is_refused(answer, 400, "BAD_REQUEST")


def _numbers(numbers: Sequence[int]) -> str:
    return "(" + " UNION ALL ".join(f"SELECT {n} AS n" for n in numbers) + ")"


class TestLists:
    async def test_a_row_whose_user_is_gone_is_left_out(
        self, ann: Person, bob: Person, cho: Person, rows: Rows
    ) -> None:
        """R-26: one vanished user does not make the list fail."""
        await befriend(ann, bob)
        await befriend(ann, cho)
        rows("DELETE FROM users WHERE cognito_sub = 'bob'")
        answer = await ann.call("GET", FRIENDS)
        assert answer.status_code == 200
        assert await ann.friends() == ["cho"]
        rows("UPDATE friendships SET status = 'PENDING' WHERE friend_cognito_sub = 'ann'")
        assert await ann.received() == ["cho"]

    @pytest.mark.parametrize("path", [FRIENDS, f"{REQUESTS}/pending"])
    async def test_pages_show_every_row_once(
        self, ann: Person, client: httpx.AsyncClient, path: str
    ) -> None:
        for sub in ("bob", "cho", "dan"):
            asked = await Person(client, sub).ask("ann")
            if path == FRIENDS:
                await ann.accept(asked.json()["friendshipId"])
        whole = (await ann.call("GET", path)).json()
        url, seen = f"{path}?limit=2", []
        while url:
            answer = await ann.call("GET", url)
            seen += answer.json()
            url = answer.links.get("next", {}).get("url", "")
        assert seen == whole
        assert len(whole) == 3

    async def test_a_list_is_in_the_callers_time_zone(self, ann: Person, bob: Person) -> None:
        await befriend(ann, bob)
        [utc] = (await ann.call("GET", FRIENDS)).json()
        answer = await ann._client.get(
            FRIENDS, headers={"X-Cognito-Sub": "ann", "X-Time-Zone": "Asia/Seoul"}
        )
        [seoul] = answer.json()
        assert int(seoul["createdAt"][11:13]) == (int(utc["createdAt"][11:13]) + 9) % 24

    @pytest.mark.parametrize("path", ["", "/requests/pending", "/search?query=x"])
    async def test_no_caller_is_unauthorized(self, client: httpx.AsyncClient, path: str) -> None:
        assert is_refused(await client.get(f"{FRIENDS}{path}"), 401, "UNAUTHORIZED")


class TestRaces:
    """D-03: fifty at once."""

    async def test_of_fifty_requests_either_way_one_succeeds(
        self, ann: Person, bob: Person, rows: Rows
    ) -> None:
        """`UNIQUE(a, b)` alone would let (b, a) in."""
        answers = await asyncio.gather(
            *(ann.ask("bob") if n % 2 else bob.ask("ann") for n in range(50))
        )
        assert sorted(answer.status_code for answer in answers) == [201] + [409] * 49
        assert len(rows("SELECT id FROM friendships")) == 1

    async def test_of_fifty_acceptances_one_succeeds(
        self, ann: Person, bob: Person, between: Between
    ) -> None:
        request_id = (await ann.ask("bob")).json()["friendshipId"]
        answers = await asyncio.gather(*(bob.accept(request_id) for _ in range(50)))
        assert sorted(answer.status_code for answer in answers) == [200] + [409] * 49
        assert between() == BEFRIENDED

    async def test_whatever_two_do_at_once_leaves_no_half_friendship(
        self, ann: Person, bob: Person, between: Between
    ) -> None:
        request_id = (await ann.ask("bob")).json()["friendshipId"]
        answers = await asyncio.gather(
            *(
                each
                for _ in range(10)
                for each in (
                    bob.accept(request_id),
                    ann.remove(request_id),
                    bob.reject(request_id),
                    ann.ask("bob"),
                    bob.ask("ann"),
                )
            )
        )
        assert {answer.status_code for answer in answers} <= {200, 201, 400, 404, 409}
        left = between()
        assert left in (
            set(),
            BEFRIENDED,
            {("ann", "bob", "PENDING")},
            {("bob", "ann", "PENDING")},
        )

    async def test_blocks_of_both_sides_survive_each_other(
        self, ann: Person, bob: Person, between: Between
    ) -> None:
        await befriend(ann, bob)
        answers = await asyncio.gather(
            *(ann.block("bob") if n % 2 else bob.block("ann") for n in range(50))
        )
        assert {answer.status_code for answer in answers} == {200}
        assert between() == {("ann", "bob", "BLOCKED"), ("bob", "ann", "BLOCKED")}
