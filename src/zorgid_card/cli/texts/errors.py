# ruff: noqa: E501
"""The sentence for each error: what is wrong, and what to do."""

from __future__ import annotations

from collections.abc import Mapping

from zorgid_card.cli.texts.text import Text

_ENCODING = {
    "error.encoding": Text(
        "De gegevens zijn beschadigd of in een onbekende vorm[[ ({reason})]]; controleer of dit het juiste bestand of de juiste kaart is.",
        "The data are damaged or of an unknown form[[ ({reason})]]; check that this is the right file or card.",
    ),
    "error.encoding.apdu": Text(
        "Een bericht van of naar de kaart is onleesbaar[[ ({reason})]]; haal de kaart eruit, steek hem er weer in en probeer het opnieuw.",
        "A message to or from the card cannot be read[[ ({reason})]]; take the card out, put it back and try again.",
    ),
    "error.encoding.atr": Text(
        "De kaart meldt zich onleesbaar[[ ({reason})]]; maak de chip schoon, steek de kaart er opnieuw in en probeer het weer.",
        "The card's answer to reset cannot be read[[ ({reason})]]; clean the chip, put the card in again and try once more.",
    ),
    "error.encoding.tlv": Text(
        "De gegevens op de kaart of in het bestand zijn beschadigd[[ ({reason})]]; controleer of dit het juiste bestand of de juiste kaart is.",
        "The data on the card or in the file are damaged[[ ({reason})]]; check that this is the right file or card.",
    ),
    "error.encoding.tlv.missing": Text(
        "Op de kaart of in het bestand ontbreekt een gegeven[[ ({path})]]; controleer of dit het juiste bestand of de juiste kaart is.",
        "A data object is missing on the card or in the file[[ ({path})]]; check that this is the right file or card.",
    ),
    "error.encoding.message": Text(
        "Dit programma en het portaal begrijpen elkaar niet[[ (veld {field})]]; installeer de laatste versie en begin opnieuw.",
        "This program and the portal do not understand each other[[ (field {field})]]; install the latest version and start again.",
    ),
}

_CARD = {
    "error.card": Text(
        "De kaart weigert de opdracht; haal de kaart eruit, steek hem er weer in en probeer het opnieuw.",
        "The card refuses the command; take the card out, put it back and try again.",
    ),
    "error.card.status": Text(
        "De kaart weigert de opdracht[[ {operation}]][[ (antwoord {sw})]]; haal de kaart eruit, steek hem er weer in en probeer het opnieuw.",
        "The card refuses the command[[ {operation}]][[ (answer {sw})]]; take the card out, put it back and try again.",
    ),
    "error.card.response": Text(
        "De kaart geeft een onmogelijk antwoord[[ ({reason})]]; gebruik deze kaart niet verder en vraag uw beheerder om een andere.",
        "The card gives an impossible answer[[ ({reason})]]; do not use this card any more and ask your manager for another.",
    ),
    "error.card.secure_channel": Text(
        "De beveiligde verbinding met de kaart is verbroken[[ ({reason})]]; begin opnieuw, en gebruik een andere kaart als het weer gebeurt.",
        "The secure channel to the card is broken[[ ({reason})]]; start again, and use another card if it happens once more.",
    ),
    "error.card.unsupported": Text(
        "Deze kaart wordt niet herkend; plaats een UZI-pas of een ZORG-ID Smartcard in de paslezer.",
        "This card is not recognised; put a UZI pass or a ZORG-ID Smartcard into the reader.",
    ),
    "error.card.not_blank": Text(
        "Dit is geen lege ZORG-ID Smartcard[[ maar {found}]]; er is niets op veranderd: plaats een lege ZORG-ID Smartcard.",
        "This is not a blank ZORG-ID Smartcard[[ but {found}]]; nothing on it was changed: put in a blank ZORG-ID Smartcard.",
    ),
    "error.card.wrong_card": Text(
        "Er zit een andere kaart in de paslezer[[ ({found})]] dan verwacht[[ ({expected})]]; er is niets op veranderd: plaats de juiste kaart.",
        "Another card[[ ({found})]] is in the reader than expected[[ ({expected})]]; nothing on it was changed: put in the right card.",
    ),
    "error.card.proof": Text(
        "Wat op de kaart staat klopt niet met wat erop geschreven is; gebruik deze kaart niet en begin opnieuw met een andere lege kaart.",
        "What is on the card is not what was written to it; do not use this card and start again with another blank one.",
    ),
}

