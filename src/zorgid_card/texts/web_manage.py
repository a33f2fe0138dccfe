# ruff: noqa: E501
"""The management pages of the reference portal."""

from __future__ import annotations

from collections.abc import Mapping

from zorgid_card.texts.text import Text

_LISTS = {
    "web.manage.cards": Text("Kaarten", "Cards"),
    "web.manage.cards.own": Text("Mijn kaarten", "My cards"),
    "web.manage.people": Text("Personen", "People"),
    "web.manage.guests": Text("Gastgebruik", "Guest use"),
    "web.manage.phones": Text("Telefoons", "Phones"),
    "web.manage.audit": Text("Logboek", "Audit log"),
    "web.manage.offer": Text("Toestemming om te koppelen", "Leave to link"),
    "web.manage.search": Text("Zoeken", "Search"),
    "web.manage.search.cards": Text(
        "Begin van een naam, UZI-nummer of kaartnummer", "Beginning of a name, UZI number or card number"
    ),
    "web.manage.search.people": Text(
        "Deel van een naam, gebruikersnaam of UZI-nummer", "Part of a name, user name or UZI number"
    ),
    "web.manage.filter.all": Text("alle", "all"),
    "web.manage.filter.apply": Text("Tonen", "Show"),
    "web.manage.filter.clear": Text("Alles tonen", "Show all"),
    "state.expiring": Text("verloopt binnenkort", "expires soon"),
    "web.manage.expiring.caption": Text(
        "Kaarten die binnenkort verlopen of verlopen zijn; de pashouder verlengt ze zelf",
        "Cards that expire soon or have expired; their holders renew them",
    ),
    "web.manage.next": Text("Volgende pagina", "Next page"),
    "web.manage.first": Text("Eerste pagina", "First page"),
    "web.manage.empty": Text("Er is niets gevonden.", "Nothing was found."),
    "web.manage.empty.more": Text(
        "Op deze pagina is niets gevonden; kijk op de volgende.",
        "Nothing was found on this page; look at the next one.",
    ),
    "web.manage.never": Text("nooit", "never"),
    "web.manage.guest": Text("gast", "guest"),
    "web.manage.detail.uzi_number": Text("UZI-nummer", "UZI number"),
    "web.manage.detail.until": Text("tot", "until"),
    "web.manage.detail.to": Text("aan organisatie", "to organisation"),
    "web.manage.title.card": Text("Kaart {subject}", "Card {subject}"),
    "web.manage.cards.caption": Text("Gekoppelde ZORG-ID Smartcards", "Linked ZORG-ID Smartcards"),
    "web.manage.people.caption": Text("Gekoppelde personen", "Linked people"),
    "web.manage.guests.caption": Text("Personen die hier te gast zijn", "People who are guests here"),
    "web.manage.phones.caption": Text("Gekoppelde telefoons", "Linked phones"),
    "web.manage.audit.caption": Text("Wat er is gebeurd, het nieuwste eerst", "What happened, the newest first"),
    "web.manage.history": Text("Geschiedenis", "History"),
    "web.manage.history.caption": Text(
        "Wat er bij deze organisatie mee is gebeurd, het nieuwste eerst",
        "What happened with it at this organisation, the newest first",
    ),
    "web.manage.actions": Text("Wat u kunt doen", "What you can do"),
}

_OWN = {
    "web.own.cards.lost": Text(
        "Is een kaart kwijt of gestolen? Kies haar en blokkeer haar, of trek haar in.",
        "Is a card lost or stolen? Choose it, and block or revoke it.",
    ),
}

