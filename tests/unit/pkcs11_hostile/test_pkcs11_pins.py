"""PIN and PUK behind a PKCS#11 module: tries by its flags, the last one, the reader's keypad (PIN-1, PIN-6)."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from pkcs11_stub import (
    FINAL,
    HUGE,
    LOCKED,
    LOW,
    PIN,
    PROTECTED,
    PUK,
    READY,
    SO_FINAL,
    SO_LOCKED,
    Stub,
    pin,
    uses,
)
from zorgid_card.adapters.pkcs11 import PKCS11Token
from zorgid_card.cards import LastTry, OnKeypad, PINProvider, PINRequest, TokenCard, Tries, TryState
from zorgid_card.errors import (
    LastTryError,
    PINBlockedError,
    PINNeededError,
    PUKBlockedError,
    UsageError,
    WrongPINError,
    WrongPUKError,
    ZorgIDError,
)
from zorgid_card.secret import Secret

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the stub is built for ELF")


@pytest.mark.parametrize(
    ("flags", "state", "left"),
    [
        (0, TryState.KNOWN, None),
        (LOW, TryState.LOW, None),
        (FINAL, TryState.FINAL, 1),
        (FINAL | LOW, TryState.FINAL, 1),
        (LOCKED, TryState.LOCKED, 0),
        (LOCKED | FINAL | LOW, TryState.LOCKED, 0),
        (0xFFFF_FFFF_0080_0000, TryState.KNOWN, None),
    ],
)
def test_pin_1_tries_by_the_tokens_flags(
    stub: Stub, card: TokenCard, flags: int, state: TryState, left: int | None
) -> None:
    stub["flags"] = READY | flags
    assert (card.tries().state, card.tries().left) == (state, left)
    stub["flags"] = READY | (flags << 4 & HUGE)
    assert (card.puk_tries().state, card.puk_tries().left) == (state, left)


@uses
def test_pin_1_a_last_try_is_not_spent_unasked_and_a_locked_pin_not_at_all(
    stub: Stub, card: TokenCard, use: Callable[[TokenCard], object]
) -> None:
    stub["always"] = 1
    for flags, expected in ((FINAL | SO_FINAL, LastTryError), (LOCKED | SO_LOCKED, (PINBlockedError, PUKBlockedError))):
        stub["flags"] = READY | flags
        for spend in (
            lambda: card.verify_pin(Secret.of(PIN)),
            lambda: card.sign("authenticity", b"text", pin=pin),
            lambda: card.decipher(bytes(256), pin, usage="authenticity"),
            lambda: card.change_pin(Secret.of(PIN), Secret.of(b"654321")),
            lambda: card.unblock_pin(Secret.of(PUK), Secret.of(b"654321")),
            lambda: card.change_puk(Secret.of(PUK), Secret.of(b"12345678")),
        ):
            with pytest.raises(expected):
                spend()
    assert stub.calls("login") == stub.calls("set_pin") == 0
    stub["flags"] = READY | FINAL | SO_FINAL
    use(card)


def test_pin_1_a_wrong_pin_that_leaves_no_mark_makes_the_tries_unknown(stub: Stub, card: TokenCard) -> None:
    stub["wrong"] = 1
    with pytest.raises(WrongPINError):
        card.verify_pin(Secret.of(PIN))
    assert card.tries().state is TryState.UNKNOWN
    with pytest.raises(LastTryError):
        card.verify_pin(Secret.of(PIN))
    stub["wrong"] = 0
    card.verify_pin(Secret.of(PIN), last_try_allowed=True)
    assert card.tries().state is TryState.KNOWN


def test_pin_1_a_wrong_puk_that_leaves_no_mark_makes_the_tries_unknown(stub: Stub, card: TokenCard) -> None:
    """The last try of a PUK is the end of the card."""
    stub["wrong"] = 1
    puk, new = Secret.of(PUK), Secret.of(b"654321")
    with pytest.raises(WrongPUKError):
        card.unblock_pin(puk, new)
    assert card.puk_tries().state is TryState.UNKNOWN
    assert card.tries().state is TryState.KNOWN
    for spend in (lambda: card.unblock_pin(puk, new), lambda: card.change_puk(puk, Secret.of(b"87654321"))):
        with pytest.raises(LastTryError):
            spend()
    assert stub.calls("login") == 1
    stub["wrong"] = 0
    card.unblock_pin(puk, new, last_try_allowed=True)
    assert card.puk_tries().state is TryState.KNOWN


@pytest.mark.parametrize(("flags", "left"), [(FINAL, 1), (LOCKED, 0), (LOW, None)])
def test_pin_1_a_wrong_pin_tells_what_is_left(stub: Stub, card: TokenCard, flags: int, left: int | None) -> None:
    stub["wrong"] = 1
    stub["flags"] = READY | flags
    with pytest.raises(ZorgIDError) as told:
        card._token.login(Secret.of(PIN))
    assert isinstance(told.value, WrongPINError)
    assert told.value.tries_left == left


def on_keypad(asked: list[PINRequest], *, knowingly: bool = False) -> PINProvider:
    def provide(request: PINRequest) -> Secret | LastTry:
        asked.append(request)
        return LastTry(OnKeypad()) if knowingly else OnKeypad()

    return provide


def test_pin_6_where_the_pin_is_entered_at_the_reader_the_module_gets_none(stub: Stub, card: TokenCard) -> None:
    stub["flags"] = READY | PROTECTED
    stub["always"] = 1
    assert card.keypad is not None
    asked: list[PINRequest] = []
    card.sign("authenticity", b"text", pin=on_keypad(asked))
    assert [request.keypad for request in asked] == [True]
    assert (stub["pin_pointer"], stub["pin_length"], stub.calls("login")) == (0, 0, 2)


def test_pin_6_without_anybody_who_tells_the_person_to_the_reader_does_not_ask(stub: Stub, card: TokenCard) -> None:
    stub["flags"] = READY | PROTECTED
    with pytest.raises(PINNeededError):
        card.sign("authenticity", b"text")
    assert stub.calls("login") == 0


def test_pin_6_a_last_try_at_the_reader_wants_the_persons_word(stub: Stub, card: TokenCard) -> None:
    stub["flags"] = READY | PROTECTED | FINAL
    asked: list[PINRequest] = []
    with pytest.raises(LastTryError):
        card.sign("authenticity", b"text", pin=on_keypad(asked))
    assert stub.calls("login") == 0
    card.sign("authenticity", b"text", pin=on_keypad(asked, knowingly=True))
    assert [request.tries for request in asked] == [Tries.known(1)] * 2
    with pytest.raises(LastTryError):
        card.verify_pin(OnKeypad())
    card.verify_pin(OnKeypad(), last_try_allowed=True)
    assert stub.calls("login") == 2


def test_pin_6_an_unknown_try_at_the_reader_wants_the_persons_word(stub: Stub, card: TokenCard) -> None:
    """The module hides its flags: after a wrong PIN nobody knows how many are left."""
    stub["flags"], stub["wrong"] = READY | PROTECTED, 1
    with pytest.raises(WrongPINError):
        card.verify_pin(OnKeypad())
    stub["wrong"] = 0
    asked: list[PINRequest] = []
    with pytest.raises(LastTryError):
        card.sign("authenticity", b"text", pin=on_keypad(asked))
    card.sign("authenticity", b"text", pin=on_keypad(asked, knowingly=True))
    assert [(request.tries, request.retrying) for request in asked] == [(Tries.UNKNOWN, True)] * 2


def test_pin_6_what_is_entered_a_second_time_at_the_reader_is_another_try(stub: Stub, card: TokenCard) -> None:
    """The PIN was right at log-in; the one that the key wants is entered anew, and the tries are looked at anew."""
    stub["flags"] = READY | PROTECTED
    stub["always"] = 1

    class Finally(PKCS11Token):
        def login(self, pin: Secret | None, *, so: bool = False) -> None:
            super().login(pin, so=so)
            stub["flags"] |= FINAL

    card._token.__class__ = Finally
    with pytest.raises(LastTryError):
        card.sign("authenticity", b"text", pin=on_keypad([]))
    assert stub.calls("login") == 1


CHANGES: dict[str, Callable[[TokenCard, Secret, Secret], None]] = {
    "change_pin": TokenCard.change_pin,
    "unblock_pin": TokenCard.unblock_pin,
    "change_puk": TokenCard.change_puk,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_pin_6_pin_and_puk_are_changed_at_the_reader(
    stub: Stub, card: TokenCard, change: Callable[[TokenCard, Secret, Secret], None]
) -> None:
    with pytest.raises(UsageError) as refused:
        change(card, OnKeypad(), OnKeypad())
    assert refused.value.reason == "keypad"
    stub["flags"] = READY | PROTECTED
    for old, new in ((OnKeypad(), Secret.of(PIN)), (Secret.of(PUK), OnKeypad())):
        with pytest.raises(UsageError, match="both"):
            change(card, old, new)
    assert stub.calls("login") + stub.calls("set_pin") + stub.calls("init_pin") == 0
    stub["new_pointer"] = stub["pin_pointer"] = 1
    change(card, OnKeypad(), OnKeypad())
    assert (stub["pin_pointer"], stub["new_pointer"]) == (0, 0)


def test_pin_6_a_token_whose_reader_does_not_ask_says_so(stub: Stub, card: TokenCard) -> None:
    assert card.keypad is None
    asked: list[PINRequest] = []
    with pytest.raises(UsageError) as refused:
        card.sign("authenticity", b"text", pin=on_keypad(asked))
    assert refused.value.reason == "keypad"
    assert [request.keypad for request in asked] == [False]
    assert stub.calls("login") == 0
