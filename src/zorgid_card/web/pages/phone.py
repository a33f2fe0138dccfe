"""The phone's page (docs/phone-page.md): it follows docs/mobile-protocol.md, in the phone's own browser.

All that it does is done there, by the modules in ``static/phone``; the portal serves it to anybody, and knows of no session in it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route

from zorgid_card.ports.phone import QR_PATH
from zorgid_card.texts import TEXTS, Language, Texts
from zorgid_card.web.render import Page, page

_STATIC: Final = Path(__file__).parents[1] / "static/phone"
_PREFIX: Final = "web.phone."
_SHARED: Final = ("phone.fact.", "action.", "role.")
_COLOUR: Final = "#0b4f6c"
_POLICY: Final = "; ".join((
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "manifest-src 'self'",
    "worker-src 'self'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
))  # fmt: skip
"""Stricter than that of the other pages: no agent, and no form that is sent."""


def texts_of(language: Language) -> Mapping[str, str]:
    """The sentences that the modules say, by their keys; the page's own without what all of them begin with."""
    chosen = {key: getattr(text, language.value) for key, text in TEXTS.items()}
    own = {key.removeprefix(_PREFIX): text for key, text in chosen.items() if key.startswith(_PREFIX)}
    return own | {key: text for key, text in chosen.items() if key.startswith(_SHARED)}


def manifest(texts: Texts) -> Mapping[str, Any]:
    """What a browser installs the page by (W3C Web Application Manifest)."""
    png = [
        {"src": f"/static/phone/icon-{size}.png", "sizes": f"{size}x{size}", "type": "image/png"} for size in (192, 512)
    ]
    return {
        "id": QR_PATH,
        "start_url": QR_PATH,
        "scope": QR_PATH,
        "name": texts("web.phone.app_name"),
        "short_name": texts("web.phone.app_short"),
        "lang": texts.language.value,
        "display": "standalone",
        "background_color": "#ffffff",
        "theme_color": _COLOUR,
        "icons": [
            {"src": "/static/phone/icon.svg", "sizes": "any", "type": "image/svg+xml"},
            *png,
            *({**icon, "purpose": "maskable"} for icon in png),
        ],
    }


@page(alone=True)
def show(page: Page) -> Response:
    """The page."""
    response = page.render("phone.html", texts=texts_of(page.texts.language))
    response.headers["Content-Security-Policy"] = _POLICY
    return response


@page(alone=True)
def show_manifest(page: Page) -> Response:
    """Its manifest."""
    body = json.dumps(manifest(page.texts), ensure_ascii=False)
    return Response(body, media_type="application/manifest+json")


@page(alone=True)
def worker(page: Page) -> Response:
    """Its service worker, which is for the page alone (W3C Service Workers, 6.5)."""
    return FileResponse(
        _STATIC / "worker.js", media_type="text/javascript", headers={"Service-Worker-Allowed": QR_PATH}
    )


ROUTES: Final[list[BaseRoute]] = [
    Route(QR_PATH, show),
    Route(f"{QR_PATH}/manifest.webmanifest", show_manifest),
    Route(f"{QR_PATH}/worker.js", worker),
]
