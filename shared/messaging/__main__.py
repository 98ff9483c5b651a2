"""`python -m shared.messaging dlq ...`: the operators' commands for queues."""

import argparse
import sys

from shared.messaging.dead_letters_command import add_commands, run


def main() -> int:
    """Do what the command line asks; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m shared.messaging", description=__doc__)
    tools = parser.add_subparsers(dest="tool", required=True, metavar="TOOL")
    add_commands(tools.add_parser("dlq", help="dead-letter queues: list, show, replay, purge"))
    return run(parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
