"""Decides whether a request's end can be told without doubt, beyond what the parser refuses (G-04).

llhttp in its strict mode refuses both lengths together, repeated or malformed lengths, bare CR and LF, folded
lines, blanks before the colon and malformed chunks. Left to us: the versions, other transfer codings, Host.
"""

from services.api_gateway.errors import FramingRefused, HeadersRefused
from services.api_gateway.headers import Headers

_VERSIONS = frozenset({"1.0", "1.1"})


def checked_length(version: str, headers: Headers) -> int | None:
    """Return how long the body is: None when it comes in chunks.

    Raises:
        FramingRefused: Two readers could disagree about it.
    """
    if version not in _VERSIONS:
        raise FramingRefused
    try:
        coding = headers.single(b"transfer-encoding")
        length = headers.single(b"content-length")
        host = headers.single(b"host")
    except HeadersRefused as problem:
        raise FramingRefused from problem
    if host is None and version == "1.1":
        raise FramingRefused
    if coding is not None:
        if version == "1.0" or length is not None or coding.lower() != b"chunked":
            raise FramingRefused
        return None
    if length is None:
        return 0
    if not length.isdigit() or len(length) > 18:
        raise FramingRefused
    return int(length)
