"""The declarative base of course_db's tables, which Alembic makes, and how many rows are read at once."""

from datetime import datetime
from typing import ClassVar

from sqlalchemy.dialects.mysql import DATETIME
from sqlalchemy.orm import DeclarativeBase

READ_CHUNK = 1_000
"""Keys named in one `IN (...)`: a statement of some 20 KB, and a handful of them for the largest message."""


class Base(DeclarativeBase):
    """Base of every model; times are UTC wall-clock values with microseconds."""

    type_annotation_map: ClassVar = {datetime: DATETIME(fsp=6)}
