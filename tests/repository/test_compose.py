"""`docker-compose.yml` describes the same system as the code; it cannot be run here."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from local_stack.processes import (
    ANALYSIS_SETTINGS,
    DATABASES,
    FUNCTION_SETTINGS,
    SERVICES,
    Service,
)
from shared.events.routes import QUEUES

COMPOSE: dict[str, Any] = yaml.safe_load(Path("docker-compose.yml").read_text(encoding="utf-8"))

MADE_WHEN_PROVISIONED = {
    "COGNITO_USER_POOL_ID",
    "COGNITO_CLIENT_ID",
    "COGNITO_CLIENT_IDS",
    "COGNITO_ISSUER",
    "COGNITO_JWKS_URL",
    "CANVAS_SYNC_API_KEY",
    "ENCRYPTION_KEY",
}
OPTIONAL = {
    "VISIBILITY_SECONDS",
    "RATE_LIMIT_PER_MINUTE",
    "RATE_LIMIT_SYNC_PER_MINUTE",
    "RATE_LIMIT_SIGNIN_PER_MINUTE",
    "REDIS_URL",
    "GATEWAY_WORKERS",
    "GATEWAY_KEY",
}


def environment(name: str) -> dict[str, str]:
    return COMPOSE["services"][name]["environment"]


def test_the_file_is_valid() -> None:
    command = [sys.executable, "-m", "check_jsonschema"]
    check = subprocess.run(
        [*command, "--builtin-schema", "vendor.compose-spec", "docker-compose.yml"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert check.returncode == 0, check.stdout


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_a_process_has_the_start_command_of_the_local_stack(service: Service) -> None:
    command = COMPOSE["services"][service.name]["command"][-1]

    assert command.endswith(f"exec python -m {service.module}")


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_a_process_gets_every_setting_it_reads(service: Service) -> None:
    given = environment(service.name).keys() | MADE_WHEN_PROVISIONED

    assert set(service.settings) - OPTIONAL <= given


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_a_process_listens_where_the_table_says(service: Service) -> None:
    given = environment(service.name)

    assert given["MANAGEMENT_PORT"] == str(service.management_port)
    assert given.get("PORT") == (str(service.port) if service.port else None)


@pytest.mark.parametrize("service", [s for s in SERVICES if s.database], ids=lambda s: s.name)
def test_a_process_has_its_own_schema_and_migrates_it_first(service: Service) -> None:
    owner = service.module.removesuffix(".worker")

    assert environment(service.name)["DATABASE_URL"].endswith(f"/{service.database}")
    assert f"python -m {owner}.migrate && " in COMPOSE["services"][service.name]["command"][-1]


@pytest.mark.parametrize("name", ["provision", "course_service_worker", "schedule_service_worker"])
def test_queues_have_the_names_of_the_route_table(name: str) -> None:
    names = {queue.name_setting: queue.name for queue in QUEUES}

    assert names.items() <= environment(name).items()


@pytest.mark.parametrize("settings", [FUNCTION_SETTINGS, ANALYSIS_SETTINGS])
def test_a_function_gets_every_setting_it_reads(settings: tuple[str, ...]) -> None:
    given = environment("provision").keys() | MADE_WHEN_PROVISIONED

    assert set(settings) - OPTIONAL <= given


def test_the_databases_are_those_of_the_services() -> None:
    assert set(DATABASES) <= COMPOSE["services"].keys()
    assert COMPOSE["services"]["mysql"]["image"] == "mysql:8"


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_a_process_runs_from_its_own_image_on_a_read_only_root(service: Service) -> None:
    """I-02"""
    described = COMPOSE["services"][service.name]

    assert described["build"]["dockerfile"] == f"services/{service.module.split('.')[1]}/Dockerfile"
    assert described["read_only"] is described["init"] is True


def test_every_image_that_is_built_has_a_file() -> None:
    files = [s["build"]["dockerfile"] for s in COMPOSE["services"].values() if "build" in s]

    assert [file for file in files if not Path(file).is_file()] == []
