"""Parts of a page that are asked for again every few seconds, at next to no cost while nothing happens.

A part is answered with a tag made of the store's pulse, of who asks and of the day. Whoever asks with the tag of what
they have gets «not modified» without the part being made; the page's script keeps the tag, for nothing personal may
stay in a browser's cache.

What it does badly: what a part says of time alone («not for an hour») is renewed every few minutes only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

__all__ = ["EVERY", "live"]

EVERY = 15  # seconds between two questions of a page
_RENEWED = 300  # seconds after which a part is made again, whatever happened


def live(request: Request, make: Callable[[], Response]) -> Response:
    """The part, or that it is as it was."""
    desk = request.app.state.desk
    person = getattr(request.state, "person", None)
    now = desk.now()
    facts = (
        desk.store.pulse(),
        str(request.url.query),
        person and (person.name, str(person.role)),
        int(now.timestamp()) // _RENEWED,
        now.astimezone(desk.zone).date(),
    )
    tag = f'W/"{hashlib.blake2b(repr(facts).encode(), digest_size=12).hexdigest()}"'
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers={"ETag": tag})
    response = make()
    response.headers["ETag"] = tag
    return response
