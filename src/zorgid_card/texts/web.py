"""The portal's pages: what is on all of them, logging in, the request of an organisation, the operators' view."""

from __future__ import annotations

from collections.abc import Mapping

from zorgid_card.texts.text import Text

_ALL = {
    "web.name": Text("ZORG-ID Portaal", "ZORG-ID Portal"),
    "web.skip": Text("Naar de inhoud", "To the content"),
    "web.who": Text("Ingelogd:", "Logged in:"),
    "web.log-in": Text("Inloggen", "Log in"),
    "web.log-out": Text("Uitloggen", "Log out"),
    "web.home": Text("Naar de beginpagina", "To the first page"),
    "web.go-on": Text("Verder", "Go on"),
    "web.again": Text("Opnieuw proberen", "Try again"),
    "web.cancel": Text("Annuleren", "Cancel"),
    "web.none": Text("Er is niets gevonden.", "Nothing was found."),
    "web.more": Text("Volgende pagina", "Next page"),
    "web.ura": Text("URA-nummer van de organisatie", "URA number of the organisation"),
    "web.ura.hint": Text(
        "Acht cijfers: het abonneenummer dat in de UZI-pas staat.",
        "Eight digits: the subscriber number in the UZI pass.",
    ),
    "web.support": Text("Hulp nodig? {whom}", "Need help? {whom}"),
    "web.footer": Text(
        "Deze website vraagt nooit om een pincode of PUK-code.", "This website never asks for a PIN or a PUK."
    ),
    "web.session.soon": Text(
        "U wordt binnen twee minuten uitgelogd omdat u niets doet.",
        "You are logged out within two minutes because you do nothing.",
    ),
    "web.session.stay": Text("Blijf ingelogd", "Stay logged in"),
    "web.nav": Text("Hoofdmenu", "Main menu"),
    "web.nav.me": Text("Mijn kaart", "My card"),
    "web.nav.cards": Text("Kaarten", "Cards"),
    "web.nav.people": Text("Personen", "People"),
    "web.nav.guests": Text("Gasten", "Guests"),
    "web.nav.phones": Text("Telefoons", "Phones"),
    "web.nav.audit": Text("Logboek", "Audit log"),
    "web.nav.operator": Text("Aanvragen", "Requests"),
    "web.role.holder": Text("pashouder", "holder"),
    "web.role.manager": Text("beheerder", "manager"),
    "web.role.administrator": Text("administrator", "administrator"),
    "web.role.pass holder": Text("met UZI-pas", "with a UZI pass"),
    "web.role.operator": Text("portaalbeheer", "portal's operator"),
}

