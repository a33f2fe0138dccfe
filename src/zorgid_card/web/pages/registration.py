"""The page "ik wil een organisatie valideren": validate, register the administrator, link the phone (ORG-2 to ORG-7).

All its steps are one document, because the agent ends a step whose page goes away.
"""

from __future__ import annotations

from typing import Final

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from zorgid_card.web.render import Page, page


@page()
def validate(page: Page) -> Response:
    """All steps; what is done is the agent's and the portal's, over the seam."""
    return page.render("register.html")


ROUTES: Final[list[BaseRoute]] = [Route("/organisation/validate", validate)]
