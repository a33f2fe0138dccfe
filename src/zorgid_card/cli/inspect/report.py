"""The report, for people and as JSON. The JSON's keys are stable: docs/demo.md lists them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cryptography import x509

from zorgid_card.cards import Activation, CardKind, Detected
from zorgid_card.cards.expiry import expiry_of
from zorgid_card.cli.display import Display
from zorgid_card.cli.expiry import expiry_as_json, expiry_in_words
from zorgid_card.cli.inspect.card import CardReport
from zorgid_card.cli.inspect.certificate import CertificateReport, fingerprint, key_of, name_of
from zorgid_card.cli.shown import dump, error_as_json, tries_as_json, tries_in_words
from zorgid_card.codec.atr import ATR
from zorgid_card.errors import ATRError, ZorgIDError
from zorgid_card.pki.identity import UZIIdentity, ZorgIDIdentity
from zorgid_card.texts import Language, Texts


@dataclass(slots=True, kw_only=True)
class Report:
    """Everything about one source: the name of a file, or a card in a reader."""

    name: str
    card: CardReport | None = None
    certificates: dict[str, CertificateReport] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """The card's kind, or that of the first certificate of the file."""
        if self.card is not None:
            return self.card.found.kind.value
        return next((one.kind for one in self.certificates.values()), "unknown")

    @property
    def at(self) -> datetime:
        """The moment at which was judged."""
        return next((one.at for one in self.certificates.values()), datetime.now(UTC))

    @property
    def error(self) -> ZorgIDError | None:
        """The first thing that does not hold."""
        return next((one.error for one in self.certificates.values() if one.error), None)


def as_json(report: Report, texts: Texts) -> str:
    """The report as a JSON object."""
    return dump(
        {
            "source": "reader" if report.card else "file",
            "name": report.name,
            "kind": report.kind,
            "card": _card(report.card, report.at) if report.card else None,
            "certificates": [_certificate(label, one, texts) for label, one in report.certificates.items()],
            "ok": report.error is None,
            "error": error_as_json(report.error, texts),
        }
    )


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _card(card: CardReport, at: datetime) -> dict[str, Any]:
    return {
        "reader": card.reader,
        "atr": card.found.atr.hex().upper(),
        "atr_fields": _atr(card.found.atr),
        "applications": list(card.found.applications),
        "why": card.found.why,
        "serial": card.serial,
        "firmware": card.firmware,
        "pin_tries": tries_as_json(card.pin),
        "puk_tries": tries_as_json(card.puk),
        "activation": card.activation.value,
        "proven": card.found.profile is not None and card.found.profile.proven,
        "expiry": expiry_as_json(expiry_of(card.certificates.values(), at)),
    }


def _atr(raw: bytes) -> dict[str, Any] | None:
    """What the answer to reset says; None where it cannot be read."""
    try:
        atr = ATR.parse(raw)
    except ATRError:
        return None
    return {
        "protocols": [f"T={protocol}" for protocol in atr.protocols],
        "historical": atr.historical.hex().upper(),
        "extended_length": atr.extended_length,
        "chaining": atr.chaining,
    }


def _certificate(label: str, report: CertificateReport, texts: Texts) -> dict[str, Any]:
    return {
        "label": label,
        "kind": report.kind,
        **_contents(report.certificate),
        "identity": _identity(report.identity),
        "verdict": report.verdict,
        "reason": report.error.code if report.error else None,
        "message": texts.error(report.error) if report.error else None,
        "at": _iso(report.at),
        "chain": report.chain,
        "revocation": "unjudged",
    }


def _contents(certificate: x509.Certificate | None) -> dict[str, Any]:
    names = ("subject", "issuer", "serial", "not_before", "not_after", "key", "sha256")
    if certificate is None:
        return dict.fromkeys(names)
    values = (
        name_of(certificate.subject),
        name_of(certificate.issuer),
        f"{certificate.serial_number:x}",
        _iso(certificate.not_valid_before_utc),
        _iso(certificate.not_valid_after_utc),
        key_of(certificate),
        fingerprint(certificate),
    )
    return dict(zip(names, values, strict=True))


def _identity(identity: UZIIdentity | ZorgIDIdentity | None) -> dict[str, Any] | None:
    if identity is None:
        return None
    names = ("uzi_number", "given_names", "surname", "common_name", "usage")
    shown: dict[str, Any] = {name: getattr(identity, name) for name in names}
    if isinstance(identity, ZorgIDIdentity):
        return {**shown, "guid": identity.guid.hex()}
    more = ("pass_type", "ura", "role", "role_name", "agb", "organisation", "title", "environment")
    return {**shown, **{name: getattr(identity, name) for name in more}}


# --- for people ------------------------------------------------------------------------------------------------------


