"""PIN and PUK: choosing one, changing the PIN, unblocking it, changing the PUK (PIN-1 to PIN-5)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

from zorgid_card.cards.access import OnKeypad
from zorgid_card.errors import PINPolicyError
from zorgid_card.secret import Secret

_LONGEST_PATTERN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class PINPolicy:
    """What a new PIN must look like. The card's own limit is 6 to 8 digits (SP 800-73-5 part 2, 2.4.3)."""

    minimum: int = 6
    maximum: int = 8
    refuse_weak: bool = True


def check_new_pin(first: Secret, second: Secret, policy: PINPolicy) -> None:
    """A chosen PIN, entered twice (CRD-6, PIN-2); one on a reader's keypad is compared there, and cannot be judged here.

    Raises:
        PINMismatchError: the two differ.
        PINPolicyError: ``rule`` is ``length``, ``digits`` or ``weak``.
    """
    if isinstance(first, OnKeypad):
        return
    first.require_equal(second)
    with first.expose() as pin:
        if not policy.minimum <= len(pin) <= policy.maximum:
            raise PINPolicyError(
                f"a PIN has {policy.minimum} to {policy.maximum} digits",
                rule="length",
                minimum=policy.minimum,
                maximum=policy.maximum,
            )
        if any(not 0x30 <= octet <= 0x39 for octet in pin):
            raise PINPolicyError("a PIN has digits only", rule="digits")
        if policy.refuse_weak and _weak(pin):
            raise PINPolicyError("this PIN is easy to guess", rule="weak")


def _weak(pin: memoryview) -> bool:
    """A run up or down (123456, 987654), or a short pattern repeated (000000, 121212, 123123)."""
    steps = {(after - before) % 10 for before, after in pairwise(pin)}
    if steps in ({1}, {9}):
        return True
    return any(all(pin[i] == pin[i - n] for i in range(n, len(pin))) for n in range(1, _LONGEST_PATTERN + 1))


class PINCard(Protocol):
    """A card whose PIN and PUK can be managed; both kinds of card of this library are."""

    def change_pin(self, old: Secret, new: Secret, *, last_try_allowed: bool = False) -> None:
        """CHANGE REFERENCE DATA of the PIN."""
        ...

    def unblock_pin(self, puk: Secret, new: Secret, *, last_try_allowed: bool = False) -> None:
        """RESET RETRY COUNTER."""
        ...

    def change_puk(self, old: Secret, new: Secret, *, last_try_allowed: bool = False) -> None:
        """CHANGE REFERENCE DATA of the PUK."""
        ...


def change_pin(
    card: PINCard,
    old: Secret,
    new: Secret,
    again: Secret,
    *,
    policy: PINPolicy | None = None,
    last_try_allowed: bool = False,
) -> None:
    """Change the PIN (PIN-2). No try is spent when the new PIN is refused.

    Raises:
        PINMismatchError, PINPolicyError: the new PIN is refused; the card was not asked.
        LastTryError: one try is left, and ``last_try_allowed`` is not set.
        WrongPINError, PINBlockedError: the card refuses the old PIN.
    """
    check_new_pin(new, again, policy or PINPolicy())
    card.change_pin(old, new, last_try_allowed=last_try_allowed)


def unblock_pin(
    card: PINCard,
    puk: Secret,
    new: Secret,
    again: Secret,
    *,
    policy: PINPolicy | None = None,
    last_try_allowed: bool = False,
) -> None:
    """Set a new PIN with the PUK (PIN-3). No try is spent when the new PIN is refused.

    Raises:
        PINMismatchError, PINPolicyError: the new PIN is refused; the card was not asked.
        LastTryError: one try of the PUK is left (or an unknown number), and ``last_try_allowed`` is not set.
        WrongPUKError, PUKBlockedError: the card refuses the PUK.
    """
    check_new_pin(new, again, policy or PINPolicy())
    card.unblock_pin(puk, new, last_try_allowed=last_try_allowed)


def change_puk(card: PINCard, old: Secret, new: Secret, again: Secret, *, last_try_allowed: bool = False) -> None:
    """Change the PUK (PIN-4). No try is spent when the new PUK is refused.

    Raises:
        PINMismatchError, PINPolicyError: the new PUK is refused (8 digits); the card was not asked.
        LastTryError: one try of the PUK is left (or an unknown number), and ``last_try_allowed`` is not set.
        WrongPUKError, PUKBlockedError: the card refuses the old PUK.
    """
    check_new_pin(new, again, PINPolicy(minimum=8, maximum=8))
    card.change_puk(old, new, last_try_allowed=last_try_allowed)
