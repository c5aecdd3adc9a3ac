"""What corrections taught: the aliases that are remembered, to be tried, added and forgotten, and how the rules read what persons confirmed.

What is added by hand is tried on the latest messages before it is kept, as what a correction offers is.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from desk.looks import viewed
from desk.office import Offer
from desk.pages.undo import back
from desk.rendering import back_to, form_text, render
from desk.routing import Role, page
from mailroom.errors import MailroomError

__all__ = ["ROUTES"]

KIND_WORDS = {
    "institution": "A name of a school or college",
    "authority": "A name of a council area",
    "domain": "The end of a school's e-mail addresses",
    "activity": "Words for a way of taking part",
}
CASES_SHOWN = 50


def show(request: Request) -> Response:
    return _page(request, {}, "", status=200)


def _page(request: Request, typed: dict[str, str], wrong: str, *, status: int) -> Response:
    office = request.app.state.desk.office
    aliases, cases = office.aliases(), office.cases()
    viewed(request, "remembered")
    return render(
        request,
        "taught.html",
        status=status,
        aliases=[one for one in aliases if one.forgotten_at is None],
        forgotten=[one for one in aliases if one.forgotten_at is not None],
        cases=cases[:CASES_SHOWN],
        count=len(cases),
        wrong_cases=sum(bool(one.wrong) for one in cases),
        unmeasured=sum(one.wrong is None for one in cases),
        kinds=KIND_WORDS,
        typed=typed,
        wrong=wrong,
    )


def try_out(request: Request) -> Response:
    """What was typed, and what it would change, before it is kept."""
    typed = {name: " ".join(form_text(request, name).split()) for name in ("kind", "written", "means", "council")}
    if typed["kind"] not in KIND_WORDS:
        raise MailroomError("choose what it is a name of")
    if typed["kind"] == "activity":
        typed["means"] = form_text(request, "activity")
    if typed["kind"] == "authority":
        typed["means"], typed["council"] = typed["council"], ""
    if not typed["written"] or not typed["means"]:
        return _page(request, typed, "Say both: what members write, and what it means.", status=422)
    offer = Offer(written=typed["written"], means=typed["means"], council=typed["council"], kind=typed["kind"], stands_in=form_text(request, "stands_in"))
    try:
        trial = request.app.state.desk.office.try_out(offer, registration_id=None)
    except MailroomError as error:
        return _page(request, typed, str(error), status=422)
    return render(request, "taught_trial.html", offer=offer, trial=trial, kinds=KIND_WORDS)


def remember(request: Request) -> Response:
    offer = Offer(
        written=form_text(request, "written"),
        means=form_text(request, "means"),
        council=form_text(request, "council"),
        kind=form_text(request, "kind"),
        stands_in=form_text(request, "stands_in"),
    )
    done = request.app.state.desk.office.remember(offer, registration_id=None, who=request.state.person.name)
    return back_to(request, "/taught", done.said, alias=done.alias)


def forget(request: Request) -> Response:
    """By its button on the list, or by Undo where it was just remembered."""
    done = request.app.state.desk.office.forget(request.path_params["alias"], who=request.state.person.name)
    return back_to(request, back(request) if form_text(request, "back") else "/taught", done.said)


def measure(request: Request) -> Response:
    cases = request.app.state.desk.office.measure_cases()
    wrong = sum(bool(one.wrong) for one in cases)
    said = f"Read {len(cases)} {'case' if len(cases) == 1 else 'cases'} again: " + (f"{wrong} not as confirmed." if wrong else "all as confirmed.")
    return back_to(request, "/taught", said)


ROUTES = (
    page("/taught", show, role=Role.VIEWER, name="taught"),
    page("/taught/try", try_out, role=Role.COORDINATOR, name="try-alias", methods=("POST",)),
    page("/taught/remember", remember, role=Role.COORDINATOR, name="add-alias", methods=("POST",)),
    page("/taught/{alias:int}/forget", forget, role=Role.COORDINATOR, name="forget-alias", methods=("POST",)),
    page("/taught/measure", measure, role=Role.COORDINATOR, name="measure-cases", methods=("POST",)),
)
