"""Web eID's native-messaging host on its pipes: what it answers, whom it asks before, and what no page gets (AUT-1)."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from zorgid_card.agent import hash_signing
from zorgid_card.agent.hash_signing import DIGESTS
from zorgid_card.agent.native_messaging import (
    CHROMIUM_EXTENSIONS,
    FIREFOX_EXTENSIONS,
    MAX_MESSAGE,
    VERSION,
    Browser,
    parsed,
    require_caller,
)
from zorgid_card.agent.web_eid import CANCELLED, FATAL, INVALID, Desk, serve
from zorgid_card.cards import Card, PINRequest
from zorgid_card.errors import CancelledError, DeclinedError, MessageError, NotOfferedError, UsageError, ZorgIDError
from zorgid_card.opening import open_card
from zorgid_card.pki.web_eid import verify_token
from zorgid_card.secret import Secret
from zorgid_card.testkit.keys import KeyPool
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.testkit.reader import SimulatedReader
from zorgid_card.testkit.uzi import DEFAULT_PIN, VirtualUZIPass
from zorgid_card.testkit.uzi_profile import DE_LINDE, JAN_DE_VRIES
from zorgid_card.texts import Language, Texts
from zorgid_card.workflows.holder import Question

ORIGIN, OTHER = "https://portal.example", "https://elsewhere.example"
NONCE = base64.b64encode(bytes(range(32))).decode()
TEXT = b"a prescription"


class Person:
    """Answers in the place of the windows, and keeps what was shown."""

    def __init__(self) -> None:
        self.pins = [DEFAULT_PIN]
        self.no: set[str] = set()
        self.asked: list[str] = []
        self.shown: dict[str, dict[str, str]] = {}
        self.refusals: list[str] = []
        self.at_a_question: Callable[[str], None] = lambda code: None
        self.gone = threading.Event()

    def confirm(self, question: Question) -> None:
        self.asked.append(question.code)
        self.shown[question.code] = dict(question.facts)
        self.at_a_question(question.code)
        if question.code in self.no:
            raise DeclinedError(reason=question.code)
        if self.gone.is_set():
            raise CancelledError

    def pin(self, request: PINRequest) -> Secret:
        self.asked.append("pin")
        return Secret.of(self.pins.pop(0))

    def refused(self, error: ZorgIDError) -> None:
        self.refusals.append(error.code)

    def cancel(self) -> None:
        self.gone.set()

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} is nothing that this host asks")


class Extension:
    """The other end of the host's pipes."""

    def __init__(self, person: Person, reader: SimulatedReader, signing: tuple[str, ...] = ()) -> None:
        self.person, self.reader, self.signing = person, reader, signing
        incoming, self._to = os.pipe()
        self._from, outgoing = os.pipe()
        desk = Desk(
            card=self._card, prompts=self._prompts, texts=Texts(Language.NL), signing=lambda: frozenset(signing)
        )
        browser = Browser(incoming, outgoing)

        def run() -> None:
            browser.greet()
            serve(browser, desk)
            os.close(outgoing)

        self.host = threading.Thread(target=run)
        self.host.start()
        self.greeting = self._message()

    @contextmanager
    def _card(self) -> Iterator[Card]:
        with open_card(self.reader, middleware=None) as card:
            yield card

    def _prompts(self, origin: str, texts: Texts) -> Any:
        self.person.shown["origin"] = {"origin": origin, "language": texts.language.value}
        return self.person

    def octets(self, octets: bytes) -> None:
        os.write(self._to, octets)

    def begin(self, command: str, **arguments: Any) -> None:
        octets = json.dumps({"command": command, "arguments": arguments}).encode()
        self.octets(struct.pack("=I", len(octets)) + octets)

    def answer(self) -> Any:
        """What is said, and nothing after it."""
        found = self._message()
        assert os.read(self._from, 1) == b""
        self.host.join(30)
        return found

    def ask(self, command: str, **arguments: Any) -> Any:
        self.begin(command, **arguments)
        return self.answer()

    def leave(self) -> None:
        os.close(self._to)
        self._to = -1

    def end(self) -> None:
        if self._to >= 0:
            self.leave()
        self.host.join(30)
        assert not self.host.is_alive()
        os.close(self._from)

    def _message(self) -> Any:
        head = self._exactly(4)
        return json.loads(self._exactly(struct.unpack("=I", head)[0])) if head else None

    def _exactly(self, length: int) -> bytes:
        octets = b""
        while len(octets) < length and (part := os.read(self._from, length - len(octets))):
            octets += part
        return octets


