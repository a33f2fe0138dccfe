"""What ``verify-certificate`` says."""

from __future__ import annotations

from collections.abc import Mapping

from zorgid_card.texts.text import Text

TEXTS: Mapping[str, Text] = {
    "verify.title": Text("Certificaat {name}", "Certificate {name}"),
    "verify.environment": Text("Omgeving", "Environment"),
    "verify.environment.production": Text("productie", "production"),
    "verify.environment.test": Text("TEST", "TEST"),
    "verify.usage": Text("Beoordeeld voor", "Judged for"),
    "verify.usage.authenticity": Text("inloggen (authenticiteit)", "logging in (authenticity)"),
    "verify.usage.signature": Text("ondertekenen", "signing"),
    "verify.usage.confidentiality": Text("vertrouwelijkheid", "confidentiality"),
    "verify.usage.server": Text("server", "server"),
    "verify.at": Text("Beoordeeld op", "Judged at"),
    "verify.chain": Text("Keten", "Chain"),
    "verify.identity": Text("Identiteit", "Identity"),
    "verify.period": Text("geldig van {start} tot {end}", "valid from {start} to {end}"),
    "verify.pinned": Text("vastgelegde root", "pinned root"),
    "verify.unpinned": Text("geen vastgelegde root", "no pinned root"),
    "verify.fault": Text("hier gaat het mis", "this is where it fails"),
    "verify.assumed": Text(
        "Let op: gegevens van dit type pas in de hiërarchie zijn aangenomen, niet bevestigd ({why}).",
        "Note: what the hierarchy says of this type of pass is assumed, not confirmed ({why}).",
    ),
    "verify.checks": Text("Gecontroleerd, in deze volgorde", "Checked, in this order"),
    "verify.check.form": Text("Vorm", "Form"),
    "verify.check.register": Text("Van het UZI-register", "Of the UZI register"),
    "verify.check.usage": Text("Gebruik van de sleutel", "Usage of the key"),
    "verify.check.chain": Text("Keten, algoritmen, beleid, data", "Chain, algorithms, policies, dates"),
    "verify.check.identity": Text("Identiteit", "Identity"),
    "verify.check.revocation": Text("Intrekking van dit certificaat", "Revocation of this certificate"),
    "verify.result.holds": Text("klopt", "holds"),
    "verify.result.refused": Text("geweigerd", "refused"),
    "verify.result.not reached": Text("niet aan toegekomen", "not reached"),
    "verify.result.not judged": Text(
        "niet beoordeeld: geef een intrekkingslijst met --crl", "not judged: give a revocation list with --crl"
    ),
    "verify.holds": Text("Het certificaat is in orde.", "The certificate holds."),
    "verify.partly": Text(
        "Wat gecontroleerd is klopt; of het certificaat is ingetrokken, is niet beoordeeld.",
        "What was checked holds; whether the certificate is revoked was not judged.",
    ),
    "verify.refused": Text("Het certificaat wordt geweigerd.", "The certificate is refused."),
}
