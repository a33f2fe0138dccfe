"""Every certificate of the catalogue is refused, each for its own reason; and what two other judges make of it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import judges
from hostile_certificates import CATALOGUE, Hostile
from hostile_world import AUTHENTICITY, NOW, Chain, World
from zorgid_card.errors import ZorgIDError
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.hierarchy import UZI_TEST_G3
from zorgid_card.pki.trust import TrustStore
from zorgid_card.pki.verifier import CertificateVerifier

TABLE = Path(__file__).parents[2] / "docs" / "trust.md"
BEGIN, END = "<!-- hostile certificates: begin -->\n", "<!-- hostile certificates: end -->"


class NotAsked:
    """Revocation is judged last: no certificate of the catalogue may come so far."""

    def check(self, chain: Sequence[Certificate], at: datetime) -> None:
        raise AssertionError("revocation was asked")


class Good:
    def check(self, chain: Sequence[Certificate], at: datetime) -> None:
        pass


@pytest.fixture(scope="module")
def world() -> World:
    return World()


def store(world: World) -> TrustStore:
    return TrustStore.of([UZI_TEST_G3.with_root(world.root)], [world.root])


@cache
def made(hostile: Hostile, world: World) -> Chain:
    return hostile.make(world)


def refusal(verifier: CertificateVerifier, chain: Chain) -> tuple[str, str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of cryptography, over serial numbers
        try:
            verifier.verify(chain.leaf, at=NOW, intermediates=chain.intermediates)
        except ZorgIDError as error:
            told = error.details.get("field") or error.details.get("reason") or error.details.get("subject") or ""
            return error.code, str(told)
    return "accepted", ""


def test_the_sound_chain_of_the_catalogue_is_accepted_by_all(world: World, tmp_path: Path) -> None:
    leaf, between = world.leaf.der(), [world.z, world.level_2]
    identity = CertificateVerifier(store(world), Good()).verify(leaf, at=NOW, intermediates=between)
    assert (identity.uzi_number, identity.pass_type) == ("900016528", "Z")
    asked = {"at": NOW, "policy": AUTHENTICITY}
    assert judges.openssl(leaf, between, world.root, folder=tmp_path, **asked) == ""  # type: ignore[arg-type]
    assert judges.certvalidator(leaf, between, world.root, **asked) == ""  # type: ignore[arg-type]


def test_the_catalogue_is_of_some_size_and_names_are_unique() -> None:
    assert len(CATALOGUE) >= 60
    assert len({hostile.name for hostile in CATALOGUE}) == len(CATALOGUE)


@pytest.mark.parametrize("hostile", CATALOGUE, ids=lambda hostile: hostile.name)
def test_aut_2_a_hostile_certificate_is_refused_for_its_own_reason(hostile: Hostile, world: World) -> None:
    expected = (hostile.code, hostile.reason)
    cold = store(world)
    assert refusal(CertificateVerifier(cold, NotAsked()), made(hostile, world)) == expected


@pytest.mark.parametrize("signatures", ["cached", "uncached"])
def test_aut_2_a_store_that_judged_the_sound_path_before_refuses_all_alike(world: World, signatures: str) -> None:
    root = UZI_TEST_G3.with_root(world.root)
    warm = TrustStore.of([root], [world.root], ca_signatures=signatures)  # type: ignore[arg-type]
    sound = Chain(world.leaf.der(), [world.z, world.level_2])
    for hostile in CATALOGUE:
        assert len(warm.verify(sound.leaf, intermediates=sound.intermediates, at=NOW, usage="authenticity")) == 4
        assert refusal(CertificateVerifier(warm, NotAsked()), made(hostile, world)) == (hostile.code, hostile.reason)


@pytest.mark.parametrize("hostile", CATALOGUE, ids=lambda hostile: hostile.name)
def test_what_openssl_and_certvalidator_make_of_it_is_known_and_explained(
    hostile: Hostile, world: World, tmp_path: Path
) -> None:
    chain = made(hostile, world)
    asked = {"at": NOW, "policy": AUTHENTICITY}
    openssl = judges.openssl(chain.leaf, chain.intermediates, world.root, folder=tmp_path, **asked)  # type: ignore[arg-type]
    other = judges.certvalidator(chain.leaf, chain.intermediates, world.root, **asked)  # type: ignore[arg-type]
    assert (not openssl, not other) == (hostile.openssl, hostile.certvalidator), (openssl, other)
    assert bool(hostile.why) is (hostile.openssl or hostile.certvalidator)


MADE = World()


@settings(max_examples=300, deadline=None)
@given(
    which=st.integers(0, 2),
    changes=st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), min_size=1, max_size=3),
    cut=st.one_of(st.none(), st.integers(0, 1500)),
)
def test_octets_changed_at_random_are_refused_and_crash_nothing(
    which: int, changes: list[tuple[int, int]], cut: int | None
) -> None:
    """Leaf, issuing CA and CA of level 2: all but the outer frame is signed, so no change passes."""
    links = [MADE.leaf.der(), MADE.z, MADE.level_2]
    octets = bytearray(links[which][:cut])
    for place, value in changes if octets else ():
        octets[place % len(octets)] = value
    unchanged = bytes(octets) == links[which]
    links[which] = bytes(octets)
    told = refusal(CertificateVerifier(store(MADE), Good()), Chain(links[0], links[1:]))
    assert (told[0] == "accepted") is unchanged


def table() -> str:
    rows = ["| certificate | refused with | openssl | certvalidator | why they accept it |", "|---|---|---|---|---|"]
    for one in CATALOGUE:
        told = f"`{one.code}`" + (f" {one.reason}" if one.reason else "")
        verdicts = ("accepts" if accepts else "refuses" for accepts in (one.openssl, one.certvalidator))
        rows.append(f"| {one.name} | {told} | {' | '.join(verdicts)} | {one.why} |")
    return "\n".join(rows) + "\n"


def test_the_table_in_the_documentation_is_that_of_the_catalogue() -> None:
    """To renew it: ``python tests/unit/test_hostile_certificates.py``."""
    text = TABLE.read_text()
    assert text.partition(BEGIN)[2].partition(END)[0] == table()


if __name__ == "__main__":
    before, _, rest = TABLE.read_text().partition(BEGIN)
    TABLE.write_text(before + BEGIN + table() + END + rest.partition(END)[2])
