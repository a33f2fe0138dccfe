"""The way to a portal's door over real TLS: the origin is the connection's, and whatever else answers is refused (AUT-1)."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from https_portal import HTTPSPortal, answer, https_portal
from login_world import StandAlone, signer
from zorgid_card.adapters.portal import ANSWER_LIMIT, DoorPlan, HTTPSDoor
from zorgid_card.errors import (
    CertificateMalformedError,
    DeclinedError,
    PortalAnswerError,
    PortalError,
    PortalTLSError,
    PortalUnreachableError,
    ReplayError,
    SignatureError,
    StorageError,
    UsageError,
    WrongPINError,
    ZorgIDError,
)
from zorgid_card.ports.portal import PortalDoor
from zorgid_card.testkit.uzi_profile import Usage
from zorgid_card.workflows.card_side import answer_challenge


@pytest.fixture
def world() -> StandAlone:
    return StandAlone()


@pytest.fixture
def portal(world: StandAlone, tmp_path: Path) -> Iterator[HTTPSPortal]:
    with https_portal(tmp_path) as portal:
        portal.door = world.opened(origin=portal.address)
        yield portal


def knock(portal: HTTPSPortal, world: StandAlone, **options: Any) -> dict[str, Any]:
    shown: list[str] = []
    with HTTPSDoor(portal.address, ca=portal.ca, **options) as door:
        certificate = world.worker.certificates[Usage.AUTHENTICITY]
        found = door.log_in(answer_challenge(door, signer(world.worker), certificate, confirm=shown.append))
    assert shown == [portal.address]
    return found


def test_aut_1_the_whole_log_in_over_tls(portal: HTTPSPortal, world: StandAlone) -> None:
    found = knock(portal, world)
    assert (found["common_name"], found["ura"], found["origin"]) == ("Zoë el Amrani", "90000123", portal.address)
    (asked, _, _), (posted, headers, body) = portal.seen
    assert (asked, posted) == ("/auth/challenge", "/auth/login")
    assert headers["Origin"] == portal.address
    assert headers["Cookie"].startswith("session=")
    assert body.keys() == {"auth-token"}


def test_aut_1_the_csrf_token_of_the_portal_goes_back_in_its_header(portal: HTTPSPortal, world: StandAlone) -> None:
    portal.csrf = "c5rf"
    assert knock(portal, world)["uzi_number"] == "900000022"
    with pytest.raises(PortalError) as error:
        knock(portal, world, plan=DoorPlan(csrf_cookies={}))
    assert error.value.status == 403


def test_aut_1_a_csrf_token_in_a_header_comes_back_in_the_same(portal: HTTPSPortal) -> None:
    portal.faults["/auth/challenge"] = lambda request: answer(request, 200, {"nonce": "A" * 44}, X_CSRF_TOKEN="abc")
    portal.faults["/auth/login"] = lambda request: answer(request, 200, {})
    with HTTPSDoor(portal.address, ca=portal.ca) as door:
        door.challenge()
        door.log_in("{}")
    assert portal.seen[-1][1]["X-CSRF-TOKEN"] == "abc"


def test_the_paths_are_the_portals_choice(portal: HTTPSPortal) -> None:
    portal.faults["/c"] = lambda request: answer(request, 200, {"nonce": "A" * 44})
    portal.faults["/l"] = lambda request: answer(request, 200, {"name": "x"})
    with HTTPSDoor(portal.address, ca=portal.ca, plan=DoorPlan(challenge="/c", login="/l")) as door:
        door.challenge()
        assert door.log_in("{}") == {"name": "x"}


@pytest.mark.parametrize("path", ["@evil.example/login", ".evil.example/login", "1/login", "login", ""])
def test_aut_1_no_path_leads_to_another_host_or_port(path: str) -> None:
    for where in ("challenge", "login"):
        with pytest.raises(UsageError) as error:
            DoorPlan(**{where: path})
        assert error.value.reason == "path"


def test_aut_1_nothing_is_signed_unless_the_person_confirms(portal: HTTPSPortal, world: StandAlone) -> None:
    class Untouched:
        public_key, algorithm = signer(world.worker).public_key, "RS256"

        def sign(self, data: bytes, /) -> bytes:
            raise AssertionError("signed")

    def decline(origin: str) -> None:
        raise DeclinedError

    with HTTPSDoor(portal.address, ca=portal.ca) as door, pytest.raises(DeclinedError):
        answer_challenge(door, Untouched(), b"", confirm=decline)
    assert [path for path, _, _ in portal.seen] == ["/auth/challenge"]


def test_aut_1_a_session_of_its_own_for_each_door(portal: HTTPSPortal, world: StandAlone) -> None:
    """The token that answers one session's challenge is worth nothing in another."""
    certificate = world.worker.certificates[Usage.AUTHENTICITY]
    with HTTPSDoor(portal.address, ca=portal.ca) as one, HTTPSDoor(portal.address, ca=portal.ca) as two:
        nonce = one.challenge()
        two.challenge()
        with pytest.raises(SignatureError):
            two.log_in(world.token(nonce, origin=portal.address))
        assert one.log_in(world.token(nonce, origin=portal.address))["uzi_number"] == "900000022"
    assert certificate


