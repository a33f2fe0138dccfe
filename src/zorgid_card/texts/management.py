"""Organisations, people and cards, for who has access to the database."""

from __future__ import annotations

from collections.abc import Mapping

from zorgid_card.texts.text import Text

_SHOWN = {
    "list.empty": Text("Er is niets gevonden.", "Nothing was found."),
    "list.more": Text(
        "Er is meer: de volgende pagina begint bij --after '{after}'.",
        "There is more: the next page begins at --after '{after}'.",
    ),
    "fact.request": Text("Aanvraag", "Request"),
    "fact.contact": Text("Contactpersoon", "Contact"),
    "fact.state": Text("Toestand", "State"),
    "fact.reason": Text("Reden", "Reason"),
    "fact.filed": Text("Ingediend", "Filed"),
    "fact.decided": Text("Beslist", "Decided"),
    "fact.validated": Text("Gevalideerd", "Validated"),
    "fact.user": Text("Gebruikersnaam", "User name"),
    "fact.function": Text("Rol", "Role"),
    "fact.until": Text("Tot", "Until"),
    "fact.new-function": Text("Nieuwe rol", "New role"),
    "fact.new-uzi-number": Text("Nieuw UZI-nummer", "New UZI number"),
    "fact.phone": Text("Telefoon", "Phone"),
    "fact.device": Text("Toestel", "Device"),
    "state.phone.offered": Text("aangeboden", "offered"),
    "state.phone.linking": Text("wordt gekoppeld", "being linked"),
    "state.phone.linked": Text("gekoppeld", "linked"),
    "state.phone.blocked": Text("geblokkeerd", "blocked"),
    "state.phone.revoked": Text("ingetrokken", "revoked"),
    "state.phone.expired": Text("verlopen", "expired"),
    "fact.made": Text("Gemaakt", "Made"),
    "fact.used": Text("Laatst gebruikt", "Last used"),
    "state.request.filed": Text("ingediend", "filed"),
    "state.request.approved": Text("goedgekeurd", "approved"),
    "state.request.rejected": Text("afgewezen", "rejected"),
    "state.organisation.approved": Text("goedgekeurd", "approved"),
    "state.organisation.validated": Text("gevalideerd", "validated"),
    "state.organisation.suspended": Text("geblokkeerd", "suspended"),
    "role.holder": Text("pashouder", "holder"),
    "role.manager": Text("beheerder", "manager"),
    "role.administrator": Text("administrator", "administrator"),
    "role.guest": Text("gast", "guest"),
}

_ASKED = {
    "question.org-approve": Text("Deze aanvraag goedkeuren?", "Approve this request?"),
    "question.org-reject": Text("Deze aanvraag afwijzen?", "Reject this request?"),
    "question.org-suspend": Text(
        "Deze organisatie blokkeren? Er wordt dan niets meer voor gemaakt, beheerd of ingelogd.",
        "Suspend this organisation? Nothing is made, managed or logged in for it then.",
    ),
    "question.org-resume": Text("Deze organisatie weer toelaten?", "Let this organisation work again?"),
    "question.person-appoint": Text("Deze rol toekennen?", "Give this role?"),
    "question.person-link": Text(
        "De persoon van deze code koppelen, met alle kaarten?", "Link the person of this code, with all cards?"
    ),
    "question.person-guest": Text(
        "Deze persoon met deze kaart als gast koppelen?", "Link this person with this card as a guest?"
    ),
    "question.person-unlink": Text(
        "Deze persoon ontkoppelen? De telefoon wordt ingetrokken, de kaarten blijven geldig.",
        "Unlink this person? The phone is revoked, the cards stay valid.",
    ),
    "question.person-uzi": Text("Dit UZI-nummer toestaan, één keer?", "Allow this UZI number, once?"),
    "question.card-block": Text("Deze kaart blokkeren?", "Block this card?"),
    "question.card-unblock": Text("Deze kaart deblokkeren?", "Unblock this card?"),
    "question.card-revoke": Text(
        "Deze kaart voorgoed intrekken? Dat kan niet ongedaan worden gemaakt.",
        "Revoke this card for good? This cannot be undone.",
    ),
    "question.phone-block": Text("Deze telefoon blokkeren?", "Block this phone?"),
    "question.phone-unblock": Text("Deze telefoon deblokkeren?", "Unblock this phone?"),
    "question.phone-revoke": Text(
        "Deze telefoon voorgoed intrekken? Daarna is een nieuwe koppeling met de UZI-pas nodig.",
        "Revoke this phone for good? Another then has to be linked with the UZI pass.",
    ),
}

