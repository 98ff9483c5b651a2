"""C-03: any legal Link header is read, and an illegal one is never taken for the end of a list."""

import pytest

from lambdas.canvas_sync.canvas.links import next_link

NEXT = "https://canvas.example.edu/api/v1/courses?page=bookmark:WzEsMl0&per_page=100"


@pytest.mark.parametrize(
    "header",
    [
        f'<{NEXT}>; rel="next"',
        f"<{NEXT}>; rel=next",
        f"<{NEXT}>;rel=next",
        f'<{NEXT}> ; REL = "Next"',
        f'<{NEXT}>; rel="next last"',
        f'<{NEXT}>; title="a, b; c"; rel="next"',
        f'<{NEXT}>; title="said \\"rel=prev\\""; rel="next"',
        f'<{NEXT}>; rel="next"; rel="prev"',
        f'<https://x/?a=1,2;3>; rel="current",<{NEXT}>; rel="next",<https://x/>; rel="first"',
        f'<https://x/>; rel="current" ,, <{NEXT}>; rel="next" ,',
        f', <{NEXT}>; rel="next"',
        f"<https://x/>, <{NEXT}>; rel=\"next\"; title*=UTF-8''n%c3%a4chste",
        f'<https://x/>; anchor="#other"; rel="next", <{NEXT}>; rel="next"',
        f'<{NEXT}>; rel="next";',
        f'<{NEXT}>; crossorigin; rel="next"',
    ],
)
def test_the_next_page_is_found_in_every_legal_spelling(header: str) -> None:
    """C-03"""
    assert next_link(header) == NEXT


@pytest.mark.parametrize(
    "header",
    [
        "",
        "  ",
        '<https://x/>; rel="current",<https://x/>; rel="first"',
        '<https://x/>; rel="prev"; title="next"',
        '<https://x/>; rel="nextish"',
        '<https://x/>; anchor="#other"; rel="next"',
    ],
)
def test_a_header_without_a_next_link_ends_the_list(header: str) -> None:
    assert next_link(header) is None


@pytest.mark.parametrize(
    "header",
    [
        f'{NEXT}; rel="next"',
        f'<{NEXT}; rel="next"',
        f'<{NEXT}> rel="next"',
        f'<https://x/>; rel="first" <{NEXT}>; rel="next"',
        f'<{NEXT}>; title="unfinished; rel=next',
    ],
)
def test_an_illegal_header_is_an_error_and_not_the_end(header: str) -> None:
    """C-05: what cannot be read must not pass for a complete listing."""
    with pytest.raises(ValueError, match="not a link header"):
        next_link(header)
