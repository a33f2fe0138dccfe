# ruff: noqa: E501
"""What the demonstration tells, act by act. The Dutch is that of VZVZ's two manuals where they have words for it."""

from __future__ import annotations

from collections.abc import Mapping

from zorgid_card.texts.text import Text

_REQUEST = {
    "act.request": Text("Aanvragen registratie", "Requesting registration"),
    "act.request.intro": Text(
        "Een vertegenwoordiger vult het digitale aanvraagformulier in. Verwerken kan een paar dagen duren; hier gaat het meteen.",
        "A representative fills in the request form. Processing may take a few days; here it takes none.",
    ),
    "request.filed": Text("Aanvraag ingediend door {contact}", "Request filed by {contact}"),
    "request.approved": Text(
        "Aanvraag verwerkt: goedgekeurd door {operator}", "Request processed: approved by {operator}"
    ),
    "request.reason": Text("gecontroleerd bij het UZI-register", "checked with the UZI register"),
    "request.needed": Text("Wat u nodig hebt is nagegaan:", "What is needed has been checked:"),
    "need.phone": Text("Smartphone", "Smartphone"),
    "need.reader": Text("Computer met paslezer", "Computer with a card reader"),
    "need.pass": Text("Geldige UZI-zorgverlenerspas", "Valid UZI zorgverlenerpas (care professional)"),
    "need.client": Text("Laatste versie van het programma", "Recent version of the program"),
    "need.met": Text("aanwezig[[ ({found})]]", "there[[ ({found})]]"),
    "need.unmet": Text("ontbreekt[[ (nodig: {needed})]]", "missing[[ (needed: {needed})]]"),
    "need.later": Text("gaat zo in de paslezer[[ (type {needed})]]", "goes into the reader next[[ (type {needed})]]"),
}

_VALIDATE = {
    "act.validate": Text("Valideren organisatie", "Validating the organisation"),
    "act.validate.intro": Text(
        "De vertegenwoordiger klikt op ‘ik wil een organisatie valideren’.",
        "The representative chooses ‘I want to validate an organisation’.",
    ),
    "register.insert-pass": Text("UZI-zorgverlenerspas in de paslezer", "UZI zorgverlenerpas in the reader"),
    "register.grant-access": Text("Toegang tot de UZI-pas gegeven", "Access to the UZI pass granted"),
    "register.pin": Text("Pincode ingevoerd; de pas ondertekent de sessie", "PIN entered; the pass signs the session"),
    "register.pass-data": Text(
        "Het portaal vertrouwt de pas; gegevens gecontroleerd", "The portal trusts the pass; its data were checked"
    ),
    "register.organisation-data": Text("Organisatiegegevens gecontroleerd", "Data of the organisation checked"),
    "register.validated": Text("Uw organisatie is nu gevalideerd.", "Your organisation is now validated."),
}

_ADMINISTRATOR = {
    "act.administrator": Text(
        "Registreren administrator en koppelen smartphone", "Registering the administrator, linking the phone"
    ),
    "act.administrator.intro": Text(
        "De pas blijft in de paslezer: een ZORG-ID Mobile App ID wordt aangemaakt.",
        "The pass stays in the reader: a ZORG-ID Mobile App ID is made.",
    ),
    "register.birth-date": Text("Geboortedatum ingevuld en aanvaard", "Birth date entered and accepted"),
    "register.consent-administrator": Text("Gegevens bevestigd", "Data confirmed"),
    "register.second-pin": Text(
        "Pincode ingevoerd; de pas ondertekent de toestemming", "PIN entered; the pass signs the consent"
    ),
    "register.administrator": Text("Administrator geregistreerd: {user_name}", "Administrator registered: {user_name}"),
    "phone.qr": Text(
        "Er verschijnt een QR-code, eenmalig en twee minuten geldig:", "A QR code appears, once, valid for two minutes:"
    ),
    "phone.digits": Text("De app: nieuwe zescijferige pincode ingevoerd", "The app: new PIN of six digits entered"),
    "phone.scanned": Text("De app: QR-code gescand, ‘Voeg ID toe’", "The app: QR code scanned, ‘Add ID’"),
    "phone.shows": Text("De telefoon toont code {code}.", "The phone shows code {code}."),
    "phone.scanned_again": Text("Een tweede scan wordt geweigerd", "A second scan is refused"),
    "register.compare-code": Text(
        "De codes op scherm en telefoon zijn gelijk", "The codes on screen and phone are the same"
    ),
    "phone.linked": Text("Smartphone gekoppeld", "Smartphone linked"),
    "phone.success": Text(
        "Gelukt! U bent nu aangemeld als ZORG-ID Portaal administrator en kunt met uw smartphone inloggen om ZORG-ID Smartcards te beheren.",
        "Done! You are now administrator at the ZORG-ID portal and can log in with your smartphone to manage ZORG-ID Smartcards.",
    ),
}

