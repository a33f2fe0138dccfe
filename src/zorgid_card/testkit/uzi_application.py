"""The operating system of a simulated UZI pass: files, PIN and PUK, keys.

Written from ISO/IEC 7816-4:2020 (files, VERIFY, CHANGE REFERENCE DATA, RESET RETRY COUNTER, MANAGE SECURITY
ENVIRONMENT), 7816-8:2021 (PERFORM SECURITY OPERATION) and 7816-15. What a real pass does beyond that is not
public; see :mod:`~zorgid_card.testkit.uzi_layout` for what had to be assumed.

* PIN and PUK have three tries each; the PUK unblocks the PIN, and a blocked PUK ends the card's life.
* A key wants its PIN once, or anew after as many uses as the layout says: the signature key of a pass for every one.
* What COMPUTE DIGITAL SIGNATURE takes depends on the algorithm: in layouts A and B the card pads, and takes the DigestInfo (RFC
  8017, 9.2) for PKCS#1 v1.5.
* **Assumption**, for how a real pass does it is not public: one that is not activated says so by the PIN's flag *initialized*
  (7816-15, 8.9.2), refuses to use its keys (6985), and is activated by ACTIVATE FILE (7816-9, 7.3) with the PIN verified.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from zorgid_card.codec import tlv
from zorgid_card.codec.apdu import INS, SW, CommandAPDU, ResponseAPDU
from zorgid_card.errors import TLVError
from zorgid_card.testkit.card import Refused
from zorgid_card.testkit.filesystem import DF, SW_LENGTH_AND_P1P2, FileSystem
from zorgid_card.testkit.piv_state import Reference
from zorgid_card.testkit.pkcs15_files import AID, Algorithm
from zorgid_card.testkit.uzi_contents import PassContents
from zorgid_card.testkit.uzi_files import build
from zorgid_card.testkit.uzi_keys import agree, decipher, sign
from zorgid_card.testkit.uzi_layout import Layout, PINFormat
from zorgid_card.testkit.uzi_profile import Usage

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
_ACTIVATE_FILE = 0x44
_NO_PADDING_INDICATION = 0x00


@dataclass(slots=True)
class _Session:
    """What the card forgets at a reset.

    ``verified`` are the numbers of what was verified; ``uses`` how often each key that counts may yet be used; ``environments`` the
    key and the algorithm chosen for each template.
    """

    verified: set[int] = field(default_factory=set)
    uses: dict[Usage, int] = field(default_factory=dict)
    environments: dict[int, tuple[Usage, Algorithm]] = field(default_factory=dict)


class UZIApplication:
    """The card's operating system: files, reference data, keys. It is current from the reset on."""

    def __init__(
        self,
        contents: PassContents,
        layout: Layout,
        references: tuple[Reference, Reference, Reference],
        stored: Mapping[Usage, bytes],
        *,
        activated: bool = True,
    ) -> None:
        """Put the contents into files as the layout says; ``references`` are PIN, PUK and the signature's PIN."""
        self.contents, self.layout, self.stored, self.activated = contents, layout, stored, activated
        self.pin, self.puk, self.signature_pin = references
        self._files = FileSystem(self._root(), exact=layout.exact)
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
            _ACTIVATE_FILE: self._activate_file,
        }

    def _root(self) -> DF:
        return build(self.layout, self.contents, self.stored, activated=self.activated)

    @property
    def aid(self) -> bytes:
        """A0 00 00 00 63 and ``PKCS-15`` (7816-15, 5.4)."""
        return AID

    def select(self, command: CommandAPDU, /) -> ResponseAPDU:
        """SELECT; leaving the application ends what was verified for it and what was set up in it."""
        response = self._files.select(command)
        if not self._is_inside():
            self._session.environments.clear()
            if self.layout.pin_is_local:
                self._session = _Session()
        return response

    def _is_inside(self, df: int | None = None) -> bool:
        """Whether the application is current, or a directory of it; or the one named."""
        current = self._files.current
        if df is not None:
            return current.id == df
        return current.name == AID or (current.parent is not None and current.parent.name == AID)

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
        """PIN or PUK; a local one is known only in its application, or its directory (7816-4, 11.5.1)."""
        layout = self.layout
        own = layout.signature_pin
        if own is not None and number == own.reference and self._is_inside(layout.signature_df or layout.df):
            return self.signature_pin
        reachable = not layout.pin_is_local or self._is_inside(layout.df)
        found = {layout.pin: self.pin, layout.puk: self.puk}.get(number) if reachable else None
        if found is None:
            raise Refused(SW.REF_NOT_FOUND)
        return found

    def _number(self, reference: Reference) -> int:
        if reference is self.signature_pin and self.layout.signature_pin is not None:
            return self.layout.signature_pin.reference
        return self.layout.pin if reference is self.pin else self.layout.puk

    def form(self, reference: Reference) -> PINFormat:
        """How the octets of PIN or PUK are made."""
        own = self.layout.signature_pin
        return own.form if own is not None and reference is self.signature_pin else self.layout.pin_format

    def _guard(self, usage: Usage) -> int:
        """The PIN of a key."""
        own = self.layout.signature_pin
        return own.reference if own is not None and usage is Usage.SIGNATURE else self.layout.pin

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
        number = self._number(reference)
        self._session.verified.add(number)
        self._session.uses |= {u: n for u, n in self.layout.consent.items() if self._guard(u) == number}
        return _done()

    def _is_verified(self, reference: Reference) -> bool:
        return self._number(reference) in self._session.verified

    def _status(self, reference: Reference) -> ResponseAPDU:
        if self._is_verified(reference):
            return _done()
        raise Refused(_tries(reference))

    def _log_out(self, reference: Reference) -> None:
        self._session.verified.discard(self._number(reference))

    def _compare(self, reference: Reference, value: bytes) -> None:
        """Spend a try, or answer 63CX or 6983; what cannot be a PIN is refused without spending one."""
        if reference.left == 0:
            raise Refused(SW.AUTH_BLOCKED)
        if not self.form(reference).is_valid(value):
            raise Refused(SW.WRONG_DATA)
        if not reference.matches(value):
            self._log_out(reference)
            raise Refused(_tries(reference, after_a_try=True))

    def _take(self, reference: Reference, value: bytes) -> None:
        if not self.form(reference).is_valid(value):
            raise Refused(SW.WRONG_DATA)
        reference.replace(value)

    def _split(self, reference: Reference, data: bytes) -> tuple[bytes, bytes]:
        """Old value and new; unpadded, the card knows how long its own is."""
        length = len(reference.value)
        return data[:length], data[length:]

    def _change_reference_data(self, command: CommandAPDU) -> ResponseAPDU:
        """CHANGE REFERENCE DATA (11.5.7): old and new (P1 = 00), or new after a VERIFY (P1 = 01)."""
        reference = self._reference(command.p2)
        if command.p1 == 0:
            if reference.left == 0:
                raise Refused(SW.AUTH_BLOCKED)
            old, new = self._split(reference, command.data)
            if not self.form(reference).is_valid(new):
                raise Refused(SW.WRONG_DATA)
            self._compare(reference, old)
            self._take(reference, new)
            return _done()
        if command.p1 != 1:
            raise Refused(SW.WRONG_P1P2)
        if not self._is_verified(reference):
            raise Refused(SW.SECURITY_STATUS)
        self._take(reference, command.data)
        return _done()

    def _reset_retry_counter(self, command: CommandAPDU) -> ResponseAPDU:
        """RESET RETRY COUNTER (11.5.10) of the PIN; P1 says if PUK (0, 1) and new PIN (0, 2) are given."""
        pin = self._reference(command.p2)
        if pin is self.puk:
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
                if not self.form(pin).is_valid(new):
                    raise Refused(SW.WRONG_DATA)
            self._compare(self.puk, code)
        elif not self._is_verified(self.puk):
            raise Refused(SW.SECURITY_STATUS)
        self._take(pin, pin.value if new is None else new)
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

    def _chosen(self, template: int, objects: Mapping[int, bytes]) -> tuple[Usage, Algorithm]:
        """The key, and the algorithm, that the control reference data objects name (10.3.3)."""
        if not objects.keys() <= {_ALGORITHM, _FILE, _PRIVATE_KEY, _USAGE_QUALIFIER}:
            raise Refused(SW.WRONG_DATA)
        named, known = objects.get(_ALGORITHM), self.layout.algorithms
        if named is not None and named not in [bytes([one.card_reference]) for one in known]:
            raise Refused(SW.REF_NOT_FOUND)
        if _FILE in objects and not self._files.exists(objects[_FILE]):
            raise Refused(SW.REF_NOT_FOUND)
        usage = self._key(objects.get(_PRIVATE_KEY, b""))
        if not self._is_for(usage, template):
            raise Refused(SW.CONDITIONS)
        return usage, self._algorithm(usage, named)

    def _algorithm(self, usage: Usage, named: bytes | None = None) -> Algorithm:
        """The one named, if it is one of the key's; else the key's first."""
        for one in self.layout.usable(usage):
            if named in (None, bytes([one.card_reference])):
                return one
        raise Refused(SW.REF_NOT_FOUND)

    def _is_for(self, usage: Usage, template: int) -> bool:
        apart = usage in self.layout.authenticating and template != AUTHENTICATING
        return usage in _USES[template] and not apart

    def _key(self, reference: bytes) -> Usage:
        """Keys belong to the application, or to a directory of it, and are known only there."""
        for usage, number in self.layout.key_references.items():
            if reference == bytes([number]) and usage in self.contents.keys and self._is_inside(self._place(usage)):
                return usage
        raise Refused(SW.REF_NOT_FOUND)

    def _place(self, usage: Usage) -> int:
        apart = self.layout.signature_df
        return apart if apart is not None and usage is Usage.SIGNATURE else self.layout.df

    def _perform_security_operation(self, command: CommandAPDU) -> ResponseAPDU:
        """PERFORM SECURITY OPERATION (7816-8:2021): COMPUTE DIGITAL SIGNATURE or DECIPHER."""
        operation = (command.p1, command.p2)
        if operation == _SIGN:
            return self._sign(SIGNING, command.data)
        if operation not in {_DECIPHER_INDICATED, _DECIPHER_PLAIN}:
            raise Refused(SW.WRONG_P1P2)
        usage, algorithm = self._ready(DECIPHERING)
        key, data = self.contents.keys[usage], command.data
        plain = agree(key, algorithm.mechanism, data) if operation == _DECIPHER_INDICATED else None
        if plain is None and operation == _DECIPHER_INDICATED:
            if not data or data[0] != _NO_PADDING_INDICATION:
                raise Refused(SW.WRONG_DATA)
            data = data[1:]
        plain = decipher(key, algorithm.mechanism, data) if plain is None else plain
        if plain is None:
            raise Refused(SW.WRONG_DATA)
        return ResponseAPDU(plain, SW.OK)

    def _internal_authenticate(self, command: CommandAPDU) -> ResponseAPDU:
        """INTERNAL AUTHENTICATE (11.5.2): sign the challenge; P2 may name the key in place of MSE SET."""
        if command.p1 not in {0, self.layout.algorithm_reference}:
            raise Refused(SW.WRONG_P1P2)
        if command.p2:
            usage = self._key(bytes([command.p2]))
            if not self._is_for(usage, AUTHENTICATING):
                raise Refused(SW.CONDITIONS)
            self._session.environments[AUTHENTICATING] = usage, self._algorithm(usage)
        return self._sign(AUTHENTICATING, command.data)

    def _ready(self, template: int) -> tuple[Usage, Algorithm]:
        """The key set for this use, if the security status allows; a use that is counted is consumed."""
        chosen = self._session.environments.get(template)
        if chosen is None or not self.activated:
            raise Refused(SW.CONDITIONS)
        usage = chosen[0]
        allowed = self._guard(usage) in self._session.verified
        if usage in self.layout.consent:
            left = self._session.uses.get(usage, 0)
            self._session.uses[usage] = max(left - 1, 0)
            allowed &= left > 0
        if not allowed:
            raise Refused(SW.SECURITY_STATUS)
        return chosen

    def _sign(self, template: int, data: bytes) -> ResponseAPDU:
        usage, algorithm = self._ready(template)
        signature = sign(self.contents.keys[usage], algorithm.mechanism, data)
        if signature is None:
            raise Refused(SW.WRONG_LENGTH)
        return ResponseAPDU(signature, SW.OK)

    def _activate_file(self, command: CommandAPDU) -> ResponseAPDU:
        """ACTIVATE FILE (7816-9, 7.3) of the application, with the PIN verified: once, and for good."""
        if command.p1 or command.p2 or command.data:
            raise Refused(SW.WRONG_P1P2)
        if not self._is_inside(self.layout.df):
            raise Refused(SW.NO_CURRENT_FILE)
        if self.activated:
            raise Refused(SW.CONDITIONS)
        if not self._is_verified(self.pin):
            raise Refused(SW.SECURITY_STATUS)
        self.activated = True
        self._files.renew(self._root(), self.layout.df)
        return _done()

    @staticmethod
    def _get_challenge(command: CommandAPDU) -> ResponseAPDU:
        """GET CHALLENGE (11.5.3): random bytes, as many as are asked for."""
        if command.p1 or command.p2:
            raise Refused(SW.WRONG_P1P2)
        if command.data:
            raise Refused(SW_LENGTH_AND_P1P2)
        return ResponseAPDU(secrets.token_bytes(command.ne), SW.OK)


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
