"""AORTA tokens: structure by their guides, made here and verified elsewhere and the reverse, IDs and mandates (AUT-4)."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from aorta_signers import HOLDER_OF_KEY, KINDS, SENDER_VOUCHES, URA, attribute, text
from aorta_world import (
    BSN,
    CONTENTS,
    NOW,
    TRANSACTION,
    doctor,
    etree,
    key_of,
    one,
    parsed,
    pki,
    resigned,
    signed,
    token,
    verified,
    worker,
    xmlsec1,
    xmlsec_signs,
    xmlsec_verifies,
)
from pki_world import shared
from signing_world import tlv
from zorgid_card.errors import (
    ReplayError,
    TokenConditionsError,
    UsageError,
    ZorgIDError,
)
from zorgid_card.pki.aorta import (
    IDsInMemory,
    Inschrijftoken,
    Mandaattoken,
    Transactietoken,
    require_mandate,
    sign_token,
    signing_input,
)
from zorgid_card.pki.aorta.names import issuer_serial, issuer_text, read_issuer_serial
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.identity import UZIIdentity, read_uzi_identity
from zorgid_card.pki.signing import SoftwareSigner
from zorgid_card.testkit.uzi_profile import DE_LINDE, JAN_DE_VRIES

# --- structure, by the sources in docs/aorta-tokens.md --------------------------------------------------------


@KINDS
def test_aut_4_every_token_has_what_all_guides_ask(kind: str) -> None:
    data = token(kind)
    assert attribute(data, "/saml:Assertion/@Version") == "2.0"
    assert re.fullmatch(r"token_[0-9a-f-]{36}", attribute(data, "/saml:Assertion/@ID"))
    assert attribute(data, "/saml:Assertion/@IssueInstant") == "2026-06-01T12:00:00Z"
    assert attribute(data, "/*/saml:Issuer/@Format") == "urn:oasis:names:tc:SAML:2.0:nameid-format:entity"
    assert parsed(data)[1].tag.endswith("}Signature"), "behind the Issuer"
    audience = text(data, "/*/saml:Conditions/saml:AudienceRestriction/saml:Audience")
    assert audience == "urn:IIroot:2.16.840.1.113883.2.4.6.6:IIext:1"
    assert attribute(data, "/*/saml:Conditions/@NotBefore") == "2026-06-01T12:00:00Z"


@KINDS
def test_aut_4_every_token_is_signed_as_the_guide_asks(kind: str) -> None:
    data = token(kind)
    info = "/*/ds:Signature/ds:SignedInfo"
    exclusive = "http://www.w3.org/2001/10/xml-exc-c14n#"
    assert attribute(data, f"{info}/ds:CanonicalizationMethod/@Algorithm") == exclusive
    assert attribute(data, f"{info}/ds:SignatureMethod/@Algorithm").endswith("xmldsig-more#rsa-sha256")
    assert attribute(data, f"{info}/ds:Reference/@URI") == "#" + attribute(data, "/*/@ID")
    assert attribute(data, f"{info}/ds:Reference/ds:DigestMethod/@Algorithm").endswith("xmlenc#sha256")
    transforms = parsed(data).xpath(
        "//ds:Transform/@Algorithm", namespaces={"ds": "http://www.w3.org/2000/09/xmldsig#"}
    )
    assert transforms == ["http://www.w3.org/2000/09/xmldsig#enveloped-signature", exclusive]
    certificate = key_of(doctor(), CONTENTS[kind].kind.usage).certificate
    named = "/*/ds:Signature/ds:KeyInfo/ds:X509Data"
    assert base64.b64decode(text(data, f"{named}/ds:X509Certificate")) == certificate
    serial = x509.load_der_x509_certificate(certificate).serial_number
    assert text(data, f"{named}/ds:X509IssuerSerial/ds:X509SerialNumber") == str(serial)


def test_aut_4_a_transactietoken_names_its_sender() -> None:
    data = token("transactietoken")
    assert text(data, "/*/saml:Issuer") == URA
    assert text(data, "/*/saml:Subject/saml:NameID") == "900000015:01.015"
    assert attribute(data, "/*/saml:Subject/saml:SubjectConfirmation/@Method") == HOLDER_OF_KEY
    confirmed = "/*/saml:Subject/saml:SubjectConfirmation/saml:SubjectConfirmationData/ds:KeyInfo/ds:X509Data"
    serial = x509.load_der_x509_certificate(key_of(doctor(), "authenticity").certificate).serial_number
    assert text(data, f"{confirmed}/ds:X509IssuerSerial/ds:X509SerialNumber") == str(serial)
    assert text(data, "/*/saml:AuthnStatement/saml:AuthnContext/saml:AuthnContextClassRef").endswith(":SmartcardPKI")
    value = "/*/saml:AttributeStatement/saml:Attribute[@Name='interactie']/saml:AttributeValue"
    assert text(data, value) == "vraag & antwoord <1>"
    assert attribute(data, "/*/saml:Conditions/@NotOnOrAfter") == "2026-06-01T12:05:00Z"


def test_aut_4_an_inschrijftoken_names_the_patient() -> None:
    data = token("inschrijftoken")
    assert text(data, "/*/saml:Issuer") == URA
    assert text(data, "/*/saml:Subject/saml:NameID") == BSN
    assert attribute(data, "/*/saml:Subject/saml:SubjectConfirmation/@Method") == SENDER_VOUCHES
    assert one(parsed(data), "//saml:SubjectConfirmationData/ds:KeyInfo/ds:X509Data/ds:X509IssuerSerial") is not None
    assert text(data, "//saml:AuthnContextClassRef").endswith(":SmartcardPKI")
    ends = datetime.fromisoformat(attribute(data, "/*/saml:Conditions/@NotOnOrAfter"))
    assert ends <= datetime(2027, 12, 1, 12, tzinfo=UTC), "18 months"


def test_aut_4_a_mandaattoken_names_who_gives_the_mandate_and_where_it_holds() -> None:
    data = token("mandaattoken")
    assert text(data, "/*/saml:Issuer") == "urn:IIroot:2.16.528.1.1007.3.1:IIext:900000015"
    assert text(data, "/*/saml:Subject/saml:NameID") == URA
    confirmation = one(parsed(data), "/*/saml:Subject/saml:SubjectConfirmation")
    assert confirmation.get("Method") == SENDER_VOUCHES
    assert len(confirmation) == 0
    assert not parsed(data).xpath("//*[local-name()='AuthnStatement']")
    assert text(data, "//saml:Attribute[@Name='autorisatieregel/context']/saml:AttributeValue") == "Medicatie"


def test_aut_4_a_mandate_may_hold_elsewhere_than_where_the_pass_is_of() -> None:
    data = signed(Mandaattoken(context="Medicatie", ura="90000999"))
    found = verified(data, Mandaattoken)
    assert found.content.ura == "90000999"
    assert found.ura == DE_LINDE.ura


@KINDS
def test_aut_4_every_token_is_a_saml_assertion_by_its_schema(kind: str, schema: Any) -> None:
    assert schema.validate(parsed(token(kind))), schema.error_log
    assert schema.validate(parsed(signed(CONTENTS[kind], token_reference=True, enclosed=False))), schema.error_log
    broken = parsed(token(kind))
    broken.remove(broken[0])
    assert not schema.validate(broken)


@pytest.fixture(scope="module")
def schema() -> Any:
    """That of SAML 2.0, with the schemas that it imports by address taken from where Debian keeps them."""
    home = {
        "saml-schema-assertion-2.0.xsd": "opensaml",
        "xmldsig-core-schema.xsd": "xmltooling",
        "xenc-schema.xsd": "xmltooling",
    }
    for name, package in home.items():
        if not Path("/usr/share/xml", package, name).exists():
            pytest.skip(f"{name} is not installed (Debian: {package}-schemas)")

    class Local(etree.Resolver):  # type: ignore[misc]
        def resolve(self, url: str, _: object, context: object) -> object:
            name = url.rpartition("/")[2]
            if name in home:
                return self.resolve_filename(str(Path("/usr/share/xml", home[name], name)), context)
            return self.resolve_string("", context)

    parser = etree.XMLParser(load_dtd=False, no_network=True)
    parser.resolvers.add(Local())
    return etree.XMLSchema(etree.parse("/usr/share/xml/opensaml/saml-schema-assertion-2.0.xsd", parser))


# --- made here, verified there, and the reverse ---------------------------------------------------------------


@KINDS
def test_aut_4_what_was_signed_is_what_is_verified(kind: str) -> None:
    found = verified(token(kind), type(CONTENTS[kind]))
    expected = CONTENTS[kind]
    if isinstance(expected, Mandaattoken):
        expected = Mandaattoken(context=expected.context, ura=DE_LINDE.ura)
    assert found.content == expected
    assert isinstance(found.identity, UZIIdentity)
    assert (found.identity.uzi_number, found.ura, found.role) == ("900000015", "90000123", "01.015")
    assert found.issued == found.not_before == NOW
    assert BSN not in repr(found)


@xmlsec1
@KINDS
@pytest.mark.parametrize("options", [{}, {"enclosed": False}, {"token_reference": True}], ids=str)
def test_aut_4_xmlsec1_verifies_what_is_signed_here(kind: str, options: dict[str, bool], tmp_path: Path) -> None:
    key = key_of(doctor(), CONTENTS[kind].kind.usage)
    data = signed(CONTENTS[kind], **options)
    assert xmlsec_verifies(tmp_path, data, key)
    assert not xmlsec_verifies(tmp_path, data.replace(b"2026-06-01T12:00:00Z", b"2026-06-01T12:00:01Z", 1), key)
    assert not xmlsec_verifies(tmp_path, data, key_of(worker(), CONTENTS[kind].kind.usage))


@xmlsec1
@KINDS
def test_aut_4_what_xmlsec1_signs_verifies_here(kind: str, tmp_path: Path) -> None:
    key = key_of(doctor(), CONTENTS[kind].kind.usage)
    data = xmlsec_signs(tmp_path, token(kind), key)
    assert data != token(kind)
    assert verified(data, type(CONTENTS[kind])).ura == "90000123"


@KINDS
def test_aut_4_what_is_signed_by_hand_and_indented_verifies_here(kind: str) -> None:
    root = etree.fromstring(token(kind), etree.XMLParser(remove_blank_text=True))
    etree.indent(root)
    data = b'<?xml version="1.0" encoding="UTF-8"?>\n' + etree.tostring(root)
    again = resigned(data, key_of(doctor(), CONTENTS[kind].kind.usage))
    assert b"\n  " in again
    assert verified(again, type(CONTENTS[kind])).identity.uzi_number == "900000015"


@KINDS
def test_aut_4_a_certificate_that_is_only_named_is_looked_up(kind: str) -> None:
    content = CONTENTS[kind]
    data = signed(content, enclosed=False, token_reference=True)
    others = [*worker().certificates.values(), *doctor().certificates.values(), *pki().chain("Z")]
    assert verified(data, type(content), certificates=others).ura == "90000123"


def test_aut_4_a_token_in_a_soap_header_verifies_as_it_stands_there() -> None:
    header = parsed(b'<s:Header xmlns:s="urn:s" xmlns:o="urn:o">' + token("transactietoken") + b"\n</s:Header>")
    element = header[0]
    taken = etree.tostring(element, with_tail=False)
    assert b"urn:o" in taken
    assert verified(taken, Transactietoken).ura == "90000123"


@given(st.text(), st.text())
def test_aut_4_any_attribute_comes_out_as_it_went_in_or_is_refused_before_signing(name: str, value: str) -> None:
    try:
        content = Transactietoken(attributes={name: value})
    except UsageError:
        return
    assert verified(signed(content), Transactietoken).content == content


# --- IDs, mandates, the registry's doors ----------------------------------------------------------------------


def test_aut_4_a_transactietoken_serves_once_an_inschrijftoken_again_and_again() -> None:
    used = IDsInMemory(clock=lambda: NOW)
    verified(token("transactietoken"), Transactietoken, used=used)
    with pytest.raises(ReplayError):
        verified(token("transactietoken"), Transactietoken, used=used)
    for _ in range(2):
        verified(token("inschrijftoken"), Inschrijftoken, used=used)


class EllipticCA:
    """Issues certificates with ECDSA, whose signatures can be written in two ways, and judges those that it issued."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())

    def certify(self, der: bytes) -> bytes:
        """The same certificate, from this CA."""
        old = x509.load_der_x509_certificate(der)
        builder = x509.CertificateBuilder(
            old.issuer, old.subject, old.public_key(), old.serial_number, old.not_valid_before_utc, old.not_valid_after_utc
        )  # fmt: skip
        for extension in old.extensions:
            builder = builder.add_extension(extension.value, extension.critical)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.DER)

    def verify(self, certificate: Certificate, **_: object) -> UZIIdentity:
        self.key.public_key().verify(certificate.signature, certificate.tbs, ec.ECDSA(hashes.SHA256()))
        return read_uzi_identity(certificate)


