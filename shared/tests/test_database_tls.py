"""TLS to the database, on a real server with a certificate of its own authority."""

import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncmy
import pymysql
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from local_stack.mysql_server import MySQLServer, installed_programs, prepare_private
from local_stack.ports import free_port
from shared.database_tls import RDS_AUTHORITIES, rds_context, tls_context

ENDPOINT = "unisync.c1a2b3.ap-northeast-2.rds.amazonaws.com"


@dataclass
class TLSServer:
    """A server whose certificate names `localhost` alone."""

    server: MySQLServer
    authority: Path

    def arguments(self, host: str) -> dict[str, Any]:
        return {
            "host": host,
            "port": self.server.port,
            "user": self.server.user,
            "password": self.server.password,
        }


def write_certificate(directory: Path) -> None:
    """Write `authority.pem`, `server.pem` and `server.key`."""
    now = datetime.now(UTC)
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("authority", "db")
    ]
    for name, key, file, is_authority in (
        (names[0], keys[0], "authority.pem", True),
        (names[1], keys[1], "server.pem", False),
    ):
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(names[0])
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        )
        if not is_authority:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False
            )
        signed = builder.sign(keys[0], hashes.SHA256())
        (directory / file).write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    (directory / "server.key").write_bytes(
        keys[1].private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )


@pytest.fixture(scope="module")
def tls_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TLSServer]:
    if installed_programs() is None:
        pytest.skip(
            "only a private server can be given a certificate, and MariaDB is not installed"
        )
    directory = tmp_path_factory.mktemp("tls")
    write_certificate(directory)
    command, server = prepare_private(directory, free_port())
    process = subprocess.Popen(
        [
            *command,
            f"--ssl-cert={directory / 'server.pem'}",
            f"--ssl-key={directory / 'server.key'}",
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 60
        while not server.answers():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield TLSServer(server, directory / "authority.pem")
    finally:
        process.terminate()
        process.wait()


async def cipher_of_asyncmy(arguments: dict[str, Any]) -> str:
    connection = await asyncmy.connect(**arguments)
    try:
        async with connection.cursor() as cursor:
            await cursor.execute("SHOW STATUS LIKE 'Ssl_cipher'")
            return str((await cursor.fetchone())[1])
    finally:
        connection.close()


async def cipher_of_pymysql(arguments: dict[str, Any]) -> str:
    with pymysql.connect(**arguments) as connection, connection.cursor() as cursor:
        cursor.execute("SHOW STATUS LIKE 'Ssl_cipher'")
        row = cursor.fetchone()
        assert row is not None
        return str(row[1])


DRIVERS = pytest.mark.parametrize("cipher_of", [cipher_of_asyncmy, cipher_of_pymysql])


@DRIVERS
async def test_a_known_authority_and_the_right_name_give_an_encrypted_connection(
    tls_server: TLSServer, cipher_of: Any
) -> None:
    """I-03"""
    context = rds_context(tls_server.authority)

    assert await cipher_of({**tls_server.arguments("localhost"), "ssl": context})


@DRIVERS
async def test_a_certificate_of_another_authority_is_refused(
    tls_server: TLSServer, cipher_of: Any
) -> None:
    """I-03"""
    with pytest.raises(Exception, match=r"(?i)certificate verify failed"):
        await cipher_of({**tls_server.arguments("localhost"), "ssl": rds_context()})


@DRIVERS
async def test_a_certificate_for_another_name_is_refused(
    tls_server: TLSServer, cipher_of: Any
) -> None:
    """I-03"""
    context = rds_context(tls_server.authority)

    with pytest.raises(Exception, match=r"(?i)certificate"):
        await cipher_of({**tls_server.arguments("127.0.0.1"), "ssl": context})


def test_rds_is_reached_over_tls_only_and_a_local_server_without() -> None:
    """I-03"""
    context = tls_context(f"mysql://user:password@{ENDPOINT}:3306/user_db")

    assert context is not None
    assert context.check_hostname
    for host in ("127.0.0.1", "localhost", "mysql", "rds.amazonaws.com.example.org"):
        assert tls_context(f"mysql://user:password@{host}:3306/user_db") is None


def test_the_authorities_of_rds_are_valid_for_years_and_include_the_default_region() -> None:
    roots = x509.load_pem_x509_certificates(RDS_AUTHORITIES.read_bytes())

    assert any("ap-northeast-2" in root.subject.rfc4514_string() for root in roots)
    for root in roots:
        root.verify_directly_issued_by(root)
        assert root.not_valid_after_utc > datetime.now(UTC) + timedelta(days=3650)
