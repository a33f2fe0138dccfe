"""Verifying tokens strictly (AUT-4).

In this order: the octets, the grammar and the algorithms (:mod:`~zorgid_card.pki.aorta._xml`); the kind; which certificate; the
signature; the certificate itself; that the token says of its signer what the certificate says; audience and time; and that it was
not used before. Nothing is read out of a token but what its signature covers.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, Generic, Literal, TypeVar, cast

from zorgid_card.errors import (
    NotLinkedError,
    SAMLError,
    SignatureError,
    TokenConditionsError,
    TokenHolderError,
    UntrustedError,
    UsageError,
)
from zorgid_card.pki import _x509
from zorgid_card.pki.aorta import _xml
from zorgid_card.pki.aorta._xml import Element, ds, refuse, saml, wsse
from zorgid_card.pki.aorta.build import ENTITY
from zorgid_card.pki.aorta.holder import authentication_context, is_smartcard, require_kind
from zorgid_card.pki.aorta.names import issuer_serial, read_issuer_serial
from zorgid_card.pki.aorta.replay import UsedIDs
from zorgid_card.pki.aorta.sign import ALGORITHM
from zorgid_card.pki.aorta.tokens import (
    DEFAULT,
    KINDS,
    Acting,
    Content,
    Inschrijftoken,
    Kind,
    Mandaattoken,
    Profile,
    Transactietoken,
)
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.identity import UZIIdentity, ZorgIDIdentity
from zorgid_card.pki.signing import require_algorithm
from zorgid_card.pki.verifier import Verifier
from zorgid_card.ports.links import Links, PresentedCard

T = TypeVar("T", bound=Content)

CLOCK_SKEW: Final = timedelta(minutes=2)
"""How far the signer's clock may be from the verifier's."""

MAX_CERTIFICATES: Final = 64

_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z", re.ASCII)
_NAME_ID: Final = re.compile(r"([0-9]{9}):([0-9]{2}\.[0-9]{3})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedToken(Generic[T]):
    """A token that holds, and who stands for it.

    Attributes:
        content: what it says.
        identifier: its ID.
        issued, not_before, not_on_or_after: as the token has them, UTC.
        identity: of the signer, by their certificate.
        ura: the organisation the signer acts for: of a UZI pass its own, of a ZORG-ID Smartcard by the registry.
        role: the signer's, from the same source.
        certificate: the signer's, DER.
    """

    content: T
    identifier: str
    issued: datetime
    not_before: datetime
    not_on_or_after: datetime
    identity: UZIIdentity | ZorgIDIdentity
    ura: str
    role: str
    certificate: bytes = field(repr=False)


def verify_token(
    data: bytes,
    kind: type[T],
    *,
    passes: Verifier[UZIIdentity],
    at: datetime,
    used: UsedIDs | None,
    certificates: Iterable[bytes] = (),
    intermediates: Iterable[bytes] = (),
    smartcards: Verifier[ZorgIDIdentity] | None = None,
    links: Links | None = None,
    profile: Profile = DEFAULT,
    certificate_at: Literal["now", "issue"] = "now",
    skew: timedelta = CLOCK_SKEW,
) -> VerifiedToken[T]:
    """Verify a token of one kind.

    Args:
        data: the assertion alone, at most 64 KiB of UTF-8; out of a SOAP header, the element as it stands there with the namespaces
            it needs.
        kind: which kind is expected: a class of :mod:`~zorgid_card.pki.aorta.tokens`.
        passes: judges certificates of UZI passes.
        at: now, with a time zone.
        used: where IDs are kept, which serve once: a transactietoken's. None: the caller sees to it.
        certificates: among which the signer's may be, where the token names it and does not hold it; DER or PEM.
        intermediates: CA certificates for the chain.
        smartcards: judges certificates of ZORG-ID Smartcards; None refuses them.
        links: the portal's records, which say for whom their holders act; None refuses them too.
        profile: the values of the guides.
        certificate_at: whether the certificate must be good ``now``, or was when the token says it was issued. Nobody but the
            signer vouches for that moment, and ``passes`` must know of revocations at a time gone by.
        skew: how far the clocks may differ.

    Raises:
        SAMLError: it is no token of this kind; ``reason``.
        SignatureError: the signature does not verify.
        CertificateError: the certificate is unknown, or cannot be relied on; TokenHolderError: the token says otherwise than it.
        PassTypeError, NotLinkedError: the pass may not sign this, or the registry does not know the holder.
        TokenConditionsError: another audience, too early, expired, or longer than this kind may be.
        ReplayError: the ID was used before.
    """
    now = _x509.utc(at)
    root = _xml.parse(data)
    _require_shape(root, kind.kind)
    certificate = _certificate(root, certificates)
    said = _verified(data, root, certificate)
    _require_confirmation(root, certificate)
    token = _Token(said, kind.kind, profile)
    moment = now if certificate_at == "now" else token.issued
    identity = _judge(certificate, kind.kind, moment, passes, smartcards, intermediates)
    content, acting = token.read(identity, _Records(links, certificate, now, kind is Transactietoken))
    token.require_conditions(now, skew)
    if used is not None and kind is Transactietoken:
        signer = hashlib.sha256(
            certificate.spki
        ).hexdigest()  # the certificate's own octets may have a second form (ECDSA)
        used.use(signer, token.identifier, token.ends + skew)
    return VerifiedToken(
        content=cast(T, content),  # it was read as the kind that its shape is of
        identifier=token.identifier,
        issued=token.issued,
        not_before=token.begins,
        not_on_or_after=token.ends,
        identity=identity,
        ura=acting.ura,
        role=acting.role,
        certificate=certificate.der,
    )


# --- which kind, which certificate, which signature ----------------------------------------------------------


def _shape(root: Element) -> tuple[str, bool, bool]:
    confirmation = root.find(f"{saml('Subject')}/{saml('SubjectConfirmation')}")
    return confirmation.get("Method"), len(confirmation) > 0, root.find(saml("AuthnStatement")) is not None


def _require_shape(root: Element, kind: Kind) -> None:
    shape = _shape(root)
    if shape == (kind.method, kind.confirmed, kind.authenticated):
        return
    for other in (known.kind for known in KINDS.values()):
        if shape == (other.method, other.confirmed, other.authenticated):
            raise SAMLError(f"a {other.name}, not a {kind.name}", reason="kind", element="Assertion")
    raise refuse("confirmation", saml("SubjectConfirmation"))


def _x509_data(info: Element) -> Element:
    """The X509Data of a KeyInfo, which holds it directly or in a SecurityTokenReference."""
    if len(info) != 1:
        raise refuse("count", ds("KeyInfo"))
    data = info.find(ds("X509Data"))
    return info.find(f"{wsse('SecurityTokenReference')}/{ds('X509Data')}") if data is None else data


def _named(data: Element) -> object:
    serial = data.find(ds("X509IssuerSerial"))
    return read_issuer_serial(serial.findtext(ds("X509IssuerName")), serial.findtext(ds("X509SerialNumber")))


def _certificate(root: Element, offered: Iterable[bytes]) -> Certificate:
    """The certificate that the signature names: the one it holds, or one of those offered."""
    data = _x509_data(root.find(f"{ds('Signature')}/{ds('KeyInfo')}"))
    named, enclosed = _named(data), data.find(ds("X509Certificate"))
    if enclosed is not None:
        certificate = Certificate.from_der(_xml.octets(enclosed))
        if issuer_serial(certificate) != named:
            raise TokenHolderError("the token holds another certificate than it names", field="certificate")
        return certificate
    for count, candidate in enumerate(offered, start=1):
        if count > MAX_CERTIFICATES:
            raise UsageError(f"more than {MAX_CERTIFICATES} certificates were offered", reason="certificates")
        certificate = Certificate.parse(candidate)
        if issuer_serial(certificate) == named:
            return certificate
    raise UntrustedError("the certificate that the token names is not at hand", reason="unknown certificate")


def _require_confirmation(root: Element, certificate: Certificate) -> None:
    """The certificate named as the subject's confirmation is the one that signed."""
    confirmed = root.find(f"{saml('Subject')}/{saml('SubjectConfirmation')}/{saml('SubjectConfirmationData')}")
    if confirmed is None:
        return
    data = _x509_data(confirmed.find(ds("KeyInfo")))
    if data.find(ds("X509Certificate")) is not None:
        raise refuse("unexpected element", ds("X509Certificate"))
    if _named(data) != issuer_serial(certificate):
        raise TokenHolderError("the subject is confirmed by another certificate", field="SubjectConfirmation")


