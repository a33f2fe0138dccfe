"""By what certificates are judged: what ``verify-certificate``, ``verify-token`` and ``verify-signature`` have in common."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

from zorgid_card.cli.failures import about, tell
from zorgid_card.cli.files import read_limited
from zorgid_card.cli.inspect.certificate import neighbours
from zorgid_card.errors import NotUZIError, UsageError
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.hierarchy import PRODUCTION, TEST, Hierarchy
from zorgid_card.pki.identity import UZIIdentity, ZorgIDIdentity
from zorgid_card.pki.profile import POLICIES
from zorgid_card.pki.revocation import CRL, MAX_CRL, CRLs, Revocation
from zorgid_card.pki.trust import TrustStore, read_certificates
from zorgid_card.pki.verifier import CertificateVerifier, SmartcardVerifier
from zorgid_card.texts import Texts

Identity: TypeAlias = UZIIdentity | ZorgIDIdentity

_GENERATIONS = {"production": PRODUCTION, "test": TEST}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """What the person named to judge by.

    Attributes:
        environment: ``production`` or ``test``: whose pinned roots.
        authorities: files and folders of CA certificates.
        hierarchies: files of more generations of CAs.
        roots: files with roots of test PKIs, trusted as if they were the register's, and other CA certificates of theirs.
        issuers: files with the CA certificates, root included, of who issues ZORG-ID Smartcards; without any, those are refused.
        crls: files with CRLs.
        online: ask the issuers of the certificates whether one is revoked. With neither, that is not judged, and it is told.
        at: the moment of judgement.
    """

    environment: str
    authorities: Sequence[Path] = ()
    hierarchies: Sequence[Path] = ()
    roots: Sequence[Path] = ()
    issuers: Sequence[Path] = ()
    crls: Sequence[Path] = ()
    online: bool = False
    at: datetime

    @property
    def revocation_told(self) -> str:
        """What the commands say of revocation where all holds: ``good`` or ``not judged``."""
        return "good" if self.crls or self.online else "not judged"

    def known(self, beside: Path | None) -> list[bytes]:
        """The CA certificates named, or where none is, those in the folder of ``beside``; DER.

        Raises:
            StorageError, CertificateMalformedError: a file cannot be read, or holds no certificate.
        """
        if self.authorities or beside is None:
            return read_certificates(*self.authorities)
        return neighbours(beside)

    def judge(self, texts: Texts, known: Sequence[bytes], pass_types: Collection[str] | None = None) -> Judge:
        """Who judges by all this; whatever the person trusts besides the register is told.

        Args:
            texts: what it is told in.
            known: CA certificates at hand, DER.
            pass_types: of UZI passes that are accepted; None: all.

        Raises:
            StorageError, CertificateMalformedError, HierarchyError: a file cannot be read, or is not what it should be.
            UsageError: httpx is missing, which asks the issuers.
        """
        stores = [self._register(texts, known), *self._issuer()]
        lists = [CRL.parse(read_limited(path, MAX_CRL)) for path in self.crls]
        return Judge(stores, Lists(lists, _online(texts) if self.online else None), pass_types)

    def _register(self, texts: Texts, known: Sequence[bytes]) -> TrustStore:
        own = read_certificates(*self.roots)
        if own:
            tell(texts, texts("judging.root"))
        generations = [_under(known, _roots(own)) for known in _GENERATIONS[self.environment]]
        generations += [Hierarchy.load(path) for path in self.hierarchies]
        return TrustStore.of(generations, [*known, *own])

    def _issuer(self) -> list[TrustStore]:
        if not self.issuers:
            return []
        known = read_certificates(*self.issuers)
        return [TrustStore(_roots(known), known, policies=POLICIES)]


class Judge:
    """Judges certificates of UZI passes, and of ZORG-ID Smartcards where their issuer is known
    (:class:`~zorgid_card.pki.verifier.Verifier`).

    Args:
        stores: whom to trust: the register, and the issuer of ZORG-ID Smartcards where it is known.
        lists: tells what is revoked.
        pass_types: of UZI passes that are accepted; None: all.

    Attributes:
        register: the roots of the register, and the generations accepted.
        roots: SHA-256 of all roots trusted.
        lists: as given.
    """

    def __init__(self, stores: Sequence[TrustStore], lists: Lists, pass_types: Collection[str] | None) -> None:
        self.register, *issuers = stores
        pinned = frozenset[str]().union(*(hierarchy.roots for hierarchy in self.register.hierarchies))
        self.roots = pinned.union(Certificate.parse(root).fingerprint for store in issuers for root in store.anchors)
        self.lists = lists
        self._passes = CertificateVerifier(self.register, lists, pass_types=pass_types)
        self._cards = SmartcardVerifier(issuers[0], lists) if issuers else None

    def verify(
        self,
        certificate: Certificate,
        /,
        *,
        usage: str = "authenticity",
        at: datetime,
        intermediates: Iterable[bytes] = (),
    ) -> Identity:
        """As :meth:`~zorgid_card.pki.verifier.Verifier.verify`."""
        try:
            return self._passes.verify(certificate, usage=usage, at=at, intermediates=intermediates)
        except NotUZIError as error:
            if self._cards is None:
                error.details["purpose"] = "judging"  # its sentence says how to have other cards judged
                raise
        with about(card="zorgid"):
            return self._cards.verify(certificate, usage=usage, at=at, intermediates=intermediates)


def _roots(certificates: Iterable[bytes]) -> list[bytes]:
    parsed = map(Certificate.parse, certificates)
    return [one.der for one in parsed if one.subject == one.issuer]


def _under(generation: Hierarchy, roots: Sequence[bytes]) -> Hierarchy:
    for root in roots:
        generation = generation.with_root(root)
    return generation


def _online(texts: Texts) -> Callable[[], Revocation]:
    try:
        from zorgid_card.adapters.http import HTTPFetcher  # noqa: PLC0415  # an extra
        from zorgid_card.workflows.revocation_status import RevocationStatus  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise UsageError("httpx is missing; pip install 'zorgid-card[http]'", reason="httpx") from error

    def asked() -> Revocation:
        tell(texts, texts("judging.asking"))
        logging.getLogger("zorgid_card").addHandler(logging.NullHandler())  # what fails is told in one sentence of ours
        return RevocationStatus(HTTPFetcher())

    return asked


class Lists:
    """Revocation by the lists at hand (:class:`~zorgid_card.pki.revocation.Revocation`): of the holder's certificate, and of those
    CAs' whose issuer's list is among them; and by the issuers, where they are to be asked. Without both nothing is judged.

    Args:
        crls: the lists.
        online: gives who asks the issuers, and tells the person so, for that may take seconds.

    Attributes:
        chain: that for which it was asked; whatever is judged before revocation did hold.
    """

    def __init__(self, crls: Sequence[CRL], online: Callable[[], Revocation] | None = None) -> None:
        self.chain: tuple[Certificate, ...] = ()
        self._crls = crls
        self._online = online
        self._certificate = CRLs(lambda issuer: crls, leaf_only=True)

    def check(self, chain: Sequence[Certificate], at: datetime) -> None:
        """See :meth:`~zorgid_card.pki.revocation.Revocation.check`."""
        self.chain = tuple(chain)
        if self._crls:
            self._look_up(chain, at)
        if self._online is not None:
            self._online().check(chain, at)

    def _look_up(self, chain: Sequence[Certificate], at: datetime) -> None:
        listed = {crl.issuer for crl in self._crls}
        for depth, issuer in enumerate(chain[1:]):
            if depth == 0 or issuer.subject in listed:
                self._certificate.check(chain[depth:], at)
