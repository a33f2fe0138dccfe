"""A card behind its maker's middleware (PKCS#11): the same operations as on a card that this library drives by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from typing import Final

from zorgid_card.cards.access import (
    CardSigner,
    LastTry,
    OnKeypad,
    PINProvider,
    PINRequest,
    Tries,
    TryState,
    check_length,
    entered,
    spoken,
)
from zorgid_card.cards.activation import Activation
from zorgid_card.cards.card import CardPIN
from zorgid_card.cards.certificates import carries, public_key_of
from zorgid_card.cards.keys import (
    AUTHENTICITY,
    CONFIDENTIALITY,
    check_signature,
    chosen_algorithm,
    point_of,
    require_cryptogram,
    usual_algorithm,
)
from zorgid_card.cards.kinds import CardKind
from zorgid_card.cards.mechanisms import choose
from zorgid_card.cards.profile import CardProfile
from zorgid_card.cards.token_contents import IDENTITIES, key_of, limited, sorted_by_use, tries_told
from zorgid_card.errors import (
    CardNotSupportedError,
    CardResponseError,
    MiddlewareError,
    NoCardError,
    NotOfferedError,
    PINNeededError,
    UsageError,
    WrongPINError,
    WrongPUKError,
    ZorgIDError,
)
from zorgid_card.ports.card import Keypad, PINEntry
from zorgid_card.ports.token import Mechanism, Token, TokenCertificate, TokenFlag, TokenInfo, TokenKey, TokenModule
from zorgid_card.protocol.iso7816 import Credential
from zorgid_card.protocol.signature import SignatureAlgorithm
from zorgid_card.secret import Secret

_SLOT_DESCRIPTION: Final = 64


class TokenCard:
    """A UZI pass or a ZORG-ID Smartcard behind a PKCS#11 module (:class:`zorgid_card.cards.Card`).

    *Usage* is ``authenticity``, ``signature`` or ``confidentiality``, as the certificate's key usage says; a certificate and its
    key have the same CKA_ID. PKCS#11 knows no transactions: other programs are kept off by the middleware, as far as it does.

    Args:
        token: the token.
        kind: what :func:`open_token_card` found it to be.
        profile: what is known of this kind of card.
        certificates: those on the token; read once, for the token is closed to any other card.
    """

    def __init__(
        self, token: Token, kind: CardKind, profile: CardProfile, certificates: Sequence[TokenCertificate]
    ) -> None:
        self._token = token
        self._kind = kind
        self._contents = sorted_by_use(certificates, kind)
        info = token.info()
        self._label, self._serial, self._reader = info.label, info.serial, info.reader
        self._profile = limited(profile, info)
        self._wrong: set[Credential] = set()
        """Of which the value last presented was wrong."""

    @property
    def kind(self) -> CardKind:
        """What the card was found to be."""
        return self._kind

    @property
    def profile(self) -> CardProfile:
        """What is known of this kind of card, its PIN's length limited to what the token takes."""
        return self._profile

    @property
    def keypad(self) -> Keypad | None:
        """Where the middleware lets a PIN be entered at the reader (CKF_PROTECTED_AUTHENTICATION_PATH), that; else None.

        Then :class:`OnKeypad` may be given for a PIN (PIN-6): the middleware is given none, and lets the reader ask.
        """
        return _MiddlewareKeypad() if self._token.info().flags & TokenFlag.PROTECTED_PATH else None

    def _presented(self, secret: Secret) -> Secret | None:
        """What the middleware is given for a PIN.

        Raises:
            UsageError: it is to be entered at the reader, where none can be.
        """
        if not isinstance(secret, OnKeypad):
            return secret
        if self.keypad is None:
            raise UsageError("the middleware lets no PIN be entered at the reader", reason="keypad")
        return None

    def _both(self, old: Secret, new: Secret) -> tuple[Secret | None, Secret | None]:
        """An old and a new PIN, as the middleware is given them; raises as :meth:`_presented`."""
        if isinstance(old, OnKeypad) is not isinstance(new, OnKeypad):
            raise UsageError("of an old and a new PIN both are entered at the reader, or none", reason="keypad")
        return self._presented(old), self._presented(new)

    @property
    def serial(self) -> str:
        """The token's serial number, as the middleware tells it."""
        return self._serial

    @property
    def reader(self) -> str:
        """The reader that it is in, in the middleware's words."""
        return self._reader

    @contextmanager
    def session(self) -> Iterator[None]:
        """Keep other threads of this program off over several operations; never over a prompt."""
        with self._token.alone():
            yield

    # --- certificates -------------------------------------------------------------------------------------

    def _usage(self, usage: str) -> TokenCertificate:
        found = self._contents.usages.get(usage)
        if found is None:
            raise UsageError(f"the card has no certificate for {usage!r}", reason="usage", usage=usage)
        return found

    def certificates(self) -> dict[str, bytes]:
        """The certificates of the card's own keys by usage, DER."""
        return {usage: found.der for usage, found in self._contents.usages.items()}

    def chain(self) -> list[bytes]:
        """The other certificates on the card: its issuers', DER; in the token's order."""
        return list(self._contents.chain)

    def authentication_certificate(self) -> bytes:
        """The certificate one logs in with.

        Raises:
            UsageError: there is none.
        """
        return self._usage(AUTHENTICITY).der

    # --- PIN and PUK --------------------------------------------------------------------------------------

    @property
    def activation(self) -> Activation:
        """``needed`` where the token says that no PIN was set yet (CKF_USER_PIN_INITIALIZED); else PKCS#11 does not tell."""
        if self._profile.activation is None:
            return Activation.NONE
        known = self._token.info().flags & TokenFlag.USER_PIN_INITIALIZED
        return Activation.UNKNOWN if known else Activation.NEEDED

    def activate(self, pin: Secret, *, last_try_allowed: bool = False) -> None:
        """Nothing is tried: the middleware's own program activates.

        Raises:
            NotOfferedError: always.
        """
        raise NotOfferedError("only the middleware's own program activates a card", operation="activate")

    def pins(self) -> tuple[CardPIN, ...]:
        """The one PIN: PKCS#11 knows a token of its own for each."""
        return (
            CardPIN(
                label=self._label,
                usages=frozenset(self._contents.usages),
                minimum=self._profile.pin_minimum,
                maximum=self._profile.pin_maximum,
                digits=self._kind is CardKind.ZORGID,
                tries=self.tries(),
            ),
        )

    def tries(self) -> Tries:
        """Tries left of the PIN as the token's flags tell: ``low``, ``final``, ``locked``; ``known`` without a number when it
        tells of no wrong PIN, and ``unknown`` when it keeps silent about one that this card object saw.
        """
        flags = self._token.info().flags
        told = tries_told(flags, TokenFlag.USER_PIN_LOCKED, TokenFlag.USER_PIN_FINAL_TRY, TokenFlag.USER_PIN_COUNT_LOW)
        return self._doubted(Credential.PIN, told)

    def puk_tries(self) -> Tries:
        """Tries left of the PUK, which PKCS#11 calls the security officer's PIN; as :meth:`tries`."""
        flags = self._token.info().flags
        told = tries_told(flags, TokenFlag.SO_PIN_LOCKED, TokenFlag.SO_PIN_FINAL_TRY, TokenFlag.SO_PIN_COUNT_LOW)
        return self._doubted(Credential.PUK, told)

    def _doubted(self, credential: Credential, told: Tries) -> Tries:
        return Tries.UNKNOWN if told.state is TryState.KNOWN and credential in self._wrong else told

    def verify_pin(self, pin: Secret, *, last_try_allowed: bool = False) -> None:
        """Verify the PIN (C_Login). It stays verified until :meth:`log_out`, for this whole process.

        Raises:
            WrongPINError: with ``tries_left`` where the token's flags tell.
            PINBlockedError: no try is left.
            LastTryError: one is left, or it is unknown how many; nothing was tried.
        """
        with self.session():
            self._log_in(pin, last_try_allowed)

    def _log_in(self, pin: Secret, last_try_allowed: bool) -> None:
        given = self._presented(pin)
        self.tries().require(Credential.PIN, last_try_allowed=last_try_allowed)
        with self._remembered(Credential.PIN):
            self._token.login(given)

    @contextmanager
    def _remembered(self, credential: Credential) -> Iterator[None]:
        """Whether the PIN or PUK that is presented meanwhile is wrong."""
        try:
            yield
        except (WrongPINError, WrongPUKError):
            self._wrong.add(credential)
            raise
        self._wrong.discard(credential)

    def change_pin(self, old: Secret, new: Secret, *, last_try_allowed: bool = False) -> None:
        """Change the PIN (C_SetPIN; PIN-2). Raises what :meth:`verify_pin` does, and PINPolicyError."""
        check_length(new, self._profile.pin_minimum, self._profile.pin_maximum)
        given = self._both(old, new)
        with self.session():
            self.tries().require(Credential.PIN, last_try_allowed=last_try_allowed)
            with self._remembered(Credential.PIN):
                self._token.set_pin(*given)

    def unblock_pin(self, puk: Secret, new: Secret, *, last_try_allowed: bool = False) -> None:
        """Set a new PIN with the PUK (C_Login as security officer, C_InitPIN; PIN-3).

        Raises:
            WrongPUKError: with ``tries_left`` where the token's flags tell.
            PUKBlockedError: no try is left.
            LastTryError: nothing was tried.
            PINPolicyError: the new PIN has a length that the card does not take; nothing was tried.
            NotOfferedError: the middleware unblocks in a way of its own; nothing was changed.
        """
        check_length(new, self._profile.pin_minimum, self._profile.pin_maximum)
        present, chosen = self._both(puk, new)
        with self._as_officer(present, last_try_allowed):
            self._token.init_pin(chosen)
            self._wrong.discard(Credential.PIN)

    def change_puk(self, old: Secret, new: Secret, *, last_try_allowed: bool = False) -> None:
        """Change the PUK (C_SetPIN as security officer; PIN-4). Raises what :meth:`unblock_pin` does."""
        check_length(new, self._profile.puk_minimum, self._profile.puk_maximum)
        given = self._both(old, new)
        with self._as_officer(given[0], last_try_allowed):
            self._token.set_pin(*given)

    @contextmanager
    def _as_officer(self, puk: Secret | None, last_try_allowed: bool) -> Iterator[None]:
        """Logged in with the PUK, and out again: nobody stays the security officer."""
        with self.session():
            self.puk_tries().require(Credential.PUK, last_try_allowed=last_try_allowed)
            with self._remembered(Credential.PUK):
                self._log_in_as_officer(puk)
                try:
                    yield
                finally:
                    self._token.logout()

    def _log_in_as_officer(self, puk: Secret | None) -> None:
        """OpenSC says CKR_GENERAL_ERROR of a card that has no security officer, others say other things."""
        try:
            self._token.login(puk, so=True)
        except (MiddlewareError, NotOfferedError) as error:
            why = f"the middleware lets nobody log in with the PUK: {error}"
            raise NotOfferedError(why, operation="PUK", reason=error.details.get("reason")) from error

    def log_out(self) -> None:
        """Forget that the PIN was verified (C_Logout)."""
        self._token.logout()

    # --- using keys ---------------------------------------------------------------------------------------

    def sign(
        self,
        usage: str,
        data: bytes,
        algorithm: str | SignatureAlgorithm | None = None,
        pin: PINProvider | None = None,
    ) -> bytes:
        """Hash and sign ``data`` with the key of ``usage`` (AUT-3); see :meth:`zorgid_card.cards.Card.sign`.

        The PIN is asked for when nobody is logged in, or when the key wants it for each signature (CKA_ALWAYS_AUTHENTICATE); then
        it is presented directly before the signature.
        """
        certificate = self._usage(usage)
        _, kind = public_key_of(certificate.der)
        plan = choose(chosen_algorithm(algorithm, kind), data, kind, self._token.mechanisms())
        with self._ready(certificate, pin) as (key, secret):
            raw = self._token.sign(key, plan.mechanism, plan.data, pss=plan.pss, pin=secret)
        return check_signature(raw, kind)

    def decipher(self, cryptogram: bytes, pin: PINProvider | None = None, *, usage: str = CONFIDENTIALITY) -> bytes:
        """Decipher with the confidentiality key (AUT-3); see :meth:`zorgid_card.cards.Card.decipher`."""
        return self._decipher(Mechanism.RSA_PKCS, cryptogram, pin, usage)

    def decipher_raw(self, cryptogram: bytes, pin: PINProvider | None = None, *, usage: str = CONFIDENTIALITY) -> bytes:
        """The bare RSA operation (AUT-3); see :meth:`zorgid_card.cards.Card.decipher_raw`."""
        return self._decipher(Mechanism.RSA_X_509, cryptogram, pin, usage)

    def _decipher(self, mechanism: Mechanism, cryptogram: bytes, pin: PINProvider | None, usage: str) -> bytes:
        certificate = self._usage(usage)
        require_cryptogram(cryptogram, public_key_of(certificate.der)[1])
        self._require_offered(mechanism, "decrypt")
        with self._ready(certificate, pin) as (key, secret):
            return self._token.decrypt(key, mechanism, cryptogram, pin=secret)

    def key_agreement(self, peer: bytes, pin: PINProvider | None = None, *, usage: str = CONFIDENTIALITY) -> bytes:
        """Elliptic-curve Diffie-Hellman (AUT-3); see :meth:`zorgid_card.cards.Card.key_agreement`.

        Raises:
            CardResponseError: the middleware gives a secret of another length.
        """
        certificate = self._usage(usage)
        _, kind = public_key_of(certificate.der)
        point = point_of(peer, kind)
        self._require_offered(Mechanism.ECDH1_DERIVE, "key agreement")
        with self._ready(certificate, pin) as (key, _):
            secret = self._token.derive(key, point, kind.octets)
        if len(secret) != kind.octets:
            raise CardResponseError(f"a shared secret of {len(secret)} bytes", reason="length")
        return secret

    def _require_offered(self, mechanism: Mechanism, operation: str) -> None:
        if mechanism not in self._token.mechanisms():
            raise NotOfferedError(operation=operation, reason=f"CKM_{mechanism.name}")

    @contextmanager
    def _ready(
        self, certificate: TokenCertificate, provider: PINProvider | None
    ) -> Iterator[tuple[TokenKey, Secret | None]]:
        """The certificate's key, logged in, and the PIN to present at its use; asked for outside, used inside a session."""
        given = self._asked(certificate, provider)
        secret, last_try_allowed = (None, False) if given is None else spoken(given)
        with self.session():
            verified = not self._token.logged_in
            if verified:
                self._log_in(_wanted(secret), last_try_allowed)
            key = key_of(certificate, self._token.keys())
            if not key.always_authenticate:
                yield key, None
                return
            presented = self._presented(_wanted(secret))
            if presented is None or not verified:  # else this same PIN was right a moment ago, and has all its tries
                self.tries().require(Credential.PIN, last_try_allowed=last_try_allowed)
            with self._remembered(Credential.PIN):
                yield key, presented

    def _asked(self, certificate: TokenCertificate, provider: PINProvider | None) -> Secret | LastTry | None:
        """None when the PIN is not needed."""
        if provider is None:
            return None
        with self.session():
            if self._token.logged_in and not key_of(certificate, self._token.keys()).always_authenticate:
                return None
        return entered(provider, self._request(certificate))

    def _request(self, certificate: TokenCertificate) -> PINRequest:
        return PINRequest(
            what=Credential.PIN,
            tries=self.tries(),
            reference=int.from_bytes(certificate.identifier[-4:], "big"),
            minimum=self._profile.pin_minimum,
            maximum=self._profile.pin_maximum,
            digits=self._kind is CardKind.ZORGID,
            retrying=Credential.PIN in self._wrong,
            keypad=self.keypad is not None,
        )

    def signer(
        self, usage: str = AUTHENTICITY, pin: PINProvider | None = None, *, algorithm: str | None = None
    ) -> CardSigner:
        """The key of ``usage`` as a :class:`~zorgid_card.ports.card.Signer`; ``pin`` is asked at each signature that wants it."""
        public_key, kind = public_key_of(self._usage(usage).der)
        name = algorithm or usual_algorithm(kind)
        return CardSigner(public_key, name, lambda data: self.sign(usage, data, name, pin))

    def authentication_signer(self, pin: PINProvider) -> CardSigner:
        """The key one logs in with: the authenticity key."""
        return self.signer(AUTHENTICITY, pin)


