"""Creation across a network: a real uvicorn over real TLS, a page that carries messages, and what breaks (CRD-8, AUT-1)."""

from __future__ import annotations

import json
import os
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from docs_examples import example
from pki_world import make
from seam_world import Served, Wire
from world import CARD_PIN, DESKTOP, World, card_token
from zorgid_card.adapters.http import Timeouts
from zorgid_card.adapters.seam import HTTPSSeam
from zorgid_card.adapters.seam_server import answer_http
from zorgid_card.errors import (
    DeclinedError,
    PassTypeError,
    PortalAnswerError,
    PortalTLSError,
    StorageError,
    TransportError,
    UsageError,
    ZorgIDError,
)
from zorgid_card.ports.registry import CardLink, IssuedCertificate, Person, SmartCard
from zorgid_card.ports.seam import LIMIT, PATH, Seam
from zorgid_card.secret import Secret
from zorgid_card.workflows.organisation import CREATE
from zorgid_card.workflows.session import OpenSession, PortalClient

pytest.importorskip("uvicorn")
R = TypeVar("R")
MESSAGES = 7  # of one card in the Yubico dialect
BUSY = Timeouts(connect=5, read=5, total=20)


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.validated()
    return world


def served(world: World, directory: Path, *faults: str) -> Served:
    """The world's portal over HTTPS; its origin is where it is served."""
    (directory / "tls").mkdir()
    serving = Served(directory / "tls", world.reopened, faults)
    world.moved(serving.address)
    return serving


def seam_to(serving: Served, **options: Any) -> HTTPSSeam:
    options.setdefault("timeouts", BUSY)
    return HTTPSSeam(serving.address, ca=serving.ca, **options)


def made_once(world: World, seam: Seam) -> None:
    """A card is made, and everything about it is there exactly once."""
    made = world.creation(world.worker(), seam).run(**DESKTOP)
    (card,) = records(world, SmartCard)
    (issued,) = records(world, IssuedCertificate)
    assert (card.serial, card.state) == (made.serial, "active")
    assert (issued.status, issued.der) == ("good", made.certificate)
    assert (len(records(world, Person)), len(records(world, CardLink))) == (1, 1)
    world.card().verify_pin(Secret.of(CARD_PIN))


def records(world: World, kind: type[R]) -> list[R]:
    with world.registry.begin() as unit:
        return list(unit.find(kind))


def test_crd_10_a_card_is_made_over_https_and_logs_in(world: World, tmp_path: Path) -> None:
    with served(world, tmp_path) as serving:
        made_once(world, seam_to(serving))
    nonce = world.log_in.challenge("browser")
    assert world.log_in.verify(card_token(world, nonce, world.origin), binding="browser").ura == "90000123"


SERVER_FAULTS = ["500", "500 after", "doubled", "broken off", "killed before", "killed after"]


@pytest.mark.parametrize("fault", SERVER_FAULTS)
def test_crd_8_whatever_the_server_does_to_every_message_the_card_is_made_once(
    world: World, tmp_path: Path, fault: str
) -> None:
    """Each message meets the fault at its first try; a server that was killed is another process at the second."""
    once = (fault, "") if fault != "doubled" else (fault,)
    with served(world, tmp_path, *once * 30) as serving:
        made_once(world, seam_to(serving, patience=30))
        assert serving.requests == MESSAGES * len(once)


@pytest.mark.parametrize("fault", ["refused", "request lost", "answer lost"])
def test_crd_8_whatever_is_lost_on_the_wire_of_every_message_the_card_is_made_once(
    world: World, tmp_path: Path, fault: str
) -> None:
    faults = [fault, ""] * 30
    if fault == "answer lost":
        faults[2 * (MESSAGES - 1)] = "silence"  # at the commit, for as long as one waits
    serving = served(world, tmp_path)
    with Wire(serving.port, faults) as wire:
        address = f"https://localhost:{wire.port}"
        world.moved(address)
        with serving:
            made_once(world, HTTPSSeam(address, ca=serving.ca, timeouts=BUSY, patience=30, wait=lambda seconds: None))
        if (
            fault == "answer lost"
        ):  # asked again while it is still being served, a message is told to wait, and comes once more
            assert wire.connections >= 2 * MESSAGES
        else:
            assert wire.connections == 2 * MESSAGES


def test_crd_8_an_endless_answer_is_given_up_and_asked_again(world: World, tmp_path: Path) -> None:
    with served(world, tmp_path, "slow") as serving:
        brief = Timeouts(connect=5, read=5, total=2)
        made_once(world, seam_to(serving, timeouts=brief))