_DONE = {
    "org.filed": Text(
        "De aanvraag {id} is ingediend; een operator beslist erover.",
        "Request {id} is filed; an operator decides about it.",
    ),
    "org.approve": Text(
        "{name} is goedgekeurd en kan nu met een UZI-pas worden gevalideerd.",
        "{name} is approved, and may now be validated with a UZI pass.",
    ),
    "org.reject": Text("De aanvraag van {name} is afgewezen.", "The request of {name} is rejected."),
    "org.suspend": Text("{name} is geblokkeerd.", "{name} is suspended."),
    "org.resume": Text("{name} is weer toegelaten.", "{name} may work again."),
    "people.appoint": Text("{name} is nu {role}.", "{name} is {role} now."),
    "people.offer": Text(
        "De code voor organisatie {ura} is {code}, één keer te gebruiken, tot {until}; hij wordt niet nog eens getoond.",
        "The code for organisation {ura} is {code}, to be used once, until {until}; it is not shown again.",
    ),
    "people.link": Text("{name} is gekoppeld.", "{name} is linked."),
    "people.guest": Text(
        "Kaart {serial} werkt hier als die van een gast, tot {until}.",
        "Card {serial} works here as a guest's, until {until}.",
    ),
    "people.unlink": Text("{name} is ontkoppeld.", "{name} is unlinked."),
    "people.uzi": Text(
        "{name} mag één keer met UZI-nummer {number} komen.", "{name} may come with UZI number {number}, once."
    ),
    "phones.done.block": Text("De telefoon[[ van {name}]] is geblokkeerd.", "The phone[[ of {name}]] is blocked."),
    "phones.done.unblock": Text("De telefoon[[ van {name}]] werkt weer.", "The phone[[ of {name}]] works again."),
    "phones.done.revoke": Text(
        "De telefoon[[ van {name}]] is ingetrokken; koppel een nieuwe met de UZI-pas.",
        "The phone[[ of {name}]] is revoked; link another with the UZI pass.",
    ),
    "cards.done.block": Text("Kaart {serial} is geblokkeerd.", "Card {serial} is blocked."),
    "cards.done.unblock": Text("Kaart {serial} werkt weer.", "Card {serial} works again."),
    "cards.done.others": Text(
        "Kaart {serial} is door u gedeblokkeerd, maar blijft geblokkeerd: een ander blokkeert haar ook.",
        "You have unblocked card {serial}, but it stays blocked: somebody else blocks it too.",
    ),
    "cards.done.revoke": Text("Kaart {serial} is ingetrokken.", "Card {serial} is revoked."),
}

