"""What a snapshot of a student's assignments does to the planner."""

from datetime import datetime

import pytest
from sqlalchemy import text

from services.schedule_service.sync.handlers import task_creation_handler
from shared.database import Database
from shared.messaging.consumer import MalformedMessage


async def test_the_sample_becomes_a_category_and_a_schedule(handle, planner, events):
    await handle(events.sample("USER_ASSIGNMENTS_CREATED"))
    [category] = planner.categories()
    [schedule] = planner.schedules()
    assert {
        key: category[key]
        for key in ("name", "color", "icon", "is_default", "source_type", "source_id", "group_id")
    } == {
        "name": "Operating Systems",
        "color": "#FFA07A",
        "icon": "📚",
        "is_default": 1,
        "source_type": "CANVAS_COURSE",
        "source_id": "3",
        "group_id": None,
    }
    assert schedule["category_id"] == category["category_id"]
    assert schedule["source_id"] == events.source_id(90210)
    assert schedule["title"] == "Scheduler lab"
    assert schedule["description"] == "<p>Part A and B</p>"
    assert schedule["start_time"] == schedule["end_time"] == datetime(2025, 11, 28, 14, 59)
    assert (schedule["status"], schedule["source"]) == ("TODO", "CANVAS")
    assert schedule["is_all_day"] == 0
    assert schedule["group_id"] is schedule["location"] is schedule["recurrence_rule"] is None


async def test_a_second_identical_message_changes_no_row(handle, planner, events):
    """additions.md D: `Nothing changed`."""
    message = events.sample("USER_ASSIGNMENTS_CREATED")
    message["assignments"] += [
        events.entry(2, title="x" * 300, description="가" * 30_000, courseId=4),
        events.entry(3, dueAt=None),
        events.entry(4, description=None, dueAt="2025-11-28T23:59:59.999Z"),
    ]
    await handle(message)
    before = planner.contents()
    await handle(message)
    assert planner.contents() == before


async def test_a_moved_due_date_moves_the_same_schedule(handle, planner, events):
    await handle(events.snapshot(events.entry(1)))
    [before] = planner.schedules()
    await handle(events.snapshot(events.entry(1, dueAt="2025-12-01T10:00:00")))
    [after] = planner.schedules()
    moved = datetime(2025, 12, 1, 10)
    assert after["updated_at"] > before["updated_at"]
    assert after == before | {
        "start_time": moved,
        "end_time": moved,
        "updated_at": after["updated_at"],
    }


async def test_what_the_student_set_survives_an_update(handle, planner, events):
    await handle(events.snapshot(events.entry(1)))
    own = planner.category()
    planner.rows(
        "UPDATE schedules SET status = 'DONE', location = 'Library', category_id = %s,"
        " recurrence_rule = 'FREQ=DAILY', is_all_day = 1",
        own,
    )
    await handle(events.snapshot(events.entry(1, title="Renamed", description="new")))
    [schedule] = planner.schedules()
    assert (schedule["title"], schedule["description"]) == ("Renamed", "new")
    assert schedule["is_all_day"] == 0
    assert (schedule["status"], schedule["location"]) == ("DONE", "Library")
    assert (schedule["category_id"], schedule["recurrence_rule"]) == (own, "FREQ=DAILY")


async def test_only_the_changed_schedule_is_written(handle, planner, events):
    await handle(events.snapshot(events.entry(1), events.entry(2)))
    first, second = planner.schedules()
    await handle(events.snapshot(events.entry(1), events.entry(2, title="Other")))
    assert planner.schedules()[0] == first
    assert planner.schedules()[1]["updated_at"] > second["updated_at"]


async def test_an_assignment_without_due_date_has_neither_schedule_nor_category(
    handle, planner, events
):
    await handle(events.snapshot(events.entry(1, dueAt=None), events.entry(2, dueAt="")))
    assert planner.schedules() == []
    assert planner.categories() == []


async def test_a_due_date_that_is_taken_back_removes_the_schedule(handle, planner, events):
    await handle(events.snapshot(events.entry(1), events.entry(2)))
    await handle(events.snapshot(events.entry(1, dueAt=None), complete=False))
    assert list(planner.deadlines()) == [events.source_id(2)]


async def test_an_assignment_that_is_not_listed_disappears(handle, planner, events):
    await handle(events.snapshot(*(events.entry(number) for number in (1, 2, 3))))
    await handle(events.snapshot(events.entry(2)))
    assert list(planner.deadlines()) == [events.source_id(2)]


@pytest.mark.parametrize("assignments", [[], None])
async def test_an_empty_snapshot_removes_every_canvas_schedule(
    handle, planner, events, assignments
):
    await handle(events.snapshot(events.entry(1), events.entry(2)))
    await handle(events.snapshot() | {"assignments": assignments})
    assert planner.deadlines() == {}
    assert len(planner.categories()) == 1