_READER = {
    "error.reader": Text(
        "De paslezer werkt niet; controleer de aansluiting en probeer het opnieuw.",
        "The card reader does not work; check how it is connected and try again.",
    ),
    "error.reader.pcsc": Text(
        "De smartcarddienst (PC/SC) van deze computer is niet te gebruiken[[ ({reason})]]; installeer en start hem[[: {advice}]].",
        "The smart card service (PC/SC) of this computer cannot be used[[ ({reason})]]; install and start it[[: {advice}]].",
    ),
    "error.reader.pcsc:service": Text(
        "De smartcarddienst (PC/SC) van deze computer draait niet; start hem[[: {advice}]].",
        "The smart card service (PC/SC) of this computer is not running; start it[[: {advice}]].",
    ),
    "error.reader.pcsc:library": Text(
        "De smartcarddienst (PC/SC) ontbreekt op deze computer; installeer hem[[: {advice}]].",
        "The smart card service (PC/SC) is missing on this computer; install it[[: {advice}]].",
    ),
    "error.reader.none": Text(
        "Er is geen paslezer gevonden[[ met de naam {name}]]; sluit een paslezer aan en probeer het opnieuw.",
        "No card reader was found[[ by the name {name}]]; connect a reader and try again.",
    ),
    "error.reader.no_card": Text(
        "Er zit geen kaart in de paslezer; plaats de kaart en probeer het opnieuw.",
        "No card is in the reader; put the card in and try again.",
    ),
    "error.reader.card_removed": Text(
        "De kaart is te vroeg uit de paslezer gehaald; plaats dezelfde kaart opnieuw en laat hem zitten tot alles klaar is.",
        "The card was taken out too early; put the same card in again and leave it until everything is done.",
    ),
    "error.reader.card_reset": Text(
        "Een ander programma heeft de kaart herstart; sluit andere programma's die de kaart gebruiken en probeer het opnieuw.",
        "Another program has reset the card; close other programs that use the card and try again.",
    ),
    "error.reader.busy": Text(
        "Een ander programma gebruikt de kaart; sluit dat programma en probeer het opnieuw.",
        "Another program is using the card; close that program and try again.",
    ),
    "error.reader.vpcd": Text(
        "Er luistert geen virtuele paslezer (vpcd)[[ op {host}:{port}]]; installeer pcscd en vsmartcard-vpcd, start pcscd en probeer het opnieuw.",
        "No virtual reader (vpcd) listens[[ at {host}:{port}]]; install pcscd and vsmartcard-vpcd, start pcscd and try again.",
    ),
    "error.reader.vpcd:gone": Text(
        "De virtuele paslezer[[ op {host}:{port}]] is weggevallen; herstart pcscd en probeer het opnieuw.",
        "The virtual reader[[ at {host}:{port}]] went away; restart pcscd and try again.",
    ),
    "error.reader.transport": Text(
        "De verbinding is verbroken[[ ({reason})]]; controleer de paslezer en het netwerk en probeer het opnieuw.",
        "The connection broke[[ ({reason})]]; check the card reader and the network and try again.",
    ),
}

