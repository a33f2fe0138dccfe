"""The agent under attack: real sockets, forged heads, malformed frames, pages that want too much (AUT-1)."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("websockets")
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from agent_world import PATIENCE, AgentWorld, Hands, Page, Portal, agent_at, portal_world
from world import World
from zorgid_card.agent import server, transport, visit
from zorgid_card.agent.pairing import ASKED_AT_MOST, ASKED_FOR_ONE, ASKED_WITHIN, REFUSED_FOR, Rollout
from zorgid_card.agent.server import STARTS
from zorgid_card.agent.transport import PATH
from zorgid_card.agent.visit import MESSAGES, NOT_PAIRED, OUT_OF_ORDER, PROTOCOL_BROKEN, TOO_OFTEN, Visit
from zorgid_card.testkit.card import VirtualCard

EVIL = "https://evil.example"


class Clock:
    """Stands still until it is set forward."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


Beside = tuple[World, Portal]


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Beside]:
    with portal_world(tmp_path_factory.mktemp("portal")) as made:
        yield made


@pytest.fixture(scope="module")
def lasting(portal: Beside, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentWorld]:
    """For attacks that leave nothing behind; between any two looks at its clock there is a long time."""
    hours = itertools.count(0, 3600)
    with agent_at(*portal, tmp_path_factory.mktemp("agent"), clock=lambda: next(hours)) as made:
        yield made


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def desk(portal: Beside, tmp_path: Path, clock: Clock) -> Iterator[AgentWorld]:
    with agent_at(*portal, tmp_path, clock=clock) as made:
        yield made


def refused(desk: AgentWorld, **options: Any) -> int:
    """The status with which a handshake is refused."""
    uri = options.pop("uri", desk.uri)
    with pytest.raises(InvalidStatus) as caught, connect(uri, **options):
        pass
    return caught.value.response.status_code


# --- the handshake ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("origin", [None, "null", "http://portal.example", "https://evil.example/", "file://"])
def test_aut_1_a_page_without_an_origin_of_https_does_not_get_in(lasting: AgentWorld, origin: str | None) -> None:
    assert refused(lasting, origin=origin) == 403


def test_a_second_origin_beside_the_first_does_not_get_in(lasting: AgentWorld) -> None:
    assert refused(lasting, origin=lasting.origin, additional_headers={"Origin": EVIL}) == 403


def raw(desk: AgentWorld, octets: bytes, then: bytes = b"") -> bytes:
    """The head that comes back for these octets, all of it or none; ``then`` is sent after it, until the agent closes."""
    with socket.create_connection(("127.0.0.1", desk.port), timeout=PATIENCE) as way, suppress(ConnectionError):
        answer = b""
        way.sendall(octets)
        while b"\r\n\r\n" not in answer and (part := way.recv(65_536)):
            answer += part
        if then:
            way.sendall(then)
            way.shutdown(socket.SHUT_WR)
            while way.recv(65_536):
                pass
    return answer


def handshake(desk: AgentWorld, *more: str, host: str = "", first: str = "", origin: str = "") -> bytes:
    lines = [
        first or f"GET {PATH} HTTP/1.1",
        f"Host: {host or f'127.0.0.1:{desk.port}'}",
        f"Origin: {origin or desk.origin}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
        *more,
    ]
    return "\r\n".join((*lines, "", "")).encode("latin-1")


def test_a_good_handshake_gets_in(lasting: AgentWorld) -> None:
    assert raw(lasting, handshake(lasting)).startswith(b"HTTP/1.1 101 ")


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1:80", "localhost.evil.example:{port}"]
)
def test_dns_rebinding_does_not_get_in(lasting: AgentWorld, host: str) -> None:
    answer = raw(lasting, handshake(lasting, host=host.format(port=lasting.port)))
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert b"access-control" not in answer.lower()


