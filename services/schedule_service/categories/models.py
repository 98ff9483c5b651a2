"""The table `categories`."""

from sqlalchemy import BigInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from services.schedule_service.database import Base, Stamped


class Category(Stamped, Base):
    """One category; personal when it has no group."""

    __tablename__ = "categories"

    category_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    cognito_sub: Mapped[str | None] = mapped_column(String(255))
    group_id: Mapped[int | None] = mapped_column(BigInteger)
    name: Mapped[str] = mapped_column(String(100))
    color: Mapped[str] = mapped_column(String(7))
    icon: Mapped[str | None] = mapped_column(String(50))
    is_default: Mapped[bool] = mapped_column(default=False)
    source_type: Mapped[str | None] = mapped_column(String(50))
    source_id: Mapped[str | None] = mapped_column(String(255))
    name_scope: Mapped[int] = mapped_column(BigInteger, default=0)
