# ruff: noqa: E501
"""What is to be sent, and what is kept no longer, as a portal's keeper sees it."""

from __future__ import annotations

from collections.abc import Mapping

from zorgid_card.texts.text import Text

TEXTS: Mapping[str, Text] = {
    "outbox.none": Text("Er zijn geen berichten die {state}.", "There are no notices that {state}."),
    "outbox.state.waiting": Text("wachten", "wait"),
    "outbox.state.sent": Text("verzonden zijn", "were sent"),
    "outbox.state.dead": Text("zijn opgegeven", "were given up"),
    "outbox.head.id": Text("Bericht", "Notice"),
    "outbox.head.kind": Text("Soort", "Kind"),
    "outbox.head.tries": Text("Pogingen", "Tries"),
    "outbox.head.made_at": Text("Van", "Of"),
    "outbox.head.error": Text("Fout", "Error"),
    "outbox.again": Text(
        "Het bericht wordt opnieuw verzonden zodra de portal de volgende keer verzendt.",
        "The notice will be tried anew when the portal sends the next time.",
    ),
    "db.tidied": Text(
        "Opgeruimd: {expired} verlopen gegevens, de inhoud van {events} gebeurtenissen, {contacts} contactpersonen, {notices} berichten.",
        "Removed: {expired} expired records, what {events} events said, {contacts} contacts, {notices} notices.",
    ),
    "db.erased": Text(
        "De persoon is gewist: {records} gegevens, en wat {events} gebeurtenissen in de auditlog over de persoon zeiden.",
        "The person is erased: {records} records, and what {events} events of the audit log said of them.",
    ),
    "detail.action:erase": Text(
        "iemand wissen die nog aan een organisatie gekoppeld is of een werkende kaart of telefoon heeft",
        "erase somebody who is still linked to an organisation, or has a card or a phone that works",
    ),
    "question.person-erase": Text(
        "Deze persoon wissen, met wat de auditlog erover zegt? Dit is niet ongedaan te maken.",
        "Erase this person, with what the audit log says of them? This cannot be undone.",
    ),
}
