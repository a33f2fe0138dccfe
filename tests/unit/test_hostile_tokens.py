"""Hostile log-in tokens: each is refused for its own reason, and what was signed to log in is nothing else (AUT-1, AUT-2)."""

from __future__ import annotations

import base64

import pytest
from asn1crypto import cms

from hostile_tokens import CASES, SIGNATURE, cms_attributes, jws, signed_info
from login_world import DOCTOR, ORIGIN, StandAlone
from zorgid_card.errors import ReplayError, ZorgIDError
from zorgid_card.pki.statement import CONSENT, SESSION, encode, verify_statement
from zorgid_card.pki.web_eid import signed_input
from zorgid_card.testkit.uzi_profile import Usage


@pytest.fixture
def portal() -> StandAlone:
    return StandAlone()


def test_the_token_that_all_of_them_change_is_good(portal: StandAlone) -> None:
    token = portal.token(portal.log_in.challenge("browser"))
    assert portal.log_in.verify(token, binding="browser").uzi_number == "900000022"
    assert len(CASES) > 100


@pytest.mark.parametrize("name", CASES)
def test_aut_1_a_hostile_token_is_refused_for_its_own_reason(portal: StandAlone, name: str) -> None:
    case = CASES[name]
    nonce = portal.log_in.challenge("browser")
    token = case.spoil(portal, nonce)
    portal.now += case.wait
    with pytest.raises(ZorgIDError) as caught:
        portal.log_in.verify(token, binding=case.binding)
    error = caught.value
    assert error.code == case.code, repr(error)
    assert case.about.items() <= error.details.items()
    assert case.said in str(error)
    portal.now -= case.wait
    if case.spent:
        with pytest.raises(ReplayError) as again:
            portal.log_in.verify(portal.token(nonce), binding="browser")
        assert again.value.reason == "none"
    else:
        assert portal.log_in.verify(portal.token(nonce), binding="browser").uzi_number == "900000022"


@pytest.mark.parametrize("name", CASES)
def test_aut_1_what_a_hostile_token_raises_shows_nothing_of_the_nonce(portal: StandAlone, name: str) -> None:
    """An error goes into logs; a challenge that is still open must not."""
    case = CASES[name]
    nonce = portal.log_in.challenge("browser")
    token = case.spoil(portal, nonce)
    portal.now += case.wait
    with pytest.raises(ZorgIDError) as caught:
        portal.log_in.verify(token, binding=case.binding)
    assert nonce not in f"{caught.value} {caught.value.details}"


# --- and the reverse: what was signed to log in is nothing else ------------------------------------------------------


@pytest.mark.parametrize("kind", [CONSENT, SESSION])
def test_aut_1_a_log_in_is_no_statement(portal: StandAlone, kind: str) -> None:
    nonce = portal.log_in.challenge("browser")
    fields = {
        "session": nonce,
        "origin": ORIGIN,
        "expires": "2026-11-23T12:05:00Z",
        "action": "register",
        "key": "AAAA",
    }
    signature = base64.b64decode(portal.fields(nonce)["signature"])
    with pytest.raises(ZorgIDError) as error:
        verify_statement(portal.worker.certificates[Usage.AUTHENTICITY], kind, fields, signature, "RS256")
    assert error.value.code == SIGNATURE


@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "RS512"])
def test_aut_1_no_two_kinds_of_input_can_be_the_same_octets(portal: StandAlone, algorithm: str) -> None:
    """A log-in signs 64, 96 or 128 octets; each of the others begins in a way of its own, and is longer than that."""
    nonce = portal.log_in.challenge("browser")
    fields = {"session": nonce, "origin": ORIGIN, "expires": "x", "action": "a", "key": "k"}
    length = len(signed_input(ORIGIN, nonce, algorithm))
    assert length in (64, 96, 128)
    for other in (encode(CONSENT, fields), encode(SESSION, fields), signed_info(nonce), jws(nonce)):
        assert len(other) > 128
    assert cms_attributes(nonce)[:1] == b"\x31"  # SET OF; 1 in 256 log-ins begins so, and none parses as one


def test_aut_1_the_input_of_a_log_in_is_never_a_set_of_attributes(portal: StandAlone) -> None:
    """The one other input that may be as short: a DER SET of attributes. Digests that parse as one would be a find."""
    for number in range(3000):
        data = signed_input(ORIGIN, base64.b64encode(number.to_bytes(32, "big")).decode(), "RS256")
        try:
            cms.CMSAttributes.load(data, strict=True).native  # noqa: B018
        except (ValueError, TypeError):
            continue
        raise AssertionError(data.hex())


def test_who_comes_with_a_colleagues_token_is_the_colleague_and_nobody_else(portal: StandAlone) -> None:
    """What cannot be refused: a token that its holder really made for this session. So who it names is who is logged in."""
    nonce = portal.log_in.challenge("browser")
    assert (
        portal.log_in.verify(portal.token(nonce, holder=portal.doctor), binding="browser").uzi_number
        == DOCTOR.uzi_number
    )
