"""A public key infrastructure like the UZI register's, with its own keys: for simulated passes and tests.

Names, object identifiers, string types and extensions are those of the real certificates (see
:mod:`~zorgid_card.testkit.uzi_profile`); the keys are not, so nothing that pins the real roots by fingerprint
can be deceived by it. The production-like variant's user notice says in Dutch that it is a copy.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from zorgid_card.errors import NotFoundError, StorageError
from zorgid_card.pki.hierarchy import UZI_G3, UZI_TEST_G3
from zorgid_card.pki.roles import role_name
from zorgid_card.pki.trust import TrustStore
from zorgid_card.testkit.keys import KeyPool
from zorgid_card.testkit.piv_state import read_json, write_json
from zorgid_card.testkit.uzi_certificates import ca_name, sign_ca, sign_crl, sign_leaf
from zorgid_card.testkit.uzi_contents import PassContents, PassKey, ServerContents
from zorgid_card.testkit.uzi_profile import (
    CAS,
    EXTENDED_KEY_USAGES,
    KEY_USAGES,
    LEAVES,
    USAGES,
    CAProfile,
    Environment,
    Function,
    PassType,
    Person,
    Subscriber,
    Usage,
    crl_url,
)
from zorgid_card.testkit.uzi_tamper import UPN, UZI_NAME, LeafPlan, Tamper, ia5_string, utf8_string

CRL_VALIDITY = timedelta(hours=48)
VALIDITY_YEARS = 3
_FILE = "pki.json"
_KEYS = "keys.json"
_FORMAT = "zorgid-card test PKI"


@dataclass(slots=True)
class _CA:
    profile: CAProfile
    key: rsa.RSAPrivateKey = field(repr=False)
    certificates: list[bytes]
    revoked: dict[int, tuple[datetime, x509.ReasonFlags]] = field(default_factory=dict)
    crl_number: int = 0


class UZITestPKI:
    """Roots, intermediates and issuing CAs of one environment; each is made when it is first needed.

    Args:
        environment: ``production`` (the names of the real hierarchy) or ``test`` (those of the TEST
            hierarchy).
        pool: where RSA keys come from, a new one if None. Two PKIs with one pool have the same CA keys.
        ca_bits: size of the CA keys; the real ones have 4096 bits, 2048 is faster.
        now: the moment at which passes are issued by default; the computer's clock if None.
        ca_validity: the CAs' validity; ten years before to ten years after ``now`` if None.
    """

    def __init__(
        self,
        environment: Environment | str = Environment.PRODUCTION,
        *,
        pool: KeyPool | None = None,
        ca_bits: int = 2048,
        now: datetime | None = None,
        ca_validity: tuple[datetime, datetime] | None = None,
    ) -> None:
        moment = _whole(now)
        self.environment = Environment(environment)
        self._pool = pool or KeyPool()
        self._ca_bits = ca_bits
        self._now = now
        self._ca_validity = ca_validity or (add_years(moment, -10), add_years(moment, 10))
        self._cas: dict[str, _CA] = {}
        self._issued = 0

    def __repr__(self) -> str:
        return f"UZITestPKI({self.environment.value}, {self._issued} issued)"

    def chain(self, pass_type: PassType | str = PassType.PROFESSIONAL) -> tuple[bytes, ...]:
        """The CA certificates above a pass of this type, DER: issuing CA first, root last."""
        found = [self._ca(PassType(pass_type))]
        while not found[-1].profile.is_root:
            found.append(self._ca(found[-1].profile.issuer))
        return tuple(ca.certificates[-1] for ca in found)

    def root(self, pass_type: PassType | str = PassType.PROFESSIONAL) -> bytes:
        """The root above this pass type, DER."""
        return self.chain(pass_type)[-1]

    def fingerprints(self, *pass_types: PassType | str) -> frozenset[str]:
        """SHA-256 of the roots above these pass types (Z, N and M if none is named), in capitals."""
        roots = {self.root(letter) for letter in pass_types or ("Z", "N", "M")}
        return frozenset(hashlib.sha256(root).hexdigest().upper() for root in roots)

    def trust(self, *pass_types: PassType | str) -> TrustStore:
        """What a portal under test trusts in the place of the real register: these roots (of Z, N and M passes if none is named)
        and no others.
        """
        letters = pass_types or ("Z", "N", "M")
        real = UZI_G3 if self.environment is Environment.PRODUCTION else UZI_TEST_G3
        simulated = replace(real, roots=frozenset())
        for letter in letters:
            simulated = simulated.with_root(self.root(letter))
        return TrustStore.of([simulated], {der for letter in letters for der in self.chain(letter)})

    def certify_again(self, pass_type: PassType | str, validity: tuple[datetime, datetime] | None = None) -> bytes:
        """Certify an issuing CA's key once more, as in 2019; later chains carry the new certificate."""
        ca = self._ca(PassType(pass_type))
        ca.certificates.append(self._certify(ca.profile, ca.key, validity or self._ca_validity))
        return ca.certificates[-1]

    def pass_(
        self,
        holder: Person | Function,
        subscriber: Subscriber,
        pass_type: PassType | str,
        role: str = "00.000",
        title: str = "",
        *,
        not_before: datetime | None = None,
        not_after: datetime | None = None,
        tamper: Tamper | None = None,
        curve: ec.EllipticCurve | None = None,
    ) -> PassContents:
        """Issue a pass: new keys, and a certificate for each (three; two on an M pass).

        Args:
            holder: a person (Z, N) or a function (M).
            subscriber: whose pass it is.
            pass_type: Z, N or M.
            role: ``NN.NNN``, a profession and specialism on Z.
            title: the name of the role for the subject of a Z pass; the one that belongs to the code if
                empty.
            not_before: start of validity; now if None.
            not_after: end of validity; three years after the start if None.
            tamper: makes the certificates malformed before they are signed.
            curve: for keys on a curve, which no pass of the register has; RSA of 2048 bits if None.
        """
        letter = PassType(pass_type)
        self._issued += 1
        start = _whole(not_before or self._now)
        validity = (start, _whole(not_after) if not_after else add_years(start, VALIDITY_YEARS))
        title = title or role_name(role) or "Zorgverlener"
        keys: dict[Usage, PassKey] = {}
        certificates: dict[Usage, bytes] = {}
        fields = self._san(letter, holder.uzi_number, subscriber, role, _agb(holder, subscriber))
        for usage in USAGES[letter]:
            plan = self._plan(letter, usage, _subject(holder, subscriber, letter, title), validity)
            plan = _named(plan, fields)
            if curve is None:
                keys[usage] = self._pool.key(f"{self.environment}/pass/{self._issued}/{usage}")
            else:
                keys[usage] = ec.generate_private_key(curve)
                agrees = usage is Usage.CONFIDENTIALITY
                plan = replace(plan, key_usages=("key_agreement",)) if agrees else plan
            certificates[usage] = self._issue(plan, keys[usage].public_key(), tamper)
        number = f"{70000000 + self._issued:08d}"
        chain = self.chain(letter)
        return PassContents(
            self.environment, letter, holder, subscriber, role, number, certificates, chain, keys
        )  # fmt: skip

    def server(
        self,
        host: str,
        subscriber: Subscriber,
        uzi_number: str,
        *,
        state: str = "Zuid-Holland",
        locality: str = "Den Haag",
        not_before: datetime | None = None,
        not_after: datetime | None = None,
        tamper: Tamper | None = None,
    ) -> ServerContents:
        """Issue a server certificate (pass type S) for a host name."""
        self._issued += 1
        start = _whole(not_before or self._now)
        validity = (start, _whole(not_after) if not_after else add_years(start, VALIDITY_YEARS))
        subject = (
            ("country", "NL"),
            ("state", state),
            ("locality", locality),
            ("organisation", subscriber.name),
            ("serial_number", uzi_number),
            ("common_name", host),
        )
        fields = self._san(PassType.SERVER, uzi_number, subscriber, "00.000", subscriber.agb)
        plan = _named(self._plan(PassType.SERVER, Usage.SERVER, subject, validity), fields, (host,))
        key = self._pool.key(f"{self.environment}/server/{self._issued}")
        return ServerContents(key, self._issue(plan, key.public_key(), tamper), self.chain(PassType.SERVER))

    def _san(self, letter: PassType, uzi_number: str, subscriber: Subscriber, role: str, agb: str) -> tuple[str, ...]:
        oid_ca = LEAVES[self.environment][letter].oid_ca
        return oid_ca, "1", uzi_number, letter.value, subscriber.ura, role, agb

    def _plan(
        self,
        letter: PassType,
        usage: Usage,
        subject: tuple[tuple[str, str], ...],
        validity: tuple[datetime, datetime],
    ) -> LeafPlan:
        return LeafPlan(
            pass_type=letter,
            usage=usage,
            issuer=letter,
            serial=_serial(),
            subject=subject,
            names=(),
            dns_names=(),
            not_before=validity[0],
            not_after=validity[1],
            key_usages=KEY_USAGES[usage],
            extended_key_usages=EXTENDED_KEY_USAGES[usage],
            policy=LEAVES[self.environment][letter].policies[usage],
        )

    def _issue(self, plan: LeafPlan, key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey, tamper: Tamper | None) -> bytes:
        final = tamper(plan) if tamper else plan
        issuer = self._ca(final.issuer)
        return sign_leaf(final, self.environment, key, issuer.profile, issuer.key)

    def _ca(self, identifier: str) -> _CA:
        if identifier not in self._cas:
            profile = CAS[self.environment][identifier]
            key = self._pool.key(f"{self.environment}/ca/{identifier}", self._ca_bits)
            self._cas[identifier] = _CA(profile, key, [self._certify(profile, key, self._ca_validity)])
        return self._cas[identifier]

    def _certify(self, profile: CAProfile, key: rsa.RSAPrivateKey, validity: tuple[datetime, datetime]) -> bytes:
        if profile.is_root:
            issuer, issuer_key = profile, key
        else:
            above = self._ca(profile.issuer)
            issuer, issuer_key = above.profile, above.key
        return sign_ca(
            profile,
            issuer,
            key=key.public_key(),
            issuer_key=issuer_key,
            serial=_serial(),
            validity=validity,
        )

    def revoke(
        self,
        what: PassContents | bytes,
        reason: x509.ReasonFlags = x509.ReasonFlags.key_compromise,
        at: datetime | None = None,
    ) -> None:
        """Put a certificate (DER), or all of a pass, on its issuer's CRL; ``at`` is now if None."""
        for certificate in _certificates(what):
            revoked = self._issuer(certificate).revoked
            revoked[certificate.serial_number] = (_whole(at or self._now), reason)

    def hold(self, what: PassContents | bytes, at: datetime | None = None) -> None:
        """Suspend: revoke with reason certificateHold (RFC 5280, 5.3.1)."""
        self.revoke(what, x509.ReasonFlags.certificate_hold, at)

    def release(self, what: PassContents | bytes) -> None:
        """End a suspension: the certificates leave the CRL. What was revoked for good stays."""
        for certificate in _certificates(what):
            revoked = self._issuer(certificate).revoked
            entry = revoked.get(certificate.serial_number)
            if entry is not None and entry[1] is x509.ReasonFlags.certificate_hold:
                del revoked[certificate.serial_number]

    def crl(self, issuer: bytes, at: datetime | None = None) -> bytes:
        """A new CRL of the CA whose certificate is given, valid 48 hours from ``at`` (now if None); DER.

        Raises:
            NotFoundError: this PKI has no such CA.
        """
        subject = x509.load_der_x509_certificate(issuer).subject
        ca = next((ca for ca in self._cas.values() if ca_name(ca.profile) == subject), None)
        if ca is None:
            raise NotFoundError("no CA of this name in the test PKI", what="CA")
        return self._crl(ca, at)

    def crls(self, at: datetime | None = None) -> dict[str, bytes]:
        """New CRLs of all CAs made so far, by the address that the certificates below them name."""
        return {crl_url(self.environment, name): self._crl(ca, at) for name, ca in tuple(self._cas.items())}

    def crl_source(self, issuer: bytes, /) -> Iterable[bytes]:
        """The CRLs of an issuer, in the form that checks of revocation ask for; none for a foreign issuer."""
        try:
            return [self.crl(issuer)]
        except NotFoundError:
            return []

    def _crl(self, ca: _CA, at: datetime | None) -> bytes:
        start = _whole(at or self._now)
        ca.crl_number += 1
        return sign_crl(ca.profile, ca.key, ca.crl_number, (start, start + CRL_VALIDITY), ca.revoked)

    def _issuer(self, certificate: x509.Certificate) -> _CA:
        found = next((ca for ca in self._cas.values() if ca_name(ca.profile) == certificate.issuer), None)
        if found is None:
            raise NotFoundError("this certificate is not of this test PKI", what="certificate")
        return found

    def save(self, directory: Path) -> None:
        """Keep the PKI, **private keys in the clear**, in a directory, so that a simulation can go on later.

        Raises:
            StorageError: the directory cannot be written.
        """
        record = {
            "format": _FORMAT,
            "environment": self.environment,
            "ca_bits": self._ca_bits,
            "ca_validity": [moment.isoformat() for moment in self._ca_validity],
            "issued": self._issued,
            "cas": {name: _ca_record(ca) for name, ca in self._cas.items()},
        }
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._pool.save(directory / _KEYS)
            write_json(record, directory / _FILE)
        except OSError as error:
            raise StorageError("the test PKI cannot be written", reason=error.strerror) from error

    @classmethod
    def load(cls, directory: Path, *, now: datetime | None = None) -> UZITestPKI:
        """Open what :meth:`save` kept.

        Raises:
            StorageError: the files are absent or damaged.
        """
        try:
            record = read_json(directory / _FILE, _FORMAT)
            start, end = (datetime.fromisoformat(moment) for moment in record["ca_validity"])
            pki = cls(
                record["environment"],
                pool=KeyPool(directory / _KEYS),
                ca_bits=record["ca_bits"],
                now=now,
                ca_validity=(start, end),
            )
            pki._issued = int(record["issued"])
            for name, kept in record["cas"].items():
                pki._cas[name] = pki._kept_ca(name, kept)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise StorageError("the test PKI cannot be read", reason="pki") from error
        return pki

    def _kept_ca(self, name: str, kept: Mapping[str, Any]) -> _CA:
        return _CA(
            CAS[self.environment][name],
            self._pool.key(f"{self.environment}/ca/{name}", self._ca_bits),
            [bytes.fromhex(der) for der in kept["certificates"]],
            {
                int(serial, 16): (datetime.fromisoformat(since), x509.ReasonFlags(reason))
                for serial, (since, reason) in kept["revoked"].items()
            },
            int(kept["crl_number"]),
        )


