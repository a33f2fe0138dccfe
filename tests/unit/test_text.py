"""Texts of a log-in: what the C core reads is what Python's own json, base64 and re read; the rest is left to them."""

from __future__ import annotations

import base64
import binascii
import json
import re
import string

from hypothesis import given
from hypothesis import strategies as st

from zorgid_card._native import ffi, lib
from zorgid_card.codec.text import decode_base64, plain_token

CERTIFICATE, ALGORITHM, SIGNATURE, FORMAT = "unverifiedCertificate", "algorithm", "signature", "format"


def by_base64(text: object) -> bytes | None:
    """The octets of base64 in its one form."""
    try:
        octets = base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except (ValueError, binascii.Error):
        return None
    return octets if base64.b64encode(octets).decode() == text else None


def by_json(text: str) -> tuple[str, bytes, bytes] | None:
    """Algorithm, certificate, signature as json, re and base64 read them; None for what is refused, or a name that stands twice."""

    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        if len(dict(pairs)) != len(pairs):
            raise ValueError("twice")
        return dict(pairs)

    try:
        token = json.loads(text, object_pairs_hook=once)
    except ValueError:
        return None
    parts = [token.get(name) for name in (ALGORITHM, CERTIFICATE, SIGNATURE, FORMAT)] if isinstance(token, dict) else []
    if not parts or not all(isinstance(part, str) and part for part in parts):
        return None
    algorithm, certificate, signature = parts[0], by_base64(parts[1]), by_base64(parts[2])
    if certificate is None or signature is None or not re.fullmatch(r"web-eid:1(\.[0-9]+)?", parts[3]):
        return None
    return algorithm, certificate, signature


def encoded(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


OCTETS = st.binary(min_size=1, max_size=30).map(encoded)
FORMATS = st.sampled_from(
    ["web-eid:1", "web-eid:1.0", "web-eid:1.17", "web-eid:1.", "web-eid:1.1.", "web-eid:2", "web-eid:11", ""]
)
VALUES = st.text(max_size=8) | st.integers() | st.none() | st.lists(st.text(max_size=3), max_size=2)
TOKENS = st.fixed_dictionaries(
    {CERTIFICATE: OCTETS, ALGORITHM: st.sampled_from(["RS256", "ES256", "none"]), SIGNATURE: OCTETS, FORMAT: FORMATS},
)
OTHERS = st.dictionaries(st.text(max_size=4), VALUES, max_size=3)
PIECES = [
    "{",
    "}",
    '"',
    ":",
    ",",
    "\\",
    " ",
    "\n",
    "\0",
    "\x1f",
    "\x7f",
    "a",
    "1",
    "=",
    "é",
    "\ud800",
    FORMAT,
    '"format":"web-eid:1",',
]
LAYOUTS = st.tuples(st.sampled_from([None, 1]), st.sampled_from([(",", ":"), (" , ", " : ")]), st.booleans())


def written(token: dict[str, object], layout: tuple[int | None, tuple[str, str], bool]) -> str:
    indent, separators, escaped = layout
    return json.dumps(token, ensure_ascii=escaped, indent=indent, separators=separators)


@given(TOKENS, OTHERS, LAYOUTS)
def test_every_plain_token_is_read_as_json_reads_it(
    token: dict[str, object], others: dict[str, object], layout: tuple[int | None, tuple[str, str], bool]
) -> None:
    text = written({**others, **token}, layout)
    plain = text.isascii() and "\\" not in text and all(isinstance(value, str) for value in others.values())
    assert plain_token(text) == (by_json(text) if plain else None)


@given(TOKENS, LAYOUTS, st.data())
def test_what_is_read_of_a_spoiled_token_is_what_json_reads(
    token: dict[str, object], layout: tuple[int | None, tuple[str, str], bool], data: st.DataObject
) -> None:
    text = written(token, layout)
    at = data.draw(st.integers(0, len(text)))
    put = data.draw(st.lists(st.sampled_from(PIECES), max_size=3).map("".join))
    spoiled = text[:at] + put + text[at + data.draw(st.integers(0, 3)) :]
    found = plain_token(spoiled)
    assert found is None or found == by_json(spoiled)


def test_a_name_that_stands_twice_is_left_to_json() -> None:
    token = f'"{CERTIFICATE}":"MA==","{ALGORITHM}":"ES256","{SIGNATURE}":"MA==","{FORMAT}":"web-eid:1"'
    assert plain_token(f"{{{token}}}") == ("ES256", b"0", b"0")
    assert plain_token(f'{{{token},"{FORMAT}":"web-eid:1"}}') is None
    assert plain_token(f'{{{token},"a":"b","a":"b"}}') is None


def test_many_members_are_left_to_json() -> None:
    token = {CERTIFICATE: "MA==", ALGORITHM: "ES256", SIGNATURE: "MA==", FORMAT: "web-eid:1"}
    members = {str(number): "x" for number in range(12)}
    assert plain_token(json.dumps(token | members)) == ("ES256", b"0", b"0")
    assert plain_token(json.dumps(token | members | {"12": "x"})) is None


@given(st.binary(max_size=60).map(encoded), st.data())
def test_base64_is_read_as_the_library_reads_it_in_its_one_form(text: str, data: st.DataObject) -> None:
    assert decode_base64(text) == by_base64(text) is not None
    at = data.draw(st.integers(0, len(text)))
    put = data.draw(st.text(alphabet="A/+=-_ \n\x80Zé", max_size=3))
    spoiled = text[:at] + put + text[at + data.draw(st.integers(0, 3)) :]
    assert decode_base64(spoiled) == by_base64(spoiled)


# --- the UZI register's otherName ------------------------------------------------------------------------------------

UZI_NAME = re.compile(
    r"([0-2](?:\.(?:0|[1-9][0-9]*))+)-(1)-([0-9]{9})-([ZNMS])-([0-9]{8})-([0-9]{2}\.[0-9]{3})-([0-9]{8})"
)
GOOD = st.from_regex(re.compile(UZI_NAME.pattern, re.ASCII), fullmatch=True)
CHARACTERS = string.digits + "-.ZNMSz \n٣é\ud800"


def uzi_fields(text: str) -> tuple[str, ...] | None:
    octets = text.encode("utf-8", "surrogatepass")
    fields = ffi.new("zc_slice[]", lib.ZC_UZI_FIELDS)
    if lib.zc_uzi_name(octets, len(octets), fields) != lib.ZC_OK:
        return None
    return tuple(octets[one.at : one.at + one.length].decode() for one in fields)


def by_pattern(text: str) -> tuple[str, ...] | None:
    match = UZI_NAME.fullmatch(text)
    return None if match is None else match.groups()


@given(GOOD)
def test_a_uzi_name_is_read(text: str) -> None:
    assert uzi_fields(text) == by_pattern(text) is not None


@given(GOOD, st.data())
def test_one_fault_is_judged_as_the_pattern_judges_it(text: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(text)))
    cut = data.draw(st.integers(0, 2))
    put = data.draw(st.text(alphabet=CHARACTERS, max_size=2))
    faulty = text[:at] + put + text[at + cut :]
    assert uzi_fields(faulty) == by_pattern(faulty)
