"""Reading a token's XML with nothing taken on trust: no declarations, a bounded size, and a grammar that knows every element.

Signature wrapping, comments that cut a value short, and references that lead elsewhere all need something in the document that
a token does not have. So what is not in the grammar is refused before a signature is looked at.
"""

from __future__ import annotations

import base64
import re
from collections import Counter
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any, Final, TypeAlias

from zorgid_card.errors import SAMLError

Element: TypeAlias = Any  # lxml brings no types

MAX_TOKEN: Final = 64 * 1024
"""Octets. A token with its certificate has about 5,000."""

SAML: Final = "urn:oasis:names:tc:SAML:2.0:assertion"
DS: Final = "http://www.w3.org/2000/09/xmldsig#"
WSSE: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"

EXCLUSIVE: Final = "http://www.w3.org/2001/10/xml-exc-c14n#"
ENVELOPED: Final = f"{DS}enveloped-signature"
RSA_SHA256: Final = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
SHA256: Final = "http://www.w3.org/2001/04/xmlenc#sha256"

MANY: Final = 32

_DECLARATION: Final = re.compile(
    rb"""<\?xml\s+version\s*=\s*(?:'1\.0'|"1\.0")(?:\s+encoding\s*=\s*(?:'[Uu][Tt][Ff]-8'|"[Uu][Tt][Ff]-8"))?"""
    rb"""(?:\s+standalone\s*=\s*(?:'(?:yes|no)'|"(?:yes|no)"))?\s*\?>"""
)
_NCNAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,199}", re.ASCII)
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]+={0,2}", re.ASCII)
_SPACE: Final = str.maketrans("", "", " \t\r\n")


def saml(name: str) -> str:
    """The full name of an element of SAML 2.0."""
    return f"{{{SAML}}}{name}"


def ds(name: str) -> str:
    """The full name of an element of XML Signature."""
    return f"{{{DS}}}{name}"


def wsse(name: str) -> str:
    """The full name of an element of WS-Security."""
    return f"{{{WSSE}}}{name}"


def etree() -> ModuleType:
    """lxml.etree, imported when it is first needed.

    Raises:
        ModuleNotFoundError: the extra ``saml`` is not installed; it says how to.
    """
    return _extra("lxml.etree")


def signxml() -> ModuleType:
    """signxml; raises as :func:`etree`."""
    return _extra("signxml")


def _extra(name: str) -> ModuleType:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        missing = name.partition(".")[0]
        raise ModuleNotFoundError(
            f"{missing} is missing; install it: pip install 'zorgid-card[saml]'", name=missing
        ) from error


@dataclass(frozen=True, slots=True)
class _Rule:
    """What an element holds: exactly these attributes, and text or these children in this order, each so often."""

    attributes: frozenset[str] = frozenset()
    children: tuple[tuple[str, int, int], ...] = ()
    text: bool = False


def _holds(*children: tuple[str, int, int] | str) -> _Rule:
    """Elements alone; one of which no number is given stands there once."""
    return _Rule(children=tuple(one if isinstance(one, tuple) else (one, 1, 1) for one in children))


_TEXT: Final = _Rule(text=True)
_ALGORITHM: Final = _Rule(frozenset({"Algorithm"}))