@pytest.fixture(scope="module")
def pki() -> UZITestPKI:
    return UZITestPKI(pool=KeyPool.shared())


@pytest.fixture
def reader(pki: UZITestPKI) -> SimulatedReader:
    reader = SimulatedReader("Reader 00")
    reader.insert(VirtualUZIPass(pki.pass_(JAN_DE_VRIES, DE_LINDE, "Z", role="01.015")))
    return reader


@pytest.fixture
def person() -> Person:
    return Person()


@pytest.fixture
def extension(person: Person, reader: SimulatedReader) -> Iterator[Extension]:
    found = Extension(person, reader, (ORIGIN,))
    yield found
    found.end()


def error_of(answer: Any) -> str:
    assert answer.keys() == {"error"}
    assert answer["error"].keys() == {"code", "message"}
    return str(answer["error"]["code"])


# --- log-in -----------------------------------------------------------------------------------------------------------


def test_the_version_comes_first_and_is_one_that_the_extension_compares(extension: Extension) -> None:
    assert extension.greeting == {"version": VERSION}
    assert VERSION.startswith("2.")
    assert extension.ask("quit") == {}
    assert extension.person.asked == []


def test_aut_1_the_token_is_for_the_origin_that_the_person_saw(extension: Extension) -> None:
    token = extension.ask("authenticate", challengeNonce=NONCE, origin=ORIGIN, lang="en")
    assert token.keys() == {"unverifiedCertificate", "algorithm", "signature", "format", "appVersion"}
    verify_token(json.dumps(token), origin=ORIGIN, nonce=NONCE)
    assert extension.person.asked == ["log-in", "pin"]
    assert extension.person.shown["log-in"] == {"origin": ORIGIN}
    assert extension.person.shown["origin"] == {"origin": ORIGIN, "language": "en"}


def test_aut_1_who_does_not_want_to_log_in_gives_no_pin(extension: Extension) -> None:
    extension.person.no = {"log-in"}
    assert error_of(extension.ask("authenticate", challengeNonce=NONCE, origin=ORIGIN)) == CANCELLED
    assert extension.person.asked == ["log-in"]


def test_pin_1_a_wrong_pin_is_told_and_asked_again_until_it_is_blocked(extension: Extension) -> None:
    extension.person.pins = [b"000000", b"00", b"111111", b"222222"]
    answer = extension.ask("authenticate", challengeNonce=NONCE, origin=ORIGIN, lang="de")
    assert error_of(answer) == FATAL
    assert extension.person.refusals == ["user.wrong_pin", "user.pin_form", "user.wrong_pin"]
    assert extension.person.shown["origin"]["language"] == "nl"


def test_a_card_that_is_not_there_is_asked_for(extension: Extension) -> None:
    held = extension.reader.remove()
    extension.person.at_a_question = lambda code: extension.reader.insert(held) if code == "card-again" else None
    token = extension.ask("authenticate", challengeNonce=NONCE, origin=ORIGIN)
    verify_token(json.dumps(token), origin=ORIGIN, nonce=NONCE)
    assert extension.person.asked == ["log-in", "card-again", "pin"]
    assert extension.person.refusals == ["reader.no_card"]


def test_who_has_no_card_gives_up(extension: Extension) -> None:
    extension.reader.remove()
    extension.person.no = {"card-again"}
    assert error_of(extension.ask("authenticate", challengeNonce=NONCE, origin=ORIGIN)) == CANCELLED


