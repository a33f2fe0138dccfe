"""The administration key: both sides prove that they know it, by an independent cipher on the card's side."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from card_scripts import drive, refuse
from zorgid_card.codec.apdu import CommandAPDU, ResponseAPDU
from zorgid_card.codec.tlv import Index, encode
from zorgid_card.errors import CardResponseError, ProofError, StatusWordError, UsageError
from zorgid_card.protocol.administration import (
    administration_algorithm,
    administration_algorithm_of,
    authenticate_administration,
)
from zorgid_card.secret import Secret

NAMES = ["3DES", "AES128", "AES192", "AES256"]


class Card:
    """The card's half of SP 800-73-5 part 2, appendix A.1 and A.2, with a key of its own."""

    def __init__(self, name: str, key: bytes, *, mutual: bool = True) -> None:
        self.algorithm = administration_algorithm(name)
        self.cipher = Cipher(TripleDES(key) if name == "3DES" else AES(key), ECB())
        self.plain = os.urandom(self.algorithm.block_length)
        self.mutual = mutual
        self.authenticated = False

    def encipher(self, block: bytes) -> bytes:
        return self.cipher.encryptor().update(block)

    def answer(self, command: CommandAPDU) -> ResponseAPDU:
        assert (command.ins, command.p1, command.p2) == (0x87, self.algorithm.identifier, 0x9B)
        index = Index(command.data)
        if index.optional(0x7C, 0x80) == b"":
            if not self.mutual:
                return ResponseAPDU(b"", 0x6A80)
            return ResponseAPDU(encode(0x7C, encode(0x80, self.encipher(self.plain))), 0x9000)
        if index.optional(0x7C, 0x81) == b"":
            return ResponseAPDU(encode(0x7C, encode(0x81, self.plain)), 0x9000)
        if (response := index.optional(0x7C, 0x82)) is not None:
            self.authenticated = response == self.encipher(self.plain)
            return ResponseAPDU(b"", 0x9000 if self.authenticated else 0x6982)
        self.authenticated = index.first(0x7C, 0x80) == self.plain
        if not self.authenticated:
            return ResponseAPDU(b"", 0x6982)
        return ResponseAPDU(encode(0x7C, encode(0x82, self.encipher(index.first(0x7C, 0x81)))), 0x9000)


def meet(card: Card, exchange: Generator[CommandAPDU, ResponseAPDU, None]) -> None:
    try:
        command = next(exchange)
        while True:
            command = exchange.send(card.answer(command))
    except StopIteration:
        return


@pytest.mark.parametrize("mutual", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_both_forms_authenticate(name: str, mutual: bool) -> None:
    key = os.urandom(administration_algorithm(name).key_length)
    card = Card(name, key, mutual=mutual)
    meet(card, authenticate_administration(card.algorithm, Secret.of(key)))
    assert card.authenticated


@pytest.mark.parametrize("mutual", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_a_wrong_key_is_refused(name: str, mutual: bool) -> None:
    length = administration_algorithm(name).key_length
    card = Card(name, os.urandom(length), mutual=mutual)
    with pytest.raises(StatusWordError) as caught:
        meet(card, authenticate_administration(card.algorithm, Secret.of(os.urandom(length))))
    assert caught.value.sw == 0x6982
    assert not card.authenticated


def test_a_card_that_does_not_know_the_key_is_found_out() -> None:
    """It takes any witness, and answers the challenge with something."""
    algorithm = administration_algorithm("AES192")
    for reply in (bytes(16), b"", bytes(15)):
        error = refuse(
            authenticate_administration(algorithm, Secret.of(bytes(24))),
            (encode(0x7C, encode(0x80, bytes(16))).hex(), 0x9000),
            (encode(0x7C, encode(0x82, reply)).hex(), 0x9000),
        )
        assert isinstance(error, ProofError)


def test_a_witness_of_a_wrong_length_is_refused() -> None:
    algorithm = administration_algorithm("AES128")
    for length in (0, 8, 15, 32):
        error = refuse(
            authenticate_administration(algorithm, Secret.of(bytes(16))),
            (encode(0x7C, encode(0x80, bytes(length))).hex(), 0x9000),
        )
        assert isinstance(error, CardResponseError)


def test_a_refusal_other_than_not_knowing_the_form_is_not_tried_again() -> None:
    algorithm = administration_algorithm("AES128")
    error = refuse(authenticate_administration(algorithm, Secret.of(bytes(16))), ("", 0x6983))
    assert isinstance(error, StatusWordError)


def test_keys_and_algorithms_are_checked_before_anything_is_sent() -> None:
    with pytest.raises(UsageError):
        drive(authenticate_administration(administration_algorithm("AES256"), Secret.of(bytes(24))))
    with pytest.raises(UsageError):
        administration_algorithm("DES")
    assert administration_algorithm_of(0x00).name == "3DES"
    with pytest.raises(CardResponseError):
        administration_algorithm_of(0x07)
