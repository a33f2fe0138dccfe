"""Who may connect to the agent at all: the head of a request, judged (AUT-1)."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from zorgid_card.adapters.origin import origin_of
from zorgid_card.agent.transport import NOBODY, PATH, Gate, Rate, RefusedError, network_access, peer_user

ORIGIN = "https://portal.example"
HOST = "127.0.0.1:47480"
GATE = Gate(47480)


def judged(origin: str = ORIGIN, host: str = HOST, path: str = PATH, *more: tuple[str, str]) -> str:
    return GATE.origin(path, [("Host", host), ("Origin", origin), *more])


def test_aut_1_a_page_of_a_portal_is_known_by_the_browser_s_word() -> None:
    assert judged() == ORIGIN
    assert judged(host="localhost:47480") == ORIGIN
    assert judged("https://portal.example:8443") == "https://portal.example:8443"


REBOUND = (
    *("portal.example", "portal.example:47480", "127.0.0.1", "127.0.0.1:80", "127.0.0.1:47481", "localhost"),
    *("localhost.evil.example:47480", "evil.example", "127.0.0.1.nip.io:47480", "[::1]:47480", "0.0.0.0:47480"),
    *("127.1:47480", "2130706433:47480", "localhost.:47480", "127.0.0.1:47480, evil.example", "", "127.0.0.1:047480"),
)


@pytest.mark.parametrize("host", REBOUND)
def test_a_name_that_was_rebound_to_this_computer_is_refused(host: str) -> None:
    with pytest.raises(RefusedError):
        judged(host=host)


NO_ORIGINS = (
    *("null", "", "http://portal.example", "https://portal.example/", "https://portal.example:443", "file://"),
    *("https://Portal.example", "https://user@portal.example", "https://portal.example https://evil.example"),
    *(
        "https://portal.example, https://evil.example",
        "chrome-extension://abcdefghijklmnop",
        "https://",
        "portal.example",
    ),
    *("https://portal.example:0", "https://portal.example\x00", "https://portal.example#", "wss://portal.example"),
    *("https://pórtal.example", "https://portal.example.", "http://localhost", "data:", "https://1.2.3"),
)


@pytest.mark.parametrize("origin", NO_ORIGINS)
def test_what_is_no_https_origin_as_a_browser_writes_it_is_refused(origin: str) -> None:
    with pytest.raises(RefusedError):
        judged(origin)


@pytest.mark.parametrize(
    "headers",
    [
        [("Host", HOST)],
        [("Origin", ORIGIN)],
        [("Host", HOST), ("Origin", ORIGIN), ("origin", "https://evil.example")],
        [("Host", HOST), ("Host", HOST), ("Origin", ORIGIN)],
        [],
    ],
)
def test_a_header_that_is_missing_or_there_twice_is_refused(headers: Sequence[tuple[str, str]]) -> None:
    with pytest.raises(RefusedError):
        GATE.origin(PATH, headers)


@pytest.mark.parametrize(
    "path", ["/", "/agent", "/agent/v2", "/agent/v1/", "/agent/v1?x=1", "//agent/v1", "/agent%2fv1"]
)
def test_there_is_no_other_path(path: str) -> None:
    with pytest.raises(RefusedError) as refused:
        judged(path=path)
    assert refused.value.status == 404


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=30))
@example(ORIGIN, HOST, PATH)
def test_whatever_a_head_says_it_is_an_origin_or_refused(origin: str, host: str, path: str) -> None:
    try:
        found = judged(origin, host, path)
    except RefusedError:
        return
    assert (found, path) == (origin, PATH)
    assert origin_of(found) == found


# --- preflights -------------------------------------------------------------------------------------------------------


def head(*lines: str, first: str = f"OPTIONS {PATH} HTTP/1.1") -> bytes:
    return "\r\n".join((first, *lines, "", "")).encode()


ASKED = ("Access-Control-Request-Method: GET", "Access-Control-Request-Private-Network: true")


def test_a_browser_that_asks_beforehand_hears_yes_for_an_origin_on_the_list_alone() -> None:
    known = GATE.preflight(head(f"Host: {HOST}", f"Origin: {ORIGIN}", *ASKED), lambda origin: origin == ORIGIN)
    assert dict(known) == {
        "Access-Control-Allow-Origin": ORIGIN,
        "Access-Control-Allow-Methods": "GET",
        "Access-Control-Allow-Private-Network": "true",
        "Access-Control-Max-Age": "600",
        "Vary": "Origin",
    }
    with pytest.raises(RefusedError):
        GATE.preflight(head(f"Host: {HOST}", "Origin: https://evil.example", *ASKED), lambda origin: origin == ORIGIN)


def test_what_is_not_asked_is_not_allowed() -> None:
    assert network_access([]) == ()
    assert network_access([("Access-Control-Request-Private-Network", "false")]) == ()
    local = network_access([("access-control-request-local-network", "true")])
    assert local == (("Access-Control-Allow-Local-Network", "true"),)


@given(st.binary(max_size=300))
@example(head(f"Host: {HOST}", f"Origin: {ORIGIN}"))
def test_whatever_a_preflight_says_it_is_answered_or_refused(octets: bytes) -> None:
    try:
        answer = GATE.preflight(octets, lambda origin: origin == ORIGIN)
    except RefusedError:
        return
    assert answer[0] == ("Access-Control-Allow-Origin", ORIGIN)


def test_no_head_breaks_lines_of_the_answer() -> None:
    split = head(f"Host: {HOST}", f"Origin: {ORIGIN}\rX: y", *ASKED)
    with pytest.raises(RefusedError):
        GATE.preflight(split, lambda origin: True)


# --- how often, and who -----------------------------------------------------------------------------------------------


def test_no_more_than_so_many_times_in_so_many_seconds() -> None:
    now = [0.0]
    rate = Rate(2, 60, lambda: now[0])
    assert [rate.take() for _ in range(3)] == [True, True, False]
    now[0] = 59.9
    assert not rate.take()
    now[0] = 60.0
    assert [rate.take() for _ in range(3)] == [True, True, False]


TABLE = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:B978 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 1 1 0
   1: 0100007F:B978 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1000        0 2 1 0
   2: 0100007F:C350 0100007F:B978 01 00000000:00000000 00:00000000 00000000  1001        0 3 1 0
   3: 0100007F:C351 0100007F:B978 01 00000000:00000000 00:00000000 00000000  1000        0 4 1 0
   4: 0200007F:C353 0100007F:B978 01 00000000:00000000 00:00000000 00000000  1002        0 5 1 0
   5: 0100007F:C354 0100007F:B978 04 00000000:00000000 00:00000000 00000000     0        0 0 1 0
"""
TABLE6 = """\
  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0000000000000000FFFF00000100007F:C355 0000000000000000FFFF00000100007F:B978 01 00000000:00000000 00:00000000 00000000  1003        0 6 1 0
   1: 00000000000000000000000001000000:C356 00000000000000000000000001000000:B978 01 00000000:00000000 00:00000000 00000000  1003        0 7 1 0
"""  # noqa: E501  # as the system writes it
OWN = ("127.0.0.1", 0xB978)


@pytest.mark.skipif(sys.byteorder != "little", reason="the table is as a machine of the other order writes it")
def test_whose_process_holds_the_other_end_is_read_off_the_system_s_tables(tmp_path: Path) -> None:
    tables = tmp_path / "tcp", tmp_path / "tcp6"
    assert peer_user(("127.0.0.1", 0xC350), OWN, tables) is None
    for table, text in zip(tables, (TABLE, TABLE6), strict=True):
        table.write_text(text)
    found = [peer_user(("127.0.0.1", port), OWN, tables) for port in range(0xC350, 0xC357)]
    assert found == [1001, 1000, NOBODY, NOBODY, NOBODY, 1003, NOBODY]
    assert peer_user(("127.0.0.2", 0xC353), OWN, tables) == 1002


@given(st.text(max_size=200))
def test_whatever_stands_in_the_table_it_is_nobody(text: str) -> None:
    class Table:
        def read_text(self, encoding: str) -> str:
            return text

    assert peer_user(("127.0.0.1", 1), OWN, (Table(),)) == NOBODY  # type: ignore[arg-type]
