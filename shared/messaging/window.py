"""How many messages a consumer takes from its queue at once: few while workers seem to die."""

from collections import deque
from collections.abc import Iterable

MAX_BATCH = 10
"""What one receive brings at most."""

LARGEST = 2 * MAX_BATCH
"""One batch in work while the next waits: fewer leave the handlers idle between receives, more would only
keep messages from other consumers, and cost each of them a receive when this one is killed."""

REMEMBERED_FAILURES = 1_000
"""Far more than fail here within the time until they come again."""


class Window:
    """Grows by one message with each windowful of successes, and falls to one message when workers seem to die.

    Whoever holds messages when its process is killed has used up a receive of each. A message that was
    received before without having failed here was probably in such hands, perhaps for its own sake: nothing
    else should be in hand with it, and least of all others like it.
    """

    def __init__(self) -> None:
        self._size = 1.0
        self._failed: deque[str] = deque(maxlen=REMEMBERED_FAILURES)

    @property
    def batch(self) -> int:
        """How many messages to ask for at once."""
        return max(1, int(self._size) // 2)

    def has_room(self, in_hand: int) -> bool:
        """Tell whether a batch may be received while so many messages are in hand."""
        return in_hand + self.batch <= int(self._size)

    def note_received(self, message_ids_received_before: Iterable[str]) -> None:
        """Note messages that come for the second time or later."""
        if any(message_id not in self._failed for message_id in message_ids_received_before):
            self._size = 1.0

    def note_success(self) -> None:
        """Note that a message was applied which nobody held before."""
        self._size = min(self._size + 1 / self._size, LARGEST)

    def note_failure(self, message_id: str) -> None:
        """Note that a message failed here and will come again: its process lives."""
        self._failed.append(message_id)
