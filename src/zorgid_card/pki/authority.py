"""A certification authority of the portal's own: a root and an issuing CA, for ZORG-ID certificates and their CRLs.

The keys lie in a directory, encrypted, or wherever else keys of ``cryptography``'s interface sign: in an HSM
(:meth:`zorgid_card.adapters.pkcs11.hsm.HSM.ca_key`). The certificates lie in a directory.

Hazardous: whoever calls :meth:`Authority.issue` decides who is believed to be whom. Call it only for a person
whom a UZI pass has just authenticated, and for a key proven to be on the card (CRD-7). The profile is in
docs/certificate-profile.md.

Both CAs have RSA-3072 keys and sign with SHA-256: whatever verifies UZI certificates, which are RSA
throughout, verifies these, and 3072 bits carry past 2030, where the issuing CA's certificate ends up. The
keys of the cards are another matter: RSA-2048 or P-256 as the card likes. The root's key is used at creation
and for the root's own CRL only.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from zorgid_card.errors import CertificateMalformedError, StorageError, UsageError
from zorgid_card.pki import _keyfile, _x509
from zorgid_card.pki.certificate import KEY_USAGES
from zorgid_card.pki.crl_builder import Period, authority_key, sign_list
from zorgid_card.pki.naming import alternative_names, subject_name
from zorgid_card.pki.profile import POLICIES
from zorgid_card.pki.signing import PrivateKey, PublicKey, dump_public_key, load_public_key
from zorgid_card.ports.authority import CertificateProfile, CRLForm, SubjectData
from zorgid_card.secret import Secret

SERIAL_OCTETS = 20
"""Of a serial number, at most (RFC 5280, 4.1.2.2); ours are random, with 159 bits."""

MIN_SERIAL_BITS = 64

CA_BITS = 3072
"""Of an RSA key of a CA, at least."""

RESPONDER_VALIDITY = timedelta(days=30)
"""Of an OCSP responder's certificate."""

_GUID_OCTETS = 16
_FULL = CRLForm()


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorityPlan:
    """What a new CA is called, how long it lives, and where its publications are; all configurable, all our
    own.
    """

    organisation: str = "ZORG-ID"
    root_name: str = "ZORG-ID Smartcard Root CA"
    issuing_name: str = "ZORG-ID Smartcard CA"
    root_validity: timedelta = timedelta(days=20 * 365)
    issuing_validity: timedelta = timedelta(days=10 * 365)
    root_crl_url: str | None = "http://crl.zorgid.example/root.crl"
    root_url: str | None = "http://crl.zorgid.example/root.cer"
    policies: tuple[str, ...] = field(default_factory=lambda: tuple(sorted(p for v in POLICIES.values() for p in v)))


def new_serial() -> int:
    """A random serial number of up to 20 octets, positive, with 159 random bits (RFC 5280, 4.1.2.2)."""
    while True:
        serial = secrets.randbits(SERIAL_OCTETS * 8 - 1)
        if serial.bit_length() > MIN_SERIAL_BITS:
            return serial


