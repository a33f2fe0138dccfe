"""The portal's keys in a hardware security module: master keys, batch keys and the CA's, which never leave it.

Everything is found by label, on a token of its own: ``zorgid-card master <generation>``, ``zorgid-card batch <first> <last>``,
``zorgid-card root`` and ``zorgid-card issuing`` (docs/keys.md).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NoReturn, TypeVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

from zorgid_card.adapters.diversified import (
    LENGTHS,
    MASTER_OCTETS,
    DiversifiedKeys,
    counter_mode,
    require_batch,
    require_older,
)
from zorgid_card.adapters.pkcs11 import PKCS11Module
from zorgid_card.adapters.pkcs11.objects import KeptKey, KeyToken
from zorgid_card.errors import (
    CardResetError,
    HSMError,
    PassphraseError,
    PINBlockedError,
    PINFormError,
    UsageError,
    WrongPINError,
    ZorgIDError,
)
from zorgid_card.ports.keys import Batch, Master
from zorgid_card.ports.token import Mechanism, TokenKey
from zorgid_card.secret import Secret

CA_BITS: Final = 3072
"""Of an RSA key that is made for a CA."""

_MASTER, _BATCH, _CA = "zorgid-card master ", "zorgid-card batch ", "zorgid-card "
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,8}")
_MAC: Final = 16
_SHA256_INFO: Final = bytes.fromhex("3031300d060960864801650304020105000420")  # RFC 8017, 9.2, note 1

T = TypeVar("T")


class HSM:
    """A token of a hardware security module; a context manager. It serves many threads; open it after a fork.

    Args:
        module: the maker's PKCS#11 module.
        label: the token's.
        pin: its user PIN; kept in locked memory, for a session that is lost is opened anew. A PIN that was refused once is not
            tried again.

    Raises:
        HSMError: module or token is not there, or there are two tokens of this name.
        PassphraseError: the PIN is wrong.
    """

    def __init__(self, module: Path | str, label: str, pin: Secret) -> None:
        self._label, self._refused = label, False
        with pin.expose() as octets:
            self._pin = Secret.take(bytearray(octets))
        with self._telling("open"):
            self._module = PKCS11Module(module)
        try:
            with self._telling("open"):
                self._token = self._module.open_keys(self._slot())
            self.use("log in", lambda token: None)
        except BaseException:
            self._module.close()
            self._pin.wipe()
            raise

    def _slot(self) -> int:
        found = [token.slot for token in self._module.tokens() if token.label == self._label]
        if len(found) != 1:
            raise HSMError(f"{len(found)} tokens are called {self._label!r}", reason="token")
        return found[0]

    def use(self, operation: str, act: Callable[[KeyToken], T]) -> T:
        """Act on the token, logged in; once more in a new session if the old one was lost."""
        with self._telling(operation):
            try:
                return self._logged_in(act)
            except CardResetError:
                return self._logged_in(act)

    def _logged_in(self, act: Callable[[KeyToken], T]) -> T:
        if self._refused:
            raise PassphraseError("the HSM has refused this PIN", reason="refused before")
        with self._token.alone():
            if not self._token.logged_in:
                self._token.login(self._pin)
            return act(self._token)

    @contextmanager
    def _telling(self, operation: str) -> Iterator[None]:
        """An error of the portal's HSM is not one of somebody's card."""
        try:
            yield
        except (WrongPINError, PINBlockedError, PINFormError) as error:
            self._refused = True
            raise PassphraseError("the HSM refuses this PIN", reason=error.code) from error
        except (HSMError, PassphraseError):
            raise
        except ZorgIDError as error:
            reason = error.details.get("reason")
            raise HSMError(f"{operation}: {error}", reason=reason or error.code, operation=operation) from error

    def keys(self) -> HSMKeyStore:
        """Its key store."""
        return HSMKeyStore(self)

    def ca_key(self, name: str, *, make: bool = False) -> rsa.RSAPrivateKey:
        """A key of a CA, that signs in the HSM (RSASSA-PKCS1-v1_5 with SHA-256).

        Args:
            name: ``root`` or ``issuing``.
            make: generate it (RSA-3072) if it is not there.

        Raises:
            HSMError: it is not there, twice there, not of RSA, or could leave the HSM.
        """
        label = _CA + name
        if make and not self.use("find", lambda token: token.private_keys(label)):
            self.use("generate", lambda token: token.generate_rsa(label, CA_BITS))
        numbers = self.use("read key", lambda token: token.rsa_numbers(alone(token.private_keys(label), label).key))
        return _CAKey(self, label, *numbers)

    def close(self) -> None:
        """Log out, and let go of the module; a second time does nothing."""
        self._token.close()
        self._module.close()
        self._pin.wipe()

    def __enter__(self) -> HSM:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"HSM({self._label!r})"


def alone(found: list[KeptKey], label: str) -> KeptKey:
    """The one key that was found under this label, and that never leaves the HSM.

    Raises:
        HSMError: there is none, there are two, or it could leave (``reason``).
    """
    if not found:
        raise HSMError(f"there is no key {label!r}", reason="missing")
    if len(found) > 1:
        raise HSMError(f"{len(found)} keys are called {label!r}", reason="twice")
    if not found[0].stays:
        raise HSMError(f"the key {label!r} could leave the HSM", reason="extractable")
    return found[0]


class HSMKeyStore(DiversifiedKeys):
    """Master and batch keys in an HSM, which computes AES-CMAC with them; a :class:`~zorgid_card.ports.keys.KeyStore`."""

    def __init__(self, hsm: HSM) -> None:
        self._hsm = hsm

    @classmethod
    def create(cls, hsm: HSM) -> HSMKeyStore:
        """Make the first master key, unless there is one."""
        store = cls(hsm)
        if not store.masters():
            store._make(1)
        return store

    @property
    def generation(self) -> int:
        """Of the newest master key.

        Raises:
            HSMError: there is none.
        """
        made = self.masters()
        if not made:
            raise HSMError("there is no master key in the HSM", reason="missing")
        return made[-1].generation

    def masters(self) -> tuple[Master, ...]:
        """The master keys, oldest first; an HSM does not tell when they were made."""
        told = (label.removeprefix(_MASTER) for label in self._labels(_MASTER))
        return tuple(Master(number, None) for number in sorted(int(text) for text in told if _NUMBER.fullmatch(text)))

    def batches(self) -> tuple[Batch, ...]:
        """The batches whose key is there, in the order of their first serial."""
        told = (label.removeprefix(_BATCH).partition(" ") for label in self._labels(_BATCH))
        known = [batch for first, _, last in told if (batch := _batch_of(first, last)) is not None]
        return tuple(sorted(known, key=lambda batch: (len(batch.first), batch.first)))

    def _labels(self, prefix: str) -> list[str]:
        kept = self._hsm.use("find", KeyToken.secret_keys)
        return [key.label for key in kept if key.label.startswith(prefix)]

    def rotate(self) -> int:
        """Make a master key of a new generation, in the HSM. The older ones stay: cards have keys of them."""
        return self._make(self.generation + 1)

    def _make(self, generation: int) -> int:
        self._hsm.use("generate", lambda token: token.generate_secret(f"{_MASTER}{generation}", MASTER_OCTETS))
        self._master(generation)  # alone of its name: another process may have made one too
        return generation

    def retire(self, generation: int) -> None:
        """Destroy a master key in the HSM (:meth:`zorgid_card.ports.keys.KeyStore.retire`)."""
        require_older(generation, [master.generation for master in self.masters()])
        label = f"{_MASTER}{generation}"
        self._hsm.use("destroy", lambda token: token.destroy(alone(token.secret_keys(label), label).key))

    def add_batch(self, batch: Batch, key: Secret) -> None:
        """Bring the key of a batch into the HSM (:meth:`zorgid_card.ports.keys.KeyStore.add_batch`)."""
        require_batch(batch, key, self.batches())
        self._hsm.use("import", lambda token: token.import_secret(_batch_label(batch), key))

    def _master(self, generation: int) -> str | None:
        """Its label."""
        label = f"{_MASTER}{generation}"
        found = self._hsm.use("find", lambda token: token.secret_keys(label))
        return label if found and alone(found, label) else None

    def _batch(self, batch: Batch) -> tuple[str, int]:
        label = _batch_label(batch)
        octets = self._hsm.use("find", lambda token: alone(token.secret_keys(label), label)).octets
        if octets not in LENGTHS.values():
            raise HSMError(f"the key {label!r} has {octets} octets", reason="length")
        return label, octets

    def _kdf(self, key: str, label: bytes, context: bytes, length: int) -> Secret:
        def derive(token: KeyToken) -> Secret:
            with_key = alone(token.secret_keys(key), key).key
            return counter_mode(lambda data: _mac(token, with_key, data), label, context, length)

        return self._hsm.use("derive", derive)

    def __repr__(self) -> str:
        return f"HSMKeyStore({self._hsm!r})"


def _batch_label(batch: Batch) -> str:
    return f"{_BATCH}{batch.first} {batch.last}"


def _batch_of(first: str, last: str) -> Batch | None:
    """None for a label that somebody else made."""
    try:
        return Batch(first, last)
    except UsageError:
        return None


def _mac(token: KeyToken, key: TokenKey, data: bytes) -> bytes:
    mac = token.sign(key, Mechanism.AES_CMAC, data)
    if len(mac) != _MAC:
        raise HSMError(f"the HSM answers a MAC of {len(mac)} octets", reason="length")
    return mac


class _CAKey(rsa.RSAPrivateKey):
    """An RSA key that signs in the HSM; what ``cryptography`` builds certificates and CRLs with."""

    def __init__(self, hsm: HSM, label: str, modulus: int, exponent: int) -> None:
        self._hsm, self._label = hsm, label
        try:
            self._public = rsa.RSAPublicNumbers(exponent, modulus).public_key()
        except ValueError as error:
            raise HSMError(f"the key {label!r} is none of RSA", reason="key type") from error

    @property
    def key_size(self) -> int:
        return self._public.key_size

    def public_key(self) -> rsa.RSAPublicKey:
        return self._public

    def sign(self, data: Any, padding: Any, algorithm: Any) -> bytes:
        """Sign; what the HSM answers is verified before it is used."""
        if not isinstance(padding, PKCS1v15) or not isinstance(algorithm, hashes.SHA256):
            raise TypeError("a CA in an HSM signs with RSASSA-PKCS1-v1_5 and SHA-256")
        digest = hashes.Hash(hashes.SHA256())
        digest.update(data)
        info = _SHA256_INFO + digest.finalize()

        def act(token: KeyToken) -> bytes:
            return token.sign(alone(token.private_keys(self._label), self._label).key, Mechanism.RSA_PKCS, info)

        signature = self._hsm.use("sign", act)
        try:
            self._public.verify(signature, data, padding, algorithm)
        except InvalidSignature as error:
            raise HSMError("the HSM's signature does not verify", reason="signature") from error
        return signature

    def decrypt(self, ciphertext: bytes, padding: Any) -> NoReturn:
        raise TypeError("a CA's key signs, and nothing else")

    def private_numbers(self) -> NoReturn:
        raise TypeError("the key is in the HSM")

    def private_bytes(self, encoding: Any, format: Any, encryption_algorithm: Any) -> NoReturn:
        raise TypeError("the key is in the HSM")

    def __copy__(self) -> _CAKey:
        return self

    def __deepcopy__(self, memo: Any) -> _CAKey:
        return self

    def __repr__(self) -> str:
        return f"<RSA-{self.key_size} {self._label!r} in {self._hsm!r}>"
