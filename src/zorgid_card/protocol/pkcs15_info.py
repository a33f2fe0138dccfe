"""What a card of ISO/IEC 7816-15 says of itself: EF.CIAInfo, and the algorithms that it knows."""

from __future__ import annotations

from dataclasses import dataclass

from zorgid_card.codec.tlv import Index
from zorgid_card.protocol import asn1
from zorgid_card.protocol.asn1 import Fields


@dataclass(frozen=True, slots=True)
class AlgorithmInfo:
    """An algorithm that the card knows (7816-15, 8.10): ``reference`` within the description, ``card_reference`` for MSE SET.

    ``mechanism`` is the number that PKCS#11 gives it, ``parameters`` and ``oid`` DER; an empty ``operations`` tells of none.
    """

    reference: int
    mechanism: int
    operations: frozenset[int]
    card_reference: int | None
    parameters: bytes = b""
    oid: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardInfo:
    """EF.CIAInfo (7816-15, 8.10); ``flags``: 0 readonly, 1 authRequired, 2 prnGeneration."""

    serial: bytes = b""
    manufacturer: str = ""
    label: str = ""
    flags: frozenset[int] = frozenset()
    algorithms: tuple[AlgorithmInfo, ...] = ()


def parse_card_info(content: bytes) -> CardInfo:
    """EF.CIAInfo; nothing where the file holds nothing."""
    info = next((value for tag, value in asn1.objects(content) if tag == asn1.SEQUENCE), None)
    if info is None:
        return CardInfo()
    fields = Fields(info)
    fields.need(asn1.INTEGER)
    serial = fields.take(asn1.OCTET_STRING) or b""
    manufacturer, label = asn1.text(fields.take(asn1.UTF8_STRING)), asn1.text(fields.take(0x80))
    flags = fields.take(asn1.BIT_STRING)
    listed = next((value for tag, value in fields.rest() if tag == 0xA2), b"")
    return CardInfo(
        serial=serial,
        manufacturer=manufacturer,
        label=label,
        flags=frozenset() if flags is None else asn1.bits(flags),
        algorithms=tuple(_algorithm(value) for value in Index(listed).all(asn1.SEQUENCE)),
    )


def _algorithm(content: bytes) -> AlgorithmInfo:
    fields = Fields(content)
    number, mechanism = (asn1.integer(fields.need(asn1.INTEGER), 0, 0xFFFFFFFF) for _ in range(2))
    after = fields.rest()
    operations = next((asn1.bits(value) for tag, value in after if tag == asn1.BIT_STRING), frozenset[int]())
    card = after[-1][1] if after and after[-1][0] == asn1.INTEGER else None
    identifier = next((value for tag, value in reversed(after) if tag == asn1.OBJECT_IDENTIFIER), b"")
    parameters = after[0][1] if after and after[0][0] != asn1.BIT_STRING else b""
    reference = None if card is None else asn1.reference(card)
    return AlgorithmInfo(number, mechanism, operations, reference, parameters, identifier)
