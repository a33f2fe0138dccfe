"""Log-in with a ZORG-ID Smartcard over a real pcscd: how many APDUs the card sees, and how long it takes, beside the peers.

The card is simulated, stands behind vpcd and counts for everybody alike. pcscd and vpcd want root and a network of their own, so
this module runs itself there, as a program that prints its results as JSON; where it cannot, the groups say why and are skipped.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.x509 import load_der_x509_certificate
from harness import Case, Result, run
from yubikit.core import TRANSPORT
from yubikit.core.smartcard import SmartCardConnection
from yubikit.piv import KEY_TYPE, SLOT, PivSession

from zorgid_card import recipes
from zorgid_card.adapters import pcsc
from zorgid_card.cards import CardMemory, PIVCard
from zorgid_card.cli.simulate import Options, Simulated, obtain
from zorgid_card.secret import Secret
from zorgid_card.testkit.vpcd import VPCDCard
from zorgid_card.workflows.card_side import log_in

try:
    from smartcard.System import readers
except ImportError:
    readers = None

APDUS, TIME = "login-apdus", "login-time"
SAME, AGAIN, FIRST = "card met before, same insertion", "card met before, put in again", "first time"
ORIGIN, NONCE = "https://portal.example", "A" * 44
RUN = Path("/run/pcscd")
READER = "Virtual PCD 00 00"
_POLLS = 1.0  # vpcd looks every 0.4 s whether there is a card
_SECONDS = 60

NAMES, VALUES = ("name", "peer_name", "least", "unit"), ("ours", "peers", "ratio", "low", "high")
"""Of a case and of its result: what goes from the one process to the other."""

LogIn = Callable[[], object]


class Counting(VPCDCard):
    """Counts the command APDUs that reach the card, whoever sends them."""

    count = 0

    def _answer(self, message: bytes) -> bytes | None:
        self.count += len(message) > 1
        return super()._answer(message)


# --- the three ways -----------------------------------------------------------------------------------------


@dataclass
class Ours:
    """From a reader with a card to a Web eID token; ``signed`` is called when it is there, before the card is let go of."""

    pin: bytes
    memory: CardMemory | None
    reader: pcsc.PCSCReader
    signed: Callable[[], None] = lambda: None

    def __call__(self) -> str:
        with recipes.open_card(self.reader, memory=self.memory) as card:
            if not isinstance(card, PIVCard):
                raise SystemExit(f"not a PIV card: {card.kind}")
            certificate = card.authentication_certificate()
            signer = card.authentication_signer(lambda _: Secret.of(self.pin))
            token = log_in(signer, certificate, origin=ORIGIN, nonce=NONCE)
            self.signed()
            return token


class Connection(SmartCardConnection):
    """pyscard's, as Yubico's own tool hands it to yubikit."""

    transport = TRANSPORT.USB

    def __init__(self, reader: Any) -> None:
        self.card = reader.createConnection()
        self.card.connect()

    def send_and_receive(self, apdu: bytes) -> tuple[bytes, int]:
        data, sw1, sw2 = self.card.transmit(list(apdu))
        return bytes(data), sw1 << 8 | sw2

    def close(self) -> None:
        self.card.disconnect()
        self.card.release()


def yubikit(pin: bytes) -> LogIn:
    """The same with yubikit's PivSession; it does not read the counter before the try, nor ask which card it is."""
    reader = next(reader for reader in readers() if str(reader) == READER)
    message = _message()

    def work() -> None:
        connection = Connection(reader)
        session = PivSession(connection)
        certificate = session.get_certificate(SLOT.AUTHENTICATION)
        session.verify_pin(pin.decode())
        signature = session.sign(SLOT.AUTHENTICATION, KEY_TYPE.ECCP256, message, hashes.SHA256())
        connection.close()
        _check(certificate.public_key(), signature, message)

    return work


