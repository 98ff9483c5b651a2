"""D-05: text arrives at the client and at the planner as Canvas wrote it."""

import asyncio
import itertools
import unicodedata

import httpx
import orjson
import pytest

from services.course_service.tests.canvas import JIWOO, Worker, assignment, complete, synced
from services.course_service.tests.conftest import Rows
from shared.events.routes import ASSIGNMENT_EVENTS
from shared.messaging.consumer import Consumer
from shared.messaging.publisher import Publisher

AS_JIWOO = {"X-Cognito-Sub": JIWOO}

PIECES = [
    "운영체제 과제",
    unicodedata.normalize("NFD", "운영체제"),
    "뷁" * 255,
    "🎓",
    "👩‍👩‍👧‍👦",
    "👍🏽",
    "🇰🇷",
    "❤️",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢",
    "𠀋𡈽",
    "\U0010ffff",
    "مرحبا بالعالم",
    "שלום עולם",
    "\u202eRLO\u202c",
    "\u2067isolate\u2069",
    "e\u0301 e é",
    "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́Ǫ̵̹̻̝̳͂̌̌͘!͖̬̰̙̗̿̋ͥͥ̂ͣ̐́́͜͞",
    "zero\u200bwidth\u200c\u200d\u2060\ufeff",
    "\ufeffBOM",
    "ŁÓDŹ straße ﬁ ﷽ İı",
    "ÅÅÅ Ω Ω",
    "  leading and trailing  ",
    "\t tab \n line \r\n feed",
    "\u00a0\u3000\u2028\u2029",
    "nul\x00inside",
    "\x01\x07\x1b[31m\x7f",
    "'; DROP TABLE courses; --",
    '" \\ \\n \\u0041 %s %(x)s {0} ${x}',
    "<b>bold</b> & <script>alert(1)</script>",
    "&amp; &lt; &#0;",
    "NULL",
    "0",
    "-1e309",
    "true",
    "[]",
    "../../etc/passwd",
    "ʕ•ᴥ•ʔ ┬─┬ノ( º _ ºノ)",
    "💩" * 255,
    "가" + "\u0301" * 200,
    "\ud7ff\ue000\ufffd\ufffe",
]
PLAIN = [piece for piece in PIECES if len(piece) < 100]
TEXTS = (
    PIECES
    + [
        joined
        for first, second in itertools.product(PLAIN, PLAIN)
        if len(joined := f"{first}{second}") <= 255
    ][:475]
)


async def consume(worker: Worker, *events: object) -> None:
    """Send messages over the queue and apply them as the worker process does."""
    await consume_bodies(worker, *(orjson.dumps(event) for event in events))


async def consume_bodies(worker: Worker, *bodies: bytes) -> None:
    await Publisher(worker.sqs).send(ASSIGNMENT_EVENTS.name, bodies)
    consumer = Consumer(
        worker.sqs, ASSIGNMENT_EVENTS.name, worker.apply, visibility_seconds=30, long_poll_seconds=0
    )
    stopping = asyncio.Event()
    running = asyncio.create_task(consumer.run(stopping))
    while worker.sqs.bodies(ASSIGNMENT_EVENTS.name):
        await asyncio.sleep(0.01)
    stopping.set()
    await running
    assert worker.sqs.bodies(ASSIGNMENT_EVENTS.dead_letter_name) == []


async def test_five_hundred_awkward_titles_are_the_same_in_queue_table_api_and_snapshot(
    worker: Worker, client: httpx.AsyncClient
) -> None:
    assert len(TEXTS) >= 500
    entries = [assignment(n, title=text, description=None) for n, text in enumerate(TEXTS, 1)]

    await consume(worker, synced(JIWOO, complete(1, *entries)))
    await worker.relay()

    listed = (await client.get("/v1/courses/1/assignments", headers=AS_JIWOO)).json()
    assert [entry["title"] for entry in listed] == TEXTS
    snapshot = worker.snapshots()[JIWOO]
    assert [snapshot[n]["title"] for n in range(1, len(TEXTS) + 1)] == TEXTS


async def test_awkward_names_and_codes_of_courses_are_the_same(
    worker: Worker, client: httpx.AsyncClient
) -> None:
    await consume(
        worker,
        synced(
            JIWOO,
            *(
                complete(n, assignment(n), courseName=text, courseCode=text)
                for n, text in enumerate(PIECES, 1)
            ),
        ),
    )
    await worker.relay()

    enrollments = (await client.get("/v1/enrollments", headers=AS_JIWOO)).json()
    assert [entry["course"]["name"] for entry in enrollments] == PIECES
    assert [entry["course"]["courseCode"] for entry in enrollments] == PIECES
    names = [entry["courseName"] for entry in worker.snapshots()[JIWOO].values()]
    assert names == PIECES


@pytest.mark.parametrize(
    "description",
    [
        "뷁" * 21_000,
        "👩‍👩‍👧‍👦" * 2_000,
        "مرحبا e\u0301\u200b" * 1_000,
        "'; -- \" \\ \\' \\u0041 %s %% %(x)s 0x41 \n" * 1_000,
        "",
    ],
    ids=["korean", "emoji", "mixed", "quotes", "empty"],
)
async def test_long_descriptions_are_the_same(
    worker: Worker, client: httpx.AsyncClient, description: str
) -> None:
    await consume(worker, synced(JIWOO, complete(1, assignment(10, description=description))))

    answer = await client.get("/v1/assignments/canvas/10", headers=AS_JIWOO)

    assert answer.json()["description"] == description


@pytest.mark.parametrize(
    ("before", "after"), [("🎓", "🎉"), ("é", "e\u0301"), ("Lab", "LAB"), ("Lab", "Lab ")]
)
async def test_a_change_that_the_collation_does_not_see_is_stored(
    worker: Worker, rows: Rows, before: str, after: str
) -> None:
    """To `utf8mb4_unicode_ci` these are equal."""
    for text in (before, after):
        await consume(
            worker, synced(JIWOO, complete(1, assignment(10, title=text), courseName=text))
        )

    assert rows("SELECT title FROM assignments") == [(after,)]
    assert rows("SELECT name FROM courses") == [(after,)]


async def test_half_a_character_costs_neither_its_entry_nor_the_others(
    worker: Worker, rows: Rows
) -> None:
    """V-2: JSON can spell a lone surrogate, which no column can keep."""
    message = synced(JIWOO, complete(1, assignment(10, title="cut HERE"), assignment(11)))
    body = orjson.dumps(message).replace(b"HERE", rb"\ud83d")

    await consume_bodies(worker, body)

    assert rows("SELECT title FROM assignments ORDER BY id") == [("cut ?",), ("Assignment 11",)]
