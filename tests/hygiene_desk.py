"""A card side in a process of its own, and all that it talks to: its card, its reader's keypad, its portal, who gives it codes."""

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
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from memory_scanner import Wanted, forms_of_digits, forms_of_octets, in_core, in_memory
from recovery_world import OFFICER
from renewal_world import blank_of, world_with
from simulated_keypad import GET_FEATURES, SimulatedKeypad
from zorgid_card.errors import PINPolicyError
from zorgid_card.ports.card import Channel
from zorgid_card.ports.registry import SmartCard
from zorgid_card.secret import Secret
from zorgid_card.testkit.uzi import VirtualUZIPass
from zorgid_card.workflows.pin import PINPolicy, check_new_pin

CHILD = Path(__file__).with_name("hygiene_child.py")
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


_QUESTIONS = {
    b"P": "powered",
    b"X": "closed",
    b"T": "transmitted",
    b"K": "controlled",
    b"S": "asked_portal",
    b"C": "cued",
    b"U": "showed_puk",
    b"L": "asked_for_planted",
    b"N": "wants_code",
}


class CardSideProcess:
    """The child, and all that it talks to."""

    def __init__(
        self, directory: Path, way: str, reader: str = "", dialect: str = "yubico", *, escrow: bool = False
    ) -> None:
        self.way = way
        (directory / "portal").mkdir()
        self.directory = directory / "card-side"
        self.directory.mkdir()
        self.world = world_with(directory / "portal", key_officer=OFFICER.fingerprint if escrow else b"")
        if escrow:
            (self.directory / "officer.der").write_bytes(OFFICER.public_key)
        self.world.now = datetime.now(UTC)
        self.codes = {name: unusual() for name in ("pass-pin", "pin", "new-pin", "wrong", "puk", "new-puk")}
        self.codes["weak"] = b"73917391"
        self.world.worker_pass = VirtualUZIPass(self.world.worker_pass.contents, pin=self.codes["pass-pin"])
        self.blank = blank_of(self.world, dialect)
        self._makers_key = self.blank._state.administration.value
        self._keys: list[bytes] = []
        self._former_puks: list[bytes] = []
        self.planted: list[bytes] = []
        self._channel: Channel | None = None
        self._keypad = SimulatedKeypad(self.transmitted)
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
            arguments = [sys.executable, str(CHILD), str(theirs.fileno()), way, str(self.directory), reader]
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
        if task.startswith("recover"):
            self._disclose()
        self.serve(lambda kind, _: kind == b"D", task)
        if task.startswith("recover"):
            self._change_card(state="active")
        self._remember_key()

    def _disclose(self) -> None:
        """Others know the card's PUK; the next one is to be sealed for the key officer."""
        world = self.world
        world.services = world._services(replace(world.services.policy.creation, key_officer=OFFICER.fingerprint))
        world.portal = world._portal()
        self._change_card(state="suspended", puk_disclosed="escrow:1")

    def _change_card(self, **changes: str) -> None:
        with self.world.registry.begin() as unit:
            card = unit.get(SmartCard, str(self.blank.serial))
            unit.replace(replace(card, **changes))  # type: ignore[arg-type]  # its fields

    def serve(self, until: Callable[[bytes, bytes], bool], task: str = "") -> None:
        """Answer the task's question and all that follow, until one that is kept unanswered."""
        if task:
            self._answer(task.encode())
        while True:
            kind, data = self._question()
            if until(kind, data):
                return
            self._answer(getattr(self, _QUESTIONS[kind])(data))

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

    def powered(self, _: bytes) -> bytes:
        if self._channel is not None:
            self._channel.close(reset=True)
        self._channel = self.world.reader.connect()
        return self._channel.atr

    def closed(self, how: bytes) -> bytes:
        self.channel.close(reset=bool(how))
        self._channel = None
        return b""

    def transmitted(self, command: bytes) -> bytes:
        return self.channel.transmit(command)

    def controlled(self, data: bytes) -> bytes:
        code = int.from_bytes(data[:4], "big")
        return self._keypad(0, code if code >= GET_FEATURES else GET_FEATURES, data[4:])[1]

    def asked_portal(self, request: bytes) -> bytes:
        return self.world.portal.ask(request)

    def cued(self, cue: bytes) -> bytes:
        if cue == b"insert-pass":
            self.world.reader.insert(self.world.worker_pass)
        elif cue == b"remove-pass":
            self.world.reader.remove()
        else:
            self.world.reader.insert(self.blank)
        return b""

    def showed_puk(self, puk: bytes) -> bytes:
        self._former_puks += [self.codes["puk"]]
        self.codes["puk"] = puk
        return b""

    def asked_for_planted(self, number: bytes) -> bytes:
        return self.planted[number[0]] if number else str(len(self.planted)).encode()

    def wants_code(self, name: bytes) -> bytes:
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
        """All codes, all administration keys that the card has had but its maker's, which is public, and its channel's keys."""
        channel, codes = self.blank._state.channel, dict(self.codes)
        codes |= {f"former puk {number}": puk for number, puk in enumerate(self._former_puks)}
        keys = {f"administration key {number}": key for number, key in enumerate(self._keys)}
        if channel is not None:
            keys |= {"channel key ENC": channel.enc, "channel key MAC": channel.mac}
        return {name: forms_of_octets(key) for name, key in keys.items()} | {
            name: forms_of_digits(code) for name, code in codes.items()
        }

    def _remember_key(self) -> None:
        key = self.blank._state.administration.value
        if key not in (self._makers_key, *self._keys):
            self._keys.append(key)

    def end(self) -> bytes:
        """Have it abort; its core."""
        os.kill(self.pid, signal.SIGABRT)
        os.waitpid(self.pid, 0)
        core = next((path for path in self.directory.iterdir() if path.name.startswith("core")), None)
        assert core is not None, "the system wrote no core"
        return core.read_bytes()

    def begin(self) -> CardSideProcess:
        """Wait until it asks what to do."""
        self.serve(lambda kind, _: kind == b"D")
        return self

    def made_here(self) -> None:
        """Make the card in this process, for a card side that cannot, or need not."""
        holder = self.world.worker(self.blank)
        holder.pins, holder.pass_pin = [(self.codes["pin"],) * 2], self.codes["pass-pin"]
        self.world.create(holder)
        self.codes["puk"] = holder.puk
        self._remember_key()

    def know_puk(self, *, disclosed: bool) -> None:
        """The portal knows that others know the card's PUK, or that nobody does any more and a manager has unblocked it."""
        state, known = ("suspended", "escrow: for a test") if disclosed else ("active", None)
        with self.world.registry.begin() as unit:
            card = unit.get(SmartCard, str(self.blank.serial))
            unit.replace(replace(card, state=state, puk_disclosed=known))

    def left(self, *, whole: bool = False) -> list[str]:
        """What is found in its memory."""
        return in_memory(self.pid, self.wanted(), whole=whole)

    def left_in(self, core: bytes) -> list[str]:
        """What is found in its core."""
        return in_core(core, self.wanted())