_CREATE = {
    "act.create": Text("Aanmaken ZORG-ID Smartcard", "Making a ZORG-ID Smartcard"),
    "act.create.intro": Text(
        "Een medewerker klikt op ‘Ik wil een ZORG-ID Smartcard aanmaken’.",
        "An employee chooses ‘I want to make a ZORG-ID Smartcard’.",
    ),
    "create.insert-pass": Text("UZI-medewerkerspas in de paslezer", "UZI medewerkerpas in the reader"),
    "create.grant-access": Text("Toegang tot de UZI-pas gegeven", "Access to the UZI pass granted"),
    "create.pin": Text(
        "Pincode ingevoerd; de pas ondertekent de sessiesleutel", "PIN entered; the pass signs the session's key"
    ),
    "create.pass-data": Text("Pas geldig, organisatie geregistreerd", "Pass valid, organisation registered"),
    "create.birth-date": Text("Geboortedatum ingevoerd en aanvaard", "Birth date entered and accepted"),
    "create.remove-pass": Text("UZI-pas uit de paslezer", "UZI pass out of the reader"),
    "create.insert-blank": Text("Lege ZORG-ID Smartcard in de paslezer", "Blank ZORG-ID Smartcard in the reader"),
    "create.insert-again": Text("Dezelfde kaart opnieuw in de paslezer", "The same card in the reader again"),
    "create.empty-card": Text("De half aangemaakte kaart is gewist", "The card that was left half made was emptied"),
    "create.new-pin": Text("Pincode gekozen en twee keer ingevoerd", "PIN chosen and entered twice"),
    "create.step.empty": Text("De kaart is leeg", "The card is empty"),
    "create.step.generate": Text(
        "Sleutel gemaakt op de kaart ({algorithm})", "Key generated on the card ({algorithm})"
    ),
    "create.step.certify": Text(
        "Sleutel bewezen op déze kaart; certificaat uitgegeven, nog geblokkeerd",
        "Key proven to be on this very card; certificate issued, still on hold",
    ),
    "create.step.write": Text("Certificaat op de kaart geschreven", "Certificate written to the card"),
    "create.step.verify": Text(
        "Teruggelezen; een handtekening van de kaart klopt", "Read back; a signature made on the card verifies"
    ),
    "create.step.pin": Text("Pincode op de kaart gezet", "PIN set on the card"),
    "create.show-puk": Text("Pukcode getoond en bewaard", "PUK shown and kept"),
    "create.step.puk": Text("Pukcode op de kaart gezet, als laatste", "PUK written to the card, as the last thing"),
    "create.step.activate": Text("Kaart geactiveerd: {user_name}", "Card activated: {user_name}"),
    "create.success": Text(
        "Gelukt! De ZORG-ID Smartcard is aangemaakt, u kunt aan de slag!",
        "Done! The ZORG-ID Smartcard is made, you can start!",
    ),
}

_LOG_IN = {
    "act.log-in": Text("Inloggen met de ZORG-ID Smartcard", "Logging in with the ZORG-ID Smartcard"),
    "act.log-in.intro": Text(
        "De nieuwe kaart is meteen te gebruiken bij een portaal.",
        "The new card can be used at a portal at once.",
    ),
    "log-in.challenge": Text("Het portaal stelt een eenmalige vraag", "The portal makes a challenge that serves once"),
    "log-in.signed": Text("De kaart ondertekent vraag en herkomst", "The card signs challenge and origin"),
    "log-in.verified": Text(
        "Keten, intrekking en registratie kloppen: ingelogd", "Chain, revocation and registry are right: logged in"
    ),
    "log-in.replayed": Text("Hetzelfde antwoord nog eens wordt geweigerd", "The same answer once more is refused"),
}

