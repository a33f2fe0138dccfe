"""Hostile AORTA tokens of a holder, whose key signs whatever they like: each is refused for its one fault (AUT-4)."""

from __future__ import annotations

import base64
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.serialization import Encoding

from aorta_world import (
    NAMES,
    changed,
    doctor,
    dumped,
    etree,
    key_of,
    one,
    smartcards,
    token,
    verified,
)
from hostile_aorta import (
    CONDITIONS,
    CONFIRMED,
    DS,
    INFO,
    NAME_ID,
    NAMED,
    SAML,
    Change,
    Refusal,
    element,
    refusal,
    saml,
    signed_over,
    sound,
)
from zorgid_card.pki.aorta import Transactietoken


def set_(path: str, name: str, value: str) -> Change:
    return lambda root: one(root, path).set(name, value)


def text(path: str, value: str) -> Change:
    def change(root: Any) -> None:
        one(root, path).text = value

    return change


def add(path: str, child: Callable[[], Any], position: int = -1) -> Change:
    def change(root: Any) -> None:
        parent = one(root, path)
        parent.insert(len(parent) if position < 0 else position, child())

    return change


def remove(path: str) -> Change:
    def change(root: Any) -> None:
        found = one(root, path)
        found.getparent().remove(found)

    return change


def without(path: str, name: str) -> Change:
    return lambda root: one(root, path).attrib.pop(name)


def renamed(path: str, tag: str) -> Change:
    def change(root: Any) -> None:
        one(root, path).tag = tag

    return change


TRANSFORMS = f"{INFO}/ds:Reference/ds:Transforms"
AUDIENCE = f"{CONDITIONS}/saml:AudienceRestriction/saml:Audience"
CONTEXT = "/*/saml:AuthnStatement/saml:AuthnContext/saml:AuthnContextClassRef"


def transform(algorithm: str) -> Callable[[], Any]:
    return lambda: element("Transform", namespace=DS, Algorithm=algorithm)


def smuggled(algorithm: str, at: int) -> Change:
    return lambda root: root.xpath(f"{TRANSFORMS}/ds:Transform", namespaces=NAMES)[at].set("Algorithm", algorithm)


def with_prefixes(root: Any) -> None:
    found = root.xpath(f"{TRANSFORMS}/ds:Transform", namespaces=NAMES)[1]
    found.append(element("InclusiveNamespaces", namespace="http://www.w3.org/2001/10/xml-exc-c14n#", PrefixList="saml"))


def an_xpath(root: Any) -> None:
    found = root.xpath(f"{TRANSFORMS}/ds:Transform", namespaces=NAMES)[0]
    found.set("Algorithm", "http://www.w3.org/TR/1999/REC-xpath-19991116")
    found.append(element("XPath", "not(ancestor-or-self::saml:Subject)", namespace=DS))


def hmac_value(root: Any) -> None:
    one(root, f"{INFO}/ds:SignatureMethod").set("Algorithm", "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256")
    tag = hmac.HMAC(key_of(doctor(), "authenticity").public_pem, hashes.SHA256())
    tag.update(etree.tostring(one(root, INFO), method="c14n", exclusive=True))
    one(root, "/*/ds:Signature/ds:SignatureValue").text = base64.b64encode(tag.finalize()).decode()


def swapped_namespaces(root: Any) -> None:
    """The names are right, the namespace is that of SAML 1.1."""
    for found in root.iter(f"{{{SAML}}}*"):
        found.tag = found.tag.replace("SAML:2.0", "SAML:1.0")


def in_pem(found: Any) -> None:
    certificate = x509.load_der_x509_certificate(base64.b64decode(found.text))
    found.text = base64.b64encode(certificate.public_bytes(Encoding.PEM)).decode()


def key_value() -> Any:
    made = element("KeyValue", namespace=DS)
    made.append(element("RSAKeyValue", namespace=DS))
    return made


ALGORITHM = "Algorithm"
RSA_SHA1 = "http://www.w3.org/2000/09/xmldsig#rsa-sha1"
SHA1 = "http://www.w3.org/2000/09/xmldsig#sha1"
COMMENTS = "http://www.w3.org/2001/10/xml-exc-c14n#WithComments"

