"""What a person does to an item: accept, correct, set aside, withdraw, join, put on the register, read again, undo, remember.

Each is a form of the item's page, done to the revision that the page showed. Afterwards the browser looks at the next
item of the queue where this one is settled, at this one where it is not; what was done is said there, with Undo, and
with what could be remembered from it. Where somebody else was quicker, a page shows what stands now beside what was
wanted, and offers to do it all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from desk.fields import REQUIRED, Taken, taken_from
from desk.office import Conflict, Dismissal, Done, Place
from desk.pages.item import WAITS, found_message, found_registration, item_page, message_page
from desk.pages.item_next import here, next_address, place
from desk.rendering import back_to, form_list, form_text, render
from desk.routing import Role, page
from desk.words import FIELD_ORDER, FIELD_WORDS, STATE_WORDS
from mailroom.errors import MailroomError
from mailroom.model import MessageState
from store import Event, Registration, RegistrationState

__all__ = ["ROUTES", "revision_seen", "settled_message", "settled_or_here", "touched_seen"]


def taken(request: Request) -> Taken:
    """What the form of fields sent. A field's first input has its name, further ones «-more»."""
    return taken_from(lambda field: (*form_list(request, field), *form_list(request, f"{field}-more")), form_text(request, "use"))


def revision_seen(request: Request) -> int:
    return _number(request, "revision")


def touched_seen(request: Request) -> int:
    """What had been done about the message when its page was made."""
    return _number(request, "touched")


def _number(request: Request, field: str) -> int:
    text = form_text(request, field)
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise HTTPException(400)
    return int(text)


def settled_or_here(request: Request, registration_id: str, done: Done) -> Response:
    """On to the next item where this one waits for nobody any more; else back to it."""
    store = request.app.state.desk.store
    after: Registration | None = store.registration(registration_id)
    waits = after is not None and (after.state is RegistrationState.REVIEW or any(one.state in WAITS for one in store.messages_of(registration_id)))
    unfinished = after is not None and after.missing and after.state is not RegistrationState.WITHDRAWN
    own = f"/item/{registration_id}"
    stays = waits or unfinished
    where = here(request, own) if stays else next_address(request, place(request), leaving=own)
    name = after.member_name or after.member_address if after is not None else ""
    said = done.said if stays or not name else f"{name}: {done.said}"  # another page says it, so it says of whom
    return back_to(request, where, said, done.deed, offers=done.offers, about=registration_id)


def settled_message(request: Request, done: Done) -> Response:
    """On to the next item, which says whose message was dealt with."""
    message = found_message(request).message
    name = message.sender_name or message.sender_address
    said = f"{name}: {done.said}" if name else done.said
    return back_to(request, next_address(request, place(request), leaving=f"/message/{message.id}"), said, done.deed, about=str(message.id))


# --- the fields of an entry


def save(request: Request) -> Response:
    """Accept it, keep corrections, pick a runner-up, or (without a script) look a school up: one form, told apart by its button."""
    registration = found_registration(request)
    wanted, what = taken(request), "use" if form_text(request, "use") else form_text(request, "do", "save")
    if what == "find":
        return item_page(request, registration, typed=wanted.values, found=_found(request, wanted))
    seen, tell = revision_seen(request), bool(form_text(request, "tell"))
    was = {field: registration.values_of(field) for field in FIELD_ORDER}
    changed, cleared = wanted.changes(was)
    office, who = request.app.state.desk.office, request.state.person.name
    if seen != registration.revision:
        return _conflict(request, registration, wanted, what)
    try:
        if what == "use":
            if not changed and not cleared:
                return back_to(request, here(request, f"/item/{registration.id}"), "It is so already.")
            done = office.correct(registration.id, seen, changed, cleared, who=who, settle=False)
            return back_to(request, here(request, f"/item/{registration.id}"), done.said, done.deed, offers=done.offers, about=registration.id)
        if changed or cleared:
            done = office.correct(registration.id, seen, changed, cleared, who=who, settle=what in ("accept", "anyway"), tell=tell and what == "accept")
            if what == "anyway":
                done = _all_the_same(request, registration.id, done, tell=tell)
        elif what == "save":
            return back_to(request, here(request, f"/item/{registration.id}"), "Nothing was changed, so there was nothing to save.")
        else:
            done = office.accept(registration.id, seen, who=who, incomplete=what == "anyway", tell=tell)
    except Conflict:
        return _conflict(request, found_registration(request), wanted, what)
    except MailroomError as error:
        lacks = _lacks(registration, wanted) if what == "accept" else ""
        return item_page(
            request, registration, typed=wanted.values, told=lacks or str(error), anyway=bool(lacks), errors=_about(str(error), changed), status=422
        )
    if what == "save":
        return back_to(request, here(request, f"/item/{registration.id}"), done.said, done.deed, offers=done.offers, about=registration.id)
    return settled_or_here(request, registration.id, done)


