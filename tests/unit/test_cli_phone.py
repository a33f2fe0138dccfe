"""``zorgid-card phone`` against ``zorgid-card demo-portal``: several processes, and TLS between them (ORG-5 to ORG-7)."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from demo_portal import PROGRAM, demo_portal
from proxies import free_port
from second_phone import NotOurs, SecondPhone
from zorgid_card.adapters.phone import PinnedSeam
from zorgid_card.cli.app import run
from zorgid_card.cli.phone.browser import Browser
from zorgid_card.cli.portal.trial import self_signed
from zorgid_card.errors import PairingError, PortalAnswerError, TransportError
from zorgid_card.workflows import phone_protocol


@dataclass
class Desk:
    """The portal that anybody may start."""

    origin: str
    directory: Path
    who: list[str]

    @property
    def page(self) -> list[str]:
        return ["--portal", self.origin, "--ca", str(self.directory / "tls.pem")]

    @property
    def browser(self) -> Browser:
        return Browser(self.origin, self.directory / "tls.pem")

    def file(self, name: str) -> str:
        return str(self.directory / name)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with demo_portal(tmp_path_factory.mktemp("portal") / "kept", 1) as portal:
        found = re.search(r"--user-name \S+ --ura \d+", portal.told)
        assert found is not None
        yield Desk(portal.origin, portal.directory, found[0].split())


def digits(text: bytes = b"314159") -> str:
    reading, writing = os.pipe()
    os.write(writing, text + b"\n")
    os.close(writing)
    return str(reading)


def told(capfd: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capfd.readouterr().out.splitlines()]


def link(desk: Desk, capfd: pytest.CaptureFixture[str], name: str = "phone.json") -> list[dict[str, Any]]:
    command = ["phone", "link", *desk.page, "--state", desk.file(name), "--device", "Anna’s phone"]
    assert run([*command, "--codes-fd", digits(), "--json"]) == 0
    return told(capfd)


class Page:
    """A browser's command in a process of its own, which waits for the phone."""

    def __init__(self, desk: Desk, *command: str) -> None:
        session = ["--session", desk.file("browser.json")]
        line = [*PROGRAM, "phone", *command, *desk.page, *session, "--json", "--lang", "en"]
        self._process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.asked = json.loads(self._process.stdout.readline())

    def end(self) -> tuple[int, list[dict[str, Any]]]:
        out, _ = self._process.communicate(timeout=60)
        return self._process.returncode, [json.loads(line) for line in out.splitlines()]


def test_org_6_page_and_phone_show_the_same_code(desk: Desk, capfd: pytest.CaptureFixture[str]) -> None:
    offered, claimed, linked, end = link(desk, capfd)
    assert offered["qr"].startswith(f"{desk.origin}/phone#1.")
    assert re.fullmatch(r"\d{6}", claimed["code"])
    assert (linked["state"], end) == ("linked", {"ok": True})
    assert os.stat(desk.file("phone.json")).st_mode & 0o777 == 0o600
    assert run(["phone", "show", "--state", desk.file("phone.json"), "--json"]) == 0
    shown, _ = told(capfd)
    assert (shown["state"], shown["tries_left"], shown["asked"]) == ("linked", 5, None)


def test_org_6_a_code_is_linked_from_its_text_and_the_page_confirms(
    desk: Desk, capfd: pytest.CaptureFixture[str]
) -> None:
    browser = desk.browser
    offer = browser.ask("offer")
    command = ["phone", "link", offer["qr"], "--state", desk.file("other.json"), "--json"]
    assert run([*command, "--codes-fd", digits()]) == 0
    claimed = told(capfd)[0]
    assert browser.ask("progress", phone=offer["phone"]) == {"state": "linking", "code": claimed["code"]}
    assert desk.browser.ask("progress", phone=offer["phone"]) == {"state": "unknown", "code": None}
    assert run([*command, "--codes-fd", digits()]) != 0
    assert told(capfd)[0]["error"]["details"]["reason"] == "used"


def test_org_7_the_phone_logs_in_signs_and_refuses(desk: Desk, capfd: pytest.CaptureFixture[str]) -> None:
    link(desk, capfd)
    state = ["--state", desk.file("phone.json"), "--json"]
    cards = ["--simulated", desk.file("cards"), "--journal", desk.file("journal.db")]
    assert run(["create", *desk.page, *cards, "--json"]) == 0
    [made] = [one for one in told(capfd) if one["event"] == "made"]

    page = Page(desk, "log-in", *desk.who)
    assert run(["phone", "approve", *state, "--number", page.asked["number"], "--codes-fd", digits(b"000000")]) != 0
    assert told(capfd)[-1]["error"]["details"]["tries_left"] == 4
    assert page.end()[1][-1]["error"]["code"] == "portal.session"

    page = Page(desk, "log-in", *desk.who)
    assert run(["phone", "approve", *state, "--number", page.asked["number"], "--codes-fd", digits()]) == 0
    asked = told(capfd)[0]["asked"]
    assert (asked["statement"], asked["fields"]["client"]) == ("phone-log-in", "127.0.0.1")
    code, [logged_in, listed, end] = page.end()
    assert (code, logged_in["role"], end) == (0, "administrator", {"ok": True})
    assert [(card["serial"], card["state"]) for card in listed["cards"]] == [(made["serial"], "active")]

    page = Page(desk, "change", "card.block", made["serial"], "--reason", "lost")
    assert run(["phone", "refuse", *state]) == 0
    assert told(capfd)[0]["asked"]["fields"]["about"] == "Fatima Zohra el Amrani"
    assert page.end()[0] != 0
    page = Page(desk, "change", "card.block", made["serial"], "--reason", "lost")
    assert run(["phone", "approve", *state, "--number", page.asked["number"], "--codes-fd", digits()]) == 0
    capfd.readouterr()
    code, [changed, end] = page.end()
    assert (code, changed["subject"], changed["state"], end) == (0, made["serial"], "suspended", {"ok": True})
    stolen = Browser(desk.origin, desk.directory / "tls.pem", desk.directory / "browser.json")
    with pytest.raises(Exception, match="signature") as error:
        stolen.ask("change", action="card.unblock", subject=made["serial"], reason="found")
    assert type(error.value).__name__ == "NotSignedError"


