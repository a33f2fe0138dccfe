"""The sentences of the command line itself: prompts, ``inspect`` and ``simulate``."""

from __future__ import annotations

from collections.abc import Mapping

from zorgid_card.texts.text import Text

_EXITS = {
    "exit.ok": Text("gelukt", "done"),
    "exit.program": Text("fout in dit programma", "a fault of this program"),
    "exit.usage": Text("verkeerde opdrachtregel", "wrong command line"),
    "exit.user": Text("invoer van de gebruiker", "something the person entered"),
    "exit.card": Text("kaart", "card"),
    "exit.reader": Text("paslezer", "reader"),
    "exit.certificate": Text("certificaat", "certificate"),
    "exit.portal": Text("portaal", "portal"),
    "exit.storage": Text("opslag", "storage"),
    "exit.encoding": Text("onleesbare gegevens", "data that cannot be read"),
    "exit.interrupted": Text("afgebroken", "interrupted"),
    "interrupted": Text(
        "Afgebroken; wat nog niet af was, geldt niet: begin opnieuw wanneer u verder wilt.",
        "Interrupted; what was not finished does not count: start again when you want to go on.",
    ),
    "bounds": Text("{minimum} tot {maximum}", "{minimum} to {maximum}"),
}

_PROMPTS = {
    "ask.yes": Text("j", "y"),
    "ask.no": Text("n", "n"),
    "ask.confirm": Text("{question} [j/n] ", "{question} [y/n] "),
    "ask.yes_or_no": Text("Antwoord met j (ja) of n (nee).", "Answer y (yes) or n (no)."),
    "ask.enter": Text("Druk op Enter als u zover bent. ", "Press Enter when you are ready. "),
    "ask.pin": Text("Pincode van de kaart in de paslezer: ", "PIN of the card in the reader: "),
    "ask.puk": Text("Pukcode van de kaart in de paslezer: ", "PUK of the card in the reader: "),
    "ask.keypad": Text(
        "Voer de pincode in op de paslezer; volg wat daar wordt gevraagd.",
        "Enter the PIN on the card reader; follow what it asks.",
    ),
    "ask.keypad.puk": Text(
        "Voer de pukcode in op de paslezer; volg wat daar wordt gevraagd.",
        "Enter the PUK on the card reader; follow what it asks.",
    ),
    "ask.tries": Text("Pogingen over: {tries}.", "Tries left: {tries}."),
    "ask.last_try": Text(
        "Dit is de laatste poging, of het aantal is onbekend. Toch proberen?",
        "This is the last try, or their number is not known. Try all the same?",
    ),
    "ask.new_puk": Text("Nieuwe pukcode ({bounds} cijfers): ", "New PUK ({bounds} digits): "),
    "ask.new_puk.again": Text("Nog een keer dezelfde pukcode: ", "The same PUK once more: "),
    "ask.birth_date": Text("Geboortedatum (dd-mm-jjjj): ", "Birth date (dd-mm-yyyy): "),
    "ask.birth_date.again": Text(
        "Dat is geen geboortedatum, bijvoorbeeld 31-12-1980.", "That is no birth date, such as 31-12-1980."
    ),
    "ask.new_pin": Text("Nieuwe pincode ({bounds} cijfers): ", "New PIN ({bounds} digits): "),
    "ask.new_pin.again": Text("Nog een keer dezelfde pincode: ", "The same PIN once more: "),
    "ask.puk_kept": Text(
        "Schrijf de pukcode op en druk op Enter (S en Enter: in woorden). ",
        "Write the PUK down and press Enter (S and Enter: in words). ",
    ),
    "ask.puk_part": Text(
        "Cijfer {first}, {second} en {third} van wat u hebt opgeschreven: ",
        "Digits {first}, {second} and {third} of what you wrote down: ",
    ),
    "digit.0": Text("nul", "zero"),
    "digit.1": Text("een", "one"),
    "digit.2": Text("twee", "two"),
    "digit.3": Text("drie", "three"),
    "digit.4": Text("vier", "four"),
    "digit.5": Text("vijf", "five"),
    "digit.6": Text("zes", "six"),
    "digit.7": Text("zeven", "seven"),
    "digit.8": Text("acht", "eight"),
    "digit.9": Text("negen", "nine"),
    "cue.insert-pass": Text("Plaats uw UZI-pas in de paslezer.", "Put your UZI pass into the reader."),
    "cue.remove-pass": Text("Haal uw UZI-pas uit de paslezer.", "Take your UZI pass out of the reader."),
    "cue.insert-blank": Text(
        "Stop uw lege ZORG-ID Smartcard in de paslezer. Haal hem er niet uit tot het proces is afgerond!",
        "Put your blank ZORG-ID Smartcard into the reader. Do not take it out until the process has finished!",
    ),
    "cue.insert-again": Text(
        "Stop dezelfde ZORG-ID Smartcard opnieuw in de paslezer.", "Put the same ZORG-ID Smartcard in again."
    ),
    "question.grant-access": Text("Geeft u toegang tot uw UZI-pas?", "Do you grant access to your UZI pass?"),
    "question.pass-data": Text("Kloppen deze gegevens van uw pas?", "Are these data of your pass right?"),
    "question.organisation-data": Text("Kloppen de organisatiegegevens?", "Are the data of the organisation right?"),
    "question.consent-administrator": Text(
        "Wilt u administrator van deze organisatie worden? Uw pas ondertekent dit.",
        "Do you want to become administrator of this organisation? Your pass signs this.",
    ),
    "question.compare-code": Text("Toont de telefoon dezelfde code?", "Does the phone show the same code?"),
    "question.escrow-puk": Text(
        "Het portaal bewaart een verzegeld exemplaar van de pukcode, dat alleen de sleutelbeheerder kan openen. Akkoord?",
        "The portal keeps a sealed copy of the PUK, which the key officer alone can open. Do you agree?",
    ),
    "question.empty-card": Text(
        "Deze kaart is niet leeg: hij is half aangemaakt of ingetrokken. Alles erop gaat verloren. Mag hij worden gewist?",
        "This card is not blank: it was left half made, or is revoked. All on it will be lost. May it be emptied?",
    ),
    "question.ask-again": Text(
        "De kaart is klaar, maar het portaal antwoordt niet. Wilt u het nog eens vragen?",
        "The card is finished, but the portal does not answer. Do you want to ask again?",
    ),
    "question.insert-again": Text(
        "De kaart is te vroeg uit de paslezer gehaald. Wilt u het opnieuw proberen?",
        "The card was taken out too early. Do you want to try again?",
    ),
    "question.portal-again": Text(
        "Het portaal antwoordt niet. Laat de kaart in de paslezer. Wilt u het opnieuw proberen?",
        "The portal does not answer. Leave the card in the reader. Do you want to try again?",
    ),
    "question.cross-out-puk": Text(
        "Eerder is een pukcode getoond die niet op de kaart is gezet. Streep die door: u krijgt nu een nieuwe. Gedaan?",
        "A PUK was shown before that was not written to the card. Cross it out: you get a new one now. Done?",
    ),
    "progress.left": Text("nog {seconds} s", "{seconds} s left"),
    "puk.title": Text("Eenmalige pukcode", "PUK, shown once"),
    "puk.keep": Text(
        "Bewaar deze goed! Zonder pukcode kunt u de pincode niet meer resetten.",
        "Keep it safe! Without the PUK the PIN cannot be reset.",
    ),
    "puk.hidden": Text("(alleen op een terminal getoond)", "(shown on a terminal only)"),
    "step.empty": Text("Kaart leegmaken", "Emptying the card"),
    "step.generate": Text("Sleutel maken op de kaart", "Generating the key on the card"),
    "step.certify": Text("Certificaat aanvragen en uitgeven", "Certificate requested and issued"),
    "step.write": Text("Kaart beschrijven", "Writing the card"),
    "step.verify": Text("Teruglezen en controleren", "Reading back and checking"),
    "step.pin": Text("Pincode instellen", "Setting the PIN"),
    "step.puk": Text("Pukcode instellen", "Setting the PUK"),
    "step.activate": Text("Kaart activeren", "Activating the card"),
    "fact.name": Text("Naam", "Name"),
    "fact.uzi-number": Text("UZI-nummer", "UZI number"),
    "fact.role": Text("Rol", "Role"),
    "fact.organisation": Text("Organisatie", "Organisation"),
    "fact.ura": Text("URA", "URA"),
    "fact.valid-until": Text("Geldig tot en met", "Valid until"),
    "fact.birth-date": Text("Geboortedatum", "Birth date"),
    "fact.code": Text("Code", "Code"),
    "fact.key-officer": Text("Sleutelbeheerder", "Key officer"),
    "fact.generation": Text("Generatie", "Generation"),
    "fact.serial": Text("Kaartnummer", "Card number"),
    "fact.certificate": Text("Certificaat van", "Certificate of"),
}

