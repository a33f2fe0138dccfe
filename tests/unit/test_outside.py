"""What takes long is done between two transactions of the portal: a slow CA keeps nobody waiting (CRD-7, CRD-8)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from world import DESKTOP, World
from zorgid_card.errors import EnrolmentPendingError, FetchError, SessionError
from zorgid_card.ports.registry import Counter, IssuedCertificate, Session, SmartCard
from zorgid_card.workflows import bench
from zorgid_card.workflows.creation import CardCreation
from zorgid_card.workflows.creation_messages import AbandonCard, CardAbandoned, CertificatesIssued, RequestCertificates
from zorgid_card.workflows.messages import Message
from zorgid_card.workflows.session import PortalClient


class SlowCA:
    """The portal's CA, and what happens while it is asked."""

    def __init__(self, world: World, *meanwhile: Callable[[], object]) -> None:
        self.asked = 0
        self._world, self._meanwhile = world, list(meanwhile)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._world.authority, name)

    def issue(self, *given: Any, **named: Any) -> bytes:
        self.asked += 1
        if self._meanwhile:
            self._meanwhile.pop(0)()
        return self._world.authority.issue(*given, **named)


class Requesting(PortalClient):
    """Remembers the request for certificates, sealed as it was sent."""

    sealed = b""

    def ask(self, message: Message, expected: Any) -> Any:
        if isinstance(message, RequestCertificates):
            self.sealed = self.seal(message)
        return super().ask(message, expected)


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.validated()
    return world


def creation_with(world: World, *meanwhile: Callable[[], object]) -> tuple[CardCreation, Requesting, SlowCA]:
    slow = SlowCA(world, *meanwhile)
    object.__setattr__(world.services, "authority", slow)
    client = Requesting(world.portal)
    return CardCreation(world.reader, client, world.worker(), world.journal, card_timeout=1), client, slow


def records(world: World, kind: type) -> list[Any]:
    with world.registry.begin() as unit:
        return list(unit.find(kind))


def test_crd_7_while_the_ca_is_asked_others_write_in_the_registry(world: World) -> None:
    def write() -> None:
        with world.registry.begin() as unit:
            unit.add(Counter(name="somebody else", value=1))

    creation, _, slow = creation_with(world, write)
    creation.run(**DESKTOP)
    assert slow.asked == 1
    assert [c.value for c in records(world, Counter) if c.name == "somebody else"] == [1]


def test_crd_7_the_same_message_meanwhile_waits_and_the_ca_is_asked_once(world: World) -> None:
    refused: list[Exception] = []

    def again() -> None:
        with pytest.raises(EnrolmentPendingError) as caught:
            client.deliver(client.sealed, CertificatesIssued)
        refused.append(caught.value)

    creation, client, slow = creation_with(world, again)
    creation.run(**DESKTOP)
    assert slow.asked == len(refused) == 1
    assert [c.status for c in records(world, IssuedCertificate)] == ["good"]


def test_crd_8_who_gives_up_meanwhile_gets_no_certificate(world: World) -> None:
    creation, client, _ = creation_with(world, lambda: give_up(client))
    with pytest.raises(SessionError):
        creation.run(**DESKTOP)
    assert records(world, SmartCard) == []
    require_revoked_in_time(world, 1)


def require_revoked_in_time(world: World, number: int) -> None:
    """What the CA had issued by then is valid for nobody, and is on the next list."""
    assert [(c.status, c.card_serial) for c in records(world, IssuedCertificate)] == [("hold", "")] * number
    world.now += timedelta(minutes=15)
    world.revocation.current()
    assert [c.status for c in records(world, IssuedCertificate)] == ["revoked"] * number


def give_up(client: Requesting) -> None:
    """As another process of the same card side would: the very next message, with the number that the request has."""
    client._unanswered = None
    client.ask(AbandonCard(code="user.declined"), CardAbandoned)
    client._sequence -= 1


def test_crd_8_a_ca_that_fails_is_asked_anew_and_nothing_was_issued(world: World) -> None:
    def fail() -> None:
        raise FetchError("no answer", reason="time-out")

    creation, _, slow = creation_with(world, fail)
    with pytest.raises(FetchError):
        creation.run(**DESKTOP)
    assert records(world, IssuedCertificate) == []
    world.create(world.worker())
    assert slow.asked == 2


class KilledError(BaseException):
    """The portal's process is gone."""


def test_crd_8_a_portal_that_was_killed_meanwhile_serves_the_message_again_when_its_claim_is_over(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kill() -> None:
        raise KilledError

    monkeypatch.setattr(
        type(world.portal), "_release", lambda self, call: None
    )  # a process that is gone releases nothing
    creation, client, slow = creation_with(world, kill)
    monkeypatch.setattr(creation, "_abandon", lambda error: None)  # the card side hears of it by no answer at all
    with pytest.raises(KilledError):
        creation.run(**DESKTOP)
    waiting = client._unanswered
    assert waiting is not None
    with pytest.raises(EnrolmentPendingError):
        client.deliver(waiting[1], CertificatesIssued)
    world.now += timedelta(minutes=2)
    answer = client.deliver(waiting[1], CertificatesIssued)
    assert len(answer.certificates) == 1
    assert slow.asked == 2


def test_crd_7_who_waits_for_a_ca_is_told_that_it_goes_on_and_is_not_kept_waiting_for_ever(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pending() -> None:
        raise EnrolmentPendingError(retry_after=1)

    monkeypatch.setattr(bench, "_PATIENCE", 1.5)
    creation, _, slow = creation_with(world, pending, pending)
    with pytest.raises(EnrolmentPendingError):
        creation.run(**DESKTOP)
    holder = creation._holder
    assert slow.asked == 2
    assert [beat.step for beat in holder.beats].count("certify") >= 3  # type: ignore[attr-defined]


def test_crd_7_a_session_asks_the_ca_only_so_often_although_each_time_it_gives_up_meanwhile(world: World) -> None:
    allowed = world.services.policy.creation.certificates_per_session
    creation, client, slow = creation_with(world, *[lambda: give_up(client)] * (allowed + 3))
    with pytest.raises(SessionError):
        creation.run(**DESKTOP)
    for _ in range(allowed + 2):
        (session,) = records(world, Session)
        client._sequence = session.sequence
        with pytest.raises(SessionError) as caught:
            creation.make()
    assert caught.value.details["reason"] == "certificates"
    assert slow.asked == allowed
    require_revoked_in_time(world, allowed)
