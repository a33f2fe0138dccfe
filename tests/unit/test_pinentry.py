"""PIN, PUK and consent at a real pinentry, in a terminal of its own."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import pytest

from pinentry_person import Kind, Person
from zorgid_card.adapters.pinentry import Pinentry
from zorgid_card.agent.pinentry_holder import PinentryHolder
from zorgid_card.cards.access import LastTry, OnKeypad, PINRequest, Tries
from zorgid_card.errors import (
    CancelledError,
    DeclinedError,
    PINMismatchError,
    WrongPINError,
    ZorgIDError,
)
from zorgid_card.protocol.iso7816 import Credential
from zorgid_card.secret import Secret
from zorgid_card.texts import Language, Texts
from zorgid_card.workflows.holder import Question
from zorgid_card.workflows.pin import PINPolicy

T = TypeVar("T")
PROGRAMS: dict[Kind, str] = {"curses": "pinentry-curses", "tty": "pinentry-tty"}
ORIGIN = "https://portal.example"
PIN, OTHER = b"271828", b"314159"


class Desk:
    """A holder that asks, and the person who answers."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.holder = self.for_person(person)
        self._worker = ThreadPoolExecutor(1)

    @staticmethod
    def for_person(person: Person) -> PinentryHolder:
        pinentry = Pinentry(PROGRAMS[person.kind], options=person.options)
        return PinentryHolder(pinentry, Texts(Language.NL), origin=ORIGIN)

    def asked(self, question: Callable[[PinentryHolder], T]) -> Future[T]:
        return self._worker.submit(question, self.holder)


@pytest.fixture(params=PROGRAMS)
def desk(request: pytest.FixtureRequest) -> Iterator[Desk]:
    if shutil.which(PROGRAMS[request.param]) is None:
        pytest.skip(f"{PROGRAMS[request.param]} is not installed")
    with Person(request.param) as person:
        yield Desk(person)


def wanted(**changed: object) -> PINRequest:
    usual = {
        "what": Credential.PIN,
        "tries": Tries.known(3),
        "reference": 1,
        "minimum": 4,
        "maximum": 8,
        "digits": True,
        "retrying": False,
    }
    return PINRequest(**{**usual, **changed})  # type: ignore[arg-type]


def octets(secret: Secret | LastTry) -> bytes:
    assert isinstance(secret, Secret)
    with secret.expose() as view:
        return bytes(view)


def outcome(future: Future[T]) -> type[BaseException] | T:
    try:
        return future.result(30)
    except ZorgIDError as error:
        return type(error)


def test_aut_1_the_window_says_who_asks_and_the_pin_is_not_shown(desk: Desk) -> None:
    asked = desk.asked(lambda holder: holder.pin(wanted()))
    desk.person.expect("Op verzoek van https://portal.example")
    desk.person.expect("Pincode van de kaart")
    desk.person.expect("Pogingen over: 3")
    desk.person.expect("Pincode: ")
    desk.person.enter(PIN)
    assert octets(asked.result(30)) == PIN
    assert PIN not in desk.person.shown
    assert desk.person.terminal_as_before


def test_pin_1_what_cannot_be_a_pin_is_asked_again_and_no_try_is_spent(desk: Desk) -> None:
    asked = desk.asked(lambda holder: holder.pin(wanted()))
    desk.person.expect("Pincode: ")
    desk.person.enter(b"12%0A")
    desk.person.expect("geen poging gebruikt")
    desk.person.expect("Pincode: ")
    desk.person.enter(PIN)
    assert octets(asked.result(30)) == PIN


def test_a_pin_of_other_characters_arrives_as_it_was_typed(desk: Desk) -> None:
    asked = desk.asked(lambda holder: holder.pin(wanted(digits=False, maximum=16)))
    desk.person.expect("Pincode: ")
    desk.person.enter(b"a%25 b\\c")
    assert octets(asked.result(30)) == b"a%25 b\\c"


def test_pin_1_a_last_try_needs_the_persons_word(desk: Desk) -> None:
    asked = desk.asked(lambda holder: holder.pin(wanted(tries=Tries.known(1))))
    desk.person.expect("laatste poging")
    desk.person.agree()
    desk.person.expect("Pincode: ")
    desk.person.enter(PIN)
    last = asked.result(30)
    assert isinstance(last, LastTry)
    assert octets(last.secret) == PIN
    refused = desk.asked(lambda holder: holder.pin(wanted(tries=Tries.UNKNOWN)))
    desk.person.expect("laatste poging")
    desk.person.disagree()
    with pytest.raises(DeclinedError) as caught:
        refused.result(30)
    assert caught.value.reason == "last-try"


def test_pin_6_on_a_keypad_nothing_is_entered_here(desk: Desk) -> None:
    asked = desk.asked(lambda holder: holder.pin(wanted(keypad=True)))
    desk.person.expect("Voer de pincode in op de paslezer")
    desk.person.agree(b"o")
    assert isinstance(asked.result(30), OnKeypad)


def test_crd_6_a_new_pin_is_entered_twice(desk: Desk) -> None:
    asked = desk.asked(lambda holder: holder.new_pin(PINPolicy()))
    desk.person.expect("6 tot 8 cijfers")
    desk.person.expect("Nieuwe pincode: ")
    desk.person.enter(PIN)
    desk.person.expect("Nog een keer: ")
    desk.person.enter(PIN)
    first, second = asked.result(30)
    assert octets(first) == octets(second) == PIN
    first.wipe()
    assert octets(second) == PIN