_INSPECT = {
    "inspect.certificate": Text("Certificaat", "Certificate"),
    "inspect.card": Text("Kaart in {reader}", "Card in {reader}"),
    "inspect.kind": Text("Soort", "Kind"),
    "inspect.why": Text("Herkend aan", "Recognised by"),
    "inspect.atr": Text("ATR", "ATR"),
    "inspect.atr_says": Text("De ATR zegt", "The ATR says"),
    "inspect.atr.broken": Text("niets: hij volgt de norm niet", "nothing: it does not follow the standard"),
    "inspect.atr.extended_length.yes": Text("lange opdrachten", "extended length"),
    "inspect.atr.extended_length.no": Text("geen lange opdrachten", "no extended length"),
    "inspect.atr.chaining.yes": Text("ketens van opdrachten", "command chaining"),
    "inspect.atr.chaining.no": Text("geen ketens van opdrachten", "no command chaining"),
    "inspect.atr.historical": Text("historische bytes {octets}", "historical bytes {octets}"),
    "inspect.applications": Text("Toepassingen", "Applications"),
    "inspect.serial": Text("Kaartnummer", "Card number"),
    "inspect.firmware": Text("Firmware", "Firmware"),
    "inspect.pin_tries": Text("Pincode, pogingen over", "PIN, tries left"),
    "inspect.puk_tries": Text("Pukcode, pogingen over", "PUK, tries left"),
    "inspect.activation": Text("Geactiveerd", "Activated"),
    "inspect.usage": Text("Gebruik", "Usage"),
    "inspect.subject": Text("Houder", "Subject"),
    "inspect.issuer": Text("Uitgever", "Issuer"),
    "inspect.certificate_serial": Text("Serienummer", "Serial number"),
    "inspect.validity": Text("Geldigheid", "Validity"),
    "inspect.fingerprint": Text("SHA-256", "SHA-256"),
    "inspect.key": Text("Sleutel", "Key"),
    "inspect.identity": Text("Identiteit", "Identity"),
    "inspect.name": Text("Naam", "Name"),
    "inspect.uzi_number": Text("UZI-nummer", "UZI number"),
    "inspect.pass_type": Text("Pastype", "Pass type"),
    "inspect.ura": Text("URA", "URA"),
    "inspect.role": Text("Rol", "Role"),
    "inspect.agb": Text("AGB-code", "AGB code"),
    "inspect.organisation": Text("Organisatie", "Organisation"),
    "inspect.environment": Text("Omgeving", "Environment"),
    "inspect.guid": Text("GUID van de kaart", "GUID of the card"),
    "inspect.none": Text("geen", "none"),
    "inspect.chain": Text("Keten", "Chain"),
    "inspect.verdict.trusted": Text("klopt, tot een vastgelegde root", "verifies, to a pinned root"),
    "inspect.verdict.trusted.given": Text("klopt, tot de opgegeven CA", "verifies, to the CA that was given"),
    "inspect.verdict.refused": Text("geweigerd: {why}", "refused: {why}"),
    "inspect.verdict.unjudged": Text(
        "niet beoordeeld: geef met --ca het CA-certificaat van het portaal",
        "not judged: give the portal's CA certificate with --ca",
    ),
    "inspect.verdict": Text("Oordeel", "Verdict"),
    "inspect.judged_at": Text("Beoordeeld op", "Judged at"),
    "inspect.revocation": Text("Intrekking", "Revocation"),
    "inspect.revocation.unjudged": Text("niet beoordeeld", "not judged"),
    "inspect.pass_type.Z": Text("Z (zorgverlenerpas)", "Z (zorgverlenerpas, care professional)"),
    "inspect.pass_type.N": Text("N (medewerkerpas op naam)", "N (medewerkerpas op naam, named employee)"),
    "inspect.pass_type.M": Text("M (medewerkerpas niet op naam)", "M (medewerkerpas niet op naam, unnamed employee)"),
    "inspect.pass_type.S": Text("S (servercertificaat)", "S (server certificate)"),
    "kind.uzi-pass": Text("UZI-pas", "UZI pass"),
    "kind.zorgid": Text("ZORG-ID Smartcard", "ZORG-ID Smartcard"),
    "kind.blank": Text("lege ZORG-ID Smartcard", "blank ZORG-ID Smartcard"),
    "kind.piv": Text("andere PIV-kaart", "another PIV card"),
    "kind.unknown": Text("onbekende kaart", "unknown card"),
    "kind.uzi-certificate": Text("certificaat van een UZI-pas", "certificate of a UZI pass"),
    "kind.zorgid-certificate": Text("certificaat van een ZORG-ID Smartcard", "certificate of a ZORG-ID Smartcard"),
    "usage.authenticity": Text("authenticiteit (inloggen)", "authenticity (logging in)"),
    "usage.signature": Text("handtekening", "signature"),
    "usage.confidentiality": Text("vertrouwelijkheid", "confidentiality"),
    "usage.server": Text("server", "server"),
    "environment.production": Text("productie", "production"),
    "environment.test": Text("test", "test"),
    "tries.known": Text("geen foute bekend", "no wrong one known"),
    "tries.low": Text("weinig", "few"),
    "tries.final": Text("laatste poging", "last try"),
    "tries.locked": Text("geblokkeerd", "blocked"),
    "tries.unknown": Text("onbekend", "unknown"),
    "tries.unread": Text("nog niet gelezen", "not read yet"),
    "kind.ca-certificate": Text("certificaat van een uitgever (CA)", "certificate of an issuer (CA)"),
    "kind.other-certificate": Text("ander certificaat", "another certificate"),
}

