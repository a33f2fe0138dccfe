"""File layouts for a simulated UZI pass.

**Assumption.** The layout of a real pass is not public: its file identifiers, key references, labels and PIN references are
unknown. All layouts here follow ISO/IEC 7816-15 and differ in everything that it leaves free, so that a client has to discover a
card's layout; none claims to be a real pass's. C and D use what the standard allows and no pass is known to: they are here so that
a client that works on any card of the standard can show it.

============  ======================  =======================  ==============================  ===================================
what          ``A``                   ``B``                    ``C``                           ``D``
============  ======================  =======================  ==============================  ===================================
EF.DIR        transparent             linear records           names EF.OD and EF.CIAInfo      none: the name must be known
application   3F00/5015               3F00/DF20                3F00/DF30                       3F00/5015
paths         from the master file    relative                 from the master file            from the master file
certificates  a file each             parts of one file        a file each                     signature's in a directory of its own
CA list       trusted certificates    useful certificates      useful certificates             trusted certificates
public keys   not listed              listed, by value         not listed                      not listed
identifiers   one byte                SHA-1 of the public key  one byte                        SHA-1 of the public key
keys          RSA                     RSA                      P-256                           RSA
signatures    PKCS #1 v1.5            PKCS #1 v1.5             ECDSA, r and s plain            PSS and PKCS #1 v1.5 by the card
log-in key    COMPUTE SIGNATURE too   COMPUTE SIGNATURE too    INTERNAL AUTHENTICATE only      COMPUTE SIGNATURE, bare RSA
deciphering   padding off             padding off              ECDH by DECIPHER                padding left on
PIN           81, local, digits,      03, global, any          81, local, BCD, padded with F   03, global, half nibbles; another,
              padded with 00          character, unpadded                                      ISO 9564, for the signature key
PIN wanted    signature: each time    signature: each time     log-in: every third use;        signature: each time
                                                               signature: each time
files         longer than contents    exact; 6Cxx              exact                           longer than contents
============  ======================  =======================  ==============================  ===================================
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from zorgid_card.testkit import pkcs15_files as p15
from zorgid_card.testkit.uzi_profile import Usage


class PINCoding(StrEnum):
    """How a digit becomes bits (PasswordType, 8.9.2)."""

    ASCII = "ascii"
    BCD = "bcd"
    HALF_NIBBLE = "half nibble"
    ISO_9564 = "iso 9564"


_FORMAT_2 = 0x20


@dataclass(frozen=True, slots=True)
class PINFormat:
    """How a PIN is sent: 6 to 8 characters (CPS UZI-register), digits or any, padded to 8 bytes or not; or coded otherwise."""

    digits_only: bool
    pad: int | None
    minimum: int = 6
    maximum: int = 8
    coding: PINCoding = PINCoding.ASCII

    @property
    def stored(self) -> int:
        """Bytes that it takes on the card."""
        return {PINCoding.BCD: self.maximum // 2}.get(self.coding, self.maximum)

    @property
    def kind(self) -> int:
        """Its PasswordType."""
        coded = {
            PINCoding.BCD: p15.BCD,
            PINCoding.HALF_NIBBLE: p15.HALF_NIBBLE_BCD,
            PINCoding.ISO_9564: p15.ISO_9564_1,
        }
        return coded.get(self.coding, p15.ASCII_NUMERIC if self.digits_only else p15.UTF8)

    def is_valid(self, value: bytes) -> bool:
        """Whether these bytes are a PIN as the card takes it."""
        if self.coding is not PINCoding.ASCII:
            return any(self.encode(digits) == value for digits in self._read(value))
        pin = value
        if self.pad is not None:
            if len(value) != self.maximum:
                return False
            pin = value.rstrip(bytes([self.pad]))
        if not self.minimum <= len(pin) <= self.maximum:
            return False
        return pin.isdigit() if self.digits_only else all(0x20 <= byte < 0x7F for byte in pin)

    def _read(self, value: bytes) -> Iterator[bytes]:
        """The digits that these bytes may stand for."""
        hexadecimal = value.hex()
        if self.coding is PINCoding.ISO_9564:
            hexadecimal = hexadecimal[2:]
        if self.coding is PINCoding.HALF_NIBBLE:
            hexadecimal = hexadecimal[1::2]
        digits = hexadecimal.rstrip("f")
        if digits.isdigit() and self.minimum <= len(digits) <= self.maximum:
            yield digits.encode()

    def encode(self, pin: bytes) -> bytes:
        """The PIN as it is sent."""
        digits = pin.decode("latin-1")
        if self.coding is PINCoding.BCD:
            return bytes.fromhex(digits.ljust(2 * self.stored, "f"))
        if self.coding is PINCoding.HALF_NIBBLE:
            return bytes(0xF0 | int(digit) for digit in digits).ljust(self.stored, b"\xff")
        if self.coding is PINCoding.ISO_9564:
            return bytes([_FORMAT_2 | len(pin)]) + bytes.fromhex(digits.ljust(14, "f"))
        return pin if self.pad is None else pin.ljust(self.maximum, bytes([self.pad]))


class Identifiers(StrEnum):
    """What identifies a key and its certificate in the directory files."""

    COUNTER = "counter"
    KEY_HASH = "key hash"


@dataclass(frozen=True, slots=True)
class SignaturePIN:
    """A PIN of its own for the signature key, known in that key's directory; the PUK is the other PIN's."""

    reference: int
    form: PINFormat


RSA_PADDED = p15.Algorithm(1, p15.CKM_RSA_PKCS, (p15.COMPUTE_SIGNATURE, p15.DECIPHER), p15.RSA_OID, 0x02)
_ALL_OF_THE_FIRST: Mapping[Usage, tuple[int, ...]] = dict.fromkeys(Usage, (1,))


@dataclass(frozen=True, slots=True)
class Layout:
    """Everything that ISO/IEC 7816-15 leaves to who makes the card.

    ``signature_df`` is a directory in the application for the signature key alone. Keys of ``authenticating`` are used by INTERNAL
    AUTHENTICATE and by nothing else. ``consent`` is how many uses of a key one VERIFY allows.
    """

    name: str
    df: int
    relative: bool
    dir_records: bool
    one_certificate_file: bool
    ca_kind: int
    public_keys: bool
    identifiers: Identifiers
    key_references: Mapping[Usage, int]
    pin: int
    puk: int
    pin_format: PINFormat
    room: int
    exact: bool
    first_file: int
    algorithms: tuple[p15.Algorithm, ...] = (RSA_PADDED,)
    key_algorithms: Mapping[Usage, tuple[int, ...]] = field(default_factory=lambda: _ALL_OF_THE_FIRST)
    authenticating: frozenset[Usage] = frozenset()
    consent: Mapping[Usage, int] = field(default_factory=lambda: {Usage.SIGNATURE: 1})
    ef_dir: bool = True
    odf: int = p15.EF_OD
    info: int = p15.EF_CIA_INFO
    signature_df: int | None = None
    signature_pin: SignaturePIN | None = None
    curve: bool = False

    @property
    def algorithm_reference(self) -> int:
        """The card's own number of its first algorithm."""
        return self.algorithms[0].card_reference

    def usable(self, usage: Usage) -> list[p15.Algorithm]:
        """The algorithms of a key."""
        return [one for one in self.algorithms if one.number in self.key_algorithms[usage]]

    @property
    def pin_is_local(self) -> bool:
        """Bit 8 of a reference says that it belongs to the current DF (ISO/IEC 7816-4, 11.5.1)."""
        return bool(self.pin & 0x80)


