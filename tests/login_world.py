"""A portal of its own kind: its users and sessions are elsewhere, and no registry or CA of ours is near (AUT-1, AUT-2, AUT-5)."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from zorgid_card.pki.revocation import CRLs
from zorgid_card.pki.signing import SoftwareSigner
from zorgid_card.pki.web_eid import make_token
from zorgid_card.recipes import open_login
from zorgid_card.testkit.keys import KeyPool
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.testkit.uzi_contents import PassContents
from zorgid_card.testkit.uzi_profile import Person, Subscriber, Usage
from zorgid_card.workflows.challenges import MemoryChallenges
from zorgid_card.workflows.log_in import LogIn

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ORIGIN = "https://portal.example"
PRACTICE = Subscriber("Huisartsenpraktijk De Linde", "90000123")
OTHER_PRACTICE = Subscriber("Apotheek De Eik", "90000456")
DOCTOR = Person("Jan", "Vries", "900000011", prefixes="de")
WORKER = Person("Zoë", "Amrani", "900000022", prefixes="el")


@dataclass
class StandAlone:
    """The portal, and the passes that knock at its door. ``now`` may be set forward."""

    now: datetime = NOW

    def __post_init__(self) -> None:
        self.pki = UZITestPKI(pool=KeyPool.shared(), now=NOW - timedelta(days=30))
        self.worker = self.pki.pass_(WORKER, PRACTICE, "N")
        self.doctor = self.pki.pass_(DOCTOR, PRACTICE, "Z", "01.015")
        self.challenges = MemoryChallenges()
        self.log_in = self.opened()

    def opened(self, **options: Any) -> LogIn:
        known: dict[str, Any] = {
            "trust": self.pki.trust("Z", "N"),
            "revocation": CRLs(self.crls),
            "challenges": self.challenges,
            "clock": lambda: self.now,
        }
        return open_login(options.pop("origin", ORIGIN), **(known | options))

    def crls(self, issuer: bytes, /) -> Iterable[bytes]:
        return [self.pki.crl(issuer, self.now)]

    def token(self, nonce: str, holder: PassContents | None = None, origin: str = ORIGIN, algorithm: str = "") -> str:
        found = holder or self.worker
        return make_token(signer(found, algorithm=algorithm), found.certificates[Usage.AUTHENTICITY], origin, nonce)

    def fields(self, nonce: str, **options: Any) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.token(nonce, **options))
        return found


def signer(holder: PassContents, usage: Usage = Usage.AUTHENTICITY, algorithm: str = "") -> SoftwareSigner:
    return SoftwareSigner(holder.keys[usage], algorithm)


def text(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


Spoil = Callable[[StandAlone, str], str]
"""Makes a token that answers a nonce, with one fault."""
