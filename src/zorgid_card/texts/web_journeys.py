# ruff: noqa: E501
"""The pages of both manuals, and what all pages with steps share. The Dutch is that of VZVZ's manuals where they have words."""

from __future__ import annotations

from collections.abc import Mapping

from zorgid_card.texts.text import Text

_HOME = {
    "web.home.title": Text("ZORG-ID Portaal", "ZORG-ID portal"),
    "web.home.intro": Text(
        "De ZORG-ID Smartcard is een betaalbaar alternatief voor de UZI-medewerkerspas op naam. Vertegenwoordigers van zorgaanbieders registreren hun organisatie eenmalig; daarna maken medewerkers zelf hun eigen ZORG-ID Smartcard aan.",
        "The ZORG-ID Smartcard is an affordable alternative to the UZI medewerkerpas in a person's name. Representatives of health-care providers register their organisation once; then employees make their own ZORG-ID Smartcard.",
    ),
    "web.home.organisation": Text("Uw organisatie registreren", "Registering your organisation"),
    "web.home.organisation.steps": Text(
        "Dit bestaat uit vier stappen: aanvragen, valideren, registreren en koppelen.",
        "This takes four steps: request, validate, register and link.",
    ),
    "web.home.request": Text("Ik wil een registratie aanvragen", "I want to request a registration"),
    "web.home.request.about": Text(
        "U ontvangt een bevestiging zodra uw aanvraag verwerkt is. Dit kan een paar dagen duren.",
        "You get a confirmation as soon as your request has been processed. This may take a few days.",
    ),
    "web.home.validate": Text("Ik wil een organisatie valideren", "I want to validate an organisation"),
    "web.home.validate.about": Text(
        "Zodra uw aanvraag verwerkt is: valideren, administrator registreren en smartphone koppelen, achter elkaar.",
        "Once your request has been processed: validate, register the administrator and link the smartphone, one after the other.",
    ),
    "web.home.card": Text("Uw ZORG-ID Smartcard", "Your ZORG-ID Smartcard"),
    "web.home.create": Text("Ik wil een ZORG-ID Smartcard aanmaken", "I want to make a ZORG-ID Smartcard"),
    "web.home.create.about": Text(
        "Met uw geldige UZI-medewerkerspas op naam en een lege ZORG-ID Smartcard.",
        "With your valid UZI medewerkerpas in your name and a blank ZORG-ID Smartcard.",
    ),
    "web.home.own": Text("Mijn kaart", "My card"),
    "web.home.own.about": Text(
        "Pincode wijzigen of deblokkeren, pukcode wijzigen, kaart verlengen.",
        "Change or unblock the PIN, change the PUK, renew the card.",
    ),
    "web.home.manage": Text("Kaarten beheren", "Managing cards"),
    "web.home.log_in": Text("Inloggen", "Log in"),
    "web.home.log_in.about": Text(
        "Administrators en managers loggen in met hun smartphone en beheren de kaarten van hun organisatie: bekijken, blokkeren, deblokkeren en intrekken.",
        "Administrators and managers log in with their smartphone and manage their organisation's cards: view, block, unblock and revoke.",
    ),
}

_JOURNEY = {
    "web.journey.steps": Text("Stappen", "Steps"),
    "web.journey.next": Text("Volgende", "Next"),
    "web.journey.confirm": Text("Bevestig", "Confirm"),
    "web.journey.begin": Text("Beginnen", "Begin"),
    "web.journey.stop": Text("Stoppen", "Stop"),
    "web.journey.no": Text("Dit klopt niet", "This is not right"),
    "web.journey.change": Text("Wijzigen", "Change"),
    "web.journey.again": Text("Opnieuw beginnen", "Begin again"),
    "web.journey.try": Text("Opnieuw proberen", "Try again"),
    "web.journey.home": Text("Naar de beginpagina", "To the start page"),
    "web.journey.wait": Text("Een ogenblik…", "One moment…"),
    "web.journey.noscript": Text(
        "Deze pagina praat met de paslezer op uw computer en heeft daarvoor JavaScript nodig. Zet JavaScript aan voor dit portaal en laad de pagina opnieuw.",
        "This page talks to the card reader of your computer, and needs JavaScript for that. Switch JavaScript on for this portal and load the page again.",
    ),
    "web.journey.needs": Text("Dit hebt u nodig", "What you need"),
    "web.journey.needs.wait": Text("Wordt nagegaan…", "Being checked…"),
    "web.journey.reader": Text("Paslezer", "Card reader"),
    "web.journey.reader.any": Text("De lezer waar ik de pas in stop", "The reader into which I put the pass"),
    "web.journey.failed": Text("Niet gelukt", "That did not work"),
    "web.journey.other_card": Text(
        "Er zit een andere kaart in de paslezer ({kind}). Er is niets op veranderd. Haal hem eruit en plaats de juiste.",
        "Another card is in the reader ({kind}). Nothing on it was changed. Take it out and put in the right one.",
    ),
}