_ERRORS = {
    "web.error.code": Text("Foutcode: {code}", "Error code: {code}"),
    "web.error.input": Text("Dit kan zo niet", "This cannot be done like this"),
    "web.error.input.sentence": Text("Wat is ingestuurd, is niet te lezen.", "What was sent cannot be read."),
    "web.error.input.do": Text(
        "Ga terug met de knop van uw browser, en verbeter wat u hebt ingevuld.",
        "Go back with your browser's button, and correct what you filled in.",
    ),
    "web.error.log-in": Text("U bent niet ingelogd", "You are not logged in"),
    "web.error.log-in.sentence": Text("Log eerst in.", "Log in first."),
    "web.error.log-in.do": Text(
        "Log opnieuw in om verder te gaan; wat al was bevestigd, blijft zo.",
        "Log in again to go on; what was confirmed already stays so.",
    ),
    "web.error.refused": Text("Dit wordt geweigerd", "This is refused"),
    "web.error.refused.sentence": Text("Het portaal weigert dit.", "The portal refuses this."),
    "web.error.refused.do": Text(
        "Er is niets gewijzigd. Klopt dit volgens u niet, vraag het dan aan de administrator van uw organisatie.",
        "Nothing was changed. If you think that this is not right, ask your organisation's administrator.",
    ),
    "web.error.missing": Text("Deze pagina is er niet", "There is no such page"),
    "web.error.missing.sentence": Text(
        "Wat u zoekt, is hier niet (meer).", "What you are looking for is not here (any more)."
    ),
    "web.error.missing.do": Text(
        "Controleer het adres, of begin op de beginpagina.", "Check the address, or begin at the first page."
    ),
    "web.error.state": Text("Dit kan nu niet (meer)", "This cannot be done now"),
    "web.error.state.sentence": Text("Er is intussen iets veranderd.", "Something has changed meanwhile."),
    "web.error.state.do": Text(
        "Ga terug en laad de pagina opnieuw: dan ziet u hoe het nu is.",
        "Go back and load the page again: you then see how things are now.",
    ),
    "web.error.limit": Text("Even wachten", "Please wait"),
    "web.error.limit.sentence": Text("Dit is te vaak gevraagd.", "This was asked too often."),
    "web.error.limit.do": Text(
        "Wacht enkele minuten, en probeer het dan opnieuw.", "Wait some minutes, then try again."
    ),
    "web.error.fault": Text("Er ging iets mis bij ons", "Something went wrong on our side"),
    "web.error.fault.sentence": Text("Dit is een fout van het portaal.", "This is a fault of the portal."),
    "web.error.fault.do": Text(
        "Probeer het opnieuw. Blijft het misgaan, meld het dan met het tijdstip erbij.",
        "Try again. If it keeps going wrong, report it with the time at which it happened.",
    ),
    "web.error.unavailable": Text("Het portaal is nu niet beschikbaar", "The portal is not available now"),
    "web.error.unavailable.sentence": Text("Dit kan nu niet worden gecontroleerd.", "This cannot be checked now."),
    "web.error.unavailable.do": Text(
        "Er is niets gewijzigd. Probeer het over een minuut opnieuw.", "Nothing was changed. Try again in a minute."
    ),
    "error.portal.rate_limit": Text(
        "Dit is te vaak gevraagd vanaf deze plek: wacht[[ {retry_after} seconden]] en probeer het opnieuw.",
        "This was asked too often from this place: wait[[ {retry_after} seconds]] and try again.",
    ),
    "error.portal.not_logged_in": Text("U bent niet ingelogd: log eerst in.", "You are not logged in: log in first."),
    "error.portal.not_logged_in:idle": Text(
        "U bent uitgelogd omdat u een tijd niets hebt gedaan: log opnieuw in.",
        "You were logged out because you did nothing for a while: log in again.",
    ),
    "error.portal.not_logged_in:over": Text(
        "Uw sessie is na de langst toegestane tijd beëindigd: log opnieuw in.",
        "Your session has ended after the longest time allowed: log in again.",
    ),
    "error.portal.not_logged_in:renewed": Text(
        "De kaart waarmee u was ingelogd, heeft nieuwe sleutels of is vervangen: log opnieuw in met de kaart die u nu gebruikt.",
        "The card that you were logged in with has new keys, or was replaced: log in again with the card that you use now.",
    ),
    "error.portal.form": Text(
        "Dit formulier hoort niet (meer) bij uw sessie; ga terug, laad de pagina opnieuw en verstuur het nog eens.",
        "This form does not belong to your session (any more); go back, load the page again, and send it once more.",
    ),
    "error.portal.not_allowed:page": Text(
        "Deze pagina is niet voor uw rol; ga naar de beginpagina, of vraag het aan een administrator.",
        "This page is not for your role; go to the first page, or ask an administrator.",
    ),
    "error.portal.not_found:OperatorLink": Text(
        "Deze link is gebruikt of verlopen: maak een nieuwe met zorgid-card portal operator.",
        "This link was used or has expired: make a new one with zorgid-card portal operator.",
    ),
}

_LOG_IN = {
    "web.log-in.phone": Text("Met uw telefoon", "With your phone"),
    "web.log-in.phone.why": Text(
        "Voor administrators en beheerders: u krijgt hier een getal, en keurt het inloggen op uw telefoon goed.",
        "For administrators and managers: you get a number here, and approve the log-in on your phone.",
    ),
    "web.log-in.phone.ask": Text("Vraag mijn telefoon", "Ask my phone"),
    "web.log-in.user-name": Text("Gebruikersnaam", "User name"),
    "web.log-in.card": Text("Met uw kaart", "With your card"),
    "web.log-in.waiting": Text("Keur het inloggen goed op uw telefoon", "Approve the log-in on your phone"),
    "web.log-in.number": Text(
        "Open op uw telefoon de app, of de pagina waarmee u de telefoon hebt gekoppeld, en neem dit getal over:",
        "On your phone, open the app, or the page with which you linked the phone, and copy this number:",
    ),
    "web.log-in.state.asked": Text("Wachten op uw telefoon …", "Waiting for your phone …"),
    "web.log-in.state.approved": Text("Goedgekeurd op uw telefoon.", "Approved on your phone."),
    "web.log-in.state.refused": Text(
        "Uw telefoon heeft het inloggen geweigerd, of het getal of de cijfers klopten niet.",
        "Your phone refused the log-in, or the number or the digits were wrong.",
    ),
    "web.log-in.state.over": Text(
        "Deze vraag is verlopen. Kreeg uw telefoon niets te zien, controleer dan gebruikersnaam en URA-nummer.",
        "This question has expired. If your phone showed nothing, check user name and URA number.",
    ),
}

_REQUEST = {
    "web.request": Text("Aanvragen registratie", "Request a registration"),
    "web.request.why": Text(
        "Vul het aanvraagformulier in. U ontvangt een bevestiging zodra uw aanvraag verwerkt is; daarna kunt u valideren.",
        "Fill in the form. You get a confirmation as soon as your request has been processed; then you can validate.",
    ),
    "web.request.organisation_name": Text("Naam van de organisatie", "Name of the organisation"),
    "web.request.ura": Text("URA-nummer van de organisatie", "URA number of the organisation"),
    "web.request.contact_name": Text("Naam van de contactpersoon", "Name of the contact"),
    "web.request.contact_email": Text("E-mailadres van de contactpersoon", "E-mail address of the contact"),
    "web.request.contact_email.hint": Text(
        "Hierheen gaat de bevestiging dat de aanvraag verwerkt is.",
        "The confirmation that the request was processed goes there.",
    ),
    "web.request.file": Text("Aanvraag versturen", "Send the request"),
    "web.request.at": Text("Ingediend op", "Filed on"),
    "web.request.filed": Text("Uw aanvraag is ontvangen", "Your request was received"),
    "web.request.filed.next": Text(
        "Wij verwerken uw aanvraag binnen enkele dagen. U ontvangt bericht op {address}.",
        "We process your request within a few days. You are told at {address}.",
    ),
}

