"""What the models of user_db have in common: their base and the column types of data.md."""

from datetime import datetime
from typing import Annotated, Any

from sqlalchemy import BigInteger, Row, String
from sqlalchemy.dialects.mysql import DATETIME
from sqlalchemy.orm import DeclarativeBase, mapped_column

PrimaryKey = Annotated[int, mapped_column(BigInteger, primary_key=True)]
CognitoSub = Annotated[str, mapped_column(String(255))]
Stamp = Annotated[datetime, mapped_column(DATETIME(fsp=6))]
"""UTC wall-clock time without zone, to the microsecond."""


AnyRow = Row[*tuple[Any, ...]]
"""A row of a query with columns of its own."""


class Base(DeclarativeBase):
    """Base of every model in user_db."""
