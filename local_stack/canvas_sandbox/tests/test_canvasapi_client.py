"""The real `canvasapi` client reads the sandbox over HTTP as it reads any Canvas."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest
from canvasapi import Canvas
from canvasapi.exceptions import (
    Forbidden,
    InvalidAccessToken,
    RateLimitExceeded,
    ResourceDoesNotExist,
    Unauthorized,
)

from local_stack.canvas_sandbox.main import create_sandbox
from local_stack.canvas_sandbox.running import running_sandbox


@dataclass
class Served:
    url: str
    token: str

    def canvas(self, token: str | None = None) -> Canvas:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Canvas(self.url, token or self.token)

    def state(self) -> list[dict]:
        return httpx.get(f"{self.url}/_sandbox/state").json()["courses"]

    def put(self, path: str, body: dict) -> None:
        httpx.put(f"{self.url}/_sandbox/{path}", json=body).raise_for_status()


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with running_sandbox(create_sandbox(courses=3, assignments_per_course=60)) as url:
        token = httpx.post(f"{url}/_sandbox/users").json()["token"]
        yield Served(url, token)


def test_canvasapi_lists_the_courses(served: Served):
    listed = list(
        served.canvas().get_courses(
            enrollment_type="student",
            enrollment_state="active",
            include=["term", "course_progress"],
            per_page=2,
        )
    )
    assert {course.id for course in listed} == {course["id"] for course in served.state()}
    named = [course for course in listed if hasattr(course, "name")]
    assert len(named) == 3
    assert all(course.term["name"] for course in named)


def test_canvasapi_lists_every_assignment_once(served: Served):
    canvas = served.canvas()
    for course in served.state()[:3]:
        listed = [a.id for a in canvas.get_course(course["id"]).get_assignments(per_page=25)]
        assert listed == [assignment["id"] for assignment in course["assignments"]]


def test_canvasapi_reads_dates_and_own_submissions(served: Served):
    expected = served.state()[0]
    assignment = expected["assignments"][0]
    served.put(
        f"assignments/{assignment['id']}/submission",
        {
            "token": served.token,
            "submitted_at": "2026-11-20T01:02:03Z",
            "submission_type": "online_upload",
        },
    )
    course = served.canvas().get_course(expected["id"])
    read = course.get_assignment(assignment["id"], include=["submission"])
    assert read.due_at_date.strftime("%Y-%m-%dT%H:%M:%SZ") == assignment["due_at"]
    assert read.submission["submitted_at"] == "2026-11-20T01:02:03Z"
    assert read.get_submission("self").attachments[0].filename
    rows = list(course.get_multiple_submissions())
    assert len(rows) == len(expected["assignments"])
    assert [row.assignment_id for row in rows if row.submitted_at] == [assignment["id"]]


def test_canvasapi_reads_the_user_and_the_groups(served: Served):
    user = served.canvas().get_current_user()
    assert user.get_profile()["id"] == user.id
    assert len(list(user.get_courses())) == 4
    expected = served.state()[0]
    groups = list(
        served.canvas().get_course(expected["id"]).get_assignment_groups(include=["assignments"])
    )
    in_groups = {a["id"] for group in groups for a in group.assignments}
    assert in_groups == {a["id"] for a in expected["assignments"]}


def test_canvasapi_recognises_a_refused_token(served: Served):
    with pytest.raises(InvalidAccessToken):
        served.canvas("2107~unknown").get_current_user()


def test_canvasapi_recognises_a_missing_right(served: Served):
    restricted = next(course for course in served.state() if course["name"] is None)
    course = served.canvas().get_course(restricted["id"])
    assert course.access_restricted_by_date is True
    with pytest.raises(Unauthorized) as refusal:
        list(course.get_assignments())
    assert not isinstance(refusal.value, InvalidAccessToken)


def test_canvasapi_recognises_what_is_not_there(served: Served):
    with pytest.raises(ResourceDoesNotExist):
        served.canvas().get_course(1)


@pytest.mark.parametrize(("form", "error"), [("429", RateLimitExceeded), ("403", Forbidden)])
def test_canvasapi_recognises_both_forms_of_throttling(served: Served, form: str, error: type):
    served.put("faults", {"throttle": form, "times": 1})
    with pytest.raises(error, match="Rate Limit Exceeded"):
        served.canvas().get_current_user()
    served.put("faults", {})
