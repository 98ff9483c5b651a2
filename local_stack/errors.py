"""What keeps the stack from running; each message says what is missing and how to get it."""


class StackError(Exception):
    """The stack cannot start or go on; the message is the `error:` line a person reads."""


class MySQLServerMissing(StackError):
    """No server that speaks the MySQL protocol can be had on this machine."""


class PortTaken(StackError):
    """A port that a process needs is in use by something else."""

    def __init__(self, port: int, process: str) -> None:
        super().__init__(
            f"port {port} for {process} is taken: stop what listens there,"
            " or shift all ports with PORT_OFFSET=100"
        )
