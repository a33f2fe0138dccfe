"""What a portal and a phone's app agree on, whoever carries it (ORG-5 to ORG-7); the protocol is docs/mobile-protocol.md."""

from __future__ import annotations

from typing import Final

VERSION: Final = 1
"""Of the protocol; it stands in the QR code and in :data:`PATH`."""

PATH: Final = "/phone/v1"
"""Where a portal takes a phone's messages over HTTPS: a :class:`~zorgid_card.ports.seam.Seam` like that of card sides."""

QR_PATH: Final = "/phone"
"""Of the address that the QR code holds; a phone without the app shows the portal's page of that name."""
