"""Writes assignment descriptions: HTML as teachers paste it into Canvas, cut to a wanted size."""

import random
from collections.abc import Iterator

INTRODUCTIONS = (
    "이번 과제에서는 <strong>{topic}</strong>의 핵심 개념을 직접 다루어 보고 결과를 분석합니다. "
    "Read the lecture notes of this week before you start.",
    "In this assignment you work on <strong>{topic}</strong>. 수업에서 다룬 예제를 출발점으로 삼되, "
    "모든 설명은 자신의 말로 작성해야 합니다.",
    "본 과제의 목표는 <em>{topic}</em>을(를) 실제 문제에 적용해 보는 것입니다. "
    "Please start early: the last part takes longer than it looks.",
    "Work individually. <strong>{topic}</strong>에 대한 이해를 단계별로 확인하며, "
    "각 단계의 결과를 보고서에 포함합니다.",
)
GOALS = (
    "{topic}의 정의와 필요성을 설명할 수 있다.",
    "Compare two approaches and justify the choice with measurements.",
    "주어진 조건에서 생기는 문제의 원인을 찾을 수 있다.",
    "Present the result in a short, readable report.",
    "결과를 표와 그래프로 정리하고 해석할 수 있다.",
    "Relate {topic} to what we discussed in class.",
)
STEPS = (
    "제공된 자료를 내려받아 먼저 훑어봅니다.",
    "Describe the problem in your own words (at most half a page).",
    "조건을 바꾸어 가며 세 번 이상 확인하고 결과를 기록합니다.",
    "Explain every assumption that you make, and mark it as such.",
    "{topic}: 반례를 두 가지 이상 찾아 검토합니다.",
    "Draw a diagram of your design; hand-drawn is fine if it is legible.",
    "결과가 이론적 예측과 다르면 그 이유를 논의합니다.",
    "Support each claim with at least two references or measurements.",
    "참고한 문헌과 도움을 받은 사람을 모두 밝힙니다.",
    "Summarise what you would do differently next time.",
    "용어는 처음 나올 때 정의하고 끝까지 같은 뜻으로 사용합니다.",
    "Compare your result with that of the textbook, chapter {chapter}.",
)
RULES = (
    "지각 제출은 하루에 10%씩 감점되며, 3일이 지나면 받지 않습니다.",
    "Plagiarism is reported to the department; discussing ideas is welcome, copying text is not.",
    "생성형 AI를 사용한 경우 사용한 부분과 프롬프트를 부록에 첨부하세요.",
    "Questions go to the discussion board so that everyone can read the answer.",
    "파일 이름에는 학번을 포함하고 공백을 넣지 마세요.",
    "If the system is down at the deadline, e-mail the teaching assistant before midnight.",
)
QUESTIONS = (
    (
        "팀으로 제출해도 되나요?",
        "No. 개인 과제이며, 팀 제출은 기말 프로젝트에서만 허용됩니다.",
    ),
    (
        "Which language may I use for the report?",
        "Korean or English. 한 보고서 안에서는 한 언어로 통일해 주세요.",
    ),
    (
        "분량 제한이 있나요?",
        "표지와 참고문헌을 제외하고 다섯 쪽 이내입니다. Longer reports are not read to the end.",
    ),
    (
        "Can I resubmit before the deadline?",
        "Yes. 마감 전 마지막 제출본만 채점합니다.",
    ),
)
CLOSING_REMARKS = (
    "질문은 Canvas 토론 게시판에 남겨 주세요.",
    "Good luck, and start early.",
    "수업 시간에 다루지 않은 내용은 채점하지 않습니다.",
    "Grades appear within ten days after the deadline.",
    "예시 답안은 마감 후에 공개됩니다.",
    "Office hours are on Tuesday afternoon, room 805.",
    "중간 점검은 필수가 아니지만 권장합니다.",
    "Keep a copy of everything that you hand in.",
)
PARTS = (
    "Part A. 준비와 문제 정의 (Preparation)",
    "Part B. {topic}",
    "Part C. 분석과 논의 (Discussion)",
    "Part D. 보고서 작성 (Report)",
)

NATURAL_BYTES = (700, 4200)
"""Sizes of real descriptions: from a few sentences to two printed pages."""

SHORTEST_REMARKS_BYTES = 300
"""All closing remarks together have more."""

_SMALLEST_PARAGRAPH = len("<p>.</p>")


def write_description(
    generator: random.Random,
    *,
    title: str,
    topic: str,
    points: float | None,
    extensions: tuple[str, ...],
    size_bytes: int | None,
) -> str:
    """Write the HTML of one assignment.

    Args:
        generator: Where all choices come from; the same state gives the same text.
        title: The assignment's name, used as the heading.
        topic: What it is about.
        points: Points shared out to the parts; `None` writes none.
        extensions: File extensions of the hand-in list; empty writes no such list.
        size_bytes: Exact size in UTF-8; `None` chooses a natural one.
    """
    natural_bytes = generator.randint(*NATURAL_BYTES)
    pieces: list[str] = []
    left = natural_bytes if size_bytes is None else size_bytes
    for section in _sections(generator, title, topic, points, extensions):
        section_bytes = len(section.encode())
        if section_bytes + _SMALLEST_PARAGRAPH > left:
            break
        pieces.append(section)
        left -= section_bytes
    if size_bytes is None:
        pieces.append(f"<p>{' '.join(_some(generator, CLOSING_REMARKS)[:2])}</p>")
    else:
        pieces.append(_closing_paragraph(generator, left))
    return "".join(pieces)


