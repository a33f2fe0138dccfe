"""What a page is made with: the request, who is logged in, the sentences, and the templates."""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import wraps
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qsl, quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from zorgid_card.errors import MessageError, NotAllowedError, NotLoggedInError, ZorgIDError
from zorgid_card.texts import Language, Texts
from zorgid_card.web import errors, security
from zorgid_card.web.sessions import Session, Who
from zorgid_card.web.shown import FILTERS
from zorgid_card.web.site import NAVIGATION, NEEDS, Site
from zorgid_card.workflows.health import Health
from zorgid_card.workflows.management import Acting

_LOG: Final = logging.getLogger("zorgid_card.web")

LIMIT: Final = 65_536
"""Octets of what a browser sends."""

FIELDS: Final = 100
"""Fields of a form."""

LANGUAGES: Final = frozenset(language.value for language in Language)

LONGEST_PATH: Final = 500
"""Characters of an address to which a page leads back."""

JSON: Final = "application/json"

_SAFE: Final = ("GET", "HEAD")
"""Methods that change nothing (RFC 9110, 9.2.1)."""

LIVE: Final = "x-live"
"""A request header: ``static/live.js`` asks, and takes a part of the page out of the answer."""

Endpoint: TypeAlias = Callable[["Page"], Response]


class Form(dict[str, str]):
    """The fields of a form, or of a query; the last of a name counts. What is missing is no page's of ours."""

    def __missing__(self, name: str) -> str:
        raise MessageError(f"{name} is missing", field=name)


