"""Texts of a log-in: what the C core reads is what Python's own json and re read; the rest is left to them."""

from __future__ import annotations

import json
import re
import string

from hypothesis import given
from hypothesis import strategies as st

from zorgid_card.codec.text import plain_texts, uzi_fields

TEXTS = st.text(max_size=8)
OBJECTS = st.dictionaries(TEXTS, TEXTS | st.integers() | st.none() | st.lists(TEXTS, max_size=2), max_size=4)
PIECES = ["{", "}", '"', ":", ",", "\\", " ", "\n", "\0", "\x1f", "\x7f", "a", "1", "é", "\ud800", "[", "]"]


def by_json(text: str) -> object:
    """What json reads; None for what it refuses, or where a name stands twice."""

    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        if len(dict(pairs)) != len(pairs):
            raise ValueError("twice")
        return dict(pairs)

    try:
        return json.loads(text, object_pairs_hook=once)
    except ValueError:
        return None


@given(st.lists(st.sampled_from(PIECES), max_size=16).map("".join) | st.text(max_size=30))
def test_what_is_read_is_what_json_reads(text: str) -> None:
    found = plain_texts(text)
    assert found is None or found == by_json(text)


@given(OBJECTS, st.sampled_from([None, 1]), st.sampled_from([(",", ":"), (" , ", " : ")]))
def test_every_object_of_plain_texts_is_read(
    value: dict[str, object], indent: int | None, separators: tuple[str, str]
) -> None:
    text = json.dumps(value, ensure_ascii=False, indent=indent, separators=separators)
    plain = all(isinstance(item, str) for item in value.values()) and text.isascii() and "\\" not in text
    assert plain_texts(text) == (value if plain else None)


def test_a_name_that_stands_twice_is_left_to_json() -> None:
    assert plain_texts('{"a":"b","a":"b"}') is None


def test_many_members_are_left_to_json() -> None:
    members = {str(number): "x" for number in range(33)}
    assert plain_texts(json.dumps(members)) is None
    del members["0"]
    assert plain_texts(json.dumps(members)) == members


# --- the UZI register's otherName ------------------------------------------------------------------------------------

UZI_NAME = re.compile(
    r"([0-2](?:\.(?:0|[1-9][0-9]*))+)-(1)-([0-9]{9})-([ZNMS])-([0-9]{8})-([0-9]{2}\.[0-9]{3})-([0-9]{8})"
)
GOOD = st.from_regex(re.compile(UZI_NAME.pattern, re.ASCII), fullmatch=True)
CHARACTERS = string.digits + "-.ZNMSz \n٣é\ud800"


def by_pattern(text: str) -> tuple[str, ...] | None:
    match = UZI_NAME.fullmatch(text)
    return None if match is None else match.groups()


@given(GOOD)
def test_a_uzi_name_is_read(text: str) -> None:
    assert uzi_fields(text) == by_pattern(text) is not None


@given(GOOD, st.data())
def test_one_fault_is_judged_as_the_pattern_judges_it(text: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(text)))
    cut = data.draw(st.integers(0, 2))
    put = data.draw(st.text(alphabet=CHARACTERS, max_size=2))
    faulty = text[:at] + put + text[at + cut :]
    assert uzi_fields(faulty) == by_pattern(faulty)
