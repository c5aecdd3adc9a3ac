"""One item: the message as it was sent beside the fields that were understood, the conversation and the history below.

``/item/R-...`` is an entry with all its messages, the newest that waits for a person first; ``/message/17`` is a
message without one. What may be done is in ``item_deeds`` and ``item_mail``. Every look is noted in the history.

What it does badly: of a conversation of more than a few dozen messages the oldest are listed without their text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from desk.fields import Field, fields_of, marks_of
from desk.letter import LetterView, letter_view
from desk.looks import here as present
from desk.looks import viewed
from desk.office import Office, Place
from desk.pages.item_next import here, place
from desk.rendering import fragment, render
from desk.routing import Role, page
from desk.story import story
from desk.words import KIND_WORDS
from mailroom.model import Kind, MessageState, Reading
from store import MessageRecord, MessageSummary, Registration, RegistrationState, Reply

__all__ = ["ROUTES", "found_message", "found_registration", "item_page", "main_message", "message_page", "places_called"]

WAITS = (MessageState.REVIEW, MessageState.QUARANTINED)
SETTLED = (RegistrationState.MERGED, RegistrationState.DISMISSED, RegistrationState.WITHDRAWN)


def found_registration(request: Request) -> Registration:
    registration: Registration | None = request.app.state.desk.store.registration(request.path_params["id"])
    if registration is None:
        raise HTTPException(404)
    return registration


def found_message(request: Request) -> MessageRecord:
    number = int(request.path_params["number"])
    record: MessageRecord | None = request.app.state.desk.store.message(number) if number < 2**62 else None
    if record is None or record.message.id != number:  # the store knows messages by other names as well
        raise HTTPException(404)
    return record


class places_called:
    """Listed schools and colleges of exactly a name, each name looked up once for a page."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._known: dict[str, tuple[Place, ...]] = {}

    def __call__(self, name: str) -> tuple[Place, ...]:
        if name not in self._known:
            wanted = name.casefold()
            self._known[name] = tuple(one for one in self._office.places(name, limit=12) if one.name.casefold() == wanted)
        return self._known[name]

    def search(self, query: str) -> tuple[Place, ...]:
        return self._office.places(query, limit=6)


def show(request: Request) -> Response:
    registration = found_registration(request)
    chosen = request.query_params.get("message", "")
    return item_page(request, registration, message_id=int(chosen) if chosen.isascii() and chosen.isdigit() and len(chosen) < 19 else None)


def item_page(
    request: Request,
    registration: Registration,
    *,
    message_id: int | None = None,
    typed: Mapping[str, Sequence[str]] | None = None,
    found: Mapping[str, Sequence[Place]] | None = None,
    errors: Mapping[str, str] | None = None,
    told: str = "",
    anyway: bool = False,
    status: int = 200,
) -> Response:
    """The page of an entry. ``typed``: what the form sent, shown again; ``anyway``: offer to accept it although something is missing."""
    desk = request.app.state.desk
    viewed(request, "registration", registration.id)
    summaries: list[MessageSummary] = desk.store.messages_of(registration.id)
    main = main_message(summaries, message_id)
    record = desk.store.message(main.id) if main is not None else None
    conversation = desk.store.conversation(registration.id)
    turns = {turn.message_id: turn.reading for turn in conversation.turns} if conversation is not None else {}
    replies: Sequence[Reply] = conversation.replies if conversation is not None else ()
    if record is not None and record.readings:
        turns[record.message.id] = record.readings[-1].reading
    order = [main.id] if main is not None else []
    readings = [(number, turns[number]) for number in (*order, *(n for n in sorted(turns, reverse=True) if n not in order)) if number in turns]
    places = places_called(desk.office)
    fields = _with_found(fields_of(desk.office.words, readings, registration, places=places, search=places.search, typed=typed), found, errors)
    letter = _letter(record, registration, fields)
    history = story(desk.store.history(registration_id=registration.id), desk.office.words)
    waiting = [one for one in summaries if one.state in WAITS]
    return render(
        request,
        "item.html",
        status=status,
        entry=registration,
        letter=letter,
        fields=fields,
        main=main,
        talk=_talk(summaries, turns, replies, main),
        history=history,
        others=present(request, registration.id),
        address=f"/item/{registration.id}",
        here=here(request, f"/item/{registration.id}"),
        at=place(request),
        told=told,
        anyway=anyway,
        waits=bool(waiting) or registration.state is RegistrationState.REVIEW,
        unread_again=bool(waiting),
        # An entry that waits itself is accepted or set aside; only mail about one that stands can be dealt with by doing nothing.
        dealt_with=bool(waiting) and registration.state is not RegistrationState.REVIEW,
        settled=registration.state in SETTLED,
        may_change=_may_change(request),
        typed=typed is not None,
        kind=KIND_WORDS.get((main.kind or "") if main is not None else "", ""),
    )


