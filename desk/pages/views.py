"""Saved views of the register: one's own, and those that colleagues share. What is saved is the view's address.

Anybody may keep views of their own; coordinators may share them, and put away what somebody shares.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from desk.filtering import Asked, asked_of
from desk.rendering import back_to, form_text, render
from desk.routing import Role, page

if TYPE_CHECKING:
    from desk.app import Desk

__all__ = ["ROUTES"]

LONGEST_NAME = 60
MOST = 50  # of one person; the row of them has an end


def show(request: Request) -> Response:
    return _page(request, asked_of(request, request.app.state.desk.zone))


def save(request: Request) -> Response:
    desk: Desk = request.app.state.desk
    person = request.state.person
    asked = asked_of(form_text(request, "query"), desk.zone)
    name = " ".join(form_text(request, "name").split())
    shared = form_text(request, "shared") == "1" and person.role.may(Role.COORDINATOR)
    mine = {view.name for view in desk.store.people.saved_views(person.name) if view.person == person.name}
    wrong = ""
    if not name:
        wrong = "Give it a name."
    elif len(name) > LONGEST_NAME:
        wrong = f"Make the name shorter: {LONGEST_NAME} letters at most."
    elif not asked.query():
        wrong = "This is the whole register, which needs no saving: choose something on it first."
    elif name not in mine and len(mine) >= MOST:
        wrong = f"You have {MOST} views already: put one away first."
    if wrong:
        return _page(request, asked, name=name, shared=shared, wrong=wrong)
    desk.store.people.save_view(person.name, name, asked.query(), desk.now(), shared=shared)
    return back_to(request, asked.address("/register"), f"Saved as «{name}»." if name not in mine else f"«{name}» is this view now.")


def put_away(request: Request) -> Response:
    desk: Desk = request.app.state.desk
    person = request.state.person
    view = next((one for one in desk.store.people.saved_views(person.name) if one.id == request.path_params["id"]), None)
    if view is None:
        raise HTTPException(404)
    if not desk.store.people.delete_view(person.name, view.id, anybodys=person.role.may(Role.COORDINATOR)):
        raise HTTPException(403)
    return back_to(request, "/register/views", f"«{view.name}» was put away.")


def _page(request: Request, asked: Asked, *, name: str = "", shared: bool = False, wrong: str = "") -> Response:
    desk: Desk = request.app.state.desk
    person, words = request.state.person, desk.office.words
    views = [(view, asked_of(view.query, desk.zone).told(words)) for view in desk.store.people.saved_views(person.name)]
    return render(
        request,
        "register_views.html",
        status=422 if wrong else 200,
        asked=asked,
        told=asked.told(words),
        views=views,
        name=name,
        shared=shared,
        wrong=wrong,
        longest=LONGEST_NAME,
        may_share=person.role.may(Role.COORDINATOR),
    )


ROUTES = (
    page("/register/views", show, role=Role.VIEWER, name="register_views"),
    page("/register/views/save", save, role=Role.VIEWER, name="save_view", methods=("POST",)),
    page("/register/views/{id:int}/put-away", put_away, role=Role.VIEWER, name="put_view_away", methods=("POST",)),
)
