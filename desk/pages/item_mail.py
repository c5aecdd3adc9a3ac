"""The mail of an item: the message as it came, its HTML, its attachments; asking the member, answering by hand, joining two entries.

Nothing of a message is ever shown as what it says it is: HTML is cleaned and stands in a frame without scripts and
without an origin, everything else leaves as a file to be saved. Answers are written into the outbox and sent by the
next round.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from desk.attachments import HTML_POLICY, download_headers, html_page, html_text, part_content
from desk.fields import REQUIRED
from desk.looks import viewed
from desk.office import Conflict, Letter
from desk.pages.item import found_message, found_registration
from desk.pages.item_deeds import revision_seen, settled_message, settled_or_here, touched_seen
from desk.pages.item_next import here, next_address, place
from desk.rendering import back_to, form_list, form_text, render
from desk.routing import Role, page
from desk.words import FIELD_ORDER
from mailroom.errors import MailroomError
from mailroom.model import ReplyState
from store import OFF_THE_REGISTER, MessageRecord, Page, Registration, RegistrationFilter, RegistrationLine

__all__ = ["ROUTES"]


# --- the message as it came


def _looked_at(request: Request) -> MessageRecord:
    record = found_message(request)
    viewed(request, "message", record.message.id)
    return record


def html(request: Request) -> Response:
    content = _looked_at(request).content
    text = html_text(content) if content is not None else None
    if text is None:
        raise HTTPException(404)
    headers = {"Content-Security-Policy": HTML_POLICY, "X-Frame-Options": "SAMEORIGIN", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
    return HTMLResponse(html_page(text), headers=headers)


def download(request: Request) -> Response:
    record = _looked_at(request)
    if record.content is None:
        raise HTTPException(404)
    return Response(record.content, media_type="message/rfc822", headers=dict(download_headers(f"message-{record.message.id}.eml")))


def attachment(request: Request) -> Response:
    """By its number alone; the name in the address is for the browser, and nothing is looked up by it."""
    content = _looked_at(request).content
    found = part_content(content, int(request.path_params["index"])) if content is not None else None
    if found is None:
        raise HTTPException(404)
    part, data = found
    return Response(data, media_type="application/octet-stream", headers=dict(download_headers(part.name)))


# --- asking the member


def ask(request: Request) -> Response:
    """What to ask for, and the letter as it would go out."""
    registration = found_registration(request)
    missing = [field for field in REQUIRED if field in registration.missing or not registration.values_of(field)]
    return _asking(request, registration, missing or [FIELD_ORDER[0]])


def ask_or_preview(request: Request) -> Response:
    registration = found_registration(request)
    fields = [field for field in FIELD_ORDER if field in form_list(request, "field")]
    text, what = form_text(request, "text"), form_text(request, "do")
    if not fields:
        return _asking(request, registration, [], told="Say what the member is to be asked for.", status=422)
    if what == "fields":  # other fields: the text is made anew
        return _asking(request, registration, fields)
    if what != "send":
        return _asking(request, registration, fields, text)
    seen = revision_seen(request)
    try:
        done = request.app.state.desk.office.ask(registration.id, seen, fields, text, who=request.state.person.name)
    except Conflict:
        raise
    except MailroomError as error:
        return _asking(request, registration, fields, text, told=str(error), status=422)
    name = registration.member_name or registration.member_address
    said = f"{name}: {done.said}" if name else done.said
    return back_to(request, next_address(request, place(request), leaving=f"/item/{registration.id}"), said, done.deed, about=registration.id)


def _asking(request: Request, registration: Registration, fields: Sequence[str], text: str | None = None, *, told: str = "", status: int = 200) -> Response:
    letter: Letter | None = None
    viewed(request, "registration", registration.id)
    if fields:
        try:
            letter = request.app.state.desk.office.question(registration.id, fields, text or None)
        except MailroomError as error:
            told, status = told or str(error), 422
    return render(
        request,
        "item_ask.html",
        status=status,
        entry=registration,
        chosen=fields,
        order=FIELD_ORDER,
        letter=letter,
        text=text if text is not None else letter.text if letter is not None else "",
        told=told,
        here=here(request, f"/item/{registration.id}"),
        at=place(request),
    )


# --- what waits to be sent


def release(request: Request) -> Response:
    """Send an answer that is held; only one of this entry's own, and not what a colleague has parked since."""
    registration = found_registration(request)
    conversation = request.app.state.desk.store.conversation(registration.id)
    wanted = form_text(request, "reply")
    ids = [one.id for one in (conversation.replies if conversation is not None else ()) if str(one.id) == wanted]
    if not ids:
        raise HTTPException(404)
    done = request.app.state.desk.office.release(ids, who=request.state.person.name, states=(ReplyState.HELD,))
    return back_to(request, here(request, f"/item/{registration.id}"), done.said, done.deed, about=registration.id)


# --- answering by hand


def answer(request: Request) -> Response:
    record = found_message(request)
    subject = record.message.subject or ""
    return _answering(request, subject if subject[:3].casefold() == "re:" else f"Re: {subject}".strip(), "")


