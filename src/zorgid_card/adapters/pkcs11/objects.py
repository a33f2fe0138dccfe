"""Keys on a token that stay there: found by label, made, and used (PKCS #11 v2.40, 4.9, 4.10 and 5.7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from zorgid_card.adapters.pkcs11.session import EXTRACTABLE, LABEL, MODULUS, SENSITIVE, PKCS11Token, words
from zorgid_card.errors import CardResponseError
from zorgid_card.ports.token import TokenKey
from zorgid_card.secret import Secret

_PUBLIC_KEY, _PRIVATE_KEY, _SECRET_KEY = 0x2, 0x3, 0x4
_AES: Final = 0x1F
_CLASS, _TOKEN, _PRIVATE, _VALUE, _KEY_TYPE, _ID = 0x0, 0x1, 0x2, 0x11, 0x100, 0x102
_ENCRYPT, _DECRYPT, _WRAP, _UNWRAP, _SIGN, _VERIFY, _DERIVE = 0x104, 0x105, 0x106, 0x107, 0x108, 0x10A, 0x10C
_MODULUS_BITS, _PUBLIC_EXPONENT, _VALUE_LENGTH = 0x121, 0x122, 0x161
_RSA_KEY_PAIR_GEN, _AES_KEY_GEN = 0x0, 0x1080
_F4: Final = b"\x01\x00\x01"
_IDENTIFIER: Final = 255  # octets of CKA_ID that every module takes

Template = Mapping[int, bool | int | bytes]

_KEPT: Final[dict[int, bool | int | bytes]] = {_TOKEN: True, _PRIVATE: True, SENSITIVE: True, EXTRACTABLE: False}
_MACS_ONLY: Final[dict[int, bool | int | bytes]] = {
    **_KEPT,
    _SIGN: True,
    _VERIFY: False,
    _ENCRYPT: False,
    _DECRYPT: False,
    _WRAP: False,
    _UNWRAP: False,
    _DERIVE: False,
}
"""A key from which others are derived signs, and nothing else: who may use it can derive, and not decipher or wrap."""


@dataclass(frozen=True, slots=True)
class KeptKey:
    """A key on the token, as it is told of.

    Attributes:
        key: to sign with.
        label: CKA_LABEL.
        octets: of a secret key; 0 of another.
        stays: it never leaves the token in clear (CKA_SENSITIVE, not CKA_EXTRACTABLE).
    """

    key: TokenKey
    label: str
    octets: int
    stays: bool


class KeyToken(PKCS11Token):
    """A token whose keys are made and used there; a PIN was presented before."""

    def secret_keys(self, label: str | None = None) -> list[KeptKey]:
        """The AES keys, or those of this label."""
        with self.alone():
            handles = self._find(_SECRET_KEY, label)
            return [self._kept(handle) for handle in handles if self._number(handle, _KEY_TYPE) == _AES]

    def private_keys(self, label: str | None = None) -> list[KeptKey]:
        """The private keys, or those of this label."""
        with self.alone():
            return [self._kept(handle) for handle in self._find(_PRIVATE_KEY, label)]

    def _kept(self, handle: int) -> KeptKey:
        sensitive, extractable = self._attribute(handle, SENSITIVE), self._attribute(handle, EXTRACTABLE)
        return KeptKey(
            key=TokenKey(handle=handle, identifier=b"", kind="other", modulus=b"", always_authenticate=False),
            label=words(self._attribute(handle, LABEL) or b""),
            octets=self._number(handle, _VALUE_LENGTH) or 0,
            stays=sensitive == b"\x01" and extractable == b"\x00",
        )

    def rsa_numbers(self, key: TokenKey) -> tuple[int, int]:
        """Modulus and public exponent of a private RSA key.

        Raises:
            CardResponseError: it has none.
        """
        with self.alone():
            modulus, exponent = (self._attribute(key.handle, kind) for kind in (MODULUS, _PUBLIC_EXPONENT))
        if not modulus or not exponent:
            raise CardResponseError("the key tells no modulus or no public exponent", reason="key type")
        return int.from_bytes(modulus, "big"), int.from_bytes(exponent, "big")

    def generate_secret(self, label: str, octets: int) -> None:
        """Make an AES key that never leaves the token, for MACs only."""
        wanted = _Attributes(self._library.ffi, {**_MACS_ONLY, LABEL: label.encode(), _VALUE_LENGTH: octets})
        with self.alone(), self._ended_on_failure():
            mechanism, made = self._mechanism(_AES_KEY_GEN), self._library.ffi.new("CK_ULONG *")
            self._call("generate", "GenerateKey", mechanism, wanted.array, wanted.count, made)

    def destroy(self, key: TokenKey) -> None:
        """Take a key off the token, for good."""
        with self.alone(), self._ended_on_failure():
            self._call("destroy", "DestroyObject", key.handle)

    def import_secret(self, label: str, value: Secret) -> None:
        """Bring an AES key to the token, for MACs only; from then on it never leaves it."""
        ffi = self._library.ffi
        told = {**_MACS_ONLY, _CLASS: _SECRET_KEY, _KEY_TYPE: _AES, LABEL: label.encode()}
        with self.alone(), self._ended_on_failure(), value.expose() as view, ffi.from_buffer("CK_BYTE[]", view) as at:
            wanted = _Attributes(ffi, told, {_VALUE: (at, len(view))})
            self._call("import", "CreateObject", wanted.array, wanted.count, ffi.new("CK_ULONG *"))

    def generate_rsa(self, label: str, bits: int) -> None:
        """Make an RSA key pair that signs; the private key never leaves the token."""
        ffi = self._library.ffi
        named: Template = {LABEL: label.encode(), _ID: label.encode()[:_IDENTIFIER]}
        public = {**named, _TOKEN: True, _VERIFY: True, _MODULUS_BITS: bits, _PUBLIC_EXPONENT: _F4}
        private = {**_KEPT, **named, _SIGN: True, _DECRYPT: False, _UNWRAP: False}
        one, two = _Attributes(ffi, public), _Attributes(ffi, private)
        with self.alone(), self._ended_on_failure():
            mechanism, made = self._mechanism(_RSA_KEY_PAIR_GEN), ffi.new("CK_ULONG[2]")
            rooms = one.array, one.count, two.array, two.count, made, made + 1
            self._call("generate", "GenerateKeyPair", mechanism, *rooms)

    def _mechanism(self, number: int) -> Any:
        return self._library.ffi.new("CK_MECHANISM *", (number, self._library.ffi.NULL, 0))


class _Attributes:
    """Attributes as a module takes them: the array, and the values that it points to, which live as long."""

    def __init__(self, ffi: Any, told: Template, pointers: Mapping[int, tuple[Any, int]] | None = None) -> None:
        self._values = {kind: _value(ffi, value) for kind, value in told.items()}
        rows = [(kind, ffi.cast("void *", value), ffi.sizeof(value)) for kind, value in self._values.items()]
        rows += [(kind, ffi.cast("void *", at), length) for kind, (at, length) in (pointers or {}).items()]
        self.array, self.count = ffi.new("CK_ATTRIBUTE[]", rows), len(rows)


def _value(ffi: Any, value: bool | int | bytes) -> Any:
    if isinstance(value, bool):
        return ffi.new("CK_BYTE[]", [value])
    return ffi.new("CK_BYTE[]", list(value)) if isinstance(value, bytes) else ffi.new("CK_ULONG[]", [value])
