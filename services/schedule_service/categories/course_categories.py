"""How the category of a Canvas course is found, and made when it is first needed (rest.md 4.1).

Whether a name is taken is left to the unique key: it ignores case, accents and trailing spaces and takes
all emoji for one, which no comparison here would get right.
"""

from collections.abc import Collection, Iterator, Mapping
from itertools import count

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.schedule_service.categories.errors import NoFreeName
from services.schedule_service.categories.models import Category
from services.schedule_service.categories.schemas import CategorySource
from shared.database import utc_now

ICON = "📚"
PALETTE = (
    "#FF6B6B",
    "#4ECDC4",
    "#45B7D1",
    "#FFA07A",
    "#98D8C8",
    "#F7DC6F",
    "#BB8FCE",
    "#85C1E2",
)
MAX_NAME_LENGTH = 100
MAX_TRIES = 50
"""Each try has another name; a student would have to hold all of them as own categories."""


async def find_course_categories(
    session: AsyncSession, *, cognito_sub: str, course_ids: Collection[int]
) -> dict[int, int]:
    """Return the id of a student's category by course id, for the courses that have one."""
    if not course_ids:
        return {}
    rows = await session.execute(
        select(Category.source_id, Category.category_id).where(
            Category.cognito_sub == cognito_sub,
            Category.source_type == CategorySource.CANVAS_COURSE.value,
            Category.source_id.in_([str(course_id) for course_id in course_ids]),
        )
    )
    return {int(source_id): category_id for source_id, category_id in rows if source_id}


async def find_or_make_course_categories(
    session: AsyncSession, *, cognito_sub: str, course_names: Mapping[int, str]
) -> dict[int, int]:
    """Return the id of a student's category by course id; make those that are missing.

    Args:
        session: The caller's transaction, which holds the student's lock.
        cognito_sub: The student.
        course_names: Course name by course id.

    Raises:
        NoFreeName: See there.
    """
    found = await find_course_categories(
        session, cognito_sub=cognito_sub, course_ids=course_names.keys()
    )
    names = {course_id: _names(course_id, name) for course_id, name in course_names.items()}
    for _ in range(MAX_TRIES):
        missing = sorted(course_names.keys() - found.keys())
        if not missing:
            return found
        now = utc_now()
        await session.execute(
            insert(Category).prefix_with("IGNORE"),
            [
                {
                    "cognito_sub": cognito_sub,
                    "name": next(names[course_id]),
                    "color": PALETTE[course_id % len(PALETTE)],
                    "icon": ICON,
                    "is_default": True,
                    "source_type": CategorySource.CANVAS_COURSE.value,
                    "source_id": str(course_id),
                    "created_at": now,
                    "updated_at": now,
                }
                for course_id in missing
            ],
        )
        found |= await find_course_categories(session, cognito_sub=cognito_sub, course_ids=missing)
    raise NoFreeName


def _names(course_id: int, name: str) -> Iterator[str]:
    """Yield names to try: the course's own, then ones that the course id tells apart."""
    yield name[:MAX_NAME_LENGTH]
    for attempt in count(1):
        suffix = f" ({course_id})" if attempt == 1 else f" ({course_id}-{attempt})"
        yield name[: MAX_NAME_LENGTH - len(suffix)] + suffix
