"""Membership questions of other services."""

from collections.abc import Callable

import httpx
import pytest

Rows = Callable[..., list[tuple[object, ...]]]


@pytest.fixture
def members(rows: Rows) -> None:
    for group_id, sub, role in (
        (7, "owner", "OWNER"),
        (9, "member", "OWNER"),
        (7, "admin", "ADMIN"),
        (7, "member", "MEMBER"),
    ):
        rows(
            "INSERT INTO group_members (group_id, user_cognito_sub, role, joined_at)"
            " VALUES (%s, %s, %s, NOW())",
            group_id,
            sub,
            role,
        )


@pytest.mark.usefixtures("members")
class TestMemberships:
    @pytest.mark.parametrize(
        ("group_id", "sub", "role"),
        [
            (7, "owner", "OWNER"),
            (7, "admin", "ADMIN"),
            (7, "member", "MEMBER"),
            (7, "stranger", None),
            (9, "owner", None),
            (404, "owner", None),
        ],
    )
    async def test_a_membership_names_the_role_or_says_no(
        self, client: httpx.AsyncClient, group_id: int, sub: str, role: str | None
    ) -> None:
        answer = await client.get(f"/api/internal/groups/{group_id}/members/{sub}")
        assert answer.status_code == 200
        assert answer.json() == {
            "groupId": group_id,
            "cognitoSub": sub,
            "member": role is not None,
            "role": role,
        }

    async def test_members_are_listed_by_membership_id(self, client: httpx.AsyncClient) -> None:
        """I3: the literal segment wins over a member called `cognito-subs`."""
        answer = await client.get("/api/internal/groups/7/members/cognito-subs")
        assert answer.json() == ["owner", "admin", "member"]
        unknown = await client.get("/api/internal/groups/404/members/cognito-subs")
        assert (unknown.status_code, unknown.json()) == (200, [])

    @pytest.mark.parametrize(
        "path", ["/api/internal/groups/memberships/{}", "/api/internal/users/{}/groups"]
    )
    async def test_a_users_groups_are_listed(self, client: httpx.AsyncClient, path: str) -> None:
        assert (await client.get(path.format("member"))).json() == [9, 7]
        assert (await client.get(path.format("stranger"))).json() == []

    async def test_a_change_shows_in_the_next_answer(
        self, client: httpx.AsyncClient, rows: Rows
    ) -> None:
        """Nothing is cached across requests."""
        path = "/api/internal/groups/7/members/admin"
        assert (await client.get(path)).json()["role"] == "ADMIN"
        rows("UPDATE group_members SET role = 'MEMBER' WHERE user_cognito_sub = 'admin'")
        assert (await client.get(path)).json()["role"] == "MEMBER"
        rows("TRUNCATE TABLE group_members")
        assert (await client.get(path)).json()["member"] is False


@pytest.mark.parametrize("group_id", ["abc", "1.5", "9" * 19 + "9", "１", "0x1", "%20"])
async def test_a_group_id_that_is_no_number_is_a_bad_request(
    client: httpx.AsyncClient, group_id: str
) -> None:
    answer = await client.get(f"/api/internal/groups/{group_id}/members/someone")
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "BAD_REQUEST")


@pytest.mark.parametrize("sub", ["'", "%25", "%00", "한", "😀", "%ff", "a" * 300])
async def test_any_text_may_be_asked_for(client: httpx.AsyncClient, sub: str) -> None:
    """S-03: no input yields a 5xx."""
    for path in (f"/api/internal/users/{sub}/groups", f"/api/internal/groups/7/members/{sub}"):
        assert (await client.get(path)).status_code == 200