_NEED = {
    "web.need.phone": Text("Smartphone", "Smartphone"),
    "web.need.phone.keep": Text("houd hem bij de hand", "keep it at hand"),
    "web.need.reader": Text("Computer met paslezer", "Computer with a card reader"),
    "web.need.reader.unmet": Text(
        "er is geen paslezer gevonden: sluit hem aan, deze regel past zich vanzelf aan",
        "no card reader was found: connect it, this line follows by itself",
    ),
    "web.need.pass.register": Text("Geldige UZI-zorgverlenerspas", "Valid UZI zorgverlenerpas (care professional)"),
    "web.need.pass.create": Text(
        "Geldige UZI-medewerkerspas op naam, en de pincode van deze UZI-pas",
        "Valid UZI medewerkerpas in your name, and the PIN of this UZI pass",
    ),
    "web.need.pass.found": Text("een UZI-pas zit in de paslezer", "a UZI pass is in the reader"),
    "web.need.pass.keep": Text("gaat zo in de paslezer", "goes into the reader next"),
    "web.need.blank": Text("Lege ZORG-ID Smartcard", "Blank ZORG-ID Smartcard"),
    "web.need.blank.keep": Text(
        "door uzelf of voor u besteld; houd hem gereed", "ordered by you or for you; keep it ready"
    ),
    "web.need.client": Text("Laatste versie van het ZORG-ID-programma", "Recent version of the ZORG-ID program"),
    "web.need.client.unmet": Text(
        "versie {found} is te oud: installeer versie {needed} of nieuwer",
        "version {found} is too old: install version {needed} or newer",
    ),
    "web.need.platform": Text(
        "Een computer waarop een ZORG-ID Smartcard kan worden aangemaakt",
        "A computer on which a ZORG-ID Smartcard can be made",
    ),
    "web.need.platform.unmet": Text("op {found} kan dat niet: {needed}", "{found} will not do: {needed}"),
    "web.need.met": Text("aanwezig[[ ({found})]]", "there[[ ({found})]]"),
}

_AGENT = {
    "web.agent.title": Text("Het programma bij de paslezer", "The program beside the reader"),
    "web.agent.connecting": Text(
        "Het ZORG-ID-programma op uw computer wordt gezocht…", "Looking for the ZORG-ID program on your computer…"
    ),
    "web.agent.slow": Text(
        "Het duurt langer dan gewoonlijk. Vraagt de browser of deze pagina programma's op uw computer mag bereiken? Kies dan Toestaan.",
        "This takes longer than usual. Does the browser ask whether this page may reach programs on your computer? Choose Allow.",
    ),
    "web.agent.pairing": Text(
        "Deze pagina en het programma kennen elkaar nog niet", "This page and the program do not know each other yet"
    ),
    "web.agent.pairing.do": Text(
        "Op uw scherm vraagt het ZORG-ID-programma of dit portaal het mag gebruiken. Staat daar dezelfde code? Sta het dan toe. Staat er een andere code, of vraagt het niets, weiger dan en ga niet verder.",
        "The ZORG-ID program asks on your screen whether this portal may use it. Is the same code there? Then allow it. If there is another code, refuse and do not go on.",
    ),
    "web.agent.pairing.code": Text("Code", "Code"),
    "web.agent.look.pin": Text(
        "Kijk naar het venster van het ZORG-ID-programma en voer daar de pincode in. Deze pagina ziet uw pincode nooit.",
        "Look at the window of the ZORG-ID program and enter the PIN there. This page never sees your PIN.",
    ),
    "web.agent.look.new-pin": Text(
        "Kijk naar het venster van het ZORG-ID-programma, kies daar een pincode en voer deze twee keer in.",
        "Look at the window of the ZORG-ID program, choose a PIN there and enter it twice.",
    ),
    "web.agent.look.puk": Text(
        "Kijk naar het venster van het ZORG-ID-programma. Toont het een pukcode, schrijf die dan op en bewaar hem goed. Deze pagina ziet de pukcode nooit.",
        "Look at the window of the ZORG-ID program. If it shows a PUK, write it down and keep it well. This page never sees the PUK.",
    ),
    "web.agent.look.consent": Text(
        "Kijk naar het venster van het ZORG-ID-programma: het vraagt daar uw toestemming.",
        "Look at the window of the ZORG-ID program: it asks for your consent there.",
    ),
    "web.agent.look.keypad": Text(
        "Voer de pincode in op de paslezer zelf, en volg wat daar wordt gevraagd.",
        "Enter the PIN on the card reader itself, and follow what it asks.",
    ),
    "web.agent.look.extension": Text(
        "Kijk naar het venster van Web eID: het vraagt daar om uw kaart en pincode.",
        "Look at the window of Web eID: it asks for your card and PIN there.",
    ),
}