_USER = {
    "error.user": Text(
        "De invoer klopt niet; controleer wat u hebt ingevoerd en probeer het opnieuw.",
        "What was entered is not right; check it and try again.",
    ),
    "error.user.wrong_pin": Text(
        "De pincode is onjuist[[ (pogingen over: {tries_left})]]; controleer of u de pincode van deze kaart gebruikt en probeer het opnieuw.",
        "Wrong PIN[[ (tries left: {tries_left})]]; check that you use the PIN of this card and try again.",
    ),
    "error.user.wrong_puk": Text(
        "De pukcode is onjuist[[ (pogingen over: {tries_left})]]; zoek de pukcode op die u bij het aanmaken hebt bewaard en probeer het opnieuw.",
        "Wrong PUK[[ (tries left: {tries_left})]]; look up the PUK that you kept when the card was made and try again.",
    ),
    "error.user.pin_blocked": Text(
        "De pincode van deze kaart is geblokkeerd; stel met de pukcode een nieuwe pincode in.",
        "The PIN of this card is blocked; set a new PIN with the PUK.",
    ),
    "error.user.puk_blocked": Text(
        "De pukcode van deze kaart is geblokkeerd en de kaart is onbruikbaar; laat de kaart intrekken en vraag een nieuwe aan.",
        "The PUK of this card is blocked and the card cannot be used any more; have it revoked and get a new one.",
    ),
    "error.user.last_try": Text(
        "Er is nog maar één poging over, of het aantal is onbekend; zoek eerst de juiste code op en kies dan uitdrukkelijk om die poging te gebruiken.",
        "Only one try is left, or the number is not known; look up the right code first, then choose explicitly to use that try.",
    ),
    "error.user.pin_mismatch": Text(
        "De twee pincodes zijn niet gelijk; voer twee keer dezelfde pincode in.",
        "The two PINs differ; enter the same PIN twice.",
    ),
    "error.user.pin_policy": Text(
        "Deze pincode is niet toegestaan[[ ({rule})]]; kies een andere.",
        "This PIN is not allowed[[ ({rule})]]; choose another.",
    ),
    "error.user.pin_policy:length": Text(
        "De pincode heeft niet de juiste lengte; kies een pincode van[[ {minimum} tot {maximum}]] cijfers.",
        "The PIN does not have the right length; choose a PIN of[[ {minimum} to {maximum}]] digits.",
    ),
    "error.user.pin_policy:digits": Text(
        "De pincode mag alleen uit cijfers bestaan; kies een andere.",
        "A PIN has digits only; choose another.",
    ),
    "error.user.pin_policy:weak": Text(
        "Deze pincode is te gemakkelijk te raden; kies er een zonder reeks of herhaling.",
        "This PIN is too easy to guess; choose one that is no run or repetition.",
    ),
    "error.user.birth_date": Text(
        "De gegevens komen niet overeen met wat geregistreerd is; controleer de geboortedatum en probeer het opnieuw.",
        "The data do not match what is registered; check the birth date and try again.",
    ),
    "error.user.too_many_tries": Text(
        "Er is vandaag te vaak geprobeerd met deze pas; probeer het morgen opnieuw of vraag uw beheerder om hulp.",
        "This pass was tried too often today; try again tomorrow or ask your manager for help.",
    ),
    "error.user.declined": Text(
        "U hebt niet bevestigd, dus er is niets veranderd; begin opnieuw wanneer u verder wilt.",
        "You did not confirm, so nothing was changed; start again when you want to go on.",
    ),
    "error.user.cancelled": Text(
        "Het werk met de kaart is gestopt, zoals u vroeg; begin opnieuw wanneer u verder wilt.",
        "The work with the card was stopped, as you asked; start again when you want to go on.",
    ),
    "error.user.usage": Text(
        "Dit kan zo niet worden gebruikt: {message}; zie zorgid-card --help.",
        "This cannot be used as given: {message}; see zorgid-card --help.",
    ),
    "error.user.usage:date": Text(
        "‘{value}’ is geen datum; schrijf hem zoals 2019-02-01.",
        "‘{value}’ is not a date; write it like 2019-02-01.",
    ),
    "error.user.usage:ambiguous": Text(
        "Er komt meer dan één paslezer in aanmerking; noem er één: {names}.",
        "More than one reader would do; name one of them: {names}.",
    ),
    "error.user.usage:not empty": Text(
        "De map {path} is niet leeg; kies een nieuwe of een lege map.",
        "The directory {path} is not empty; choose a new or an empty one.",
    ),
    "error.user.usage:terminal": Text(
        "Vragen stellen kan alleen op een terminal; start het programma in een terminalvenster, of zonder --interactive.",
        "Questions can be asked on a terminal only; run the program in a terminal window, or without --interactive.",
    ),
    "error.user.usage:kind": Text(
        "In {path} staat een ander soort kaart; kies een ander bestand of een ander soort.",
        "Another kind of card is kept in {path}; choose another file or another kind.",
    ),
    "error.user.usage:birth date": Text(
        "Dit kan geen geboortedatum zijn; controleer hem en voer hem opnieuw in.",
        "This cannot be a birth date; check it and enter it again.",
    ),
    "error.user.usage:reason": Text("Er is een reden nodig; vul er een in.", "A reason is needed; enter one."),
}

