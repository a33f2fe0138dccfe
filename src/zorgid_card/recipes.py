"""Recipes: what most portals and vendors need, wired from the rooms below.

Everything here can be had piece by piece from the rooms, for those who wire otherwise: another store, another CA, another key
store, a remote card side.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from zorgid_card.adapters.keystore import FileKeyStore
from zorgid_card.errors import CertificateError, StorageError, UsageError
from zorgid_card.middleware import open_token
from zorgid_card.opening import CARDS_MET, find_reader, open_card
from zorgid_card.pki.authority import Authority
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.profile import POLICIES
from zorgid_card.pki.revocation import CRL, CRLs, Revocation
from zorgid_card.pki.trust import TrustStore
from zorgid_card.pki.verifier import CertificateVerifier, SmartcardVerifier
from zorgid_card.ports.authority import CertificateAuthority, RemoteAuthority
from zorgid_card.ports.challenges import Challenges
from zorgid_card.ports.keys import KeyStore
from zorgid_card.ports.notices import Events, Notifier
from zorgid_card.ports.registry import IssuedCertificate, Registry
from zorgid_card.secret import Secret
from zorgid_card.workflows import enrolment, health, housekeeping, issuance, organisation
from zorgid_card.workflows.challenges import MemoryChallenges, RegistryChallenges
from zorgid_card.workflows.log_in import LogIn
from zorgid_card.workflows.management import Management
from zorgid_card.workflows.outbox import Outbox
from zorgid_card.workflows.pairing import PortalIdentity
from zorgid_card.workflows.phone_door import PhoneDoor
from zorgid_card.workflows.policy import Policy
from zorgid_card.workflows.portal import Portal, Services
from zorgid_card.workflows.registry_links import RegistryLinks
from zorgid_card.workflows.remote_authority import RemoteStatus
from zorgid_card.workflows.revocation_list import RevocationList
from zorgid_card.workflows.revocation_policy import RevocationPolicy
from zorgid_card.workflows.revocation_status import RevocationStatus

__all__ = [
    "CARDS_MET",
    "CRLFolder",
    "OnlineRevocation",
    "PortalSide",
    "find_reader",
    "open_card",
    "open_login",
    "open_portal",
    "open_token",
    "publish_crl",
    "write_whole",
]


@dataclass(frozen=True, slots=True)
class PortalSide:
    """A portal's door to all services.

    Attributes:
        services: what they stand on.
        seam: answers the card side's messages; carry them over HTTP, or hand it to a card side in this process.
        log_in: log-in with a card (AUT-1, AUT-2).
        phones: log-in with a phone (ORG-6, ORG-7).
        management: cards, phones and people of an organisation (ADM-1 to ADM-7).
        revocation: the CRLs; serve :meth:`RevocationList.current` where the certificates say. A remote CA publishes its own.
        remote: for a remote CA only.
        outbox: where there is a notifier.
    """

    services: Services
    seam: Portal
    log_in: LogIn
    phones: PhoneDoor
    management: Management
    revocation: RevocationList
    remote: RemoteStatus | None = None
    outbox: Outbox | None = None

    def tend(self) -> None:
        """What a portal does by the clock alone, to be called every minute from a timer, in one process or in several.

        What was not activated in time is revoked (CRD-8), the CRLs are published, or the remote CA is told; what has served its
        time is removed (:func:`housekeeping.remove_expired`), and notices that are due are sent. One fails, the others are done.
        A block is on the CRL sooner where ``revocation.refresh()`` is called every ten seconds, too.

        Raises:
            StorageError: the registry cannot be read, or a CRL not be published.
            FetchError: the remote CA could not be told all. Either is made up for at the next call.
        """
        try:
            if self.remote is not None:
                self.remote.report()
            else:
                self.revocation.refresh()
        finally:
            try:
                housekeeping.remove_expired(self.services.registry, self.services.clock())
            finally:
                if self.outbox is not None:
                    self.outbox.deliver()

    def health(
        self, *, certificates: Mapping[str, bytes] | None = None, crls: Mapping[str, bytes] | None = None
    ) -> health.Health:
        """How the portal is doing (:func:`zorgid_card.workflows.health.health`), the CA's own certificates included.

        Args:
            certificates: others whose end matters, such as that of the portal's server; DER, by a name.
            crls: as the world fetches them, by a name.
        """
        authority = self.services.authority
        known = {"issuing-ca": authority.certificate, "root-ca": authority.root, **(certificates or {})}
        return health.health(self.services.registry, self.services.clock(), certificates=known, crls=crls)


def open_portal(
    directory: Path,
    passphrase: Secret | None,
    *,
    registry: Registry,
    identity: PortalIdentity,
    uzi: TrustStore,
    uzi_revocation: Revocation,
    makers: Iterable[bytes] = (),
    policy: Policy | None = None,
    keys: KeyStore | None = None,
    authority: CertificateAuthority | None = None,
    notifier: Notifier | None = None,
    events: Events | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> PortalSide:
    """A portal with its own CA and key store in a directory; both are made when it is opened for the first time.

    Either may be elsewhere instead (docs/keys.md): in an HSM, or, the CA, at somebody else's (EST).

    Args:
        directory: holds ``ca/``, ``master.key`` and the CRLs ``crl.der`` and ``root-crl.der``; made with mode 0700.
        passphrase: opens the keys in it, 1 to 256 bytes; None if none are in it.
        registry: the store, such as :class:`zorgid_card.adapters.sql.SQLRegistry`.
        identity: the portal's origin and TLS key.
        uzi: pinned roots of the UZI register (:meth:`zorgid_card.pki.trust.TrustStore.production`).
        uzi_revocation: tells whether a pass is revoked: :class:`OnlineRevocation`, or :class:`CRLFolder`.
        makers: attestation roots of the accepted makers of blanks, DER.
        policy: what the portal decides for itself.
        keys: where the keys of cards are, such as :class:`zorgid_card.adapters.pkcs11.hsm.HSMKeyStore`; None: in the directory.
        authority: the CA, such as :class:`zorgid_card.pki.authority.Authority` with its keys in an HSM, or
            :class:`zorgid_card.workflows.remote_authority.RemoteCA`; None: in the directory.
        notifier: tells people what became of their request, such as :class:`zorgid_card.adapters.smtp.SMTPNotifier`; None: notices
            wait until there is one.
        events: counts what happens, for the portal's monitoring.
        clock: UTC.

    Raises:
        StorageError: a file cannot be read or written; or keys are gone with which cards were made (``reason`` "missing").
        PassphraseError: the passphrase does not open the keys.
        UsageError: keys are in the directory, and no passphrase is given.
    """
    _require_private(directory := Path(directory))
    keys = keys or _key_store(directory, passphrase, registry)
    authority = authority or _authority(directory, passphrase, registry, clock())
    services = Services(
        registry=registry,
        authority=authority,
        uzi=uzi,
        uzi_revocation=uzi_revocation,
        makers=tuple(makers),
        administration=keys,
        identity=identity,
        policy=policy or Policy(),
        channels=keys,
        clock=clock,
        events=events,
    )
    profiles = services.policy.creation.profiles.values()
    points = [point for profile in profiles for point in profile.points]
    revocation = RevocationList(registry, authority, clock, partial(publish_crl, directory), points=points)
    remote = RemoteStatus(registry, authority, clock) if isinstance(authority, RemoteAuthority) else None
    return PortalSide(
        services=services,
        seam=Portal(services, {organisation.REGISTER: enrolment.STEPS, organisation.CREATE: issuance.STEPS}),
        log_in=registry_log_in(services, remote or revocation),
        phones=PhoneDoor(services),
        management=Management(registry, clock, services.policy, events),
        revocation=revocation,
        remote=remote,
        outbox=None if notifier is None else Outbox(registry, notifier, clock, events),
    )


def registry_log_in(services: Services, card_revocation: Revocation) -> LogIn:
    """Log-in with UZI passes and with the cards of a portal's own CA, by its registry.

    Args:
        services: what the portal stands on.
        card_revocation: tells whether a card of its CA is revoked.
    """
    chain, policy = services.authority.chain, services.policy
    return LogIn(
        origin=services.identity.origin,
        passes=CertificateVerifier(services.uzi, services.uzi_revocation, pass_types=policy.login_pass_types),
        challenges=RegistryChallenges(services.registry),
        cards=SmartcardVerifier(TrustStore(chain[-1:], chain[:-1], policies=POLICIES), card_revocation),
        links=RegistryLinks(services.registry, registered_only=policy.login_registered_only),
        lifetime=policy.challenge_lifetime,
        clock=services.clock,
        events=services.events,
    )


def open_login(
    origin: str,
    *,
    trust: TrustStore,
    revocation: Revocation,
    challenges: Challenges | None = None,
    pass_types: Collection[str] = frozenset("ZNM"),
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> LogIn:
    """Log-in with UZI passes for a portal that has its own users, sessions and database: nothing else of this library is needed.

    For ZORG-ID Smartcards too, make a :class:`~zorgid_card.workflows.log_in.LogIn` with ``cards`` and ``links``.

    Args:
        origin: the portal's own, from its configuration: ``https://host[:port]``.
        trust: pinned roots of the UZI register (:meth:`zorgid_card.pki.trust.TrustStore.production`).
        revocation: tells what the register has revoked: :class:`OnlineRevocation`, or :class:`CRLFolder`.
        challenges: where challenges are kept; in this process's memory if None. More processes than one need one store, such as
            :class:`zorgid_card.adapters.challenges.SQLChallenges`.
        pass_types: the types of UZI pass that may log in (Z, N, M).
        clock: UTC.

    Raises:
        MessageError: ``origin`` is none.
    """
    return LogIn(
        origin=origin,
        passes=CertificateVerifier(trust, revocation, pass_types=pass_types),
        challenges=MemoryChallenges() if challenges is None else challenges,
        clock=clock,
    )


class CRLFolder:
    """The CRLs in a folder, such as those that a timer fetches from the UZI register every hour, answer for :func:`open_portal`.

    A file is read and parsed once, and again when it was replaced. What is no CRL is passed over: that a CRL is missing shows
    where it is needed. Delta CRLs may lie beside the full ones.

    Args:
        directory: holds the CRLs, DER or PEM, as ``*.crl``.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._known: dict[Path, tuple[int, CRL]] = {}

    def check(self, chain: Sequence[Certificate], at: datetime) -> None:
        """See :meth:`zorgid_card.pki.revocation.Revocation.check`."""
        CRLs(self._lists).check(chain, at)

    def _lists(self, issuer: bytes, /) -> list[CRL]:
        """All CRLs of the folder: of which issuer they are shows when they are verified."""
        return [crl for path in sorted(self._directory.glob("*.crl")) for crl in self._read(path)]

    def _read(self, path: Path) -> list[CRL]:
        with suppress(OSError, CertificateError):
            changed = path.stat().st_mtime_ns
            known = self._known.get(path)
            if known is None or known[0] != changed:
                known = self._known[path] = changed, CRL.parse(path.read_bytes())
            return [known[1]]
        return []


