"""How many messages a consumer takes from its queue at once: few while workers seem to die."""

from shared.messaging.queues import MAX_BATCH

LARGEST = 2 * MAX_BATCH
"""One batch in work while the next waits: fewer leave the handlers idle between receives, more would only
keep messages from other consumers, and cost each of them a receive when this one is killed."""


class Window:
    """Grows by one message with each windowful of successes, and falls to one message when workers seem to die.

    Whoever holds messages when its process is killed has used up a receive of each. A message that comes
    again without having failed was probably in such hands, perhaps for its own sake: nothing else should be
    in hand with it, and least of all others like it.
    """

    def __init__(self) -> None:
        self._size = 1.0

    @property
    def batch(self) -> int:
        """How many messages to ask for at once."""
        return max(1, int(self._size) // 2)

    def has_room(self, in_hand: int) -> bool:
        """Tell whether a batch may be received while so many messages are in hand."""
        return in_hand + self.batch <= int(self._size)

    def note_death(self) -> None:
        """Note that a message comes again without having failed."""
        self._size = 1.0

    def note_success(self) -> None:
        """Note that a message was applied which nobody held before."""
        self._size = min(self._size + 1 / self._size, LARGEST)