def send_answer(request: Request) -> Response:
    record = found_message(request)
    subject, text = form_text(request, "subject"), form_text(request, "text")
    try:
        done = request.app.state.desk.office.answer(record.message.id, subject, text, who=request.state.person.name, touched=touched_seen(request))
    except Conflict as error:
        told = (
            f"{error.who or 'Somebody'} has dealt with this message since you opened it, so nothing was sent. Look at it, and send this if it is still wanted."
        )
        return _answering(request, subject, text, told=told, status=409)
    except MailroomError as error:
        return _answering(request, subject, text, told=str(error), status=422)
    after = request.app.state.desk.store.message(record.message.id)
    if after is not None and after.registrations:
        return settled_or_here(request, after.registrations[0].id, done)
    return settled_message(request, done)


def _answering(request: Request, subject: str, text: str, *, told: str = "", status: int = 200) -> Response:
    record = _looked_at(request)
    own = f"/item/{record.registrations[0].id}" if record.registrations else f"/message/{record.message.id}"
    reading = record.readings[-1].reading if record.readings else None
    parsed = reading.parsed if reading is not None else None
    words = "\n".join(parsed.body[zone.start : zone.end].strip("\n") for zone in parsed.zones if zone.kind in ("own", "inline_answer")) if parsed else ""
    return render(
        request,
        "item_answer.html",
        status=status,
        message=record.message,
        touched=record.touched,
        recipient=parsed.reply_to[0].address if parsed and parsed.reply_to else record.message.sender_address or "",
        subject=subject,
        text=text,
        words_of_member=words,
        told=told,
        here=here(request, own),
        at=place(request),
    )


# --- joining two entries


@dataclass(frozen=True, kw_only=True, slots=True)
class _Suggestion:
    line: RegistrationLine
    why: str


def merge(request: Request) -> Response:
    return _merging(request, found_registration(request))


def merge_or_search(request: Request) -> Response:
    registration = found_registration(request)
    into, searched = form_text(request, "into"), form_text(request, "q")
    if form_text(request, "do") != "join" or not into:
        told = "" if form_text(request, "do") != "join" else "Choose the entry that this one is to be joined to."
        return _merging(request, registration, searched=searched, told=told, status=422 if told else 200)
    other, _, other_revision = into.partition("@")
    if not (other_revision.isascii() and other_revision.isdigit() and len(other_revision) < 10):
        raise HTTPException(400)
    try:
        done = request.app.state.desk.office.merge(registration.id, revision_seen(request), other, int(other_revision), who=request.state.person.name)
    except Conflict:
        raise
    except MailroomError as error:
        return _merging(request, registration, searched=searched, told=str(error), status=422)
    return back_to(request, here(request, f"/item/{other}"), done.said, done.deed)


def _merging(request: Request, registration: Registration, *, searched: str = "", told: str = "", status: int = 200) -> Response:
    store = request.app.state.desk.store
    viewed(request, "registration", registration.id)
    found: dict[str, _Suggestion] = {}

    def suggest(why: str, wanted: RegistrationFilter, most: int) -> None:
        for line in store.find_registrations(wanted, page=Page(size=most + 1)).lines:
            if line.id != registration.id and line.state not in OFF_THE_REGISTER:
                found.setdefault(line.id, _Suggestion(line=line, why=why))

    if searched.strip():
        suggest("", RegistrationFilter(text=searched), 20)
    else:
        suggest("The same address", RegistrationFilter(member=registration.member_address), 10)
        schools = registration.values_of("institution")
        if schools and registration.member_name:
            suggest("The same name and school", RegistrationFilter(member=registration.member_name, institutions=schools), 10)
        if registration.member_name:
            suggest("The same name", RegistrationFilter(member=registration.member_name), 10)
    return render(
        request,
        "item_merge.html",
        status=status,
        entry=registration,
        suggestions=list(found.values()),
        searched=searched,
        told=told,
        here=here(request, f"/item/{registration.id}"),
        at=place(request),
    )


_POST = ("POST",)
ROUTES = (
    page("/message/{number:int}/html", html, role=Role.VIEWER, name="message_html"),
    page("/message/{number:int}/download", download, role=Role.VIEWER, name="message_download"),
    page("/message/{number:int}/attachment/{index:int}/{filename:path}", attachment, role=Role.VIEWER, name="message_attachment"),
    page("/item/{id}/ask", ask, role=Role.COORDINATOR, name="item_ask"),
    page("/item/{id}/ask", ask_or_preview, role=Role.COORDINATOR, name="item_ask_send", methods=_POST),
    page("/item/{id}/release", release, role=Role.COORDINATOR, name="item_release", methods=_POST),
    page("/message/{number:int}/answer", answer, role=Role.COORDINATOR, name="message_answer"),
    page("/message/{number:int}/answer", send_answer, role=Role.COORDINATOR, name="message_answer_send", methods=_POST),
    page("/item/{id}/merge", merge, role=Role.COORDINATOR, name="item_merge"),
    page("/item/{id}/merge", merge_or_search, role=Role.COORDINATOR, name="item_merge_do", methods=_POST),
)
