"""Writes anew what is published of the events: `python -m shared.events.publish`, for developers."""

import json
from pathlib import Path
from typing import Any

import yaml

from shared.events.asyncapi import asyncapi_document
from shared.events.catalogue import SHAPES, UNTYPED
from shared.events.json_schemas import SCHEMAS, message_schema

ASYNCAPI = Path(__file__).parents[2] / "docs" / "asyncapi.yaml"


class _Plain(yaml.SafeDumper):
    """Repeats what occurs twice, instead of pointing back at it."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def asyncapi_text() -> str:
    """Return the AsyncAPI document as it stands in the file."""
    return "# Written by `python -m shared.events.publish`.\n" + yaml.dump(
        asyncapi_document(), Dumper=_Plain, sort_keys=False, allow_unicode=True, width=110
    )


def main() -> None:
    """Write the schemas and the AsyncAPI document, and remove schemas of what is published no more."""
    SCHEMAS.mkdir(exist_ok=True)
    names = [*SHAPES, *UNTYPED]
    for path in SCHEMAS.glob("*.json"):
        if path.stem not in names:
            path.unlink()
    for name in names:
        text = json.dumps(message_schema(name), indent=2, ensure_ascii=False)
        (SCHEMAS / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    ASYNCAPI.write_text(asyncapi_text(), encoding="utf-8")


if __name__ == "__main__":
    main()
