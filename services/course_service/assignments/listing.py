"""The rules by which one student's listing changes assignments and what that student sees of them.

A listing speaks for its student. It changes the shared row only where an entry differs from the same
student's previous listing, so that students with different sections or due dates do not undo each other.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import BindParameter, bindparam, delete, exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.course_service.assignments.descriptions import sanitise_description
from services.course_service.assignments.models import (
    SAME_ASSIGNMENT,
    Assignment,
    AssignmentVisibility,
)
from services.course_service.assignments.schemas import (
    CourseListing,
    ListedAssignment,
    ListingEffect,
)
from services.course_service.assignments.upserts import ASSIGNMENTS, VISIBILITY
from services.course_service.courses.service import lock_courses
from services.course_service.database import READ_CHUNK
from shared.database import utc_now
from shared.queries import Query

# The reads of each message are built once: to build one takes as long as to run it.
_CANVAS_IDS: BindParameter[Any] = bindparam("canvas_ids", expanding=True)

_LAST_SHOWN = Query(
    select(
        Assignment.canvas_assignment_id,
        Assignment.id,
        AssignmentVisibility.listing_hash,
        AssignmentVisibility.submission_hash,
    )
    .join(AssignmentVisibility, SAME_ASSIGNMENT)
    .where(
        AssignmentVisibility.cognito_sub == bindparam("cognito_sub"),
        Assignment.canvas_assignment_id.in_(_CANVAS_IDS),
    )
)

_STORED = Query(
    select(
        Assignment.canvas_assignment_id,
        Assignment.id,
        Assignment.course_id,
        Assignment.title,
        Assignment.description,
        Assignment.due_at,
        Assignment.points_possible,
        Assignment.submission_types,
    ).where(Assignment.canvas_assignment_id.in_(_CANVAS_IDS))
)

_IDS = Query(
    select(Assignment.canvas_assignment_id, Assignment.id).where(
        Assignment.canvas_assignment_id.in_(_CANVAS_IDS)
    )
)

_SHOWN_IN_COURSES = Query(
    select(Assignment.id, Assignment.canvas_assignment_id, Assignment.course_id)
    .join(AssignmentVisibility, SAME_ASSIGNMENT)
    .where(
        AssignmentVisibility.cognito_sub == bindparam("cognito_sub"),
        Assignment.course_id.in_(bindparam("course_ids", expanding=True)),
    )
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
class _Shown:
    """How the student's listing last showed an assignment that still exists."""

    assignment_id: int
    listing_hash: str
    submission_hash: str | None


@dataclass(frozen=True)
class _Entry:
    """What a student's listing shows of one assignment now."""

    course_id: int
    assignment: ListedAssignment
    listing_hash: str

    def differs_from(self, last: _Shown | None) -> bool:
        """Tell whether the entry, submission aside, is another one than before."""
        return last is None or last.listing_hash != self.listing_hash

    def brings_submission(self, last: _Shown | None) -> bool:
        """Tell whether the entry says of the submission what was not known."""
        submission = self.assignment.submission
        known = None if last is None else last.submission_hash
        return submission is not None and submission.submission_hash != known


async def apply_listings(
    session: AsyncSession, cognito_sub: str, listings: Sequence[CourseListing]
) -> ListingEffect:
    """Apply what a student's listings showed; an entry like in the previous listing changes nothing.

    The caller holds the student's lock.

    Returns:
        What changed for anyone.
    """
    effect = ListingEffect()
    entries = {
        assignment.canvas_assignment_id: _Entry(
            listing.course_id, assignment, assignment.fingerprint(listing.course_id)
        )
        for listing in listings
        for assignment in listing.assignments
    }
    shown = await _last_shown(session, cognito_sub, sorted(entries))
    different = {
        key: entry
        for key, entry in sorted(entries.items())
        if entry.differs_from(shown.get(key)) or entry.brings_submission(shown.get(key))
    }
    contents = {
        key: _content(entry)
        for key, entry in different.items()
        if entry.differs_from(shown.get(key))
    }
    ids = {key: last.assignment_id for key, last in shown.items()}
    if contents:
        ids |= await _store_shared(session, contents, effect)
    if different:
        _note_submissions(effect, different, shown, ids)
        await _store_visibility(session, cognito_sub, different, ids)
    await _remove_absent(session, cognito_sub, listings, entries.keys(), effect)
    return effect


async def _last_shown(
    session: AsyncSession, cognito_sub: str, canvas_ids: Sequence[int]
) -> dict[int, _Shown]:
    shown: dict[int, _Shown] = {}
    for part in _chunks(canvas_ids):
        values = {"cognito_sub": cognito_sub, "canvas_ids": part}
        for row in await _LAST_SHOWN.fetch(session, values):
            shown[row["canvas_assignment_id"]] = _Shown(
                row["id"], row["listing_hash"], row["submission_hash"]
            )
    return shown


