"""The rules by which one student's listing changes assignments and what that student sees of them.

A listing speaks for its student. It changes the shared row only where an entry differs from the same
student's previous listing, so that students with different sections or due dates do not undo each other.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, delete, exists, select
from sqlalchemy.dialects.mysql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.course_service.assignments.descriptions import sanitise_description
from services.course_service.assignments.models import Assignment, AssignmentVisibility
from services.course_service.assignments.schemas import (
    CourseListing,
    ListedAssignment,
    ListingEffect,
)
from services.course_service.courses.service import lock_courses
from services.course_service.database import READ_CHUNK
from shared.database import utc_now

_SAME_ASSIGNMENT = and_(
    AssignmentVisibility.assignment_id == Assignment.id,
    AssignmentVisibility.canvas_assignment_id == Assignment.canvas_assignment_id,
)


@dataclass(frozen=True)
class _Content:
    """What the shared row says."""

    course_id: int
    title: str
    description: str | None
    due_at: datetime | None
    points_possible: int | None
    submission_types: str | None


@dataclass(frozen=True)
class _Stored:
    """A shared row and its id."""

    assignment_id: int
    content: _Content


@dataclass(frozen=True)
class _Difference:
    """An entry that differs from the student's previous listing, ready to be stored."""

    canvas_assignment_id: int
    listing_hash: str
    content: _Content


async def apply_listings(
    session: AsyncSession, cognito_sub: str, listings: Sequence[CourseListing]
) -> ListingEffect:
    """Apply what a student's listings showed; an entry like in the previous listing changes nothing.

    The caller holds the student's lock.

    Returns:
        What changed for anyone.
    """
    effect = ListingEffect()
    latest = {
        assignment.canvas_assignment_id: (listing.course_id, assignment)
        for listing in listings
        for assignment in listing.assignments
    }
    hashes = await _listing_hashes(session, cognito_sub, sorted(latest))
    differences = _differences(latest, hashes)
    if differences:
        ids = await _store_shared(session, differences, effect)
        await _store_visibility(session, cognito_sub, differences, ids)
    await _remove_absent(session, cognito_sub, listings, latest.keys(), effect)
    return effect


async def _listing_hashes(
    session: AsyncSession, cognito_sub: str, canvas_ids: Sequence[int]
) -> dict[int, str]:
    """Return how this student's listing last showed those assignments that still exist."""
    hashes: dict[int, str] = {}
    for start in range(0, len(canvas_ids), READ_CHUNK):
        rows = await session.execute(
            select(AssignmentVisibility.canvas_assignment_id, AssignmentVisibility.listing_hash)
            .join(Assignment, _SAME_ASSIGNMENT)
            .where(
                AssignmentVisibility.cognito_sub == cognito_sub,
                Assignment.canvas_assignment_id.in_(canvas_ids[start : start + READ_CHUNK]),
            )
        )
        hashes |= {row.canvas_assignment_id: row.listing_hash for row in rows}
    return hashes


def _differences(
    latest: Mapping[int, tuple[int, ListedAssignment]], hashes: Mapping[int, str]
) -> list[_Difference]:
    differences = []
    for canvas_id in sorted(latest):
        course_id, assignment = latest[canvas_id]
        listing_hash = assignment.fingerprint(course_id)
        if hashes.get(canvas_id) == listing_hash:
            continue
        content = _Content(
            course_id=course_id,
            title=assignment.title,
            description=sanitise_description(assignment.description),
            due_at=assignment.due_at,
            points_possible=assignment.points_possible,
            submission_types=assignment.submission_types,
        )
        differences.append(_Difference(canvas_id, listing_hash, content))
    return differences


async def _store_shared(
    session: AsyncSession, differences: Sequence[_Difference], effect: ListingEffect
) -> dict[int, int]:
    """Create and change shared rows where they differ; returns row ids by Canvas id."""
    # Two students' messages may bring the same change, or one may remove what the other one shows.
    await lock_courses(session, {d.content.course_id for d in differences})
    stored = await _stored(session, [d.canvas_assignment_id for d in differences])
    missing = [d for d in differences if d.canvas_assignment_id not in stored]
    if missing:
        await _write(session, [(None, d) for d in missing])
        created = await _stored(session, [d.canvas_assignment_id for d in missing])
        effect.created_ids = sorted(row.assignment_id for row in created.values())
        effect.course_ids |= {d.content.course_id for d in missing}
        stored |= created
    changed = [d for d in differences if stored[d.canvas_assignment_id].content != d.content]
    if changed:
        await _write(session, [(stored[d.canvas_assignment_id].assignment_id, d) for d in changed])
        for d in changed:
            _note_change(effect, stored[d.canvas_assignment_id], d.content)
    return {canvas_id: row.assignment_id for canvas_id, row in stored.items()}


def _note_change(effect: ListingEffect, stored: _Stored, after: _Content) -> None:
    before = stored.content
    effect.course_ids |= {before.course_id, after.course_id}
    if _analysed(before) != _analysed(after):
        effect.updated_ids.append(stored.assignment_id)
    if _seen_alike(before) != _seen_alike(after):
        effect.reworded_ids.append(stored.assignment_id)


