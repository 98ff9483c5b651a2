"""What becomes of a group's categories when their creator goes."""

from typing import Any

from services.schedule_service.categories.models import Category
from services.schedule_service.items import Owned


class _Categories(Owned):
    def _handed_over(self, cognito_sub: str, new_sub: str) -> dict[str, Any]:
        # Names stay: they count in the group alone, whatever categories the new creator has elsewhere.
        return {"name_scope": Category.group_id, **super()._handed_over(cognito_sub, new_sub)}


CATEGORIES = _Categories(Category)
