"""The HTTP door of categories (rest.md E33, E34)."""

from typing import Annotated

from fastapi import Query, Response

from services.schedule_service.categories import service
from services.schedule_service.categories.errors import CategoryNotFound
from services.schedule_service.categories.schemas import CategoryRead, CategorySource
from services.schedule_service.dependencies import DatabaseDep
from services.schedule_service.groups.dependencies import GroupsDep
from services.schedule_service.groups.errors import AccessDenied
from services.schedule_service.parameters import GROUP_ID, INCLUDE_GROUPS, EmptyAsNull
from shared.identity.headers import Caller
from shared.web.app import json_answer
from shared.web.documentation import ErrorCodeAnswer, documented_errors
from shared.web.json_body import strict_router
from shared.web.schemas import BoolParameter, LongParameter, PathId

router = strict_router("/v1/categories", "Categories")


@router.get(
    "",
    summary="List categories",
    response_model=list[CategoryRead],
    responses=documented_errors(ErrorCodeAnswer, AccessDenied),
)
async def list_categories(
    caller: Caller,
    database: DatabaseDep,
    groups: GroupsDep,
    group_id: Annotated[LongParameter, GROUP_ID] = None,
    include_groups: Annotated[BoolParameter, INCLUDE_GROUPS] = None,
    source_type: Annotated[CategorySource | None, EmptyAsNull, Query(alias="sourceType")] = None,
) -> Response:
    """List the caller's personal categories, one group's, or those of the caller and all their groups."""
    return json_answer(
        await service.list_categories(
            database,
            groups,
            caller=caller,
            group_id=group_id,
            include_groups=bool(include_groups),
            source_type=source_type,
        )
    )


@router.get(
    "/{category_id}",
    summary="Read a category",
    response_model=CategoryRead,
    responses=documented_errors(ErrorCodeAnswer, AccessDenied, CategoryNotFound),
)
async def read_category(
    caller: Caller, database: DatabaseDep, groups: GroupsDep, category_id: PathId
) -> Response:
    """Read one category that is the caller's own or of one of their groups."""
    return json_answer(
        await service.read_category(database, groups, caller=caller, category_id=category_id)
    )
