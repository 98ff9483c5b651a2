"""The private Redis in which several gateway workers count requests together."""

import shutil
from collections.abc import Mapping

from local_stack.errors import StackError
from local_stack.ports import LOOPBACK


def needs_redis(settings: Mapping[str, str]) -> bool:
    """Tell whether the gateway gets several workers and nobody has named a Redis for them."""
    return settings.get("GATEWAY_WORKERS", "1") != "1" and "REDIS_URL" not in settings


def redis_command(port: int) -> tuple[str, ...]:
    """Return how to start a Redis that keeps nothing on disk.

    Raises:
        StackError: It is not installed.
    """
    program = shutil.which("redis-server")
    if program is None:
        raise StackError(
            "GATEWAY_WORKERS above 1 needs a Redis and redis-server is missing:"
            " run 'sudo apt-get install --no-install-recommends redis-server', or set REDIS_URL"
        )
    options = ("--bind", LOOPBACK, "--port", str(port), "--save", "", "--appendonly", "no")
    return (program, *options)
