"""PIN and PUK on both kinds of card (PIN-1 to PIN-5, PIN-7), through the workflows a portal imports."""

from __future__ import annotations

import copy
import logging
import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from world import CARD_PIN, PASS_PIN, World
from zorgid_card.cards import TryState, UZIPass, ZorgIDCard
from zorgid_card.errors import (
    LastTryError,
    PINBlockedError,
    PINMismatchError,
    PINPolicyError,
    PUKBlockedError,
    WrongPINError,
    WrongPUKError,
)
from zorgid_card.secret import Secret
from zorgid_card.testkit.uzi import DEFAULT_PUK
from zorgid_card.workflows.pin import PINPolicy, change_pin, change_puk, check_new_pin, unblock_pin

NEW = b"862408"
OTHER_PUK = b"73195164"


class Case:
    def __init__(self, card: UZIPass | ZorgIDCard, pin: bytes, puk: bytes) -> None:
        self.card, self.pin, self.puk = card, pin, puk


@pytest.fixture(params=["uzi", "zorgid"])
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Case]:
    world = World(tmp_path)
    if request.param == "uzi":
        world.reader.insert(world.worker_pass)
        yield Case(world.presented(), PASS_PIN, DEFAULT_PUK)
    else:
        world.validated()
        holder = world.worker()
        world.create(holder)
        yield Case(world.card(), CARD_PIN, holder.puk)


def s(value: bytes) -> Secret:
    return Secret.of(value)


def test_pin_2_the_pin_is_changed_and_only_the_new_one_works(case: Case) -> None:
    change_pin(case.card, s(case.pin), s(NEW), s(NEW))
    with pytest.raises(WrongPINError) as caught:
        case.card.verify_pin(s(case.pin))
    assert caught.value.details["tries_left"] == 2
    case.card.verify_pin(s(NEW))


@pytest.mark.parametrize(
    ("new", "again", "error"),
    [(NEW, b"862409", PINMismatchError), (b"1234", b"1234", PINPolicyError), (b"111111", b"111111", PINPolicyError)],
)
def test_pin_2_a_new_pin_that_is_refused_costs_no_try(
    case: Case, new: bytes, again: bytes, error: type[Exception]
) -> None:
    with pytest.raises(error):
        change_pin(case.card, s(b"000001"), s(new), s(again))
    assert case.card.tries().left == 3


def test_pin_1_the_last_try_is_spent_only_on_the_persons_word(case: Case) -> None:
    for left in (2, 1):
        with pytest.raises(WrongPINError) as caught:
            case.card.verify_pin(s(b"000001"))
        assert caught.value.details["tries_left"] == left
    assert case.card.tries().state is TryState.FINAL
    with pytest.raises(LastTryError):
        case.card.verify_pin(s(case.pin))
    with pytest.raises(LastTryError):
        change_pin(case.card, s(case.pin), s(NEW), s(NEW))
    assert case.card.tries().left == 1
    case.card.verify_pin(s(case.pin), last_try_allowed=True)
    assert case.card.tries().left == 3


def blocked(case: Case) -> None:
    for _ in range(3):
        with pytest.raises((WrongPINError, PINBlockedError)):
            case.card.verify_pin(s(b"000001"), last_try_allowed=True)
    assert case.card.tries().state is TryState.LOCKED


def test_pin_3_a_blocked_pin_is_unblocked_with_the_puk(case: Case) -> None:
    blocked(case)
    with pytest.raises(PINBlockedError):
        case.card.verify_pin(s(case.pin), last_try_allowed=True)
    unblock_pin(case.card, s(case.puk), s(NEW), s(NEW), last_try_allowed=True)
    case.card.verify_pin(s(NEW))


def test_pin_3_a_new_pin_that_is_refused_costs_no_try_of_the_puk(case: Case) -> None:
    before = case.card.puk_tries()
    with pytest.raises(PINPolicyError):
        unblock_pin(case.card, s(case.puk), s(b"123456"), s(b"123456"))
    assert case.card.puk_tries() == before


def test_pin_5_three_wrong_puks_kill_the_card(case: Case) -> None:
    blocked(case)
    for _ in range(3):
        with pytest.raises((WrongPUKError, PUKBlockedError)):
            unblock_pin(case.card, s(b"00000001"), s(NEW), s(NEW), last_try_allowed=True)
    with pytest.raises(PUKBlockedError):
        unblock_pin(case.card, s(case.puk), s(NEW), s(NEW), last_try_allowed=True)


def test_pin_4_the_puk_is_changed(case: Case) -> None:
    change_puk(case.card, s(case.puk), s(OTHER_PUK), s(OTHER_PUK), last_try_allowed=True)
    unblock_pin(case.card, s(OTHER_PUK), s(NEW), s(NEW), last_try_allowed=True)
    case.card.verify_pin(s(NEW))


def test_pin_7_a_secret_shows_nothing_and_cannot_be_carried_away(caplog: pytest.LogCaptureFixture) -> None:
    secret = s(b"314159")
    logging.getLogger().warning("%s %r", secret, secret)
    assert "314159" not in caplog.text + repr(secret) + str(secret)
    for carry in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            carry(secret)


@given(st.integers(0, 10**8 - 1).map(lambda n: f"{n:08d}".encode()))
def test_crd_6_policy_refuses_runs_and_patterns_and_nothing_else(pin: bytes) -> None:
    run = any(all((pin[i + 1] - pin[i]) % 10 == step for i in range(7)) for step in (1, 9))
    pattern = any((pin[:n] * 8)[:8] == pin for n in (1, 2, 3))
    if run or pattern:
        with pytest.raises(PINPolicyError):
            check_new_pin(s(pin), s(pin), PINPolicy())
    else:
        check_new_pin(s(pin), s(pin), PINPolicy())
