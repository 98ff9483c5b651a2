"""C-07: a rotation keeps old tokens readable and leaves none that needs the old key."""

import base64
import os
import subprocess
import sys
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.user_service.integrations.service import Rotation
from services.user_service.rotate_keys import rotate
from services.user_service.sealing import Sealer, SealingKey
from services.user_service.settings import SealingSettings

Rows = Callable[..., list[tuple[object, ...]]]

OLD = SealingKey("2026", bytes(range(32)))
NEW = SealingKey("2027", bytes(range(32, 64)))
STRANGE = SealingKey("lost", bytes(range(64, 96)))


def listed(*keys: SealingKey) -> str:
    return ",".join(f"{key.key_id}:{base64.b64encode(key.key).decode()}" for key in keys)


def store(rows: Rows, sub: str, sealed: str) -> None:
    rows(
        "INSERT INTO credentials (cognito_sub, provider, encrypted_token, created_at, updated_at)"
        " VALUES (%s, 'CANVAS', %s, NOW(6), NOW(6))",
        sub,
        sealed,
    )


def reference_form(token: str, key: SealingKey) -> str:
    iv = os.urandom(12)
    return base64.b64encode(iv + AESGCM(key.key).encrypt(iv, token.encode(), None)).decode()


@pytest.fixture
def settings(
    database: object, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> SealingSettings:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("ENCRYPTION_KEYS", listed(NEW, OLD))
    return SealingSettings()


async def test_afterwards_the_new_key_alone_opens_every_token(
    settings: SealingSettings, rows: Rows
) -> None:
    """C-07: rotation keeps old data readable and rewrites it."""
    tokens = {f"student-{number:03}": f"1234~token-{number}" for number in range(250)}
    for number, (sub, token) in enumerate(tokens.items()):
        sealer = Sealer([NEW if number % 5 == 0 else OLD])
        is_of_reference = number % 5 == 1
        sealed = reference_form(token, OLD) if is_of_reference else ""
        store(rows, sub, sealed or sealer.seal(token, provider="CANVAS", cognito_sub=sub))
    stamps = rows("SELECT id, updated_at FROM credentials ORDER BY id")

    done = await rotate(settings)

    assert done == Rotation(current=50, sealed_anew=200, unreadable=0)
    alone = Sealer([NEW])
    stored = rows("SELECT cognito_sub, encrypted_token FROM credentials")
    opened = {
        str(sub): alone.open(str(sealed), provider="CANVAS", cognito_sub=str(sub))
        for sub, sealed in stored
    }
    print(f"C-07: {done.sealed_anew} of {len(opened)} tokens sealed anew")  # noqa: T201
    assert opened == tokens
    assert rows("SELECT id, updated_at FROM credentials ORDER BY id") == stamps

    assert await rotate(settings) == Rotation(current=250)
    assert rows("SELECT cognito_sub, encrypted_token FROM credentials") == stored


async def test_a_token_that_no_key_opens_is_counted_and_left_as_it_is(
    settings: SealingSettings, rows: Rows
) -> None:
    lost = Sealer([STRANGE]).seal("token", provider="CANVAS", cognito_sub="ann")
    moved = Sealer([OLD]).seal("token", provider="CANVAS", cognito_sub="ann")
    store(rows, "ann", lost)
    store(rows, "bob", moved)

    assert await rotate(settings) == Rotation(unreadable=2)

    found = rows("SELECT encrypted_token FROM credentials ORDER BY cognito_sub")
    assert found == [(lost,), (moved,)]


@pytest.mark.parametrize(("key", "status"), [(OLD, 0), (STRANGE, 1)])
def test_the_program_says_what_it_did_and_fails_when_a_token_stays_unreadable(
    settings: SealingSettings, rows: Rows, database_url: str, key: SealingKey, status: int
) -> None:
    secret = "1234~never-shown"
    store(rows, "ann", Sealer([key]).seal(secret, provider="CANVAS", cognito_sub="ann"))

    done = subprocess.run(
        [sys.executable, "-m", "services.user_service.rotate_keys"],
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            "DATABASE_URL": database_url,
            "ENCRYPTION_KEYS": listed(NEW, OLD),
        },
    )

    assert done.returncode == status, done.stderr
    counts = (0, 0, 1) if status else (1, 0, 0)
    said = "sealed anew: {}, current before: {}, unreadable: {}".format(*counts)
    assert done.stdout.splitlines()[-1] == said
    assert secret not in done.stdout + done.stderr
