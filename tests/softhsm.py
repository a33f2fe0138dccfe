"""A SoftHSM token that looks like a card behind its middleware: filled by softhsm2-util and by calls of PKCS#11 made with ctypes.

Nothing of the library's own binding is used here: constants and the list of functions are written down a second time.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Iterable
from ctypes import POINTER, byref, c_ubyte, c_ulong, c_void_p, cast, sizeof
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

MODULES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so")
SO_PIN, PIN = b"87654321", b"271828"

INITIALIZE, FINALIZE, OPEN_SESSION, CLOSE_SESSION, LOGIN, CREATE_OBJECT = 0, 1, 12, 13, 18, 20
CLASS, TOKEN, PRIVATE, LABEL, VALUE, KEY_TYPE, SUBJECT, ID = 0, 1, 2, 3, 0x11, 0x100, 0x101, 0x102
SENSITIVE, DECRYPT, SIGN, DERIVE, CERTIFICATE_TYPE, ALWAYS_AUTHENTICATE = 0x103, 0x105, 0x108, 0x10C, 0x80, 0x202
MODULUS, PUBLIC_EXPONENT, PRIVATE_EXPONENT, EC_PARAMS = 0x120, 0x122, 0x123, 0x180
TRUE, FALSE = b"\x01", b"\x00"
P256 = bytes.fromhex("06082A8648CE3D030107")

Attributes = list[tuple[int, bytes]]


class _Attribute(ctypes.Structure):
    _fields_ = (("type", c_ulong), ("value", c_void_p), ("length", c_ulong))


def module() -> str | None:
    """Where SoftHSM's module is; None if it is not installed."""
    if shutil.which("softhsm2-util") is None:
        return None
    return next((path for path in MODULES if Path(path).exists()), None)


def initialise(label: str) -> None:
    """A new token where the configuration that SOFTHSM2_CONF names says."""
    tool = ["softhsm2-util", "--init-token", "--free", "--label", label, "--pin", PIN.decode()]
    subprocess.run([*tool, "--so-pin", SO_PIN.decode()], check=True, capture_output=True, timeout=60)


def configuration(directory: Path) -> Path:
    """A configuration that keeps its tokens in ``directory``."""
    (directory / "tokens").mkdir()
    path = directory / "softhsm2.conf"
    path.write_text(f"directories.tokendir = {directory}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n")
    return path


def number(value: int) -> bytes:
    return value.to_bytes(sizeof(c_ulong), "little")


def integer(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def certificate(identifier: bytes, der: bytes, label: str = "") -> Attributes:
    subject = x509.load_der_x509_certificate(der).subject.public_bytes()
    return [
        *[(CLASS, number(1)), (CERTIFICATE_TYPE, number(0)), (TOKEN, TRUE), (PRIVATE, FALSE)],
        *[(ID, identifier), (VALUE, der), (SUBJECT, subject), (LABEL, label.encode())],
    ]


def private_key(
    identifier: bytes, key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, label: str = "", *, always: bool = False
) -> Attributes:
    common = [
        *[(CLASS, number(3)), (TOKEN, TRUE), (PRIVATE, TRUE), (SENSITIVE, TRUE), (SIGN, TRUE)],
        *[(ID, identifier), (LABEL, label.encode()), (ALWAYS_AUTHENTICATE, TRUE if always else FALSE)],
    ]
    if isinstance(key, ec.EllipticCurvePrivateKey):
        scalar = integer(key.private_numbers().private_value)
        return [*common, (KEY_TYPE, number(3)), (EC_PARAMS, P256), (VALUE, scalar), (DERIVE, TRUE)]
    secret = key.private_numbers()
    crt = (secret.p, secret.q, secret.dmp1, secret.dmq1, secret.iqmp)  # CKA_PRIME_1 to CKA_COEFFICIENT
    return [
        *common,
        *[(KEY_TYPE, number(0)), (DECRYPT, TRUE), (MODULUS, integer(secret.public_numbers.n))],
        *[(PUBLIC_EXPONENT, integer(secret.public_numbers.e)), (PRIVATE_EXPONENT, integer(secret.d))],
        *((PRIVATE_EXPONENT + 1 + i, integer(part)) for i, part in enumerate(crt)),
    ]


def fill(path: str, slot: int, objects: Iterable[Attributes]) -> None:
    """Create objects on the token in ``slot``."""
    functions = _functions(path)
    _call(functions, INITIALIZE, None)
    session = c_ulong()
    _call(functions, OPEN_SESSION, c_ulong(slot), c_ulong(6), None, None, byref(session))
    _call(functions, LOGIN, session, c_ulong(1), PIN, c_ulong(len(PIN)))
    for attributes in objects:
        values = [ctypes.create_string_buffer(value, len(value) or 1) for _, value in attributes]
        template = (_Attribute * len(attributes))(
            *(
                _Attribute(kind, cast(room, c_void_p), len(value))
                for (kind, value), room in zip(attributes, values, strict=True)
            )
        )
        _call(functions, CREATE_OBJECT, session, template, c_ulong(len(attributes)), byref(c_ulong()))
    _call(functions, CLOSE_SESSION, session)
    _call(functions, FINALIZE, None)


def _functions(path: str) -> ctypes.Array[c_void_p]:
    library, listed = ctypes.CDLL(path), POINTER(c_ubyte)()
    assert library.C_GetFunctionList(byref(listed)) == 0
    base = ctypes.addressof(listed.contents)
    return (c_void_p * 68).from_address(base + sizeof(c_void_p))  # after the version and its padding


def _call(functions: ctypes.Array[c_void_p], index: int, *arguments: object) -> None:
    address = functions[index]
    rv = ctypes.CFUNCTYPE(c_ulong)(address)(*arguments)
    assert rv == 0, f"function {index}: {rv:#x}"


def spki(der: bytes) -> bytes:
    key = x509.load_der_x509_certificate(der).public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
