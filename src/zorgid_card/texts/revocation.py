"""CRLs and the OCSP responder."""

from __future__ import annotations

from collections.abc import Mapping

from zorgid_card.texts.text import Text

TEXTS: Mapping[str, Text] = {
    "crl.passphrase": Text("Wachtzin van de CA van het portaal: ", "Passphrase of the portal's CA: "),
    "crl.file": Text("Bestand", "File"),
    "crl.number": Text("Nummer", "Number"),
    "crl.kind": Text("Soort", "Kind"),
    "crl.entries": Text("Regels", "Entries"),
    "crl.next": Text("Geldig tot (UTC)", "Valid until (UTC)"),
    "crl.full": Text("volledig", "full"),
    "crl.delta": Text("delta op {base}", "delta on {base}"),
    "ocsp.passphrase": Text("Wachtzin van het bestand van de responder: ", "Passphrase of the responder's file: "),
    "ocsp.new_passphrase": Text(
        "Nieuwe wachtzin voor het bestand van de responder: ", "New passphrase for the responder's file: "
    ),
    "ocsp.certified": Text(
        "De responder staat in {file}; zijn certificaat geldt tot {until}: maak tijdig een nieuw.",
        "The responder is in {file}; its certificate is valid until {until}: make a new one in time.",
    ),
    "ocsp.ready": Text(
        "OCSP op {url}, met een certificaat tot {until}; Ctrl-C stopt.",
        "OCSP at {url}, with a certificate until {until}; Ctrl-C stops.",
    ),
    "ocsp.stopped": Text("Gestopt.", "Stopped."),
    "error.user.usage:shards": Text(
        "Meer CRL's hebben elk een eigen adres: zet {{shard}} in --crl-url en --delta-url, of laat --shards weg.",
        "Several CRLs have an address each: put {{shard}} into --crl-url and --delta-url, or leave out --shards.",
    ),
}