_CERTIFICATE = {
    "error.certificate": Text(
        "Op het certificaat kan niet worden vertrouwd; gebruik deze kaart niet en vraag uw beheerder om hulp.",
        "The certificate cannot be relied on; do not use this card and ask your manager for help.",
    ),
    "error.certificate.malformed": Text(
        "Dit is geen geldig certificaat[[: het veld {field} klopt niet]][[ ({reason})]]; controleer of dit het juiste bestand of de juiste kaart is.",
        "This is not a sound certificate[[: the field {field} is malformed]][[ ({reason})]]; check that this is the right file or card.",
    ),
    "error.certificate.not_uzi": Text(
        "Dit is een geldig certificaat, maar niet van het UZI-register (veld issuer[[: {issuer}]]); kies een certificaat van een UZI-pas.",
        "This is a sound certificate, but not one of the UZI register (field issuer[[: {issuer}]]); choose a certificate of a UZI pass.",
    ),
    "error.certificate.not_zorgid": Text(
        "Dit is een geldig certificaat, maar niet van een ZORG-ID Smartcard (veld issuer[[: {issuer}]]); kies het certificaat van een ZORG-ID Smartcard.",
        "This is a sound certificate, but not one of a ZORG-ID Smartcard (field issuer[[: {issuer}]]); choose the certificate of a ZORG-ID Smartcard.",
    ),
    "error.certificate.uzi_field": Text(
        "Dit UZI-certificaat is onjuist[[: het veld {field} klopt niet]][[ ({reason})]]; gebruik deze pas niet en neem contact op met het UZI-register.",
        "This UZI certificate is wrong[[: the field {field} is malformed]][[ ({reason})]]; do not use this pass and contact the UZI register.",
    ),
    "error.certificate.expired": Text(
        "Het certificaat[[ van {subject}]] is verlopen[[ op {not_after}]]; gebruik een pas die nog geldig is.",
        "The certificate[[ of {subject}]] expired[[ on {not_after}]]; use a pass that is still valid.",
    ),
    "error.certificate.not_yet_valid": Text(
        "Het certificaat[[ van {subject}]] is nog niet geldig[[ (pas vanaf {not_before})]]; controleer de datum van deze computer of wacht tot die dag.",
        "The certificate[[ of {subject}]] is not valid yet[[ (from {not_before})]]; check this computer's date, or wait until that day.",
    ),
    "error.certificate.untrusted": Text(
        "Van dit certificaat leidt geen keten naar een vertrouwde uitgever[[ ({reason})]]; voeg de ontbrekende CA-certificaten toe of gebruik een echte pas.",
        "No chain leads from this certificate to a trusted issuer[[ ({reason})]]; add the missing CA certificates or use a genuine pass.",
    ),
    "error.certificate.usage": Text(
        "Dit certificaat mag hier niet voor worden gebruikt[[ ({usage})]]; gebruik het authenticiteitscertificaat van de pas.",
        "This certificate may not be used for this[[ ({usage})]]; use the pass's authenticity certificate.",
    ),
    "error.certificate.revoked": Text(
        "Deze kaart is ingetrokken[[ sinds {since}]][[ ({reason})]] en wordt nooit meer geldig; vraag uw beheerder om een nieuwe.",
        "This card is revoked[[ since {since}]][[ ({reason})]] and will never be valid again; ask your manager for a new one.",
    ),
    "error.certificate.on_hold": Text(
        "Deze kaart is geblokkeerd[[ sinds {since}]]; vraag uw beheerder om hem te deblokkeren.",
        "This card is blocked[[ since {since}]]; ask your manager to unblock it.",
    ),
    "error.certificate.revocation_unknown": Text(
        "Het is niet na te gaan of dit certificaat is ingetrokken[[ ({reason})]]; probeer het over een paar minuten opnieuw.",
        "It cannot be told whether this certificate is revoked[[ ({reason})]]; try again in a few minutes.",
    ),
    "error.certificate.signature": Text(
        "De handtekening klopt niet; begin opnieuw, en gebruik deze kaart niet als het weer gebeurt.",
        "The signature does not verify; start again, and do not use this card if it happens once more.",
    ),
    "error.certificate.residency": Text(
        "Het is niet bewezen dat de sleutel op deze kaart staat[[ ({reason})]]; gebruik een lege ZORG-ID Smartcard van een erkende leverancier.",
        "The key is not proven to be on this card[[ ({reason})]]; use a blank ZORG-ID Smartcard of a recognised supplier.",
    ),
}