def _content(entry: _Entry) -> _Content:
    assignment = entry.assignment
    return _Content(
        course_id=entry.course_id,
        title=assignment.title,
        description=sanitise_description(assignment.description),
        due_at=assignment.due_at,
        points_possible=assignment.points_possible,
        submission_types=assignment.submission_types,
    )


async def _store_shared(
    session: AsyncSession, contents: Mapping[int, _Content], effect: ListingEffect
) -> dict[int, int]:
    """Create and change shared rows where they differ; returns row ids by Canvas id."""
    # Two students' messages may bring the same change, or one may remove what the other one shows.
    await lock_courses(session, {content.course_id for content in contents.values()})
    stored = await _stored(session, list(contents))
    ids = {key: row.assignment_id for key, row in stored.items()}
    missing = {key: content for key, content in contents.items() if key not in stored}
    if missing:
        await _write(session, [(None, key, content) for key, content in missing.items()])
        created = await _ids(session, list(missing))
        effect.created_ids = sorted(created.values())
        effect.course_ids |= {content.course_id for content in missing.values()}
        ids |= created
    changed = {
        key: content
        for key, content in contents.items()
        if key in stored and stored[key].content != content
    }
    if changed:
        await _write(session, [(ids[key], key, content) for key, content in changed.items()])
        for key, content in changed.items():
            _note_change(effect, stored[key], content)
    return ids


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
    for part in _chunks(canvas_ids):
        for row in await _STORED.fetch(session, {"canvas_ids": part}):
            canvas_id, assignment_id = row.pop("canvas_assignment_id"), row.pop("id")
            stored[canvas_id] = _Stored(assignment_id, _Content(**row))
    return stored


async def _ids(session: AsyncSession, canvas_ids: Sequence[int]) -> dict[int, int]:
    ids: dict[int, int] = {}
    for part in _chunks(canvas_ids):
        rows = await _IDS.fetch(session, {"canvas_ids": part})
        ids |= {row["canvas_assignment_id"]: row["id"] for row in rows}
    return ids


def _chunks(canvas_ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(canvas_ids), READ_CHUNK):
        yield canvas_ids[start : start + READ_CHUNK]


async def _write(session: AsyncSession, rows: Sequence[tuple[int | None, int, _Content]]) -> None:
    now = utc_now()
    await ASSIGNMENTS.write(
        session,
        [
            (
                assignment_id,
                canvas_id,
                content.course_id,
                content.title,
                content.description,
                content.due_at,
                content.points_possible,
                content.submission_types,
                now,
                now,
            )
            for assignment_id, canvas_id, content in rows
        ],
    )


def _note_submissions(
    effect: ListingEffect,
    entries: Mapping[int, _Entry],
    shown: Mapping[int, _Shown],
    ids: Mapping[int, int],
) -> None:
    for key, entry in entries.items():
        last, submission = shown.get(key), entry.assignment.submission
        if submission is None or not entry.brings_submission(last):
            continue
        if submission.is_handed_in:
            effect.handed_in_ids.append(ids[key])
        # That nothing was handed in yet is no news.
        if submission.is_handed_in or (last is not None and last.submission_hash is not None):
            effect.submission_ids.append(ids[key])


async def _store_visibility(
    session: AsyncSession,
    cognito_sub: str,
    entries: Mapping[int, _Entry],
    ids: Mapping[int, int],
) -> None:
    await VISIBILITY.write(
        session,
        [
            (
                cognito_sub,
                ids[key],
                key,
                entry.assignment.due_at,
                entry.listing_hash,
                orjson.dumps(submission.stored).decode() if submission else None,
                submission.submission_hash if submission else None,
            )
            for key, entry in sorted(entries.items(), key=lambda item: ids[item[0]])
            for submission in [entry.assignment.submission]
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
    values = {"cognito_sub": cognito_sub, "course_ids": complete}
    gone = {
        row["id"]: row["course_id"]
        for row in await _SHOWN_IN_COURSES.fetch(session, values)
        if row["canvas_assignment_id"] not in complete[row["course_id"]]
        and row["canvas_assignment_id"] not in shown
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
        .join(AssignmentVisibility, SAME_ASSIGNMENT)
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
    seen_by_anyone = exists().where(SAME_ASSIGNMENT)
    orphans = list(
        await session.scalars(
            select(Assignment.id).where(Assignment.id.in_(sorted(gone)), ~seen_by_anyone)
        )
    )
    if orphans:
        await session.execute(delete(Assignment).where(Assignment.id.in_(orphans)))
    return {assignment_id: gone[assignment_id] for assignment_id in orphans}