_FACTS = {
    "web.manage.fact.card": Text("Kaart", "Card"),
    "web.manage.fact.holder": Text("Pashouder", "Holder"),
    "web.manage.fact.name": Text("Naam", "Name"),
    "web.manage.fact.user": Text("Gebruikersnaam", "User name"),
    "web.manage.fact.uzi_number": Text("UZI-nummer", "UZI number"),
    "web.manage.fact.state": Text("Toestand", "State"),
    "web.manage.fact.reason": Text("Reden", "Reason"),
    "web.manage.fact.role": Text("Rol", "Role"),
    "web.manage.fact.made": Text("Gemaakt", "Made"),
    "web.manage.fact.activated": Text("Geactiveerd", "Activated"),
    "web.manage.fact.valid": Text("Geldig tot", "Valid until"),
    "web.manage.fact.used": Text("Laatst gebruikt", "Last used"),
    "web.manage.fact.linked": Text("Gekoppeld", "Linked"),
    "web.manage.fact.until": Text("Te gast tot", "Guest until"),
    "web.manage.fact.device": Text("Toestel", "Device"),
    "web.manage.fact.person": Text("Persoon", "Person"),
    "web.manage.fact.tries": Text("Pogingen over", "Tries left"),
    "web.manage.fact.action": Text("Wijziging", "Change"),
    "web.manage.fact.cause": Text("Reden op de CRL", "Reason on the CRL"),
    "web.manage.fact.about": Text("Van wie", "Whose"),
    "web.manage.fact.at": Text("Wanneer", "When"),
    "web.manage.fact.actor": Text("Door", "By"),
    "web.manage.fact.event": Text("Wat", "What"),
    "web.manage.fact.subject": Text("Waarvan", "Of what"),
    "web.manage.fact.do": Text("Wat u kunt doen", "What you can do"),
    "web.manage.fact.number": Text("Nummer", "Number"),
}

_DO = {
    "web.manage.do.card.block": Text("Blokkeren", "Block"),
    "web.manage.do.card.block.too": Text("Ook blokkeren", "Block too"),
    "web.manage.do.card.unblock": Text("Deblokkeren", "Unblock"),
    "web.manage.do.card.revoke": Text("Intrekken", "Revoke"),
    "web.manage.do.person.appoint": Text("Een rol geven", "Give a role"),
    "web.manage.do.person.unlink": Text("Ontkoppelen", "Unlink"),
    "web.manage.do.person.approve-uzi-number": Text("Een ander UZI-nummer toestaan", "Allow another UZI number"),
    "web.manage.do.person.link": Text("Een persoon koppelen", "Link a person"),
    "web.manage.do.person.link-guest": Text("Een gast koppelen", "Link a guest"),
    "web.manage.do.person.offer": Text("Code maken", "Make a code"),
    "web.manage.do.phone.block": Text("Blokkeren", "Block"),
    "web.manage.do.phone.unblock": Text("Deblokkeren", "Unblock"),
    "web.manage.do.phone.revoke": Text("Intrekken", "Revoke"),
    "web.manage.of": Text("{do}: {what}", "{do}: {what}"),
    "web.manage.what.card": Text("kaart {subject}[[ van {about}]]", "card {subject}[[ of {about}]]"),
    "web.manage.what.phone": Text("telefoon[[ {device}]][[ van {about}]]", "phone[[ {device}]][[ of {about}]]"),
    "web.manage.what.person": Text("{about}", "{about}"),
}