def _sections(
    generator: random.Random,
    title: str,
    topic: str,
    points: float | None,
    extensions: tuple[str, ...],
) -> Iterator[str]:
    chapter = str(generator.randint(2, 14))

    def filled(text: str) -> str:
        return text.replace("{topic}", topic).replace("{chapter}", chapter)

    def listed(tag: str, sentences: tuple[str, ...], count: int) -> str:
        items = "</li><li>".join(_some(generator, sentences)[:count])
        return f"<{tag}><li>{filled(items)}</li></{tag}>"

    def part(number: int) -> str:
        worth = "" if points is None else f" ({shares[number]:g} points)"
        own_steps = "</li><li>".join(steps[number * step_count : (number + 1) * step_count])
        return f"<h3>{filled(PARTS[number])}{worth}</h3><ol><li>{filled(own_steps)}</li></ol>"

    part_count = generator.randint(2, len(PARTS))
    step_count = min(5, len(STEPS) // part_count)
    steps = _some(generator, STEPS)
    shares = _shares(points or 0.0, part_count)
    yield f"<h2>{title}</h2><p>{filled(generator.choice(INTRODUCTIONS))}</p>"
    yield part(0)
    yield part(1)
    if extensions:
        yield _hand_in_list(extensions)
    yield f"<h3>유의 사항 (Rules)</h3>{listed('ul', RULES, 3)}"
    for number in range(2, part_count):
        yield part(number)
    yield _grading_table(points)
    yield f"<h3>학습 목표 (Learning goals)</h3>{listed('ul', GOALS, 3)}"
    yield _reading_list(generator)
    while True:
        asked, answered = generator.choice(QUESTIONS)
        yield f"<h4>Q. {asked}</h4><blockquote><p>A. {answered}</p></blockquote>"
        yield f"<h3>보충 과제 (Optional): {topic}</h3>{listed('ol', STEPS, 4)}"


def _shares(points: float, part_count: int) -> list[float]:
    """Split points into parts of whole points as far as that goes; the last part has the rest."""
    each = float(points // part_count) or round(points / part_count, 2)
    return [each] * (part_count - 1) + [round(points - each * (part_count - 1), 2)]


def _some(generator: random.Random, sentences: tuple[str, ...]) -> tuple[str, ...]:
    """Start somewhere and go round: much faster than a random sample, and nobody sees the difference."""
    first = generator.randrange(len(sentences))
    return sentences[first:] + sentences[:first]


def _hand_in_list(extensions: tuple[str, ...]) -> str:
    items = "".join(
        f"<li><code>studentid_{'report' if n == 0 else f'file{n}'}.{extension}</code></li>"
        for n, extension in enumerate(extensions)
    )
    return (
        "<h3>제출 파일 (What to hand in)</h3>"
        f"<p>다음 파일을 하나씩 제출하세요. Accepted types: {', '.join(extensions)}; "
        f"at most 20&nbsp;MB each.</p><ul>{items}</ul>"
    )


def _grading_table(points: float | None) -> str:
    whole = 100.0 if points is None else points
    rows = "".join(
        f"<tr><td>{criterion}</td><td>{whole * share:g}</td></tr>"
        for criterion, share in (
            ("정확성 (Correctness)", 0.5),
            ("분석과 논의 (Discussion)", 0.3),
            ("형식과 인용 (Form and citation)", 0.2),
        )
    )
    return (
        '<h3>채점 기준 (Grading)</h3><table border="1"><thead><tr><th>Criterion</th>'
        f"<th>Points</th></tr></thead><tbody>{rows}</tbody></table>"
    )


def _reading_list(generator: random.Random) -> str:
    file_id = generator.randint(100_000, 999_999)
    return (
        "<h3>참고 자료 (Reading)</h3><ul>"
        f'<li><a class="instructure_file_link" title="lecture.pdf" href="/files/{file_id}?wrap=1"'
        f' data-api-returntype="File">강의 노트 {generator.randint(1, 15)}주차</a></li>'
        f'<li><a class="external" href="https://library.example.ac.kr/item/{file_id}" '
        'target="_blank" rel="noopener">Textbook, library copy</a></li></ul>'
    )


def _closing_paragraph(generator: random.Random, size_bytes: int) -> str:
    """Fill exactly what is left, so that a wanted size is met to the byte."""
    if size_bytes < _SMALLEST_PARAGRAPH:
        return "." * size_bytes
    room = size_bytes - len("<p></p>")
    text = " ".join(_some(generator, CLOSING_REMARKS) * (room // SHORTEST_REMARKS_BYTES + 1))
    cut = text.encode()[:room].decode(errors="ignore").rstrip()
    return f"<p>{cut}{'.' * (room - len(cut.encode()))}</p>"
