"""What can go wrong with Canvas; no message ever repeats a token, an address or an answer."""


class CanvasError(Exception):
    """Canvas did not give what was asked for."""


class CanvasTokenRefused(CanvasError):
    """401 with `WWW-Authenticate`: the token is wrong, expired or revoked, and no other call will succeed."""


class CanvasPermissionDenied(CanvasError):
    """401 without `WWW-Authenticate`, 403 or 404: the token is good, but not for this object."""


class CanvasThrottled(CanvasError):
    """Canvas kept refusing because of too many calls, in either of its two ways."""


class CanvasUnavailable(CanvasError):
    """Canvas could not be reached, took too long or answered a failure, on every try."""


class CanvasAnswerUnusable(CanvasError):
    """An answer that is not a list in JSON, leads elsewhere or exceeds a bound."""
