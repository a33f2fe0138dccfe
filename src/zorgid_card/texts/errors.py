# ruff: noqa: E501
"""The sentence for each error of bytes, card, reader and person: what is wrong, and what to do."""

from __future__ import annotations

from collections.abc import Mapping

from zorgid_card.texts.text import Text

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
    "error.encoding.saml": Text(
        "Dit is geen AORTA-token van de juiste vorm[[ ({reason})]]; vraag de afzender om een nieuw token.",
        "This is not an AORTA token of the right form[[ ({reason})]]; ask its sender for a new one.",
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
        "Deze kaart wordt niet herkend; plaats een UZI-pas of een ZORG-ID Smartcard in de paslezer, of gebruik --pkcs11 als de pas alleen via SafeSign werkt.",
        "This card is not recognised; put a UZI pass or a ZORG-ID Smartcard into the reader, or use --pkcs11 if the pass works through SafeSign only.",
    ),
    "error.card.unsupported:no middleware": Text(
        "Deze kaart wordt niet herkend[[ ({reason})]], en er is geen middleware (PKCS#11) die haar kent[[: gezocht is {module}]]; plaats een UZI-pas of een ZORG-ID Smartcard, of installeer SafeSign als de pas alleen daarmee werkt.",
        "This card is not recognised[[ ({reason})]], and there is no middleware (PKCS#11) that may know it[[: looked for {module}]]; put in a UZI pass or a ZORG-ID Smartcard, or install SafeSign if the pass works through that only.",
    ),
    "error.card.unsupported:no token": Text(
        "Deze kaart wordt niet herkend[[ ({reason})]], en ook de middleware[[ {module}]] ziet geen kaart in deze paslezer; plaats een UZI-pas of een ZORG-ID Smartcard.",
        "This card is not recognised[[ ({reason})]], and the middleware[[ {module}]] shows no card in this reader either; put in a UZI pass or a ZORG-ID Smartcard.",
    ),
    "error.card.unsupported:other token": Text(
        "Deze kaart wordt niet herkend[[ ({reason})]], en ook de middleware[[ {module}]] toont er geen UZI-pas of ZORG-ID Smartcard; plaats uw eigen pas of kaart.",
        "This card is not recognised[[ ({reason})]], and the middleware[[ {module}]] shows neither a UZI pass nor a ZORG-ID Smartcard in it; put in your own pass or card.",
    ),
    "error.card.unsupported:middleware failed": Text(
        "Deze kaart wordt niet herkend[[ ({reason})]], en de middleware[[ {module}]] werkt niet; herstel of herinstalleer die, of plaats een andere kaart.",
        "This card is not recognised[[ ({reason})]], and the middleware[[ {module}]] does not work; mend or reinstall it, or put in another card.",
    ),
    "error.card.middleware": Text(
        "De middleware van de kaart weigerde dit of haperde[[ ({operation}: {reason})]]; plaats de kaart opnieuw en probeer het nog eens.",
        "The card's middleware refused this or failed[[ ({operation}: {reason})]]; put the card in again and try once more.",
    ),
    "error.card.not_offered": Text(
        "De kaart of haar middleware kan dit niet[[ ({operation})]]; gebruik het programma dat bij de kaart hoort.",
        "The card or its middleware does not offer this[[ ({operation})]]; use the program that came with the card.",
    ),
    "error.card.cryptogram": Text(
        "Dit is niet voor deze kaart versleuteld, of het is beschadigd; controleer of het bestand en de kaart bij elkaar horen.",
        "This was not encrypted to this card, or it is damaged; check that the file and the card belong together.",
    ),
    "error.card.not_activated": Text(
        "Deze pas is nog niet geactiveerd; activeer hem één keer met uw pincode (zorgid-card activate, of het programma dat bij de pas hoort).",
        "This pass is not activated yet; activate it once with your PIN (zorgid-card activate, or the program that came with the pass).",
    ),
    "error.card.already_activated": Text(
        "Deze pas is al geactiveerd: hebt u dat zelf gedaan, dan is alles goed en kunt u hem gebruiken; hebt u dat niet gedaan, gebruik hem dan niet, laat hem meteen intrekken bij het UZI-register en vraag een nieuwe aan.",
        "This pass is activated already: if you did that yourself, all is well and you can use it; if you did not, do not use it, have the UZI register revoke it at once and apply for a new one.",
    ),
    "error.card.not_blank": Text(
        "Dit is geen lege ZORG-ID Smartcard[[ maar {found}]]; er is niets op veranderd: plaats een lege ZORG-ID Smartcard.",
        "This is not a blank ZORG-ID Smartcard[[ but {found}]]; nothing on it was changed: put in a blank ZORG-ID Smartcard.",
    ),
    "error.card.unfinished": Text(
        "De kaart[[ {serial}]] is maar half gemaakt en niet geldig; maak hem opnieuw, met uw UZI-pas.",
        "The card[[ {serial}]] was left half made and is not valid; make it anew, with your UZI pass.",
    ),
    "error.card.unfinished:changed": Text(
        "De inhoud van de kaart[[ {serial}]] is intussen veranderd; maak hem opnieuw, met uw UZI-pas.",
        "The contents of the card[[ {serial}]] have changed meanwhile; make it anew, with your UZI pass.",
    ),
    "error.card.unfinished:origin": Text(
        "De kaart[[ {serial}]] is voor een ander portaal gemaakt; maak hem daar af.",
        "The card[[ {serial}]] was made for another portal; finish it there.",
    ),
    "error.card.scrapped": Text(
        "De kaart[[ {serial}]] is niet meer te redden en is ingetrokken; vernietig hem en neem een nieuwe.",
        "The card[[ {serial}]] cannot be rescued and is revoked; destroy it and take a new one.",
    ),
    "error.card.wrong_card": Text(
        "Er zit een andere kaart in de paslezer[[ ({found})]] dan verwacht[[ ({expected})]]; er is niets op veranderd: plaats de juiste kaart.",
        "Another card[[ ({found})]] is in the reader than expected[[ ({expected})]]; nothing on it was changed: put in the right card.",
    ),
    "error.card.wrong_card:uzi-pass": Text(
        "In de paslezer zit geen UZI-pas[[ maar {found}]]; er is niets op veranderd: plaats uw eigen UZI-pas.",
        "The card in the reader is no UZI pass[[ but {found}]]; nothing on it was changed: put in your own UZI pass.",
    ),
    "error.card.wrong_card:pin-card": Text(
        "In de paslezer zit geen UZI-pas en geen ZORG-ID Smartcard[[ maar {found}]]; er is niets op veranderd: plaats uw eigen pas of kaart.",
        "The card in the reader is neither a UZI pass nor a ZORG-ID Smartcard[[ but {found}]]; nothing on it was changed: put in your own pass or card.",
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
    "error.reader.pcsc:access": Text(
        "U mag de smartcarddienst (PC/SC) van deze computer niet gebruiken; vraag de beheerder om toegang[[ ({advice})]].",
        "You may not use the smart card service (PC/SC) of this computer; ask its administrator for access[[ ({advice})]].",
    ),
    "error.reader.pcsc:no file": Text(
        "Er is geen bestand ‘{name}’, en paslezers zijn niet te zien omdat de smartcarddienst (PC/SC) niet te gebruiken is; controleer de naam, of herstel de dienst[[: {advice}]].",
        "There is no file ‘{name}’, and readers cannot be seen because the smart card service (PC/SC) cannot be used; check the name, or mend the service[[: {advice}]].",
    ),
    "error.reader.none": Text(
        "Er is geen paslezer gevonden[[ met de naam {name}]]; sluit een paslezer aan en probeer het opnieuw.",
        "No card reader was found[[ by the name {name}]]; connect a reader and try again.",
    ),
    "error.reader.none:no file": Text(
        "Er is geen bestand en geen paslezer met de naam ‘{name}’; controleer de naam[[ (aangesloten: {names})]].",
        "There is no file and no reader by the name ‘{name}’; check the name[[ (connected: {names})]].",
    ),
    "error.reader.none:no name": Text(
        "Er is geen naam van een bestand of paslezer opgegeven; geef een naam, of laat hem helemaal weg.",
        "No name of a file or reader was given; give one, or leave it out altogether.",
    ),
    "error.reader.middleware": Text(
        "De middleware van de kaart (een PKCS#11-module)[[ {path}]] ontbreekt of kan niet worden geladen; installeer SafeSign, of geef het pad van de module.",
        "The card's middleware (a PKCS#11 module)[[ {path}]] is missing or cannot be loaded; install SafeSign, or give the module's path.",
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
        "Een ander programma gebruikt de kaart[[ (misschien {holders})]]; sluit dat programma en probeer het opnieuw.",
        "Another program is using the card[[ (perhaps {holders})]]; close that program and try again.",
    ),
    "error.reader.vpcd": Text(
        "Er luistert geen virtuele paslezer (vpcd)[[ op {host}:{port}]]; installeer pcscd en vsmartcard-vpcd, start pcscd en probeer het opnieuw.",
        "No virtual reader (vpcd) listens[[ at {host}:{port}]]; install pcscd and vsmartcard-vpcd, start pcscd and try again.",
    ),
    "error.reader.vpcd:gone": Text(
        "De virtuele paslezer[[ op {host}:{port}]] is weggevallen; herstart pcscd en probeer het opnieuw.",
        "The virtual reader[[ at {host}:{port}]] went away; restart pcscd and try again.",
    ),
    "error.reader.replay": Text(
        "Het opgenomen verloop wijkt af[[ op regel {line}]]; neem het opnieuw op, of zoek uit waarom het programma iets anders vraagt.",
        "This differs from what was recorded[[ at line {line}]]; record it again, or find out why the program asks something else.",
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
    "error.user.wrong_pin:0": Text(
        "De pincode is onjuist en nu geblokkeerd; stel met de pukcode een nieuwe pincode in (zorgid-card pin unblock).",
        "Wrong PIN, and it is blocked now; set a new PIN with the PUK (zorgid-card pin unblock).",
    ),
    "error.user.wrong_puk:0": Text(
        "De pukcode is onjuist en nu geblokkeerd, en de kaart is onbruikbaar; laat de kaart intrekken en vraag een nieuwe aan.",
        "Wrong PUK, and it is blocked now, so the card cannot be used any more; have it revoked and get a new one.",
    ),
    "error.user.wrong_puk": Text(
        "De pukcode is onjuist[[ (pogingen over: {tries_left})]]; zoek de pukcode op die u bij het aanmaken hebt bewaard en probeer het opnieuw.",
        "Wrong PUK[[ (tries left: {tries_left})]]; look up the PUK that you kept when the card was made and try again.",
    ),
    "error.user.pin_blocked": Text(
        "De pincode van deze kaart is geblokkeerd; stel met de pukcode een nieuwe pincode in (zorgid-card pin unblock).",
        "The PIN of this card is blocked; set a new PIN with the PUK (zorgid-card pin unblock).",
    ),
    "error.user.puk_blocked:zorgid": Text(
        "De pukcode van deze kaart is geblokkeerd en de kaart is onbruikbaar; laat de administrator hem in het portaal intrekken en maak een nieuwe.",
        "The PUK of this card is blocked and the card cannot be used any more; have the administrator revoke it at the portal and make a new one.",
    ),
    "error.user.puk_blocked:uzi-pass": Text(
        "De pukcode van deze pas is geblokkeerd en de pas is onbruikbaar; trek hem in bij het UZI-register en vraag daar een nieuwe aan.",
        "The PUK of this pass is blocked and the pass cannot be used any more; revoke it at the UZI register and apply there for a new one.",
    ),
    "error.user.puk_blocked": Text(
        "De pukcode van deze kaart is geblokkeerd en de kaart is onbruikbaar; laat de kaart intrekken en vraag een nieuwe aan.",
        "The PUK of this card is blocked and the card cannot be used any more; have it revoked and get a new one.",
    ),
    "error.user.last_try": Text(
        "Er is nog maar één poging over, of het aantal is onbekend; zoek eerst de juiste code op en kies dan uitdrukkelijk om die poging te gebruiken.",
        "Only one try is left, or the number is not known; look up the right code first, then choose explicitly to use that try.",
    ),
    "error.user.pin_needed": Text(
        "De sleutel op de kaart vraagt om de pincode, en die is niet gegeven; probeer het opnieuw en voer de pincode in.",
        "The key on the card wants the PIN, and none was given; try again and enter the PIN.",
    ),
    "error.user.pin_form": Text(
        "Een pincode heeft[[ {bounds}]] cijfers; er is geen poging gebruikt: voer de pincode van deze kaart in.",
        "A PIN has[[ {bounds}]] digits; no try was spent: enter the PIN of this card.",
    ),
    "error.user.pin_form:characters": Text(
        "Een pincode heeft[[ {bounds}]] tekens; er is geen poging gebruikt: voer de pincode van deze kaart in.",
        "A PIN has[[ {bounds}]] characters; no try was spent: enter the PIN of this card.",
    ),
    "error.user.pin_form:puk": Text(
        "Een pukcode heeft[[ {bounds}]] cijfers; er is geen poging gebruikt: voer de pukcode van deze kaart in.",
        "A PUK has[[ {bounds}]] digits; no try was spent: enter the PUK of this card.",
    ),
    "error.user.pin_mismatch": Text(
        "De twee pincodes zijn niet gelijk; voer twee keer dezelfde pincode in.",
        "The two PINs differ; enter the same PIN twice.",
    ),
    "error.user.pin_mismatch:puk": Text(
        "De twee pukcodes zijn niet gelijk; voer twee keer dezelfde pukcode in.",
        "The two PUKs differ; enter the same PUK twice.",
    ),
    "error.user.pin_mismatch:puk-part": Text(
        "Dat zijn niet de gevraagde cijfers van de pukcode; schrijf hem over en probeer het opnieuw.",
        "Those are not the digits of the PUK that were asked; write it down and try again.",
    ),
    "error.user.pin_policy": Text(
        "Deze pincode is niet toegestaan[[ ({rule})]]; kies een andere.",
        "This PIN is not allowed[[ ({rule})]]; choose another.",
    ),
    "error.user.pin_policy:length": Text(
        "De gekozen pincode heeft niet de juiste lengte; kies een pincode van[[ {bounds}]] cijfers.",
        "The PIN chosen does not have the right length; choose a PIN of[[ {bounds}]] digits.",
    ),
    "error.user.pin_policy:digits": Text(
        "Een pincode bestaat alleen uit cijfers; kies een pincode van[[ {bounds}]] cijfers.",
        "A PIN has digits only; choose a PIN of[[ {bounds}]] digits.",
    ),
    "error.user.pin_policy:run": Text(
        "Deze pincode is te gemakkelijk te raden: de cijfers lopen op of af; kies een andere.",
        "This PIN is too easy to guess: its digits count up or down; choose another.",
    ),
    "error.user.pin_policy:repeat": Text(
        "Deze pincode is te gemakkelijk te raden: hij herhaalt zichzelf; kies een andere.",
        "This PIN is too easy to guess: it repeats itself; choose another.",
    ),
    "error.user.pin_policy:birth-date": Text(
        "Deze pincode is te gemakkelijk te raden: uw geboortedatum staat erin; kies een andere.",
        "This PIN is too easy to guess: your birth date is in it; choose another.",
    ),
    "error.user.pin_policy:common": Text(
        "Deze pincode is te gemakkelijk te raden: veel mensen kiezen hem; kies een andere.",
        "This PIN is too easy to guess: many people choose it; choose another.",
    ),
    "error.user.pin_policy:keypad": Text(
        "Een nieuwe pincode kiest u hier op het toetsenbord van de computer, niet op de paslezer.",
        "A new PIN is chosen on the computer's keyboard here, not on the card reader.",
    ),
    "error.user.pin_policy:puk": Text(
        "Deze pukcode is niet toegestaan; kies[[ {bounds}]] cijfers zonder reeks of herhaling.",
        "This PUK is not allowed; choose[[ {bounds}]] digits that are no run or repetition.",
    ),
    "error.user.pin_policy:phone": Text(
        "Voor de app zijn precies zes cijfers nodig; kies zes cijfers zonder reeks of herhaling.",
        "The app needs exactly six digits; choose six digits that are no run or repetition.",
    ),
    "error.user.pin_form:phone": Text(
        "De pincode van de app heeft zes cijfers; er is geen poging gebruikt: voer uw zes cijfers in.",
        "The app's PIN has six digits; no try was spent: enter your six digits.",
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
    "error.user.keypad_timeout": Text(
        "Er is niet op tijd een pincode op de kaartlezer ingevoerd; er is geen poging gebruikt: probeer het opnieuw.",
        "No PIN was entered on the card reader in time; no try was spent: try again.",
    ),
    "error.user.cancelled": Text(
        "Het werk met de kaart is gestopt, zoals u vroeg; begin opnieuw wanneer u verder wilt.",
        "The work with the card was stopped, as you asked; start again when you want to go on.",
    ),
    "error.user.declined:insert-again": Text(
        "Op de kaart staat nu een half aangemaakte ZORG-ID Smartcard; wat ervoor is uitgegeven geldt niet: plaats de kaart later opnieuw om hem alsnog aan te maken.",
        "A half-made ZORG-ID Smartcard is now on the card; nothing that was issued for it stays valid: put the card in again later to make it after all.",
    ),
    "error.user.declined:portal-again": Text(
        "De ZORG-ID Smartcard is niet afgemaakt; wat ervoor is uitgegeven geldt niet: begin later opnieuw, met dezelfde kaart.",
        "The ZORG-ID Smartcard was not finished; nothing that was issued for it stays valid: begin again later, with the same card.",
    ),
    "error.user.declined:ask-again": Text(
        "De kaart is klaar, maar het portaal heeft hem niet bevestigd; zonder bevestiging trekt het portaal hem vanzelf in: log in om te zien of hij werkt, of maak hem later opnieuw aan.",
        "The card is finished, but the portal has not confirmed it; without that it revokes it by itself: log in to see whether the card works, or make it anew later.",
    ),
    "error.user.declined:empty-card": Text(
        "De kaart is niet gewist en er is niets op veranderd; plaats een andere, lege ZORG-ID Smartcard.",
        "The card was not emptied and nothing on it was changed; put in another, blank ZORG-ID Smartcard.",
    ),
    "error.user.declined:compare-code": Text(
        "De codes zijn niet bevestigd en de telefoon is niet gekoppeld; begin opnieuw met uw UZI-pas voor een nieuwe QR-code.",
        "The codes were not confirmed and the phone is not linked; start again with your UZI pass to get a new QR code.",
    ),
    "error.user.declined:last-try": Text(
        "U gebruikt de laatste poging niet, dus er is geen poging gebruikt; zoek eerst de juiste code op en begin dan opnieuw.",
        "You do not use the last try, so no try was spent; look up the right code first, then start again.",
    ),
    "error.user.usage": Text(
        "Dit kan zo niet worden gebruikt[[: {message}]]; zie zorgid-card --help.",
        "This cannot be used as given[[: {message}]]; see zorgid-card --help.",
    ),
    "error.user.usage:date": Text(
        "‘[[{value}]]’ is geen datum; schrijf hem zoals 2019-02-01.",
        "‘[[{value}]]’ is not a date; write it like 2019-02-01.",
    ),
    "error.user.usage:ambiguous": Text(
        "Er komt meer dan één paslezer in aanmerking; noem er één met --reader: {names}.",
        "More than one reader would do; name one of them with --reader: {names}.",
    ),
    "error.user.usage:not empty": Text(
        "De map {path} is niet leeg; kies een nieuwe of een lege map.",
        "The directory {path} is not empty; choose a new or an empty one.",
    ),
    "error.user.usage:both": Text(
        "Er zijn een naam en --reader opgegeven; laat een van beide weg.",
        "A name and --reader were both given; leave one of them out.",
    ),
    "error.user.usage:trace": Text(
        "Achter --pkcs11 is geen APDU te zien, want die zijn van de middleware zelf; laat --trace weg.",
        "No APDU can be seen behind --pkcs11, for they are the middleware's own; leave out --trace.",
    ),
    "error.user.usage:terminal": Text(
        "Vragen stellen kan alleen op een terminal; start het programma in een terminalvenster, of geef het antwoord vooraf (--yes, een -fd: zie --help).",
        "Questions can be asked on a terminal only; run the program in a terminal window, or answer beforehand (--yes, an -fd: see --help).",
    ),
    "error.user.usage:descriptor": Text(
        "Met --codes-fd {descriptor} is geen code (meer) te lezen; geef elke code op een eigen regel, in de volgorde van --help.",
        "No code (no further one) can be read with --codes-fd {descriptor}; give each on a line of its own, in the order of --help.",
    ),
    "error.user.usage:key officer": Text(
        "Dit is niet de sleutel van de sleutelbeheerder die hier is ingesteld; vraag de beheerder van dit systeem.",
        "This is not the key of the key officer that is configured here; ask whoever manages this system.",
    ),
    "error.user.usage:kind": Text(
        "In {path} staat een ander soort kaart; kies een ander bestand of een ander soort.",
        "Another kind of card is kept in {path}; choose another file or another kind.",
    ),
    "error.user.usage:birth date": Text(
        "Dit kan geen geboortedatum zijn; controleer hem en voer hem opnieuw in.",
        "This cannot be a birth date; check it and enter it again.",
    ),
    "error.user.usage:usage": Text(
        "Op deze kaart staat geen sleutel met certificaat voor dit doel[[ ({usage})]]; gebruik een andere kaart.",
        "This card has no key with a certificate for this purpose[[ ({usage})]]; use another card.",
    ),
    "error.user.usage:activation": Text(
        "Alleen een UZI-pas wordt geactiveerd: laat --not-activated weg.",
        "Only a UZI pass is activated: leave out --not-activated.",
    ),
    "error.user.usage:reason": Text(
        "Er is een reden nodig; vul er een in van 1 tot 1000 leesbare tekens, op één regel.",
        "A reason is needed; enter one of 1 to 1000 printable characters, on one line.",
    ),
}

TEXTS: Mapping[str, Text] = {**_ENCODING, **_CARD, **_READER, **_USER}
