"""The state machines of everything that has a state: one table each, ``(state, event) -> new state``.

The pictures in the documentation are drawn from these tables, and nothing else in the library changes a
state.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from zorgid_card.errors import TransitionError

Table: TypeAlias = Mapping[tuple[str, str], str]

REQUEST: Table = {
    ("filed", "approve"): "approved",
    ("filed", "reject"): "rejected",
}
"""A request to register an organisation (ORG-1)."""

ORGANISATION: Table = {
    ("approved", "validate"): "validated",
    ("validated", "suspend"): "suspended",
    ("suspended", "resume"): "validated",
}
"""An organisation (ORG-1, ORG-3)."""

MOBILE: Table = {
    ("offered", "link"): "linking",
    ("offered", "expire"): "expired",
    ("offered", "revoke"): "revoked",
    ("linking", "confirm"): "linked",
    ("linking", "expire"): "expired",
    ("linking", "revoke"): "revoked",
    ("linked", "block"): "blocked",
    ("linked", "revoke"): "revoked",
    ("blocked", "unblock"): "linked",
    ("blocked", "revoke"): "revoked",
}
"""A phone (ORG-5 to ORG-7, ADM-7): between the phone's word and the portal's session's word it is
``linking``.
"""

PHONE_REQUEST: Table = {
    ("asked", "approve"): "approved",
    ("asked", "refuse"): "refused",
    ("asked", "mismatch"): "mismatched",  # another number than the page's
    ("asked", "fail"): "failed",  # wrong digits
    ("asked", "replace"): "replaced",  # another was asked for before it was answered
    ("approved", "use"): "used",
}
"""What a phone is asked to sign (ORG-7): a log-in or a change; what was signed serves once."""

CARD: Table = {
    ("creating", "commit"): "active",
    ("creating", "revoke"): "revoked",
    ("creating", "abandon"): "abandoned",
    ("active", "block"): "suspended",
    ("active", "revoke"): "revoked",
    ("suspended", "block"): "suspended",  # by another party, for a reason of its own
    ("suspended", "unblock"): "active",  # by the last of those who blocked it
    ("suspended", "revoke"): "revoked",
    # Between the leave to overwrite its keys and the proof of new ones, a card has perhaps the old keys, perhaps none.
    ("active", "renew"): "renewing",
    ("renewing", "keep"): "active",
    ("renewing", "create"): "creating",
    ("renewing", "abandon"): "abandoned",
    ("renewing", "revoke"): "revoked",
    ("creating", "scrap"): "scrapped",
    ("abandoned", "scrap"): "scrapped",
    ("revoked", "scrap"): "scrapped",
    # A card whose certificate is dead may be wiped, and is then a blank like any other.
    ("abandoned", "create"): "creating",
    ("revoked", "create"): "creating",
}
"""A ZORG-ID Smartcard (CRD-8, CRD-10, ADM-2 to ADM-4)."""

CERTIFICATE: Table = {
    ("hold", "release"): "good",
    ("hold", "revoke"): "revoked",
    ("good", "block"): "hold",
    ("good", "revoke"): "revoked",
}
"""A certificate's status (RFC 5280, 5.3.1): issued on hold, and nothing leads away from ``revoked``."""

MACHINES: Mapping[str, Table] = {
    "request": REQUEST,
    "organisation": ORGANISATION,
    "mobile": MOBILE,
    "phone-request": PHONE_REQUEST,
    "card": CARD,
    "certificate": CERTIFICATE,
}


def move(machine: str, state: str, event: str) -> str:
    """The state that follows.

    Args:
        machine: a name of :data:`MACHINES`.
        state: the state now.
        event: what is to happen.

    Raises:
        TransitionError: the table has no such step; ``what``, ``state``, ``event``.
    """
    try:
        return MACHINES[machine][state, event]
    except KeyError:
        message = f"a {machine} that is {state} cannot have: {event}"
        raise TransitionError(message, what=machine, state=state, event=event) from None