_PORTAL = {
    "error.portal": Text(
        "Het portaal weigert[[: {message}]]; neem contact op met uw beheerder.",
        "The portal refuses[[: {message}]]; contact your manager.",
    ),
    "error.portal.session": Text(
        "De sessie met het portaal geldt niet meer[[ ({reason})]]; begin opnieuw.",
        "The session with the portal does not hold any more[[ ({reason})]]; start again.",
    ),
    "error.portal.session:expired": Text(
        "De sessie met het portaal is verlopen; begin opnieuw en rond alles binnen een kwartier af.",
        "The session with the portal has expired; start again and finish within a quarter of an hour.",
    ),
    "error.portal.replay": Text(
        "Dit is al eens gebruikt of is verlopen[[ ({what})]]; vraag een nieuwe aan door opnieuw te beginnen.",
        "This was used before or has expired[[ ({what})]]; get a new one by starting again.",
    ),
    "error.portal.pass_type": Text(
        "Dit soort pas[[ ({found})]] kan hier niet worden gebruikt; gebruik[[ een pas van type {expected},]] uw eigen geldige UZI-pas.",
        "This type of pass[[ ({found})]] may not be used here; use[[ a pass of type {expected},]] your own valid UZI pass.",
    ),
    "error.portal.organisation_unknown": Text(
        "Uw organisatie[[ (URA {ura})]] is niet bij ZORG-ID geregistreerd[[ ({state})]]; vraag een vertegenwoordiger om haar eerst te registreren.",
        "Your organisation[[ (URA {ura})]] is not registered with ZORG-ID[[ ({state})]]; ask a representative to register it first.",
    ),
    "error.portal.organisation_mismatch": Text(
        "Deze pas is van een andere organisatie[[ (URA {ura})]] dan die is goedgekeurd[[ ({expected})]]; gebruik een pas van de goedgekeurde organisatie.",
        "This pass is of another organisation[[ (URA {ura})]] than the one approved[[ ({expected})]]; use a pass of the approved organisation.",
    ),
    "error.portal.client_too_old": Text(
        "Dit programma[[ (versie {found})]] is te oud voor het portaal; installeer[[ versie {needed} of nieuwer,]] de laatste versie.",
        "This program[[ (version {found})]] is too old for the portal; install[[ version {needed} or newer,]] the latest version.",
    ),
    "error.portal.platform": Text(
        "Op dit besturingssysteem[[ ({platform})]] kunt u geen ZORG-ID Smartcard aanmaken; gebruik een computer met Windows.",
        "A ZORG-ID Smartcard cannot be made on this operating system[[ ({platform})]]; use a computer with Windows.",
    ),
    "error.portal.other_person": Text(
        "Bij deze gegevens hoort al iemand met een ander UZI-nummer; vraag een administrator van uw organisatie om het nieuwe nummer goed te keuren.",
        "These data belong to somebody with another UZI number already; ask an administrator of your organisation to approve the new number.",
    ),
    "error.portal.one_means": Text(
        "Iemand heeft een ZORG-ID Smartcard of een mobiele ID, niet allebei; laat eerst het andere middel intrekken.",
        "One person has a ZORG-ID Smartcard or a mobile ID, not both; have the other one revoked first.",
    ),
    "error.portal.not_linked": Text(
        "U of uw kaart is niet aan deze organisatie gekoppeld[[ (URA {ura})]]; vraag een administrator van de organisatie om u te koppelen.",
        "You or your card are not linked to this organisation[[ (URA {ura})]]; ask an administrator of the organisation to link you.",
    ),
    "error.portal.not_allowed": Text(
        "U mag dit niet doen[[ ({action})]]; vraag een administrator van uw organisatie.",
        "You are not allowed to do this[[ ({action})]]; ask an administrator of your organisation.",
    ),
    "error.portal.not_found": Text(
        "Dit is niet gevonden[[ ({what})]]; controleer wat u hebt ingevoerd.",
        "This was not found[[ ({what})]]; check what you entered.",
    ),
    "error.portal.transition": Text(
        "Dit kan nu niet[[ ({what}: {state})]]; bekijk eerst de huidige toestand en kies dan opnieuw.",
        "This is not possible now[[ ({what}: {state})]]; look at the present state first, then choose again.",
    ),
    "error.portal.pairing": Text(
        "De telefoon kon niet worden gekoppeld[[ ({reason})]]; vraag met uw UZI-pas een nieuwe QR-code aan.",
        "The phone could not be linked[[ ({reason})]]; get a new QR code with your UZI pass.",
    ),
    "error.portal.pairing:used": Text(
        "Deze QR-code is al gebruikt en geldt maar één keer; vraag met uw UZI-pas een nieuwe aan.",
        "This QR code was used already and serves only once; get a new one with your UZI pass.",
    ),
    "error.portal.pairing:expired": Text(
        "Deze QR-code is verlopen; vraag met uw UZI-pas een nieuwe aan.",
        "This QR code has expired; get a new one with your UZI pass.",
    ),
    "error.portal.phone_digits": Text(
        "De zescijferige pincode is onjuist[[ (pogingen over: {tries_left})]]; probeer het opnieuw in de app.",
        "The six digits are wrong[[ (tries left: {tries_left})]]; try again in the app.",
    ),
    "error.portal.phone_number": Text(
        "Het getal op de telefoon is niet het getal dat het portaal toont; begin opnieuw met inloggen.",
        "The number entered on the phone is not the one that the portal shows; start the log-in again.",
    ),
    "error.portal.card_in_use": Text(
        "Deze kaart[[ ({serial})]] is al in gebruik; plaats een lege ZORG-ID Smartcard, of laat deze eerst intrekken.",
        "This card[[ ({serial})]] is in use already; put in a blank ZORG-ID Smartcard, or have this one revoked first.",
    ),
}

