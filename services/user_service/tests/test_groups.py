"""Groups and their members through the door."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from services.user_service.deletions.service import SETTLE, Deletions
from services.user_service.tests.fakes import FakeService
from shared.database import Database

Rows = Callable[..., list[tuple[object, ...]]]
Call = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("people")

GROUPS = "/v1/groups"
PLACES = {"owner": "ann", "admin": "bob", "member": "cho", "stranger": "dan"}
"""Who is what in the group of the tests."""


@pytest.fixture
def call(client: httpx.AsyncClient) -> Call:
    async def request(who: str, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"X-Cognito-Sub": PLACES.get(who, who)}
        return await client.request(method, path, headers=headers, **options)

    return request


@pytest.fixture
async def group(call: Call, people: None) -> int:
    """Return the id of a group of which Ann is OWNER, Bob ADMIN and Cho MEMBER."""
    answer = await call("owner", "POST", GROUPS, json={"name": "알고리즘", "description": "화요일"})
    group_id: int = answer.json()["groupId"]
    for sub, role in (("bob", "ADMIN"), ("cho", "MEMBER")):
        await invite(call, group_id, sub, role)
    return group_id


async def invite(
    call: Call, group_id: int, sub: str, role: str | None = None, by: str = "owner"
) -> httpx.Response:
    body = {"userCognitoSub": sub, "role": role}
    answer: httpx.Response = await call(by, "POST", f"{GROUPS}/{group_id}/members", json=body)
    return answer


@pytest.fixture
def member_id(rows: Rows) -> Callable[[int, str], int]:
    def read(group_id: int, sub: str) -> int:
        [(found,)] = rows(
            "SELECT id FROM group_members WHERE group_id = %s AND user_cognito_sub = %s",
            group_id,
            sub,
        )
        return int(str(found))

    return read


MemberId = Callable[[int, str], int]


@pytest.fixture
def roles(rows: Rows) -> Callable[[int], dict[object, object]]:
    def read(group_id: int) -> dict[object, object]:
        return dict(
            rows("SELECT user_cognito_sub, role FROM group_members WHERE group_id = %s", group_id)
        )

    return read


Roles = Callable[[int], dict[object, object]]

ALL = {"ann": "OWNER", "bob": "ADMIN", "cho": "MEMBER"}


def is_refused(answer: httpx.Response, status: int, code: str) -> bool:
    assert (answer.status_code, answer.json().get("errorCode")) == (status, code)
    return True


def summary(sub: str) -> dict[str, Any]:
    return {
        "cognitoSub": sub,
        "name": sub.title(),
        "email": f"{sub}@example.com",
        "isFriend": None,
        "isPending": None,
    }


NOT_A_MEMBER = (404, "MEMBER_NOT_FOUND")
FORBIDDEN = (403, "INSUFFICIENT_PERMISSION")
REFUSED = (400, "BAD_REQUEST")
DONE = (200, None)
MADE = (201, None)

PERMISSIONS: list[tuple[str, str, str, Any, dict[str, tuple[int, str | None]]]] = [
    (
        "see the group",
        "GET",
        "",
        None,
        {"owner": DONE, "admin": DONE, "member": DONE, "stranger": NOT_A_MEMBER},
    ),
    (
        "see the members",
        "GET",
        "/members",
        None,
        {"owner": DONE, "admin": DONE, "member": DONE, "stranger": NOT_A_MEMBER},
    ),
    (
        "change the group",
        "PUT",
        "",
        {"name": "x"},
        {"owner": DONE, "admin": FORBIDDEN, "member": FORBIDDEN, "stranger": NOT_A_MEMBER},
    ),
    (
        "delete the group",
        "DELETE",
        "",
        None,
        {"owner": DONE, "admin": FORBIDDEN, "member": FORBIDDEN, "stranger": NOT_A_MEMBER},
    ),
    (
        "invite a MEMBER",
        "POST",
        "/members",
        {"userCognitoSub": "eve"},
        {"owner": MADE, "admin": MADE, "member": FORBIDDEN, "stranger": NOT_A_MEMBER},
    ),
    (
        "invite an ADMIN",
        "POST",
        "/members",
        {"userCognitoSub": "eve", "role": "ADMIN"},
        {"owner": MADE, "admin": MADE, "member": FORBIDDEN, "stranger": NOT_A_MEMBER},
    ),
    (
        "invite an OWNER",
        "POST",
        "/members",
        {"userCognitoSub": "eve", "role": "OWNER"},
        {"owner": REFUSED, "admin": REFUSED, "member": FORBIDDEN, "stranger": NOT_A_MEMBER},
    ),
    (
        "promote a MEMBER",
        "PATCH",
        "/members/{mia}/role",
        {"role": "ADMIN"},
        {"owner": DONE, "admin": FORBIDDEN, "member": FORBIDDEN, "stranger": NOT_A_MEMBER},
    ),
    (
        "demote an ADMIN",
        "PATCH",
        "/members/{max}/role",
        {"role": "MEMBER"},
        {"owner": DONE, "admin": FORBIDDEN, "member": FORBIDDEN, "stranger": NOT_A_MEMBER},
    ),
    (
        "make somebody OWNER",
        "PATCH",
        "/members/{max}/role",
        {"role": "OWNER"},
        {"owner": REFUSED, "admin": FORBIDDEN, "member": FORBIDDEN, "stranger": NOT_A_MEMBER},
    ),
    (
        "demote the OWNER",
        "PATCH",
        "/members/{ann}/role",
        {"role": "MEMBER"},
        {"owner": REFUSED, "admin": FORBIDDEN, "member": FORBIDDEN, "stranger": NOT_A_MEMBER},
    ),
    (
        "remove a MEMBER",
        "DELETE",
        "/members/{mia}",
        None,
        {"owner": DONE, "admin": DONE, "member": FORBIDDEN, "stranger": NOT_A_MEMBER},
    ),
    (
        "remove an ADMIN",
        "DELETE",
        "/members/{max}",
        None,
        {"owner": DONE, "admin": FORBIDDEN, "member": FORBIDDEN, "stranger": NOT_A_MEMBER},
    ),
    (
        "remove the OWNER",
        "DELETE",
        "/members/{ann}",
        None,
        {"owner": REFUSED, "admin": FORBIDDEN, "member": FORBIDDEN, "stranger": NOT_A_MEMBER},
    ),
    (
        "leave",
        "POST",
        "/leave",
        None,
        {"owner": REFUSED, "admin": DONE, "member": DONE, "stranger": NOT_A_MEMBER},
    ),
]

CELLS = [
    pytest.param(method, path, body, who, expected, id=f"{who} may {action}: {expected[0]}")
    for action, method, path, body, row in PERMISSIONS
    for who, expected in row.items()
]


@pytest.fixture
async def others(rows: Rows, call: Call, group: int) -> None:
    """Add Mia, a second MEMBER, Max, a second ADMIN, and Eve, who is no member."""
    for name in ("mia", "max", "eve"):
        rows(
            "INSERT INTO users (email, name, cognito_sub, created_at, updated_at)"
            " VALUES (%s, %s, %s, NOW(), NOW())",
            f"{name}@example.com",
            name.title(),
            name,
        )
    await invite(call, group, "mia", "MEMBER")
    await invite(call, group, "max", "ADMIN")


@pytest.mark.usefixtures("others")
@pytest.mark.parametrize(("method", "path", "body", "who", "expected"), CELLS)
async def test_a_cell_of_the_permission_table_holds(
    call: Call,
    group: int,
    member_id: MemberId,
    roles: Roles,
    method: str,
    path: str,
    body: Any,
    who: str,
    expected: tuple[int, str | None],
) -> None:
    """S-01, R-8, rest.md 1.9: what is refused changes nothing, and there is one OWNER at most."""
    before = roles(group)
    ids = {sub: member_id(group, sub) for sub in ("ann", "mia", "max")}
    answer = await call(who, method, f"{GROUPS}/{group}{path.format(**ids)}", json=body)
    code = answer.json().get("errorCode") if answer.status_code >= 400 else None
    assert (answer.status_code, code) == expected
    after = roles(group)
    if answer.status_code >= 400:
        assert after == before
    assert list(after.values()).count("OWNER") == (1 if after else 0)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("GET", "/members", None),
        ("PUT", "", {"name": "x"}),
        ("DELETE", "", None),
        ("POST", "/members", {"userCognitoSub": "bob"}),
        ("POST", "/leave", None),
        ("PATCH", "/members/1/role", {"role": "ADMIN"}),
        ("DELETE", "/members/1", None),
    ],
)
async def test_an_absent_group_is_like_one_of_others(
    call: Call, method: str, path: str, body: Any
) -> None:
    """S-01: a stranger cannot tell."""
    answer = await call("owner", method, f"{GROUPS}/404404{path}", json=body)
    assert is_refused(answer, *NOT_A_MEMBER)
    malformed = await call("owner", method, f"{GROUPS}/abc{path}", json=body)
    assert is_refused(malformed, 400, "BAD_REQUEST")
    unknown = await call(" ", method, f"{GROUPS}/404404{path}", json=body)
    assert is_refused(unknown, 401, "UNAUTHORIZED")


class TestGroup:
    async def test_a_new_group_belongs_to_its_maker(self, call: Call, roles: Roles) -> None:
        answer = await call("owner", "POST", GROUPS, json={"name": "알고리즘"})
        assert answer.status_code == 201
        body = answer.json()
        assert body == {
            "groupId": body["groupId"],
            "name": "알고리즘",
            "description": None,
            "owner": summary("ann"),
            "myRole": "OWNER",
            "memberCount": 1,
            "createdAt": body["createdAt"],
        }
        assert roles(body["groupId"]) == {"ann": "OWNER"}
        assert (await call("owner", "GET", GROUPS)).json() == [body]

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, "name"),
            ({"name": None}, "name"),
            ({"name": " "}, "name"),
            ({"name": "가" * 101}, "name"),
            ({"name": "x", "description": "가" * 21_846}, "description"),
        ],
    )
    async def test_what_the_columns_cannot_hold_is_an_invalid_field(
        self, call: Call, rows: Rows, body: dict[str, Any], field: str
    ) -> None:
        """R-1."""
        answer = await call("owner", "POST", GROUPS, json=body)
        assert (answer.status_code, answer.json()["errors"].keys()) == (400, {field})
        assert rows("SELECT id FROM `groups`") == []

    async def test_without_a_row_nobody_makes_a_group(self, call: Call) -> None:
        answer = await call("nobody", "POST", GROUPS, json={"name": "x"})
        assert is_refused(answer, 404, "USER_NOT_FOUND")

    async def test_fields_of_the_server_are_ignored(self, call: Call, rows: Rows) -> None:
        """S-02."""
        body = {
            "name": "x",
            "groupId": 77,
            "owner": "bob",
            "ownerCognitoSub": "bob",
            "myRole": "MEMBER",
            "memberCount": 9,
            "createdAt": "2001-01-01T00:00:00",
        }
        made = (await call("owner", "POST", GROUPS, json=body)).json()
        changed = (
            await call("owner", "PUT", f"{GROUPS}/{made['groupId']}", json={**body, "name": "y"})
        ).json()
        assert changed == {**made, "name": "y"}
        assert (made["groupId"], made["myRole"], made["memberCount"]) != (77, "MEMBER", 9)
        assert made["owner"]["cognitoSub"] == "ann"
        assert not made["createdAt"].startswith("2001")
        assert rows("SELECT owner_cognito_sub FROM `groups`") == [("ann",)]

    async def test_the_list_has_each_group_with_the_callers_role_and_its_size(
        self, call: Call, group: int
    ) -> None:
        other = (await call("dan", "POST", GROUPS, json={"name": "b"})).json()["groupId"]
        await invite(call, other, "bob", by="dan")
        await call("dan", "POST", GROUPS, json={"name": "c"})
        listed = (await call("admin", "GET", GROUPS)).json()
        assert [(g["groupId"], g["myRole"], g["memberCount"]) for g in listed] == [
            (group, "ADMIN", 3),
            (other, "MEMBER", 2),
        ]
        assert [g["owner"]["cognitoSub"] for g in listed] == ["ann", "dan"]

    async def test_a_group_shows_its_members(self, call: Call, group: int) -> None:
        body = (await call("member", "GET", f"{GROUPS}/{group}")).json()
        members = body["members"]
        assert body == {
            "groupId": group,
            "name": "알고리즘",
            "description": "화요일",
            "owner": summary("ann"),
            "members": members,
            "createdAt": body["createdAt"],
        }
        assert [m["user"] for m in members] == [summary(sub) for sub in ("ann", "bob", "cho")]
        assert [m["role"] for m in members] == ["OWNER", "ADMIN", "MEMBER"]
        assert {frozenset(m) for m in members} == {
            frozenset({"memberId", "user", "role", "joinedAt"})
        }
        assert (await call("member", "GET", f"{GROUPS}/{group}/members")).json() == members

    @pytest.mark.parametrize(
        ("body", "name", "description"),
        [
            ({}, "알고리즘", "화요일"),
            ({"name": None, "description": None}, "알고리즘", "화요일"),
            ({"name": "자료구조"}, "자료구조", "화요일"),
            ({"description": ""}, "알고리즘", ""),
        ],
    )
    async def test_a_change_keeps_what_it_does_not_name(
        self, call: Call, group: int, body: dict[str, Any], name: str, description: str
    ) -> None:
        answer = await call("owner", "PUT", f"{GROUPS}/{group}", json=body)
        assert answer.status_code == 200
        changed = answer.json()
        assert (changed["name"], changed["description"]) == (name, description)
        assert (changed["myRole"], changed["memberCount"]) == ("OWNER", 3)

    @pytest.mark.parametrize("name", ["", " ", "x" * 101])
    async def test_a_name_is_never_blank_or_too_long(
        self, call: Call, group: int, name: str
    ) -> None:
        answer = await call("owner", "PUT", f"{GROUPS}/{group}", json={"name": name})
        assert (answer.status_code, answer.json()["errors"].keys()) == (400, {"name"})

    @pytest.mark.parametrize(
        "text",
        [
            "😀👨‍👩‍👧‍👦",
            "ﷺ" * 100,
            "e\u0301\u0301\u0301",
            "\u202eabc",
            "\u200b",
            " lead and trail ",
            "'; DROP TABLE users; --",
            "\\",
            "%s %(x)s {0} ${x}",
            "\x01\x1f\x7f\x85",
            "line\r\nbreak\ttab",
            "\ufeff\ufffd\uffff",
            "𝒜𐍈\U0010ffff",
            "<script>alert(1)</script>",
            "null",
            "0",
        ],
    )
    async def test_awkward_text_comes_back_as_it_was(
        self, call: Call, rows: Rows, text: str
    ) -> None:
        """D-05: in names of groups and people, and in descriptions."""
        made = await call("owner", "POST", GROUPS, json={"name": text, "description": text * 3})
        assert (made.json()["name"], made.json()["description"]) == (text, text * 3)
        assert rows("SELECT name, description FROM `groups`") == [(text, text * 3)]
        assert (await call("owner", "GET", GROUPS)).json()[0]["name"] == text
        renamed = await call("owner", "PUT", "/v1/users/me", json={"name": text})
        assert renamed.json()["name"] == text
        assert (await call("owner", "GET", GROUPS)).json()[0]["owner"]["name"] == text

    @pytest.mark.parametrize("raw", [b'{"name": "\\ud800"}', b'{"name": "a\\u0000b"}'])
    async def test_text_that_is_none_is_a_bad_request(
        self, client: httpx.AsyncClient, raw: bytes
    ) -> None:
        """D-05."""
        headers = {"X-Cognito-Sub": "ann", "Content-Type": "application/json"}
        assert is_refused(
            await client.post(GROUPS, content=raw, headers=headers), 400, "BAD_REQUEST"
        )

    async def test_a_row_whose_user_or_group_is_gone_is_left_out(
        self, call: Call, group: int, rows: Rows
    ) -> None:
        """R-26."""
        rows("DELETE FROM users WHERE cognito_sub = 'bob'")
        members = (await call("member", "GET", f"{GROUPS}/{group}/members")).json()
        assert [m["user"]["cognitoSub"] for m in members] == ["ann", "cho"]
        rows("DELETE FROM `groups`")
        assert (await call("member", "GET", GROUPS)).json() == []
        answer = await call("member", "GET", f"{GROUPS}/{group}")
        assert is_refused(answer, 404, "GROUP_NOT_FOUND")

    @pytest.mark.parametrize("what", ["groups", "members"])
    async def test_pages_show_every_row_once(self, call: Call, group: int, what: str) -> None:
        for n in range(4):
            await call("owner", "POST", GROUPS, json={"name": f"{n}"})
        path = GROUPS if what == "groups" else f"{GROUPS}/{group}/members"
        whole = (await call("owner", "GET", path)).json()
        url, seen = f"{path}?limit=2", []
        while url:
            answer = await call("owner", "GET", url)
            assert len(answer.json()) <= 2
            seen += answer.json()
            url = answer.links.get("next", {}).get("url", "")
        assert seen == whole
        assert len(whole) == (5 if what == "groups" else 3)


class TestInvitation:
    @pytest.mark.parametrize(
        ("body", "role"),
        [
            ({"userCognitoSub": "dan"}, "MEMBER"),
            ({"userCognitoSub": "dan", "role": None}, "MEMBER"),
            ({"userCognitoSub": "dan", "role": "ADMIN"}, "ADMIN"),
            ({"cognitoSub": "dan"}, "MEMBER"),
            ({"cognitoSub": "dan", "userCognitoSub": None}, "MEMBER"),
        ],
    )
    async def test_whoever_is_invited_is_a_member_at_once(
        self, call: Call, group: int, roles: Roles, body: dict[str, Any], role: str
    ) -> None:
        answer = await call("admin", "POST", f"{GROUPS}/{group}/members", json=body)
        assert answer.status_code == 201
        member = answer.json()
        assert member == {
            "memberId": member["memberId"],
            "user": summary("dan"),
            "role": role,
            "joinedAt": member["joinedAt"],
        }
        assert roles(group) == {**ALL, "dan": role}
        assert (await call("dan", "GET", f"{GROUPS}/{group}")).status_code == 200

    @pytest.mark.parametrize("body", [{}, {"userCognitoSub": " "}, {"cognitoSub": ""}])
    async def test_nobody_named_is_an_invalid_field_whoever_asks(
        self, call: Call, group: int, body: dict[str, Any]
    ) -> None:
        answer = await call("stranger", "POST", f"{GROUPS}/{group}/members", json=body)
        assert (answer.status_code, answer.json()["errors"].keys()) == (400, {"userCognitoSub"})

    @pytest.mark.parametrize("role", ["KING", "admin", "", 7])
    async def test_a_role_that_does_not_exist_is_a_bad_request(
        self, call: Call, group: int, role: Any
    ) -> None:
        body = {"userCognitoSub": "dan", "role": role}
        answer = await call("owner", "POST", f"{GROUPS}/{group}/members", json=body)
        assert is_refused(answer, 400, "BAD_REQUEST")

    async def test_strangers_to_the_service_and_members_cannot_be_invited(
        self, call: Call, group: int
    ) -> None:
        assert is_refused(await invite(call, group, "nobody"), 404, "USER_NOT_FOUND")
        for sub in ("ann", "bob", "cho"):
            assert is_refused(await invite(call, group, sub), 409, "MEMBER_ALREADY_EXISTS")

    async def test_the_checks_come_in_the_order_of_the_contract(
        self, call: Call, group: int
    ) -> None:
        """rest.md E17: who asks, then the role, then who is asked."""
        answer = await invite(call, group, "nobody", "OWNER", by="stranger")
        assert is_refused(answer, *NOT_A_MEMBER)
        answer = await invite(call, group, "nobody", "OWNER", by="member")
        assert is_refused(answer, *FORBIDDEN)
        assert is_refused(await invite(call, group, "nobody", "OWNER"), *REFUSED)
        answer = await invite(call, group, "nobody", by="member")
        assert is_refused(answer, *FORBIDDEN)


class TestRole:
    async def test_a_new_role_holds_from_the_next_request(
        self, call: Call, group: int, member_id: MemberId
    ) -> None:
        path = f"{GROUPS}/{group}/members/{member_id(group, 'cho')}/role"
        answer = await call("owner", "PATCH", path, json={"role": "ADMIN"})
        assert answer.status_code == 200
        assert answer.json()["user"] == summary("cho")
        assert answer.json()["role"] == "ADMIN"
        assert answer.json().keys() == {"memberId", "user", "role", "joinedAt"}
        assert (await invite(call, group, "dan", by="cho")).status_code == 201
        internal = await call("cho", "GET", f"/api/internal/groups/{group}/members/cho")
        assert internal.json()["role"] == "ADMIN"

    @pytest.mark.parametrize("body", [{}, {"role": None}])
    async def test_a_missing_role_is_an_invalid_field(
        self, call: Call, group: int, body: dict[str, Any]
    ) -> None:
        answer = await call("owner", "PATCH", f"{GROUPS}/{group}/members/1/role", json=body)
        assert (answer.status_code, answer.json()["errors"].keys()) == (400, {"role"})

    async def test_memberships_that_are_absent_or_of_another_group_differ(
        self, call: Call, group: int, member_id: MemberId
    ) -> None:
        other = (await call("dan", "POST", GROUPS, json={"name": "b"})).json()["groupId"]
        foreign = member_id(other, "dan")
        for path, refusal in (
            (f"{GROUPS}/{group}/members/404404", NOT_A_MEMBER),
            (f"{GROUPS}/{group}/members/{foreign}", REFUSED),
        ):
            changed = await call("owner", "PATCH", f"{path}/role", json={"role": "ADMIN"})
            assert is_refused(changed, *refusal)
            assert is_refused(await call("owner", "DELETE", path), *refusal)
        absent = await call(
            "member", "PATCH", f"{GROUPS}/{group}/members/404404/role", json={"role": "ADMIN"}
        )
        assert is_refused(absent, *NOT_A_MEMBER)


class TestEnd:
    async def test_a_removed_member_is_a_stranger_from_the_next_request(
        self, call: Call, group: int, member_id: MemberId
    ) -> None:
        path = f"{GROUPS}/{group}/members/{member_id(group, 'cho')}"
        answer = await call("admin", "DELETE", path)
        assert answer.status_code == 200
        assert "제거" in answer.json()["message"]
        assert is_refused(await call("member", "GET", f"{GROUPS}/{group}"), *NOT_A_MEMBER)
        assert is_refused(await call("admin", "DELETE", path), *NOT_A_MEMBER)

    async def test_leaving_ends_the_membership_and_nothing_else(
        self, call: Call, group: int, roles: Roles, schedule_service: FakeService
    ) -> None:
        answer = await call("admin", "POST", f"{GROUPS}/{group}/leave")
        assert answer.status_code == 200
        assert "탈퇴" in answer.json()["message"]
        assert roles(group) == {"ann": "OWNER", "cho": "MEMBER"}
        assert not schedule_service.deleted_groups

    async def test_an_owner_with_other_members_stays(
        self, call: Call, group: int, roles: Roles
    ) -> None:
        answer = await call("owner", "POST", f"{GROUPS}/{group}/leave")
        assert is_refused(answer, *REFUSED)
        assert "ownership" in answer.json()["message"].lower()
        assert roles(group) == ALL

    @pytest.mark.parametrize("way", ["deleted", "left"])
    async def test_a_group_goes_with_everything_it_planned(
        self,
        call: Call,
        group: int,
        roles: Roles,
        rows: Rows,
        schedule_service: FakeService,
        database: Database,
        way: str,
    ) -> None:
        """R-7: what it planned goes first, while no connection is held."""
        checked_out: list[int] = []

        async def look() -> None:
            checked_out.append(database.engine.pool.checkedout())  # type: ignore[attr-defined]
            assert roles(group)

        schedule_service.while_deleting = look
        if way == "deleted":
            answer = await call("owner", "DELETE", f"{GROUPS}/{group}")
            assert "삭제" in answer.json()["message"]
        else:
            for who in ("admin", "member"):
                await call(who, "POST", f"{GROUPS}/{group}/leave")
            answer = await call("owner", "POST", f"{GROUPS}/{group}/leave")
            assert "탈퇴" in answer.json()["message"]
        assert answer.status_code == 200
        assert schedule_service.deleted_groups == [group]
        assert checked_out == [0]
        assert (roles(group), rows("SELECT id FROM `groups`")) == ({}, [])
        assert (await call("member", "GET", GROUPS)).json() == []
        assert is_refused(await call("owner", "GET", f"{GROUPS}/{group}"), *NOT_A_MEMBER)

    @pytest.mark.parametrize("way", ["deleted", "left"])
    async def test_a_group_whose_data_cannot_be_deleted_stays(
        self, call: Call, roles: Roles, rows: Rows, schedule_service: FakeService, way: str
    ) -> None:
        """R-7: 503, and nothing has changed."""
        group = (await call("owner", "POST", GROUPS, json={"name": "a"})).json()["groupId"]
        schedule_service.is_away = True
        method, path = ("DELETE", "") if way == "deleted" else ("POST", "/leave")
        answer = await call("owner", method, f"{GROUPS}/{group}{path}")
        assert is_refused(answer, 503, "SERVICE_UNAVAILABLE")
        assert roles(group) == {"ann": "OWNER"}
        assert rows("SELECT id FROM pending_deletions") == []
        schedule_service.is_away = False
        assert (await call("owner", method, f"{GROUPS}/{group}{path}")).status_code == 200

    async def test_whoever_joins_during_the_deletion_leaves_no_orphan(
        self, call: Call, group: int, rows: Rows, schedule_service: FakeService
    ) -> None:
        async def join() -> None:
            assert (await invite(call, group, "dan")).status_code == 201

        schedule_service.while_deleting = join
        assert (await call("owner", "DELETE", f"{GROUPS}/{group}")).status_code == 200
        assert rows("SELECT id FROM group_members") == []

    async def test_an_owner_who_invites_while_leaving_stays(
        self, call: Call, roles: Roles, schedule_service: FakeService
    ) -> None:
        """R-8: no group with members and without an owner."""
        group = (await call("owner", "POST", GROUPS, json={"name": "a"})).json()["groupId"]

        async def join() -> None:
            await invite(call, group, "dan")

        schedule_service.while_deleting = join
        assert is_refused(await call("owner", "POST", f"{GROUPS}/{group}/leave"), *REFUSED)
        assert roles(group) == {"ann": "OWNER", "dan": "MEMBER"}

    async def test_what_was_planned_meanwhile_is_deleted_a_little_later(
        self,
        call: Call,
        group: int,
        rows: Rows,
        schedule_service: FakeService,
        deletions: Deletions,
    ) -> None:
        """R-7: a request that was admitted before may write after the first deletion."""
        await call("owner", "DELETE", f"{GROUPS}/{group}")
        assert await deletions.work_off_due() == 0
        rows(
            "UPDATE pending_deletions SET next_attempt_at = NOW(6) - INTERVAL 1 DAY,"
            " created_at = created_at - INTERVAL %s SECOND",
            SETTLE.total_seconds(),
        )
        assert await deletions.work_off_due() == 1
        assert schedule_service.deleted_groups == [group, group]
        assert rows("SELECT id FROM pending_deletions") == []


class TestRaces:
    """D-03: fifty at once, one success, never 500, never a group without owner, never an orphan."""

    async def test_of_fifty_invitations_of_one_person_one_succeeds(
        self, call: Call, group: int, roles: Roles
    ) -> None:
        answers = await asyncio.gather(
            *(invite(call, group, "dan", by="admin" if n % 2 else "owner") for n in range(50))
        )
        assert sorted(answer.status_code for answer in answers) == [201] + [409] * 49
        assert roles(group) == {**ALL, "dan": "MEMBER"}

    async def test_deleting_inviting_leaving_and_changing_at_once_leave_all_or_nothing(
        self, call: Call, group: int, member_id: MemberId, rows: Rows
    ) -> None:
        cho = member_id(group, "cho")
        steps: list[tuple[str, str, str, Any]] = [
            ("owner", "DELETE", "", None),
            ("admin", "POST", "/members", {"userCognitoSub": "dan"}),
            ("admin", "POST", "/leave", None),
            ("owner", "PATCH", f"/members/{cho}/role", {"role": "ADMIN"}),
            ("owner", "DELETE", f"/members/{cho}", None),
        ]
        answers = await asyncio.gather(
            *(
                call(who, method, f"{GROUPS}/{group}{path}", json=body)
                for _ in range(10)
                for who, method, path, body in steps
            )
        )
        assert {answer.status_code for answer in answers} <= {200, 201, 403, 404, 409}
        deleted = [answer.status_code for answer in answers[::5]]
        assert deleted.count(200) == 1
        assert rows("SELECT id FROM group_members") == []
        assert rows("SELECT id FROM `groups`") == []

    async def test_an_owner_leaving_while_inviting_never_leaves_members_behind(
        self, call: Call, roles: Roles, rows: Rows
    ) -> None:
        group = (await call("owner", "POST", GROUPS, json={"name": "a"})).json()["groupId"]
        answers = await asyncio.gather(
            *(
                each
                for _ in range(25)
                for each in (
                    call("owner", "POST", f"{GROUPS}/{group}/leave"),
                    invite(call, group, "bob"),
                )
            )
        )
        assert {answer.status_code for answer in answers} <= {200, 201, 400, 404, 409}
        left = roles(group)
        assert left in ({}, {"ann": "OWNER", "bob": "MEMBER"})
        assert len(rows("SELECT id FROM `groups`")) == (1 if left else 0)
