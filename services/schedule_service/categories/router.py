"""The HTTP door of categories (rest.md E33 to E37)."""

from typing import Annotated

from fastapi import Query, Request, Response

from services.schedule_service.categories import service
from services.schedule_service.categories.errors import CategoryNotFound, DuplicateCategory
from services.schedule_service.categories.schemas import (
    CategoryRead,
    CategorySource,
    CategoryWrite,
)
from services.schedule_service.groups.dependencies import GroupsDep
from services.schedule_service.groups.errors import AccessDenied
from services.schedule_service.parameters import GROUP_ID, INCLUDE_GROUPS, EmptyAsNull
from shared.identity.headers import Caller
from shared.web.app import json_answer
from shared.web.dependencies import DatabaseDep
from shared.web.documentation import PAGED, ErrorCodeAnswer, documented_errors
from shared.web.json_body import strict_router
from shared.web.pages import PageParameters, list_answer
from shared.web.schemas import BoolParameter, LongParameter, PathId

router = strict_router("/v1/categories", "Categories")


@router.get(
    "",
    summary="List categories",
    response_model=list[CategoryRead],
    responses=documented_errors(ErrorCodeAnswer, AccessDenied) | PAGED,
)
async def list_categories(
    request: Request,
    caller: Caller,
    database: DatabaseDep,
    groups: GroupsDep,
    page: PageParameters,
    group_id: Annotated[LongParameter, GROUP_ID] = None,
    include_groups: Annotated[BoolParameter, INCLUDE_GROUPS] = None,
    source_type: Annotated[CategorySource | None, EmptyAsNull, Query(alias="sourceType")] = None,
) -> Response:
    """List the caller's personal categories, one group's, or those of the caller and all their groups."""
    listed = await service.list_categories(
        database,
        groups,
        caller=caller,
        group_id=group_id,
        include_groups=bool(include_groups),
        source_type=source_type,
        page=page,
    )
    return list_answer(request, page, listed, lambda category: [category["categoryId"]])


@router.post(
    "",
    summary="Make a category",
    status_code=201,
    response_model=CategoryRead,
    responses=documented_errors(ErrorCodeAnswer, AccessDenied, DuplicateCategory, has_body=True),
)
async def create_category(
    caller: Caller, database: DatabaseDep, groups: GroupsDep, body: CategoryWrite
) -> Response:
    """Make a personal category, or one of a group in which the caller is OWNER or ADMIN."""
    return json_answer(
        await service.create_category(database, groups, caller=caller, given=body), 201
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


@router.put(
    "/{category_id}",
    summary="Replace a category",
    response_model=CategoryRead,
    responses=documented_errors(
        ErrorCodeAnswer, AccessDenied, CategoryNotFound, DuplicateCategory, has_body=True
    ),
)
async def update_category(
    caller: Caller,
    database: DatabaseDep,
    groups: GroupsDep,
    category_id: PathId,
    body: CategoryWrite,
) -> Response:
    """Replace name, color, icon and group; only the creator takes a category out of its group."""
    return json_answer(
        await service.update_category(
            database, groups, caller=caller, category_id=category_id, given=body
        )
    )


@router.delete(
    "/{category_id}",
    summary="Delete a category",
    status_code=204,
    responses=documented_errors(ErrorCodeAnswer, AccessDenied, CategoryNotFound),
)
async def delete_category(
    caller: Caller, database: DatabaseDep, groups: GroupsDep, category_id: PathId
) -> None:
    """Delete a category; what it sorted moves to `Uncategorized` of the same owner or group."""
    await service.delete_category(database, groups, caller=caller, category_id=category_id)
