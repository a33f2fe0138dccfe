"""SCP03 with an independent third: yubikit's client against the simulated card, and its wrapping against the core's."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from piv_card import FACTORY_KEY, MAKER, key_maker
from scp03_card import pair, strict_card
from zorgid_card.codec.apdu import SW, CommandAPDU, ResponseAPDU
from zorgid_card.codec.scp03 import SecurityLevel
from zorgid_card.testkit.scp03 import TEST_KEY, CardSession, ChannelKeys

pytest.importorskip("yubikit.core.smartcard.scp", reason="yubikit is missing: pip install --no-deps yubikey-manager")

from yubikit.core import TRANSPORT, Version
from yubikit.core.smartcard import AID, ApduError, SmartCardConnection, SmartCardProtocol
from yubikit.core.smartcard.scp import KeyRef, Scp03KeyParams, ScpKid, ScpState
from yubikit.core.smartcard.scp import StaticKeys as TheirKeys
from yubikit.piv import KEY_TYPE, SLOT, PivSession


def yubikit_state(card: CardSession) -> Any:
    keys = TheirKeys(card.keys.enc, card.keys.mac).derive(card.host + card.card)
    return ScpState(keys, card.chain, 1)


@settings(max_examples=150)
@given(data=st.binary(min_size=1, max_size=230), answers=st.lists(st.binary(max_size=200), min_size=1, max_size=4))
def test_yubikit_wraps_and_unwraps_the_same(data: bytes, answers: list[bytes]) -> None:
    host, card = pair(ChannelKeys(), SecurityLevel.FULL, 8)
    peer = yubikit_state(card)
    for answer in answers:
        wrapped = host.wrap(CommandAPDU(0x00, 0xDB, 0x3F, 0xFF, data, 0))
        encrypted = peer.encrypt(data)
        mac = peer.mac(bytes([0x04, 0xDB, 0x3F, 0xFF, len(encrypted) + 8]) + encrypted)
        assert wrapped.data == encrypted + mac
        card.unwrap(wrapped)
        protected = card.wrap(ResponseAPDU(answer, SW.OK))
        theirs = peer.unmac(protected.data, SW.OK)
        assert (peer.decrypt(theirs) if theirs else b"") == answer
        assert host.unwrap(protected) == ResponseAPDU(answer, SW.OK)


@pytest.mark.parametrize("kind", ["extended", "chained"])
def test_yubikit_works_with_the_card(kind: str) -> None:
    class Connection(SmartCardConnection):
        transport = TRANSPORT.USB if kind == "extended" else TRANSPORT.NFC

        def close(self) -> None:
            card.power_off()

        def send_and_receive(self, apdu: bytes) -> tuple[bytes, int]:
            sent.append(apdu)
            answer = card.transmit(apdu)
            return answer[:-2], int.from_bytes(answer[-2:], "big")

    sent: list[bytes] = []
    card = MAKER.blank(4711, key_maker=key_maker, extended=kind == "extended", channel=ChannelKeys())
    card.power_on()
    parameters = Scp03KeyParams(KeyRef(ScpKid.SCP03, 1), TheirKeys(TEST_KEY, TEST_KEY, TEST_KEY))
    session = PivSession(Connection(), parameters)
    session.authenticate(FACTORY_KEY)
    session.verify_pin("123456")
    session.generate_key(SLOT.AUTHENTICATION, KEY_TYPE.ECCP256)
    session.put_object(0x5FC105, bytes(1500))
    assert session.get_object(0x5FC105) == bytes(1500)
    after = sent[[raw[1] for raw in sent].index(0x82) + 1 :]
    assert after
    assert all(raw[0] & 0x04 or raw[1] == 0xC0 for raw in after)


def test_yubikit_administers_the_nist_card_over_its_channel() -> None:
    """With extended length: of a chain this card wants each part protected by itself, and yubikit protects the whole."""

    class Connection(SmartCardConnection):
        transport = TRANSPORT.USB

        def close(self) -> None:
            card.power_off()

        def send_and_receive(self, apdu: bytes) -> tuple[bytes, int]:
            answer = card.transmit(apdu)
            return answer[:-2], int.from_bytes(answer[-2:], "big")

    card = MAKER.nist_blank(key_maker=key_maker)
    card.power_on()
    keys = card.channel_keys
    assert keys is not None
    protocol = SmartCardProtocol(Connection())
    protocol.configure(Version(5, 7, 1))
    protocol.select(AID.PIV)
    with pytest.raises(ApduError, match="6982"):
        protocol.send_apdu(0, 0x47, 0, 0x9A, bytes.fromhex("AC03800111"))
    protocol.init_scp(Scp03KeyParams(KeyRef(ScpKid.SCP03, 1), TheirKeys(keys.enc, keys.mac, keys.mac)))
    generated = protocol.send_apdu(0, 0x47, 0, 0x9A, bytes.fromhex("AC03800111"))
    assert generated[:2] == bytes.fromhex("7F49")
    protocol.send_apdu(0, 0xDB, 0x3F, 0xFF, bytes.fromhex("5C035FC105538205DC") + bytes(1500))
    protocol.send_apdu(0, 0x24, 0xFF, 0x80, b"314159\xff\xff")
    protocol.send_apdu(0, 0x20, 0x00, 0x80, b"314159\xff\xff")
    content = protocol.send_apdu(0, 0xCB, 0x3F, 0xFF, bytes.fromhex("5C035FC105"))
    assert content[-1500:] == bytes(1500)
    rsa = protocol.send_apdu(0, 0x47, 0, 0x9C, bytes.fromhex("AC03800107"))
    assert len(rsa) == 270


def test_yubikit_with_other_keys_is_refused() -> None:
    card = strict_card(ChannelKeys(bytes(16), bytes(16)))
    card.power_on()

    def send(cla: int, ins: int, p1: int, p2: int, data: bytes) -> bytes:
        return card.transmit(bytes([cla, ins, p1, p2, len(data)]) + data)[:-2]

    with pytest.raises(Exception, match="Wrong SCP03 key set"):
        ScpState.scp03_init(send, Scp03KeyParams())