def in_other_words(der: bytes) -> bytes:
    """A certificate with the other signature: where (r, s) is one, (r, n - s) is one too."""
    certificate = Certificate.parse(der)
    r, s = decode_dss_signature(certificate.signature)
    n = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    other = tlv(0x03, b"\0" + encode_dss_signature(r, n - s))
    algorithm = bytes.fromhex("300a06082a8648ce3d040302")
    return tlv(0x30, certificate.tbs + algorithm + other)


def test_aut_4_a_token_is_not_new_with_its_certificate_in_other_words() -> None:
    """KeyInfo is not signed: whoever heard a token could send it again with a certificate of other octets."""
    ca, used, key = EllipticCA(), IDsInMemory(clock=lambda: NOW), key_of(doctor(), "authenticity")
    certificate = ca.certify(key.certificate)
    data = sign_token(CONTENTS["transactietoken"], key.signer, certificate, at=NOW)
    other = in_other_words(certificate)
    again = data.replace(base64.b64encode(certificate), base64.b64encode(other))
    assert again != data
    verified(again, Transactietoken, passes=ca)
    verified(data, Transactietoken, passes=ca, used=used)
    with pytest.raises(ReplayError):
        verified(again, Transactietoken, passes=ca, used=used)


def test_a_token_that_is_refused_uses_up_nothing() -> None:
    used = IDsInMemory(clock=lambda: NOW)
    with pytest.raises(TokenConditionsError):
        verified(token("transactietoken"), Transactietoken, used=used, at=NOW + timedelta(minutes=10))
    verified(token("transactietoken"), Transactietoken, used=used)


