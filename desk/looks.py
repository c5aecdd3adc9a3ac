"""Who looked at what, and who has what open: the two things that a page about a member says of its reader.

``viewed`` writes a look into the history, once in ten minutes for a person and an item; ``here`` says that a person has
an item open and gives the others who have. Both are for handlers: ``viewed(request, "message", 12)``.

A page that is left open and renews itself shows what is new to whoever may be before it: that is noted too, as such, twice
a day at most.

What it does badly: a process remembers what it wrote, so that most looks cost nothing; a second process asks the store.
"""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

from starlette.requests import Request

from store import Present, Store
from store.people import LOOKED_ONCE_IN

__all__ = ["gone", "here", "viewed"]

LEFT_OPEN_ONCE_IN = timedelta(hours=12)
_MOST = 10_000
_written: dict[tuple[object, ...], datetime] = {}
_lock = threading.Lock()


def viewed(request: Request, what: str, id: int | str | None = None, *, by: str = "", **detail: str | int) -> None:
    """``what``: message, registration or reply, with its id; or a list (register, queue, export) with what was asked of it.
    ``by``: whose look it is where nobody is logged in."""
    desk, person = request.app.state.desk, request.state.person
    who: str = person.name if person is not None else by
    store: Store = desk.store
    now: datetime = desk.now()
    once_in = LOOKED_ONCE_IN
    if request.headers.get("x-desk") == "live":
        detail, once_in = {**detail, "page": "left open"}, LEFT_OPEN_ONCE_IN
    key = (store.shown, who, what, id, tuple(sorted(detail.items())))
    with _lock:
        if key in _written and now - _written[key] < once_in:
            return
    store.people.looked(
        who,
        what,
        now,
        message_id=int(id) if what == "message" and id is not None else None,
        registration_id=str(id) if what == "registration" and id is not None else None,
        reply_id=int(id) if what == "reply" and id is not None else None,
        detail=detail,
        once_in=once_in,
    )
    with _lock:  # only what is in the store counts as written
        if len(_written) >= _MOST:
            _written.clear()
        _written[key] = now


def here(request: Request, item: str) -> tuple[Present, ...]:
    """This person has ``item`` open (say it again within two minutes); gives who else has."""
    desk, person = request.app.state.desk, request.state.person
    now: datetime = desk.now()
    desk.store.people.here(person.name, item, now)
    others: tuple[Present, ...] = desk.store.people.others(item, now, than=person.name)
    return others


def gone(request: Request, item: str) -> None:
    """They are done with it."""
    request.app.state.desk.store.people.gone(request.state.person.name, item)
