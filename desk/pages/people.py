"""Logging in and out, one's own account, and for administrators: the accounts, and who looked at or changed what.

Promises. A refused login says the same whether the account exists, is disabled, or the password is wrong. Nobody
takes away their own role or account here, so that one administrator always remains. New accounts are made by the
command line (or by the provider that config.yaml names), where whoever makes one has the machine anyway.
"""

from __future__ import annotations

import math
import re
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from desk.pages.look import BY_LINK
from desk.passwords import checked
from desk.rendering import back_to, form_text, render
from desk.routing import Page, Role, page
from desk.security import Security, own_path
from desk.story import WHAT
from desk.words import STATE_WORDS
from mailroom.errors import MailroomError
from store import DeskSession, Event, Store

__all__ = ["ROUTES"]

ROLE_WORDS = {
    Role.VIEWER: "Viewer: looks, changes nothing",
    Role.COORDINATOR: "Coordinator: settles, corrects, answers",
    Role.ADMINISTRATOR: "Administrator: does that too, and sees to people",
}
PAGE = 100  # lines of the audit


def _store(request: Request) -> Store:
    store: Store = request.app.state.desk.store
    return store


def _security(request: Request) -> Security:
    security: Security = request.state.security
    return security


def _now(request: Request) -> datetime:
    now: datetime = request.app.state.desk.now()
    return now


# --- logging in and out


def show_login(request: Request) -> Response:
    wanted = own_path(request.query_params.get("next"))
    if request.state.person is not None:
        return RedirectResponse(wanted, status_code=303)
    return _login_page(request, wanted)


def _login_page(request: Request, wanted: str, *, status: int = 200, told: str = "", name: str = "") -> Response:
    provider = _security(request).settings.provider
    return render(
        request,
        "login.html",
        status=status,
        told=told,
        name=name,
        next=wanted,
        token=_security(request).login_form(request),
        provider=provider.shown if provider is not None else None,
        nobody=not _store(request).people.any() and provider is None,
    )


def log_in(request: Request) -> Response:
    security, people = _security(request), _store(request).people
    wanted, name, password = own_path(form_text(request, "next")), form_text(request, "name"), form_text(request, "password")
    account_throttle, address_throttle = security.throttles(request, name)
    wait = people.try_now([account_throttle, address_throttle], _now(request))
    if wait > timedelta():
        response = _login_page(request, wanted, status=429, told=f"There were too many attempts that failed. Try it again in {_in_words(wait)}.", name=name)
        response.headers["Retry-After"] = str(math.ceil(wait.total_seconds()))
        return response
    account = people.find(name)
    known = account.password if account is not None and account.disabled_at is None else None
    if not security.passwords.right(password, known) or account is None or known is None:
        return _login_page(request, wanted, status=401, told="That name and password do not belong together.", name=name)
    people.succeeded([account_throttle.key], give_back=[address_throttle.key])
    if (renewed := security.passwords.renewed(password, known)) is not None:
        people.rehash(account.name, known, renewed)
    security.sign_in(request, account, "password")
    return RedirectResponse(wanted, status_code=303)


def _in_words(wait: timedelta) -> str:
    seconds = math.ceil(wait.total_seconds())
    if seconds < 60:
        return f"{seconds} second{'s' if seconds != 1 else ''}"
    minutes = math.ceil(seconds / 60)
    return f"{minutes} minute{'s' if minutes != 1 else ''}"


def log_out(request: Request) -> Response:
    _security(request).sign_out(request)
    return RedirectResponse("/login", status_code=303)


def to_provider(request: Request) -> Response:
    """Off to the provider; what must come back with the answer is sealed into a cookie of ten minutes."""
    security = _security(request)
    provider = security.settings.provider
    if provider is None:
        raise HTTPException(404)
    begun = provider.begin(_callback(request))
    sealed = security.seal("provider", {**begun.kept, "next": own_path(request.query_params.get("next"))}, _now(request) + timedelta(minutes=10))
    security.set_cookie(request, "provider", sealed, 600)
    return RedirectResponse(begun.address, status_code=303)