_SIMULATE = {
    "simulate.making": Text("De gesimuleerde kaart wordt gemaakt…", "Making the simulated card…"),
    "simulate.ready": Text(
        "Een gesimuleerde kaart ({kind}) zit in de virtuele paslezer op {host}:{port}.",
        "A simulated card ({kind}) is in the virtual reader at {host}:{port}.",
    ),
    "simulate.pin": Text("Pincode", "PIN"),
    "simulate.puk": Text("Pukcode", "PUK"),
    "simulate.administration": Text("Beheersleutel (9B)", "Administration key (9B)"),
    "simulate.holder": Text("Pashouder", "Holder"),
    "simulate.birth_date": Text("Geboortedatum", "Birth date"),
    "simulate.try": Text("Probeer bijvoorbeeld", "Try for example"),
    "simulate.state": Text("Toestand bewaard in", "State kept in"),
    "simulate.stop": Text("Stop met Ctrl-C.", "Stop with Ctrl-C."),
    "simulate.stopped": Text("De kaart is uit de virtuele paslezer.", "The card is out of the virtual reader."),
    "simulate.serial": Text("Kaartnummer", "Card number"),
    "simulate.channel_enc": Text("Kanaalsleutel (SCP03 ENC)", "Channel key (SCP03 ENC)"),
    "simulate.channel_mac": Text("Kanaalsleutel (SCP03 MAC)", "Channel key (SCP03 MAC)"),
    "simulate.kind.blank-nist": Text("lege ZORG-ID Smartcard, NIST-dialect", "blank ZORG-ID Smartcard, NIST dialect"),
    "simulate.kind.zorgid-nist": Text("ZORG-ID Smartcard, NIST-dialect", "ZORG-ID Smartcard, NIST dialect"),
    "simulate.kind.blank": Text("lege ZORG-ID Smartcard", "blank ZORG-ID Smartcard"),
    "simulate.kind.zorgid": Text("ZORG-ID Smartcard", "ZORG-ID Smartcard"),
    "simulate.kind.uzi-z": Text("UZI-zorgverlenerspas", "UZI zorgverlenerpas, care professional"),
    "simulate.kind.uzi-n": Text("UZI-medewerkerspas op naam", "UZI medewerkerpas op naam, named employee"),
    "simulate.kind.uzi-m": Text("UZI-medewerkerspas niet op naam", "UZI medewerkerpas niet op naam, unnamed employee"),
}