class Authority:
    """A CA that is open: its keys are at hand. Made by :meth:`create` or :meth:`certify`, later :meth:`open` or :meth:`load`."""

    __slots__ = ("_issuing", "_issuing_key", "_root", "_root_key")

    def __init__(
        self, root: x509.Certificate, root_key: PrivateKey, issuing: x509.Certificate, issuing_key: PrivateKey
    ) -> None:
        self._root, self._root_key = root, root_key
        self._issuing, self._issuing_key = issuing, issuing_key

    @classmethod
    def create(
        cls,
        directory: Path,
        passphrase: Secret,
        *,
        now: datetime | None = None,
        plan: AuthorityPlan | None = None,
    ) -> Authority:
        """Make a root and an issuing CA and keep them in ``directory``.

        Args:
            directory: made if it is not there; its parent must be.
            passphrase: opens both keys later; 1 to 256 bytes.
            now: the moment, with a time zone, from which both are valid; the computer's clock if None.
            plan: names, periods, addresses.

        Raises:
            StorageError: there is a CA in it already, or it cannot be written; nothing is left behind.
            PassphraseError: the passphrase is empty.
        """
        root, issuing = _new_key(), _new_key()
        keys = {
            "root.key.pem": _keyfile.encrypt_key(root, passphrase),
            "issuing.key.pem": _keyfile.encrypt_key(issuing, passphrase),
        }
        return cls._certify(Path(directory), root, issuing, keys, now=now, plan=plan)

    @classmethod
    def certify(
        cls,
        directory: Path,
        root_key: rsa.RSAPrivateKey,
        issuing_key: rsa.RSAPrivateKey,
        *,
        now: datetime | None = None,
        plan: AuthorityPlan | None = None,
    ) -> Authority:
        """Make a root and an issuing CA of keys that are elsewhere, such as in an HSM, and keep their certificates.

        Args:
            directory: for the certificates, as for :meth:`create`.
            root_key: RSA of 3072 bits or more; it need only sign.
            issuing_key: another one.
            now: as for :meth:`create`.
            plan: as for :meth:`create`.

        Raises:
            StorageError: as :meth:`create`; or a key cannot be reached.
            UsageError: a key is too short, or there is only one.
        """
        for key in (root_key, issuing_key):
            if key.key_size < CA_BITS:
                raise UsageError(f"a CA's key has {CA_BITS} bits or more", reason="key size")
        if dump_public_key(root_key.public_key()) == dump_public_key(issuing_key.public_key()):
            raise UsageError("root and issuing CA have keys of their own", reason="key")
        return cls._certify(Path(directory), root_key, issuing_key, {}, now=now, plan=plan)

    @classmethod
    def _certify(
        cls,
        directory: Path,
        root_key: rsa.RSAPrivateKey,
        issuing_key: rsa.RSAPrivateKey,
        keys: dict[str, bytes],
        *,
        now: datetime | None,
        plan: AuthorityPlan | None,
    ) -> Authority:
        plan = plan or AuthorityPlan()
        start = _x509.utc(now or datetime.now(UTC)).replace(microsecond=0)
        root = _sign_root(plan, root_key, start)
        issuing = _sign_issuing(plan, root, root_key, issuing_key, start)
        certificates = {
            "root.cert.pem": root.public_bytes(Encoding.PEM),
            "issuing.cert.pem": issuing.public_bytes(Encoding.PEM),
        }
        _write_all(directory, keys | certificates)
        return cls(root, root_key, issuing, issuing_key)

    @classmethod
    def open(cls, directory: Path, passphrase: Secret) -> Authority:
        """Open the CA that :meth:`create` made.

        Raises:
            StorageError: a file is missing or damaged, or key and certificate do not belong together.
            PassphraseError: the passphrase does not open the keys.
        """
        paths = [Path(directory) / f"{name}.key.pem" for name in ("root", "issuing")]
        root_key, issuing_key = (_keyfile.decrypt_key(_keyfile.read(path), passphrase, path) for path in paths)
        return cls.load(directory, root_key, issuing_key)

    @classmethod
    def change_passphrase(cls, directory: Path, present: Secret, new: Secret) -> None:
        """Seal both keys by another passphrase. Interrupted, each opens by one of the two: do it again.

        Raises:
            StorageError: a file is missing or damaged, or cannot be written; it opens as before.
            PassphraseError: neither passphrase opens a key, and nothing was changed; or the new one is empty.
        """
        paths = [Path(directory) / f"{name}.key.pem" for name in ("root", "issuing")]
        for path, data in [(path, _keyfile.resealed(path, present, new)) for path in paths]:
            if data is not None:
                _keyfile.replace(path, data)

    @classmethod
    def load(cls, directory: Path, root_key: PrivateKey, issuing_key: PrivateKey) -> Authority:
        """Open the CA that :meth:`certify` made of these keys.

        Raises:
            StorageError: a certificate is missing or damaged, or is another key's.
        """
        root = _read_certificate(Path(directory) / "root.cert.pem", root_key)
        issuing = _read_certificate(Path(directory) / "issuing.cert.pem", issuing_key)
        return cls(root, root_key, issuing, issuing_key)

    @property
    def certificate(self) -> bytes:
        """The issuing CA's certificate, DER."""
        return _x509.der(self._issuing)

    @property
    def root(self) -> bytes:
        """The root's certificate, DER."""
        return _x509.der(self._root)

    @property
    def chain(self) -> tuple[bytes, ...]:
        """The CA certificates above a card's: issuing CA first, root last; DER."""
        return self.certificate, self.root

    def issue(
        self,
        profile: CertificateProfile,
        subject: SubjectData,
        public_key: bytes,
        *,
        serial: int,
        not_before: datetime,
        not_after: datetime | None = None,
        guid: bytes,
        request: bytes = b"",
    ) -> bytes:
        """Issue a certificate for a key that was proven to be on a card.

        Args:
            profile: the slot's profile.
            subject: the person.
            public_key: SubjectPublicKeyInfo, DER; RSA-2048 or more, P-256, P-384.
            serial: from :func:`new_serial`, chosen by the caller so that a repeated request gets the same
                certificate.
            not_before: with a time zone; the issuing CA's own where that is later.
            not_after: None for the profile's validity; either is cut off where the issuing CA's ends.
            guid: the card's GUID (CHUID), 16 octets.
            request: not looked at: what it shows was judged by the caller.

        Returns:
            The certificate, DER.

        Raises:
            CertificateMalformedError: the key is not acceptable.
            UsageError: serial, dates or GUID are not of their form, or the CA is not valid then.
        """
        key = load_public_key(public_key)
        if not (MIN_SERIAL_BITS < serial.bit_length() < SERIAL_OCTETS * 8 and serial > 0):
            raise UsageError("a serial number has 65 to 159 bits and is positive", reason="serial")
        if len(guid) != _GUID_OCTETS:
            raise UsageError("a GUID has 16 octets", reason="guid")
        start, end = self._period(profile, not_before, not_after)
        builder = (
            x509.CertificateBuilder()
            .issuer_name(self._issuing.subject)
            .subject_name(subject_name(subject))
            .public_key(key)
            .serial_number(serial)
            .not_valid_before(start)
            .not_valid_after(end)
        )
        for value, critical in _leaf_extensions(profile, subject, key, serial, guid, self._issuing):
            builder = builder.add_extension(value, critical)
        return builder.sign(self._issuing_key, hashes.SHA256()).public_bytes(Encoding.DER)

    def _period(
        self, profile: CertificateProfile, not_before: datetime, not_after: datetime | None
    ) -> tuple[datetime, datetime]:
        return self._within(not_before, not_before + profile.validity if not_after is None else not_after)

    def _within(self, not_before: datetime, not_after: datetime) -> tuple[datetime, datetime]:
        """What the CA's own validity leaves of this one."""
        start, end = (_x509.utc(moment).replace(microsecond=0) for moment in (not_before, not_after))
        start, end = max(start, self._issuing.not_valid_before_utc), min(end, self._issuing.not_valid_after_utc)
        if start >= end:
            raise UsageError("nothing is left of the validity within that of the CA", reason="validity")
        return start, end

    def sign_crl(
        self,
        entries: Iterable[tuple[int, datetime, str]],
        number: int,
        this_update: datetime,
        next_update: datetime,
        *,
        root: bool = False,
        form: CRLForm = _FULL,
    ) -> bytes:
        """Sign a CRL (RFC 5280, 5) with authorityKeyIdentifier and CRL number.

        A certificate that was on hold and is resumed is simply not in the ``entries`` of a full list; in those of a delta
        it stands with ``removeFromCRL``.

        See :meth:`zorgid_card.ports.authority.CertificateAuthority.sign_crl`.
        """
        issuer, key = (self._root, self._root_key) if root else (self._issuing, self._issuing_key)
        return sign_list(issuer, key, entries, number, Period.of(this_update, next_update), form)

    def certify_responder(
        self, public_key: bytes, *, not_before: datetime, validity: timedelta = RESPONDER_VALIDITY
    ) -> bytes:
        """Certify the key of an OCSP responder (RFC 6960, 4.2.2.2), which then answers in this CA's name.

        Nobody is asked whether it is revoked (``id-pkix-ocsp-nocheck``), so it is short-lived: certify the next key in time.

        Args:
            public_key: SubjectPublicKeyInfo, DER; P-256 signs fastest.
            not_before: with a time zone.
            validity: never beyond the CA's own.

        Returns:
            The certificate, DER.

        Raises:
            CertificateMalformedError: the key is not acceptable.
            UsageError: the CA is not valid then.
        """
        key = load_public_key(public_key)
        start, end = self._within(not_before, not_before + validity)
        builder = _ocsp_builder(self._issuing, key, start, end)
        return builder.sign(self._issuing_key, hashes.SHA256()).public_bytes(Encoding.DER)

    def __repr__(self) -> str:
        return f"Authority({_x509.common_name(self._issuing.subject)})"