_REFUSED = {
    "error.user.usage:actor": Text(
        "Er staat niet wie dit doet; noem een operator met --operator, of een persoon met --as en --ura.",
        "It does not say who does this; name an operator by --operator, or a person by --as and --ura.",
    ),
    "error.user.usage:ura": Text(
        "Dit geldt voor één organisatie; noem haar URA van 8 cijfers met --ura.",
        "This is done for one organisation; name its URA of 8 digits by --ura.",
    ),
    "error.user.usage:yes": Text(
        "Met --json wordt niets gevraagd; bevestig vooraf met --yes.",
        "Nothing is asked with --json; confirm beforehand by --yes.",
    ),
    "error.user.usage:key": Text(
        "Dit kan geen sleutel voor herhaling zijn; neem 1 tot 200 leesbare tekens.",
        "This cannot be an idempotency key; take 1 to 200 printable characters.",
    ),
    "error.user.usage:until": Text(
        "Het einde ligt in het verleden, of verder weg dan het beleid toestaat; noem een ander moment.",
        "The end is in the past, or later than the policy allows; name another moment.",
    ),
    "error.user.usage:operator": Text(
        "De naam van de operator ontbreekt; noem hem met --operator.",
        "The operator's name is missing; name them by --operator.",
    ),
    "error.user.usage:contact_email": Text(
        "Dit is geen e-mailadres; controleer het.", "This is no e-mail address; check it."
    ),
    "error.user.usage:contact_name": Text(
        "De naam van de contactpersoon ontbreekt of is te lang; neem 1 tot 200 leesbare tekens.",
        "The contact's name is missing or too long; take 1 to 200 printable characters.",
    ),
    "error.user.usage:organisation_name": Text(
        "De naam van de organisatie ontbreekt of is te lang; neem 1 tot 200 leesbare tekens.",
        "The organisation's name is missing or too long; take 1 to 200 printable characters.",
    ),
    "error.user.usage:uzi_number": Text(
        "Een UZI-nummer heeft 9 cijfers; controleer het.", "A UZI number has 9 digits; check it."
    ),
    "error.portal.not_found:SmartCard": Text(
        "Deze kaart is er niet, of hoort niet bij deze organisatie; zoek haar in de lijst van kaarten.",
        "There is no such card, or it is not this organisation's; look for it in the list of cards.",
    ),
    "error.portal.not_found:Guest": Text(
        "Geen persoon met dit UZI-nummer heeft deze kaart in gebruik; controleer beide nummers.",
        "Nobody with this UZI number has this card in use; check both numbers.",
    ),
    "error.portal.not_found:MobileID": Text(
        "Deze telefoon is er niet, of hoort niet bij deze organisatie; zoek hem in de lijst van telefoons.",
        "There is no such phone, or it is not this organisation's; look for it in the list of phones.",
    ),
    "error.portal.transition:mobile": Text(
        "De telefoon is {state}, dan kan dit niet; bekijk hem in de lijst van telefoons.",
        "The phone is {state}, and this is not possible then; look at it in the list of phones.",
    ),
    "detail.portal.transition.state:linked": Text("niet geblokkeerd", "not blocked"),
    "detail.portal.transition.state:blocked": Text("al geblokkeerd", "blocked already"),
    "detail.portal.transition.state:offered": Text("nog niet gekoppeld", "not linked yet"),
    "detail.portal.transition.state:linking": Text("nog niet gekoppeld", "not linked yet"),
    "detail.portal.transition.state:expired": Text("niet gekoppeld", "not linked"),
    "error.portal.not_found:Membership": Text(
        "Deze persoon is niet aan deze organisatie gekoppeld; zoek in de lijst van personen.",
        "This person is not linked to this organisation; look in the list of people.",
    ),
    "error.portal.not_found:Person": Text(
        "Deze gebruikersnaam is er niet; controleer hem.", "There is no such user name; check it."
    ),
    "error.portal.not_found:Request": Text(
        "Deze aanvraag is er niet; zoek haar in de lijst van aanvragen.",
        "There is no such request; look for it in the list of requests.",
    ),
    "error.portal.not_found:LinkOffer": Text(
        "Deze code geldt hier niet, is al gebruikt of is verlopen; vraag de persoon om een nieuwe.",
        "This code does not hold here, was used, or has expired; ask the person for a new one.",
    ),
    "error.portal.replay:idempotency key": Text(
        "Deze sleutel voor herhaling is al voor iets anders gebruikt; neem een andere.",
        "This idempotency key has served something else; take another.",
    ),
    "error.portal.replay:Adoption": Text(
        "Dit UZI-nummer is al toegestaan; de persoon kan er mee komen.",
        "This UZI number is allowed already; the person may come with it.",
    ),
    "error.portal.transition:request": Text(
        "Over deze aanvraag is al beslist; dien zo nodig een nieuwe in.",
        "This request is decided already; file a new one if need be.",
    ),
    "error.portal.transition:card": Text(
        "De kaart is {state}, dan kan dit niet; bekijk eerst hoe het met haar staat.",
        "The card is {state}, and this is not possible then; look first how it is now.",
    ),
    "detail.portal.transition.state:suspended": Text("al geblokkeerd", "blocked already"),
    "detail.portal.transition.state:revoked": Text("ingetrokken", "revoked"),
    "detail.portal.transition.state:active": Text("niet geblokkeerd", "not blocked"),
    "detail.portal.transition.state:creating": Text("nog in aanmaak", "still being made"),
    "detail.portal.transition.state:renewing": Text("in verlenging", "being renewed"),
    "detail.portal.transition.state:abandoned": Text("niet afgemaakt", "not finished"),
    "detail.portal.transition.state:scrapped": Text("afgedankt", "scrapped"),
    "error.portal.not_allowed:guest": Text(
        "Dit is van een gast; alleen de eigen organisatie kan dit doen.",
        "This is a guest's; only their own organisation can do this.",
    ),
    "error.portal.not_allowed:own": Text(
        "Deze persoon hoort al bij uw organisatie, en is hier geen gast; zoek in de lijst van personen.",
        "This person belongs to your organisation, and is no guest here; look in the list of people.",
    ),
    "error.portal.not_allowed:others": Text(
        "Een ander dan uw organisatie of de pashouder heeft deze kaart geblokkeerd; alleen die kan haar deblokkeren.",
        "Another than your organisation or its holder has blocked this card; only they can unblock it.",
    ),
    "error.portal.not_linked:phone": Text(
        "U hebt geen gekoppelde telefoon om dit mee te ondertekenen; koppel er eerst een met uw UZI-pas.",
        "You have no linked phone to sign this with; link one with your UZI pass first.",
    ),
    "error.portal.not_allowed:administrator": Text(
        "Er blijft altijd één administrator; benoem eerst een ander.",
        "One administrator always remains; appoint another first.",
    ),
}

TEXTS: Mapping[str, Text] = {**_SHOWN, **_ASKED, **_DONE, **_REFUSED}
