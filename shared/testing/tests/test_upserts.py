"""The rule itself, on both spellings of a row's new values."""

import pytest

from shared.testing.upserts import unnamed_new_values


@pytest.mark.parametrize(
    ("update", "unnamed"),
    [
        ("body = VALUES(body)", set()),
        ("body = VALUES(body), parked_at = VALUES(parked_at)", {"parked_at"}),
        ("body = new.body, parked_at = new.`parked_at`", {"parked_at"}),
        ("id = outbox.id", set()),
    ],
)
def test_a_new_value_that_is_not_inserted_is_found(update: str, unnamed: set[str]) -> None:
    statement = f"INSERT INTO outbox (`id`, body) VALUES (%s, %s) ON DUPLICATE KEY UPDATE {update}"

    assert unnamed_new_values(statement) == unnamed


def test_a_statement_without_an_update_is_left_alone() -> None:
    assert unnamed_new_values("INSERT INTO outbox (id) SELECT new.id FROM new") == set()
