# ruff: noqa: E501
"""The pages of one's own card and phone, of joining an organisation, of logging in with a card, and help with the agent."""

from __future__ import annotations

from collections.abc import Mapping

from zorgid_card.texts.text import Text

_OWN = {
    "web.own.title": Text("Mijn kaart", "My card"),
    "web.own.intro": Text(
        "Wat u hier met pincode en pukcode doet, gebeurt op uw eigen computer: deze pagina ziet ze niet. Het kan ook met een UZI-pas, en zonder in te loggen.",
        "What you do here with PIN and PUK is done on your own computer: this page does not see them. It works with a UZI pass too, and without logging in.",
    ),
    "web.own.cards": Text("Mijn kaarten bij {organisation}", "My cards at {organisation}"),
    "web.own.cards.none": Text("Er is geen ZORG-ID Smartcard van u.", "There is no ZORG-ID Smartcard of yours."),
    "web.own.card.serial": Text("Kaartnummer", "Card number"),
    "web.own.card.state": Text("Toestand", "State"),
    "web.own.card.until": Text("Geldig tot en met", "Valid until"),
    "web.own.card.used": Text("Laatst gebruikt", "Last used"),
    "web.own.choose": Text("Wat wilt u doen?", "What do you want to do?"),
    "web.own.pin-status": Text("Pogingen bekijken", "See the tries left"),
    "web.own.pin-status.about": Text(
        "Hoeveel pogingen er voor pincode en pukcode over zijn; er wordt er geen gebruikt.",
        "How many tries are left for PIN and PUK; none is spent.",
    ),
    "web.own.pin-change": Text("Pincode wijzigen", "Change the PIN"),
    "web.own.pin-change.about": Text(
        "Met uw huidige pincode; de nieuwe voert u twee keer in.", "With your present PIN; you enter the new one twice."
    ),
    "web.own.pin-unblock": Text("Pincode deblokkeren", "Unblock the PIN"),
    "web.own.pin-unblock.about": Text(
        "Met de pukcode, als de pincode geblokkeerd of vergeten is.",
        "With the PUK, if the PIN is blocked or forgotten.",
    ),
    "web.own.puk-change": Text("Pukcode wijzigen", "Change the PUK"),
    "web.own.puk-change.about": Text(
        "Met uw huidige pukcode; de nieuwe wordt eenmalig getoond door het ZORG-ID-programma.",
        "With your present PUK; the new one is shown once by the ZORG-ID program.",
    ),
    "web.own.renew": Text("Kaart verlengen", "Renew the card"),
    "web.own.renew.about": Text(
        "Nieuwe sleutels voor een ZORG-ID Smartcard die bijna verloopt, met uw UZI-pas; pincode en pukcode blijven.",
        "New keys for a ZORG-ID Smartcard that expires soon, with your UZI pass; PIN and PUK stay.",
    ),
    "web.own.working": Text("Met de kaart bezig", "Working with the card"),
    "web.own.insert-card": Text(
        "Stop de kaart in de paslezer waar het om gaat.", "Put the card that is meant into the reader."
    ),
    "web.own.insert-pass": Text("Stop uw UZI-pas in de paslezer.", "Put your UZI pass into the reader."),
    "web.own.renew.making": Text("De ZORG-ID Smartcard wordt verlengd", "The ZORG-ID Smartcard is being renewed"),
    "web.own.done": Text("Klaar", "Done"),
    "web.own.done.pin-status": Text(
        "Zo staat het met de codes van deze kaart.", "This is how the codes of this card are."
    ),
    "web.own.done.pin-change": Text("De pincode is gewijzigd.", "The PIN was changed."),
    "web.own.done.pin-unblock": Text(
        "De pincode is gedeblokkeerd; de nieuwe geldt.", "The PIN is unblocked; the new one counts."
    ),
    "web.own.done.puk-change": Text(
        "De pukcode is gewijzigd. Streep de oude door.", "The PUK was changed. Cross the old one out."
    ),
    "web.own.done.renew": Text(
        "De kaart is verlengd en meteen te gebruiken. Was u ermee ingelogd, log dan opnieuw in.",
        "The card is renewed and can be used at once. If you were logged in with it, log in again.",
    ),
    "web.own.kind": Text("Kaart", "Card"),
    "web.own.expires": Text("Geldig tot en met", "Valid until"),
    "web.own.pin": Text("Pincode", "PIN"),
    "web.own.puk": Text("Pukcode", "PUK"),
    "web.own.left": Text("pogingen over", "tries left"),
    "web.own.back": Text("Iets anders doen", "Do something else"),
}