NO_HANDSHAKES = {
    "a form": "POST {path} HTTP/1.1",
    "a head": "HEAD {path} HTTP/1.1",
    "another path": "GET / HTTP/1.1",
    "a query": "GET {path}?origin=x HTTP/1.1",
    "a proxy's form": "GET http://127.0.0.1{path} HTTP/1.1",
    "an old version": "GET {path} HTTP/1.0",
    "no request": "\x16\x03\x01",
}


@pytest.mark.parametrize("name", NO_HANDSHAKES)
def test_what_is_no_handshake_of_the_agent_s_is_refused(lasting: AgentWorld, name: str) -> None:
    answer = raw(lasting, handshake(lasting, first=NO_HANDSHAKES[name].format(path=PATH)))
    assert not answer.startswith((b"HTTP/1.1 101", b"HTTP/1.1 2"))
    assert b"access-control" not in answer.lower()


def test_a_plain_fetch_of_the_path_hears_nothing_a_script_may_read(lasting: AgentWorld) -> None:
    head = f"GET {PATH} HTTP/1.1\r\nHost: 127.0.0.1:{lasting.port}\r\nOrigin: {lasting.origin}\r\n\r\n"
    answer = raw(lasting, head.encode())
    assert answer.startswith(b"HTTP/1.1 426 ")
    assert b"access-control" not in answer.lower()


def test_an_endless_head_is_cut_off(lasting: AgentWorld) -> None:
    way = socket.create_connection(("127.0.0.1", lasting.port), timeout=PATIENCE)
    with way, pytest.raises(ConnectionError):  # noqa: PT012  # which of them it is depends on when it is cut
        for _ in range(100_000):
            way.sendall(b"X: y\r\n" * 100)
    with lasting.page():
        pass


# --- what browsers ask beforehand -------------------------------------------------------------------------------------


def preflight(desk: AgentWorld, origin: str) -> bytes:
    first = f"OPTIONS {PATH} HTTP/1.1"
    return raw(desk, handshake(desk, "Access-Control-Request-Private-Network: true", first=first, origin=origin))


def test_private_network_access_is_granted_to_origins_on_the_list(lasting: AgentWorld) -> None:
    answer = preflight(lasting, lasting.origin)
    assert answer.startswith(b"HTTP/1.1 204 ")
    assert b"\r\nAccess-Control-Allow-Private-Network: true\r\n" in answer
    assert f"\r\nAccess-Control-Allow-Origin: {lasting.origin}\r\n".encode() in answer


@pytest.mark.parametrize("origin", [EVIL, "null", "*"])
def test_private_network_access_is_granted_to_no_other(lasting: AgentWorld, origin: str) -> None:
    answer = preflight(lasting, origin)
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert b"access-control" not in answer.lower()


def test_a_handshake_that_asks_hears_that_it_may(lasting: AgentWorld) -> None:
    answer = raw(lasting, handshake(lasting, "Access-Control-Request-Private-Network: true"))
    assert answer.startswith(b"HTTP/1.1 101 ")
    assert b"Access-Control-Allow-Private-Network: true" in answer


# --- another user's process -------------------------------------------------------------------------------------------


def test_another_user_s_process_does_not_get_in(lasting: AgentWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "peer_user", lambda peer, own: os.geteuid() + 1)
    assert refused(lasting, origin=lasting.origin) == 403


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="Linux lists its sockets")
def test_the_owner_of_a_real_connection_is_found() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.create_connection(listening.getsockname()) as way:
        found = transport.peer_user(way.getsockname(), listening.getsockname())
    assert found == os.geteuid()


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="Linux lists its sockets")
@pytest.mark.parametrize("way", ["another address of this computer", "IPv6"])
def test_the_owner_is_found_however_the_connection_is_made(way: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = listening.getsockname()
        family, there = (
            (socket.AF_INET, address) if way != "IPv6" else (socket.AF_INET6, (f"::ffff:{address[0]}", address[1]))
        )
        with socket.socket(family) as other:
            if family == socket.AF_INET:
                other.bind(("127.0.0.2", 0))
            other.connect(there)
            accepted, peer = listening.accept()
            with accepted:
                assert transport.peer_user(peer, address) == os.geteuid()


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="Linux lists its sockets")
def test_who_has_let_go_of_the_connection_is_nobody_and_not_root() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        with socket.create_connection(listening.getsockname()) as way:
            way.sendall(b"x")
        accepted, peer = listening.accept()
        with accepted:
            assert transport.peer_user(peer, listening.getsockname()) == transport.NOBODY


