"""A change that waits for a phone's signature, or had it, as the page that asked for it shows it (ADM-2 to ADM-7).

All that the page shows, and makes the change with, is read from what was asked: so it may be loaded again, in another tab or from
another worker, and what is then done is what the phone has shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from zorgid_card.errors import NotFoundError
from zorgid_card.pki.statement import PHONE_APPROVAL
from zorgid_card.ports.registry import MobileID, PhoneRequest, Unit
from zorgid_card.workflows.phone_requests import PORTALS, fields_of, is_of

OVER = "over"
_OWN = frozenset({"action", "subject", "reason", "person"})


@dataclass(frozen=True, slots=True)
class PendingChange:
    """What was asked of the phone.

    Attributes:
        nonce: names it.
        number: what the person copies to the phone.
        state: ``asked``, ``approved``, ``used`` (the change is made), ``over``; or it will not be signed: ``refused``,
            ``mismatched`` (another number), ``failed`` (wrong digits), ``replaced`` (another was asked for).
        action: of the table of roles.
        subject: serial of the card, id of the person or of the phone.
        about: whose card or phone it is, or who the person is.
        reason: as it was given.
        detail: what else belongs to the change, such as ``role``.
        expires_at: until when it can be answered or, approved, made.
        tries_left: of the phone's digits; 0: it is blocked.
    """

    nonce: str
    number: str
    state: str
    action: str
    subject: str
    about: str
    reason: str
    detail: Mapping[str, str]
    expires_at: datetime
    tries_left: int


def pending(unit: Unit, nonce: str, binding: str, now: datetime) -> PendingChange:
    """What this browser session has asked a phone to sign; it changes nothing.

    Args:
        unit: the open transaction.
        nonce: as :class:`~zorgid_card.workflows.phone_requests.Asked` has it.
        binding: the browser session that asked.
        now: UTC.

    Raises:
        NotFoundError: this session has asked for no such change, or it is long over.
    """
    asked = next(unit.find(PhoneRequest, nonce=nonce, kind=PHONE_APPROVAL), None)
    if asked is None or not is_of(asked, binding):
        raise NotFoundError("no such change waits for a phone", what="PhoneRequest")
    fields = {name: str(value) for name, value in fields_of(asked, asked.number).items()}
    open_still = asked.state not in ("asked", "approved") or now < asked.expires_at
    return PendingChange(
        nonce=asked.nonce,
        number=asked.number,
        state=asked.state if open_still else OVER,
        action=fields["action"],
        subject=fields["subject"],
        about=fields["about"],
        reason=fields["reason"],
        detail={name: value for name, value in fields.items() if name not in PORTALS | _OWN},
        expires_at=asked.expires_at,
        tries_left=unit.get(MobileID, asked.mobile_id).tries_left,
    )