_MEANS = {
    "web.manage.means.card.block": Text(
        "De kaart werkt niet meer totdat iemand haar deblokkeert; dat staat meteen op de CRL en in OCSP. De pashouder kan ermee nergens meer inloggen.",
        "The card does not work until somebody unblocks it; CRL and OCSP say so at once. Its holder can log in nowhere with it.",
    ),
    "web.manage.means.card.unblock": Text(
        "De kaart werkt weer, tenzij een ander haar ook heeft geblokkeerd.",
        "The card works again, unless somebody else has blocked it too.",
    ),
    "web.manage.means.card.revoke": Text(
        "Intrekken is definitief: de kaart werkt nooit meer en dit kan niet ongedaan worden gemaakt. De pashouder maakt een nieuwe kaart met de UZI-pas.",
        "Revoking is final: the card never works again, and this cannot be undone. Its holder makes a new card with the UZI pass.",
    ),
    "web.manage.means.person.appoint": Text(
        "Beheerders beheren kaarten. Administrators doen dat ook, en beheren personen en telefoons; er blijft altijd één administrator. Wie beheert, heeft geen ZORG-ID Smartcard maar een telefoon.",
        "Managers manage cards. Administrators do so too, and manage people and phones; one administrator always remains. Who manages has a phone, and no ZORG-ID Smartcard.",
    ),
    "web.manage.means.person.unlink": Text(
        "De persoon hoort niet meer bij deze organisatie. De telefoon wordt ingetrokken; de kaarten zijn van de persoon en blijven geldig, maar werken hier niet meer.",
        "The person does not belong to this organisation any more. The phone is revoked; the cards are the person's and stay valid, but do not work here any more.",
    ),
    "web.manage.means.person.approve-uzi-number": Text(
        "De persoon mag één keer met een pas met dit andere UZI-nummer komen, dat daarna het eigen nummer is. Controleer eerst zelf dat het dezelfde persoon is.",
        "The person may come once with a pass with this other UZI number, which is theirs from then on. Make sure yourself first that it is the same person.",
    ),
    "web.manage.means.person.link": Text(
        "De persoon maakt de code na inloggen, bij ‘Toestemming om te koppelen’. Daarna hoort de persoon, met alle kaarten, ook bij deze organisatie, die de kaarten dan ook beheert.",
        "The person makes the code when logged in, at ‘Leave to link’. The person then belongs to this organisation too, with all cards, which it manages from then on.",
    ),
    "web.manage.means.person.link-guest": Text(
        "Een waarnemer kan met de eigen kaart hier werken, tot en met de dag die u noemt. De eigen organisatie blijft de kaart beheren. Houd de kaart en het UZI-nummer bij de hand.",
        "A locum can work here with their own card, up to and including the day that you name. Their own organisation goes on to manage the card. Have the card and the UZI number at hand.",
    ),
    "web.manage.means.person.offer": Text(
        "Hiermee geeft u een andere organisatie toestemming om u, met uw kaarten, te koppelen en uw kaarten ook te beheren. De code werkt één keer, een week lang, en alleen voor die organisatie.",
        "With this you give another organisation leave to link you, with your cards, and to manage your cards too. The code works once, for a week, and for that organisation only.",
    ),
    "web.manage.means.phone.block": Text(
        "Met de telefoon kan niet meer worden ingelogd of ondertekend totdat iemand hem deblokkeert.",
        "Nobody can log in or sign with the phone until somebody unblocks it.",
    ),
    "web.manage.means.phone.unblock": Text(
        "Met de telefoon kan weer worden ingelogd, en alle pogingen zijn er weer.",
        "The phone logs in again, with all its tries.",
    ),
    "web.manage.means.phone.revoke": Text(
        "Intrekken is definitief: wie een andere telefoon wil, koppelt die met de UZI-pas.",
        "Revoking is final: who wants another phone links it with the UZI pass.",
    ),
}

_FORM = {
    "web.manage.reason": Text("Reden", "Reason"),
    "web.manage.reason.hint": Text(
        "Voor het logboek, verplicht. Zet er geen namen of medische gegevens in.",
        "For the audit log, required. Put no names or medical data in it.",
    ),
    "web.manage.field.cause": Text("Wat is er aan de hand?", "What is the matter?"),
    "web.manage.field.role": Text("Nieuwe rol", "New role"),
    "web.manage.field.uzi_number": Text("UZI-nummer (9 cijfers)", "UZI number (9 digits)"),
    "web.manage.field.code": Text("Code van de persoon", "The person's code"),
    "web.manage.field.card": Text("Nummer van de kaart", "Number of the card"),
    "web.manage.field.until": Text("Laatste dag", "Last day"),
    "web.manage.ura": Text("URA van de andere organisatie (8 cijfers)", "URA of the other organisation (8 digits)"),
    "web.manage.cancel": Text("Niet doen", "Do not do this"),
    "web.manage.wrong": Text("Er klopt iets niet", "Something is not right"),
    "web.manage.cause.unspecified": Text("niet genoemd", "not said"),
    "web.manage.cause.keyCompromise": Text("gestolen, of in andere handen", "stolen, or in other hands"),
    "web.manage.cause.affiliationChanged": Text(
        "de gegevens van de pashouder zijn veranderd", "the holder's data have changed"
    ),
    "web.manage.cause.superseded": Text("vervangen door een andere kaart", "replaced by another card"),
    "web.manage.cause.cessationOfOperation": Text("niet meer nodig", "not needed any more"),
    "web.manage.cause.privilegeWithdrawn": Text(
        "de pashouder mag de kaart niet meer gebruiken", "the holder may not use the card any more"
    ),
    "web.manage.offer.give": Text(
        "Geef deze code aan organisatie {ura}; hij wordt niet nog eens getoond:",
        "Give this code to organisation {ura}; it is not shown again:",
    ),
    "web.manage.offer.until": Text("Eén keer te gebruiken, tot", "To be used once, until"),
}

