"""Reply texts: the sentences of our answers, to be changed by whoever knows no template language, seen on real entries.

A form shows the sentences of one answer; its preview stands in a frame beside it, filled in for a member made up or
for an entry of the register, before anything is kept. Each version is kept, and can be had back.
"""

from __future__ import annotations

from html import escape

from starlette.requests import Request
from starlette.responses import Response

from desk.framing import framed
from desk.looks import viewed
from desk.rendering import back_to, form_text, render
from desk.routing import Role, page
from desk.words import template_words
from mailroom.errors import MailroomError
from store import Page, RegistrationFilter

__all__ = ["ROUTES"]

EXAMPLES = 15


def show(request: Request) -> Response:
    return _form(request, request.query_params.get("answer", ""), {}, {}, status=200)


def _form(request: Request, answer: str, typed: dict[str, str], wrong: dict[str, str], *, status: int, on: str = "") -> Response:
    desk = request.app.state.desk
    answers = desk.office.answers()
    answer = answer if answer in answers else answers[0]
    version, sentences = desk.office.sentences()
    viewed(request, "texts")  # the entries to try them out on have names
    examples = desk.store.find_registrations(RegistrationFilter(), page=Page(size=EXAMPLES)).lines
    mine = [one for one in sentences if answer in one.answers]
    return render(
        request,
        "texts.html",
        status=status,
        answer=answer,
        answers=[(name, template_words(name), sum(one.changed for one in sentences if name in one.answers)) for name in answers],
        sentences=mine,
        typed=typed,
        wrong=wrong,
        version=version,
        examples=examples,
        on=on,
    )


def _changes(request: Request) -> dict[str, str]:
    """The sentences of the form that say something else now than the page showed; by their ids."""
    _, sentences = request.app.state.desk.office.sentences()
    found = {}
    for one in sentences:
        name = f"sentence-{one.id}"
        if name in request.state.form:
            said = " ".join(form_text(request, name).split())
            if said != one.text:
                found[one.id] = said
    return found


def save(request: Request) -> Response:
    office = request.app.state.desk.office
    answer, changes = form_text(request, "answer"), _changes(request)
    seen = form_text(request, "version", "0")
    if form_text(request, "as-shipped"):
        wanted = form_text(request, "as-shipped")
        changes = {one.id: one.shipped for one in office.sentences()[1] if one.id == wanted}
    if wrong := office.wrong_words(changes):
        return _form(request, answer, changes, wrong, status=422, on=form_text(request, "on"))
    done = office.reword(changes, seen_version=int(seen) if seen.isdigit() else 0, who=request.state.person.name)
    return back_to(request, f"/replies/texts?answer={answer}", done.said)


def preview(request: Request) -> Response:
    """What stands in the frame: the answer with what was typed, kept nowhere."""
    reference = form_text(request, "on").strip() or None
    if reference is not None:
        viewed(request, "registration", reference[:40])
    try:
        letter = request.app.state.desk.office.preview_text(form_text(request, "answer"), _changes(request), reference)
    except MailroomError as error:
        return framed(_NOTE.format(escape(str(error))))
    head = _HEAD.format(escape(letter.recipient), escape(letter.subject))
    begin = letter.html.index(">", letter.html.index("<body")) + 1  # our own page: it has one
    return framed(letter.html[:begin] + head + letter.html[begin:])


_HEAD = '<p style="font:14px sans-serif;margin:0;padding:8px 16px;border-bottom:1px solid #888">To: {}<br>Subject: <b>{}</b></p>'
_NOTE = (
    '<!DOCTYPE html><html lang="en-GB"><head><meta name="color-scheme" content="light dark"><title>Not yet</title></head>'
    '<body style="font:16px sans-serif;padding:16px"><p>{}</p></body></html>'
)


def versions(request: Request) -> Response:
    return render(request, "texts_versions.html", versions=request.app.state.desk.office.wordings())


def restore(request: Request) -> Response:
    version, seen = form_text(request, "version"), form_text(request, "seen")
    if not (version.isdigit() and seen.isdigit()):
        raise MailroomError("say which version is wanted")
    done = request.app.state.desk.office.restore_wording(int(version), seen_version=int(seen), who=request.state.person.name)
    return back_to(request, "/replies/texts/versions", done.said)


ROUTES = (
    page("/replies/texts", show, role=Role.VIEWER, name="texts"),
    page("/replies/texts/save", save, role=Role.COORDINATOR, name="save-texts", methods=("POST",)),
    page("/replies/texts/preview", preview, role=Role.VIEWER, name="preview-texts", methods=("POST",)),
    page("/replies/texts/versions", versions, role=Role.VIEWER, name="text-versions"),
    page("/replies/texts/restore", restore, role=Role.COORDINATOR, name="restore-texts", methods=("POST",)),
)
