"""What is measured, against whom. A peer that is not installed gives no case, and is named among the skipped."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import material
from asn1crypto.parser import parse
from asn1crypto.x509 import Certificate
from cryptography.x509 import load_der_x509_crl
from harness import Case
from yubikit.core import TRANSPORT, Tlv
from yubikit.core.smartcard import ShortApduFormatter, SmartCardConnection, SmartCardProtocol
from yubikit.core.smartcard.scp import ScpState
from yubikit.core.smartcard.scp import StaticKeys as YubikitKeys

from zorgid_card._native import ffi, lib, octets
from zorgid_card.adapters import pcsc
from zorgid_card.codec.apdu import CommandAPDU, ResponseAPDU
from zorgid_card.codec.link import Link
from zorgid_card.codec.revoked import RevokedIndex
from zorgid_card.codec.scp03 import SCP03, SecurityLevel, StaticKeys
from zorgid_card.codec.tlv import Index
from zorgid_card.secret import Secret
from zorgid_card.testkit.scp03 import CardSession, ChannelKeys

try:
    from smartcard.pcsc.PCSCCardConnection import PCSCCardConnection
    from smartcard.scard import SCARD_PCI_T1, SCardTransmit
except ImportError:
    PCSCCardConnection = None

skipped: list[str] = []

SHORT = bytes.fromhex("00013FFFFF") + bytes(255) + b"\x00"
LONG = bytes.fromhex("00013FFF00FFFF") + bytes(65535) + b"\x00\x00"
PATHS = ((0x30, 0x30, 0xA0, 0x02), (0x30, 0x30, 0x02), (0x30, 0x30, 0x30, 0x06), (0x30, 0x30, 0xA3, 0x30), (0x30, 0x03))


def _require(works: bool, what: str) -> None:
    if not works:
        raise SystemExit(f"the benchmark is wrong: {what}")


def exchange() -> Iterator[Case]:
    """4 KB out and 4 KB back; each side's card is in memory, in the language that the side talks to its cards in."""

    class Scripted(SmartCardConnection):
        transport = TRANSPORT.USB
        answers: Iterator[tuple[bytes, int]]

        def send_and_receive(self, apdu: bytes) -> tuple[bytes, int]:
            return next(self.answers)

        def close(self) -> None:
            """Nothing is open."""

    class ScriptedChannel:
        atr = b"\x3b\x00"
        answers: Iterator[bytes]

        def transmit(self, command: bytes) -> bytes:
            return next(self.answers)

    data, part = bytes(4096), bytes(256)
    tuples = [(b"", 0x9000)] * 16 + [(b"", 0x6100)] + [(part, 0x6100)] * 15 + [(part, 0x9000)]
    raw = [answer + sw.to_bytes(2, "big") for answer, sw in tuples]
    connection, channel = Scripted(), ScriptedChannel()
    protocol, link = SmartCardProtocol(connection), Link(channel)  # type: ignore[arg-type]
    in_core = Link(pcsc.readers()[0].connect())
    command = CommandAPDU(0, 0xDB, 0x3F, 0xFF, data, le=0)

    def theirs() -> bytes:
        connection.answers = iter(tuples)
        return protocol.send_apdu(0, 0xDB, 0x3F, 0xFF, data)

    def over_python() -> bytes:
        channel.answers = iter(raw)
        return link.transmit(command).data

    _require(theirs() == over_python() == in_core.transmit(command).data, "exchange-4k")
    _require(link.count == in_core.count == 33, "33 APDUs")
    yield Case("exchange-4k", lambda: in_core.transmit(command), "yubikit SmartCardProtocol", theirs, 20)
    yield Case("exchange-4k, card in Python", over_python, "yubikit SmartCardProtocol", theirs)
    short = command.encode()[:261]

    def bare_calls() -> None:
        channel.answers = iter(raw)
        for _ in range(33):
            channel.transmit(short)

    yield Case("border: 33 calls of a card in Python", bare_calls, "exchange-4k over them", over_python)


