"""A catalogue of hostile AORTA tokens: each has one fault, and is refused for that (AUT-4).

*Stranger* has a sound token of the doctor's and no key. *Holder* has a key of their own and signs whatever they like.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import signxml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from aorta_world import (
    CONTENTS,
    ENROLMENT,
    MANDATE,
    NAMES,
    NOW,
    TRANSACTION,
    Key,
    changed,
    doctor,
    dumped,
    etree,
    issuer,
    key_of,
    one,
    parsed,
    pki,
    resigned,
    signed,
    smartcards,
    token,
    verified,
    worker,
)
from card_scripts import powered
from zorgid_card.cards import open_card
from zorgid_card.errors import ZorgIDError
from zorgid_card.pki.aorta import Inschrijftoken, Mandaattoken, Transactietoken, sign_token
from zorgid_card.pki.aorta.build import key_info
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.statement import CONSENT, SESSION, encode, verify_statement
from zorgid_card.testkit.keys import KeyPool
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.testkit.uzi_profile import DE_LINDE, JAN_DE_VRIES

SAML, DS = NAMES["saml"], NAMES["ds"]

Change = Callable[[Any], object]
Refusal = tuple[str, str]
"""An error's code, and the detail that tells it from others of the code."""


def refusal(data: bytes, kind: type[Any] = Transactietoken, **options: Any) -> Refusal:
    with pytest.raises(ZorgIDError) as caught:
        verified(data, kind, **options)
    details = caught.value.details
    told = details.get("reason") or details.get("field") or details.get("found") or details.get("usage") or ""
    element = details.get("element")
    return caught.value.code, f"{told} {element}" if element else str(told)


def saml(reason: str) -> Refusal:
    return "encoding.saml", reason


def element(name: str, text: str = "", namespace: str = SAML, **attributes: str) -> Any:
    made = etree.Element(f"{{{namespace}}}{name}", attributes)
    made.text = text or None
    return made


def sound() -> Any:
    return parsed(token("transactietoken"))


def evil(identifier: str = "token_evil") -> Any:
    """The sound token, saying that somebody else signed."""
    root = sound()
    root.set("ID", identifier)
    one(root, "saml:Subject/saml:NameID").text = "900000022:01.015"
    return root


# --- a stranger: signature wrapping ----------------------------------------------------------------------------


def wrapped_in_object() -> Any:
    """The signed assertion inside its own signature, in an Object."""
    root = evil()
    holder = element("Object", namespace=DS)
    holder.append(sound())
    one(root, "ds:Signature").append(holder)
    return root


def wrapped_in_advice() -> Any:
    root = evil()
    advice = element("Advice")
    advice.append(sound())
    root.append(advice)
    return root


def wrapped_in_the_subject() -> Any:
    root = evil()
    one(root, "saml:Subject").append(sound())
    return root


def wrapped_in_key_info() -> Any:
    root = evil()
    one(root, "ds:Signature/ds:KeyInfo").append(sound())
    return root


def wrapped_in_a_response() -> Any:
    response = etree.Element("{urn:oasis:names:tc:SAML:2.0:protocol}Response")
    response.extend([evil(), sound()])
    return response


def in_a_security_header() -> Any:
    header = etree.Element(
        "{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd}Security"
    )
    header.append(sound())
    return header


def with_the_evil_inside() -> Any:
    root = sound()
    root.insert(0, evil())
    return root


def with_the_same_id() -> Any:
    root = evil(sound().get("ID"))
    advice = element("Advice")
    advice.append(sound())
    root.append(advice)
    return root


def with_its_signature_elsewhere() -> Any:
    root = sound()
    root.append(one(root, "ds:Signature"))
    return root


def with_two_signatures() -> Any:
    root = sound()
    root.insert(2, deepcopy(one(root, "ds:Signature")))
    return root


def with_a_signature_in_a_signature() -> Any:
    root = sound()
    one(root, "ds:Signature").append(deepcopy(one(root, "ds:Signature")))
    return root


def with_two_subjects() -> Any:
    root = sound()
    root.insert(2, deepcopy(one(evil(), "saml:Subject")))
    return root


def with_two_name_ids() -> Any:
    root = sound()
    one(root, "saml:Subject").insert(0, element("NameID", "900000022:01.015"))
    return root


def as_the_root_of_its_signature() -> Any:
    root = one(sound(), "ds:Signature")
    return parsed(dumped(root))


