"""Undo, and what corrections offer to remember: the two buttons under what was just done."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from desk.office import Offer
from desk.rendering import back_to, form_text
from desk.routing import Role, page

__all__ = ["ROUTES"]


def back(request: Request) -> str:
    """The page that the button stood on, if it is one of ours; else the first page."""
    where = form_text(request, "back")
    parts = urlsplit(where)
    ours = where.startswith("/") and not where.startswith(("//", "/\\")) and not parts.netloc and where.isascii() and where.isprintable() and "\\" not in where
    return where if ours and len(where) < 500 else "/"


def undo(request: Request) -> Response:
    number = int(request.path_params["deed"])
    if number >= 2**62:
        raise HTTPException(404)
    done = request.app.state.desk.office.undo(number, who=request.state.person.name)
    where = back(request)
    item = form_text(request, "item")  # what it was about: whoever takes a deed back looks at that, and not at whatever opened after it
    if item.isascii() and item.replace("-", "").isalnum():
        where = f"/message/{item}" if item.isdigit() else f"/item/{item}"
    return back_to(request, where, done.said, done.deed)


def remember(request: Request) -> Response:
    """The words, and where they hold, may have been edited; whether they may be remembered is for the office to say."""
    offer = Offer(
        written=form_text(request, "written"),
        means=form_text(request, "means"),
        council=form_text(request, "council"),
        kind=form_text(request, "kind", "institution"),
        stands_in=form_text(request, "stands_in"),
    )
    if not offer.written.strip() or not offer.means.strip():
        raise HTTPException(400)
    done = request.app.state.desk.office.remember(offer, registration_id=form_text(request, "item") or None, who=request.state.person.name)
    return back_to(request, back(request), done.said, done.deed, alias=done.alias)


ROUTES = (
    page("/undo/{deed:int}", undo, role=Role.COORDINATOR, name="undo", methods=("POST",)),
    page("/remember", remember, role=Role.COORDINATOR, name="remember", methods=("POST",)),
)