class OnlineRevocation(RevocationStatus):
    """Asks the register itself, over HTTP (extra ``http``); the answer for most portals.

    Args:
        cache: directory of what was fetched, this user's alone, shared by all processes of the portal; made with mode 0700.
        policy: whom to ask, and how old an answer may be.
        proxy: ``http://host:port`` of a forward proxy, where the way out leads through one.
        clock: UTC.

    Raises:
        ModuleNotFoundError: httpx is not installed.
        StorageError: the directory cannot be made, or others may write in it.
    """

    def __init__(
        self,
        cache: Path,
        policy: RevocationPolicy | None = None,
        *,
        proxy: str | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        from zorgid_card.adapters.disk_cache import DiskCache  # noqa: PLC0415  # an extra
        from zorgid_card.adapters.http import HTTPFetcher  # noqa: PLC0415

        super().__init__(HTTPFetcher(proxy=proxy), policy, cache=DiskCache(cache), clock=clock)


def _require_private(directory: Path) -> None:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        open_to_others = directory.stat().st_mode & 0o022
    except OSError as error:
        raise StorageError(f"{directory} cannot be made", reason=str(error.strerror)) from error
    if open_to_others:
        raise StorageError(f"others may write in {directory}: chmod go-w {directory}", reason="permissions")


def _key_store(directory: Path, passphrase: Secret | None, registry: Registry) -> KeyStore:
    path = directory / "master.key"
    if path.exists():
        return FileKeyStore.open(path, _needed(passphrase))
    _require_new(registry, path)
    return FileKeyStore.create(path, _needed(passphrase))


def _authority(directory: Path, passphrase: Secret | None, registry: Registry, now: datetime) -> Authority:
    path = directory / "ca"
    if path.exists():
        return Authority.open(path, _needed(passphrase))
    _require_new(registry, path)
    return Authority.create(path, _needed(passphrase), now=now)


def _require_new(registry: Registry, path: Path) -> None:
    """Keys are made for a portal that has made no card yet: others in the place of lost ones would go unnoticed."""
    try:
        with registry.begin() as unit:
            made = unit.page(IssuedCertificate, limit=1)
    except StorageError as error:
        if error.reason != "not_created":
            raise
        made = []
    if made:
        raise StorageError(
            f"{path} is gone, and cards were made with it: put its backup in its place",
            reason="missing",
            path=str(path),
        )


def _needed(passphrase: Secret | None) -> Secret:
    if passphrase is None:
        raise UsageError("the keys in the directory need a passphrase", reason="passphrase")
    return passphrase


def publish_crl(directory: Path, name: str, der: bytes) -> None:
    """Write a CRL into a directory, unless a newer one of this name is there: another worker may have been quicker.

    Raises:
        StorageError: it cannot be written; the old one is still there.
    """
    with _one_at_a_time(directory):
        if _number_in(directory / name) <= (CRL.parse(der).number or 0):
            write_whole(directory / name, der)


def _number_in(path: Path) -> int:
    """Of the CRL in a file; whatever else is there is written over."""
    with suppress(OSError, CertificateError):
        return CRL.parse(path.read_bytes()).number or 0
    return 0


@contextmanager
def _one_at_a_time(directory: Path) -> Iterator[None]:
    """Among the workers of this machine, where the system has locks of files."""
    try:
        import fcntl  # noqa: PLC0415  # not on Windows

        handle = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    except ImportError:
        yield
        return
    except OSError as error:
        raise StorageError(f"{directory} cannot be written", reason=str(error.strerror), path=str(directory)) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def write_whole(path: Path, octets: bytes) -> None:
    """Write a file so that a reader finds the old contents or the new, never a part.

    Raises:
        StorageError: it cannot be written; the old contents are still there.
    """
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise StorageError(f"{path} cannot be written", reason=str(error.strerror), path=str(path)) from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(octets)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)  # a CRL is for everybody
        Path(name).replace(path)
    except OSError as error:
        Path(name).unlink(missing_ok=True)
        raise StorageError(f"{path} cannot be written", reason=str(error.strerror), path=str(path)) from error