def _analysed(content: _Content) -> tuple[object, ...]:
    return (content.title, content.description, content.due_at)


def _seen_alike(content: _Content) -> tuple[object, ...]:
    return (content.course_id, content.title, content.description, content.points_possible)


async def _stored(session: AsyncSession, canvas_ids: Sequence[int]) -> dict[int, _Stored]:
    stored: dict[int, _Stored] = {}
    for start in range(0, len(canvas_ids), READ_CHUNK):
        rows = await session.execute(
            select(
                Assignment.canvas_assignment_id,
                Assignment.id,
                Assignment.course_id,
                Assignment.title,
                Assignment.description,
                Assignment.due_at,
                Assignment.points_possible,
                Assignment.submission_types,
            ).where(Assignment.canvas_assignment_id.in_(canvas_ids[start : start + READ_CHUNK]))
        )
        stored |= {row[0]: _Stored(row[1], _Content(*row[2:])) for row in rows}
    return stored


async def _write(session: AsyncSession, rows: Sequence[tuple[int | None, _Difference]]) -> None:
    now = utc_now()
    statement = insert(Assignment)
    changing = (
        "course_id",
        "title",
        "description",
        "due_at",
        "points_possible",
        "submission_types",
        "updated_at",
    )
    await session.execute(
        statement.on_duplicate_key_update({name: statement.inserted[name] for name in changing}),
        [
            {
                **({} if assignment_id is None else {"id": assignment_id}),
                "canvas_assignment_id": difference.canvas_assignment_id,
                **vars(difference.content),
                "created_at": now,
                "updated_at": now,
            }
            for assignment_id, difference in rows
        ],
    )


async def _store_visibility(
    session: AsyncSession,
    cognito_sub: str,
    differences: Sequence[_Difference],
    ids: Mapping[int, int],
) -> None:
    statement = insert(AssignmentVisibility)
    changing = ("canvas_assignment_id", "due_at", "listing_hash")
    await session.execute(
        statement.on_duplicate_key_update({name: statement.inserted[name] for name in changing}),
        [
            {
                "cognito_sub": cognito_sub,
                "assignment_id": ids[difference.canvas_assignment_id],
                "canvas_assignment_id": difference.canvas_assignment_id,
                "due_at": difference.content.due_at,
                "listing_hash": difference.listing_hash,
            }
            for difference in sorted(differences, key=lambda d: ids[d.canvas_assignment_id])
        ],
    )


async def _remove_absent(
    session: AsyncSession,
    cognito_sub: str,
    listings: Sequence[CourseListing],
    shown: Collection[int],
    effect: ListingEffect,
) -> None:
    """Forget what a complete listing no longer shows; the shared row goes with its last viewer."""
    complete = {
        listing.course_id: listing.complete_ids
        for listing in listings
        if listing.complete_ids is not None
    }
    if not complete:
        return
    rows = await session.execute(
        select(Assignment.id, Assignment.canvas_assignment_id, Assignment.course_id)
        .join(AssignmentVisibility, _SAME_ASSIGNMENT)
        .where(
            AssignmentVisibility.cognito_sub == cognito_sub,
            Assignment.course_id.in_(complete),
        )
    )
    gone = {
        row.id: row.course_id
        for row in rows
        if row.canvas_assignment_id not in complete[row.course_id]
        and row.canvas_assignment_id not in shown
    }
    removed = await _hide(session, cognito_sub, gone)
    effect.course_ids |= set(removed.values())


async def forget_listings(session: AsyncSession, cognito_sub: str) -> dict[int, int]:
    """Forget everything a student's listings showed; the shared rows go with their last viewer.

    The caller holds the student's lock.

    Returns:
        The course ids of the shared rows that went, by the rows' ids.
    """
    rows = await session.execute(
        select(Assignment.id, Assignment.course_id)
        .join(AssignmentVisibility, _SAME_ASSIGNMENT)
        .where(AssignmentVisibility.cognito_sub == cognito_sub)
    )
    removed = await _hide(session, cognito_sub, {row.id: row.course_id for row in rows})
    # Rows that outlived an emptied `assignments` table are of no assignment.
    await session.execute(
        delete(AssignmentVisibility).where(AssignmentVisibility.cognito_sub == cognito_sub)
    )
    return removed


async def _hide(session: AsyncSession, cognito_sub: str, gone: Mapping[int, int]) -> dict[int, int]:
    """Take assignments, given with their courses, out of a student's view; return those without viewer."""
    if not gone:
        return {}
    # Of two students losing the same assignment at once, the second must see that it is the last.
    await lock_courses(session, set(gone.values()))
    await session.execute(
        delete(AssignmentVisibility).where(
            AssignmentVisibility.cognito_sub == cognito_sub,
            AssignmentVisibility.assignment_id.in_(sorted(gone)),
        )
    )
    seen_by_anyone = exists().where(_SAME_ASSIGNMENT)
    orphans = list(
        await session.scalars(
            select(Assignment.id).where(Assignment.id.in_(sorted(gone)), ~seen_by_anyone)
        )
    )
    if orphans:
        await session.execute(delete(Assignment).where(Assignment.id.in_(orphans)))
    return {assignment_id: gone[assignment_id] for assignment_id in orphans}
