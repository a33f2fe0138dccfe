"""docs/revocation.md: its examples run, its tables are the code's, and a pass that is revoked does not get in (AUT-2)."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from revocation_world import RevocationWorld
from web import Web, body, serving, status
from world import ORIGIN, PASS_PIN, World
from zorgid_card import CRLFolder, OnlineRevocation, log_in
from zorgid_card.adapters.disk_cache import LIMIT
from zorgid_card.adapters.http import Timeouts
from zorgid_card.errors import RevocationUnknownError, RevokedError
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.ocsp import MAX_RESPONSE
from zorgid_card.recipes import registry_log_in
from zorgid_card.secret import Secret
from zorgid_card.workflows import revocation_policy
from zorgid_card.workflows.revocation_policy import (
    AUTHORITIES,
    HOLDERS,
    CRLPolicy,
    Grace,
    IssuerPolicy,
    RevocationPolicy,
)

PAGE = (Path(__file__).parents[2] / "docs" / "revocation.md").read_text()


def example(name: str) -> str:
    found = re.search(rf"<!-- example: {name} -->\n```python\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture
def web() -> Iterator[Web]:
    with serving() as server:
        yield server


def test_the_freshness_table_is_the_codes() -> None:
    rows = re.findall(r"^\| (OCSP|CRL), (holders|CAs) \| (.*?) \| (.*?) \| (.*?)\|$", PAGE, re.MULTILINE)
    of = {("OCSP", "holders"): HOLDERS.ocsp, ("CRL", "holders"): HOLDERS.crl, ("CRL", "CAs"): AUTHORITIES.crl}
    assert len(rows) == len(of)
    for method, whose, age, refresh, nonce in rows:
        policy = of[method, whose]
        assert (str(policy.max_age), str(policy.refresh_after)) == (age, refresh)
        assert nonce.strip() == getattr(policy, "nonce", "")


def test_the_exposure_table_is_the_codes() -> None:
    names: dict[str, Any] = {
        "timedelta": timedelta, "CRLPolicy": CRLPolicy, "Grace": Grace, "IssuerPolicy": IssuerPolicy,
    }  # fmt: skip
    rows = re.findall(r"^\| (the default|.*`.*=.*`) \| ([^|]*:\d\d) \|$", PAGE, re.MULTILINE)
    assert len(rows) == 4
    for told, exposure in rows:
        arguments = re.search(r"`(.*)`", told)
        policy: IssuerPolicy = eval(f"IssuerPolicy({arguments[1] if arguments else ''})", names)
        assert str(RevocationPolicy(holders=policy).exposure()) == exposure


def test_the_limits_are_the_codes() -> None:
    limits, times = dict(re.findall(r"^\| (.*?) \| (\d+)", PAGE, re.MULTILINE)), Timeouts()
    assert int(limits["an OCSP answer"]) == MAX_RESPONSE
    assert int(limits["a CRL (`CRLPolicy.limit`)"]) == CRLPolicy().limit
    assert int(limits["the cache, for CRLs and for OCSP answers each"]) == LIMIT
    assert f"{times.connect:.0f}, {times.read:.0f}, {times.total:.0f} seconds" in PAGE
    assert f"{RevocationPolicy().retry_after.seconds} seconds" in PAGE
    assert timedelta(days=7) == revocation_policy.LONGEST_GRACE


def test_the_examples_run(tmp_path: Path, web: Web, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {}
    exec(example("online").replace("/var/cache", str(tmp_path)), names)
    assert capsys.readouterr().out == "a revocation is seen after 6:05:00 at most\n"
    world = RevocationWorld(web, tmp_path)
    names["revocation"].check(world.chain, world.clock())
    exec(example("timer").replace("= 300", "= 0.01"), names)
    until = time.monotonic() + 10
    while time.monotonic() < until and "until" not in capsys.readouterr().out:
        time.sleep(0.02)
    names["stop"].set()
    assert time.monotonic() < until
    served: list[threading.Thread] = []

    def verify(token: str, *, binding: str) -> str:
        served.append(threading.current_thread())
        return f"{token} {binding}"

    names["portal"] = SimpleNamespace(log_in=SimpleNamespace(verify=verify))
    exec(example("asyncio"), names)
    assert asyncio.run(names["who_logs_in"]("token", "session")) == "token session"
    assert served[0] is not threading.main_thread(), "the event loop goes on"


class Portal:
    """A portal that asks the register's lists, which lie on a web server here."""

    def __init__(self, world: World, web: Web, place: Path) -> None:
        self.world, self.web = world, web
        world.reader.insert(world.worker_pass)
        self.publish()
        issuers = {
            Certificate.parse(issuer).common_name: IssuerPolicy(
                order=("crl",), crl=CRLPolicy(urls=(web.url(f"/{number}.crl"),))
            )
            for number, issuer in enumerate(world.pki.chain("N"))
        }
        revocation = OnlineRevocation(place, RevocationPolicy(issuers=issuers), clock=lambda: world.now)
        self.log_in = registry_log_in(replace(world.services, uzi_revocation=revocation), world.revocation)

    def publish(self) -> None:
        for number, issuer in enumerate(self.world.pki.chain("N")):
            self.web.routes[f"/{number}.crl"] = body(self.world.pki.crl(issuer, self.world.now))

    def enter(self) -> str:
        card = self.world.presented()
        nonce = self.log_in.challenge("browser")
        signer = card.authentication_signer(lambda request: Secret.of(PASS_PIN))
        token = log_in(signer, card.authentication_certificate(), origin=ORIGIN, nonce=nonce)
        return self.log_in.verify(token, binding="browser").uzi_number