def from_provider(request: Request) -> Response:
    """Back from it: the state is the one that this browser took along, and what it says of the person is signed."""
    security, people, now = _security(request), _store(request).people, _now(request)
    provider = security.settings.provider
    if provider is None:
        raise HTTPException(404)
    kept = security.unseal("provider", request.cookies.get(security.cookie(request.state.visit, "provider"), ""))
    security.set_cookie(request, "provider", "", 0)  # it serves once
    wanted = own_path(str(kept["next"])) if kept is not None else "/"
    if kept is None:
        return _login_page(request, wanted, status=401, told="That login was begun in another browser, or too long ago. Begin it again.")
    try:
        account = provider.finish(dict(request.query_params), kept, _callback(request), people, now)
    except MailroomError as error:
        return _login_page(request, wanted, status=401, told=str(error))
    security.sign_in(request, account, "provider")
    return RedirectResponse(wanted, status_code=303)


def _callback(request: Request) -> str:
    """Where the provider sends people back to: under desk.url, whatever name this request came under."""
    base = _security(request).settings.url.rstrip("/") or str(request.base_url).rstrip("/")
    return f"{base}/login/done"


# --- one's own account


def show_me(request: Request) -> Response:
    settings, person = _security(request).settings, request.state.person
    people = _store(request).people
    account = people.find(person.name)
    assert account is not None  # noqa: S101 - they are logged in with it
    sessions = people.sessions(person.name, _now(request), idle=settings.idle, longest=settings.longest)
    return render(
        request,
        "me.html",
        account=account,
        sessions=[{"id": one.id, "here": one.id == person.session, "made": one.made_at, "seen": one.seen_at, **_of(one)} for one in sessions],
        told="",
    )


def _of(session: DeskSession) -> dict[str, str]:
    return {"client": session.client, "browser": browser_words(session.browser), "way": "by password" if session.way == "password" else "by the provider"}


def change_password(request: Request) -> Response:
    security, people, person = _security(request), _store(request).people, request.state.person
    account = people.find(person.name)
    old, new, again = (form_text(request, field) for field in ("old", "new", "again"))
    throttles = security.throttles(request, person.name)  # a session left open on a table must not serve to guess the password
    if (wait := people.try_now(throttles, _now(request))) > timedelta():
        raise MailroomError(f"There were too many attempts that failed. Try it again in {_in_words(wait)}.")
    if account is None or account.password is None or not security.passwords.right(old, account.password):
        raise MailroomError("The old password is not right, so nothing was changed.")
    people.succeeded([throttles[0].key], give_back=[throttles[1].key])
    if new != again:
        raise MailroomError("The two new passwords differ, so nothing was changed.")
    ended = people.set_password(person.name, security.passwords.hash(checked(new, person.name)), _now(request), actor=person.name, keep_session=person.session)
    return back_to(request, "/me", "Your password is changed." + (f" You were logged out everywhere else ({ended})." if ended else ""))


def end_mine(request: Request) -> Response:
    people, person, now = _store(request).people, request.state.person, _now(request)
    which = form_text(request, "session")
    if which == "others":
        ended = people.end_sessions(person.name, now, actor=person.name, but=person.session)
        return back_to(request, "/me", f"You are logged out everywhere else ({ended}).")
    if not re.fullmatch(r"[0-9]{1,15}", which) or not people.end_session(int(which), now, actor=person.name, account=person.name):
        return back_to(request, "/me", "That one had ended already.")
    return back_to(request, "/me", "It is logged out there.")


# --- administrators


def show_people(request: Request) -> Response:
    settings, people = _security(request).settings, _store(request).people
    open_sessions = people.sessions(None, _now(request), idle=settings.idle, longest=settings.longest)
    rows = [
        {"account": account, "sessions": [_of(one) | {"seen": one.seen_at} for one in open_sessions if one.account == account.name]} for account in people.all()
    ]
    return render(request, "people.html", rows=rows, roles=[(str(role), words) for role, words in ROLE_WORDS.items()])