def without_signature() -> Any:
    root = sound()
    root.remove(one(root, "ds:Signature"))
    return root


WRAPPINGS: list[tuple[Callable[[], Any], Refusal]] = [
    (wrapped_in_object, saml("assertions")),
    (wrapped_in_advice, saml("assertions")),
    (wrapped_in_the_subject, saml("assertions")),
    (wrapped_in_key_info, saml("assertions")),
    (wrapped_in_a_response, saml("root Response")),
    (in_a_security_header, saml("root Security")),
    (with_the_evil_inside, saml("assertions")),
    (with_the_same_id, saml("assertions")),
    (with_its_signature_elsewhere, saml("count Signature")),
    (with_two_signatures, saml("signatures")),
    (with_a_signature_in_a_signature, saml("signatures")),
    (with_two_subjects, saml("count Subject")),
    (with_two_name_ids, saml("count NameID")),
    (as_the_root_of_its_signature, saml("root Signature")),
    (without_signature, saml("signatures")),
    (evil, saml("reference")),
    (lambda: evil(sound().get("ID")), ("certificate.signature", "")),
]


@pytest.mark.parametrize(("make", "expected"), WRAPPINGS)
def test_aut_4_no_wrapping_gets_past(make: Callable[[], Any], expected: Refusal) -> None:
    assert refusal(dumped(make())) == expected


# --- a stranger: octets, declarations, comments ----------------------------------------------------------------


def replaced(old: bytes, new: bytes) -> bytes:
    data = token("transactietoken")
    assert old in data
    return data.replace(old, new, 1)


def declared(declaration: bytes, inside: bytes = b"") -> bytes:
    return declaration + replaced(b":01.015</saml:NameID>", b":01.015" + inside + b"</saml:NameID>")


ENTITIES = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">' + b"".join(
    b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10 if n else b"&a;" * 10) for n in range(9)
)

OCTETS: dict[str, tuple[bytes, Refusal]] = {
    "nothing": (b"", saml("size")),
    "too much": (token("transactietoken") + b" " * 65536, saml("size")),
    "no XML": (b"{}", saml("not well-formed")),
    "half a token": (token("transactietoken")[:-20], saml("not well-formed")),
    "two roots": (token("transactietoken") * 2, saml("not well-formed")),
    "text behind": (token("transactietoken") + b"x", saml("not well-formed")),
    "not UTF-8": (replaced(b"Medicatie", b"Medi\xffcatie"), saml("encoding")),
    "UTF-16": (token("transactietoken").decode().encode("utf-16"), saml("encoding")),
    "a byte order mark": (b"\xef\xbb\xbf" + token("transactietoken"), saml("encoding")),
    "declared UTF-7": (b'<?xml version="1.0" encoding="UTF-7"?>' + token("transactietoken"), saml("encoding")),
    "XML 1.1": (b'<?xml version="1.1"?>' + token("transactietoken"), saml("encoding")),
    "a NUL": (replaced(b"Medicatie", b"Medi\0catie"), saml("encoding")),
    "a document type": (declared(b"<!DOCTYPE x>"), saml("document type")),
    "entities that grow": (declared(ENTITIES + b"]>", b"&a8;"), saml("document type")),
    "an external entity": (
        declared(b'<!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/passwd">]>', b"&x;"),
        saml("document type"),
    ),
    "a parameter entity": (declared(b'<!DOCTYPE x [<!ENTITY % p SYSTEM "http://x/">%p;]>'), saml("document type")),
    "an entity nobody declared": (declared(b"", b"&x;"), saml("not well-formed")),
    "a comment that cuts the NameID": (
        replaced(b"900000015:01.015</saml:NameID>", b"900000015:01.015<!-- -->.evil</saml:NameID>"),
        saml("comment"),
    ),
    "a comment between elements": (replaced(b"<saml:Subject>", b"<!-- x --><saml:Subject>"), saml("comment")),
    "a CDATA section": (
        replaced(b">900000015:01.015<", b"><![CDATA[900000015:01.015]]><"),
        saml("CDATA section"),
    ),
    "a processing instruction": (
        replaced(b"900000015:01.015</saml:NameID>", b"900000015:01.015<?x?></saml:NameID>"),
        saml("processing instruction"),
    ),
    "a stylesheet": (b'<?xml-stylesheet href="x"?>' + token("transactietoken"), saml("encoding")),
    "deep": (b"<a>" * 5000 + b"</a>" * 5000, saml("not well-formed")),
    "many attributes": (
        replaced(b"<saml:Subject>", b"<saml:Subject " + b" ".join(b'a%d="x"' % n for n in range(3000)) + b">"),
        saml("attributes Subject"),
    ),
    "an attribute twice": (replaced(b' Version="2.0"', b' Version="2.0" Version="2.0"'), saml("not well-formed")),
}


