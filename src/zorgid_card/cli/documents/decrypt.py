"""``zorgid-card decrypt FILE --out …``: a CMS message, with the card's confidentiality key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zorgid_card.cli.console import Codes, TerminalKeyboard
from zorgid_card.cli.display import Display
from zorgid_card.cli.documents.shown import aside, told
from zorgid_card.cli.files import read_limited, require_new, write_new
from zorgid_card.cli.place import Place
from zorgid_card.pki.enveloped import MAX_ENVELOPE
from zorgid_card.workflows.documents import decrypt


def run(display: Display, place: Place, path: Path, out: Path, codes: Codes, *, as_data: bool) -> None:
    """Decrypt a file into a new one that only its owner may read.

    Raises:
        ZorgIDError: what stands in the way; as data it was told on standard output, too.
    """
    told(display.texts, as_data=as_data, action=lambda: _run(aside(display, as_data=as_data), place, path, out, codes))


def _run(display: Display, place: Place, path: Path, out: Path, codes: Codes) -> dict[str, Any]:
    require_new(out)
    message = read_limited(path, MAX_ENVELOPE)
    with place.card(display.texts) as (_, card):
        content = decrypt(card, message, codes.holder(display, TerminalKeyboard).pin)
    write_new(out, content, private=True)
    display.say("decrypt.done", "green", path=str(out), size=len(content))
    return {"file": str(path), "out": str(out), "size": len(content)}
