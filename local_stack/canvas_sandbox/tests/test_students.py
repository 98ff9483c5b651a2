"""What a student sees: own dates, own submissions, nothing that is hidden from the student."""

import pytest


async def override(campus, **fields) -> None:
    answer = await campus.control.put(
        f"/assignments/{campus.assignment.id}/override", json={"token": campus.token, **fields}
    )
    assert answer.status_code == 200, answer.text


async def submit(campus, **fields) -> None:
    answer = await campus.control.put(
        f"/assignments/{campus.assignment.id}/submission", json={"token": campus.token, **fields}
    )
    assert answer.status_code == 200, answer.text


async def other_students_client(campus):
    token = (await campus.control.post("/users")).json()["token"]
    return campus.client_with({"Authorization": f"Bearer {token}"})


async def test_tokens_cannot_be_guessed_from_one_another(campus):
    tokens = {(await campus.control.post("/users")).json()["token"] for _ in range(20)}
    assert len({token[:12] for token in tokens}) == 20


async def test_an_own_due_date_holds_for_that_student_only(campus):
    path = f"/courses/{campus.course.id}/assignments/{campus.assignment.id}"
    await override(campus, due_at="2027-01-02T12:00:00+09:00")
    assert (await campus.canvas.get(path)).json()["due_at"] == "2027-01-02T03:00:00Z"
    others = await other_students_client(campus)
    assert (await others.get(path)).json()["due_at"] == campus.assignment.due_at


async def test_everybodys_date_is_shown_when_overrides_are_not_wanted(campus):
    await override(campus, due_at="2027-01-02T03:00:00Z")
    listed = await campus.listed(override_assignment_dates="false")
    assert listed[0]["due_at"] == campus.assignment.due_at


async def test_a_hidden_assignment_is_absent_for_that_student_only(campus):
    await override(campus, visible=False)
    assert campus.assignment.id not in {entry["id"] for entry in await campus.listed()}
    path = f"/courses/{campus.course.id}/assignments/{campus.assignment.id}"
    assert (await campus.canvas.get(path)).status_code == 404
    assert (await (await other_students_client(campus)).get(path)).status_code == 200


async def test_a_visible_assignment_without_own_date_is_like_everybodys_again(campus):
    before = await campus.listed()
    await override(campus, due_at="2027-01-02T03:00:00Z", visible=False)
    await override(campus, due_at=None, visible=True)
    assert await campus.listed() == before


async def test_a_change_by_the_teacher_reaches_everybody(campus):
    before = (await campus.listed())[0]
    answer = await campus.control.patch(
        f"/assignments/{campus.assignment.id}",
        json={"name": "과제 1 (연장)", "due_at": "2027-01-05T14:59:59Z"},
    )
    assert answer.status_code == 200
    after = (await campus.listed())[0]
    assert (after["name"], after["due_at"]) == ("과제 1 (연장)", "2027-01-05T14:59:59Z")
    assert after["description"] == before["description"]
    assert after["updated_at"] > before["updated_at"]


async def test_a_new_assignment_is_listed_last_and_a_deleted_one_no_more(campus):
    answer = await campus.control.post(
        f"/courses/{campus.course.id}/assignments",
        json={"name": "새 과제", "due_at": "2026-12-24T14:59:59Z", "description": "<p>New</p>"},
    )
    assert answer.status_code == 201
    new_id = answer.json()["id"]
    listed = await campus.listed()
    assert (listed[-1]["id"], listed[-1]["description"]) == (new_id, "<p>New</p>")
    assert (await campus.control.delete(f"/assignments/{new_id}")).status_code == 204
    assert new_id not in {entry["id"] for entry in await campus.listed()}


async def test_every_assignment_has_a_submission_row_before_anything_is_handed_in(campus):
    listed = await campus.listed(**{"include[]": "submission"})
    assert {entry["submission"]["workflow_state"] for entry in listed} == {"unsubmitted"}
    assert all(entry["submission"]["submitted_at"] is None for entry in listed)


async def test_the_listing_has_no_submission_unless_included(campus):
    assert not any("submission" in entry for entry in await campus.listed())