def _verified(data: bytes, root: Element, certificate: Certificate) -> Element:
    """The assertion as it was signed, read anew from the very octets that the signature covers."""
    require_algorithm(certificate.public_key, ALGORITHM)
    module = _xml.signxml()
    expected = module.SignatureConfiguration(
        location="./",
        signature_methods=frozenset({module.SignatureMethod.RSA_SHA256}),
        digest_algorithms=frozenset({module.DigestAlgorithm.SHA256}),
        # Whether the certificate is valid is for the judge; signxml would say it without saying which.
        verification_time=certificate.not_before,
    )
    try:
        result = module.XMLVerifier().verify(
            data,
            x509_cert=_x509.load_certificate(certificate.der),
            id_attribute="ID",
            expect_config=expected,
            validate_schema=False,  # the grammar is narrower, and some libxml2 (2.12) take no integer as long as a serial number
        )
    except (module.exceptions.SignXMLException, _xml.etree().LxmlError, ValueError) as error:
        raise SignatureError("the signature does not verify", algorithm=ALGORITHM) from error
    said = result.signed_xml
    if said is None or said.tag != saml("Assertion") or said.get("ID") != root.get("ID"):
        raise SignatureError("the signature covers something else", algorithm=ALGORITHM)
    return said


def _judge(
    certificate: Certificate,
    kind: Kind,
    at: datetime,
    passes: Verifier[UZIIdentity],
    smartcards: Verifier[ZorgIDIdentity] | None,
    intermediates: Iterable[bytes],
) -> UZIIdentity | ZorgIDIdentity:
    judge: Verifier[UZIIdentity] | Verifier[ZorgIDIdentity] | None = smartcards if is_smartcard(certificate) else passes
    if judge is None:
        raise UntrustedError("tokens of ZORG-ID Smartcards are not accepted here", reason="ZORG-ID Smartcard")
    identity = judge.verify(certificate, usage=kind.usage, at=at, intermediates=intermediates)
    require_kind(identity, kind)
    return identity


