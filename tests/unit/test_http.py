"""Fetching over HTTP: one answer within a time and a size, or one error that says why not; whatever the server does."""

from __future__ import annotations

import contextlib
import importlib
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openssl_ca import free_port, write_pem
from pki_world import make
from web import FAULTS, Web, body, drip, redirect, serving, silent, versioned
from zorgid_card.adapters.http import HTTPFetcher, Timeouts
from zorgid_card.errors import FetchError
from zorgid_card.ports.fetch import Answer, Request

KIND = "application/pkix-crl"
QUICK = Timeouts(connect=0.5, read=0.4, total=0.8)


@pytest.fixture
def web() -> Iterator[Web]:
    with serving() as server:
        yield server


@pytest.fixture
def fetcher() -> HTTPFetcher:
    return HTTPFetcher()


def ask(web: Web, path: str = "/x", **changes: object) -> Request:
    return replace(Request(url=web.url(path), limit=100_000, types=frozenset({KIND})), **changes)  # type: ignore[arg-type]


def test_what_is_there_comes_with_its_validators(web: Web, fetcher: HTTPFetcher) -> None:
    web.routes["/x"] = versioned(b"octets", '"1"')
    answer = fetcher.fetch(ask(web))
    assert (answer.body, answer.etag, answer.last_modified) == (b"octets", '"1"', "Thu, 01 Jan 1970 00:00:01 -0000")
    again = fetcher.fetch(ask(web, etag=answer.etag, last_modified=answer.last_modified))
    assert (again.body, again.etag) == (None, '"1"')
    assert web.asked[1].headers["if-modified-since"] == answer.last_modified


def test_a_post_carries_its_body_and_type(web: Web, fetcher: HTTPFetcher) -> None:
    web.routes["/x"] = body(b"answer", KIND)
    assert fetcher.fetch(ask(web, body=b"question", body_type="application/ocsp-request")).body == b"answer"
    (asked,) = web.asked
    assert (asked.method, asked.body) == ("POST", b"question")
    assert asked.headers["content-type"] == "application/ocsp-request"
    assert asked.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_has_its_reason(web: Web, fault: str) -> None:
    web.routes["/x"], reason = FAULTS[fault]
    with pytest.raises(FetchError) as refused:
        HTTPFetcher(QUICK).fetch(ask(web))
    assert refused.value.reason == reason
    assert refused.value.url == web.url("/x")
    assert len(web.asked) == 1, "one request, and no second try"


def test_the_last_wait_is_cut_to_what_is_left_of_the_whole(web: Web) -> None:
    web.routes["/x"] = silent  # until it goes away, which has another reason
    with pytest.raises(FetchError) as refused:
        HTTPFetcher(Timeouts(connect=60, read=60, total=0.5)).fetch(ask(web))
    assert refused.value.reason == "timeout"


def test_exactly_as_much_as_is_allowed_is_taken(web: Web, fetcher: HTTPFetcher) -> None:
    for length, taken in ((100_000, True), (100_001, False)):
        web.routes["/x"] = body(bytes(length), KIND)
        if taken:
            assert len(fetcher.fetch(ask(web)).body or b"") == length
            continue
        with pytest.raises(FetchError) as refused:
            fetcher.fetch(ask(web))
        assert refused.value.reason == "too big"


def test_a_redirect_is_not_followed_even_to_the_same_host(web: Web, fetcher: HTTPFetcher) -> None:
    web.routes |= {"/x": redirect("/y"), "/y": body(b"octets", KIND)}
    with pytest.raises(FetchError):
        fetcher.fetch(ask(web))
    assert web.count("/y") == 0


def test_an_answer_that_comes_slowly_but_in_time_is_taken(web: Web, fetcher: HTTPFetcher) -> None:
    def slowly(connection: object, asked: object) -> None:
        time.sleep(0.3)
        body(b"octets", KIND)(connection, asked)  # type: ignore[arg-type]

    web.routes["/x"] = slowly
    assert fetcher.fetch(ask(web)).body == b"octets"


def test_what_a_server_says_of_its_answer_is_told_on_one_line_without_control_characters(
    web: Web, fetcher: HTTPFetcher
) -> None:
    web.routes["/x"] = body(b"octets", "text/\x1b[2J\x9b2J\u00e9")
    with pytest.raises(FetchError) as refused:
        fetcher.fetch(ask(web))
    assert str(refused.value).isascii()
    assert str(refused.value).isprintable()


