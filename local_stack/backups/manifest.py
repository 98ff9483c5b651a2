"""What a backup holds: its tables with their rows and checksums, written last and atomically."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from local_stack.errors import StackError

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class TableBackup:
    """One table: its definition, and what its rows amount to."""

    schema: str
    name: str
    definition: str
    columns: list[str]
    rows: int
    checksum: str

    @property
    def file_name(self) -> str:
        """Name of the file with the rows."""
        return f"{self.schema}.{self.name}.sql.gz"


@dataclass(frozen=True)
class Manifest:
    """A whole backup: `taken_at` is the moment of its snapshot, UTC."""

    taken_at: str
    tables: list[TableBackup]

    def write(self, folder: Path) -> None:
        """Write it into the folder of the backup: whoever finds it finds everything else, too."""
        unfinished = folder / f"{MANIFEST}.part"
        unfinished.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")
        unfinished.replace(folder / MANIFEST)

    @classmethod
    def read(cls, folder: Path) -> "Manifest":
        """Read the manifest of a backup.

        Raises:
            StackError: The folder holds none: it is no backup, or one that was interrupted.
        """
        try:
            found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        except FileNotFoundError as problem:
            raise StackError(f"{folder} holds no finished backup: name another folder") from problem
        return cls(found["taken_at"], [TableBackup(**table) for table in found["tables"]])


class Checksum:
    """Sums up rows in the order of the primary key: equal for equal tables, whatever server holds them."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self.rows = 0

    def add(self, row: tuple[Any, ...]) -> None:
        """Add the next row."""
        # repr tells apart what str does not: None from 'None', 1 from '1', bytes from text.
        self._hash.update(repr(row).encode("utf-8", "surrogatepass"))
        self._hash.update(b"\n")
        self.rows += 1

    def value(self) -> str:
        """Return the checksum of all rows added so far."""
        return self._hash.hexdigest()
