"""docs/threat-model.md says nothing that is not there: its codes, its tests, and the order of its checks (AUT-2)."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import NamedTuple

import pytest

from docs_examples import ROOT
from login_world import NOW, WORKER, StandAlone, signer
from zorgid_card.errors import NotLinkedError, ZorgIDError
from zorgid_card.pki.revocation import CRLs
from zorgid_card.pki.verifier import CertificateVerifier
from zorgid_card.pki.web_eid import make_token
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.testkit.uzi_contents import PassContents
from zorgid_card.testkit.uzi_profile import Usage
from zorgid_card.testkit.uzi_tamper import LeafPlan
from zorgid_card.workflows.log_in import LogIn

PAGE = (ROOT / "docs/threat-model.md").read_text()


class Row(NamedTuple):
    number: str
    check: str
    code: str
    threat: str
    test: str


def rows(table: str) -> list[Row]:
    block = PAGE.partition(f"<!-- table: {table} -->\n")[2].partition("\n\n")[0].splitlines()[2:]
    return [Row(*(cell.strip().strip("`") for cell in line.strip("|").split("|"))) for line in block]


TABLES = ("checks", "tls", "desk")
ROWS = [row for table in TABLES for row in rows(table)]


@cache
def functions_of(file: str) -> frozenset[str]:
    """What is defined in a test file, which stands in one of the two folders only."""
    (path,) = (found for place in ("unit", "blackbox") for found in (ROOT / "tests" / place).glob(file))
    tree = ast.parse(path.read_text())
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def test_the_tables_are_read() -> None:
    assert [row.number for row in rows("checks")] == [str(number) for number in range(1, 21)]
    assert [row.number for row in rows("tls")] == list("abcdef")
    assert [row.number for row in rows("desk")] == ["i", "ii", "iii", "iv", "v"]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.number)
def test_every_row_names_a_code_and_a_test_that_exist(row: Row) -> None:
    assert not row.code or row.code in ZorgIDError._by_code
    assert row.check
    assert row.threat
    file, _, name = row.test.partition("::")
    assert name in functions_of(file)


def test_the_files_that_an_auditor_is_sent_to_exist() -> None:
    for path in re.findall(r"`((?:workflows|pki)/\w+\.py)`", PAGE):
        assert (ROOT / "src/zorgid_card" / path).exists(), path


# --- the order: of two faults the earlier one is told ----------------------------------------------------------------


class NobodyIsAdmitted:
    """Records in which no organisation stands."""

    def require_admitted(self, ura: str, /) -> None:
        raise NotLinkedError(ura=ura)

    def acting_for(self, *_: object, **__: object) -> None:
        raise AssertionError


class Door:
    """A portal at which each check from the second to the seventeenth can be made to fail, alone or with others."""

    def __init__(self, faults: frozenset[str]) -> None:
        self.world = StandAlone()
        self.faults = faults
        self.log_in = LogIn(
            origin="https://portal.example",
            passes=CertificateVerifier(
                self.world.pki.trust("Z", "N"),
                CRLs((lambda issuer: []) if "16" in faults else self.world.crls),
                pass_types=frozenset("Z") if "13" in faults else None,
            ),
            challenges=self.world.challenges,
            links=NobodyIsAdmitted() if "17" in faults else None,  # type: ignore[arg-type]
            clock=lambda: self.world.now,
        )

    def code(self) -> str:
        """The code with which the token that has all of these faults is refused."""
        holder, origin = self.holder(), "https://other.example" if "7" in self.faults else self.log_in.origin
        nonce = self.log_in.challenge("browser")
        usage = Usage.SIGNATURE if "6" in self.faults else Usage.AUTHENTICITY
        token = json.loads(make_token(signer(holder, usage), holder.certificates[usage], origin, nonce))
        if "4" in self.faults:
            token["format"] = "web-eid:2"
        if "5" in self.faults:
            token["unverifiedCertificate"] = "AAAA" * 30
        if "3" in self.faults:
            self.world.now += timedelta(minutes=5)
        with pytest.raises(ZorgIDError) as caught:
            self.log_in.verify(json.dumps(token), binding="another" if "2" in self.faults else "browser")
        return caught.value.code

    def holder(self) -> PassContents:
        pki = self.world.pki
        if "10" in self.faults:  # its own root and CAs, under the register's names
            pki = UZITestPKI(pool=type(pki._pool)(), now=NOW - timedelta(days=30))
        ends = NOW - timedelta(days=1) if "11" in self.faults else None
        tamper = self.spoilt if {"8", "12"} & self.faults else None
        holder = pki.pass_(WORKER, self.world.worker.subscriber, "N", not_after=ends, tamper=tamper)
        if "14" in self.faults and "10" not in self.faults:
            pki.revoke(holder, at=NOW)
        if "15" in self.faults and "10" not in self.faults:
            pki.hold(holder, at=NOW)
        return holder

    def spoilt(self, plan: LeafPlan) -> LeafPlan:
        return replace(plan, subject=tuple((n, "900000099" if n == "serial_number" else v) for n, v in plan.subject))


CODES = {row.number: row.code for row in rows("checks")}
ORDERED = ["2", "3", "4", "5", "6", "7", "10", "11", "12", "13", "14", "16", "17"]
"""The checks of which a token can fail two at once. 8 and 9 are of another certificate, 15 and 14 of one entry of a list."""


@pytest.mark.parametrize("number", [*ORDERED, "15"])
def test_aut_2_each_fault_alone_has_the_code_of_its_row(number: str) -> None:
    assert Door(frozenset({number})).code() == CODES[number]


def pairs() -> Iterator[tuple[str, str]]:
    impossible = {("2", "3"), ("14", "16")}  # no challenge is none that expired; without lists none says "revoked"
    for place, first in enumerate(ORDERED):
        for second in ORDERED[place + 1 :]:
            if (first, second) not in impossible:
                yield first, second


@pytest.mark.parametrize(("first", "second"), [*pairs()])
def test_aut_2_of_two_faults_the_one_that_stands_first_in_the_table_is_told(first: str, second: str) -> None:
    assert Door(frozenset({first, second})).code() == CODES[first]


def test_aut_2_no_record_is_looked_up_and_no_list_asked_for_before_the_chain_holds() -> None:
    asked: list[object] = []
    door = Door(frozenset({"10"}))
    look: Callable[[bytes], list[bytes]] = lambda issuer: asked.append(issuer) or []  # type: ignore[func-returns-value]  # noqa: E731
    door.log_in._passes = CertificateVerifier(door.world.pki.trust("Z", "N"), CRLs(look))
    assert door.code() == "certificate.untrusted"
    assert asked == []
