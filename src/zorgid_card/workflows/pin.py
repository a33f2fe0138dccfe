"""PIN and PUK: choosing one, changing the PIN, unblocking it, changing the PUK (PIN-1 to PIN-5)."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from itertools import pairwise, permutations
from typing import Final, Protocol

from zorgid_card.cards.access import OnKeypad
from zorgid_card.errors import PINMismatchError, PINPolicyError
from zorgid_card.secret import Secret

PUK_DIGITS: Final = 8
_PART: Final = 3
_SHORTEST_DATE: Final = 6
_COMMON: Final = frozenset(
    (
        *(b"100000", b"100200", b"102030", b"010203", b"110011", b"111222", b"112211", b"112233", b"112358", b"121314"),
        *(b"123000", b"123321", b"123451", b"123457", b"123654", b"123789", b"123987", b"124578", b"134679", b"135790"),
        *(b"142536", b"147258", b"147852", b"159357", b"159753", b"159951", b"223344", b"246810", b"258456", b"321654"),
        *(b"445566", b"456123", b"456852", b"555666", b"654123", b"666999", b"741852", b"753951", b"778899", b"789456"),
        *(b"852456", b"951753", b"963852", b"1234321", b"1234560", b"1234561", b"1314520", b"1478963", b"5201314"),
        *(b"7758521", b"7895123", b"8675309", b"9111961", b"9379992", b"11223344", b"12344321", b"12369874"),
        *(b"14789632", b"31415926"),
    )
)
"""Numbers near the top of the passwords found most often in leaks (UK National Cyber Security Centre, "100,000 most used
passwords", 2019, from Pwned Passwords), of six to eight digits and no run or repeat."""


class Rule(StrEnum):
    """Why a PIN is refused: ``rule`` of :class:`~zorgid_card.errors.PINPolicyError`. It tells of the PIN no more than that."""

    LENGTH = "length"
    DIGITS = "digits"
    RUN = "run"
    """Each digit one more, or one less, than the one before: 123456, 987654, 890123."""
    REPEAT = "repeat"
    """A shorter pattern, over and over: 000000, 121212, 123123, 12341234."""
    BIRTH_DATE = "birth-date"
    """The holder's birth date is in it, however written."""
    COMMON = "common"
    """Many people choose it."""
    KEYPAD = "keypad"
    """It is to be chosen where it can be judged: on the computer's keyboard."""


WEAK: Final = frozenset({Rule.RUN, Rule.REPEAT, Rule.BIRTH_DATE, Rule.COMMON})
"""The rules against what is easy to guess."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PINPolicy:
    """What a new PIN must look like. The card's own limit is 6 to 8 digits (SP 800-73-5 part 2, 2.4.3).

    Attributes:
        minimum, maximum: digits.
        refused: rules of :data:`WEAK` that hold.
        keypad: whether a PIN may be chosen on a reader's keypad, where it cannot be judged (PIN-6).
    """

    minimum: int = 6
    maximum: int = 8
    refused: frozenset[Rule] = field(default=WEAK)
    keypad: bool = True


PUK_POLICY: Final = PINPolicy(minimum=PUK_DIGITS, maximum=PUK_DIGITS)
"""What a PUK must look like that its holder chooses."""


def check_new_pin(first: Secret, second: Secret, policy: PINPolicy, birth_date: date | None = None) -> None:
    """A chosen PIN, entered twice (CRD-6, PIN-2); one on a reader's keypad is compared there, and cannot be judged here.

    Args:
        first, second: as entered.
        policy: what it must look like.
        birth_date: the holder's, where it is known.

    Raises:
        PINMismatchError: the two differ.
        PINPolicyError: ``rule`` is one of :class:`Rule`.
    """
    if isinstance(first, OnKeypad):
        if not policy.keypad:
            raise PINPolicyError("a PIN is not chosen on the keypad here", rule=Rule.KEYPAD.value)
        return
    first.require_equal(second)
    first.check_digits(policy.minimum, policy.maximum)
    with first.expose() as pin:
        found = [rule for rule in Rule if rule in policy.refused and _breaks(rule, pin, birth_date)]
    if found:
        raise PINPolicyError("this PIN is easy to guess", rule=found[0].value)


def _breaks(rule: Rule, pin: memoryview, birth_date: date | None) -> bool:
    """The digits are looked at where they are, all of them, whatever they are: nothing here makes an object of them."""
    if rule is Rule.RUN:
        return {(after - before) % 10 for before, after in pairwise(pin)} in ({1}, {9})
    if rule is Rule.REPEAT:
        return sum(_repeats(pin, length) for length in range(1, len(pin) // 2 + 1)) > 0
    if rule is Rule.COMMON:
        return sum(pin == number for number in _COMMON) > 0
    return birth_date is not None and sum(_holds(pin, spelling) for spelling in _spellings(birth_date)) > 0


def _repeats(pin: memoryview, length: int) -> bool:
    return pin[length:] == pin[:-length]


def _holds(pin: memoryview, digits: bytes) -> bool:
    return sum(pin[at : at + len(digits)] == digits for at in range(len(pin) - len(digits) + 1)) > 0


def _spellings(birth_date: date) -> Iterator[bytes]:
    """Day, month and year in any order, with and without zeros and century, and two of them where that is long enough."""
    days = {f"{birth_date.day:02d}", str(birth_date.day)}
    months = {f"{birth_date.month:02d}", str(birth_date.month)}
    years = {f"{birth_date.year:04d}", f"{birth_date.year % 100:02d}"}
    for day in days:
        for month in months:
            for year in years:
                for parts in (
                    *permutations((day, month, year)),
                    *permutations((day, year)),
                    *permutations((month, year)),
                ):
                    if len(written := "".join(parts)) >= _SHORTEST_DATE:
                        yield written.encode()


def new_puk() -> Secret:
    """A PUK: 8 digits of the operating system's generator, each equally likely (CRD-9)."""
    return Secret.random_digits(PUK_DIGITS)


def draw_positions(length: int = PUK_DIGITS) -> tuple[int, ...]:
    """Which digits of a PUK its holder is to type back: three, at random, counted from 1, from left to right (CRD-9)."""
    return tuple(sorted(secrets.SystemRandom().sample(range(1, length + 1), _PART)))


def check_puk_part(puk: Secret, positions: Sequence[int], typed: Secret) -> None:
    """Who kept the PUK can type these digits of it (CRD-9).

    Args:
        puk: the one that was shown.
        positions: as :func:`draw_positions` drew them.
        typed: one digit for each.

    Raises:
        PINMismatchError: they are others; ``what`` is ``puk-part``.
    """
    with puk.expose() as digits, typed.expose() as part:
        different = len(part) ^ len(positions)
        for position, digit in zip(positions, part, strict=False):
            different |= digits[position - 1] ^ digit
    if different:
        raise PINMismatchError("not the digits of the PUK", what="puk-part")


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
    birth_date: date | None = None,
    last_try_allowed: bool = False,
) -> None:
    """Change the PIN (PIN-2). No try is spent when the new PIN is refused.

    Raises:
        PINMismatchError, PINPolicyError: the new PIN is refused; the card was not asked.
        LastTryError: one try is left, and ``last_try_allowed`` is not set.
        WrongPINError, PINBlockedError: the card refuses the old PIN.
    """
    check_new_pin(new, again, policy or PINPolicy(), birth_date)
    card.change_pin(old, new, last_try_allowed=last_try_allowed)


