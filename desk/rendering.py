"""From facts to a page: Jinja2 with everything escaped, the desk's plain words, and times as the UK writes them.

Whatever a member or a machine wrote reaches a page through autoescape alone; there is no ``safe`` filter in our
templates but for mark-up that ``desk`` itself made of escaped pieces (``markupsafe.Markup``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

from itsdangerous import BadData
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from desk.filtering import label_of
from desk.office import Offer
from desk.words import FIELD_WORDS, STATE_WORDS, reason_words, template_words
from mailroom.printing import printable

__all__ = ["back_to", "environment", "form_list", "form_text", "fragment", "local", "render", "short_when", "when"]

_MOST_OFFERS = 3
_MOST_COOKIE = 3800  # of the 4096 that a cookie may have with its name and attributes
_FLASH = "mailroom-said"  # a cookie of a minute: what was just done, and where it is undone


@lru_cache(maxsize=4)
def environment(zone: ZoneInfo) -> Environment:
    """One for all desks of a process: to compile the templates takes longer than all else that a page does."""
    made = Environment(
        loader=FileSystemLoader(str(files("desk") / "templates")), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.filters["when"] = lambda moment: when(moment, zone)
    made.filters["short_when"] = lambda moment: short_when(moment, zone)
    made.filters["ago"] = ago
    made.filters["plain"] = printable
    made.filters["state_words"] = lambda state: STATE_WORDS.get(str(state), str(state))
    made.filters["field_words"] = lambda field: FIELD_WORDS.get(str(field), str(field))
    made.filters["reason_words"] = reason_words
    made.filters["template_words"] = template_words
    made.filters["label_of"] = label_of
    return made


def local(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone)


def when(moment: datetime | None, zone: ZoneInfo) -> str:
    """«Tue 18 Jan 2022, 14:05», by the programme's clock."""
    if moment is None:
        return "never"
    there = local(moment, zone)
    return f"{there:%a} {there.day} {there:%b %Y, %H:%M}"


def short_when(moment: datetime | None, zone: ZoneInfo) -> str:
    """The time of a day of today, else the date: for lists."""
    if moment is None:
        return "never"
    there, today = local(moment, zone), local(datetime.now(UTC), zone)
    if there.date() == today.date():
        return f"{there:%H:%M}"
    return f"{there.day} {there:%b}" + ("" if there.year == today.year else f" {there:%Y}")


def ago(moment: datetime | None) -> str:
    """How long since, in one unit: «3 minutes», «2 days»."""
    if moment is None:
        return "never"
    passed = max(datetime.now(UTC) - moment, timedelta())
    for name, length in (("day", timedelta(days=1)), ("hour", timedelta(hours=1)), ("minute", timedelta(minutes=1))):
        if count := passed // length:
            return f"{count} {name}{'s' if count > 1 else ''} ago"
    return "just now"


def render(request: Request, template: str, /, *, status: int = 200, **facts: Any) -> Response:
    """A whole page; what the deed before did is said on it once."""
    said = _said(request)
    response = HTMLResponse(_text(request, template, {**facts, "said": said}), status_code=status)
    if _FLASH in request.cookies:
        response.delete_cookie(_FLASH, path="/")
    return response


def fragment(request: Request, template: str, /, **facts: Any) -> Response:
    """A part of a page, for what is live."""
    return HTMLResponse(_text(request, template, {**facts, "said": None}))


def _text(request: Request, template: str, facts: Mapping[str, Any]) -> str:
    desk = request.app.state.desk
    return str(
        desk.templates.get_template(template).render(
            request=request,
            words=desk.office.words,
            person=getattr(request.state, "person", None),
            csrf=getattr(request.state, "csrf", ""),
            path=request.url.path,
            url=lambda name, /, **values: request.app.url_path_for(name, **values),
            **facts,
        )
    )


def back_to(
    request: Request, where: str, said: str = "", deed: int | None = None, *, offers: Sequence[Offer] = (), about: str = "", alias: int | None = None
) -> Response:
    """After a deed: the browser looks at ``where`` (a path of ours), which says what was done, offers to undo it, and to
    remember what could be (``offers``). ``about``: its registration, or the number of its message, which an undo opens again.
    ``alias``: what was remembered, which is undone by forgetting it."""
    response = RedirectResponse(where, status_code=303)
    undo = f"/taught/{alias}/forget" if alias is not None else f"/undo/{deed}" if deed is not None else ""
    if said:
        whose = request.state.person.session if request.state.person is not None else None
        kept = [[one.written, one.means, one.council, one.kind, one.stands_in, one.caution] for one in offers[:_MOST_OFFERS] if len(one.written) <= 200]
        cookie = request.app.state.desk.signer.dumps([said[:600], undo, kept, about, whose])
        while len(cookie) > _MOST_COOKIE and (kept or len(said) > 100):  # a browser drops a larger one without a word, and Undo would be gone with it
            kept, said = kept[:-1], said if kept else said[:100]
            cookie = request.app.state.desk.signer.dumps([said[:600], undo, kept, about, whose])
        response.set_cookie(_FLASH, cookie, max_age=60, httponly=True, samesite="strict", path="/", secure=request.state.visit.https)
    return response


def _said(request: Request) -> Mapping[str, Any] | None:
    if (cookie := request.cookies.get(_FLASH)) is None:
        return None
    try:
        said, undo, kept, item, whose = request.app.state.desk.signer.loads(cookie, max_age=60)
    except (BadData, ValueError):  # ValueError: a cookie of another version of ours
        return None
    person = getattr(request.state, "person", None)
    if person is None or person.session != whose:  # it names a member: not for the login page, nor for who logs in next on this machine
        return None
    names = ("written", "means", "council", "kind", "stands_in", "caution")
    return {"said": said, "undo": undo, "offers": [Offer(**dict(zip(names, one, strict=True))) for one in kept], "item": item}


def form_text(request: Request, name: str, default: str = "") -> str:
    """A field of the form that was posted, line ends as \\n."""
    value = request.state.form.get(name, default)
    return value.replace("\r\n", "\n") if isinstance(value, str) else default


def form_list(request: Request, name: str) -> list[str]:
    """All values of a field that may stand in the form several times."""
    return [value for value in request.state.form.getlist(name) if isinstance(value, str)]
