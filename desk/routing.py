"""A page's address, and who may open it. Every route states its role, so none can be forgotten.

``page`` makes the route; the wrapper it puts around the handler refuses whoever has too little of a role, and every
form without the token that ``desk.security`` gave its page, before the handler runs. Handlers are plain functions (a
thread of the pool runs them, for the store waits), take the request and give a response.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from store import Role

__all__ = ["Handler", "Page", "Person", "Role", "guarded_only", "page"]

Handler = Callable[[Request], Response]


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """Whoever is logged in: ``request.state.person``. ``name`` is the account, ``shown`` what colleagues read."""

    name: str
    shown: str
    role: Role
    session: int


class Page(Route):
    """A route that knows who may open it: the tests go over all of them."""

    def __init__(self, path: str, endpoint: Callable[..., Any], *, methods: list[str], name: str, role: Role | None) -> None:
        super().__init__(path, endpoint, methods=methods, name=name)
        self.role = role


def page(path: str, handler: Handler, *, role: Role | None, name: str, methods: Sequence[str] = ("GET",)) -> Page:
    """A route for ``role`` and above; None: for everybody, also who is not logged in (the login page, the style sheet)."""

    async def guarded(request: Request) -> Response:
        person: Person | None = request.state.person
        if role is not None and person is None:
            if request.method == "POST":
                raise HTTPException(401)
            wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return RedirectResponse("/login" + (f"?{urlencode({'next': wanted})}" if wanted != "/" else ""), status_code=303)
        if role is not None and person is not None and not person.role.may(role):
            raise HTTPException(403)
        if request.method == "POST":
            request.state.form = await request.form()  # read here, where one may wait
            request.state.security.check_form(request, request.state.form.get("csrf"), public=role is None)
        return await run_in_threadpool(handler, request)

    guarded.__name__ = name
    return Page(path, guarded, methods=list(methods), name=name, role=role)


def guarded_only(routes: Sequence[BaseRoute]) -> list[BaseRoute]:
    """The routes as they are; ValueError for one that did not come from ``page``, for nobody would ask for its role or its form's token."""
    for route in routes:
        if not isinstance(route, Page) and not (isinstance(route, Mount) and isinstance(route.app, StaticFiles)):
            raise ValueError(f"{route} states no role; make it with desk.routing.page")
    return list(routes)
