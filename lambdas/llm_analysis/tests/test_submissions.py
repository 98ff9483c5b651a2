"""The check of a submission: by names, types and times alone."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from lambdas.llm_analysis.submissions import Verdict, check_submission
from lambdas.llm_analysis.tests.doubles import Harness
from shared.events.submissions import SubmissionDetected
from shared.logging import JSONFormatter

SAMPLE = json.loads(
    Path("shared/events/samples/SUBMISSION_DETECTED.json").read_text(encoding="utf-8")
)


def _event(description: str | None, *filenames: str, **metadata: Any) -> SubmissionDetected:
    return SubmissionDetected.model_validate(
        {
            **SAMPLE,
            "description": description,
            "submissionMetadata": {
                "submittedAt": "2025-11-27T10:00:00Z",
                "submissionType": "online_upload",
                "attachments": [{"filename": name} for name in filenames],
                **metadata,
            },
        }
    )


@pytest.mark.parametrize(
    ("description", "filenames", "verdict"),
    [
        ("<p>Submit report.pdf and code.zip.</p>", ["2021_report.pdf", "a.ZIP"], (True, [], [])),
        ("<p>Submit report.pdf and code.zip.</p>", ["report.pdf"], (False, ["zip"], [])),
        ("<p>report.pdf와 code.zip을 제출하세요.</p>", ["code.zip"], (False, ["pdf"], [])),
        ("<p>PDF 파일로 제출</p>", ["과제.hwp"], (False, [], ["hwp"])),
        ("<p>Upload your answer as PDF or docx.</p>", ["a.docx"], (True, [], [])),
        ("<p>Submit a .zip; do not worry about size</p>", ["a.tar"], (False, [], ["tar"])),
        ("<p>Submit report.pdf. Do not submit .docx.</p>", ["a.docx"], (False, ["pdf"], ["docx"])),
        (
            "<h3>제출 파일</h3><ul><li>lab.c</li><li>lab.pdf</li></ul>",
            ["x.c"],
            (False, ["pdf"], []),
        ),
        ("<p>Submit an essay.</p>", ["a.pdf"], (None, [], [])),
        ("<p>Read notes.pdf first.</p>", ["a.txt"], (None, [], [])),
        ("<p>Submit report.pdf</p>", [], (False, ["pdf"], [])),
        (None, ["a.pdf"], (None, [], [])),
    ],
)
def test_files_are_compared_with_what_the_text_asks_for(
    description: str | None, filenames: list[str], verdict: tuple[Any, list[str], list[str]]
) -> None:
    found = check_submission(_event(description, *filenames))

    assert (
        found.is_complete,
        list(found.missing_extensions),
        list(found.unasked_extensions),
    ) == verdict


@pytest.mark.parametrize(
    ("submitted_at", "due_at", "is_late"),
    [
        ("2025-11-27T10:00:00Z", "2025-11-28T14:59:00", False),
        ("2025-11-28T14:59:00Z", "2025-11-28T14:59:00", False),
        ("2025-11-28T15:00:00Z", "2025-11-28T14:59:00", True),
        ("2025-11-29T00:30:00+09:00", "2025-11-28T14:59:00", True),
        (None, "2025-11-28T14:59:00", None),
        ("soon", "2025-11-28T14:59:00", None),
        ("2025-11-28T15:00:00Z", None, None),
    ],
)
def test_lateness_is_known_when_both_times_are(
    submitted_at: str | None, due_at: str | None, is_late: bool | None
) -> None:
    event = _event(None, submittedAt=submitted_at).model_copy(update={"due_at": due_at})

    assert check_submission(event).is_late is is_late


def test_a_text_entry_is_not_asked_for_files() -> None:
    event = _event("<p>Submit report.pdf</p>", submissionType="online_text_entry")

    assert check_submission(event) == Verdict(False, None)


async def test_the_reference_shape_is_checked_and_logged_without_names(
    outline: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    """events.md 6.1 and section 7: the result is only logged."""
    event = {
        "eventType": "SUBMISSION_DETECTED",
        "userId": 5,
        "courseId": 3,
        "assignmentId": 12,
        "submissionMetadata": {
            "submittedAt": "2025-11-27T10:00:00Z",
            "submissionType": "online_upload",
            "attachments": [
                {"filename": "김철수.zip", "url": "https://canvas.example.edu/files/1?verifier=x"}
            ],
        },
    }
    with caplog.at_level(logging.INFO):
        assert await outline.invoke(event, {**event, "submissionMetadata": {}}) == []

    lines = [JSONFormatter("llm_analysis").format(entry) for entry in caplog.records]
    checked = [json.loads(line)["metadata"] for line in lines if "submission_checked" in line]
    assert sorted(found["filesCount"] for found in checked) == [0, 1]
    assert [line for line in lines if "김철수" in line or "verifier" in line] == []
    assert outline.published() == []
