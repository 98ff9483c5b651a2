"""Why a token is not accepted; the reasons are for metrics, callers see one neutral text."""


class TokenRefused(Exception):
    """The token is not one of the pool's, not for us, or not valid at this time."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class KeysUnavailable(Exception):
    """The pool's keys have never been fetched, so nothing can be said about any token."""


class RevocationsUnusable(Exception):
    """user_service did not say in time which sessions have ended."""


class KeysUnusable(Exception):
    """The key endpoint did not answer with a usable key set in time."""
