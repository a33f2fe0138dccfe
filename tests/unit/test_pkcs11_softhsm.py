"""A card through PKCS#11: SoftHSM 2 with a token like a UZI pass, or a ZORG-ID Smartcard; openssl checks what comes out."""

from __future__ import annotations

import json
import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

import softhsm
from pkcs11_tokens import HOLDER, SUBSCRIBER, Keyboard, Provider, make_token, openssl, uzi_objects, verify
from softhsm import PIN, SO_PIN, certificate, private_key, spki
from zorgid_card import open_token
from zorgid_card.adapters.pkcs11 import PKCS11Module, usual_places
from zorgid_card.adapters.pkcs11.session import PKCS11Token
from zorgid_card.cards import Card, CardKind, TokenCard, TryState
from zorgid_card.cards.token import open_token_card
from zorgid_card.cli import app
from zorgid_card.cli.codes import change
from zorgid_card.errors import (
    CardError,
    CardNotSupportedError,
    CardRemovedError,
    CryptogramError,
    MiddlewareMissingError,
    NoCardError,
    PINFormError,
    PINNeededError,
    PINPolicyError,
    UsageError,
    WrongPINError,
    WrongPUKError,
)
from zorgid_card.ports.token import Token, TokenModule
from zorgid_card.secret import Secret
from zorgid_card.testkit.keys import KeyPool
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.testkit.uzi_contents import PassContents
from zorgid_card.testkit.uzi_profile import Usage

MODULE = softhsm.module()
pytestmark = pytest.mark.skipif(MODULE is None, reason="SoftHSM is not installed (Debian package softhsm2)")

NEW_PIN, WRONG_PIN = b"654321", b"111111"


@pytest.fixture(scope="module")
def contents() -> PassContents:
    return UZITestPKI("production", pool=KeyPool.shared(), now=datetime.now(UTC)).pass_(HOLDER, SUBSCRIBER, "N")


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SOFTHSM2_CONF", str(softhsm.configuration(tmp_path)))
    return tmp_path


@pytest.fixture
def new_token(directory: Path) -> Callable[..., int]:
    return make_token


@pytest.fixture(scope="module")
def template(contents: PassContents, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, Path]:
    """A token like a UZI pass, made once: its slot, and the directory of its files."""
    directory = tmp_path_factory.mktemp("template")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(softhsm.configuration(directory)))
        return make_token("UZI-pas", *uzi_objects(contents)), directory / "tokens"


@pytest.fixture
def slot(template: tuple[int, Path], directory: Path) -> int:
    shutil.copytree(template[1], directory / "tokens", dirs_exist_ok=True)
    return template[0]


@pytest.fixture
def module(slot: int) -> Iterator[PKCS11Module]:
    """Opened after the token was made: SoftHSM looks for tokens when it starts."""
    with PKCS11Module(MODULE) as opened:
        yield opened


@pytest.fixture
def token(slot: int, module: PKCS11Module) -> Iterator[PKCS11Token]:
    opened = module.open(slot)
    yield opened
    opened.close()


@pytest.fixture
def card(token: PKCS11Token) -> TokenCard:
    return open_token_card(token)


def test_the_ports_promises_are_kept(module: PKCS11Module, token: PKCS11Token, card: TokenCard) -> None:
    as_module: TokenModule = module
    as_token: Token = token
    as_card: Card = card
    assert [info.label for info in as_module.tokens()] == ["UZI-pas"]
    assert as_token.info().serial == card.serial
    assert as_card.kind is CardKind.UZI_PASS
    assert (as_card.profile.pin_minimum, as_card.profile.pin_maximum) == (6, 8)


def test_certificates_are_told_apart_by_their_usage(card: TokenCard, contents: PassContents) -> None:
    assert card.certificates() == {usage.value: der for usage, der in contents.certificates.items()}
    assert sorted(card.chain()) == sorted(contents.chain)
    assert card.authentication_certificate() == contents.certificates[Usage.AUTHENTICITY]


