"""Keys of cards from a master or batch key, wherever that is kept: the KDF of SP 800-108r1, 4.1, with AES-CMAC (docs/keys.md)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from typing import Any, Final

from zorgid_card.errors import NotFoundError, UsageError
from zorgid_card.ports.keys import Batch, Master, require_serial
from zorgid_card.secret import Secret

LENGTHS: Final = {"AES128": 16, "AES192": 24, "AES256": 32}
"""Octets of a key, by its algorithm's name."""

MASTER_OCTETS: Final = 32

_BLOCK: Final = 16


def counter_mode(prf: Callable[[bytes], bytes], label: bytes, context: bytes, length: int) -> Secret:
    """SP 800-108r1, 4.1: K(i) = PRF(i ‖ label ‖ 00 ‖ context ‖ L), i and L in 4 octets.

    Args:
        prf: AES-CMAC with the key that is derived from: 16 octets for any input.
        label: the purpose.
        context: whose key it is.
        length: octets wanted, at most 256.
    """
    fixed = label + b"\0" + context + (8 * length).to_bytes(4, "big")
    blocks = range(1, -(-length // _BLOCK) + 1)
    return Secret.take(bytearray().join(prf(i.to_bytes(4, "big") + fixed) for i in blocks)[:length])


def administration_label(algorithm: str) -> bytes:
    """What an administration key is derived for; ``algorithm`` as in :data:`LENGTHS`."""
    return f"zorgid-card 9B {algorithm}".encode()


def channel_label(use: str, length: int) -> bytes:
    """What a static SCP03 key is derived for: ``ENC`` or ``MAC``, of ``length`` octets."""
    return f"zorgid-card SCP03 {use} AES{8 * length}".encode()


def data_label(purpose: str) -> bytes:
    """What a key of personal data in a database is derived for."""
    return f"zorgid-card data {purpose}".encode()


class DiversifiedKeys(ABC):
    """The doors of :mod:`zorgid_card.ports.keys`; a store adds what it holds, and the KDF under one of its keys."""

    @property
    @abstractmethod
    def generation(self) -> int:
        """Of the newest master key."""

    @abstractmethod
    def masters(self) -> tuple[Master, ...]:
        """The master keys, oldest first."""

    @abstractmethod
    def batches(self) -> tuple[Batch, ...]:
        """The batches whose key is there."""

    @abstractmethod
    def _master(self, generation: int) -> Any:
        """The master key; None if there is none."""

    @abstractmethod
    def _batch(self, batch: Batch) -> tuple[Any, int]:
        """The key of a batch, and its length in octets."""

    @abstractmethod
    def _kdf(self, key: Any, label: bytes, context: bytes, length: int) -> Secret:
        """The KDF under one of the keys."""

    def derive(self, serial: str, algorithm: str, generation: int | None = None) -> Secret:
        """See :meth:`zorgid_card.ports.keys.AdministrationKeys.derive`."""
        if algorithm not in LENGTHS:
            raise UsageError(f"no key of {algorithm} is derived", reason="algorithm")
        master = self._required(self.generation if generation is None else generation)
        return self._kdf(master, administration_label(algorithm), require_serial(serial).encode(), LENGTHS[algorithm])

    def generations(self) -> tuple[int, ...]:
        """Those of the master keys, oldest first: of each, keys of personal data are derived."""
        return tuple(master.generation for master in self.masters())

    def data_key(self, purpose: str, generation: int) -> Secret:
        """See :meth:`zorgid_card.ports.keys.KeyProvider.data_key`."""
        return self._kdf(self._required(generation), data_label(purpose), b"", MASTER_OCTETS)

    def _required(self, generation: int) -> Any:
        master = self._master(generation)
        if master is None:
            raise NotFoundError(f"no master key of generation {generation}", what="master key")
        return master

    def channel(self, serial: str) -> tuple[Secret, Secret]:
        """See :meth:`zorgid_card.ports.keys.ChannelKeys.channel`."""
        context = require_serial(serial).encode()
        batch = next((batch for batch in self.batches() if batch.covers(serial)), None)
        if batch is None:
            raise NotFoundError("no batch key is for this card", what="batch key")
        key, length = self._batch(batch)
        enc, mac = (self._kdf(key, channel_label(use, length), context, length) for use in ("ENC", "MAC"))
        return enc, mac


def require_older(generation: int, known: Collection[int]) -> None:
    """Whether the master key of this generation may be taken away.

    Raises:
        NotFoundError, UsageError: as :meth:`zorgid_card.ports.keys.KeyStore.retire`.
    """
    if generation not in known:
        raise NotFoundError(f"no master key of generation {generation}", what="master key")
    if generation == max(known):
        raise UsageError("the newest master key is for new cards", reason="newest", generation=generation)


def require_batch(batch: Batch, key: Secret, known: tuple[Batch, ...]) -> None:
    """Whether this batch may be kept beside the known ones.

    Raises:
        UsageError: as :meth:`zorgid_card.ports.keys.KeyStore.add_batch`.
    """
    if len(key) not in LENGTHS.values():
        raise UsageError("a batch key has 16, 24 or 32 bytes", reason="length")
    if any(batch.overlaps(other) for other in known):
        raise UsageError("a batch key for some of these serials is there already", reason="overlap")
