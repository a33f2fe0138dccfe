"""Cards in use, and a desk where they are replaced, renewed and emptied; a card side that is killed at any call."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from world import CARD_PIN, DESKTOP, ScriptedHolder, World
from zorgid_card.cards.access import LastTry, PINRequest
from zorgid_card.ports.registry import IssuedCertificate, SmartCard
from zorgid_card.secret import Secret
from zorgid_card.testkit.piv import VirtualPIVCard
from zorgid_card.workflows.creation import Made
from zorgid_card.workflows.policy import CreationPolicy
from zorgid_card.workflows.renewal import CardRenewal

KEYS = frozenset({0x9A, 0x9C, 0x9D})
"""Key references of a ZORG-ID Smartcard; a UZI pass has others."""


def world_with(directory: Path, **policy: Any) -> World:
    """A portal with a validated practice that takes both dialects."""
    both = {"residency": frozenset({"attested", "channel"}), **policy}
    world = World(directory, creation=CreationPolicy(key_algorithm="ECCP256", **both))
    world.validated()
    return world


def blank_of(world: World, dialect: str) -> VirtualPIVCard:
    """A blank: yubico, yubico over a channel, nist."""
    if dialect == "nist":
        return world.nist_blank()
    blank = world.maker.blank(diversified=dialect == "yubico over a channel")
    if dialect == "yubico over a channel":
        world.deliver(blank)
    return blank


@dataclass
class CardHolder(ScriptedHolder):
    """A holder who knows the PINs of pass and card."""

    card_pin: bytes = CARD_PIN

    def pin(self, request: PINRequest) -> Secret | LastTry:
        given = super().pin(request)
        return Secret.of(self.card_pin) if request.reference in KEYS else given


def records(world: World, kind: type) -> list[Any]:
    with world.registry.begin() as unit:
        return list(unit.find(kind))


def card_of(world: World, serial: str) -> SmartCard:
    with world.registry.begin() as unit:
        return unit.get(SmartCard, serial)


def statuses(world: World, serial: str) -> dict[bytes, str]:
    return {c.der: c.status for c in records(world, IssuedCertificate) if c.card_serial == serial}


def made(world: World, dialect: str) -> tuple[Made, VirtualPIVCard]:
    card = blank_of(world, dialect)
    done = world.create(world.worker(card))
    world.reader.remove()
    world.now += timedelta(days=1)
    return done, card


def holder_of(world: World, card: VirtualPIVCard, **given: Any) -> CardHolder:
    return CardHolder(world.reader, world.worker_pass, card, **given)


def renewal(world: World, holder: ScriptedHolder, **given: Any) -> CardRenewal:
    parts = {"reader": world.reader, "client": world.client(), "journal": world.journal, **given}
    return CardRenewal(parts["reader"], parts["client"], holder, parts["journal"], card_timeout=1)


def works(world: World, card: VirtualPIVCard, certificate: bytes) -> None:
    """The card has this certificate and its key, and the portal lets it in; no other certificate of it is valid."""
    world.reader.remove()
    world.reader.insert(card)
    presented = world.card()
    assert presented.certificate() == certificate
    presented.authentication_signer(lambda _: Secret.of(CARD_PIN)).sign(b"x")
    presented._checked(presented.signer("authenticity", lambda _: Secret.of(CARD_PIN)), b"x")
    serial = str(card._state.number)
    assert card_of(world, serial).state == "active"
    good = [der for der, status in statuses(world, serial).items() if status == "good"]
    assert good == [certificate]


def nothing_valid(world: World, card: VirtualPIVCard) -> None:
    serial = str(card._state.number)
    assert card_of(world, serial).state in ("abandoned", "revoked")
    assert set(statuses(world, serial).values()) == {"revoked"}


class KilledError(BaseException):
    """The process is gone: nothing of it runs any more."""


class Process:
    """A card side that is killed at its n-th call to the card, the portal or the journal, before it or after it was done."""

    def __init__(self, world: World, holder: ScriptedHolder, at: int, *, after: bool) -> None:
        self.at, self.after, self.calls, self.names = at, after, 0, list[str]()
        journal, portal, reader = Doors(world.journal, self), Doors(world.portal, self), Doors(world.reader, self)  # type: ignore[arg-type]
        client = world.client(portal)  # type: ignore[arg-type]
        self.renewal = renewal(world, holder, reader=reader, client=client, journal=journal)

    def through(self, name: str, call: Any, *given: Any, **named: Any) -> Any:
        self.calls += 1
        self.names.append(name)
        if self.calls > self.at or (self.calls == self.at and not self.after):
            raise KilledError
        answer = call(*given, **named)
        if self.calls == self.at:
            raise KilledError
        return answer

    def run(self) -> Made | None:
        with suppress(KilledError):
            return self.renewal.run(**DESKTOP)
        return None


class Doors:
    """What a process reaches the world through."""

    COUNTED = frozenset({"ask", "write", "finish", "transmit"})

    def __init__(self, inner: Any, process: Process) -> None:
        self._inner, self._process = inner, process

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name == "connect":
            return lambda **given: Doors(found(**given), self._process)
        if name in self.COUNTED:
            return lambda *given, **named: self._process.through(name, found, *given, **named)
        return found