@pytest.mark.parametrize("more", [b"", b"more"], ids=["gone", "more"])
def test_a_command_that_is_taken_back_takes_the_window_away(extension: Extension, more: bytes) -> None:
    def meanwhile(_: str) -> None:
        if more:
            extension.octets(more)
        else:
            extension.leave()
        assert extension.person.gone.wait(30)

    extension.person.at_a_question = meanwhile
    assert error_of(extension.ask("authenticate", challengeNonce=NONCE, origin=ORIGIN)) == CANCELLED
    assert extension.person.asked == ["log-in"]


# --- signing ----------------------------------------------------------------------------------------------------------


def certificate(person: Person, reader: SimulatedReader) -> dict[str, Any]:
    extension = Extension(person, reader, (ORIGIN,))
    found: dict[str, Any] = extension.ask("get-signing-certificate", origin=ORIGIN)
    extension.end()
    return found


def digest(function: str) -> bytes:
    return hashlib.new(DIGESTS[function], TEXT).digest()


def wanted(certificate: str, function: str = "SHA-256", **changed: Any) -> dict[str, Any]:
    hashed = base64.b64encode(digest(function)).decode()
    return {"certificate": certificate, "hash": hashed, "hashFunction": function, "origin": ORIGIN, **changed}


@pytest.mark.parametrize("function", DIGESTS)
def test_aut_3_the_signature_key_signs_what_an_allowed_portal_gives(extension: Extension, function: str) -> None:
    seen = certificate(Person(), extension.reader)
    assert {"cryptoAlgorithm": "RSA", "hashFunction": function, "paddingScheme": "PKCS1.5"} in seen[
        "supportedSignatureAlgorithms"
    ]
    answer = extension.ask("sign", **wanted(seen["certificate"], function))
    assert answer["signatureAlgorithm"] == {
        "cryptoAlgorithm": "RSA",
        "hashFunction": function,
        "paddingScheme": "PKCS1.5",
    }
    signer = x509.load_der_x509_certificate(base64.b64decode(seen["certificate"]))
    usage = signer.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.content_commitment
    assert not usage.digital_signature
    key = signer.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    hashed = {"SHA-256": hashes.SHA256(), "SHA-384": hashes.SHA384(), "SHA-512": hashes.SHA512()}[function]
    key.verify(base64.b64decode(answer["signature"]), digest(function), padding.PKCS1v15(), Prehashed(hashed))
    shown = extension.person.shown["sign-hash"]
    assert shown["hash"] == digest(function).hex()
    assert shown["hash-function"] == function
    assert "Vries" in shown["name"]
    assert extension.person.asked == ["sign-hash", "pin"]


@pytest.mark.parametrize("command", ["sign", "get-signing-certificate"])
def test_aut_1_a_portal_that_is_not_allowed_gets_nothing_signed_and_nobody_is_asked(
    person: Person, reader: SimulatedReader, command: str
) -> None:
    seen = certificate(Person(), reader)
    extension = Extension(person, reader, (OTHER,))
    given = wanted(seen["certificate"]) if command == "sign" else {"origin": ORIGIN}
    answer = extension.ask(command, **given)
    extension.end()
    assert error_of(answer) == FATAL
    assert ORIGIN in answer["error"]["message"]
    assert person.asked == []


def test_aut_1_the_key_of_log_ins_signs_no_hash(extension: Extension) -> None:
    with open_card(extension.reader, middleware=None) as card:
        authenticity = base64.b64encode(card.certificates()["authenticity"]).decode()
    extension.person.no = {"card-again"}
    assert error_of(extension.ask("sign", **wanted(authenticity))) == CANCELLED
    assert extension.person.refusals == ["card.wrong_card"]
    assert "pin" not in extension.person.asked


@pytest.mark.parametrize("question", ["sign-hash"])
def test_who_does_not_want_to_sign_signs_nothing(extension: Extension, question: str) -> None:
    seen = certificate(Person(), extension.reader)
    extension.person.no = {question}
    assert error_of(extension.ask("sign", **wanted(seen["certificate"]))) == CANCELLED
    assert extension.person.asked == [question]


