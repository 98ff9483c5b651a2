"""What the gateway refuses to start with."""

import asyncio
import itertools
import os
import signal
import socket
import subprocess
import sys

import pytest
from pydantic import ValidationError

from services.api_gateway.metrics import POUR_SECONDS
from services.api_gateway.routes import (
    ANSWER_SECONDS,
    ROUTES,
    SYNC_ANSWER_SECONDS,
    Limit,
    find_route,
)
from services.api_gateway.settings import GatewaySettings
from services.api_gateway.tests.doubles import Client

POOL = "ap-northeast-2_Abc123"
ISSUER = f"https://cognito-idp.ap-northeast-2.amazonaws.com/{POOL}"
EMULATOR = "http://127.0.0.1:4566"

REQUIRED = {
    "user_service_url": "http://127.0.0.1:8081",
    "course_service_url": "http://127.0.0.1:8082",
    "schedule_service_url": "http://127.0.0.1:8083/",
    "cognito_user_pool_id": POOL,
    "cognito_client_ids": "one, two,",
}
PRODUCTION = {
    **REQUIRED,
    "environment": "production",
    "cors_allowed_origin": "https://app.example.org",
}

TEST_ONLY = {
    "cognito_issuer": [
        f"{EMULATOR}/{POOL}",
        ISSUER.replace("https", "http"),
        f"{ISSUER}/",
        f"https://evil.example.org/{POOL}",
        ISSUER.replace("ap-northeast-2.", "us-east-1."),
        f"{ISSUER}2",
    ],
    "cognito_jwks_url": [
        f"{EMULATOR}/{POOL}/.well-known/jwks.json",
        f"http://cognito-idp.ap-northeast-2.amazonaws.com/{POOL}/.well-known/jwks.json",
        f"https://cognito-idp.ap-northeast-2.amazonaws.com.evil.example.org/{POOL}/.well-known/jwks.json",
        f"https://cognito-idp.ap-northeast-2.amazonaws.com@evil.example.org/{POOL}/.well-known/jwks.json",
        "https://cognito-idp.ap-northeast-2.amazonaws.com/ap-northeast-2_Other/.well-known/jwks.json",
        f"{ISSUER}/.well-known/jwks.json?x",
        f"{ISSUER}/../evil/.well-known/jwks.json",
    ],
    "aws_endpoint_url": [EMULATOR, "https://localhost"],
}


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in GatewaySettings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def _matrix() -> list[dict[str, str]]:
    choices = [[(name, value) for value in (None, *values)] for name, values in TEST_ONLY.items()]
    rows = [dict(row) for row in itertools.product(*choices)]
    return [
        {name: value for name, value in row.items() if value} for row in rows if any(row.values())
    ]


@pytest.mark.parametrize("row", _matrix(), ids="+".join)
def test_production_refuses_every_foreign_key_source(row: dict[str, str]) -> None:
    """J-06: in production nobody but AWS's pool can say whose token is good, in whatever combination."""
    with pytest.raises(ValidationError):
        GatewaySettings(**{**PRODUCTION, **row})


def test_production_takes_awss_addresses_given_or_not() -> None:
    """J-06: AWS's own form is derived from region and pool, and accepted when written out."""
    written_out = {"cognito_issuer": ISSUER, "cognito_jwks_url": f"{ISSUER}/.well-known/jwks.json"}
    for settings in (GatewaySettings(**PRODUCTION), GatewaySettings(**PRODUCTION, **written_out)):
        assert settings.issuer == ISSUER
        assert settings.jwks_url == f"{ISSUER}/.well-known/jwks.json"


def test_production_refuses_a_pool_of_another_region() -> None:
    """J-06: region and pool belong together."""
    with pytest.raises(ValidationError, match="COGNITO_USER_POOL_ID"):
        GatewaySettings(**{**PRODUCTION, "cognito_user_pool_id": "us-east-1_Abc123"})


def test_production_needs_an_origin() -> None:
    with pytest.raises(ValidationError, match="CORS_ALLOWED_ORIGIN"):
        GatewaySettings(**REQUIRED, environment="production")


def test_production_is_the_default() -> None:
    """J-06: forgetting ENVIRONMENT relaxes nothing."""
    with pytest.raises(ValidationError, match="CORS_ALLOWED_ORIGIN"):
        GatewaySettings(**REQUIRED)


def test_local_emulator_has_its_keys_elsewhere() -> None:
    """additions.md B: locally the issuer has AWS's form and the keys are the emulator's."""
    settings = GatewaySettings(
        **REQUIRED, environment="local", cognito_jwks_url=TEST_ONLY["cognito_jwks_url"][0]
    )
    assert settings.issuer == ISSUER
    assert settings.jwks_url.startswith(EMULATOR)
    assert settings.allowed_origin == "http://localhost:3000"
    assert settings.cognito_client_ids == {"one", "two"}
    assert settings.schedule_service_url == "http://127.0.0.1:8083"


