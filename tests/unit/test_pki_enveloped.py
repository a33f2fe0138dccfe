"""Decrypting (AUT-3): what OpenSSL encrypted, and nothing that tells one fault from another."""

from __future__ import annotations

import base64
import functools
import itertools
import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import cms as asn1
from asn1crypto import core
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import load_der_public_key
from hypothesis import given, settings
from hypothesis import strategies as st

from pki_world import Node, shared
from signing_world import ca, holder, openssl, replaced, save, tlv
from zorgid_card.errors import (
    CardRemovedError,
    CMSError,
    DecryptionError,
    MiddlewareError,
    NotOfferedError,
    RecipientError,
    StatusWordError,
    WrongPINError,
    ZorgIDError,
)
from zorgid_card.pki import _ber, enveloped
from zorgid_card.pki.enveloped import MAX_ENVELOPE, DecryptionKey, decrypt

TEXT = b"BSN 123456782\n" * 100
CIPHERS = ["-aes-128-cbc", "-aes-192-cbc", "-aes-256-cbc", "-aes-128-gcm", "-aes-256-gcm"]
FORMS = [[], ["-stream"], ["-keyid"]]


def recipient(algorithm: str = "RS256") -> Node:
    return holder(algorithm, "key_agreement" if algorithm.startswith("ES") else "key_encipherment")


def bare_rsa(key: rsa.RSAPrivateKey, cryptogram: bytes) -> bytes:
    numbers = key.private_numbers()
    n = numbers.public_numbers.n
    return pow(int.from_bytes(cryptogram, "big"), numbers.d, n).to_bytes((n.bit_length() + 7) // 8, "big")


def card_takes_off(key: rsa.RSAPrivateKey, cryptogram: bytes) -> bytes:
    """A card that tells bad padding: what Bleichenbacher's attack asks for (OpenSSL by itself would not tell)."""
    block = bare_rsa(key, cryptogram)
    end = block.find(b"\0", 2)
    if block[:2] != b"\0\x02" or end < 10:
        raise StatusWordError(operation="PSO DECIPHER", sw=0x6A80)
    return block[end + 1 :]


def key_of(node: Node, **others: Any) -> DecryptionKey:
    key = node.key
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return DecryptionKey(certificate=node.der, key_agreement=lambda peer: _agree(key, peer))
    chosen: dict[str, Any] = {
        "decipher": lambda cryptogram: card_takes_off(key, cryptogram),
        "decipher_raw": lambda cryptogram: bare_rsa(key, cryptogram),
    }
    return DecryptionKey(certificate=node.der, **{**chosen, **others})


def _agree(key: ec.EllipticCurvePrivateKey, peer: bytes) -> bytes:
    other = load_der_public_key(peer)
    assert isinstance(other, ec.EllipticCurvePublicKey)
    return key.exchange(ec.ECDH(), other)


@functools.cache
def encrypted(*options: str, algorithm: str = "RS256", form: str = "DER", text: bytes = TEXT) -> bytes:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        certificate, _ = save(recipient(algorithm), directory)
        (directory / "in").write_bytes(text)
        cipher = options if any(one.startswith("-aes") for one in options) else ("-aes-256-cbc", *options)
        files = ("-in", directory / "in", "-out", directory / "out", "-outform", form)
        openssl(
            "cms",
            "-encrypt",
            "-binary",
            *[o for o in cipher if o[:4] == "-aes" or o in ("-stream", "-keyid")],
            *files,
            "-recip",
            certificate,
            *[o for o in cipher if not (o[:4] == "-aes" or o in ("-stream", "-keyid"))],
        )
        return (directory / "out").read_bytes()


@pytest.mark.parametrize("cipher", CIPHERS)
@pytest.mark.parametrize("form", FORMS, ids=str)
def test_aut_3_openssl_encrypts_for_an_rsa_key(cipher: str, form: list[str]) -> None:
    assert decrypt(encrypted(cipher, *form), key_of(recipient())) == TEXT


@pytest.mark.parametrize("algorithm", ["ES256", "ES384"])
@pytest.mark.parametrize("digest", ["sha1", "sha256", "sha384", "sha512"])
@pytest.mark.parametrize("cipher", ["-aes-256-cbc", "-aes-128-gcm"])
def test_aut_3_openssl_encrypts_for_a_key_on_a_curve(algorithm: str, digest: str, cipher: str) -> None:
    message = encrypted(cipher, "-keyopt", f"ecdh_kdf_md:{digest}", algorithm=algorithm)
    assert decrypt(message, key_of(recipient(algorithm))) == TEXT
    assert decrypt(encrypted(cipher, "-keyid", algorithm=algorithm), key_of(recipient(algorithm))) == TEXT


@pytest.mark.parametrize("digests", [("sha1", "sha1"), ("sha256", "sha256"), ("sha512", "sha1"), ("sha1", "sha384")])
def test_aut_3_openssl_encrypts_by_oaep(digests: tuple[str, str]) -> None:
    options = ("-keyopt", "rsa_padding_mode:oaep", "-keyopt", f"rsa_oaep_md:{digests[0]}")
    message = encrypted(*options, "-keyopt", f"rsa_mgf1_md:{digests[1]}")
    assert decrypt(message, key_of(recipient())) == TEXT
    labelled = encrypted(*options, "-keyopt", "rsa_oaep_label:0102")
    assert decrypt(labelled, key_of(recipient())) == TEXT
    with pytest.raises(RecipientError, match="by OAEP"):
        decrypt(message, key_of(recipient(), decipher_raw=None))


@given(st.binary(max_size=200), st.binary(max_size=40))
@settings(max_examples=40, deadline=None)
def test_aut_3_oaep_is_taken_off_as_cryptography_puts_it_on(text: bytes, label: bytes) -> None:
    from cryptography.hazmat.primitives import hashes

    key = recipient().key
    assert isinstance(key, rsa.RSAPrivateKey)
    text = text[:190]
    scheme = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), label)
    block = bare_rsa(key, key.public_key().encrypt(text, scheme))
    digests = (hashes.SHA256(), hashes.SHA256())
    assert enveloped._take_off_oaep(block, digests, label) == text
    for at in (0, 1, 40, len(block) - 1):
        wrong = block[:at] + bytes([block[at] ^ 1]) + block[at + 1 :]
        try:
            assert enveloped._take_off_oaep(wrong, digests, label) != text
        except ValueError:
            continue


