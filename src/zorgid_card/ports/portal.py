"""The way from a card to a portal's door (AUT-1)."""

from __future__ import annotations

from typing import Any, Protocol


class PortalDoor(Protocol):
    """One browser session at one portal, over a transport that knows whom it talks to."""

    @property
    def origin(self) -> str:
        """The origin that the transport is connected to, ``https://host[:port]``: never what a page says."""
        ...

    def challenge(self) -> str:
        """A challenge of the portal for this session, 44 to 128 characters.

        Raises:
            PortalUnreachableError, PortalTLSError, PortalAnswerError: none came from whom it should come.
        """
        ...

    def log_in(self, token: str, /) -> dict[str, Any]:
        """Hand in the token that answers the challenge; what the portal says of who logged in.

        Raises:
            ZorgIDError: what the portal refuses with, where it says so in this library's words.
            PortalError: the portal refuses.
            PortalUnreachableError, PortalTLSError, PortalAnswerError: whether it did is not known.
        """
        ...
