"""What switching a course off does to the planner."""

import pytest

from shared.messaging.consumer import MalformedMessage


async def test_the_sample_removes_the_schedules_of_its_course_and_only_those(
    handle, planner, events
):
    await handle(
        events.snapshot(
            events.entry(1), events.entry(2), events.entry(3, courseId=4, courseName="Networks")
        )
    )
    await handle(events.snapshot(events.entry(1), cognitoSub=planner.other_sub))
    await handle(events.sample("COURSE_DISABLED"))
    assert list(planner.deadlines()) == [events.source_id(3)]
    assert len(planner.deadlines(planner.other_sub)) == 1
    assert [row["name"] for row in planner.categories()] == ["Operating Systems", "Networks"]


async def test_what_the_student_made_in_that_category_stays(handle, planner, events):
    """V-9"""
    await handle(events.snapshot(events.entry(1)))
    [canvas] = planner.schedules()
    category = canvas["category_id"]
    own = [
        planner.schedule(category),
        planner.schedule(category, source="CANVAS", source_id="imported"),
        planner.schedule(category, source="USER", source_id=events.source_id(9)),
    ]
    todo = planner.todo(category, schedule_id=canvas["schedule_id"])
    await handle(events.disabled())
    assert [row["schedule_id"] for row in planner.schedules()] == own
    assert planner.rows("SELECT todo_id, schedule_id FROM todos") == [
        {"todo_id": todo, "schedule_id": None}
    ]


async def test_a_course_that_was_never_seen_changes_nothing(handle, planner, events):
    await handle(events.snapshot(events.entry(1)))
    before = planner.contents()
    await handle(events.disabled(courseId=99))
    await handle(events.disabled(cognitoSub="nobody"))
    after = planner.contents()
    assert {name: after[name] for name in ("categories", "schedules")} == {
        name: before[name] for name in ("categories", "schedules")
    }


async def test_schedules_come_back_into_the_same_category(handle, planner, events):
    await handle(events.snapshot(events.entry(1)))
    categories = planner.categories()
    await handle(events.disabled())
    await handle(events.snapshot(events.entry(1)))
    assert planner.categories() == categories
    assert planner.schedules()[0]["category_id"] == categories[0]["category_id"]


@pytest.mark.parametrize("broken", [{"courseId": None}, {"courseId": "x"}, {"cognitoSub": None}])
async def test_a_message_without_course_or_student_is_malformed(handle, events, broken):
    with pytest.raises(MalformedMessage):
        await handle(events.disabled(**broken))