def test_aut_3_the_authenticity_key_signs_and_the_pin_is_asked_once(
    card: TokenCard, contents: PassContents, tmp_path: Path
) -> None:
    provider = Provider()
    signer = card.authentication_signer(provider)
    assert signer.algorithm == "RS256"
    for data in (b"a text", b"", b"another" * 100_000):
        verify(contents.certificates[Usage.AUTHENTICITY], signer.sign(data), data, tmp_path)
    (request,) = provider.asked
    assert (request.reference, request.minimum, request.maximum) == (0x45, 6, 8)
    assert request.tries.state is TryState.KNOWN


def test_aut_3_the_signature_key_wants_the_pin_for_each_signature(
    card: TokenCard, contents: PassContents, tmp_path: Path
) -> None:
    provider = Provider()
    for data in (b"first", b"second"):
        signature = card.sign("signature", data, "RS256", provider)
        verify(contents.certificates[Usage.SIGNATURE], signature, data, tmp_path)
    assert len(provider.asked) == 2
    card.verify_pin(Secret.of(PIN))
    with pytest.raises(PINNeededError):
        card.sign("signature", b"third")


def test_a_wrong_pin_at_the_signature_itself_costs_the_login_and_nothing_else(
    card: TokenCard, contents: PassContents, tmp_path: Path
) -> None:
    card.verify_pin(Secret.of(PIN))
    with pytest.raises(WrongPINError):
        card.sign("signature", b"text", pin=Provider(WRONG_PIN))
    again = Provider()
    verify(contents.certificates[Usage.SIGNATURE], card.sign("signature", b"text", pin=again), b"text", tmp_path)
    assert again.asked[0].retrying


def test_aut_3_pss(card: TokenCard, contents: PassContents, tmp_path: Path) -> None:
    signature = card.sign("authenticity", b"text", "PS256", Provider())
    options = ("-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32", "-sigopt", "rsa_mgf1_md:sha256")
    verify(contents.certificates[Usage.AUTHENTICITY], signature, b"text", tmp_path, *options)


@pytest.mark.parametrize("algorithm", ["RS384", "RS512"])
def test_aut_3_other_digests(card: TokenCard, contents: PassContents, tmp_path: Path, algorithm: str) -> None:
    signature = card.sign("authenticity", b"text", algorithm, Provider())
    key = tmp_path / "key.pem"
    key.write_bytes(spki(contents.certificates[Usage.AUTHENTICITY]))
    (tmp_path / "signature").write_bytes(signature)
    digest = f"-sha{algorithm[2:]}"
    told = openssl("dgst", digest, "-verify", key, "-signature", tmp_path / "signature", given=b"text")
    assert b"Verified OK" in told