_FAILURE = {
    "web.failure.no-agent": Text("Het ZORG-ID-programma is niet gevonden", "The ZORG-ID program was not found"),
    "web.failure.no-agent.do": Text(
        "Is het geïnstalleerd op deze computer, en gestart? Heeft de browser gevraagd of deze pagina programma's op uw computer mag bereiken, sta dat dan toe. Uw systeembeheerder kan ook hebben ingesteld welke portalen het programma mogen gebruiken.",
        "Is it installed on this computer, and running? If the browser asked whether this page may reach programs on your computer, allow it. Your system administrator may also have set which portals may use the program.",
    ),
    "web.failure.lost-agent": Text(
        "De verbinding met het ZORG-ID-programma is verbroken", "The connection with the ZORG-ID program is lost"
    ),
    "web.failure.lost-agent.do": Text(
        "Start het programma zo nodig opnieuw en begin dan opnieuw. Was er een kaart in de maak, gebruik dan dezelfde kaart: wat ervoor is uitgegeven geldt niet tot hij af is.",
        "Start the program again if need be, then begin again. If a card was being made, use the same card: nothing that was issued for it is valid until it is finished.",
    ),
    "web.failure.old-agent": Text("Het ZORG-ID-programma is te oud", "The ZORG-ID program is too old"),
    "web.failure.old-agent.do": Text(
        "Installeer de laatste versie, start het programma opnieuw en begin dan opnieuw.",
        "Install the latest version, start the program again, then begin again.",
    ),
    "web.failure.new-agent": Text(
        "Het ZORG-ID-programma is nieuwer dan deze pagina", "The ZORG-ID program is newer than this page"
    ),
    "web.failure.new-agent.do": Text(
        "Laad de pagina opnieuw. Helpt dat niet, dan moet het portaal worden bijgewerkt: meld het daar.",
        "Load the page again. If that does not help, the portal is to be updated: report it there.",
    ),
    "web.failure.found": Text("Gevonden versie:", "Version found:"),
    "web.failure.refused-agent": Text(
        "Dit portaal mag het ZORG-ID-programma niet gebruiken", "This portal may not use the ZORG-ID program"
    ),
    "web.failure.refused-agent.do": Text(
        "In het venster van het programma is het niet toegestaan. Was dat een vergissing, begin dan opnieuw en vergelijk de code.",
        "It was not allowed in the program's window. If that was a mistake, begin again and compare the code.",
    ),
    "web.failure.too-often": Text(
        "Het ZORG-ID-programma is te vaak gevraagd", "The ZORG-ID program was asked too often"
    ),
    "web.failure.too-often.do": Text(
        "Wacht een paar minuten en begin dan opnieuw.", "Wait for a few minutes, then begin again."
    ),
    "web.failure.no-reader": Text("Er is geen paslezer", "There is no card reader"),
    "web.failure.no-reader.do": Text(
        "Sluit de paslezer aan op deze computer, rechtstreeks en niet op een scherm of toetsenbord, en wacht tot hij klaar is.",
        "Connect the reader to this computer, directly and not to a screen or keyboard, and wait until it is ready.",
    ),
    "web.failure.no-card": Text("Er is geen kaart in de paslezer gestopt", "No card was put into the reader"),
    "web.failure.no-card.do": Text(
        "Houd de pas of kaart gereed en begin opnieuw. Steek hem er met de chip naar voren in.",
        "Keep the pass or card ready and begin again. Put it in with the chip first.",
    ),
    "web.failure.wrong-card": Text("Dit is niet de juiste kaart", "This is not the right card"),
    "web.failure.wrong-card.do": Text(
        "Er is niets op deze kaart veranderd. Plaats de kaart die hierboven of in de lijst van benodigdheden staat.",
        "Nothing on this card was changed. Put in the card that is named above, or in the list of what you need.",
    ),
    "web.failure.removed": Text("De kaart is te vroeg uit de paslezer gehaald", "The card was taken out too early"),
    "web.failure.removed.do": Text(
        "Begin opnieuw en laat de kaart zitten tot de pagina zegt dat het klaar is. Was er een ZORG-ID Smartcard in de maak, gebruik dan dezelfde: hij wordt afgemaakt of opnieuw gemaakt, en tot dan geldt niets ervan.",
        "Begin again and leave the card in until the page says that it is finished. If a ZORG-ID Smartcard was being made, use the same one: it will be finished or made anew, and nothing of it is valid until then.",
    ),
    "web.failure.in-the-way": Text("Een ander programma gebruikt de kaart", "Another program uses the card"),
    "web.failure.in-the-way.do": Text(
        "Sluit het programma of het andere venster dat de kaart gebruikt (een ander tabblad van dit portaal, uw zorginformatiesysteem, een mailprogramma) en begin opnieuw. Trek de kaart er niet uit terwijl dat nog bezig is.",
        "Close the program or the other window that uses the card (another tab of this portal, your care system, a mail program) and begin again. Do not pull the card while that is still busy.",
    ),
    "web.failure.declined": Text("U bent gestopt", "You have stopped"),
    "web.failure.declined.do": Text(
        "Wat u niet hebt bevestigd, is niet gedaan. U kunt opnieuw beginnen wanneer u wilt.",
        "What you did not confirm was not done. You can begin again whenever you like.",
    ),
    "web.failure.birth-date": Text("De gegevens komen niet overeen", "The data do not match"),
    "web.failure.birth-date.do": Text(
        "Controleer uw geboortedatum en begin opnieuw. Met één pas kan het vijf keer op een dag worden geprobeerd.",
        "Check your birth date and begin again. With one pass it can be tried five times a day.",
    ),
    "web.failure.tries": Text("Vandaag is te vaak geprobeerd", "It was tried too often today"),
    "web.failure.tries.do": Text(
        "Probeer het morgen opnieuw, of vraag de administrator van uw organisatie om hulp.",
        "Try again tomorrow, or ask your organisation's administrator for help.",
    ),
    "web.failure.pin": Text("De pincode of pukcode is niet aanvaard", "The PIN or PUK was not accepted"),
    "web.failure.pin.do": Text(
        "Zoek de juiste code op voordat u verder gaat. Is de pincode van uw ZORG-ID Smartcard geblokkeerd, stel dan met de pukcode een nieuwe in bij ‘Mijn kaart’. Voor een UZI-pas staat de pukcode in de brief van het UZI-register.",
        "Look up the right code before you go on. If the PIN of your ZORG-ID Smartcard is blocked, set a new one with the PUK at ‘My card’. The PUK of a UZI pass is in the letter of the UZI register.",
    ),
    "web.failure.expired": Text("De sessie is verlopen", "The session has expired"),
    "web.failure.expired.do": Text(
        "Om veiligheidsredenen moet alles binnen {minutes} minuten zijn afgerond. Begin opnieuw; uw pas moet zich dan opnieuw bewijzen. Was er een kaart in de maak, gebruik dan dezelfde.",
        "For safety all has to be finished within {minutes} minutes. Begin again; your pass then has to prove itself anew. If a card was being made, use the same one.",
    ),
    "web.failure.qr": Text("De smartphone is niet gekoppeld", "The smartphone was not linked"),
    "web.failure.qr.do": Text(
        "Een QR-code wordt één keer getoond en is {qr_minutes} minuten geldig. Begin opnieuw met uw UZI-pas voor een nieuwe; houd de smartphone gereed, met de app geopend.",
        "A QR code is shown once and is valid for {qr_minutes} minutes. Begin again with your UZI pass for a new one; keep the smartphone ready, with the app open.",
    ),
    "web.failure.organisation": Text("De organisatie kan niet verder", "The organisation cannot go on"),
    "web.failure.organisation.do": Text(
        "Pas als de aanvraag is goedgekeurd kan een organisatie worden gevalideerd, en pas daarna kunnen medewerkers kaarten aanmaken. Vraag het na bij de vertegenwoordiger van uw organisatie, of vraag de registratie aan.",
        "An organisation can be validated only once its request is approved, and only then can employees make cards. Ask your organisation's representative, or request the registration.",
    ),
    "web.failure.platform": Text("Op deze computer kan dit niet", "This computer will not do"),
    "web.failure.platform.do": Text(
        "Gebruik een computer met een besturingssysteem waarop ZORG-ID Smartcards kunnen worden aangemaakt. Met macOS kunt u geen ZORG-ID Smartcard aanmaken.",
        "Use a computer with an operating system on which ZORG-ID Smartcards can be made. A ZORG-ID Smartcard cannot be made with macOS.",
    ),
    "web.failure.portal": Text("Het portaal weigert of antwoordt niet", "The portal refuses, or does not answer"),
    "web.failure.portal.do": Text(
        "Lees wat hierboven staat. Ligt het aan de verbinding, wacht dan een minuut en begin opnieuw.",
        "Read what is said above. If it is the connection, wait for a minute and begin again.",
    ),
    "web.failure.certificate": Text("Deze pas of kaart wordt niet aanvaard", "This pass or card is not accepted"),
    "web.failure.certificate.do": Text(
        "Controleer of uw pas nog geldig is. Met een verlopen, geblokkeerde of ingetrokken UZI-pas kunt u hier niet verder.",
        "Check whether your pass is still valid. With an expired, blocked or revoked UZI pass you cannot go on here.",
    ),
    "web.failure.extension": Text("Inloggen met Web eID is niet gelukt", "Logging in with Web eID did not work"),
    "web.failure.extension.do": Text(
        "Controleer of de extensie en het programma van Web eID zijn geïnstalleerd en uw kaart kennen, of gebruik het ZORG-ID-programma.",
        "Check that the Web eID extension and its program are installed and know your card, or use the ZORG-ID program.",
    ),
    "web.failure.other.do": Text(
        "Haal de kaart eruit, begin opnieuw, en meld het als het weer gebeurt.",
        "Take the card out, begin again, and report it if it happens once more.",
    ),
}

