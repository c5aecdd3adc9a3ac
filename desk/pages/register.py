"""The register: everybody, found by words and choices, and as a file of exactly what is shown.

A view of it is its address (``desk.filtering``): what is saved, shared, sorted by a heading or downloaded is that.
Viewers look; coordinators also take it away and change it.

What it does badly: while one types, counts and list are two snapshots, a moment apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from desk.exporting import as_csv, as_xlsx
from desk.filtering import COLUMNS, NONE, Asked, asked_of
from desk.looks import viewed
from desk.office import Choice
from desk.pages.bulk import DEEDS
from desk.rendering import local, render
from desk.routing import Role, page
from desk.words import STATE_WORDS
from desk.workbook import MOST_ROWS
from mailroom.errors import MailroomError
from store import Facet, Page, RegistrationSort, RegistrationState

if TYPE_CHECKING:
    from desk.app import Desk

__all__ = ["ROUTES"]

ORDERS = (
    ("", "Newest first"),
    (RegistrationSort.OLDEST, "Oldest first"),
    (RegistrationSort.CHANGED, "Changed last first"),
    (RegistrationSort.CHANGED_LONG_AGO, "Unchanged for longest first"),
    (RegistrationSort.NAME, "Surname, A to Z"),
    (RegistrationSort.NAME_DOWN, "Surname, Z to A"),
    (RegistrationSort.INSTITUTION, "School or college, A to Z"),
    (RegistrationSort.INSTITUTION_DOWN, "School or college, Z to A"),
    (RegistrationSort.COUNCIL, "Council, A to Z"),
    (RegistrationSort.COUNCIL_DOWN, "Council, Z to A"),
)


def show(request: Request) -> Response:
    desk: Desk = request.app.state.desk
    asked = asked_of(request, desk.zone)
    found, facets = desk.store.find_with_facets(asked.filter, asked.sort, asked.page)
    words, person = desk.office.words, request.state.person
    # While one types, each letter is another search: that the register was looked at is kept, not every letter.
    typed = request.headers.get("x-desk") == "auto"
    viewed(request, "register", **({} if typed or not asked.narrowed else {"filter": asked.told(words)}))
    return render(
        request,
        "register.html",
        status=422 if asked.problems else 200,
        asked=asked,
        page=found,
        columns=COLUMNS,
        orders=ORDERS,
        deeds=DEEDS,
        chips=asked.chips("/register", words),
        everything=asked.address("/register", **{key: "" for key, _ in asked.narrowing()}),
        total_words=_total(found.total, asked),
        may_change=person.role.may(Role.COORDINATOR),
        views=desk.store.people.saved_views(person.name),
        options={
            "state": _options([Choice(id=state, label=STATE_WORDS[state]) for state in RegistrationState], facets.states, asked, "state", none=""),
            "council": _options(words.councils, facets.councils, asked, "council", none="No council"),
            "activity": _options(words.activities, facets.activities, asked, "activity", none="Not said"),
            "session": _options(words.sessions, facets.sessions, asked, "session", none="None"),
            "theme": _options(words.themes, facets.themes, asked, "theme", none="None"),
        },
    )


def _total(total: int, asked: Asked) -> str:
    entries = "1 entry" if total == 1 else f"{total:,} entries"
    return f"{entries} found" if asked.narrowed else f"{entries} in all"


def _options(choices: Sequence[Choice], counted: Sequence[Facet], asked: Asked, key: str, *, none: str) -> list[tuple[str, str, str]]:
    """(value, label, count in words) of everything that may be chosen, in the programme's order; then what is registered and unknown to it."""
    counts = {facet.value: facet.count for facet in counted}
    options = [(choice.id, choice.label) for choice in choices]
    known = {choice.id for choice in choices}
    options += [(value, value) for value in (*counts, *asked.values.get(key, ())) if value not in known and value not in ("", NONE)]
    if none and ("" in counts or asked.has(key, NONE)):
        options.append((NONE, none))
    told = [(value, label, f"{counts.get('' if value == NONE else value, 0):,}") for value, label in dict(options).items()]
    return sorted(told, key=lambda option: not asked.has(key, option[0]))  # what is chosen comes first, so that it is in sight


def schools(request: Request) -> Response:
    """Schools and colleges that are registered, for the words typed so far."""
    desk: Desk = request.app.state.desk
    text = request.query_params.get("q", "")[:200]
    return JSONResponse([{"value": one.value, "label": one.value, "hint": f"{one.count:,}"} for one in desk.store.institutions_like(text, limit=12)])


def csv_file(request: Request) -> Response:
    return _file(request, "csv")


def xlsx_file(request: Request) -> Response:
    return _file(request, "xlsx")


def _file(request: Request, kind: str) -> Response:
    desk: Desk = request.app.state.desk
    asked = asked_of(request, desk.zone)
    if asked.problems:
        raise MailroomError(" ".join(asked.problems.values()))
    words, now = desk.office.words, desk.now()
    total = desk.store.find_registrations(asked.filter, asked.sort, Page(size=1)).total
    if kind == "xlsx" and total > MOST_ROWS:
        raise MailroomError(f"These are {total:,} entries, more than a spreadsheet takes; narrow the view, or take CSV.")
    # Before the first byte leaves: a download that is broken off has told something too.
    desk.store.people.noted(
        request.state.person.name, "register.exported", now, {"kind": kind, "count": total, "filter": asked.told(words), "columns": list(asked.columns)}
    )
    lines = desk.store.each_registration(asked.filter, asked.sort)
    pieces: Iterator[bytes] = (as_csv if kind == "csv" else as_xlsx)(lines, asked.columns, words, desk.zone)
    media = "text/csv; charset=utf-8" if kind == "csv" else "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    name = f"register-{local(now, desk.zone):%Y-%m-%d}.{kind}"
    return StreamingResponse(pieces, media_type=media, headers={"Content-Disposition": f'attachment; filename="{name}"'})


ROUTES = (
    page("/register", show, role=Role.VIEWER, name="register"),
    page("/register.csv", csv_file, role=Role.COORDINATOR, name="register_csv"),
    page("/register.xlsx", xlsx_file, role=Role.COORDINATOR, name="register_xlsx"),
    page("/register/schools", schools, role=Role.VIEWER, name="register_schools"),
)