def pkcs11_tool(pin: bytes, directory: Path) -> LogIn:
    """The same with OpenSC's PKCS#11 module: the certificate read, the PIN, ECDSA with SHA-256."""
    message, signature, certificate = (directory / name for name in ("message", "signature", "certificate"))
    message.write_bytes(hashlib.sha256(_message()).digest())
    read = ["pkcs11-tool", "--slot", "0", "--read-object", "--type", "cert", "--id", "01", "-o", str(certificate)]
    sign = [
        *("pkcs11-tool", "--slot", "0", "--login", "--pin", pin.decode(), "--sign", "--mechanism", "ECDSA"),
        *("--id", "01", "--input-file", str(message), "--output-file", str(signature)),
    ]

    def work() -> None:
        signature.unlink(missing_ok=True)
        subprocess.run(sign, check=True, capture_output=True, timeout=_SECONDS)
        raw = signature.read_bytes()
        half = len(raw) // 2
        numbers = (int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big"))
        key = load_der_x509_certificate(certificate.read_bytes()).public_key()
        _check(key, utils.encode_dss_signature(*numbers), _message())

    subprocess.run(read, check=True, capture_output=True, timeout=_SECONDS)
    return work


def _message() -> bytes:
    """What a Web eID token signs: two digests (origin and nonce)."""
    return b"".join(hashlib.sha256(text.encode()).digest() for text in (ORIGIN, NONCE))


def _check(key: object, signature: bytes, message: bytes) -> None:
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise SystemExit("not a P-256 card")
    key.verify(signature, message, ec.ECDSA(hashes.SHA256()))


# --- in a place of its own ----------------------------------------------------------------------------------


@contextmanager
def _pcscd() -> Iterator[None]:
    daemon = subprocess.Popen(["/usr/sbin/pcscd", "--foreground"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait(lambda: (RUN / "pcscd.comm").exists() and bool(pcsc.readers()))
        yield
    finally:
        daemon.terminate()
        daemon.wait(10)


def _wait(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition():
        if time.monotonic() > end:
            raise SystemExit("pcscd or vpcd did not come up")
        time.sleep(0.05)


@contextmanager
def _inserted(card: Simulated) -> Iterator[Counting]:
    serving = Counting(card.card)
    serving.start()
    try:
        _wait(lambda: pcsc.readers()[0].insertion() is not None)
        yield serving
    finally:
        serving.stop()
        time.sleep(_POLLS)


def _counted(served: Counting, work: LogIn) -> int:
    """What reaches the card until the signature; the peers send nothing after it."""
    before, counts = served.count, list[int]()
    if isinstance(work, Ours):
        work.signed = lambda: counts.append(served.count)
    work()
    return [*counts, served.count][0] - before


def _counts(card: Simulated, directory: Path) -> Iterator[Result]:
    ours, found = Ours(card.pin, CardMemory(), pcsc.readers()[0]), {}
    with _inserted(card) as served:
        found[FIRST] = _counted(served, ours)
        found[SAME] = _counted(served, ours)
        peers = {"yubikit PivSession": yubikit(card.pin), "OpenSC pkcs11-tool": pkcs11_tool(card.pin, directory)}
        theirs = {name: _counted(served, work) for name, work in peers.items()}
    with _inserted(card) as served:
        found[AGAIN] = _counted(served, ours)
    for name in (SAME, AGAIN, FIRST):
        for peer, taken in theirs.items():
            case = Case(f"{APDUS}, {name}", _nothing, peer, _nothing, unit="APDU")
            ratio = taken / found[name]
            yield Result(case, found[name], taken, ratio, ratio, ratio)


def _times(card: Simulated, directory: Path) -> Iterator[Result]:
    peer, reader = "yubikit PivSession", pcsc.readers()[0]
    with _inserted(card):
        theirs, tool = yubikit(card.pin), pkcs11_tool(card.pin, directory)
        yield run(Case(f"{TIME}, {SAME}", Ours(card.pin, CardMemory(), reader), peer, theirs, rounds=31))
        yield run(Case(f"{TIME}, {FIRST}", Ours(card.pin, None, reader), peer, theirs, rounds=31))
        yield run(Case(f"{TIME}, {SAME}", Ours(card.pin, CardMemory(), reader), "OpenSC pkcs11-tool", tool, rounds=15))
        process = [sys.executable, "-c", _PROCESS, card.pin.decode(), ORIGIN, NONCE]
        ours = partial(subprocess.run, process, check=True, capture_output=True, timeout=_SECONDS)
        yield run(Case(f"{TIME}, {FIRST}, a process", ours, "OpenSC pkcs11-tool", tool, rounds=15))


_PROCESS = """
import sys
from zorgid_card import Secret, log_in, open_card
pin, origin, nonce = sys.argv[1:]
with open_card() as card:
    certificate = card.authentication_certificate()
    signer = card.authentication_signer(lambda _: Secret.of(pin.encode()))
    log_in(signer, certificate, origin=origin, nonce=nonce)
"""


def _nothing() -> None:
    """What was counted is not done again."""


def _measure(group: str) -> None:
    card = obtain(Options(kind="zorgid", key_algorithm="ECCP256"))
    with tempfile.TemporaryDirectory() as directory, _pcscd():
        groups = {APDUS: _counts, TIME: _times}
        for result in groups[group](card, Path(directory)):
            values = {name: getattr(result, name) for name in VALUES}
            case = {name: getattr(result.case, name) for name in NAMES}
            print(json.dumps([case, values]), flush=True)


# --- for run.py ---------------------------------------------------------------------------------------------

skipped: list[str] = []


@cache
def _missing() -> str | None:
    if readers is None:
        return "pyscard is not installed (it needs swig and libpcsclite-dev to be built)"
    if os.geteuid() != 0:
        return "a private pcscd needs root"
    for program in ("pcscd", "pkcs11-tool", "unshare", "ip"):
        if shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is None:
            return f"{program} is not installed"
    if not Path("/etc/reader.conf.d/vpcd").exists():
        return "vsmartcard-vpcd is not installed"
    return None


def _elsewhere(group: str) -> Iterator[Result]:
    """Run this module where loopback is the only network, pcscd's directory is empty, and the PC/SC library is the real one."""
    missing = _missing()
    if missing is not None:
        skipped.append(f"{group}: {missing}")
        return
    RUN.mkdir(exist_ok=True)
    place = f'ip link set lo up && mount -t tmpfs none {RUN} && exec "$0" "$@"'
    environment = {name: value for name, value in os.environ.items() if name != "LD_LIBRARY_PATH"}
    command = ["unshare", "-n", "-m", "bash", "-c", place, sys.executable, __file__, group]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, timeout=600, check=False)
    if done.returncode != 0:
        raise SystemExit(f"the benchmark {group} failed")
    for line in done.stdout.splitlines():
        case, values = json.loads(line)
        yield Result(Case(ours=_nothing, peer=_nothing, **case), **values)


def login_apdus() -> Iterator[Result]:
    """Command APDUs that reach the card, from a reader with a card to a signature."""
    return _elsewhere(APDUS)


def login_time() -> Iterator[Result]:
    """The same, in time."""
    return _elsewhere(TIME)


GROUPS = (login_apdus, login_time)

if __name__ == "__main__":
    _measure(sys.argv[1])