_STORAGE = {
    "error.storage": Text(
        "Lezen of schrijven is mislukt[[ ({reason})]] en er is niets veranderd; controleer de schijfruimte en de rechten en probeer het opnieuw.",
        "Reading or writing failed[[ ({reason})]] and nothing was changed; check disk space and permissions, and try again.",
    ),
    "error.storage:missing": Text(
        "Het bestand {path} is er niet; controleer de naam.",
        "There is no file {path}; check its name.",
    ),
    "error.storage.passphrase": Text(
        "De wachtzin opent deze sleutel niet; controleer de wachtzin en probeer het opnieuw.",
        "The passphrase does not open the key; check the passphrase and try again.",
    ),
}

_OTHER = {
    "error.error": Text(
        "Er is iets misgegaan: {message}; probeer het opnieuw en meld het als het weer gebeurt.",
        "Something went wrong: {message}; try again, and report it if it happens once more.",
    ),
    "error.demo": Text(
        "De demonstratie klopt niet: {message}; dit is een fout in dit programma: meld hem.",
        "The demonstration is not right: {message}; this is a fault of this program: report it.",
    ),
}

_DETAILS = {
    "detail.found:uzi-pass": Text("een UZI-pas", "a UZI pass"),
    "detail.found:zorgid": Text(
        "een ZORG-ID Smartcard die al in gebruik is", "a ZORG-ID Smartcard that is in use already"
    ),
    "detail.found:piv": Text("een andere kaart die al in gebruik is", "another card that is in use already"),
    "detail.found:unknown": Text("een onbekende kaart", "an unknown card"),
    "detail.state:unknown": Text("onbekend", "unknown"),
    "detail.state:approved": Text("goedgekeurd, nog niet gevalideerd", "approved, not validated yet"),
    "detail.state:suspended": Text("geblokkeerd", "suspended"),
    "detail.state:active": Text("actief", "active"),
    "detail.state:revoked": Text("ingetrokken", "revoked"),
    "detail.state:abandoned": Text("niet afgemaakt", "abandoned"),
    "detail.state:creating": Text("in aanmaak", "being made"),
    "detail.state:blocked": Text("geblokkeerd", "blocked"),
    "detail.what:card": Text("kaart", "card"),
    "detail.what:mobile": Text("telefoon", "phone"),
    "detail.what:organisation": Text("organisatie", "organisation"),
    "detail.what:request": Text("aanvraag", "request"),
    "detail.what:SmartCard": Text("kaart", "card"),
    "detail.what:log-in": Text("inlogverzoek", "log-in"),
    "detail.what:challenge": Text("inlogverzoek", "log-in challenge"),
    "detail.usage:signature": Text("handtekeningcertificaat", "signature certificate"),
    "detail.usage:confidentiality": Text("vertrouwelijkheidscertificaat", "confidentiality certificate"),
}

TEXTS: Mapping[str, Text] = {
    **_OTHER,
    **_ENCODING,
    **_CARD,
    **_READER,
    **_USER,
    **_CERTIFICATE,
    **_PORTAL,
    **_STORAGE,
    **_DETAILS,
}
