"""A page's address, and who may open it. Every route states its role, so none can be forgotten.

``page`` makes the route; the wrapper it puts around the handler refuses whoever has too little of a role, before
the handler runs. Handlers are plain functions (a thread of the pool runs them, for the store waits), take the
request and give a response.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

__all__ = ["Handler", "Page", "Person", "Role", "page"]

Handler = Callable[[Request], Response]


class Role(StrEnum):
    """What a person may do; each may do what the one before may."""

    VIEWER = "viewer"  # look
    COORDINATOR = "coordinator"  # change, answer
    ADMINISTRATOR = "administrator"  # accounts, the audit

    def may(self, needed: Role) -> bool:
        order = list(Role)
        return order.index(self) >= order.index(needed)


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """Whoever is logged in."""

    name: str
    role: Role


class Page(Route):
    """A route that knows who may open it: the tests go over all of them."""

    def __init__(self, path: str, endpoint: Callable[..., Any], *, methods: list[str], name: str, role: Role | None) -> None:
        super().__init__(path, endpoint, methods=methods, name=name)
        self.role = role


def page(path: str, handler: Handler, *, role: Role | None, name: str, methods: Sequence[str] = ("GET",)) -> Page:
    """A route for ``role`` and above; None: for everybody, also who is not logged in (the login page, the style sheet)."""

    async def guarded(request: Request) -> Response:
        person: Person | None = getattr(request.state, "person", None)
        if role is not None and (person is None or not person.role.may(role)):
            raise HTTPException(401 if person is None else 403)
        if request.method == "POST":
            request.state.form = await request.form()  # read here, where one may wait
        return await run_in_threadpool(handler, request)

    guarded.__name__ = name
    return Page(path, guarded, methods=list(methods), name=name, role=role)