@pytest.mark.parametrize(
    "change",
    [
        {"cognito_client_ids": ""},
        {"cognito_client_ids": " , "},
        {"cors_allowed_origin": "*"},
        {"cors_allowed_origin": "https://app.example.org/"},
        {"cors_allowed_origin": "https://a.example.org,https://b.example.org"},
        {"cors_allowed_origin": "null"},
        {"user_service_url": "127.0.0.1:8081"},
        {"user_service_url": "http://127.0.0.1:8081/api"},
        {"user_service_url": "http://user@127.0.0.1:8081"},
        {"cognito_jwks_url": "file:///etc/keys.json"},
        {"cognito_user_pool_id": "a/b"},
        {"gateway_key": "short"},
        {"gateway_key": "x" * 20 + "\r\nX-Api-Key: y"},
        {"rate_limit_per_minute": -1},
        {"rate_limit_sync_per_minute": "many"},
        {"redis_url": "http://127.0.0.1:6379"},
        {"redis_url": "redis://"},
        {"gateway_workers": 0},
        {"gateway_workers": 2, "rate_limit_per_minute": 100},
        {"gateway_workers": 2, "rate_limit_signin_per_minute": 5},
    ],
    ids=str,
)
def test_unusable_value_is_refused(change: dict[str, object]) -> None:
    """A setting that cannot be honoured is refused, not ignored."""
    with pytest.raises(ValidationError):
        GatewaySettings(**{**REQUIRED, "environment": "local", **change})


@pytest.mark.parametrize(
    "change",
    [
        {"gateway_workers": 2},
        {"gateway_workers": 2, "rate_limit_per_minute": 100, "redis_url": "redis://127.0.0.1:6379"},
        {"gateway_workers": 1, "rate_limit_per_minute": 100},
    ],
    ids=str,
)
def test_workers_that_can_count_together_are_accepted(change: dict[str, object]) -> None:
    """additions.md B: several workers without limits, or with Redis."""
    GatewaySettings(**{**REQUIRED, "environment": "local", **change})


def test_limits_are_on_in_production_and_off_locally() -> None:
    """S-05: 100, 10 and 5 unless something else is said; 0 is off."""
    assert GatewaySettings(**PRODUCTION).limits == {
        Limit.USER: 100,
        Limit.SYNC: 10,
        Limit.SIGN_IN: 5,
    }
    assert GatewaySettings(**{**PRODUCTION, "rate_limit_per_minute": 0}).limits == {
        Limit.SYNC: 10,
        Limit.SIGN_IN: 5,
    }
    assert GatewaySettings(**{**REQUIRED, "environment": "local"}).limits == {}


def test_time_outs_are_the_contracts() -> None:
    """G-07, additions.md B: 10 s, and 155 s for the sync alone."""
    assert (ANSWER_SECONDS, SYNC_ANSWER_SECONDS) == (10, 155)
    patient = [route.path for route in ROUTES if route.answer_within_seconds != 10]
    assert patient == ["/api/v1/integrations/canvas/sync"]
    runs = find_route("/api/v1/integrations/canvas/sync/runs")
    assert runs is not None
    assert runs.answer_within_seconds == 10


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _environment(**changes: str) -> dict[str, str]:
    values = {**REQUIRED, "environment": "local", "port": str(_free_port())}
    values["management_port"] = str(_free_port())
    values["cognito_jwks_url"] = "http://127.0.0.1:1/keys"
    values.update(changes)
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return inherited | {name.upper(): value for name, value in values.items() if value}


def test_process_names_what_is_missing_and_ends() -> None:
    """J-06: a refused start is one `error:` line and an exit code, from the real process."""
    environment = _environment(cognito_user_pool_id="", rate_limit_per_minute="-1")
    process = subprocess.run(
        [sys.executable, "-m", "services.api_gateway"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert process.returncode == 78
    last_line = process.stderr.strip().splitlines()[-1]
    assert last_line.startswith("error: ")
    assert "COGNITO_USER_POOL_ID" in last_line
    assert "RATE_LIMIT_PER_MINUTE" in last_line


async def test_process_serves_until_sigterm() -> None:
    """The real process answers on both ports, keeps metrics off the public one, and ends cleanly."""
    environment = _environment()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.api_gateway",
        env=environment,
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        public = Client(int(environment["PORT"]))
        management = Client(int(environment["MANAGEMENT_PORT"]))
        for _ in range(200):
            try:
                assert (await public.send("GET", "/actuator/health")).status == 200
                break
            except ConnectionError:
                await asyncio.sleep(0.05)
        refused = await public.send("GET", "/api/v1/todos")
        assert refused.status == 401
        await asyncio.sleep(2 * POUR_SECONDS)
        metrics = await management.send("GET", "/actuator/prometheus")
        assert (
            b'gateway_requests_total{route="/api/v1/todos",status_class="4xx"} 1.0' in metrics.body
        )
        assert (await public.send("GET", "/actuator/prometheus")).status == 404
    finally:
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 5) == 0
