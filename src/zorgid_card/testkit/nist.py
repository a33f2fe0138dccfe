"""A simulated card of the NIST dialect: SP 800-73-5 alone, administered over GlobalPlatform SCP03, with none of Yubico's commands.

What the standard leaves to the maker follows OpenFIPS201's public description as far as that goes (CHANGE REFERENCE DATA with P1 =
FF or an algorithm, PUT DATA with P2 = 00, each command of a chain protected by itself). Ours, and noted in docs/card-profile.md:
that the channel is the only administrator, that responses are protected, and that new retry limits hold at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from zorgid_card.codec import tlv
from zorgid_card.codec.apdu import SW, CommandAPDU
from zorgid_card.testkit.card import Refused
from zorgid_card.testkit.piv import PIVApplication, VirtualPIVCard, is_pin
from zorgid_card.testkit.piv_keys import KeyMaker, make_key
from zorgid_card.testkit.piv_state import (
    ADMINISTRATION,
    MOST_SHOWN,
    PIN,
    PUK,
    AdministrationAlgorithm,
    AdministrationKey,
    PIVState,
    Reference,
)
from zorgid_card.testkit.scp03 import SCP03Layer, SecurityDomain

CPLC = 0x9F7F
WITHOUT_OLD_VALUE = 0xFF
UPDATE_CONFIGURATION = 0x68
PIN_POLICY, PIN_TRIES, PIN_TRIES_CONTACTLESS = 0xA0, 0x86, 0x87
PUK_POLICY, PUK_TRIES, PUK_TRIES_CONTACTLESS = 0xA1, 0x83, 0x84

_IC_TYPE, _OPERATING_SYSTEM, _RELEASED, _FABRICATED = 0x5170, 0x1D01, 0x5026, 0x5100


class NISTApplication(PIVApplication):
    """The PIV Card Application, administered over the channel only.

    Args:
        state: what it remembers.
        key_maker: makes private keys.
        hidden: whether the present command came authenticated and encrypted over the channel.
    """

    def __init__(self, state: PIVState, key_maker: KeyMaker, hidden: Callable[[], bool]) -> None:
        super().__init__(state, key_maker, dialect=False)
        self._hidden = hidden

    def require_administrator(self) -> None:
        """Refuse with 6982 what did not come over the channel; key 9B opens nothing."""
        if not self._hidden():
            raise Refused(SW.SECURITY_STATUS)

    def _change_reference_data(self, command: CommandAPDU) -> bytes:
        """The standard's (P1 = 00); or PIN, PUK or key 9B without the old value."""
        if command.p1 == 0x00:
            return super()._change_reference_data(command)
        self.require_administrator()
        if command.p2 == ADMINISTRATION:
            self._set_administration_key(command)
        elif command.p1 != WITHOUT_OLD_VALUE:
            raise Refused(SW.WRONG_P1P2)
        elif command.p2 not in {PIN, PUK}:
            raise Refused(SW.REF_NOT_FOUND)
        else:
            self._set_reference(self.state.pin if command.p2 == PIN else self.state.puk, command)
        return b""

    def _set_reference(self, reference: Reference, command: CommandAPDU) -> None:
        if len(command.data) != 8 or (command.p2 == PIN and not is_pin(command.data)):
            raise Refused(SW.WRONG_DATA)
        reference.replace(command.data)
        self.session.pin = False

    def _set_administration_key(self, command: CommandAPDU) -> None:
        try:
            algorithm = AdministrationAlgorithm(command.p1)
        except ValueError:
            raise Refused(SW.WRONG_P1P2) from None
        elements = tlv.Index(command.data).items(0x30)
        if [tag for tag, _ in elements] != [0x80] or len(elements[0][1]) != algorithm.key_size:
            raise Refused(SW.WRONG_DATA)
        self.state.administration = AdministrationKey(algorithm, elements[0][1])
        self.session.administrator = False

    def _put_data(self, command: CommandAPDU) -> bytes:
        """The standard's (P2 = FF); or the configuration (P2 = 00)."""
        if (command.p1, command.p2) != (0x3F, 0x00):
            return super()._put_data(command)
        self.require_administrator()
        policies = tlv.Index(command.data).items(UPDATE_CONFIGURATION)
        tags = [tag for tag, _ in policies]
        if not tags or tags != [tag for tag in (PIN_POLICY, PUK_POLICY) if tag in tags]:
            raise Refused(SW.WRONG_DATA)
        limits = {tag: _limit(tag, value) for tag, value in policies}
        self.state.pin = _limited(self.state.pin, limits.get(PIN_POLICY))
        self.state.puk = _limited(self.state.puk, limits.get(PUK_POLICY))
        return b""


def _limit(policy: int, value: bytes) -> int:
    """Tries over contacts; those without contacts, which this card has not, must be fewer."""
    names = (PIN_TRIES, PIN_TRIES_CONTACTLESS) if policy == PIN_POLICY else (PUK_TRIES, PUK_TRIES_CONTACTLESS)
    given = dict(tlv.Index(value).items())
    if tuple(given) != names or any(len(one) != 1 for one in given.values()):
        raise Refused(SW.WRONG_DATA)
    contact, contactless = (one[0] for one in given.values())
    if not contactless < contact <= MOST_SHOWN:
        raise Refused(SW.WRONG_DATA)
    return contact


def _limited(reference: Reference, tries: int | None) -> Reference:
    return reference if tries is None else Reference(reference.value, tries, tries)


class CardManager(SecurityDomain):
    """The issuer security domain, which tells which card it is, too.

    Args:
        state: the card's, with production data.
        options: the "i" parameter of the card's SCP03.
    """

    def __init__(self, state: PIVState, options: int) -> None:
        super().__init__(options)
        self._objects[CPLC] = production_data(state)


def production_data(state: PIVState) -> bytes:
    """Tag 9F7F: 42 bytes, what is not known left at zero."""
    production = state.production
    fabricator, batch = (0, 0) if production is None else (production.fabricator, production.batch)
    major, minor, _ = state.firmware
    fields = b"".join(
        number.to_bytes(length, "big")
        for number, length in (
            (fabricator, 2),
            (_IC_TYPE, 2),
            (_OPERATING_SYSTEM, 2),
            (_RELEASED, 2),
            (major << 8 | minor, 2),
            (_FABRICATED, 2),
            (state.serial, 4),
            (batch, 2),
        )
    )
    return tlv.encode(CPLC, fields.ljust(42, b"\x00"))


class VirtualNISTCard(VirtualPIVCard):
    """A simulated blank or issued ZORG-ID Smartcard of the NIST dialect.

    Args:
        state: what it remembers, with production data and channel keys; a :class:`~zorgid_card.testkit.maker.Maker` makes blank
            ones.
        key_maker: makes private keys; tests may hand out ready-made ones.
        extended: whether it takes extended length fields.
    """

    of_production: ClassVar[bool] = True

    def __init__(self, state: PIVState, *, key_maker: KeyMaker = make_key, extended: bool = True) -> None:
        if state.channel is None or state.production is None:
            raise ValueError("a card of this dialect has channel keys and production data")
        self._state = state
        layer = SCP03Layer(state.channel, s16=False, by_part=True)
        application = NISTApplication(state, key_maker, lambda: layer.hidden)
        self._assemble(application, [application, CardManager(state, layer.options)], [layer], extended)
