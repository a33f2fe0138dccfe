"""The FastAPI page's portal as it is deployed: uvicorn's workers behind nginx, and a pass in a reader before it (AUT-1, AUT-2)."""

from __future__ import annotations

import json
import ssl
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from made_card import FIRST, wait_for_card
from portal_examples import Register, fastapi_source
from proxies import free_port, front, key_and_certificate, place, running
from world import PASS_PIN
from zorgid_card import Secret, find_reader, open_card
from zorgid_card.adapters.portal import HTTPSDoor
from zorgid_card.errors import NotLinkedError, RevokedError
from zorgid_card.testkit.uzi import VirtualUZIPass
from zorgid_card.testkit.uzi_contents import PassContents
from zorgid_card.testkit.vpcd import VPCDCard
from zorgid_card.workflows.card_side import answer_challenge

pytestmark = pytest.mark.blackbox
pytest.importorskip("fastapi")


@dataclass
class Deployed:
    """The portal, and where browsers find it."""

    register: Register
    origin: str
    ca: Path
    directory: Path

    def post(self, path: str, holder: PassContents | None, headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """What a browser posts that shows a pass in the TLS handshake, or none."""
        context = ssl.create_default_context(cafile=str(self.ca))
        if holder is not None:
            context.load_cert_chain(key_and_certificate(self.directory / "client.pem", holder))
        request = urllib.request.Request(self.origin + path, b"{}", {"Origin": self.origin} | headers)
        try:
            with urllib.request.urlopen(request, context=context, timeout=10) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    register = Register(tmp_path_factory.mktemp("register"))
    with place(register.pki, "localhost") as directory:
        port = free_port()
        origin, socket = f"https://localhost:{port}", directory / "portal.sock"
        (directory / "portal.py").write_text(fastapi_source(register, origin))
        command = [sys.executable, "-m", "uvicorn", "portal:app", "--uds", str(socket), "--no-proxy-headers"]
        with (
            running([*command, "--workers", "2"], directory / "portal.log", str(socket), cwd=directory),
            front("nginx", directory, port, socket),
        ):
            socket.chmod(0o666)
            yield Deployed(register, origin, directory / "site-ca.pem", directory)


def log_in(portal: Deployed, holder: PassContents) -> dict[str, Any]:
    """What the card side does, with the pass in a reader."""
    shown: list[str] = []
    with in_the_reader(holder), HTTPSDoor(portal.origin, ca=portal.ca) as door:
        with open_card(find_reader(FIRST)) as card:
            signer = card.authentication_signer(lambda request: Secret.of(PASS_PIN))
            token = answer_challenge(door, signer, card.authentication_certificate(), confirm=shown.append)
        assert shown == [portal.origin]
        return door.log_in(token)


@contextmanager
def in_the_reader(holder: PassContents) -> Iterator[None]:
    try:
        with VPCDCard(VirtualUZIPass(holder, pin=PASS_PIN)):
            wait_for_card()
            yield
    finally:
        find_reader(FIRST).wait(present=False, timeout=10)


def test_aut_1_a_pass_in_a_reader_logs_in_at_the_deployed_portal(portal: Deployed, pcscd: None) -> None:
    for _ in range(2):  # challenges of one worker, answered at whichever
        assert log_in(portal, portal.register.worker)["name"] == "Zoë el Amrani"


def test_aut_2_the_card_side_is_told_why_it_is_refused(portal: Deployed, pcscd: None) -> None:
    with pytest.raises(NotLinkedError):
        log_in(portal, portal.register.stranger)
    portal.register.revoke(portal.register.second)
    with pytest.raises(RevokedError):
        log_in(portal, portal.register.second)


def test_aut_2_the_same_portal_takes_a_pass_from_the_handshake(portal: Deployed) -> None:
    """Over the Unix socket uvicorn tells no peer's address, and X-Forwarded-For is nobody's word."""
    spoofed = {"X-Forwarded-For": "10.0.0.5"}
    assert portal.post("/auth/tls", portal.register.worker, spoofed) == (
        200,
        {"name": "Zoë el Amrani", "organisation": "Huisartsenpraktijk De Linde", "role": "00.000"},
    )
    status, told = portal.post("/auth/tls", None, spoofed)
    assert (status, told["code"]) == (403, "portal.no_client_certificate")
