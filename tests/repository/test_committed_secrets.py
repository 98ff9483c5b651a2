"""I-05: no credential is in the tree or in the history, and one that were would be found."""

import subprocess
from pathlib import Path

import pytest

from tests.repository.committed_secrets import PATTERNS, committed_secrets

# Put together here, so that this very file holds none.
PLANTED = {
    "access key of AWS": "AKIA" + "Q3EGPN5TZJ7L2XWM",
    "secret key of AWS": "AWS_SECRET_ACCESS_KEY=" + "wJalrXUtnFEMIK7MDENGbPxRfiCYzEXAMPLEKEYa"[:40],
    "token of Canvas": "7236" + "~" + "aB3" * 21 + "x",
    "token of GitHub": "ghp" + "_" + "a1B2" * 9,
    "key of a model's vendor": "sk-" + "ant-" + "a1B2" * 10,
    "token of Slack": "xoxb" + "-123456789012-" + "abcdefghij",
    "private key": "-----BEGIN "
    + "PRIVATE KEY-----\n"
    + "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj" * 2,
    "signed token": "eyJ" + "a" * 30 + "." + "eyJ" + "b" * 30 + "." + "c" * 90,
    "password in an address": "mysql://user_service:"
    + "Zk3vW9qLx2Rt"
    + "@unisync.example.org/user_db",
}


def git(repository: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    subprocess.run(["git", *identity, *arguments], cwd=repository, check=True, capture_output=True)


def test_no_credential_was_ever_committed() -> None:
    """I-05"""
    findings, commits = committed_secrets(Path())

    print(f"{commits} commits read for {len(PATTERNS)} kinds of credentials")
    assert commits > 0
    assert findings == []


@pytest.mark.parametrize("kind", PATTERNS)
def test_a_credential_that_was_committed_and_removed_is_found(tmp_path: Path, kind: str) -> None:
    """I-05"""
    git(tmp_path, "init", "-q")
    (tmp_path / "settings.py").write_text(f'VALUE = """{PLANTED[kind]}"""\n')
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "Add")
    git(tmp_path, "rm", "-q", "settings.py")
    git(tmp_path, "commit", "-qm", "Remove")

    findings, _ = committed_secrets(tmp_path)

    assert [(f.path, f.kind) for f in findings] == [("settings.py", kind)]
