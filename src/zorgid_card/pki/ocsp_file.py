"""An OCSP responder in one file: its key, encrypted, its certificate and the CA's. The machine that answers needs no other key."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from zorgid_card.errors import StorageError
from zorgid_card.pki import _keyfile, _x509
from zorgid_card.pki.authority import RESPONDER_VALIDITY, Authority
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.ocsp_responder import LIFETIME, Responder
from zorgid_card.pki.signing import dump_public_key
from zorgid_card.secret import Secret

_CERTIFICATE: Final = b"-----BEGIN CERTIFICATE-----"


def write_responder(
    path: Path, authority: Authority, passphrase: Secret, now: datetime, validity: timedelta = RESPONDER_VALIDITY
) -> Certificate:
    """Make a P-256 key, have it certified, and write the file, mode 0600, in the place of an older one.

    Args:
        path: the file.
        authority: the CA; it may be closed afterwards.
        passphrase: opens the file later; not the CA's own.
        now: with a time zone.
        validity: of the certificate; make the next one in time.

    Returns:
        The responder's certificate.

    Raises:
        StorageError: the file cannot be written; an older one is still there.
        PassphraseError: the passphrase is empty.
    """
    key, der = _certified(authority, now, validity)
    certificates = (x509.load_der_x509_certificate(one) for one in (der, authority.certificate))
    parts = [_keyfile.encrypt_key(key, passphrase), *(one.public_bytes(Encoding.PEM) for one in certificates)]
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    _keyfile.write_new(beside, b"".join(parts))
    os.replace(beside, path)
    return Certificate.parse(der)


def new_responder(authority: Authority, now: datetime, validity: timedelta = RESPONDER_VALIDITY) -> Responder:
    """A responder beside the CA, in one process: its key is new, is kept nowhere, and ends with the process.

    Args:
        authority: the CA.
        now: with a time zone.
        validity: of the certificate; make the next one in time.
    """
    key, der = _certified(authority, now, validity)
    return Responder(Certificate.parse(authority.certificate), key, Certificate.parse(der))


def _certified(authority: Authority, now: datetime, validity: timedelta) -> tuple[ec.EllipticCurvePrivateKey, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    return key, authority.certify_responder(dump_public_key(key.public_key()), not_before=now, validity=validity)


def read_responder(path: Path, passphrase: Secret, *, lifetime: timedelta = LIFETIME) -> Responder:
    """Open what :func:`write_responder` wrote.

    Args:
        path: the file.
        passphrase: opens it.
        lifetime: of the answers.

    Raises:
        StorageError: it cannot be read, or is none.
        PassphraseError: the passphrase does not open it.
    """
    data = _keyfile.read(path)
    head, *pems = data.split(_CERTIFICATE)
    if len(pems) != 2:
        raise StorageError(f"{path}: no file of an OCSP responder", reason="malformed", path=str(path))
    key = _keyfile.decrypt_key(head, passphrase, path)
    own, ca = (Certificate.parse(_x509.der(_x509.load_certificate(_CERTIFICATE + pem))) for pem in pems)
    return Responder(ca, key, own, lifetime=lifetime)
