"""Writes the published schemas anew: `python -m shared.events`."""

import json

from shared.events.catalogue import SHAPES, UNTYPED
from shared.events.json_schemas import SCHEMAS, message_schema


def main() -> None:
    """Write what is generated from the shapes, and remove what is generated no more."""
    SCHEMAS.mkdir(exist_ok=True)
    names = [*SHAPES, *UNTYPED]
    for path in SCHEMAS.glob("*.json"):
        if path.stem not in names:
            path.unlink()
    for name in names:
        text = json.dumps(message_schema(name), indent=2, ensure_ascii=False)
        (SCHEMAS / f"{name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
