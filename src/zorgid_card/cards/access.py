"""PIN and PUK as a person meets them: tries left (PIN-1), and being asked for one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar, TypeAlias

from zorgid_card.codec.link import Link
from zorgid_card.errors import LastTryError, PINFormError, PINPolicyError, ReaderError
from zorgid_card.protocol.iso7816 import Credential
from zorgid_card.secret import Secret


class TryState(StrEnum):
    """What is known of the tries left (PIN-1). ``LOW`` is what PKCS#11 tells instead of a number."""

    KNOWN = "known"
    LOW = "low"
    FINAL = "final"
    LOCKED = "locked"
    UNKNOWN = "unknown"
    UNREAD = "unread"
    """Not read yet: it is read when the PIN was given, before it is tried."""


@dataclass(frozen=True, slots=True)
class Tries:
    """Tries left of a PIN or a PUK; ``left`` is a number where the card tells one."""

    state: TryState
    left: int | None = None

    UNKNOWN: ClassVar[Tries]
    LOW: ClassVar[Tries]
    UNREAD: ClassVar[Tries]

    @classmethod
    def known(cls, left: int) -> Tries:
        """A number that the card told: 0 is ``locked``, 1 is ``final``."""
        state = {0: TryState.LOCKED, 1: TryState.FINAL}.get(left, TryState.KNOWN)
        return cls(state, left)

    @property
    def at_stake(self) -> bool:
        """Whether the next try may be the last."""
        return self.state in (TryState.FINAL, TryState.UNKNOWN, TryState.UNREAD)

    def require(self, credential: Credential, *, last_try_allowed: bool) -> None:
        """Is it right to spend a try now?

        Raises:
            PINBlockedError, PUKBlockedError: none is left.
            LastTryError: one is left, or it is unknown how many, and the person did not say that it may be
                spent.
        """
        if self.state is TryState.LOCKED:
            raise credential.blocked()
        if self.at_stake and not last_try_allowed:
            raise LastTryError(tries_left=self.left, what=credential.value)


Tries.UNKNOWN = Tries(TryState.UNKNOWN)
Tries.LOW = Tries(TryState.LOW)
Tries.UNREAD = Tries(TryState.UNREAD)


@dataclass(frozen=True, slots=True, kw_only=True)
class PINRequest:
    """Why a PIN is asked, for whoever shows the question."""

    what: Credential
    tries: Tries
    reference: int
    """The key that is to be used: its number on the card."""
    minimum: int
    maximum: int
    digits: bool
    """The PIN is of digits only."""
    retrying: bool
    """The PIN last given to this card was wrong."""


@dataclass(frozen=True, slots=True)
class LastTry:
    """A PIN that comes with the person's explicit word: the last try, or one of an unknown number, may be spent on it (PIN-1)."""

    secret: Secret


PINProvider: TypeAlias = Callable[[PINRequest], "Secret | LastTry"]
"""Asked for the PIN outside any transaction, once for each operation that wants it; the secret stays the provider's to wipe.

A plain :class:`Secret` is not tried when the request's tries are ``final`` or ``unknown``: then LastTryError is raised. Where they
were ``unread``, or have become fewer meanwhile, it is asked again before a last one is spent.
"""


def entered(provider: PINProvider, request: PINRequest) -> LastTry | Secret:
    """Ask for the PIN; what cannot be one is told before the card is asked, so that it costs no try.

    Raises:
        PINFormError: too short, too long, or not of digits where the card takes digits only.
    """
    given = provider(request)
    secret = given.secret if isinstance(given, LastTry) else given
    try:
        if request.digits:
            secret.check_digits(request.minimum, request.maximum)
        else:
            check_length(secret, request.minimum, request.maximum)
    except PINPolicyError as error:
        raise PINFormError(minimum=request.minimum, maximum=request.maximum) from error
    return given


def spoken(given: LastTry | Secret) -> tuple[Secret, bool]:
    """The PIN, and whether the last try may be spent on it."""
    return (given.secret, True) if isinstance(given, LastTry) else (given, False)


def check_length(secret: Secret, minimum: int, maximum: int) -> None:
    """A PIN or PUK that is to be set has a length that the card takes.

    Raises:
        PINPolicyError: ``rule`` is ``length``.
    """
    if not minimum <= len(secret) <= maximum:
        raise PINPolicyError(
            f"{minimum} to {maximum} characters are needed", rule="length", minimum=minimum, maximum=maximum
        )


@dataclass(frozen=True, slots=True)
class CardSigner:
    """A key on a card, as :class:`zorgid_card.ports.card.Signer`."""

    public_key: bytes
    algorithm: str
    operation: Callable[[bytes], bytes] = field(repr=False)

    def sign(self, data: bytes, /) -> bytes:
        """Hash ``data`` as the algorithm says and sign it; ECDSA as DER ECDSA-Sig-Value, RSA as k octets."""
        return self.operation(data)


class CardSession(ABC):
    """What both kinds of card share: a link, and selecting their application at the start of each
    transaction.
    """

    def __init__(self, link: Link) -> None:
        """Take the link; nothing is sent yet."""
        self._link = link
        self._depth = 0
        self._selected = False
        self._last_was_wrong = False

    @abstractmethod
    def _select(self) -> None:
        """Make the application current. Each kind of card has its own way."""

    @contextmanager
    def session(self) -> Iterator[None]:
        """Keep other programs off the card, and its application selected, over several operations.

        Each operation is a session of its own; put several in one, so that what the card has verified stays verified
        between them. Never hold it over a prompt, a wait or a network call.
        """
        with self._alone():
            if not self._selected:
                self._select()
                self._selected = True
            yield

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One transaction, however deep operations call each other; what was selected before it is not relied on."""
        if self._depth == 0:
            with self._link.channel.transaction():
                self._selected = False
                with self._counted():
                    yield
        else:
            with self._counted():
                yield

    @contextmanager
    def _counted(self) -> Iterator[None]:
        self._depth += 1
        try:
            yield
        except ReaderError:
            # Reset or removed: whatever was selected is not any more.
            self._selected = False
            raise
        finally:
            self._depth -= 1
