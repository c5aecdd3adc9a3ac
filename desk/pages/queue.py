"""What needs a person, whatever kind it is, oldest first: one line each, and each is opened by a press.

Addresses that mail does not reach and stops of the sending are settled here, for they belong to no single message.
With scripts a message that comes is added below the last line, and one that a colleague settles is marked as such, so
that nothing moves under anybody's eyes or hands; without them the page is as complete, and as old as its loading.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from desk.looks import viewed
from desk.pages.live import EVERY, live
from desk.pages.today import KIND_WORDS, address_of
from desk.rendering import back_to, form_text, fragment, render
from desk.routing import Role, page
from mailroom.errors import MailroomError
from mailroom.model import ReplyState
from store import Needs, NeedsKind, Page, Store, UndeliverableAddress

__all__ = ["ROUTES"]

LINES = 50


def show(request: Request) -> Response:
    kinds = _kinds(request)
    return render(request, "queue.html", every=EVERY, breakers=_store(request).breakers(), **_lines(request, kinds))


def lines_part(request: Request) -> Response:
    """The same lines again, for a page that is open."""
    kinds = _kinds(request)
    _seen(request, kinds)  # before the pulse is felt: the line that this adds to the history is no news
    return live(request, lambda: fragment(request, "queue_lines.html", **_lines(request, kinds)))


def _seen(request: Request, kinds: Sequence[NeedsKind]) -> None:
    viewed(request, "queue", kinds=",".join(kinds))


def _kinds(request: Request) -> tuple[NeedsKind, ...]:
    """The kinds that the address asks for; all where it asks for none that there is."""
    asked = request.query_params.getlist("kind")
    return tuple(kind for kind in KIND_WORDS if kind in asked)


def _lines(request: Request, kinds: Sequence[NeedsKind]) -> dict[str, Any]:
    store = _store(request)
    _seen(request, kinds)
    after = request.query_params.get("after", "")[:200]
    found = store.needs_you(kinds, Page(size=LINES, after=after))
    marks = {mark.reply_id: mark for mark in store.undeliverable()} if any(line.kind == NeedsKind.UNDELIVERABLE for line in found.lines) else {}
    chosen = [("kind", kind) for kind in kinds]
    return {
        "lines": [(line, address_of(line), _mark(line, marks)) for line in found.lines],
        "counts": {kind: found.counts[kind] for kind in KIND_WORDS},
        "all": sum(found.counts.values()),
        "total": found.total,
        "kinds": kinds,
        "kind_words": KIND_WORDS,
        "after": after,
        "first_page": "/queue" + (f"?{urlencode(chosen)}" if chosen else ""),
        "next_page": f"/queue?{urlencode([*chosen, ('after', found.next)])}" if found.next else "",
        "asked": urlencode([*chosen, *([("after", after)] if after else [])]),
        "Kind": NeedsKind,
    }


def _mark(line: Needs, marks: dict[int, UndeliverableAddress]) -> UndeliverableAddress | None:
    return marks.get(line.reply_id) if line.kind == NeedsKind.UNDELIVERABLE and line.reply_id is not None else None


def address_works(request: Request) -> Response:
    """A person says that mail reaches the address again; what was parked for it may go with that."""
    desk, person = request.app.state.desk, request.state.person
    address = form_text(request, "address")
    parked = desk.store.clear_address(address, desk.now(), actor=person.name)
    back = _back(request)
    if parked is None:
        return back_to(request, back, "Somebody else had said already that this address works.")
    if not parked:
        return back_to(request, back, f"Mail goes to {address} again.")
    waits = f"{len(parked)} {'answer' if len(parked) == 1 else 'answers'}"
    if form_text(request, "send") != "yes":
        return back_to(request, back, f"Mail goes to {address} again. {waits} to it {'is' if len(parked) == 1 else 'are'} parked still, under Replies.")
    try:
        desk.office.release(parked, who=person.name, states=(ReplyState.SUPPRESSED,))
    except MailroomError as error:
        return back_to(request, back, f"Mail goes to {address} again, but {waits} could not be sent on: {error}")
    return back_to(request, back, f"Mail goes to {address} again, and {waits} {'is' if len(parked) == 1 else 'are'} about to be sent.")


def go_on(request: Request) -> Response:
    """A person has looked at a stop of the sending, and lets answers go again."""
    desk, person = request.app.state.desk, request.state.person
    closed = desk.store.close_breaker(form_text(request, "scope"), desk.now(), actor=person.name)
    said = "Answers go again. Those that were parked meanwhile are under Replies." if closed else "Answers went again already."
    return back_to(request, _back(request), said)


def _back(request: Request) -> str:
    """The view that the form stood in, by its kinds alone: an address is never taken from a form."""
    kinds = [("kind", kind) for kind in KIND_WORDS if kind in request.state.form.getlist("kind")]
    return "/queue" + (f"?{urlencode(kinds)}" if kinds else "")


def _store(request: Request) -> Store:
    store: Store = request.app.state.desk.store
    return store


ROUTES = (
    page("/queue", show, role=Role.VIEWER, name="queue"),
    page("/queue/lines", lines_part, role=Role.VIEWER, name="queue_lines"),
    page("/queue/address", address_works, role=Role.COORDINATOR, name="queue_address", methods=("POST",)),
    page("/queue/go-on", go_on, role=Role.COORDINATOR, name="queue_go_on", methods=("POST",)),
)
