"""Registering an organisation, the card side (ORG-2 to ORG-6)."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from zorgid_card.cards.uzi import UZIPass
from zorgid_card.codec.link import Observer
from zorgid_card.pki.statement import CONSENT, sign_statement
from zorgid_card.ports.card import Reader
from zorgid_card.workflows.holder import Holder, Question
from zorgid_card.workflows.organisation import REGISTER
from zorgid_card.workflows.registration_messages import (
    AdministratorRegistered,
    AskPhone,
    ConfirmOrganisation,
    ConfirmPhone,
    OfferPhone,
    OrganisationValidated,
    PhoneLinked,
    PhoneOffered,
    PhoneScanned,
    RegisterAdministrator,
    consent_fields,
)
from zorgid_card.workflows.session import Authenticated, PortalClient
from zorgid_card.workflows.uzi_desk import authenticate, present_pass, shown

_POLL = 0.5


@dataclass(frozen=True, slots=True)
class Registered:
    """The organisation is validated, its representative is administrator."""

    ura: str
    name: str
    person: str
    user_name: str


class Registration:
    """A representative's way from a UZI zorgverlenerpas to an administrator's linked phone.

    Args:
        reader: the slot in which the pass is put.
        client: a session with the portal that is not open yet.
        holder: the person at the desk.
        observer: sees every physical APDU, masked.
    """

    def __init__(
        self, reader: Reader, client: PortalClient, holder: Holder, *, observer: Observer | None = None
    ) -> None:
        self._reader = reader
        self._client = client
        self._holder = holder
        self._observer = observer

    def register(
        self, *, platform: str, client_version: str, ura: str | None = None, timeout: float | None = None
    ) -> Registered:
        """Validate the organisation and register its administrator (ORG-3, ORG-4); the pass may be taken out afterwards.

        Args:
            platform: as :func:`platform.system` names it.
            client_version: numbers joined by dots.
            ura: the organisation whose request was approved, where the card side knows it: the pass must be of this one.
            timeout: seconds to wait for the pass; None waits for ever.

        Raises:
            PassTypeError, OrganisationMismatchError, OrganisationUnknownError: the portal refuses the pass.
            BirthDateError, OtherPersonError: the person does not match (ORG-8).
        """
        self._client.open(REGISTER, platform=platform, client_version=client_version)
        with present_pass(self._reader, self._holder, observer=self._observer, timeout=timeout) as card:
            known = authenticate(card, self._client, self._holder)
            organisation = (("organisation", known.organisation), ("ura", known.ura))
            self._holder.confirm(Question("organisation-data", organisation))
            validated = self._client.ask(ConfirmOrganisation(ura=ura or known.ura), OrganisationValidated)
            registered = self._administrator(card, known)
        return Registered(validated.ura, validated.name, registered.person, registered.user_name)

    def _administrator(self, card: UZIPass, known: Authenticated) -> AdministratorRegistered:
        birth_date = self._holder.birth_date()
        data = (*shown(known), ("birth-date", birth_date.isoformat()))
        self._holder.confirm(Question("consent-administrator", data))
        fields = consent_fields(
            session=self._client.session,
            origin=self._client.origin,
            expires_at=self._client.expires_at,
            ura=known.ura,
            uzi_number=known.uzi_number,
            birth_date=birth_date,
        )
        signed = sign_statement(card.signer("authenticity", self._holder.pin), CONSENT, **fields)
        return self._client.ask(
            RegisterAdministrator(birth_date=birth_date, algorithm=signed.algorithm, signature=signed.signature),
            AdministratorRegistered,
        )

    def offer_phone(self) -> PhoneOffered:
        """The QR code, once (ORG-5).

        Raises:
            SessionError: it was asked before; a new one needs a new UZI authentication.
        """
        return self._client.ask(OfferPhone(), PhoneOffered)

    def link_phone(self, offered: PhoneOffered, *, wait: Callable[[float], None] = time.sleep) -> PhoneLinked:
        """Wait until a phone has scanned the code, have the two short codes compared, and link it (ORG-6).

        Raises:
            PairingError: the code expired before a phone scanned it.
            DeclinedError: the codes differ.
        """
        while (code := self._client.ask(AskPhone(), PhoneScanned).code) is None:
            wait(_POLL)
        self._holder.confirm(Question("compare-code", (("code", code),)))
        return self._client.ask(ConfirmPhone(code=code), PhoneLinked)
