"""An organisation's cards: listed, shown, blocked, unblocked, revoked (ADM-1 to ADM-4)."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from zorgid_card.cards.expiry import NOTICE
from zorgid_card.errors import NotAllowedError, NotFoundError, TransitionError, UsageError
from zorgid_card.pki.revocation import ON_HOLD, UNSPECIFIED
from zorgid_card.ports.registry import (
    CardLink,
    FoundCard,
    IssuedCertificate,
    Person,
    SmartCard,
    Suspension,
    Unit,
)
from zorgid_card.workflows import revocation_list
from zorgid_card.workflows.management.call import BY_HOLDER, Call, reason_of
from zorgid_card.workflows.management.desk import Desk, require_limit
from zorgid_card.workflows.management.persons import Colleague
from zorgid_card.workflows.management.roles import OPERATOR, Reach
from zorgid_card.workflows.states import move

CAUSES = frozenset(
    (
        "unspecified",
        "keyCompromise",
        "affiliationChanged",
        "superseded",
        "cessationOfOperation",
        "privilegeWithdrawn",
    )
)
"""Reasons with which a certificate is revoked for good (RFC 5280, 5.3.1)."""

_IN_USE = frozenset({"active", "renewing", "suspended"})
NOBODYS = revocation_list.CARD
"""The cause of what nobody in particular suspended, such as a replaced card: a manager may undo it."""

_ALIVE = frozenset({"active", "renewing", "creating"})
_READ = 500


@dataclass(frozen=True, slots=True)
class CardRow:
    """A card as it is shown (ADM-1).

    Attributes:
        card: the card.
        person: its holder.
        link: with the organisation acted for; None for an operator who acts for none.
        not_after: when its certificate ends, UTC.
    """

    card: SmartCard
    person: Colleague
    link: CardLink | None
    not_after: datetime | None

    @property
    def guest(self) -> bool:
        """Whether the card is a guest's here (CRD-13)."""
        return self.link is not None and self.link.until is not None


@dataclass(frozen=True, slots=True)
class CardPage:
    """One page of cards; ``after`` begins the next one, None: this was the last."""

    rows: tuple[CardRow, ...]
    after: str | None


class Cards(Desk):
    """What may be done with cards. A holder reaches their own, an operator all."""

    def list_cards(
        self, *, search: str = "", state: str | None = None, limit: int = 50, after: str | None = None
    ) -> CardPage:
        """The cards in reach, a page at a time (ADM-1).

        Args:
            search: each word begins a word of the holder's names, user name or UZI number, or the card's serial; case and accents
                do not matter. A holder has too few cards to search in.
            state: only cards in this state.
            limit: rows of the page, 1 to 200.
            after: ``after`` of the page before; a name may be in it.

        Raises:
            UsageError: no such limit, or ``after`` is of no page.
        """
        require_limit(limit)
        return self._do("card.list", lambda call: _page(call, search, state, limit, after or ""))

    def own_cards(self) -> tuple[CardRow, ...]:
        """The person's own cards at the organisation acted for, whatever their role there."""
        return self._do("card.list", lambda call: tuple(_own(call)))

    def expiring(self, *, within: timedelta = NOTICE) -> tuple[CardRow, ...]:
        """Cards that are in use and expire soon, or have expired: whose holders are to renew them.

        Args:
            within: how long before the end a card is told.

        Returns:
            the first to expire first; guests' cards are not among them: their own organisation is told.
        """

        def work(call: Call) -> tuple[CardRow, ...]:
            in_use = (row for row in _all(call) if row.card.state in _IN_USE and not row.guest)
            soon = [(row.not_after, row) for row in in_use if row.not_after and row.not_after <= call.now + within]
            return tuple(row for _, row in sorted(soon, key=lambda pair: pair[0]))

        return self._do("card.list", work)

    def show(self, serial: str) -> CardRow:
        """One card; raises NotFoundError."""
        return self._do("card.show", lambda call: _row(call.unit, call.link(serial), serial))

    def own(self, serial: str, action: str) -> CardRow:
        """One card with which the actor may do this: no guest's.

        Args:
            serial: the card's.
            action: what is to be done with it, of the table of roles.

        Raises:
            NotFoundError: no such card at this organisation.
            NotAllowedError: the role does not reach it, or the card is a guest's.
        """

        def work(call: Call) -> CardRow:
            call.card(serial)
            return _row(call.unit, call.link(serial), serial)

        return self._do(action, work)

    def block(self, serial: str, reason: str, *, key: str | None = None) -> SmartCard:
        """Block a card: its certificate is on hold until it is unblocked (ADM-2).

        A card that somebody else has blocked may be blocked as well: it works again when all have unblocked it.

        Args:
            serial: the card's.
            reason: for the record, 1 to 1000 characters.
            key: the caller's idempotency key, 1 to 200 characters: a repetition within 24 hours gets the same answer.

        Raises:
            NotFoundError: no such card in reach.
            NotAllowedError: the role does not reach it, or the card is a guest's.
            TransitionError: the card's state does not allow it, or it is blocked by the same party already.
            UsageError: no reason is given.
            ReplayError: the key served another request.
        """
        return self._change("card.block", _block, serial, reason, key)

    def unblock(self, serial: str, reason: str, *, key: str | None = None) -> SmartCard:
        """Undo :meth:`block`, which this organisation or the holder did (ADM-3); Args and Raises as there.

        The card that is returned is still ``suspended`` where another party has blocked it as well. An operator undoes all blocks.

        Raises:
            NotAllowedError: also where others blocked it, or while others than the card's holder know its PUK, or may know it
                (:meth:`disclose_puk`).
        """
        return self._change("card.unblock", _unblock, serial, reason, key)

    def revoke(self, serial: str, reason: str, *, cause: str = UNSPECIFIED, key: str | None = None) -> SmartCard:
        """Revoke a card for good (ADM-4); Args and Raises as :meth:`block`.

        Args:
            cause: one of :data:`CAUSES`, for the CRL.
        """
        if cause not in CAUSES:
            raise UsageError("no such reason for a CRL", reason="cause")
        return self._change("card.revoke", _revoke, serial, reason, key, cause=cause)

    def disclose_puk(self, serial: str, how: str, reason: str) -> SmartCard:
        """Others are about to know a card's PUK: it is suspended, and cannot be unblocked until its holder has changed it.

        Args:
            serial: the card's.
            how: ``escrow`` or ``reset``.
            reason: for the record, 1 to 1000 characters.

        Raises:
            NotFoundError, NotAllowedError, UsageError: as for :meth:`block`.
            TransitionError: it is being made or renewed.
        """
        why = reason_of(reason)
        return self._do("puk.disclose", lambda call: _disclose(call, serial, how, why))

    def _change(
        self, action: str, work: Callable[..., SmartCard], serial: str, reason: str, key: str | None, **more: str
    ) -> SmartCard:
        """Change a card's state, once for one idempotency key."""
        why = reason_of(reason)
        return self._once(
            action, SmartCard, lambda call: work(call, serial, why, **more), key, serial=serial, reason=why, **more
        )


