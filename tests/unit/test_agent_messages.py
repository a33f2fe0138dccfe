"""What a page says is a message, or refused; and the page of the documentation shows what the types say."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docs_examples import ROOT
from zorgid_card.agent import messages, protocol
from zorgid_card.agent.messages import (
    EVENTS,
    LIMIT,
    STARTS,
    Answer,
    Cancel,
    Done,
    Failed,
    Hello,
    LoggedIn,
    Paired,
    Progressed,
    StartCreate,
    StartLogIn,
    decode,
    encode,
)
from zorgid_card.errors import MessageError
from zorgid_card.secret import Secret

START = {"type": "start", "id": "1", "step": "create", "lang": "nl"}


def test_a_page_s_messages_are_read() -> None:
    assert decode(json.dumps(START)) == StartCreate(id="1", lang="nl")
    log_in = {**START, "step": "log-in", "nonce": "n" * 44, "reader": "R"}
    assert decode(json.dumps(log_in)) == StartLogIn(id="1", lang="nl", reader="R", nonce="n" * 44)
    replaces = {**START, "replaces": {"cause": "lost"}}
    assert decode(json.dumps(replaces)) == StartCreate(id="1", lang="nl", replaces=messages.Replaced(cause="lost"))
    for value in ("1985-06-07", True, False, None):
        answer = {"type": "answer", "id": "1", "question": 2, "value": value}
        assert decode(json.dumps(answer)) == Answer(id="1", question=2, value=value)
    assert decode('{"type":"cancel","id":"1"}') == Cancel(id="1")


REFUSED: dict[str, Any] = {
    "no object": [START],
    "no type": {"id": "1"},
    "another type": {**START, "type": "hello"},
    "the agent's": {"type": "done", "id": "1", "result": {}},
    "another step": {**START, "step": "sign"},
    "a step that is no text": {**START, "step": ["create"]},
    "an origin": {**START, "origin": "https://evil.example"},
    "a pin": {**START, "pin": "123456"},
    "an apdu": {**START, "apdu": "00A40400"},
    "a digest": {**START, "step": "log-in", "nonce": "n" * 44, "digest": "00"},
    "a nonce where none belongs": {**START, "nonce": "n" * 44},
    "no nonce": {**START, "step": "log-in"},
    "a nonce that is short": {**START, "step": "log-in", "nonce": "n" * 43},
    "a nonce that is long": {**START, "step": "log-in", "nonce": "n" * 129},
    "another language": {**START, "lang": "de"},
    "a language that is no text": {**START, "lang": {}},
    "no id": {"type": "start", "step": "create", "lang": "nl"},
    "an empty id": {**START, "id": ""},
    "an id that is long": {**START, "id": "x" * 65},
    "another cause": {**START, "replaces": {"cause": "tired of it"}},
    "more of a cause": {**START, "replaces": {"cause": "lost", "pin": "1"}},
    "a cause that is no object": {**START, "replaces": "lost"},
    "a question that is no number": {"type": "answer", "id": "1", "question": True, "value": None},
    "a question that is a fraction": {"type": "answer", "id": "1", "question": 1.5, "value": None},
    "a value that is a list": {"type": "answer", "id": "1", "question": 1, "value": []},
    "a value that is a number": {"type": "answer", "id": "1", "question": 1, "value": 314159},
    "a value that is long": {"type": "answer", "id": "1", "question": 1, "value": "x" * 41},
    "no value": {"type": "answer", "id": "1", "question": 1},
}


@pytest.mark.parametrize("name", REFUSED)
def test_aut_1_what_a_page_may_not_say_is_refused(name: str) -> None:
    with pytest.raises(MessageError):
        decode(json.dumps(REFUSED[name]))


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(START).encode(),
        '{"type":"cancel","id":"1","id":"2"}',
        '{"type":"cancel","id":"\\ud800"}',
        '{"type":"cancel","id":"\ud800"}',
        "[" * 10_000,
        '{"type":"cancel","id":"' + "x" * LIMIT + '"}',
        "",
        "null",
    ],
    ids=["binary", "twice", "surrogate", "raw surrogate", "deep", "long", "empty", "null"],
)
def test_a_frame_that_is_none_is_refused(text: str | bytes) -> None:
    with pytest.raises(MessageError):
        decode(text)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_NAMES = st.sampled_from(("type", "id", "step", "lang", "reader", "nonce", "question", "value", "replaces", "ura"))
_KNOWN = st.sampled_from(("start", "answer", "cancel", "create", "log-in", "register", "nl", "lost", "1"))


@given(st.dictionaries(_NAMES, _VALUES | _KNOWN, max_size=8))
def test_whatever_a_page_says_is_a_message_or_refused(said: dict[str, Any]) -> None:
    try:
        found = decode(json.dumps(said))
    except MessageError:
        return
    assert isinstance(found, messages.Start | Answer | Cancel)


@given(st.text(max_size=200) | st.binary(max_size=200))
def test_whatever_octets_come_are_a_message_or_refused(text: str | bytes) -> None:
    with pytest.raises(MessageError):
        decode(text)


def test_what_is_absent_is_left_out_and_what_is_not_known_is_null() -> None:
    assert json.loads(encode(Hello(version="1", protocol=1, paired=True))) == {
        "type": "hello",
        "version": "1",
        "protocol": 1,
        "paired": True,
    }
    told = json.loads(encode(Progressed(id="1", step="write", share=0.5, seconds_left=None)))
    assert told == {
        "type": "event",
        "event": "progress",
        "id": "1",
        "step": "write",
        "share": 0.5,
        "seconds_left": None,
    }
    done = json.loads(encode(Done(id="1", result=LoggedIn(token={"format": "web-eid:1.0"}))))
    assert done == {"type": "done", "id": "1", "result": {"token": {"format": "web-eid:1.0"}}}


# --- no secret has a place --------------------------------------------------------------------------------------------

_ALL = (*STARTS, Answer, Cancel, Hello, Paired, *EVENTS, Done, Failed)


def test_pin_7_no_message_has_a_field_for_a_secret() -> None:
    for kind in _ALL:
        hints = get_type_hints(kind)
        assert Secret not in {part for hint in hints.values() for part in (hint, *get_args(hint))}
    of_pages = {field.name for kind in (*STARTS, Answer, Cancel) for field in fields(kind)}
    assert of_pages == {"id", "lang", "reader", "nonce", "ura", "replaces", "question", "value"}


# --- the documentation ------------------------------------------------------------------------------------------------

BEGIN, END = "<!-- protocol: begin -->\n", "<!-- protocol: end -->\n"


def test_the_documentation_shows_what_the_types_say() -> None:
    """If not, put what ``zorgid-card agent protocol`` prints between the marks."""
    page = (ROOT / "docs/agent.md").read_text()
    assert page.partition(BEGIN)[2].partition(END)[0] == protocol.page()
