"""Finds out which loopback ports are free."""

import random
import socket
from collections.abc import Iterable

LOOPBACK = "127.0.0.1"

HIGHEST_OFFSET = 20_000
"""Keeps the highest port of the stack (MySQL's, 13306) below 32768, where Linux starts handing out
client ports: a connection of somebody else could sit on one of ours."""


def is_free(port: int) -> bool:
    """Tell whether a server could listen on this loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """Return a loopback port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def free_port_offset(base_ports: Iterable[int]) -> int:
    """Return a `PORT_OFFSET` that shifts every base port to a free one.

    Raises:
        OSError: A hundred random offsets met a port in use each.
    """
    ports = tuple(base_ports)
    highest_offset = min(HIGHEST_OFFSET, 32_767 - max(ports))
    for _ in range(100):
        offset = random.randrange(200, highest_offset)  # noqa: S311 - nothing secret
        if all(is_free(port + offset) for port in ports):
            return offset
    raise OSError("no PORT_OFFSET with free ports found")
