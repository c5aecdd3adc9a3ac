"""Many entries at once: choose, see exactly what would change and what is left out and why, and only then do it.

What was seen is what is done: the page carries each entry with the state of it that was shown, and whatever somebody
changed meanwhile stays as it is and is told. It is one deed, taken back as one.

What it does badly: there is an end to how many go at once (``MOST``), because all of them are one transaction and a
round has to wait for it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response

from desk.filtering import Asked, asked_of
from desk.looks import viewed
from desk.office import Bulk, Choice, Prospect, Words
from desk.rendering import back_to, form_text, render
from desk.routing import Role, page
from mailroom.errors import MailroomError

if TYPE_CHECKING:
    from desk.app import Desk

__all__ = ["DEEDS", "MOST", "ROUTES"]

MOST = 500
SHOWN = 50
_NAMED = 10  # of those that are left out for one reason
_SEEN = re.compile(r"(R-[A-Z2-7]{16}):(\d{1,9})")


@dataclass(frozen=True, kw_only=True, slots=True)
class Deed:
    """Something that can be done to many. ``field``: the value it needs first; ``danger``: it takes members off."""

    label: str
    title: str  # above the preview
    do: str  # on the button
    what: str
    field: str = ""
    danger: bool = False


DEEDS = {
    "accept": Deed(label="Accept", title="Accept them as they stand", do="Accept {n}", what="accept"),
    "add-activity": Deed(label="Add a way of taking part", title="Add a way of taking part", do="Add it to {n}", what="add", field="activity"),
    "add-session": Deed(label="Add a training session", title="Add a training session", do="Add it to {n}", what="add", field="session"),
    "remove-session": Deed(label="Take out a training session", title="Take out a training session", do="Take it out of {n}", what="remove", field="session"),
    "add-topic": Deed(label="Add a topic", title="Add a topic", do="Add it to {n}", what="add", field="topic"),
    "set-council": Deed(label="Set the council", title="Set the council", do="Set it for {n}", what="set", field="authority"),
    "release": Deed(label="Send held answers", title="Send the answers that are held", do="Send those of {n}", what="release"),
    "withdraw": Deed(label="Take off the register", title="Take them off the register", do="Take off {n}", what="withdraw", danger=True),
    "not-ours": Deed(label="Not for the register", title="They are not for the register", do="Dismiss {n}", what="not_ours", danger=True),
    "spam": Deed(label="Spam", title="They are spam", do="Dismiss {n} as spam", what="spam", danger=True),
}


def preview(request: Request) -> Response:
    desk: Desk = request.app.state.desk
    given = request.query_params
    asked = asked_of(given.get("view", ""), desk.zone)
    deed = DEEDS.get(given.get("do", ""))
    viewed(request, "register", **({"filter": told} if (told := asked.told(desk.office.words)) else {}))
    if deed is None:
        raise MailroomError("Choose what is to be done with them.")
    everybody = given.get("all") == "1"
    ids = _chosen(desk, asked, everybody, given.getlist("id"))
    value = " ".join(given.get("value", "").split())
    facts: dict[str, Any] = {
        "asked": asked,
        "deed": deed,
        "key": given["do"],
        "everybody": everybody,
        "count": len(ids),
        "ids": () if everybody else ids,
    }
    if not ids:
        return render(request, "register_bulk.html", status=422, **facts, ask=None, wrong="", value="")
    if deed.field and not value:
        wrong = "Give it first." if "value" in given else ""
        return render(request, "register_bulk.html", status=422 if wrong else 200, **facts, ask=_choices(deed, desk.office.words), wrong=wrong, value="")
    bulk = Bulk(what=deed.what, field=deed.field, value=value)
    try:
        prospects = desk.office.prospects(bulk, ids)
    except MailroomError as error:  # of the value
        return render(request, "register_bulk.html", status=422, **facts, ask=_choices(deed, desk.office.words), wrong=str(error), value=value)
    going = [one for one in prospects if not one.why]
    return render(
        request,
        "register_bulk.html",
        **facts,
        ask=None,
        wrong="",
        value=value,
        value_label=next((choice.label for choice in _choices(deed, desk.office.words) if choice.id == value), value),
        going=going,
        shown=going[:SHOWN],
        lines={line.id: line for line in desk.store.registration_lines([one.id for one in going[:SHOWN]])},
        left=_left(desk, [one for one in prospects if one.why]),
        seen=" ".join(f"{one.id}:{one.revision}" for one in going),
        button=deed.do.format(n=_entries(len(going))),
    )


def do(request: Request) -> Response:
    desk: Desk = request.app.state.desk
    asked = asked_of(form_text(request, "view"), desk.zone)
    deed = DEEDS.get(form_text(request, "do"))
    seen = {found[1]: int(found[2]) for found in _SEEN.finditer(form_text(request, "seen"))}
    if deed is None or not seen or len(seen) > MOST:
        raise MailroomError("Nothing was chosen, so nothing was done. Go back to the register and choose again.")
    done = desk.office.do_many(Bulk(what=deed.what, field=deed.field, value=form_text(request, "value")), seen, who=request.state.person.name)
    return back_to(request, asked.address("/register"), done.said, done.deed)


def _chosen(desk: Desk, asked: Asked, everybody: bool, ids: Sequence[str]) -> list[str]:
    if not everybody:
        return list(dict.fromkeys(ids))[:MOST]
    lines = desk.store.each_registration(asked.filter, asked.sort)
    chosen = [line.id for line in islice(lines, MOST + 1)]
    if len(chosen) > MOST:
        raise MailroomError(f"These are more than {MOST:,}, which is too many to change at once. Narrow the view, and take one part after another.")
    return chosen


def _choices(deed: Deed, words: Words) -> tuple[Choice, ...]:
    return {"activity": words.activities, "session": words.sessions, "authority": words.councils}.get(deed.field, ())


def _left(desk: Desk, left: Sequence[Prospect]) -> list[tuple[str, int, str]]:
    """Why, how many, and the first of them by name."""
    by: dict[str, list[str]] = {}
    for one in left:
        by.setdefault(one.why, []).append(one.id)
    told = []
    for why, ids in by.items():
        names = [line.member_name or line.member_address for line in desk.store.registration_lines(ids[:_NAMED])]
        told.append((why, len(ids), ", ".join(names) + (", …" if len(ids) > _NAMED else "")))
    return told


def _entries(count: int) -> str:
    return "1 entry" if count == 1 else f"{count:,} entries"


ROUTES = (
    page("/register/bulk", preview, role=Role.COORDINATOR, name="bulk"),
    page("/register/bulk/do", do, role=Role.COORDINATOR, name="bulk_do", methods=("POST",)),
)