_GRAMMAR: Final[dict[str, _Rule]] = {
    saml("Assertion"): _Rule(
        frozenset({"ID", "IssueInstant", "Version"}),
        (
            (saml("Issuer"), 1, 1),
            (ds("Signature"), 1, 1),
            (saml("Subject"), 1, 1),
            (saml("Conditions"), 1, 1),
            (saml("AuthnStatement"), 0, 1),
            (saml("AttributeStatement"), 0, 1),
        ),
    ),
    saml("Issuer"): _Rule(frozenset({"Format"}), text=True),
    saml("Subject"): _holds(saml("NameID"), saml("SubjectConfirmation")),
    saml("NameID"): _TEXT,
    saml("SubjectConfirmation"): _Rule(frozenset({"Method"}), ((saml("SubjectConfirmationData"), 0, 1),)),
    saml("SubjectConfirmationData"): _holds(ds("KeyInfo")),
    saml("Conditions"): _Rule(frozenset({"NotBefore", "NotOnOrAfter"}), ((saml("AudienceRestriction"), 1, 1),)),
    saml("AudienceRestriction"): _holds((saml("Audience"), 1, MANY)),
    saml("Audience"): _TEXT,
    saml("AuthnStatement"): _Rule(frozenset({"AuthnInstant"}), ((saml("AuthnContext"), 1, 1),)),
    saml("AuthnContext"): _holds(saml("AuthnContextClassRef")),
    saml("AuthnContextClassRef"): _TEXT,
    saml("AttributeStatement"): _holds((saml("Attribute"), 1, MANY)),
    saml("Attribute"): _Rule(frozenset({"Name"}), ((saml("AttributeValue"), 1, 1),)),
    saml("AttributeValue"): _TEXT,
    ds("Signature"): _holds(ds("SignedInfo"), ds("SignatureValue"), ds("KeyInfo")),
    ds("SignedInfo"): _holds(ds("CanonicalizationMethod"), ds("SignatureMethod"), ds("Reference")),
    ds("CanonicalizationMethod"): _ALGORITHM,
    ds("SignatureMethod"): _ALGORITHM,
    ds("Reference"): _Rule(
        frozenset({"URI"}), ((ds("Transforms"), 1, 1), (ds("DigestMethod"), 1, 1), (ds("DigestValue"), 1, 1))
    ),
    ds("Transforms"): _holds((ds("Transform"), 2, 2)),
    ds("Transform"): _ALGORITHM,
    ds("DigestMethod"): _ALGORITHM,
    ds("DigestValue"): _TEXT,
    ds("SignatureValue"): _TEXT,
    ds("KeyInfo"): _holds((ds("X509Data"), 0, 1), (wsse("SecurityTokenReference"), 0, 1)),
    wsse("SecurityTokenReference"): _holds(ds("X509Data")),
    ds("X509Data"): _holds(ds("X509IssuerSerial"), (ds("X509Certificate"), 0, 1)),
    ds("X509IssuerSerial"): _holds(ds("X509IssuerName"), ds("X509SerialNumber")),
    ds("X509IssuerName"): _TEXT,
    ds("X509SerialNumber"): _TEXT,
    ds("X509Certificate"): _TEXT,
}


def refuse(reason: str, element: str = "") -> SAMLError:
    """The error for a document that is no token."""
    short = element.rpartition("}")[2][:60]
    return SAMLError(
        f"not an AORTA token: {reason}{f' ({short})' if short else ''}", reason=reason, element=short or None
    )


def parse(data: bytes) -> Element:
    """Read a token: its root element, of which every part is as the grammar says and every algorithm the one that is accepted.

    Raises:
        SAMLError: it is none; ``reason``.
    """
    require_plain(data)
    module = etree()
    parser = module.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        collect_ids=False,
    )
    try:
        root = module.fromstring(data, parser)
    except (module.XMLSyntaxError, ValueError) as error:
        raise refuse("not well-formed") from error
    _require_one(root)
    _require_grammar(root)
    _require_algorithms(root)
    return root


def require_plain(data: bytes) -> None:
    """Raise unless the octets are UTF-8 of a bounded length that declare nothing but that they are XML 1.0.

    In well-formed XML ``<!`` begins a document type, an entity, a comment or a CDATA section, and nothing else; none has a place
    in a token, so the parser never sees one.
    """
    if not 0 < len(data) <= MAX_TOKEN:
        raise refuse("size")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise refuse("encoding") from error
    declaration = _DECLARATION.match(data)
    body = data[declaration.end() :] if declaration else data
    if b"\0" in data or data.startswith(b"\xef\xbb\xbf") or body.lstrip().startswith(b"<?xml"):
        raise refuse("encoding")
    if b"<!--" in body:
        raise refuse("comment")
    if b"<![" in body:
        raise refuse("CDATA section")
    if b"<!" in body:
        raise refuse("document type")
    if b"<?" in body:
        raise refuse("processing instruction")