async def test_a_submission_is_seen_by_its_student_only(campus):
    await submit(campus, submitted_at="2026-11-20T01:02:03Z", submission_type="online_upload")
    path = f"/courses/{campus.course.id}/assignments/{campus.assignment.id}/submissions/self"
    own = (await campus.canvas.get(path)).json()
    assert (own["workflow_state"], own["attempt"]) == ("submitted", 1)
    assert own["submitted_at"] == "2026-11-20T01:02:03Z"
    assert {"filename", "size", "content-type", "url"} <= set(own["attachments"][0])
    others = await other_students_client(campus)
    assert (await others.get(path)).json()["workflow_state"] == "unsubmitted"


async def test_a_second_submission_is_a_second_attempt(campus):
    await submit(campus, submitted_at="2026-11-20T01:02:03Z")
    await submit(campus, submitted_at="2026-11-21T01:02:03Z")
    listed = await campus.listed(**{"include[]": "submission"})
    assert listed[0]["submission"]["attempt"] == 2


async def test_a_submission_can_be_taken_back(campus):
    await submit(campus, submitted_at="2026-11-20T01:02:03Z")
    await submit(campus, submitted_at=None)
    listed = await campus.listed(**{"include[]": "submission"})
    assert listed[0]["submission"]["workflow_state"] == "unsubmitted"


async def test_late_is_judged_by_the_students_own_due_date(campus):
    await submit(campus, submitted_at="2026-12-31T00:00:00Z")
    path = f"/courses/{campus.course.id}/assignments/{campus.assignment.id}/submissions/self"
    assert (await campus.canvas.get(path)).json()["late"] is True
    await override(campus, due_at="2027-01-02T03:00:00Z")
    assert (await campus.canvas.get(path)).json()["late"] is False


@pytest.mark.parametrize(
    ("parameters", "count"),
    [
        ({}, 25),
        ({"student_ids[]": "self"}, 25),
        ({"workflow_state": "submitted"}, 1),
        ({"submitted_since": "2026-11-20T00:00:00Z"}, 1),
        ({"submitted_since": "2026-11-21T00:00:00Z"}, 0),
    ],
)
async def test_the_submissions_of_a_course_are_the_students_own(campus, parameters, count: int):
    await submit(campus, submitted_at="2026-11-20T01:02:03Z")
    answer = await campus.canvas.get(
        f"/courses/{campus.course.id}/students/submissions",
        params={"per_page": "100", **parameters},
    )
    assert len(answer.json()) == count


async def test_submissions_can_be_grouped_by_student(campus):
    path = f"/courses/{campus.course.id}/students/submissions"
    grouped = (await campus.canvas.get(path, params={"grouped": "true"})).json()
    assert len(grouped) == 1
    assert len(grouped[0]["submissions"]) == 25


@pytest.mark.parametrize(("asked_for", "status"), [(["1"], 401), (range(101), 400)])
async def test_submissions_of_others_are_refused(campus, asked_for, status: int):
    answer = await campus.canvas.get(
        f"/courses/{campus.course.id}/students/submissions",
        params={"student_ids[]": [str(number) for number in asked_for]},
    )
    assert answer.status_code == status


@pytest.mark.parametrize("bucket", ["past", "undated", "upcoming", "overdue", "unsubmitted"])
async def test_a_bucket_narrows_the_listing(campus, bucket: str):
    listed = await campus.listed(bucket=bucket)
    assert 0 < len(listed) <= 25
    if bucket == "undated":
        assert {entry["due_at"] for entry in listed} == {None}


@pytest.mark.parametrize("parameters", [{"order_by": "colour"}, {"bucket": "favourite"}])
async def test_an_unknown_order_or_bucket_is_400(campus, parameters: dict[str, str]):
    answer = await campus.canvas.get(f"/courses/{campus.course.id}/assignments", params=parameters)
    assert answer.status_code == 400


async def test_ids_are_strings_for_who_asks_for_them(campus):
    answer = await campus.canvas.get(
        f"/courses/{campus.course.id}/assignments",
        headers={"Accept": "application/json+canvas-string-ids"},
    )
    entry = answer.json()[0]
    assert (entry["id"], entry["course_id"]) == (str(campus.assignment.id), str(campus.course.id))
    assert isinstance(entry["position"], int)
