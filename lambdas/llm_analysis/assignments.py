"""An assignment as the analysis sees it: text, deadline, and the name under which its steps are kept."""

import hashlib
from dataclasses import dataclass
from datetime import date, datetime

from lambdas.llm_analysis.plain_text import Line, clean, read_lines

MAX_TEXT_CHARACTERS = 12_000
"""About 4,000 tokens of English, 10,000 of Korean; what comes after five printed pages is no step (L-03)."""

MAX_TITLE_CHARACTERS = 255


@dataclass(frozen=True)
class Assignment:
    """One assignment's shown text and the days that are left for it.

    `today` and `deadline` are days in UTC, as the digits of Canvas times are.
    """

    title: str
    lines: tuple[Line, ...]
    today: date
    deadline: date

    @property
    def text(self) -> str:
        """Return the description's text, a line each."""
        return "\n".join(line.text for line in self.lines)

    def content_hash(self, fingerprint: str) -> str:
        """Return the SHA-256 of what a proposal depends on besides the days.

        Args:
            fingerprint: Provider, model and version of the rules; their proposals differ.
        """
        parts = [fingerprint, self.title, *(line.text for line in self.lines)]
        return hashlib.sha256("\n".join(parts).encode("utf-8")).hexdigest()


def read_assignment(
    title: str, description: str | None, *, due_at: datetime, now: datetime
) -> Assignment:
    """Read an assignment's text, cut at the line that exceeds `MAX_TEXT_CHARACTERS`.

    Args:
        title: As Canvas has it.
        description: HTML or plain text.
        due_at: Later than `now`; both UTC without zone.
        now: When the analysis takes place.
    """
    lines: list[Line] = []
    room = MAX_TEXT_CHARACTERS
    for line in read_lines(description or ""):
        if len(line.text) > room:
            lines.append(Line(line.text[:room].rstrip(), line.kind, line.level, line.is_ordered))
            break
        lines.append(line)
        room -= len(line.text) + 1
        if room <= 0:
            break
    kept = tuple(line for line in lines if line.text)
    short_title = clean(title)[:MAX_TITLE_CHARACTERS].rstrip()
    return Assignment(short_title, kept, now.date(), due_at.date())