@pytest.mark.parametrize("name", OCTETS)
def test_aut_4_octets_that_are_no_token_are_refused(name: str) -> None:
    data, expected = OCTETS[name]
    assert refusal(data) == expected


# --- a holder: whatever they sign, in the right way --------------------------------------------------------------


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


INFO = "/*/ds:Signature/ds:SignedInfo"
TRANSFORMS = f"{INFO}/ds:Reference/ds:Transforms"
NAME_ID = "/*/saml:Subject/saml:NameID"
CONDITIONS = "/*/saml:Conditions"
AUDIENCE = f"{CONDITIONS}/saml:AudienceRestriction/saml:Audience"
CONTEXT = "/*/saml:AuthnStatement/saml:AuthnContext/saml:AuthnContextClassRef"
CONFIRMED = "/*/saml:Subject/saml:SubjectConfirmation/saml:SubjectConfirmationData/ds:KeyInfo/ds:X509Data"
NAMED = "/*/ds:Signature/ds:KeyInfo/ds:X509Data"


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
        data = _resigned(data)
    found = refusal(data)
    assert found[0] == expected[0]
    assert expected[1] in ("", found[1])


def _resigned(data: bytes) -> bytes:
    """Signed again where there is something to sign; what has no signature to fill is refused before one is looked at."""
    try:
        return resigned(data)
    except ValueError:
        return data


def test_aut_4_the_catalogue_is_signed_for_real() -> None:
    assert verified(_resigned(dumped(sound())), Transactietoken).ura == "90000123"
    assert len(WRAPPINGS) + len(OCTETS) + len(FORGED) > 110


# --- kinds, keys, holders ---------------------------------------------------------------------------------------


KINDS: dict[str, type[Any]] = {name: type(content) for name, content in CONTENTS.items()}


@pytest.mark.parametrize("presented", KINDS)
@pytest.mark.parametrize("expected", KINDS)
def test_aut_4_no_kind_passes_for_another(presented: str, expected: str) -> None:
    if presented == expected:
        verified(token(presented), KINDS[expected])
    else:
        assert refusal(token(presented), KINDS[expected]) == saml("kind Assertion")


def by(key: Key, kind: str, **changes: str) -> bytes:
    """A token signed with a key that may not, its certificate named and enclosed."""
    root = parsed(token(kind))
    donor = parsed(signed_for(key))
    for path in (NAMED, CONFIRMED):
        for old in root.xpath(path, namespaces=NAMES):
            new = deepcopy(one(donor, NAMED))
            if path == CONFIRMED:
                new.remove(one(new, "ds:X509Certificate"))
            old.getparent().replace(old, new)
    for path, value in changes.items():
        one(root, path).text = value
    return resigned(dumped(root), key)


def signed_for(key: Key) -> bytes:
    """Any document with the KeyInfo of this key."""
    root = sound()
    old = one(root, "/*/ds:Signature/ds:KeyInfo")
    made = key_info(Certificate.parse(key.certificate), enclosed=True, token_reference=False)
    old.getparent().replace(old, made)
    return dumped(root)


@pytest.mark.parametrize(
    ("kind", "usage"),
    [
        ("transactietoken", "signature"),
        ("transactietoken", "confidentiality"),
        ("inschrijftoken", "signature"),
        ("mandaattoken", "authenticity"),
        ("mandaattoken", "confidentiality"),
    ],
)
def test_aut_4_another_key_of_the_same_pass_signs_nothing(kind: str, usage: str) -> None:
    assert refusal(by(key_of(doctor(), usage), kind), KINDS[kind])[0] == "certificate.usage"


def test_aut_4_an_employee_gives_no_mandate() -> None:
    assert refusal(by(key_of(worker(), "signature"), "mandaattoken"), Mandaattoken) == ("portal.pass_type", "N")


@pytest.mark.parametrize("kind", ["transactietoken", "mandaattoken"])
def test_aut_4_a_holder_signs_in_nobody_elses_name(kind: str) -> None:
    other = pki().pass_(worker().holder, DE_LINDE, "Z", "01.015")
    code, field = refusal(by(key_of(other, CONTENTS[kind].kind.usage), kind), KINDS[kind])
    assert (code, field) == ("certificate.token_holder", "NameID" if kind == "transactietoken" else "Issuer")


