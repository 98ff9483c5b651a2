"""Puts the system together on one machine: the composition root of the local stack."""

import asyncio
import base64
import json
import os
import secrets
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import httpx
from botocore.exceptions import BotoCoreError, ClientError

from lambdas.package import build
from local_stack.emulator import (
    ACCESS_KEY_ID,
    HEALTH_PATH,
    REGION,
    SECRET_ACCESS_KEY,
    emulator_command,
    emulator_environment,
)
from local_stack.errors import PortTaken, StackError
from local_stack.function_logs import follow_function_logs
from local_stack.mysql_server import (
    MySQLServer,
    docker_server,
    given_server,
    prepare_private,
)
from local_stack.ports import LOOPBACK, is_free
from local_stack.processes import (
    ANALYSIS_SETTINGS,
    AWS_PORT,
    CANVAS_PORT,
    DATABASES,
    EVERY_PROCESS,
    FUNCTION_SETTINGS,
    MYSQL_PORT,
    PASSED_THROUGH,
    REDIS_PORT,
    SERVICES,
    Service,
    ports,
)
from local_stack.progress import say
from local_stack.provision import (
    CANVAS_SYNC_FUNCTION,
    FUNCTION_NAME,
    LLM_ANALYSIS_FUNCTION,
    Function,
    provision_function,
    provision_queues,
    provision_schedules,
    provision_user_pool,
    warm_up_function,
)
from local_stack.redis_server import needs_redis, redis_command
from local_stack.state_directory import StateDirectory, write_private
from local_stack.supervisor import Process, Supervisor, end_recorded_processes
from local_stack.together import together
from shared.settings import Settings

HIGHEST_PORT = 65_535

FUNCTIONS = {CANVAS_SYNC_FUNCTION: FUNCTION_SETTINGS, LLM_ANALYSIS_FUNCTION: ANALYSIS_SETTINGS}
"""Settings by function."""


