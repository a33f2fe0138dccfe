"""The audit log as JSON lines, with the names of NEN 7513's fields where it has one (docs/audit.md says which are our own)."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from zorgid_card.codec import audit as codec
from zorgid_card.ports.registry import AuditEvent, AuditLink, Registry

_PAGE: Final = 500
_CREATE, _READ, _UPDATE, _DELETE, _EXECUTE = "CRUDE"
_ACTION_CODES: Final = {
    _CREATE: ("file", "offer", "create", "register", "keep", "begin", "issue"),
    _DELETE: ("revoke", "unlink", "abandon", "scrap", "erase", "remove"),
    _READ: ("show", "list", "release", "export"),
    _EXECUTE: ("log-in", "sign", "validate"),
}
_PERSON, _SYSTEM, _ORGANISATION = "1", "2", "3"
_OBJECT_TYPES: Final = {
    "person": _PERSON,
    "administrator": _PERSON,
    "organisation": _ORGANISATION,
    "request": _ORGANISATION,
}


def lines(
    registry: Registry,
    *,
    source: str,
    ura: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Iterator[str]:
    """Events as JSON objects, one a line, in the order of their chains.

    Args:
        registry: the portal's store.
        source: what names this portal among other systems (AuditSourceID).
        ura: only this organisation's, 8 digits; None: all.
        since: only from then on.
        until: only before then.

    Raises:
        StorageError: the registry cannot be read.
    """
    after: str | None = "" if ura is None else f"{ura}:"
    while after is not None:
        with registry.begin() as unit:
            events = unit.page(AuditEvent, after=after, limit=_PAGE)
            links = {link.id: link for link in unit.page(AuditLink, after=after, limit=_PAGE)}
        after = events[-1].id if len(events) == _PAGE else None
        for event in events:
            if ura is not None and codec.split(event.id)[0] != ura:
                return
            if (since is None or event.at >= since) and (until is None or event.at < until):
                yield json.dumps(_told(event, links.get(event.id), source), ensure_ascii=False, separators=(",", ":"))


def action_code(action: str) -> str:
    """C, R, U, D or E (EventActionCode) of an action; what changes something, and is not known, is an update."""
    what = action.partition(".")[2]
    return next((code for code, known in _ACTION_CODES.items() if what in known), _UPDATE)


def _told(event: AuditEvent, link: AuditLink | None, source: str) -> dict[str, Any]:
    thing = event.action.partition(".")[0]
    return {
        "EventID": event.action,
        "EventActionCode": action_code(event.action),
        "EventDateTime": event.at.isoformat(timespec="microseconds"),
        "EventOutcomeIndicator": "0",
        "UserID": event.actor,
        "UserIsRequestor": True,
        "AuditSourceID": source,
        "AuditEnterpriseSiteID": event.ura,
        "ParticipantObjectTypeCode": _OBJECT_TYPES.get(thing, _SYSTEM),
        "ParticipantObjectIDTypeCode": thing,
        "ParticipantObjectID": event.subject,
        "ParticipantObjectDetail": json.loads(event.detail) if event.detail else None,
        "zorgid": _own(event, link),
    }


def _own(event: AuditEvent, link: AuditLink | None) -> dict[str, Any]:
    """What NEN 7513 has no field for: the reason, and what ties the event to its chain."""
    salts = [event.salts[codec.SALT * n : codec.SALT * (n + 1)] for n in range(len(codec.FIELDS))]
    return {
        "id": event.id,
        "reason": event.reason,
        "erased": [name for name, salt in zip(codec.FIELDS, salts, strict=True) if salt == codec.ERASED],
        "salts": base64.b64encode(event.salts).decode(),
        "commitments": None if link is None else base64.b64encode(link.commitments).decode(),
        "digest": None if link is None else link.digest.hex(),
    }
