"""Prints how long requests and changes take on a running system, and what each process spends on them."""

import asyncio
import logging
import sys
import tempfile
from pathlib import Path

from benchmarks.whole_stack import changes, requests
from local_stack.errors import StackError
from local_stack.session import running_stack
from shared.settings import exit_with_error
from shared.testing.processors import Processors


def main() -> None:
    """Print both tables; end with 1 when a figure misses its target."""
    logging.disable(logging.WARNING)
    try:
        with (
            tempfile.TemporaryDirectory() as directory,
            running_stack(Path(directory)) as stack,
        ):
            processors = Processors(stack["pids"])
            are_met = [
                asyncio.run(requests.measure(stack, processors)),
                asyncio.run(changes.measure(stack, processors)),
            ]
    except StackError as problem:
        exit_with_error(str(problem))
    sys.exit(not all(are_met))


if __name__ == "__main__":
    main()