def test_who_is_listed_nowhere_does_not_get_in(lasting: AgentWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "peer_user", lambda peer, own: transport.NOBODY)
    assert refused(lasting, origin=lasting.origin) == 403


# --- pairing ----------------------------------------------------------------------------------------------------------


def test_a_page_is_paired_when_the_person_sees_its_code(desk: AgentWorld) -> None:
    with desk.visit(EVIL) as page:
        hello = page.hear()
        assert hello["paired"] is False
        assert page.hear() == {"type": "paired"}
    (question,) = desk.person.questions
    assert (question.code, dict(question.facts)) == ("agent-pair", {"origin": EVIL, "code": hello["code"]})
    assert set(desk.origins.own()) == {desk.origin, EVIL}
    with desk.visit(EVIL) as page:
        assert page.hear()["paired"] is True


def test_who_says_no_is_not_asked_again_soon(desk: AgentWorld, clock: Clock) -> None:
    desk.person.declines.add("agent-pair")
    with desk.visit(EVIL) as page:
        assert page.closed() == NOT_PAIRED
    with desk.visit(EVIL) as page:
        assert page.closed() == TOO_OFTEN
        assert page.seen == []
    assert len(desk.person.asked) == 1
    clock.now += REFUSED_FOR
    with desk.visit(EVIL) as page:
        assert page.closed() == NOT_PAIRED
    assert set(desk.origins.own()) == {desk.origin}


def test_pages_of_many_origins_cannot_have_prompts_pile_up(desk: AgentWorld, clock: Clock) -> None:
    desk.person.declines.add("agent-pair")
    codes = []
    for number in range(ASKED_AT_MOST + 3):
        with desk.visit(f"https://evil{number}.example") as page:
            codes.append(page.closed())
    assert codes == [NOT_PAIRED] * ASKED_AT_MOST + [TOO_OFTEN] * 3
    clock.now += ASKED_WITHIN
    with desk.visit(EVIL) as page:
        assert page.closed() == NOT_PAIRED
    assert desk.person.most == 1


def test_a_page_that_comes_and_goes_cannot_either(desk: AgentWorld) -> None:
    desk.person.stays.add("agent-pair")
    for _ in range(ASKED_FOR_ONE):
        with desk.visit(EVIL) as page:
            assert page.hear()["type"] == "hello"
            assert desk.person.shown.acquire(timeout=PATIENCE)
        desk.idle()
        desk.person.released.clear()
    with desk.visit(EVIL) as page:
        assert page.closed() == TOO_OFTEN
    assert len(desk.person.asked) == ASKED_FOR_ONE
    assert set(desk.origins.own()) == {desk.origin}


def test_a_question_that_nobody_answers_is_taken_away(desk: AgentWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visit, "PAIRING_SECONDS", 0.05)
    desk.person.stays.add("agent-pair")
    with desk.visit(EVIL) as page:
        assert page.closed() == NOT_PAIRED
    assert desk.person.open == 0
    assert set(desk.origins.own()) == {desk.origin}


def test_while_one_page_is_asked_about_no_other_is(desk: AgentWorld) -> None:
    desk.person.stays.add("agent-pair")
    with desk.visit(EVIL) as first, desk.visit("https://worse.example") as second:
        first.hear()
        assert desk.person.shown.acquire(timeout=PATIENCE)
        assert second.closed() == TOO_OFTEN
        desk.person.released.set()
        assert first.hear() == {"type": "paired"}


