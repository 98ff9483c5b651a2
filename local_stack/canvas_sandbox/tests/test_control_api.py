"""The control API: resets, faults, the log, and what it refuses."""

import asyncio
import time

import pytest


async def test_reset_shapes_the_semester(campus):
    answer = await campus.control.post(
        "/reset", json={"courses": 2, "assignments_per_course": 4, "description_bytes": 500}
    )
    assert answer.status_code == 200
    state = (await campus.control.get("/state")).json()["courses"]
    assert [len(course["assignments"]) for course in state] == [4, 4, 0]
    assert state[-1]["name"] is None
    assert set(state[0]["assignments"][0]) == {"id", "name", "due_at"}
    assert len((await campus.listed())[0]["description"].encode()) == 500


async def test_reset_with_the_same_seed_gives_the_same_semester(campus):
    body = {"seed": 5, "courses": 2, "assignments_per_course": 3}
    first = (await campus.control.post("/reset", json=body)).json()
    await campus.control.post("/reset", json={**body, "seed": 6})
    assert (await campus.control.post("/reset", json=body)).json() == first


async def test_reset_keeps_students_and_forgets_everything_else(campus):
    await campus.control.put("/faults", json={"status": 500})
    await campus.canvas.get("/users/self")
    await campus.control.put(
        f"/assignments/{campus.assignment.id}/override",
        json={"token": campus.token, "visible": False},
    )
    await campus.control.post("/reset", json={"courses": 3, "assignments_per_course": 25})
    assert (await campus.control.get("/requests")).json()["total"] == 0
    assert len((await campus.canvas.get("/courses")).json()) == 4
    assert len(await campus.listed()) == 25


@pytest.mark.parametrize("status", [400, 401, 404, 418, 500, 502, 503])
async def test_a_status_fault_fails_the_next_calls_and_then_no_more(campus, status: int):
    await campus.control.put("/faults", json={"status": status, "times": 2})
    answers = [await campus.canvas.get("/users/self") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [status, status, 200]
    assert "WWW-Authenticate" not in answers[0].headers


async def test_a_fault_without_times_stays_until_it_is_cleared(campus):
    await campus.control.put("/faults", json={"status": 503, "times": None})
    assert {(await campus.canvas.get("/courses")).status_code for _ in range(5)} == {503}
    await campus.control.put("/faults", json={})
    assert (await campus.canvas.get("/courses")).status_code == 200


async def test_a_fault_with_a_path_leaves_other_paths_alone(campus):
    await campus.control.put("/faults", json={"status": 500, "path": "/assignments", "times": 1})
    assert (await campus.canvas.get("/courses")).status_code == 200
    path = f"/courses/{campus.course.id}/assignments"
    assert (await campus.canvas.get(path)).status_code == 500
    assert (await campus.canvas.get(path)).status_code == 200


async def test_latency_delays_every_call(campus):
    await campus.control.put("/faults", json={"latency_ms": 60, "path": "/nowhere"})
    started_at = time.perf_counter()
    await campus.canvas.get("/users/self")
    assert time.perf_counter() - started_at >= 0.06


async def test_the_log_counts_canvas_calls_and_nothing_else(campus):
    await campus.control.get("/state")
    await campus.canvas.get("/users/self", params={"per_page": 3})
    await campus.client_with({}).get("/courses")
    assert (await campus.control.get("/requests")).json() == {
        "total": 2,
        "throttled": 0,
        "max_in_flight": 1,
        "log": [
            {"method": "GET", "path": "/api/v1/users/self", "status": 200},
            {"method": "GET", "path": "/api/v1/courses", "status": 401},
        ],
    }


async def test_the_log_knows_how_many_calls_were_in_flight_and_throttled(campus):
    await campus.control.put("/faults", json={"latency_ms": 20, "throttle": "403", "times": 2})
    await asyncio.gather(*(campus.canvas.get("/users/self") for _ in range(5)))
    seen = (await campus.control.get("/requests")).json()
    assert (seen["total"], seen["throttled"], seen["max_in_flight"]) == (5, 2, 5)


async def test_the_log_can_be_emptied(campus):
    await campus.canvas.get("/users/self")
    assert (await campus.control.delete("/requests")).status_code == 204
    seen = (await campus.control.get("/requests")).json()
    assert seen == {"total": 0, "throttled": 0, "max_in_flight": 0, "log": []}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/reset", {"courses": -1}),
        ("POST", "/reset", {"courses": "six"}),
        ("POST", "/reset", {"course": 6}),
        ("POST", "/reset", {"courses": 1_000, "assignments_per_course": 10_000}),
        ("POST", "/reset", [1]),
        ("POST", "/users", {"course_ids": "all"}),
        ("POST", "/courses/{course}/assignments", {"due_at": "2026-12-01T00:00:00Z"}),
        ("POST", "/courses/{course}/assignments", {"name": "x", "due_at": "tomorrow"}),
        ("PATCH", "/assignments/{assignment}", {"name": None}),
        ("PATCH", "/assignments/{assignment}", {"due_at": "2026-12-01"}),
        ("PUT", "/assignments/{assignment}/submission", {}),
        ("PUT", "/assignments/{assignment}/submission", {"token": "{t}", "submission_type": "x"}),
        ("PUT", "/assignments/{assignment}/override", {"token": "{t}", "visible": "no"}),
        ("PUT", "/faults", {"throttle": "500"}),
        ("PUT", "/faults", {"status": 200}),
        ("PUT", "/faults", {"times": -1}),
        ("PUT", "/faults", {"latency_ms": -1}),
    ],
)
async def test_bad_input_is_400_and_says_what_is_wrong(campus, method: str, path: str, body):
    address = path.format(course=campus.course.id, assignment=campus.assignment.id)
    answer = await campus.control.request(method, address, json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]


async def test_a_body_that_is_not_json_is_400(campus):
    answer = await campus.control.put("/faults", content=b"{latency")
    assert answer.status_code == 400
    assert answer.json()["error"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/users", {"course_ids": [1]}),
        ("DELETE", "/tokens/unknown", None),
        ("POST", "/courses/1/assignments", {"name": "x"}),
        ("PATCH", "/assignments/1", {"name": "x"}),
        ("DELETE", "/assignments/1", None),
        ("PUT", "/assignments/1/submission", {"token": "unknown"}),
        ("PUT", "/assignments/1/override", {"token": "unknown"}),
        ("GET", "/nothing", None),
        ("DELETE", "/assignments/one", None),
    ],
)
async def test_what_is_not_there_is_404_and_says_so(campus, method: str, path: str, body):
    answer = await campus.control.request(method, path, json=body)
    assert answer.status_code == 404
    assert answer.json()["error"]


async def test_a_wrong_method_is_refused(campus):
    answer = await campus.control.get("/reset")
    assert answer.status_code == 405
    assert answer.json()["error"]