@pytest.mark.parametrize("kind", KINDS)
def test_aut_4_anothers_certificate_does_not_fit_the_signature(kind: str) -> None:
    """The token names the doctor's certificate, and is signed with the key of an employee."""
    usage = CONTENTS[kind].kind.usage
    assert refusal(resigned(token(kind), key_of(worker(), usage)), KINDS[kind]) == ("certificate.signature", "")


def test_aut_4_a_pass_of_another_pki_is_not_trusted() -> None:
    foreign = UZITestPKI("production", pool=KeyPool(), now=datetime(2026, 3, 1, tzinfo=UTC))
    contents = foreign.pass_(JAN_DE_VRIES, DE_LINDE, "Z", "01.015")
    code, _ = refusal(signed(TRANSACTION, contents), intermediates=foreign.chain("Z"))
    assert code == "certificate.untrusted"


def test_aut_4_an_ec_certificate_verifies_no_rsa_signature() -> None:
    _, link = powered(issuer().card(worker().holder))
    card: Any = open_card(link)
    root = sound()
    made = key_info(Certificate.parse(card.certificates()["authenticity"]), enclosed=True, token_reference=False)
    old = one(root, "/*/ds:Signature/ds:KeyInfo")
    old.getparent().replace(old, made)
    with pytest.raises(ZorgIDError, match="RS256 does not fit the key"):
        verified(dumped(root), Transactietoken)


