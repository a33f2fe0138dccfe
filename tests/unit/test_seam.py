"""The seam between card side and portal side: numbered, signed, idempotent, and no PIN, PUK or CA key across it."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import pytest

from world import CARD_PIN, DESKTOP, World
from zorgid_card.errors import ZorgIDError
from zorgid_card.pki.signing import SoftwareSigner
from zorgid_card.ports.registry import CardAttempt, IssuedCertificate
from zorgid_card.workflows.creation_messages import (
    AbandonCard,
    CardAbandoned,
    CardAccepted,
    CertificatesIssued,
    OfferCard,
    RequestCertificates,
)
from zorgid_card.workflows.messages import parse
from zorgid_card.workflows.session import PortalClient

R = TypeVar("R")


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.validated()
    return world


def records(world: World, kind: type[R]) -> list[R]:
    with world.registry.begin() as unit:
        return list(unit.find(kind))


def offered(world: World) -> tuple[PortalClient, CardAccepted]:
    holder = world.worker()
    creation = world.creation(holder)
    creation._client.open("create-card", **DESKTOP)
    creation.identify()
    offer = OfferCard(serial="4711", dialect="yubico", firmware="5.7.1", found="blank", channel=False)
    return creation._client, creation._client.ask(offer, CardAccepted)


def test_a_repeated_message_gets_the_first_answer_and_is_done_once(world: World) -> None:
    client, accepted = offered(world)
    client._sequence -= 1
    again = client.ask(
        OfferCard(serial="4711", dialect="yubico", firmware="5.7.1", found="blank", channel=False), CardAccepted
    )
    assert again == accepted
    assert len(records(world, CardAttempt)) == 1


def test_the_same_number_with_other_contents_is_refused(world: World) -> None:
    client, _ = offered(world)
    client._sequence -= 1
    with pytest.raises(ZorgIDError, match="other contents"):
        client.ask(
            OfferCard(serial="4712", dialect="yubico", firmware="5.7.1", found="blank", channel=False), CardAccepted
        )
    assert [a.card_serial for a in records(world, CardAttempt)] == ["4711"]


def test_a_lost_answer_is_asked_again_and_nothing_is_done_twice(world: World) -> None:
    class Lossy:
        origin = world.portal.origin

        def __init__(self) -> None:
            self.asked = 0

        def ask(self, request: bytes) -> bytes:
            answer = world.portal.ask(request)
            self.asked += 1
            if self.asked % 2:
                raise OSError("connection reset")
            return answer

    world.creation(world.worker(), Lossy()).run(**DESKTOP)
    assert [c.status for c in records(world, IssuedCertificate)] == ["good"]


def test_a_message_of_another_key_is_refused(world: World) -> None:
    client, _ = offered(world)
    client._key = SoftwareSigner.generate("ES256")
    with pytest.raises(ZorgIDError, match="not signed"):
        client.ask(AbandonCard(code="x"), CardAbandoned)


def test_a_step_out_of_order_is_refused(world: World) -> None:
    client = world.client()
    client.open("create-card", **DESKTOP)
    with pytest.raises(ZorgIDError, match="not expected"):
        client.ask(
            RequestCertificates(csrs=(b"\x30\x00",), attestations=(b"\x30\x00",), intermediate=b""), CertificatesIssued
        )


def test_an_expired_session_is_refused(world: World) -> None:
    client, _ = offered(world)
    world.now += timedelta(minutes=15)
    with pytest.raises(ZorgIDError, match="expired"):
        client.ask(AbandonCard(code="x"), CardAbandoned)


def test_crd_9_pin_7_no_pin_and_no_puk_crosses_the_seam_and_the_administration_key_is_not_kept(
    world: World, tmp_path: Path
) -> None:
    crossed: list[bytes] = []

    class Tap:
        origin = world.portal.origin

        def ask(self, request: bytes) -> bytes:
            crossed.append(request)
            crossed.append(world.portal.ask(request))
            return crossed[-1]

    holder = world.worker()
    made = world.creation(holder, Tap()).run(**DESKTOP)
    everything = b"\n".join(crossed)
    assert holder.puk not in everything
    assert CARD_PIN not in everything
    assert holder.pass_pin not in everything
    (sealed,) = [parse(m)["sealed"] for m in crossed if b'"kind":"administration-key"' in m]
    assert isinstance(sealed, str)
    kept = b"".join(file.read_bytes() for file in tmp_path.glob("*.db*"))
    assert sealed.encode() not in kept
    with world.keys.derive(made.serial, "AES192").expose() as key:
        for text in (bytes(key), base64.urlsafe_b64encode(key), key.hex().encode(), key.hex().upper().encode()):
            assert text not in everything
            assert text not in kept


def test_answers_are_json_whatever_is_asked(world: World) -> None:
    for raw in (b"", b"{}", b"[1]", b'{"version":99}', b"\xff\xfe"):
        assert json.loads(world.portal.ask(raw))["kind"] == "refusal"
