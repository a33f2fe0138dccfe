"""PIN and PUK on both kinds of card (PIN-1 to PIN-5, PIN-7), through the workflows a portal imports."""

from __future__ import annotations

import copy
import logging
import pickle
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import zorgid_card
from docs_examples import example
from world import CARD_PIN, PASS_PIN, World
from zorgid_card.cards import OnKeypad, TryState, UZIPass, ZorgIDCard
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
from zorgid_card.workflows.pin import (
    WEAK,
    PINPolicy,
    Rule,
    change_pin,
    change_puk,
    check_new_pin,
    check_puk_part,
    draw_positions,
    new_puk,
    unblock_pin,
)

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


EASY = frozenset({"123321", "112233", "159753", "11223344", "12344321", "8675309"})


def refused(pin: bytes, birth_date: date | None = None, **changes: object) -> str | None:
    """The rule that refuses it."""
    try:
        check_new_pin(s(pin), s(pin), PINPolicy(**changes), birth_date)  # type: ignore[arg-type]
    except PINPolicyError as error:
        assert pin.decode() not in f"{error} {error.details}"
        return str(error.details["rule"])
    return None


@given(st.integers(6, 8).flatmap(lambda length: st.text("0123456789", min_size=length, max_size=length)))
def test_crd_6_policy_refuses_runs_and_patterns_and_nothing_else(pin: str) -> None:
    run = any(pin in "0123456789012345678"[::step] for step in (1, -1))
    pattern = any((pin[:n] * 8)[: len(pin)] == pin for n in range(1, len(pin) // 2 + 1))
    expected = "run" if run else "repeat" if pattern else None
    if pin not in EASY:
        assert refused(pin.encode(), refused=WEAK - {Rule.COMMON}) == expected


@given(st.sampled_from(["0123456789012345678", "9876543210987654321"]), st.integers(0, 9), st.integers(6, 8))
def test_crd_6_a_run_is_told_as_one(digits: str, start: int, length: int) -> None:
    assert refused(digits[start : start + length].encode()) == "run"


@given(st.text("0123456789", min_size=1, max_size=4), st.integers(6, 8))
def test_crd_6_a_repetition_is_told_as_one(pattern: str, length: int) -> None:
    pin = (pattern * 8)[:length]
    if 2 * len(pattern) <= length:
        assert refused(pin.encode()) == "repeat"


@pytest.mark.parametrize("pin", sorted(EASY))
def test_crd_6_what_many_people_choose_is_told_as_that(pin: str) -> None:
    assert refused(pin.encode()) == "common"
    assert refused(pin.encode(), refused=frozenset()) is None


BORN = date(1985, 3, 7)


@pytest.mark.parametrize(
    "pin",
    [
        "070385",
        "07031985",
        "850307",
        "19850307",
        "030785",
        "03071985",
        "19850703",
        "850703",
        "731985",
        "198537",
        "378573",
        "031985",
        "198507",
        "0703851",
        "9070385",
    ],
)
def test_crd_6_the_birth_date_is_refused_however_it_is_written(pin: str) -> None:
    expected = None if pin == "378573" else "birth-date"
    assert refused(pin.encode(), BORN) == expected
    assert refused(pin.encode()) is None
    assert refused(pin.encode(), date(1964, 12, 25)) is None


@given(
    st.dates(date(1920, 1, 1), date(2015, 12, 31)),
    st.sampled_from(["%d%m%y", "%d%m%Y", "%y%m%d", "%Y%m%d", "%m%d%y", "%m%d%Y"]),
)
def test_crd_6_every_birth_date_is_refused(born: date, spelling: str) -> None:
    assert refused(born.strftime(spelling).encode(), born) in ("birth-date", "run", "repeat", "common")


@pytest.mark.parametrize(("pin", "rule"), [(b"12345", "length"), (b"314159265", "length"), (b"31415a", "digits")])
def test_crd_6_length_and_digits_hold_under_every_policy(pin: bytes, rule: str) -> None:
    assert refused(pin, refused=frozenset()) == rule


def test_pin_6_policy_may_forbid_choosing_a_pin_on_the_keypad() -> None:
    check_new_pin(OnKeypad(), OnKeypad(), PINPolicy())
    with pytest.raises(PINPolicyError) as told:
        check_new_pin(OnKeypad(), OnKeypad(), PINPolicy(keypad=False))
    assert told.value.details["rule"] == "keypad"


def test_the_example_of_the_page_changes_the_pin(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    entered = {"PIN: ": case.pin, "New PIN: ": NEW, "Again: ": NEW}
    monkeypatch.setattr(zorgid_card, "open_card", lambda: nullcontext(case.card))
    monkeypatch.setattr(Secret, "from_terminal", lambda prompt: Secret.of(entered[prompt]))
    exec(compile(example("docs/pin.md", "pin"), "docs/pin.md", "exec"), {})
    case.card.verify_pin(s(NEW))


# --- the PUK


def test_crd_9_a_puk_has_eight_digits_each_as_likely_as_another() -> None:
    puks = 2000
    counts = Counter[int]()
    for _ in range(puks):
        with new_puk() as puk, puk.expose() as digits:
            assert len(digits) == 8
            counts.update(digits)
    assert sorted(counts) == list(b"0123456789")
    expected = puks * 8 / 10
    # 9 degrees of freedom: above 48.8 once in 5,000,000 runs
    assert sum((count - expected) ** 2 / expected for count in counts.values()) < 48.8


def test_crd_9_the_digits_asked_are_drawn_anew() -> None:
    drawn = {draw_positions() for _ in range(500)}
    assert len(drawn) > 40
    assert all(1 <= a < b < c <= 8 for a, b, c in drawn)


@given(st.text("0123456789", min_size=8, max_size=8), st.integers(0, 2), st.integers(1, 9))
def test_crd_9_only_the_digits_asked_acknowledge_the_puk(puk: str, at: int, step: int) -> None:
    positions = draw_positions()
    digits = [puk[position - 1] for position in positions]
    check_puk_part(s(puk.encode()), positions, s("".join(digits).encode()))
    digits[at] = str((int(digits[at]) + step) % 10)
    for typed in ("".join(digits), "".join(digits[:2]), puk, ""):
        with pytest.raises(PINMismatchError):
            check_puk_part(s(puk.encode()), positions, s(typed.encode()))
