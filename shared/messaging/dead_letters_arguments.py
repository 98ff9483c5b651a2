"""What the operators' command for dead-letter queues may be asked; free of imports that cost time, for `--help`."""

import argparse

from shared.events.routes import QUEUES

MAX_REPLAYS = 3
"""A message that came back three times comes back a fourth time, unless the code has changed."""


def add_commands(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands to a parser, whose result `dead_letters_command.run` takes."""
    parser.description = "See, replay and remove messages that could not be applied."
    commands = parser.add_subparsers(dest="dlq_command", required=True, metavar="COMMAND")

    def add(name: str, text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument(
            "--queue",
            choices=[queue.name for queue in QUEUES],
            help="only this queue, by its name in shared/events/routes.py",
        )
        return command

    def add_databases(command: argparse.ArgumentParser) -> None:
        command.add_argument(
            "--database-url",
            action="append",
            default=[],
            metavar="URL",
            help="where a consumer keeps its reasons, besides DATABASE_URL; may be given twice",
        )

    listing = add("list", "What lies in each dead-letter queue, since when, and why.")
    listing.add_argument("--json", action="store_true", help="one JSON object a line and message")
    add_databases(listing)
    show = add("show", "One whole message with its body, and the reason of each failure.")
    show.add_argument("message_ids", nargs=1, metavar="MESSAGE_ID")
    add_databases(show)
    replay = add("replay", "Send messages back to the queue they came from.")
    replay.add_argument(
        "--max-replays",
        type=int,
        default=MAX_REPLAYS,
        metavar="N",
        help=f"refuse what was replayed so often already (default {MAX_REPLAYS})",
    )
    replay.add_argument("--force", action="store_true", help="replay those, too")
    purge = add("purge", "Remove messages for good.")
    purge.add_argument("--yes", action="store_true", help="needed with --all")
    for command in (replay, purge):
        command.add_argument("message_ids", nargs="*", metavar="MESSAGE_ID")
        command.add_argument("--all", action="store_true", help="every message there is")
        command.add_argument("--dry-run", action="store_true", help="only say what would be done")