def message_page(
    request: Request,
    record: MessageRecord,
    *,
    typed: Mapping[str, Sequence[str]] | None = None,
    found: Mapping[str, Sequence[Place]] | None = None,
    errors: Mapping[str, str] | None = None,
    told: str = "",
    status: int = 200,
) -> Response:
    """The page of a message without an entry."""
    desk = request.app.state.desk
    message = record.message
    viewed(request, "message", message.id)
    readings = [(message.id, record.readings[-1].reading)] if record.readings else []
    places = places_called(desk.office)
    fields = _with_found(fields_of(desk.office.words, readings, None, places=places, search=places.search, typed=typed), found, errors)
    registers = message.kind in (Kind.EXPRESSION_OF_INTEREST, Kind.FOLLOW_UP) and message.state in WAITS
    return render(
        request,
        "message.html",
        status=status,
        letter=_letter(record, None, fields),
        fields=fields,
        main=message,
        touched=record.touched,
        replies=record.replies,
        reports=record.reports,
        history=story(record.history, desk.office.words),
        others=present(request, str(message.id)),
        address=f"/message/{message.id}",
        here=here(request, f"/message/{message.id}"),
        at=place(request),
        told=told,
        registers=registers,
        asks=message.kind == Kind.ENQUIRY,
        waits=message.state in WAITS,
        may_change=_may_change(request),
        typed=typed is not None,
        kind=KIND_WORDS.get(message.kind or "", ""),
    )


def _may_change(request: Request) -> bool:
    return bool(request.state.person.role.may(Role.COORDINATOR))


def main_message(summaries: Sequence[MessageSummary], wanted: int | None) -> MessageSummary | None:
    """The message that is shown: the one that was asked for, else the newest that waits for a person, else the newest."""
    if not summaries:
        return None
    for ordered in ([one for one in summaries if one.id == wanted], [one for one in summaries if one.state in WAITS], summaries):
        if ordered:
            return ordered[-1]
    return None


def _letter(record: MessageRecord | None, registration: Registration | None, fields: Sequence[Field]) -> LetterView | None:
    if record is None:
        return None
    reading: Reading | None = record.readings[-1].reading if record.readings else None
    return letter_view(record, marks_of(record.message.id, reading, registration, fields) if reading is not None else ())


def _with_found(fields: tuple[Field, ...], found: Mapping[str, Sequence[Place]] | None, errors: Mapping[str, str] | None) -> tuple[Field, ...]:
    if found is None and not errors:
        return fields
    nothing = "No school or college of the lists was found by that name. You may keep it as you wrote it."
    sought = found or {}
    return tuple(
        replace(
            field,
            found=tuple(sought.get(field.slot, ())),
            error=(errors or {}).get(field.slot, ""),
            notes=(*field.notes, nothing) if field.slot in sought and not sought[field.slot] else field.notes,
        )
        for field in fields
    )


def _talk(summaries: Sequence[MessageSummary], turns: Mapping[int, Reading], replies: Sequence[Reply], main: MessageSummary | None) -> list[dict[str, Any]]:
    """Messages and our answers in the order in which they came and were written."""
    entries: list[tuple[Any, dict[str, Any]]] = []
    for one in summaries:
        reading = turns.get(one.id)
        own = _own_words(reading) if reading is not None else ""
        entries.append((one.internal_date, {"message": one, "reply": None, "own": own, "main": main is not None and one.id == main.id}))
    entries += [(reply.created_at, {"message": None, "reply": reply, "own": "", "main": False}) for reply in replies]
    return [entry for _, entry in sorted(entries, key=lambda pair: pair[0])]


def _own_words(reading: Reading) -> str:
    parsed = reading.parsed
    own = "\n".join(parsed.body[zone.start : zone.end].strip("\n") for zone in parsed.zones if zone.kind in ("own", "inline_answer"))
    return own if len(own) <= 3000 else own[:3000] + " …"


# --- who else is here


def item_presence(request: Request) -> Response:
    return fragment(request, "item_others.html", others=present(request, found_registration(request).id))


def message_presence(request: Request) -> Response:
    return fragment(request, "item_others.html", others=present(request, str(found_message(request).message.id)))


def message(request: Request) -> Response:
    """A message by its number: the entry that it belongs to, or itself."""
    record = found_message(request)
    if record.registrations:
        where = f"/item/{record.registrations[0].id}?message={record.message.id}"
        at = place(request)
        return RedirectResponse(f"{where}&at={at}" if at else where, status_code=303)
    return message_page(request, record)


ROUTES = (
    page("/item/{id}", show, role=Role.VIEWER, name="item"),
    page("/item/{id}/here", item_presence, role=Role.VIEWER, name="item_presence"),
    page("/message/{number:int}", message, role=Role.VIEWER, name="message"),
    page("/message/{number:int}/here", message_presence, role=Role.VIEWER, name="message_presence"),
)
