"""docs/crl-and-ocsp.md: its examples run, and its figures are the code's."""

from __future__ import annotations

import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

from docs_examples import ROOT
from docs_examples import example as found
from publication_world import Publications
from zorgid_card import SQLRegistry, TrustStore, open_portal
from zorgid_card.pki.authority import RESPONDER_VALIDITY
from zorgid_card.pki.ocsp_file import write_responder
from zorgid_card.pki.ocsp_responder import LIFETIME as ANSWER
from zorgid_card.pki.ocsp_responder import MOST_ASKED
from zorgid_card.pki.revocation import CRLs
from zorgid_card.secret import Secret
from zorgid_card.workflows.ocsp_service import FOLLOWED_WITHIN, MAX_AGE
from zorgid_card.workflows.pairing import PortalIdentity
from zorgid_card.workflows.revocation_list import BASE_KEPT, DELTA_LIFETIME, LIFETIME, SIGNED_WITHIN
from zorgid_card.workflows.status_journal import KEPT

PAGE = "docs/crl-and-ocsp.md"
TEXT = " ".join((ROOT / PAGE).read_text().split())


def test_the_exposure_is_the_codes() -> None:
    rows = re.findall(r"\| ((?:OCSP|full CRL)[^|]*) \| ([^|]*?) \| ([^|]*?) \|", TEXT)
    assert rows == [
        ("OCSP with nonce, which it insists on", str(FOLLOWED_WITHIN), str(FOLLOWED_WITHIN)),
        ("OCSP without nonce", str(FOLLOWED_WITHIN + MAX_AGE), str(FOLLOWED_WITHIN + ANSWER)),
        ("full CRL with deltas", f"{SIGNED_WITHIN}, and its own interval", str(SIGNED_WITHIN + DELTA_LIFETIME)),
        ("full CRL", f"{SIGNED_WITHIN}, and its own interval", str(SIGNED_WITHIN + LIFETIME)),
    ]


def test_the_other_figures_are_the_codes() -> None:
    hours = (LIFETIME, LIFETIME / 2, DELTA_LIFETIME)
    for told in (
        "A full list lives {:.0f} hours and is made anew after {:.0f}".format(*(h / timedelta(hours=1) for h in hours)),
        f"a delta lives {DELTA_LIFETIME / timedelta(hours=1):.0f} hours",
        f"up to {MOST_ASKED} certificates",
        f"for {RESPONDER_VALIDITY.days} days",
        f"caches have it for {MAX_AGE / timedelta(minutes=1):.0f} minutes",
    ):
        assert told in TEXT
    assert (
        timedelta(days=1), timedelta(days=7), timedelta(days=4), timedelta(minutes=30),
    ) == (BASE_KEPT, KEPT, 2 * LIFETIME, ANSWER / 2)  # fmt: skip


def test_the_lists_of_the_example() -> None:
    names: dict[str, object] = {}
    exec(found(PAGE, "lists"), names)
    policy = names["policy"]
    (points,) = {profile.points for profile in policy.creation.profiles.values()}  # type: ignore[attr-defined]
    assert points[3] == ("http://crl.portal.example/cards-3.crl", "http://crl.portal.example/cards-3-delta.crl")
    assert len(points) == 16


def test_adm_2_the_timer_of_a_portal_publishes_all_lists_of_the_example(tmp_path: Path) -> None:
    names: dict[str, Any] = {}
    exec(found(PAGE, "lists"), names)
    registry = SQLRegistry.file(tmp_path / "registry.db")
    registry.create()
    side = open_portal(
        tmp_path / "portal",
        Secret.of(b"passphrase"),
        registry=registry,
        identity=PortalIdentity("https://portal.example", bytes(32)),
        uzi=TrustStore((), ()),
        uzi_revocation=CRLs(lambda issuer: []),
        policy=names["policy"],
    )
    side.tend()
    files = {path.name for path in (tmp_path / "portal").glob("*.crl")}
    assert files == {f"cards-{shard}{kind}.crl" for shard in range(16) for kind in ("", "-delta")}
    registry.close()


def test_the_responder_of_the_example(tmp_path: Path) -> None:
    world = Publications(url=f"sqlite:///{tmp_path / 'registry.db'}")
    write_responder(tmp_path / "ocsp.pem", world.authority, Secret.of(b"passphrase"), world.now)
    reading, writing = os.pipe()
    os.write(writing, b"passphrase\n")
    os.close(writing)
    code = found(PAGE, "responder").replace("/var/lib/portal/registry.db", str(tmp_path / "registry.db"))
    code = code.replace("/etc/portal", str(tmp_path)).replace("from_descriptor(0)", f"from_descriptor({reading})")
    names: dict[str, object] = {}
    exec(code, names)
    os.close(reading)
    assert callable(names["app"])
    world.store.close()
