"""The page of the protocol is what the tables say, and its test vectors hold, by other means than those that made them."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key
from hypothesis import given
from hypothesis import strategies as st

from docs_examples import ROOT
from world import World
from zorgid_card.cli.app import run
from zorgid_card.errors import MessageError
from zorgid_card.pki.statement import encode
from zorgid_card.workflows import protocol
from zorgid_card.workflows.creation_messages import Relay
from zorgid_card.workflows.messages import Message, from_json

BEGIN, END = "<!-- protocol: begin -->\n", "<!-- protocol: end -->\n"


@pytest.fixture(scope="module")
def vectors() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(protocol.vectors()))
    return found


def test_the_page_shows_the_tables_as_they_are() -> None:
    """If not, put what ``zorgid-card protocol`` prints between the marks."""
    page = (ROOT / "docs/creation-protocol.md").read_text()
    assert page.partition(BEGIN)[2].partition(END)[0] == protocol.page()


def test_the_page_tells_of_every_message(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["protocol"]) == 0
    printed = capsys.readouterr().out
    kinds = {kind for name, kind in Message._kinds.items() if kind.__module__.startswith("zorgid_card.workflows")}
    kinds -= {kind for kind in kinds if kind.__module__.endswith("phone_messages")}  # of docs/mobile-protocol.md
    assert len(kinds) > 20
    for kind in kinds:
        assert f"`{kind.kind}`" in printed


def test_vectors_are_the_same_each_time_and_printed(
    vectors: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["protocol", "--vectors"]) == 0
    assert json.loads(capsys.readouterr().out) == vectors


def test_vectors_of_envelopes_verify_with_openssl(vectors: dict[str, Any], tmp_path: Path) -> None:
    public = load_der_public_key(bytes.fromhex(vectors["session_key"]["public"]))
    (tmp_path / "key.pem").write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    for envelope in vectors["envelopes"]:
        request = json.loads(envelope["request"])
        signature = bytes.fromhex(request.pop("signature"))
        plain = json.dumps(request, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert envelope["signed"] == f"zorgid-card message v1\n{plain}"
        (tmp_path / "signed").write_text(envelope["signed"], newline="")
        (tmp_path / "signature").write_bytes(signature)
        verify = ["openssl", "dgst", "-sha256", "-verify", "key.pem", "-signature", "signature", "signed"]
        subprocess.run(verify, cwd=tmp_path, check=True, capture_output=True, timeout=20)
        body = json.dumps(request["body"], sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        digest = hashes.Hash(hashes.SHA256())
        digest.update(body)
        assert digest.finalize().hex() == envelope["request_hash"]


def test_vectors_of_statements_and_canonical_octets(vectors: dict[str, Any]) -> None:
    for statement in vectors["statements"]:
        assert encode(statement["kind"], statement["fields"]) == statement["signed"].encode()
    octets = bytes.fromhex(vectors["canonical"]["octets"])
    assert octets == '{"a":[1,true,null,-7],"b":"Zoë \\"\\\\/\u2028\\n\\u0001"}'.encode()
    assert json.loads(octets) == vectors["canonical"]["value"]


def test_pin_7_the_vector_of_a_sealed_key_opens(vectors: dict[str, Any]) -> None:
    """By hpke alone, with nothing of the module that sealed it."""
    key = ec.derive_private_key(int(vectors["session_key"]["private"], 16), ec.SECP256R1())
    sealed = vectors["sealed"]
    suite = Suite(KEM.P256, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
    opened = suite.decrypt(bytes.fromhex(sealed["sealed"]), key, info=sealed["info"].encode())
    assert opened.hex() == sealed["secret"]


def test_a_portal_refuses_what_the_vectors_say(vectors: dict[str, Any], tmp_path: Path) -> None:
    portal = World(tmp_path).portal
    assert len(vectors["refused"]) >= 9
    for vector in vectors["refused"]:
        answer = json.loads(portal.ask(vector["request"].encode()))
        details = dict(zip(answer["names"], map(json.loads, answer["values"]), strict=True))
        told = {name: value for name, value in vector.items() if name != "request"}
        assert {"code": answer["code"], **details} | told == {"code": answer["code"], **details}
    sound = json.loads(portal.ask(vectors["envelopes"][0]["request"].encode()))
    assert sound["kind"] == "session-opened"


# --- lengths ----------------------------------------------------------------------------------------------------------


def offer(**changes: object) -> dict[str, Any]:
    fields = {"serial": "1", "dialect": "d", "firmware": "", "found": "blank", "channel": False}
    return {"kind": "offer-card", **fields, **changes}


@pytest.mark.parametrize(
    ("change", "field"),
    [({"serial": ""}, "serial"), ({"serial": "1" * 21}, "serial"), ({"firmware": "x" * 201}, "firmware")],
)
def test_what_is_too_short_or_too_long_is_refused_and_named(change: dict[str, object], field: str) -> None:
    from_json(offer())
    with pytest.raises(MessageError) as caught:
        from_json(offer(**change))
    assert caught.value.details["field"] == field


@given(st.lists(st.binary(max_size=5000), max_size=140))
def test_items_and_their_number_are_both_limited(responses: list[bytes]) -> None:
    sound = len(responses) <= 128 and all(2 <= len(one) <= 4096 for one in responses)
    texts: list[Any] = [base64.urlsafe_b64encode(one).rstrip(b"=").decode() for one in responses]
    try:
        found = from_json({"kind": "relay", "responses": texts})
    except MessageError as refused:
        assert not sound
        assert refused.details["field"] == "responses"
    else:
        assert sound
        assert found == Relay(responses=tuple(responses))


def test_every_text_octet_string_and_array_has_a_length() -> None:
    """What comes from the network is limited field by field, so that nothing behind it meets what it is not made for."""
    rows = [row for _, kind in protocol._every() if kind.kind != "refusal" for row in protocol.rows_of("", kind)]
    unlimited = [row[2] for row in rows if not row[4] and row[3].split(" ")[0] in ("text", "octets", "array")]
    assert unlimited == []