def _new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, CA_BITS)


def _name(organisation: str, common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "NL"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _key_usage(names: Iterable[str]) -> x509.KeyUsage:
    chosen = frozenset(names)
    return x509.KeyUsage(**{name: name in chosen for name in KEY_USAGES})


def _subject_key(key: PublicKey) -> x509.SubjectKeyIdentifier:
    return x509.SubjectKeyIdentifier.from_public_key(key)


def _ca_builder(
    subject: x509.Name, issuer: x509.Name, key: PublicKey, start: datetime, end: datetime, path_length: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .issuer_name(issuer)
        .subject_name(subject)
        .public_key(key)
        .serial_number(new_serial())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(_key_usage(("key_cert_sign", "crl_sign")), critical=True)
        .add_extension(_subject_key(key), critical=False)
    )


def _sign_root(plan: AuthorityPlan, key: rsa.RSAPrivateKey, start: datetime) -> x509.Certificate:
    name = _name(plan.organisation, plan.root_name)
    builder = _ca_builder(name, name, key.public_key(), start, start + plan.root_validity, 1)
    return builder.sign(key, hashes.SHA256())


def _sign_issuing(
    plan: AuthorityPlan,
    root: x509.Certificate,
    root_key: rsa.RSAPrivateKey,
    key: rsa.RSAPrivateKey,
    start: datetime,
) -> x509.Certificate:
    end = min(start + plan.issuing_validity, root.not_valid_after_utc)
    name = _name(plan.organisation, plan.issuing_name)
    builder = _ca_builder(name, root.subject, key.public_key(), start, end, 0)
    builder = builder.add_extension(authority_key(root), critical=False)
    builder = builder.add_extension(_policies(plan.policies), critical=False)
    for value in _addresses(plan.root_crl_url, plan.root_url, None):
        builder = builder.add_extension(value, critical=False)
    return builder.sign(root_key, hashes.SHA256())


def _policies(oids: Iterable[str]) -> x509.CertificatePolicies:
    return x509.CertificatePolicies([x509.PolicyInformation(ObjectIdentifier(oid), None) for oid in oids])


def _addresses(crl: str | None, issuer: str | None, ocsp: str | None) -> list[x509.ExtensionType]:
    found: list[x509.ExtensionType] = []
    if crl:
        found.append(x509.CRLDistributionPoints(_points(crl)))
    access = [
        x509.AccessDescription(method, x509.UniformResourceIdentifier(url))
        for method, url in (
            (AuthorityInformationAccessOID.CA_ISSUERS, issuer),
            (AuthorityInformationAccessOID.OCSP, ocsp),
        )
        if url
    ]
    if access:
        found.append(x509.AuthorityInformationAccess(access))
    return found


def _points(url: str) -> list[x509.DistributionPoint]:
    return [x509.DistributionPoint([x509.UniformResourceIdentifier(url)], None, None, None)]


def _ocsp_builder(issuer: x509.Certificate, key: PublicKey, start: datetime, end: datetime) -> x509.CertificateBuilder:
    organisation = _x509.attributes(issuer.subject, NameOID.ORGANIZATION_NAME)
    return (
        x509.CertificateBuilder()
        .issuer_name(issuer.subject)
        .subject_name(_name("".join(organisation[:1]) or "OCSP", f"{_x509.common_name(issuer.subject)[:50]} OCSP"))
        .public_key(key)
        .serial_number(new_serial())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(("digital_signature",)), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]), critical=False)
        .add_extension(x509.OCSPNoCheck(), critical=False)
        .add_extension(_subject_key(key), critical=False)
        .add_extension(authority_key(issuer), critical=False)
    )


