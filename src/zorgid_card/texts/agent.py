# ruff: noqa: E501
"""The sentences of the agent: its own questions, and its commands."""

from __future__ import annotations

from collections.abc import Mapping

from zorgid_card.texts.text import Text

TEXTS: Mapping[str, Text] = {
    "question.agent-pair": Text(
        "Een pagina van dit portaal wil uw paslezer gebruiken. Toont de pagina die u zelf hebt geopend deze code?",
        "A page of this portal wants to use your card reader. Does the page that you opened yourself show this code?",
    ),
    "error.user.declined:agent-pair": Text(
        "Het portaal is niet gekoppeld; open de pagina opnieuw om het alsnog te doen.",
        "The portal was not paired; open the page again to do it after all.",
    ),
    "error.user.declined:log-in": Text(
        "U hebt gezegd dat u hier niet wilt inloggen; er is niets ondertekend.",
        "You said that you do not want to log in here; nothing was signed.",
    ),
    "error.user.usage:compare-code": Text(
        "Dit is niet de code die de telefoon toont; typ de zes cijfers van de telefoon.",
        "This is not the code that the phone shows; type the phone's six digits.",
    ),
    "error.user.usage:birth-date": Text(
        "Dit is geen geboortedatum van iemand die leeft; vul hem in als dag-maand-jaar.",
        "This is not the birth date of a living person; give it as day-month-year.",
    ),
    "error.reader.busy:step": Text(
        "In een ander venster is bij deze paslezer nog iets bezig; maak dat eerst af, of sluit dat venster.",
        "Something is still going on at this reader in another window; finish that first, or close that window.",
    ),
    "error.storage:agent-list": Text(
        "{path} is geen lijst van portalen voor de agent; herstel het bestand, of verwijder het en koppel opnieuw.",
        "{path} is no list of portals for the agent; mend the file, or remove it and pair again.",
    ),
    "error.storage:writable": Text(
        "{path} kan door anderen worden gewijzigd en wordt daarom niet vertrouwd; geef alleen de eigenaar het recht om te schrijven.",
        "{path} may be changed by others and is therefore not relied on; let its owner alone write it.",
    ),
    "error.storage:port": Text(
        "Poort {path} is in gebruik, misschien doordat de agent al draait; sluit die af, of kies een andere poort met --port.",
        "Port {path} is in use, perhaps because the agent runs already; end that one, or choose another port with --port.",
    ),
    "error.user.usage:rollout": Text(
        "De beheerder van deze computer bepaalt welke portalen de agent mogen gebruiken.",
        "The administrator of this computer decides which portals may use the agent.",
    ),
    "error.user.usage:websockets": Text(
        "Hiervoor ontbreekt websockets; installeer het met: pip install 'zorgid-card[agent]'.",
        "websockets is missing for this; install it: pip install 'zorgid-card[agent]'.",
    ),
    "error.user.usage:prompt": Text(
        "Vragen van de agent hebben een terminal nodig, of pinentry: --prompt pinentry.",
        "The agent's questions need a terminal, or pinentry: --prompt pinentry.",
    ),
    "agent.listening": Text(
        "De agent staat klaar op poort {port} van deze computer. Ctrl-C beëindigt hem.",
        "The agent is ready on port {port} of this computer. Ctrl-C ends it.",
    ),
    "agent.stopped": Text("De agent is gestopt.", "The agent has stopped."),
    "agent.for": Text("Portaal {origin}", "Portal {origin}"),
    "agent.allowed": Text("{origin} mag de agent gebruiken.", "{origin} may use the agent."),
    "agent.forgotten": Text("{origin} mag de agent niet meer gebruiken.", "{origin} may not use the agent any more."),
    "agent.unknown": Text("{origin} stond niet op uw lijst.", "{origin} was not on your list."),
    "agent.laid_down": Text(
        "{origin} is toegestaan door de beheerder van deze computer, en blijft dat.",
        "{origin} is allowed by the administrator of this computer, and stays so.",
    ),
    "agent.none": Text("Er is nog geen portaal gekoppeld.", "No portal has been paired yet."),
    "agent.since": Text("sinds {when}", "since {when}"),
    "agent.by_administrator": Text("door de beheerder", "by the administrator"),
    "agent.closed_list": Text(
        "De beheerder laat geen andere portalen toe.", "The administrator admits no other portals."
    ),
}
