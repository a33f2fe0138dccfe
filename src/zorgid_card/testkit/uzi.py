"""A simulated UZI pass: a PKCS#15 card with three RSA keys (two on an M pass), a PIN and a PUK.

Written from ISO/IEC 7816-4:2020 (files, VERIFY, CHANGE REFERENCE DATA, RESET RETRY COUNTER, MANAGE SECURITY
ENVIRONMENT), 7816-8:2021 (PERFORM SECURITY OPERATION) and 7816-15. What a real pass does beyond that is not
public; see :mod:`~zorgid_card.testkit.uzi_layout` for what had to be assumed.

* The PIN and the PUK have three tries each; the PUK unblocks the PIN, and a blocked PUK ends the card's life.
* The authenticity and confidentiality keys want the PIN once; the signature key wants it anew for every
signature. * The card pads: COMPUTE DIGITAL SIGNATURE takes the DigestInfo (RFC 8017, 9.2) and adds the
padding of PKCS#1 v1.5.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from zorgid_card.codec import tlv
from zorgid_card.codec.apdu import INS, SW, CommandAPDU, ResponseAPDU
from zorgid_card.errors import StorageError, TLVError
from zorgid_card.testkit.card import Refused, VirtualCard
from zorgid_card.testkit.filesystem import SW_LENGTH_AND_P1P2, FileSystem
from zorgid_card.testkit.piv_state import Reference, read_json, write_json
from zorgid_card.testkit.pkcs15_files import AID
from zorgid_card.testkit.rsa_operations import pad_and_sign, recover
from zorgid_card.testkit.uzi_contents import PassContents
from zorgid_card.testkit.uzi_layout import LAYOUT_A, LAYOUTS, Layout, build
from zorgid_card.testkit.uzi_profile import Usage

ATR = bytes.fromhex("3BDC18FF8191FE1FC3060A2B06010401E910050204D6")
"""Answer to reset of a real pass (T=1, and a second protocol byte T=15 for global interface bytes)."""

OLDER_ATR = bytes.fromhex("3BFD1800FF8131FE4543494247555A494A324130383158")
"""Answer to reset of an older generation (historical bytes ``CIBGUZIJ2A081``)."""

DEFAULT_PIN, DEFAULT_PUK = b"123456", b"87654321"
TRIES = 3

SIGNING, DECIPHERING, AUTHENTICATING = 0xB6, 0xB8, 0xA4
"""Control reference templates (7816-4, 10.3.2): digital signature, confidentiality, authentication."""

_USES: Mapping[int, frozenset[Usage]] = {
    SIGNING: frozenset({Usage.AUTHENTICITY, Usage.SIGNATURE}),
    DECIPHERING: frozenset({Usage.CONFIDENTIALITY}),
    AUTHENTICATING: frozenset({Usage.AUTHENTICITY}),
}

_SIGN, _DECIPHER_INDICATED, _DECIPHER_PLAIN = (0x9E, 0x9A), (0x80, 0x86), (0x80, 0x84)
_SET, _RESTORE, _FOR_COMPUTATION = 0x01, 0x03, 0x40
_ALGORITHM, _FILE, _PRIVATE_KEY, _USAGE_QUALIFIER = 0x80, 0x81, 0x84, 0x95
_LOG_OUT = 0xFF
_NO_PADDING_INDICATION = 0x00

_FORMAT = "zorgid-card simulated UZI pass; keys, PIN and PUK in clear, for simulation only"


@dataclass(slots=True)
class _Session:
    """What the card forgets at a reset.

    ``fresh`` is the right to one signature with the signature key; ``environments`` the key chosen for each
    template.
    """

    pin: bool = False
    puk: bool = False
    fresh: bool = False
    environments: dict[int, Usage] = field(default_factory=dict)


class UZIApplication:
    """The card's operating system: files, reference data, keys. It is current from the reset on."""

    def __init__(
        self,
        contents: PassContents,
        layout: Layout,
        references: tuple[Reference, Reference],
        stored: Mapping[Usage, bytes],
    ) -> None:
        """Put the contents into files as the layout says; ``references`` are PIN and PUK."""
        self.contents, self.layout, self.stored = contents, layout, stored
        self.pin, self.puk = references
        self._files = FileSystem(build(layout, contents, stored), exact=layout.exact)
        self._session = _Session()
        self._handlers: Mapping[int, Callable[[CommandAPDU], ResponseAPDU]] = {
            INS.SELECT: self.select,
            INS.READ_BINARY: self._files.read_binary,
            INS.READ_RECORD: self._files.read_record,
            INS.VERIFY: self._verify,
            INS.CHANGE_REFERENCE_DATA: self._change_reference_data,
            INS.RESET_RETRY_COUNTER: self._reset_retry_counter,
            INS.MSE: self._manage_security_environment,
            INS.PSO: self._perform_security_operation,
            INS.INTERNAL_AUTHENTICATE: self._internal_authenticate,
            INS.GET_CHALLENGE: self._get_challenge,
        }

    @property
    def aid(self) -> bytes:
        """A0 00 00 00 63 and ``PKCS-15`` (7816-15, 5.4)."""
        return AID

    def select(self, command: CommandAPDU, /) -> ResponseAPDU:
        """SELECT; leaving the application ends what was verified for it and what was set up in it."""
        response = self._files.select(command)
        if self._files.current.name != AID:
            self._session.environments.clear()
            if self.layout.pin_is_local:
                self._session = _Session()
        return response

    def deselect(self) -> None:
        """Nothing else can be selected on this card."""

    def reset(self) -> None:
        """Forget everything volatile and select the master file."""
        self._session = _Session()
        self._files.reset()

    def process(self, command: CommandAPDU, /) -> ResponseAPDU:
        """Answer any command; what is not known is refused."""
        if command.cla:
            raise Refused(SW.CLA_UNKNOWN)
        handler = self._handlers.get(command.ins)
        if handler is None:
            raise Refused(SW.INS_UNKNOWN)
        return handler(command)

    def _reference(self, number: int) -> Reference:
        """PIN or PUK; a local one is known only in its application (7816-4, 11.5.1)."""
        reachable = not self.layout.pin_is_local or self._files.current.name == AID
        found = {self.layout.pin: self.pin, self.layout.puk: self.puk}.get(number) if reachable else None
        if found is None:
            raise Refused(SW.REF_NOT_FOUND)
        return found

    def _verify(self, command: CommandAPDU) -> ResponseAPDU:
        """VERIFY (11.5.6): compare, ask how many tries are left (no data), or log out (P1 = FF)."""
        reference = self._reference(command.p2)
        if command.p1 == _LOG_OUT and not command.data:
            self._log_out(reference)
            return _done()
        if command.p1:
            raise Refused(SW.WRONG_P1P2)
        if not command.data:
            return self._status(reference)
        self._compare(reference, command.data)
        self._session.pin |= reference is self.pin
        self._session.puk |= reference is self.puk
        self._session.fresh |= reference is self.pin
        return _done()

    def _status(self, reference: Reference) -> ResponseAPDU:
        if self._session.pin if reference is self.pin else self._session.puk:
            return _done()
        raise Refused(_tries(reference))

    def _log_out(self, reference: Reference) -> None:
        if reference is self.pin:
            self._session.pin = self._session.fresh = False
        else:
            self._session.puk = False

    def _compare(self, reference: Reference, value: bytes) -> None:
        """Spend a try, or answer 63CX or 6983; what cannot be a PIN is refused without spending one."""
        if reference.left == 0:
            raise Refused(SW.AUTH_BLOCKED)
        if not self.layout.pin_format.is_valid(value):
            raise Refused(SW.WRONG_DATA)
        if not reference.matches(value):
            self._log_out(reference)
            raise Refused(_tries(reference, after_a_try=True))

    def _take(self, reference: Reference, value: bytes) -> None:
        if not self.layout.pin_format.is_valid(value):
            raise Refused(SW.WRONG_DATA)
        reference.replace(value)

    def _split(self, reference: Reference, data: bytes) -> tuple[bytes, bytes]:
        """Old value and new; unpadded, the card knows how long its own is."""
        length = len(reference.value)
        if not self.layout.pin_format.is_valid(data[length:]):
            raise Refused(SW.WRONG_DATA)
        return data[:length], data[length:]

    def _change_reference_data(self, command: CommandAPDU) -> ResponseAPDU:
        """CHANGE REFERENCE DATA (11.5.7): old and new (P1 = 00), or new after a VERIFY (P1 = 01)."""
        reference = self._reference(command.p2)
        if command.p1 == 0:
            if reference.left == 0:
                raise Refused(SW.AUTH_BLOCKED)
            old, new = self._split(reference, command.data)
            self._compare(reference, old)
            self._take(reference, new)
            return _done()
        if command.p1 != 1:
            raise Refused(SW.WRONG_P1P2)
        if not (self._session.pin if reference is self.pin else self._session.puk):
            raise Refused(SW.SECURITY_STATUS)
        self._take(reference, command.data)
        return _done()

    def _reset_retry_counter(self, command: CommandAPDU) -> ResponseAPDU:
        """RESET RETRY COUNTER (11.5.10) of the PIN; P1 says if PUK (0, 1) and new PIN (0, 2) are given."""
        if self._reference(command.p2) is not self.pin:
            raise Refused(SW.REF_NOT_FOUND)
        if command.p1 > 3:
            raise Refused(SW.WRONG_P1P2)
        new: bytes | None = command.data if command.p1 == 2 else None
        if command.p1 in {0, 1}:
            if self.puk.left == 0:
                raise Refused(SW.AUTH_BLOCKED)
            code = command.data
            if command.p1 == 0:
                code, new = self._split(self.puk, command.data)
            self._compare(self.puk, code)
        elif not self._session.puk:
            raise Refused(SW.SECURITY_STATUS)
        self._take(self.pin, self.pin.value if new is None else new)
        return _done()

    def _manage_security_environment(self, command: CommandAPDU) -> ResponseAPDU:
        """MANAGE SECURITY ENVIRONMENT (11.5.11): SET for computation, RESTORE of the empty environment 1."""
        if command.p1 & 0x0F == _RESTORE and command.p2 == 1 and not command.data:
            self._session.environments.clear()
            return _done()
        if command.p1 & 0x0F != _SET or not command.p1 & _FOR_COMPUTATION or command.p2 not in _USES:
            raise Refused(SW.WRONG_P1P2)
        self._session.environments[command.p2] = self._chosen(command.p2, _objects(command.data))
        return _done()

    def _chosen(self, template: int, objects: Mapping[int, bytes]) -> Usage:
        """The key that the control reference data objects name (10.3.3)."""
        if not objects.keys() <= {_ALGORITHM, _FILE, _PRIVATE_KEY, _USAGE_QUALIFIER}:
            raise Refused(SW.WRONG_DATA)
        algorithm = objects.get(_ALGORITHM)
        if algorithm is not None and algorithm != bytes([self.layout.algorithm_reference]):
            raise Refused(SW.REF_NOT_FOUND)
        if _FILE in objects and not self._files.exists(objects[_FILE]):
            raise Refused(SW.REF_NOT_FOUND)
        usage = self._key(objects.get(_PRIVATE_KEY, b""))
        if usage not in _USES[template]:
            raise Refused(SW.CONDITIONS)
        return usage

    def _key(self, reference: bytes) -> Usage:
        """Keys belong to the application, so they are known only there."""
        if self._files.current.name == AID:
            for usage, number in self.layout.key_references.items():
                if reference == bytes([number]) and usage in self.contents.keys:
                    return usage
        raise Refused(SW.REF_NOT_FOUND)

    def _perform_security_operation(self, command: CommandAPDU) -> ResponseAPDU:
        """PERFORM SECURITY OPERATION (7816-8:2021): COMPUTE DIGITAL SIGNATURE or DECIPHER."""
        operation = (command.p1, command.p2)
        if operation == _SIGN:
            return self._sign(SIGNING, command.data)
        if operation not in {_DECIPHER_INDICATED, _DECIPHER_PLAIN}:
            raise Refused(SW.WRONG_P1P2)
        cryptogram = command.data
        if operation == _DECIPHER_INDICATED:
            if not cryptogram or cryptogram[0] != _NO_PADDING_INDICATION:
                raise Refused(SW.WRONG_DATA)
            cryptogram = cryptogram[1:]
        key = self.contents.keys[self._ready(DECIPHERING)]
        plain = recover(key, cryptogram)
        if plain is None:
            raise Refused(SW.WRONG_DATA)
        return ResponseAPDU(plain, SW.OK)

    def _internal_authenticate(self, command: CommandAPDU) -> ResponseAPDU:
        """INTERNAL AUTHENTICATE (11.5.2): sign the challenge; P2 may name the key in place of MSE SET."""
        if command.p1 not in {0, self.layout.algorithm_reference}:
            raise Refused(SW.WRONG_P1P2)
        if command.p2:
            usage = self._key(bytes([command.p2]))
            if usage not in _USES[AUTHENTICATING]:
                raise Refused(SW.CONDITIONS)
            self._session.environments[AUTHENTICATING] = usage
        return self._sign(AUTHENTICATING, command.data)

    def _ready(self, template: int) -> Usage:
        """The key set for this use, if the security status allows; the signature key's right is consumed."""
        usage = self._session.environments.get(template)
        if usage is None:
            raise Refused(SW.CONDITIONS)
        allowed = self._session.fresh if usage is Usage.SIGNATURE else self._session.pin
        if usage is Usage.SIGNATURE:
            self._session.fresh = False
        if not allowed:
            raise Refused(SW.SECURITY_STATUS)
        return usage

    def _sign(self, template: int, data: bytes) -> ResponseAPDU:
        key = self.contents.keys[self._ready(template)]
        signature = pad_and_sign(key, data)
        if signature is None:
            raise Refused(SW.WRONG_LENGTH)
        return ResponseAPDU(signature, SW.OK)

    def _get_challenge(self, command: CommandAPDU) -> ResponseAPDU:
        """GET CHALLENGE (11.5.3): random bytes, as many as are asked for."""
        if command.p1 or command.p2:
            raise Refused(SW.WRONG_P1P2)
        if command.data:
            raise Refused(SW_LENGTH_AND_P1P2)
        return ResponseAPDU(secrets.token_bytes(command.ne), SW.OK)


