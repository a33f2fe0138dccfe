"""A simulated PIV card: the card command interface of SP 800-73-5 part 2, with Yubico's personalisation dialect
(:mod:`zorgid_card.testkit.nist` has the other one).

Written from the standard. Where it leaves a choice, the card takes the one that Yubico's firmware 5.7 takes, so that other
people's programs meet what they know; each such choice is noted beside the code. Differences on purpose: the PIN's digits
are enforced, status and security conditions are the standard's (no key agreement with 9A, 9C, 9E), SELECT of the PIV
application while it is selected changes nothing, and a touch is never wanted.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self, TypeAlias

from zorgid_card.codec import tlv
from zorgid_card.codec.apdu import INS, SW, CommandAPDU, ResponseAPDU
from zorgid_card.errors import StorageError, TLVError
from zorgid_card.testkit.card import Application, Messaging, Refused, VirtualCard
from zorgid_card.testkit.piv_keys import (
    Algorithm,
    CardKey,
    KeyMaker,
    Origin,
    PINPolicy,
    TouchPolicy,
    asymmetric,
    make_key,
    one_byte,
)
from zorgid_card.testkit.piv_messaging import MessagingKey, PIVMessagingLayer
from zorgid_card.testkit.piv_objects import DISCOVERY, OBJECTS, OWN_TEMPLATE, Read
from zorgid_card.testkit.piv_state import (
    ADMINISTRATION,
    ATTESTATION,
    PIN,
    PIV_AID,
    PUK,
    AdministrationKey,
    PIVState,
    Reference,
    load_state,
    save_state,
)
from zorgid_card.testkit.scp03 import ChannelKeys, SCP03Layer, SecurityDomain
from zorgid_card.testkit.yubico import YubicoDialect

ATR = bytes.fromhex("3B8B800180F9A00000030800001000C8")

NO_AGREEMENT = frozenset({0x9A, 0x9C, 0x9E})
USABLE = frozenset({0x9A, 0x9C, 0x9D, 0x9E, *range(0x82, 0x96)})
DEFAULT_POLICY: Mapping[int, PINPolicy] = {
    0x9C: PINPolicy.ALWAYS,
    0x9E: PINPolicy.NEVER,
    0xF9: PINPolicy.NEVER,
}
DEFAULT_ALGORITHM = 0x00  # the key's own, in older editions of SP 800-78; OpenSC asks so for random numbers
OBJECT_LIMIT = 3063  # content of one data object, bytes
MEMORY = 51200  # content of all data objects, bytes
DIGITS = frozenset(b"0123456789")

Handler: TypeAlias = Callable[[CommandAPDU], bytes]


@dataclass(slots=True)
class Session:
    """What the card forgets at power-off, reset, and when another application is selected."""

    pin: bool = False
    pin_just_verified: bool = False
    administrator: bool = False
    pending: tuple[str, bytes] | None = None  # "challenge" or "witness", and the block expected back


class PIVApplication:
    """The PIV Card Application (SP 800-73-5 part 2, 3)."""

    def __init__(
        self, state: PIVState, key_maker: KeyMaker = make_key, *, dialect: bool = True, messaging: int | None = None
    ) -> None:
        self.state = state
        self._messaging = () if messaging is None else (messaging,)
        self._generating = {0x80, 0xAA, 0xAB} if dialect else {0x80}
        self.session = Session()
        self._key_maker = key_maker
        self._handlers: dict[int, Handler] = {
            INS.GET_DATA: self._get_data,
            INS.PUT_DATA: self._put_data,
            INS.VERIFY: self._verify,
            INS.CHANGE_REFERENCE_DATA: self._change_reference_data,
            INS.RESET_RETRY_COUNTER: self._reset_retry_counter,
            INS.GENERATE_ASYMMETRIC_KEY_PAIR: self._generate,
            INS.GENERAL_AUTHENTICATE: self._general_authenticate,
            **(YubicoDialect(self).handlers if dialect else {}),
        }

    @property
    def aid(self) -> bytes:
        """A0 00 00 03 08 00 00 10 00 01 00 (part 1, 2.2)."""
        return PIV_AID

    def select(self, command: CommandAPDU) -> ResponseAPDU:
        """Answer with the application property template; security status is unchanged (part 2, 3.1.1)."""
        if not command.data or not PIV_AID.startswith(command.data):
            raise Refused(SW.NOT_FOUND)
        authority = tlv.encode(0x79, tlv.encode(0x4F, PIV_AID[:5]))
        mechanisms = (*Algorithm, self.state.administration.algorithm, *self._messaging)
        algorithms = b"".join(tlv.encode(0x80, bytes([algorithm])) for algorithm in mechanisms)
        template = tlv.encode(
            0x61,
            tlv.encode(0x4F, PIV_AID),
            authority,
            tlv.encode(0x50, b"Simulated ZORG-ID Smartcard"),
            tlv.encode(0xAC, algorithms, tlv.encode(0x06, b"\0")),
        )
        return ResponseAPDU(template, SW.OK)

    def deselect(self) -> None:
        """All security status indicators become FALSE (part 2, 3.1.1)."""
        self.session = Session()

    def reset(self) -> None:
        """All security status indicators become FALSE."""
        self.session = Session()

    def process(self, command: CommandAPDU) -> ResponseAPDU:
        """Answer a command; which ones there are is in the table of handlers."""
        if command.ins != INS.GENERAL_AUTHENTICATE:
            self.session.pin_just_verified = False
            self.session.pending = None
        if command.cla != 0x00:
            raise Refused(SW.CLA_UNKNOWN)
        if command.ins == INS.SELECT:
            raise Refused(SW.NOT_FOUND)
        handler = self._handlers.get(command.ins)
        if handler is None:
            raise Refused(SW.INS_UNKNOWN)
        try:
            return ResponseAPDU(handler(command), SW.OK)
        except TLVError:
            raise Refused(SW.WRONG_DATA) from None

    # --- security conditions, also for the dialect

    def require_administrator(self) -> None:
        """Refuse with 6982 unless the administration key has been authenticated."""
        if not self.session.administrator:
            raise Refused(SW.SECURITY_STATUS)

    def require_slot(self, slot: int) -> None:
        """Refuse with 6A86 what is not the reference of an asymmetric key on this card."""
        if slot not in USABLE and slot != ATTESTATION:
            raise Refused(SW.WRONG_P1P2)

    def policies(self, slot: int, template: Mapping[int, bytes]) -> tuple[PINPolicy, TouchPolicy]:
        """The policies asked for in tags AA and AB, or the slot's own (part 1, table 5; Yubico)."""
        try:
            pin = PINPolicy(one_byte(template[0xAA])) if 0xAA in template else DEFAULT_POLICY.get(slot, PINPolicy.ONCE)
            touch = TouchPolicy(one_byte(template[0xAB])) if 0xAB in template else TouchPolicy.NEVER
        except ValueError:
            raise Refused(SW.WRONG_DATA) from None
        return pin, touch

    # --- data

    def _get_data(self, command: CommandAPDU) -> bytes:
        """GET DATA (part 2, 3.1.2)."""
        if (command.p1, command.p2) != (0x3F, 0xFF):
            raise Refused(SW.WRONG_P1P2)
        parts = tlv.Index(command.data).items()
        if [tag for tag, _ in parts] != [0x5C]:
            raise Refused(SW.WRONG_DATA)
        tag = int.from_bytes(parts[0][1], "big")
        row = OBJECTS.get(tag)
        if row is None:
            raise Refused(SW.NOT_FOUND)
        if row.read is Read.PIN and not self.session.pin:
            raise Refused(SW.SECURITY_STATUS)
        content = self.state.objects.get(tag)
        if not content:
            raise Refused(SW.NOT_FOUND)
        return content if tag in OWN_TEMPLATE else tlv.encode(0x53, content)

    def _put_data(self, command: CommandAPDU) -> bytes:
        """PUT DATA (part 2, 3.3.1): replaces one object whole, or changes nothing."""
        self.require_administrator()
        if (command.p1, command.p2) != (0x3F, 0xFF):
            raise Refused(SW.WRONG_P1P2)
        tag, content = self._object_written(command.data)
        if tag not in OBJECTS:
            raise Refused(SW.FUNC_NOT_SUPPORTED)
        others = sum(len(value) for other, value in self.state.objects.items() if other != tag)
        if len(content) > OBJECT_LIMIT or others + len(content) > MEMORY:
            raise Refused(SW.NO_SPACE)
        self.state.objects[tag] = content
        return b""

    @staticmethod
    def _object_written(data: bytes) -> tuple[int, bytes]:
        """The tag and the new content, in either form of the command (part 2, tables of 3.3.1)."""
        parts = tlv.Index(data, opaque=OWN_TEMPLATE).items()
        tags = [tag for tag, _ in parts]
        if tags == [0x5C, 0x53]:
            tag = int.from_bytes(parts[0][1], "big")
            if tag in OWN_TEMPLATE:
                raise Refused(SW.WRONG_DATA)
            return tag, parts[1][1]
        if len(tags) == 1 and tags[0] in OWN_TEMPLATE:
            if tags[0] == DISCOVERY and tlv.Index(data).optional(DISCOVERY, 0x5F2F) != b"\x40\x00":
                raise Refused(SW.FUNC_NOT_SUPPORTED)  # this card has a PIV PIN and no other means (part 1, 3.3.2)
            return tags[0], data
        raise Refused(SW.WRONG_DATA)

    # --- PIN and PUK

    def _verify(self, command: CommandAPDU) -> bytes:
        """VERIFY (part 2, 3.2.1)."""
        if command.p1 not in {0x00, 0xFF}:
            raise Refused(SW.WRONG_P1P2)
        if command.p2 != PIN:
            raise Refused(SW.REF_NOT_FOUND)
        if command.p1 == 0xFF:
            if command.data:
                raise Refused(SW.WRONG_DATA)
            self.session.pin = False
        elif command.data:
            self._compare_pin(command.data)
            self.session.pin = self.session.pin_just_verified = True
        elif not self.session.pin:
            raise Refused(_tries(self.state.pin))
        return b""

    def _compare_pin(self, value: bytes) -> None:
        """Compare with the PIN; a malformed one of 8 bytes costs a try too (the standard allows it, Yubico does so)."""
        if self.state.pin.left == 0:
            raise Refused(SW.AUTH_BLOCKED)
        if len(value) != 8:
            raise Refused(SW.WRONG_DATA)
        if not self.state.pin.matches(value):
            self.session.pin = False
            raise Refused(_tries(self.state.pin))

    def _change_reference_data(self, command: CommandAPDU) -> bytes:
        """CHANGE REFERENCE DATA of PIN or PUK (part 2, 3.2.2)."""
        reference = self._reference(command, (PIN, PUK))
        old, new = command.data[:8], command.data[8:]
        if command.p2 == PUK:
            if not reference.matches(old):
                raise Refused(_tries(reference))
            reference.replace(new)
            return b""
        before = reference.left
        self._compare_pin(old)
        if not is_pin(new):
            reference.left = before
            raise Refused(SW.WRONG_DATA)
        reference.replace(new)
        self.session.pin = True
        return b""

    def _reset_retry_counter(self, command: CommandAPDU) -> bytes:
        """RESET RETRY COUNTER: a new PIN by way of the PUK; the PIN's security status stays (part 2, 3.2.3)."""
        self._reference(command, (PIN,), blocked_by=self.state.puk)
        before = self.state.puk.left
        if not self.state.puk.matches(command.data[:8]):
            self.session.pin = False
            raise Refused(_tries(self.state.puk))
        if not is_pin(command.data[8:]):
            self.state.puk.left = before
            raise Refused(SW.WRONG_DATA)
        self.state.pin.replace(command.data[8:])
        return b""

    def _reference(
        self, command: CommandAPDU, allowed: tuple[int, ...], blocked_by: Reference | None = None
    ) -> Reference:
        """The reference data that P2 names, after all checks that need no comparison."""
        if command.p2 not in allowed:
            raise Refused(SW.REF_NOT_FOUND)
        if command.p1 != 0x00:
            raise Refused(SW.WRONG_P1P2)
        reference = self.state.pin if command.p2 == PIN else self.state.puk
        if (blocked_by or reference).left == 0:
            raise Refused(SW.AUTH_BLOCKED)
        if len(command.data) != 16:
            raise Refused(SW.WRONG_DATA)
        return reference

    # --- keys

    def _generate(self, command: CommandAPDU) -> bytes:
        """GENERATE ASYMMETRIC KEY PAIR (part 2, 3.3.2), with Yubico's policies in tags AA and AB."""
        self.require_administrator()
        self.require_slot(command.p2)
        if command.p1 != 0x00:
            raise Refused(SW.WRONG_P1P2)
        template = dict(tlv.Index(command.data, opaque={0xAA, 0xAB}).items(0xAC))
        if not template.keys() <= self._generating:
            raise Refused(SW.WRONG_DATA)
        algorithm = asymmetric(one_byte(template.get(0x80, b"")), SW.WRONG_DATA)
        policies = self.policies(command.p2, template)
        key = CardKey(algorithm, self._key_maker(algorithm), *policies, Origin.GENERATED)
        self.state.keys[command.p2] = key
        return tlv.encode(0x7F49, key.public_objects())

    def _general_authenticate(self, command: CommandAPDU) -> bytes:
        """GENERAL AUTHENTICATE (part 2, 3.2.4)."""
        fresh, self.session.pin_just_verified = self.session.pin_just_verified, False
        pending, self.session.pending = self.session.pending, None
        parts = tlv.Index(command.data)
        if [tag for tag, _ in parts.items()] != [0x7C]:
            raise Refused(SW.WRONG_DATA)
        items = parts.items(0x7C)
        template = dict(items)
        if len(template) != len(items):
            raise Refused(SW.WRONG_DATA)
        if command.p2 == ADMINISTRATION:
            return self._authenticate_administrator(command.p1, template, pending)
        return self._use_key(command.p1, command.p2, template, fresh)

    def _use_key(self, algorithm: int, slot: int, template: Mapping[int, bytes], fresh: bool) -> bytes:
        """Sign (81 -> 82) or agree on a key (85 -> 82) with the private key of a slot (part 2, A.4 and A.5)."""
        if slot not in USABLE:
            raise Refused(SW.WRONG_P1P2)
        asymmetric(algorithm, SW.WRONG_P1P2)
        key = self.state.keys.get(slot)
        if key is None:
            raise Refused(SW.WRONG_DATA)  # as Yubico's firmware; the standard has no status word for an empty slot
        if key.algorithm != algorithm:
            raise Refused(SW.WRONG_P1P2)
        self._require_pin(key.pin_policy, fresh)
        operands = {tag: value for tag, value in template.items() if tag in {0x81, 0x85}}
        if template.get(0x82) != b"" or len(operands) != 1 or len(template) != 2:
            raise Refused(SW.WRONG_DATA)
        if 0x81 in operands:
            result = key.sign(operands[0x81])
        elif slot in NO_AGREEMENT:
            raise Refused(SW.WRONG_DATA)
        else:
            result = key.agree(operands[0x85])
        return tlv.encode(0x7C, tlv.encode(0x82, result))

    def _require_pin(self, policy: PINPolicy, fresh: bool) -> None:
        """ALWAYS: the PIN was verified by the command just before this one (part 1, 3.2.1)."""
        enough = {PINPolicy.NEVER: True, PINPolicy.ONCE: self.session.pin, PINPolicy.ALWAYS: fresh}
        if not enough[policy]:
            raise Refused(SW.SECURITY_STATUS)

    def _authenticate_administrator(
        self, algorithm: int, template: Mapping[int, bytes], pending: tuple[str, bytes] | None
    ) -> bytes:
        """Authenticate 9B by challenge (81 -> 82) or mutually by witness (80 -> 80 81 -> 82) (part 2, A.1).

        The card never encrypts a challenge for somebody who has not proven to hold the key: else it would answer its own.
        """
        key = self.state.administration
        if algorithm not in {key.algorithm, DEFAULT_ALGORITHM}:
            raise Refused(SW.WRONG_P1P2)
        asked = {tag: value for tag, value in template.items() if tag != 0x82 or value}
        if asked == {0x81: b""}:
            return self._ask(key, "challenge", 0x81)
        if asked == {0x80: b""}:
            return self._ask(key, "witness", 0x80)
        self.session.administrator = False
        if asked.keys() == {0x82}:
            self._answer(pending, "challenge", asked[0x82])
            return b""
        if asked.keys() == {0x80, 0x81} and len(asked[0x81]) == key.algorithm.block_size:
            self._answer(pending, "witness", asked[0x80])
            return tlv.encode(0x7C, tlv.encode(0x82, key.encrypt(asked[0x81])))
        raise Refused(SW.WRONG_DATA)

    def _ask(self, key: AdministrationKey, kind: str, tag: int) -> bytes:
        """Give a challenge in clear, or a witness encrypted; remember what must come back."""
        block = secrets.token_bytes(key.algorithm.block_size)
        encrypted = key.encrypt(block)
        expected, shown = (encrypted, block) if kind == "challenge" else (block, encrypted)
        self.session.pending = (kind, expected)
        return tlv.encode(0x7C, tlv.encode(tag, shown))

    def _answer(self, pending: tuple[str, bytes] | None, kind: str, value: bytes) -> None:
        if pending is None or pending[0] != kind or not hmac.compare_digest(pending[1], value):
            raise Refused(SW.SECURITY_STATUS)
        self.session.administrator = True