async def test_another_student_is_not_touched(handle, planner, events):
    await handle(events.snapshot(events.entry(1), cognitoSub=planner.other_sub))
    await handle(events.snapshot(events.entry(1, dueAt="2025-12-24T00:00:00")))
    await handle(events.snapshot())
    assert planner.deadlines(planner.other_sub) == {
        events.source_id(1, planner.other_sub): datetime(2025, 11, 28, 14, 59)
    }


async def test_schedules_made_by_hand_are_never_touched(handle, planner, events):
    """V-8: only rows whose source id has exactly the Canvas form belong to the synchronisation."""
    category = planner.category()
    by_hand = [
        {"source": "USER", "source_id": None},
        {"source": "USER", "source_id": events.source_id(7)},
        {"source": "CANVAS", "source_id": None},
        {"source": "CANVAS", "source_id": "my-own-import"},
        {"source": "CANVAS", "source_id": f"canvas-assignment-x-{planner.sub}"},
        {"source": "CANVAS", "source_id": f"canvas-assignment-７-{planner.sub}"},
        {"source": "CANVAS", "source_id": f"canvas-assignment-7-{planner.other_sub}"},
        {"source": "CANVAS", "source_id": f"canvas-assignment-7-{planner.sub}-copy"},
        {"source": "GOOGLE_CALENDAR", "source_id": events.source_id(8)},
    ]
    made = [planner.schedule(category, **row) for row in by_hand]
    stale = planner.schedule(category, source="CANVAS", source_id=events.source_id(6))
    before = {row["schedule_id"]: row for row in planner.schedules()}
    await handle(events.snapshot())
    after = {row["schedule_id"]: row for row in planner.schedules()}
    assert stale not in after
    assert after == {schedule_id: before[schedule_id] for schedule_id in made}


async def test_duplicates_are_repaired_to_the_oldest_row(handle, planner, events):
    """V-8, D-3: rows of the same source id are tolerated and reduced to the lowest id."""
    category = planner.category()
    ids = [
        planner.schedule(category, source="CANVAS", source_id=events.source_id(1)) for _ in range(3)
    ]
    await handle(events.snapshot(events.entry(1), complete=False))
    [schedule] = planner.schedules()
    assert schedule["schedule_id"] == ids[0]
    assert schedule["title"] == "Scheduler lab"


async def test_todos_outlive_their_schedule(handle, planner, events):
    await handle(events.snapshot(events.entry(1)))
    [schedule] = planner.schedules()
    todo = planner.todo(schedule["category_id"], schedule_id=schedule["schedule_id"])
    await handle(events.snapshot())
    [row] = planner.rows("SELECT todo_id, schedule_id FROM todos")
    assert row == {"todo_id": todo, "schedule_id": None}


async def test_an_assignment_listed_twice_makes_one_schedule_of_its_last_entry(
    handle, planner, events
):
    """V-10"""
    await handle(
        events.snapshot(
            events.entry(1, title="first"), events.entry("1", title="last"), events.entry(2)
        )
    )
    assert [row["title"] for row in planner.schedules()] == ["last", "Scheduler lab"]
    await handle(events.snapshot(events.entry(1), events.entry(1, dueAt=None)))
    assert planner.deadlines() == {}


BAD_ENTRIES = [
    {"title": None},
    {"courseId": "three"},
    {"courseId": 0},
    {"courseName": None},
    {"dueAt": "tomorrow"},
    {"dueAt": "2025-11-28"},
    {"dueAt": "2025-02-30T00:00:00"},
    {"dueAt": "0001-01-01T00:00:00+09:00"},
]


@pytest.mark.parametrize("bad", BAD_ENTRIES, ids=str)
async def test_a_bad_entry_fails_neither_its_neighbours_nor_its_own_schedule(
    handle, planner, events, bad
):
    """V-2: bad entries are isolated, and what is known of them stays."""
    await handle(events.snapshot(events.entry(1), events.entry(2)))
    first = planner.schedules()[0]
    await handle(events.snapshot(events.entry(1, **bad), events.entry(3)))
    assert planner.schedules()[0] == first
    assert set(planner.deadlines()) == {events.source_id(1), events.source_id(3)}


@pytest.mark.parametrize(
    "odd",
    [{"description": {}}, {"pointsPossible": "many"}, {"assignmentId": []}, {"canvasCourseId": 0}],
    ids=str,
)
async def test_a_field_that_an_entry_can_do_without_does_not_cost_the_entry(
    handle, planner, events, odd
):
    """V-2"""
    await handle(events.snapshot(events.entry(1, **odd), events.entry(2)))
    assert set(planner.deadlines()) == {events.source_id(1), events.source_id(2)}


@pytest.mark.parametrize("bad", [None, "text", 7, [], {}, {"canvasAssignmentId": "x"}], ids=str)
async def test_an_entry_that_is_not_one_is_skipped(handle, planner, events, bad):
    """V-2"""
    await handle(events.snapshot(bad, events.entry(3)))
    assert set(planner.deadlines()) == {events.source_id(3)}


