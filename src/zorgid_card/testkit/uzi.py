"""A simulated UZI pass: a PKCS#15 card with three keys (two on an M pass), a PIN and a PUK, or a second PIN for the signature.

What it does with commands is told in :mod:`~zorgid_card.testkit.uzi_application`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from zorgid_card.errors import StorageError
from zorgid_card.testkit.card import VirtualCard
from zorgid_card.testkit.piv_state import Reference, read_json, write_json
from zorgid_card.testkit.uzi_application import UZIApplication
from zorgid_card.testkit.uzi_contents import PassContents
from zorgid_card.testkit.uzi_layout import EVERY_LAYOUT, LAYOUT_A, Layout
from zorgid_card.testkit.uzi_profile import Usage

ATR = bytes.fromhex("3BDC18FF8191FE1FC3060A2B06010401E910050204D6")
"""Answer to reset of a real pass (T=1, and a second protocol byte T=15 for global interface bytes)."""

OLDER_ATR = bytes.fromhex("3BFD1800FF8131FE4543494247555A494A324130383158")
"""Answer to reset of an older generation (historical bytes ``CIBGUZIJ2A081``)."""

DEFAULT_PIN, DEFAULT_PUK, DEFAULT_SIGNATURE_PIN = b"123456", b"87654321", b"654321"
TRIES = 3

_REFERENCES = ("pin", "puk", "signature_pin")
_FORMAT = "zorgid-card simulated UZI pass; keys, PIN and PUK in clear, for simulation only"


class VirtualUZIPass(VirtualCard):
    """A simulated UZI pass.

    Args:
        contents: what the test PKI issued.
        layout: how its files are laid out.
        pin: the PIN, 6 to 8 digits.
        puk: the PUK, 6 to 8 digits.
        atr: answer to reset.
        extended: whether the card takes extended length; real passes' ATRs do not say so.
        stored: octets for certificate files in place of the certificates: a card that went bad.
        signature_pin: the PIN of the signature key, in layouts where it has one of its own.
        activated: False for a pass that its holder has yet to activate.
    """

    def __init__(
        self,
        contents: PassContents,
        *,
        layout: Layout = LAYOUT_A,
        pin: bytes = DEFAULT_PIN,
        puk: bytes = DEFAULT_PUK,
        atr: bytes = ATR,
        extended: bool = False,
        stored: Mapping[Usage, bytes] | None = None,
        signature_pin: bytes = DEFAULT_SIGNATURE_PIN,
        activated: bool = True,
    ) -> None:
        """Personalise the card."""
        form = layout.pin_format
        own = form if layout.signature_pin is None else layout.signature_pin.form
        first, second = (Reference(form.encode(code), TRIES, TRIES) for code in (pin, puk))
        third = Reference(own.encode(signature_pin), TRIES, TRIES)
        if not (form.is_valid(first.value) and form.is_valid(second.value) and own.is_valid(third.value)):
            raise ValueError("PIN and PUK have 6 to 8 digits")
        self._application = UZIApplication(contents, layout, (first, second, third), stored or {}, activated=activated)
        super().__init__(atr, default=self._application, extended=extended)

    @property
    def contents(self) -> PassContents:
        """What the pass holds."""
        return self._application.contents

    @property
    def layout(self) -> Layout:
        """How its files are laid out."""
        return self._application.layout

    @property
    def activated(self) -> bool:
        """Whether its holder has activated it."""
        return self._application.activated

    @property
    def signature_tries_left(self) -> int:
        """How many tries the signature key's own PIN has left."""
        return self._application.signature_pin.left

    @property
    def tries_left(self) -> tuple[int, int]:
        """How many tries the PIN and the PUK have left."""
        return self._application.pin.left, self._application.puk.left

    def save(self, path: Path) -> None:
        """Write the card to a file, **private keys, PIN and PUK in clear**; readable by its owner only.

        Raises:
            StorageError: the file could not be written.
        """
        application = self._application
        references = {name: getattr(application, name) for name in _REFERENCES}
        record = {
            "format": _FORMAT,
            "layout": application.layout.name,
            "atr": self.atr.hex(),
            "extended": self._extended,
            "activated": application.activated,
            "contents": application.contents.record(),
            "stored": {usage: octets.hex() for usage, octets in application.stored.items()},
            **{name: {"value": ref.value.hex(), "left": ref.left} for name, ref in references.items()},
        }
        write_json(record, path)

    @classmethod
    def load(cls, path: Path) -> VirtualUZIPass:
        """Read a card that :meth:`save` wrote; it has no power yet.

        Raises:
            StorageError: the file could not be read, or is not such a file.
        """
        record = read_json(path, _FORMAT)
        try:
            card = cls(
                PassContents.of_record(record["contents"]),
                layout=EVERY_LAYOUT[record["layout"]],
                atr=bytes.fromhex(record["atr"]),
                extended=bool(record["extended"]),
                stored={Usage(usage): bytes.fromhex(octets) for usage, octets in record["stored"].items()},
                activated=bool(record["activated"]),
            )
            for name in _REFERENCES:
                kept: Reference = getattr(card._application, name)
                kept.value, kept.left = bytes.fromhex(record[name]["value"]), int(record[name]["left"])
                if not card._application.form(kept).is_valid(kept.value) or not 0 <= kept.left <= TRIES:
                    raise ValueError(name)
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise StorageError(f"{path} is not a simulated pass", reason=type(error).__name__) from None
        return card
