"""Judges how creations ended. A program of its own: nothing of the library is imported here, nor can it be (``python -I -S``).

What a card is, OpenSC says (its PKCS#11 module, over a real pcscd); what a certificate is worth, openssl says, by the portal's
CRLs; what was issued is read from the portal's database with SQL. Reads a case as a line of JSON, asks for a log-in with the token
that it has made (``{"log_in": token}``, answered with a line), and writes the verdict: ``ending``, ``loss``, ``why``.
"""

from __future__ import annotations

import base64
import ctypes
import hashlib
import json
import re
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

FACTORY_PIN = "123456"
OTHER_PIN = "246813"
TEXT = b"what the judge has signed"

Number = ctypes.c_ulong
TOKEN_PRESENT, SERIAL_SESSION, RW_SESSION, USER = 1, 4, 2, 1
CLASS, VALUE, KEY_TYPE, ID = 0x0, 0x11, 0x100, 0x102
CERTIFICATE, PRIVATE_KEY, RSA = 1, 3, 0
RSA_PKCS, ECDSA = 0x1, 0x1041
PIN_INCORRECT = 0xA0
AUTHENTICATION = b"\x01"  # OpenSC's number for the key and certificate of slot 9A
SHA256_INFO = bytes.fromhex("3031300d060960864801650304020105000420")  # RFC 8017, 9.2


class Attribute(ctypes.Structure):
    _fields_ = (("type", Number), ("value", ctypes.c_void_p), ("length", Number))


class PKCS11Error(Exception):
    def __init__(self, function: str, code: int) -> None:
        super().__init__(f"{function}: {code:#x}")
        self.code = code


class Card:
    """The one card that OpenSC sees; each is met anew, for OpenSC remembers what it has read."""

    def __init__(self, module: ctypes.CDLL) -> None:
        self._module = module

    def __enter__(self) -> Card:
        self._call("C_Initialize", None)
        slots, count = (Number * 8)(), Number(8)
        self._call("C_GetSlotList", ctypes.c_ubyte(1), slots, ctypes.byref(count))
        self._session = Number()
        if count.value == 0:
            raise PKCS11Error("no token", 0)
        flags = Number(SERIAL_SESSION | RW_SESSION)
        self._call("C_OpenSession", slots[0], flags, None, None, ctypes.byref(self._session))
        return self

    def __exit__(self, *_: object) -> None:
        self._call("C_Finalize", None)

    def _call(self, name: str, *arguments: Any) -> None:
        function = getattr(self._module, name)
        function.restype = Number
        code = function(*(Number(one) if isinstance(one, int) else one for one in arguments))
        if code:
            raise PKCS11Error(name, code)

    def _find(self, kind: int) -> int | None:
        wanted, number = Number(kind), ctypes.create_string_buffer(AUTHENTICATION, 1)
        template = (Attribute * 2)(
            Attribute(CLASS, ctypes.cast(ctypes.byref(wanted), ctypes.c_void_p), ctypes.sizeof(wanted)),
            Attribute(ID, ctypes.cast(number, ctypes.c_void_p), 1),
        )
        self._call("C_FindObjectsInit", self._session, template, 2)
        found, count = Number(), Number()
        self._call("C_FindObjects", self._session, ctypes.byref(found), 1, ctypes.byref(count))
        self._call("C_FindObjectsFinal", self._session)
        return found.value if count.value else None

    def _attribute(self, handle: int, kind: int) -> bytes:
        buffer = ctypes.create_string_buffer(4096)
        wanted = Attribute(kind, ctypes.cast(buffer, ctypes.c_void_p), len(buffer))
        self._call("C_GetAttributeValue", self._session, handle, ctypes.byref(wanted), 1)
        return buffer.raw[: wanted.length]

    def certificate(self) -> bytes | None:
        """That of slot 9A, DER."""
        handle = self._find(CERTIFICATE)
        return None if handle is None else self._attribute(handle, VALUE)

    def opens(self, pin: str) -> bool:
        """Whether this is its PIN."""
        try:
            self._call("C_Login", self._session, USER, pin.encode(), len(pin))
        except PKCS11Error as error:
            if error.code != PIN_INCORRECT:
                raise
            return False
        return True

    def sign(self, text: bytes) -> bytes:
        """By the key of slot 9A with SHA-256: PKCS #1 v1.5, or ECDSA as r and s."""
        handle = self._find(PRIVATE_KEY)
        if handle is None:
            raise PKCS11Error("no private key", 0)
        digest = hashlib.sha256(text).digest()
        of_rsa = int.from_bytes(self._attribute(handle, KEY_TYPE), sys.byteorder) == RSA
        mechanism = (Number * 3)(RSA_PKCS if of_rsa else ECDSA, 0, 0)
        data = SHA256_INFO + digest if of_rsa else digest
        self._call("C_SignInit", self._session, mechanism, handle)
        buffer, length = ctypes.create_string_buffer(512), Number(512)
        self._call("C_Sign", self._session, data, len(data), buffer, ctypes.byref(length))
        return buffer.raw[: length.value]

    def takes_puk(self, puk: str) -> bool:
        """Whether this is its PUK: it sets another PIN."""
        try:
            arguments = puk.encode(), len(puk), OTHER_PIN.encode(), len(OTHER_PIN)
            self._call("C_SetPIN", self._session, *arguments)
        except PKCS11Error as error:
            if error.code != PIN_INCORRECT:
                raise
            return False
        return True