def test_ids_are_kept_apart_by_signer_forgotten_in_time_and_never_too_many() -> None:
    moments = [NOW]
    used = IDsInMemory(limit=2, clock=lambda: moments[0])
    used.use("a", "1", NOW + timedelta(minutes=1))
    used.use("b", "1", NOW + timedelta(minutes=1))
    with pytest.raises(ReplayError, match="no more"):
        used.use("a", "2", NOW + timedelta(minutes=1))
    moments[0] += timedelta(minutes=2)
    used.use("a", "2", NOW + timedelta(minutes=3))


def test_aut_4_a_transaction_is_within_its_mandate() -> None:
    mandate = verified(token("mandaattoken"), Mandaattoken)
    require_mandate(verified(token("transactietoken"), Transactietoken), mandate)
    other = verified(signed(Transactietoken(attributes={"autorisatieregel/context": "Other"})), Transactietoken)
    elsewhere = verified(signed(Mandaattoken(context="Medicatie", ura="90000999")), Mandaattoken)
    for transaction, given_ in ((other, mandate), (verified(token("transactietoken"), Transactietoken), elsewhere)):
        with pytest.raises(TokenConditionsError):
            require_mandate(transaction, given_)


@pytest.mark.parametrize(
    "spelling",
    [
        "CN=UZI-register Zorgverlener CA G3,2.5.4.97=NTRNL-50000535,O=CIBG,C=NL",
        "CN=UZI-register Zorgverlener CA G3, OID.2.5.4.97=NTRNL-50000535, O=CIBG, C=NL",
        "CN=UZI-register Zorgverlener CA G3,\n      organizationIdentifier=NTRNL-50000535,\n      O=CIBG,\n      C=NL",
        "CN=UZI-register Zorgverlener CA G3,2.5.4.97=#0c0e4e54524e4c2d3530303030353335,O=CIBG,C=NL",
    ],
)
def test_aut_4_an_issuers_name_is_understood_in_each_spelling(spelling: str) -> None:
    certificate = Certificate.parse(key_of(doctor(), "authenticity").certificate)
    assert read_issuer_serial(spelling, str(certificate.serial)) == issuer_serial(certificate)
    assert read_issuer_serial(spelling.replace("CIBG", "CIBH"), "1") != issuer_serial(certificate)