# --- what it says --------------------------------------------------------------------------------------------


class _Token:
    """The parts of a signed assertion."""

    def __init__(self, said: Element, kind: Kind, profile: Profile) -> None:
        self._said, self._kind, self._profile = said, kind, profile
        if said.get("Version") != "2.0":
            raise refuse("version", said.tag)
        self.identifier: str = said.get("ID")
        self.issued = _moment(said.get("IssueInstant"), said.tag)
        conditions = said.find(saml("Conditions"))
        self.begins = _moment(conditions.get("NotBefore"), conditions.tag)
        self.ends = _moment(conditions.get("NotOnOrAfter"), conditions.tag)

    def _text(self, *names: str) -> str:
        return str(self._said.findtext("/".join(saml(name) for name in names)))

    def read(self, identity: UZIIdentity | ZorgIDIdentity, records: _Records) -> tuple[Content, Acting]:
        """What it says, and for whom its signer acts, both in agreement with the signer's certificate or the registry."""
        self._require_context(identity)
        issuer, subject, attributes = self._issuer(), self._text("Subject", "NameID"), self._attributes()
        try:
            if self._kind is Mandaattoken.kind:
                pass_ = cast(UZIIdentity, identity)  # require_kind let no other card through
                return self._mandate(pass_, issuer, subject, attributes)
            ura = _without(issuer, self._profile.organisation, "Issuer")
            if self._kind is Inschrijftoken.kind:
                acting = _acting(identity, ura, None, records)
                bsn = _without(subject, self._profile.patient, "NameID")
                return Inschrijftoken(bsn=bsn, attributes=attributes), acting
            number, role = _number_and_role(subject)
            _agree(number, identity.uzi_number, "NameID")
            return Transactietoken(attributes=attributes), _acting(identity, ura, role, records)
        except UsageError as error:
            raise refuse(f"value of {error.details['reason']}") from error

    def _mandate(
        self, identity: UZIIdentity, issuer: str, subject: str, attributes: dict[str, str]
    ) -> tuple[Content, Acting]:
        _agree(_without(issuer, self._profile.professional, "Issuer"), identity.uzi_number, "Issuer")
        ura = _without(subject, self._profile.organisation, "NameID")
        context = attributes.pop(self._profile.context, None)
        if context is None:
            raise refuse("context missing", saml("AttributeStatement"))
        return Mandaattoken(context=context, ura=ura, attributes=attributes), Acting(
            ura=identity.ura, role=identity.role
        )

    def _issuer(self) -> str:
        issuer = self._said.find(saml("Issuer"))
        if issuer.get("Format") != ENTITY:
            raise refuse("issuer format", issuer.tag)
        return str(issuer.text)

    def _require_context(self, identity: UZIIdentity | ZorgIDIdentity) -> None:
        if not self._kind.authenticated:
            return
        _agree(
            self._text("AuthnStatement", "AuthnContext", "AuthnContextClassRef"),
            authentication_context(identity),
            "AuthnContextClassRef",
        )

    def _attributes(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for attribute in self._said.iterfind(f"{saml('AttributeStatement')}/{saml('Attribute')}"):
            if attribute.get("Name") in found:
                raise refuse("an attribute twice", attribute.tag)
            found[attribute.get("Name")] = attribute.findtext(saml("AttributeValue"))
        return found

    def require_conditions(self, now: datetime, skew: timedelta) -> None:
        """Raise unless it is meant for here and for now."""
        audiences = [audience.text for audience in self._said.iter(saml("Audience"))]
        if self._profile.audience not in audiences:
            raise TokenConditionsError("the token is for somebody else", reason="audience")
        if now - self.ends >= skew:  # a difference exists at the ends of time too, where a token may lie
            raise TokenConditionsError(f"the token expired at {_x509.iso(self.ends)}", reason="expired")
        if max(self.begins, self.issued, self._authenticated()) - now > skew:
            raise TokenConditionsError(f"the token holds from {_x509.iso(self.begins)}", reason="early")
        longest = self._profile.lifetimes[self._kind.name].longest
        if not timedelta(0) < self.ends - min(self.begins, self.issued) <= longest or self.issued >= self.ends:
            raise TokenConditionsError(f"a {self._kind.name} holds for at most {longest}", reason="lifetime")

    def _authenticated(self) -> datetime:
        statement = self._said.find(saml("AuthnStatement"))
        return self.issued if statement is None else _moment(statement.get("AuthnInstant"), statement.tag)


@dataclass(frozen=True, slots=True)
class _Records:
    """The portal's records, asked about one card now."""

    links: Links | None
    certificate: Certificate
    now: datetime
    used: bool

    def acting(self, identity: ZorgIDIdentity, ura: str) -> Acting:
        """For whom the holder acts; raises as :meth:`~zorgid_card.ports.links.Links.acting_for`."""
        if self.links is None:
            raise NotLinkedError("for whom the holder of a ZORG-ID Smartcard acts is in no records", ura=ura[:20])
        card = PresentedCard(
            certificate=self.certificate.der, serial=self.certificate.serial_hex, uzi_number=identity.uzi_number
        )
        link = self.links.acting_for(card, ura=ura, at=self.now, used=self.used)
        return Acting(ura=link.ura, role=link.role)


def _acting(identity: UZIIdentity | ZorgIDIdentity, ura: str, role: str | None, records: _Records) -> Acting:
    known = identity if isinstance(identity, UZIIdentity) else records.acting(identity, ura)
    _agree(ura, known.ura, "Issuer")
    if role is not None:
        _agree(role, known.role, "NameID")
    return Acting(ura=known.ura, role=known.role)


def _agree(said: str, known: str, where: str) -> None:
    if said != known:
        raise TokenHolderError(
            "the token says otherwise of its signer than the certificate or the registry", field=where
        )


def _without(text: str, prefix: str, where: str) -> str:
    if not text.startswith(prefix):
        raise refuse("value", saml(where))
    return text[len(prefix) :]


def _number_and_role(name_id: str) -> tuple[str, str]:
    found = _NAME_ID.fullmatch(name_id)
    if found is None:
        raise refuse("value", saml("NameID"))
    return found[1], found[2]


def _moment(text: str, where: str) -> datetime:
    if not _MOMENT.fullmatch(text):
        raise refuse("moment", where)
    try:
        return datetime.fromisoformat(text[:19]).replace(tzinfo=UTC)
    except ValueError as error:
        raise refuse("moment", where) from error


def require_mandate(
    transaction: VerifiedToken[Transactietoken], mandate: VerifiedToken[Mandaattoken], *, profile: Profile = DEFAULT
) -> None:
    """Raise unless the sender of a transactietoken acts within the mandate: same context, same organisation.

    Raises:
        TokenConditionsError: ``reason`` is ``disagreement``.
    """
    named: Mapping[str, str] = transaction.content.attributes
    if named.get(profile.context) != mandate.content.context or transaction.ura != mandate.content.ura:
        raise TokenConditionsError("the mandate is for another context or organisation", reason="disagreement")
