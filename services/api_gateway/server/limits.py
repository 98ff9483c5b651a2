"""What a client may send and for how long it may take (G-06, G-09, O-02)."""

from dataclasses import dataclass

from shared.web.serving import DRAIN_SECONDS

MAX_TARGET_BYTES = 8192
"""Path and query together; the longest call of the contract is under 2 KiB."""

MAX_HEAD_BYTES = 16 * 1024
"""All header fields; a token takes up to 12 KiB of it."""

MAX_HEADERS = 100

MAX_PIPELINED = 32
"""Requests that wait for the answer to an earlier one on their connection; browsers send none."""

READ_AHEAD_BYTES = 64 * 1024
"""Of a body that nobody has asked for yet; also what is still read of one that was refused."""

MAX_WRAPPING_BYTES = 256 * 1024
"""What chunk sizes, their extensions and fields after a body may take beside the body itself."""

MAX_CONNECTIONS = 12_000
"""O-02 asks for 10,000; the next ones are refused at once. About 25 KiB each in kernel and process."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a client may take, in seconds. All but `idle` end within the 30 s of G-06."""

    first_byte: float = 29.0
    """From connecting to the first request; load balancers and browsers connect ahead of need."""

    head: float = 10.0
    """From the first byte of a request to the end of its header fields."""

    body: float = 25.0
    """For a whole body: 1 MiB at 42 KB/s."""

    stall: float = 10.0
    """For the next piece of a body."""

    reading: float = 25.0
    """For taking 64 KiB of an answer off our hands."""

    lingering: float = 1.0
    """For a client to notice that its body was refused before the connection ends."""

    idle: float = 190.0
    """Between requests: longer than the load balancer's idle time-out of 180 s, else it meets closed connections."""

    draining: float = DRAIN_SECONDS
    """Between requests while the server stops; with the next answer the client hears that the connection ends."""
