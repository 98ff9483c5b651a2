"""Tells whoever watches what the stack is doing."""

from contextlib import suppress


def say(line: str = "") -> None:
    """Print a line at once; a reader who has gone away is no reason to stop."""
    with suppress(OSError):
        print(line, flush=True)