LAYOUT_A = Layout(
    name="A",
    df=0x5015,
    relative=False,
    dir_records=False,
    one_certificate_file=False,
    ca_kind=p15.TRUSTED_CERTIFICATES,
    public_keys=False,
    identifiers=Identifiers.COUNTER,
    key_references={Usage.AUTHENTICITY: 0x91, Usage.SIGNATURE: 0x92, Usage.CONFIDENTIALITY: 0x93},
    pin=0x81,
    puk=0x82,
    pin_format=PINFormat(digits_only=True, pad=0x00),
    room=64,
    exact=False,
    first_file=0x4401,
)
LAYOUT_B = Layout(
    name="B",
    df=0xDF20,
    relative=True,
    dir_records=True,
    one_certificate_file=True,
    ca_kind=p15.USEFUL_CERTIFICATES,
    public_keys=True,
    identifiers=Identifiers.KEY_HASH,
    key_references={Usage.AUTHENTICITY: 0x87, Usage.SIGNATURE: 0x85, Usage.CONFIDENTIALITY: 0x86},
    algorithms=(replace(RSA_PADDED, card_reference=0x12),),
    pin=0x03,
    puk=0x04,
    pin_format=PINFormat(digits_only=False, pad=None),
    room=0,
    exact=True,
    first_file=0xE001,
)
LAYOUT_C = Layout(
    name="C",
    df=0xDF30,
    relative=False,
    dir_records=False,
    one_certificate_file=False,
    ca_kind=p15.USEFUL_CERTIFICATES,
    public_keys=False,
    identifiers=Identifiers.COUNTER,
    key_references={Usage.AUTHENTICITY: 0x01, Usage.SIGNATURE: 0x02, Usage.CONFIDENTIALITY: 0x03},
    pin=0x81,
    puk=0x82,
    pin_format=PINFormat(digits_only=True, pad=0xFF, coding=PINCoding.BCD),
    room=0,
    exact=True,
    first_file=0x4101,
    algorithms=(
        p15.Algorithm(1, p15.CKM_ECDSA, (p15.COMPUTE_SIGNATURE,), p15.ECDSA_OID, 0x21),
        p15.Algorithm(2, p15.CKM_ECDH1_DERIVE, (), p15.EC_OID, 0x22),
    ),
    key_algorithms={Usage.AUTHENTICITY: (1,), Usage.SIGNATURE: (1,), Usage.CONFIDENTIALITY: (2,)},
    authenticating=frozenset({Usage.AUTHENTICITY}),
    consent={Usage.AUTHENTICITY: 3, Usage.SIGNATURE: 1},
    odf=0x4031,
    info=0x4032,
    curve=True,
)
LAYOUT_D = Layout(
    name="D",
    df=0x5015,
    relative=False,
    dir_records=False,
    one_certificate_file=False,
    ca_kind=p15.TRUSTED_CERTIFICATES,
    public_keys=False,
    identifiers=Identifiers.KEY_HASH,
    key_references={Usage.AUTHENTICITY: 0x11, Usage.SIGNATURE: 0x81, Usage.CONFIDENTIALITY: 0x13},
    pin=0x03,
    puk=0x04,
    pin_format=PINFormat(digits_only=True, pad=0xFF, coding=PINCoding.HALF_NIBBLE),
    room=48,
    exact=False,
    first_file=0x4401,
    algorithms=(
        p15.Algorithm(1, p15.CKM_RSA_PKCS, (p15.COMPUTE_SIGNATURE,), p15.RSA_OID, 0x31),
        p15.Algorithm(2, p15.CKM_RSA_PKCS_PSS, (p15.COMPUTE_SIGNATURE,), p15.PSS_OID, 0x32),
        p15.Algorithm(3, p15.CKM_RSA_X_509, (p15.COMPUTE_SIGNATURE, p15.DECIPHER), p15.RSA_OID, 0x33),
    ),
    key_algorithms={Usage.AUTHENTICITY: (3,), Usage.SIGNATURE: (1, 2), Usage.CONFIDENTIALITY: (3,)},
    ef_dir=False,
    signature_df=0xDF50,
    signature_pin=SignaturePIN(0x82, PINFormat(digits_only=True, pad=0xFF, coding=PINCoding.ISO_9564)),
)
LAYOUTS: Mapping[str, Layout] = {layout.name: layout for layout in (LAYOUT_A, LAYOUT_B)}
"""Those of passes as they may be."""

EVERY_LAYOUT: Mapping[str, Layout] = {**LAYOUTS, LAYOUT_C.name: LAYOUT_C, LAYOUT_D.name: LAYOUT_D}
