"""The portal's pages as one application: all areas joined, and beside them the doors of card sides and phones, CRLs and OCSP."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from zorgid_card.adapters.asgi import asgi
from zorgid_card.adapters.seam_server import SeamService
from zorgid_card.errors import NotFoundError, StorageError, ZorgIDError
from zorgid_card.ports.http import HTTPAnswer, HTTPService
from zorgid_card.ports.phone import PATH as PHONE
from zorgid_card.ports.seam import PATH as CARD_SIDE
from zorgid_card.recipes import PortalSide
from zorgid_card.web import pages
from zorgid_card.web.render import Page, require_pages
from zorgid_card.web.security import STATIC as STATIC_PATH
from zorgid_card.web.security import Guard
from zorgid_card.web.settings import Settings
from zorgid_card.web.site import Lately, Site
from zorgid_card.workflows.browser_sessions import BrowserSessions

STATIC: Final = Path(__file__).parent / "static"
_CRL: Final = (("Content-Type", "application/pkix-crl"), ("Cache-Control", "public, max-age=60"))


def portal_app(portal: PortalSide, settings: Settings | None = None, *, more: Iterable[BaseRoute] = ()) -> Starlette:
    """The portal in a browser, for any ASGI server; TLS is the server's, or that of what stands before it.

    It keeps nothing: any number of workers may serve one registry.

    Args:
        portal: the services (:func:`zorgid_card.recipes.open_portal`).
        settings: of the pages.
        more: pages besides ours; each endpoint is marked with :func:`~zorgid_card.web.render.page`.

    Raises:
        TypeError: an endpoint is not so marked.
    """
    settings = settings or Settings()
    services = portal.services
    routes = [*joined(), *require_pages(more), *_doors(portal, settings)]
    origin = services.identity.origin
    app = Starlette(
        routes=routes,
        middleware=[Middleware(Guard, origin=origin, agent_port=settings.agent_port)],
        exception_handlers={HTTPException: _no_page},
    )
    sessions = BrowserSessions(
        services.registry,
        portal.log_in,
        services.clock,
        settings.sessions,
        registered_only=services.policy.login_registered_only,
    )
    addresses = frozenset(route.path for route in routes if isinstance(route, Route))
    health = Lately(partial(portal.health, certificates=settings.certificates))
    app.state.site = Site(portal, settings, sessions, addresses, health)
    return app


def joined() -> list[BaseRoute]:
    """The routes of all areas: each module of :mod:`zorgid_card.web.pages` has ``ROUTES``."""
    names = sorted(module.name for module in pkgutil.iter_modules(pages.__path__))
    areas = [import_module(f"{pages.__name__}.{name}") for name in names]
    return [route for area in areas for route in require_pages(area.ROUTES)]


def _doors(portal: PortalSide, settings: Settings) -> list[BaseRoute]:
    """What no page is: messages that are signed for themselves, and what anybody may fetch."""
    doors: list[BaseRoute] = [
        Route(CARD_SIDE, Door(SeamService(portal.seam), CARD_SIDE)),
        Route(PHONE, Door(SeamService(portal.phones.seam), PHONE)),
        Mount(STATIC_PATH.rstrip("/"), StaticFiles(directory=STATIC)),
    ]
    if portal.remote is None:
        doors.append(Route("/crl/{name}", Door(_Lists(portal), "/crl/")))
    if settings.ocsp is not None:
        doors += [Route(path, Door(settings.ocsp, "/ocsp")) for path in ("/ocsp", "/ocsp/{request:path}")]
    return doors


class Door:
    """A service that answers requests by itself, at an address.

    Args:
        service: answers.
        below: what is taken off the path.
    """

    def __init__(self, service: HTTPService, below: str) -> None:
        self._app = asgi(service)
        self._below = below

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self._app({**scope, "root_path": self._below}, receive, send)


class _Lists:
    """The CRLs by their file names (:class:`~zorgid_card.ports.http.HTTPService`)."""

    limit = 0

    def __init__(self, portal: PortalSide) -> None:
        self._lists = portal.revocation

    def respond(self, method: str, path: str, content_type: str, body: bytes) -> HTTPAnswer:
        """The list of that name, of the registry's present state."""
        if method not in ("GET", "HEAD"):
            return HTTPAnswer(405, (("Allow", "GET, HEAD"),))
        try:
            return HTTPAnswer(200, _CRL, self._lists.named(path.partition("?")[0]))
        except NotFoundError:
            return HTTPAnswer(404, ())
        except StorageError:
            return HTTPAnswer(503, (("Retry-After", "10"),))


async def _no_page(request: Request, error: Exception) -> Response:
    """What no endpoint has answered: no such page, another method, too much."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    return await run_in_threadpool(_told(status), request)


def _told(status: int) -> Callable[[Request], Response]:
    def told(request: Request) -> Response:
        page = Page(request.app.state.site, request)
        with suppress(ZorgIDError):  # who is logged in plays no part here, but for what stands above the page
            page.open(seen=False)
        return page.sealed(page.told(status))

    return told
