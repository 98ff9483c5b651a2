"""Reads the JSON of a message's body."""

import json
from typing import Any

import orjson


def read_body(body: str | bytes) -> Any:
    """Return what a body says; half a character, which JSON can spell and UTF-8 cannot, is read as `?`.

    A text of one entry that was cut between two halves costs neither the entry nor its neighbours (V-2).

    Raises:
        ValueError: Not JSON.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as problem:
        try:
            spelled_out = json.dumps(json.loads(body), ensure_ascii=False)
        except (ValueError, RecursionError):
            raise problem from None
    return orjson.loads(spelled_out.encode("utf-8", "replace"))
