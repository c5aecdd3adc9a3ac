"""Today: what needs a person, what came in, and whether the mailboxes are healthy.

Both halves are live: they are asked for again every few seconds, and made again only when something happened.

What it does badly: the figures are several snapshots, so one may be a moment older than the next.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response

from desk.looks import viewed
from desk.pages import item_next
from desk.pages.live import EVERY, live
from desk.plots import Chart, Kind, Value, draw
from desk.rendering import fragment, render
from desk.routing import Role, page
from mailroom.model import MessageState
from store import MailboxHealth, Needs, NeedsKind, Page, Store

__all__ = ["KIND_WORDS", "ROUTES", "address_of", "needs_counts"]

DAYS = 60  # of the plot
SILENT = timedelta(minutes=30)  # without a good look at a mailbox, something is wrong
_LATEST = 50  # messages from which the delay is told
_DAY = timedelta(days=1)

# Each kind of need in the order in which it is told: what one is, what several are.
KIND_WORDS: dict[NeedsKind, tuple[str, str]] = {
    NeedsKind.REVIEW: ("message to look at", "messages to look at"),
    NeedsKind.REGISTRATION: ("entry to look at", "entries to look at"),
    NeedsKind.QUARANTINED: ("message that could not be read", "messages that could not be read"),
    NeedsKind.UNDELIVERABLE: ("address that mail does not reach", "addresses that mail does not reach"),
    NeedsKind.HELD: ("answer held for you", "answers held for you"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Health:
    """One mailbox, in words: each line says whether it is well."""

    mailbox: str
    well: bool
    lines: tuple[tuple[bool, str], ...]
    error: str = ""


def show(request: Request) -> Response:
    viewed(request, "today")
    now = _now(request)
    return render(request, "today.html", today=now.astimezone(_zone(request)), every=EVERY, **_needs(request), **_mail(request, now))


def needs_part(request: Request) -> Response:
    return live(request, lambda: fragment(request, "today_needs.html", **_needs(request)))


def mail_part(request: Request) -> Response:
    return live(request, lambda: fragment(request, "today_mail.html", **_mail(request, _now(request))))


def _needs(request: Request) -> dict[str, Any]:
    store = _store(request)
    counts = needs_counts(store)
    oldest = {kind: store.next_in_queue("", (kind,)) for kind, count in counts.items() if count}
    waits = [one for one in oldest.values() if one is not None]
    walked = [one for kind in item_next.WALKED for one in waits if one.kind == kind]  # in the order of the queue, where two wait alike
    first = min(walked, key=lambda one: one.since) if walked else next(iter(waits), None)
    return {
        "counts": counts,
        "total": sum(counts.values()),
        "oldest": {kind: one.since for kind, one in oldest.items() if one is not None},
        "kind_words": KIND_WORDS,
        "first": address_of(first) if first is not None else "",
        "breakers": store.breakers(),
    }


def needs_counts(store: Store) -> dict[NeedsKind, int]:
    """How many of each kind wait, in the order in which they are told."""
    counts = store.needs_you(page=Page(size=1)).counts
    return {kind: counts[kind] for kind in KIND_WORDS}


def address_of(need: Needs) -> str:
    """Where a line of the queue is settled."""
    if need.kind == NeedsKind.HELD:
        return f"/replies/{need.reply_id}"
    if need.kind == NeedsKind.UNDELIVERABLE:
        return f"/queue?kind={need.kind}#{need.place}"
    return item_next.address_of(need)


def _mail(request: Request, now: datetime) -> dict[str, Any]:
    store, zone = _store(request), _zone(request)
    midnight = datetime.combine(now.astimezone(zone).date(), time(), zone)
    today = store.today(midnight, now=now, zone=zone, days=DAYS)
    week = datetime.combine(midnight.date() - timedelta(days=6), time(), zone)
    delays = _delays(store, now)
    chart = _chart([(one.day, one.registrations) for one in today.days])
    return {
        "came": _came(today.days[-1:], today.days[-7:]),
        "sent": (store.handed_over_since(midnight), store.handed_over_since(week)),
        "health": tuple(_health(box, delays.get(box.mailbox), now, zone) for box in store.health()),
        "registered": store.find_registrations(page=Page(size=1)).total,
        "chart": chart,
        "plotted": sum(value.count or 0 for value in chart.values),
        "wide": draw(chart, width=900),
        "narrow": draw(chart, width=320),
    }


def _came(day: Sequence[Any], week: Sequence[Any]) -> tuple[tuple[str, int, int], ...]:
    """What came in, today and in seven days: in all, and by what became of it."""

    def counted(days: Sequence[Any], *states: MessageState) -> int:
        return sum(one.messages[state] for one in days for state in states)

    rows = (
        ("Messages in all", tuple(MessageState)),
        ("on the register, or dealt with", (MessageState.REGISTERED,)),
        ("waiting for the member", (MessageState.ASK_MEMBER,)),
        ("needing a person", (MessageState.REVIEW, MessageState.QUARANTINED)),
        ("with nothing to do", (MessageState.IGNORED,)),
        ("not read yet", (MessageState.WAITING,)),
    )
    return tuple((words, counted(day, *states), counted(week, *states)) for words, states in rows)


def _chart(days: Sequence[tuple[date, int]]) -> Chart:
    values = tuple(Value(label=f"{day:%a} {day.day} {day:%b %Y}", short=f"{day.day} {day:%b}", era=str(day.year), count=count) for day, count in days)
    return Chart(name="days", kind=Kind.COLUMNS, title="Registrations by day", of="Day", values=values)


def _health(box: MailboxHealth, delay: timedelta | None, now: datetime, zone: ZoneInfo) -> Health:
    poll = box.poll
    lines: list[tuple[bool, str]] = []
    good = poll.last_success_at
    if poll.last_error:
        lines.append((False, f"The last try, {_at(poll.last_poll_at, now, zone)}, did not go through. It is tried again by itself."))
    if good is None:
        lines.append((False, "It could not be opened yet."))
    elif now - max(good, poll.last_poll_at) > SILENT:
        lines.append((False, f"It was looked at last {_at(good, now, zone)}. Ask whoever runs mailroom here whether it is running."))
    else:
        lines.append((not poll.last_error, f"Looked at last {_at(good, now, zone)}."))
    if poll.unaccounted:
        there = f"{poll.unaccounted} of the {poll.on_server}" if poll.on_server is not None else str(poll.unaccounted)
        lines.append((False, f"{there} messages in it have not been taken in. Ask whoever runs mailroom here to look."))
    elif poll.on_server is not None:
        lines.append((True, _all_in(poll.on_server)))
    if box.waiting:
        since = f", the oldest since {_at(box.waiting_since, now, zone)}" if box.waiting_since is not None else ""
        late = box.waiting_since is not None and now - box.waiting_since > SILENT
        lines.append((not late, f"{box.waiting:,} {'message is' if box.waiting == 1 else 'messages are'} not read yet{since}."))
    if delay is not None:
        lines.append((delay < SILENT, f"New mail is taken in {_within(delay)} after it comes."))
    return Health(mailbox=box.mailbox, well=all(well for well, _ in lines), lines=tuple(lines), error=poll.last_error)


def _all_in(count: int) -> str:
    """The closing balance: what is in the mailbox is in the register's ledger too."""
    if count == 0:
        return "No message is left in it, and none is missing here."
    return "The one message in it is accounted for." if count == 1 else f"All {count:,} messages in it are accounted for."