def change_person(request: Request) -> Response:
    """One of the buttons beside an account."""
    people, person, now = _store(request).people, request.state.person, _now(request)
    name, do = form_text(request, "person").strip().casefold(), form_text(request, "do")
    account = people.find(name)
    if account is None:
        raise MailroomError("There is no such account.")
    if name == person.name and do in ("role", "disable"):
        raise MailroomError("That is your own account: another administrator has to do that, so that one always remains.")
    if do == "role":
        wanted = form_text(request, "role")
        if wanted not in list(Role):
            raise MailroomError("There is no such role.")
        done = people.set_role(name, Role(wanted), now, actor=person.name)
        return back_to(request, "/people", f"{account.shown} is {_a(wanted)} now." if done else f"{account.shown} was {_a(wanted)} already.")
    if do == "disable":
        people.disable(name, now, actor=person.name)
        return back_to(request, "/people", f"{account.shown} cannot log in any more, and is logged out everywhere.")
    if do == "enable":
        people.enable(name, now, actor=person.name)
        return back_to(request, "/people", f"{account.shown} can log in again.")
    if do == "end":
        ended = people.end_sessions(name, now, actor=person.name, but=person.session if name == person.name else None)
        return back_to(request, "/people", f"{account.shown} is logged out ({ended}).")
    raise MailroomError("That cannot be done with an account.")


def _a(role: str) -> str:
    return f"an {role}" if role[0] in "aeiou" else f"a {role}"


def show_audit(request: Request) -> Response:
    """The history's lines by persons, newest first."""
    people, zone = _store(request).people, request.app.state.desk.zone
    asked = {name: request.query_params.get(name, "").strip() for name in ("person", "item", "from", "to", "kind", "before")}
    wrong = ""
    wanted: dict[str, Any] = {}
    if asked["person"]:
        wanted["person"] = asked["person"].casefold()
    if match := re.fullmatch(r"(?i)(?:(?P<what>message|reply)\s*)?#?\s*(?P<number>[0-9]{1,15})|(?P<registration>R-[A-Z2-7]{16})", asked["item"]):
        if match["registration"]:
            wanted["registration_id"] = match["registration"].upper()
        else:
            wanted["reply_id" if (match["what"] or "").casefold() == "reply" else "message_id"] = int(match["number"])
    elif asked["item"]:
        wrong = "An item is a registration's number (R-…), «message 12» or «reply 12»."
    for name, key, days in (("from", "since", 0), ("to", "until", 1)):
        if asked[name]:
            try:
                day = date.fromisoformat(asked[name]) + timedelta(days=days)
                wanted[key] = datetime(day.year, day.month, day.day, tzinfo=zone)
            except (ValueError, OverflowError):
                wrong = "A date is written like 2022-01-31."
    if asked["kind"] in ("looks", "changes"):
        wanted["looks"] = asked["kind"] == "looks"
    if re.fullmatch(r"[0-9]{1,15}", asked["before"]):
        wanted["before_id"] = int(asked["before"])
    lines = () if wrong else people.audit(limit=PAGE + 1, **wanted)
    shown = {account.name: account.shown for account in people.all()}
    older = ""
    if len(lines) > PAGE:
        older = "/audit?" + urlencode({**{k: v for k, v in asked.items() if v}, "before": lines[PAGE - 1].id})
    people.looked(request.state.person.name, "audit", _now(request), detail={k: v for k, v in asked.items() if v and k != "before"})
    return render(
        request,
        "audit.html",
        lines=[{"at": line.at, "who": shown.get(line.actor, line.actor), "did": event_words(line), "items": _items(line)} for line in lines[:PAGE]],
        asked=asked,
        wrong=wrong,
        older=older,
        by_link=BY_LINK,
        accounts=sorted(shown.items(), key=lambda one: one[1].casefold()),
    )


