"""Asks a language model for steps, checks the answer, and asks once more when it breaks a rule (L-01)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, Protocol

import orjson

from lambdas.llm_analysis.assignments import Assignment
from lambdas.llm_analysis.errors import AnalysisRefused, BudgetSpent, PlanInvalid
from lambdas.llm_analysis.plans import accept_plan
from lambdas.llm_analysis.providers.prompt import (
    PROMPT_VERSION,
    SYSTEM,
    repair_text,
    request_text,
)
from lambdas.llm_analysis.providers.provider import AllowCall
from shared.events.llm_analysis import GeneratedTask
from shared.logging import get_logger

log = get_logger(__name__)

MAX_OUTPUT_TOKENS = 6_000
"""Ten Korean tasks with three parts each take about 4,000; models that think first need the rest (L-03)."""

MAX_REPLY_CHARACTERS = 100_000
"""Above what the tokens allow in any script; a server that ignores the limit is stopped here."""

MAX_REPEATED_CHARACTERS = 12_000
"""How much of its own broken reply a model gets back, so that a repair costs about what the first call did."""

_FENCED = re.compile(r"\s*```(?:json)?\s*\n(?P<content>.*)\n\s*```\s*", re.DOTALL | re.IGNORECASE)


class Finish(StrEnum):
    """Why a model stopped."""

    COMPLETE = "complete"
    TRUNCATED = "truncated"
    REFUSED = "refused"
    FILTERED = "filtered"
    TOOL = "tool"


@dataclass(frozen=True)
class Message:
    """One turn of a conversation."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True)
class Reply:
    """What a model said, why it stopped and what that cost."""

    text: str
    finish: Finish
    input_tokens: int = 0
    output_tokens: int = 0


def token_count(value: Any) -> int:
    """Return a count as a vendor reports it, zero when it reports none."""
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


class Model(Protocol):
    """One vendor's way to be called; `vendor` and `model_id` name whose proposals these are."""

    vendor: str
    model_id: str

    async def generate(
        self, system: str, messages: Sequence[Message], *, max_output_tokens: int
    ) -> Reply:
        """Return the model's reply.

        Raises:
            ProviderUnavailable: It cannot be asked.
        """


class ModelProvider:
    """Steps proposed by a language model; its words never choose whose steps they are."""

    is_metered = True

    def __init__(self, model: Model) -> None:
        self._model = model
        self.fingerprint = f"{model.vendor}/{model.model_id}/{PROMPT_VERSION}"

    async def propose(self, assignment: Assignment, allow_call: AllowCall) -> list[GeneratedTask]:
        """Return the model's steps, repaired by itself at most once; see `Provider`."""
        messages = [Message("user", request_text(assignment))]
        await allow_call()
        reply = await self._ask(messages)
        problem = ""
        try:
            return _accepted(reply, assignment)
        except PlanInvalid as refusal:
            problem = str(refusal)
        try:
            await allow_call()
        except BudgetSpent:
            raise AnalysisRefused(
                "the reply breaks a rule, and no repair may be paid for"
            ) from None
        # Vendors refuse an empty turn.
        spoken = reply.text[:MAX_REPEATED_CHARACTERS].strip() or "(nothing)"
        messages += [Message("assistant", spoken), Message("user", repair_text(problem))]
        try:
            return _accepted(await self._ask(messages), assignment)
        except PlanInvalid:
            raise AnalysisRefused("the repaired reply breaks a rule as well") from None

    async def _ask(self, messages: Sequence[Message]) -> Reply:
        reply = await self._model.generate(SYSTEM, messages, max_output_tokens=MAX_OUTPUT_TOKENS)
        log.info(
            "model_called",
            finish=reply.finish.value,
            inputTokens=reply.input_tokens,
            outputTokens=reply.output_tokens,
        )
        if reply.finish in {Finish.REFUSED, Finish.FILTERED}:
            raise AnalysisRefused(f"the model's answer was {reply.finish.value}")
        return reply


def _accepted(reply: Reply, assignment: Assignment) -> list[GeneratedTask]:
    if reply.finish is Finish.TRUNCATED:
        raise PlanInvalid("it was cut off; answer with fewer or shorter steps")
    return accept_plan(_parsed(reply.text), assignment)


def _parsed(text: str) -> Any:
    """Return the JSON of a reply, also out of a code fence.

    Raises:
        PlanInvalid: It is none.
    """
    if len(text) > MAX_REPLY_CHARACTERS:
        raise PlanInvalid("it is too long")
    fenced = _FENCED.fullmatch(text)
    try:
        return orjson.loads(fenced["content"] if fenced else text)
    except (orjson.JSONDecodeError, UnicodeEncodeError):
        raise PlanInvalid("it is not one JSON object") from None