def test_aut_3_pem_is_read_too() -> None:
    assert decrypt(encrypted(form="PEM"), key_of(recipient())) == TEXT


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 1_000_000])
def test_aut_3_of_any_size(size: int) -> None:
    text = bytes(size)
    assert decrypt(encrypted("-aes-128-cbc", text=text), key_of(recipient())) == text
    if size:
        assert decrypt(encrypted("-aes-256-gcm", "-stream", text=text), key_of(recipient())) == text


# --- for whom --------------------------------------------------------------------------------------------


def test_aut_3_of_several_recipients_the_right_one_is_taken(tmp_path: Path) -> None:
    files = []
    for number, node in enumerate((recipient("ES256"), holder("RS256"), recipient("RS256"))):
        place = tmp_path / str(number)
        place.mkdir()
        files.append(save(node, place)[0])
    (tmp_path / "in").write_bytes(TEXT)
    out = tmp_path / "out"
    openssl("cms", "-encrypt", "-binary", "-aes256", "-in", tmp_path / "in", "-out", out, "-outform", "DER", *files)
    for algorithm in ("ES256", "RS256"):
        assert decrypt(out.read_bytes(), key_of(recipient(algorithm))) == TEXT


def test_aut_3_of_anothers_message_the_card_hears_nothing() -> None:
    def never(_: bytes) -> bytes:
        raise AssertionError("used")

    key = DecryptionKey(certificate=holder("PS256").der, decipher=never, key_agreement=never)
    with pytest.raises(RecipientError):
        decrypt(encrypted(), key)
    with pytest.raises(RecipientError):
        decrypt(encrypted("-keyid", algorithm="ES256"), key)
    with pytest.raises(RecipientError, match="agree on keys"):
        decrypt(encrypted(algorithm="ES256"), DecryptionKey(certificate=recipient("ES256").der))
    with pytest.raises(RecipientError, match="by RSA"):
        decrypt(encrypted(), DecryptionKey(certificate=recipient().der))


def test_aut_3_a_message_for_the_real_test_pass_finds_its_recipient(tmp_path: Path) -> None:
    certificate = shared("uzi-test-card/confidentiality.cer")
    (tmp_path / "to.pem").write_bytes(certificate)
    (tmp_path / "in").write_bytes(TEXT)
    for options in ([], ["-keyid"]):
        files = ("-in", tmp_path / "in", "-out", tmp_path / "out", "-outform", "DER", tmp_path / "to.pem")
        openssl("cms", "-encrypt", "-binary", "-aes-256-gcm", *options, *files)
        used: list[bytes] = []
        key = DecryptionKey(certificate=certificate, decipher=lambda found, used=used: used.append(found) or bytes(32))
        with pytest.raises(DecryptionError):
            decrypt((tmp_path / "out").read_bytes(), key)
        assert [len(found) for found in used] == [256]
        for other in ("authenticity", "signature"):
            with pytest.raises(RecipientError):
                decrypt(
                    (tmp_path / "out").read_bytes(), DecryptionKey(certificate=shared(f"uzi-test-card/{other}.cer"))
                )