def test_aut_3_what_openssl_encrypts_is_deciphered(card: TokenCard, contents: PassContents, tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.write_bytes(spki(contents.certificates[Usage.CONFIDENTIALITY]))
    cryptogram = openssl("pkeyutl", "-encrypt", "-pubin", "-inkey", key, given=b"a session key")
    assert card.decipher(cryptogram, Provider()) == b"a session key"
    for damaged in (cryptogram[:-1], bytes(256)):
        with pytest.raises(CryptogramError):
            card.decipher(damaged, Provider())
    assert card.decipher(cryptogram, Provider()) == b"a session key"


def test_an_algorithm_that_does_not_suit_and_a_usage_that_is_not_there(card: TokenCard) -> None:
    for algorithm in ("ES256", "HS256"):
        with pytest.raises(UsageError):
            card.sign("authenticity", b"", algorithm, Provider())
    with pytest.raises(UsageError):
        card.sign("entertainment", b"", pin=Provider())


def test_a_wrong_pin_is_told_and_leaves_its_mark(card: TokenCard) -> None:
    with pytest.raises(WrongPINError) as wrong:
        card.verify_pin(Secret.of(WRONG_PIN))
    assert wrong.value.tries_left is None
    assert wrong.value.reason == "CKR_PIN_INCORRECT"
    assert card.tries().state is TryState.LOW
    card.verify_pin(Secret.of(PIN))
    assert card.tries().state is TryState.KNOWN


def test_a_pin_is_truly_tried_also_when_another_was_verified(card: TokenCard) -> None:
    card.verify_pin(Secret.of(PIN))
    with pytest.raises(WrongPINError):
        card.verify_pin(Secret.of(WRONG_PIN))
    with pytest.raises(PINNeededError):
        card.sign("authenticity", b"text")


def test_what_cannot_be_a_pin_is_told_before_it_is_tried(card: TokenCard) -> None:
    with pytest.raises(PINFormError) as told:
        card.sign("authenticity", b"text", pin=Provider(b"12345"))
    assert (told.value.minimum, told.value.maximum) == (6, 8)
    with pytest.raises(PINFormError):
        card.sign("authenticity", b"text", pin=Provider(b""))
    assert card.tries().state is TryState.KNOWN


def test_log_out(card: TokenCard) -> None:
    provider = Provider()
    card.sign("authenticity", b"text", pin=provider)
    card.log_out()
    card.log_out()
    card.sign("authenticity", b"text", pin=provider)
    assert len(provider.asked) == 2


def test_pin_2_the_pin_is_changed(card: TokenCard) -> None:
    with pytest.raises(PINPolicyError):
        card.change_pin(Secret.of(PIN), Secret.of(b"12345"))
    with pytest.raises(WrongPINError):
        card.change_pin(Secret.of(WRONG_PIN), Secret.of(NEW_PIN))
    card.change_pin(Secret.of(PIN), Secret.of(NEW_PIN))
    with pytest.raises(WrongPINError):
        card.verify_pin(Secret.of(PIN))
    card.verify_pin(Secret.of(NEW_PIN))


def test_pin_3_the_puk_sets_a_new_pin(card: TokenCard) -> None:
    with pytest.raises(WrongPUKError):
        card.unblock_pin(Secret.of(b"00000000"), Secret.of(NEW_PIN))
    assert card.puk_tries().state is TryState.LOW
    card.verify_pin(Secret.of(PIN))
    card.unblock_pin(Secret.of(SO_PIN), Secret.of(NEW_PIN))
    card.verify_pin(Secret.of(NEW_PIN))
    assert card.puk_tries().state is TryState.KNOWN


def test_pin_4_the_puk_is_changed(card: TokenCard) -> None:
    card.change_puk(Secret.of(SO_PIN), Secret.of(b"31415926"))
    with pytest.raises(WrongPUKError):
        card.unblock_pin(Secret.of(SO_PIN), Secret.of(NEW_PIN))
    card.unblock_pin(Secret.of(b"31415926"), Secret.of(NEW_PIN))
    card.verify_pin(Secret.of(NEW_PIN))


def test_a_zorgid_smartcard_signs_with_its_curve(new_token: Callable[..., int], directory: Path) -> None:
    from datetime import timedelta

    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509.oid import NameOID

    from zorgid_card.cards.profile import ZORGID_IDENTITY

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign"),
        False,
    )
    builder = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
        .add_extension(
            x509.KeyUsage(digital_signature=True, encipher_only=False, decipher_only=False, **usage), critical=True
        )
        .add_extension(
            x509.SubjectAlternativeName([x509.OtherName(x509.ObjectIdentifier(ZORGID_IDENTITY), b"\x05\x00")]),
            critical=False,
        )
    )
    der = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)
    slot = new_token("ZORG-ID", certificate(b"\x01", der), private_key(b"\x01", key))
    with PKCS11Module(MODULE) as module:
        card = open_token_card(module.open(slot))
        assert card.kind is CardKind.ZORGID
        signer = card.authentication_signer(Provider())
        assert signer.algorithm == "ES256"
        verify(der, signer.sign(b"text"), b"text", directory)


def test_a_token_of_nothing_we_know_is_refused(new_token: Callable[..., int]) -> None:
    slot = new_token("empty")
    with PKCS11Module(MODULE) as module, pytest.raises(CardNotSupportedError, match="empty"):
        open_token_card(module.open(slot))