class VirtualUZIPass(VirtualCard):
    """A simulated UZI pass.

    Args:
        contents: what the test PKI issued.
        layout: how its files are laid out.
        pin: the PIN, 6 to 8 digits.
        puk: the PUK, 6 to 8 digits.
        atr: answer to reset.
        extended: whether the card takes extended length; real passes' ATRs do not say so.
        stored: octets for certificate files in place of the certificates: a card that went bad.
    """

    def __init__(
        self,
        contents: PassContents,
        *,
        layout: Layout = LAYOUT_A,
        pin: bytes = DEFAULT_PIN,
        puk: bytes = DEFAULT_PUK,
        atr: bytes = ATR,
        extended: bool = False,
        stored: Mapping[Usage, bytes] | None = None,
    ) -> None:
        """Personalise the card."""
        form = layout.pin_format
        references = (Reference(form.encode(pin), TRIES, TRIES), Reference(form.encode(puk), TRIES, TRIES))
        if not all(form.is_valid(reference.value) for reference in references):
            raise ValueError("PIN and PUK have 6 to 8 digits")
        self._application = UZIApplication(contents, layout, references, stored or {})
        super().__init__(atr, default=self._application, extended=extended)

    @property
    def contents(self) -> PassContents:
        """What the pass holds."""
        return self._application.contents

    @property
    def layout(self) -> Layout:
        """How its files are laid out."""
        return self._application.layout

    @property
    def tries_left(self) -> tuple[int, int]:
        """How many tries the PIN and the PUK have left."""
        return self._application.pin.left, self._application.puk.left

    def save(self, path: Path) -> None:
        """Write the card to a file, **private keys, PIN and PUK in clear**; readable by its owner only.

        Raises:
            StorageError: the file could not be written.
        """
        application = self._application
        references = {"pin": application.pin, "puk": application.puk}
        record = {
            "format": _FORMAT,
            "layout": application.layout.name,
            "atr": self.atr.hex(),
            "extended": self._extended,
            "contents": application.contents.record(),
            "stored": {usage: octets.hex() for usage, octets in application.stored.items()},
            **{name: {"value": ref.value.hex(), "left": ref.left} for name, ref in references.items()},
        }
        write_json(record, path)

    @classmethod
    def load(cls, path: Path) -> VirtualUZIPass:
        """Read a card that :meth:`save` wrote; it has no power yet.

        Raises:
            StorageError: the file could not be read, or is not such a file.
        """
        record = read_json(path, _FORMAT)
        try:
            card = cls(
                PassContents.of_record(record["contents"]),
                layout=LAYOUTS[record["layout"]],
                atr=bytes.fromhex(record["atr"]),
                extended=bool(record["extended"]),
                stored={Usage(usage): bytes.fromhex(octets) for usage, octets in record["stored"].items()},
            )
            for name in ("pin", "puk"):
                kept: Reference = getattr(card._application, name)
                kept.value, kept.left = bytes.fromhex(record[name]["value"]), int(record[name]["left"])
                if not card.layout.pin_format.is_valid(kept.value) or not 0 <= kept.left <= TRIES:
                    raise ValueError(name)
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise StorageError(f"{path} is not a simulated pass", reason=type(error).__name__) from None
        return card


def _done() -> ResponseAPDU:
    return ResponseAPDU(b"", SW.OK)


def _tries(reference: Reference, *, after_a_try: bool = False) -> int:
    """63CX; 6983 where none is left and nothing was tried just now (11.5.1)."""
    return SW.AUTH_BLOCKED if reference.left == 0 and not after_a_try else 0x63C0 | reference.left


def _objects(data: bytes) -> dict[int, bytes]:
    try:
        return dict(tlv.Index(data).items())
    except TLVError:
        raise Refused(SW.WRONG_DATA) from None
