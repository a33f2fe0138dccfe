"""What is remembered of cards: bounded, each apart, and shared by threads."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest

from zorgid_card.cards import CardMemory, Insertion, Tries
from zorgid_card.cards.memory import KnownCard
from zorgid_card.cards.objects import chuid


def known(number: int) -> KnownCard:
    return KnownCard(
        b"\x3b\x00", chuid(number.to_bytes(16, "big"), datetime(2029, 1, 1, tzinfo=UTC).date()), b"\x30\x00"
    )


def test_the_memory_is_bounded_and_forgets_who_was_not_here_for_longest() -> None:
    memory = CardMemory(capacity=2)
    for number in (1, 2):
        memory.keep(known(number), Insertion("reader", number))
    assert memory.recognise(known(1).chuid, b"\x3b\x00") == known(1)
    memory.keep(known(3), Insertion("reader", 3))
    assert memory.size == 2
    assert memory.recognise(known(2).chuid, b"\x3b\x00") is None
    assert memory.inserted(Insertion("reader", 3), b"\x3b\x00") == known(3)
    for number in range(100):
        memory.recognise(known(3).chuid, b"\x3b\x00", Insertion(f"reader {number}", 1))
    assert len(memory._inserted) == 2


def test_the_memory_tells_insertions_readers_and_answers_to_reset_apart() -> None:
    memory = CardMemory()
    memory.keep(known(1), Insertion("one", 1))
    assert memory.inserted(Insertion("one", 1), b"\x3b\x00") == known(1)
    for insertion, atr in ((Insertion("one", 2), b"\x3b\x00"), (Insertion("two", 1), b"\x3b\x00"), (None, b"\x3b\x00")):
        assert memory.inserted(insertion, atr) is None
    assert memory.inserted(Insertion("one", 1), b"\x3b\x01") is None
    assert memory.recognise(known(1).chuid, b"\x3b\x01") is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x34",
        chuid(bytes(16), datetime(2029, 1, 1, tzinfo=UTC).date()),
        chuid(b"\xff" * 16, datetime(2029, 1, 1, tzinfo=UTC).date()),
        b"\x34\x08" + bytes(range(8)),
        b"\x34\x10" + bytes(range(16)) + b"\x3e\x82\x10\x00" + bytes(4096),
    ],
)
def test_a_chuid_that_does_not_tell_cards_apart_is_not_remembered(content: bytes) -> None:
    memory = CardMemory()
    memory.keep(KnownCard(b"\x3b\x00", content, b"\x30\x00"), Insertion("reader", 1))
    assert memory.size == 0
    assert memory.inserted(Insertion("reader", 1), b"\x3b\x00") is None


def test_several_threads_share_a_memory() -> None:
    memory = CardMemory(capacity=4)
    failed: list[BaseException] = []

    def use(seed: int) -> None:
        try:
            for step in range(400):
                card = known(1 + (seed * 7 + step) % 9)
                memory.keep(card, Insertion(f"reader {seed}", step))
                found = memory.inserted(Insertion(f"reader {seed}", step), b"\x3b\x00")
                assert found is None or found.chuid == card.chuid
                memory.told(card.chuid, Tries.known(step % 4))
                if step % 5 == 0:
                    memory.forget(card.chuid)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=use, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert memory.size <= 4
