"""`python -m local_stack run|up|down|status|logs|token|dlq|serve`: the commands behind the Makefile."""

import argparse
import sys
import traceback

from local_stack import commands
from local_stack.errors import StackError
from local_stack.state_directory import StateDirectory
from shared.messaging.dead_letters_arguments import add_commands


def main() -> int:
    """Do what the command line asks; a failure ends with one `error:` line."""
    parser = argparse.ArgumentParser(prog="python -m local_stack", description=__doc__)
    subcommands = parser.add_subparsers(dest="command", required=True)
    for name in ("run", "up", "down", "status", "token", "serve"):
        subcommands.add_parser(name, help=getattr(commands, name).__doc__)
    logs = subcommands.add_parser("logs", help=commands.logs.__doc__)
    logs.add_argument("name", nargs="?", help="a process, such as gateway")
    logs.add_argument("--follow", action="store_true")
    add_commands(subcommands.add_parser("dlq", help=commands.dlq.__doc__))
    arguments = parser.parse_args()
    directory = StateDirectory.selected()
    try:
        if arguments.command == "logs":
            return commands.logs(directory, arguments.name, follow=arguments.follow)
        if arguments.command == "dlq":
            return commands.dlq(directory, arguments)
        return int(getattr(commands, arguments.command)(directory))
    except StackError as problem:
        print(f"error: {problem}", file=sys.stderr)
    except KeyboardInterrupt:
        return commands.INTERRUPTED
    except Exception as problem:
        traceback.print_exc()
        reason = f"{type(problem).__name__}: {problem}".replace("\n", " ")
        print(f"error: {reason} (a defect; the trace is above)", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
