"""Who is asked what: the page, or the agent; one prompt at a time, taken away when its step is to end."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from agent_world import PATIENCE, Person
from zorgid_card.agent.messages import Event, Prompting, Refused
from zorgid_card.agent.page_holder import PAGE_ASKS, Answer, PageHolder, Prompts, Stop, problem
from zorgid_card.cards.access import PINRequest, Tries
from zorgid_card.errors import (
    CancelledError,
    CardRemovedError,
    DeclinedError,
    MiddlewareError,
    PINMismatchError,
    ReaderBusyError,
    StorageError,
    ZorgIDError,
)
from zorgid_card.protocol.iso7816 import Credential
from zorgid_card.texts import Language, Texts
from zorgid_card.workflows.holder import Question

EN = Texts(Language.EN)
CONSENTS = (
    *("grant-access", "log-in", "consent-administrator", "empty-card", "cross-out-puk", "retire-card", "escrow-puk"),
    *("finish-card", "sign-document", "anything-new"),
)


class Told:
    """A page that answers yes to everything."""

    def __init__(self, answer: Answer = True) -> None:
        self.events: list[tuple[type[Event], dict[str, Any]]] = []
        self.asked: list[str] = []
        self._answer = answer

    def tell(self, event: type[Event], **fields: Any) -> None:
        self.events.append((event, fields))

    def ask(self, code: str, facts: tuple[tuple[str, str], ...]) -> Answer:
        self.asked.append(code)
        return self._answer


def holder(page: Told, person: Person, *, stop: Stop | None = None, prompts: Prompts | None = None) -> PageHolder:
    own = person.own("https://portal.example", EN)
    return PageHolder(page, own, prompts or Prompts(), stop or Stop(), EN, lambda cue: None)


@pytest.mark.parametrize("code", CONSENTS)
def test_what_binds_is_asked_by_the_agent_also_what_is_not_known_yet(code: str) -> None:
    page, person = Told(), Person(declines={code})
    with pytest.raises(DeclinedError):
        holder(page, person).confirm(Question(code))
    assert page.asked == []
    assert page.events == [(Prompting, {"what": "consent"})]


def test_the_page_asks_nothing_else() -> None:
    assert not PAGE_ASKS & set(CONSENTS)
    assert sorted(PAGE_ASKS) == [
        *("ask-again", "birth-date", "compare-code", "insert-again", "organisation-data", "pass-data", "portal-again"),
    ]


def request(what: Credential, *, keypad: bool) -> PINRequest:
    return PINRequest(
        what=what, tries=Tries.UNKNOWN, reference=0, minimum=6, maximum=8, digits=True, retrying=False, keypad=keypad
    )


@pytest.mark.parametrize(
    ("what", "keypad", "shown"),
    [(Credential.PIN, False, "pin"), (Credential.PUK, False, "puk"), (Credential.PIN, True, "keypad")],
)
def test_pin_6_the_page_says_where_to_look(what: Credential, keypad: bool, shown: str) -> None:
    page = Told()
    holder(page, Person(puk=b"12345678")).pin(request(what, keypad=keypad))
    assert page.events == [(Prompting, {"what": shown})]


def test_why_a_pin_was_refused_is_told_at_both_places_all_else_on_the_page() -> None:
    page, person = Told(), Person()
    for error in (PINMismatchError(what="pin"), CardRemovedError()):
        holder(page, person).refused(error)
    assert [event for event, _ in page.events] == [Refused, Refused]
    assert [error.code for error in person.errors] == ["user.pin_mismatch"]


# --- what a page learns of an error -----------------------------------------------------------------------------------


def test_a_page_learns_what_to_do_and_nothing_of_this_computer_s_files() -> None:
    errors: tuple[ZorgIDError, ...] = (
        StorageError("/home/jan/.config/journal.db is full", reason="No space left on device", path="/home/jan/x"),
        MiddlewareError("/opt/safesign.so failed", module="/opt/safesign.so"),
    )
    for error in errors:
        for language in Language:
            told = problem(error, Texts(language))
            assert "/" not in told.message
            assert not {"path", "module"} & told.details.keys()
    busy = problem(ReaderBusyError(reader="R", holders="gpg-agent"), EN)
    assert "gpg-agent" in busy.message
    assert busy.details == {}


@pytest.mark.parametrize("kind", ZorgIDError._by_code.values(), ids=lambda kind: kind.code)
def test_every_error_can_be_told(kind: type[ZorgIDError]) -> None:
    told = problem(kind(), EN)
    assert told.code == kind.code
    assert told.message.endswith(".")


# --- prompts ----------------------------------------------------------------------------------------------------------


def test_a_prompt_waits_for_the_one_before_and_is_given_up_when_its_step_ends() -> None:
    prompts, first, second = Prompts(), Person(stays={"log-in"}), Person()
    stop, outcome = Stop(), list[BaseException | None]()

    def ask(person: Person, stop: Stop) -> None:
        try:
            holder(Told(), person, stop=stop, prompts=prompts).confirm(Question("log-in"))
            outcome.append(None)
        except CancelledError as error:
            outcome.append(error)

    one = threading.Thread(target=ask, args=(first, Stop()))
    one.start()
    assert first.shown.acquire(timeout=PATIENCE)
    two = threading.Thread(target=ask, args=(second, stop))
    two.start()
    stop.set()
    two.join(PATIENCE)
    assert isinstance(outcome[0], CancelledError)
    assert second.asked == []
    first.released.set()
    one.join(PATIENCE)
    assert outcome[1] is None


def test_a_prompt_is_taken_away_when_its_step_ends_whatever_was_typed() -> None:
    person, stop = Person(stays={"pin"}), Stop()
    threading.Thread(target=lambda: (person.shown.acquire(timeout=PATIENCE), stop.set())).start()
    with pytest.raises(CancelledError):
        holder(Told(), person, stop=stop).pin(request(Credential.PIN, keypad=False))
    with pytest.raises(CancelledError):
        holder(Told(), person, stop=stop).confirm(Question("log-in"))
    assert [what for _, what in person.asked] == ["pin"]