def test_aut_1_what_the_portal_refuses_is_told_in_its_words(portal: HTTPSPortal, world: StandAlone) -> None:
    with HTTPSDoor(portal.address, ca=portal.ca) as door:
        nonce = door.challenge()
        token = world.token(nonce, origin=portal.address)
        door.log_in(token)
        with pytest.raises(ReplayError) as error:
            door.log_in(token)
    assert (error.value.reason, error.value.status) == ("none", 401)


@pytest.mark.parametrize("said", [
    {"code": "user.wrong_pin", "message": "enter it again", "details": {"tries_left": 3}}, {"code": "card.status"},
    {"code": "reader.busy"}, {"code": 7}, {"code": ["portal"]}, {"code": "xportal"}, {},
])  # fmt: skip
def test_a_portal_does_not_speak_for_the_card_or_the_person(portal: HTTPSPortal, said: dict[str, Any]) -> None:
    portal.faults["/auth/login"] = lambda request: answer(request, 401, said)
    with HTTPSDoor(portal.address, ca=portal.ca) as door, pytest.raises(ZorgIDError) as error:
        door.log_in("{}")
    assert type(error.value) is PortalError
    assert not isinstance(error.value, WrongPINError)


def test_a_refusal_full_of_nonsense_is_cut_to_size(portal: HTTPSPortal) -> None:
    details = {"reason": "x" * 9000, "what": {"a": 1}, "a b": "c", "n": 10**30, "flag": True}
    said = {"code": "portal.replay", "message": "y" * 9000, "details": details}
    portal.faults["/auth/login"] = lambda request: answer(request, 401, said)
    with HTTPSDoor(portal.address, ca=portal.ca) as door, pytest.raises(ReplayError) as error:
        door.log_in("{}")
    assert error.value.details == {"status": 401, "reason": "x" * 300, "n": 10**30}
    assert len(str(error.value)) == 300


# --- another than the portal -----------------------------------------------------------------------------------------


def test_aut_1_a_certificate_of_another_host(tmp_path: Path) -> None:
    with https_portal(tmp_path, named="evil.example") as portal, pytest.raises(PortalTLSError) as error:
        HTTPSDoor(portal.address, ca=portal.ca).challenge()
    assert "localhost" in str(error.value.reason)
    assert portal.seen == []


def test_aut_1_a_common_name_names_no_host(tmp_path: Path) -> None:
    """RFC 9525: a certificate names hosts in subjectAltName; the other attributes may hold any text."""
    with https_portal(tmp_path, extensions=[]) as portal, pytest.raises(PortalTLSError):
        HTTPSDoor(portal.address, ca=portal.ca).challenge()
    assert portal.seen == []


def test_aut_1_a_certificate_that_nobody_vouches_for(portal: HTTPSPortal) -> None:
    with pytest.raises(PortalTLSError):
        HTTPSDoor(portal.address).challenge()
    assert portal.seen == []


def test_aut_1_an_expired_certificate(tmp_path: Path) -> None:
    start, end = datetime.now(UTC) - timedelta(days=9), datetime.now(UTC) - timedelta(days=1)
    with https_portal(tmp_path, start=start, end=end) as portal, pytest.raises(PortalTLSError) as error:
        HTTPSDoor(portal.address, ca=portal.ca).challenge()
    assert "expired" in str(error.value.reason)


