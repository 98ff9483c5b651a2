"""Compares what a student handed in with what the assignment's text asks for, by names, types and times alone."""

from dataclasses import dataclass
from datetime import datetime

from lambdas.llm_analysis.file_requirements import extension_of, find_file_requirements
from lambdas.llm_analysis.plain_text import read_lines
from shared.events.submissions import SubmissionDetected
from shared.events.times import read_event_time


@dataclass(frozen=True)
class Verdict:
    """What the check found; `None` where the event does not say enough.

    Extensions without dot. A file counts as missing when the text names one of that type and none was handed in; a
    type as unasked when the text lists types and this is none of them.
    """

    is_late: bool | None
    is_complete: bool | None
    missing_extensions: tuple[str, ...] = ()
    unasked_extensions: tuple[str, ...] = ()


def check_submission(event: SubmissionDetected) -> Verdict:
    """Return whether a submission is in time and has the files that the text asks for."""
    submission = event.submission_metadata
    submitted_at = _time(submission.submitted_at)
    due_at = _time(event.due_at)
    is_late = None if submitted_at is None or due_at is None else submitted_at > due_at
    required = find_file_requirements(read_lines(event.description or ""))
    is_upload = submission.submission_type in {None, "online_upload"}
    if not required.extensions or not is_upload:
        return Verdict(is_late, None)
    names = {file.filename.casefold() for file in submission.attachments}
    extensions = {extension_of(file.filename) for file in submission.attachments}
    missing = {
        file.extension
        for file in required.files
        if file.name.casefold() not in names and file.extension not in extensions
    }
    has_any = bool(extensions & required.extensions)
    return Verdict(
        is_late,
        not missing and has_any,
        tuple(sorted(missing)),
        tuple(sorted(extensions - required.extensions)),
    )


def _time(text: str | None) -> datetime | None:
    """Read a time; one that cannot be read says nothing about lateness."""
    try:
        return read_event_time(text)
    except ValueError:
        return None
