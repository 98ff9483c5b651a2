"""Who is refused, and how Canvas says so."""

import pytest


async def test_without_a_token_the_answer_is_401_with_a_challenge(campus):
    answer = await campus.client_with({}).get("/users/self")
    assert answer.status_code == 401
    assert "WWW-Authenticate" in answer.headers
    assert answer.json()["errors"][0]["message"]


@pytest.mark.parametrize("credentials", ["Bearer 2107~unknown", "Basic abc", "Bearer", "Bearer  "])
async def test_an_unknown_token_is_401_with_a_challenge(campus, credentials: str):
    answer = await campus.client_with({"Authorization": credentials}).get("/courses")
    assert answer.status_code == 401
    assert "WWW-Authenticate" in answer.headers


async def test_a_revoked_token_is_401_with_a_challenge(campus):
    assert (await campus.canvas.get("/users/self")).status_code == 200
    assert (await campus.control.delete(f"/tokens/{campus.token}")).status_code == 204
    answer = await campus.canvas.get("/users/self")
    assert answer.status_code == 401
    assert "WWW-Authenticate" in answer.headers


async def test_a_course_of_others_is_401_without_a_challenge(campus):
    mine, other = list(campus.sandbox.semester.courses)[:2]
    token = (await campus.control.post("/users", json={"course_ids": [mine]})).json()["token"]
    client = campus.client_with({"Authorization": f"Bearer {token}"})
    assert (await client.get(f"/courses/{mine}")).status_code == 200
    for path in ("", "/assignments", "/students/submissions"):
        answer = await client.get(f"/courses/{other}{path}")
        assert answer.status_code == 401
        assert "WWW-Authenticate" not in answer.headers
        assert answer.json()["errors"]


async def test_a_course_restricted_by_date_shows_its_id_only_and_no_assignments(campus):
    course = campus.restricted_course
    listed = (await campus.canvas.get("/courses")).json()
    expected = {"id": course.id, "access_restricted_by_date": True}
    assert next(entry for entry in listed if entry["id"] == course.id) == expected
    answer = await campus.canvas.get(f"/courses/{course.id}/assignments")
    assert answer.status_code == 401
    assert "WWW-Authenticate" not in answer.headers


async def test_only_graders_read_all_submissions_of_an_assignment(campus):
    answer = await campus.canvas.get(
        f"/courses/{campus.course.id}/assignments/{campus.assignment.id}/submissions"
    )
    assert answer.status_code == 401
    assert "WWW-Authenticate" not in answer.headers


@pytest.mark.parametrize("path", ["/courses/1", "/courses/x/assignments", "/nothing", "/courses/"])
async def test_what_is_not_there_is_404(campus, path: str):
    answer = await campus.canvas.get(path)
    assert answer.status_code == 404
    assert answer.json()["errors"]


async def test_an_assignment_of_another_course_is_not_there(campus):
    other = list(campus.sandbox.semester.courses)[1]
    answer = await campus.canvas.get(f"/courses/{other}/assignments/{campus.assignment.id}")
    assert answer.status_code == 404


@pytest.mark.parametrize("user_agent", [None, ""])
async def test_without_a_user_agent_the_answer_is_403(campus, user_agent: str | None):
    request = campus.canvas.build_request("GET", "/users/self")
    del request.headers["User-Agent"]
    if user_agent is not None:
        request.headers["User-Agent"] = user_agent
    answer = await campus.canvas.send(request)
    assert answer.status_code == 403
    assert answer.json()["error"] == "Forbidden"
    assert "User-Agent" in answer.json()["message"]
