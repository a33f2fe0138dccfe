"""What a simulated pass holds, and how that is kept in a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any, TypeAlias

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from zorgid_card.errors import StorageError
from zorgid_card.testkit.keys import load_rsa_key, private_pem
from zorgid_card.testkit.uzi_profile import Environment, Function, PassType, Person, Subscriber, Usage

PassKey: TypeAlias = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
"""A key of a pass; real ones are of RSA."""


@dataclass(frozen=True, slots=True)
class PassContents:
    """What a pass carries: private keys and certificates by usage, and the chain, issuing CA first."""

    environment: Environment
    pass_type: PassType
    holder: Person | Function
    subscriber: Subscriber
    role: str
    card_number: str
    certificates: Mapping[Usage, bytes]
    chain: tuple[bytes, ...]
    keys: Mapping[Usage, PassKey] = field(repr=False)

    def record(self) -> dict[str, Any]:
        """Everything, private keys included, as JSON values: for the file of a *simulated* card."""
        holder = asdict(self.holder)
        if isinstance(self.holder, Person):
            holder["birth_date"] = self.holder.birth_date.isoformat()
        return {
            "environment": self.environment,
            "pass_type": self.pass_type,
            "holder": holder,
            "subscriber": asdict(self.subscriber),
            "role": self.role,
            "card_number": self.card_number,
            "certificates": {usage: der.hex() for usage, der in self.certificates.items()},
            "chain": [der.hex() for der in self.chain],
            "keys": {usage: private_pem(key) for usage, key in self.keys.items()},
        }

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> PassContents:
        """The contents that :meth:`record` wrote.

        Raises:
            StorageError: the record is damaged.
        """
        try:
            return cls(
                Environment(record["environment"]),
                PassType(record["pass_type"]),
                _holder(record["holder"]),
                Subscriber(**record["subscriber"]),
                str(record["role"]),
                str(record["card_number"]),
                {Usage(usage): bytes.fromhex(der) for usage, der in record["certificates"].items()},
                tuple(bytes.fromhex(der) for der in record["chain"]),
                {Usage(usage): _key(pem) for usage, pem in record["keys"].items()},
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise StorageError("the contents of the simulated pass cannot be read", reason="pass") from error


def _key(pem: str) -> PassKey:
    found = load_pem_private_key(pem.encode(), None, unsafe_skip_rsa_key_validation=True)
    return found if isinstance(found, ec.EllipticCurvePrivateKey) else load_rsa_key(pem)


def _holder(record: Mapping[str, Any]) -> Person | Function:
    if "birth_date" not in record:
        return Function(**record)
    return Person(**{**record, "birth_date": date.fromisoformat(record["birth_date"])})


@dataclass(frozen=True, slots=True)
class ServerContents:
    """A server certificate (pass type S) with its key and the chain above it."""

    key: rsa.RSAPrivateKey = field(repr=False)
    certificate: bytes
    chain: tuple[bytes, ...]