def test_the_recipe_finds_the_only_card_or_the_one_named(
    new_token: Callable[..., int], contents: PassContents, tmp_path: Path
) -> None:
    with pytest.raises(NoCardError), open_token(MODULE):
        pytest.fail("there is no token")
    new_token("empty")
    with pytest.raises(CardNotSupportedError), open_token(MODULE):
        pytest.fail("there is no card of ours")
    new_token("first", *uzi_objects(contents))
    with open_token(MODULE) as card:
        signature = card.sign("authenticity", b"text", pin=Provider())
    verify(contents.certificates[Usage.AUTHENTICITY], signature, b"text", tmp_path)
    with pytest.raises(CardRemovedError):
        card.tries()
    new_token("second", *uzi_objects(contents))
    with pytest.raises(UsageError, match="first"), open_token(MODULE):
        pytest.fail("there are two")
    with open_token(Path(str(MODULE)), token="SEC") as card, open_token(MODULE, token="first") as other:
        assert card.serial != other.serial
    with pytest.raises(NoCardError), open_token(MODULE, token="third"):
        pytest.fail("there is none of this name")


def test_without_a_module_the_recipe_says_where_it_looked() -> None:
    if any(place.exists() for place in usual_places()):
        pytest.skip("SafeSign is installed here")
    with pytest.raises(MiddlewareMissingError, match="aetpkss"), open_token():
        pytest.fail("there is no SafeSign")


@pytest.mark.parametrize("wrong", ["identifier", "key"])
def test_a_key_that_is_not_the_certificates_is_not_used(
    new_token: Callable[..., int], contents: PassContents, wrong: str
) -> None:
    usage, other = Usage.AUTHENTICITY, Usage.CONFIDENTIALITY
    identifier, key = (b"\x99", usage) if wrong == "identifier" else (b"\x45", other)
    slot = new_token(
        "mixed", certificate(b"\x45", contents.certificates[usage]), private_key(identifier, contents.keys[key])
    )
    with PKCS11Module(MODULE) as module, pytest.raises(CardError, match="no key"):
        open_token_card(module.open(slot)).sign("authenticity", b"text", pin=Provider())


def test_two_threads_sign_at_a_time(card: TokenCard, contents: PassContents, tmp_path: Path) -> None:
    card.verify_pin(Secret.of(PIN))
    made: dict[bytes, bytes] = {}

    def work(number: int) -> None:
        for turn in range(5):
            data = f"{number} {turn}".encode()
            made[data] = card.sign("authenticity", data)
            assert card.decipher(cryptogram) == b"secret"

    (tmp_path / "key.pem").write_bytes(spki(contents.certificates[Usage.CONFIDENTIALITY]))
    cryptogram = openssl("pkeyutl", "-encrypt", "-pubin", "-inkey", tmp_path / "key.pem", given=b"secret")
    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(made) == 20
    key = x509.load_der_x509_certificate(contents.certificates[Usage.AUTHENTICITY]).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    for data, signature in made.items():
        verify(contents.certificates[Usage.AUTHENTICITY], signature, data, tmp_path)