def test_aut_1_an_address_in_numbers_is_an_origin_too(tmp_path: Path, world: StandAlone) -> None:
    with https_portal(tmp_path, host="127.0.0.1") as portal:
        portal.door = world.opened(origin=portal.address)
        assert knock(portal, world)["origin"] == portal.address


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("path", ["/auth/challenge", "/auth/login"])
@pytest.mark.parametrize("where", ["https://evil.example/", "http://localhost/", "/elsewhere"])
def test_aut_1_a_redirect_is_refused(portal: HTTPSPortal, status: int, path: str, where: str) -> None:
    portal.faults[path] = lambda request: answer(request, status, {}, Location=where)
    with HTTPSDoor(portal.address, ca=portal.ca) as door, pytest.raises(PortalAnswerError) as error:
        door.challenge() if path == "/auth/challenge" else door.log_in("{}")
    assert (error.value.reason, error.value.status) == ("redirect", status)
    assert len(portal.seen) == 1


def test_aut_1_without_tls_nothing_is_sent() -> None:
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def listen() -> None:
            connection, _ = server.accept()
            with connection:
                heard.append(connection.recv(65536))
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=listen)
        thread.start()
        with pytest.raises(PortalTLSError):
            HTTPSDoor(f"https://127.0.0.1:{server.getsockname()[1]}").challenge()
        thread.join()
    assert heard[0][:2] == b"\x16\x03"  # a TLS handshake, nothing readable