_REGISTER = {
    "web.register.title": Text("Organisatie valideren", "Validating an organisation"),
    "web.register.step.pass": Text("Valideren organisatie: UZI-pas", "Validating the organisation: UZI pass"),
    "web.register.step.organisation": Text("Valideren organisatie: gegevens", "Validating the organisation: data"),
    "web.register.step.administrator": Text("Registreren administrator", "Registering the administrator"),
    "web.register.step.phone": Text("Koppelen smartphone", "Linking the smartphone"),
    "web.register.step.done": Text("Gelukt!", "Done!"),
    "web.register.needs": Text(
        "Zodra uw aanvraag verwerkt is, kunt u de volgende stappen achter elkaar doorlopen. Zorg dat u hiervoor uw smartphone, een computer met paslezer en uw geldige UZI-zorgverlenerspas bij de hand hebt.",
        "Once your request has been processed, you can go through the following steps one after the other. Have your smartphone, a computer with a card reader and your valid UZI zorgverlenerpas at hand.",
    ),
    "web.register.pass": Text(
        "Plaats uw UZI-zorgverlenerspas in de paslezer, voer de pincode in en geef toegang tot uw UZI-pas.",
        "Put your UZI zorgverlenerpas into the reader, enter the PIN and grant access to your UZI pass.",
    ),
    "web.register.pass-data": Text("Controleer de gegevens van uw UZI-pas", "Check the data of your UZI pass"),
    "web.register.organisation-data": Text("Controleer de organisatiegegevens", "Check the organisation's data"),
    "web.register.organisation-data.do": Text(
        "Controleer de organisatiegegevens en klik op ‘volgende’ wanneer deze juist zijn.",
        "Check the organisation's data and choose ‘next’ when they are right.",
    ),
    "web.register.validated": Text("Uw organisatie is nu gevalideerd.", "Your organisation is now validated."),
    "web.register.mobile-id": Text(
        "Klik op ‘volgende’ om een ZORG-ID Mobile App ID aan te maken.",
        "Choose ‘next’ to make a ZORG-ID Mobile App ID.",
    ),
    "web.register.administrator": Text("De gegevens van uw UZI-pas", "The data of your UZI pass"),
    "web.register.administrator.do": Text(
        "U ziet hier de gegevens van uw UZI-pas. Klik op ‘volgende’.",
        "Here are the data of your UZI pass. Choose ‘next’.",
    ),
    "web.register.birth-date": Text("Vul uw geboortedatum in", "Enter your birth date"),
    "web.register.confirm": Text("Controleer uw gegevens", "Check your data"),
    "web.register.confirm.do": Text(
        "Controleer uw gegevens en klik op ‘bevestig’ wanneer deze correct zijn. Het ZORG-ID-programma vraagt dan uw toestemming, en zo nodig nog eens uw pincode: uw pas ondertekent dat u administrator wordt.",
        "Check your data and choose ‘confirm’ when they are right. The ZORG-ID program then asks for your consent, and if need be once more for your PIN: your pass signs that you become administrator.",
    ),
    "web.register.confirm.phone": Text(
        "Houd uw smartphone gereed: hierna verschijnt eenmalig een QR-code, die {qr_minutes} minuten geldig is.",
        "Keep your smartphone ready: next a QR code appears, once, and is valid for {qr_minutes} minutes.",
    ),
    "web.register.phone.scan": Text("Scan de QR-code met uw smartphone", "Scan the QR code with your smartphone"),
    "web.register.phone.scan.do": Text(
        "Klik deze QR-code niet weg: hij wordt maar één keer getoond. Scan hem met de camera van uw smartphone, of met de app, kies daar een nieuwe zescijferige pincode en klik op ‘Voeg ID toe’.",
        "Do not close this QR code: it is shown only once. Scan it with your smartphone's camera, or with the app, choose a new PIN of six digits there and choose ‘Add ID’.",
    ),
    "web.register.phone.remember": Text(
        "Let op! Onthoud deze pincode voor toekomstige sessies.", "Take care! Remember this PIN for future sessions."
    ),
    "web.register.phone.qr": Text("QR-code om uw smartphone te koppelen", "QR code to link your smartphone"),
    "web.register.phone.left": Text("Nog geldig:", "Valid for:"),
    "web.register.phone.scanned": Text(
        "De smartphone heeft de QR-code gescand. Dit kan tot een minuut duren.",
        "The smartphone has scanned the QR code. This may take up to a minute.",
    ),
    "web.register.phone.code": Text("Code die op uw smartphone staat", "Code on your smartphone"),
    "web.register.phone.code.do": Text(
        "Uw smartphone toont zes cijfers. Typ ze hier over: zo is zeker dat het uw telefoon is.",
        "Your smartphone shows six digits. Type them here: so it is certain that it is your phone.",
    ),
    "web.register.phone.code.wrong": Text("Typ de zes cijfers.", "Type the six digits."),
    "web.register.phone.code.no": Text("Mijn smartphone toont geen code", "My smartphone shows no code"),
    "web.register.phone.linked": Text(
        "De smartphone is gekoppeld. Klik op ‘volgende’.", "The smartphone is linked. Choose ‘next’."
    ),
    "web.register.phone.next": Text(
        "‘Volgende’ kan zodra de smartphone is gekoppeld.", "‘Next’ is possible once the smartphone is linked."
    ),
    "web.register.done": Text(
        "U bent nu aangemeld als ZORG-ID Portaal administrator en kunt vanaf dit moment met uw smartphone inloggen om zelf ZORG-ID Smartcards van uw organisatie te beheren.",
        "You are now registered as ZORG-ID portal administrator and can from now on log in with your smartphone to manage your organisation's ZORG-ID Smartcards.",
    ),
    "web.register.done.manage": Text(
        "In de beheeromgeving kunt u alle gekoppelde kaarten bekijken, blokkeren, deblokkeren en intrekken. Ook kunnen zorgmedewerkers vanaf nu zelf een ZORG-ID Smartcard aanmaken.",
        "There you can view, block, unblock and revoke all linked cards. Employees can from now on make a ZORG-ID Smartcard themselves, too.",
    ),
    "web.register.done.user": Text("Uw gebruikersnaam", "Your user name"),
    "web.register.done.keep": Text(
        "Bewaar uw gebruikersnaam: u hebt hem nodig om in te loggen.",
        "Keep your user name: you need it to log in.",
    ),
}

