"""An entry by hand: a member who rang, or filled in a sheet of paper. Nothing is sent to them by it.

A school that is not on the list is asked about once, with what it may mean; a member who seems to be there already
as well. Both may be kept as they were typed.

What it does badly: such a member gets no confirmation and no reminder by itself, since there is no message to answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from desk.looks import viewed
from desk.office import Place
from desk.rendering import back_to, form_list, form_text, render
from desk.routing import Role, page
from mailroom.errors import MailroomError
from store import Page as Lines
from store import RegistrationFilter, RegistrationLine

if TYPE_CHECKING:
    from desk.app import Desk

__all__ = ["ROUTES"]

_ONE = ("name", "address", "institution", "authority", "topic")


def show(request: Request) -> Response:
    return _page(request, dict.fromkeys(_ONE, ""), {"activity": [], "session": []})


def enter(request: Request) -> Response:
    desk: Desk = request.app.state.desk
    one = {key: " ".join(form_text(request, key).split()) for key in _ONE}
    many = {key: form_list(request, key) for key in ("activity", "session")}
    meant = desk.office.places(one["institution"], limit=6) if len(one["institution"]) > 1 else ()
    if (used := form_text(request, "use")).isdecimal() and int(used) < len(meant):
        one["institution"], one["authority"] = meant[int(used)].name, meant[int(used)].council or one["authority"]
        return _page(request, one, many)
    if not one["name"]:
        return _page(request, one, many, wrong={"name": "Give the member's name."})
    listed = any(place.name.casefold() == one["institution"].casefold() for place in meant)
    if meant and not listed and form_text(request, "kept") != one["institution"]:
        wrong = {"institution": "This is not on the list of schools and colleges. Do you mean one of these?"}
        return _page(request, one, many, meant=meant, wrong=wrong)
    same = _there(desk, one["name"], one["address"])
    if same and form_text(request, "another") != "1":
        for line in same:
            viewed(request, "registration", line.id)
        return _page(request, one, many, same=same, kept=form_text(request, "kept"))
    changes = {key: [one[key]] for key in ("institution", "authority", "topic") if one[key]} | {key: values for key, values in many.items() if values}
    try:
        done = desk.office.add(one["name"], one["address"], changes, who=request.state.person.name)
    except MailroomError as error:
        field = "address" if one["address"] and one["address"] in str(error) else "form"
        return _page(request, one, many, wrong={field: str(error)})
    return back_to(request, f"/item/{done.about}", done.said, done.deed)


def _there(desk: Desk, name: str, address: str) -> tuple[RegistrationLine, ...]:
    """Who seems to be the same member: by the address, else by the whole name."""
    key = address.casefold()
    found = desk.store.find_registrations(RegistrationFilter(member=address or name), page=Lines(size=20)).lines
    if address:
        found = tuple(line for line in found if line.member_address.casefold() == key)
        found = found or desk.store.find_registrations(RegistrationFilter(member=name), page=Lines(size=20)).lines
    return tuple(line for line in found if line.member_name.casefold() == name.casefold() or (key and line.member_address.casefold() == key))[:5]


def _page(
    request: Request,
    one: Mapping[str, str],
    many: Mapping[str, Sequence[str]],
    *,
    wrong: Mapping[str, str] | None = None,
    meant: Sequence[Place] = (),
    same: Sequence[RegistrationLine] = (),
    kept: str = "",
) -> Response:
    return render(request, "register_new.html", status=422 if wrong or same else 200, one=one, many=many, wrong=wrong or {}, meant=meant, same=same, kept=kept)


ROUTES = (
    page("/register/new", show, role=Role.COORDINATOR, name="new_entry"),
    page("/register/new", enter, role=Role.COORDINATOR, name="enter_new", methods=("POST",)),
)