def tlv() -> Iterator[Case]:
    """Every data object of a certificate of 2 KB, and five of them looked up."""

    der = material.certificate()

    def asn1_tree(data: bytes) -> list[tuple[int, Any]]:
        tree, at = [], 0
        while at < len(data):
            _, method, _, header, content, trailer = parse(data[at:])
            tree.append((data[at], asn1_tree(content) if method else content))
            at += len(header) + len(content) + len(trailer)
        return tree

    def yubikit_tree(data: bytes) -> list[tuple[int, Any]]:
        return [(tlv.tag, yubikit_tree(tlv.value) if tlv.tag & 0x20 else tlv.value) for tlv in Tlv.parse_list(data)]

    def look(tree: list[tuple[int, Any]]) -> list[Any]:
        found = []
        for path in PATHS:
            node: Any = tree
            for tag in path:
                node = next(value for known, value in node if known == tag)
            found.append(node)
        return found

    def asn1_lazily() -> Any:
        tbs = Certificate.load(der)["tbs_certificate"]
        return (
            tbs["serial_number"].contents,
            tbs["issuer"].contents,
            tbs["validity"].contents,
            tbs["extensions"].contents,
        )

    def ours() -> tuple[bytes, ...]:
        first = Index(der).first
        return (
            first(0x30, 0x30, 0xA0, 0x02),
            first(0x30, 0x30, 0x02),
            first(0x30, 0x30, 0x30, 0x06),
            first(0x30, 0x30, 0xA3, 0x30),
            first(0x30, 0x03),
        )

    five = [Index(der).first(*path) for path in PATHS]
    _require(tuple(five) == ours() and look(asn1_tree(der))[0] == five[0] == look(yubikit_tree(der))[0], "tlv-cert")
    yield Case("tlv-cert", ours, "asn1crypto full parse", lambda: look(asn1_tree(der)), 60)
    yield Case("tlv-cert", ours, "yubikit Tlv", lambda: look(yubikit_tree(der)), 150)
    yield Case("tlv-cert", ours, "asn1crypto Certificate, lazily", asn1_lazily)


def scp03() -> Iterator[Case]:
    """239 bytes out and back at full security, AES-128, S8; the card's answers are made beforehand, for both from one state."""

    keys = ChannelKeys()
    card = CardSession(keys, bytes(range(8)), bytes(range(8, 16)), level=SecurityLevel.FULL)
    update = bytes(10) + bytes([keys.version, 3, 0x60]) + card.card + card.cryptogram(0)
    channel = SCP03(StaticKeys(Secret.of(keys.enc), Secret.of(keys.mac), keys.version), card.host, update)
    card.check_mac(channel.authenticate())
    begin, first_chain = bytes(channel.page), card.chain
    session = YubikitKeys(keys.enc, keys.mac).derive(card.host + card.card)
    plain, command, count = bytes(239), CommandAPDU(0x80, 0xDB, 0x3F, 0xFF, bytes(239), le=0), 64
    wrapped, answers = [], []
    for _ in range(count):
        wrapped.append(channel.wrap(command))
        card.unwrap(wrapped[-1])
        answers.append(card.wrap(ResponseAPDU(plain, 0x9000)))
        _require(channel.unwrap(answers[-1]) == ResponseAPDU(plain, 0x9000), "scp03-239")
    data = [answer.data for answer in answers]
    formatted, mac = ShortApduFormatter().format_apdu, bytes(8)

    def ours() -> None:
        channel.page[:] = begin
        wrap, unwrap = channel.wrap, channel.unwrap
        for answer in answers:
            wrap(command)
            unwrap(answer)

    def theirs() -> None:
        state = ScpState(session, first_chain, 1)
        for answer in data:
            state.mac(formatted(0x84, 0xDB, 0x3F, 0xFF, state.encrypt(plain) + mac, 0)[:-8])
            state.decrypt(state.unmac(answer, 0x9000))

    peer = ScpState(session, first_chain, 1)
    hidden = peer.encrypt(plain)
    sealed = peer.mac(formatted(0x84, 0xDB, 0x3F, 0xFF, hidden + mac, 0)[:-8])
    _require(hidden + sealed == wrapped[0].data, "scp03-239: the peer's command")
    yield Case("scp03-239", ours, "yubikit ScpState", theirs, 15, count=count)