def in_child(work: Callable[[], None]) -> int:
    """Fork, work, and end without the parent's finalisers; 0 if nothing went wrong."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_forked_child_begins_anew_and_leaves_the_parents_session_alone(
    card: TokenCard, token: PKCS11Token, slot: int, contents: PassContents, tmp_path: Path
) -> None:
    card.verify_pin(Secret.of(PIN))

    def child() -> None:
        with pytest.raises(CardRemovedError):
            card.tries()
        token.close()
        with PKCS11Module(MODULE) as module:
            own = open_token_card(module.open(slot))
            with pytest.raises(PINNeededError):
                own.sign("authenticity", b"text")
            signature = own.sign("authenticity", b"text", pin=Provider())
            verify(contents.certificates[Usage.AUTHENTICITY], signature, b"text", tmp_path)

    assert in_child(child) == 0
    verify(contents.certificates[Usage.AUTHENTICITY], card.sign("authenticity", b"more"), b"more", tmp_path)


def test_what_is_closed_says_so(slot: int, directory: Path) -> None:
    first, second = PKCS11Module(MODULE), PKCS11Module(MODULE)
    token = first.open(slot)
    card = open_token_card(token)
    first.close()
    first.close()
    assert card.tries().state is TryState.KNOWN  # the second still holds the module
    second.close()
    for use in (card.tries, first.tokens, lambda: first.open(slot), token.certificates, card.log_out):
        with pytest.raises(CardRemovedError):
            use()
    token.close()
    with PKCS11Module(MODULE) as third:
        assert [info.slot for info in third.tokens()] == [slot]


def test_closing_logs_out(slot: int, module: PKCS11Module) -> None:
    first, second = module.open(slot), module.open(slot)
    first.login(Secret.of(PIN))
    assert second.logged_in
    first.close()
    assert not second.logged_in
    second.close()


def test_pin_1_a_provider_is_told_of_wrong_tries_before(card: TokenCard) -> None:
    """SoftHSM never locks; a PIN that is final or locked is tested with a module of our own (pkcs11_hostile)."""
    provider = Provider(WRONG_PIN)
    for _ in range(3):
        with pytest.raises(WrongPINError):
            card.sign("authenticity", b"text", pin=provider)
    assert [request.tries.state for request in provider.asked] == [TryState.KNOWN, TryState.LOW, TryState.LOW]
    assert [request.retrying for request in provider.asked] == [False, True, True]


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def answer(*answers: str | bytes) -> None:
        keyboard = Keyboard(answers)
        monkeypatch.setattr(change, "TerminalKeyboard", lambda: keyboard)

    return answer


def test_inspect_through_the_middleware(slot: int, contents: PassContents, capsys: pytest.CaptureFixture[str]) -> None:
    app.run(["inspect", "--pkcs11", str(MODULE), "--json", "--lang", "en"])
    told = json.loads(capsys.readouterr().out)
    assert told["kind"] == "uzi-pass"
    assert told["card"]["pin_tries"] == {"state": "known", "left": None}
    assert {one["label"] for one in told["certificates"]} == {usage.value for usage in contents.certificates}
    assert app.run(["inspect", "-", f"--pkcs11={MODULE}x", "--lang", "en"]) == 5
    assert "PKCS#11 module" in capsys.readouterr().err


def test_pin_1_through_the_middleware(slot: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    through = [f"--pkcs11={MODULE}", "--lang", "en"]
    assert app.run(["pin", "status", "--json", *through]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["kind"], told["pin"]) == ("uzi-pass", {"state": "known", "left": None})
    assert app.run(["pin", "status", *through]) == 0
    assert app.run(["pin", "status", "--trace", str(tmp_path / "trace"), *through]) == 3
    assert app.run(["pin", "status", "--reader", "nobody", *through]) == 5


def test_pin_2_to_4_through_the_middleware(
    slot: int, typed: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    through = [f"--pkcs11={MODULE}", "--lang", "en"]
    typed(PIN, b"590264", b"590264")
    assert app.run(["pin", "change", *through]) == 0
    typed(SO_PIN, b"719305", b"719305")
    assert app.run(["pin", "unblock", "--reader", "UZI", *through]) == 0
    typed(SO_PIN, b"71930584", b"71930584")
    assert app.run(["pin", "change-puk", "--choose", *through]) == 0
    with PKCS11Module(MODULE) as module:
        card = open_token_card(module.open(slot))
        card.verify_pin(Secret.of(b"719305"))
        card.unblock_pin(Secret.of(b"71930584"), Secret.of(PIN))
    told = capsys.readouterr().out
    assert "UZI pass" in told
    assert not [code for code in (PIN, b"590264", b"71930584") if code.decode() in told]


def test_aut_3_the_example_of_the_documentation_runs(
    slot: int,
    contents: PassContents,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "pkcs11.md").read_text()
    found = re.search(r"<!-- example: token -->\n```python\n(.*?)```", page, re.DOTALL)
    assert found is not None
    monkeypatch.setattr(Secret, "from_terminal", lambda prompt: Secret.of(PIN))
    names: dict[str, object] = {"nonce": "a" * 44}
    exec(found[1].replace("open_token()", f"open_token({MODULE!r})"), names)
    assert capsys.readouterr().out == "Zoë el Amrani known\n"
    signature = names["signature"]
    assert isinstance(signature, bytes)
    verify(contents.certificates[Usage.SIGNATURE], signature, b"what is to be signed", tmp_path)
    assert names["token"]