# --- transitions ------------------------------------------------------------------------------------------------------


def _block(call: Call, serial: str, reason: str) -> SmartCard:
    return _changed(call, _held(call, call.card(serial)), reason)


def _held(call: Call, card: SmartCard) -> SmartCard:
    """The card, blocked for the call's party as well."""
    state = move("card", card.state, "block")
    if card.state == "suspended" and call.party in _causes(call.unit, card):
        raise TransitionError("this card is blocked already", what="card", state=card.state, event="block")
    revocation_list.change_all(call.unit, card.serial, "block", ON_HOLD, call.now, cause=call.party)
    return replace(card, state=state)


def _disclose(call: Call, serial: str, how: str, reason: str) -> SmartCard:
    card = call.card(serial)
    if card.state in _ALIVE:
        card = _changed(replace(call, action="card.block"), _held(call, card), reason)
    return _changed(call, replace(card, puk_disclosed=f"{how}:{uuid.uuid4().hex}"), reason, how=how)


def _unblock(call: Call, serial: str, reason: str) -> SmartCard:
    card = call.card(serial)
    if card.puk_disclosed is not None:
        raise NotAllowedError("others know its PUK, which is to be changed first", action=call.action, reason="puk")
    state = move("card", card.state, "unblock")
    causes = _causes(call.unit, card)
    lifted = [cause for cause in causes if call.role == OPERATOR or cause in (call.party, BY_HOLDER, NOBODYS)]
    if causes and not lifted:
        raise NotAllowedError("another party blocked this card", action=call.action, reason="others")
    left = [
        revocation_list.change_all(call.unit, serial, "release", None, call.now, cause=cause)
        for cause in lifted or [NOBODYS]
    ][-1]
    return _changed(call, card if left else replace(card, state=state), reason)


def _revoke(call: Call, serial: str, reason: str, cause: str) -> SmartCard:
    card = call.card(serial)
    state = move("card", card.state, "revoke")
    revocation_list.change_all(call.unit, serial, "revoke", cause, call.now)
    return _changed(call, replace(card, state=state), reason, cause=cause)


def _causes(unit: Unit, card: SmartCard) -> list[str]:
    """Who has blocked the card: each party for a reason of its own, which nobody else's unblocking undoes."""
    return [suspension.cause for suspension in unit.find(Suspension, card_serial=card.serial)]


def _changed(call: Call, card: SmartCard, reason: str, **detail: str) -> SmartCard:
    changed = replace(card, reason=reason)
    call.unit.replace(changed)
    call.record(card.serial, reason, **detail)
    return changed


# --- pages ------------------------------------------------------------------------------------------------------------


def _page(call: Call, search: str, state: str | None, limit: int, after: str) -> CardPage:
    if call.reach is Reach.OWN:
        rows = tuple(row for row in _own(call) if state in (None, row.card.state) and row.card.serial > after)
        return CardPage(rows[:limit], rows[limit - 1].card.serial if len(rows) > limit else None)
    found = call.unit.cards(call.ura, at=call.now, search=search, state=state, after=after, limit=limit + 1)
    return CardPage(tuple(map(_shown, found[:limit])), found[limit - 1].mark if len(found) > limit else None)


def _all(call: Call) -> Iterator[CardRow]:
    """The cards in reach."""
    if call.reach is Reach.OWN:
        yield from _own(call)
        return
    after = ""
    while True:
        found = call.unit.cards(call.ura, at=call.now, after=after, limit=_READ)
        yield from map(_shown, found)
        if len(found) < _READ:
            return
        after = found[-1].mark


def _own(call: Call) -> Iterator[CardRow]:
    """A holder's own cards at the organisation: few, so that nothing is searched for."""
    mine = (
        call.unit.find(SmartCard, person_id=call.actor) if isinstance(call.actor, str) else ()
    )  # an operator has none
    for card in mine:
        with suppress(NotFoundError):
            yield _row(call.unit, call.link(card.serial), card.serial)


def _shown(found: FoundCard) -> CardRow:
    return CardRow(found.card, Colleague.of(found.person), found.link, found.not_after)


def _row(unit: Unit, link: CardLink | None, serial: str) -> CardRow:
    card = unit.get(SmartCard, serial)
    issued = next(unit.find(IssuedCertificate, serial=card.certificate_serial), None)
    person = Colleague.of(unit.get(Person, card.person_id))
    return CardRow(card, person, link, None if issued is None else issued.not_after)
