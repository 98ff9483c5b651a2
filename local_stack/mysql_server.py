"""Obtains a server that speaks the MySQL protocol: a given one, one in Docker, or a private MariaDB."""

import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, unquote, urlsplit

import pymysql

from local_stack.children import end_with_parent
from local_stack.errors import MySQLServerMissing, StackError
from local_stack.ports import LOOPBACK, free_port
from local_stack.progress import say

SERVER_URL_SETTING = "MYSQL_SERVER_URL"
"""Names a server to use: `mysql://user:password@host:port` of a user who may create databases."""

DOCKER_IMAGE = "mysql:8.4"
PACKAGES = ("mariadb-server-core", "mariadb-client-core")
PROGRAMS = ("mariadbd", "mariadb-install-db", "my_print_defaults")
"""What a private server needs; the last one comes with the client package."""

USER = "unisync"
READY_TIMEOUT_SECONDS = 60
"""Ready in 0.2 s on an idle machine; a loaded one may take a while."""

SERVER_OPTIONS = (
    "--character-set-server=utf8mb4",
    "--collation-server=utf8mb4_unicode_ci",
    "--max-allowed-packet=64M",
    "--max-connections=400",
    # MySQL 8.4's default, so that MariaDB accepts no more than MySQL does.
    "--sql-mode=ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,"
    "ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION",
    "--default-time-zone=+00:00",
    # Survives a killed server, not a power cut: several times faster, and the data is thrown away anyway.
    "--innodb-flush-log-at-trx-commit=2",
)
NO_NATIVE_AIO_OPTION = "--innodb-use-native-aio=0"
"""io_uring counts against the locked-memory limit: a few servers side by side would fail to start."""

LOG_SIZE_OPTION = "--innodb-log-file-size=48M"
"""Half of the default, whose writing is most of the time a data directory takes to make."""

MARIADB_OPTIONS = (
    f"--bind-address={LOOPBACK}",
    "--skip-name-resolve",
    LOG_SIZE_OPTION,
    NO_NATIVE_AIO_OPTION,
    # Relative to the data directory: a socket's path must stay under 108 bytes.
    "--socket=mysql.sock",
    "--pid-file=mysql.pid",
)


@dataclass
class MySQLServer:
    """A running server and a user who may do everything on it."""

    host: str
    port: int
    user: str
    password: str
    pid: int | None = None
    _stop: Callable[[], None] = field(default=lambda: None, repr=False)

    def url(self, database: str | None = None) -> str:
        """Return `mysql://user:password@host:port`, with `/database` when one is given."""
        account = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}"
        server = f"mysql://{account}@{self.host}:{self.port}"
        return f"{server}/{database}" if database else server

    def execute(self, *statements: str) -> None:
        """Run statements as they are, each committed at once."""
        with self._connect() as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def answers(self) -> bool:
        """Tell whether the server takes connections."""
        try:
            self._connect().close()
        except (pymysql.MySQLError, OSError):
            return False
        return True

    def stop(self) -> None:
        """End the server if it was started here; a given one is left alone."""
        self._stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _connect(self) -> "pymysql.Connection[pymysql.cursors.Cursor]":
        return pymysql.connect(
            host=self.host,
            port=self.port,
            user=self.user,
            password=self.password,
            autocommit=True,
            connect_timeout=5,
        )


def start_mysql(directory: Path, port: int | None = None) -> MySQLServer:
    """Return a server for the caller's lifetime: the given one, else one in Docker, else a private one.

    Args:
        directory: Where a private server keeps its data and log; should be empty.
        port: Where a server started here listens on loopback; a free port when not given.

    Raises:
        MySQLServerMissing: None can be had; the message names the command that helps.
    """
    elsewhere = given_server() or docker_server(port)
    return elsewhere or _start_private(directory, port or free_port())


def given_server() -> MySQLServer | None:
    """Return the server that `MYSQL_SERVER_URL` names, if it is set."""
    url = os.environ.get(SERVER_URL_SETTING)
    if not url:
        return None
    parts = urlsplit(url)
    server = MySQLServer(
        host=parts.hostname or LOOPBACK,
        port=parts.port or 3306,
        user=unquote(parts.username or "root"),
        password=unquote(parts.password or ""),
    )
    if not server.answers():
        raise MySQLServerMissing(
            f"{SERVER_URL_SETTING} names a server at {server.host}:{server.port} that takes no"
            " connection: start it, correct the URL, or unset it to get a private server"
        )
    return server