def _ca_record(ca: _CA) -> dict[str, Any]:
    revoked = {f"{serial:x}": (since.isoformat(), reason.value) for serial, (since, reason) in ca.revoked.items()}
    certificates = [der.hex() for der in ca.certificates]
    return {"certificates": certificates, "revoked": revoked, "crl_number": ca.crl_number}


def _certificates(what: PassContents | bytes) -> list[x509.Certificate]:
    ders = [what] if isinstance(what, bytes) else list(what.certificates.values())
    return [x509.load_der_x509_certificate(der) for der in ders]


def _agb(holder: Person | Function, subscriber: Subscriber) -> str:
    """On Z the holder's own AGB code, otherwise the subscriber's (CIBG profile, SubjectAltName.otherName)."""
    if isinstance(holder, Person) and holder.agb != "00000000":
        return holder.agb
    return subscriber.agb


def _subject(
    holder: Person | Function, subscriber: Subscriber, letter: PassType, title: str
) -> tuple[tuple[str, str], ...]:
    pairs = [("country", "NL"), ("organisation", subscriber.name)]
    if isinstance(holder, Person):
        if letter is PassType.PROFESSIONAL:
            pairs.append(("title", title))
        pairs += [("surname", holder.full_surname), ("given_names", holder.given_names)]
        return (*pairs, ("serial_number", holder.uzi_number), ("common_name", holder.common_name))
    if holder.department:
        pairs.append(("department", holder.department))
    return (*pairs, ("serial_number", holder.uzi_number), ("common_name", holder.name))


def _named(plan: LeafPlan, fields: tuple[str, ...], dns_names: tuple[str, ...] = ()) -> LeafPlan:
    """Give the plan its subjectAltName: on authenticity certificates the UPN comes first."""
    names = [(UZI_NAME, ia5_string("-".join(fields)))]
    if plan.usage is Usage.AUTHENTICITY:
        names.insert(0, (UPN, utf8_string(f"{fields[2]}@{fields[4]}")))
    return replace(plan, names=tuple(names), dns_names=dns_names)


def _serial() -> int:
    """A serial number of 8 octets, positive (RFC 5280, 4.1.2.2), as the register's are."""
    return secrets.randbits(62) | 1 << 60


def _whole(moment: datetime | None) -> datetime:
    """A moment in UTC to the second: certificates know no finer."""
    return (moment or datetime.now(UTC)).astimezone(UTC).replace(microsecond=0)


def add_years(moment: datetime, years: int) -> datetime:
    """The same day some years later; 29 February becomes 28 February."""
    try:
        return moment.replace(year=moment.year + years)
    except ValueError:
        return moment.replace(year=moment.year + years, day=28)