def test_crd_6_two_that_differ_are_not_taken_for_one(desk: Desk) -> None:
    asked = desk.asked(lambda holder: holder.new_pin(PINPolicy()))
    desk.person.expect("Nieuwe pincode: ")
    desk.person.enter(PIN)
    desk.person.expect("Nog een keer: ")
    desk.person.enter(OTHER)
    if desk.person.kind == "tty":  # it compares by itself, and asks again
        desk.person.expect("niet gelijk")
        desk.person.expect("Nieuwe pincode: ")
        desk.person.enter(OTHER)
        desk.person.expect("Nog een keer: ")
        desk.person.enter(OTHER)
        assert [octets(pin) for pin in asked.result(30)] == [OTHER, OTHER]
    else:
        first, second = asked.result(30)
        with pytest.raises(PINMismatchError):
            first.require_equal(second)


def test_why_a_pin_was_refused_stands_in_the_next_window_and_not_in_the_one_after(desk: Desk) -> None:
    desk.holder.refused(WrongPINError(tries_left=2))
    asked = desk.asked(lambda holder: holder.pin(wanted(retrying=True)))
    desk.person.expect("pogingen over: 2")
    desk.person.expect("Pincode: ")
    desk.person.enter(PIN)
    asked.result(30)
    before = len(desk.person.text)
    again = desk.asked(lambda holder: holder.pin(wanted()))
    desk.person.expect("Pincode: ")
    assert "pogingen over" not in desk.person.text[before:]
    desk.person.enter(PIN)
    again.result(30)


@pytest.mark.parametrize("agrees", [True, False])
def test_org_3_consent_is_the_persons_own(desk: Desk, *, agrees: bool) -> None:
    question = Question("log-in", (("origin", ORIGIN), ("name", "J. Überträger\x1b[2J\n[ja]")))
    asked = desk.asked(lambda holder: holder.confirm(question))
    desk.person.expect("Wilt u hier inloggen")
    desk.person.expect("Naam: J. Überträger\N{REPLACEMENT CHARACTER}")
    desk.person.agree() if agrees else desk.person.disagree()
    if agrees:
        asked.result(30)
    else:
        with pytest.raises(DeclinedError) as caught:
            asked.result(30)
        assert caught.value.reason == "log-in"


def test_what_is_too_long_is_cut_where_it_is_and_pushes_nothing_out(desk: Desk) -> None:
    names = ("name", "uzi-number", "role", "organisation", "ura", "valid-until")
    question = Question("consent-administrator", tuple((name, f"{name} " + "☃é" * 400) for name in names))
    asked = desk.asked(lambda holder: holder.confirm(question))
    desk.person.expect("Op verzoek van https://portal.example")
    desk.person.expect("administrator van deze organisatie")
    for name in names:
        desk.person.expect(f"{name} [^…]*…")
    desk.person.disagree()
    assert outcome(asked) is DeclinedError


def test_crd_9_the_puk_is_shown_until_three_of_its_digits_are_typed_back(desk: Desk) -> None:
    with Secret.of(b"86420975") as puk:
        asked = desk.asked(lambda holder: holder.show_puk(puk))
        desk.person.expect("Schrijf hem op")
        desk.person.expect("8642 0975")
        desk.person.agree(b"o")
        desk.person.expect("Cijfers: ")
        desk.person.cancel_code()  # to see it once more
        desk.person.expect("8642 0975")
        desk.person.agree(b"o")
        desk.person.expect("Cijfers: ")
        desk.person.enter(b"00")
        desk.person.expect("8642 0975")
        desk.person.agree(b"o")
        places = desk.person.expect(r"Cijfer (\d), (\d) en (\d)").groups()
        desk.person.expect("Cijfers: ")
        desk.person.enter(b"".join(b"86420975"[int(at) - 1 : int(at)] for at in places))
        asked.result(30)


def test_crd_9_who_does_not_keep_the_puk_declines(desk: Desk) -> None:
    with Secret.of(b"86420975") as puk:
        asked = desk.asked(lambda holder: holder.show_puk(puk))
        desk.person.expect("8642 0975")
        desk.person.disagree(b"a")
        assert outcome(asked) is DeclinedError


def test_who_cancels_is_not_asked_again(desk: Desk) -> None:
    asked = desk.asked(lambda holder: holder.pin(wanted()))
    desk.person.expect("Pincode: ")
    desk.person.cancel_code()
    assert outcome(asked) is DeclinedError
    assert desk.person.terminal_as_before


def test_a_window_that_is_closed_is_a_no(desk: Desk) -> None:
    asked = desk.asked(lambda holder: holder.pin(wanted()))
    desk.person.expect("Pincode: ")
    desk.person.leave()
    assert outcome(asked) is DeclinedError


def test_whoever_asked_may_take_the_window_away(desk: Desk) -> None:
    asked = desk.asked(lambda holder: holder.pin(wanted()))
    desk.person.expect("Pincode: ")
    desk.holder.cancel()
    assert outcome(asked) is CancelledError
    assert desk.person.terminal_as_before
    assert outcome(desk.asked(lambda holder: holder.confirm(Question("grant-access")))) is CancelledError
