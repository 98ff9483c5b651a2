"""The header fields of one message, in their order, with a quick look at single ones."""

from services.api_gateway.errors import HeadersRefused

HeaderList = list[tuple[bytes, bytes]]
"""Names in lower case, values as they came without surrounding blanks."""


class Headers:
    """Header fields as they came; looking one up costs one dictionary access when no name occurs twice."""

    __slots__ = ("_by_name", "_has_repeats", "fields")

    def __init__(self, fields: HeaderList) -> None:
        self.fields = fields
        self._by_name = dict(fields)
        self._has_repeats = len(self._by_name) != len(fields)

    def __contains__(self, name: bytes) -> bool:
        return name in self._by_name

    def first(self, name: bytes) -> bytes | None:
        """Return the first value of a header."""
        return next(iter(self.all(name)), None) if self._has_repeats else self._by_name.get(name)

    def single(self, name: bytes) -> bytes | None:
        """Return the value of a header that may occur once.

        Raises:
            HeadersRefused: It occurs more than once.
        """
        if self._has_repeats and sum(field == name for field, _ in self.fields) > 1:
            raise HeadersRefused
        return self._by_name.get(name)

    def all(self, name: bytes) -> list[bytes]:
        """Return every value of a header."""
        if not self._has_repeats:
            value = self._by_name.get(name)
            return [] if value is None else [value]
        return [value for field, value in self.fields if field == name]