_CODES = {
    "code.card": Text("{kind} in {reader}", "{kind} in {reader}"),
    "code.pin_tries": Text("Pincode, pogingen over", "PIN, tries left"),
    "code.puk_tries": Text("Pukcode, pogingen over", "PUK, tries left"),
    "code.pin_changed": Text("De pincode is gewijzigd.", "The PIN is changed."),
    "code.pin_unblocked": Text(
        "De pincode is opnieuw ingesteld en niet meer geblokkeerd.", "A new PIN is set, and it is not blocked any more."
    ),
    "code.puk_changed": Text(
        "De pukcode is gewijzigd; bewaar de nieuwe goed.", "The PUK is changed; keep the new one safe."
    ),
}

_STATUS = {
    "status.pin.known": Text("De pincode is te gebruiken.", "The PIN can be used."),
    "status.pin.low": Text(
        "Er zijn nog weinig pogingen: weet zeker wat de pincode is voordat u hem invoert.",
        "Few tries are left: make sure of the PIN before you enter it.",
    ),
    "status.pin.final": Text(
        "Er is nog één poging: weet u de pincode niet zeker, stel dan met de pukcode een nieuwe in (zorgid-card pin unblock).",
        "One try is left: if you are not sure of the PIN, set a new one with the PUK (zorgid-card pin unblock).",
    ),
    "status.pin.locked": Text(
        "De pincode is geblokkeerd: stel met de pukcode een nieuwe in (zorgid-card pin unblock).",
        "The PIN is blocked: set a new one with the PUK (zorgid-card pin unblock).",
    ),
    "status.pin.unknown": Text(
        "De kaart vertelt niet hoeveel pogingen er over zijn: elke poging kan de laatste zijn.",
        "The card does not tell how many tries are left: any try may be the last.",
    ),
    "status.puk.low": Text(
        "Voor de pukcode zijn nog weinig pogingen: weet zeker wat hij is voordat u hem invoert.",
        "Few tries are left of the PUK: make sure of it before you enter it.",
    ),
    "status.puk.final": Text(
        "Voor de pukcode is er nog één poging: na een verkeerde kan een geblokkeerde pincode niet meer worden hersteld.",
        "One try is left of the PUK: after a wrong one a blocked PIN cannot be mended any more.",
    ),
    "status.puk.locked": Text(
        "De pukcode is geblokkeerd: raakt ook de pincode geblokkeerd, dan is een nieuwe kaart nodig.",
        "The PUK is blocked: if the PIN gets blocked too, a new card is needed.",
    ),
    "status.both.locked": Text(
        "Pincode en pukcode zijn geblokkeerd: deze kaart is niet meer te gebruiken; vraag de uitgever om een nieuwe.",
        "PIN and PUK are blocked: this card cannot be used any more; ask its issuer for a new one.",
    ),
    "status.both.locked.uzi-pass": Text(
        "Pincode en pukcode zijn geblokkeerd: laat deze pas intrekken en vraag bij het UZI-register een nieuwe aan.",
        "PIN and PUK are blocked: have this pass revoked and apply to the UZI register for a new one.",
    ),
    "status.both.locked.zorgid": Text(
        "Pincode en pukcode zijn geblokkeerd: laat de administrator deze kaart intrekken en maak een nieuwe.",
        "PIN and PUK are blocked: have the administrator revoke this card and make a new one.",
    ),
}

TEXTS: Mapping[str, Text] = {**_EXITS, **_PROMPTS, **_INSPECT, **_SIMULATE, **_CODES, **_STATUS}
