"""Looks for credentials in everything that was ever committed."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

PATTERNS = {
    "access key of AWS": r"(?<![A-Z0-9])A(?:KIA|SIA)[A-Z0-9]{16}(?![A-Z0-9])",
    "secret key of AWS": r"(?i:aws_secret_access_key)\W{1,5}[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])",
    "token of Canvas": r"(?<![0-9A-Za-z])\d{1,5}~[A-Za-z0-9]{60,70}(?![A-Za-z0-9])",
    "token of GitHub": r"gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{60,}",
    "key of a model's vendor": r"(?<![A-Za-z0-9])sk-(?:ant-|proj-)?[A-Za-z0-9_-]{32,}",
    "token of Slack": r"xox[abprs]-[A-Za-z0-9-]{20,}",
    "private key": r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----\s*(?:\\n|\n)?\s*[A-Za-z0-9+/]{40}",
    "signed token": r"eyJ[A-Za-z0-9_-]{20,}\.eyJ[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{80,}",
    "password in an address": r"mysql://[\w.-]+:[^@\s/:{}$<>'\"]{12,}@(?!127\.)[\w-]+(?:\.[\w-]+)+",
}
"""What a credential of each kind looks like; each has a form that no placeholder of ours has."""

_ANY = re.compile("|".join(f"(?P<k{i}>{pattern})" for i, pattern in enumerate(PATTERNS.values())))
_KINDS = tuple(PATTERNS)


@dataclass(frozen=True)
class Finding:
    """A credential that was added by a commit."""

    commit: str
    path: str
    kind: str


def committed_secrets(repository: Path) -> tuple[list[Finding], int]:
    """Return what any commit of any branch ever added, and the number of commits that were read."""
    log = subprocess.run(
        ["git", "log", "--all", "-m", "-p", "-U0", "--no-color", "--no-ext-diff", "--text"],
        cwd=repository,
        check=True,
        capture_output=True,
    ).stdout.decode("utf-8", "replace")
    findings = []
    commits = 0
    for patch in re.split(r"^commit (?=[0-9a-f]{40})", log, flags=re.MULTILINE)[1:]:
        commits += 1
        for file in re.split(r"^diff --git ", patch, flags=re.MULTILINE)[1:]:
            added = "\n".join(
                line[1:] for line in file.splitlines() if line.startswith("+") and line[:3] != "+++"
            )
            findings += [
                Finding(patch[:12], file.splitlines()[0].rpartition(" b/")[2], _kind(match))
                for match in _ANY.finditer(added)
            ]
    return findings, commits


def _kind(match: re.Match[str]) -> str:
    return _KINDS[int((match.lastgroup or "k0")[1:])]
