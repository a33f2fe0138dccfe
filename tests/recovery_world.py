"""A card in use whose PUK others get to know: out of escrow, or because the portal has reset it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from registry_world import add_person
from world import DESKTOP, PRACTICE, ScriptedHolder, World
from zorgid_card.cards.access import LastTry, PINRequest
from zorgid_card.errors import WrongPUKError
from zorgid_card.ports.registry import SmartCard
from zorgid_card.protocol.iso7816 import Credential
from zorgid_card.secret import Secret
from zorgid_card.testkit.piv import VirtualPIVCard
from zorgid_card.workflows.creation import CardCreation
from zorgid_card.workflows.escrow import EscrowRoom, KeyOfficer, open_sealed
from zorgid_card.workflows.pin import unblock_pin
from zorgid_card.workflows.policy import CreationPolicy
from zorgid_card.workflows.recovery import CardRecovery, PUKReset

KEY = ec.derive_private_key(0x0FF1CE, ec.SECP256R1())
DER = KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
OFFICER = KeyOfficer.pinned("Sleutelbeheer De Linde", DER, hashlib.sha256(DER).digest())
NEW = b"86420975"
MANAGER = "manager"


@dataclass
class Owner(ScriptedHolder):
    """The card's holder, and whoever brings its PUK to the desk."""

    brought: bytes = b""
    word: bool = True

    def pin(self, request: PINRequest) -> Secret | LastTry:
        if request.what is not Credential.PUK:
            return super().pin(request)
        self._decide("type-puk")
        return LastTry(Secret.of(self.brought)) if self.word else Secret.of(self.brought)


class Known:
    """A card in use, with a portal, two who manage, and a way in which others get to know its PUK."""

    def __init__(self, directory: Path, how: str) -> None:
        self.how = how
        fingerprint = OFFICER.fingerprint if how == "escrow" else b""
        residency = frozenset({"attested", "channel"})
        policy = CreationPolicy(key_algorithm="ECCP256", residency=residency, key_officer=fingerprint)
        self.world = world = World(directory, creation=policy)
        world.validated()
        self.administrator = world.register().person
        with world.registry.begin() as unit:
            add_person(unit, MANAGER, uzi_number="900000777", ura=PRACTICE.ura, role="manager")
        self.blank: VirtualPIVCard = world.maker.blank() if how == "escrow" else world.nist_blank()
        holder = world.worker(self.blank)
        creation = CardCreation(world.reader, world.client(), holder, world.journal, card_timeout=1, officer=OFFICER)
        self.serial = creation.run(**DESKTOP).serial
        self.puk = holder.puk
        """What the holder has on paper."""
        self.disclosed = b""
        """What others know."""

    def disclose(self) -> None:
        if self.how == "escrow":
            room = EscrowRoom(self.world.registry, self.world.management, lambda: self.world.now)
            room.ask(MANAGER, PRACTICE.ura, self.serial, "forgotten")
            sealed = room.release(self.administrator, PRACTICE.ura, self.serial)[-1]
            with open_sealed(KEY, self.serial, sealed) as puk, puk.expose() as digits:
                self.disclosed = bytes(digits)
            assert self.disclosed == self.puk
        else:
            self.inserted()
            reset = PUKReset(self.world.registry, self.world.management, self.world.keys, lambda: self.world.now)
            reset.reset(MANAGER, PRACTICE.ura, self.serial, self.world.card().relay, "lost")
            self.disclosed = self.puk = self.maker

    @property
    def maker(self) -> bytes:
        factory = self.world.card().profile.factory
        assert factory is not None
        return factory.puk

    def inserted(self) -> None:
        if self.world.reader.card is not self.blank:
            self.world.reader.remove()
            self.world.reader.insert(self.blank)

    def owner(self, reader: Any = None) -> Owner:
        return Owner(
            reader or self.world.reader,
            self.world.worker_pass,
            self.blank,
            pins=[(NEW, NEW)],
            brought=self.puk,
        )

    def recovery(self, holder: Owner, reader: Any = None, seam: Any = None) -> CardRecovery:
        world = self.world
        return CardRecovery(
            reader or world.reader, world.client(seam), holder, world.journal, card_timeout=1, officer=OFFICER
        )

    def recover(self) -> Owner:
        self.world.reader.remove()
        holder = self.owner()
        self.recovery(holder).run_recovery(**DESKTOP)
        self.puk = holder.puk
        return holder

    def unblock(self) -> None:
        self.world.management.acting_as(MANAGER, PRACTICE.ura).unblock(self.serial, "done")

    @property
    def card(self) -> SmartCard:
        with self.world.registry.begin() as unit:
            return unit.get(SmartCard, self.serial)

    def works_with(self, puk: bytes) -> bool:
        """Whether the card takes this PUK; costs a try where it does not."""
        self.inserted()
        try:
            unblock_pin(self.world.card(), Secret.of(puk), Secret.of(NEW), Secret.of(NEW), last_try_allowed=True)
        except WrongPUKError:
            return False
        return True