def test_proxies_and_passwords_of_the_environment_play_no_part(
    portal: HTTPSPortal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine localhost login someone password secret\n")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    with HTTPSDoor(portal.address, ca=portal.ca) as door:
        door.challenge()
    assert "Authorization" not in portal.seen[0][1]


def test_tls_secrets_go_into_no_file(portal: HTTPSPortal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys.log"))
    with HTTPSDoor(portal.address, ca=portal.ca) as door:
        door.challenge()
    assert not (tmp_path / "keys.log").exists()


# --- answers that are none -------------------------------------------------------------------------------------------

ANSWERS: dict[str, tuple[str, dict[str, Any]]] = {
    "no JSON": ("type", {"value": b"<html>", "kind": "text/html"}),
    "JSON that is said to be HTML": ("type", {"value": {"nonce": "A" * 44}, "kind": "text/html"}),
    "broken JSON": ("type", {"value": b'{"nonce": '}),
    "not UTF-8": ("type", {"value": b'{"nonce": "\xff"}'}),
    "deep JSON": ("type", {"value": b"[" * 60_000}),
    "JSON nested 20 times": ("type", {"value": b'{"nonce": ' + b"[" * 20 + b"]" * 20 + b"}"}),
    "a list": ("type", {"value": ["A" * 44]}),
    "no nonce": ("nonce", {"value": {}}),
    "a number": ("nonce", {"value": {"nonce": 1}}),
    "an empty nonce": ("nonce", {"value": {"nonce": ""}}),
    "too long": ("length", {"value": b" " * (ANSWER_LIMIT + 1)}),
    "not found": ("status", {"value": {}, "status": 404}),
    "a failure": ("status", {"value": b"", "status": 500}),
    "no content": ("status", {"value": b"", "status": 204}),
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_answers_that_are_none(portal: HTTPSPortal, kind: str) -> None:
    reason, options = ANSWERS[kind]
    given: dict[str, Any] = {"status": 200} | options
    portal.faults["/auth/challenge"] = lambda request: answer(request, **given)
    with HTTPSDoor(portal.address, ca=portal.ca) as door, pytest.raises(PortalAnswerError) as error:
        door.challenge()
    assert (error.value.reason, error.value.origin) == (reason, portal.address)


@pytest.mark.parametrize("header", [
    "X-CSRF-TOKEN: \u20ac", "Set-Cookie: csrftoken=\u20ac; Path=/", "Set-Cookie: s=\u20ac; Path=/", "Set-Cookie: \u20ac=1; Path=/",
])  # fmt: skip
def test_a_cookie_or_a_token_that_no_request_can_bring_back(portal: HTTPSPortal, header: str) -> None:
    name, _, value = header.partition(": ")
    told = {name.replace("-", "_"): value.encode().decode("latin-1")}
    portal.faults["/auth/challenge"] = lambda request: answer(request, 200, {"nonce": "A" * 44}, **told)
    with HTTPSDoor(portal.address, ca=portal.ca) as door:
        door.challenge()
        with pytest.raises(PortalAnswerError) as error:
            door.log_in("{}")
    assert error.value.reason == "type"
    assert len(portal.seen) == 1


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"


def never(request: BaseHTTPRequestHandler) -> None:
    time.sleep(3)


def slow_body(request: BaseHTTPRequestHandler) -> None:
    request.wfile.write(HEAD)
    drip(request, b" " * 30)


def slow_head(request: BaseHTTPRequestHandler) -> None:
    drip(request, HEAD)


def drip(request: BaseHTTPRequestHandler, octets: bytes) -> None:
    with suppress(OSError):
        for octet in octets[:30]:
            request.wfile.write(bytes([octet]))
            time.sleep(0.1)
    request.close_connection = True


def broken(request: BaseHTTPRequestHandler) -> None:
    request.wfile.write(HEAD)
    request.connection.shutdown(socket.SHUT_RDWR)


def nonsense(request: BaseHTTPRequestHandler) -> None:
    request.wfile.write(b"220 mail.example ESMTP\r\n")
    request.connection.shutdown(socket.SHUT_RDWR)


FAULTS = [
    (never, "timeout"),
    (slow_body, "timeout"),
    (slow_head, "timeout"),
    (broken, "connection"),
    (nonsense, "connection"),
]


@pytest.mark.parametrize(("fault", "reason"), FAULTS)
def test_a_portal_that_does_not_answer(portal: HTTPSPortal, fault: Any, reason: str) -> None:
    portal.faults["/auth/challenge"] = fault
    with HTTPSDoor(portal.address, ca=portal.ca, timeout=1) as door, pytest.raises(PortalUnreachableError) as error:
        door.challenge()
    assert error.value.reason == reason
    assert error.value.retryable


def slow_and_sound(request: BaseHTTPRequestHandler) -> None:
    """Each piece comes soon, and all of it is an answer; only together they take too long."""
    body = json.dumps({"nonce": "A" * 44}).encode()
    request.wfile.write(HEAD.replace(b"1000", str(20 + len(body)).encode()))
    drip(request, b" " * 20)
    with suppress(OSError):
        request.wfile.write(body)


@contextmanager
def tunnel() -> Iterator[str]:
    """A proxy for CONNECT."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            near, _ = server.accept()
            asked = near.recv(4096).split()[1].decode()
            host, _, port = asked.rpartition(":")
            with near, socket.create_connection((host, int(port))) as far:
                near.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                back = threading.Thread(target=pass_on, args=(far, near))
                back.start()
                pass_on(near, far)
                back.join()

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        thread.join()


def pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while octets := source.recv(65536):
            target.sendall(octets)
    for end in (source, target):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def test_the_time_for_the_whole_is_kept_behind_a_proxy_too(portal: HTTPSPortal) -> None:
    portal.faults["/auth/challenge"] = slow_and_sound
    with (
        tunnel() as proxy,
        HTTPSDoor(portal.address, ca=portal.ca, timeout=1, proxy=proxy) as door,
        pytest.raises(PortalUnreachableError) as error,
    ):
        door.challenge()
    assert error.value.reason == "timeout"


def test_the_time_for_the_whole_counts_what_it_took_to_connect(
    portal: HTTPSPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name with addresses where nobody answers, and then one where somebody answers slowly."""
    portal.faults["/auth/challenge"] = slow_and_sound
    port = int(portal.address.rpartition(":")[2])
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, socket.create_connection(full.getsockname()):
        places = [full.getsockname()] * 3 + [("127.0.0.1", port)]
        known = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", place) for place in places]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: known)
        with HTTPSDoor(portal.address, ca=portal.ca, timeout=1) as door, pytest.raises(PortalUnreachableError) as error:
            door.challenge()
    assert error.value.reason == "timeout"


def test_nobody_is_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with HTTPSDoor(f"https://127.0.0.1:{port}") as door, pytest.raises(PortalUnreachableError) as error:
        door.challenge()
    assert error.value.reason == "connection"


def test_ca_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        HTTPSDoor("https://portal.example", ca=tmp_path / "absent.pem")
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(CertificateMalformedError):
        HTTPSDoor("https://portal.example", ca=tmp_path / "ca.pem")


def test_it_is_what_the_port_asks_for(portal: HTTPSPortal) -> None:
    with HTTPSDoor(portal.address, ca=portal.ca) as found:
        door: PortalDoor = found
        assert door.origin == portal.address
        assert json.dumps(door.challenge())