_OPERATOR = {
    "web.operator.log-in": Text("Portaalbeheer", "Operators of the portal"),
    "web.operator.log-in.why": Text("Deze link laat u één keer binnen.", "This link lets you in once."),
    "web.operator.link": Text("De link, of wat daarin achter # staat", "The link, or what stands behind # in it"),
    "web.operator.enter": Text("Ga naar binnen", "Enter"),
    "web.operator.requests": Text("Aanvragen van organisaties", "Requests of organisations"),
    "web.operator.organisations": Text("Organisaties", "Organisations"),
    "web.operator.states": Text("Toestand van de aanvragen", "State of the requests"),
    "web.operator.decided": Text("Beslist op", "Decided on"),
    "web.operator.approve": Text("Goedkeuren", "Approve"),
    "web.operator.reject": Text("Afwijzen", "Reject"),
    "web.operator.suspend": Text("Blokkeren", "Suspend"),
    "web.operator.suspend.why": Text(
        "Er wordt dan niets meer voor deze organisatie gemaakt, beheerd of ingelogd.",
        "Nothing is made, managed or logged in for this organisation then.",
    ),
    "web.operator.resume": Text("Weer toelaten", "Let it work again"),
    "web.operator.resume.why": Text(
        "De organisatie kan dan weer alles wat zij kon.", "The organisation can do again what it could before."
    ),
    "web.operator.reason.hint": Text(
        "De aanvrager krijgt deze reden te lezen.", "Who filed the request gets to read this reason."
    ),
}

_COMMAND = {
    "portal.passphrase": Text("Wachtzin van het portaal: ", "Passphrase of the portal: "),
    "portal.new_passphrase": Text("Nieuwe wachtzin van het portaal: ", "New passphrase of the portal: "),
    "portal.operator": Text(
        "Wie aanvragen goedkeurt, komt binnen met een link van:", "Who approves requests comes in by a link of:"
    ),
    "portal.agent": Text(
        "Ernaast, in een eigen venster: het programma bij de paslezer, met de passen en kaarten van één persoon:",
        "Beside it, in a window of its own: the program beside the reader, with the passes and cards of one person:",
    ),
    "portal.no_roots": Text(
        "Zonder CA-certificaten van het UZI-register logt niemand in met een pas: geef --uzi-ca.",
        "Without CA certificates of the UZI register nobody logs in with a pass: give --uzi-ca.",
    ),
    "portal.link": Text("Deze link werkt één keer, tot {time}:", "This link works once, until {time}:"),
    "error.storage:tls": Text(
        "Met {path} en zijn sleutel is geen TLS mogelijk: controleer of beide er zijn, PEM zijn en bij elkaar horen.",
        "There is no TLS with {path} and its key: check that both are there, are PEM, and belong together.",
    ),
    "error.storage:worker": Text(
        "Een van de processen van het portaal begint niet; wat er mis is, staat hierboven: verhelp dat en begin opnieuw.",
        "One of the portal's processes does not start; what is wrong stands above: mend that and start again.",
    ),
    "error.user.usage:portal-dir": Text(
        "Noem de map van het portaal met --dir[[: in {value} is er geen gestart]], of geef --trial om het te proberen.",
        "Name the portal's directory with --dir[[: none was started in {value}]], or give --trial to try it.",
    ),
    "error.user.usage:portal-trial": Text(
        "In {value} staat een portaal in gebruik, waar geen simulaties bij horen; geef --trial een andere map.",
        "There is a portal in use in {value}, beside which nothing simulated belongs; give --trial another directory.",
    ),
    "error.user.usage:portal-origin": Text(
        "Het adres van het portaal is niet bekend: geef --origin https://….",
        "The portal's address is not known: give --origin https://….",
    ),
    "error.user.usage:portal-certificate": Text(
        "Het TLS-certificaat is niet bekend: geef --cert FILE, met --key of --behind.",
        "The TLS certificate is not known: give --cert FILE, with --key or --behind.",
    ),
    "error.user.usage:portal-key": Text(
        "TLS eindigt nergens: geef --key FILE, of met --behind het adres van de proxy die het doet.",
        "TLS ends nowhere: give --key FILE, or with --behind the address of the proxy that does it.",
    ),
}

TEXTS: Mapping[str, Text] = {**_COMMAND, **_ALL, **_ERRORS, **_LOG_IN, **_REQUEST, **_OPERATOR}
