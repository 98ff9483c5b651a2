"""Every way in which the gateway itself refuses or fails a request, with its status and neutral text."""

from datetime import UTC, datetime
from typing import Any, ClassVar

Field = tuple[bytes, bytes]


class GatewayError(Exception):
    """The gateway answers this request itself; texts name no host, version or reason to probe for."""

    status: ClassVar[int] = 500
    text: ClassVar[str] = "Something went wrong on our side."
    headers: tuple[Field, ...] = ()
    closes_connection: ClassVar[bool] = False

    def __init_subclass__(
        cls,
        *,
        status: int,
        text: str = "",
        header: Field | None = None,
        closes: bool = False,
    ) -> None:
        """Take what all refusals of a kind have in common."""
        cls.status, cls.text, cls.closes_connection = status, text, closes
        cls.headers = () if header is None else (header,)

    def __init__(self, retry_after_seconds: int | None = None) -> None:
        super().__init__()
        if retry_after_seconds is not None:
            self.headers = ((b"retry-after", b"%d" % retry_after_seconds),)

    def body(self) -> dict[str, Any] | None:
        """Return the JSON body, or None for an empty one."""
        return {"error": self.text} if self.text else None


# What cannot be read.


class FramingRefused(GatewayError, status=400, text="The request is malformed.", closes=True):
    """The request is malformed, or two readers could disagree about where it ends."""


class PathRefused(GatewayError, status=400, text="The request path is not valid."):
    """The path or query is spelled in a way two readers could understand differently."""


class HeadersRefused(GatewayError, status=400, text="The request headers are not valid."):
    """The request's headers contradict each other or hold what no header may."""


class TargetTooLong(GatewayError, status=414, text="The request target is too long.", closes=True):
    """Path and query are longer than any call of the contract."""


class HeadersTooLarge(
    GatewayError, status=431, text="The request headers are too large.", closes=True
):
    """The request's headers are more or longer than any call of the contract needs."""


class BodyTooLarge(GatewayError, status=413, text="The request body is too large.", closes=True):
    """The body is larger than any of the contract."""


class HeadTooSlow(
    GatewayError, status=408, text="The request did not arrive in time.", closes=True
):
    """The client did not finish its request's headers."""


class BodyTooSlow(
    GatewayError,
    status=408,
    text="The request body did not arrive in time.",
    closes=True,
):
    """The client stopped sending its body."""


class ServerFull(
    GatewayError,
    status=503,
    text="Too many connections. Please try again.",
    header=(b"retry-after", b"5"),
    closes=True,
):
    """There are more connections than the gateway takes."""


# What may not be asked for.


class InternalPath(GatewayError, status=403):
    """The path belongs to the services among themselves (rest.md 1.4: empty body)."""


class OriginRefused(GatewayError, status=403, text="This origin is not allowed."):
    """A browser calls from an origin that is not the configured one."""


class RouteUnknown(GatewayError, status=404, text="Not Found"):
    """No row of the routing table and no page has this path (rest.md 1.4)."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    def body(self) -> dict[str, Any]:
        """Return the body with the path as it was understood."""
        return {
            "timestamp": datetime.now(UTC).replace(tzinfo=None).isoformat(),
            "path": self._path,
            "status": self.status,
            "error": self.text,
        }


class MethodRefused(
    GatewayError,
    status=405,
    text="This method is not supported.",
    header=(b"allow", b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),
):
    """The method is none that the contract knows."""


# Who asks.


class TokenRequired(
    GatewayError,
    status=401,
    text="A bearer token is required.",
    header=(b"www-authenticate", b"Bearer"),
):
    """The route needs a bearer token and there is none."""


class TokenNotAccepted(
    GatewayError,
    status=401,
    text="The bearer token is not valid.",
    header=(b"www-authenticate", b'Bearer error="invalid_token"'),
):
    """The bearer token is not a valid one of the user pool."""


class TokenNotCheckable(
    GatewayError,
    status=503,
    text="Sign-in is temporarily unavailable. Please try again.",
    header=(b"retry-after", b"10"),
):
    """No key of the user pool has been fetched yet, so no token can be checked."""


class TooManyRequests(GatewayError, status=429, text="Too many requests. Please wait a moment."):
    """The caller has made as many requests as a minute allows."""


# What became of it at the service.


class UpstreamUnavailable(
    GatewayError,
    status=503,
    text="The service is temporarily unavailable. Please try again.",
):
    """The service cannot be reached, or the connection to it broke before it answered."""


class UpstreamTimedOut(GatewayError, status=504, text="The service did not answer in time."):
    """The service took the request and did not answer in time."""


class UpstreamNotHTTP(GatewayError, status=502, text="The service gave an unusable answer."):
    """What the service answered is not an HTTP answer that can be passed on."""