class _MiddlewareKeypad:
    """A keypad that the middleware works by itself (:class:`zorgid_card.ports.card.Keypad`)."""

    def enter(self, entry: PINEntry, /) -> int:
        """Nobody can send a command past the middleware.

        Raises:
            UsageError: always.
        """
        raise UsageError(
            "the keypad is the middleware's: give OnKeypad() to the card's own operations", reason="keypad"
        )


def open_token_card(token: Token) -> TokenCard:
    """The card that a token is, told by its certificates; nothing is tried.

    Raises:
        CardNotSupportedError: none of them is one of the UZI register, or of a ZORG-ID Smartcard.
        ReaderError, MiddlewareError: the token cannot be read.
    """
    certificates = token.certificates()
    for kind, identity, profile in IDENTITIES:
        if any(carries(certificate.der, identity) for certificate in certificates):
            return TokenCard(token, kind, profile, certificates)
    why = f"the token {token.info().label!r} has no certificate of a UZI pass or a ZORG-ID Smartcard"
    raise CardNotSupportedError(f"this card cannot be used: {why}", reason=why)


@contextmanager
def find_token_card(module: TokenModule, name: str | None = None, *, reader: str | None = None) -> Iterator[TokenCard]:
    """The card of this name among a module's tokens, or the only one; logged out and let go of afterwards.

    Args:
        module: the middleware.
        name: its label or serial number, or its reader's name, or a part of one of them in any case.
        reader: the whole name of the reader it is in; None: any.

    Raises:
        NoCardError: no token, or none of this name.
        CardNotSupportedError: none that is a card of this library.
        UsageError: more than one would do; ``names`` lists them.
    """
    with ExitStack() as opened:
        found: dict[str, TokenCard] = {}
        refused: ZorgIDError = NoCardError("the middleware shows no such card", name=name or reader)
        for info in module.tokens():
            if not _is_named(info, name or "") or not _is_in(info, reader):
                continue
            token = opened.enter_context(closing(module.open(info.slot)))
            try:
                found[f"{info.label} {info.serial} ({info.reader})"] = open_token_card(token)
            except CardNotSupportedError as error:
                token.close()
                refused = error
        yield _only(found, refused)


def _is_named(info: TokenInfo, part: str) -> bool:
    return any(part.casefold() in text.casefold() for text in (info.label, info.serial, info.reader))


def _is_in(info: TokenInfo, reader: str | None) -> bool:
    """Whether the token is in this reader, of whose name CK_SLOT_INFO holds 64 bytes (PKCS #11 v2.40, 3.2)."""
    return reader is None or info.reader == reader.encode()[:_SLOT_DESCRIPTION].decode(errors="replace").rstrip()


def _only(found: Mapping[str, TokenCard], refused: ZorgIDError) -> TokenCard:
    if not found:
        raise refused
    if len(found) > 1:
        names = ", ".join(found)
        raise UsageError(f"name one of these cards: {names}", reason="ambiguous", names=names)
    return next(iter(found.values()))


def _wanted(secret: Secret | None) -> Secret:
    if secret is None:
        raise PINNeededError
    return secret
