"""The page "ik wil een ZORG-ID Smartcard aanmaken" (CRD-1 to CRD-10), and a sheet to write the PUK on."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from zorgid_card.web.render import Page, page


@page()
def create(page: Page) -> Response:
    """All steps; what is done is the agent's and the portal's, over the seam."""
    return page.render("create.html")


@page()
def puk_sheet(page: Page) -> Response:
    """An empty sheet, to be printed: no page knows a PUK (CRD-9)."""
    return page.render("puk_sheet.html")


ROUTES: Final[list[BaseRoute]] = [Route("/card/create", create), Route("/card/create/puk", puk_sheet)]
