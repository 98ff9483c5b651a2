"""The internal doors of llm_analysis."""

from typing import Annotated

from fastapi import Path, Response

from services.schedule_service.analyses import service
from services.schedule_service.analyses.schemas import (
    CONTENT_HASH_PATTERN,
    AnalysisRead,
    AnalysisWrite,
    ClaimWrite,
)
from shared.web.dependencies import DatabaseDep, RequiresAPIKey, part_of_process
from shared.web.json_body import strict_router

router = strict_router("/internal/v1/analyses", "Internal")
router.dependencies.append(RequiresAPIKey)

HashInPath = Annotated[str, Path(pattern=CONTENT_HASH_PATTERN)]
CallsPerDay = Annotated[int, part_of_process("analysis_calls_per_day")]


@router.post("/claims", include_in_schema=False)
async def claim(database: DatabaseDep, calls_per_day: CallsPerDay, body: ClaimWrite) -> Response:
    """Hold a text for a worker and charge one call: 201, or 200 when the worker held it already."""
    is_new = await database.transaction(
        lambda session: service.claim_analysis(
            session,
            content_hash=body.content_hash,
            worker_id=body.worker_id,
            calls_per_day=calls_per_day,
        )
    )
    return Response(status_code=201 if is_new else 200)


@router.get("/{content_hash}", include_in_schema=False)
async def read(database: DatabaseDep, content_hash: HashInPath) -> AnalysisRead:
    """Return the steps of a text."""
    tasks = await database.transaction(
        lambda session: service.find_analysis(session, content_hash=content_hash)
    )
    return AnalysisRead(tasks=tasks)


@router.put("/{content_hash}", include_in_schema=False, status_code=204)
async def keep(database: DatabaseDep, content_hash: HashInPath, body: AnalysisWrite) -> Response:
    """Store the steps of a text and end the claim on it."""
    tasks = [task.model_dump(by_alias=True) for task in body.tasks]
    await database.transaction(
        lambda session: service.keep_analysis(session, content_hash=content_hash, tasks=tasks)
    )
    return Response(status_code=204)