def test_while_a_pin_is_asked_no_page_gets_between(desk: AgentWorld) -> None:
    desk.person.stays.add("pin")
    desk.world.reader.insert(desk.world.worker_pass)
    with desk.page() as page:
        page.start("log-in", nonce="n" * 44)
        for _ in ("log-in", "pin"):
            assert desk.person.shown.acquire(timeout=PATIENCE)
        with desk.visit(EVIL) as evil:
            assert evil.closed() == TOO_OFTEN
        desk.person.released.set()
        assert page.until("done")["type"] == "done"


def test_a_page_that_is_not_paired_yet_has_nothing_done(desk: AgentWorld) -> None:
    desk.person.stays.add("agent-pair")
    desk.person.declines.add("agent-pair")
    with desk.visit(EVIL) as page:
        page.hear()
        page.start("readers")
        page.start("log-in", nonce="n" * 44)
        assert desk.person.shown.acquire(timeout=PATIENCE)
        desk.person.released.set()
        assert page.closed() == NOT_PAIRED
    assert [told["type"] for told in page.seen] == ["hello"]
    assert [what for _, what in desk.person.asked] == ["agent-pair"]


def test_where_the_administrator_decides_nobody_is_asked(portal: Beside, tmp_path: Path) -> None:
    rollout = Rollout(origins=frozenset(("https://portal.example",)), pairing=False)
    with agent_at(*portal, tmp_path, rollout=rollout, paired=False) as desk:
        with desk.visit(EVIL) as page:
            assert page.closed() == NOT_PAIRED
        with desk.visit("https://portal.example") as page:
            assert page.hear()["paired"] is True
        assert desk.person.asked == []


def test_a_list_that_others_may_write_lets_nobody_in(desk: AgentWorld, tmp_path: Path) -> None:
    (tmp_path / "agent.json").chmod(0o666)
    with desk.visit() as page:
        assert page.closed() == OUT_OF_ORDER
    assert preflight(desk, desk.origin).startswith(b"HTTP/1.1 403 ")


def test_what_is_forgotten_is_gone_at_the_next_connection(desk: AgentWorld) -> None:
    desk.origins.remove(desk.origin)
    desk.person.declines.add("agent-pair")
    with desk.visit() as page:
        assert page.closed() == NOT_PAIRED


def test_a_page_of_a_portal_that_is_forgotten_begins_nothing_more(desk: AgentWorld) -> None:
    with desk.page() as page:
        page.start("readers")
        assert page.until("done")
        desk.origins.remove(desk.origin)
        page.start("readers")
        assert page.closed() == NOT_PAIRED


# --- a paired page that wants too much --------------------------------------------------------------------------------

WORDS = {
    "no JSON": "{",
    "no message": "{}",
    "a step that is none": '{"type":"start","id":"1","step":"sign","lang":"nl"}',
    "an origin of its own": '{"type":"start","id":"1","step":"register","lang":"nl","origin":"https://x.example"}',
    "a PIN": '{"type":"start","id":"1","step":"pin-status","lang":"nl","pin":"123456"}',
    "an answer to no step": '{"type":"answer","id":"1","question":1,"value":true}',
    "the end of no step": '{"type":"cancel","id":"1"}',
}


@pytest.mark.parametrize("name", WORDS)
def test_aut_1_a_page_that_says_what_it_may_not_is_let_go_of(lasting: AgentWorld, name: str) -> None:
    with lasting.page() as page:
        page.socket.send(WORDS[name])
        assert page.closed() == PROTOCOL_BROKEN


def test_octets_in_the_place_of_text_are_let_go_of(lasting: AgentWorld) -> None:
    with lasting.page() as page:
        page.socket.send(b"{}")
        assert page.closed() == PROTOCOL_BROKEN


def test_a_message_that_is_too_long_is_let_go_of(lasting: AgentWorld) -> None:
    with lasting.page() as page:
        page.socket.send("x" * 65_537)
        assert page.closed() == 1009


