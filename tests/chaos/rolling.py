"""Workers that come and go while messages arrive, and what must be true afterwards."""

import asyncio
import contextlib
import random
import time
from dataclasses import dataclass, field

from shared.events.routes import ASSIGNMENT_EVENTS, LLM_ANALYSIS
from tests.chaos.proxy import Step
from tests.chaos.surroundings import COURSE, SCHEDULE, Surroundings, Worker, sync_message

STEPS: tuple[tuple[str, str], ...] = (
    ("ReceiveMessage", "answered"),
    ("SELECT", "answered"),
    ("INSERT", "asked"),
    ("COMMIT", "asked"),
    ("COMMIT", "answered"),
    ("DeleteMessageBatch", "asked"),
    ("DeleteMessageBatch", "answered"),
)
RELAY_STEPS: tuple[tuple[str, str], ...] = (
    ("SendMessageBatch", "asked"),
    ("SendMessageBatch", "answered"),
    ("DELETE", "asked"),
)

START_SECONDS = 90.0
"""A worker starts within two seconds, on a crowded machine within half a minute."""

PATIENCE_SECONDS = 1.0
"""A worker that does not come to its step so soon after its first message, as when the queue is empty, is ended
wherever it is."""


@dataclass
class Ending:
    """How one worker's life ended."""

    step: str
    code: int
    seconds: float
    late_receives: int


@dataclass
class Rolling:
    """Ends workers one after another at every step, in three places at once, and starts their successors."""

    place: Surroundings
    endings_wanted: int
    messages: int
    students: int
    is_graceful: bool
    seed: int = 1
    endings: list[Ending] = field(default_factory=list)
    _sent: int = 0
    _begun: int = 0

    async def run(self) -> None:
        """Come to the wanted number of endings; every message is sent by then."""
        await self._feed(self.messages // 20)
        async with asyncio.TaskGroup() as group:
            for number, module in enumerate((COURSE, COURSE, SCHEDULE)):
                group.create_task(self._keep_ending(module, random.Random(self.seed * 10 + number)))
        await self._feed(self.messages - self._sent)

    async def _feed(self, count: int) -> None:
        numbers = range(self._sent, min(self._sent + count, self.messages))
        self._sent = numbers.stop
        await self.place.send(
            ASSIGNMENT_EVENTS, [sync_message(number, self.students) for number in numbers]
        )

    async def _keep_ending(self, module: str, chance: random.Random) -> None:
        while self._begun < self.endings_wanted:
            self._begun += 1
            self.endings.append(await self._one_life(module, chance))
            await self._feed(self.messages // self.endings_wanted)

    async def _one_life(self, module: str, chance: random.Random) -> Ending:
        worker = Worker(self.place, module)
        wanted = chance.choice(STEPS + (RELAY_STEPS if module == COURSE else ()))
        countdown = chance.randint(1, 6)
        has_work = asyncio.Event()
        at_step = asyncio.Event()

        def on_step(step: Step) -> bool:
            nonlocal countdown
            if step.name == "ReceiveMessage" and b'"Messages"' in step.data:
                has_work.set()
            if not has_work.is_set() or (step.name, step.phase) != wanted:
                return True
            if step.name == "ReceiveMessage" and b'"Messages"' not in step.data:
                return True
            countdown -= 1
            if countdown != 0:
                return True
            at_step.set()
            if self.is_graceful:
                return True
            worker.kill()
            # Of an answer the worker sees nothing, of a question the server does: both halves of a crash.
            return False

        worker.on_step = on_step
        await worker.start()
        name = "anywhere"
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(START_SECONDS):
                await has_work.wait()
            async with asyncio.timeout(PATIENCE_SECONDS):
                await at_step.wait()
            name = " ".join(wanted)
        told_at = time.monotonic()
        if not self.is_graceful:
            worker.kill()
        code, seconds = await worker.stop()
        late = sum(at > told_at + 1 for at in worker.receives_at)
        await worker.gone()
        return Ending(name, code, seconds, late)


async def finish(place: Surroundings) -> int:
    """Let everything arrive, replay what is dead, and return how many messages were."""
    await place.started(COURSE)
    await place.started(SCHEDULE)
    await place.until_quiet()
    dead = await place.dead_letters()
    if dead:
        await place.replay()
        await place.until_quiet()
    return dead


@dataclass(frozen=True)
class Outcome:
    """What of the messages is in the tables and queues."""

    lost: int
    doubled: int
    unplanned: int
    planned_twice: int
    analyses_lost: int
    left_dead: int


async def outcome(place: Surroundings, messages: int) -> Outcome:
    """Compare the tables with what was sent."""
    stored = place.count(COURSE, "SELECT COUNT(DISTINCT canvas_assignment_id) FROM assignments")
    rows = place.count(COURSE, "SELECT COUNT(*) FROM assignments")
    shown = place.count(COURSE, "SELECT COUNT(*) FROM assignment_visibility")
    planned = place.count(SCHEDULE, "SELECT COUNT(DISTINCT cognito_sub, source_id) FROM schedules")
    schedules = place.count(SCHEDULE, "SELECT COUNT(*) FROM schedules")
    analysed = {event["canvasAssignmentId"] for event in await place.take_everything(LLM_ANALYSIS)}
    return Outcome(
        lost=messages - stored,
        doubled=(rows - stored) + max(0, shown - stored),
        unplanned=messages - planned,
        planned_twice=schedules - planned,
        analyses_lost=messages - len(analysed),
        left_dead=await place.dead_letters(),
    )


NOTHING_LOST_OR_DOUBLED = Outcome(0, 0, 0, 0, 0, 0)
