"""PIN-7 from outside: a card side in a process of its own is looked through after each workflow, and in the core that it leaves.

Its card, its reader's keypad and its portal live here, in the test's process, which alone knows the codes.
"""

from __future__ import annotations

import os
import pty
import re
import resource
import select
import signal
import socket
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from memory_scanner import Wanted, forms_of_digits, forms_of_octets, in_files, in_memory, in_octets
from simulated_keypad import GET_FEATURES, SimulatedKeypad
from world import World
from zorgid_card.errors import PINPolicyError
from zorgid_card.ports.card import Channel
from zorgid_card.secret import Secret
from zorgid_card.testkit.uzi import VirtualUZIPass
from zorgid_card.workflows.pin import PINPolicy, check_new_pin

pytestmark = pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs Linux's /proc")

CHILD = Path(__file__).parents[1] / "hygiene_child.py"
WAYS = ("prompt", "bytearray", "descriptor", "keypad")


def unusual() -> bytes:
    """Eight digits that nobody has, and that are nowhere."""
    while True:
        with Secret.random_digits(8) as drawn, drawn.expose() as octets:
            digits = bytes(octets)
            try:
                check_new_pin(drawn, drawn, PINPolicy())
            except PINPolicyError:
                continue
            return digits


class CardSideProcess:
    """The child, and all that it talks to."""

    def __init__(self, directory: Path, way: str) -> None:
        self.way = way
        (directory / "portal").mkdir()
        self.directory = directory / "card-side"
        self.directory.mkdir()
        self.world = World(directory / "portal", now=datetime.now(UTC))
        self.codes = {name: unusual() for name in ("pass-pin", "pin", "new-pin", "wrong", "puk", "new-puk")}
        self.codes["weak"] = b"73917391"
        self.world.worker_pass = VirtualUZIPass(self.world.worker_pass.contents, pin=self.codes["pass-pin"])
        self.blank = self.world.maker.blank()
        self.planted: list[bytes] = []
        self._channel: Channel | None = None
        self._keypad = SimulatedKeypad(lambda command: self.channel.transmit(command))
        self._tasks: list[str] = []
        self._idle = threading.Event()
        self._shown = b""
        ours, theirs = socket.socketpair()
        self._socket = ours
        reading, self._writing = os.pipe()
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            os.set_inheritable(theirs.fileno(), True)
            os.dup2(reading, 0)
            os.chdir(self.directory)
            resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            arguments = [sys.executable, str(CHILD), str(theirs.fileno()), way, str(self.directory)]
            os.execve(sys.executable, arguments, {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
        theirs.close()
        os.close(reading)

    @property
    def channel(self) -> Channel:
        """To the card that the child has connected."""
        assert self._channel is not None
        return self._channel

    # --- what the child asks

    def run(self, task: str) -> None:
        """Have it do one thing; returns when it asks for the next, and holds still."""
        self.serve(lambda kind, _: kind == b"D", task)

    def serve(self, until: Callable[[bytes, bytes], bool], task: str = "") -> None:
        """Answer the task's question and all that follow, until one that is kept unanswered."""
        if task:
            self._answer(task.encode())
        while True:
            kind, data = self._question()
            if until(kind, data):
                return
            self._answer(getattr(self, f"_{kind.decode()}")(data))

    def _question(self) -> tuple[bytes, bytes]:
        head = self._exactly(5)
        return head[:1], self._exactly(int.from_bytes(head[1:], "big"))

    def _exactly(self, count: int) -> bytes:
        octets = b""
        while len(octets) < count:
            if not select.select([self._socket], [], [], 60)[0] or not (part := self._socket.recv(count - len(octets))):
                raise AssertionError(f"the card side has ended: {self._read_terminal()!r}")
            octets += part
        return octets

    def _answer(self, data: bytes) -> None:
        self._socket.sendall(len(data).to_bytes(4, "big") + data)

    def _P(self, _: bytes) -> bytes:
        if self._channel is not None:
            self._channel.close(reset=True)
        self._channel = self.world.reader.connect()
        return self._channel.atr

    def _X(self, how: bytes) -> bytes:
        self.channel.close(reset=bool(how))
        self._channel = None
        return b""

    def _T(self, command: bytes) -> bytes:
        return self.channel.transmit(command)

    def _K(self, data: bytes) -> bytes:
        code = int.from_bytes(data[:4], "big")
        return self._keypad(0, code if code >= GET_FEATURES else GET_FEATURES, data[4:])[1]

    def _S(self, request: bytes) -> bytes:
        return self.world.portal.ask(request)

    def _C(self, cue: bytes) -> bytes:
        if cue == b"insert-pass":
            self.world.reader.insert(self.world.worker_pass)
        elif cue == b"remove-pass":
            self.world.reader.remove()
        else:
            self.world.reader.insert(self.blank)
        return b""

    def _U(self, puk: bytes) -> bytes:
        self.codes["puk"] = puk
        return b""

    def _L(self, number: bytes) -> bytes:
        return self.planted[number[0]] if number else str(len(self.planted)).encode()

    def _N(self, name: bytes) -> bytes:
        code = self.codes[name.decode()]
        if self.way == "keypad":
            self._keypad.presses.append(code.decode())
        elif self.way == "prompt":
            threading.Thread(target=self._type, args=(name + rb"\? ", code)).start()
        else:
            os.write(self._writing, code + b"\n" * (self.way == "descriptor"))
        return b""

    def _type(self, prompt: bytes, code: bytes) -> None:
        """Type it once it is asked for."""
        while (asked := re.search(prompt, self._shown)) is None:
            self._shown += os.read(self._terminal, 4096)
        self._shown = self._shown[asked.end() :]
        os.write(self._terminal, code + b"\n")

    def _read_terminal(self) -> bytes:
        while select.select([self._terminal], [], [], 0.2)[0]:
            try:
                self._shown += os.read(self._terminal, 4096)
            except OSError:
                break
        return self._shown

    # --- what is looked for

    def wanted(self) -> Wanted:
        """All codes, and the card's administration key."""
        key = self.blank._state.administration.value
        return {
            "administration key": forms_of_octets(key),
            **{name: forms_of_digits(code) for name, code in self.codes.items()},
        }

    def end(self) -> bytes:
        """Have it abort; its core."""
        os.kill(self.pid, signal.SIGABRT)
        os.waitpid(self.pid, 0)
        core = next((path for path in self.directory.iterdir() if path.name.startswith("core")), None)
        assert core is not None, "the system wrote no core"
        return core.read_bytes()


@pytest.fixture
def start(tmp_path: Path) -> Callable[[str], CardSideProcess]:
    def begin(way: str) -> CardSideProcess:
        process = CardSideProcess(tmp_path, way)
        process.serve(lambda kind, _: kind == b"D")
        return process

    return begin


FORMS = sorted(forms_of_digits(b"12345678"))


def test_the_scanner_finds_what_is_planted_in_every_form(start: Callable[[str], CardSideProcess]) -> None:
    side = start("bytearray")
    code, key = unusual(), os.urandom(24)
    forms = {"code": forms_of_digits(code), "key": forms_of_octets(key)}
    assert in_memory(side.pid, forms) == []
    for name, each in forms.items():
        for form, planted in each.items():
            side.planted = [planted]
            side.run("plant")
            found = " ".join(in_memory(side.pid, {name: {form: planted}}))
            assert f"{name} as {form} in" in found
            side.run("forget")
    side.planted = [code.ljust(8, b"\xff"), code + b"\0"]
    side.run("plant")
    assert any("as characters" in told for told in in_memory(side.pid, forms))
    assert any("as characters" in told for told in in_octets(side.end(), forms))


def look_through(side: CardSideProcess, after: str, *, whole: bool = False) -> None:
    found = in_memory(side.pid, side.wanted(), whole=whole)
    assert not found, f"after {after}: {found}"


@pytest.mark.parametrize("way", WAYS)
def test_pin_7_no_code_and_no_key_is_left_behind(start: Callable[[str], CardSideProcess], way: str) -> None:
    side = start(way)
    if way == "keypad":  # a card is made with codes from a keyboard
        side.way = "bytearray"
        holder = side.world.worker(side.blank)
        holder.pins, holder.pass_pin = [(side.codes["pin"],) * 2], side.codes["pass-pin"]
        side.world.validated()
        side.world.create(holder)
        side.codes["puk"], side.way = holder.puk, "keypad"
    else:
        side.world.validated()
        side.run("create")
        look_through(side, "create")
    for task in ("log_in", "sign traced", "wrong", "refuse", "change_pin", "unblock traced", "change_puk"):
        side.run(task)
        look_through(side, task)
    look_through(side, "all", whole=True)
    assert not in_octets_of(side.end(), side), "in the core"
    assert not in_files(side.directory.parent, side.wanted())
    assert {"log.txt", "exception.txt", "trace.jsonl"} <= {path.name for path in side.directory.iterdir()}


def in_octets_of(core: bytes, side: CardSideProcess) -> list[str]:
    return sorted(set(in_octets(core, side.wanted())))


@pytest.mark.parametrize("way", ["prompt", "bytearray", "descriptor"])
def test_pin_7_a_core_dumped_while_a_pin_is_on_its_way_does_not_hold_it(
    start: Callable[[str], CardSideProcess], way: str
) -> None:
    side = start(way)
    side.world.reader.insert(side.world.worker_pass)
    side.codes["pin"] = side.codes["pass-pin"]
    side.serve(lambda kind, data: kind == b"T" and data[1] == 0x20 and len(data) > 5, "log_in")
    assert any("pin as" in told for told in in_memory(side.pid, side.wanted())), "it is there"
    found = in_octets_of(side.end(), side)
    assert not [what for what in found if not what.startswith("administration key")], "a blank's key is public"


@pytest.mark.parametrize("moment", [b"SET", b"PUT", b"PUK"])
def test_pin_7_a_core_dumped_while_a_card_is_made_holds_no_code_and_no_key(
    start: Callable[[str], CardSideProcess], moment: bytes
) -> None:
    side = start("descriptor")
    side.world.validated()
    instructions = {b"SET": 0xFF, b"PUT": 0xDB, b"PUK": 0x24}
    side.serve(lambda kind, data: kind == b"T" and data[1] == instructions[moment], "create")
    wanted = dict(side.wanted())
    key = side.world.keys.derive(str(side.blank.serial), "AES192")
    with key, key.expose() as octets:
        wanted["administration key"] = forms_of_octets(bytes(octets))
    assert sorted(set(in_octets(side.end(), wanted))) == []
