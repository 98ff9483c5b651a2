"""The two things we ask Canvas for, as one student."""

from collections.abc import AsyncGenerator, Mapping

import httpx
from pydantic import SecretStr

from lambdas.canvas_sync.canvas.errors import CanvasAnswerUnusable
from lambdas.canvas_sync.canvas.governor import Governor
from lambdas.canvas_sync.canvas.schemas import (
    CanvasAssignment,
    CanvasCourse,
    ObjectT,
    Reading,
    read_entries,
)
from lambdas.canvas_sync.canvas.transport import CanvasTransport

PER_PAGE = "100"
"""Canvas's maximum; a larger value is capped without a word."""

MAX_PAGES = 100
"""10,000 entries of one list. The ids of so many still fit one message beside the course."""


class CanvasClient:
    """Canvas as the owner of one token sees it."""

    def __init__(self, transport: CanvasTransport, token: SecretStr, governor: Governor) -> None:
        self._transport = transport
        self._token = token
        self._governor = governor

    async def list_courses(self) -> list[CanvasCourse]:
        """Return the courses in which the student is active now.

        `course_progress` and `term` are asked for by contract and not read. Courses that are restricted by date come
        without a name and are left out.

        Raises:
            CanvasError: The list could not be read to its end.
        """
        parameters: dict[str, str | list[str]] = {
            "enrollment_type": "student",
            "enrollment_state": "active",
            "include[]": ["term", "course_progress"],
            "per_page": PER_PAGE,
        }
        courses: dict[int, CanvasCourse] = {}
        async for page in self._pages(CanvasCourse, "/courses", parameters):
            for course in page.usable:
                courses.setdefault(course.id, course)
        return list(courses.values())

    def assignment_pages(self, course_id: int) -> AsyncGenerator[Reading[CanvasAssignment], None]:
        """Yield a course's assignments page by page; the list is complete when the iteration ends.

        The next page is asked for when the last one was used; whoever does not go on to the end closes the iteration.

        Due dates are those of the caller, because `override_assignment_dates` is on by default. The caller's own
        submissions come along, unless the token's scopes leave them out.

        Raises:
            CanvasError: The list could not be read to its end.
        """
        path = f"/courses/{course_id}/assignments"
        parameters: dict[str, str | list[str]] = {"include[]": ["submission"], "per_page": PER_PAGE}
        return self._pages(CanvasAssignment, path, parameters)

    async def _pages(
        self,
        object_class: type[ObjectT],
        path: str,
        parameters: Mapping[str, str | list[str]],
    ) -> AsyncGenerator[Reading[ObjectT], None]:
        url: httpx.URL | None = self._transport.address(path, parameters)
        visited: set[httpx.URL] = set()
        while url is not None:
            if url in visited:
                raise CanvasAnswerUnusable("the pages of a list lead back to an earlier one")
            if len(visited) == MAX_PAGES:
                raise CanvasAnswerUnusable(f"a list has more than {MAX_PAGES} pages")
            visited.add(url)
            token = self._token.get_secret_value()
            async with self._transport.page(url, token, self._governor) as page:
                yield read_entries(object_class, page.entries)
                url = page.next_url
