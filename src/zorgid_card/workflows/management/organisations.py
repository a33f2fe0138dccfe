"""Requests and organisations (ORG-1, ORG-3, ORG-4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from zorgid_card.errors import NotFoundError, UsageError
from zorgid_card.pki.identity import UZIIdentity
from zorgid_card.ports.registry import Membership, Organisation, Request
from zorgid_card.workflows import organisation
from zorgid_card.workflows.management.call import Call, reason_of
from zorgid_card.workflows.management.desk import Desk, require_limit
from zorgid_card.workflows.policy import Policy


@dataclass(frozen=True, slots=True)
class RequestPage:
    """One page of requests; ``after`` begins the next one, None: this was the last."""

    rows: tuple[Request, ...]
    after: str | None


@dataclass(frozen=True, slots=True)
class OrganisationPage:
    """One page of organisations; ``after`` begins the next one, None: this was the last."""

    rows: tuple[Organisation, ...]
    after: str | None


class Organisations(Desk):
    """What may be done with requests and organisations."""

    def request(
        self, *, organisation_name: str, contact_name: str, contact_email: str, key: str | None = None
    ) -> Request:
        """File a request to register the organisation acted for (ORG-1): anybody may, and it waits for an operator.

        Args:
            organisation_name: 1 to 200 characters.
            contact_name: 1 to 200 characters.
            contact_email: an address for the notice that the request has been processed.
            key: the caller's idempotency key, 1 to 200 characters.

        Raises:
            UsageError: ``reason`` names the value that does not fit.
            ReplayError: the key served another request.
        """
        form = {"organisation_name": organisation_name, "contact_name": contact_name, "contact_email": contact_email}

        def work(call: Call) -> Request:
            return organisation.file_request(call.unit, ura=call.organisation, **form, now=call.now)

        return self._once("request.file", Request, work, key, **form)

    def requests(self, *, state: str | None = None, limit: int = 50, after: str | None = None) -> RequestPage:
        """Requests, a page at a time: of one organisation, or, for an operator who names none, of all.

        Args:
            state: only requests in this state: ``filed``, ``approved``, ``rejected``.
            limit: rows of the page, 1 to 200.
            after: ``after`` of the page before.
        """
        require_limit(limit)

        def work(call: Call) -> RequestPage:
            found = call.unit.page(Request, after=after or "", limit=limit + 1, **_equal(ura=call.ura, state=state))
            return RequestPage(tuple(found[:limit]), found[limit - 1].id if len(found) > limit else None)

        return self._do("request.show", work)

    def show_request(self, request_id: str) -> Request:
        """One request; raises NotFoundError."""
        return self._do("request.show", lambda call: _request(call, request_id))

    def approve(self, request_id: str, reason: str, *, key: str | None = None) -> Organisation:
        """Approve a request: the organisation may now be validated (ORG-3); whoever filed it is told.

        Args:
            request_id: the request.
            reason: for the record and for who filed it, 1 to 1000 characters.
            key: the caller's idempotency key, 1 to 200 characters.

        Raises:
            NotFoundError: no such request.
            TransitionError: it is decided already, or the organisation is registered already.
            UsageError: no reason is given.
            ReplayError: the key served another request.
        """
        why = reason_of(reason)

        def work(call: Call) -> Organisation:
            found = _request(call, request_id)
            return organisation.approve(call.unit, found.id, operator=call.actor_name, reason=why, now=call.now)

        return self._once("request.approve", Organisation, work, key, request=request_id, reason=why)

    def reject(self, request_id: str, reason: str, *, key: str | None = None) -> Request:
        """Reject a request, with a reason that whoever filed it is told; Args and Raises as :meth:`approve`."""
        why = reason_of(reason)

        def work(call: Call) -> Request:
            found = _request(call, request_id)
            return organisation.reject(call.unit, found.id, operator=call.actor_name, reason=why, now=call.now)

        return self._once("request.reject", Request, work, key, request=request_id, reason=why)

    def organisations(self, *, state: str | None = None, limit: int = 50, after: str | None = None) -> OrganisationPage:
        """All organisations, a page at a time; Args as :meth:`requests`."""
        require_limit(limit)

        def work(call: Call) -> OrganisationPage:
            if call.ura is not None:
                return OrganisationPage((call.unit.get(Organisation, call.ura),), None)
            found = call.unit.page(Organisation, after=after or "", limit=limit + 1, **_equal(state=state))
            return OrganisationPage(tuple(found[:limit]), found[limit - 1].ura if len(found) > limit else None)

        return self._do("organisation.list", work)

    def organisation(self) -> Organisation:
        """The organisation acted for; raises NotFoundError where there is no more than a request."""
        return self._do("organisation.show", lambda call: call.unit.get(Organisation, call.organisation))

    def suspend(self, reason: str, *, key: str | None = None) -> Organisation:
        """Suspend the organisation: nothing is made, managed or logged in for it until :meth:`resume`.

        Its people's cards are theirs: they are not blocked by it, and what was blocked before stays so after :meth:`resume`.

        Raises:
            NotFoundError: no such organisation.
            TransitionError: it is not validated.
            UsageError: no reason is given.
            ReplayError: the key served another request.
        """
        why = reason_of(reason)

        def work(call: Call) -> Organisation:
            return organisation.suspend(
                call.unit, call.organisation, operator=call.actor_name, reason=why, now=call.now
            )

        return self._once("organisation.suspend", Organisation, work, key, reason=why)

    def resume(self, reason: str, *, key: str | None = None) -> Organisation:
        """Undo :meth:`suspend`; raises what it raises."""
        why = reason_of(reason)

        def work(call: Call) -> Organisation:
            return organisation.resume(call.unit, call.organisation, operator=call.actor_name, reason=why, now=call.now)

        return self._once("organisation.resume", Organisation, work, key, reason=why)

    # by who shows a pass

    def validate(self) -> Organisation:
        """Validate the organisation by the pass of its representative, who has confirmed what it says (ORG-3).

        Doing so twice is doing so once, so there is no idempotency key. Raises as
        :func:`zorgid_card.workflows.organisation.validate_organisation`.
        """

        def work(call: Call) -> Organisation:
            accepted = self._policy.organisation_pass_types
            return organisation.validate_organisation(
                call.unit, _pass(call), call.now, ura=call.ura, pass_types=accepted
            )

        return self._do("organisation.validate", work)

    def register_administrator(self, birth_date: date, consent: bytes) -> Membership:
        """Register the representative as administrator of the validated organisation (ORG-4, ADM-5).

        Doing so twice is doing so once: who is administrator already comes this way for a new phone (ORG-7).

        Args:
            birth_date: as entered.
            consent: what the pass has signed, as the caller verified it; kept as evidence.

        Raises:
            PassTypeError, OrganisationUnknownError, NotAllowedError, BirthDateError, OtherPersonError, TooManyTriesError,
            OneMeansError: as :func:`zorgid_card.workflows.organisation.register_administrator`.
        """
        return self._do("administrator.register", lambda call: _register(call, birth_date, consent, self._policy))


def _equal(**wanted: str | None) -> dict[str, str]:
    return {name: value for name, value in wanted.items() if value is not None}


def _request(call: Call, request_id: str) -> Request:
    found = next(call.unit.find(Request, id=request_id, **_equal(ura=call.ura)), None)
    if found is None:
        raise NotFoundError("no such request", what="Request")
    return found


def _pass(call: Call) -> UZIIdentity:
    if not isinstance(call.actor, UZIIdentity):  # the table lets nobody else in
        raise UsageError("this takes a pass", reason="pass")
    return call.actor


def _register(call: Call, birth_date: date, consent: bytes, policy: Policy) -> Membership:
    identity = _pass(call)
    organisation.require_representative(call.unit, identity, pass_types=policy.organisation_pass_types)
    _, member = organisation.register_administrator(
        call.unit, identity, birth_date, consent, call.now, one_means=policy.one_means
    )
    return member