_MANAGE = {
    "act.manage": Text("Beheren: blokkeren, deblokkeren, intrekken", "Managing: block, unblock, revoke"),
    "act.manage.intro": Text(
        "De administrator logt in met de smartphone en beheert de kaarten.",
        "The administrator logs in with the smartphone and manages the cards.",
    ),
    "manage.asked": Text("Het portaal toont het getal {number}", "The portal shows the number {number}"),
    "phone.asks": Text(
        "De telefoon vraagt: inloggen bij {origin} voor {organisation}?",
        "The phone asks: log in to {origin} for {organisation}?",
    ),
    "manage.approved": Text("De telefoon keurt het inloggen goed", "The phone approves the log-in"),
    "phone.asks_change": Text(
        "De telefoon vraagt: {what}, kaart {subject} van {about}, reden: {reason}?",
        "The phone asks: {what}, card {subject} of {about}, reason: {reason}?",
    ),
    "manage.unsigned": Text(
        "Zonder handtekening van de telefoon wordt er niets gewijzigd",
        "Without the phone's signature nothing is changed",
    ),
    "manage.signed": Text("De telefoon heeft ondertekend: {what}", "The phone has signed: {what}"),
    "manage.logged_in": Text("Ingelogd als administrator: {name}", "Logged in as administrator: {name}"),
    "manage.cards": Text("Alle gekoppelde kaarten:", "All linked cards:"),
    "manage.block": Text("Kaart geblokkeerd: {reason}", "Card blocked: {reason}"),
    "manage.unblock": Text("Kaart gedeblokkeerd: {reason}", "Card unblocked: {reason}"),
    "manage.revoke": Text("Kaart ingetrokken: {reason}", "Card revoked: {reason}"),
    "manage.block.reason": Text("kaart kwijt", "card lost"),
    "manage.unblock.reason": Text("kaart teruggevonden", "card found again"),
    "manage.revoke.reason": Text("kaart gestolen", "card stolen"),
    "manage.crl": Text("CRL nummer {number} gepubliceerd: {entries}", "CRL number {number} published: {entries}"),
    "manage.crl.entries.none": Text("geen kaarten erop", "no cards on it"),
    "manage.crl.entries.hold": Text("kaart erop, certificateHold", "card on it, certificateHold"),
    "manage.crl.entries.revoked": Text("kaart erop, voorgoed ({reason})", "card on it, for good ({reason})"),
    "manage.openssl.crl": Text(
        "openssl crl: handtekening klopt, {entries} op de lijst", "openssl crl: signature right, {entries} on the list"
    ),
    "manage.openssl.good": Text(
        "openssl verify -crl_check: certificaat geldig", "openssl verify -crl_check: certificate valid"
    ),
    "manage.openssl.revoked": Text(
        "openssl verify -crl_check: certificaat ingetrokken", "openssl verify -crl_check: certificate revoked"
    ),
    "manage.openssl.absent": Text(
        "openssl is hier niet geïnstalleerd: deze controle is overgeslagen.",
        "openssl is not installed here: this check was left out.",
    ),
    "manage.log-in.blocked": Text(
        "Inloggen met de geblokkeerde kaart wordt geweigerd", "Logging in with the blocked card is refused"
    ),
    "manage.log-in.unblocked": Text("Inloggen werkt weer", "Logging in works again"),
    "manage.log-in.revoked": Text(
        "Inloggen met de ingetrokken kaart wordt voorgoed geweigerd",
        "Logging in with the revoked card is refused for good",
    ),
    "manage.unrevoke": Text(
        "Een ingetrokken kaart deblokkeren wordt geweigerd", "Unblocking a revoked card is refused"
    ),
}

TEXTS: Mapping[str, Text] = {**_REQUEST, **_VALIDATE, **_ADMINISTRATOR, **_CREATE, **_LOG_IN, **_MANAGE}
