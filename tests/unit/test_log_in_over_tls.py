"""A log-in by a client certificate gives what a log-in by token gives, at the same door (AUT-2)."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path

import pytest

from login_world import StandAlone
from world import ORIGIN, World
from zorgid_card.errors import NotAProxyError, NotLinkedError, NotUZIError, PassTypeError, RevokedError
from zorgid_card.pki.tls import UNIX_SOCKET, X_HEADER, TLSProxy
from zorgid_card.ports.registry import CardLink
from zorgid_card.testkit.uzi_profile import Usage
from zorgid_card.workflows.log_in import LoggedIn

PROXY = TLSProxy([UNIX_SOCKET])


def shown(certificate: bytes) -> list[tuple[str, str]]:
    return [("Host", "portal.example"), (X_HEADER, base64.b64encode(certificate).decode())]


@pytest.fixture
def portal() -> StandAlone:
    return StandAlone()


def test_aut_2_a_pass_in_the_handshake_is_the_same_log_in(portal: StandAlone) -> None:
    headers = shown(portal.worker.certificates[Usage.AUTHENTICITY])
    who = portal.log_in.over_tls(headers, peer=UNIX_SOCKET, proxy=PROXY)
    assert who == portal.log_in.verify(portal.token(portal.log_in.challenge("b")), binding="b")
    assert LoggedIn.from_json(who.to_json()) == who
    portal.pki.revoke(portal.worker, at=portal.now)
    with pytest.raises(RevokedError):
        portal.log_in.over_tls(headers, peer=UNIX_SOCKET, proxy=PROXY)
    with pytest.raises(RevokedError):
        portal.log_in.recheck(who)


def test_aut_2_policy_and_proxy_count_as_at_any_log_in(portal: StandAlone) -> None:
    headers = shown(portal.worker.certificates[Usage.AUTHENTICITY])
    with pytest.raises(PassTypeError):
        portal.opened(pass_types=frozenset("Z")).over_tls(headers, peer=UNIX_SOCKET, proxy=PROXY)
    with pytest.raises(NotLinkedError):
        portal.log_in.over_tls(headers, peer=UNIX_SOCKET, proxy=PROXY, ura="90000999")
    with pytest.raises(NotAProxyError):
        portal.log_in.over_tls(headers, peer="127.0.0.1", proxy=PROXY)


def test_aut_2_it_is_a_session_that_a_token_can_confirm(portal: StandAlone) -> None:
    headers = shown(portal.worker.certificates[Usage.AUTHENTICITY])
    who = portal.log_in.over_tls(headers, peer=UNIX_SOCKET, proxy=PROXY)
    token = portal.token(portal.log_in.challenge("b"))
    assert portal.log_in.reauthenticate(token, binding="b", who=who).uzi_number == who.uzi_number


def test_aut_2_a_zorgid_card_in_the_handshake_acts_by_its_links(tmp_path: Path, portal: StandAlone) -> None:
    world = World(tmp_path)
    world.validated()
    world.create(world.worker())
    headers = shown(world.card().authentication_certificate())
    who = world.log_in.over_tls(headers, peer=UNIX_SOCKET, proxy=PROXY)
    assert (who.means, who.origin, who.organisation) == ("zorgid-smartcard", ORIGIN, "Huisartsenpraktijk De Linde")
    with world.registry.begin() as unit:
        for link in list(unit.find(CardLink)):
            unit.replace(replace(link, until=world.now))
    with pytest.raises(NotLinkedError):
        world.log_in.over_tls(headers, peer=UNIX_SOCKET, proxy=PROXY)
    with pytest.raises(NotUZIError):
        portal.log_in.over_tls(headers, peer=UNIX_SOCKET, proxy=PROXY)
