"""Replies: what waits for a person, what is about to go, what went, and what was parked; each as its reader gets it.

Releasing many is shown before it is done. What a page may release is what its list showed: a reply that came to
another state meanwhile is left as it is, and said so.
"""

from __future__ import annotations

from collections import Counter
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from desk.framing import framed
from desk.looks import viewed
from desk.rendering import back_to, form_list, form_text, render
from desk.routing import Role, page
from desk.story import story
from mailroom.errors import MailroomError
from mailroom.model import ReplyState
from mailroom.ownmail import own_mail
from store import OutboxFilter, Page, Reply

__all__ = ["ROUTES"]

# The tabs, in the order in which a person wants them: what waits for them first.
TABS = (
    ("held", "Held for you", (ReplyState.HELD,)),
    ("due", "About to be sent", (ReplyState.DUE, ReplyState.SENDING)),
    ("parked", "Parked", (ReplyState.SUPPRESSED,)),
    ("unknown", "Perhaps sent", (ReplyState.UNKNOWN,)),
    ("failed", "Could not be delivered", (ReplyState.DEAD,)),
    ("sent", "Sent", (ReplyState.SENT,)),
)
RELEASABLE = (ReplyState.HELD, ReplyState.SUPPRESSED)
PERHAPS_SENT = (ReplyState.UNKNOWN,)  # goes again where a person has looked and says so, one by one
PARKABLE = (ReplyState.HELD, ReplyState.DUE)
MOST_AT_ONCE = 2000
SHOWN = 50


def listed(request: Request) -> Response:
    """The list of one tab; ``q`` looks into recipient and subject."""
    desk = request.app.state.desk
    tab = request.query_params.get("tab", "held")
    states = next((states for name, _, states in TABS if name == tab), None)
    if states is None:
        raise HTTPException(404)
    text = request.query_params.get("q", "").strip()[:200]
    after, before = request.query_params.get("after", ""), request.query_params.get("before", "")
    viewed(request, "replies", tab=tab)
    found = desk.store.outbox_list(OutboxFilter(states=states, text=text), Page(size=SHOWN, after=after, before=before))
    tabs = [(name, label, sum(found.counts.get(state, 0) for state in its)) for name, label, its in TABS]
    return render(request, "replies.html", tab=tab, tabs=tabs, found=found, q=text, releasable=states[0] in RELEASABLE, parkable=states[0] in PARKABLE)


def one(request: Request) -> Response:
    reply, content = _reply(request)
    viewed(request, "reply", reply.id)
    return render(
        request,
        "reply.html",
        reply=reply,
        mail=own_mail(content),
        events=story(request.app.state.desk.store.history_of_reply(reply.id), request.app.state.desk.office.words),
        next_reply=_next(request, reply),
        may_release=reply.state in RELEASABLE,
        may_send_again=reply.state in PERHAPS_SENT,
        may_park=reply.state in PARKABLE,
        tab=_tab_of(reply),
    )


def _next(request: Request, reply: Reply) -> Reply | None:
    """Another one that waits in the same place: the next older one, else the newest."""
    lines = request.app.state.desk.store.outbox_list(OutboxFilter(states=(reply.state,)), Page(size=SHOWN)).lines
    others = [line for line in lines if line.id != reply.id]
    return next((line for line in others if line.id < reply.id), others[0] if others else None)


def html_part(request: Request) -> Response:
    reply, content = _reply(request)
    viewed(request, "reply", reply.id)
    return framed(own_mail(content).html)


def _reply(request: Request) -> tuple[Reply, bytes]:
    store = request.app.state.desk.store
    reply = store.reply(request.path_params["reply_id"])
    content = store.reply_content(reply.id) if reply is not None else None
    if reply is None or content is None:
        raise HTTPException(404)
    return reply, content


def _tab_of(reply: Reply) -> str:
    return next(name for name, _, states in TABS if reply.state in states)


# --- deeds


def release(request: Request) -> Response:
    """The ones that were ticked, or ``all`` of a tab after they were shown; one that was perhaps sent by its own button alone."""
    return _deed(request, PERHAPS_SENT if form_text(request, "again") else RELEASABLE, "release")


def park(request: Request) -> Response:
    return _deed(request, PARKABLE, "park")


def _deed(request: Request, states: tuple[ReplyState, ...], what: str) -> Response:
    office, who = request.app.state.desk.office, request.state.person.name
    ids = _ids(request)
    tab = form_text(request, "tab", "held")
    back = f"/replies?{urlencode({'tab': tab})}"
    if form_text(request, "all") and not form_text(request, "sure"):
        return _preview(request, states, what, tab)
    if not ids:
        return back_to(request, back, "Nothing was ticked, so nothing was done.")
    seen_as = next((its for name, _, its in TABS if name == tab), states)
    done = office.release(ids, who=who, states=[state for state in states if state in seen_as]) if what == "release" else office.park(ids, who=who)
    return back_to(request, back, done.said, done.deed)


def _ids(request: Request) -> list[int]:
    """What was ticked; or all of a list in one field, since a form of a thousand fields is taken for an attack."""
    given = [*form_list(request, "reply"), *form_text(request, "replies").split()]
    ids = [value for value in given if value.isascii() and value.isdigit() and len(value) < 19]
    if len(ids) > MOST_AT_ONCE:
        raise MailroomError(f"at most {MOST_AT_ONCE} replies at once")
    return [int(value) for value in ids]


def _preview(request: Request, states: tuple[ReplyState, ...], what: str, tab: str) -> Response:
    """All of a tab: what would go, before it goes."""
    store = request.app.state.desk.store
    wanted = tuple(state for name, _, its in TABS if name == tab for state in its if state in states)
    text = form_text(request, "q").strip()[:200]
    lines: list[Reply] = []
    after = ""
    while wanted and len(lines) < MOST_AT_ONCE:
        found = store.outbox_list(OutboxFilter(states=wanted, text=text), Page(size=200, after=after))
        lines += found.lines
        if not found.next:
            break
        after = found.next
    counts = Counter(line.template for line in lines).most_common()
    return render(request, "replies_all.html", lines=lines[:MOST_AT_ONCE], counts=counts, what=what, tab=tab, more=len(lines) >= MOST_AT_ONCE)


ROUTES = (
    page("/replies", listed, role=Role.VIEWER, name="replies"),
    page("/replies/release", release, role=Role.COORDINATOR, name="release-replies", methods=("POST",)),
    page("/replies/park", park, role=Role.COORDINATOR, name="park-replies", methods=("POST",)),
    page("/replies/{reply_id:int}", one, role=Role.VIEWER, name="reply"),
    page("/replies/{reply_id:int}/html", html_part, role=Role.VIEWER, name="reply-html"),
)
