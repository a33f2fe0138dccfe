# ruff: noqa: E501
"""The audit log, as its keeper and its auditor see it."""

from __future__ import annotations

from collections.abc import Mapping

from zorgid_card.texts.text import Text

TEXTS: Mapping[str, Text] = {
    "audit.signed": Text(
        "De uiteinden van {chains} ketens zijn ondertekend en toegevoegd aan {file}.",
        "The heads of {chains} chains are signed and added to {file}.",
    ),
    "audit.nothing_new": Text(
        "Er is sinds de vorige keer niets bijgekomen; aan {file} is niets toegevoegd.",
        "Nothing was written since the last time; nothing was added to {file}.",
    ),
    "audit.reading": Text("Auditlog nalopen", "Looking through the audit log"),
    "audit.whole": Text(
        "De auditlog klopt: {events} gebeurtenissen in {chains} ketens, waarvan {erased} (deels) volgens de log gewist.",
        "The audit log is whole: {events} events in {chains} chains, {erased} of them erased (in part), as the log says.",
    ),
    "audit.proven": Text(
        "Bewezen is dat {proven} gebeurtenissen sinds hun ondertekening niet zijn gewijzigd, aangevuld, verplaatst of weggelaten; de laatste ondertekening is van {at}. Over de {rest} die daarna kwamen, bewijst dit niets tegen wie in de database kan schrijven.",
        "Proven: {proven} events were not changed, added to, moved or left out since they were signed, the last time at {at}. Of the {rest} that came later, this proves nothing against who can write to the database.",
    ),
    "audit.unproven": Text(
        "Zonder ondertekende uiteinden (--heads) is hiermee niets bewezen tegen wie in de database kan schrijven.",
        "Without signed heads (--heads), this proves nothing against who can write to the database.",
    ),
    "audit.exported": Text(
        "{events} gebeurtenissen zijn geschreven naar {file}; er staan persoonsgegevens in.",
        "{events} events were written to {file}; there are personal data in it.",
    ),
    "audit.head.chain": Text("Keten", "Chain"),
    "audit.head.number": Text("Nummer", "Number"),
    "audit.head.what": Text("Bevinding", "Finding"),
    "audit.finding.missing": Text("ontbreekt in de keten", "missing from the chain"),
    "audit.finding.changed": Text("sluit niet aan op de vorige", "does not follow from the one before"),
    "audit.finding.event": Text("is niet wat er is vastgelegd", "is not what was written"),
    "audit.finding.erased": Text("is gewist zonder dat de log dat zegt", "was erased, and the log does not say so"),
    "audit.finding.extra": Text("heeft geen plaats in een keten", "has no place in a chain"),
    "audit.finding.head": Text("de keten eindigt anders dan genoteerd", "the chain does not end where it should"),
    "audit.finding.cut": Text("afgekapt: er was meer ondertekend", "cut off: more was signed"),
    "audit.finding.rewritten": Text("is niet wat er is ondertekend", "is not what was signed"),
    "error.storage.audit": Text(
        "De auditlog is niet wat er is geschreven[[: {findings} bevinding(en), de eerste in keten {chain} bij nummer {number}]]; bewaar de database zoals die nu is en laat uitzoeken wie erin heeft geschreven.",
        "The audit log is not what was written[[: {findings} finding(s), the first in chain {chain} at number {number}]]; keep the database as it is now, and have it found out who wrote to it.",
    ),
    "error.user.usage:public_key": Text(
        "Geef met --public-key de publieke sleutel waarmee de uiteinden zijn ondertekend; gebruik die van elders dan uit de database.",
        "Give the public key that the heads were signed with, by --public-key; take it from elsewhere than the database.",
    ),
}
