"""OpenSC, which shares no code with us, reads the layouts that use more of ISO/IEC 7816-15 as they are meant."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from made_card import run
from opensc import OpenSC
from zorgid_card import open_card
from zorgid_card.cards import UZIPass
from zorgid_card.protocol.pkcs15_objects import PINType
from zorgid_card.testkit.card import VirtualCard
from zorgid_card.testkit.keys import KeyPool
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.testkit.uzi import VirtualUZIPass
from zorgid_card.testkit.uzi_contents import PassContents
from zorgid_card.testkit.uzi_layout import EVERY_LAYOUT, LAYOUT_C, LAYOUT_D, Layout
from zorgid_card.testkit.uzi_profile import DE_LINDE, JAN_DE_VRIES

pytestmark = pytest.mark.blackbox

Insert = Callable[[VirtualCard], str]

EIGHT_DIGITS = "12345678"
PIN_TYPES = {
    "bcd": PINType.BCD,
    "ascii-numeric": PINType.ASCII_NUMERIC,
    "UTF-8": PINType.UTF8,
    "halfnibble bcd": PINType.HALF_NIBBLE_BCD,
    "iso 9664-1": PINType.ISO_9564_1,  # as OpenSC spells it
}


@pytest.fixture(scope="module")
def contents() -> dict[bool, PassContents]:
    pki = UZITestPKI("production", pool=KeyPool.shared(), now=datetime.now(UTC))
    return {
        curve: pki.pass_(JAN_DE_VRIES, DE_LINDE, "Z", "01.015", curve=ec.SECP256R1() if curve else None)
        for curve in (False, True)
    }


@pytest.fixture
def opensc(tmp_path: Path) -> OpenSC:
    return OpenSC(tmp_path)


def blocks(dump: str, title: str) -> list[dict[str, str]]:
    """The objects of a kind in a dump: name to value, as OpenSC prints them."""
    found = re.findall(rf"^{title} \[.*?\]\n((?:[ \t].*\n)*)", dump, re.MULTILINE)
    return [dict(re.findall(r"^\s+(\S[^:]*?)\s*: (.*?)\s*$", block, re.MULTILINE)) for block in found]


@pytest.mark.parametrize("name", "ABCD")
def test_opensc_and_the_library_find_the_same(
    insert: Insert, opensc: OpenSC, contents: dict[bool, PassContents], name: str
) -> None:
    layout = EVERY_LAYOUT[name]
    reader = insert(VirtualUZIPass(contents[layout.curve], layout=layout))
    dump = opensc.run("pkcs15-tool", "--reader", reader, "--dump") + "\n"
    with open_card(reader) as card:
        assert isinstance(card, UZIPass)
        found = card.layout
    keys = blocks(dump, "Private (?:RSA|EC) Key")
    assert [(key["ID"], key["Auth ID"], key["Path"]) for key in keys] == [
        (key.identifier.hex(), (key.auth_id or b"").hex(), found.place(key.path).hex()) for key in found.keys
    ]
    assert [int(key["Key ref"].split()[0]) for key in keys] == [key.reference for key in found.keys]
    assert dump.count("\nPrivate EC Key [") == (3 if layout.curve else 0)
    pins = blocks(dump, "PIN")
    assert [(pin["ID"], PIN_TYPES[pin["Type"]], int(pin["Reference"].split()[0])) for pin in pins] == [
        (pin.auth_id.hex(), pin.type, pin.reference) for pin in found.pins
    ]
    for pin, ours in zip(pins, found.pins, strict=True):
        assert ("local" in pin["Flags"], "unblockingPin" in pin["Flags"]) == (ours.local, ours.unblocking)
        assert pin["Length"] == f"min_len:{ours.minimum}, max_len:{ours.maximum}, stored_len:{ours.stored_length}"
    certificates = blocks(dump, "X.509 Certificate")
    assert sorted((one["ID"], one["Authority"] == "yes") for one in certificates) == sorted(
        (one.identifier.hex(), one.authority) for one in found.certificates
    )
    algorithms = re.findall(
        r"mechanism  : \[0x(\w+)\].*\n\s+operations.*\n\s+algo_id.*\n\s+algo_ref\s+: \[0x(\w+)\]", dump
    )
    assert [(int(mechanism, 16), int(number, 16)) for mechanism, number in algorithms] == [
        (info.mechanism, info.card_reference) for info in found.info.algorithms
    ]


@pytest.mark.parametrize("layout", [LAYOUT_C, LAYOUT_D], ids=["C", "D"])
def test_opensc_reads_every_certificate(
    insert: Insert, opensc: OpenSC, contents: dict[bool, PassContents], layout: Layout, tmp_path: Path
) -> None:
    made = contents[layout.curve]
    reader = insert(VirtualUZIPass(made, layout=layout))
    read = set()
    for number, key_id in enumerate(opensc.identifiers(reader, "certificates")):
        path, again = tmp_path / f"{number}.pem", tmp_path / f"{number}.der"
        opensc.run("pkcs15-tool", "--reader", reader, "--read-certificate", key_id, "--output", path)
        run("openssl", "x509", "-in", path, "-outform", "DER", "-out", again)
        read.add(again.read_bytes())
    assert read == {*made.certificates.values(), *made.chain}


def test_a_pin_in_bcd_is_coded_by_opensc_as_by_the_library(
    insert: Insert, opensc: OpenSC, contents: dict[bool, PassContents]
) -> None:
    """Of eight digits, for which nothing is padded: OpenSC halves the stored length of BCD, which is in bytes already."""
    simulated = VirtualUZIPass(contents[True], layout=LAYOUT_C, pin=EIGHT_DIGITS.encode())
    reader = insert(simulated)
    verify = ("pkcs15-tool", "--reader", reader, "--verify-pin", "--auth-id", "01", "--pin")
    opensc.run(*verify, EIGHT_DIGITS)
    assert simulated.tries_left == (3, 3)
    opensc.run(*verify, "87654321", fails=True)
    assert simulated.tries_left == (2, 3)


@pytest.mark.parametrize(("auth_id", "pin"), [("01", "123456"), ("03", "654321")], ids=["half nibble", "ISO 9564"])
def test_what_opensc_does_not_code_is_refused_and_costs_no_try(
    insert: Insert, opensc: OpenSC, contents: dict[bool, PassContents], auth_id: str, pin: str
) -> None:
    simulated = VirtualUZIPass(contents[False], layout=LAYOUT_D)
    reader = insert(simulated)
    opensc.run("pkcs15-tool", "--reader", reader, "--verify-pin", "--auth-id", auth_id, "--pin", pin, fails=True)
    assert (simulated.tries_left, simulated.signature_tries_left) == ((3, 3), 3)
