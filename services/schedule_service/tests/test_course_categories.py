"""Which category the schedules of a course get."""

import pytest

OWN = {"source_type": "USER_CREATED", "source_id": None}


def course_categories(planner, sub=None):
    rows = planner.categories(sub or planner.sub)
    return {row["source_id"]: row for row in rows if row["source_type"] == "CANVAS_COURSE"}


async def test_a_category_is_found_again_by_its_course(handle, planner, events):
    await handle(events.snapshot(events.entry(1)))
    [before] = planner.categories()
    await handle(events.snapshot())
    await handle(events.snapshot(events.entry(2, courseName="Renamed course")))
    assert planner.categories() == [before]
    assert planner.schedules()[0]["category_id"] == before["category_id"]


@pytest.mark.parametrize(
    ("course_id", "color"),
    [(8, "#FF6B6B"), (1, "#4ECDC4"), (2, "#45B7D1"), (7, "#85C1E2"), (2**62 + 5, "#F7DC6F")],
)
async def test_the_color_follows_the_course_id(handle, planner, events, course_id, color):
    await handle(events.snapshot(events.entry(1, courseId=course_id)))
    [category] = planner.categories()
    assert (category["color"], category["source_id"]) == (color, str(course_id))


@pytest.mark.parametrize(
    "own_name",
    ["Operating Systems", "OPERATING systems", "Operating Systems  ", "Öperating Systems"],
)
async def test_an_own_category_of_the_course_name_stays_and_the_course_gets_a_suffix(
    handle, planner, events, own_name
):
    """V-12: what counts as the same name is what the key says."""
    own = planner.category(name=own_name, **OWN)
    await handle(events.snapshot(events.entry(1)))
    await handle(events.snapshot(events.entry(1), events.entry(2)))
    assert planner.categories()[0]["category_id"] == own
    assert course_categories(planner)["3"]["name"] == "Operating Systems (3)"
    assert {row["category_id"] for row in planner.schedules()} == {
        course_categories(planner)["3"]["category_id"]
    }


async def test_a_taken_suffix_is_passed_over(handle, planner, events):
    """V-12"""
    planner.category(name="Operating Systems", **OWN)
    planner.category(name="operating systems (3)", **OWN)
    planner.category(name="Operating Systems (3-2)", **OWN)
    await handle(events.snapshot(events.entry(1)))
    assert course_categories(planner)["3"]["name"] == "Operating Systems (3-3)"


async def test_courses_of_one_name_get_a_category_each(handle, planner, events):
    """V-12"""
    await handle(
        events.snapshot(
            events.entry(1, courseId=12, courseName="Seminar"),
            events.entry(2, courseId=11, courseName="SEMINAR"),
            events.entry(3, courseId=10, courseName="Other"),
        )
    )
    names = {source_id: row["name"] for source_id, row in course_categories(planner).items()}
    assert names == {"11": "SEMINAR", "12": "Seminar (12)", "10": "Other"}


async def test_courses_named_by_different_emoji_get_a_category_each(handle, planner, events):
    """V-12: the collation takes all emoji for one."""
    await handle(
        events.snapshot(
            events.entry(1, courseId=1, courseName="🧪"),
            events.entry(2, courseId=2, courseName="🎨"),
        )
    )
    names = {source_id: row["name"] for source_id, row in course_categories(planner).items()}
    assert names == {"1": "🧪", "2": "🎨 (2)"}


async def test_a_name_of_three_hundred_characters_is_cut_to_a_hundred(handle, planner, events):
    """V-12, D-2"""
    long = "가📚" * 150
    await handle(
        events.snapshot(
            events.entry(1, courseId=1, courseName=long),
            events.entry(2, courseId=2, courseName=long),
        )
    )
    names = {source_id: row["name"] for source_id, row in course_categories(planner).items()}
    assert names == {"1": long[:100], "2": long[:96] + " (2)"}


async def test_another_student_may_use_the_same_name(handle, planner, events):
    await handle(events.snapshot(events.entry(1)))
    await handle(events.snapshot(events.entry(1), cognitoSub=planner.other_sub))
    assert course_categories(planner, planner.other_sub)["3"]["name"] == "Operating Systems"


async def test_the_name_of_a_group_category_of_the_student_counts_too(handle, planner, events):
    """D-1: the key covers group categories of the same creator."""
    planner.category(name="Operating Systems", group_id=5, **OWN)
    await handle(events.snapshot(events.entry(1)))
    assert course_categories(planner)["3"]["name"] == "Operating Systems (3)"