def test_who_does_not_want_to_be_known_is_not(person: Person, reader: SimulatedReader) -> None:
    person.no = {"signing-certificate"}
    assert error_of(certificate(person, reader)) == CANCELLED


class CardWith:
    """A card with these keys on it, by usage."""

    def __init__(self, **keys: ec.EllipticCurvePrivateKey) -> None:
        self._keys = keys
        self._certificates = {usage: self_signed(key) for usage, key in keys.items()}

    def certificates(self) -> dict[str, bytes]:
        return self._certificates

    def sign(self, usage: str, data: bytes, algorithm: Any, pin: Any) -> bytes:
        assert algorithm.prehashed
        return self._keys[usage].sign(
            data, ec.ECDSA(Prehashed(hashes.SHA256() if len(data) == 32 else hashes.SHA384()))
        )


def self_signed(key: ec.EllipticCurvePrivateKey) -> bytes:
    name, now = x509.Name([]), datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


@pytest.mark.parametrize(
    ("curve", "function", "size"), [(ec.SECP256R1(), "SHA-256", 64), (ec.SECP384R1(), "SHA-384", 96)]
)
def test_a_key_on_a_curve_signs_the_hash_of_its_size(curve: ec.EllipticCurve, function: str, size: int) -> None:
    key = ec.generate_private_key(curve)
    card: Any = CardWith(signature=key, authenticity=ec.generate_private_key(curve))
    certificate = hash_signing.signing_certificate(card)
    assert hash_signing.functions_of(certificate) == (function,)
    signature = hash_signing.sign(card, certificate, digest(function), function, lambda _: Secret.of(DEFAULT_PIN))
    assert len(signature) == size
    r, s = (int.from_bytes(half) for half in (signature[: size // 2], signature[size // 2 :]))
    hashed = hashes.SHA256() if size == 64 else hashes.SHA384()
    key.public_key().verify(encode_dss_signature(r, s), digest(function), ec.ECDSA(Prehashed(hashed)))
    assert hash_signing.algorithm(certificate, function)["paddingScheme"] == "NONE"
    with pytest.raises(NotOfferedError):
        hash_signing.sign(card, certificate, digest("SHA-512"), "SHA-512", lambda _: Secret.of(DEFAULT_PIN))


def test_aut_1_a_signature_key_that_logs_in_too_signs_no_hash() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    card: Any = CardWith(signature=key, authenticity=key)
    with pytest.raises(NotOfferedError) as caught:
        hash_signing.signing_certificate(card)
    assert caught.value.reason == "shared key"
    with pytest.raises(NotOfferedError):
        hash_signing.signing_certificate(CardWith(authenticity=key))  # type: ignore[arg-type]


# --- what no extension says -------------------------------------------------------------------------------------------

SIGN = wanted("AAAA")


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("authenticate", {}),
        ("authenticate", {"challengeNonce": NONCE}),
        ("authenticate", {"challengeNonce": NONCE, "origin": ORIGIN, "usage": "signature"}),
        ("authenticate", {"challengeNonce": NONCE[:40], "origin": ORIGIN}),
        ("authenticate", {"challengeNonce": NONCE + "é", "origin": ORIGIN}),
        ("authenticate", {"challengeNonce": "A" * 129, "origin": ORIGIN}),
        ("authenticate", {"challengeNonce": [NONCE], "origin": ORIGIN}),
        ("authenticate", {"challengeNonce": NONCE, "origin": ORIGIN, "lang": 5}),
        *(
            ("authenticate", {"challengeNonce": NONCE, "origin": origin})
            for origin in (
                "http://portal.example",
                "https://portal.example/",
                "https://PORTAL.example",
                "https://portal.example:443",
                "https://user@portal.example",
                "null",
                "file://",
                "https://" + "a" * 300,
                None,
            )
        ),
        ("sign", {**SIGN, "hashFunction": "SHA-1"}),
        ("sign", {**SIGN, "hashFunction": "SHA-384"}),
        ("sign", {**SIGN, "hashFunction": None}),
        ("sign", {**SIGN, "hash": "****"}),
        ("sign", {**SIGN, "hash": ""}),
        ("sign", {**SIGN, "usage": "authenticity"}),
        ("get-certificate", {"type": "auth", "origin": ORIGIN}),
        ("get-signing-certificate", {"origin": ORIGIN, "more": 1}),
        ("quit", {"origin": ORIGIN}),
        ("apdu", {"origin": ORIGIN}),
    ],
)
def test_other_commands_and_arguments_are_refused_and_nobody_is_asked(
    extension: Extension, command: str, arguments: dict[str, Any]
) -> None:
    assert error_of(extension.ask(command, **arguments)) == INVALID
    assert extension.person.asked == []


@pytest.mark.parametrize(
    "octets",
    [
        struct.pack("=I", 0),
        struct.pack("=I", 1) + b"1",
        struct.pack("=I", MAX_MESSAGE + 1) + b"{}",
        struct.pack("=I", 0xFFFFFFFF),
        struct.pack("=I", 2) + b"[]",
        struct.pack("=I", 2) + b"\xff\xfe",
        struct.pack("=I", 8000) + b"[" * 8000,
        struct.pack("=I", 51) + b'{"command":"quit","command":"quit","arguments":{}} ',
    ],
)
def test_what_is_no_message_is_told_so(extension: Extension, octets: bytes) -> None:
    extension.octets(octets)
    assert error_of(extension.answer()) == INVALID


@pytest.mark.parametrize("octets", [b"", b"\x02", b"\x02\x00\x00\x00{"])
def test_an_extension_that_goes_is_not_waited_for(extension: Extension, octets: bytes) -> None:
    extension.octets(octets)
    extension.leave()
    answer = extension.answer()
    assert answer is None if not octets else error_of(answer) == INVALID


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=12), part, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(["command", "arguments", "origin", "challengeNonce", "hash", "lang", "quit", "authenticate"])


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=200)
    | st.dictionaries(NAMES, JSON | NAMES | st.dictionaries(NAMES, JSON, max_size=3), max_size=4).map(
        lambda value: json.dumps(value).encode()
    )
)
def test_whatever_comes_is_a_command_or_no_message(octets: bytes) -> None:
    with contextlib.suppress(MessageError):
        command = parsed(octets)
        assert isinstance(command.name, str)
        assert isinstance(command.arguments, dict)


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=60))
def test_whatever_octets_come_the_host_ends_with_at_most_one_answer(octets: bytes) -> None:
    person = Person()
    extension = Extension(person, SimulatedReader("Reader 00"))
    with contextlib.suppress(OSError):  # it has answered, and ended, before all was read
        extension.octets(octets)
    extension.leave()
    answer = extension.answer()
    assert answer is None or answer == {} or error_of(answer) == INVALID
    assert person.asked == []
    extension.end()


