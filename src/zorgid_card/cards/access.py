"""PIN and PUK as a person meets them: tries left (PIN-1), and being asked for one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import ClassVar, Final, TypeAlias, TypeVar

from zorgid_card.codec.apdu import SW, CommandAPDU, ResponseAPDU
from zorgid_card.codec.link import Exchange, Link
from zorgid_card.errors import (
    CancelledError,
    CardError,
    CardResetError,
    EncodingError,
    LastTryError,
    PINFormError,
    PINNeededError,
    PINPolicyError,
    ReaderError,
    StatusWordError,
    UsageError,
    UserError,
    WrongCardError,
    WrongPINError,
)
from zorgid_card.ports.card import Keypad, PINEntry, equipped
from zorgid_card.protocol.iso7816 import Credential
from zorgid_card.secret import Secret

T = TypeVar("T")


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


def tries_of(error: UserError) -> Tries:
    """How many tries are left, as an error tells."""
    left = error.details.get("tries_left")
    return Tries.known(left) if isinstance(left, int) else Tries.UNKNOWN


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
    keypad: bool = False
    """The reader has a keypad: :class:`OnKeypad` may be the answer (PIN-6)."""


@dataclass(frozen=True, slots=True)
class LastTry:
    """A PIN that comes with the person's explicit word: the last try, or one of an unknown number, may be spent on it (PIN-1)."""

    secret: Secret


class OnKeypad(Secret):
    """Stands for a PIN, or PUK, that the person enters on the reader's keypad (PIN-6): it never is in this process.

    Given wherever a card of :mod:`zorgid_card.cards` takes a PIN or a PUK; of an old and a new one both, or none. It is a
    secret that was wiped from the beginning, so that it can be sent nowhere by mistake.
    """

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(1)
        self.wipe()

    def __enter__(self) -> OnKeypad:
        return self


PINProvider: TypeAlias = Callable[[PINRequest], "Secret | LastTry"]
"""Asked for the PIN outside any transaction, once for each operation that wants it; the secret stays the provider's to wipe.

Asked for again before a last try is spent, where the tries told were ``unread`` or more. A plain :class:`Secret` is not tried when
the request's tries are ``final`` or ``unknown``: then LastTryError is raised. :class:`OnKeypad` is the answer where the person is
to enter it on the reader.
"""


def entered(provider: PINProvider, request: PINRequest) -> LastTry | Secret:
    """Ask for the PIN; what cannot be one is told before the card is asked, so that it costs no try.

    Raises:
        PINFormError: too short, too long, or not of digits where the card takes digits only.
    """
    given = provider(request)
    secret, _ = spoken(given)
    if isinstance(secret, OnKeypad):
        return given
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


def entry_of(command: CommandAPDU, minimum: int, maximum: int) -> PINEntry:
    """The command as the reader is to send it, once the PIN was entered.

    Raises:
        UsageError: one of its secrets is not entered on the keypad, or they are padded to different widths.
    """
    count = len(command.secrets)
    width, rest = divmod(len(command.data), count)
    offsets = tuple(offset for offset, _ in command.secrets)
    if rest or offsets != tuple(range(0, width * count, width)):
        raise UsageError("a keypad pads all PINs of a command alike", reason="keypad")
    if not all(isinstance(secret, OnKeypad) for _, secret in command.secrets):
        raise UsageError("of an old and a new PIN both are entered on the keypad, or none", reason="keypad")
    padded = width > 1
    return PINEntry(
        header=bytes((command.cla, command.ins, command.p1, command.p2)),
        template=bytes(command.data) if padded else b"",
        offsets=offsets if padded else (0,) * count,
        width=width if padded else 0,
        minimum=minimum,
        maximum=maximum,
    )


def check_length(secret: Secret, minimum: int, maximum: int) -> None:
    """A PIN or PUK that is to be set has a length that the card takes.

    Raises:
        PINPolicyError: ``rule`` is ``length``.
    """
    if not isinstance(secret, OnKeypad) and not minimum <= len(secret) <= maximum:
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