_PHONE = {
    "web.manage.sign.title": Text("Onderteken op uw telefoon", "Sign on your phone"),
    "web.manage.sign.number": Text("Neem dit getal over op uw telefoon", "Copy this number to your phone"),
    "web.manage.sign.how": Text(
        "Open op uw telefoon de app, of de pagina waarmee u de telefoon hebt gekoppeld. Controleer wat er staat, vul het getal en uw zes cijfers in en keur goed. Daarna wordt de wijziging gemaakt.",
        "On your phone, open the app, or the page with which you linked the phone. Check what it says, enter the number and your six digits, and approve. The change is then made.",
    ),
    "web.manage.sign.until": Text("Dit kan tot", "You can do so until"),
    "web.manage.sign.not": Text("Niet ondertekend", "Not signed"),
    "web.manage.sign.waiting": Text("Er wordt op uw telefoon gewacht.", "Your phone is waited for."),
    "web.manage.sign.refresh": Text("Ik heb ondertekend: verder", "I have signed: go on"),
    "web.manage.sign.approved": Text("Uw telefoon heeft ondertekend.", "Your phone has signed."),
    "web.manage.sign.refused": Text(
        "Op de telefoon is geweigerd; er is niets gewijzigd. Hebt u dit niet zelf gevraagd, log dan uit en waarschuw uw administrator.",
        "The phone has refused; nothing was changed. If you did not ask for this yourself, log out and warn your administrator.",
    ),
    "web.manage.sign.mismatched": Text(
        "Op de telefoon is een ander getal ingevuld; er is niets gewijzigd. Vraag het opnieuw en neem het nieuwe getal over.",
        "Another number was entered on the phone; nothing was changed. Ask again and copy the new number.",
    ),
    "web.manage.sign.failed": Text(
        "Op de telefoon zijn verkeerde cijfers ingevuld; er is niets gewijzigd. Pogingen over: {tries}.",
        "Wrong digits were entered on the phone; nothing was changed. Tries left: {tries}.",
    ),
    "web.manage.sign.blocked": Text(
        "Op de telefoon zijn te vaak verkeerde cijfers ingevuld; de telefoon is nu geblokkeerd en er is niets gewijzigd. Een andere administrator kan hem deblokkeren; of koppel hem opnieuw met de UZI-pas.",
        "Wrong digits were entered on the phone too often; the phone is blocked now, and nothing was changed. Another administrator can unblock it; or link it anew with the UZI pass.",
    ),
    "web.manage.sign.replaced": Text(
        "Er is intussen iets anders aan uw telefoon gevraagd, misschien in een ander tabblad; hier is niets gewijzigd.",
        "Something else was asked of your phone meanwhile, perhaps in another tab; nothing was changed here.",
    ),
    "web.manage.sign.over": Text(
        "Er is niet op tijd ondertekend; er is niets gewijzigd.", "It was not signed in time; nothing was changed."
    ),
    "web.manage.sign.again": Text("Opnieuw vragen", "Ask again"),
    "web.manage.sign.signed": Text("Ondertekend met uw telefoon.", "Signed with your phone."),
}

