"""An organisation's phones: their last use; blocked, unblocked, revoked (ADM-7)."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import datetime

from zorgid_card.errors import NotFoundError
from zorgid_card.ports.registry import MobileID, Person
from zorgid_card.workflows.management.call import Call, reason_of
from zorgid_card.workflows.management.desk import Desk, require_limit
from zorgid_card.workflows.management.persons import Colleague
from zorgid_card.workflows.states import move


@dataclass(frozen=True, slots=True)
class PhoneRow:
    """A phone as it is shown: without its key, and what is kept of its secrets."""

    id: str
    person_id: str
    ura: str
    state: str
    device: str
    tries_left: int
    linked_at: datetime | None
    last_used_at: datetime | None

    @classmethod
    def of(cls, phone: MobileID) -> PhoneRow:
        """What is shown of this phone."""
        return cls(**{field.name: getattr(phone, field.name) for field in fields(cls)})


@dataclass(frozen=True, slots=True)
class PhoneShown:
    """A phone in a list, and whose it is; None: somebody's who has left."""

    phone: PhoneRow
    person: Colleague | None


@dataclass(frozen=True, slots=True)
class PhonePage:
    """One page of phones; ``after`` begins the next one, None: this was the last."""

    rows: tuple[PhoneShown, ...]
    after: str | None


class Phones(Desk):
    """What may be done with phones."""

    def phones(self) -> tuple[PhoneRow, ...]:
        """The organisation's phones, with their last use."""
        return self._do(
            "phone.list", lambda call: tuple(map(PhoneRow.of, call.unit.find(MobileID, ura=call.organisation)))
        )

    def list_phones(self, *, state: str | None = None, limit: int = 50, after: str | None = None) -> PhonePage:
        """The organisation's phones and their people, a page at a time (ADM-7).

        Args:
            state: only phones in this state.
            limit: rows of the page, 1 to 200.
            after: ``after`` of the page before.
        """
        require_limit(limit)
        equal = {} if state is None else {"state": state}

        def work(call: Call) -> PhonePage:
            found = call.unit.page(MobileID, after=after or "", limit=limit + 1, ura=call.organisation, **equal)
            rows = tuple(PhoneShown(PhoneRow.of(phone), _person(call, phone.person_id)) for phone in found[:limit])
            return PhonePage(rows, found[limit - 1].id if len(found) > limit else None)

        return self._do("phone.list", work)

    def show_phone(self, mobile_id: str) -> PhoneShown:
        """One phone of the organisation; raises NotFoundError."""

        def work(call: Call) -> PhoneShown:
            phone = call.phone(mobile_id)
            return PhoneShown(PhoneRow.of(phone), _person(call, phone.person_id))

        return self._do("phone.list", work)

    def block_phone(self, mobile_id: str, reason: str, *, key: str | None = None) -> PhoneRow:
        """Block a phone (ADM-7).

        Args:
            mobile_id: the phone.
            reason: for the record, 1 to 1000 characters.
            key: the caller's idempotency key, 1 to 200 characters.

        Raises:
            NotFoundError: no such phone at this organisation.
            TransitionError: its state does not allow it.
            UsageError: no reason is given.
            ReplayError: the key served another request.
        """
        return self._change_phone(mobile_id, "block", reason, key)

    def unblock_phone(self, mobile_id: str, reason: str, *, key: str | None = None) -> PhoneRow:
        """Unblock a phone, with all its tries; Args and Raises as :meth:`block_phone`."""
        return self._change_phone(mobile_id, "unblock", reason, key)

    def revoke_phone(self, mobile_id: str, reason: str, *, key: str | None = None) -> PhoneRow:
        """Revoke a phone for good; Args and Raises as :meth:`block_phone`."""
        return self._change_phone(mobile_id, "revoke", reason, key)

    def _change_phone(self, mobile_id: str, event: str, reason: str, key: str | None) -> PhoneRow:
        why, tries = reason_of(reason), self._policy.phones.tries
        return self._once(
            f"phone.{event}",
            PhoneRow,
            lambda call: _change(call, mobile_id, event, why, tries),
            key,
            phone=mobile_id,
            reason=why,
        )


def _person(call: Call, person_id: str) -> Colleague | None:
    try:
        return Colleague.of(call.unit.get(Person, call.member(person_id).person_id))
    except NotFoundError:
        return None


def _change(call: Call, mobile_id: str, event: str, reason: str, tries: int) -> PhoneRow:
    phone = call.phone(mobile_id)
    left = tries if event == "unblock" else phone.tries_left
    changed = replace(phone, state=move("mobile", phone.state, event), tries_left=left, secret_hash=b"", code=None)
    call.record(mobile_id, reason)  # before the change: it may be this phone that has signed for it
    call.unit.replace(changed)
    return PhoneRow.of(changed)