def openssl(*arguments: str | Path, given: bytes = b"") -> tuple[int, str]:
    """Exit status, and what it says."""
    command = ["openssl", *map(str, arguments)]
    done = subprocess.run(command, input=given, capture_output=True, check=False)
    return done.returncode, (done.stdout + done.stderr).decode(errors="replace")


class Case:
    """What is to be judged; files lie in ``directory``."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.directory = Path(values["directory"])
        self.anchors = Path(values["anchors"])
        self.at: int = values["at"]
        self.pin: str = values["pin"]
        self.paper: list[str] = values["paper"]
        """PUKs that the person has written down, and not crossed out."""
        self.kept: str = values["kept"]
        """The PUK that the card had, and the person knew, when a process was killed that could have been followed at once."""
        self.told: list[str] = values["told"]
        """What each process of the card side told at its end."""
        self.when: str = values["when"]
        """``cut``: just after it; ``never``: the deadline has passed, and nobody came; ``resumed``: a fresh process came."""
        self.origin: str = values["origin"]
        self.nonce: str = values["nonce"]
        self.has_reset: bool = values["has_reset"]

    def issued(self) -> dict[str, bytes]:
        """Every certificate that the portal ever made: serial, hexadecimal, and DER."""
        with sqlite3.connect(f"file:{self.directory / 'registry.db'}?mode=ro", uri=True) as database:
            return dict(database.execute("SELECT serial, der FROM zorgid_issued_certificate"))

    def card_states(self) -> list[str]:
        with sqlite3.connect(f"file:{self.directory / 'registry.db'}?mode=ro", uri=True) as database:
            return [state for (state,) in database.execute("SELECT state FROM zorgid_smart_card")]

    def write(self, name: str, kind: str, *ders: bytes) -> Path:
        """A file in PEM."""
        path = self.directory / f"{name}.pem"
        texts = (base64.encodebytes(der).decode() for der in ders)
        path.write_text("".join(f"-----BEGIN {kind}-----\n{text}-----END {kind}-----\n" for text in texts))
        return path

    def ca(self, name: str) -> Path:
        return self.write(name, "CERTIFICATE", (self.anchors / f"{name}.der").read_bytes())

    def valid(self) -> list[str]:
        """Serials of those that openssl takes for valid now, by the portal's CRLs."""
        files = [self.write(serial, "CERTIFICATE", der) for serial, der in self.issued().items()]
        if not files:
            return []
        anchors = ("-CAfile", self.ca("root"), "-untrusted", self.ca("issuing"))
        ders = [(self.directory / name).read_bytes() for name in ("crl.der", "root-crl.der")]
        lists = ("-crl_check_all", "-CRLfile", self.write("crls", "X509 CRL", *ders))
        _, said = openssl("verify", "-attime", str(self.at), *anchors, *lists, *files)
        return [file.stem for file in files if f"{file}: OK" in said]

    def listed(self) -> str:
        """The portal's CRL in words; its signature is the CA's."""
        file, ca = self.directory / "crl.der", self.ca("issuing")
        status, said = openssl("crl", "-inform", "DER", "-in", file, "-noout", "-text", "-verify", "-CAfile", ca)
        if status or "verify OK" not in said:
            raise Loss("openssl does not verify the portal's CRL")
        return said

    def on_hold(self) -> bool:
        return "Certificate Hold" in self.listed()


class Loss(Exception):
    """What must never be."""