EVENT_WORDS = {
    **WHAT,
    "viewed": "Looked at",
    "register.exported": "Took the register away as a file",
    "wording.changed": "Changed the reply texts",
    "message.restored": "Undid what was done to the message",
    "registration.restored": "Undid what was done to the entry",
    "registration.took_over": "Took over another entry",
    "reply.restored": "Undid what was done to the answer",
    "breaker.tripped": "Stopped all answers: too many at once",
    "breaker.closed": "Let answers out again",
    "account.added": "Made an account",
    "account.role": "Changed a role",
    "account.renamed": "Changed a shown name",
    "account.email": "Changed an account's address",
    "account.bound": "Logged in by the provider for the first time",
    "account.password": "Changed a password",
    "account.disabled": "Disabled an account",
    "account.enabled": "Enabled an account",
    "desk.signed_in": "Logged in",
    "desk.signed_out": "Logged out",
    "desk.session_ended": "Logged out a session",
}
_LOOKED_AT = {
    "message": "a message",
    "registration": "an entry",
    "reply": "an answer",
    "today": "today's page",
    "register": "the register",
    "queue": "what needs somebody",
    "replies": "the replies",
    "remembered": "what is remembered",
    "texts": "the reply texts",
    "audit": "who looked at or changed what",
}


def event_words(line: Event) -> str:
    """What somebody did, in words; what changed follows, as short as can be."""
    did = EVENT_WORDS.get(line.event) or line.event.replace(".", " ").replace("_", " ").capitalize()
    after, before = dict(line.after or {}), dict(line.before or {})
    if line.event == "viewed":
        what = str(after.pop("what", ""))
        return f"{did} {_LOOKED_AT.get(what, what)}{_asked(after)}"
    if line.event == "register.exported":
        return f"{did}{_asked({key: value for key, value in after.items() if key != 'columns'})}"
    if "account" in after:
        changes = [f"{key}: {before.get(key) or 'none'} → {value or 'none'}" for key, value in after.items() if key in ("role", "shown", "email") and before]
        whose = f": {after['account']}" if after["account"] != line.actor else ""
        return f"{did}{whose}" + (f" ({'; '.join(changes)})" if changes else "")
    old, new = (str(state.get("state") or "") for state in (before, after))
    return did + (f" ({STATE_WORDS.get(old, old)} → {STATE_WORDS.get(new, new)})" if old and new and old != new else "")


def _asked(detail: dict[str, Any]) -> str:
    told = ", ".join(f"{key}: {value}" for key, value in detail.items() if value not in ("", None))
    return f" ({told})" if told else ""


def _items(line: Event) -> list[tuple[str, str]]:
    """What it was done to, each with its page."""
    parts = []
    if line.registration_id:
        parts.append((line.registration_id, f"/item/{line.registration_id}"))
    if line.message_id:
        parts.append((f"message {line.message_id}", f"/message/{line.message_id}"))
    if line.reply_id:
        parts.append((f"reply {line.reply_id}", f"/replies/{line.reply_id}"))
    return parts


_BROWSERS = (("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (
    ("Windows", "Windows"),
    ("iPhone", "an iPhone"),
    ("iPad", "an iPad"),
    ("Android", "Android"),
    ("Mac OS X", "a Mac"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def browser_words(agent: str) -> str:
    """«Firefox on Windows», for telling one's own sessions apart; never believed for anything else."""
    browser = next((word for sign, word in _BROWSERS if sign in agent), "A browser")
    system = next((word for sign, word in (*_SYSTEMS, ("Linux", "Linux")) if sign in agent), "")
    return f"{browser} on {system}" if system else browser


ROUTES: tuple[Page, ...] = (
    page("/login", show_login, role=None, name="login"),
    page("/login", log_in, role=None, name="log_in", methods=("POST",)),
    page("/login/provider", to_provider, role=None, name="to_provider"),
    page("/login/done", from_provider, role=None, name="from_provider"),
    page("/logout", log_out, role=Role.VIEWER, name="logout", methods=("POST",)),
    page("/me", show_me, role=Role.VIEWER, name="me"),
    page("/me/password", change_password, role=Role.VIEWER, name="change_password", methods=("POST",)),
    page("/me/sessions", end_mine, role=Role.VIEWER, name="end_mine", methods=("POST",)),
    page("/people", show_people, role=Role.ADMINISTRATOR, name="people"),
    page("/people", change_person, role=Role.ADMINISTRATOR, name="change_person", methods=("POST",)),
    page("/audit", show_audit, role=Role.ADMINISTRATOR, name="audit"),
)
