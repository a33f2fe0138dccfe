"""CMS signatures (AUT-3): OpenSSL and pyHanko verify ours, we verify OpenSSL's, and no forged one passes."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import cms as asn1
from asn1crypto import core, tsp
from hypothesis import given, settings
from hypothesis import strategies as st

from pki_world import make
from signing_world import NOW, WHO, Judge, Node, ca, certificate_of, forged, holder, openssl, root, save, signer, tlv
from zorgid_card.errors import CertificateError, CMSError, SignatureError, UsageError, ZorgIDError
from zorgid_card.pki.cms import CLOCK_SKEW, MAX_SIGNATURE, sign_detached, verify_detached
from zorgid_card.pki.signatory import Signatory
from zorgid_card.pki.signing import SoftwareSigner

TEXT = b"Ontslagbrief\n" * 1000
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")


def made(algorithm: str = "RS256", at: datetime | None = NOW, content: bytes = TEXT) -> bytes:
    node = holder(algorithm)
    return sign_detached(signer(algorithm), node.der, content, chain=[ca().der], signing_time=at)


kept = functools.cache(made)


def verified(signature: bytes, content: Any = TEXT, judge: Judge | None = None, **others: Any) -> Signatory:
    return verify_detached(signature, content, **{"judge": judge or Judge(), "at": NOW, **others})


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_aut_3_openssl_and_pyhanko_verify_ours(algorithm: str, tmp_path: Path) -> None:
    signature, content = tmp_path / "s", tmp_path / "c"
    signature.write_bytes(made(algorithm))
    content.write_bytes(TEXT)
    save(holder(algorithm), tmp_path)
    check = (
        "cms",
        "-verify",
        "-cades",
        "-binary",
        "-inform",
        "DER",
        "-in",
        signature,
        "-CAfile",
        tmp_path / "root.pem",
    )
    purpose = ("-purpose", "any", "-attime", str(int(NOW.timestamp())), "-content", content)
    assert "CAdES Verification successful" in openssl(*check, *purpose)
    content.write_bytes(TEXT + b"!")
    openssl(*check, *purpose, fails=True)
    pyhanko_verifies(made(algorithm))


def pyhanko_verifies(signature: bytes) -> None:
    import asyncio

    from pyhanko.sign.validation import async_validate_detached_cms
    from pyhanko.sign.validation.settings import KeyUsageConstraints
    from pyhanko_certvalidator import ValidationContext

    context = ValidationContext(trust_roots=[certificate_of(root())], allow_fetching=False, moment=NOW)
    data = asn1.ContentInfo.load(signature)["content"]
    usage = KeyUsageConstraints(key_usage={"non_repudiation"})
    status = asyncio.run(async_validate_detached_cms(TEXT, data, context, key_usage_settings=usage))
    assert status.intact
    assert status.valid
    assert status.trusted


@pytest.mark.parametrize(
    ("algorithm", "options"),
    [
        ("RS256", []),
        ("RS256", ["-md", "sha512", "-keyid"]),
        ("PS256", ["-keyopt", "rsa_padding_mode:pss"]),
        ("PS256", ["-md", "sha384", "-keyopt", "rsa_padding_mode:pss", "-keyopt", "rsa_pss_saltlen:-1"]),
        ("ES256", []),
        ("ES384", []),
        ("ES384", ["-md", "sha384"]),
    ],
    ids=str,
)
def test_aut_3_we_verify_openssls_cades(algorithm: str, options: list[str], tmp_path: Path) -> None:
    certificate, key = save(holder(algorithm), tmp_path)
    content, signature = tmp_path / "c", tmp_path / "s"
    content.write_bytes(TEXT)
    more = ("-certfile", tmp_path / "ca.pem", "-outform", "DER", "-out", signature)
    sign = ("cms", "-sign", "-cades", "-binary", "-in", content, "-signer", certificate, "-inkey", key, *options, *more)
    openssl(*sign)
    judge = Judge()
    found = verify_detached(signature.read_bytes(), TEXT, judge=judge, at=datetime.now(UTC))
    assert found.identity is WHO
    assert found.certificate.der == holder(algorithm).der
    assert [len(asked[3]) for asked in judge.asked] == [1]
    with pytest.raises(SignatureError):
        verify_detached(signature.read_bytes(), TEXT + b"!", judge=judge, at=datetime.now(UTC))


def test_aut_3_openssls_without_cades_is_refused(tmp_path: Path) -> None:
    certificate, key = save(holder(), tmp_path)
    content, signature = tmp_path / "c", tmp_path / "s"
    content.write_bytes(TEXT)
    sign = ("cms", "-sign", "-binary", "-in", content, "-signer", certificate, "-inkey", key, "-outform", "DER")
    for options, reason in (
        ([], "signing_certificate_v2"),
        (["-cades", "-nodetach"], "inside"),
        (["-noattr"], "missing"),
    ):
        openssl(*sign, *options, "-out", signature)
        with pytest.raises(CMSError, match=reason):
            verified(signature.read_bytes())


def test_aut_3_the_signatory_is_told_with_what_was_judged() -> None:
    judge = Judge()
    found = verified(made(), judge=judge)
    assert (found.identity, found.usage, found.algorithm, found.signed_at) == (WHO, "signature", "RS256", NOW)
    assert judge.asked == [(found.certificate, "signature", NOW, [ca().der])]
    assert verified(made(at=None)).signed_at is None
    verified(made(), judge=judge, usage="authenticity")
    assert judge.asked[-1][1] == "authenticity"
    with pytest.raises(UsageError):
        verified(made(), usage="confidentiality")


@pytest.mark.parametrize("moment", [datetime.max, datetime.min])
def test_aut_3_the_ends_of_time_are_moments_too(moment: datetime) -> None:
    try:
        verified(made(), at=moment.replace(tzinfo=UTC))
    except SignatureError as error:
        assert (moment, error.reason) == (datetime.min, "signing time")


def test_aut_3_pem_is_read_too() -> None:
    from asn1crypto import pem

    assert verified(pem.armor("CMS", made())).identity is WHO
    with pytest.raises(CMSError):
        verified(pem.armor("CERTIFICATE", made()))
    with pytest.raises(CMSError):
        verified(pem.armor("CMS", made()) * 2)


@given(st.lists(st.integers(0, len(TEXT)), max_size=6))
@settings(max_examples=30)
def test_aut_3_content_comes_in_any_pieces(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(TEXT)]
    verified(made(), [TEXT[a:b] for a, b in pairwise(edges)])


def test_aut_3_a_refused_certificate_is_told_after_the_signature() -> None:
    class Refuses(Judge):
        def verify(self, *_: Any, **__: Any) -> Any:
            raise CertificateError("refused")

    with pytest.raises(CertificateError, match="refused"):
        verified(made(), judge=Refuses())
    with pytest.raises(SignatureError):
        verified(made(), TEXT + b"!", judge=Refuses())


def test_aut_3_content_is_not_read_for_a_forged_signature() -> None:
    def never() -> Iterator[bytes]:
        raise AssertionError("read")
        yield b""

    info = asn1.ContentInfo.load(made())
    info["content"]["signer_infos"][0]["signature"] = bytes(256)
    with pytest.raises(SignatureError):
        verified(info.dump(force=True), never())


def test_aut_3_nothing_is_signed_in_anothers_name() -> None:
    with pytest.raises(UsageError, match="not that of the signer"):
        sign_detached(signer("ES256"), holder("RS256").der, TEXT, signing_time=NOW)
    with pytest.raises(UsageError, match="at most 16"):
        sign_detached(signer(), holder().der, TEXT, chain=[make(f"{n}").der for n in range(16)], signing_time=NOW)
    with pytest.raises(UsageError, match="time zone"):
        sign_detached(signer(), holder().der, TEXT, signing_time=datetime(2026, 1, 1))


def test_aut_3_a_signature_that_does_not_verify_is_not_given_out() -> None:
    class Broken(SoftwareSigner):
        def sign(self, data: bytes, /) -> bytes:
            return super().sign(data + b"!")

    with pytest.raises(SignatureError):
        sign_detached(Broken(holder().key), holder().der, TEXT, signing_time=NOW)


# --- forged ----------------------------------------------------------------------------------------------


def attribute(name: str, *values: Any) -> bytes:
    return bytes(asn1.CMSAttribute({"type": name, "values": values}).dump())


def type_of(encoded: bytes) -> str:
    return str(asn1.CMSAttribute.load(encoded)["type"].native)


def without(name: str, *new: bytes) -> Callable[[list[bytes]], list[bytes]]:
    return lambda found: sorted([*(one for one in found if type_of(one) != name), *new])


def ess(node: Node, serial: int | None = None, issuer: Node | None = None) -> bytes:
    names = [("directory_name", certificate_of(issuer or ca()).subject)]
    own: dict[str, Any] = {"cert_hash": hashlib.sha256(node.der).digest()}
    if serial is not None:
        own["issuer_serial"] = {"issuer": [_general(*name) for name in names], "serial_number": serial}
    return attribute("signing_certificate_v2", tsp.SigningCertificateV2({"certs": [own]}))


def _general(name: str, value: Any) -> Any:
    from asn1crypto import x509

    return x509.GeneralName(name, value)


def protection(digest: str, algorithm: str) -> bytes:
    return attribute(
        "cms_algorithm_protection",
        {"digest_algorithm": {"algorithm": digest}, "signature_algorithm": {"algorithm": algorithm}},
    )


TIME = asn1.Time({"utc_time": NOW + CLOCK_SKEW + timedelta(minutes=1)})
OF_ATTRIBUTES: dict[str, tuple[Callable[[list[bytes]], list[bytes]], type[ZorgIDError]]] = {
    "no content-type": (without("content_type"), CMSError),
    "no message-digest": (without("message_digest"), CMSError),
    "no signing-certificate": (without("signing_certificate_v2"), CMSError),
    "ess v1 alone": (
        without(
            "signing_certificate_v2",
            attribute("signing_certificate", {"certs": [{"cert_hash": hashlib.sha1(holder().der).digest()}]}),
        ),
        CMSError,
    ),
    "none": (lambda _: [], CMSError),
    "not in order": (lambda found: found[::-1], CMSError),
    "one twice": (lambda found: sorted([*found, attribute("message_digest", bytes(32))]), CMSError),
    "the same one twice": (lambda found: sorted([*found, found[0]]), CMSError),
    "two digests": (without("message_digest", attribute("message_digest", bytes(32), bytes([1]) * 32)), CMSError),
    "no value": (without("message_digest", attribute("message_digest")), CMSError),
    "another content type": (without("content_type", attribute("content_type", "signed_data")), CMSError),
    "other content": (without("message_digest", attribute("message_digest", bytes(32))), SignatureError),
    "a short digest": (
        without("message_digest", attribute("message_digest", hashlib.sha256(TEXT).digest()[:16])),
        SignatureError,
    ),
    "another certificate": (without("signing_certificate_v2", ess(ca())), SignatureError),
    "another serial": (without("signing_certificate_v2", ess(holder(), 1)), SignatureError),
    "another issuer": (
        without("signing_certificate_v2", ess(holder(), holder().certificate.serial_number, root())),
        SignatureError,
    ),
    "signed later than now": (without("signing_time", attribute("signing_time", TIME)), SignatureError),
    "another algorithm": (
        without("cms_algorithm_protection", protection("sha256", "sha512_rsa")),
        CMSError,
    ),
    "another digest": (without("cms_algorithm_protection", protection("sha512", "sha256_rsa")), CMSError),
}


@pytest.mark.parametrize("fault", OF_ATTRIBUTES)
def test_aut_3_signed_attributes_with_one_fault_are_refused(fault: str) -> None:
    change, error = OF_ATTRIBUTES[fault]
    with pytest.raises(ZorgIDError) as told:
        verified(forged(made(), attributes=change))
    assert type(told.value) is error


def test_aut_3_what_is_only_forged_and_right_is_accepted() -> None:
    verified(forged(made(), attributes=lambda found: found))
    verified(forged(made()))
    verified(forged(made(), attributes=without("cms_algorithm_protection")))
    verified(forged(made(), attributes=without("signing_time")))
    own = ess(holder(), holder().certificate.serial_number)
    verified(forged(made(), attributes=without("signing_certificate_v2", own)))
    unknown = asn1.CMSAttribute({"type": "1.2.3.4", "values": [core.Integer(1)]}).dump()
    verified(forged(made(), attributes=lambda found: sorted([*found, unknown])))


def _signers(data: asn1.SignedData) -> None:
    data["signer_infos"] = [data["signer_infos"][0], data["signer_infos"][0].copy()]


def _no_signers(data: asn1.SignedData) -> None:
    data["signer_infos"].append(data["signer_infos"][0])


def _digest(name: str) -> Callable[[asn1.SignedData], None]:
    def change(data: asn1.SignedData) -> None:
        data["digest_algorithms"] = [{"algorithm": name}]
        data["signer_infos"][0]["digest_algorithm"] = {"algorithm": name}

    return change


def _algorithm(value: Any) -> Callable[[asn1.SignedData], None]:
    def change(data: asn1.SignedData) -> None:
        data["signer_infos"][0]["signature_algorithm"] = value

    return change


def _certificates(*nodes: Callable[[], Node]) -> Callable[[asn1.SignedData], None]:
    def change(data: asn1.SignedData) -> None:
        data["certificates"] = [asn1.CertificateChoices("certificate", certificate_of(node())) for node in nodes]

    return change


def _inside(data: asn1.SignedData) -> None:
    data["encap_content_info"] = {"content_type": "data", "content": TEXT}


def _typed(data: asn1.SignedData) -> None:
    data["encap_content_info"] = {"content_type": "tst_info"}


def _digests(data: asn1.SignedData) -> None:
    data["digest_algorithms"] = [{"algorithm": "sha256"}, {"algorithm": "sha1"}]


def _pss(mask: str, salt: int) -> dict[str, Any]:
    chosen = {"algorithm": "sha256"}
    return {
        "algorithm": "rsassa_pss",
        "parameters": {
            "hash_algorithm": chosen,
            "mask_gen_algorithm": {"algorithm": "mgf1", "parameters": {"algorithm": mask}},
            "salt_length": salt,
        },
    }


OF_STRUCTURE: dict[str, tuple[Callable[[asn1.SignedData], None], type[ZorgIDError]]] = {
    "two signers": (_signers, CMSError),
    "sha-1": (_digest("sha1"), CMSError),
    "md5": (_digest("md5"), CMSError),
    "sha-224": (_digest("sha224"), CMSError),
    "two digests": (_digests, CMSError),
    "signature with sha-1": (_algorithm({"algorithm": "sha1_rsa"}), CMSError),
    "signature with another digest": (_algorithm({"algorithm": "sha512_rsa"}), CMSError),
    "ecdsa by an rsa key": (_algorithm({"algorithm": "sha256_ecdsa"}), SignatureError),
    "dsa": (_algorithm({"algorithm": "sha256_dsa"}), CMSError),
    "pss with another mask": (_algorithm(_pss("sha1", 32)), CMSError),
    "pss with a short salt": (_algorithm(_pss("sha256", 20)), CMSError),
    "pss that is none": (_algorithm(_pss("sha256", 32)), CMSError),
    "no certificates": (_certificates(), CMSError),
    "no place for certificates": (lambda data: data.__setitem__("certificates", None), CMSError),
    "another's certificate": (_certificates(lambda: holder("ES256"), ca), CMSError),
    "the certificate twice": (_certificates(holder, holder), CMSError),
    "too many certificates": (_certificates(holder, *[ca] * 16), CMSError),
    "content inside": (_inside, CMSError),
    "content of a type": (_typed, CMSError),
}


@pytest.mark.parametrize("fault", OF_STRUCTURE)
def test_aut_3_a_structure_with_one_fault_is_refused(fault: str) -> None:
    change, error = OF_STRUCTURE[fault]
    with pytest.raises(ZorgIDError) as told:
        verified(forged(made(at=None), change))
    assert type(told.value) is error


def test_aut_3_signed_attributes_cannot_be_taken_for_content() -> None:
    """The attack on CMS without signed attributes (RFC 8933's sibling): the attributes' own DER as content."""
    data = asn1.ContentInfo.load(made())
    one = data["content"]["signer_infos"][0]
    content = b"\x31" + one["signed_attrs"].dump()[1:]
    one["signed_attrs"] = None
    with pytest.raises(CMSError, match="signedAttrs"):
        verified(data.dump(force=True), content)


# --- not even CMS ----------------------------------------------------------------------------------------


def indefinite(data: bytes) -> bytes:
    """The outermost element with an indefinite length (X.690, 8.1.3.6)."""
    start = 2 + (data[1] & 0x7F)
    return data[:1] + b"\x80" + data[start:] + b"\0\0"


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"\x30\x80" * 5000,
        b"\x30\x84\xff\xff\xff\xff",
        b"-----BEGIN CMS-----\n!!\n-----END CMS-----\n",
        b"-----BEGIN CMS-----\n",
        tlv(0x30, b""),
        bytes(MAX_SIGNATURE + 1),
        made() + b"\0",
        indefinite(made()),
        made()[:1] + b"\x83\x00" + made()[2:4] + made()[4:],
        holder().der,
    ],
    ids=lambda data: data[:1].hex(),
)
def test_aut_3_what_is_no_cms_is_refused(broken: bytes) -> None:
    with pytest.raises(CMSError):
        verified(broken)


def test_aut_3_an_identifier_without_end_is_refused_unread() -> None:
    endless = tlv(0x30, tlv(0x06, b"\x2a" + b"\x81" * 1000 + b"\x01") + tlv(0x31, b""))
    with pytest.raises(CMSError, match="an object identifier of 1002 octets"):
        verified(forged(kept(), attributes=lambda known: [*known, endless]))


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_aut_3_no_mutated_signature_is_accepted_or_crashes(data: st.DataObject) -> None:
    algorithm = data.draw(st.sampled_from(["RS256", "PS256", "ES256"]))
    signature = bytearray(kept(algorithm))
    for _ in range(data.draw(st.integers(1, 3))):
        signature[data.draw(st.integers(0, len(signature) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.one_of(st.none(), st.integers(0, len(signature))))
    try:
        verified(bytes(signature[:cut]))
    except ZorgIDError:
        return
    one = asn1.ContentInfo.load(kept(algorithm))["content"]["signer_infos"][0]
    for part in (holder(algorithm).der, one["signed_attrs"].dump(), one["signature"].dump()):
        assert part in signature  # what changed is a version, or a certificate sent along, which its chain is judged by


@given(st.binary(max_size=300))
@settings(max_examples=200)
def test_aut_3_no_octets_crash_it(octets: bytes) -> None:
    with pytest.raises(ZorgIDError):
        verified(tlv(0x30, octets))
    with pytest.raises(ZorgIDError):
        verified(octets)