@given(st.text(), st.text())
def test_any_issuers_name_is_understood_or_refused(name: str, serial: str) -> None:
    for text_ in (name, f"CN={name}", f"2.5.4.97=#{name.encode('utf-8', 'surrogatepass').hex()}"):
        try:
            read_issuer_serial(text_, serial if serial else "1")
        except ZorgIDError as error:
            assert error.code == "encoding.saml"


@pytest.mark.parametrize("usage", ["authenticity", "signature"])
def test_the_real_test_pass_is_named_by_its_issuer(usage: str) -> None:
    certificate = Certificate.parse(shared(f"uzi-test-card/{usage}.cer"))
    written = issuer_text(certificate)
    assert written.startswith("CN=TEST UZI-register Zorgverlener CA G3,")
    assert read_issuer_serial(written, str(certificate.serial)) == issuer_serial(certificate)


@KINDS
def test_aut_1_what_a_token_signs_begins_like_nothing_else_that_a_card_signs(kind: str) -> None:
    octets = signing_input(token(kind))
    assert octets.startswith(b'<ds:SignedInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#">')
    key = key_of(doctor(), CONTENTS[kind].kind.usage)
    value = re.search(rb"SignatureValue>([^<]*)", token(kind))
    assert value is not None
    assert base64.b64decode(value[1]) == key.signer.sign(octets)


