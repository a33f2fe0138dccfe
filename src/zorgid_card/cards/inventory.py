"""What is on a PIV card that may become a ZORG-ID Smartcard, read without PIN or key."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from zorgid_card.cards.profile import CardProfile
from zorgid_card.codec.link import Exchange
from zorgid_card.protocol import iso7816, piv, yubico


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """A card's state as its metadata and objects tell it; None where the card tells nothing."""

    metadata: bool
    """Whether the dialect tells of keys and of default values; without, no key is seen, and the PIN's counter is what is told."""
    pin_untried: bool | None
    """Where there is no metadata: the PIN has all the tries with which it is delivered."""
    pin_default: bool | None
    puk_default: bool | None
    administration_default: bool | None
    administration_algorithm: int | None
    keys: frozenset[int]
    """Slots with a key."""
    certificates: frozenset[int]
    """Slots with a certificate object."""
    chuid: bool

    @property
    def used(self) -> tuple[str, ...]:
        """What keeps the card from being in factory state, for people; empty for a blank."""
        found = [name for name, default in self._told if default is not True]
        found += [f"key {slot:02X}" for slot in sorted(self.keys)]
        found += [f"certificate {slot:02X}" for slot in sorted(self.certificates)]
        return (*found, "CHUID") if self.chuid else tuple(found)

    @property
    def _told(self) -> tuple[tuple[str, bool | None], ...]:
        if not self.metadata:
            return (("PIN", self.pin_untried),)
        return (
            ("PIN", self.pin_default),
            ("PUK", self.puk_default),
            ("administration key", self.administration_default),
        )


def take_inventory(
    profile: CardProfile, administration: yubico.Metadata | None = None, *, until_used: bool = False
) -> Exchange[Inventory]:
    """Read everything that a blank does not have, by GET METADATA where the dialect has that, and GET DATA; the application is
    selected.

    Args:
        profile: of the card's dialect.
        administration: what the card told of its administration key already.
        until_used: stop at the first that keeps the card from being in factory state.
    """
    found = yield from (_by_metadata(administration) if profile.metadata else _by_counter(profile))
    for slot, tag in piv.CERTIFICATE_OBJECTS.items():
        if until_used and found.used:
            return found
        if profile.metadata and (yield from yubico.metadata(slot)) is not None:
            found = replace(found, keys=found.keys | {slot})
        if (yield from piv.get_data(tag)) is not None:
            found = replace(found, certificates=found.certificates | {slot})
    return replace(found, chuid=(yield from piv.get_data(piv.CHUID)) is not None)


def _by_metadata(administration: yubico.Metadata | None) -> Exchange[Inventory]:
    pin = yield from yubico.metadata(piv.PIN)
    puk = yield from yubico.metadata(piv.PUK)
    administration = administration or (yield from yubico.metadata(piv.ADMINISTRATION))
    return replace(
        _NOTHING,
        metadata=True,
        pin_default=pin.default if pin else None,
        puk_default=puk.default if puk else None,
        administration_default=administration.default if administration else None,
        administration_algorithm=administration.algorithm if administration else None,
    )


def _by_counter(profile: CardProfile) -> Exchange[Inventory]:
    status = yield from iso7816.verify_status(piv.PIN)
    return replace(_NOTHING, pin_untried=status.tries_left == profile.pin_tries)


_NOTHING: Final = Inventory(
    metadata=False,
    pin_untried=None,
    pin_default=None,
    puk_default=None,
    administration_default=None,
    administration_algorithm=None,
    keys=frozenset(),
    certificates=frozenset(),
    chuid=False,
)
