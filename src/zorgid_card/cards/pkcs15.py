"""A card of PKCS#15 (ISO/IEC 7816-15), whose layout is found by reading: its files, certificates and PINs, and its activation."""

from __future__ import annotations

from typing import Final

from zorgid_card.cards.access import (
    CardSession,
    OnKeypad,
    Tries,
    check_length,
)
from zorgid_card.cards.activation import Activation
from zorgid_card.cards.card import CardPIN
from zorgid_card.cards.contents import Contents, KeyOnCard, contents_of, look_for, read_again
from zorgid_card.cards.keys import (
    AUTHENTICITY,
)
from zorgid_card.cards.profile import UZI, CardProfile
from zorgid_card.codec.apdu import SW, CommandAPDU
from zorgid_card.codec.link import Exchange, Link
from zorgid_card.errors import (
    AlreadyActivatedError,
    CardError,
    NotActivatedError,
    NotOfferedError,
    StatusWordError,
    UsageError,
)
from zorgid_card.protocol import iso7816, pkcs15
from zorgid_card.protocol.iso7816 import Credential, PINStatus
from zorgid_card.protocol.pkcs15 import PIN, Kind, Layout
from zorgid_card.protocol.pkcs15_objects import Object, PINFlag
from zorgid_card.secret import Secret

_LOCAL: Final = 0x80
_NO_SUCH_PIN: Final = (SW.REF_NOT_FOUND, SW.WRONG_P1P2, SW.NOT_FOUND)


