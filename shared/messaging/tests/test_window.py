"""How many messages at once, after what."""

from shared.messaging.queues import MAX_BATCH
from shared.messaging.window import LARGEST, Window

SUCCESSES_UNTIL_GROWN = LARGEST**2 // 2


def grown() -> Window:
    window = Window()
    for _ in range(SUCCESSES_UNTIL_GROWN):
        window.note_success()
    return window


def test_a_fresh_process_takes_one_message_and_nothing_beside_it() -> None:
    window = Window()

    assert window.batch == 1
    assert window.has_room(0)
    assert not window.has_room(1)


def test_success_by_success_it_comes_to_one_batch_in_work_and_one_waiting() -> None:
    window = Window()
    batches = []
    for _ in range(2 * SUCCESSES_UNTIL_GROWN):
        batches.append(window.batch)
        window.note_success()

    assert batches == sorted(batches)
    assert batches[-1] == MAX_BATCH
    assert window.has_room(MAX_BATCH)
    assert not window.has_room(MAX_BATCH + 1)


def test_a_message_from_dead_hands_brings_it_back_to_one() -> None:
    """Q-01"""
    window = grown()

    window.note_death()

    assert window.batch == 1
    assert not window.has_room(1)
