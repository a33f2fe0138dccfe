"""The PIV application and its personalisation dialect: what is sent, and what is believed of the answers."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key
from hypothesis import given
from hypothesis import strategies as st

from card_scripts import drive, refuse
from zorgid_card.codec.apdu import ResponseAPDU
from zorgid_card.codec.link import Exchange
from zorgid_card.codec.tlv import encode
from zorgid_card.errors import CardResponseError, StatusWordError, TLVError, UsageError, ZorgIDError
from zorgid_card.protocol import piv, signature, yubico
from zorgid_card.protocol.signature import check_ecdsa_signature, signature_algorithm
from zorgid_card.secret import Secret

HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
RSA2048 = piv.key_algorithm("RSA2048")
P256 = piv.key_algorithm("ECCP256")
P384 = piv.key_algorithm("ECCP384")


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


# --- data objects -------------------------------------------------------------------------------------------------


def test_get_data_names_the_object_and_takes_it_out_of_its_wrapping() -> None:
    content, sent = drive(piv.get_data(0x5FC105), ("53057003AABBCC", 0x9000))
    assert content == bytes.fromhex("7003AABBCC")
    assert sent[0].encode().hex() == "00cb3fff055c035fc10500"
    content, sent = drive(piv.get_data(piv.DISCOVERY), ("7E034F01AA", 0x9000))
    assert content == bytes.fromhex("4F01AA")
    assert sent[0].encode().hex() == "00cb3fff035c017e00"


def test_an_absent_and_an_empty_object_are_none() -> None:
    assert drive(piv.get_data(0x5FC105), ("", 0x6A82))[0] is None
    assert drive(piv.get_data(0x5FC105), ("5300", 0x9000))[0] is None
    assert isinstance(refuse(piv.get_data(0x5FC105), ("", 0x6982)), StatusWordError)
    assert isinstance(refuse(piv.get_data(0x5FC105), ("5403010203", 0x9000)), TLVError)


def test_put_data_wraps_all_but_the_discovery_object() -> None:
    _, sent = drive(piv.put_data(0x5FC102, b"\x01\x02"), ("", 0x9000))
    assert sent[0].encode().hex() == "00db3fff095c035fc10253020102"
    _, sent = drive(piv.put_data(piv.DISCOVERY, b"\x01\x02"), ("", 0x9000))
    assert sent[0].encode().hex() == "00db3fff047e020102"


@pytest.mark.parametrize("info", ["01", "80"])
def test_a_compressed_certificate_is_unpacked(info: str) -> None:
    packed = gzip.compress(b"certificate" * 100)
    content = encode(0x70, packed) + bytes.fromhex(f"7101{info}FE00")
    assert piv.decode_certificate(content) == b"certificate" * 100


def test_a_compressed_certificate_cannot_be_a_bomb_or_broken() -> None:
    bomb = gzip.compress(bytes(10_000_000))
    for packed in (bomb, b"\x1f\x8b\x08", b"nonsense", gzip.compress(b"x")[:-4], gzip.compress(b"x") + b"more"):
        with pytest.raises(CardResponseError):
            piv.decode_certificate(encode(0x70, packed) + bytes.fromhex("710101FE00"))
    with pytest.raises(CardResponseError):
        piv.decode_certificate(encode(0x70, b"x") + bytes.fromhex("710140FE00"))


@given(st.binary(min_size=1, max_size=2000))
def test_a_certificate_object_round_trips(der: bytes) -> None:
    assert piv.decode_certificate(piv.encode_certificate(der)) == der


# --- public keys --------------------------------------------------------------------------------------------------


def spki(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def rsa_template(modulus: int, exponent: int = 65537, length: int = 256) -> bytes:
    return encode(0x81, modulus.to_bytes(length, "big")) + encode(0x82, exponent.to_bytes(3, "big"))


def test_crd_7_generate_gives_the_public_key(rsa_key: rsa.RSAPrivateKey, ec_key: ec.EllipticCurvePrivateKey) -> None:
    template = rsa_template(rsa_key.public_key().public_numbers().n)
    found, sent = drive(piv.generate(0x9A, RSA2048), (encode(0x7F49, template).hex(), 0x9000))
    assert found == spki(rsa_key)
    assert sent[0].encode().hex() == "0047009a05ac0380010700"
    point = ec_key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    answer = encode(0x7F49, encode(0x86, point)).hex()
    found, sent = drive(piv.generate(0x9C, P256, yubico.PIN_ALWAYS, 1), (answer, 0x9000))
    assert found == spki(ec_key)
    assert sent[0].encode().hex() == "0047009c0bac09800111aa0103ab010100"


def test_a_hostile_public_key_is_refused(rsa_key: rsa.RSAPrivateKey) -> None:
    n = rsa_key.public_key().public_numbers().n
    bad_rsa = [
        rsa_template(n >> 1, length=256),
        rsa_template(n - 1),
        rsa_template(n, exponent=3),
        rsa_template(n, exponent=1),
        rsa_template(n << 8, length=257),
        encode(0x81, n.to_bytes(256, "big")),
        b"",
    ]
    for template in bad_rsa:
        with pytest.raises((CardResponseError, TLVError)):
            piv.decode_public_key(template, RSA2048)
    off_curve = b"\x04" + (1).to_bytes(32, "big") + (1).to_bytes(32, "big")
    for point in (off_curve, b"\x00", b"\x04" + bytes(64), b"\x02" + bytes(32), bytes(65), off_curve + b"\x00"):
        with pytest.raises(CardResponseError):
            piv.decode_public_key(encode(0x86, point), P256)


def test_unknown_names_and_numbers_are_refused() -> None:
    with pytest.raises(UsageError):
        piv.key_algorithm("RSA1024")
    with pytest.raises(CardResponseError):
        piv.key_algorithm_of(0x06)
    with pytest.raises(UsageError):
        piv.certificate_object(0x9B)
    assert piv.certificate_object(0x95) == 0x5FC120


# --- signatures ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["RS", "PS"])
@pytest.mark.parametrize("size", ["256", "384", "512"])
def test_aut_3_padded_blocks_are_what_cryptography_verifies(rsa_key: rsa.RSAPrivateKey, scheme: str, size: str) -> None:
    block = signature.rsa_block(signature_algorithm(scheme + size), b"the data", 2048)
    assert len(block) == 256
    private = rsa_key.private_numbers()
    raw = pow(int.from_bytes(block, "big"), private.d, private.public_numbers.n).to_bytes(256, "big")
    pad: padding.AsymmetricPadding = padding.PKCS1v15()
    if scheme == "PS":
        pad = padding.PSS(padding.MGF1(HASHES[size]), int(size) // 8)
    rsa_key.public_key().verify(raw, b"the data", pad, HASHES[size])


def test_ecdsa_takes_the_leftmost_bits_of_the_digest() -> None:
    assert signature.ecdsa_digest(signature_algorithm("ES384"), b"x") == hashlib.sha384(b"x").digest()
    wide = signature.SignatureAlgorithm("wide", "ecdsa", "sha512", 256)
    assert signature.ecdsa_digest(wide, b"x") == hashlib.sha512(b"x").digest()[:32]


def test_an_ecdsa_signature_is_strict_der_below_the_order(ec_key: ec.EllipticCurvePrivateKey) -> None:
    good = ec_key.sign(b"x", ec.ECDSA(hashes.SHA256()))
    assert check_ecdsa_signature(good, 256) == good
    order = int("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", 16)
    too_big = encode(0x30, encode(0x02, b"\x00" + order.to_bytes(32, "big")), encode(0x02, b"\x01"))
    for bad in (b"", good + b"\x00", good[:-1], bytes.fromhex("3006020100020101"), too_big):
        with pytest.raises(CardResponseError):
            check_ecdsa_signature(bad, 256)
    negative = bytes.fromhex("30060201FF020101")
    with pytest.raises(CardResponseError):
        check_ecdsa_signature(negative, 256)


def test_aut_3_sign_and_key_agreement_check_the_answers_length() -> None:
    answer = encode(0x7C, encode(0x82, bytes(256)))
    raw, sent = drive(piv.sign_raw(0x9A, RSA2048, bytes(256)), (answer.hex(), 0x9000))
    assert raw == bytes(256)
    assert (sent[0].ins, sent[0].p1, sent[0].p2) == (0x87, 0x07, 0x9A)
    assert sent[0].data[:8].hex() == "7c820106" + "82008182"
    short = encode(0x7C, encode(0x82, bytes(255)))
    assert isinstance(refuse(piv.sign_raw(0x9A, RSA2048, bytes(256)), (short.hex(), 0x9000)), CardResponseError)
    assert isinstance(refuse(piv.key_agreement(0x9D, P384, bytes(97)), (short.hex(), 0x9000)), CardResponseError)
    shared = encode(0x7C, encode(0x82, bytes(48)))
    assert drive(piv.key_agreement(0x9D, P384, bytes(97)), (shared.hex(), 0x9000))[0] == bytes(48)


def test_signature_algorithms_are_a_closed_list() -> None:
    with pytest.raises(UsageError):
        signature_algorithm("none")
    with pytest.raises(UsageError):
        signature_algorithm("HS256")


# --- dialect ------------------------------------------------------------------------------------------------------


def test_metadata_tells_tries_defaults_and_keys() -> None:
    told, sent = drive(yubico.metadata(0x80), ("0101FF" + "050101" + "06020301", 0x9000))
    assert told is not None
    assert (told.default, told.tries_left, told.public_key) == (True, 1, None)
    assert sent[0].encode().hex() == "00f7008000"
    told, _ = drive(yubico.metadata(0x9A), ("010111" + "02020301" + "030102" + "0403860104", 0x9000))
    assert told is not None
    assert (told.algorithm, told.pin_policy, told.generated, told.default) == (0x11, 3, False, None)
    assert told.public_key == bytes.fromhex("860104")
    assert drive(yubico.metadata(0x9A), ("", 0x6A88))[0] is None
    assert isinstance(refuse(yubico.metadata(0x9A), ("", 0x6D00)), StatusWordError)


def test_version_serial_and_attestation() -> None:
    assert drive(yubico.version(), ("050701", 0x9000))[0] == (5, 7, 1)
    assert drive(yubico.serial(), ("00BC614E", 0x9000))[0] == 12345678
    assert isinstance(refuse(yubico.version(), ("0507", 0x9000)), CardResponseError)
    assert isinstance(refuse(yubico.serial(), ("05", 0x9000)), CardResponseError)
    assert isinstance(refuse(yubico.attest(0x9A), ("", 0x9000)), CardResponseError)


def test_pin_7_the_administration_key_is_a_template_and_a_reference() -> None:
    from zorgid_card.protocol.administration import administration_algorithm

    key = Secret.of(b"K" * 24)
    algorithm = administration_algorithm("AES192")
    _, sent = drive(yubico.set_management_key(algorithm, key), ("", 0x9000))
    assert sent[0].data == bytes.fromhex("0A9B18") + bytes(24)
    assert sent[0].secrets[0].offset == 3
    with pytest.raises(UsageError):
        next(yubico.set_management_key(algorithm, Secret.of(b"K" * 16)))


EXCHANGES: tuple[Callable[[], Exchange[object]], ...] = (
    lambda: piv.get_data(0x5FC105),
    lambda: piv.generate(0x9A, RSA2048),
    lambda: piv.generate(0x9A, P256),
    lambda: piv.sign_raw(0x9A, P256, bytes(32)),
    lambda: piv.key_agreement(0x9D, P256, bytes(65)),
    lambda: yubico.metadata(0x9A),
    yubico.version,
    yubico.serial,
)


@given(st.binary(max_size=600), st.sampled_from(EXCHANGES))
def test_hostile_answers_give_typed_errors_only(raw: bytes, make: Callable[[], Exchange[object]]) -> None:
    exchange = make()
    next(exchange)
    with pytest.raises((StopIteration, ZorgIDError)):
        exchange.send(ResponseAPDU(raw, 0x9000))


@given(st.binary(max_size=300))
def test_hostile_certificate_objects_and_keys_give_typed_errors_only(raw: bytes) -> None:
    for parse in (piv.decode_certificate, lambda data: piv.decode_public_key(data, RSA2048)):
        try:
            parse(raw)
        except ZorgIDError:
            continue
    for algorithm in (RSA2048, P256):
        wrapped = encode(0x81, raw) + encode(0x82, raw) + encode(0x86, raw)
        with pytest.raises(ZorgIDError):
            piv.decode_public_key(wrapped, algorithm)


def test_a_public_key_from_the_card_loads(ec_key: ec.EllipticCurvePrivateKey) -> None:
    point = ec_key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    loaded = load_der_public_key(piv.decode_public_key(encode(0x86, point), P256))
    assert piv.key_algorithm_of_spki(loaded) is P256
    with pytest.raises(CardResponseError):
        piv.key_algorithm_of_spki(ec.generate_private_key(ec.SECP521R1()).public_key())
