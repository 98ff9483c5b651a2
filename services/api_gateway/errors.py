"""Every way in which the gateway itself refuses or fails a request, with its status and neutral text."""

from datetime import UTC, datetime
from typing import Any, ClassVar


class GatewayError(Exception):
    """The gateway answers this request itself; texts name no host, version or reason to probe for."""

    status: ClassVar[int] = 500
    text: ClassVar[str] = "Something went wrong on our side."
    headers: tuple[tuple[bytes, bytes], ...] = ()
    closes_connection: ClassVar[bool] = False

    def body(self) -> dict[str, Any] | None:
        """Return the JSON body, or None for an empty one."""
        return {"error": self.text}


class PathRefused(GatewayError):
    """The path or query is spelled in a way two readers could understand differently."""

    status = 400
    text = "The request path is not valid."


class HeadersRefused(GatewayError):
    """The request's headers contradict each other or hold what no header may."""

    status = 400
    text = "The request headers are not valid."


class TargetTooLong(GatewayError):
    """Path and query are longer than any call of the contract."""

    status = 414
    text = "The request target is too long."
    closes_connection = True


class FramingRefused(GatewayError):
    """The request is malformed, or two readers could disagree about where it ends."""

    status = 400
    text = "The request is malformed."
    closes_connection = True


class HeadersTooLarge(GatewayError):
    """The request's headers are more or longer than any call of the contract needs."""

    status = 431
    text = "The request headers are too large."
    closes_connection = True


class HeadTooSlow(GatewayError):
    """The client did not finish its request's headers."""

    status = 408
    text = "The request did not arrive in time."
    closes_connection = True


class ServerFull(GatewayError):
    """There are more connections than the gateway takes."""

    status = 503
    text = "Too many connections. Please try again."
    headers = ((b"retry-after", b"5"),)
    closes_connection = True


class InternalPath(GatewayError):
    """The path belongs to the services among themselves (rest.md 1.4: empty body)."""

    status = 403

    def body(self) -> None:
        """Return no body."""
        return


class RouteUnknown(GatewayError):
    """No row of the routing table and no page has this path (rest.md 1.4)."""

    status = 404

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    def body(self) -> dict[str, Any]:
        """Return the body with the path as it was understood."""
        return {
            "timestamp": datetime.now(UTC).replace(tzinfo=None).isoformat(),
            "path": self._path,
            "status": 404,
            "error": "Not Found",
        }


class OriginRefused(GatewayError):
    """A browser calls from an origin that is not the configured one."""

    status = 403
    text = "This origin is not allowed."


class MethodRefused(GatewayError):
    """The method is none that the contract knows."""

    status = 405
    text = "This method is not supported."
    headers = ((b"allow", b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),)


class TokenRequired(GatewayError):
    """The route needs a bearer token and there is none."""

    status = 401
    text = "A bearer token is required."
    headers = ((b"www-authenticate", b"Bearer"),)


class TokenNotAccepted(GatewayError):
    """The bearer token is not a valid one of the user pool."""

    status = 401
    text = "The bearer token is not valid."
    headers = ((b"www-authenticate", b'Bearer error="invalid_token"'),)


class TokenNotCheckable(GatewayError):
    """No key of the user pool has been fetched yet, so no token can be checked."""

    status = 503
    text = "Sign-in is temporarily unavailable. Please try again."
    headers = ((b"retry-after", b"10"),)


class TooManyRequests(GatewayError):
    """The caller has made as many requests as a minute allows."""

    status = 429
    text = "Too many requests. Please wait a moment."

    def __init__(self, retry_after_seconds: int = 60) -> None:
        super().__init__()
        self.headers = ((b"retry-after", b"%d" % retry_after_seconds),)


class BodyTooLarge(GatewayError):
    """The body is larger than any of the contract."""

    status = 413
    text = "The request body is too large."
    closes_connection = True


class BodyTooSlow(GatewayError):
    """The client stopped sending its body."""

    status = 408
    text = "The request body did not arrive in time."
    closes_connection = True


class UpstreamUnavailable(GatewayError):
    """The service cannot be reached, or the connection to it broke before it answered."""

    status = 503
    text = "The service is temporarily unavailable. Please try again."


class UpstreamLeftAlone(UpstreamUnavailable):
    """The service failed so often lately that it is left alone for some seconds."""

    def __init__(self, retry_after_seconds: int = 5) -> None:
        super().__init__()
        self.headers = ((b"retry-after", b"%d" % retry_after_seconds),)


class UpstreamTimedOut(GatewayError):
    """The service took the request and did not answer in time."""

    status = 504
    text = "The service did not answer in time."


class UpstreamNotHTTP(GatewayError):
    """What the service answered is not an HTTP answer that can be passed on."""

    status = 502
    text = "The service gave an unusable answer."
