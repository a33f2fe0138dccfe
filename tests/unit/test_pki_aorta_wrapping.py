"""Hostile AORTA tokens of a stranger, who has a sound one and no key: each is refused for its one fault (AUT-4)."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from aorta_world import (
    dumped,
    etree,
    one,
    parsed,
    token,
)
from hostile_aorta import DS, Refusal, element, evil, refusal, replaced, saml, sound


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


def test_aut_4_the_catalogue_is_whole() -> None:
    assert len(WRAPPINGS) + len(OCTETS) > 40
