"""A card behind the stub of PC/SC, opened, recorded and broken off: what the tests of sessions stand on."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from pcsc_stub import Stub
from zorgid_card.adapters.pcsc import readers
from zorgid_card.cards import PINRequest, UZIPass, ZorgIDCard
from zorgid_card.codec.apdu import INS
from zorgid_card.codec.link import Link
from zorgid_card.secret import Secret
from zorgid_card.testkit.card import VirtualCard
from zorgid_card.testkit.maker import Maker
from zorgid_card.testkit.piv import VirtualPIVCard
from zorgid_card.testkit.piv_keys import Algorithm, PrivateKey, make_key

PIN, NEW_PIN = b"123456", b"654321"
CHANGING = {INS.VERIFY, INS.CHANGE_REFERENCE_DATA, INS.GENERATE_ASYMMETRIC_KEY_PAIR, INS.PUT_DATA}
MAKER = Maker.create()
SELECT = bytes.fromhex("00A4040005A00000030800")


@cache
def key_of(algorithm: Algorithm) -> PrivateKey:
    return make_key(algorithm)


def made(stub: Stub) -> tuple[VirtualPIVCard, ZorgIDCard]:
    """A simulated card with key and certificate 9A in the first slot, and it opened."""
    simulated = MAKER.blank(key_maker=key_of)
    stub.hold(simulated)
    card = opened(stub)
    with card.session():
        card.authenticate_administration(card.factory_secrets()[2])
        card.generate(0x9A, "ECCP256")
        card.write_certificate(0x9A, card.attest(0x9A))
    card._link.channel.close(reset=True)
    return simulated, opened(stub)


def opened(stub: Stub) -> ZorgIDCard:
    return ZorgIDCard(Link(readers(library=stub.path)[0].connect()))


def close(card: ZorgIDCard | UZIPass) -> None:
    card._link.channel.close()


def provider(asked: list[PINRequest]) -> Callable[[PINRequest], Secret]:
    def provide(request: PINRequest) -> Secret:
        asked.append(request)
        return Secret.of(PIN)

    return provide


def recorded(stub: Stub) -> list[int]:
    """The instructions that reach the card from here on."""
    seen: list[int] = []
    answer = stub.answer

    def watched(slot: int, command: bytes) -> bytes:
        seen.append(command[1])
        return answer(slot, command)

    stub.answer = watched  # type: ignore[method-assign]  # a test stands between reader and card
    return seen


FAULTS = ["reset before", "reset after", "removed before", "removed after", "lost before", "lost after"]


def break_off(stub: Stub, fault: str, at: int) -> None:
    """At the command of this number, counted from here, the card is reset or pulled, or the transport loses command or answer."""
    answer, left = stub.answer, [at]
    event = {"reset": stub.reset, "removed": stub.remove}.get(fault.split(maxsplit=1)[0])

    def faulty(slot: int, command: bytes) -> bytes:
        left[0] -= 1
        if left[0] != 0:
            return answer(slot, command)
        response = answer(slot, command) if fault.endswith("after") else b""
        if event is not None:
            event()
            return response
        return bytes(70000)  # longer than any answer: SCardTransmit fails

    stub.answer = faulty  # type: ignore[method-assign]  # a test stands between reader and card


def mend(stub: Stub, card: VirtualCard) -> None:
    del stub.answer
    if not card.powered:
        stub.insert(card)


def commands_of(stub: Stub, operation: Callable[[], object]) -> int:
    before = stub.calls("transmit")
    operation()
    return stub.calls("transmit") - before
