"""Today: what needs a person, what came in, and whether the mailbox is healthy."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from desk.rendering import render
from desk.routing import Role, page

__all__ = ["ROUTES"]


def show(request: Request) -> Response:
    return render(request, "today.html", status_facts=request.app.state.desk.store.status())


ROUTES = (page("/", show, role=Role.VIEWER, name="today"),)
