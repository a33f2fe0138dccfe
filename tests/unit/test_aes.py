"""The core's AES and CMAC against `cryptography` and Wycheproof, by the processor and in bit slices."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC, ECB
from cryptography.hazmat.primitives.cmac import CMAC
from hypothesis import given
from hypothesis import strategies as st

from zorgid_card._native import ffi, lib, octets

WYCHEPROOF = Path(__file__).parents[2].parent / "shared/data/wycheproof/aes_cmac_test.json"
PORTABLE = lib.ZC_AES_PORTABLE

KEYS = st.sampled_from([16, 24, 32]).flatmap(lambda size: st.binary(min_size=size, max_size=size))
BLOCKS = st.integers(0, 20).flatmap(lambda count: st.binary(min_size=16 * count, max_size=16 * count))
WAYS = pytest.mark.parametrize("flags", [0, PORTABLE], ids=["processor", "slices"])


def context(key: bytes, flags: int) -> Any:
    aes = ffi.new("zc_aes *")
    assert lib.zc_aes_init(aes, octets(key), len(key), flags) == lib.ZC_OK
    assert bool(aes.chip) == (not flags and bool(lib.zc_aes_hardware()))
    return aes


def transformed(function: Any, aes: Any, data: bytes, *chain: Any) -> bytes:
    out = ffi.new("uint8_t[]", max(len(data), 1))
    function(aes, *chain, octets(data), out, len(data) // 16)
    return bytes(ffi.buffer(out, len(data)))


def cmac(key: bytes, parts: list[bytes], flags: int) -> bytes:
    aes, state, tag = context(key, flags), ffi.new("zc_cmac *"), ffi.new("uint8_t[16]")
    lib.zc_cmac_begin(state)
    for part in parts:
        lib.zc_cmac_update(state, aes, octets(part), len(part))
    lib.zc_cmac_end(state, aes, tag)
    return bytes(tag)


@WAYS
@given(key=KEYS, data=BLOCKS)
def test_the_bare_cipher(flags: int, key: bytes, data: bytes) -> None:
    encryptor = Cipher(AES(key), ECB()).encryptor()
    encrypted = transformed(lib.zc_aes_encrypt, context(key, flags), data)
    assert encrypted == encryptor.update(data) + encryptor.finalize()
    assert transformed(lib.zc_aes_decrypt, context(key, flags), encrypted) == data


@WAYS
@given(key=KEYS, data=BLOCKS, vector=st.binary(min_size=16, max_size=16))
def test_cbc(flags: int, key: bytes, data: bytes, vector: bytes) -> None:
    encryptor = Cipher(AES(key), CBC(vector)).encryptor()
    chain = ffi.new("uint8_t[]", vector)
    encrypted = transformed(lib.zc_aes_cbc_encrypt, context(key, flags), data, chain)
    assert encrypted == encryptor.update(data) + encryptor.finalize()
    assert bytes(ffi.buffer(chain, 16)) == (vector + encrypted)[-16:]
    chain = ffi.new("uint8_t[]", vector)
    assert transformed(lib.zc_aes_cbc_decrypt, context(key, flags), encrypted, chain) == data


@WAYS
@given(key=KEYS, parts=st.lists(st.binary(max_size=50), max_size=5))
def test_cmac_of_a_message_in_parts(flags: int, key: bytes, parts: list[bytes]) -> None:
    peer = CMAC(AES(key))
    peer.update(b"".join(parts))
    assert cmac(key, parts, flags) == peer.finalize()


@WAYS
@pytest.mark.skipif(not WYCHEPROOF.exists(), reason=f"{WYCHEPROOF} is not there")
def test_cmac_on_wycheproof(flags: int) -> None:
    seen = {"valid": 0, "invalid": 0}
    for group in json.loads(WYCHEPROOF.read_text())["testGroups"]:
        for case in group["tests"]:
            key = bytes.fromhex(case["key"])
            if len(key) not in {16, 24, 32}:
                assert case["result"] == "invalid"
                assert lib.zc_aes_init(ffi.new("zc_aes *"), octets(key), len(key), flags) == lib.ZC_E_RANGE
                continue
            tag = cmac(key, [bytes.fromhex(case["msg"])], flags)[: group["tagSize"] // 8]
            assert (tag == bytes.fromhex(case["tag"])) == (case["result"] == "valid"), case["tcId"]
            seen[case["result"]] += 1
    assert min(seen.values()) > 50