@pytest.mark.parametrize("number", [2, 0, -1])
def test_an_answer_to_what_was_not_asked_is_let_go_of(desk: AgentWorld, number: int) -> None:
    with desk.page() as page:
        name = page.start("register")
        Hands(desk.world, page, desk.world.doctor_pass).do(page.until("insert-pass"))
        page.until("pass-data")
        page.say(type="answer", id=name, question=number, value=True)
        assert page.closed() == PROTOCOL_BROKEN
    desk.idle()


def test_aut_1_the_page_cannot_answer_what_the_agent_asks(desk: AgentWorld) -> None:
    """Consent to the access is the agent's question: it has no number, and the next one of the page's is another."""
    desk.person.stays.add("grant-access")
    desk.person.declines.add("grant-access")
    with desk.page() as page:
        name = page.start("register")
        Hands(desk.world, page, desk.world.doctor_pass).do(page.until("insert-pass"))
        assert page.until("prompting")["what"] == "consent"
        page.say(type="answer", id=name, question=1, value=True)
        assert page.closed() == PROTOCOL_BROKEN
    desk.idle()
    assert [what for _, what in desk.person.asked] == ["grant-access"]


@pytest.mark.parametrize("value", [None, False, "true", "yes"])
def test_what_is_not_yes_is_no(desk: AgentWorld, value: Any) -> None:
    with desk.page() as page:
        failed = desk.worker(page, answers={"pass-data": value}).drive(page.start("create"))
    assert (failed["error"]["code"], failed["error"]["details"]) == ("user.declined", {"reason": "pass-data"})


def test_a_second_answer_to_the_same_question_is_passed_over(desk: AgentWorld) -> None:
    def twice(told: dict[str, Any]) -> None:
        page.answer(told, True)
        page.answer(told, None)

    with desk.page() as page:
        assert desk.worker(page, on={"pass-data": twice}).drive(page.start("create"))["type"] == "done"


def test_a_step_s_name_is_used_once(lasting: AgentWorld) -> None:
    with lasting.page() as page:
        for _ in range(2):
            page.say(type="start", id="1", step="readers", lang="nl")
        assert page.closed() == PROTOCOL_BROKEN


def test_a_flood_of_messages_is_let_go_of(desk: AgentWorld) -> None:
    with desk.page() as page:
        name = page.start("readers")
        page.until("done")
        for _ in range(MESSAGES):
            page.say(type="cancel", id=name)
        assert page.closed() == TOO_OFTEN


