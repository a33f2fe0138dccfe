"""The sentences of ``phone``."""

from __future__ import annotations

from collections.abc import Mapping

from zorgid_card.texts.text import Text

_ACTIONS = {
    "action.card.block": Text("kaart blokkeren", "block a card"),
    "action.card.unblock": Text("kaart deblokkeren", "unblock a card"),
    "action.card.revoke": Text("kaart intrekken (definitief)", "revoke a card (final)"),
    "action.person.appoint": Text("een rol geven", "give a role"),
    "action.person.unlink": Text("persoon ontkoppelen", "unlink a person"),
    "action.person.approve-uzi-number": Text("een ander UZI-nummer toestaan", "allow another UZI number"),
    "action.phone.block": Text("telefoon blokkeren", "block a phone"),
    "action.phone.unblock": Text("telefoon deblokkeren", "unblock a phone"),
    "action.phone.revoke": Text("telefoon intrekken (definitief)", "revoke a phone (final)"),
}

TEXTS: Mapping[str, Text] = {
    **_ACTIONS,
    "phone.ask.new_digits": Text("Kies zes cijfers voor de app: ", "Choose six digits for the app: "),
    "phone.confirm": Text(
        "Vergelijk deze code met die op de pagina van het portaal en bevestig daar.",
        "Compare this code with that on the portal's page, and confirm there.",
    ),
    "phone.page.qr": Text(
        "De pagina van het portaal toont deze QR-code, één keer:", "The portal's page shows this QR code, once:"
    ),
    "phone.page.code": Text("De pagina toont code {code}.", "The page shows code {code}."),
    "phone.page.linked": Text(
        "De codes zijn gelijk: de telefoon is gekoppeld.", "The codes are the same: the phone is linked."
    ),
    "phone.page.number": Text(
        "De pagina toont het getal {number}; keur het goed op de telefoon.",
        "The page shows the number {number}; approve it on the phone.",
    ),
    "phone.page.logged_in": Text("Ingelogd: {name} ({role})", "Logged in: {name} ({role})"),
    "phone.page.card": Text("Kaart {serial} van {holder}: {state}", "Card {serial} of {holder}: {state}"),
    "phone.page.changed": Text("Gewijzigd: {subject} is nu {state}.", "Changed: {subject} is {state} now."),
    "phone.state.linking": Text(
        "De telefoon wacht op de bevestiging van de pagina.", "The phone waits for the page to confirm."
    ),
    "phone.state.linked": Text(
        "De telefoon is gekoppeld[[; pogingen over: {tries}]].", "The phone is linked[[; tries left: {tries}]]."
    ),
    "phone.state.blocked": Text(
        "De telefoon is geblokkeerd; een administrator kan hem deblokkeren.",
        "The phone is blocked; an administrator can unblock it.",
    ),
    "phone.state.revoked": Text(
        "Deze ID is ingetrokken; koppel de telefoon opnieuw.", "This ID is revoked; link the phone anew."
    ),
    "phone.state.expired": Text(
        "De QR-code is verlopen; koppel de telefoon opnieuw.", "The QR code has expired; link the phone anew."
    ),
    "phone.nothing": Text("Er wordt niets gevraagd.", "Nothing is asked."),
    "phone.asked.log_in": Text("Wilt u inloggen?", "Do you want to log in?"),
    "phone.asked.change": Text("Wilt u deze wijziging ondertekenen?", "Do you want to sign this change?"),
    "phone.until": Text("Tot {time}.", "Until {time}."),
    "phone.approved": Text("Goedgekeurd.", "Approved."),
    "phone.refused": Text("Geweigerd.", "Refused."),
    "phone.fact.origin": Text("Portaal", "Portal"),
    "phone.fact.organisation": Text("Organisatie", "Organisation"),
    "phone.fact.ura": Text("URA", "URA"),
    "phone.fact.person": Text("Wie", "Who"),
    "phone.fact.name": Text("Naam", "Name"),
    "phone.fact.client": Text("Gevraagd vanaf", "Asked from"),
    "phone.fact.action": Text("Wat", "What"),
    "phone.fact.subject": Text("Van welke", "Of which"),
    "phone.fact.about": Text("Van wie", "Whose"),
    "phone.fact.reason": Text("Reden", "Reason"),
    "phone.fact.role": Text("Rol", "Role"),
    "phone.fact.cause": Text("Reden op de CRL", "Reason on the CRL"),
    "error.user.usage:qr": Text(
        "Geef de tekst van een QR-code, of met --portal het portaal van de demonstratie; niet beide.",
        "Give the text of a QR code, or with --portal the demonstration's portal; not both.",
    ),
    "error.portal.session:nothing": Text(
        "Deze telefoon wordt niets gevraagd; begin op de pagina van het portaal.",
        "This phone is asked nothing; begin on the portal's page.",
    ),
    "portal.try_phone": Text(
        "Of met een telefoon (gesimuleerd), in twee vensters:", "Or with a phone (simulated), in two windows:"
    ),
}
