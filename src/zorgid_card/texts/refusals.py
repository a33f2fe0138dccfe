# ruff: noqa: E501
"""The sentence for each error of certificate, portal, storage and this program itself: what is wrong, and what to do."""

from __future__ import annotations

from collections.abc import Mapping

from zorgid_card.texts.text import Text

_CERTIFICATE = {
    "error.certificate": Text(
        "Op het certificaat kan niet worden vertrouwd; gebruik deze kaart niet en vraag uw beheerder om hulp.",
        "The certificate cannot be relied on; do not use this card and ask your manager for help.",
    ),
    "error.certificate.malformed": Text(
        "Dit is geen geldig certificaat[[: het veld {field} klopt niet]][[ ({reason})]][[, in {path}]]; controleer of dit het juiste bestand of de juiste kaart is.",
        "This is not a sound certificate[[: the field {field} is malformed]][[ ({reason})]][[, in {path}]]; check that this is the right file or card.",
    ),
    "error.certificate.not_uzi": Text(
        "Dit is een geldig certificaat, maar niet van het UZI-register[[ (veld issuer: {issuer})]]; kies een certificaat van een UZI-pas.",
        "This is a sound certificate, but not one of the UZI register[[ (field issuer: {issuer})]]; choose a certificate of a UZI pass.",
    ),
    "error.certificate.not_uzi:judging": Text(
        "Dit is een geldig certificaat, maar niet van het UZI-register[[ (veld issuer: {issuer})]]; van een ZORG-ID Smartcard? Geef met --issuer de CA-certificaten van wie die uitgeeft.",
        "This is a sound certificate, but not one of the UZI register[[ (field issuer: {issuer})]]; of a ZORG-ID Smartcard? Give the CA certificates of who issues those with --issuer.",
    ),
    "error.certificate.not_zorgid": Text(
        "Dit is een geldig certificaat, maar niet van een ZORG-ID Smartcard[[ (veld issuer: {issuer})]]; kies het certificaat van een ZORG-ID Smartcard.",
        "This is a sound certificate, but not one of a ZORG-ID Smartcard[[ (field issuer: {issuer})]]; choose the certificate of a ZORG-ID Smartcard.",
    ),
    "error.certificate.uzi_field": Text(
        "Dit UZI-certificaat is onjuist[[: het veld {field} klopt niet]][[ ({reason})]]; gebruik deze pas niet en neem contact op met het UZI-register.",
        "This UZI certificate is wrong[[: the field {field} is malformed]][[ ({reason})]]; do not use this pass and contact the UZI register.",
    ),
    "error.certificate.expired": Text(
        "Het certificaat[[ van {subject}]] is verlopen[[ op {not_after}]]; gebruik een kaart of pas die nog geldig is.",
        "The certificate[[ of {subject}]] expired[[ on {not_after}]]; use a card or pass that is still valid.",
    ),
    "error.certificate.expired:uzi-pass": Text(
        "De UZI-pas is verlopen[[ op {not_after}]][[ (certificaat van {subject})]]; gebruik een UZI-pas die nog geldig is.",
        "The UZI pass expired[[ on {not_after}]][[ (certificate of {subject})]]; use a UZI pass that is still valid.",
    ),
    "error.certificate.expired:zorgid": Text(
        "De ZORG-ID Smartcard is verlopen[[ op {not_after}]][[ (certificaat van {subject})]]; maak met uw UZI-pas een nieuwe aan.",
        "The ZORG-ID Smartcard expired[[ on {not_after}]][[ (certificate of {subject})]]; make a new one with your UZI pass.",
    ),
    "error.certificate.not_yet_valid": Text(
        "Het certificaat[[ van {subject}]] is nog niet geldig[[ (pas vanaf {not_before})]]; controleer de datum van deze computer of wacht tot die dag.",
        "The certificate[[ of {subject}]] is not valid yet[[ (from {not_before})]]; check this computer's date, or wait until that day.",
    ),
    "error.certificate.untrusted": Text(
        "Van dit certificaat leidt geen keten naar een vertrouwde uitgever[[ ({reason})]][[ (het gaat om {subject})]]; voeg de ontbrekende CA-certificaten toe of gebruik een echte pas.",
        "No chain leads from this certificate to a trusted issuer[[ ({reason})]][[ (it is about {subject})]]; add the missing CA certificates or use a genuine pass.",
    ),
    "error.certificate.usage": Text(
        "Dit certificaat mag hier niet voor worden gebruikt[[ ({usage})]]; gebruik het authenticiteitscertificaat van de pas.",
        "This certificate may not be used for this[[ ({usage})]]; use the pass's authenticity certificate.",
    ),
    "error.certificate.hierarchy": Text(
        "Het bestand met de CA-hiërarchie klopt niet[[ (veld {field}: {reason})]]; herstel het, of haal een nieuw exemplaar op.",
        "The file with the CA hierarchy is not as it must be[[ (field {field}: {reason})]]; mend it, or get a new copy.",
    ),
    "error.certificate.revoked": Text(
        "Deze kaart of pas is ingetrokken[[ sinds {since}]][[ ({reason})]] en wordt nooit meer geldig; vraag een nieuwe aan.",
        "This card or pass is revoked[[ since {since}]][[ ({reason})]] and will never be valid again; apply for a new one.",
    ),
    "error.certificate.revoked:uzi-pass": Text(
        "Deze UZI-pas is ingetrokken[[ sinds {since}]][[ ({reason})]] en wordt nooit meer geldig; vraag bij het UZI-register een nieuwe pas aan.",
        "This UZI pass is revoked[[ since {since}]][[ ({reason})]] and will never be valid again; apply to the UZI register for a new pass.",
    ),
    "error.certificate.revoked:zorgid": Text(
        "Deze ZORG-ID Smartcard is ingetrokken[[ sinds {since}]][[ ({reason})]] en wordt nooit meer geldig; maak met uw UZI-pas een nieuwe kaart aan.",
        "This ZORG-ID Smartcard is revoked[[ since {since}]][[ ({reason})]] and will never be valid again; make a new card with your UZI pass.",
    ),
    "error.certificate.on_hold": Text(
        "Deze kaart of pas is geblokkeerd[[ sinds {since}]]; vraag wie hem uitgaf om hem te deblokkeren.",
        "This card or pass is blocked[[ since {since}]]; ask whoever issued it to unblock it.",
    ),
    "error.certificate.on_hold:uzi-pass": Text(
        "Deze UZI-pas is tijdelijk geblokkeerd[[ sinds {since}]]; neem contact op met het UZI-register.",
        "This UZI pass is on hold[[ since {since}]]; contact the UZI register.",
    ),
    "error.certificate.on_hold:zorgid": Text(
        "Deze ZORG-ID Smartcard is geblokkeerd[[ sinds {since}]]; vraag een administrator van uw organisatie om hem te deblokkeren.",
        "This ZORG-ID Smartcard is blocked[[ since {since}]]; ask an administrator of your organisation to unblock it.",
    ),
    "error.certificate.revocation_unknown": Text(
        "Het is niet na te gaan of dit certificaat is ingetrokken[[ ({reason})]]; probeer het over een paar minuten opnieuw.",
        "It cannot be told whether this certificate is revoked[[ ({reason})]]; try again in a few minutes.",
    ),
    "error.certificate.signature": Text(
        "De handtekening klopt niet; begin opnieuw, en gebruik deze kaart niet als het weer gebeurt.",
        "The signature does not verify; start again, and do not use this card if it happens once more.",
    ),
    "error.certificate.token_holder": Text(
        "Het token noemt een ander dan de houder van het certificaat waarmee het is ondertekend[[ (veld {field})]]; neem contact op met de afzender.",
        "The token names somebody else than the holder of the certificate it is signed with[[ (field {field})]]; contact its sender.",
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
    "error.portal.session:offers": Text(
        "Met deze aanmelding zijn te veel kaarten aangeboden; begin opnieuw met uw UZI-pas.",
        "Too many cards were offered with this sign-in; begin anew with your UZI pass.",
    ),
    "error.portal.session:certificates": Text(
        "Met deze aanmelding is te vaak een kaart begonnen; begin opnieuw met uw UZI-pas.",
        "A card was begun too often with this sign-in; begin anew with your UZI pass.",
    ),
    "error.portal.session:expired": Text(
        "De sessie met het portaal is verlopen; begin opnieuw en rond alles binnen een kwartier af.",
        "The session with the portal has expired; start again and finish within a quarter of an hour.",
    ),
    "error.portal.replay": Text(
        "Dit is al eens gebruikt of is verlopen[[ ({what})]]; vraag een nieuwe aan door opnieuw te beginnen.",
        "This was used before or has expired[[ ({what})]]; get a new one by starting again.",
    ),
    "error.portal.token_conditions": Text(
        "Het token is niet voor hier of niet voor nu bedoeld[[ ({reason})]]; maak met de pas een nieuw token aan.",
        "The token is not meant for here or for now[[ ({reason})]]; make a new one with the pass.",
    ),
    "error.portal.pass_type": Text(
        "Dit soort pas[[ ({found})]] kan hier niet worden gebruikt; gebruik[[ een pas van type {expected},]] uw eigen geldige UZI-pas.",
        "This type of pass[[ ({found})]] may not be used here; use[[ a pass of type {expected},]] your own valid UZI pass.",
    ),
    "error.portal.organisation_unknown": Text(
        "Uw organisatie[[ (URA {ura})]] is niet bij ZORG-ID geregistreerd[[ ({state})]]; vraag een vertegenwoordiger om haar eerst te registreren.",
        "Your organisation[[ (URA {ura})]] is not registered with ZORG-ID[[ ({state})]]; ask a representative to register it first.",
    ),
    "error.portal.organisation_unknown:suspended": Text(
        "Uw organisatie[[ (URA {ura})]] is bij ZORG-ID geblokkeerd; neem contact op met ZORG-ID.",
        "Your organisation[[ (URA {ura})]] is suspended at ZORG-ID; contact ZORG-ID.",
    ),
    "error.portal.organisation_unknown:register": Text(
        "Voor uw organisatie[[ (URA {ura})]] is nog geen aanvraag goedgekeurd; dien een aanvraag in bij ZORG-ID, of wacht tot uw aanvraag is goedgekeurd.",
        "No request of your organisation[[ (URA {ura})]] has been approved yet; file a request with ZORG-ID, or wait until yours is approved.",
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
    "error.portal.another_person": Text(
        "Dit is de kaart van iemand anders dan wie er is ingelogd; gebruik uw eigen kaart, of log eerst uit.",
        "This is the card of somebody else than who is logged in; use your own card, or log out first.",
    ),
    "error.portal.unreachable": Text(
        "Het portaal[[ {origin}]] is niet bereikbaar of antwoordt niet op tijd[[ ({reason})]]; controleer het adres en de verbinding en probeer het opnieuw.",
        "The portal[[ {origin}]] cannot be reached or does not answer in time[[ ({reason})]]; check the address and the connection and try again.",
    ),
    "error.portal.tls": Text(
        "Het TLS-certificaat van het portaal[[ {origin}]] klopt niet[[ ({reason})]]; ga hier niet verder, en vraag uw beheerder.",
        "The TLS certificate of the portal[[ {origin}]] does not verify[[ ({reason})]]; do not go on here, and ask your manager.",
    ),
    "error.portal.answer": Text(
        "Op dit adres[[ {origin}]] antwoordt geen portaal voor kaarten[[ ({reason})]][[ (status {status})]]; controleer het adres, en vraag uw beheerder.",
        "At this address[[ {origin}]] no portal for cards answers[[ ({reason})]][[ (status {status})]]; check the address, and ask your manager.",
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
    "error.portal.pairing:log-in": Text(
        "Voor een QR-code logt u eerst in met uw UZI-pas; daarna hebt u een kwartier.",
        "For a QR code you log in with your UZI pass first; then you have a quarter of an hour.",
    ),
    "error.portal.pairing:code": Text(
        "Dit is niet de code die de telefoon toont; kijk nog eens, en neem een nieuwe QR-code als het een andere telefoon is.",
        "This is not the code that the phone shows; look again, and get a new QR code if it is another phone.",
    ),
    "error.portal.phone_digits": Text(
        "De zescijferige pincode is onjuist[[ (pogingen over: {tries_left})]]; begin op de pagina van het portaal opnieuw.",
        "The six digits are wrong[[ (tries left: {tries_left})]]; begin anew on the portal's page.",
    ),
    "error.portal.phone_number": Text(
        "Het getal op de telefoon is niet het getal dat het portaal toont; begin opnieuw met inloggen.",
        "The number entered on the phone is not the one that the portal shows; start the log-in again.",
    ),
    "error.portal.phone_limit": Text(
        "Er is te vaak iets aan de telefoon gevraagd; probeer het later[[ (over {retry_after} seconden)]] opnieuw, en weiger in de app wat u niet zelf vraagt.",
        "Something was asked of the phone too often; try again later[[ (in {retry_after} seconds)]], and refuse in the app what you do not ask yourself.",
    ),
    "error.portal.not_signed": Text(
        "Er is niets gewijzigd, want hiervoor is uw handtekening met de telefoon nodig[[ ({action})]]; keur precies deze wijziging goed in de app.",
        "Nothing was changed, for this needs your signature by phone[[ ({action})]]; approve just this change in the app.",
    ),
    "error.portal.not_a_proxy": Text(
        "Dit verzoek kwam niet langs de eigen poort van het portaal[[ (maar van {peer})]]; gebruik het gewone adres van het portaal.",
        "This request did not come through the portal's own door[[ (but from {peer})]]; use the portal's usual address.",
    ),
    "error.portal.no_client_certificate": Text(
        "Uw browser heeft geen pas getoond; plaats uw UZI-pas in de paslezer, sluit alle vensters van de browser en open het portaal opnieuw.",
        "Your browser did not show a pass; put your UZI pass into the reader, close all windows of the browser and open the portal again.",
    ),
    "error.portal.tls_header": Text(
        "Het portaal kan niet afgaan op wat het over uw verbinding te horen krijgt[[ ({header}: {reason})]]; neem contact op met de beheerder van het portaal.",
        "The portal cannot rely on what it is told about your connection[[ ({header}: {reason})]]; contact the portal's administrator.",
    ),
    "error.portal.commit_late": Text(
        "De kaart[[ {serial}]] kwam te laat af, en het portaal heeft hem ingetrokken; maak hem opnieuw, met uw UZI-pas.",
        "The card[[ {serial}]] was finished too late, and the portal has revoked it; make it anew, with your UZI pass.",
    ),
    "error.portal.card_in_use": Text(
        "Deze kaart[[ ({serial})]] is al in gebruik; plaats een lege ZORG-ID Smartcard, of laat deze eerst intrekken.",
        "This card[[ ({serial})]] is in use already; put in a blank ZORG-ID Smartcard, or have this one revoked first.",
    ),
}

_STORAGE = {
    "error.fetch": Text(
        "Een adres op het netwerk geeft geen bruikbaar antwoord[[ ({reason}: {url})]]; controleer de netwerkverbinding en probeer het opnieuw.",
        "An address on the network gives no usable answer[[ ({reason}: {url})]]; check the network and try again.",
    ),
    "error.storage": Text(
        "Lezen of schrijven is mislukt[[ ({reason})]] en er is niets veranderd; controleer de schijfruimte en de rechten en probeer het opnieuw.",
        "Reading or writing failed[[ ({reason})]] and nothing was changed; check disk space and permissions, and try again.",
    ),
    "error.storage:output": Text(
        "De uitvoer kan niet worden geschreven[[ ({reason})]]; stuur hem ergens heen waar ruimte is.",
        "The output cannot be written[[ ({reason})]]; send it where there is room.",
    ),
    "error.storage:transcript": Text(
        "De opname is niet volledig[[ ({reason})]], maar wat met de kaart is gedaan geldt; kies voor --trace een plaats waar ruimte is[[ in plaats van {path}]].",
        "The trace is incomplete[[ ({reason})]], but what was done with the card counts; choose a place with room for --trace[[ instead of {path}]].",
    ),
    "error.storage:missing": Text(
        "Het bestand[[ {path}]] is er niet; controleer de naam.",
        "There is no such file[[ {path}]]; check its name.",
    ),
    "error.storage:full": Text(
        "De schijf is vol en er is niets veranderd; maak ruimte vrij en probeer het opnieuw.",
        "The disk is full and nothing was changed; make room and try again.",
    ),
    "error.storage:denied": Text(
        "U mag dit bestand of deze map niet lezen of schrijven[[ ({path})]] en er is niets veranderd; controleer de rechten.",
        "You may not read or write this file or directory[[ ({path})]] and nothing was changed; check the permissions.",
    ),
    "error.storage:permissions": Text(
        "Anderen mogen schrijven in de map van het portaal[[ ({path})]]; neem dat recht weg met chmod go-w en probeer het opnieuw.",
        "Others may write in the portal's directory[[ ({path})]]; take that right away with chmod go-w and try again.",
    ),
    "error.storage:read_only": Text(
        "Hier kan niet worden geschreven[[ ({path})]] en er is niets veranderd; kies een andere plaats of maak deze schrijfbaar.",
        "This cannot be written to[[ ({path})]] and nothing was changed; choose another place, or make this one writable.",
    ),
    "error.storage:io": Text(
        "De schijf kan niet worden gelezen of beschreven[[ ({path})]]; controleer de schijf en probeer het opnieuw.",
        "The disk cannot be read or written[[ ({path})]]; check the disk and try again.",
    ),
    "error.storage:locked": Text(
        "Een ander programma houdt de registratie bezet en er is niets veranderd; probeer het zo dadelijk opnieuw.",
        "Another program holds the registry and nothing was changed; try again in a moment.",
    ),
    "error.storage:conflict": Text(
        "Een ander was de registratie net voor en er is niets veranderd; probeer het opnieuw.",
        "Somebody else changed the registry just before and nothing was changed; try again.",
    ),
    "error.storage:unreachable": Text(
        "De database is niet te bereiken en er is niets veranderd; controleer of hij draait en probeer het opnieuw.",
        "The database cannot be reached and nothing was changed; check that it runs and try again.",
    ),
    "error.storage:not_created": Text(
        "In deze database staat geen registratie; maak haar met ‘zorgid-card db upgrade’.",
        "There is no registry in this database; make it by ‘zorgid-card db upgrade’.",
    ),
    "error.storage:corrupt": Text(
        "De registratie of het bestand is beschadigd[[ ({path})]]; zet een reservekopie terug.",
        "The registry or file is damaged[[ ({path})]]; restore a backup.",
    ),
    "error.storage:malformed": Text(
        "Het bestand[[ {path}]] is beschadigd of van een ander soort; controleer de naam of zet een reservekopie terug.",
        "The file[[ {path}]] is damaged or of another kind; check its name, or restore a backup.",
    ),
    "error.storage:mismatch": Text(
        "De sleutel en het certificaat[[ in {path}]] horen niet bij elkaar; zet een reservekopie terug.",
        "The key and the certificate[[ in {path}]] do not belong together; restore a backup.",
    ),
    "error.storage:exists": Text(
        "Het bestand[[ {path}]] bestaat al en is niet overschreven; kies een andere naam.",
        "The file[[ {path}]] exists already and was not written over; choose another name.",
    ),
    "error.storage:directory": Text(
        "‘{path}’ is een map; noem een bestand.",
        "‘{path}’ is a directory; name a file.",
    ),
    "error.storage:special": Text(
        "‘{path}’ is een apparaat of een pijp; noem een gewoon bestand.",
        "‘{path}’ is a device or a pipe; name an ordinary file.",
    ),
    "error.storage:foreign": Text(
        "In {path} staat geen kaart die dit programma heeft bewaard; kies een ander bestand: het is niet veranderd.",
        "{path} holds no card that this program has kept; choose another file: it was not changed.",
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
        "De demonstratie klopt niet[[: {message}]]; dit is een fout in dit programma: meld hem.",
        "The demonstration is not right[[: {message}]]; this is a fault of this program: report it.",
    ),
    "error.demo.stopped": Text(
        "U bent met de demonstratie gestopt; de samenvatting telt wat tot daar is gedaan, en met dezelfde opdracht begint u opnieuw.",
        "You have stopped the demonstration; the summary counts what was done until then, and the same command starts it anew.",
    ),
}

TEXTS: Mapping[str, Text] = {**_OTHER, **_CERTIFICATE, **_PORTAL, **_STORAGE}
