"""One message or entry by a link of the digest: to be read without a password, until the link ends.

What a link opens stands in its signed token, and the office alone can tell; nothing can be done from here, and nothing
else is reached: attachments, the sender's own layout and the history are behind the login. Each look is in the history,
under «by link» where nobody is logged in.

What it does badly: whoever has the mail has the link, and a mail filter that follows links looks too.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from desk.fields import fields_of, marks_of
from desk.letter import letter_view
from desk.looks import viewed
from desk.pages.item import main_message, places_called
from desk.rendering import render
from desk.routing import page
from mailroom.errors import MailroomError
from store import MessageRecord, MessageSummary, Registration, Store

__all__ = ["BY_LINK", "ROUTES"]

BY_LINK = "by link"  # in the history; no account can be called so
_GONE = "There is nothing behind this link any more."


def look(request: Request) -> Response:
    desk = request.app.state.desk
    store: Store = desk.store
    try:
        what = desk.office.opened_by(request.path_params["token"])
    except MailroomError as error:
        return render(request, "error.html", status=404, code=404, told=str(error))
    kind, _, number = what.partition("-")
    if kind == "message":
        record = store.message(int(number))
        return _page(request, None, [], record) if record is not None else _gone(request)
    registration = store.registration(what)
    if registration is None:
        return _gone(request)
    summaries = store.messages_of(registration.id)
    main = main_message(summaries, None)
    return _page(request, registration, summaries, store.message(main.id) if main is not None else None)


def _gone(request: Request) -> Response:
    return render(request, "error.html", status=404, code=404, told=_GONE)


def _page(request: Request, registration: Registration | None, summaries: list[MessageSummary], record: MessageRecord | None) -> Response:
    desk = request.app.state.desk
    message = record.message if record is not None else None
    if registration is not None:
        viewed(request, "registration", registration.id, by=BY_LINK)
    elif message is not None:
        viewed(request, "message", message.id, by=BY_LINK)
    reading = record.readings[-1].reading if record is not None and record.readings else None
    readings = [(record.message.id, reading)] if record is not None and reading is not None else []
    places = places_called(desk.office)
    fields = fields_of(desk.office.words, readings, registration, places=places, search=places.search)
    letter = None
    if record is not None:
        letter = letter_view(record, marks_of(record.message.id, reading, registration, fields) if reading is not None else ())
    response = render(
        request,
        "look.html",
        entry=registration,
        letter=letter,
        fields=fields,
        earlier=[one for one in summaries if message is None or one.id != message.id],
        state=registration.state if registration is not None else message.state if message is not None else "",
        inside=f"/item/{registration.id}" if registration is not None else f"/message/{message.id}" if message is not None else "/",
    )
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


ROUTES = (page("/look/{token}", look, role=None, name="look"),)