class Page:
    """One request: who asks for what, and what the answer is made with."""

    def __init__(self, site: Site, request: Request, body: bytes = b"") -> None:
        self.portal, self.settings, self.sessions = site.portal, site.settings, site.sessions
        self.request = request
        self.session = Session(security.known_secret(request.cookies))
        self.texts = Texts(self._language())
        self._site = site
        self._body = body

    # what came

    @property
    def path(self) -> Mapping[str, str]:
        """The parameters in the path."""
        return self.request.path_params

    @property
    def query(self) -> Mapping[str, str]:
        """What stands behind the question mark."""
        return self.request.query_params

    @property
    def client(self) -> str:
        """From where, as one client counts (:func:`~zorgid_card.web.security.client_name`)."""
        return security.client_name(self.request.client.host if self.request.client else "")

    @property
    def live(self) -> bool:
        """Whether ``live.js`` asks, for a part of the page."""
        return LIVE in self.request.headers

    @property
    def wants_json(self) -> bool:
        """Whether a program or a page's script asks, and not a person."""
        headers = self.request.headers
        accepted = headers.get("accept", "")
        if "text/html" in accepted or self.live:
            return False
        script = headers.get("sec-fetch-dest") == "empty" or headers.get("content-type", "").startswith(JSON)
        return script or JSON in accepted

    def form(self) -> Form:
        """The fields that were sent; it was judged already that this session's page sent them.

        Raises:
            MessageError: not a form.
        """
        kind = self.request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/x-www-form-urlencoded":
            raise MessageError("not a form", field="content-type")
        try:
            pairs = parse_qsl(
                self._body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=FIELDS
            )
        except ValueError as error:
            raise MessageError("not a form", field="body") from error
        return Form(pairs)

    def json(self) -> dict[str, Any]:
        """The JSON object that was sent; judged as :meth:`form`.

        Raises:
            MessageError: not one.
        """
        try:
            found = json.loads(self._body)
        except (ValueError, RecursionError) as error:
            raise MessageError("not JSON", field="body") from error
        if not isinstance(found, dict):
            raise MessageError("not a JSON object", field="body")
        return found

    def health(self) -> Health:
        """How the portal is doing, as it was a moment ago."""
        return self._site.health()

    # who

    def acting(self) -> Acting:
        """What the person who is logged in may do (:meth:`zorgid_card.workflows.management.Management.acting_as`).

        Raises:
            NotLoggedInError: nobody is.
            ZorgIDError: as ``acting_as`` raises.
        """
        who = self.who
        return self.portal.management.acting_as(who.actor, who.ura)

    @property
    def who(self) -> Who:
        """Who is logged in; raises NotLoggedInError."""
        if self.session.who is None:
            raise NotLoggedInError(reason="none")
        return self.session.who

    def require(self, needs: str) -> None:
        """Raise unless somebody of :data:`NEEDS` is logged in.

        Raises:
            NotLoggedInError: nobody is.
            NotAllowedError: somebody else.
        """
        if self.session.role is None:
            raise NotLoggedInError(reason="none")
        if self.session.role not in NEEDS[needs]:
            raise NotAllowedError("this page is for others", action="page", needs=needs)

    def log_in(self, who: Who) -> None:
        """Somebody has logged in: the browser gets a new secret, and whoever was logged in in it is so no more (fixation)."""
        before = self.session.known or ""
        self.sessions.begin(self.session.renew(), who, before=before)

    def log_out(self) -> None:
        """Nobody is logged in any more."""
        if self.session.known is not None:
            self.sessions.end(self.session.known)
        self.session.forget()

    def keep(self, name: str, value: str | None) -> None:
        """Keep something for this session's later pages (:attr:`Session.kept`); None: no more. A handful; the oldest goes.

        Raises:
            NotLoggedInError: nobody is logged in.
        """
        self.sessions.keep(self.session.secret, name, value)

    def limit(self, what: str) -> None:
        """Count one more of ``what`` of this client; raises RateLimitError (:attr:`Settings.limits`)."""
        self.sessions.count(f"{what}:{self.client}", self.settings.limits[what], self.settings.window)

    # answers

    def render(self, template: str, *, status: int = 200, **values: Any) -> Response:
        """A page, or a part of one, from a template.

        Args:
            template: its name; a whole page extends ``base.html``.
            status: of HTTP.
            values: what it shows, besides ``t``, ``csrf``, ``key``, ``page``, ``session``, ``language`` and ``navigation``.
        """
        body = ENVIRONMENT.get_template(template).render(
            t=self.texts,
            page=self,
            session=self.session,
            language=self.texts.language.value,
            csrf=self._csrf,
            key=_key,
            **values,
        )
        return HTMLResponse(body, status)

    def partial(self, template: str, *, status: int = 200, **values: Any) -> Response:
        """A part of a page, for ``live.js`` to put in the place of the element with its id."""
        return self.render(template, status=status, **values)

    def answer(
        self, value: Mapping[str, Any], *, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> Response:
        """JSON, for a script."""
        return JSONResponse(dict(value), status, dict(headers or {}))

    def redirect(self, path: str) -> Response:
        """Go there with GET (RFC 9110, 15.4.4): what was sent is not sent again by the button *back*.

        Args:
            path: of this portal, beginning with ``/``.
        """
        return RedirectResponse(path, 303)

    def navigation(self) -> list[tuple[str, str, bool]]:
        """Where this person may go: address, key of its name, and whether they are there."""
        here, role = self.request.url.path, self.session.role
        return [
            (address, key, here == address or here.startswith(f"{address}/"))
            for address, key, roles in NAVIGATION
            if role in roles and address in self._site.addresses
        ]

    @property
    def place(self) -> str:
        """The address of this page, to come back to."""
        return _place(self.request) if self.request.method == "GET" else "/"

    @property
    def agent_port(self) -> int:
        """Where the agent listens."""
        return self.settings.agent_port

    def _csrf(self) -> Markup:
        return Markup('<input type="hidden" name="csrf" value="{}">').format(self.session.csrf)

    def _language(self) -> Language:
        chosen = self.request.cookies.get(security.LANGUAGE_COOKIE, "")
        if chosen in LANGUAGES:
            return Language(chosen)
        return Language.of_header(self.request.headers.get("accept-language", "")) if self.wants_json else Language.NL

    # serving

    def open(self, *, seen: bool) -> None:
        """Judge who is logged in; who is so no more is told why, and logged out. Raises what ends it."""
        if self.session.known is None:
            return
        try:
            self.session.current = self.sessions.judge(self.session.known, seen=seen)
        except ZorgIDError as error:
            if isinstance(error, NotLoggedInError) or not error.retryable:
                self.session.forget()
            raise

    def require_own(self) -> None:
        """Raise FormError unless a page of this session sent the request."""
        headers = self.request.headers
        token = headers.get("x-csrf-token") or self._token()
        security.require_own(headers, self.portal.services.identity.origin, self.session.known, token)

    def _token(self) -> str:
        try:
            return self.form().get("csrf", "")
        except MessageError:
            return ""

    def refused(self, error: ZorgIDError) -> Response:
        """The page of an error, or JSON where a program asks."""
        status, details = errors.status_of(error), errors.told_of(error)
        sentence = self.texts.error(ZorgIDError.of(error.code, str(error), details))
        if self.wants_json:
            told = {"code": error.code, "message": sentence, "details": details}
            return self.answer(told, status=status, headers=errors.retry_after(error))
        if isinstance(error, NotLoggedInError) and error.reason == "none" and self.request.method == "GET":
            return self.redirect(f"/log-in?next={quote(_place(self.request), safe='/')}")
        response = self.told(status, sentence, error.code)
        response.headers.update(errors.retry_after(error))
        return response

    def status_of(self, error: ZorgIDError) -> int:
        """The HTTP status of an error, for a page that tells it itself."""
        return errors.status_of(error)

    def told(self, status: int, sentence: str = "", code: str = "") -> Response:
        """The page that says what is wrong, and what to do; in JSON for a program."""
        kind = errors.kind_of(status)
        sentence = sentence or self.texts(f"web.error.{kind}.sentence")
        if self.wants_json:
            return self.answer({"code": code or kind, "message": sentence, "details": {}}, status=status)
        return self.render("error.html", status=status, kind=kind, sentence=sentence, code=code)

    def sealed(self, response: Response) -> Response:
        """The answer with the session's cookie, where that has changed.

        Where another site led here the browser has kept the cookie back: a new one would take its place, and log the person out.
        """
        if security.is_cross_site(self.request.headers):
            return response
        options: dict[str, Any] = {"path": "/", "secure": True, "httponly": True, "samesite": "strict"}
        if self.session.changed and self.session.known:
            response.set_cookie(security.COOKIE, self.session.known, **options)
        elif self.session.ended:
            response.delete_cookie(security.COOKIE, **options)
        return response


def local(path: str, otherwise: str = "/") -> str:
    """A path of this portal, as it came from outside; what leads anywhere else is replaced."""
    plain = path.startswith("/") and not path.startswith("//") and path.isprintable() and "\\" not in path
    return path if plain and len(path) <= LONGEST_PATH else otherwise


def _place(request: Request) -> str:
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path


def _key() -> Markup:
    """A field that names this one request (docs/management.md): the form sent twice is done once."""
    return Markup('<input type="hidden" name="key" value="{}">').format(secrets.token_urlsafe(18))


ENVIRONMENT: Final = Environment(
    loader=PackageLoader("zorgid_card.web"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
ENVIRONMENT.filters.update(FILTERS)


def page(
    *, needs: str | None = None, quiet: bool = False, alone: bool = False
) -> Callable[[Endpoint], Callable[[Request], Awaitable[Response]]]:
    """An endpoint of the portal: a plain function, which is run in a thread.

    Before it runs, the session is judged, every POST is shown to be this session's own, and the person to be one whom the page is
    for; a :class:`~zorgid_card.errors.ZorgIDError` that it raises becomes the page that says so.

    Args:
        needs: one of :data:`NEEDS`; None: anybody.
        quiet: a script asks by itself, which keeps no session alive.
        alone: it has to do with no session: it is served at once whoever leads to it, and keeps what stands behind the #.
    """

    def marked(endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
        @wraps(endpoint)
        async def served(request: Request) -> Response:
            body = b"" if request.method in _SAFE else await _body(request)
            return await run_in_threadpool(_serve, request, body, endpoint, needs, quiet, alone)

        PAGES.add(served)
        return served

    return marked


PAGES: Final[set[object]] = set()
"""All endpoints that :func:`page` has made; nothing else is joined to the portal but what is mounted."""


def route(path: str, endpoint: Callable[[Request], Awaitable[Response]], *methods: str) -> BaseRoute:
    """A page at an address; GET, unless other methods are named."""
    return Route(path, endpoint, methods=list(methods) or None)


def require_pages(routes: Iterable[BaseRoute]) -> list[BaseRoute]:
    """The routes, if each is a page's; raises TypeError."""
    found = list(routes)
    for one in found:
        if not isinstance(one, Route) or one.endpoint not in PAGES:
            raise TypeError(f"{one} is no page: mark its endpoint with @page")
    return found


def _serve(request: Request, body: bytes, endpoint: Endpoint, needs: str | None, quiet: bool, alone: bool) -> Response:
    found = Page(request.app.state.site, request, body)
    if not alone and _led_from_elsewhere(found):
        return found.render("again.html", path=_place(request))
    try:
        if not alone:
            found.open(seen=not quiet)
        if request.method not in _SAFE:
            found.require_own()
        if needs is not None:
            found.require(needs)
        response = endpoint(found)
    except ZorgIDError as error:
        response = found.refused(error)
    except Exception:
        _LOG.exception("%s %s", request.method, request.url.path)
        response = found.told(500)
    return found.sealed(response)


def _led_from_elsewhere(found: Page) -> bool:
    """Another site's link led here, so that the browser kept the cookie back: the page asks for itself once more."""
    headers = found.request.headers
    return (
        found.request.method == "GET"
        and found.session.known is None
        and headers.get("sec-fetch-mode") == "navigate"
        and security.is_cross_site(headers)
    )


async def _body(request: Request) -> bytes:
    parts, size = [], 0
    try:
        async for part in request.stream():
            parts.append(part)
            size += len(part)
            if size > LIMIT:
                raise HTTPException(413)
    except ClientDisconnect as error:
        raise HTTPException(400) from error
    return b"".join(parts)