def test_aut_4_nothing_is_read_but_what_the_signature_covers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the library for signatures says was signed: another element, or the same with another ID, is not the token."""
    genuine = signxml.XMLVerifier.verify
    for covered in (element("Subject"), evil(), None):

        def deceived(*given_: Any, covered: Any = covered, **options: Any) -> Any:
            return replace(genuine(*given_, **options), signed_xml=covered)

        monkeypatch.setattr(signxml.XMLVerifier, "verify", deceived)
        with pytest.raises(ZorgIDError, match="covers something else"):
            verified(token("transactietoken"), Transactietoken)


def test_aut_4_a_certificate_that_is_not_at_hand_is_no_certificate() -> None:
    data = signed(TRANSACTION, enclosed=False)
    assert refusal(data) == ("certificate.untrusted", "unknown certificate")
    assert refusal(data, certificates=worker().certificates.values()) == (
        "certificate.untrusted",
        "unknown certificate",
    )
    assert refusal(data, certificates=[b"none"])[0] == "certificate.malformed"
    assert refusal(data, certificates=[worker().certificates["authenticity"]] * 65)[0] == "user.usage"


def test_aut_4_a_smartcards_context_does_not_make_a_pass_a_smartcard() -> None:
    change, expected = FORGED["proven by X.509"]
    data = _resigned(changed(token("transactietoken"), change))
    assert refusal(data, smartcards=smartcards()) == expected


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bsn", ["999911121", "12345678", "urn:999911120", " 999911120"])
def test_aut_4_a_patient_without_bsn_is_refused(kind: str, bsn: str) -> None:
    root = parsed(token(kind))
    one(root, NAME_ID).text = bsn
    data = resigned(dumped(root), key_of(doctor(), CONTENTS[kind].kind.usage))
    assert refusal(data, KINDS[kind])[0] == "encoding.saml"


def test_aut_4_a_mandate_without_context_is_refused() -> None:
    root = parsed(token("mandaattoken"))
    one(root, "//saml:Attribute").set("Name", "context")
    data = resigned(dumped(root), key_of(doctor(), "signature"))
    assert refusal(data, Mandaattoken) == saml("context missing AttributeStatement")


# --- time -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (timedelta(minutes=-2), None),
        (timedelta(minutes=-2, seconds=-1), "early"),
        (timedelta(minutes=7, seconds=-1), None),
        (timedelta(minutes=7), "expired"),
    ],
)
def test_aut_4_a_token_holds_for_its_time_and_two_minutes_of_clocks(after: timedelta, expected: str | None) -> None:
    if expected is None:
        verified(token("transactietoken"), Transactietoken, at=NOW + after)
    else:
        assert refusal(token("transactietoken"), at=NOW + after) == ("portal.token_conditions", expected)


def test_aut_4_an_enrolment_of_an_expired_pass_holds_only_where_the_caller_says_so() -> None:
    short = pki().pass_(JAN_DE_VRIES, DE_LINDE, "Z", "01.015", not_after=NOW + timedelta(days=1))
    data = signed(ENROLMENT, short)
    later = NOW + timedelta(days=30)
    assert refusal(data, Inschrijftoken, at=later)[0] == "certificate.expired"
    assert verified(data, Inschrijftoken, at=later, certificate_at="issue").identity.uzi_number == "900000015"
    old = signed(MANDATE, lifetime=timedelta(days=1))
    assert refusal(old, Mandaattoken, at=later, certificate_at="issue") == ("portal.token_conditions", "expired")


# --- one key, many statements (AUT-1) ------------------------------------------------------------------------------


def with_signature(value: bytes) -> bytes:
    return re.sub(
        rb"(SignatureValue>)[^<]*", lambda found: found[1] + base64.b64encode(value), token("transactietoken"), count=1
    )


def test_aut_1_no_other_statement_of_the_key_is_a_token_nor_the_reverse() -> None:
    key = key_of(doctor(), "authenticity")
    consent = {"session": "s", "origin": "o", "expires": "e", "action": "a"}
    session = {"session": "s", "origin": "o", "expires": "e", "key": "k"}
    others = [encode(CONSENT, consent), encode(SESSION, session), b"\x31" + bytes(100), bytes(64), b"eyJ.e30"]
    for octets in others:
        assert refusal(with_signature(key.signer.sign(octets))) == ("certificate.signature", "")
    value = re.search(rb"SignatureValue>([^<]*)", token("transactietoken"))
    assert value is not None
    with pytest.raises(ZorgIDError):
        verify_statement(key.certificate, CONSENT, consent, base64.b64decode(value[1]), "RS256")


@pytest.mark.parametrize("size", [0, 1, 255, 257, 512])
def test_aut_4_a_signature_of_another_length_is_refused(size: int) -> None:
    expected = saml("empty SignatureValue") if size == 0 else ("certificate.signature", "")
    assert refusal(with_signature(bytes(size))) == expected


def test_aut_4_base64_with_rubbish_in_it_is_refused() -> None:
    data = replaced(b"SignatureValue>", b"SignatureValue>!")
    assert refusal(data) == saml("base64 SignatureValue")
    assert refusal(replaced(b"SignatureValue>", b"SignatureValue>A")) == saml("base64 SignatureValue")


# --- whatever comes --------------------------------------------------------------------------------------------


@settings(max_examples=300)
@given(st.data())
def test_aut_4_no_change_of_octets_gets_past_or_crashes(data: st.DataObject) -> None:
    sound_ = token("transactietoken")
    at = data.draw(st.integers(0, len(sound_) - 1))
    new = data.draw(st.binary(max_size=3))
    length = data.draw(st.integers(0, 3))
    other = sound_[:at] + new + sound_[at + length :]
    try:
        found = verified(other, Transactietoken)
    except ZorgIDError:
        return
    assert (found.content, found.identity.uzi_number) == (TRANSACTION, "900000015")


@given(st.binary(max_size=200))
def test_aut_4_no_octets_crash(data: bytes) -> None:
    refusal(data)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_aut_4_no_element_moved_doubled_or_dropped_gets_past(data: st.DataObject) -> None:
    root = sound()
    elements = list(root.iter())
    moved = data.draw(st.sampled_from(elements[1:]))
    target = data.draw(st.sampled_from(elements))
    action = data.draw(st.sampled_from(["double", "move", "drop"]))
    if action != "drop" and moved in (target, *target.iterancestors()):
        return
    if action == "drop":
        moved.getparent().remove(moved)
    else:
        child = deepcopy(moved) if action == "double" else moved
        target.insert(data.draw(st.integers(0, len(target))), child)
    if etree.tostring(root, method="c14n", exclusive=True) == token("transactietoken"):
        return
    with pytest.raises(ZorgIDError):
        verified(dumped(root), Transactietoken)


def test_white_space_that_fills_a_token_is_refused() -> None:
    data = replaced(b"SignatureValue>", b"SignatureValue>" + b" " * 59000 + b"!")
    assert refusal(data) == saml("base64 SignatureValue")


def test_what_is_signed_by_sign_token_is_one_octet_string_per_token() -> None:
    key = key_of(doctor(), "authenticity")
    first, second = (sign_token(TRANSACTION, key.signer, key.certificate, at=NOW) for _ in range(2))
    assert first != second