@pytest.mark.parametrize(
    ("fault", "reason"),
    [("giant", "length"), ("redirect", "redirect"), ("page", "type"), ("compressed", "encoding")],
)
def test_aut_1_what_is_no_answer_of_a_portal_is_refused_at_once(
    world: World, tmp_path: Path, fault: str, reason: str
) -> None:
    with served(world, tmp_path, fault) as serving:
        with pytest.raises(PortalAnswerError) as refused:
            made_once(world, seam_to(serving))
        assert refused.value.details["reason"] == reason
        assert serving.requests == 1


def test_aut_1_a_certificate_that_does_not_verify_ends_it_before_anything_was_said(
    world: World, tmp_path: Path
) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding

    another = tmp_path / "another.pem"
    another.write_bytes(make("Another root").certificate.public_bytes(Encoding.PEM))
    with served(world, tmp_path) as serving:
        with pytest.raises(PortalTLSError):
            PortalClient(HTTPSSeam(serving.address, ca=another)).open(CREATE, **DESKTOP)
        with pytest.raises(PortalTLSError):
            PortalClient(HTTPSSeam(serving.address.replace("localhost", "127.0.0.1"), ca=serving.ca)).open(
                CREATE, **DESKTOP
            )
        assert serving.requests == 0


def test_aut_1_the_origin_that_is_signed_is_that_of_the_connection(world: World, tmp_path: Path) -> None:
    """A portal that is reached under another name than its own takes no pass: what the pass signed is for somebody else."""
    with served(world, tmp_path) as serving, Wire(serving.port, []) as wire:
        elsewhere = HTTPSSeam(f"https://localhost:{wire.port}", ca=serving.ca)
        with pytest.raises(ZorgIDError) as refused:
            world.creation(world.worker(), elsewhere).run(**DESKTOP)
        assert refused.value.code == "certificate.signature"


def test_crd_8_a_portal_that_is_gone_is_told_of_after_the_patience(tmp_path: Path) -> None:
    pauses: list[float] = []
    seam = HTTPSSeam("https://localhost:9", patience=0.9, wait=pauses.append)
    with pytest.raises(TransportError):
        seam.ask(b"{}")
    assert pauses[:2] == [0.25, 0.5]


def test_crd_1_a_refusal_crosses_as_the_typed_error(world: World, tmp_path: Path) -> None:
    with served(world, tmp_path) as serving:
        holder = world.worker()
        holder.passes = world.doctor_pass
        with pytest.raises(PassTypeError) as refused:
            world.creation(holder, seam_to(serving)).run(**DESKTOP)
        assert refused.value.details == {"found": "Z", "expected": "N"}


@pytest.mark.parametrize("path", ["card-side", "@elsewhere/", "", "/kaart\u00e9"])
def test_aut_1_no_path_leads_to_another_host(path: str) -> None:
    with pytest.raises(UsageError):
        HTTPSSeam("https://portal.example", path=path)


def test_aut_1_only_https_and_only_a_certificate_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        HTTPSSeam("http://portal.example")
    with pytest.raises(StorageError):
        HTTPSSeam("https://portal.example", ca=tmp_path / "none.pem")


# --- the portal's end -------------------------------------------------------------------------------------------------


def test_the_portals_end_takes_messages_and_nothing_else(world: World) -> None:
    kind = "application/json"
    assert answer_http(world.portal, "GET", kind, b"").status == 405
    assert answer_http(world.portal, "POST", "text/plain", b"{}").status == 415
    assert answer_http(world.portal, "POST", "", b"{}").status == 415
    assert answer_http(world.portal, "POST", kind, b" " * (LIMIT + 1)).status == 413
    answer = answer_http(world.portal, "POST", "Application/JSON; charset=utf-8", b"\xff")
    assert answer.status == 200
    assert json.loads(answer.body)["code"] == "encoding.message"
    assert ("Cache-Control", "no-store") in answer.headers


def test_the_documented_application_reads_no_more_than_it_takes(world: World, tmp_path: Path) -> None:
    with served(world, tmp_path) as serving, httpx.Client(verify=str(serving.ca), trust_env=False) as client:
        url = serving.address + PATH
        assert client.get(url).status_code == 405
        assert client.post(url, content=b"{}", headers={"Content-Type": "text/plain"}).status_code == 415
        long = client.post(url, content=b" " * (LIMIT + 1), headers={"Content-Type": "application/json"})
        assert long.status_code == 413


# --- a page that carries ----------------------------------------------------------------------------------------------