def show(report: Report, display: Display) -> None:
    """The report on the terminal."""
    texts = display.texts
    if report.card is not None:
        _show_card(report.card, display, report.at)
    told: list[tuple[str, str]] = []
    for label, one in report.certificates.items():
        display.console.print()
        display.line(f"{texts('inspect.certificate')} {label}", "bold")
        display.facts(_certificate_facts(one, texts))
        facts = _identity_facts(one.identity, texts) if one.identity else told
        if facts != told:
            # The certificates of one pass tell of one person: once is enough.
            told = facts
            display.line(texts("inspect.identity"), "bold")
            display.facts(facts)


def _show_card(card: CardReport, display: Display, at: datetime) -> None:
    texts = display.texts
    display.line(texts("inspect.card", reader=card.reader), "bold")
    found = card.found
    pairs = [
        ("kind", texts(f"kind.{found.kind}")),
        ("why", _why(found, texts)),
        ("atr", found.atr.hex(" ").upper()),
        ("atr_says", found.atr and _atr_in_words(found.atr, texts)),
        ("applications", ", ".join(found.applications)),
        ("serial", card.serial),
        ("firmware", card.firmware),
        ("pin_tries", tries_in_words(card.pin, texts)),
        ("puk_tries", tries_in_words(card.puk, texts)),
        ("activation", "" if card.activation is Activation.NONE else texts(f"activation.{card.activation}")),
    ]
    display.facts((texts(f"inspect.{name}"), value) for name, value in pairs if value)
    if card.activation is Activation.NEEDED:
        display.say("activation.do", "yellow")
    soon = expiry_in_words(expiry_of(card.certificates.values(), at), texts)
    if soon is not None:
        display.line(soon, "yellow")


def _why(found: Detected, texts: Texts) -> str:
    """How the card was recognised; what a parser said of an unknown one is in English."""
    head, _, rest = found.why.partition(": ")
    words = str(texts.detail("why", head))
    told = rest and (texts.language is Language.EN or found.kind is not CardKind.UNKNOWN)
    return f"{words}: {rest}" if told else words


def _atr_in_words(raw: bytes, texts: Texts) -> str:
    fields = _atr(raw)
    if fields is None:
        return texts("inspect.atr.broken")
    parts = [", ".join(fields["protocols"])]
    parts += [
        texts(f"inspect.atr.{name}.{'yes' if fields[name] else 'no'}")
        for name in ("extended_length", "chaining")
        if fields[name] is not None
    ]
    historical = bytes.fromhex(fields["historical"])
    if historical:
        shown = (
            historical.decode("ascii") if historical.isascii() and historical.decode("ascii").isprintable() else None
        )
        parts.append(texts("inspect.atr.historical", octets=shown or historical.hex(" ").upper()))
    return "; ".join(parts)


def _certificate_facts(report: CertificateReport, texts: Texts) -> list[tuple[str, str]]:
    certificate = report.certificate
    pairs = [("kind", texts(f"kind.{report.kind}"))]
    if certificate is not None:
        start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        pairs += [
            ("subject", name_of(certificate.subject)),
            ("issuer", name_of(certificate.issuer)),
            ("certificate_serial", f"{certificate.serial_number:x}"),
            ("validity", f"{start.date()} – {end.date()}"),
            ("key", key_of(certificate)),
            ("usage", texts(f"usage.{report.identity.usage}") if report.identity else ""),
            ("fingerprint", fingerprint(certificate)),
        ]
    pairs.append(("verdict", _verdict(report, texts)))
    if len(report.chain) > 1:
        pairs.append(("chain", " ← ".join(reversed(report.chain[1:]))))
    pairs.append(("judged_at", report.at.date().isoformat()))
    pairs.append(("revocation", texts("inspect.revocation.unjudged")))
    return [(texts(f"inspect.{name}"), value) for name, value in pairs if value]


def _verdict(report: CertificateReport, texts: Texts) -> str:
    if report.error is not None:
        return texts("inspect.verdict.refused", why=texts.error(report.error))
    given = ".given" if report.verdict == "trusted" and report.given else ""
    return texts(f"inspect.verdict.{report.verdict}{given}")


def _identity_facts(identity: UZIIdentity | ZorgIDIdentity, texts: Texts) -> list[tuple[str, str]]:
    none = texts("inspect.none")
    pairs = [("name", identity.common_name), ("uzi_number", identity.uzi_number)]
    if isinstance(identity, ZorgIDIdentity):
        pairs.append(("guid", identity.guid.hex()))
    else:
        role = f"{identity.role} ({identity.role_name})" if identity.role_name else identity.role
        pairs += [
            ("pass_type", texts(f"inspect.pass_type.{identity.pass_type}")),
            ("ura", identity.ura),
            ("organisation", identity.organisation),
            ("role", role),
            ("agb", identity.agb or none),
            ("environment", texts(f"environment.{identity.environment}")),
        ]
    return [(texts(f"inspect.{name}"), value) for name, value in pairs]
