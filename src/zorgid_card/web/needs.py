"""What is needed before the steps of a page begin, and whether it is there (ORG-2, CRD-3, CRD-14)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from zorgid_card.errors import NotFoundError
from zorgid_card.texts import Texts
from zorgid_card.web.render import Page
from zorgid_card.workflows.organisation import CREATE, REGISTER, Requirement, requirements

PURPOSES: Final[Mapping[str, str]] = {"register": REGISTER, "create": CREATE}
_ENDING: Final = frozenset({"reader", "client", "platform"})
"""Without these there is no use in beginning."""


@dataclass(frozen=True, slots=True)
class Need:
    """A line of what is needed: ``met`` as in :class:`Requirement`, ``in_the_way``: nothing is begun without it."""

    text: str
    said: str
    met: bool | None
    in_the_way: bool


def needs(page: Page) -> list[Need]:
    """What is needed for the purpose in the path, by the portal's policy, given what a page has seen of the computer.

    This informs; what must hold the portal judges when the agent comes, and says no before anything is asked of a card.

    Raises:
        NotFoundError: no such purpose.
        MessageError: not a version.
    """
    name, query = page.path["purpose"], page.query
    if name not in PURPOSES:
        raise NotFoundError("nothing has that purpose", what="page")
    seen = requirements(
        PURPOSES[name],
        page.portal.services.policy,
        client_version=query.get("version", ""),
        platform=query.get("platform", "")[:40],
        has_reader=query.get("readers", "0") != "0",
    )
    has_pass = "uzi-pass" in query.get("kinds", "").split()
    return [_line(page.texts, name, need, has_pass) for need in seen]


def _line(t: Texts, purpose: str, need: Requirement, has_pass: bool) -> Need:
    text = f"web.need.{need.name}.{purpose}" if need.name == "pass" else f"web.need.{need.name}"
    said = _SAID[need.met](t, need, has_pass)
    return Need(t(text), said, need.met, need.met is False and need.name in _ENDING)


def _kept(t: Texts, need: Requirement, has_pass: bool) -> str:
    """What only the person knows, and the pass: of which type it is shows when it is read."""
    if need.name == "pass" and has_pass:
        return t("web.need.pass.found")
    return t(f"web.need.{need.name}.keep")


_SAID: Final[Mapping[bool | None, Callable[[Texts, Requirement, bool], str]]] = {
    None: _kept,
    True: lambda t, need, _: t("web.need.met", found=need.found),
    False: lambda t, need, _: t(f"web.need.{need.name}.unmet", found=need.found, needed=need.needed),
}
