"""What a school's name, initials, town or council finds, while one types: JSON for the input that suggests."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from desk.office import Place
from desk.routing import Role, page

__all__ = ["ROUTES"]


def suggest(request: Request) -> Response:
    query = request.query_params.get("q", "")[:200]
    found = request.app.state.desk.office.places(query, limit=12) if len(query.strip()) > 1 else ()
    rows = [{"value": place.name, "label": place.name, "hint": _hint(place), "sets": {"authority": place.council}} for place in found]
    return JSONResponse(rows, headers={"Cache-Control": "no-store"})


def _hint(place: Place) -> str:
    kind = "college" if place.kind == "college" else ""
    return ", ".join(part for part in (place.town, place.council, kind) if part)


ROUTES = (page("/places", suggest, role=Role.VIEWER, name="places"),)
