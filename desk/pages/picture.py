"""The register as plots that a committee may be shown: by week, by council, on the map, by activity, session and topic.

The choice is that of the register and stands in the address. Each plot is there as a table too, and as a picture of its
own (SVG, PNG) that says what it counts and where that comes from.

Promise: with «hide counts below 5» neither a plot, nor its table, nor a downloaded picture tells one, nor a topic that
fewer than five wrote.

What it does badly: whoever publishes two pictures of different choices publishes their difference as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from desk.filtering import NONE, Asked, asked_of
from desk.office import Choice, Words
from desk.plots import FEW, Chart, Frame, Kind, Value, disclosed, draw, png
from desk.rendering import render
from desk.routing import Role, page
from desk.words import STATE_WORDS
from store import Facet, Picture, RegistrationState, Store
from store.types import OFF_THE_REGISTER

__all__ = ["ROUTES"]

TOPICS = 20
MANY_WEEKS = 156  # beyond it the columns are months
WIDE, NARROW, ALONE = 640, 320, 960  # in a panel, on a telephone, as a picture of its own
_SEVERAL = "One entry may count in several."


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """A chart in the page: drawn for both widths, and for each value of its table the way to its entries."""

    chart: Chart
    wide: str
    narrow: str
    links: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawing:
    """All that one choice gives."""

    asked: Asked
    hide: bool
    total: str
    charts: tuple[Chart, ...]
    lines: tuple[str, ...]
    source: str


def show(request: Request) -> Response:
    desk = request.app.state.desk
    drawing = _drawing(request)
    asked, query = drawing.asked, _query(drawing)
    charts = [
        Shown(
            chart=chart,
            wide=draw(chart, width=WIDE * 2 if chart.kind == Kind.COLUMNS else WIDE),
            narrow=draw(chart, width=NARROW),
            links=tuple(_link(asked, chart.name, value) for value in chart.values),
        )
        for chart in drawing.charts
    ]
    kept = [(key, value) for key, value in asked.narrowing() if key not in ("state", "from", "to")]
    return render(
        request,
        "picture.html",
        status=422 if asked.problems else 200,
        drawing=drawing,
        charts=charts,
        asked=asked,
        kept=kept,
        query=f"?{query}" if query else "",
        chips=asked.chips("/picture", desk.office.words),
        states=[(state, STATE_WORDS[state]) for state in RegistrationState if state not in OFF_THE_REGISTER],
        few=FEW,
    )


def as_svg(request: Request) -> Response:
    chart, picture = _alone(request)
    return _download(request, chart, str(picture).encode(), "svg", "image/svg+xml")


def as_png(request: Request) -> Response:
    chart, picture = _alone(request)
    return _download(request, chart, png(str(picture)), "png", "image/png")


def _alone(request: Request) -> tuple[Chart, str]:
    drawing = _drawing(request)
    if drawing.asked.problems:
        raise HTTPException(422)
    chart = next((chart for chart in drawing.charts if chart.name == request.path_params["name"]), None)
    if chart is None:
        raise HTTPException(404)
    return chart, draw(chart, width=ALONE, frame=Frame(lines=drawing.lines, source=drawing.source))


def _download(request: Request, chart: Chart, content: bytes, ending: str, kind: str) -> Response:
    desk = request.app.state.desk
    day = desk.now().astimezone(desk.zone).date()
    return Response(content, media_type=kind, headers={"Content-Disposition": f'attachment; filename="registrations-{chart.name}-{day}.{ending}"'})


def _drawing(request: Request) -> Drawing:
    desk = request.app.state.desk
    store: Store = desk.store
    words: Words = desk.office.words
    asked = asked_of(request, desk.zone)
    hide = request.query_params.get("small") == "hide"
    if asked.problems:
        return Drawing(asked=asked, hide=hide, total="", charts=(), lines=(), source="")
    picture = store.picture(asked.filter, zone=desk.zone)
    charts = tuple(_hiding(chart) if hide else chart for chart in _charts(picture, words))
    total = (
        f"under {FEW} registrations" if hide and 0 < picture.total < FEW else f"{picture.total:,} {'registration' if picture.total == 1 else 'registrations'}"
    )
    now: datetime = desk.now().astimezone(desk.zone)
    return Drawing(
        asked=asked,
        hide=hide,
        total=total,
        charts=charts,
        lines=tuple(_lines(picture, asked, words, total, now.date(), hide=hide)),
        source=f"Source: the register of the {words.programme}, {_long(now.date())}, {now:%H:%M}.",
    )


def _lines(picture: Picture, asked: Asked, words: Words, total: str, today: date, *, hide: bool) -> Iterable[str]:
    """What is counted, as the picture tells it."""
    if picture.weeks:
        first, last = picture.weeks[0][0], min(picture.weeks[-1][0] + timedelta(days=6), today)
        yield f"{total[0].upper()}{total[1:]} in the weeks from {_long(first)} to {_long(max(first, last))}."
    else:
        yield f"{total[0].upper()}{total[1:]}."
    yield f"{_told(asked, words)}." if asked.narrowed else "Everybody who registered, also who has withdrawn or still has to tell something."
    if hide:
        yield f"Counts below {FEW} are hidden, and others where they could be worked out."


def _told(asked: Asked, words: Words) -> str:
    """The choice in words: what is chosen of one kind is an alternative."""
    labelled = zip((key for key, _ in asked.narrowing()), (chip.label for chip in asked.chips("/picture", words)), strict=True)
    return "; ".join(" or ".join(label for _, label in group) for _, group in groupby(labelled, key=lambda pair: pair[0]))


def _charts(picture: Picture, words: Words) -> Iterable[Chart]:
    councils = _values(picture.councils, {choice.id: choice.label for choice in words.councils}, "No council, or not known yet")
    yield _weeks(picture.weeks)
    yield Chart(name="councils", kind=Kind.BARS, title="Registrations by council", of="Council", values=councils)
    if words.tiles:
        yield _map(councils, words)
    yield Chart(
        name="activities",
        kind=Kind.BARS,
        title="Registrations by kind of activity",
        of="Taking part as",
        values=_values(picture.activities, _labels(words.activities), "Not known yet"),
        note=_SEVERAL,
    )
    dates = [choice.id for choice in words.sessions]
    sessions = sorted(picture.sessions, key=lambda facet: dates.index(facet.value) if facet.value in dates else len(dates))  # in their own order
    yield Chart(
        name="sessions",
        kind=Kind.BARS,
        title="Registrations by training session",
        of="Training session",
        values=_values(sessions, _labels(words.sessions), "None asked for"),
        note=_SEVERAL,
    )
    yield Chart(
        name="themes",
        kind=Kind.BARS,
        title="Registrations by theme of their topic",
        of="Theme",
        values=_values(picture.themes, _labels(words.themes), "No theme known"),
        note=_SEVERAL,
    )
    yield Chart(
        name="topics",
        kind=Kind.BARS,
        title="The commonest topics",
        of="Topic, as members wrote it",
        values=tuple(value for value in _values(picture.topics, {}, "") if value.key)[:TOPICS],
        note="Topics as members wrote them; the rarest are left out.",
    )


def _labels(choices: Sequence[Choice]) -> Mapping[str, str]:
    return {choice.id: choice.label for choice in choices}


def _values(facets: Sequence[Facet], labels: Mapping[str, str], none: str) -> tuple[Value, ...]:
    """The commonest first, and those that have none last."""
    ordered = sorted(facets, key=lambda facet: facet.value == "")
    return tuple(Value(label=labels.get(facet.value, facet.value) if facet.value else none, key=facet.value, count=facet.count) for facet in ordered)


def _weeks(weeks: Sequence[tuple[date, int]]) -> Chart:
    if len(weeks) <= MANY_WEEKS:
        values = tuple(
            Value(label=f"Week of {_long(day)}", key=day.isoformat(), short=f"{day.day} {day:%b}", era=str(day.year), count=count) for day, count in weeks
        )
        return Chart(name="weeks", kind=Kind.COLUMNS, title="Registrations by week", of="Week", values=values)
    months = []
    for (year, month), group in groupby(weeks, key=lambda week: (week[0].year, week[0].month)):
        first, count = date(year, month, 1), sum(count for _, count in group)
        months.append(Value(label=f"{first:%B} {year}", short=f"{first:%b}", era=str(year), count=count))
    note = "Each week counts in the month in which it begins."
    return Chart(name="weeks", kind=Kind.COLUMNS, title="Registrations by month", of="Month", values=tuple(months), note=note)


def _map(councils: Sequence[Value], words: Words) -> Chart:
    """Every council of the map, also those that nobody comes from."""
    known = {value.key: value for value in councils}
    tiles = {tile.council: tile for tile in words.tiles}
    labels = _labels(words.councils)
    values = (*(known.get(name, Value(label=labels.get(name, name), key=name, count=0)) for name in tiles), *(v for v in councils if v.key not in tiles))
    return Chart(
        name="map", kind=Kind.TILES, title="Registrations across the councils", of="Council", values=values, tiles=tiles, note=_off_the_map(values, tiles)
    )


def _off_the_map(values: Iterable[Value], tiles: Mapping[str, Any]) -> str:
    off = [f"{value.label.lower() if not value.key else value.label}: {value.shown}" for value in values if value.key not in tiles and value.count != 0]
    return f"Not on the map: {'; '.join(off)}." if off else ""


def _hiding(chart: Chart) -> Chart:
    """The chart for publishing."""
    values = disclosed(chart.values)
    note = chart.note
    if chart.name == "topics":  # a topic that few wrote may tell who they are
        values = tuple(value for value in values if value.count is not None)
    if chart.kind == Kind.TILES:
        note = _off_the_map(values, chart.tiles)
    return Chart(name=chart.name, kind=chart.kind, title=chart.title, of=chart.of, values=values, note=note, tiles=chart.tiles)


def _query(drawing: Drawing) -> str:
    return "&".join(filter(None, (drawing.asked.query(sort="", col=""), "small=hide" if drawing.hide else "")))


_LINKS: Mapping[str, str] = {"councils": "council", "map": "council", "activities": "activity", "sessions": "session", "themes": "theme"}


def _link(asked: Asked, chart: str, value: Value) -> str:
    """The register's view of what a value counts; "" where it has none."""
    if chart in _LINKS and value.count:
        return asked.address("/register", **{_LINKS[chart]: value.key or NONE, "after": "", "before": ""})
    if chart == "weeks" and value.key and value.count:
        first = date.fromisoformat(value.key)
        return asked.address("/register", **{"from": value.key, "to": (first + timedelta(days=6)).isoformat()})
    return ""


def _long(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def _routes() -> Iterable[Any]:
    endings: tuple[tuple[str, Callable[[Request], Response]], ...] = (("svg", as_svg), ("png", as_png))
    yield page("/picture", show, role=Role.VIEWER, name="picture")
    for ending, handler in endings:
        yield page(f"/picture/{{name}}.{ending}", handler, role=Role.VIEWER, name=f"picture_{ending}")


ROUTES = tuple(_routes())
