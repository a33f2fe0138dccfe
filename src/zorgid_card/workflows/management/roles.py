"""Who may do what: one table, from which the documentation's is drawn, and which every call is judged by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from zorgid_card.pki.identity import UZIIdentity
from zorgid_card.workflows.people import ADMINISTRATOR, HOLDER, MANAGER

OPERATOR = "operator"
"""Runs the portal."""
PASS_HOLDER = "pass holder"
"""Has just shown a valid UZI pass of the organisation, and is perhaps not known yet (ORG-3, ORG-4, ORG-8)."""
APPLICANT = "applicant"
"""Anybody (ORG-1)."""

ROLES = (OPERATOR, ADMINISTRATOR, MANAGER, HOLDER, PASS_HOLDER, APPLICANT)


@dataclass(frozen=True, slots=True)
class Operator:
    """One of the portal's own operators; the caller has made sure of that. ``name`` goes into the record of what happened."""

    name: str


Actor: TypeAlias = str | Operator | UZIIdentity | None
"""Who acts: a person by their id; an operator; who has just shown a pass, as it was verified; None: anybody."""


class Reach(StrEnum):
    """What of an action a role may do."""

    OWN = "own"
    """What is theirs, at the organisation acted for."""
    ORGANISATION = "organisation"
    """What is linked to the organisation acted for."""
    ANY = "any"
    """The same of whichever organisation the operator names, or, naming none, of all."""


_THEIRS = {ADMINISTRATOR: Reach.ORGANISATION, OPERATOR: Reach.ANY}
_MANAGED = {MANAGER: Reach.ORGANISATION, **_THEIRS}
_MANAGED_OR_OWN = {HOLDER: Reach.OWN, **_MANAGED}
_OPERATOR = {OPERATOR: Reach.ANY}
_WITH_PASS = {PASS_HOLDER: Reach.OWN}

TABLE: Mapping[str, Mapping[str, Reach]] = {
    "request.file": {APPLICANT: Reach.ORGANISATION},
    "request.show": _OPERATOR,
    "request.approve": _OPERATOR,
    "request.reject": _OPERATOR,
    "organisation.list": _OPERATOR,
    "organisation.show": {HOLDER: Reach.ORGANISATION, **_MANAGED},
    "organisation.validate": _WITH_PASS,
    "organisation.suspend": _OPERATOR,
    "organisation.resume": _OPERATOR,
    "administrator.register": _WITH_PASS,
    "person.identify": _WITH_PASS,
    "person.join": _WITH_PASS,
    "person.list": _MANAGED,
    "person.show": _MANAGED_OR_OWN,
    "person.appoint": _THEIRS,
    "person.offer": {ADMINISTRATOR: Reach.OWN, MANAGER: Reach.OWN, HOLDER: Reach.OWN, OPERATOR: Reach.ANY},
    "person.link": {ADMINISTRATOR: Reach.ORGANISATION},
    "person.link-guest": {ADMINISTRATOR: Reach.ORGANISATION},
    "person.unlink": _THEIRS,
    "person.approve-uzi-number": _THEIRS,
    "card.list": _MANAGED_OR_OWN,
    "card.show": _MANAGED_OR_OWN,
    "card.block": _MANAGED_OR_OWN,
    "card.unblock": _MANAGED,
    "card.revoke": _MANAGED_OR_OWN,
    "phone.list": _THEIRS,
    "phone.block": _THEIRS,
    "phone.unblock": _THEIRS,
    "phone.revoke": _THEIRS,
    "audit.show": _THEIRS,
    "audit.export": _THEIRS,
    "puk.ask": {ADMINISTRATOR: Reach.ORGANISATION, MANAGER: Reach.ORGANISATION},
    "puk.release": {ADMINISTRATOR: Reach.ORGANISATION},
    "puk.disclose": {ADMINISTRATOR: Reach.ORGANISATION, MANAGER: Reach.ORGANISATION},
    "puk.reset": {ADMINISTRATOR: Reach.ORGANISATION, MANAGER: Reach.ORGANISATION},
}
"""Action -> the roles that may do it, and how far each reaches. What is not in it, nobody may do."""


def as_markdown() -> str:
    """The table, for the documentation."""
    heads = ["action", *ROLES]
    rows = [[f"`{action}`", *(str(may.get(role, "")) for role in ROLES)] for action, may in TABLE.items()]
    return "\n".join("| " + " | ".join(row) + " |" for row in (heads, ["---"] * len(heads), *rows))