def test_org_7_nothing_waits_is_said_in_words(desk: Desk, capfd: pytest.CaptureFixture[str]) -> None:
    link(desk, capfd)
    for lang, words in (("nl", "wordt niets gevraagd"), ("en", "is asked nothing")):
        assert run(["phone", "approve", "--state", desk.file("phone.json"), "--number", "00", "--lang", lang]) != 0
        assert words in capfd.readouterr().err


def test_org_6_the_second_phone_does_it_over_https_too(desk: Desk) -> None:
    browser, phone = desk.browser, SecondPhone(b"271828")
    offer = browser.ask("offer")
    code = phone.link(offer["qr"])
    assert browser.ask("confirm", phone=offer["phone"], code=code) == {"state": "linked"}
    asked = browser.ask("log-in", user_name=desk.who[1], ura=desk.who[3])
    state, kind, fields = phone.poll()
    assert state == "linked"
    phone.approve(kind or "", fields, asked["number"], b"271828")
    assert browser.ask("status", nonce=asked["nonce"]) == {"state": "approved"}
    assert browser.ask("finish", nonce=asked["nonce"])["role"] == "administrator"
    phone.trusted = (bytes(32),)
    with pytest.raises(NotOurs):
        phone.poll()


def test_org_6_the_way_ends_at_the_key_of_the_code_or_nowhere(desk: Desk) -> None:
    with pytest.raises(PairingError) as error:
        PinnedSeam(desk.origin, (bytes(32),)).ask(b"{}")
    assert error.value.reason == "portal"
    with pytest.raises(TransportError):
        PinnedSeam(f"https://localhost:{free_port()}", (bytes(32),)).ask(b"{}")
    known = desk.browser.ask("offer")["qr"].split(".")
    fingerprint = base64.urlsafe_b64decode(known[1] + "==")
    assert b"encoding.message" in PinnedSeam(desk.origin, (fingerprint,)).ask(b"{}")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 90000\r\n\r\n{", TransportError),
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\n{}", PortalAnswerError),
        (b"HTTP/1.1 302 Found\r\nLocation: https://x\r\nContent-Length: 0\r\n\r\n", PortalAnswerError),
        (b"no HTTP at all\r\n\r\n", TransportError),
        (b"", TransportError),
    ],
    ids=["endless", "page", "redirect", "noise", "nothing"],
)
def test_what_answers_as_no_portal_does_is_no_answer(tmp_path: Path, answer: bytes, error: type[Exception]) -> None:
    """The right key is at the other end, and sends something else; what drips is given up."""
    key = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "tls.pem", tmp_path / "tls-key.pem")
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with suppress(OSError):
                line = context.wrap_socket(listening.accept()[0], server_side=True)
                request = piece = line.recv(65536)
                while piece and not request.endswith(b"{}"):  # all of it: what is left unread would break the line
                    piece = line.recv(65536)
                    request += piece
                line.sendall(answer)
                while b"90000" in answer:
                    line.sendall(b" ")
                    threading.Event().wait(0.2)
                line.close()

        thread = threading.Thread(target=serve)
        thread.start()
        origin = f"https://localhost:{listening.getsockname()[1]}"
        with pytest.raises(error):
            PinnedSeam(origin, (hashlib.sha256(key).digest(),), total=2.0).ask(b"{}")
        thread.join()


def test_many_phones_at_once_are_each_told_their_own(desk: Desk) -> None:
    browser = desk.browser
    offer = browser.ask("offer")
    codes: list[str] = []
    refused: list[str] = []

    def scan() -> None:
        phone = SecondPhone(b"271828")
        try:
            codes.append(phone.link(offer["qr"]))
        except Exception as error:
            refused.append(getattr(error, "details", {}).get("reason", repr(error)))

    threads = [threading.Thread(target=scan) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused == ["used"] * 4
    assert browser.ask("progress", phone=offer["phone"]) == {"state": "linking", "code": codes[0]}


def test_the_command_prints_the_protocol(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["phone", "protocol"]) == 0
    assert capfd.readouterr().out == phone_protocol.page()
    assert run(["phone", "protocol", "--vectors"]) == 0
    assert json.loads(capfd.readouterr().out) == phone_protocol.vectors()


@pytest.mark.parametrize(
    "given",
    [["phone", "link", "--state", "x"], ["phone", "link", "https://x/y", "--state", "x"]],
    ids=["none", "other"],
)
def test_what_is_no_code_is_refused(given: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    assert run([*given, "--codes-fd", digits()]) != 0
    assert capfd.readouterr().err.strip()


def test_a_page_that_is_none_is_no_demonstration(desk: Desk) -> None:
    with pytest.raises(PortalAnswerError):
        desk.browser.ask("nothing")