_DONE = {
    "web.manage.done": Text("Gedaan", "Done"),
    "web.manage.done.card.block": Text(
        "Kaart {subject}[[ van {about}]] is geblokkeerd.", "Card {subject}[[ of {about}]] is blocked."
    ),
    "web.manage.done.card.unblock": Text(
        "Kaart {subject}[[ van {about}]] werkt weer.", "Card {subject}[[ of {about}]] works again."
    ),
    "web.manage.done.card.unblock.others": Text(
        "U hebt kaart {subject}[[ van {about}]] gedeblokkeerd, maar zij blijft geblokkeerd: een ander blokkeert haar ook.",
        "You have unblocked card {subject}[[ of {about}]], but it stays blocked: somebody else blocks it too.",
    ),
    "web.manage.done.card.revoke": Text(
        "Kaart {subject}[[ van {about}]] is ingetrokken.", "Card {subject}[[ of {about}]] is revoked."
    ),
    "web.manage.done.person.appoint": Text(
        "De nieuwe rol[[ van {about}]] geldt nu.", "The new role[[ of {about}]] holds now."
    ),
    "web.manage.done.person.unlink": Text(
        "De persoon is ontkoppeld[[: {about}]].", "The person is unlinked[[: {about}]]."
    ),
    "web.manage.done.person.approve-uzi-number": Text(
        "Het andere UZI-nummer is één keer toegestaan[[ voor {about}]].",
        "The other UZI number is allowed once[[ for {about}]].",
    ),
    "web.manage.done.person.link": Text("De persoon is gekoppeld[[: {about}]].", "The person is linked[[: {about}]]."),
    "web.manage.done.person.link-guest": Text(
        "De kaart van de gast werkt hier nu.", "The guest's card works here now."
    ),
    "web.manage.done.phone.block": Text(
        "De telefoon[[ van {about}]] is geblokkeerd.", "The phone[[ of {about}]] is blocked."
    ),
    "web.manage.done.phone.unblock": Text(
        "De telefoon[[ van {about}]] werkt weer.", "The phone[[ of {about}]] works again."
    ),
    "web.manage.done.phone.revoke": Text(
        "De telefoon[[ van {about}]] is ingetrokken; een andere wordt met de UZI-pas gekoppeld.",
        "The phone[[ of {about}]] is revoked; another is linked with the UZI pass.",
    ),
    "web.manage.back": Text("Verder", "Go on"),
}

