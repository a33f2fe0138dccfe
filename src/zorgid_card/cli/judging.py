"""By what certificates are judged: what ``verify-certificate``, ``verify-token`` and ``verify-signature`` have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from zorgid_card.cli.failures import tell
from zorgid_card.cli.files import read_limited
from zorgid_card.cli.inspect.certificate import neighbours
from zorgid_card.cli.texts import Texts
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.hierarchy import PRODUCTION, TEST, Hierarchy
from zorgid_card.pki.revocation import CRL, MAX_CRL, CRLs
from zorgid_card.pki.trust import TrustStore, read_certificates

_GENERATIONS = {"production": PRODUCTION, "test": TEST}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """What the person named to judge by.

    Attributes:
        environment: ``production`` or ``test``: whose pinned roots.
        authorities: files and folders of CA certificates.
        hierarchies: files of more generations of CAs.
        roots: files with roots of test PKIs, trusted as if they were the register's.
        crls: files with CRLs; without any, revocation is not judged, and that is told.
        at: the moment of judgement.
    """

    environment: str
    authorities: Sequence[Path] = ()
    hierarchies: Sequence[Path] = ()
    roots: Sequence[Path] = ()
    crls: Sequence[Path] = ()
    at: datetime

    @property
    def revocation_told(self) -> str:
        """What the commands say of revocation where all holds: ``good`` or ``not judged``."""
        return "good" if self.crls else "not judged"

    def known(self, beside: Path | None) -> list[bytes]:
        """The CA certificates named, or where none is, those in the folder of ``beside``; DER.

        Raises:
            StorageError, CertificateMalformedError: a file cannot be read, or holds no certificate.
        """
        if self.authorities or beside is None:
            return read_certificates(*self.authorities)
        return neighbours(beside)

    def trust(self, texts: Texts, known: Sequence[bytes]) -> TrustStore:
        """The pinned roots, and whatever the person trusts besides, which is told; with the CA certificates ``known``.

        Raises:
            StorageError, CertificateMalformedError, HierarchyError: a file cannot be read, or is not what it should be.
        """
        roots = read_certificates(*self.roots)
        if roots:
            tell(texts, texts("judging.root"))
        generations = [_under(known, roots) for known in _GENERATIONS[self.environment]]
        generations += [Hierarchy.load(path) for path in self.hierarchies]
        return TrustStore.of(generations, [*known, *roots])

    def lists(self) -> Lists:
        """The CRLs named; raises as :meth:`trust`."""
        return Lists([CRL.parse(read_limited(path, MAX_CRL)) for path in self.crls])


def _under(generation: Hierarchy, roots: Sequence[bytes]) -> Hierarchy:
    for root in roots:
        generation = generation.with_root(root)
    return generation


class Lists:
    """Revocation by the lists at hand (:class:`~zorgid_card.pki.revocation.Revocation`): of the holder's certificate, and of those
    CAs' whose issuer's list is among them. Without any list nothing is judged.

    Attributes:
        chain: that for which it was asked; whatever is judged before revocation did hold.
    """

    def __init__(self, crls: Sequence[CRL]) -> None:
        self.chain: tuple[Certificate, ...] = ()
        self._crls = crls
        self._certificate = CRLs(lambda issuer: crls, leaf_only=True)

    def check(self, chain: Sequence[Certificate], at: datetime) -> None:
        """See :meth:`~zorgid_card.pki.revocation.Revocation.check`."""
        self.chain = tuple(chain)
        if not self._crls:
            return
        listed = {crl.issuer for crl in self._crls}
        for depth, issuer in enumerate(chain[1:]):
            if depth == 0 or issuer.subject in listed:
                self._certificate.check(chain[depth:], at)
