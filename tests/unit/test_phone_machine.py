"""Phones and what they are asked, by honest and dishonest people at random: nothing happens but by the tables (ORG-5 to ADM-7)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from phone_signing_world import CARD, REASON, Signing
from phone_world import PORTAL_KEY
from registry_world import URA, add_person
from zorgid_card.errors import PortalError, ZorgIDError
from zorgid_card.ports.registry import AuditEvent, MobileID, Person, PhoneRequest, SmartCard
from zorgid_card.secret import Secret
from zorgid_card.testkit.phone import PhoneAsked, SimulatedPhone, direct
from zorgid_card.workflows.management import Operator
from zorgid_card.workflows.pairing import Offer
from zorgid_card.workflows.phone_requests import Asked
from zorgid_card.workflows.policy import PhonePolicy, Policy
from zorgid_card.workflows.states import MACHINES

T = TypeVar("T")

SESSIONS = st.sampled_from(["anna's browser", "bert's browser", "a thief's browser"])
MOSTLY, SELDOM = st.sampled_from([True, True, True, False]), st.sampled_from([False, False, False, True])
ANSWERS = st.sampled_from(
    ["approve", "approve first", "approve first", "wrong digits", "wrong number", "refuse", "later"]
)
RIGHT, WRONG = b"314159", b"000000"


class QuickPhone(SimulatedPhone):
    """One whose derivation takes no time; what it gives is as good here."""

    def _derive(self, digits: Secret) -> bytes:
        with digits.expose() as octets:
            return hashlib.sha256(self._device_secret + bytes(octets)).digest()


@dataclass
class Offered:
    offer: Offer
    session: str
    person: str
    scanned_by: SimulatedPhone | None = None


@dataclass
class Request:
    asked: Asked
    session: str
    person: str
    change: bool
    approved_by: SimulatedPhone | None = None
    approved_at: datetime | None = None
    served: bool = False
    shown: list[PhoneAsked] = field(default_factory=list)


def reachable(machine: str) -> set[tuple[str, str]]:
    """Pairs of states of which the second can follow the first, in any number of steps."""
    found = {(state, following) for (state, _), following in MACHINES[machine].items()}
    while more := {(a, d) for a, b in found for c, d in found if b == c} - found:
        found |= more
    return found


FOLLOWS = {MobileID: reachable("mobile"), PhoneRequest: reachable("phone-request")}


class Phones(RuleBasedStateMachine):
    offers, phones, requests = Bundle("offers"), Bundle("phones"), Bundle("requests")

    @initialize(target=phones)
    def portal(self) -> object:
        """Anna and Bert have a phone each."""
        self.world = Signing()
        policy = Policy(phones=PhonePolicy(asks_per_name=10**6))
        self.world.services.policy = policy  # type: ignore[misc]
        with self.world.store.begin() as unit:
            self.people = {"anna": unit.get(Person, "anna")}
            self.people["bert"] = add_person(unit, "bart", uzi_number="900000777", role="administrator")
        self.states: dict[str, str] = {}
        self.confirmed: set[str] = {self.world.mobile_.id}
        self.blocks = 0
        self.asked: list[Request] = []
        self.by_id: dict[str, QuickPhone] = {}
        return multiple(*(self.link(person) for person in self.people))

    def link(self, person: str) -> QuickPhone:
        self.world.person = self.people[person]
        offered = Offered(self.world.offer(URA, f"{person}'s browser"), f"{person}'s browser", person)
        phone = self.new_phone(offered)
        self.world.confirm(offered.offer, phone.link(), offered.session)
        self.confirmed.add(offered.offer.mobile_id)
        return phone

    def new_phone(self, offered: Offered) -> QuickPhone:
        phone = QuickPhone(direct(self.world.line, PORTAL_KEY), clock=self.world.clock)
        phone.set_digits(Secret.of(RIGHT))
        phone.scan(offered.offer.qr_text)
        self.by_id[offered.offer.mobile_id] = phone
        return phone

    def teardown(self) -> None:
        self.world.store.close()

    # linking

    @rule(target=offers, person=st.sampled_from(["anna", "bert"]), session=SESSIONS)
    def offer(self, person: str, session: str) -> Offered:
        self.world.person = self.people[person]
        return Offered(self.world.offer(URA, session), session, person)

    @rule(target=phones, offered=offers)
    def scan(self, offered: Offered) -> object:
        earlier = self.by_id.get(offered.offer.mobile_id)
        phone = self.new_phone(offered)
        fresh = self.world.clock() < offered.offer.expires_at
        usable = fresh and self.world.mobile(offered.offer.mobile_id).state == "offered"
        assert done(phone.link) is usable
        if not usable:
            if earlier is not None:
                self.by_id[offered.offer.mobile_id] = earlier
            return multiple()
        offered.scanned_by = phone
        return phone

    @rule(offered=offers, thief=SELDOM, right=MOSTLY)
    def confirm(self, offered: Offered, thief: bool, right: bool) -> None:
        session = "a thief's browser" if thief else offered.session
        phone = offered.scanned_by
        code = phone.code if phone is not None and right else "0"
        before = self.world.mobile(offered.offer.mobile_id)
        entitled = session == offered.session and code == before.code and before.state in ("linking", "linked")
        usable = entitled and self.world.clock() < offered.offer.expires_at
        assert done(lambda: self.world.confirm(offered.offer, code, session)) is usable
        if usable:
            self.confirmed.add(offered.offer.mobile_id)

    @rule(offered=offers, session=SESSIONS)
    def look(self, offered: Offered, session: str) -> None:
        nobody = self.world.door.progress("nothing", binding=session)
        found = self.world.door.progress(offered.offer.mobile_id, binding=session)
        assert (found == nobody) is (session != offered.session)

    # asking

    @rule(target=requests, person=st.sampled_from(["anna", "bert", "nobody"]), session=SESSIONS, at_once=ANSWERS)
    def ask(self, person: str, session: str, at_once: str) -> Request:
        name = self.people[person].user_name if person in self.people else person
        return self.answered(Request(self.world.door.ask(name, URA, binding=session), session, person, False), at_once)

    def answered(self, request: Request, how: str) -> Request:
        """The phone's person mostly answers at once."""
        self.asked.append(request)
        phone = self.by_id.get(self.request(request).mobile_id)
        if phone is not None and how == "refuse":
            self.refuse(phone, request)
        elif phone is not None and how != "later":
            self.approve(phone, request, how != "wrong digits", how != "wrong number")
        if how == "approve":
            for _ in range(2):  # a signature serves once
                self.change() if request.change else self.finish(request, thief=False)
        return request

    @rule(target=requests, session=SESSIONS, at_once=ANSWERS)
    def ask_change(self, session: str, at_once: str) -> object:
        try:
            asked = self.world.ask_signature("card.block", CARD, REASON, session)
        except PortalError:
            assert not any(p.state == "linked" for p in self.all(MobileID) if p.person_id == "anna")
            return multiple()
        return self.answered(Request(asked, session, "anna", True), at_once)

    @rule(request=requests, digits=MOSTLY, number=MOSTLY)
    def approve_mine(self, request: Request, digits: bool, number: bool) -> None:
        """The phone that is asked."""
        phone = self.by_id.get(self.request(request).mobile_id)
        if phone is not None:
            self.approve(phone, request, digits, number)

    @rule(phone=phones, request=requests, digits=MOSTLY, number=MOSTLY)
    def approve_any(self, phone: QuickPhone, request: Request, digits: bool, number: bool) -> None:
        self.approve(phone, request, digits, number)

    def approve(self, phone: QuickPhone, request: Request, digits: bool, number: bool) -> None:
        asked = self.shown_to(phone, request)
        if asked is None:
            return
        shown = request.asked.number
        entered = shown if number else f"{(int(shown) + 1) % 100:02d}"
        before = self.request(request)
        linked = self.world.mobile(phone._linked().phone).state == "linked"
        usable = linked and before.state == "asked" and self.world.clock() < before.expires_at and digits and number
        code = Secret.of(RIGHT if digits else WRONG)
        assert done(lambda: phone.approve(asked, number=entered, digits=code)) is usable
        if usable:
            request.approved_by = phone
            request.approved_at = self.world.clock()

    @rule(phone=phones, other=phones, request=requests)
    def forge(self, phone: SimulatedPhone, other: SimulatedPhone, request: Request) -> None:
        """Another phone's key under what this phone is asked."""
        asked = self.shown_to(phone, request)
        if asked is None or phone is other or self.request(request).state != "asked":
            return
        forger = QuickPhone(direct(self.world.line, PORTAL_KEY), clock=self.world.clock)
        forger._link, forger._key = phone._link, other._key
        before = self.world.mobile(phone._linked().phone)
        assert not done(lambda: forger.approve(asked, number=request.asked.number, digits=Secret.of(RIGHT)))
        assert self.world.mobile(before.id) == before

    @rule(phone=phones, request=requests)
    def refuse_any(self, phone: QuickPhone, request: Request) -> None:
        self.refuse(phone, request)

    def refuse(self, phone: SimulatedPhone, request: Request) -> None:
        asked = self.shown_to(phone, request)
        if asked is not None and self.request(request).state == "asked":
            phone.refuse(asked)

    @rule(request=requests, thief=SELDOM)
    def finish(self, request: Request, thief: bool) -> None:
        session = "nobody's browser" if thief else request.session
        before = self.request(request)
        found = value(lambda: self.world.door.finish(request.asked.nonce, binding=session))
        if found is None:
            return
        assert (session, request.served, request.change) == (request.session, False, False)
        assert before.state == "approved"
        assert request.approved_by is not None
        assert found.person == self.people[request.person]
        request.served = True

    @rule()
    def change(self) -> None:
        """A change is made if, and only if, a signature over it is there; then it is used up."""
        ready = [r for r in self.asked if r.change and not r.served and self.is_good(r)]
        with self.world.store.begin() as unit:
            suspended = unit.get(SmartCard, CARD).state == "suspended"
        if suspended:
            self.world.management.acting_as(Operator("desk"), URA).unblock(CARD, "for the next one")
        made = done(lambda: self.world.manager().block(CARD, REASON))
        assert made is bool(ready)
        self.blocks += made
        for request in ready:
            request.served = self.request(request).state == "used"
        assert sum(r.served for r in self.asked if r.change) == self.blocks

    def is_good(self, request: Request) -> bool:
        """By what was done: approved by its phone two minutes ago at most, and the phone is linked still."""
        if request.approved_by is None or request.approved_at is None:
            return False
        linked = self.world.mobile(request.approved_by._linked().phone).state == "linked"
        return linked and self.world.clock() < request.approved_at + timedelta(minutes=2)

    # what administrators do, and time

    @rule(phone=phones, event=st.sampled_from(["block", "block", "unblock", "revoke"]))
    def manage(self, phone: SimulatedPhone, event: str) -> None:
        """What was signed a moment ago by a phone that is lost does nothing."""
        mobile = self.world.mobile(phone._linked().phone)
        desk = self.world.management.acting_as(Operator("desk"), URA)
        act: Callable[[str, str], object] = getattr(desk, f"{event}_phone")
        assert done(lambda: act(mobile.id, REASON)) is ((mobile.state, event) in MACHINES["mobile"])
        self.change()

    @rule(seconds=st.sampled_from([1, 1, 20, 60]))
    def wait(self, seconds: int) -> None:
        self.world.clock.forward(seconds=seconds)

    @rule(request=consumes(requests))
    def forget(self, request: Request) -> None:
        """Nobody comes back for it."""

    # what always holds

    @invariant()
    def every_step_is_in_a_table(self) -> None:
        for kind, follows in FOLLOWS.items():
            for record in self.all(kind):
                key = getattr(record, "id", None) or record.nonce
                before = self.states.get(key, record.state)
                assert before == record.state or (before, record.state) in follows
                self.states[key] = record.state

    @invariant()
    def one_phone_a_person_and_none_unconfirmed(self) -> None:
        live = [p for p in self.all(MobileID) if p.state in ("linked", "blocked")]
        assert len({p.person_id for p in live}) == len(live)
        assert {p.id for p in live} <= self.confirmed
        assert all(p.tries_left > 0 for p in live if p.state == "linked")
        assert all(not p.secret_hash for p in self.all(MobileID) if p.state != "offered")

    @invariant()
    def each_block_has_its_signature(self) -> None:
        with self.world.store.begin() as unit:
            assert sum(1 for _ in unit.find(AuditEvent, action="phone.sign")) == self.blocks
        for record in self.all(PhoneRequest):
            assert (record.signature is not None) is (record.state in ("approved", "used"))

    # helpers

    def all(self, kind: type) -> list[Any]:
        with self.world.store.begin() as unit:
            return list(unit.find(kind))

    def request(self, request: Request) -> PhoneRequest:
        with self.world.store.begin() as unit:
            return unit.get(PhoneRequest, request.asked.nonce)

    def shown_to(self, phone: SimulatedPhone, request: Request) -> PhoneAsked | None:
        """What this phone was shown of this request, now or before."""
        if self.request(request).mobile_id == phone._linked().phone and not request.shown:
            view = value(phone.view)
            if view is not None and view.asked is not None and view.asked.nonce == request.asked.nonce:
                request.shown.append(view.asked)
        mine = [asked for asked in request.shown if asked.phone == phone._linked().phone]
        return mine[-1] if mine else None


def done(action: Callable[[], object]) -> bool:
    """Whether it was done; what is refused is refused by a typed error."""
    try:
        action()
    except ZorgIDError:
        return False
    return True


def value(action: Callable[[], T]) -> T | None:
    try:
        return action()
    except ZorgIDError:
        return None


Phones.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestPhonesByTheirTables = Phones.TestCase
