"""Random organisations with their people, cards and phones; every service call there is; and whose what is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from registry_world import BORN, NOW, Clock, add_card, add_organisation, registry, uzi_pass
from zorgid_card.pki.identity import UZIIdentity
from zorgid_card.ports import registry as records
from zorgid_card.ports.registry import (
    AuditHead,
    AuditLink,
    CardLink,
    Counter,
    IssuedCertificate,
    Membership,
    MobileID,
    Notice,
    Organisation,
    Person,
    Reply,
    Request,
    SmartCard,
    StatusChange,
    Suspension,
    TryCount,
    Unit,
)
from zorgid_card.workflows import people
from zorgid_card.workflows.management import Acting, Actor, Management, Operator
from zorgid_card.workflows.policy import UNSIGNED, PhonePolicy, Policy

URAS = ("90000001", "90000002", "90000003")
PEOPLE = tuple(f"person-{letter}" for letter in "abcdef")
OPERATOR = Operator("operator")
Records = dict[tuple[str, str], Any]


@dataclass(frozen=True)
class Link:
    """Where a person is linked, as what; a guest's link ends."""

    role: str
    guest: bool

    @property
    def until(self) -> Any:
        return NOW + timedelta(days=3) if self.guest else None


@dataclass(frozen=True)
class Scene:
    """Organisation states; links of people; which of their links their card and phone have."""

    states: dict[str, str]
    links: dict[tuple[str, str], Link]
    cards: dict[str, str]


_LINKS = st.sampled_from(
    (
        *(Link(people.ADMINISTRATOR, False),) * 4,
        *(Link(people.MANAGER, False),) * 2,
        *(Link(people.HOLDER, False),) * 2,
        Link(people.HOLDER, True),
    )
)
SCENES = st.builds(
    Scene,
    st.fixed_dictionaries({ura: st.sampled_from(("validated",) * 4 + ("suspended", "approved")) for ura in URAS}),
    st.dictionaries(st.tuples(st.sampled_from(PEOPLE), st.sampled_from(URAS)), _LINKS, min_size=6, max_size=14),
    st.dictionaries(st.sampled_from(PEOPLE), st.sampled_from(("active", "active", "suspended", "revoked")), min_size=4),
)


