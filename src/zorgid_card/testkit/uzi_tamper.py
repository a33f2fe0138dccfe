"""Certificates that the UZI register would never issue, for tests.

Each is a :data:`Tamper`: it changes the plan of a certificate before the test CA signs it. The signature is
sound, so what is wrong is only what the tamper's name says, and a test that expects a refusal knows *why* it
must come.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

from asn1crypto import core

from zorgid_card.testkit.uzi_profile import PassType, Usage

UPN = "1.3.6.1.4.1.311.20.2.3"
UZI_NAME = "2.5.5.5"


@dataclass(frozen=True, slots=True)
class LeafPlan:
    """Everything a leaf says before its issuer signs it.

    ``subject`` holds (attribute, text) in order; ``names`` the otherNames of the subjectAltName as (type-id,
    DER of the value); ``issuer`` the CA that signs, normally the pass type's letter.
    """

    pass_type: PassType
    usage: Usage
    issuer: str
    serial: int
    subject: tuple[tuple[str, str], ...]
    names: tuple[tuple[str, bytes], ...]
    dns_names: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    key_usages: tuple[str, ...]
    extended_key_usages: tuple[str, ...]
    policy: str


Tamper: TypeAlias = Callable[[LeafPlan], LeafPlan]


def ia5_string(text: str) -> bytes:
    """DER of an IA5String; characters outside ASCII become UTF-8 octets, as a careless CA would have it."""
    return b"\x16" + bytes(core.OctetString(text.encode()).dump())[1:]


def utf8_string(text: str) -> bytes:
    """DER of a UTF8String."""
    return bytes(core.UTF8String(text).dump())


def _replace_uzi(plan: LeafPlan, value: bytes) -> LeafPlan:
    return replace(plan, names=tuple((t, value if t == UZI_NAME else v) for t, v in plan.names))


def _uzi_text(plan: LeafPlan) -> str:
    value = next(v for t, v in plan.names if t == UZI_NAME)
    return str(core.load(value).native)


def san_text(change: Callable[[str], str]) -> Tamper:
    """Change the text of the UZI otherName (``<OID CA>-<version>-<number>-<type>-<URA>-<role>-<AGB>``)."""
    return lambda plan: _replace_uzi(plan, ia5_string(change(_uzi_text(plan))))


def san_field(index: int, value: str) -> Tamper:
    """Put ``value`` in field ``index`` (0 to 6) of the UZI otherName."""

    def change(text: str) -> str:
        fields = text.split("-")
        fields[index] = value
        return "-".join(fields)

    return san_text(change)


def san_fields(count: int) -> Tamper:
    """Give the UZI otherName ``count`` fields: cut off, or filled up with ``0``."""
    return san_text(lambda text: "-".join((text.split("-") + ["0"] * count)[:count]))


def utf8_san(plan: LeafPlan) -> LeafPlan:
    """Encode the UZI otherName as UTF8String, as some third-party test CAs do."""
    return _replace_uzi(plan, utf8_string(_uzi_text(plan)))


def raw_san(value: bytes) -> Tamper:
    """Put these octets in place of the value of the UZI otherName; they must be one DER object."""
    return lambda plan: _replace_uzi(plan, value)


def no_uzi_name(plan: LeafPlan) -> LeafPlan:
    """Leave the UZI otherName out."""
    return replace(plan, names=tuple(name for name in plan.names if name[0] != UZI_NAME))


def uzi_name_twice(plan: LeafPlan) -> LeafPlan:
    """Give two UZI otherNames, the second with another number."""
    other = ia5_string(_uzi_text(plan).replace("-9", "-8", 1))
    return replace(plan, names=(*plan.names, (UZI_NAME, other)))


def no_upn(plan: LeafPlan) -> LeafPlan:
    """Leave the UPN otherName out."""
    return replace(plan, names=tuple(name for name in plan.names if name[0] != UPN))


def upn_last(plan: LeafPlan) -> LeafPlan:
    """Put the UPN otherName after the UZI otherName."""
    return replace(plan, names=tuple(sorted(plan.names, key=lambda name: name[0] == UPN)))


def issued_by(pass_type: PassType | str) -> Tamper:
    """Have the CA of another pass type sign, while the certificate keeps saying what it is."""
    return lambda plan: replace(plan, issuer=str(pass_type))


def subject(attribute: str, value: str | None) -> Tamper:
    """Change an attribute of the subject, or leave it out (None)."""

    def change(plan: LeafPlan) -> LeafPlan:
        pairs = ((a, value if a == attribute else v) for a, v in plan.subject)
        return replace(plan, subject=tuple((a, v) for a, v in pairs if v is not None))

    return change


def key_usages(*usages: str) -> Tamper:
    """Give the certificate these key usages instead of its own."""
    return lambda plan: replace(plan, key_usages=usages)


def only(usage: Usage, tamper: Tamper) -> Tamper:
    """Apply ``tamper`` to the certificate of one usage and leave the pass's other certificates whole."""
    return lambda plan: tamper(plan) if plan.usage is usage else plan