@pytest.mark.parametrize("etag", ['"\u00e9"', "x" * 300, '"\t"', ""])
def test_a_validator_that_no_request_can_carry_is_not_kept(web: Web, fetcher: HTTPFetcher, etag: str) -> None:
    web.routes["/x"] = body(b"octets", KIND, ETag=etag)
    answer = fetcher.fetch(ask(web))
    assert answer.etag is None
    assert fetcher.fetch(ask(web, etag=answer.etag)).body == b"octets"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    begin=st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Type: application/pkix-crl\r\n"]),
    rest=st.binary(max_size=80) | st.from_regex(rb"\A([A-Za-z-]{0,12}: ?[ -~\xff]{0,12}\r\n){0,4}\r\n[^\0]{0,20}\Z"),
)
def test_whatever_a_server_sends_is_an_answer_or_a_typed_error(
    web: Web, fetcher: HTTPFetcher, begin: bytes, rest: bytes
) -> None:
    web.routes["/x"] = lambda connection, asked: connection.sendall(begin + rest)
    with contextlib.suppress(FetchError):
        assert isinstance(fetcher.fetch(ask(web)).body, bytes)


URLS = [
    "", "x", "/x", "ftp://127.0.0.1/x", "file:///etc/passwd", "ldap://127.0.0.1/cn=x", "http://", "http:///x",
    "http://user:secret@127.0.0.1/x", "http://127.0.0.1/\n", "http://127.0.0.1:99999/", "http://[::1/x",
    "gopher://127.0.0.1/", "http://127.0.0.1/" + "x" * 3000,
]  # fmt: skip


@pytest.mark.parametrize("url", URLS)
def test_what_is_no_address_of_http_is_refused(fetcher: HTTPFetcher, url: str) -> None:
    with pytest.raises(FetchError) as refused:
        fetcher.fetch(Request(url=url, limit=1, types=frozenset({KIND})))
    assert refused.value.reason == "url"


def test_where_nobody_listens(fetcher: HTTPFetcher) -> None:
    with pytest.raises(FetchError) as refused:
        fetcher.fetch(Request(url=f"http://127.0.0.1:{free_port()}/x", limit=1, types=frozenset({KIND})))
    assert refused.value.reason == "unreachable"


def test_a_name_that_no_resolver_knows(fetcher: HTTPFetcher) -> None:
    with pytest.raises(FetchError) as refused:
        fetcher.fetch(Request(url="http://nowhere.invalid/x", limit=1, types=frozenset({KIND})))
    assert refused.value.reason in ("unreachable", "timeout")


def test_proxies_of_the_environment_are_not_used_and_one_by_name_is(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    web.routes["/x"] = body(b"direct", KIND)
    assert HTTPFetcher().fetch(ask(web)).body == b"direct"
    web.routes["http://elsewhere.example/x"] = body(b"by proxy", KIND)
    through = HTTPFetcher(proxy=f"http://127.0.0.1:{web.port}")
    assert through.fetch(ask(web, url="http://elsewhere.example/x")).body == b"by proxy"


def test_https_is_verified(fetcher: HTTPFetcher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ca = make("Web CA")
    here = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    server, key = write_pem(
        make("localhost", ca, ca=False, usages=("digital_signature",), extensions=[(here, False)]), tmp_path, "server"
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server, key)
    with serving(context) as web:
        web.routes["/x"] = body(b"octets", KIND)
        with pytest.raises(FetchError) as refused:
            fetcher.fetch(ask(web))
        assert refused.value.reason == "tls"
        monkeypatch.setenv("SSL_CERT_FILE", str(write_pem(ca, tmp_path, "ca")[0]))
        assert fetcher.fetch(ask(web)).body == b"octets"


def test_many_threads_share_a_fetcher(web: Web, fetcher: HTTPFetcher) -> None:
    from concurrent.futures import ThreadPoolExecutor

    web.routes |= {"/x": body(b"octets", KIND), "/slow": drip}

    slow = HTTPFetcher(QUICK)

    def fetch(path: str) -> Answer | None:
        try:
            return (slow if path == "/slow" else fetcher).fetch(ask(web, path))
        except FetchError:
            return None

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(fetch, ["/x", "/slow"] * 8))
    assert [answer and answer.body for answer in answers] == [b"octets", None] * 8


def test_without_httpx_the_error_says_what_to_install() -> None:
    program = """
import sys
sys.modules[sys.argv[1]] = None
import zorgid_card, pathlib
try:
    zorgid_card.OnlineRevocation(pathlib.Path(sys.argv[2]))
except ModuleNotFoundError as error:
    print(error)
"""
    for missing in ("httpx", "filelock"):
        told = subprocess.run(
            [sys.executable, "-c", program, missing, "/nonexistent"], capture_output=True, text=True, check=True
        )
        assert told.stdout == f"{missing} is missing; install it: pip install 'zorgid-card[http]'\n"


def test_the_fetcher_is_all_that_needs_httpx() -> None:
    for name in ("zorgid_card.recipes", "zorgid_card.workflows.revocation_status"):
        program = f"import sys, {name}; assert not {{'httpx', 'filelock'}} & set(sys.modules)"
        subprocess.run([sys.executable, "-c", program], check=True)
    assert importlib.import_module("zorgid_card.adapters.http")