class PKCS15Card(CardSession):
    """A card whose files follow ISO/IEC 7816-15: what is on it, and its PINs; its keys are used by UZIPass.

    Args:
        link: to the card.
        profile: limits of PIN and PUK, and what the standard leaves open.
        layout: what is where, if it was found already.
    """

    def __init__(self, link: Link, profile: CardProfile = UZI, *, layout: Layout | None = None) -> None:
        """Take the link; nothing is sent yet."""
        super().__init__(link)
        self._profile = profile
        self._layout = layout
        self._known: Contents | None = None
        self._chain: list[bytes] | None = None
        self._pins_tried: dict[bytes, PIN] = {}
        self._references: dict[bytes, int] = {}
        """P2 by which the card knows a PIN, where it was found out."""
        self._uses: dict[bytes, int] = {}
        """Uses of a key that the PIN last presented still allows."""
        self._here: bytes | None = None
        """What this session has selected, as :meth:`Layout.place` gives it; None: not known."""
        self._directory: bytes | None = None
        """Which directory is current by that; None: not known."""

    @property
    def profile(self) -> CardProfile:
        """What is known of this kind of card."""
        return self._profile

    @property
    def serial(self) -> str:
        """Serial number of the chip's description (EF.CIAInfo), hexadecimal; empty when it has none."""
        return self._contents().layout.serial.hex().upper()

    @property
    def layout(self) -> Layout:
        """What the card's description says is where."""
        return self._contents().layout

    def objects(self, kind: Kind) -> list[Object]:
        """All that the directory files of one kind list, public keys and data containers too; read from the card each time."""
        with self.session():
            layout = self._contents().layout
            self._wander()
            return self._link.run(pkcs15.objects(layout, kind))

    def _select(self) -> None:
        layout = self._layout if self._known is None else self._known.layout
        self._wander()
        if layout is not None:
            self._link.run(pkcs15.enter_application(layout))
            self._here = self._directory = layout.place(None)

    def _wander(self) -> None:
        """Files are read now, so what was selected is not any more."""
        self._here = self._directory = None

    def _contents(self) -> Contents:
        """What is where; a session is held for it where the caller holds none. Certificates are read when they are needed."""
        if self._known is None:
            layout = self._layout
            if layout is None:
                with self.session():
                    self._wander()
                    layout = self._link.run(pkcs15.discover())
            self._known = contents_of(layout)
        return self._known

    def _look(self, usage: str | None = None) -> Contents:
        """Read the certificate of the key for ``usage``, or all."""
        known = self._contents()
        if known.unread and (usage is None or usage not in known.usages):
            with self.session():
                self._wander()
                self._link.run(pkcs15.bounded(look_for(known, usage), pkcs15.MAX_COMMANDS))
            self._mark = known.marked[1] if known.marked else None
        return known

    def _read_mark(self) -> bytes | None:
        marked = None if self._known is None else self._known.marked
        return None if marked is None else self._link.run(read_again(marked[0]))

    def _log_out(self) -> None:
        for pin in self._pins_tried.values():
            reference, _ = self._status(pin)
            self._link.run(iso7816.log_out(reference))

    def _go(self, place: bytes, *, directory: bool = False) -> None:
        """Select what is at ``place``, unless it is selected.

        Args:
            place: of a directory, or of a file in one. Which it is, its control parameters tell: only files have a size (7816-4,
                7.4.3).
            directory: it is known to be one.
        """
        if self._here != place:
            self._wander()
            size = self._link.run(pkcs15.enter(self._contents().layout, place))
            self._here = place
            self._directory = place if directory else None if size is None else place[:-2]

    def _usage(self, usage: str) -> KeyOnCard:
        found = self._look(usage).usages.get(usage)
        if found is None:
            raise UsageError(f"the pass has no key for {usage!r}", reason="usage", usage=usage)
        return found

    # --- certificates -------------------------------------------------------------------------------------

    def certificates(self) -> dict[str, bytes]:
        """The certificates of the pass's own keys by usage, DER."""
        return {usage: found.certificate for usage, found in self._look().usages.items()}

    def chain(self) -> list[bytes]:
        """The certificates on the pass that belong to no key of it: its issuers', DER; in the card's
        order.
        """
        if self._chain is None:
            with self.session():
                known = self._contents()
                self._wander()
                self._chain = self._link.run(pkcs15.bounded(_read_all(known), pkcs15.MAX_COMMANDS))
        return list(self._chain)

    def authentication_certificate(self) -> bytes:
        """The certificate one logs in with: that of the authenticity key.

        Raises:
            UsageError: there is none.
        """
        return self._usage(AUTHENTICITY).certificate

    # --- PIN and PUK --------------------------------------------------------------------------------------

    def pins(self) -> tuple[CardPIN, ...]:
        """The PINs that guard the pass's keys: one for all, or several."""
        with self.session():
            usages = self._look().usages
            guards = {found.pin.auth_id: found.pin for found in usages.values() if found.pin is not None}
            return tuple(self._shown(pin) for pin in guards.values())

    def _shown(self, pin: PIN) -> CardPIN:
        guarded = (usage for usage, found in self._contents().usages.items() if found.pin is pin)
        return CardPIN(
            label=pin.label,
            usages=frozenset(guarded),
            minimum=pin.minimum,
            maximum=pin.maximum,
            digits=pin.digits,
            tries=self._tries(pin)[1],
        )

    def _pin(self, usage: str) -> PIN:
        pin = self._usage(usage).pin
        if pin is None:
            raise UsageError(f"the key for {usage!r} wants no PIN", reason="pin", usage=usage)
        return pin

    def tries(self, usage: str = AUTHENTICITY) -> Tries:
        """Tries left of the PIN that guards the key of ``usage``; costs none. A verified PIN has all of
        them.
        """
        with self.session():
            return self._tries(self._pin(usage))[1]

    def puk_tries(self, usage: str = AUTHENTICITY) -> Tries:
        """Tries left of the PUK that unblocks that PIN; ``unknown`` where the card does not tell."""
        with self.session():
            return self._puk_tries(self._puk(self._pin(usage)))

    def _tries(self, pin: PIN) -> tuple[int, Tries]:
        """P2 of the PIN, and its tries; its directory is entered."""
        reference, status = self._status(pin)
        return reference, self._told(status)

    def _told(self, status: PINStatus) -> Tries:
        if status.verified:
            return Tries.known(self._profile.pin_tries)
        return Tries.UNKNOWN if status.tries_left is None else Tries.known(status.tries_left)

    def _puk_tries(self, puk: PIN) -> Tries:
        try:
            return self._tries(puk)[1]
        except StatusWordError:
            return Tries.UNKNOWN  # a card need not let the PUK be asked about

    def _status(self, pin: PIN) -> tuple[int, PINStatus]:
        """Enter the PIN's directory, if it is known in one only, and ask for its status.

        A local PIN may be listed with bit 8 clear (7816-4, 11.6.6).

        Raises:
            NotActivatedError: the pass says that its PIN cannot be used yet.
        """
        place = self._contents().layout.place(pin.path)
        if pin.local and self._directory != place:
            self._go(place, directory=True)
        reference = self._references.get(pin.auth_id, pin.reference)
        local = reference | _LOCAL
        try:
            return reference, self._link.run(iso7816.verify_status(reference))
        except StatusWordError as error:
            self._require_activated(error)
            if not pin.local or local == reference or error.sw not in _NO_SUCH_PIN:
                raise
        self._references[pin.auth_id] = local
        return local, self._link.run(iso7816.verify_status(local))

    def _require_activated(self, error: StatusWordError) -> None:
        rule = self._profile.activation
        if rule is not None and error.sw in rule.statuses:
            raise NotActivatedError(sw=error.sw) from error

    def _puk(self, pin: PIN) -> PIN:
        layout = self._contents().layout
        named = layout.pin(pin.puk_id)
        if named is not None and not layout.is_one(pin, named):
            return named
        unblocking = [candidate for candidate in layout.pins if candidate.unblocking]
        if len(unblocking) != 1:
            raise CardError("the card does not say which PUK unblocks the PIN")
        return unblocking[0]

    def verify_pin(self, pin: Secret, *, usage: str = AUTHENTICITY, last_try_allowed: bool = False) -> None:
        """Verify the PIN that guards the key of ``usage`` (VERIFY). It stays verified within a
        :meth:`session`.

        Args:
            pin: its characters.
            usage: whose PIN; a pass may have one PIN for all keys.
            last_try_allowed: the person said that the last try, or an unknown one, may be spent.

        Raises:
            WrongPINError: with ``tries_left``.
            PINBlockedError: no try is left.
            LastTryError: nothing was tried.
        """
        with self.session():
            self._verify(self._pin(usage), pin, last_try_allowed)

    def _verify(self, pin: PIN, secret: Secret, last_try_allowed: bool) -> None:
        self._require_sendable(pin, secret)
        reference, tries = self._tries(pin)
        tries.require(Credential.PIN, last_try_allowed=last_try_allowed)
        self._spend(pin, iso7816.verify(reference, secret, padding=pin.padding))
        for key in self._contents().layout.keys:
            if key.auth_id == pin.auth_id:
                self._uses[key.identifier] = key.user_consent or 0

    def _require_sendable(self, pin: PIN, *secrets: Secret) -> None:
        """Is this PIN one that can be sent, in clear, by whoever holds it?

        Raises:
            NotOfferedError: it is sent through a secure channel only, which is not known here.
            UsageError: a keypad knows no coding but that of characters.
        """
        if PINFlag.CONFIDENTIALITY_PROTECTED in pin.flags:
            raise NotOfferedError("the card takes this PIN through a secure channel only", operation="verify")
        if pin.digits and any(isinstance(secret, OnKeypad) for secret in secrets):
            raise UsageError("a keypad does not code the PIN as this card wants it", reason="keypad")

    def _spend(self, pin: PIN, exchange: Exchange[None]) -> None:
        self._pins_tried[pin.auth_id] = pin
        try:
            self._attempt(exchange, pin.minimum, pin.maximum)
        except StatusWordError as error:
            self._require_activated(error)
            raise

    def change_pin(
        self, old: Secret, new: Secret, *, usage: str = AUTHENTICITY, last_try_allowed: bool = False
    ) -> None:
        """Change the PIN (CHANGE REFERENCE DATA; PIN-2). Raises what :meth:`verify_pin` does, and
        PINPolicyError.
        """
        with self.session():
            pin = self._pin(usage)
            self._check_new(new, pin, self._profile.pin_minimum, self._profile.pin_maximum)
            self._require_sendable(pin, old, new)
            reference, tries = self._tries(pin)
            tries.require(Credential.PIN, last_try_allowed=last_try_allowed)
            self._spend(pin, iso7816.change_reference_data(reference, old, new, padding=pin.padding))

    def unblock_pin(
        self, puk: Secret, new: Secret, *, usage: str = AUTHENTICITY, last_try_allowed: bool = False
    ) -> None:
        """Set a new PIN with the PUK (RESET RETRY COUNTER; PIN-3).

        Raises:
            WrongPUKError: with ``tries_left``.
            PUKBlockedError: no try is left: the pass is dead and must be revoked.
            LastTryError: one is left, or the card does not tell how many; nothing was tried.
            PINPolicyError: the new PIN has a length that the card does not take; nothing was tried.
        """
        with self.session():
            pin = self._pin(usage)
            guard = self._puk(pin)
            self._check_new(new, pin, self._profile.pin_minimum, self._profile.pin_maximum)
            self._require_sendable(pin, new)
            self._require_sendable(guard, puk)
            self._puk_tries(guard).require(Credential.PUK, last_try_allowed=last_try_allowed)
            reference, _ = self._status(pin)
            exchange = iso7816.reset_retry_counter(reference, puk, new, puk_padding=guard.padding, padding=pin.padding)
            self._spend(pin, exchange)

    def change_puk(
        self, old: Secret, new: Secret, *, usage: str = AUTHENTICITY, last_try_allowed: bool = False
    ) -> None:
        """Change the PUK (CHANGE REFERENCE DATA; PIN-4). Raises what :meth:`unblock_pin` does."""
        with self.session():
            puk = self._puk(self._pin(usage))
            self._check_new(new, puk, self._profile.puk_minimum, self._profile.puk_maximum)
            self._require_sendable(puk, old, new)
            reference, tries = self._tries(puk)
            tries.require(Credential.PUK, last_try_allowed=last_try_allowed)
            exchange = iso7816.change_reference_data(
                reference, old, new, padding=puk.padding, credential=Credential.PUK
            )
            self._spend(puk, exchange)

    def _check_new(self, secret: Secret, pin: PIN, minimum: int, maximum: int) -> None:
        check_length(secret, max(minimum, pin.minimum), min(maximum, pin.maximum))

    def log_out(self, usage: str = AUTHENTICITY) -> None:
        """Forget that the PIN was verified (VERIFY with P1=FF).

        Raises:
            StatusWordError: the card does not know this form; reset it instead.
        """
        with self.session():
            reference, _ = self._status(self._pin(usage))
            self._link.run(iso7816.log_out(reference))

    # --- activation -----------------------------------------------------------------------------------------

    @property
    def activation(self) -> Activation:
        """Whether the pass was activated, as far as its description tells (:class:`ActivationRule`); costs no try."""
        rule = self._profile.activation
        if rule is None:
            return Activation.NONE
        found = self._look(AUTHENTICITY).usages.get(AUTHENTICITY)
        if not rule.flag or found is None or found.pin is None:
            return Activation.UNKNOWN
        return Activation.DONE if found.pin.initialized else Activation.NEEDED

    def activate(self, pin: Secret, *, last_try_allowed: bool = False) -> None:
        """Activate the pass, once, with its PIN; see :class:`ActivationRule` for what that is assumed to be.

        Raises:
            AlreadyActivatedError: it was activated before; nothing was tried.
            NotOfferedError: cards of this kind need no activation.
            CardError: the card does not say that it is activated now.
        """
        rule = self._profile.activation
        if rule is None:
            raise NotOfferedError("this kind of card needs no activation", operation="activate")
        with self.session():
            if self.activation is Activation.DONE:
                raise AlreadyActivatedError
            self._verify(self._pin(AUTHENTICITY), pin, last_try_allowed)
            if rule.command:
                self._link.run(_activate(rule.command, rule.refusals))
            self._known = self._layout = None  # what the card says of its PIN has changed
            if self.activation is Activation.NEEDED:
                raise CardError("the card took the command, and does not say that it is activated", reason="activation")


def _read_all(known: Contents) -> Exchange[list[bytes]]:
    """The certificates that belong to no key of the card."""
    found: list[bytes] = []
    for one in known.others:
        found.append((yield from pkcs15.read_certificate(known.layout, one)))
    return found


def _activate(header: bytes, refusals: tuple[int, ...]) -> Exchange[None]:
    """The command that activates a card; one that refuses was activated before."""
    cla, ins, p1, p2 = header
    response = yield CommandAPDU(cla, ins, p1, p2)
    if response.sw in refusals:
        raise AlreadyActivatedError(sw=response.sw)
    response.require(SW.OK, operation="activate")