def _leaf_extensions(
    profile: CertificateProfile,
    subject: SubjectData,
    key: PublicKey,
    serial: int,
    guid: bytes,
    issuer: x509.Certificate,
) -> list[tuple[x509.ExtensionType, bool]]:
    usages = profile.key_usage_ec if isinstance(key, ec.EllipticCurvePublicKey) else profile.key_usage
    purposes = [ObjectIdentifier(oid) for oid in profile.extended_key_usage]
    crl_url, delta_url = profile.point(serial)
    plain: list[x509.ExtensionType] = [
        alternative_names(profile, subject, guid),
        *_addresses(crl_url, profile.issuer_url, profile.ocsp_url),
        *([x509.FreshestCRL(_points(delta_url))] if delta_url else []),
        _subject_key(key),
        authority_key(issuer),
        _policies([profile.policy]),
        *([x509.ExtendedKeyUsage(purposes)] if purposes else []),
    ]
    marked: list[tuple[x509.ExtensionType, bool]] = [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_key_usage(usages), True),
    ]
    return [(value, False) for value in plain] + marked


def _write_all(directory: Path, files: dict[str, bytes]) -> None:
    """All files or none; a directory that was made for them goes too."""
    made = not directory.exists()
    written: list[Path] = []
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
        for name, data in files.items():
            _keyfile.write_new(directory / name, data)
            written.append(directory / name)
    except (OSError, StorageError) as error:
        for path in written:
            with contextlib.suppress(OSError):
                path.unlink()
        if made:
            with contextlib.suppress(OSError):
                os.rmdir(directory)
        if isinstance(error, StorageError):
            raise
        reason = error.strerror or type(error).__name__
        raise StorageError(f"{directory}: {reason}", reason=reason, path=str(directory)) from error


def _read_certificate(path: Path, key: PrivateKey) -> x509.Certificate:
    try:
        certificate = _x509.load_certificate(_keyfile.read(path))
    except CertificateMalformedError as error:
        raise StorageError(f"{path}: {error}", reason="malformed", path=str(path)) from error
    public = certificate.public_key()
    expected = dump_public_key(key.public_key())
    if not isinstance(public, rsa.RSAPublicKey | ec.EllipticCurvePublicKey) or dump_public_key(public) != expected:
        raise StorageError(f"{path}: another key's certificate", reason="mismatch", path=str(path))
    return certificate
