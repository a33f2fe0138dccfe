"""The phone's page, its modules in node: the vectors of docs/mobile-protocol.md and of the RFC, and what others make of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from phone_page import MODULES, NODE, NodePhone, NotDone
from zorgid_card.texts import TEXTS
from zorgid_card.workflows import phone_protocol
from zorgid_card.workflows.messages import canonical
from zorgid_card.workflows.policy import ACTIONS

pytestmark = pytest.mark.skipif(NODE is None, reason="node is not installed")

VECTORS = phone_protocol.vectors()
RFC_7914 = [  # clause 12; the fourth, of a gigabyte, is left out
    (
        (b"", b"", 16, 1, 1),
        "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442"
        "fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906",
    ),
    (
        (b"password", b"NaCl", 1024, 8, 16),
        "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"
        "2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640",
    ),
    (
        (b"pleaseletmein", b"SodiumChloride", 16384, 8, 1),
        "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
        "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887",
    ),
]
PAGE = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodePhone]:
    made = NodePhone(tmp_path_factory.mktemp("modules"))
    yield made
    made.close()


# --- scrypt -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("given", "derived"), RFC_7914, ids=["16", "1024", "16384"])
def test_scrypt_gives_the_vectors_of_rfc_7914(
    page: NodePhone, given: tuple[bytes, bytes, int, int, int], derived: str
) -> None:
    password, salt, n, r, p = given
    assert page("scrypt", password=password.hex(), salt=salt.hex(), N=n, r=r, p=p, length=64) == derived


@PAGE
@given(
    password=st.binary(max_size=80), salt=st.binary(max_size=80), n=st.integers(1, 7), r=st.integers(1, 9), p=st.integers(1, 3),
    length=st.integers(1, 100),
)  # fmt: skip
def test_scrypt_gives_what_node_and_openssl_give(
    page: NodePhone, password: bytes, salt: bytes, n: int, r: int, p: int, length: int
) -> None:
    asked: dict[str, Any] = {
        "password": password.hex(),
        "salt": salt.hex(),
        "N": 2**n,
        "r": r,
        "p": p,
        "length": length,
    }
    found = page("scrypt", **asked)
    assert found == page("nodeScrypt", **asked)
    assert found == hashlib.scrypt(password, salt=salt, n=2**n, r=r, p=p, dklen=length).hex()


def test_scrypt_takes_no_other_n(page: NodePhone) -> None:
    with pytest.raises(AssertionError, match="no power of two"):
        page("scrypt", password="", salt="", N=24, r=1, p=1, length=16)


# --- the vectors of the protocol --------------------------------------------------------------------------------------


def test_the_qr_code_and_the_digits(page: NodePhone) -> None:
    qr, digits = VECTORS["qr"], VECTORS["digits"]
    assert page("offer", text=qr["text"]) == {name: qr[name] for name in ("origin", "phone", "secret")}
    assert page("verifier", digits=digits["digits"], secret=digits["device_secret"]) == digits["verifier"]


def test_mac_and_code(page: NodePhone) -> None:
    claim = VECTORS["claim"]
    parts = (VECTORS["qr"]["phone"].encode(), bytes.fromhex(claim["csr"]), bytes.fromhex(VECTORS["digits"]["verifier"]))
    said = page("transcript", parts=[part.hex() for part in (*parts, claim["device"].encode())])
    assert said == claim["transcript"]
    assert page("codes", secret=VECTORS["qr"]["secret"], said=said) == {name: claim[name] for name in ("mac", "code")}


def test_the_request_is_that_of_the_vectors_but_for_its_signature(page: NodePhone) -> None:
    csr = bytes.fromhex(VECTORS["claim"]["csr"])
    known = x509.load_der_x509_csr(csr)
    made = page(
        "request", name=VECTORS["qr"]["phone"], publicKey=VECTORS["key"]["public"], signature=known.signature.hex()
    )
    assert made == csr.hex()


def test_the_claim_of_the_vectors_key_is_verified_by_others(page: NodePhone) -> None:
    key = ec.derive_private_key(int(VECTORS["key"]["private"], 16), ec.SECP256R1())
    pkcs8 = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()).hex()
    device = VECTORS["claim"]["device"]
    made = page(
        "vector",
        key={"pkcs8": pkcs8},
        offer=VECTORS["qr"]["text"],
        verifier=VECTORS["digits"]["verifier"],
        device=device,
    )
    sent, expected = json.loads(made["sent"]), json.loads(VECTORS["claim"]["request"])
    assert made["sent"] == canonical(sent).decode()
    assert {**sent, "csr": "", "mac": ""} == {**expected, "csr": "", "mac": ""}
    csr = bytes.fromhex(page("base64", text=sent["csr"]))
    request = x509.load_der_x509_csr(csr)
    assert request.is_signature_valid
    assert (
        request.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo).hex()
        == VECTORS["key"]["public"]
    )
    parts = (sent["phone"].encode(), csr, bytes.fromhex(VECTORS["digits"]["verifier"]), device.encode())
    codes = page("codes", secret=VECTORS["qr"]["secret"], said=page("transcript", parts=[part.hex() for part in parts]))
    assert codes == {"mac": page("base64", text=sent["mac"]), "code": made["code"]}


@pytest.mark.parametrize("made", VECTORS["statements"], ids=lambda one: one["kind"])
def test_the_statements(page: NodePhone, made: dict[str, Any]) -> None:
    assert page("statement", kind=made["kind"], fields=made["fields"]) == made["signed"]


def test_the_page_knows_the_changes_that_the_portal_asks_for() -> None:
    source = (MODULES / "protocol.js").read_text()
    listed = source.partition("export const ACTIONS = [")[2].partition("];")[0]
    assert set(json.loads(f"[{listed.replace('...[', '').replace(']', '').strip().rstrip(',')}]")) == set(ACTIONS)
    assert all(f"action.{action}" in TEXTS for action in ACTIONS)


# --- encodings --------------------------------------------------------------------------------------------------------

NUMBERS = st.integers(1, 2**256 - 1)


@PAGE
@given(r=NUMBERS, s=NUMBERS)
@example(r=1, s=2**255)
@example(r=2**247, s=2**248 - 1)
def test_a_signature_is_der_as_others_write_it(page: NodePhone, r: int, s: int) -> None:
    raw = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    assert page("signature", raw=raw.hex()) == encode_dss_signature(r, s).hex()


NAMES = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=12)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@PAGE
@given(st.dictionaries(NAMES, TEXT, max_size=8))
@example({"a": '\x00\x1f\x7f\u2028\\"/\b\f\n\r\t😀', "B": "", "__proto__": "x"})
def test_canonical_json_is_the_portals(page: NodePhone, fields: dict[str, str]) -> None:
    assert page("canonical", fields=fields) == canonical({**fields}).decode()
    assert page("flat", text=canonical({**fields}).decode()) == fields


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "json"),
        ("[]", "object"),
        ("null", "object"),
        ('{"a":"1","a":"1"}', "twice"),
        ('{"a":"1","\\u0061":"1"}', "twice"),
        ('{"a":{"b":"1"}}', "nested"),
        ('{"a":[["1"]]}', "nested"),
        ('{"a":"\\ud800"}', "unicode"),
        ('{"\\udc00":"a"}', "unicode"),
        ('{"a":1.0}', "number"),
        ('{"a":1e3}', "number"),
    ],
)
def test_what_is_not_one_object_of_plain_values_is_not_read(page: NodePhone, text: str, reason: str) -> None:
    with pytest.raises(NotDone) as refused:
        page("flat", text=text)
    assert (refused.value.kind, refused.value.what) == ("malformed", reason)


def test_what_only_looks_like_a_name_or_a_fraction_is_read(page: NodePhone) -> None:
    tricky = {"a": '"a":"1"', "b": "1.5e3", "c": "\\"}
    assert page("flat", text=json.dumps(tricky, indent=1)) == tricky


# --- what the portal answers ------------------------------------------------------------------------------------------

FINGERPRINT = "A" * 43
STATE = {
    "kind": "phone-state",
    "state": "linked",
    "tries_left": 5,
    "fingerprints": [FINGERPRINT],
    "statement": None,
    "fields": None,
}
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(max_size=50), st.lists(st.text(max_size=45), max_size=3)
)


def test_an_answer_is_read(page: NodePhone) -> None:
    assert page("answer", text=json.dumps(STATE), kind="phone-state") == {k: v for k, v in STATE.items() if k != "kind"}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"kind": "phone-done"}, "kind"),
        ({"more": "x"}, "field"),
        ({"state": "well"}, "state"),
        ({"tries_left": "5"}, "tries_left"),
        ({"fingerprints": []}, "fingerprints"),
        ({"fingerprints": [FINGERPRINT] * 3}, "fingerprints"),
        ({"fingerprints": ["AA"]}, "length"),
        ({"statement": "x" * 41}, "statement"),
        ({"fields": "x"}, "fields"),
    ],
)
def test_another_answer_is_none(page: NodePhone, change: dict[str, Any], reason: str) -> None:
    with pytest.raises(NotDone) as refused:
        page("answer", text=json.dumps(STATE | change), kind="phone-state")
    assert (refused.value.kind, refused.value.what) == ("malformed", reason)


@PAGE
@given(change=st.dictionaries(st.sampled_from([*STATE, "more"]), VALUES), text=st.text(max_size=60))
def test_hostile_answers_are_typed_errors_or_what_they_say(page: NodePhone, change: dict[str, Any], text: str) -> None:
    for answer in (json.dumps(STATE | change), json.dumps(STATE).replace("linked", text), text):
        for kind in ("phone-state", "phone-done"):
            try:
                page("answer", text=answer, kind=kind)
            except NotDone as error:
                assert error.kind in ("malformed", "refused")


def test_a_refusal_carries_its_details(page: NodePhone) -> None:
    refusal = {
        "kind": "refusal",
        "code": "portal.phone_digits",
        "message": "",
        "names": ["tries_left"],
        "values": ["4"],
    }
    with pytest.raises(NotDone) as refused:
        page("answer", text=json.dumps(refusal), kind="phone-done")
    assert (refused.value.kind, refused.value.what, refused.value.details) == (
        "refused",
        "portal.phone_digits",
        {"tries_left": 4},
    )
    for wrong in ({"values": []}, {"values": ["{"]}, {"names": "tries_left"}):
        with pytest.raises(NotDone) as malformed:
            page("answer", text=json.dumps(refusal | wrong), kind="phone-done")
        assert malformed.value.kind == "malformed"


# --- what the phone is asked ------------------------------------------------------------------------------------------

ASKED = {one["kind"]: {k: v for k, v in one["fields"].items() if k != "number"} for one in VECTORS["statements"]}
OURS = {"origin": VECTORS["qr"]["origin"], "phone": VECTORS["qr"]["phone"]}


@pytest.mark.parametrize("kind", ["phone-log-in", "phone-approval"])
def test_what_is_asked_of_this_phone_can_be_signed(page: NodePhone, kind: str) -> None:
    found = page("question", kind=kind, text=json.dumps(ASKED[kind]), **OURS)
    assert found == {"kind": kind, "fields": ASKED[kind], "problem": None}


@pytest.mark.parametrize(
    ("kind", "change", "problem"),
    [
        ("phone-refusal", {}, "statement"),
        ("toString", {}, "statement"),
        ("phone-approval", {"origin": "https://evil.example"}, "origin"),
        ("phone-log-in", {"phone": "another"}, "phone"),
        ("phone-log-in", {"number": "07"}, "fields"),
        ("phone-log-in", {"nonce": ""}, "fields"),
        ("phone-approval", {"action": "card.sell"}, "action"),
        ("phone-approval", {"action": "constructor"}, "action"),
    ],
)
def test_what_the_page_does_not_know_it_does_not_sign(
    page: NodePhone, kind: str, change: dict[str, str], problem: str
) -> None:
    fields = ASKED["phone-approval" if kind == "phone-approval" else "phone-log-in"] | change
    assert page("question", kind=kind, text=json.dumps(fields), **OURS)["problem"] == problem


@pytest.mark.parametrize("missing", ["expires", "nonce", "ura", "action", "person", "reason", "subject"])
def test_a_change_without_what_is_always_there_is_not_signed(page: NodePhone, missing: str) -> None:
    fields = {name: value for name, value in ASKED["phone-approval"].items() if name != missing}
    assert page("question", kind="phone-approval", text=json.dumps(fields), **OURS)["problem"] == "fields"


def test_what_is_no_text_is_not_shown_at_all(page: NodePhone) -> None:
    with pytest.raises(NotDone) as refused:
        page("question", kind="phone-log-in", text=json.dumps(ASKED["phone-log-in"] | {"person": 7}), **OURS)
    assert (refused.value.kind, refused.value.what) == ("malformed", "text")


@pytest.mark.parametrize(
    "text",
    [
        "https://portal.example/login#1." + VECTORS["qr"]["text"].partition("#1.")[2],
        VECTORS["qr"]["text"].replace("https://", "http://"),
        VECTORS["qr"]["text"].replace("portal.example", "portal.example/a"),
        VECTORS["qr"]["text"].replace("portal.example", "user@portal.example"),
        VECTORS["qr"]["text"].replace("portal.example", "portal.example:443"),
        VECTORS["qr"]["text"] + ".more",
        VECTORS["qr"]["text"] + "A",
        VECTORS["qr"]["text"].rpartition(".")[0],
        VECTORS["qr"]["text"] + "#",
        "zorgid:phone#1.a.b.c",
        "",
    ],
)  # fmt: skip
def test_no_other_qr_code_is_read(page: NodePhone, text: str) -> None:
    with pytest.raises(NotDone) as refused:
        page("offer", text=text)
    assert refused.value.kind == "malformed"


def test_a_qr_code_of_another_version_is_told_apart(page: NodePhone) -> None:
    with pytest.raises(NotDone) as refused:
        page("offer", text=VECTORS["qr"]["text"].replace("#1.", "#2."))
    assert (refused.value.kind, refused.value.what) == ("malformed", "version")


# --- what the person sees ---------------------------------------------------------------------------------------------


def test_all_that_is_signed_is_shown_as_text(page: NodePhone) -> None:
    texts = {key: text.en for key, text in TEXTS.items()} | {"asked.empty": "(empty)"}
    page("begin", origin="https://portal.example", address="", texts=texts)
    fields = ASKED["phone-approval"] | {"role": "manager", "zeal": "<b>", "client": ""}
    shown = dict(page("facts", fields=fields))
    assert list(shown)[:3] == ["Portal", "Organisation", "URA"]
    assert (shown["What"], shown["Whose"], shown["Role"]) == ("revoke a card (final)", "Zoë van den Berg", "manager")
    assert (shown["zeal"], shown["Asked from"]) == ("<b>", "(empty)")
    assert shown["Reason"] == 'Verloren in de "trein"␊(lijn 7)'
    hidden = {fields["nonce"], fields["phone"], fields["expires"]}
    assert len(shown) == len(fields) - len(hidden)
    assert hidden.isdisjoint(shown.values())


def test_control_characters_are_made_visible(page: NodePhone) -> None:
    assert (
        page("visible", text="a\u202eb\x1b[2J\x7f\u200b\u2028\ufeff")
        == "a‹U+202E›b␛[2J‹U+007F›‹U+200B›‹U+2028›‹U+FEFF›"
    )
    assert page("visible", text="Zoë 😀 é") == "Zoë 😀 é"


def test_nothing_becomes_markup_or_code() -> None:
    for module in MODULES.glob("*.js"):
        source = module.read_text()
        for way in (
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
            "console.",
        ):
            assert way not in source, module.name