def docker_server(port: int | None = None) -> MySQLServer | None:
    """Start MySQL in Docker and return it, if there is a Docker daemon."""
    if not docker_answers():
        return None
    from testcontainers.community.mysql import MySqlContainer

    password = secrets.token_hex(16)
    container: Any = MySqlContainer(DOCKER_IMAGE, username="root", password=password)
    container.with_command(" ".join(SERVER_OPTIONS))
    if port is not None:
        container.with_bind_ports(3306, (LOOPBACK, port))
    try:
        container.start()
    except Exception as problem:
        raise MySQLServerMissing(
            f"Docker could not start {DOCKER_IMAGE} ({type(problem).__name__}: {problem}):"
            f" run `docker pull {DOCKER_IMAGE}`, or name a server in {SERVER_URL_SETTING}"
        ) from problem
    return MySQLServer(
        host=container.get_container_host_ip().replace("localhost", LOOPBACK),
        port=int(container.get_exposed_port(3306)),
        user="root",
        password=password,
        _stop=container.stop,
    )


def docker_answers() -> bool:
    """Tell whether `docker info` succeeds."""
    docker = shutil.which("docker")
    if docker is None:
        return False
    try:
        answer = subprocess.run([docker, "info"], capture_output=True, timeout=10, check=False)
    except subprocess.TimeoutExpired:
        return False
    return answer.returncode == 0


def prepare_private(directory: Path, port: int) -> tuple[tuple[str, ...], MySQLServer]:
    """Make an empty data directory; return the command that serves it, and the server it will be.

    The command keeps the data when it is run again.

    Raises:
        MySQLServerMissing: MariaDB is neither installed nor installable by this user.
    """
    programs = installed_programs() or install_programs()
    data = directory / "data"
    data.mkdir(parents=True)
    password = secrets.token_hex(16)
    accounts = directory / "accounts.sql"
    accounts.touch(mode=0o600)
    accounts.write_text(
        f"CREATE USER IF NOT EXISTS '{USER}'@'%' IDENTIFIED BY '{password}';\n"
        f"GRANT ALL PRIVILEGES ON *.* TO '{USER}'@'%' WITH GRANT OPTION;\n"
    )
    as_user = ["--user=root"] if os.geteuid() == 0 else []
    made = subprocess.run(
        [
            programs["mariadb-install-db"],
            "--no-defaults",
            f"--datadir={data}",
            "--skip-test-db",
            LOG_SIZE_OPTION,
            NO_NATIVE_AIO_OPTION,
            *as_user,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode != 0:
        raise StackError(f"mariadb-install-db failed: {_last_line(made.stdout + made.stderr)}")
    command = (
        programs["mariadbd"],
        "--no-defaults",
        f"--datadir={data}",
        f"--port={port}",
        f"--init-file={accounts}",
        *as_user,
        *SERVER_OPTIONS,
        *MARIADB_OPTIONS,
    )
    return command, MySQLServer(LOOPBACK, port, USER, password)


def installed_programs() -> dict[str, str] | None:
    """Find MariaDB's programs on PATH, and in each `sbin` beside a `bin` of it: Debian's users lack those."""
    directories: list[str] = []
    for entry in filter(None, os.environ.get("PATH", "").split(os.pathsep)):
        directories.append(entry)
        if Path(entry).name == "bin":
            directories.append(str(Path(entry).with_name("sbin")))
    path = os.pathsep.join(directories)
    found = {name: shutil.which(name, path=path) for name in PROGRAMS}
    return {name: place for name, place in found.items() if place} if all(found.values()) else None


def install_programs() -> dict[str, str]:
    """Install MariaDB with apt-get, as root or by sudo without a password, and return its programs.

    Raises:
        MySQLServerMissing: This user cannot; the message names the command.
    """
    install = ["apt-get", "install", "--yes", "--no-install-recommends", *PACKAGES]
    missing = MySQLServerMissing(
        "no MySQL server: run `sudo apt-get update && sudo apt-get install --no-install-recommends "
        f"{' '.join(PACKAGES)}`, or start Docker, or name a server in {SERVER_URL_SETTING}"
        " (mysql://user:password@host:port)"
    )
    prefix = [] if os.geteuid() == 0 else ["sudo", "--non-interactive"]
    if shutil.which("apt-get") is None or (prefix and shutil.which("sudo") is None):
        raise missing
    say(f"installing {' and '.join(PACKAGES)} with apt-get")
    # A fresh container image has no package lists; a machine with fresh lists need not fetch them.
    for command in (install, ["apt-get", "update"], install):
        done = subprocess.run(
            [*prefix, *command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            check=False,
        )
        if done.returncode == 0 and command is install:
            break
    programs = installed_programs()
    if programs is None:
        raise missing
    return programs


def _start_private(directory: Path, port: int) -> MySQLServer:
    command, server = prepare_private(directory, port)
    log = directory / "mariadb.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=end_with_parent(),  # noqa: PLW1509 - one prctl call
        )
    server.pid = process.pid
    server._stop = lambda: _end(process)
    deadline = time.monotonic() + READY_TIMEOUT_SECONDS
    while not server.answers():
        if process.poll() is not None or time.monotonic() > deadline:
            _end(process)
            raise StackError(
                f"mariadbd did not start on port {port}: {_last_line(log.read_text())}"
            )
        time.sleep(0.05)
    return server


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "no output"