def _delays(store: Store, now: datetime) -> dict[str, timedelta]:
    """How long the latest mail of each mailbox lay in it before it was taken in. Old mail that was moved in says nothing of it."""
    latest: defaultdict[str, list[float]] = defaultdict(list)
    for one in store.messages(limit=_LATEST):  # of all mailboxes: in the order of their numbers, which costs nothing
        if now - one.stored_at < _DAY and one.stored_at - one.internal_date < _DAY:
            latest[one.mailbox].append(max((one.stored_at - one.internal_date).total_seconds(), 0))
    return {mailbox: timedelta(seconds=median(seconds)) for mailbox, seconds in latest.items()}


def _within(delay: timedelta) -> str:
    seconds = round(delay.total_seconds())
    if seconds < 120:
        return f"about {max(seconds, 1)} {'second' if seconds <= 1 else 'seconds'}"
    return f"about {seconds // 60} minutes" if seconds < 7200 else f"about {seconds // 3600} hours"


def _at(moment: datetime, now: datetime, zone: ZoneInfo) -> str:
    """«at 14:05», «yesterday at 14:05», «on 18 January at 14:05»: the words do not age by the minute, as «3 minutes ago» does."""
    there, today = moment.astimezone(zone), now.astimezone(zone).date()
    if there.date() == today:
        return f"at {there:%H:%M}"
    if there.date() == today - timedelta(days=1):
        return f"yesterday at {there:%H:%M}"
    return f"on {there.day} {there:%B}{'' if there.year == today.year else there.strftime(' %Y')} at {there:%H:%M}"


def _store(request: Request) -> Store:
    store: Store = request.app.state.desk.store
    return store


def _zone(request: Request) -> ZoneInfo:
    zone: ZoneInfo = request.app.state.desk.zone
    return zone


def _now(request: Request) -> datetime:
    now: datetime = request.app.state.desk.now()
    return now


ROUTES = (
    page("/", show, role=Role.VIEWER, name="today"),
    page("/today/needs", needs_part, role=Role.VIEWER, name="today_needs"),
    page("/today/mail", mail_part, role=Role.VIEWER, name="today_mail"),
)