@dataclass(frozen=True)
class Play:
    """A scene; who acts, and for which organisation; every service in some order, about these people and organisations in turn."""

    scene: Scene
    actor: Actor
    ura: str | None
    order: tuple[str, ...]
    people: tuple[str, ...]
    uras: tuple[str, ...]

    def calls(self) -> Iterator[tuple[str, str, str]]:
        """Name of the service, person, organisation."""
        for number, name in enumerate(self.order):
            yield name, self.people[number % len(self.people)], self.uras[number // 2 % len(self.uras)]


@st.composite
def _plays(draw: st.DrawFn) -> Play:
    """Mostly somebody acts where they are linked; else anybody anywhere."""
    scene = draw(SCENES)
    linked = st.sampled_from(sorted(scene.links))
    anywhere = st.sampled_from((*URAS, "90000009", None))
    who: tuple[Actor, str | None] = draw(
        st.one_of(
            linked,
            linked,
            linked,
            st.tuples(st.sampled_from((*PEOPLE, "nobody")), anywhere),
            st.tuples(st.just(OPERATOR), anywhere),
            st.tuples(st.none(), anywhere),
            st.tuples(st.builds(pass_of, st.sampled_from(PEOPLE), st.sampled_from(URAS)), anywhere),
            linked.map(lambda link: (pass_of(*link), link[1])),
        )
    )
    order, people_, uras = (tuple(draw(st.permutations(names))) for names in (sorted(CALLS), PEOPLE, URAS))
    return Play(scene, *who, order, people_, uras)


PLAYS = _plays()


def pass_of(person: str, ura: str) -> UZIIdentity:
    """A pass of this person, for this organisation."""
    return uzi_pass(number_of(person), ura=ura, given_names=person.title(), surname="Jansen")


def number_of(person: str) -> str:
    return f"90000000{PEOPLE.index(person)}"


def serial_of(person: str) -> str:
    return f"card-of-{person}"


class IsolationWorld:
    """The scene, in a registry; a phone and an open request for each organisation."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.store = registry()
        self.management = Management(self.store, Clock(), Policy(phones=PhonePolicy(signed=UNSIGNED)))
        with self.store.begin() as unit:
            for ura in URAS:
                add_organisation(unit, ura, state=scene.states[ura])
                unit.add(_request(f"request-of-{ura}", ura))
            for person in PEOPLE:
                unit.add(_person(person))
            for (person, ura), link in scene.links.items():
                unit.add(
                    Membership(id=f"m-{person}-{ura}", person_id=person, ura=ura, role=link.role, until=link.until)
                )
                unit.add(_phone(person, ura))
            for person, state in scene.cards.items():
                self._card(unit, person, state)
        self.codes = {ura: self.management.acting_as(OPERATOR).offer_link(ura, PEOPLE[0]).code
                      for ura in URAS if scene.states[ura] == "validated"}  # fmt: skip

    def _card(self, unit: Unit, person: str, state: str) -> None:
        status = {"active": "good", "suspended": "hold", "revoked": "revoked"}[state]
        add_card(unit, serial_of(person), person, certificate=f"c{PEOPLE.index(person)}", ura=None, state=state,
                 status=status)  # fmt: skip
        for (other, ura), link in self.scene.links.items():
            if other == person:
                unit.add(CardLink(id=f"l-{person}-{ura}", card_serial=serial_of(person), ura=ura, until=link.until))

    def all_records(self) -> Records:
        """Everything in the registry, but what is nobody's: answers kept, tries counted, the number of changes."""
        with self.store.begin() as unit:
            return {
                (kind.__name__, str(getattr(record, fields(record)[0].name))): record
                for kind in _kinds()
                for record in unit.find(kind)
                if not (kind is Counter and not getattr(record, "name", "").startswith("audit:"))
            }

    def role(self, actor: Actor, ura: str | None) -> str | None:
        """What the table of roles takes the actor for; None: for nobody there."""
        if actor is None:
            return "applicant"
        if isinstance(actor, Operator):
            return "operator" if ura is None or ura in URAS else None
        if isinstance(actor, UZIIdentity):
            return "pass holder" if actor.ura == ura else None
        link = self.scene.links.get((actor, ura or ""))
        return link.role if link and self.scene.states[ura or ""] == "validated" else None


def _kinds() -> Iterator[type[Any]]:
    for kind in vars(records).values():
        if isinstance(kind, type) and is_dataclass(kind) and kind not in (Reply, TryCount):
            yield kind


def owners(records_: Records, record: Any) -> set[str]:
    """The organisations whose a record is."""
    found: set[str | None] = set()
    if isinstance(record, Person):
        found = {m.ura for m in records_.values() if isinstance(m, Membership) and m.person_id == record.id}
    elif isinstance(record, SmartCard):
        found = {
            link.ura for link in records_.values() if isinstance(link, CardLink) and link.card_serial == record.serial
        }
    elif isinstance(record, IssuedCertificate | Suspension | StatusChange):
        serial = record.serial if isinstance(record, StatusChange) else record.card_serial
        cards = [
            c for c in records_.values() if isinstance(c, SmartCard) and serial in (c.serial, c.certificate_serial)
        ]
        found = {ura for card in cards for ura in owners(records_, card)}
    elif isinstance(record, Counter):
        found = {record.name.partition(":")[2]}
    elif isinstance(record, AuditHead | AuditLink):
        name = record.chain if isinstance(record, AuditHead) else record.id.partition(":")[0]
        found = {name} - {"portal"}
    elif isinstance(record, Notice):  # it goes to who asked, whose request it names
        found = {json.loads(record.data)["ura"]}
    else:
        found = {record.ura}
    return {ura for ura in found if ura}


def theirs(records_: Records, ura: str | None) -> set[str]:
    """The names of what is not this organisation's: what no answer may hold."""
    named = {Organisation: "name", Person: "given_names", SmartCard: "serial", MobileID: "id", Request: "id"}
    return {
        str(getattr(record, named[type(record)]))
        for record in records_.values()
        if type(record) in named and ura not in owners(records_, record)
    }


def _request(name: str, ura: str) -> Request:
    return Request(id=name, ura=ura, organisation_name=f"Praktijk {ura}", contact_name="J. Jansen", contact_email="j@example.nl",
                   state="filed", reason=None, filed_at=NOW, decided_at=None)  # fmt: skip


def _person(name: str) -> Person:
    return Person(id=name, user_name=f"user.{name}", given_names=name.title(), surname="Jansen", birth_date=BORN,
                  uzi_number=number_of(name), role_code="01.000")  # fmt: skip


def phone_of(person: str, ura: str) -> str:
    return f"phone-of-{person}-at-{ura}"


def _phone(person: str, ura: str) -> MobileID:
    return MobileID(id=phone_of(person, ura), person_id=person, ura=ura, state="linked", secret_hash=b"", expires_at=NOW,
                    public_key=b"", salt=b"", verifier=b"", tries_left=5, last_used_at=NOW, binding="", code=None)  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """What a call is about: anything of anybody."""

    person: str
    ura: str
    code: str

    @property
    def card(self) -> str:
        return serial_of(self.person)

    @property
    def phone(self) -> str:
        return phone_of(self.person, self.ura)


CALLS: dict[str, tuple[str, Callable[[Acting, Asked], object]]] = {
    "list_cards": ("card.list", lambda acting, asked: acting.list_cards(limit=200)),
    "own_cards": ("card.list", lambda acting, asked: acting.own_cards()),
    "expiring": ("card.list", lambda acting, asked: acting.expiring(within=timedelta(days=5000))),
    "show": ("card.show", lambda acting, asked: acting.show(asked.card)),
    "own": ("card.block", lambda acting, asked: acting.own(asked.card, "card.block")),
    "block": ("card.block", lambda acting, asked: acting.block(asked.card, "why")),
    "unblock": ("card.unblock", lambda acting, asked: acting.unblock(asked.card, "why")),
    "revoke": ("card.revoke", lambda acting, asked: acting.revoke(asked.card, "why")),
    "list_people": ("person.list", lambda acting, asked: acting.list_people(limit=200)),
    "show_person": ("person.show", lambda acting, asked: acting.show_person(asked.person)),
    "named": ("person.show", lambda acting, asked: acting.named(f"user.{asked.person}")),
    "appoint": ("person.appoint", lambda acting, asked: acting.appoint(asked.person, "manager", "why")),
    "unlink": ("person.unlink", lambda acting, asked: acting.unlink(asked.person, "why")),
    "approve_uzi_number": (
        "person.approve-uzi-number",
        lambda acting, asked: acting.approve_uzi_number(asked.person, "900000099", "why"),
    ),
    "offer_link": ("person.offer", lambda acting, asked: acting.offer_link(asked.ura, asked.person)),
    "link": ("person.link", lambda acting, asked: acting.link(asked.code, "why")),
    "link_guest": (
        "person.link-guest",
        lambda acting, asked: acting.link_guest(number_of(asked.person), asked.card, NOW + timedelta(days=2), "why"),
    ),
    "disclose_puk": ("puk.disclose", lambda acting, asked: acting.disclose_puk(asked.card, "escrow", "why")),
    "identify": ("person.identify", lambda acting, asked: acting.identify(BORN)),
    "join": ("person.join", lambda acting, asked: acting.join(BORN, asked.person)),
    "phones": ("phone.list", lambda acting, asked: acting.phones()),
    "list_phones": ("phone.list", lambda acting, asked: acting.list_phones(limit=200)),
    "show_phone": ("phone.list", lambda acting, asked: acting.show_phone(asked.phone)),
    "block_phone": ("phone.block", lambda acting, asked: acting.block_phone(asked.phone, "why")),
    "unblock_phone": ("phone.unblock", lambda acting, asked: acting.unblock_phone(asked.phone, "why")),
    "revoke_phone": ("phone.revoke", lambda acting, asked: acting.revoke_phone(asked.phone, "why")),
    "events": ("audit.show", lambda acting, asked: acting.events(limit=200)),
    "card_events": ("card.show", lambda acting, asked: acting.card_events(asked.card)),
    "person_events": ("person.show", lambda acting, asked: acting.person_events(asked.person)),
    "export_events": ("audit.export", lambda acting, asked: list(acting.export_events("portal"))),
    "request": (
        "request.file",
        lambda acting, asked: acting.request(organisation_name="x", contact_name="y", contact_email="z@example.nl"),
    ),
    "requests": ("request.show", lambda acting, asked: acting.requests(limit=200)),
    "show_request": ("request.show", lambda acting, asked: acting.show_request(f"request-of-{asked.ura}")),
    "approve": ("request.approve", lambda acting, asked: acting.approve(f"request-of-{asked.ura}", "why")),
    "reject": ("request.reject", lambda acting, asked: acting.reject(f"request-of-{asked.ura}", "why")),
    "organisations": ("organisation.list", lambda acting, asked: acting.organisations(limit=200)),
    "organisation": ("organisation.show", lambda acting, asked: acting.organisation()),
    "suspend": ("organisation.suspend", lambda acting, asked: acting.suspend("why")),
    "resume": ("organisation.resume", lambda acting, asked: acting.resume("why")),
    "validate": ("organisation.validate", lambda acting, asked: acting.validate()),
    "register_administrator": (
        "administrator.register",
        lambda acting, asked: acting.register_administrator(BORN, b"consent"),
    ),
}
"""Every service: the action of the table that it is, and a call of it."""
