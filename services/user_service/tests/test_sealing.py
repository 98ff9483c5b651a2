"""Sealing of stored tokens."""

import base64
import os
import random

import pytest

from services.user_service.sealing import (
    Sealer,
    SealingKey,
    UnreadableSecret,
    parse_key,
    parse_keys,
)

OWNER = {"provider": "CANVAS", "cognito_sub": "7b0e0f6a-1111-4222-8333-944455556666"}
FIRST = SealingKey("2026", bytes(range(32)))
SECOND = SealingKey("default", bytes(range(32, 64)))


def test_a_sealed_secret_opens_for_its_owner() -> None:
    sealer = Sealer([FIRST])
    stored = sealer.seal("1234~tokén", **OWNER)
    assert stored.startswith("k:2026:")
    assert sealer.open(stored, **OWNER) == "1234~tokén"


def test_the_same_secret_is_never_sealed_alike() -> None:
    """C-07: a fresh nonce for every seal."""
    sealer = Sealer([FIRST])
    assert len({sealer.seal("token", **OWNER) for _ in range(100)}) == 100


def test_no_changed_character_goes_unnoticed() -> None:
    """C-07: flips are refused, those in Base64's spare bits and in the key id included."""
    sealer = Sealer([FIRST, SealingKey("2027", os.urandom(32))])
    for secret in ("a", "to", "tok", "1234~" + "x" * 64):
        stored = sealer.seal(secret, **OWNER)
        for position, character in enumerate(stored):
            for bit in range(7):
                changed = chr(ord(character) ^ (1 << bit))
                with pytest.raises(UnreadableSecret):
                    sealer.open(stored[:position] + changed + stored[position + 1 :], **OWNER)


def test_no_changed_bit_of_the_sealed_bytes_goes_unnoticed() -> None:
    """C-07: IV, ciphertext and tag alike."""
    sealer = Sealer([FIRST])
    raw = base64.b64decode(sealer.seal("1234~token", **OWNER).removeprefix("k:2026:"))
    for bit in range(len(raw) * 8):
        changed = bytearray(raw)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(UnreadableSecret):
            sealer.open("k:2026:" + base64.b64encode(changed).decode(), **OWNER)


def test_a_thousand_flips_and_every_swapped_row_are_refused() -> None:
    """C-07: one bit anywhere in the stored text, and forty rows each with the token of every other one."""
    sealer = Sealer([FIRST, SECOND])
    owners = [{"provider": "CANVAS", "cognito_sub": f"student-{n}"} for n in range(40)]
    stored = [sealer.seal(f"1234~token-{n}", **owner) for n, owner in enumerate(owners)]
    chance = random.Random(20261121)
    opened = 0
    for _ in range(1_000):
        row = chance.randrange(len(stored))
        text = bytearray(stored[row], "ascii")
        text[chance.randrange(len(text))] ^= 1 << chance.randrange(7)
        opened += _opens(sealer, text.decode("ascii"), owners[row])
    swaps = [(row, owner) for row in range(40) for owner in range(40) if row != owner]
    for row, owner in swaps:
        opened += _opens(sealer, stored[row], owners[owner])

    print(f"C-07: 1000 flips and {len(swaps)} swapped rows, {opened} opened")  # noqa: T201
    assert opened == 0
    assert all(_opens(sealer, *row) for row in zip(stored, owners, strict=True))


def _opens(sealer: Sealer, stored: str, owner: dict[str, str]) -> bool:
    try:
        sealer.open(stored, **owner)
    except UnreadableSecret:
        return False
    return True


@pytest.mark.parametrize(
    "stored", ["", "k:2026:", "k:2026:AAAA", "AAAA", "k:2026", "한국어", "k::AA"]
)
def test_a_stored_value_of_another_shape_is_refused(stored: str) -> None:
    with pytest.raises(UnreadableSecret):
        Sealer([FIRST]).open(stored, **OWNER)


@pytest.mark.parametrize(
    "other",
    [{"cognito_sub": "someone-else"}, {"provider": "GOOGLE_CALENDAR"}],
)
def test_a_secret_moved_to_another_row_is_refused(other: dict[str, str]) -> None:
    """C-07: bound to user and provider."""
    sealer = Sealer([FIRST])
    with pytest.raises(UnreadableSecret):
        sealer.open(sealer.seal("token", **OWNER), **{**OWNER, **other})


def test_a_secret_under_another_key_id_is_refused() -> None:
    """C-07: bound to the key id, even when two ids name the same key."""
    sealer = Sealer([FIRST, SealingKey("copy", FIRST.key)])
    stored = sealer.seal("token", **OWNER).replace("k:2026:", "k:copy:")
    with pytest.raises(UnreadableSecret):
        sealer.open(stored, **OWNER)


def test_after_a_rotation_the_first_key_writes_and_the_old_one_still_reads() -> None:
    """C-07: rotation keeps old data readable."""
    stored = Sealer([SECOND]).seal("token", **OWNER)
    rotated = Sealer([FIRST, SECOND])
    assert rotated.open(stored, **OWNER) == "token"
    assert rotated.seal("token", **OWNER).startswith("k:2026:")


@pytest.mark.parametrize(
    ("plain", "sealed"),
    [
        (16 * "\x00", "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"),
        ("", "530f8afbc74536b9a963b4f1c4cb738b"),
    ],
)
def test_the_published_vectors_open_in_the_form_of_the_reference(plain: str, sealed: str) -> None:
    """C-07: AES-256 test cases 13 and 14 of the GCM specification: key, IV all zero, no associated data."""
    stored = base64.b64encode(bytes(12) + bytes.fromhex(sealed)).decode()
    assert Sealer([FIRST, SealingKey("default", bytes(32))]).open(stored, **OWNER) == plain


def test_key_settings_are_read_in_order() -> None:
    listed = ", ".join(f"{k.key_id}:{base64.b64encode(k.key).decode()}" for k in (SECOND, FIRST))
    assert parse_keys(listed) == [SECOND, FIRST]


@pytest.mark.parametrize(
    "listed",
    [
        "",
        "no-key",
        "a:AAAA",
        "a:!!!!",
        "a b:" + base64.b64encode(bytes(32)).decode(),
        ",".join(["a:" + base64.b64encode(bytes(32)).decode()] * 2),
        "a:" + base64.b64encode(bytes(31)).decode(),
        "a:" + base64.b64encode(bytes(33)).decode(),
    ],
)
def test_malformed_key_settings_are_refused_without_repeating_them(listed: str) -> None:
    with pytest.raises(ValueError, match="key") as refusal:
        parse_keys(listed)
    assert "AAAA" not in str(refusal.value)


def test_a_key_does_not_show_itself() -> None:
    key = parse_key("a", base64.b64encode(bytes(range(32))).decode())
    assert "\\x01" not in repr(key)