# --- nothing is told -------------------------------------------------------------------------------------


def edited(message: bytes, change: Callable[[Any], None]) -> bytes:
    info = asn1.ContentInfo.load(message)
    change(info["content"])
    return bytes(info.dump(force=True))


def encrypted_key(cryptogram: bytes) -> Callable[[Any], None]:
    def change(content: Any) -> None:
        content["recipient_infos"][0].chosen["encrypted_key"] = cryptogram

    return change


def test_aut_3_bad_padding_and_a_wrong_key_look_the_same() -> None:
    """Bleichenbacher: whatever is wrong with the content key, the same error comes of it, with the same text and details."""
    key = recipient().key
    assert isinstance(key, rsa.RSAPrivateKey)
    public = key.public_key()

    def padded(content_key: bytes) -> bytes:
        return public.encrypt(content_key, padding.PKCS1v15())

    size = public.key_size // 8
    n = public.public_numbers().n
    seen = set()
    wrong = [
        padded(secrets.token_bytes(32)),  # another key
        padded(secrets.token_bytes(16)),  # of another length
        padded(b""),
        pow(int.from_bytes(b"\x00\x01" + b"\xff" * (size - 3) + b"\0", "big"), 65537, n).to_bytes(
            size, "big"
        ),  # type 1
        pow(int.from_bytes(b"\x00\x02" + b"\xff" * (size - 2), "big"), 65537, n).to_bytes(size, "big"),  # no end
        (2).to_bytes(size, "big"),
    ]
    for mode, cryptogram in itertools.product(("-aes-256-gcm", "-aes-256-cbc"), wrong):
        message = edited(encrypted(mode), encrypted_key(cryptogram))
        try:
            content = decrypt(message, key_of(recipient()))
        except DecryptionError as error:
            seen.add((str(error), str(error.details), type(error.__cause__), error.__suppress_context__))
        else:
            assert mode == "-aes-256-cbc"  # CBC under a wrong key ends in right padding once in 256 times
            assert content != TEXT
    assert seen == {("the message cannot be decrypted", "{}", type(None), True)}


def test_aut_3_the_substitute_for_a_content_key_is_never_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[bytes] = []
    opened = enveloped._open

    def watched(sealed: Any, key: bytes) -> bytes:
        used.append(key)
        return opened(sealed, key)

    monkeypatch.setattr(enveloped, "_open", watched)
    message = edited(encrypted("-aes-256-gcm"), encrypted_key(bytes(255) + b"\x02"))
    for _ in range(5):
        with pytest.raises(DecryptionError):
            decrypt(message, key_of(recipient()))
    assert len(set(used)) == 5
    assert {len(key) for key in used} == {32}


