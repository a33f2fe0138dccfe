"""PIN and PUK of the card at the desk: asked of its holder, and changed (PIN-1 to PIN-4); and what a card tells of them.

One call makes one try at most. What is new is asked, and checked, before the card hears anything.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

from zorgid_card.cards import Activation, Card, CardKind, CardPIN, LastTry, OnKeypad, PINRequest, Tries
from zorgid_card.cards.access import spoken
from zorgid_card.cards.expiry import Expiry, expiry_of
from zorgid_card.errors import NotActivatedError, PINMismatchError, PINPolicyError, UsageError, WrongCardError
from zorgid_card.protocol.iso7816 import Credential
from zorgid_card.secret import Secret
from zorgid_card.workflows import pin
from zorgid_card.workflows.holder import Holder
from zorgid_card.workflows.pin import PINPolicy

PERSONAL: Final = (CardKind.UZI_PASS, CardKind.ZORGID)
"""Kinds of card that a person uses, with a PIN and a PUK."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What a card tells of itself without a try."""

    reader: str
    kind: CardKind
    pin: Tries
    puk: Tries
    others: tuple[CardPIN, ...]
    """PINs besides the one to log in with."""
    activation: Activation
    expiry: Expiry | None


def read_status(reader: str, card: Card) -> Status:
    """Ask the card; a pass that is not activated may not let its PIN be asked about."""
    left = left_of_puk = Tries.UNKNOWN
    others: tuple[CardPIN, ...] = ()
    with suppress(NotActivatedError):
        left, left_of_puk = card.tries(), card.puk_tries()
        others = card.pins()[1:]
    expiry = None
    with suppress(UsageError):  # a blank has no certificate
        expiry = expiry_of([card.authentication_certificate()], datetime.now(UTC))
    return Status(
        reader=reader,
        kind=card.kind,
        pin=left,
        puk=left_of_puk,
        others=others,
        activation=card.activation,
        expiry=expiry,
    )


def require_personal(card: Card) -> None:
    """Raises WrongCardError: neither a UZI pass nor a ZORG-ID Smartcard."""
    if card.kind not in PERSONAL:
        raise WrongCardError("not a card that a person uses", expected="pin-card", found=card.kind.value)


def change_pin(card: Card, holder: Holder, birth_date: date | None = None) -> None:
    """Ask for the PIN and a new one, and change it (PIN-2).

    Args:
        card: a UZI pass or a ZORG-ID Smartcard.
        holder: who is asked.
        birth_date: the holder's, where it is known: no new PIN holds it.

    Raises:
        DeclinedError: the holder does not want to.
        PINBlockedError, WrongPINError, LastTryError: the card refuses.
    """
    old, last = present_code(card, holder, Credential.PIN, card.tries())
    policy = policy_of(card)
    with old:
        first, second = chosen_code(holder, old, policy, holder.new_pin, birth_date)
        with first, second:
            pin.change_pin(card, old, first, second, policy=policy, birth_date=birth_date, last_try_allowed=last)


def unblock_pin(card: Card, holder: Holder, birth_date: date | None = None) -> None:
    """Ask for the PUK and a new PIN, and set it (PIN-3); arguments as :func:`change_pin`.

    Raises:
        DeclinedError: the holder does not want to.
        PUKBlockedError, WrongPUKError, LastTryError: the card refuses.
    """
    puk, last = present_code(card, holder, Credential.PUK, card.puk_tries())
    policy = policy_of(card)
    with puk:
        first, second = chosen_code(holder, puk, policy, holder.new_pin, birth_date)
        with first, second:
            pin.unblock_pin(card, puk, first, second, policy=policy, birth_date=birth_date, last_try_allowed=last)


def draw_puk(card: Card, holder: Holder) -> None:
    """A PUK that is drawn, shown and acknowledged before the card has it (PIN-4, CRD-9); on a keypad it is chosen there.

    Raises:
        DeclinedError: the holder does not want to.
        PUKBlockedError, WrongPUKError, LastTryError: the card refuses.
    """
    old, last = present_code(card, holder, Credential.PUK, card.puk_tries())
    with old:
        if isinstance(old, OnKeypad):
            pin.change_puk(card, old, OnKeypad(), OnKeypad(), last_try_allowed=last)
            return
        with pin.new_puk() as puk:
            holder.show_puk(puk)
            pin.change_puk(card, old, puk, puk, last_try_allowed=last)


def policy_of(card: Card) -> PINPolicy:
    """What a new PIN of this card must look like."""
    return PINPolicy(minimum=card.profile.pin_minimum, maximum=card.profile.pin_maximum)


def present_code(card: Card, holder: Holder, what: Credential, tries: Tries) -> tuple[Secret, bool]:
    """The code that the card has now, and the person's word for the last try; a blocked one is not even asked."""
    tries.require(what, last_try_allowed=True)
    profile, is_pin = card.profile, what is Credential.PIN
    given: Secret | LastTry = holder.pin(
        PINRequest(
            what=what,
            tries=tries,
            reference=0,
            minimum=profile.pin_minimum if is_pin else profile.puk_minimum,
            maximum=profile.pin_maximum if is_pin else profile.puk_maximum,
            digits=card.kind is not CardKind.UZI_PASS,
            retrying=False,
            keypad=card.keypad is not None,
        )
    )
    return spoken(given)


def chosen_code(
    holder: Holder,
    present: Secret,
    policy: PINPolicy,
    ask: Callable[[PINPolicy], tuple[Secret, Secret]],
    birth_date: date | None = None,
    what: str = "pin",
) -> tuple[Secret, Secret]:
    """Asked until it is good; on the keypad, where the present one is entered there."""
    if isinstance(present, OnKeypad):
        return OnKeypad(), OnKeypad()
    while True:
        try:
            first, second = ask(policy)
            pin.check_new_pin(first, second, policy, birth_date)
        except (PINMismatchError, PINPolicyError) as error:
            error.details.setdefault("what", what)
            holder.refused(error)
        else:
            return first, second
