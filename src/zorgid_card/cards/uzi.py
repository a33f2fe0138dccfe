"""Using a UZI pass: a card with PKCS#15 (ISO/IEC 7816-15), whose layout is found by reading."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from zorgid_card.cards.access import (
    CardSession,
    CardSigner,
    LastTry,
    PINProvider,
    PINRequest,
    Tries,
    check_length,
    spoken,
)
from zorgid_card.cards.certificates import public_key_of, usage_of
from zorgid_card.cards.kinds import CardKind
from zorgid_card.cards.profile import UZI, CardProfile
from zorgid_card.codec.apdu import SW
from zorgid_card.codec.link import Exchange, Link
from zorgid_card.errors import CardError, CertificateMalformedError, StatusWordError, UsageError
from zorgid_card.protocol import iso7816, pkcs15
from zorgid_card.protocol.iso7816 import Credential, PINStatus
from zorgid_card.protocol.pkcs15 import PIN, Certificate, Layout, PrivateKey
from zorgid_card.protocol.signature import SignatureAlgorithm, digest_info, signature_algorithm
from zorgid_card.secret import Secret

AUTHENTICITY: Final = "authenticity"
SIGNATURE: Final = "signature"
CONFIDENTIALITY: Final = "confidentiality"

_COMPUTE_SIGNATURE: Final = 1
_DECIPHER: Final = 5
_TEMPLATES: Final = {
    _COMPUTE_SIGNATURE: iso7816.SIGNATURE_TEMPLATE,
    _DECIPHER: iso7816.CONFIDENTIALITY_TEMPLATE,
}
# Positions of KeyUsageFlags (7816-15, 8.4.1): nonRepudiation, sign, decrypt, unwrap.
_FLAGS: Final = ((9, SIGNATURE), (2, AUTHENTICITY), (1, CONFIDENTIALITY), (5, CONFIDENTIALITY))
_LOCAL: Final = 0x80
_NO_SUCH_PIN: Final = (SW.REF_NOT_FOUND, SW.WRONG_P1P2, SW.NOT_FOUND)


@dataclass(frozen=True, slots=True)
class _Usage:
    """A key of the pass with its certificate and the PIN that guards it."""

    key: PrivateKey
    certificate: bytes
    pin: PIN


@dataclass(frozen=True, slots=True)
class _Contents:
    """What was found on the pass; read once, for a pass does not change while it is powered."""

    layout: Layout
    usages: Mapping[str, _Usage]
    others: tuple[Certificate, ...]
    """Those that belong to no key of the pass; not read yet."""

    @property
    def mark(self) -> bytes:
        """The pass's certificates, which are no other's."""
        return b"".join(found.certificate for found in self.usages.values())


class UZIPass(CardSession):
    """A pass of the UZI register.

    Every operation is a transaction of its own; see :meth:`session` for several. *Usage* is ``authenticity``,
    ``signature`` or ``confidentiality``; a pass of type M has no ``signature``.

    Args:
        link: to the card.
        profile: limits of PIN and PUK.
        layout: what is where, if it was found already.
    """

    def __init__(self, link: Link, profile: CardProfile = UZI, *, layout: Layout | None = None) -> None:
        """Take the link; nothing is sent yet."""
        super().__init__(link)
        self._profile = profile
        self._layout = layout
        self._known: _Contents | None = None
        self._chain: list[bytes] | None = None
        self._pins_tried: dict[bytes, PIN] = {}

    @property
    def kind(self) -> CardKind:
        """Always :attr:`CardKind.UZI_PASS`."""
        return CardKind.UZI_PASS

    @property
    def profile(self) -> CardProfile:
        """What is known of this kind of card."""
        return self._profile

    @property
    def serial(self) -> str:
        """Serial number of the chip's description (EF.CardInfo), hexadecimal; empty when it has none."""
        return self._contents().layout.serial.hex().upper()

    def _select(self) -> None:
        layout = self._layout if self._known is None else self._known.layout
        if layout is not None:
            self._link.run(pkcs15.enter_application(layout))

    def _contents(self) -> _Contents:
        """Read once; a session is held for it where the caller holds none."""
        if self._known is None:
            with self.session():
                self._known = self._link.run(_read_contents(self._layout))
            self._mark = self._known.mark
        return self._known

    def _read_mark(self) -> bytes | None:
        return self._link.run(_read_contents(None)).mark

    def _log_out(self) -> None:
        for pin in self._pins_tried.values():
            reference, _ = self._status(pin)
            self._link.run(iso7816.log_out(reference))

    def _spend(self, pin: PIN, exchange: Exchange[None]) -> None:
        self._pins_tried[pin.auth_id] = pin
        self._attempt(exchange, pin.minimum, pin.maximum)

    def _usage(self, usage: str) -> _Usage:
        found = self._contents().usages.get(usage)
        if found is None:
            raise UsageError(f"the pass has no key for {usage!r}", reason="usage", usage=usage)
        return found

    # --- certificates -------------------------------------------------------------------------------------

    def certificates(self) -> dict[str, bytes]:
        """The certificates of the pass's own keys by usage, DER."""
        return {usage: found.certificate for usage, found in self._contents().usages.items()}

    def chain(self) -> list[bytes]:
        """The certificates on the pass that belong to no key of it: its issuers', DER; in the card's
        order.
        """
        if self._chain is None:
            with self.session():
                known = self._contents()
                self._chain = [self._link.run(pkcs15.read_certificate(known.layout, one)) for one in known.others]
        return list(self._chain)

    def authentication_certificate(self) -> bytes:
        """The certificate one logs in with: that of the authenticity key.

        Raises:
            UsageError: there is none.
        """
        return self._usage(AUTHENTICITY).certificate

    # --- PIN and PUK --------------------------------------------------------------------------------------

    def tries(self, usage: str = AUTHENTICITY) -> Tries:
        """Tries left of the PIN that guards the key of ``usage``; costs none. A verified PIN has all of
        them.
        """
        with self.session():
            return self._tries(self._usage(usage).pin)[1]

    def puk_tries(self, usage: str = AUTHENTICITY) -> Tries:
        """Tries left of the PUK that unblocks that PIN; ``unknown`` where the card does not tell."""
        with self.session():
            return self._puk_tries(self._puk(self._usage(usage).pin))

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
        """Enter the PIN's directory and ask for its status. A local PIN may be listed with bit 8 clear
        (7816-4, 11.6.6).
        """
        layout = self._contents().layout
        self._link.run(pkcs15.enter(layout, layout.place(pin.path)))
        try:
            return pin.reference, self._link.run(iso7816.verify_status(pin.reference))
        except StatusWordError as error:
            local = pin.reference | _LOCAL
            if not pin.local or local == pin.reference or error.sw not in _NO_SUCH_PIN:
                raise
            return local, self._link.run(iso7816.verify_status(local))

    def _puk(self, pin: PIN) -> PIN:
        layout = self._contents().layout
        named = layout.pin(pin.puk_id)
        if named is not None:
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
            self._verify(self._usage(usage).pin, pin, last_try_allowed)

    def _verify(self, pin: PIN, secret: Secret, last_try_allowed: bool) -> None:
        reference, tries = self._tries(pin)
        tries.require(Credential.PIN, last_try_allowed=last_try_allowed)
        self._spend(pin, iso7816.verify(reference, secret, padding=pin.padding))

    def change_pin(
        self, old: Secret, new: Secret, *, usage: str = AUTHENTICITY, last_try_allowed: bool = False
    ) -> None:
        """Change the PIN (CHANGE REFERENCE DATA; PIN-2). Raises what :meth:`verify_pin` does, and
        PINPolicyError.
        """
        with self.session():
            pin = self._usage(usage).pin
            self._check_new(new, pin, self._profile.pin_minimum, self._profile.pin_maximum)
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
            pin = self._usage(usage).pin
            guard = self._puk(pin)
            self._check_new(new, pin, self._profile.pin_minimum, self._profile.pin_maximum)
            self._puk_tries(guard).require(Credential.PUK, last_try_allowed=last_try_allowed)
            reference, _ = self._status(pin)
            exchange = iso7816.reset_retry_counter(reference, puk, new, puk_padding=guard.padding, padding=pin.padding)
            self._spend(pin, exchange)

    def change_puk(
        self, old: Secret, new: Secret, *, usage: str = AUTHENTICITY, last_try_allowed: bool = False
    ) -> None:
        """Change the PUK (CHANGE REFERENCE DATA; PIN-4). Raises what :meth:`unblock_pin` does."""
        with self.session():
            puk = self._puk(self._usage(usage).pin)
            self._check_new(new, puk, self._profile.puk_minimum, self._profile.puk_maximum)
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
            reference, _ = self._status(self._usage(usage).pin)
            self._link.run(iso7816.log_out(reference))

    # --- using keys ---------------------------------------------------------------------------------------

    def sign(
        self,
        usage: str,
        data: bytes,
        algorithm: str | SignatureAlgorithm = "RS256",
        pin: PINProvider | None = None,
    ) -> bytes:
        """Hash and sign ``data`` with the key of ``usage`` (AUT-3); the card pads by PKCS #1 v1.5.

        The PIN is asked for when the key wants it for each signature (userConsent), or when it is not
        verified. It is asked for outside the transaction, and verified directly before the signature
        inside one.

        Args:
            usage: ``authenticity`` or ``signature``.
            data: what is signed, not yet hashed.
            algorithm: RS256, RS384 or RS512.
            pin: asked for the PIN; None when it is verified.

        Returns:
            as many bytes as the modulus. It is not verified here.

        Raises:
            UsageError: another algorithm, or no such key.
            WrongPINError, PINBlockedError, LastTryError: as :meth:`verify_pin`.
            PINFormError: what was entered cannot be the PIN; nothing was tried.
            StatusWordError: 6982 when the PIN was needed and no ``pin`` given.
        """
        chosen = signature_algorithm(algorithm)
        if chosen.scheme != "pkcs1":
            raise UsageError(f"a UZI pass does not sign by {chosen.name}", reason="algorithm")
        info = digest_info(chosen, data)
        return self._use(
            usage,
            _COMPUTE_SIGNATURE,
            lambda key: iso7816.pso_sign(info, key.bits // 8),
            pin,
        )

    def decipher(
        self,
        cryptogram: bytes,
        pin: PINProvider | None = None,
        *,
        usage: str = CONFIDENTIALITY,
    ) -> bytes:
        """Decipher with the confidentiality key (AUT-3); the card takes the PKCS #1 v1.5 padding off.

        Args:
            cryptogram: as many bytes as the modulus.
            pin: as for :meth:`sign`.
            usage: whose key.

        Returns:
            the plain text. To a sender who can tell a refusal from an answer the card is a padding oracle.
        """
        return self._use(usage, _DECIPHER, lambda _: iso7816.pso_decipher(cryptogram), pin)

    def _use(
        self,
        usage: str,
        operation: int,
        make: Callable[[PrivateKey], Exchange[bytes]],
        provider: PINProvider | None,
    ) -> bytes:
        """MSE SET, VERIFY, and the operation directly after it; the PIN's directory comes first where it is another."""

        def work(given: LastTry | Secret | None) -> bytes:
            with self.session():
                found, layout = self._usage(usage), self._contents().layout
                key, place = found.key, layout.place(found.key.path)
                elsewhere = layout.place(found.pin.path) not in (place, place[:-2])
                if given is not None and elsewhere:
                    self._verify(found.pin, *spoken(given))
                self._link.run(pkcs15.enter(layout, place))
                algorithm = layout.algorithm_reference(key, operation)
                self._link.run(iso7816.mse_set(_TEMPLATES[operation], key.reference, algorithm))
                if given is not None and not elsewhere:
                    self._verify(found.pin, *spoken(given))
                return self._link.run(make(key))

        return self._use_key(provider, lambda surely: self._request(usage, surely), work)

    def _request(self, usage: str, surely: bool = False) -> PINRequest | None:
        """None when the PIN is not needed now, unless it is to be asked for ``surely``."""
        with self.session():
            found = self._usage(usage)
            _, status = self._status(found.pin)
        if status.verified and found.key.user_consent is None and not surely:
            return None
        return PINRequest(
            what=Credential.PIN,
            tries=self._told(status),
            reference=found.key.reference,
            minimum=found.pin.minimum,
            maximum=found.pin.maximum,
            digits=False,
            retrying=self._last_was_wrong,
            keypad=self.keypad is not None,
        )

    def signer(
        self,
        usage: str = AUTHENTICITY,
        pin: PINProvider | None = None,
        *,
        algorithm: str = "RS256",
    ) -> CardSigner:
        """The key of ``usage`` as a :class:`~zorgid_card.ports.card.Signer`; ``pin`` is asked at each
        signature that wants it.
        """
        public_key, _ = public_key_of(self._usage(usage).certificate)
        return CardSigner(
            public_key,
            algorithm,
            lambda data: self.sign(usage, data, algorithm, pin),
        )

    def authentication_signer(self, pin: PINProvider) -> CardSigner:
        """The key one logs in with: the authenticity key."""
        return self.signer(AUTHENTICITY, pin)


def _read_contents(layout: Layout | None) -> Exchange[_Contents]:
    """Find the layout unless it is known, and read the certificates of the pass's keys, which have their key's identifier
    (7816-15, 8.7.1).
    """
    layout = layout or (yield from pkcs15.discover())
    keys = {key.identifier: key for key in layout.keys}
    usages: dict[str, _Usage] = {}
    others: list[Certificate] = []
    for certificate in layout.certificates:
        key = None if certificate.authority else keys.get(certificate.identifier)
        if key is None:
            others.append(certificate)
            continue
        der = yield from pkcs15.read_certificate(layout, certificate)
        usage, pin = _purpose(der, key), layout.pin(key.auth_id)
        if usage is not None and pin is not None:
            usages.setdefault(usage, _Usage(key, der, pin))
    return _Contents(layout, usages, tuple(others))


def _purpose(der: bytes, key: PrivateKey) -> str | None:
    """By the certificate; where that is broken (who verifies it will say so), by the key's own description."""
    with suppress(CertificateMalformedError):
        return usage_of(der)
    return next((usage for flag, usage in _FLAGS if flag in key.usage), None)