# --- who calls --------------------------------------------------------------------------------------------------------

OURS = "abcdefghijklmnopabcdefghijklmnop"
KNOWN = (*CHROMIUM_EXTENSIONS, *FIREFOX_EXTENSIONS, OURS)


@pytest.mark.parametrize(
    "arguments",
    [
        [f"chrome-extension://{CHROMIUM_EXTENSIONS[0]}/"],
        [f"chrome-extension://{OURS}/", "--parent-window=0"],
        ["/usr/lib/mozilla/native-messaging-hosts/eu.webeid.json", FIREFOX_EXTENSIONS[0]],
    ],
)
def test_known_extensions_may_call(arguments: list[str]) -> None:
    require_caller(arguments, KNOWN)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["chrome-extension://ponmlkjihgfedcbaponmlkjihgfedcba/"],
        [f"chrome-extension://{OURS}"],
        [f"chrome-extension://{OURS}/page.html"],
        [f"https://{OURS}/"],
        [OURS],
        ["/manifest.json", OURS],
        ["/manifest.json", "{00000000-0000-0000-0000-000000000000}"],
        [f"chrome-extension://{OURS}/", FIREFOX_EXTENSIONS[0], "more"],
    ],
)
def test_nobody_else_may(arguments: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        require_caller(arguments, KNOWN)
    assert caught.value.reason == "caller"