_HELP = {
    "web.help.title": Text("Hulp bij het ZORG-ID-programma", "Help with the ZORG-ID program"),
    "web.help.what": Text(
        "Een webpagina kan niet zelf bij een paslezer. Daarvoor staat op uw computer een klein programma, de agent. De pagina vraagt het om een stap; het programma vraagt u zelf om pincode en toestemming, en toont u de pukcode. Een pagina ziet die nooit, en kan niets laten ondertekenen zonder dat u het in het venster van het programma ziet.",
        "A web page cannot reach a card reader by itself. A small program on your computer, the agent, does that. The page asks it for a step; the program asks you for PIN and consent itself, and shows you the PUK. A page never sees those, and can have nothing signed without your seeing it in the program's window.",
    ),
    "web.help.install": Text("Installeren en starten", "Installing and starting"),
    "web.help.install.how": Text(
        "In een organisatie doet de systeembeheerder dit. Zelf kan het met Python, op een opdrachtregel:",
        "In an organisation the system administrator does this. You can do it yourself with Python, on a command line:",
    ),
    "web.help.pairing": Text("De eerste keer", "The first time"),
    "web.help.pairing.how": Text(
        "De eerste keer dat een portaal het programma wil gebruiken, toont de pagina een code van vier cijfers, en vraagt het programma u of dit portaal het mag. Sta het alleen toe als u dit portaal zelf hebt geopend en de codes gelijk zijn. Daarna onthoudt het programma dit portaal.",
        "The first time a portal wants to use the program, the page shows a code of four digits, and the program asks you whether this portal may. Allow it only if you opened this portal yourself and the codes are the same. The program then remembers this portal.",
    ),
    "web.help.problems": Text("Als het niet werkt", "If it does not work"),
    "web.help.browser": Text(
        "De browser vraagt of het portaal apparaten of programma's op uw computer of netwerk mag bereiken: kies Toestaan. Hebt u eerder geweigerd, verander het bij de instellingen van deze site.",
        "The browser asks whether the portal may reach devices or programs on your computer or network: choose Allow. If you refused before, change it in this site's settings.",
    ),
    "web.help.reader": Text(
        "Geen paslezer gevonden: sluit hem rechtstreeks aan. Op Linux moet pcscd zijn geïnstalleerd, op Windows de dienst Smartcard draaien.",
        "No reader found: connect it directly. On Linux pcscd has to be installed, on Windows the Smart Card service has to run.",
    ),
    "web.help.busy": Text(
        "Een ander programma gebruikt de kaart: sluit andere vensters die met de kaart werken. Dit programma beëindigt nooit een ander.",
        "Another program uses the card: close other windows that work with the card. This program never ends another one.",
    ),
    "web.help.safari": Text(
        "Safari laat een pagina niet toe een programma op de eigen computer te bereiken: gebruik Firefox, Chrome of Edge.",
        "Safari does not let a page reach a program on one's own computer: use Firefox, Chrome or Edge.",
    ),
    "web.help.version": Text(
        "Dit portaal vraagt versie {needed} of nieuwer.", "This portal asks for version {needed} or newer."
    ),
    "web.help.check": Text("Nagaan of het werkt", "Check whether it works"),
    "web.help.check.do": Text("Zoek het programma", "Look for the program"),
    "web.help.check.found": Text("Het programma is gevonden. Versie:", "The program was found. Version:"),
}