def unblock_pin(
    card: PINCard,
    puk: Secret,
    new: Secret,
    again: Secret,
    *,
    policy: PINPolicy | None = None,
    birth_date: date | None = None,
    last_try_allowed: bool = False,
) -> None:
    """Set a new PIN with the PUK (PIN-3). No try is spent when the new PIN is refused.

    Raises:
        PINMismatchError, PINPolicyError: the new PIN is refused; the card was not asked.
        LastTryError: one try of the PUK is left (or an unknown number), and ``last_try_allowed`` is not set.
        WrongPUKError, PUKBlockedError: the card refuses the PUK.
    """
    check_new_pin(new, again, policy or PINPolicy(), birth_date)
    card.unblock_pin(puk, new, last_try_allowed=last_try_allowed)


def change_puk(card: PINCard, old: Secret, new: Secret, again: Secret, *, last_try_allowed: bool = False) -> None:
    """Change the PUK (PIN-4). No try is spent when the new PUK is refused.

    Raises:
        PINMismatchError, PINPolicyError: the new PUK is refused (8 digits); the card was not asked.
        LastTryError: one try of the PUK is left (or an unknown number), and ``last_try_allowed`` is not set.
        WrongPUKError, PUKBlockedError: the card refuses the old PUK.
    """
    check_new_pin(new, again, PUK_POLICY)
    card.change_puk(old, new, last_try_allowed=last_try_allowed)
