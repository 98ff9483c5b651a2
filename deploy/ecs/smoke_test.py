"""Uses a running system once as a student would and leaves nothing: `python -m deploy.ecs.smoke_test https://host`.

`CANVAS_API_TOKEN` makes it connect to Canvas and synchronise; without it that part is left out, and it says so.
"""

import os
import secrets
import sys
import time
from collections.abc import Callable

import httpx

TIMEOUT_SECONDS = 160.0
"""The gateway gives a synchronisation 155 s."""

ARRIVAL_SECONDS = 30.0
"""Courses take effect within five seconds of a synchronisation; a cold start takes longer."""


class SmokeTestFailed(Exception):
    """The system does not do what a student needs; the message says what."""


def run(base_url: str, canvas_token: str | None, say: Callable[[str], None]) -> None:
    """Walk through the system's main job with an account of its own, which it deletes.

    Args:
        base_url: Of the gateway, as clients reach it.
        canvas_token: Of a student in the institution's Canvas.
        say: Called with a line per step that worked.

    Raises:
        SmokeTestFailed: A step did not work.
    """
    with httpx.Client(base_url=base_url, timeout=TIMEOUT_SECONDS, trust_env=False) as gateway:
        _expect(gateway.get("/actuator/health"), 200, "the gateway's health")
        _expect(gateway.get("/v3/api-docs"), 200, "the API document")
        _expect(gateway.get("/api/v1/users/me"), 401, "a call without a token")
        _expect(gateway.get("/api/internal/v1/revocations"), 403, "an internal path from outside")
        say("doors: open where they must be, and only there")

        account = {
            "email": f"smoke-test-{secrets.token_hex(8)}@unisync.example",
            "password": f"Aa1{secrets.token_urlsafe(24)}",
            "name": "Smoke test",
        }
        signed_up = _expect(gateway.post("/api/v1/auth/signup", json=account), 201, "sign-up")
        gateway.headers["Authorization"] = f"Bearer {signed_up.json()['idToken']}"
        try:
            _expect(gateway.get("/api/v1/users/me"), 200, "the account")
            _expect(gateway.get("/api/v1/courses"), 200, "course_service")
            _expect(gateway.get("/api/v1/schedules"), 200, "schedule_service")
            say("account: made, and known to all services")
            if canvas_token:
                courses = _synchronise(gateway, canvas_token)
                say(f"Canvas: connected, {courses} courses arrived")
            else:
                say("Canvas: left out, CANVAS_API_TOKEN is not set")
        finally:
            _expect(gateway.delete("/api/v1/users/me"), 204, "the account's end")
        say("account: deleted")


def _synchronise(gateway: httpx.Client, canvas_token: str) -> int:
    credential = {"canvasToken": canvas_token}
    registered = gateway.post("/api/v1/integrations/canvas/credentials", json=credential)
    if not registered.is_success:
        raise SmokeTestFailed(f"the Canvas token was answered with {registered.status_code}")
    synced = gateway.post("/api/v1/integrations/canvas/sync", params={"mode": "courses"})
    courses = int(_expect(synced, 200, "a synchronisation").json()["coursesCount"])
    deadline = time.monotonic() + ARRIVAL_SECONDS
    while True:
        arrived = _expect(gateway.get("/api/v1/enrollments"), 200, "the enrollments").json()
        if len(arrived) >= courses:
            return courses
        if time.monotonic() > deadline:
            raise SmokeTestFailed(f"only {len(arrived)} of {courses} courses arrived")
        time.sleep(0.5)


def _expect(answer: httpx.Response, status: int, what: str) -> httpx.Response:
    if answer.status_code != status:
        request_id = answer.headers.get("X-Request-Id", "none")
        raise SmokeTestFailed(
            f"{what}: {answer.status_code} instead of {status}, request id {request_id}"
        )
    return answer


def main() -> None:
    """Run it against the address on the command line, or end with one `error:` line."""
    if len(sys.argv) != 2:
        sys.exit("error: name the address: python -m deploy.ecs.smoke_test https://api.example.edu")
    try:
        run(
            sys.argv[1],
            os.environ.get("CANVAS_API_TOKEN") or None,
            lambda line: print(line, flush=True),  # noqa: T201 - the program's answer
        )
    except (SmokeTestFailed, httpx.HTTPError) as problem:
        sys.exit(f"error: {problem}")


if __name__ == "__main__":
    main()
