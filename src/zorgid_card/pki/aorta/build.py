"""A token's XML before it is signed."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from zorgid_card.pki import _x509
from zorgid_card.pki.aorta._xml import DS, SAML, WSSE, Element, ds, etree, saml, wsse
from zorgid_card.pki.aorta.holder import Holder, authentication_context
from zorgid_card.pki.aorta.names import issuer_text
from zorgid_card.pki.aorta.tokens import Content, Inschrijftoken, Mandaattoken, Profile
from zorgid_card.pki.certificate import Certificate

ENTITY: Final = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity"


def new_id() -> str:
    """A token's ID: 122 random bits, in a form that is an NCName."""
    return f"token_{uuid.uuid4()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """All that a token is made of.

    Attributes:
        content: what it says.
        holder: who signs.
        certificate: theirs.
        issued, ends: from when, and until just before when it holds; UTC, whole seconds.
        profile: the values of the guides.
        enclosed: whether the certificate is sent along in KeyInfo.
        token_reference: whether KeyInfo wraps its X509Data into a wsse:SecurityTokenReference.
    """

    content: Content
    holder: Holder
    certificate: Certificate
    issued: datetime
    ends: datetime
    profile: Profile
    enclosed: bool
    token_reference: bool

    def attributes(self) -> Mapping[str, str]:
        """The attributes by name: those given, and the context of a mandate."""
        if isinstance(self.content, Mandaattoken):
            return {self.profile.context: self.content.context, **self.content.attributes}
        return self.content.attributes

    def issuer(self) -> str:
        """Who says it: the organisation, or who gives a mandate."""
        if isinstance(self.content, Mandaattoken):
            return self.profile.professional + self.holder.identity.uzi_number
        return self.profile.organisation + self.holder.ura

    def subject(self) -> str:
        """About whom it is: the sender, the patient, or the organisation."""
        match self.content:
            case Inschrijftoken(bsn=bsn):
                return self.profile.patient + bsn
            case Mandaattoken(ura=ura):
                return self.profile.organisation + (ura or self.holder.ura)
            case _:
                return self.holder.name_id


def build(form: Form, identifier: str) -> Element:
    """The assertion, with an empty Signature where the signature belongs (SAML 2.0 core, 2.3.3)."""
    root = etree().Element(saml("Assertion"), nsmap={"saml": SAML})
    root.set("ID", identifier)
    root.set("IssueInstant", _x509.iso(form.issued))
    root.set("Version", "2.0")
    _add(root, saml("Issuer"), form.issuer(), Format=ENTITY)
    _add(root, ds("Signature"), Id="placeholder")
    _subject(root, form)
    _conditions(root, form)
    if form.content.kind.authenticated:
        statement = _add(root, saml("AuthnStatement"), AuthnInstant=_x509.iso(form.issued))
        context = _add(statement, saml("AuthnContext"))
        _add(context, saml("AuthnContextClassRef"), authentication_context(form.holder.identity))
    _statement(root, form.attributes())
    return root


def _subject(root: Element, form: Form) -> None:
    subject = _add(root, saml("Subject"))
    _add(subject, saml("NameID"), form.subject())
    confirmation = _add(subject, saml("SubjectConfirmation"), Method=form.content.kind.method)
    if form.content.kind.confirmed:
        data = _add(confirmation, saml("SubjectConfirmationData"))
        data.append(key_info(form.certificate, enclosed=False, token_reference=False))


def _conditions(root: Element, form: Form) -> None:
    conditions = _add(root, saml("Conditions"), NotBefore=_x509.iso(form.issued), NotOnOrAfter=_x509.iso(form.ends))
    _add(_add(conditions, saml("AudienceRestriction")), saml("Audience"), form.profile.audience)


def _statement(root: Element, attributes: Mapping[str, str]) -> None:
    if not attributes:
        return
    statement = _add(root, saml("AttributeStatement"))
    for name, value in attributes.items():
        _add(_add(statement, saml("Attribute"), Name=name), saml("AttributeValue"), value)


def key_info(certificate: Certificate, *, enclosed: bool, token_reference: bool) -> Element:
    """KeyInfo that names the certificate by issuer and serial number, and may hold it."""
    info = etree().Element(ds("KeyInfo"), nsmap={"ds": DS, "wsse": WSSE} if token_reference else {"ds": DS})
    data = _add(_add(info, wsse("SecurityTokenReference")) if token_reference else info, ds("X509Data"))
    named = _add(data, ds("X509IssuerSerial"))
    _add(named, ds("X509IssuerName"), issuer_text(certificate))
    _add(named, ds("X509SerialNumber"), str(certificate.serial))
    if enclosed:
        _add(data, ds("X509Certificate"), base64.b64encode(certificate.der).decode())
    return info


def _add(parent: Element, name: str, text: str = "", **attributes: str) -> Element:
    child = etree().SubElement(parent, name, attributes, nsmap={"ds": DS} if name.startswith(f"{{{DS}}}") else None)
    if text:
        child.text = text
    return child