def over_pcsc() -> Iterator[Case]:
    """Commands over PC/SC, against a libpcsclite whose card is in memory."""
    if PCSCCardConnection is None:
        skipped.append("pcsc-261, pcsc-64k: pyscard is not installed (it needs swig and libpcsclite-dev to be built)")
        return
    channel = pcsc.readers()[0].connect()
    connection = PCSCCardConnection(channel_name := pcsc.readers()[0].name)
    connection.connect()
    short, long, card = list(SHORT), list(LONG), connection.hcard
    _require(bytes(connection.transmit(short)[0]) + b"\x90\x00" == channel.transmit(SHORT), channel_name)
    _require(len(connection.transmit(long)[0]) + 2 == len(channel.transmit(LONG)) == 65538, "pcsc-64k")
    name = "pyscard CardConnection"
    yield Case("pcsc-261", lambda: channel.transmit(SHORT), name, lambda: connection.transmit(short), 30)
    yield Case(
        "pcsc-261", lambda: channel.transmit(SHORT), "pyscard raw", lambda: SCardTransmit(card, SCARD_PCI_T1, short), 10
    )
    yield Case("pcsc-64k", lambda: channel.transmit(LONG), name, lambda: connection.transmit(long), 500)


def crl() -> Iterator[Case]:
    """100,000 revoked certificates: one looked up that is not among them, as at most log-ins; and one in the middle."""

    der = material.crl(Path("build/bench/crl-100k.der"))
    index, parsed = RevokedIndex.build(der), load_der_x509_crl(der)
    serials = [entry.serial_number for entry in parsed]
    _require(len(index) == len(serials) == 100_000 and all(serial in index for serial in serials), "crl-100k")
    absent, middle = serials[4711] ^ 1, serials[50_000]
    look = parsed.get_revoked_certificate_by_serial_number
    _require(look(absent) is None and index.find(absent) is None and look(middle) is not None, "crl-100k")
    present = cycle(serials[::97])
    yield Case("crl-100k", lambda: index.find(absent), "cryptography look-up", lambda: look(absent), 20_000, rounds=15)
    yield Case(
        "crl-100k, revoked", lambda: index.find(next(present)), "cryptography look-up", lambda: look(middle), rounds=15
    )

    def frozen() -> frozenset[int]:
        return frozenset(entry.serial_number for entry in load_der_x509_crl(der))

    yield Case("crl-100k, build", lambda: RevokedIndex.build(der), "frozenset with cryptography", frozen, 3, rounds=15)


def imports() -> Iterator[Case]:
    """A whole process, that of bare Python included."""

    def process(code: str) -> Callable[[], Any]:
        return lambda: subprocess.run([sys.executable, "-c", code], check=True)

    ours = process("import zorgid_card")
    yield Case("import", ours, "yubikit.piv", process("import yubikit.piv"), 4, rounds=15)
    yield Case("import", ours, "bare Python", process("pass"), rounds=15)


def border() -> Iterator[Case]:
    """The same calls of the C core through the hand-written binding and through cffi, its buffers made beforehand."""
    der = material.certificate()
    nodes, count, offset = ffi.new("zc_tlv_node[]", 256), ffi.new("size_t *"), ffi.new("size_t *")
    rules, path = ffi.new("zc_tlv_rules *"), ffi.new("uint32_t[]", PATHS[1])
    lib.zc_tlv_index(octets(der), len(der), rules, nodes, 256, count, offset)
    found, index, many = ffi.new("size_t *"), Index(der), int(count[0])

    def find_through_cffi() -> bytes:
        lib.zc_tlv_find(nodes, many, path, 3, 0, found)
        node = nodes[found[0]]
        return der[node.value : node.value + node.length]

    def index_through_cffi() -> Any:
        made = ffi.new("zc_tlv_node[]", many)
        return lib.zc_tlv_index(octets(der), len(der), rules, made, many, count, offset)

    pcsc_entry = pcsc.readers()[0].connect()
    response, length = ffi.new("uint8_t[]", 1024), ffi.new("size_t *")
    native, card, send = pcsc_entry._pcsc, pcsc_entry._context.card, octets(SHORT)

    def transmit_through_cffi() -> bytes:
        lib.zc_pcsc_transmit(native, card, 2, send, 261, response, 1024, length)
        return bytes(ffi.buffer(response, length[0]))

    _require(find_through_cffi() == index.first(*PATHS[1]), "border")
    yield Case("border: index", lambda: Index(der), "the same through cffi", index_through_cffi)
    yield Case("border: find", lambda: index.first(0x30, 0x30, 0x02), "the same through cffi", find_through_cffi)
    yield Case("border: transmit", lambda: pcsc_entry.transmit(SHORT), "the same through cffi", transmit_through_cffi)


GROUPS: tuple[Callable[[], Iterator[Case]], ...] = (exchange, tlv, scp03, over_pcsc, crl, imports, border)
