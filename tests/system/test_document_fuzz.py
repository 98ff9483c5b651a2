"""Whatever the document permits, and much it does not, is answered as the document says (S-03)."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.system.conftest import SignUp, Stack, Student, due_assignments

pytestmark = pytest.mark.stack

SEEDS = os.environ.get("FUZZ_SEEDS", "1").split(",")
EXAMPLES_PER_OPERATION = os.environ.get("FUZZ_EXAMPLES", "3")
PHASES = os.environ.get("FUZZ_PHASES", "examples,fuzzing,stateful")
"""About 200 cases; `make fuzz` tries three seeds, every phase and far more examples."""

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)

ENDS_THE_SESSION = "/signout$|/users/me$"
"""Not tried: a signed-out or deleted student would make all further answers 401."""


async def resources(student: Student, other: Student) -> dict[str, Any]:
    """Make one of everything and return the path parameters that reach it."""
    await student.sync_everything()
    await student.shows(await due_assignments(student.canvas))
    course = (await student.get("/courses"))[0]
    assignments = await student.get(f"/courses/{course['id']}/assignments")
    category = await student.post("/categories", {"name": "동아리", "color": "#4ECDC4"})
    group = await student.post("/groups", {"name": "Study group"})
    member = await student.post(
        f"/groups/{group['groupId']}/members", {"userCognitoSub": other.cognito_sub}
    )
    request = await other.post("/friends/requests", {"friendCognitoSub": student.cognito_sub})
    planned = {
        "title": "Meeting",
        "startTime": "2026-12-01T10:00:00",
        "endTime": "2026-12-01T11:00:00",
        "categoryId": category["categoryId"],
    }
    schedule = await student.post("/schedules", planned)
    todo = await student.post(
        "/todos",
        {
            "title": "Read",
            "startDate": "2026-12-01",
            "dueDate": "2026-12-02",
            "categoryId": category["categoryId"],
        },
    )
    return {
        "courseId": course["id"],
        "canvasAssignmentId": assignments[0]["canvasAssignmentId"],
        "enrollmentId": (await student.get("/enrollments"))[0]["id"],
        "categoryId": category["categoryId"],
        "scheduleId": schedule["scheduleId"],
        "todoId": todo["todoId"],
        "groupId": group["groupId"],
        "memberId": member["memberId"],
        "requestId": request["friendshipId"],
        "friendshipId": request["friendshipId"],
        "friendCognitoSub": other.cognito_sub,
    }


def configuration(parameters: dict[str, Any]) -> str:
    lines = ["[parameters]", '"header.X-Time-Zone" = "Asia/Seoul"']
    for name, value in parameters.items():
        lines.append(f'"path.{name}" = {value if isinstance(value, int) else repr(value)}')
    return "\n".join(lines).replace("'", '"') + "\n"


@pytest.mark.parametrize("seed", SEEDS)
async def test_no_request_gets_a_5xx_or_an_answer_outside_the_document(
    stack: Stack, sign_up: SignUp, tmp_path: Path, canvas: httpx.AsyncClient, seed: str
) -> None:
    """S-03, S-04"""
    student, other = await sign_up(), await sign_up()
    parameters = await resources(student, other)
    (tmp_path / "schemathesis.toml").write_text(configuration(parameters), encoding="utf-8")

    run = await asyncio.to_thread(
        subprocess.run,
        [
            *(sys.executable, "-m", "schemathesis.cli"),
            *("--config-file", "schemathesis.toml", "run", f"{stack['gateway']}/v3/api-docs"),
            *("--header", f"Authorization: {student.gateway.headers['Authorization']}"),
            *("--checks", ",".join(CHECKS), "--seed", seed, "--no-color"),
            *("--max-examples", EXAMPLES_PER_OPERATION, "--phases", PHASES),
            *("--exclude-path-regex", ENDS_THE_SESSION, "--request-timeout", "30"),
            *("--generation-database", "none"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    print(run.stdout[-1500:])
    assert run.returncode == 0, run.stdout[-20_000:]