_AUDIT = {
    "web.manage.audit.thing": Text("Soort", "Kind"),
    "web.manage.audit.since": Text("Van", "From"),
    "web.manage.audit.until": Text("Tot en met", "Up to and including"),
    "web.manage.audit.export": Text("Downloaden (JSON Lines, NEN 7513)", "Download (JSON Lines, NEN 7513)"),
    "web.manage.audit.download": Text("Downloaden", "Download"),
    "web.manage.audit.export.hint": Text(
        "Het bestand bevat persoonsgegevens; dat u het downloadt komt in het logboek.",
        "The file holds personal data; that you download it is put on record.",
    ),
    "web.manage.erased": Text("(gewist)", "(erased)"),
    "web.manage.thing.card": Text("kaarten", "cards"),
    "web.manage.thing.person": Text("personen", "people"),
    "web.manage.thing.administrator": Text("administrators", "administrators"),
    "web.manage.thing.request": Text("aanvragen", "requests"),
    "web.manage.thing.operator": Text("portaalbeheer", "the portal's operators"),
    "web.manage.thing.phone": Text("telefoons", "phones"),
    "web.manage.thing.organisation": Text("organisatie", "organisation"),
    "web.manage.thing.puk": Text("pukcodes", "PUKs"),
    "web.manage.thing.audit": Text("logboek", "audit log"),
    "web.event.actor.portal": Text("het portaal", "the portal"),
    "web.event.actor.applicant": Text("een aanvrager", "an applicant"),
    "web.event.request.file": Text("Aanvraag ingediend", "Request filed"),
    "web.event.request.approve": Text("Aanvraag goedgekeurd", "Request approved"),
    "web.event.request.reject": Text("Aanvraag afgewezen", "Request rejected"),
    "web.event.organisation.validate": Text("Organisatie gevalideerd", "Organisation validated"),
    "web.event.organisation.suspend": Text("Organisatie geblokkeerd", "Organisation suspended"),
    "web.event.organisation.resume": Text("Organisatie weer toegelaten", "Organisation resumed"),
    "web.event.administrator.register": Text("Administrator geregistreerd", "Administrator registered"),
    "web.event.person.join": Text("Met UZI-pas gekoppeld", "Linked with a UZI pass"),
    "web.event.person.appoint": Text("Rol gegeven", "Role given"),
    "web.event.person.offer": Text("Toestemming om te koppelen gegeven", "Leave to link given"),
    "web.event.person.link": Text("Gekoppeld", "Linked"),
    "web.event.person.link-guest": Text("Als gast gekoppeld", "Linked as a guest"),
    "web.event.person.unlink": Text("Ontkoppeld", "Unlinked"),
    "web.event.person.approve-uzi-number": Text("Ander UZI-nummer toegestaan", "Another UZI number allowed"),
    "web.event.person.erase": Text("Persoonsgegevens gewist", "Personal data erased"),
    "web.event.operator.log-in": Text("Portaalbeheer ingelogd", "An operator logged in"),
    "web.event.card.offer": Text("Kaart aangeboden om aan te maken", "Card offered to be made"),
    "web.event.card.issue": Text("Certificaat uitgegeven", "Certificate issued"),
    "web.event.card.activate": Text("Kaart geactiveerd", "Card activated"),
    "web.event.card.block": Text("Kaart geblokkeerd", "Card blocked"),
    "web.event.card.unblock": Text("Kaart gedeblokkeerd", "Card unblocked"),
    "web.event.card.revoke": Text("Kaart ingetrokken", "Card revoked"),
    "web.event.card.renew": Text("Verlenging begonnen", "Renewal begun"),
    "web.event.card.keep": Text("Kaart gehouden zoals zij was", "Card kept as it was"),
    "web.event.card.abandon": Text("Aanmaken niet afgemaakt", "Making given up"),
    "web.event.card.scrap": Text("Kaart afgedankt", "Card scrapped"),
    "web.event.phone.offer": Text("QR-code getoond", "QR code shown"),
    "web.event.phone.link": Text("Telefoon gekoppeld", "Phone linked"),
    "web.event.phone.log-in": Text("Met telefoon ingelogd", "Logged in with the phone"),
    "web.event.phone.sign": Text("Op telefoon ondertekend", "Signed on the phone"),
    "web.event.phone.refuse": Text("Op telefoon geweigerd", "Refused on the phone"),
    "web.event.phone.block": Text("Telefoon geblokkeerd", "Phone blocked"),
    "web.event.phone.unblock": Text("Telefoon gedeblokkeerd", "Phone unblocked"),
    "web.event.phone.revoke": Text("Telefoon ingetrokken", "Phone revoked"),
    "web.event.puk.keep": Text("Pukcode in bewaring genomen", "PUK taken into escrow"),
    "web.event.puk.change": Text("Pukcode gewijzigd", "PUK changed"),
    "web.event.puk.ask": Text("Pukcode opgevraagd", "PUK asked for"),
    "web.event.puk.release": Text("Pukcode vrijgegeven", "PUK released"),
    "web.event.puk.reset": Text("Pukcode opnieuw ingesteld", "PUK reset"),
    "web.event.puk.disclose": Text("Pukcode bij anderen bekend", "PUK known to others"),
    "web.event.audit.erase": Text("In het logboek gewist", "Erased in the audit log"),
    "web.event.audit.export": Text("Logboek gedownload", "Audit log downloaded"),
}

_REFUSED = {
    "error.portal.not_found:PhoneRequest": Text(
        "Deze wijziging wacht niet (meer) op uw telefoon; kijk of zij al is gemaakt, en begin anders opnieuw.",
        "This change does not wait for your phone (any more); see whether it is made already, and else begin anew.",
    ),
    "error.portal.not_found:page": Text(
        "Deze pagina is er niet; controleer het adres.", "There is no such page; check the address."
    ),
    "error.user.usage:since": Text(
        "Dit is geen dag; kies er een, of laat het veld leeg.", "This is no day; choose one, or leave the field empty."
    ),
    "error.user.usage:cause": Text(
        "Deze reden voor de CRL is er niet; kies er een uit de lijst.",
        "There is no such reason for a CRL; choose one of the list.",
    ),
    "error.user.usage:role": Text(
        "Deze rol is er niet; kies er een uit de lijst.", "There is no such role; choose one of the list."
    ),
}

TEXTS: Mapping[str, Text] = {
    **_REFUSED,
    **_OWN,
    **_LISTS,
    **_FACTS,
    **_DO,
    **_MEANS,
    **_FORM,
    **_PHONE,
    **_DONE,
    **_AUDIT,
}