def _require_one(root: Element) -> None:
    """One assertion, which is the root; one signature; one ID, which is the assertion's."""
    if root.tag != saml("Assertion"):
        raise refuse("root", str(root.tag))
    elements = [element for element in root.iter() if isinstance(element.tag, str)]
    tags = Counter(element.tag for element in elements)
    if tags[saml("Assertion")] != 1:
        raise refuse("assertions")
    if tags[ds("Signature")] != 1:
        raise refuse("signatures")
    if "ID" not in root.attrib:
        raise refuse("ID missing")
    marked = [element for element in elements for name in element.attrib if _is_id(name)]
    if len(marked) != 1:
        raise refuse("more IDs than one", marked[-1].tag)
    if not _NCNAME.fullmatch(root.get("ID")):
        raise refuse("ID")


def _is_id(name: str) -> bool:
    """Whether some program may take an attribute for an ID, whatever its namespace and case (xml:id, wsu:Id, AssertionID)."""
    return name.rpartition("}")[2].lower() in ("id", "assertionid")


def _require_grammar(root: Element) -> None:
    for element in root.iter():
        rule = _GRAMMAR.get(element.tag) if isinstance(element.tag, str) else None
        if rule is None:
            raise refuse("unknown element", str(element.tag))
        if set(element.attrib) != rule.attributes:
            raise refuse("attributes", element.tag)
        _require_children(element, rule)
        _require_text(element, rule)


def _require_children(element: Element, rule: _Rule) -> None:
    found = [child.tag for child in element]
    for tag, least, most in rule.children:
        count = 0
        while found and found[0] == tag:
            found.pop(0)
            count += 1
        if not least <= count <= most:
            raise refuse("count", tag)
    if found:
        raise refuse("unexpected element", str(found[0]))


def _require_text(element: Element, rule: _Rule) -> None:
    between = [child.tail for child in element] if rule.text else [element.text, *(child.tail for child in element)]
    if any(text and text.strip() for text in between):
        raise refuse("text between elements", element.tag)
    if rule.text and not (element.text or "").strip():
        raise refuse("empty", element.tag)


def _require_algorithms(root: Element) -> None:
    signed = root.find(f"{ds('Signature')}/{ds('SignedInfo')}")
    reference = signed.find(ds("Reference"))
    for path, expected, reason in (
        (ds("CanonicalizationMethod"), EXCLUSIVE, "canonicalisation"),
        (ds("SignatureMethod"), RSA_SHA256, "signature algorithm"),
        (f"{ds('Reference')}/{ds('DigestMethod')}", SHA256, "digest algorithm"),
    ):
        if signed.find(path).get("Algorithm") != expected:
            raise refuse(reason)
    if [transform.get("Algorithm") for transform in reference.iter(ds("Transform"))] != [ENVELOPED, EXCLUSIVE]:
        raise refuse("transforms")
    if reference.get("URI") != f"#{root.get('ID')}":
        raise refuse("reference")
    for value in (reference.find(ds("DigestValue")), root.find(f"{ds('Signature')}/{ds('SignatureValue')}")):
        octets(value)


def canonical(element: Element) -> bytes:
    """Exclusive canonical XML of an element where it stands, without comments."""
    return bytes(etree().tostring(element, method="c14n", exclusive=True, with_comments=False))


def signed_info(root: Element) -> bytes:
    """What the signature is over: the canonical SignedInfo."""
    return canonical(root.find(f"{ds('Signature')}/{ds('SignedInfo')}"))


def octets(element: Element) -> bytes:
    """The octets that an element holds in base64.

    Raises:
        SAMLError: it is not base64.
    """
    text = str(element.text).translate(_SPACE)  # before it is matched: white space may fill the whole token
    if not _BASE64.fullmatch(text):
        raise refuse("base64", element.tag)
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise refuse("base64", element.tag) from error