@pytest.mark.parametrize(
    "error",
    [
        WrongPINError(tries_left=2),
        CardRemovedError(),
        StatusWordError(operation="PSO", sw=0x6982),
        StatusWordError(operation="PSO", sw=0x6983),
        MiddlewareError(reason="CKR_USER_NOT_LOGGED_IN"),
        NotOfferedError(operation="decrypt", reason="CKM_RSA_PKCS"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_aut_3_what_says_nothing_of_the_message_passes(error: ZorgIDError) -> None:
    def refuse(_: bytes) -> bytes:
        raise error

    with pytest.raises(type(error)) as told:
        decrypt(encrypted(), key_of(recipient(), decipher=refuse))
    assert told.value is error


@pytest.mark.parametrize(
    "error",
    [StatusWordError(operation="PSO", sw=0x6A80), MiddlewareError(reason="CKR_ENCRYPTED_DATA_INVALID")],
    ids=str,
)
def test_aut_3_what_a_card_says_of_the_message_is_not_told(error: ZorgIDError) -> None:
    def refuse(_: bytes) -> bytes:
        raise error

    with pytest.raises(DecryptionError):
        decrypt(encrypted("-aes-256-gcm"), key_of(recipient(), decipher=refuse))


def test_aut_3_a_changed_content_is_refused_where_it_is_authenticated() -> None:
    def change(content: Any) -> None:
        info = content["auth_encrypted_content_info"]
        octets = bytearray(info["encrypted_content"].native)
        octets[3] ^= 1
        info["encrypted_content"] = bytes(octets)

    with pytest.raises(DecryptionError):
        decrypt(edited(encrypted("-aes-256-gcm"), change), key_of(recipient()))


def test_aut_3_authenticated_attributes_are_authenticated() -> None:
    """RFC 5083, 2.2: they are the additional data of AES-GCM, as the DER of a SET OF; OpenSSL writes none."""
    content_key, nonce = secrets.token_bytes(32), secrets.token_bytes(12)
    attributes = asn1.CMSAttributes([{"type": "content_type", "values": ["data"]}])
    sealed = AESGCM(content_key).encrypt(nonce, TEXT, attributes.dump())
    key = recipient().key.public_key()
    assert isinstance(key, rsa.RSAPublicKey)

    def message(added: asn1.CMSAttributes) -> bytes:
        def change(content: Any) -> None:
            encrypted_key(key.encrypt(content_key, padding.PKCS1v15()))(content)
            info = content["auth_encrypted_content_info"]
            parameters = core.SequenceOf([], spec=core.Any)
            parameters.append(core.Any(core.OctetString(nonce)))
            parameters.append(core.Any(core.Integer(16)))
            info["content_encryption_algorithm"] = {"algorithm": "2.16.840.1.101.3.4.1.46", "parameters": parameters}
            info["encrypted_content"] = sealed[:-16]
            content["auth_attrs"] = added
            content["mac"] = sealed[-16:]

        return edited(encrypted("-aes-256-gcm"), change)

    assert decrypt(message(attributes), key_of(recipient())) == TEXT
    other = asn1.CMSAttributes([{"type": "content_type", "values": ["signed_data"]}])
    with pytest.raises(DecryptionError):
        decrypt(message(other), key_of(recipient()))


def test_aut_3_a_point_beside_the_curve_never_reaches_the_card() -> None:
    message = encrypted(algorithm="ES256")
    at = message.find(b"\x03\x42\x00\x04")
    assert at > 0
    asked: list[bytes] = []
    key = DecryptionKey(certificate=recipient("ES256").der, key_agreement=lambda peer: asked.append(peer) or b"")
    for point in (bytes(64), b"\x01" * 64, message[at + 4 : at + 67] + b"\0"):
        wrong = message[: at + 4] + point + message[at + 68 :]
        with pytest.raises(CMSError):
            decrypt(wrong, key)
    assert asked == []


# --- hostile ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        ("-des3",),
        ("-aes-256-cbc", "-secretkey", "00" * 32, "-secretkeyid", "01"),
        ("-aes-256-cbc", "-pwri_password", "x"),
    ],
    ids=str,
)
def test_aut_3_other_algorithms_and_recipients_are_refused(options: tuple[str, ...], tmp_path: Path) -> None:
    certificate, _ = save(recipient(), tmp_path)
    (tmp_path / "in").write_bytes(TEXT)
    files = ("-in", tmp_path / "in", "-out", tmp_path / "out", "-outform", "DER")
    to = ["-recip", certificate] if options == ("-des3",) else []
    openssl("cms", "-encrypt", "-binary", *options, *files, *to)
    with pytest.raises((CMSError, RecipientError)):
        decrypt((tmp_path / "out").read_bytes(), key_of(recipient()))


@pytest.mark.parametrize(
    "broken",
    [b"", b"\x30\x80" * 2000, b"\x30\x84\xff\xff\xff\xff", b"-----BEGIN CMS-----\n", ca().der, b"text"],
    ids=lambda data: data[:1].hex(),
)
def test_aut_3_what_is_no_message_is_refused(broken: bytes) -> None:
    with pytest.raises(CMSError):
        decrypt(broken, key_of(recipient()))


def test_aut_3_an_identifier_without_end_is_refused_unread() -> None:
    """asn1crypto takes a time that grows with the square of its length: with one of megabytes this test would not end."""
    for size in (_ber.MAX_IDENTIFIER + 1, 20_000_000):
        identifier = tlv(0x06, b"\x2a" + b"\x81" * (size - 2) + b"\x01")
        with pytest.raises(CMSError, match=f"an object identifier of {size} octets"):
            decrypt(tlv(0x30, identifier + tlv(0xA0, b"")), key_of(recipient()))


def test_aut_3_pem_of_many_lines_is_read() -> None:
    """asn1crypto takes a time that grows with the square of their number: this test would not end."""
    text = bytes(20_000_000)
    message = base64.b64encode(encrypted("-aes-256-cbc", text=text)).decode()
    lines = "\n".join(message[at : at + 16] for at in range(0, len(message), 16))
    pem = f"-----BEGIN CMS-----\n{lines}\n-----END CMS-----\n".encode()
    assert decrypt(pem, key_of(recipient())) == text
    for wrong in (pem + b"text", pem.replace(b"END CMS", b"END PKCS7"), pem.replace(b"CMS", b"PKCS7"), pem * 2):
        with pytest.raises(CMSError):
            decrypt(wrong[: MAX_ENVELOPE + 1], key_of(recipient()))


def test_aut_3_a_giant_is_refused_unread() -> None:
    class Giant(bytes):
        def __len__(self) -> int:
            return MAX_ENVELOPE + 1

    with pytest.raises(CMSError, match="octets"):
        decrypt(Giant(b"0"), key_of(recipient()))


def in_pieces(message: bytes, size: int) -> bytes:
    """The same message as a sender streams it: indefinite lengths, and the content in pieces."""
    info = asn1.ContentInfo.load(message)
    envelope = info["content"]
    content = envelope["encrypted_content_info"]
    octets = content["encrypted_content"].native
    pieces = b"".join(b"\x04\x82" + len(p).to_bytes(2, "big") + p for p in cut(octets, size))
    head = content["content_type"].dump() + content["content_encryption_algorithm"].dump()
    inner = envelope["version"].dump() + envelope["recipient_infos"].dump()
    inner += b"\x30\x80" + head + b"\xa0\x80" + pieces + bytes(4)
    return b"\x30\x80" + info["content_type"].dump() + b"\xa0\x80\x30\x80" + inner + bytes(6)


def cut(octets: bytes, size: int) -> list[bytes]:
    return [octets[at : at + size] for at in range(0, len(octets), size)]


@pytest.mark.parametrize("size", [1, 7, 1000, 60_000])
def test_aut_3_content_in_pieces_is_put_together(size: int) -> None:
    assert decrypt(in_pieces(encrypted("-aes-256-cbc"), size), key_of(recipient())) == TEXT


def test_aut_3_many_pieces_are_put_together() -> None:
    """asn1crypto alone takes a time that grows with the square of their number: this test would not end."""
    text = bytes(20_000_000)
    message = in_pieces(encrypted("-aes-256-cbc", text=text), 200)
    assert decrypt(message, key_of(recipient())) == text
    with pytest.raises(CMSError, match="too many"):
        decrypt(in_pieces(encrypted("-aes-256-cbc", text=text), 90), key_of(recipient()))


def test_aut_3_a_crowd_of_recipients_is_refused() -> None:
    message = encrypted("-aes-256-cbc", algorithm="RS256")
    known = asn1.ContentInfo.load(message)["content"]["recipient_infos"]
    one = tlv(0x30, tlv(0xA0, tlv(0x04, b"x")) + tlv(0x04, b"y"))
    key = tlv(0xA0, tlv(0xA1, tlv(0x30, tlv(0x06, b"\x2a\x03")) + tlv(0x03, b"\0\4")))
    agreed = tlv(0xA1, tlv(0x02, b"\x03") + key + tlv(0x30, tlv(0x06, b"\x2a\x03")) + tlv(0x30, one * 45_000))
    for crowd in (known[0].dump() * 257, known[0].dump() * 20_000, agreed):
        with pytest.raises(CMSError):
            decrypt(replaced(message, known.dump(), tlv(0x31, crowd)), key_of(recipient("PS256")))


@given(st.binary(max_size=200))
@settings(max_examples=300)
def test_aut_3_ber_is_read_or_refused(octets: bytes) -> None:
    for data in (octets, b"\x30\x80" + octets, b"\x24\x80" + octets + b"\0\0"):
        try:
            once = _ber.definite(data)
        except ValueError:
            continue
        assert _ber.definite(once) == once


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_aut_3_no_mutated_message_crashes_it(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from([("-aes-256-gcm", "RS256"), ("-aes-256-cbc", "RS256"), ("-aes-128-gcm", "ES256")]))
    message = bytearray(encrypted(kind[0], algorithm=kind[1], text=b"short"))
    for _ in range(data.draw(st.integers(1, 3))):
        message[data.draw(st.integers(0, len(message) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.one_of(st.none(), st.integers(0, len(message))))
    try:
        decrypt(bytes(message[:cut]), key_of(recipient(kind[1])))
    except ZorgIDError:
        return
