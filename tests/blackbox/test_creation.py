"""A ZORG-ID Smartcard made over a real pcscd, through the library's PC/SC adapter, then used by other people's programs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from made_card import MadeCard, made_card, opensc_module, run
from world import CARD_PIN, DESKTOP
from zorgid_card import find_reader, open_card
from zorgid_card.cards import ZorgIDCard
from zorgid_card.secret import Secret
from zorgid_card.workflows.card_side import log_in

pytestmark = pytest.mark.blackbox


@pytest.fixture(scope="module", params=["RSA2048", "ECCP256"])
def case(request: pytest.FixtureRequest, pcscd: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MadeCard]:
    with made_card(request.param, tmp_path_factory.mktemp(request.param)) as case:
        yield case


def test_crd_10_the_card_made_over_pcsc_logs_in_over_pcsc(case: MadeCard) -> None:
    nonce = case.world.log_in.challenge("browser")
    with open_card(find_reader("Virtual PCD 00 00")) as card:
        assert isinstance(card, ZorgIDCard)
        assert card.serial == case.made.serial
        signer = card.authentication_signer(lambda _: Secret.of(CARD_PIN))
        token = log_in(signer, card.authentication_certificate(), origin=case.world.portal.origin, nonce=nonce)
    assert case.world.log_in.verify(token, binding="browser").card_serial == case.made.serial


def test_crd_7_opensc_reads_the_certificate_that_was_issued(case: MadeCard) -> None:
    read = case.directory / "read.der"
    run("pkcs11-tool", "--module", opensc_module(), "--read-object", "--type", "cert", "--id", "01", "-o", str(read))
    assert read.read_bytes() == case.made.certificate
    shown = run("openssl", "x509", "-inform", "DER", "-in", str(read), "-noout", "-subject", "-nameopt", "utf8")
    assert "900000022" in shown


# pkcs11-tool 0.23 tests RSA keys only; the curve is covered by the signature below
@pytest.mark.parametrize("case", ["RSA2048"], indirect=True)
def test_aut_3_pkcs11_tool_finds_no_error_and_skips_no_key(case: MadeCard) -> None:
    told = run("pkcs11-tool", "--module", opensc_module(), "--login", "--pin", CARD_PIN.decode(), "--test")
    assert "No errors" in told
    assert "skipping" not in told.lower()


def test_aut_3_a_signature_by_pkcs11_tool_verifies_with_openssl(case: MadeCard) -> None:
    data, signature, key = (case.directory / name for name in ("data", "signature", "key.pem"))
    data.write_bytes(b"what the care worker signs\n" * 100)
    mechanism = "SHA256-RSA-PKCS" if case.algorithm == "RSA2048" else "ECDSA-SHA256"
    extra = [] if case.algorithm == "RSA2048" else ["--signature-format", "openssl"]
    run("pkcs11-tool", "--module", opensc_module(), "--login", "--pin", CARD_PIN.decode(), "--sign", "--id", "01",
        "--mechanism", mechanism, *extra, "-i", str(data), "-o", str(signature))  # fmt: skip
    public = run("openssl", "x509", "-inform", "DER", "-in", str(case.certificate), "-noout", "-pubkey")
    key.write_text(public)
    assert "Verified OK" in run(
        "openssl", "dgst", "-sha256", "-verify", str(key), "-signature", str(signature), str(data)
    )
    data.write_bytes(b"something else")
    run("openssl", "dgst", "-sha256", "-verify", key, "-signature", signature, data, fails=True)


def test_crd_5_a_used_card_is_refused_over_pcsc_and_keeps_its_tries(case: MadeCard) -> None:
    from zorgid_card.errors import NotBlankError

    used = case.slot.card
    assert used is not None
    with pytest.raises(NotBlankError):
        case.world.creation(case.world.worker(used)).run(**DESKTOP)
    case.slot.insert(used)
    with open_card(find_reader("Virtual PCD 00 00")) as card:
        assert card.tries().left == 3