def _lacks(registration: Registration, wanted: Taken) -> str:
    """Why it cannot be accepted as it is, in the page's words; "" where that is for another reason."""
    open_fields = [field for field in REQUIRED if field in registration.missing or not wanted.values[field]]
    return f"Not known surely yet: {', '.join(FIELD_WORDS[field] for field in open_fields)}." if open_fields else ""


def _all_the_same(request: Request, registration_id: str, done: Done, *, tell: bool) -> Done:
    """Corrected as far as it goes, and accepted although something is missing still."""
    desk = request.app.state.desk
    after: Registration = desk.store.registration(registration_id)
    if after.state is RegistrationState.REGISTERED and not after.missing:
        return done
    accepted: Done = desk.office.accept(registration_id, after.revision, who=request.state.person.name, incomplete=True, tell=tell)
    return Done(deed=accepted.deed, said=f"{done.said} {accepted.said}", offers=done.offers)


def _found(request: Request, wanted: Taken) -> Mapping[str, Sequence[Place]]:
    """What the school search finds for each name that was typed: the search that works without a script."""
    office = request.app.state.desk.office
    return {"institution": [one for name in wanted.values["institution"][-1:] for one in office.places(name, limit=12)]}


def _about(said: str, changed: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The message beside the field that it is about: the one whose value it quotes."""
    for field, values in changed.items():
        if any(f"«{value}»" in said for value in values):
            return {field: said}
    return {}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Beside:
    label: str
    now: tuple[str, ...]
    wanted: tuple[str, ...]


def _conflict(request: Request, now: Registration, wanted: Taken, what: str) -> Response:
    """What stands now beside what was wanted; nothing was done. What this person left as they saw it is left as it is now."""
    words = request.app.state.desk.office.words
    labels = {choice.id: choice.label for choice in (*words.activities, *words.sessions)}
    changes = [event for event in request.app.state.desk.store.history(registration_id=now.id) if event.after and "revision" in event.after]
    saw = _as_seen(changes, revision_seen(request))
    standing = {field: now.values_of(field) for field in FIELD_ORDER}
    mine = {field: standing[field] if wanted.values[field] == saw.get(field) else wanted.values[field] for field in FIELD_ORDER}
    rows = [
        _Beside(
            label=FIELD_WORDS[field],
            now=tuple(labels.get(value, value) for value in standing[field]),
            wanted=tuple(labels.get(value, value) for value in mine[field]),
        )
        for field in FIELD_ORDER
    ]
    return render(
        request,
        "item_conflict.html",
        status=409,
        entry=now,
        rows=rows,
        values=mine,
        what=what if what in ("accept", "anyway") else "save",
        tell=bool(form_text(request, "tell")),
        last=changes[-1] if changes else None,
        state=STATE_WORDS[str(now.state)],
        here=here(request, f"/item/{now.id}"),
        at=place(request),
    )


def _as_seen(changes: Sequence[Event], revision: int) -> dict[str, tuple[str, ...]]:
    """The values of the revision that the page showed, from the change that replaced them; {} where there is none.

    A revision may also grow with no value changed (a question, a message that waits), so the next change that tells is the one."""
    befores: list[dict[str, Any]] = [dict(event.before or {}) for event in changes]
    told = [before for before in befores if isinstance(before.get("values"), dict) and before.get("revision", 0) >= revision]
    if not told:
        return {}
    values: Mapping[str, Any] = min(told, key=lambda before: before["revision"])["values"]
    return {field: tuple(values.get(field, ())) for field in FIELD_ORDER}


# --- deeds on the whole entry


def _simple(deed: Callable[[Any, Registration, int, str], Done]) -> Callable[[Request], Response]:
    def handler(request: Request) -> Response:
        registration = found_registration(request)
        seen = revision_seen(request)
        try:
            done = deed(request.app.state.desk.office, registration, seen, request.state.person.name)
        except Conflict:
            raise
        except MailroomError as error:
            return item_page(request, registration, told=str(error), status=422)
        return settled_or_here(request, registration.id, done)

    return handler


withdraw = _simple(lambda office, registration, seen, who: office.withdraw(registration.id, seen, who=who))
reopen = _simple(lambda office, registration, seen, who: office.reopen(registration.id, seen, who=who))


def settle_entry(request: Request) -> Response:
    """Dealt with, and nothing in the entry to change: its messages wait for nobody any more, provided that all of them were there to be seen."""
    registration = _as_seen_still(request)
    store = request.app.state.desk.store
    waiting = [one.id for one in store.messages_of(registration.id) if one.state in WAITS]
    return _after_messages(request, lambda office, who: office.settle(waiting, who=who), registration)


def dismiss_entry(request: Request) -> Response:
    registration = found_registration(request)
    seen = {registration.id: revision_seen(request)}
    return _after_messages(request, lambda office, who: office.dismiss(registration.messages, _why(request), who=who, seen=seen), registration)


def _as_seen_still(request: Request) -> Registration:
    """Conflict where the entry is another one by now: a message that came meanwhile has not been read by whoever presses the button."""
    registration = found_registration(request)
    if registration.revision != revision_seen(request):
        who = request.app.state.desk.store.who_changed(registration.id)
        raise Conflict(f"{registration.id} was changed meanwhile; nothing was done, look at it again", now_at=registration.revision, who=who)
    return registration


def read_entry_again(request: Request) -> Response:
    registration = _as_seen_still(request)
    store = request.app.state.desk.store
    waiting = [one.id for one in store.messages_of(registration.id) if one.state in WAITS]
    return _after_messages(request, lambda office, who: office.read_again(waiting, who=who), registration)


def _after_messages(request: Request, deed: Callable[[Any, str], Done], registration: Registration | None = None) -> Response:
    try:
        done = deed(request.app.state.desk.office, request.state.person.name)
    except Conflict:
        raise
    except MailroomError as error:
        if registration is not None:
            return item_page(request, registration, told=str(error), status=422)
        return message_page(request, found_message(request), told=str(error), status=422)
    if registration is None:
        return settled_message(request, done)
    own, after = f"/item/{registration.id}", request.app.state.desk.store.registration(registration.id)
    if (
        done.deed is not None
        and after is not None
        and after.state is RegistrationState.REVIEW
        and not any(one.state is MessageState.WAITING for one in request.app.state.desk.store.messages_of(registration.id))
    ):  # the message is done, the entry is not
        return back_to(request, here(request, own), done.said, done.deed, about=registration.id)
    name = registration.member_name or registration.member_address
    said = f"{name}: {done.said}" if name else done.said
    return back_to(request, next_address(request, place(request), leaving=own), said, done.deed, about=registration.id)


def _why(request: Request) -> str:
    why = form_text(request, "why")
    if why not in (Dismissal.NOT_OURS, Dismissal.SPAM):
        raise HTTPException(400)
    return why


# --- deeds on a message without an entry


def enter(request: Request) -> Response:
    """Make an entry of it, with the values of the form."""
    record = found_message(request)
    wanted, what = taken(request), "use" if form_text(request, "use") else form_text(request, "do", "enter")
    if what == "find":
        return message_page(request, record, typed=wanted.values, found=_found(request, wanted))
    if what == "use":  # there is no entry yet that it could be written into
        return message_page(request, record, typed=wanted.values)
    if record.registrations:
        return back_to(request, f"/item/{record.registrations[0].id}", "It is on the register already.")
    changes = {field: values for field, values in wanted.values.items() if values}
    try:
        done = request.app.state.desk.office.enter(record.message.id, changes, who=request.state.person.name)
    except Conflict:
        raise
    except MailroomError as error:
        return message_page(request, record, typed=wanted.values, told=str(error), errors=_about(str(error), changes), status=422)
    after = request.app.state.desk.store.message(record.message.id)
    if after is not None and after.registrations:
        return settled_or_here(request, after.registrations[0].id, done)
    return back_to(request, next_address(request, place(request)), done.said, done.deed, offers=done.offers)


def settle_message(request: Request) -> Response:
    number = found_message(request).message.id
    return _after_messages(request, lambda office, who: office.settle([number], who=who))


def dismiss_message(request: Request) -> Response:
    number = found_message(request).message.id
    touched = {number: touched_seen(request)}
    return _after_messages(request, lambda office, who: office.dismiss([number], _why(request), who=who, touched=touched))


def read_message_again(request: Request) -> Response:
    number = found_message(request).message.id
    return _after_messages(request, lambda office, who: office.read_again([number], who=who))


_POST = ("POST",)
ROUTES = (
    page("/item/{id}/save", save, role=Role.COORDINATOR, name="item_save", methods=_POST),
    page("/item/{id}/withdraw", withdraw, role=Role.COORDINATOR, name="item_withdraw", methods=_POST),
    page("/item/{id}/reopen", reopen, role=Role.COORDINATOR, name="item_reopen", methods=_POST),
    page("/item/{id}/settle", settle_entry, role=Role.COORDINATOR, name="item_settle", methods=_POST),
    page("/item/{id}/dismiss", dismiss_entry, role=Role.COORDINATOR, name="item_dismiss", methods=_POST),
    page("/item/{id}/read-again", read_entry_again, role=Role.COORDINATOR, name="item_read_again", methods=_POST),
    page("/message/{number:int}/enter", enter, role=Role.COORDINATOR, name="message_enter", methods=_POST),
    page("/message/{number:int}/settle", settle_message, role=Role.COORDINATOR, name="message_settle", methods=_POST),
    page("/message/{number:int}/dismiss", dismiss_message, role=Role.COORDINATOR, name="message_dismiss", methods=_POST),
    page("/message/{number:int}/read-again", read_message_again, role=Role.COORDINATOR, name="message_read_again", methods=_POST),
)