class Court:
    """Has OpenSC's module at hand."""

    def __init__(self, module: str) -> None:
        self._module = ctypes.CDLL(module)

    def judge(self, case: Case) -> dict[str, Any]:
        try:
            ending = self._ending(case)
        except (Loss, PKCS11Error) as loss:
            return {"ending": "loss", "loss": True, "why": str(loss)}
        return {"ending": ending, "loss": False, "why": ""}

    def _ending(self, case: Case) -> str:
        crashed = next((told for told in case.told if told.startswith("crashed")), None)
        if crashed is not None:
            raise Loss(crashed)
        valid = case.valid()
        if len(valid) > 1:
            raise Loss(f"{len(valid)} certificates are valid")
        if valid:
            self._require_usable(case, case.issued()[valid[0]], case.directory / f"{valid[0]}.pem")
            return "active"
        if "finished" in case.told:
            raise Loss("the person was told that the card is finished, and its certificate is not valid")
        if case.when == "cut":
            return "nothing valid yet"
        if case.issued() and case.on_hold():
            raise Loss("a certificate is still on hold after the deadline")
        return self._not_valid(case)

    def _not_valid(self, case: Case) -> str:
        if case.when == "never":
            return "nothing valid"
        if "card.scrapped" in case.told[-1:]:
            if case.has_reset or case.card_states() != ["scrapped"]:
                raise Loss(
                    f"told to scrap a card that could be reset, or that the portal knows as {case.card_states()}"
                )
            return "to be scrapped"
        with Card(self._module) as card:
            if card.certificate() is not None or not card.opens(FACTORY_PIN):
                raise Loss(f"half a card, and the person was told: {case.told}")
        return "blank"

    def _require_usable(self, case: Case, der: bytes, pem: Path) -> None:
        """The card that has the certificate works, and the person has the codes."""
        with Card(self._module) as card:
            if card.certificate() != der:
                raise Loss("a certificate is valid that is not on the card")
            if not card.opens(case.pin):
                raise Loss("a certificate is valid, and the card does not take the PIN that was chosen")
            signature, token = card.sign(TEXT), self._token(card, case, der)
        self._verify(pem, signature)
        print(json.dumps({"log_in": token}), flush=True)
        refused = json.loads(sys.stdin.readline())
        if refused:
            raise Loss(f"a certificate is valid, and the portal refuses the log-in: {refused}")
        self._require_codes(case)

    def _require_codes(self, case: Case) -> None:
        if len(case.paper) != 1:
            raise Loss(f"a certificate is valid, and {len(case.paper)} PUKs are on the person's paper")
        if case.kept and case.paper != [case.kept]:
            raise Loss("only the commit was missing, and the card was made anew, with another PUK")
        with Card(self._module) as card:
            if not card.takes_puk(case.paper[0]):
                raise Loss("a certificate is valid, and the PUK on the person's paper is not the card's")

    def _token(self, card: Card, case: Case, der: bytes) -> str:
        """A Web eID authentication token, format 1.0."""
        parts = (hashlib.sha256(part.encode()).digest() for part in (case.origin, case.nonce))
        signature = card.sign(b"".join(parts))
        values = {
            "unverifiedCertificate": base64.b64encode(der).decode(),
            "algorithm": "ES256" if len(signature) == 64 else "RS256",
            "signature": base64.b64encode(signature).decode(),
            "format": "web-eid:1.0",
            "appVersion": "https://example.org/judge/1.0",
        }
        return json.dumps(values)

    def _verify(self, pem: Path, signature: bytes) -> None:
        text, signed = pem.with_suffix(".text"), pem.with_suffix(".signature")
        text.write_bytes(TEXT)
        signed.write_bytes(signature if len(signature) != 64 else _der(signature))
        by = ("-certin", "-inkey", pem, "-rawin", "-digest", "sha256")
        status, said = openssl("pkeyutl", "-verify", *by, "-in", text, "-sigfile", signed)
        if status or "Signature Verified Successfully" not in said:
            raise Loss(f"openssl does not verify the card's signature: {said}")


def _der(signature: bytes) -> bytes:
    """ECDSA-Sig-Value (RFC 3279, 2.2.3) of r and s in 32 octets each."""
    numbers = b""
    for half in (signature[:32], signature[32:]):
        octets = half.lstrip(b"\0") or b"\0"
        octets = b"\0" + octets if octets[0] & 0x80 else octets
        numbers += bytes((0x02, len(octets))) + octets
    return bytes((0x30, len(numbers))) + numbers


def main() -> None:
    court = Court(sys.argv[1])
    for line in sys.stdin:
        print(json.dumps(court.judge(Case(json.loads(line)))), flush=True)


if __name__ == "__main__":
    assert not any(re.match("zorgid", name) for name in sys.modules)
    main()
