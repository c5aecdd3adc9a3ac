"""The desk as an application: what each page needs, in one place, and the list of all pages.

``make_app`` is all that serving it (``mailroom desk``) and its tests need. No page keeps anything in memory: several
processes may serve the same store.

What it does badly: a page's queries are several snapshots, so a count may be a moment older than the list under it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.resources import files
from zoneinfo import ZoneInfo

from itsdangerous import URLSafeTimedSerializer
from jinja2 import Environment
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from desk.office import Conflict, Office
from desk.pages import ROUTES
from desk.rendering import environment, render
from desk.routing import guarded_only
from desk.security import Security, Settings
from mailroom.errors import MailroomError
from store import Store

__all__ = ["Desk", "make_app"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Desk:
    """What every page works with: ``request.app.state.desk``."""

    store: Store
    office: Office
    templates: Environment
    signer: URLSafeTimedSerializer
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.office.words.timezone)


class _Secured(Starlette):
    """With ``Security`` outermost: also what answers an error carries its headers."""

    security: Callable[[ASGIApp], Security]

    def build_middleware_stack(self) -> ASGIApp:
        return self.security(super().build_middleware_stack())


def make_app(store: Store, office: Office, *, settings: Settings | None = None, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Starlette:
    """The application over an open store."""
    zone = ZoneInfo(office.words.timezone)
    routes: list[BaseRoute] = [*ROUTES, Mount("/static", StaticFiles(directory=str(files("desk") / "static")), name="static")]
    app = _Secured(
        routes=guarded_only(routes),
        exception_handlers={HTTPException: refused, Conflict: conflict, MailroomError: told, 500: broken},
    )
    app.router.redirect_slashes = False  # one address for each page; and none is made of what a stranger wrote
    app.security = lambda inner: Security(inner, store, settings or Settings(), now)
    app.state.desk = Desk(store=store, office=office, templates=environment(zone), signer=URLSafeTimedSerializer(store.secret(), salt="said"), now=now)
    return app


def refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it alone
    form = "That form was made for another visit, or too long ago. Nothing was changed: go back, load the page again and send it once more."
    told = form if error.detail == "form" else ""
    return render(request, "error.html", status=error.status_code, code=error.status_code, told=told)


def conflict(request: Request, error: Exception) -> Response:
    """Somebody else was quicker: what was typed stays in the browser's history, and nothing was changed."""
    return render(request, "conflict.html", status=409, told=str(error))


def told(request: Request, error: Exception) -> Response:
    """What cannot be done, in the words of whatever refused it."""
    return render(request, "error.html", status=422, code=422, told=str(error))


def broken(request: Request, error: Exception) -> Response:
    """Never a traceback: the log has it."""
    return render(request, "error.html", status=500, code=500, told="")