_BEGINNINGS: Final = 3
"""How often a session begins anew before its first command, when other programs keep resetting the card."""


class CardSession(ABC):
    """What both kinds of card share: a link, and selecting their application at the start of each
    transaction.
    """

    ask_again: bool = False
    """Whether an operation that another program's reset broke off may be done once more, for which the PIN provider is asked
    again. Nothing is sent again by itself otherwise."""

    def __init__(self, link: Link) -> None:
        """Take the link; nothing is sent yet."""
        self._link = link
        self._depth = 0
        self._selected = False
        self._last_was_wrong = False
        self._to_log_out = False
        self._was_out = False
        self._entered = False
        """The application was selected over this link before, and no reset was seen since."""
        self._mark: bytes | None = None
        """What :meth:`_read_mark` would give, where an operation has read it."""

    @property
    def link(self) -> Link:
        """To the card; :meth:`~zorgid_card.codec.link.Link.cancel` stops an operation from another thread."""
        return self._link

    @abstractmethod
    def _select(self) -> None:
        """Make the application current. Each kind of card has its own way."""

    @abstractmethod
    def _read_mark(self) -> bytes | None:
        """Select, and read anew what tells this very card from others of its kind; None where it has nothing of the sort."""

    @abstractmethod
    def _log_out(self) -> None:
        """Forget what was verified, in the session that is under way.

        Raises:
            StatusWordError: the card does not know this form.
        """

    @contextmanager
    def session(self) -> Iterator[None]:
        """Keep other programs off the card, and its application selected, over several operations.

        Each operation is a session of its own; put several in one, so that what the card has verified stays verified
        between them. Never hold it over a prompt, a wait or a network call.

        When the card was reset or taken out before, the session begins all the same, on the same card; nothing is verified
        any more then. A reset in the middle ends it: every further operation in it fails.

        Raises:
            CardRemovedError: no card is in the reader.
            WrongCardError: another card is, or it cannot be told whether it is the same.
        """
        with self._alone():
            if not self._selected:
                self._make_current()
            yield

    def _make_current(self) -> None:
        """Select the application, on the card that was there before."""
        if self._was_out:
            self._require_same_card()
        self._select()
        self._selected = True

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One transaction, however deep operations call each other; what was selected before it is not relied on."""
        if self._depth == 0:
            with self._transaction():
                self._selected = False
                with self._counted():
                    yield
        else:
            with self._counted():
                yield

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with ExitStack() as stack:
            for left in reversed(range(_BEGINNINGS)):
                try:
                    stack.enter_context(self._link.channel.transaction())
                    break
                except CardResetError as error:
                    self._note(error)
                    if left == 0:
                        raise
            yield

    def _note(self, error: CardResetError) -> None:
        """The channel tells once that it was connected anew, and perhaps to another card."""
        self._was_out |= error.details.get("reason") == "inserted"
        self._entered = False

    def _require_same_card(self) -> None:
        """A card that was out of the reader is used again only if it is the one that was there before."""
        try:
            found = self._read_mark()
        except (CardError, EncodingError):
            found = None
        if found is None or found != self._mark:
            self._entered = False  # what was selected is on another card
            raise WrongCardError("the card was taken out; this is another one, or it cannot be told: open it anew")
        self._was_out = False

    @contextmanager
    def _counted(self) -> Iterator[None]:
        self._depth += 1
        try:
            yield
        except ReaderError:
            # Reset or removed: whatever was selected is not any more.
            self._selected = self._entered = False
            raise
        finally:
            self._depth -= 1

    # --- PIN and PUK

    def _ask(self, provider: PINProvider, request: PINRequest) -> LastTry | Secret:
        """Ask for the PIN, never while the card is kept from others; raises as :func:`entered`, and UsageError."""
        if self._depth:
            raise UsageError(
                "a PIN is asked for outside a session, which keeps other programs waiting", reason="session"
            )
        return entered(provider, request)

    @property
    def keypad(self) -> Keypad | None:
        """The reader's keypad, if it has one: then :class:`OnKeypad` may be given for a PIN."""
        channel = self._link.channel
        try:
            return channel.keypad if equipped(channel) else None
        except CardResetError as error:
            self._note(error)
            raise

    def _attempt(self, exchange: Exchange[None], minimum: int, maximum: int) -> None:
        """Make a try at a PIN or PUK of ``minimum`` to ``maximum`` characters, whose counter was read before."""
        self._to_log_out = True
        try:
            self._link.run(self._keyed(exchange, minimum, maximum))
        except WrongPINError:
            self._last_was_wrong = True
            raise
        self._last_was_wrong = False

    def _keyed(self, exchange: Exchange[None], minimum: int, maximum: int) -> Exchange[None]:
        """The same exchange, but a command whose secrets are :class:`OnKeypad` goes to the reader."""
        with suppress(StopIteration):
            command = next(exchange)
            while True:
                if any(isinstance(field.secret, OnKeypad) for field in command.secrets):
                    response = ResponseAPDU(b"", self._enter(entry_of(command, minimum, maximum)))
                else:
                    response = yield command
                command = exchange.send(response)

    def _enter(self, entry: PINEntry) -> int:
        """The person enters the PIN, within the transaction: the reader must not send it to what another program selected."""
        keypad = self.keypad
        if keypad is None or self._link.secure is not None:
            raise UsageError("the reader has no keypad, or it cannot be used under secure messaging", reason="keypad")
        return keypad.enter(entry)

    def _use_key(
        self,
        provider: PINProvider | None,
        request: Callable[[bool], PINRequest | None],
        work: Callable[[LastTry | Secret | None], T],
    ) -> T:
        """Use a key, and ask for the PIN before if it is wanted; all of it once more where a reset broke it off and the caller
        allows that.

        Args:
            provider: gives the PIN.
            request: what it is asked, None where the PIN is verified and stays so; with True, what is asked even so.
            work: verifies the PIN that it is given and uses the key, in one session.
        """
        try:
            return self._use_key_once(provider, request, work)
        except CardResetError:
            if not self.ask_again or self._depth:
                raise
        return self._use_key_once(provider, request, work)

    def _use_key_once(
        self,
        provider: PINProvider | None,
        request: Callable[[bool], PINRequest | None],
        work: Callable[[LastTry | Secret | None], T],
    ) -> T:
        if provider is None:
            return _without_asking(work)
        wanted = request(False)
        if wanted is None:
            try:
                return work(None)
            except StatusWordError as error:
                if error.sw != SW.SECURITY_STATUS:
                    raise
            wanted = request(True)  # another program has logged out, between asking the card and using the key
        if wanted is None:
            return work(None)
        try:
            return work(self._ask(provider, wanted))
        except LastTryError as error:
            if wanted.tries.state in (TryState.FINAL, TryState.UNKNOWN):
                raise
            # The person was not told that it is the last: nothing was tried, and they are asked again.
            wanted = replace(wanted, tries=tries_of(error))
        return work(self._ask(provider, wanted))

    def leave(self) -> bool:
        """End the use of the card: log out, if a PIN or PUK was tried.

        Returns:
            whether the card must be reset: an administration key was authenticated, which has no log-out, or the card does
            not know how to log out.

        Raises:
            ReaderError: the card is gone, or was reset: then nothing is verified any more.
        """
        if self._needs_reset:
            return True
        try:
            if self._to_log_out:
                with self.session():
                    self._log_out()
        except WrongCardError:
            return False  # what was verified is out of the reader
        except (CardError, EncodingError, CancelledError):
            return True
        return False

    @property
    def _needs_reset(self) -> bool:
        return False


def _without_asking(work: Callable[[LastTry | Secret | None], T]) -> T:
    try:
        return work(None)
    except StatusWordError as error:
        if error.sw != SW.SECURITY_STATUS:
            raise
        raise PINNeededError(operation=error.operation, sw=error.sw) from error