_BIRTH_DATE = {
    "web.birth-date.legend": Text("Geboortedatum", "Birth date"),
    "web.birth-date.hint": Text("Bijvoorbeeld 31 12 1980", "For example 31 12 1980"),
    "web.birth-date.day": Text("Dag", "Day"),
    "web.birth-date.month": Text("Maand", "Month"),
    "web.birth-date.year": Text("Jaar", "Year"),
    "web.birth-date.wrong": Text(
        "Dit kan geen geboortedatum zijn. Vul dag, maand en jaar in cijfers in, het jaar met vier cijfers.",
        "This cannot be a birth date. Enter day, month and year in digits, the year with four.",
    ),
}

_CREATE = {
    "web.create.title": Text("ZORG-ID Smartcard aanmaken", "Making a ZORG-ID Smartcard"),
    "web.create.step.pass": Text("UZI-pas en pincode", "UZI pass and PIN"),
    "web.create.step.birth-date": Text("Geboortedatum", "Birth date"),
    "web.create.step.change": Text("Lege ZORG-ID Smartcard in de paslezer", "Blank ZORG-ID Smartcard into the reader"),
    "web.create.step.pin": Text("Pincode kiezen", "Choosing a PIN"),
    "web.create.step.making": Text("Aanmaken", "Making"),
    "web.create.step.puk": Text("Pukcode bewaren", "Keeping the PUK"),
    "web.create.step.done": Text("Gelukt!", "Done!"),
    "web.create.needs": Text(
        "Houd uw geldige UZI-medewerkerspas op naam, de pincode van deze UZI-pas en de lege ZORG-ID Smartcard gereed. Is uw UZI-medewerkerspas niet meer geldig, dan kunt u géén ZORG-ID Smartcard aanmaken.",
        "Keep your valid UZI medewerkerpas in your name, the PIN of this UZI pass and the blank ZORG-ID Smartcard ready. If your UZI medewerkerpas is not valid any more, you can not make a ZORG-ID Smartcard.",
    ),
    "web.create.needs.time": Text(
        "Het aanmaken kan een paar minuten duren. Rond alles binnen {minutes} minuten af.",
        "The making may take a few minutes. Finish all within {minutes} minutes.",
    ),
    "web.create.replaces": Text("Vervangt deze kaart een andere van u?", "Does this card replace another of yours?"),
    "web.create.replaces.none": Text(
        "Nee, dit is mijn eerste of een extra kaart", "No, this is my first or an extra card"
    ),
    "web.create.replaces.lost": Text("Ja, de oude is kwijt", "Yes, the old one is lost"),
    "web.create.replaces.stolen": Text("Ja, de oude is gestolen", "Yes, the old one was stolen"),
    "web.create.replaces.broken": Text("Ja, de oude is kapot", "Yes, the old one is broken"),
    "web.create.replaces.unused": Text("Ja, de oude wordt niet meer gebruikt", "Yes, the old one is not used any more"),
    "web.create.replaces.serial": Text(
        "Kaartnummer van de oude kaart (alleen nodig als u er meer dan één hebt)",
        "Number of the old card (needed only if you have more than one)",
    ),
    "web.create.replaces.when": Text(
        "De oude kaart geldt tot de nieuwe werkt, en daarna niet meer.",
        "The old card is valid until the new one works, and not after that.",
    ),
    "web.create.pass": Text(
        "Stop uw UZI-medewerkerspas in de paslezer en voer de pincode van deze pas in.",
        "Put your UZI medewerkerpas into the reader and enter the PIN of this pass.",
    ),
    "web.create.pass-data": Text("Controleer de gegevens van uw UZI-pas", "Check the data of your UZI pass"),
    "web.create.pass-data.do": Text(
        "U ziet hier de gegevens van uw UZI-pas. Klik op ‘volgende’ wanneer deze juist zijn.",
        "Here are the data of your UZI pass. Choose ‘next’ when they are right.",
    ),
    "web.create.birth-date": Text("Voer uw geboortedatum in", "Enter your birth date"),
    "web.create.change": Text("Wissel de kaarten", "Change the cards"),
    "web.create.remove-pass": Text("Haal uw UZI-pas uit de paslezer.", "Take your UZI pass out of the reader."),
    "web.create.insert-blank": Text(
        "Stop nu uw lege ZORG-ID Smartcard in de paslezer.", "Now put your blank ZORG-ID Smartcard into the reader."
    ),
    "web.create.stay": Text(
        "Let op! Haal de ZORG-ID Smartcard er niet uit tot het proces is afgerond!",
        "Take care! Do not take the ZORG-ID Smartcard out until the process has finished!",
    ),
    "web.create.pin": Text("Kies een pincode", "Choose a PIN"),
    "web.create.pin.do": Text(
        "Kies een pincode voor uw ZORG-ID Smartcard en voer deze twee keer in. Kies er een die niet makkelijk te raden is: geen rij, geen herhaling, niet uw geboortedatum.",
        "Choose a PIN for your ZORG-ID Smartcard and enter it twice. Choose one that is not easy to guess: no run, no repetition, not your birth date.",
    ),
    "web.create.making": Text("De ZORG-ID Smartcard wordt aangemaakt", "The ZORG-ID Smartcard is being made"),
    "web.create.making.do": Text("Dit kan een paar minuten duren.", "This may take a few minutes."),
    "web.create.progress": Text("Voortgang", "Progress"),
    "web.create.left": Text("nog ongeveer {seconds} seconden", "about {seconds} seconds left"),
    "web.create.puk": Text("Bewaar uw pukcode", "Keep your PUK"),
    "web.create.puk.do": Text(
        "U krijgt nu de eenmalige pukcode van uw ZORG-ID Smartcard te zien, in het venster van het ZORG-ID-programma. Bewaar deze goed! Schrijf deze ergens op, of kopieer hem naar een veilige opslagomgeving. Zonder pukcode kunt u de pincode van uw ZORG-ID Smartcard niet meer resetten.",
        "You now see the PUK of your ZORG-ID Smartcard, once, in the window of the ZORG-ID program. Keep it well! Write it down, or copy it to a safe store. Without the PUK you cannot reset the PIN of your ZORG-ID Smartcard any more.",
    ),
    "web.create.puk.form": Text("Blad om de pukcode op te schrijven (afdrukken)", "Sheet to write the PUK on (print)"),
    "web.create.again": Text("De kaart is onderbroken", "The card was interrupted"),
    "web.create.insert-again": Text(
        "Stop dezelfde ZORG-ID Smartcard opnieuw in de paslezer.", "Put the same ZORG-ID Smartcard in again."
    ),
    "web.create.insert-again.ask": Text(
        "De kaart is te vroeg uit de paslezer gehaald. Tot hij af is geldt niets van wat ervoor is uitgegeven. Wilt u verdergaan met dezelfde kaart?",
        "The card was taken out too early. Nothing that was issued for it is valid until it is finished. Do you want to go on with the same card?",
    ),
    "web.create.portal-again": Text(
        "Het portaal antwoordt niet. Laat de kaart in de paslezer. Wilt u het opnieuw proberen?",
        "The portal does not answer. Leave the card in the reader. Do you want to try again?",
    ),
    "web.create.ask-again": Text(
        "De kaart is klaar, maar het portaal heeft hem nog niet bevestigd. Wilt u het nog eens vragen?",
        "The card is finished, but the portal has not confirmed it yet. Do you want to ask again?",
    ),
    "web.create.done": Text(
        "De ZORG-ID Smartcard is aangemaakt, u kunt aan de slag!", "The ZORG-ID Smartcard is made, you can start!"
    ),
    "web.create.done.card": Text("Kaartnummer", "Card number"),
    "web.create.done.user": Text("Gebruikersnaam", "User name"),
    "web.create.done.out": Text(
        "U mag de kaart nu uit de paslezer halen, of er meteen mee inloggen.",
        "You may take the card out now, or log in with it at once.",
    ),
    "web.create.done.anew": Text(
        "De oude sleutels zijn bij een onderbreking verloren gegaan: de kaart is opnieuw aangemaakt, met een nieuwe pincode en pukcode.",
        "The old keys were lost in an interruption: the card was made anew, with a new PIN and PUK.",
    ),
}