class Page:
    """The portal's page in a browser, with its extension: takes messages from a pipe and posts them with the browser's TLS."""

    def __init__(self, serving: Served, closes_at: int = 0) -> None:
        self._to_page, self._from_host = os.pipe()
        self._to_host, self._from_page = os.pipe()
        self._serving, self._closes_at = serving, closes_at
        self._thread = threading.Thread(target=self._carry)
        self._thread.start()
        self.incoming, self.outgoing = os.fdopen(self._to_host, "rb"), os.fdopen(self._from_host, "wb")

    def _carry(self) -> None:
        with (
            os.fdopen(self._to_page, "rb") as incoming,
            os.fdopen(self._from_page, "wb") as outgoing,
            httpx.Client(verify=str(self._serving.ca), trust_env=False) as browser,
        ):
            carried = 0
            while head := incoming.read(4):
                message = json.loads(incoming.read(struct.unpack("@I", head)[0]))["post"]
                carried += 1
                answer = browser.post(
                    self._serving.address + PATH, content=message, headers={"Content-Type": "application/json"}
                )
                if carried == self._closes_at:
                    return  # the tab is closed before the answer comes back
                frame = json.dumps({"body": answer.text}).encode()
                outgoing.write(struct.pack("@I", len(frame)) + frame)
                outgoing.flush()

    def close(self) -> None:
        self.outgoing.close()
        self._thread.join()
        self.incoming.close()


def page_seam(page: Page, origin: str) -> Any:
    names: dict[str, Any] = {}
    exec(example("docs/seam.md", "relay"), names)
    made: Callable[..., Any] = names["PageSeam"]
    return made(page.incoming, page.outgoing, origin)


def test_crd_10_a_card_is_made_across_a_page_that_carries_the_messages(world: World, tmp_path: Path) -> None:
    with served(world, tmp_path) as serving:
        page = Page(serving)
        made_once(world, page_seam(page, serving.address))
        page.close()


def test_crd_8_a_tab_that_is_closed_leaves_nothing_valid_and_a_new_one_makes_the_card(
    world: World, tmp_path: Path
) -> None:
    with served(world, tmp_path) as serving:
        page = Page(serving, closes_at=6)
        holder = world.worker()
        holder.declines = {"portal-again"}
        with pytest.raises(DeclinedError):
            world.creation(holder, page_seam(page, serving.address)).run(**DESKTOP)
        assert [card.state for card in records(world, SmartCard) if card.state == "active"] == []
        page.incoming.close()
        world.reader.remove()
        page = Page(serving)
        again = world.worker(holder.blank)
        world.creation(again, page_seam(page, serving.address)).run(**DESKTOP)
        page.close()
        assert [card.state for card in records(world, SmartCard)] == ["active"]


def test_the_documented_card_side_is_what_the_seam_takes() -> None:
    names: dict[str, Any] = {}
    exec(example("docs/seam.md", "card-side"), names)
    assert names["client"].origin == "https://portal.example"


def test_an_answer_that_is_cut_short_is_no_message(world: World) -> None:
    class Cut:
        origin = "https://portal.example"

        def ask(self, request: bytes) -> bytes:
            return world.portal.ask(request)[:-1]

    client = PortalClient(Cut())
    message = OpenSession(purpose=CREATE, **DESKTOP, session_key=client._key.public_key)
    with pytest.raises(ZorgIDError) as refused:
        client.ask(message, OpenSession)
    assert (refused.value.code, refused.value.details["reason"]) == ("portal.answer", "type")


@pytest.mark.parametrize("answer", ["page", "redirect", "broken"])
def test_crd_8_what_comes_in_the_portals_place_at_the_commit_is_not_its_word(world: World, answer: str) -> None:
    """A finished card is not given up because a proxy, or somebody's Wi-Fi, answers instead; the holder asks again."""

    class Between:
        origin = world.portal.origin
        left = 2

        def ask(self, request: bytes) -> bytes:
            if b'"commit-card"' not in request or not self.left:
                return world.portal.ask(request)
            self.left -= 1
            if answer == "broken":
                raise OSError
            if answer == "page":
                return b"<html>"
            raise PortalAnswerError("elsewhere", origin=self.origin, reason="redirect", status=302)

    holder, between = world.worker(), Between()
    between.left = 2 if answer == "redirect" else 6  # the others are tried three times before anybody is asked
    world.creation(holder, between).run(**DESKTOP)
    assert [question.code for question in holder.questions].count("ask-again") == 2
    assert [card.state for card in records(world, SmartCard)] == ["active"]


def test_crd_8_a_portal_that_was_away_is_asked_again_with_the_card_left_in(world: World) -> None:
    class Away:
        origin = world.portal.origin
        asked = 0

        def ask(self, request: bytes) -> bytes:
            self.asked += 1
            if 5 <= self.asked <= 10:
                raise OSError
            return world.portal.ask(request)

    holder = world.worker()
    world.creation(holder, Away()).run(**DESKTOP)
    codes = [question.code for question in holder.questions]
    assert ("portal-again" in codes, "insert-again" in codes) == (True, False)
    assert "insert-again" not in holder.asked
    assert [card.state for card in records(world, SmartCard)] == ["active"]
