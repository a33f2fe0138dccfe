"""A card behind its maker's middleware: what a PKCS#11 module tells and does (PKCS #11 v2.40), as plain values."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Literal, Protocol

from zorgid_card.secret import Secret

KeyKind = Literal["RSA", "EC", "other"]


class TokenFlag(IntFlag):
    """What a token says of itself (PKCS #11 v2.40, 3.2, CK_TOKEN_INFO)."""

    LOGIN_REQUIRED = 0x4
    USER_PIN_INITIALIZED = 0x8
    PROTECTED_PATH = 0x100
    """The PIN is entered at the reader or in the middleware's own window."""
    TOKEN_INITIALIZED = 0x400
    USER_PIN_COUNT_LOW = 0x10000
    USER_PIN_FINAL_TRY = 0x20000
    USER_PIN_LOCKED = 0x40000
    USER_PIN_TO_BE_CHANGED = 0x80000
    SO_PIN_COUNT_LOW = 0x100000
    SO_PIN_FINAL_TRY = 0x200000
    SO_PIN_LOCKED = 0x400000


class Mechanism(IntEnum):
    """The mechanisms that this library uses (PKCS #11 Current Mechanisms v2.40)."""

    RSA_PKCS = 0x1
    RSA_X_509 = 0x3
    RSA_PKCS_PSS = 0xD
    SHA256_RSA_PKCS = 0x40
    SHA384_RSA_PKCS = 0x41
    SHA512_RSA_PKCS = 0x42
    SHA256_RSA_PKCS_PSS = 0x43
    SHA384_RSA_PKCS_PSS = 0x44
    SHA512_RSA_PKCS_PSS = 0x45
    ECDSA = 0x1041
    ECDH1_DERIVE = 0x1050
    AES_CMAC = 0x108A


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenInfo:
    """A token in its slot. Texts are the token's own words, without control characters; PIN lengths in bytes."""

    slot: int
    reader: str
    label: str
    manufacturer: str
    model: str
    serial: str
    pin_minimum: int
    pin_maximum: int
    flags: TokenFlag


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCertificate:
    """An X.509 certificate on a token, not yet parsed; ``identifier`` (CKA_ID) is that of its key."""

    identifier: bytes
    label: str
    der: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenKey:
    """A private key on a token: what is told of it. ``modulus`` is empty where it is not told, or not of RSA."""

    handle: int
    identifier: bytes
    kind: KeyKind
    modulus: bytes
    always_authenticate: bool
    """It wants the PIN for each single use (CKA_ALWAYS_AUTHENTICATE)."""


class Token(Protocol):
    """One token. A session with it is opened when it is needed, and anew after one was lost; it serves several threads.

    Every method raises ReaderError when the card or the middleware is gone, WrongCardError when another card is there now,
    MiddlewareError when the middleware refuses, and CardResponseError when what it answers cannot be.
    """

    def alone(self) -> AbstractContextManager[None]:
        """Keep other threads off over several calls; never over a prompt."""
        ...

    def info(self) -> TokenInfo:
        """What the token says of itself now; costs no try."""
        ...

    def mechanisms(self) -> frozenset[int]:
        """What it can do: :class:`Mechanism` and others, by number."""
        ...

    def certificates(self) -> list[TokenCertificate]:
        """The certificates that can be seen, in the token's order."""
        ...

    def keys(self) -> list[TokenKey]:
        """The private keys that can be seen: all of them, or none, before :meth:`login`."""
        ...

    @property
    def logged_in(self) -> bool:
        """Whether this process is logged in as the user; True as well when no PIN is needed."""
        ...

    def login(self, pin: Secret | None, *, so: bool = False) -> None:
        """Verify the user's PIN, or the security officer's (``so``), anew if it was verified already.

        Args:
            pin: None where it is entered at the reader (:attr:`TokenFlag.PROTECTED_PATH`).
            so: the security officer's PIN: what is called a PUK on a card.

        Raises:
            WrongPINError, WrongPUKError: with ``tries_left`` where the token's flags tell.
            PINBlockedError, PUKBlockedError: no try is left.
            PINFormError: too short or too long; no try was spent.
        """
        ...

    def logout(self) -> None:
        """Forget that a PIN was verified; nothing if none was."""
        ...

    def sign(
        self, key: TokenKey, mechanism: int, data: bytes, *, pss: str | None = None, pin: Secret | None = None
    ) -> bytes:
        """Sign with a key of :meth:`keys`.

        Args:
            key: which one.
            mechanism: of :meth:`mechanisms`.
            data: as the mechanism wants it.
            pss: name of the digest, for a mechanism of RSASSA-PSS; the salt is as long.
            pin: presented directly before the signature if the key wants it; as for :meth:`login`.

        Returns:
            1 to 1024 bytes.
        """
        ...

    def decrypt(self, key: TokenKey, mechanism: int, cryptogram: bytes, *, pin: Secret | None = None) -> bytes:
        """Decrypt with a key of :meth:`keys`; ``pin`` as for :meth:`sign`.

        Raises:
            CryptogramError: the key does not decipher it.
        """
        ...

    def derive(self, key: TokenKey, point: bytes, length: int) -> bytes:
        """Elliptic-curve Diffie-Hellman with a key of :meth:`keys`.

        Args:
            key: which one.
            point: the other party's public key, uncompressed (04, x, y).
            length: bytes of the shared secret.
        """
        ...

    def set_pin(self, old: Secret | None, new: Secret | None) -> None:
        """Change the PIN of the user, or, when logged in as such, of the security officer; raises as :meth:`login`. None as
        there, for both."""
        ...

    def init_pin(self, new: Secret | None) -> None:
        """Set the user's PIN, logged in as the security officer; None as for :meth:`login`.

        Raises:
            NotOfferedError: the middleware has another way, of its own.
            PINPolicyError: the middleware does not take this PIN.
        """
        ...

    def close(self) -> None:
        """Log out and end the session. Never raises for a card that is gone."""
        ...


class TokenModule(Protocol):
    """A middleware: one PKCS#11 module, initialised."""

    def tokens(self) -> list[TokenInfo]:
        """The tokens that are in their slots now and were initialised, in the module's order."""
        ...

    def open(self, slot: int) -> Token:
        """The token in a slot.

        Raises:
            NoCardError: the slot is empty.
        """
        ...
