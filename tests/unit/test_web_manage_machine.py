"""Changes on the management pages by a person, tabs and a phone at random: each is made at most once, and only as signed."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, precondition, rule

from manage_pages import CARD, OTHER_CARD, ManagePages, number, text
from portal_pages import DIGITS, Browser, forms
from zorgid_card.errors import ZorgIDError
from zorgid_card.ports.registry import AuditEvent
from zorgid_card.secret import Secret
from zorgid_card.workflows.states import CARD as TABLE

ANSWERS = st.sampled_from(["approve", "approve", "approve", "refuse", "another number", "wrong digits"])
EVENTS = st.sampled_from(["block", "block", "block", "unblock", "unblock", "unblock", "revoke"])
KNOWN = {200, 303, 400, 403, 404, 409}


@dataclass
class Sent:
    """One filled-in form, with a reason of its own, and the pages that waited for it."""

    action: str
    fields: dict[str, str]
    waiting: list[str] = field(default_factory=list)


class Tabs(RuleBasedStateMachine):
    filled = Bundle("filled")

    @initialize()
    def portal(self) -> None:
        self.directory = Path(mkdtemp())
        self.world = ManagePages(self.directory)
        self.anna: Browser = self.world.as_person(self.world.anna)
        self.bob = self.world.as_person(self.world.bob)
        self.phone = self.world.phones["anna"]
        self.signed: set[str] = set()
        self.sent: dict[str, Sent] = {}
        self.reasons = 0
        self.digits_left = 3

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.store.close()
            shutil.rmtree(self.directory)

    @rule(target=filled, card=st.sampled_from([CARD, OTHER_CARD]), event=EVENTS)
    def fill_in(self, card: str, event: str) -> object:
        path = f"/manage/cards/{card}/{event}"
        page = self.anna.get(path)
        form = next(form for form in forms(page.text) if form.action == path)
        self.reasons += 1
        sent = Sent(path, {**form.hidden, "reason": f"reden {self.reasons}", "cause": "unspecified"})
        self.sent[f"reden {self.reasons}"] = sent
        self.send(sent)
        return sent

    @rule(target=filled, card=st.sampled_from([CARD, OTHER_CARD]), event=EVENTS, then=st.booleans())
    def fill_in_and_sign(self, card: str, event: str, then: bool) -> object:
        sent = self.fill_in(card, event)
        self.answer("approve", then)
        return sent

    @rule(sent=filled)
    def send(self, sent: Sent) -> None:
        answer = self.anna.post(sent.action, sent.fields)
        assert answer.status_code in KNOWN, text(answer)
        if answer.status_code == 303:
            sent.waiting.append(answer.headers["location"])
        elif answer.status_code == 200:
            self.require_done(sent)

    @rule(sent=filled, latest=st.booleans())
    def look(self, sent: Sent, latest: bool) -> None:
        for address in sent.waiting[-1:] if latest else sent.waiting[:1]:
            page = self.anna.get(address)
            assert page.status_code in (200, 404)
            if "<h1>Gedaan</h1>" in page.text:
                self.require_done(sent)
            assert self.bob.get(address).status_code == 404

    @rule(sent=filled, latest=st.booleans())
    def go_on(self, sent: Sent, latest: bool) -> None:
        for address in sent.waiting[-1:] if latest else sent.waiting[:1]:
            hidden = {"csrf": sent.fields["csrf"], "key": sent.fields["key"]}
            answer = self.anna.post(address, hidden)
            assert answer.status_code in KNOWN, text(answer)

    @rule(answer=ANSWERS, then=st.booleans())
    def answer(self, answer: str, then: bool) -> None:
        """The phone answers what it is asked; then the page perhaps goes on at once."""
        asked = self.phone.question()
        if asked is None:
            return
        sent = self.sent[asked.reason]
        page = self.anna.get(sent.waiting[-1])
        shown = number(page)
        if answer == "refuse":
            self.phone.refuse(asked)
            return
        if answer == "another number":
            shown = f"{(int(shown) + 1) % 100:02d}"
        wrong = answer == "wrong digits" and self.digits_left > 0
        try:
            self.phone.approve(asked, number=shown, digits=Secret.of(b"000000" if wrong else DIGITS))
        except ZorgIDError:
            assert wrong or answer == "another number"
            self.digits_left -= wrong
            return
        assert not wrong
        assert answer != "another number"
        self.digits_left = 3
        self.signed.add(asked.reason)
        if then:
            self.go_on(sent, latest=True)

    @precondition(lambda self: self.reasons > 0)
    @rule(seconds=st.sampled_from([5, 61, 130]))
    def time_passes(self, seconds: int) -> None:
        self.world.clock.forward(seconds=seconds)

    @rule()
    def tend(self) -> None:
        self.world.portal.tend()

    def changes(self) -> list[AuditEvent]:
        with self.world.store.begin() as unit:
            return [e for e in unit.find(AuditEvent) if e.action in ("card.block", "card.unblock", "card.revoke")]

    def require_done(self, sent: Sent) -> None:
        assert [event for event in self.changes() if event.reason == sent.fields["reason"]]

    @invariant()
    def each_is_made_once_and_as_it_was_signed(self) -> None:
        if not hasattr(self, "world"):
            return
        made = [event.reason or "" for event in self.changes()]
        assert len(made) == len(set(made)), "one form is one change"
        assert set(made) <= self.signed
        assert len(self.world.events("phone.sign")) == len(made)

    @invariant()
    def cards_are_as_their_events_say(self) -> None:
        if not hasattr(self, "world"):
            return
        for card in (CARD, OTHER_CARD):
            state = "active"
            for event in self.changes():
                if event.subject == card:
                    state = TABLE[state, event.action.partition(".")[2]]
            assert self.world.card(card).state == state


TestTabs = Tabs.TestCase
TestTabs.settings = settings(max_examples=12, stateful_step_count=25, deadline=None)
