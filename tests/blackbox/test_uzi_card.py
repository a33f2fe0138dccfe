"""OpenSC, which shares no code with us, finds and reads the simulated UZI pass over a real pcscd."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509

from made_card import pem, run
from opensc import OpenSC
from zorgid_card.testkit.card import VirtualCard
from zorgid_card.testkit.keys import KeyPool
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.testkit.uzi import VirtualUZIPass
from zorgid_card.testkit.uzi_contents import PassContents
from zorgid_card.testkit.uzi_layout import LAYOUT_A, LAYOUT_B, Layout
from zorgid_card.testkit.uzi_profile import DE_LINDE, FATIMA_EL_AMRANI, FRONT_DESK, JAN_DE_VRIES

pytestmark = pytest.mark.blackbox

Insert = Callable[[VirtualCard], str]

layouts = pytest.mark.parametrize("layout", [LAYOUT_A, LAYOUT_B], ids=["A", "B"])


@pytest.fixture(scope="module")
def pki() -> UZITestPKI:
    return UZITestPKI("production", pool=KeyPool.shared(), now=datetime.now(UTC))


@pytest.fixture(scope="module", params=["Z", "N", "M"])
def contents(request: pytest.FixtureRequest, pki: UZITestPKI) -> PassContents:
    if request.param == "Z":
        return pki.pass_(JAN_DE_VRIES, DE_LINDE, "Z", "01.015")
    return pki.pass_(FATIMA_EL_AMRANI if request.param == "N" else FRONT_DESK, DE_LINDE, request.param)


@pytest.fixture
def opensc(tmp_path: Path) -> OpenSC:
    return OpenSC(tmp_path)


@layouts
def test_opensc_parses_everything(insert: Insert, opensc: OpenSC, contents: PassContents, layout: Layout) -> None:
    reader = insert(VirtualUZIPass(contents, layout=layout))
    shown = opensc.run("pkcs15-tool", "--reader", reader, "--dump")
    assert f"PKCS#15 Card [UZI-pas {contents.card_number}]" in shown
    keys = len(contents.certificates)
    assert keys == (2 if contents.pass_type == "M" else 3)
    assert shown.count("\nPrivate RSA Key [") == keys
    assert shown.count("\nPublic RSA Key [") == (keys if layout.public_keys else 0)
    assert shown.count("\nX.509 Certificate [") == keys + 3
    assert shown.count("\nPIN [") == 2
    assert "unblockingPin" in shown
    expected = [layout.key_references[usage] for usage in contents.certificates]
    assert [int(n) for n in re.findall(r"Key ref\s+: (\d+)", shown)[:keys]] == expected
    assert re.search(rf"Reference\s+: {layout.pin} ", shown)
    for certificate in (*contents.certificates.values(), *contents.chain):
        serial = f"{x509.load_der_x509_certificate(certificate).serial_number:016X}"
        assert f"Encoded serial : 02 08 {serial}" in shown


@layouts
def test_openssl_verifies_the_certificates_that_opensc_read(
    insert: Insert, opensc: OpenSC, contents: PassContents, layout: Layout, pki: UZITestPKI, tmp_path: Path
) -> None:
    reader = insert(VirtualUZIPass(contents, layout=layout))
    expected = [*contents.certificates.values(), *contents.chain]
    read = []
    for number, (key_id, der) in enumerate(zip(opensc.identifiers(reader, "certificates"), expected, strict=True)):
        path = tmp_path / f"{number}.pem"
        opensc.run("pkcs15-tool", "--reader", reader, "--read-certificate", key_id, "--output", path)
        again = tmp_path / f"{number}.der"
        run("openssl", "x509", "-in", path, "-outform", "DER", "-out", again)
        assert again.read_bytes() == der
        read.append(path)
    root, chain = tmp_path / "root.pem", tmp_path / "chain.pem"
    root.write_bytes(pem(pki.root(contents.pass_type)))
    chain.write_bytes(b"".join(path.read_bytes() for path in read[-3:-1]))
    for leaf in read[:-3]:
        assert "OK" in run("openssl", "verify", "-CAfile", root, "-untrusted", chain, leaf)
    run("openssl", "verify", "-CAfile", root, read[0], fails=True)


@layouts
def test_opensc_reads_the_public_key_of_each_certificate(
    insert: Insert, opensc: OpenSC, contents: PassContents, layout: Layout, tmp_path: Path
) -> None:
    reader = insert(VirtualUZIPass(contents, layout=layout))
    certificate, public = tmp_path / "certificate.pem", tmp_path / "public.pem"
    for key_id, der in zip(opensc.identifiers(reader, "keys"), contents.certificates.values(), strict=True):
        opensc.run("pkcs15-tool", "--reader", reader, "--read-public-key", key_id, "--output", public)
        certificate.write_bytes(pem(der))
        expected = run("openssl", "x509", "-in", certificate, "-noout", "-pubkey")
        assert run("openssl", "pkey", "-pubin", "-in", public, "-pubout") == expected


def test_opensc_sees_that_the_signature_key_always_asks(insert: Insert, opensc: OpenSC, contents: PassContents) -> None:
    insert(VirtualUZIPass(contents))
    shown = opensc.pkcs11("--login", "--pin", "123456", "--list-objects", "--type", "privkey")
    asks = ["always authenticate" in line for line in re.findall(r"Access:\s+(.*)", shown)]
    assert asks == [usage == "signature" for usage in contents.certificates]
