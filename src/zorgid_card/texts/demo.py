"""The demonstration around its acts: title, hints, tables, summary."""

from __future__ import annotations

from collections.abc import Mapping

from zorgid_card.texts.text import Text

TEXTS: Mapping[str, Text] = {
    "demo.title": Text(
        "ZORG-ID Smartcard: van aanvraag tot intrekking", "ZORG-ID Smartcard: from request to revocation"
    ),
    "demo.simulated": Text(
        "Gesimuleerd zijn de kaarten, de paslezer en de telefoon. Echt zijn sleutels, certificaten, CA, registratie en CRL.",
        "The cards, the reader and the phone are simulated. Keys, certificates, CA, registry and CRL are real.",
    ),
    "demo.preparing": Text("De gesimuleerde wereld wordt gemaakt…", "Making the simulated world…"),
    "demo.again": Text("Opnieuw proberen?", "Try again?"),
    "demo.part_again": Text("Dit deel opnieuw doen?", "Do this part again?"),
    "demo.go_on_without": Text(
        "Verder met de demonstratie, zonder dit te doen?", "Go on with the demonstration, without doing this?"
    ),
    "demo.left_out": Text(
        "U slaat dit over: de kaart blijft zoals hij is.", "You leave this out: the card stays as it is."
    ),
    "demo.go_on": Text("Enter voor het volgende deel. ", "Enter for the next part. "),
    "demo.hint.pin": Text("(De gesimuleerde kaart heeft pincode {pin}.)", "(The simulated card has PIN {pin}.)"),
    "demo.hint.birth_date": Text(
        "(De gesimuleerde pashouder is geboren op {birth_date}.)", "(The simulated holder was born on {birth_date}.)"
    ),
    "demo.hint.digits": Text("(Dit is de telefoon: kies zes cijfers.)", "(This is the phone: choose six digits.)"),
    "demo.hint.new_pin": Text(
        "(Dit is de pincode die u zojuist hebt gekozen.)", "(This is the PIN that you have just chosen.)"
    ),
    "demo.hint.own_digits": Text(
        "(Dit is de telefoon: de zes cijfers die u hebt gekozen.)",
        "(This is the phone: the six digits that you chose.)",
    ),
    "demo.ask.new_digits": Text("Kies zes cijfers voor de app: ", "Choose six digits for the app: "),
    "demo.ask.digits": Text("Voer uw zes cijfers in: ", "Enter your six digits: "),
    "demo.ask.number": Text(
        "Typ op de telefoon het getal dat het portaal toont: ", "Type on the phone the number that the portal shows: "
    ),
    "demo.ask.reason": Text("Reden[[ ({suggestion})]]: ", "Reason[[ ({suggestion})]]: "),
    "demo.ask.block": Text("Deze kaart blokkeren?", "Block this card?"),
    "demo.ask.unblock": Text("Deze kaart deblokkeren?", "Unblock this card?"),
    "demo.ask.revoke": Text("Deze kaart voorgoed intrekken?", "Revoke this card for good?"),
    "demo.answer.yes": Text("ja", "yes"),
    "demo.refused": Text("geweigerd: {why}", "refused: {why}"),
    "demo.not_refused": Text("een weigering ({expected}) bleef uit", "a refusal ({expected}) did not come"),
    "cards.serial": Text("Kaart", "Card"),
    "cards.holder": Text("Pashouder", "Holder"),
    "cards.state": Text("Toestand", "State"),
    "cards.valid": Text("Geldig tot", "Valid until"),
    "cards.used": Text("Laatst gebruikt", "Last used"),
    "state.creating": Text("in aanmaak", "being made"),
    "state.active": Text("actief", "active"),
    "state.suspended": Text("geblokkeerd", "blocked"),
    "state.revoked": Text("ingetrokken", "revoked"),
    "state.scrapped": Text("afgedankt", "scrapped"),
    "state.abandoned": Text("niet afgemaakt", "abandoned"),
    "summary.title": Text("Samenvatting", "Summary"),
    "summary.act": Text("Deel", "Part"),
    "summary.steps": Text("Stappen", "Steps"),
    "summary.apdus": Text("APDU's", "APDUs"),
    "summary.time": Text("Tijd", "Time"),
    "summary.total": Text("Totaal", "Total"),
    "summary.preparation": Text("Voorbereiding", "Preparation"),
    "summary.kept": Text("Bewaard in {path}: {names}", "Kept in {path}: {names}"),
    "summary.left": Text(
        "De demonstratie is niet afgemaakt; in {path} blijft achter: {names}",
        "The demonstration was not finished; left behind in {path}: {names}",
    ),
    "summary.passphrase": Text(
        "De wachtzin van CA en sleutelbewaarplaats is: {passphrase}",
        "The passphrase of CA and key store is: {passphrase}",
    ),
}
