"""HTML to lines of text: what is shown, in linear time."""

import time

import pytest

from lambdas.llm_analysis.plain_text import Kind, Line, clean, read_lines


@pytest.mark.parametrize(
    ("markup", "lines"),
    [
        ("", []),
        ("plain", [Line("plain")]),
        ("one\ntwo\r\n\nthree", [Line("one"), Line("two"), Line("three")]),
        ("<p>one\ntwo</p>", [Line("one two")]),
        ("<p>a<br>b</p>", [Line("a"), Line("b")]),
        ("<h2>T</h2>x", [Line("T", Kind.HEADING, 2), Line("x")]),
        ("<ul><li>a</li></ul>", [Line("a", Kind.ITEM, 1)]),
        ("<ol><li><p>a</p><p>b</p></li></ol>", [Line("a", Kind.ITEM, 1, True), Line("b")]),
        (
            "<ol><li>a<ul><li>b</li></ul></li><li>c</li></ol>",
            [
                Line("a", Kind.ITEM, 1, True),
                Line("b", Kind.ITEM, 2),
                Line("c", Kind.ITEM, 1, True),
            ],
        ),
        ("<table><tr><td>a</td><td>b</td></tr></table>", [Line("a b", Kind.ROW)]),
        ("<p><strong>Part A</strong></p>", [Line("Part A", Kind.HEADING, 7)]),
        ("<p><b>Note</b> this</p>", [Line("Note this")]),
        ("<script>steal()</script><style>p{}</style>x", [Line("x")]),
        ("<script>if (a<b) '</p>'</script>x", [Line("x")]),
        ("a<!-- hidden <b>x</b> -->b", [Line("ab")]),
        ("a &lt;b&gt; &amp;&nbsp;c &#44032;", [Line("a <b> & c 가")]),
        ("a < b and <3", [Line("a < b and <3")]),
        ("<p>x &lt;!-- y", [Line("x <!-- y")]),
        ("caf\u0065\u0301", [Line("café")]),
        ("a\u202eb\x00c\u200bd", [Line("abcd")]),
        ("\ud800x", [Line("x")]),
    ],
)
def test_what_is_shown_is_what_is_read(markup: str, lines: list[Line]) -> None:
    assert read_lines(markup) == lines


@pytest.mark.parametrize(
    "markup",
    [
        *("<a" * 50_000, "<a b='" * 15_000, "<!--" * 25_000, "<!" * 50_000, "</" * 50_000),
        *("<script>" * 12_000, "<p><b>" * 15_000, "<![CDATA[" * 11_000, "<" * 100_000),
        *("<a b='>" * 14_000, "\n" * 100_000, "<?" * 50_000, "<a " + "b=" * 1_900 + ">"),
        *("&" * 100_000, "<li>" * 25_000),
    ],
    ids=lambda markup: markup[:9],
)
def test_hostile_markup_takes_no_longer_than_its_size(markup: str) -> None:
    """S-03: the parser of Python 3.11 takes minutes for some of these."""
    started = time.process_time()

    read_lines(markup)

    assert time.process_time() - started < 1.0


def test_cleaning_twice_changes_nothing() -> None:
    text = " a\u00a0\u202e b\t\n"

    assert clean(clean(text)) == clean(text) == "a b"