def test_a_flood_of_steps_is_let_go_of_whichever_tab_begins_them(desk: AgentWorld, clock: Clock) -> None:
    """A page that has the person asked to log in, again and again."""
    desk.world.reader.insert(desk.world.worker_pass)
    desk.person.declines.add("log-in")
    with desk.page() as first, desk.page() as second:
        for page in (first, second) * (STARTS // 2):
            page.start("log-in", nonce="n" * 44)
            page.hear()
            assert page.hear()["error"]["code"] == "user.declined"
        first.start("log-in", nonce="n" * 44)
        assert first.closed() == TOO_OFTEN
        clock.now += 60
        second.start("log-in", nonce="n" * 44)
        second.hear()
        assert second.hear()["error"]["code"] == "user.declined"


def test_connections_of_one_origin_are_limited_and_others_still_get_in(lasting: AgentWorld) -> None:
    with ExitStack() as held:
        for _ in range(server.CONNECTIONS // 2):
            held.enter_context(lasting.page())
        assert refused(lasting, origin=lasting.origin) == 429
        with lasting.visit("https://other.example") as page:
            assert page.hear()["type"] == "hello"


# --- malformed frames -------------------------------------------------------------------------------------------------


def frame(opcode: int, payload: bytes, *, fin: bool = True, masked: bool = True, reserved: int = 0) -> bytes:
    """A frame (RFC 6455, 5.2), however wrong."""
    first = (0x80 if fin else 0) | reserved << 4 | opcode
    length = len(payload)
    size = bytes([length]) if length < 126 else b"\x7e" + struct.pack(">H", length)
    head = bytes([first, size[0] | (0x80 if masked else 0)]) + size[1:]
    return head + (b"\0\0\0\0" if masked else b"") + payload


START = json.dumps({"type": "start", "id": "1", "step": "readers", "lang": "nl"}).encode()
_FRAMES = st.builds(
    frame,
    st.integers(0, 15),
    st.binary(max_size=200) | st.just(START),
    fin=st.booleans(),
    masked=st.booleans(),
    reserved=st.integers(0, 7),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(st.lists(_FRAMES | st.binary(max_size=50), max_size=4))
def test_whatever_frames_come_the_agent_goes_on_for_others(lasting: AgentWorld, frames: list[bytes]) -> None:
    answer = raw(lasting, handshake(lasting), b"".join(frames))
    assert answer.startswith(b"HTTP/1.1 101 ")
    with lasting.page() as page:
        page.start("readers")
        assert page.until("done")["type"] == "done"
    assert {what for _, what in lasting.person.asked} <= {"agent-pair"}


def test_a_page_that_does_not_read_is_let_go_of(lasting: AgentWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be delivered does not pile up."""
    told: list[str] = []
    monkeypatch.setattr(visit, "_QUEUE", 2)
    monkeypatch.setattr(Visit, "_write", lambda _: asyncio.Event().wait())
    with socket.create_connection(("127.0.0.1", lasting.port), timeout=PATIENCE) as way:
        way.sendall(handshake(lasting))
        for number in range(3):
            said = {"type": "start", "id": str(number), "step": "readers", "lang": "nl"}
            way.sendall(frame(1, json.dumps(said).encode()))
        with suppress(ConnectionError):
            while part := way.recv(65_536):
                told.append(part.decode("latin-1"))
    assert "done" not in "".join(told)


# --- whatever a page does ---------------------------------------------------------------------------------------------

_STEPS = st.sampled_from(("readers", "register", "create", "renew", "pin-status", "pin-change"))
_ACTS = st.one_of(
    st.tuples(st.just("start"), _STEPS),
    st.tuples(st.just("answer"), st.integers(1, 3), st.sampled_from((True, None, "1985-06-07", "000000"))),
    st.tuples(st.just("cancel")),
    st.tuples(st.just("card"), st.sampled_from(("pass", "blank", "none"))),
    st.tuples(st.just("hear")),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
@given(st.lists(_ACTS, max_size=12), st.sets(st.sampled_from(("grant-access", "pin", "new-pin"))))
def test_whatever_a_page_does_the_reader_is_free_afterwards(
    portal: Beside, tmp_path: Path, acts: list[tuple[Any, ...]], declines: set[str]
) -> None:
    world = portal[0]
    with agent_at(*portal, tmp_path) as desk:
        desk.person.declines = declines
        cards = {"pass": world.worker_pass, "blank": world.maker.blank()}
        with desk.page() as page, suppress(ConnectionClosed, TimeoutError):
            for act in acts:
                _do(desk, page, act, cards)
        desk.idle()
        assert desk.person.most <= 1
        world.reader.remove()
        world.reader.insert(world.worker_pass)
        with desk.page() as page:
            page.start("readers")
            (reader,) = page.until("done")["result"]["readers"]
    assert reader["kind"] == "uzi-pass"  # it is nobody's: a step's would not be looked at


def _do(desk: AgentWorld, page: Page, act: tuple[Any, ...], cards: dict[str, VirtualCard]) -> None:
    what, *given = act
    if what == "start":
        page.start(given[0])
    elif what == "answer":
        page.say(type="answer", id="step-1", question=given[0], value=given[1])
    elif what == "cancel":
        page.say(type="cancel", id="step-1")
    elif what == "card":
        desk.world.reader.remove()
        if given[0] in cards:
            desk.world.reader.insert(cards[given[0]])
    else:
        page.socket.recv(0.01)