class VirtualPIVCard(VirtualCard):
    """A simulated blank or issued ZORG-ID Smartcard: PIV with Yubico's personalisation dialect.

    Args:
        state: what it remembers; :class:`~zorgid_card.testkit.maker.Maker` makes blank ones.
        key_maker: makes private keys for GENERATE ASYMMETRIC KEY PAIR; tests may hand out ready-made ones.
        extended: whether it takes extended length fields.
        dialect: whether it has Yubico's commands beside the standard's.
        channel: static keys of SCP03; None for those of the state, if there are any. With keys there is an issuer security domain.
        messaging: key of PIV secure messaging, where it has that (not among what :meth:`save` writes).
    """

    of_production: ClassVar[bool] = False
    """Whether the state of such cards has production data."""

    def __init__(
        self,
        state: PIVState,
        *,
        key_maker: KeyMaker = make_key,
        extended: bool = True,
        dialect: bool = True,
        channel: ChannelKeys | None = None,
        messaging: MessagingKey | None = None,
    ) -> None:
        self._state = state
        state.channel = channel or state.channel
        suite = None if messaging is None else messaging.suite.identifier
        application = PIVApplication(state, key_maker, dialect=dialect, messaging=suite)
        channels = [] if state.channel is None else [SCP03Layer(state.channel)]
        layers: list[Messaging] = [*channels]
        if messaging is not None:
            layers.append(PIVMessagingLayer(messaging))
        domains = [SecurityDomain(layer.options) for layer in channels]
        self._assemble(application, (application, *domains), layers, extended)

    def _assemble(
        self,
        application: PIVApplication,
        applications: Sequence[Application],
        layers: Sequence[Messaging],
        extended: bool,
    ) -> None:
        super().__init__(ATR, applications, default=application, extended=extended, le_optional=True, messaging=layers)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.serial}>"

    @property
    def serial(self) -> int:
        """The hardware serial number, as the card tells it."""
        return self._state.number

    @property
    def pin(self) -> bytes:
        """Its PIN as it is now, for who plays its holder; a real card tells it to nobody."""
        return self._state.pin.value.rstrip(b"\xff")

    @property
    def channel_keys(self) -> ChannelKeys | None:
        """The static keys of SCP03, if the card has that."""
        return self._state.channel

    def save(self, path: Path) -> None:
        """Write the card to a file, PIN and private keys in clear (:func:`~zorgid_card.testkit.piv_state.save_state`)."""
        save_state(self._state, path)

    @classmethod
    def load(cls, path: Path, *, key_maker: KeyMaker = make_key, extended: bool = True) -> Self:
        """Read a card from a file that :meth:`save` wrote; it is without power.

        Raises:
            StorageError: the file could not be read, or is not such a file.
        """
        state = load_state(path)
        if (state.production is not None) is not cls.of_production:
            raise StorageError(f"{path} holds a card of another dialect", reason="dialect")
        return cls(state, key_maker=key_maker, extended=extended)


def _tries(reference: Reference) -> int:
    """63CX (part 2, table 6)."""
    return 0x63C0 | min(reference.left, 0x0F)


def is_pin(value: bytes) -> bool:
    """Whether 8 bytes are 6 to 8 digits padded with FF (part 2, 2.4.3)."""
    digits = value.rstrip(b"\xff")
    return len(value) == 8 and len(digits) >= 6 and DIGITS.issuperset(digits)