FORGED: dict[str, tuple[Change, Refusal]] = {
    "no ID": (without("/*", "ID"), saml("ID missing")),
    "an ID that is no NCName": (set_("/*", "ID", "1 token"), saml("ID")),
    "an ID in the signature": (set_("/*/ds:Signature", "Id", "x"), saml("more IDs than one Signature")),
    "an xml:id": (set_(NAME_ID, "{http://www.w3.org/XML/1998/namespace}id", "x"), saml("more IDs than one NameID")),
    "a wsu:Id": (set_("/*", "{urn:wsu}Id", "x"), saml("more IDs than one Assertion")),
    "version 1.1": (set_("/*", "Version", "1.1"), saml("version Assertion")),
    "SAML 1.1's namespace": (swapped_namespaces, saml("root Assertion")),
    "an issuer without format": (without("/*/saml:Issuer", "Format"), saml("attributes Issuer")),
    "another issuer format": (set_("/*/saml:Issuer", "Format", "urn:x"), saml("issuer format Issuer")),
    "xsi:type": (
        set_(NAME_ID, "{http://www.w3.org/2001/XMLSchema-instance}type", "x"),
        saml("attributes NameID"),
    ),
    "an unknown element": (add("/*", lambda: element("Advice")), saml("unexpected element Advice")),
    "an unknown namespace": (
        add("/*/saml:Subject", lambda: element("x", namespace="urn:x")),
        saml("unexpected element x"),
    ),
    "text between elements": (text("/*/saml:Subject", "x"), saml("text between elements Subject")),
    "text behind an element": (
        lambda root: setattr(one(root, NAME_ID), "tail", "x"),
        saml("text between elements Subject"),
    ),
    "an empty NameID": (text(NAME_ID, ""), saml("empty NameID")),
    "OneTimeUse": (add(CONDITIONS, lambda: element("OneTimeUse")), saml("unexpected element OneTimeUse")),
    "two audience restrictions": (
        add(CONDITIONS, lambda: element("AudienceRestriction")),
        saml("count AudienceRestriction"),
    ),
    "inclusive canonicalisation": (
        set_(f"{INFO}/ds:CanonicalizationMethod", ALGORITHM, "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"),
        saml("canonicalisation"),
    ),
    "canonicalisation with comments": (
        set_(f"{INFO}/ds:CanonicalizationMethod", ALGORITHM, COMMENTS),
        saml("canonicalisation"),
    ),
    "SHA-1 in the signature": (set_(f"{INFO}/ds:SignatureMethod", ALGORITHM, RSA_SHA1), saml("signature algorithm")),
    "SHA-1 in the digest": (set_(f"{INFO}/ds:Reference/ds:DigestMethod", ALGORITHM, SHA1), saml("digest algorithm")),
    "HMAC with the public key": (hmac_value, saml("signature algorithm")),
    "ECDSA": (
        set_(f"{INFO}/ds:SignatureMethod", ALGORITHM, "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"),
        saml("signature algorithm"),
    ),
    "PSS": (
        set_(f"{INFO}/ds:SignatureMethod", ALGORITHM, "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1"),
        saml("signature algorithm"),
    ),
    "a third transform": (add(TRANSFORMS, transform(COMMENTS)), saml("count Transform")),
    "one transform": (remove(f"{TRANSFORMS}/ds:Transform[1]"), saml("count Transform")),
    "XSLT": (smuggled("http://www.w3.org/TR/1999/REC-xslt-19991116", 0), saml("transforms")),
    "base64": (smuggled("http://www.w3.org/2000/09/xmldsig#base64", 0), saml("transforms")),
    "an XPath filter": (an_xpath, saml("unexpected element XPath")),
    "prefixes that are kept": (with_prefixes, saml("unexpected element InclusiveNamespaces")),
    "the whole document": (set_(f"{INFO}/ds:Reference", "URI", ""), saml("reference")),
    "another reference": (set_(f"{INFO}/ds:Reference", "URI", "#x"), saml("reference")),
    "an XPointer": (set_(f"{INFO}/ds:Reference", "URI", "#xpointer(/)"), saml("reference")),
    "a reference abroad": (set_(f"{INFO}/ds:Reference", "URI", "http://x/"), saml("reference")),
    "no reference URI": (without(f"{INFO}/ds:Reference", "URI"), saml("attributes Reference")),
    "two references": (
        lambda root: one(root, INFO).append(deepcopy(one(root, f"{INFO}/ds:Reference"))),
        saml("count Reference"),
    ),
    "a manifest": (add("/*/ds:Signature", lambda: element("Object", namespace=DS)), saml("unexpected element Object")),
    "a digest that is no base64": (text(f"{INFO}/ds:Reference/ds:DigestValue", "!"), saml("base64 DigestValue")),
    "no KeyInfo": (remove("/*/ds:Signature/ds:KeyInfo"), saml("count KeyInfo")),
    "an empty KeyInfo": (remove(NAMED), saml("count KeyInfo")),
    "a key instead of a certificate": (
        lambda root: (remove(NAMED)(root), one(root, "/*/ds:Signature/ds:KeyInfo").append(key_value())),
        saml("unexpected element KeyValue"),
    ),
    "a certificate that is none": (
        text(f"{NAMED}/ds:X509Certificate", base64.b64encode(b"none").decode()),
        ("certificate.malformed", ""),
    ),
    "a serial number that is none": (
        text(f"{NAMED}/ds:X509IssuerSerial/ds:X509SerialNumber", "-1"),
        saml("serial number X509SerialNumber"),
    ),
    "an issuer that is none": (
        text(f"{NAMED}/ds:X509IssuerSerial/ds:X509IssuerName", "x"),
        saml("issuer name X509IssuerName"),
    ),
    "another certificate than named": (
        text(f"{NAMED}/ds:X509IssuerSerial/ds:X509SerialNumber", "7"),
        ("certificate.token_holder", "certificate"),
    ),
    "confirmed by another certificate": (
        text(f"{CONFIRMED}/ds:X509IssuerSerial/ds:X509SerialNumber", "7"),
        ("certificate.token_holder", "SubjectConfirmation"),
    ),
    "a certificate in the confirmation": (
        lambda root: one(root, CONFIRMED).append(deepcopy(one(root, f"{NAMED}/ds:X509Certificate"))),
        saml("unexpected element X509Certificate"),
    ),
    "another UZI number": (text(NAME_ID, "900000022:01.015"), ("certificate.token_holder", "NameID")),
    "another role": (text(NAME_ID, "900000015:01.016"), ("certificate.token_holder", "NameID")),
    "a NameID with space around it": (text(NAME_ID, " 900000015:01.015"), saml("value NameID")),
    "a NameID with a line feed": (text(NAME_ID, "900000015:01.015\n"), saml("value NameID")),
    "a NameID in other digits": (text(NAME_ID, "９00000015:01.015"), saml("value NameID")),
    "a NameID without role": (text(NAME_ID, "900000015"), saml("value NameID")),
    "another organisation": (
        text("/*/saml:Issuer", "urn:IIroot:2.16.528.1.1007.3.3:IIext:90000999"),
        ("certificate.token_holder", "Issuer"),
    ),
    "an issuer of another form": (text("/*/saml:Issuer", "90000123"), saml("value Issuer")),
    "an issuer with space around it": (
        text("/*/saml:Issuer", "urn:IIroot:2.16.528.1.1007.3.3:IIext:90000123 "),
        ("certificate.token_holder", "Issuer"),
    ),
    "proven by X.509": (
        text(CONTEXT, "urn:oasis:names:tc:SAML:2.0:ac:classes:X509"),
        ("certificate.token_holder", "AuthnContextClassRef"),
    ),
    "proven by a password": (
        text(CONTEXT, "urn:oasis:names:tc:SAML:2.0:ac:classes:Password"),
        ("certificate.token_holder", "AuthnContextClassRef"),
    ),
    "another audience": (
        text(AUDIENCE, "urn:IIroot:2.16.840.1.113883.2.4.6.6:IIext:2"),
        ("portal.token_conditions", "audience"),
    ),
    "an audience with space around it": (
        text(AUDIENCE, "urn:IIroot:2.16.840.1.113883.2.4.6.6:IIext:1 "),
        ("portal.token_conditions", "audience"),
    ),
    "too long": (set_(CONDITIONS, "NotOnOrAfter", "2026-06-01T12:15:01Z"), ("portal.token_conditions", "lifetime")),
    "for ever": (set_(CONDITIONS, "NotOnOrAfter", "9999-12-31T23:59:59Z"), ("portal.token_conditions", "lifetime")),
    "begun with time": (set_(CONDITIONS, "NotBefore", "0001-01-01T00:00:00Z"), ("portal.token_conditions", "lifetime")),
    "issued at the end of time": (
        set_("/*", "IssueInstant", "9999-12-31T23:59:59Z"),
        ("portal.token_conditions", "early"),
    ),
    "a certificate in PEM": (
        lambda root: in_pem(one(root, f"{NAMED}/ds:X509Certificate")),
        ("certificate.malformed", ""),
    ),
    "ended before it began": (
        set_(CONDITIONS, "NotOnOrAfter", "2026-06-01T11:59:59Z"),
        ("portal.token_conditions", "lifetime"),
    ),
    "begun long ago": (set_(CONDITIONS, "NotBefore", "2026-06-01T11:00:00Z"), ("portal.token_conditions", "lifetime")),
    "issued tomorrow": (set_("/*", "IssueInstant", "2026-06-02T12:00:00Z"), ("portal.token_conditions", "early")),
    "authenticated tomorrow": (
        set_("/*/saml:AuthnStatement", "AuthnInstant", "2026-06-02T12:00:00Z"),
        ("portal.token_conditions", "early"),
    ),
    "a moment without zone": (set_(CONDITIONS, "NotBefore", "2026-06-01T12:00:00"), saml("moment Conditions")),
    "a moment in another zone": (set_(CONDITIONS, "NotBefore", "2026-06-01T12:00:00+02:00"), saml("moment Conditions")),
    "a day that is none": (set_(CONDITIONS, "NotBefore", "2026-02-30T12:00:00Z"), saml("moment Conditions")),
    "no end": (without(CONDITIONS, "NotOnOrAfter"), saml("attributes Conditions")),
    "no conditions": (remove(CONDITIONS), saml("count Conditions")),
    "no audience": (remove(f"{CONDITIONS}/saml:AudienceRestriction"), saml("count AudienceRestriction")),
    "an attribute twice": (
        lambda root: one(root, "/*/saml:AttributeStatement").append(deepcopy(one(root, "//saml:Attribute[1]"))),
        saml("an attribute twice Attribute"),
    ),
    "an attribute with two values": (
        add("//saml:Attribute[1]", lambda: element("AttributeValue", "x")),
        saml("count AttributeValue"),
    ),
    "too many attributes": (
        lambda root: one(root, "/*/saml:AttributeStatement").extend(
            deepcopy(one(root, "//saml:Attribute[1]")) for _ in range(40)
        ),
        saml("count Attribute"),
    ),
    "a value with a line feed": (text("//saml:Attribute[1]/saml:AttributeValue", "a\nb"), saml("value of text")),
    "bearer": (
        set_("/*/saml:Subject/saml:SubjectConfirmation", "Method", "urn:oasis:names:tc:SAML:2.0:cm:bearer"),
        saml("confirmation SubjectConfirmation"),
    ),
    "no AuthnStatement": (remove("/*/saml:AuthnStatement"), saml("confirmation SubjectConfirmation")),
    "a subject that nothing confirms": (
        remove("/*/saml:Subject/saml:SubjectConfirmation/saml:SubjectConfirmationData"),
        saml("confirmation SubjectConfirmation"),
    ),
}


@pytest.mark.parametrize("name", FORGED)
def test_aut_4_what_a_holder_signs_over_is_refused_all_the_same(name: str) -> None:
    change, expected = FORGED[name]
    root = sound()
    change(root)
    data = dumped(root)
    if "signature" not in expected[1] and "base64" not in expected[1]:
        data = signed_over(data)
    found = refusal(data)
    assert found[0] == expected[0]
    assert expected[1] in ("", found[1])


def test_aut_4_the_catalogue_is_signed_for_real() -> None:
    assert verified(signed_over(dumped(sound())), Transactietoken).ura == "90000123"
    assert len(FORGED) > 70


def test_aut_4_a_smartcards_context_does_not_make_a_pass_a_smartcard() -> None:
    change, expected = FORGED["proven by X.509"]
    data = signed_over(changed(token("transactietoken"), change))
    assert refusal(data, smartcards=smartcards()) == expected