_LOG_IN = {
    "web.card-log-in.do": Text(
        "Stop uw UZI-pas of ZORG-ID Smartcard in de paslezer en klik op inloggen. Het ZORG-ID-programma toont bij welk portaal u inlogt, en vraagt uw pincode.",
        "Put your UZI pass or ZORG-ID Smartcard into the reader and choose log in. The ZORG-ID program shows at which portal you log in, and asks for your PIN.",
    ),
    "web.card-log-in.begin": Text("Inloggen met kaart", "Log in with card"),
    "web.card-log-in.insert": Text(
        "Stop uw UZI-pas of ZORG-ID Smartcard in de paslezer.",
        "Put your UZI pass or ZORG-ID Smartcard into the reader.",
    ),
    "web.card-log-in.organisation": Text(
        "Ik werk voor meer dan één organisatie", "I work for more than one organisation"
    ),
    "web.card-log-in.organisation.hint": Text(
        "URA van de organisatie waarvoor u nu inlogt, acht cijfers; alleen met een ZORG-ID Smartcard.",
        "URA of the organisation for which you log in now, eight digits; with a ZORG-ID Smartcard only.",
    ),
    "web.card-log-in.working": Text("Inloggen", "Logging in"),
}

_OWN_PHONE = {
    "web.own-phone": Text("Uw smartphone koppelen", "Linking your smartphone"),
    "web.own-phone.about": Text(
        "Voor wie beheert en nog geen smartphone heeft gekoppeld, een andere neemt, of de zes cijfers niet meer weet. "
        "Wat eerder gekoppeld was, werkt daarna niet meer.",
        "For who manages and has not linked a smartphone yet, takes another, or has forgotten the six digits. "
        "What was linked before does not work any more then.",
    ),
    "web.own-phone.log-in": Text("Log eerst in met uw UZI-pas.", "Log in with your UZI pass first."),
    "web.own-phone.begin": Text("Toon de QR-code", "Show the QR code"),
    "web.own-phone.until": Text("Geldig tot", "Valid until"),
    "web.own-phone.waiting": Text("We wachten op uw smartphone.", "Waiting for your smartphone."),
    "web.own-phone.confirm": Text("Bevestig", "Confirm"),
    "web.own-phone.linked": Text("Uw smartphone is gekoppeld", "Your smartphone is linked"),
    "web.own-phone.user": Text("Gebruikersnaam", "User name"),
    "web.own-phone.over": Text("De smartphone is niet gekoppeld", "The smartphone was not linked"),
    "web.own-phone.anew": Text("Nieuwe QR-code", "New QR code"),
}

_JOIN = {
    "web.join": Text("Aansluiten bij uw organisatie", "Joining your organisation"),
    "web.join.about": Text(
        "Voor wie hier nog niet bekend is, of bij een andere organisatie is gaan werken. "
        "Hierna kan een administrator u een rol geven.",
        "For who is not known here yet, or works at another organisation now. Then an administrator can give you a role.",
    ),
    "web.join.who": Text("Bent u dit?", "Is this you?"),
    "web.join.new": Text(
        "U bent hier nog niet bekend, en wordt zo opgenomen.",
        "You are not known here yet, and will be taken up like this.",
    ),
    "web.join.known": Text(
        "U bent hier al bekend. Uw kaarten gelden voortaan ook bij deze organisatie.",
        "You are known here already. Your cards are good at this organisation too from now on.",
    ),
    "web.join.adopted": Text(
        "U bent hier bekend met een ander UZI-nummer; het nieuwe komt daarvoor in de plaats.",
        "You are known here by another UZI number; the new one takes its place.",
    ),
    "web.join.confirm": Text("Ja, dit ben ik", "Yes, this is me"),
    "web.join.done": Text("U bent aangesloten", "You have joined"),
}

TEXTS: Mapping[str, Text] = {**_OWN, **_HELP, **_LOG_IN, **_OWN_PHONE, **_JOIN}