_SHEET = {
    "web.sheet.title": Text("Pukcode van mijn ZORG-ID Smartcard", "PUK of my ZORG-ID Smartcard"),
    "web.sheet.do": Text(
        "Druk dit blad af en schrijf de pukcode over van het venster van het ZORG-ID-programma. Dit portaal kent hem niet en kan hem niet nog eens tonen.",
        "Print this sheet and copy the PUK from the window of the ZORG-ID program. This portal does not know it and cannot show it again.",
    ),
    "web.sheet.digits": Text("Pukcode, acht cijfers", "PUK, eight digits"),
    "web.sheet.made": Text("Datum", "Date"),
    "web.sheet.keep": Text(
        "Bewaar deze goed! Zonder pukcode kunt u de pincode van uw ZORG-ID Smartcard niet meer resetten. Bewaar dit blad niet bij de kaart.",
        "Keep it well! Without the PUK you cannot reset the PIN of your ZORG-ID Smartcard any more. Do not keep this sheet with the card.",
    ),
}

TEXTS: Mapping[str, Text] = {
    **_HOME,
    **_JOURNEY,
    **_NEED,
    **_AGENT,
    **_FAILURE,
    **_REGISTER,
    **_BIRTH_DATE,
    **_CREATE,
    **_SHEET,
}
