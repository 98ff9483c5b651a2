"""The one interface behind which every proposer of steps stands."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from lambdas.llm_analysis.assignments import Assignment
from shared.events.llm_analysis import GeneratedTask

AllowCall = Callable[[], Awaitable[None]]
"""Charges one call to the budget, or raises `BudgetSpent`."""


class Provider(Protocol):
    """Proposes steps for an assignment.

    `fingerprint` names what a proposal depends on besides the assignment; `is_metered` says whether one costs money.
    """

    fingerprint: str
    is_metered: bool

    async def propose(self, assignment: Assignment, allow_call: AllowCall) -> list[GeneratedTask]:
        """Return steps that `accept_plan` has accepted.

        Args:
            assignment: Has at least one line of text.
            allow_call: Awaited before each call that costs money.

        Raises:
            AnalysisRefused: Nothing acceptable was proposed.
            BudgetSpent: `allow_call` said so before the first call.
            ProviderUnavailable: The provider cannot be asked.
        """
