"""What is on a PIV card with the Yubico dialect, read without PIN or key."""

from __future__ import annotations

from dataclasses import dataclass, replace

from zorgid_card.codec.link import Exchange
from zorgid_card.protocol import piv, yubico


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """A card's state as its metadata and objects tell it; None where the card tells nothing."""

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
        found = [
            name
            for name, default in (
                ("PIN", self.pin_default),
                ("PUK", self.puk_default),
                ("administration key", self.administration_default),
            )
            if default is not True
        ]
        found += [f"key {slot:02X}" for slot in sorted(self.keys)]
        found += [f"certificate {slot:02X}" for slot in sorted(self.certificates)]
        return (*found, "CHUID") if self.chuid else tuple(found)


def take_inventory(administration: yubico.Metadata | None = None, *, until_used: bool = False) -> Exchange[Inventory]:
    """GET METADATA and GET DATA of everything that a blank does not have; the application is selected.

    Args:
        administration: what the card told of its administration key already.
        until_used: stop at the first that keeps the card from being in factory state.
    """
    pin = yield from yubico.metadata(piv.PIN)
    puk = yield from yubico.metadata(piv.PUK)
    administration = administration or (yield from yubico.metadata(piv.ADMINISTRATION))
    found = Inventory(
        pin_default=pin.default if pin else None,
        puk_default=puk.default if puk else None,
        administration_default=administration.default if administration else None,
        administration_algorithm=administration.algorithm if administration else None,
        keys=frozenset(),
        certificates=frozenset(),
        chuid=False,
    )
    for slot, tag in piv.CERTIFICATE_OBJECTS.items():
        if until_used and found.used:
            return found
        if (yield from yubico.metadata(slot)) is not None:
            found = replace(found, keys=found.keys | {slot})
        if (yield from piv.get_data(tag)) is not None:
            found = replace(found, certificates=found.certificates | {slot})
    return replace(found, chuid=(yield from piv.get_data(piv.CHUID)) is not None)