def test_aut_2_a_pass_logs_in_until_it_is_revoked_and_the_register_says_so(tmp_path: Path, web: Web) -> None:
    (tmp_path / "world").mkdir()
    portal = Portal(World(tmp_path / "world"), web, tmp_path / "cache")
    who = portal.enter()
    assert who == portal.enter()
    assert web.count("/0.crl") == 1
    portal.world.pki.revoke(portal.world.worker_pass.contents, at=portal.world.now)
    portal.world.now += timedelta(minutes=16)
    portal.publish()
    with pytest.raises(RevokedError):
        portal.enter()
    assert web.count("/0.crl") == 2


def test_aut_2_nobody_logs_in_when_the_register_has_been_out_of_reach_too_long(tmp_path: Path, web: Web) -> None:
    (tmp_path / "world").mkdir()
    portal = Portal(World(tmp_path / "world"), web, tmp_path / "cache")
    portal.enter()
    web.routes.clear()
    portal.world.now += timedelta(hours=47)
    portal.enter()
    portal.world.now += timedelta(hours=2)
    with pytest.raises(RevocationUnknownError) as refused:
        portal.enter()
    assert refused.value.reason == "http status"


def test_a_folder_of_lists_and_deltas_answers_too(tmp_path: Path, web: Web) -> None:
    world = RevocationWorld(web, tmp_path)
    web.routes |= {"/ocsp": status(500), "/ca.crl": status(500), "/root.crl": status(500)}
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "root.crl").write_bytes(world.root_records.crl("-crlhours", "2000"))
    world.records.revoke(world.leaf, "holdInstruction,holdInstructionNone")
    (folder / "ca.crl").write_bytes(world.records.crl(number=1))
    revocation = CRLFolder(folder)
    with pytest.raises(RevokedError):
        revocation.check(world.chain, world.clock())
    time.sleep(1.1)  # lists are dated to the second
    world.records.revoke(world.leaf, "removeFromCRL")
    delta = world.records.crl(number=2, extensions="2.5.29.27 = critical,ASN1:INTEGER:1")
    (folder / "delta.crl").write_bytes(delta)
    revocation.check(world.chain, world.clock())
