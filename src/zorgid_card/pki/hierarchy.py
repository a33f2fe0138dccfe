"""The hierarchies of the UZI register: pinned roots, issuing CAs, OID CA, certificate policies.

They are data: one TOML file per generation and environment, in the package's folder ``pki/hierarchies``. A portal reads a
successor's from a file of its own (:meth:`Hierarchy.load`); the form is told in docs/trust.md. What is **not public** says
``assumed``, and where it comes from.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from zorgid_card.errors import HierarchyError, StorageError
from zorgid_card.pki import _x509

ISSUER_ORGANISATION = "CIBG"
"""O of every issuing CA of the register. The policies are shared with other issuers of PKIoverheid; this name is not."""

PROFESSIONAL = frozenset({"Z"})
"""The types of pass that name a profession."""

PERSONAL = frozenset({"Z", "N"})
"""The types of pass that name a person."""

KEY_USAGES: Mapping[str, frozenset[str]] = {
    "authenticity": frozenset({"digital_signature"}),
    "signature": frozenset({"content_commitment"}),
    "confidentiality": frozenset({"key_encipherment", "data_encipherment"}),
    "server": frozenset({"digital_signature", "key_encipherment"}),
}
"""The exact keyUsage of each kind of certificate, by ``cryptography``'s names of the bits."""

MAX_FILE = 64 * 1024
"""Octets of a hierarchy file."""

_OID = r"[0-2](\.(0|[1-9][0-9]{0,19})){1,20}"
_TEXT = r"[^\x00-\x1f\x7f]{1,200}"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PassProfile:
    """One type of pass in one hierarchy.

    Args:
        pass_type: Z, N, M or S.
        oid_ca: first field of the subjectAltName.
        issuers: CNs of the issuing CAs.
        policies: certificate policy to usage.
        assumed: where the values come from, if they are not confirmed by the register's own documents or certificates.
    """

    pass_type: str
    oid_ca: str
    issuers: frozenset[str]
    policies: Mapping[str, str]
    assumed: str = ""


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """One generation of one environment (``production`` or ``test``); ``roots`` are SHA-256 fingerprints, upper case."""

    name: str
    environment: str
    roots: frozenset[str]
    passes: tuple[PassProfile, ...]

    @classmethod
    def load(cls, path: Path) -> Hierarchy:
        """Read a hierarchy from a file.

        Raises:
            StorageError: the file cannot be read.
            HierarchyError: it does not say what it must; ``field``, ``reason``.
        """
        try:
            with Path(path).open("rb") as file:
                data = file.read(MAX_FILE + 1)
        except OSError as error:
            raise StorageError(f"{path} cannot be read", reason=error.strerror, path=str(path)) from error
        return cls.parse(data)

    @classmethod
    def parse(cls, data: bytes) -> Hierarchy:
        """Decode a hierarchy file, at most 64 KiB of TOML in UTF-8.

        Raises:
            HierarchyError: it does not say what it must; ``field``, ``reason``.
        """
        if len(data) > MAX_FILE:
            raise _wrong("file", f"more than {MAX_FILE} octets")
        try:
            document = tomllib.loads(data.decode())
        except (ValueError, RecursionError) as error:  # TOMLDecodeError and UnicodeDecodeError are ValueErrors
            raise _wrong("file", f"not TOML: {error}"[:200]) from error
        table = _Table(document, "", {"name", "environment", "root", "pass"})
        return cls(
            name=table.text("name"),
            environment=table.text("environment", "production|test"),
            roots=frozenset(table.each("root", _root)),
            passes=tuple(table.each("pass", _pass)),
        )

    @property
    def policies(self) -> Mapping[str, frozenset[str]]:
        """For each usage, the certificate policies under which its certificates are issued."""
        found: dict[str, frozenset[str]] = {}
        for profile in self.passes:
            for policy, usage in profile.policies.items():
                found[usage] = found.get(usage, frozenset()) | {policy}
        return found

    def with_root(self, certificate: bytes) -> Hierarchy:
        """The same hierarchy under one more root, such as that of a test PKI that mirrors the register's names.

        Raises:
            CertificateMalformedError: ``certificate`` is not a certificate.
        """
        pin = _x509.fingerprint(_x509.der(_x509.load_certificate(certificate)))
        return replace(self, roots=self.roots | {pin})


