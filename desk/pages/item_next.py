"""What to look at next: the order of the queue, walked from the item that is open.

``at`` is the place of the queue that the open item has; it stands in the address and names nothing personal. Held
answers and addresses that take no mail have pages of their own and are no part of this walk.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from desk.rendering import form_text
from desk.routing import Role, page
from store import Needs, NeedsKind

__all__ = ["ROUTES", "address_of", "here", "next_address", "place"]

WALKED = (NeedsKind.REVIEW, NeedsKind.QUARANTINED, NeedsKind.REGISTRATION)
QUEUE = "/queue"


def place(request: Request) -> str:
    """Where in the queue the open item stands, as the address or the form says."""
    return form_text(request, "at") if request.method == "POST" else request.query_params.get("at", "")


def address_of(needs: Needs) -> str:
    where = f"/item/{needs.registration_id}" if needs.registration_id else f"/message/{needs.message_id}"
    return f"{where}?at={needs.place}"


def next_address(request: Request, at: str, *, leaving: str = "") -> str:
    """The page of what waits next after ``at``; the queue itself where nothing else waits. ``leaving``: the page that is not meant."""
    store = request.app.state.desk.store
    for _ in range(3):  # an entry may wait for two reasons, and so stand in the queue twice
        needs = store.next_in_queue(at, WALKED)
        if needs is None:
            return QUEUE
        where = address_of(needs)
        if not leaving or where.partition("?")[0] != leaving:
            return where
        at = needs.place
    return QUEUE


def here(request: Request, where: str) -> str:
    """``where`` with the place in the queue kept."""
    at = place(request)
    return f"{where}?at={at}" if at else where


def go(request: Request) -> Response:
    """The next one, without anything done to this one."""
    leaving = request.query_params.get("from", "")
    return RedirectResponse(next_address(request, place(request), leaving=leaving), status_code=303)


ROUTES = (page("/next", go, role=Role.VIEWER, name="next"),)
