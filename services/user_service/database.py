"""What the models of user_db have in common: their base and the column types of data.md."""

from datetime import datetime
from typing import Annotated

from sqlalchemy import BigInteger, String
from sqlalchemy.dialects.mysql import DATETIME
from sqlalchemy.orm import DeclarativeBase, mapped_column

PrimaryKey = Annotated[int, mapped_column(BigInteger, primary_key=True)]
CognitoSub = Annotated[str, mapped_column(String(255))]
Stamp = Annotated[datetime, mapped_column(DATETIME(fsp=6))]
"""UTC wall-clock time without zone, to the microsecond."""


class Base(DeclarativeBase):
    """Base of every model in user_db."""