def _wrong(field: str, reason: str) -> HierarchyError:
    return HierarchyError(f"hierarchy: {field}: {reason}", field=field, reason=reason)


class _Table:
    """One table of the file, of which every key is known, and every value of its form."""

    def __init__(self, value: object, where: str, keys: set[str]) -> None:
        if not isinstance(value, dict):
            raise _wrong(where, "not a table")
        unknown = sorted(value.keys() - keys)
        if unknown:
            raise _wrong(f"{where}{unknown[0]}"[:200], "unknown")
        self._value: dict[str, Any] = value
        self._where = where

    def text(self, key: str, form: str = _TEXT, default: str | None = None) -> str:
        value = self._value.get(key, default)
        if not isinstance(value, str) or (value != default and not re.fullmatch(form, value)):
            raise _wrong(self._where + key, "missing" if value is None else "not of its form")
        return value

    def texts(self, key: str) -> frozenset[str]:
        value = self._value.get(key)
        if not isinstance(value, list) or not value:
            raise _wrong(self._where + key, "not a list of texts")
        return frozenset(_Table({key: item}, self._where, {key}).text(key) for item in value)

    def each(self, key: str, read: Callable[[object, str], T]) -> list[T]:
        value = self._value.get(key)
        if not isinstance(value, list) or not value:
            raise _wrong(self._where + key, "none")
        return [read(item, f"{self._where}{key} {number}: ") for number, item in enumerate(value, start=1)]

    def inner(self, key: str, keys: set[str]) -> _Table:
        return _Table(self._value.get(key), f"{self._where}{key}.", keys)

    def keys(self) -> tuple[str, ...]:
        return tuple(self._value)


def _root(value: object, where: str) -> str:
    table = _Table(value, where, {"subject", "sha256"})
    table.text("subject")  # for people
    return table.text("sha256", "[0-9A-Fa-f]{64}").upper()


def _pass(value: object, where: str) -> PassProfile:
    table = _Table(value, where, {"type", "oid_ca", "issuers", "policies", "assumed"})
    usages = table.inner("policies", set(KEY_USAGES))
    policies = {usages.text(usage, _OID): usage for usage in usages.keys()}  # noqa: SIM118  # a table of the file, no mapping
    if not policies:
        raise _wrong(f"{where}policies", "none")
    return PassProfile(
        pass_type=table.text("type", "[ZNMS]"),
        oid_ca=table.text("oid_ca", _OID),
        issuers=table.texts("issuers"),
        policies=policies,
        assumed=table.text("assumed", default=""),
    )


def _packaged() -> tuple[Hierarchy, ...]:
    folder = resources.files("zorgid_card.pki") / "hierarchies"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".toml")), key=lambda file: file.name)
    return tuple(Hierarchy.parse(file.read_bytes()) for file in files)


def find_pass(hierarchies: Iterable[Hierarchy], issuer: str) -> tuple[Hierarchy, PassProfile] | None:
    """The hierarchy and the pass type that the CN of an issuing CA stands for; None when it is no CA of the register."""
    for hierarchy in hierarchies:
        for profile in hierarchy.passes:
            if issuer in profile.issuers:
                return hierarchy, profile
    return None


KNOWN: tuple[Hierarchy, ...] = _packaged()
"""Every hierarchy in the package: whose certificates can be read. Which are *trusted* is for a
:class:`~zorgid_card.pki.trust.TrustStore` to say.
"""

PRODUCTION: tuple[Hierarchy, ...] = tuple(one for one in KNOWN if one.environment == "production")
"""Every generation of production in the package."""

TEST: tuple[Hierarchy, ...] = tuple(one for one in KNOWN if one.environment == "test")
"""Every generation of the TEST environment in the package."""

(UZI_G3,) = (one for one in PRODUCTION if one.name == "UZI-register G3")
(UZI_TEST_G3,) = (one for one in TEST if one.name == "TEST UZI-register G3")
