"""`python -m shared.messaging dlq ...`: the operators' commands for queues."""

import argparse
import signal
import sys

from shared.messaging.dead_letters_arguments import add_commands
from shared.messaging.dead_letters_command import run


def main() -> int:
    """Do what the command line asks; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m shared.messaging", description=__doc__)
    tools = parser.add_subparsers(dest="tool", required=True, metavar="TOOL")
    add_commands(tools.add_parser("dlq", help="dead-letter queues: list, show, replay, purge"))
    arguments = parser.parse_args()
    # `list | head` ends quietly.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
