import os
from pathlib import Path

import pytest

from local_stack.children import ProcessIdentity
from local_stack.errors import MySQLServerMissing
from local_stack.mysql_server import PROGRAMS, MySQLServer, install_programs, start_mysql
from shared.testing.schemas import execute


def test_text_is_utf8mb4_unicode_ci_and_large_messages_fit(mysql_server_url: str) -> None:
    rows = execute(mysql_server_url, "SELECT @@collation_server, @@max_allowed_packet")

    assert rows == [("utf8mb4_unicode_ci", 64 * 1024 * 1024)]


def test_enough_connections_for_every_process_of_the_stack(mysql_server_url: str) -> None:
    assert execute(mysql_server_url, "SELECT @@max_connections >= 300") == [(1,)]


def test_a_private_server_ends_when_it_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MYSQL_SERVER_URL", raising=False)
    with start_mysql(tmp_path) as server:
        if server.pid is None:
            pytest.skip("the server runs in Docker")
        identity = ProcessIdentity.of(server.pid)
        assert identity is not None
        assert server.answers()

    assert not identity.is_running()


def test_a_given_server_is_used_and_left_running(
    mysql_server_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MYSQL_SERVER_URL", mysql_server_url)

    with start_mysql(tmp_path) as server:
        assert server.url() == mysql_server_url

    assert server.answers()
    assert list(tmp_path.iterdir()) == []


def test_a_given_server_that_does_not_answer_is_an_error_that_names_the_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MYSQL_SERVER_URL", "mysql://root:secret@127.0.0.1:1")

    with pytest.raises(MySQLServerMissing, match="MYSQL_SERVER_URL names a server at") as problem:
        start_mysql(tmp_path)

    assert "secret" not in str(problem.value)


def test_without_any_server_the_error_names_the_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MYSQL_SERVER_URL", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(
        MySQLServerMissing, match=r"apt-get install .*mariadb-server-core mariadb-client-core"
    ):
        start_mysql(tmp_path)


def test_a_password_with_special_characters_survives_the_url() -> None:
    server = MySQLServer("127.0.0.1", 3306, "root", "p@ss/word")

    assert server.url("user_db") == "mysql://root:p%40ss%2Fword@127.0.0.1:3306/user_db"


def test_the_data_directory_belongs_to_this_user_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MYSQL_SERVER_URL", raising=False)
    with start_mysql(tmp_path) as server:
        if server.pid is None:
            pytest.skip("the server runs in Docker")
        assert (tmp_path / "accounts.sql").stat().st_mode & 0o077 == 0
        assert (tmp_path / "data").stat().st_uid == os.geteuid()


def test_a_missing_server_is_installed_with_apt_get_after_fetching_its_lists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = " ".join(str(tmp_path / program) for program in PROGRAMS)
    scripts = {
        "apt-get": f"""
            if [ "$1" = update ]; then : > {tmp_path}/lists; exit 0; fi
            [ -e {tmp_path}/lists ] || exit 100
            for program in {programs}; do : > $program; /bin/chmod +x $program; done""",
        "sudo": 'shift; exec "$@"',
    }
    for name, source in scripts.items():
        script = tmp_path / name
        script.write_text(f"#!/bin/sh\n{source}\n")
        script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert install_programs() == {program: str(tmp_path / program) for program in PROGRAMS}