class LocalStack:
    """One whole system: started from nothing, described in `stack.json` while it is ready."""

    def __init__(self, directory: StateDirectory, port_offset: int) -> None:
        self._directory = directory
        self._offset = port_offset
        self.gateway_url = self._url(_service("gateway").port)
        self.canvas_url = self._url(CANVAS_PORT)
        self._aws = Settings(aws_region=REGION, aws_endpoint_url=self._url(AWS_PORT))
        self._supervisor = Supervisor(directory, on_change=self._describe)
        self._owns_directory = False
        self._mysql: MySQLServer | None = None
        self._canvas_token = ""
        self._queues: dict[str, str] = {}
        self._background: list[asyncio.Task[None]] = []
        self._is_ready = False
        self._settings: dict[str, str] = {
            "HOST": LOOPBACK,
            "ENVIRONMENT": "local",
            # Said, for the function would inherit the emulator's own.
            "LOG_LEVEL": "INFO",
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": self._url(AWS_PORT),
            "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
            "USER_SERVICE_URL": self._url(_service("user_service").port),
            "COURSE_SERVICE_URL": self._url(_service("course_service").port),
            "SCHEDULE_SERVICE_URL": self._url(_service("schedule_service").port),
            "CANVAS_BASE_URL": self.canvas_url,
            "CANVAS_API_BASE_URL": f"{self.canvas_url}/api/v1",
            "CANVAS_SYNC_FUNCTION_NAME": FUNCTION_NAME,
            "CANVAS_SYNC_API_KEY": secrets.token_urlsafe(32),
            "ENCRYPTION_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
            **{name: os.environ[name] for name in PASSED_THROUGH if os.environ.get(name)},
        }
        self._has_redis = needs_redis(self._settings)

    async def start(self) -> None:
        """Start everything from an empty state and return when every process is healthy.

        Raises:
            StackError: Something is missing; the message says what and how to get it.
        """
        self._directory.lock()
        self._owns_directory = True
        end_recorded_processes(self._directory)
        self._directory.clear()
        self._check_ports()

        say("starting MySQL, the AWS emulator and the Canvas sandbox")
        await together(
            self._start_mysql(),
            self._start_redis(),
            self._start_aws(),
            self._supervisor.start(self._canvas_process()),
        )
        await self._register_student()
        say("migrating the three schemas")
        await together(*(self._migrate(_service(name)) for name in DATABASES))
        say("starting the gateway, the services and the workers")
        await self._supervisor.start(*(self._service_process(service) for service in SERVICES))
        await warm_up_function(self._aws, CANVAS_SYNC_FUNCTION)
        self._background = [asyncio.create_task(self._warm_up_analysis())]
        self._background += [
            asyncio.create_task(
                follow_function_logs(
                    self._aws, function.name, self._directory.log_of(function.name)
                )
            )
            for function in FUNCTIONS
        ]
        self._is_ready = True
        self._describe()

    async def keep_running(self) -> None:
        """Restart what dies, for ever."""
        await self._supervisor.keep_running()

    async def stop(self) -> None:
        """End everything that was started, those that use something before what they use."""
        if not self._owns_directory:
            return
        self._is_ready = False
        for path in (self._directory.stack_file, self._directory.token_file):
            path.unlink(missing_ok=True)
        for task in self._background:
            task.cancel()
        await self._supervisor.stop(*(service.name for service in SERVICES))
        await self._supervisor.stop("aws", "canvas")
        await self._supervisor.stop()
        if self._mysql:
            await asyncio.to_thread(self._mysql.stop)
        self._directory.processes_file.unlink(missing_ok=True)

    def _check_ports(self) -> None:
        not_ours = {"mysql"} if os.environ.get("MYSQL_SERVER_URL") else set()
        if not self._has_redis:
            not_ours.add("redis")
        for process, base_port in ports():
            port = base_port + self._offset
            if not 0 < port <= HIGHEST_PORT:
                raise StackError(f"PORT_OFFSET={self._offset} moves port {base_port} out of range")
            if process not in not_ours and not is_free(port):
                raise PortTaken(port, process)

    async def _start_mysql(self) -> None:
        port = MYSQL_PORT + self._offset
        elsewhere = await asyncio.to_thread(lambda: given_server() or docker_server(port))
        self._mysql = elsewhere or await self._start_private_mysql(port)
        for database in DATABASES.values():
            self._mysql.execute(
                f"DROP DATABASE IF EXISTS {database}",
                f"CREATE DATABASE {database} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci",
            )

    async def _start_private_mysql(self, port: int) -> MySQLServer:
        command, server = await asyncio.to_thread(prepare_private, self._directory.mysql, port)
        check = f"mysql://{server.host}:{server.port}"
        await self._supervisor.start(Process("mysql", command, self._outside_environment, (check,)))
        return server

    async def _start_redis(self) -> None:
        if not self._has_redis:
            return
        port = REDIS_PORT + self._offset
        url = f"redis://{LOOPBACK}:{port}"
        await self._supervisor.start(
            Process("redis", redis_command(port), self._outside_environment, (url,))
        )
        self._settings["REDIS_URL"] = url

    async def _start_aws(self) -> None:
        emulator = Process(
            "aws",
            emulator_command(),
            lambda: {
                **self._outside_environment(),
                **emulator_environment(AWS_PORT + self._offset, self._directory.aws),
            },
            (self._url(AWS_PORT) + HEALTH_PATH,),
            patience_seconds=0.5,
            when_restarted=self._provision_again,
        )
        try:
            await together(self._build_functions(), self._supervisor.start(emulator))
        except subprocess.CalledProcessError as problem:
            raise StackError(
                "the function's packages could not be installed by pip: see its message above;"
                " it needs a package index"
            ) from problem
        await self._provision()

    async def _build_functions(self) -> None:
        for function in FUNCTIONS:
            await asyncio.to_thread(build, function.package, self._package_of(function))

    async def _provision(self) -> None:
        visibility_seconds = self._settings.get("VISIBILITY_SECONDS")
        pool = await provision_user_pool(self._aws)
        self._settings |= {
            "COGNITO_USER_POOL_ID": pool.user_pool_id,
            "COGNITO_CLIENT_ID": pool.client_id,
            "COGNITO_CLIENT_IDS": pool.client_id,
            "COGNITO_ISSUER": f"https://cognito-idp.{REGION}.amazonaws.com/{pool.user_pool_id}",
            "COGNITO_JWKS_URL": f"{self._url(AWS_PORT)}/{pool.user_pool_id}/.well-known/jwks.json",
        }
        self._queues = await provision_queues(
            self._aws, self._settings, int(visibility_seconds) if visibility_seconds else None
        )
        for function, settings in FUNCTIONS.items():
            await provision_function(
                self._aws, function, self._package_of(function), self._chosen(settings)
            )
        await provision_schedules(self._aws)

    async def _warm_up_analysis(self) -> None:
        """Spare the first analysis the cold start; the start does not wait for it, so a failure is only said."""
        try:
            await warm_up_function(self._aws, LLM_ANALYSIS_FUNCTION)
        except (StackError, BotoCoreError, ClientError) as problem:
            say(f"warning: {problem}")

    def _package_of(self, function: Function) -> Path:
        return self._directory.function_package.with_name(f"{function.package}.zip")

    async def _provision_again(self) -> None:
        """The emulator keeps its state in memory: a new one has a new pool, so all who know the old restart."""
        await self._provision()
        self._supervisor.end_to_restart(*(service.name for service in SERVICES))

    def _canvas_process(self) -> Process:
        return Process(
            "canvas",
            (sys.executable, "-m", "local_stack.canvas_sandbox"),
            lambda: {
                **self._outside_environment(),
                "HOST": LOOPBACK,
                "PORT": str(CANVAS_PORT + self._offset),
            },
            (f"{self.canvas_url}/_sandbox/state",),
            when_restarted=self._register_student,
        )

    async def _register_student(self) -> None:
        async with httpx.AsyncClient(base_url=self.canvas_url, trust_env=False) as canvas:
            answer = await canvas.post("/_sandbox/users", json={})
            answer.raise_for_status()
            self._canvas_token = str(answer.json()["token"])

    async def _migrate(self, service: Service) -> None:
        await self._supervisor.run(
            Process(
                f"{service.name}_migrate",
                (sys.executable, "-m", f"{service.module}.migrate"),
                lambda: self._service_environment(service),
            )
        )

    def _service_process(self, service: Service) -> Process:
        checks = [f"{self._url(service.management_port)}/actuator/health"]
        if service.name == "gateway":
            checks.append(f"{self.gateway_url}/actuator/health")
        return Process(
            service.name,
            (sys.executable, "-m", service.module),
            lambda: self._service_environment(service),
            tuple(checks),
        )

    def _service_environment(self, service: Service) -> dict[str, str]:
        environment = self._outside_environment() | self._chosen(EVERY_PROCESS + service.settings)
        environment["MANAGEMENT_PORT"] = str(service.management_port + self._offset)
        if service.port:
            environment["PORT"] = str(service.port + self._offset)
        if service.database and self._mysql:
            environment["DATABASE_URL"] = self._mysql.url(service.database)
        return environment

    def _chosen(self, names: tuple[str, ...]) -> dict[str, str]:
        return {name: self._settings[name] for name in names if name in self._settings}

    def _outside_environment(self) -> dict[str, str]:
        """Return what the shell gives to any program: its settings for ours are not for these processes."""
        ours = {name for service in SERVICES for name in service.settings}
        ours |= {
            *EVERY_PROCESS,
            *FUNCTION_SETTINGS,
            *ANALYSIS_SETTINGS,
            "DATABASE_URL",
            "PORT",
            "MANAGEMENT_PORT",
        }
        # The function must find its own packages, not those of a checkout.
        ours.add("PYTHONPATH")
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name not in ours and not name.startswith("AWS_")
        }
        return inherited | {
            "PYTHONUNBUFFERED": "1",
            # Everything here is on loopback: a proxy of the shell's has no part in it.
            "NO_PROXY": f"{LOOPBACK},localhost",
            "no_proxy": f"{LOOPBACK},localhost",
        }

    def _describe(self) -> None:
        """Write `stack.json`, the shape of `contract/additions.md` G."""
        if not self._is_ready or self._mysql is None:
            return
        described = {
            "gateway": self.gateway_url,
            "user_service": self._settings["USER_SERVICE_URL"],
            "course_service": self._settings["COURSE_SERVICE_URL"],
            "schedule_service": self._settings["SCHEDULE_SERVICE_URL"],
            "aws": self._url(AWS_PORT),
            "canvas": self.canvas_url,
            "canvas_token": self._canvas_token,
            "mysql": {
                "host": self._mysql.host,
                "port": self._mysql.port,
                "user": self._mysql.user,
                "password": self._mysql.password,
                "databases": DATABASES,
            },
            "aws_access_key_id": ACCESS_KEY_ID,
            "aws_secret_access_key": SECRET_ACCESS_KEY,
            "region": REGION,
            "user_pool_id": self._settings["COGNITO_USER_POOL_ID"],
            "client_id": self._settings["COGNITO_CLIENT_ID"],
            "api_key": self._settings["CANVAS_SYNC_API_KEY"],
            "queues": self._queues,
            "pids": self._supervisor.pids(),
        }
        write_private(self._directory.stack_file, json.dumps(described, indent=2) + "\n")

    def _url(self, base_port: int | None) -> str:
        return f"http://{LOOPBACK}:{(base_port or 0) + self._offset}"


def port_offset() -> int:
    """Return `PORT_OFFSET`, 0 when it is not set.

    Raises:
        StackError: It is not a whole number.
    """
    text = os.environ.get("PORT_OFFSET") or "0"
    with suppress(ValueError):
        return int(text)
    raise StackError(f"PORT_OFFSET={text} is not a whole number: set it to one such as 100")


def _service(name: str) -> Service:
    return next(service for service in SERVICES if service.name == name)