async def test_a_bad_entry_is_logged_by_its_id_without_its_contents(handle, events, caplog):
    """S-07, V-1"""
    with caplog.at_level("WARNING"):
        await handle(events.snapshot(events.entry(77, title=None, description="secret words")))
    [record] = [record for record in caplog.records if record.message == "entry_skipped"]
    assert record.metadata == {"canvasAssignmentId": 77, "fields": ["title"]}


async def test_long_texts_are_cut_at_a_character(handle, planner, events):
    """D-4, V-2"""
    await handle(events.snapshot(events.entry(1, title="📚" * 300, description="가" * 30_000)))
    [schedule] = planner.schedules()
    assert schedule["title"] == "📚" * 255
    assert schedule["description"] == "가" * 21_845


@pytest.mark.parametrize(
    ("due_at", "stored"),
    [
        ("2025-11-28T14:59:00Z", datetime(2025, 11, 28, 14, 59)),
        ("2025-11-28T14:59:59.987654", datetime(2025, 11, 28, 14, 59, 59)),
        ("2025-11-28T23:59:00+09:00", datetime(2025, 11, 28, 14, 59)),
    ],
)
async def test_due_dates_keep_their_digits_and_offsets_become_utc(
    handle, planner, events, due_at, stored
):
    await handle(events.snapshot(events.entry(1, dueAt=due_at)))
    [schedule] = planner.schedules()
    assert schedule["start_time"] == schedule["end_time"] == stored


async def test_a_part_removes_nothing(handle, planner, events):
    await handle(events.snapshot(events.entry(1), events.entry(2)))
    await handle(events.snapshot(events.entry(3), complete=False))
    assert len(planner.deadlines()) == 3


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0), (2, 1, 0)], ids=str)
@pytest.mark.parametrize("last_is_complete", [{"complete": False}, {}], ids=str)
async def test_parts_add_up_to_the_whole_in_any_order(
    handle, planner, events, order, last_is_complete
):
    """events.md 9: the last part says what survives, whenever it arrives."""
    await handle(events.snapshot(*(events.entry(number) for number in (1, 2, 8, 9))))
    mark = {"snapshotAt": events.at(5)}
    parts = [
        events.snapshot(events.entry(1), events.entry(2), complete=False, **mark),
        events.snapshot(events.entry(3), events.entry(4), complete=False, **mark),
        events.snapshot(
            events.entry(5), keepCanvasAssignmentIds=[1, 2, 3, 4, 5], **last_is_complete, **mark
        ),
    ]
    for position in order:
        await handle(parts[position])
    assert set(planner.deadlines()) == {events.source_id(number) for number in range(1, 6)}


@pytest.mark.parametrize(
    "broken",
    [
        {"cognitoSub": None},
        {"cognitoSub": ""},
        {"cognitoSub": "x" * 256},
        {"assignments": "all"},
        {"snapshotAt": "2025-11-20T03:04:06"},
        {"snapshotAt": "soon"},
        {"keepCanvasAssignmentIds": ["x"]},
        {"eventType": None},
        {"eventType": "TASKS_LOST"},
        {"eventType": ["USER_ASSIGNMENTS_CREATED"]},
        {"eventType": "COURSE_DISABLED"},
    ],
    ids=str,
)
async def test_a_message_that_cannot_be_understood_is_left_for_the_dead_letter_queue(
    handle, planner, events, broken
):
    """V-1: never deleted, never half applied."""
    await handle(events.snapshot(events.entry(1)))
    before = planner.contents()
    with pytest.raises(MalformedMessage):
        await handle(events.snapshot(events.entry(2)) | broken)
    assert planner.contents() == before


async def test_a_thousand_entries_cost_as_many_statements_as_ten(database_url, planner, events):
    """D-07"""
    database = Database(database_url, pool_size=1)
    handle = task_creation_handler(database)

    async def statements() -> int:
        async def ask(session):
            rows = await session.execute(text("SHOW SESSION STATUS LIKE 'Questions'"))
            return int(rows.one()[1])

        return await database.transaction(ask)

    async def cost_of(message) -> int:
        before = await statements()
        await handle(message)
        return await statements() - before

    def entries(count: int, **fields):
        return [
            events.entry(number, courseId=1 + number % 5, **fields) for number in range(1, count)
        ]

    small = await cost_of(events.snapshot(*entries(11)))
    large = await cost_of(events.snapshot(*entries(1011), cognitoSub=planner.other_sub))
    assert large <= small + 2
    assert len(planner.deadlines(planner.other_sub)) == 1010
    moved = events.snapshot(*entries(1011, title="moved"), cognitoSub=planner.other_sub)
    assert await cost_of(moved) <= small + 6
    await database.close()
