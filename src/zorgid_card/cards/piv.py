"""Using a PIV card: PIN and PUK, certificates, signatures (SP 800-73-5)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from zorgid_card.cards.access import (
    CardSession,
    CardSigner,
    LastTry,
    PINProvider,
    PINRequest,
    Tries,
    TryState,
    check_length,
    spoken,
    tries_of,
)
from zorgid_card.cards.activation import Activation
from zorgid_card.cards.card import CardPIN
from zorgid_card.cards.certificates import public_key_of
from zorgid_card.cards.detect import dialect
from zorgid_card.cards.keys import (
    AUTHENTICITY,
    CONFIDENTIALITY,
    chosen_algorithm,
    point_of,
    require_cryptogram,
    unpadded,
    usual_algorithm,
)
from zorgid_card.cards.kinds import CardKind
from zorgid_card.cards.memory import Recognised
from zorgid_card.cards.piv_keys import ALWAYS, SLOTS, Key, block_of, usual_policy
from zorgid_card.cards.profile import PLAIN_PIV, CardProfile
from zorgid_card.codec.apdu import SW
from zorgid_card.codec.link import Exchange, Link
from zorgid_card.errors import (
    CardError,
    CertificateError,
    CryptogramError,
    NotOfferedError,
    ProofError,
    SignatureError,
    StatusWordError,
    UsageError,
    WrongPINError,
)
from zorgid_card.pki.signing import verify_signature
from zorgid_card.protocol import iso7816, piv, yubico
from zorgid_card.protocol.iso7816 import Credential, PINStatus
from zorgid_card.protocol.signature import SignatureAlgorithm
from zorgid_card.secret import Secret


class PIVCard(CardSession):
    """A card with the PIV application (:class:`zorgid_card.cards.Card`).

    Every operation is a transaction of its own that selects the application first; see :meth:`session` for several. Where a usage
    is wanted a key reference does as well: 9A is ``authenticity``, 9C ``signature``, 9D ``confidentiality``; 9E and 82 to 95 have
    references alone.

    Args:
        link: to the card.
        profile: what is known of this kind of card; None: the card is asked when it matters.
        kind: what :func:`zorgid_card.cards.detect.detect` found it to be.
        met: what was read of it already, to log in with.
    """

    def __init__(
        self,
        link: Link,
        profile: CardProfile | None = PLAIN_PIV,
        *,
        kind: CardKind = CardKind.PIV_OTHER,
        met: Recognised | None = None,
    ) -> None:
        """Take the link; nothing is sent yet."""
        super().__init__(link)
        self._profile = profile
        self._kind = kind
        self._met = met
        self._entered = met is not None and met.selected
        self._mark = None if met is None else met.known.certificate
        self._presented = False

    @property
    def kind(self) -> CardKind:
        """What the card was found to be."""
        return self._kind

    @property
    def profile(self) -> CardProfile:
        """What is known of this kind of card; the card is asked once, if nobody said so."""
        if self._profile is None:
            with self.session():
                self._profile = self._link.run(dialect())
        return self._profile

    @property
    def _limits(self) -> CardProfile:
        """What is known without asking: the PIN is the same in every dialect of PIV (SP 800-73-5 part 2, 2.4.3)."""
        return self._profile or PLAIN_PIV

    def _select(self) -> None:
        self._link.run(iso7816.select(self._limits.aids[0]))
        self._entered = True

    def _read_mark(self) -> bytes | None:
        self._select()
        content = self._link.run(piv.get_data(piv.certificate_object(piv.AUTHENTICATION)))
        return (piv.decode_certificate(content) or None) if content else None  # empty ones are alike on all cards

    def _log_out(self) -> None:
        self._link.run(iso7816.log_out(piv.PIN))

    @property
    def activation(self) -> Activation:
        """Cards of this kind need none: a ZORG-ID Smartcard is activated by its portal."""
        return Activation.NONE

    def activate(self, pin: Secret, *, last_try_allowed: bool = False) -> None:
        """Nothing is tried.

        Raises:
            NotOfferedError: always.
        """
        raise NotOfferedError("this kind of card needs no activation", operation="activate")

    # --- PIN and PUK --------------------------------------------------------------------------------------

    def pins(self) -> tuple[CardPIN, ...]:
        """The one PIN, which guards all keys."""
        limits = self._limits
        return (
            CardPIN(
                label="PIN",
                usages=frozenset(SLOTS),
                minimum=limits.pin_minimum,
                maximum=limits.pin_maximum,
                digits=True,
                tries=self.tries(),
            ),
        )

    def tries(self) -> Tries:
        """Tries left of the PIN; costs none. A PIN that is verified has as many as the profile gives it."""
        return self._tries(Credential.PIN)

    def puk_tries(self) -> Tries:
        """Tries left of the PUK; ``unknown`` where the card does not tell."""
        return self._tries(Credential.PUK)

    def _tries(self, credential: Credential) -> Tries:
        if credential is Credential.PIN:
            with self._alone():
                return self._judged(self._status())
        with self.session():
            told = self._link.run(yubico.metadata(piv.PUK)) if self.profile.metadata else None
        return Tries.UNKNOWN if told is None or told.tries_left is None else Tries.known(told.tries_left)

    def _status(self) -> PINStatus:
        """VERIFY without data: it tells the counter, and that the application selected earlier still is the one that answers.

        Another program may have selected another one meanwhile; whatever answers otherwise than with a counter is not relied on.
        Nor is a counter, but on a ZORG-ID Smartcard: another application of an unknown card may have a PIN of the same reference.
        """
        if self._met is not None and not self._selected and self._entered and not self._was_out:
            with suppress(StatusWordError):
                status = self._link.run(iso7816.verify_status(piv.PIN))
                self._selected = status.tries_left is not None
                if self._selected:
                    return status
        if not self._selected:
            self._make_current()
        return self._link.run(iso7816.verify_status(piv.PIN))

    def _judged(self, status: PINStatus) -> Tries:
        """Tries left of the PIN. One that is verified has all of them: as many as the card tells, or else the profile."""
        left = status.tries_left
        if status.verified:
            known = self._limits
            told = self._link.run(yubico.metadata(piv.PIN)) if known.metadata else None
            left = known.pin_tries if told is None or told.tries_left is None else told.tries_left
        return self._told(Tries.UNKNOWN if left is None else Tries.known(left))

    def _told(self, tries: Tries) -> Tries:
        if self._met is not None:
            self._met.told(tries)
        return tries

    def _spend(
        self, credential: Credential, exchange: Exchange[None], last_try_allowed: bool, minimum: int | None = None
    ) -> None:
        """Read the counter, then make the try; the caller holds a session. ``minimum``: of what may be entered with it."""
        self._tries(credential).require(credential, last_try_allowed=last_try_allowed)
        self._present(credential, exchange, minimum)

    def _present(self, credential: Credential, exchange: Exchange[None], minimum: int | None = None) -> None:
        """Make the try; the caller has read the counter in this session."""
        limits, is_pin = self._limits, credential is Credential.PIN
        fewest = limits.pin_minimum if is_pin else limits.puk_minimum
        most = limits.pin_maximum if is_pin else limits.puk_maximum
        try:
            self._attempt(exchange, fewest if minimum is None else minimum, most)
        except WrongPINError as error:
            self._told(tries_of(error))
            raise
        self._presented |= is_pin
        # A PUK gives the PIN its tries back, as many as the card has.
        self._told(Tries.known(limits.pin_tries) if is_pin else Tries.UNREAD)

    def verify_pin(self, pin: Secret, *, last_try_allowed: bool = False) -> None:
        """Verify the PIN (VERIFY). It stays verified within a :meth:`session`.

        Args:
            pin: 1 to 8 characters.
            last_try_allowed: the person said that the last try, or an unknown one, may be spent.

        Raises:
            WrongPINError: with ``tries_left``.
            PINBlockedError: no try is left.
            LastTryError: nothing was tried.
        """
        with self.session():
            self._spend(Credential.PIN, iso7816.verify(piv.PIN, pin), last_try_allowed)

    def change_pin(self, old: Secret, new: Secret, *, last_try_allowed: bool = False) -> None:
        """Change the PIN (CHANGE REFERENCE DATA; PIN-2). Raises what :meth:`verify_pin` does, and
        PINPolicyError.
        """
        check_length(new, self._limits.pin_minimum, self._limits.pin_maximum)
        with self.session():
            exchange = iso7816.change_reference_data(piv.PIN, old, new)
            self._spend(Credential.PIN, exchange, last_try_allowed)

    def unblock_pin(self, puk: Secret, new: Secret, *, last_try_allowed: bool = False) -> None:
        """Set a new PIN with the PUK (RESET RETRY COUNTER; PIN-3).

        Raises:
            WrongPUKError: with ``tries_left``.
            PUKBlockedError: no try is left.
            LastTryError: one is left, or the card does not tell how many; nothing was tried.
            PINPolicyError: the new PIN has a length that the card does not take; nothing was tried.
        """
        check_length(new, self._limits.pin_minimum, self._limits.pin_maximum)
        with self.session():
            exchange = iso7816.reset_retry_counter(piv.PIN, puk, new)
            self._spend(Credential.PUK, exchange, last_try_allowed, self._limits.pin_minimum)

    def change_puk(self, old: Secret, new: Secret, *, last_try_allowed: bool = False) -> None:
        """Change the PUK (CHANGE REFERENCE DATA; PIN-4). Raises what :meth:`unblock_pin` does."""
        check_length(new, self._limits.puk_minimum, self._limits.puk_maximum)
        with self.session():
            exchange = iso7816.change_reference_data(piv.PUK, old, new, credential=Credential.PUK)
            self._spend(Credential.PUK, exchange, last_try_allowed)

    def log_out(self) -> None:
        """Forget that the PIN was verified (VERIFY with P1=FF).

        Raises:
            StatusWordError: the card does not know this form; reset it instead.
        """
        with self.session():
            self._log_out()

    # --- certificates and keys ----------------------------------------------------------------------------

    def certificate(self, slot: int = piv.AUTHENTICATION) -> bytes | None:
        """The certificate of ``slot``, DER; None when there is none."""
        with self.session():
            content = self._link.run(piv.get_data(piv.certificate_object(slot)))
        certificate = (piv.decode_certificate(content) or None) if content else None
        if slot == piv.AUTHENTICATION:
            self._mark = certificate
        return certificate

    def certificates(self) -> dict[str, bytes]:
        """The certificates of 9A, 9C and 9D by usage, DER, as far as they are there."""
        with self.session():
            found = {usage: self.certificate(slot) for usage, slot in SLOTS.items()}
        return {usage: der for usage, der in found.items() if der is not None}

    def chain(self) -> list[bytes]:
        """None: PIV has no place for the issuers' certificates."""
        return []

    def authentication_certificate(self) -> bytes:
        """The certificate one logs in with: that of 9A, as it was read when the card was opened, or met before.

        Raises:
            UsageError: there is none.
        """
        if self._met is not None:
            return self._met.known.certificate
        certificate = self.certificate(piv.AUTHENTICATION)
        if certificate is None:
            raise UsageError("the card has no certificate to log in with", reason="usage", usage=AUTHENTICITY)
        return certificate

    def public_key(self, slot: int = piv.AUTHENTICATION) -> bytes:
        """SubjectPublicKeyInfo DER of the key in ``slot``, from the card's metadata, else from its
        certificate.

        Raises:
            CardError: there is no key, or nothing that tells of it.
        """
        return self.key(slot).public_key

    def key(self, slot: int = piv.AUTHENTICATION) -> Key:
        """What the card tells of the key in ``slot``; raises as :meth:`public_key`."""
        policy = usual_policy(slot)
        with self.session():
            told = self._link.run(yubico.metadata(slot)) if self.profile.metadata else None
            if told is not None and told.algorithm is not None and told.public_key is not None:
                algorithm = piv.key_algorithm_of(told.algorithm)
                public_key = piv.decode_public_key(told.public_key, algorithm)
                return Key(slot, algorithm, public_key, told.pin_policy or policy)
            certificate = self.certificate(slot)
        if certificate is None:
            raise CardError(f"there is no key in {slot:02X}, or nothing that tells of it", slot=slot)
        public_key, algorithm = public_key_of(certificate)
        return Key(slot, algorithm, public_key, policy)

    def _key(self, usage: str | int) -> Key:
        """The key of a usage, or of a key reference."""
        if isinstance(usage, int):
            return self.key(usage)
        if usage not in SLOTS:
            raise UsageError(f"the card has no key for {usage!r}", reason="usage", usage=usage)
        try:
            return self.key(SLOTS[usage])
        except CardError as error:
            if "slot" not in error.details:
                raise
            raise UsageError(f"the card has no key for {usage!r}", reason="usage", usage=usage) from error

    # --- using keys ---------------------------------------------------------------------------------------

    def sign(
        self,
        usage: str | int,
        data: bytes,
        algorithm: str | SignatureAlgorithm | None = None,
        pin: PINProvider | None = None,
    ) -> bytes:
        """Hash and sign ``data`` with the key of ``usage`` (AUT-3); see :meth:`zorgid_card.cards.Card.sign`.

        The PIN is asked for when the key's policy wants it (9C: each time) and it is not verified. It is
        asked for outside the transaction, and verified directly before the signature inside one.
        """
        key = self._key(usage)
        return self._sign(key, data, chosen_algorithm(algorithm, key.algorithm), pin)

    def _sign(self, key: Key, data: bytes, algorithm: SignatureAlgorithm, pin: PINProvider | None) -> bytes:
        block = block_of(key.algorithm, algorithm, data)
        return self._use(key, lambda: piv.sign_raw(key.slot, key.algorithm, block), pin)

    def decipher(
        self, cryptogram: bytes, pin: PINProvider | None = None, *, usage: str | int = CONFIDENTIALITY
    ) -> bytes:
        """Decipher with a key of RSA (AUT-3); see :meth:`zorgid_card.cards.Card.decipher`. The padding comes off here."""
        key = self._key(usage)
        return unpadded(self._decipher(key, cryptogram, pin), key.algorithm)

    def decipher_raw(
        self, cryptogram: bytes, pin: PINProvider | None = None, *, usage: str | int = CONFIDENTIALITY
    ) -> bytes:
        """The bare RSA operation (AUT-3); see :meth:`zorgid_card.cards.Card.decipher_raw`."""
        return self._decipher(self._key(usage), cryptogram, pin)

    def _decipher(self, key: Key, cryptogram: bytes, pin: PINProvider | None) -> bytes:
        require_cryptogram(cryptogram, key.algorithm)
        try:
            return self._use(key, lambda: piv.sign_raw(key.slot, key.algorithm, cryptogram), pin)
        except StatusWordError as error:
            if error.sw != SW.WRONG_DATA:
                raise
            raise CryptogramError(sw=error.sw) from error  # it is not below the modulus

    def key_agreement(
        self, peer: bytes, pin: PINProvider | None = None, *, usage: str | int = CONFIDENTIALITY
    ) -> bytes:
        """Elliptic-curve Diffie-Hellman (AUT-3); see :meth:`zorgid_card.cards.Card.key_agreement`."""
        key = self._key(usage)
        point = point_of(peer, key.algorithm)
        return self._use(key, lambda: piv.key_agreement(key.slot, key.algorithm, point), pin)

    def _use(self, key: Key, make: Callable[[], Exchange[bytes]], provider: PINProvider | None) -> bytes:
        def work(given: LastTry | Secret | None) -> bytes:
            if given is None:
                with self.session():
                    return self._link.run(make())
            secret, word = spoken(given)
            with self._alone():
                self._judged(self._status()).require(Credential.PIN, last_try_allowed=word)
                self._present(Credential.PIN, iso7816.verify(piv.PIN, secret))
                return self._link.run(make())

        return self._use_key(provider, lambda surely: self._request(key, surely), work)

    def _request(self, key: Key, surely: bool = False) -> PINRequest | None:
        """What is to be asked; None when the PIN is not needed now, unless it is to be asked for ``surely``."""
        if key.pin_policy == yubico.PIN_NEVER:
            return None
        tries = self._remembered_tries()
        if tries is None:
            with self._alone():
                status = self._status()
                tries = self._judged(status)
            if status.verified and key.pin_policy not in ALWAYS and not surely:
                return None
        return PINRequest(
            what=Credential.PIN,
            tries=tries,
            reference=key.slot,
            minimum=self._limits.pin_minimum,
            maximum=self._limits.pin_maximum,
            digits=True,
            retrying=self._last_was_wrong,
            keypad=self.keypad is not None,
        )

    def _remembered_tries(self) -> Tries | None:
        """What a person may be told without asking the card, which is asked anyway before the try; None: ask it."""
        if self._met is None or self._met.memory is None or self._presented or self._depth:
            return None
        tries = self._met.known.tries
        return None if tries.state is TryState.LOCKED else tries

    def signer(
        self, usage: str | int = AUTHENTICITY, pin: PINProvider | None = None, *, algorithm: str | None = None
    ) -> CardSigner:
        """The key of ``usage`` as a :class:`~zorgid_card.ports.card.Signer`; see :meth:`zorgid_card.cards.Card.signer`."""
        return self._signer(self._key(usage), pin, algorithm)

    def _signer(self, key: Key, pin: PINProvider | None, algorithm: str | None = None) -> CardSigner:
        name = algorithm or usual_algorithm(key.algorithm)
        return CardSigner(
            key.public_key, name, lambda data: self._sign(key, data, chosen_algorithm(name, key.algorithm), pin)
        )

    def authentication_signer(self, pin: PINProvider) -> CardSigner:
        """The key one logs in with: that of 9A.

        Where its certificate is known already, the card is not asked about the key; instead each signature is verified by that
        certificate before it is given out.

        Raises, when it signs, besides what :meth:`sign` does:
            ProofError: the card's key is not that of the certificate: its contents have changed. What was known of it is
                forgotten, so another try reads it anew.
        """
        if self._met is None:
            return self.signer(piv.AUTHENTICATION, pin)
        try:
            public_key, algorithm = public_key_of(self._met.known.certificate)
        except (CardError, CertificateError):
            self._forget()
            raise
        signer = self._signer(Key(piv.AUTHENTICATION, algorithm, public_key, yubico.PIN_ONCE), pin)
        return replace(signer, operation=lambda data: self._checked(signer, data))

    def _checked(self, signer: CardSigner, data: bytes) -> bytes:
        try:
            signature = signer.sign(data)
            verify_signature(signer.public_key, signer.algorithm, data, signature)
        except SignatureError as error:
            self._forget()
            raise ProofError(
                "the card's key is not that of its certificate: its contents have changed", slot=piv.AUTHENTICATION
            ) from error
        except CardError:
            self._forget()
            raise
        return signature

    def _forget(self) -> None:
        """What was read before does not hold any more, here or in the memory."""
        if self._met is not None:
            self._met.forget()
            self._met = None