def test_without_the_extra_the_room_opens_and_says_what_is_missing() -> None:
    program = (
        "import sys; sys.modules['lxml'] = sys.modules['lxml.etree'] = sys.modules['signxml'] = None\n"
        "from zorgid_card.pki.aorta import Transactietoken, signing_input\n"
        "Transactietoken()\n"
        "signing_input(b'<a/>')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "pip install 'zorgid-card[saml]'" in done.stderr


def test_the_room_loads_no_xml_until_it_is_needed() -> None:
    program = "import sys, zorgid_card.pki.aorta; print(*sorted(sys.modules), sep='\\n')"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert {"lxml", "signxml"}.isdisjoint(loaded)


def test_an_ec_key_is_no_signer() -> None:
    signer = SoftwareSigner(ec.generate_private_key(ec.SECP256R1()))
    with pytest.raises(UsageError):
        sign_token(TRANSACTION, signer, key_of(doctor(), "authenticity").certificate, at=NOW)


def test_aut_2_a_revoked_pass_is_refused() -> None:
    gone = pki().pass_(JAN_DE_VRIES, DE_LINDE, "Z", "01.015")
    data = signed(TRANSACTION, gone)
    verified(data, Transactietoken)
    pki().revoke(gone, at=NOW - timedelta(days=1))
    with pytest.raises(ZorgIDError) as caught:
        verified(data, Transactietoken)
    assert caught.value.code == "certificate.revoked"
