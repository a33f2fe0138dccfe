"""The one set of operations of all cards: PIV, PKCS#15, and what is behind PKCS#11."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from zorgid_card.cards.access import CardSigner, PINProvider, Tries
from zorgid_card.cards.activation import Activation
from zorgid_card.cards.keys import CONFIDENTIALITY
from zorgid_card.cards.kinds import CardKind
from zorgid_card.cards.profile import CardProfile
from zorgid_card.ports.card import Keypad
from zorgid_card.secret import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class CardPIN:
    """A PIN of a card: the keys that it guards, by usage, the characters it may have, and the tries left."""

    label: str
    usages: frozenset[str]
    minimum: int
    maximum: int
    digits: bool
    tries: Tries


class Card(Protocol):
    """What every card of this library can do; the classes say more of each.

    *Usage* is ``authenticity`` (logging in), ``signature`` or ``confidentiality``; not every card has a key for each. A PIN
    provider is asked outside any transaction, as often as the key's policy wants: each time, after so many uses, or when the PIN
    is not verified.
    """

    @property
    def kind(self) -> CardKind:
        """What the card was found to be."""
        ...

    @property
    def profile(self) -> CardProfile:
        """Limits of PIN and PUK, and what else is known of this kind of card."""
        ...

    @property
    def keypad(self) -> Keypad | None:
        """The reader's keypad, if it has one: then :class:`OnKeypad` may be given for a PIN (PIN-6)."""
        ...

    @property
    def activation(self) -> Activation:
        """Whether the card was activated, as far as reading tells."""
        ...

    def session(self) -> AbstractContextManager[None]:
        """Keep other programs off over several operations; never over a prompt, a wait or a network call."""
        ...

    # --- PIN and PUK

    def pins(self) -> tuple[CardPIN, ...]:
        """The PINs that guard the card's keys; costs no try."""
        ...

    def tries(self) -> Tries:
        """Tries left of the PIN one logs in with; costs none."""
        ...

    def puk_tries(self) -> Tries:
        """Tries left of the PUK; costs none."""
        ...

    def verify_pin(self, pin: Secret, *, last_try_allowed: bool = False) -> None:
        """Verify the PIN.

        Raises:
            WrongPINError: with ``tries_left``, where the card tells.
            PINBlockedError: no try is left.
            LastTryError: one is left, or it is unknown how many, and ``last_try_allowed`` was not said; nothing was tried.
        """
        ...

    def change_pin(self, old: Secret, new: Secret, *, last_try_allowed: bool = False) -> None:
        """Change the PIN (PIN-2). Raises what :meth:`verify_pin` does, and PINPolicyError."""
        ...

    def unblock_pin(self, puk: Secret, new: Secret, *, last_try_allowed: bool = False) -> None:
        """Set a new PIN with the PUK (PIN-3).

        Raises:
            WrongPUKError, PUKBlockedError, LastTryError: as for the PIN.
            PINPolicyError: the new PIN has a length that the card does not take; nothing was tried.
            NotOfferedError: the card's middleware has a way of its own.
        """
        ...

    def change_puk(self, old: Secret, new: Secret, *, last_try_allowed: bool = False) -> None:
        """Change the PUK (PIN-4). Raises what :meth:`unblock_pin` does."""
        ...

    def log_out(self) -> None:
        """Forget that the PIN was verified."""
        ...

    def activate(self, pin: Secret, *, last_try_allowed: bool = False) -> None:
        """Activate the card, once, with its PIN.

        Raises:
            AlreadyActivatedError: it was activated before: whose holder did not do so must not use it; nothing was tried.
            NotOfferedError: cards of this kind need no activation, or only their middleware's own program does it.
            WrongPINError, PINBlockedError, LastTryError: as :meth:`verify_pin`.
        """
        ...

    # --- certificates

    def certificates(self) -> dict[str, bytes]:
        """The certificates of the card's own keys by usage, DER."""
        ...

    def chain(self) -> list[bytes]:
        """The other certificates on the card: its issuers', DER, in the card's order."""
        ...

    def authentication_certificate(self) -> bytes:
        """The certificate one logs in with, DER.

        Raises:
            UsageError: there is none.
        """
        ...

    # --- keys

    def sign(self, usage: str, data: bytes, algorithm: str | None = None, pin: PINProvider | None = None) -> bytes:
        """Hash and sign ``data`` with the key of ``usage`` (AUT-3).

        Args:
            usage: whose key.
            data: what is signed, not yet hashed.
            algorithm: RS256/384/512, PS256/384/512, ES256, ES384; None: the usual one for the key.
            pin: asked for the PIN; None when it is verified, or the key never wants it.

        Returns:
            RSA: as many bytes as the modulus. ECDSA: DER ECDSA-Sig-Value. It is not verified here.

        Raises:
            UsageError: no such key, or the algorithm does not suit it.
            NotOfferedError: it would suit, but the card or its middleware does not do it.
            WrongPINError, PINBlockedError, LastTryError: as :meth:`verify_pin`.
            PINFormError: what was entered cannot be the PIN; nothing was tried.
            PINNeededError: the PIN was needed and no ``pin`` given.
            NotActivatedError: the pass is to be activated first.
        """
        ...

    def decipher(self, cryptogram: bytes, pin: PINProvider | None = None, *, usage: str = CONFIDENTIALITY) -> bytes:
        """Decipher what was encrypted by PKCS #1 v1.5 to a key of RSA (AUT-3); raises as :meth:`sign`.

        Args:
            cryptogram: as many bytes as the modulus.
            pin: as for :meth:`sign`.
            usage: whose key.

        Returns:
            the plain text. To a sender who can tell a refusal from an answer the card is a padding oracle.

        Raises:
            CryptogramError: the key finds no plain text in it.
        """
        ...

    def decipher_raw(self, cryptogram: bytes, pin: PINProvider | None = None, *, usage: str = CONFIDENTIALITY) -> bytes:
        """The bare RSA operation, whatever the padding (OAEP: :mod:`zorgid_card.pki.enveloped`); raises as :meth:`decipher`.

        Returns:
            as many bytes as the modulus, padding and all.

        Raises:
            NotOfferedError: the card takes the padding of PKCS #1 v1.5 off by itself, and knows no other.
        """
        ...

    def key_agreement(self, peer: bytes, pin: PINProvider | None = None, *, usage: str = CONFIDENTIALITY) -> bytes:
        """Elliptic-curve Diffie-Hellman with a key on a curve (AUT-3); raises as :meth:`sign`.

        Args:
            peer: the other party's public key, SubjectPublicKeyInfo DER, on the same curve.
            pin: as for :meth:`sign`.
            usage: whose key.

        Returns:
            the x coordinate of the shared point, 32 or 48 bytes: input for a key derivation, not a key.
        """
        ...

    def signer(self, usage: str = ..., pin: PINProvider | None = None, *, algorithm: str | None = None) -> CardSigner:
        """The key of ``usage`` (``authenticity`` if none is named) as a :class:`~zorgid_card.ports.card.Signer`.

        ``pin`` is asked at each signature that wants it.
        """
        ...

    def authentication_signer(self, pin: PINProvider) -> CardSigner:
        """The key one logs in with."""
        ...
