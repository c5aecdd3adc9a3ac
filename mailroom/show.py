"""What `status`, `explain` and `replies` print: plain words for a person, the same facts as JSON for machines.

Codes become sentences here and nowhere else (``mailroom.reasons``). Everything a member wrote is shown
with control characters taken out, so that no message can drive the terminal.
"""

from __future__ import annotations

import logging
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from mailroom.errors import MailroomError, Misconfigured
from mailroom.exporting import register_row
from mailroom.model import MessageState, ReplyState, Slot
from mailroom.oauth.expiry import expiries
from mailroom.ownmail import own_mail
from mailroom.printing import printable
from mailroom.reasons import REASONS

if TYPE_CHECKING:
    from pathlib import Path

    from mailroom.config import Config
    from mailroom.model import Reading
    from store import Breaker, Reply, Store

__all__ = [
    "PLACE_WORDS",
    "STATE_WORDS",
    "address_dicts",
    "breaker_dicts",
    "breaker_text",
    "explain_dict",
    "explain_file",
    "flagged",
    "message_words",
    "print_addresses",
    "print_breakers",
    "print_explain",
    "print_replies",
    "print_reply",
    "print_status",
    "reading_facts",
    "reason_text",
    "reply_dict",
    "reply_dicts",
    "reply_words",
    "status_dict",
    "table",
    "when",
]

log = logging.getLogger(__name__)

STATE_WORDS = {
    "waiting": "not read yet",
    "registered": "registered",
    "ask_member": "waiting for the member",
    "review": "waiting for a person",
    "withdrawn": "withdrawn",
    "merged": "merged into another",
    "dismissed": "not ours",
    "ignored": "ignored",
    "quarantined": "could not be read",
    "held": "held",
    "due": "due",
    "sending": "being sent",
    "unknown": "of unknown fate",
    "sent": "sent",
    "suppressed": "parked",
    "dead": "undeliverable",
}
ASKED = "asked for what is missing"  # a message goes on being that once the member has answered it; a registration does not
DONE = frozenset({"withdrawn", "only_thanks", "same_again", "settled_by_person"})  # nothing of these messages waits, and they register nobody
PLACE_WORDS = {"place": "has a place", "waiting": "waits for a place", "late": "asked too late"}
MOST_SHOWN = 4  # signs of one value; the strongest first
COLOURS = {
    Slot.INSTITUTION: "green",
    Slot.AUTHORITY: "cyan",
    Slot.ACTIVITY: "yellow",
    Slot.TOPIC: "magenta",
    Slot.SESSION: "blue",
    Slot.KIND: "white",
    Slot.QUESTION: "red",
}


def when(moment: datetime | str | None) -> str:
    """A date and time as the UK writes it."""
    if moment is None:
        return "never"
    moment = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return f"{moment:%d %b %Y, %H:%M}".lstrip("0") + (" UTC" if moment.utcoffset() is not None and not moment.utcoffset() else "")


def reason_text(code: str, detail: str = "") -> str:
    """The sentence of a reason code, with its detail where there is one."""
    sentence = REASONS.get(code, code.replace("_", " "))
    return f"{sentence} ({printable(detail)})" if detail else sentence


def message_words(state: str, reason: str) -> str:
    """The state of a message; «registered» only where it registers somebody."""
    if state == MessageState.ASK_MEMBER:
        return ASKED
    return "done" if state == MessageState.REGISTERED and reason in DONE else STATE_WORDS[state]


def table(headings: Sequence[str], rows: Iterable[Sequence[str]], *, title: str = "") -> None:
    """A table that fits the terminal; plain text where standard output is none."""
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table

    made = Table(*headings, title=title or None, title_justify="left", box=SIMPLE, pad_edge=False)
    for row in rows:
        made.add_row(*(_plain(printable(cell)) for cell in row))
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 150)
    console.print(made)


def _plain(text: str) -> Any:
    from rich.text import Text

    return Text(text)


# --- status


def status_dict(config: Config, store: Store) -> dict[str, Any]:
    facts = store.status()
    polls = {
        box.mailbox: {
            "messages": {str(state): count for state, count in box.messages.items()},
            "last_poll_at": box.poll and box.poll.last_poll_at.isoformat(),
            "last_success_at": box.poll and box.poll.last_success_at and box.poll.last_success_at.isoformat(),
            "last_error": box.poll.last_error if box.poll else "",
            "on_server": box.poll and box.poll.on_server,
            "unaccounted": box.poll and box.poll.unaccounted,
        }
        for box in facts.mailboxes
    }
    for mailbox in config.mailboxes:
        polls.setdefault(
            mailbox.name, {"messages": {}, "last_poll_at": None, "last_success_at": None, "last_error": "", "on_server": None, "unaccounted": None}
        )
    try:
        dated = list(expiries(config))
    except Misconfigured as error:  # a certificate that cannot be read is for `check` to tell; the figures are wanted all the same
        dated = []
        log.warning("%s", error)
    return {
        "mailboxes": polls,
        "registrations": {str(state): count for state, count in facts.registrations.items()},
        "replies": {str(state): count for state, count in facts.replies.items()},
        "mode": config.replies.mode,
        "sending": _sending_facts(config, store),
        "breakers": [_breaker_row(breaker) for breaker in facts.breakers],
        "undeliverable_addresses": facts.undeliverable,
        "expiries": [{"key": e.key, "what": e.what, "on": e.on.isoformat(), "days": e.days, "over": e.over, "near": e.near, "text": str(e)} for e in dated],
    }


def _sending_facts(config: Config, store: Store) -> dict[str, Any]:
    """How fast answers may go, how many went, and when the next may; copies that Sent still lacks."""
    from mailroom.assemble import make_pace

    pace, now = make_pace(config), datetime.now(UTC)
    free = pace.free_at(lambda nth: store.handed_over(nth, now))
    paced = free is not None and free > now and bool(store.due(now, limit=1))
    return {
        "per_minute": pace.per_minute,
        "per_day": pace.per_day,
        "handed_over_last_minute": store.handed_over_since(now - timedelta(minutes=1)),
        "handed_over_last_day": store.handed_over_since(now - timedelta(days=1)),
        "paced_until": free.isoformat() if paced and free is not None else None,
        "copies_waiting": store.copies_waiting(),
    }


def print_status(facts: Mapping[str, Any]) -> None:
    for breaker in facts["breakers"]:
        click.secho(f"ALARM: {breaker_text(breaker)}", fg="red", bold=True)
    for name, box in facts["mailboxes"].items():
        counts = ", ".join(f"{count} {message_words(state, '')}" for state, count in box["messages"].items() if count) or "no messages yet"
        click.echo(f"{name}: {counts}")
        click.echo(f"    last poll that went well: {when(box['last_success_at'])}" + (f"; last error: {box['last_error']}" if box["last_error"] else ""))
        if box["unaccounted"] is not None:
            click.echo(f"    closing balance of it: {box['on_server']} in the mailbox, {box['unaccounted']} unaccounted")
    if waiting := sum(box["messages"].get(state, 0) for box in facts["mailboxes"].values() for state in ("review", "quarantined")):
        click.echo(f"for you to look at: {waiting} {'message' if waiting == 1 else 'messages'}; «mailroom messages list» shows which, and why")
    click.echo("register: " + (", ".join(f"{count} {STATE_WORDS[state]}" for state, count in facts["registrations"].items() if count) or "empty"))
    click.echo("replies: " + (", ".join(f"{count} {STATE_WORDS[state]}" for state, count in facts["replies"].items() if count) or "none"))
    if count := facts["undeliverable_addresses"]:
        click.echo(f"{count} {'address takes' if count == 1 else 'addresses take'} no mail: «mailroom addresses list» shows which, and why")
    for expiry in facts["expiries"]:
        if expiry["near"]:
            click.echo(f"{'WRONG' if expiry['over'] else 'soon '} {expiry['text']}")
    sending = facts["sending"]
    if limits := [f"{sending[f'per_{unit}']} a {unit}" for unit in ("minute", "day") if sending[f"per_{unit}"] is not None]:
        went = f"{sending['handed_over_last_minute']} in the last minute, {sending['handed_over_last_day']} in the last day"
        held = f"; what is due waits, the next may go at {when(sending['paced_until'])}" if sending["paced_until"] else ""
        click.echo(f"sending: paced at {' and '.join(limits)}; {went}{held}")
    if sending["copies_waiting"]:
        click.echo(f"copies still to be put in Sent: {sending['copies_waiting']}")
    if facts["mode"] == "hold":
        click.echo("Answers are held (replies.mode: hold): look at them with «mailroom replies list», let them go with «mailroom replies release».")


# --- brakes


def _breaker_row(breaker: Breaker) -> dict[str, Any]:
    return {
        "scope": breaker.scope,
        "most": breaker.most,
        "tripped_at": breaker.tripped_at.isoformat(),
        "parked": breaker.parked,
        "closed_at": breaker.closed_at and breaker.closed_at.isoformat(),
        "closed_by": breaker.closed_by,
    }


def breaker_dicts(store: Store, since: datetime) -> list[dict[str, Any]]:
    return [_breaker_row(breaker) for breaker in store.breakers(since)]


def breaker_text(row: Mapping[str, Any]) -> str:
    """What happened, and what can be done, in one sentence each."""
    name = "all" if row["scope"] == "*" else row["scope"]
    to = "in all" if row["scope"] == "*" else f"to {printable(row['scope'])}"
    return (
        f"{row['most']} answers {to} within an hour: the breaker tripped at {when(row['tripped_at'])}, {row['parked']} are parked. "
        f"Look at them with «mailroom replies list»; «mailroom breakers close {printable(name)}» lets new ones out"
    )


def print_breakers(rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        click.echo("no breaker has tripped")
        return
    table(
        ("for", "limit an hour", "tripped", "closed", "by", "still parked"),
        (
            (
                "all mail" if r["scope"] == "*" else r["scope"],
                str(r["most"]),
                when(r["tripped_at"]),
                when(r["closed_at"]) if r["closed_at"] else "OPEN",
                r["closed_by"] or "",
                str(r["parked"]),
            )
            for r in rows
        ),
    )


def address_dicts(store: Store) -> list[dict[str, Any]]:
    return [
        {
            "address": one.address,
            "since": one.marked_at.isoformat(),
            "reason": one.reason,
            "status": one.status,
            "detail": one.detail,
            "reply": one.reply_id,
            "message": one.message_id,
            "registration": one.registration_id,
            "parked": one.parked,
        }
        for one in store.undeliverable()
    ]


def print_addresses(rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        click.echo("every address takes mail, as far as we know")
        return
    table(
        ("address", "since", "how it is known", "registration", "parked"),
        (
            (
                r["address"],
                when(r["since"]),
                f"{'the answer came back' if r['reason'] == 'bounced' else 'the server refused it'}: {r['detail'] or r['status'] or 'no reason given'}",
                r["registration"] or "",
                str(r["parked"]),
            )
            for r in rows
        ),
    )


def _reported(row: Mapping[str, Any]) -> str:
    """One line on a report that came in about an answer of ours."""
    why = ": " + printable(row["detail"] or row["status"]) if row["detail"] or row["status"] else ""
    return f"{when(row['at'])}, answer {row['reply']} to {printable(row['recipient'])}: {reason_text(row['effect'])}{why}"


# --- replies


def _reply_row(reply: Reply) -> dict[str, Any]:
    return {
        "id": reply.id,
        "state": str(reply.state),
        "reason": reply.reason,
        "recipient": reply.recipient,
        "subject": reply.subject,
        "purpose": reply.purpose,
        "template": reply.template,
        "message": reply.message_id,
        "registration": reply.registration_id,
        "message_id": reply.identifier,
        "attempts": reply.attempts,
        "last_error": reply.last_error,
        "created_at": reply.created_at.isoformat(),
        "next_attempt_at": reply.next_attempt_at and reply.next_attempt_at.isoformat(),
        "sent_at": reply.sent_at and reply.sent_at.isoformat(),
    }


def reply_dicts(store: Store, state: str | None) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    while page := store.replies(ReplyState(state) if state else None, limit=1000, offset=len(rows)):
        rows += [_reply_row(reply) for reply in page]
    return rows


def print_replies(rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        click.echo("no replies")
        return
    table(
        ("id", "state", "since", "to", "answer", "subject", "why"),
        ((str(r["id"]), STATE_WORDS[r["state"]], when(r["sent_at"] or r["created_at"]), r["recipient"], r["template"], r["subject"], _why(r)) for r in rows),
    )


def _why(row: Mapping[str, Any]) -> str:
    if row["last_error"] and row["reason"] not in ("bounced", "refused", "fate_unknown"):
        return str(row["last_error"])
    return reason_text(row["reason"], row["last_error"]) if row["reason"] else ""


def reply_words(state: str, reason: str) -> str:
    """The state of an answer, and why."""
    return STATE_WORDS[str(state)] + (f" ({reason_text(reason)})" if reason else "")


def reply_dict(store: Store, reply_id: int) -> dict[str, Any]:
    reply = store.reply(reply_id)
    if reply is None:
        raise MailroomError(f"there is no reply {reply_id}; «mailroom replies list» shows them")
    content = store.reply_content(reply_id) or b""
    mail = own_mail(content)
    return {
        **_reply_row(reply),
        "headers": dict(mail.headers),
        "text": mail.text,
        "attachments": [name for name, _ in mail.attached],
    }


def print_reply(facts: Mapping[str, Any]) -> None:
    click.echo(f"{STATE_WORDS[facts['state']]}{': ' + _why(facts) if _why(facts) else ''}\n")
    for name in ("From", "To", "Subject", "Date"):
        click.echo(f"{name}: {printable(facts['headers'].get(name, ''))}")
    for name in facts["attachments"]:
        click.echo(f"Attached: {name}")
    click.echo("\n" + printable(facts["text"]))


# --- explain


def explain_dict(config: Config, store: Store, which: str) -> dict[str, Any]:
    from mailroom.timeline import conversations_of

    record = store.message(which)
    if record is None:
        raise MailroomError(
            f"no message or registration «{which}»; give the number of «mailroom messages list», a registration's id, a Message-ID or the start of a sha256; "
            "for an address there is «mailroom register show»"
        )
    message = record.message
    facts: dict[str, Any] = {
        "id": message.id,
        "mailbox": message.mailbox,
        "sha256": message.sha256,
        "received_at": message.internal_date.isoformat(),
        "state": str(message.state),
        "reason": message.reason,
        "reason_detail": message.reason_detail,
        "attempts": message.attempts,
        "arrivals": [{"uidvalidity": a.uidvalidity, "uid": a.uid, "fetched_at": a.fetched_at.isoformat()} for a in record.arrivals],
        "registrations": [register_row(registration) for registration in record.registrations],
        "conversations": conversations_of(store, [registration.id for registration in record.registrations]),
        "replies": [_reply_row(reply) for reply in record.replies],
        "reports": [
            {
                "message": r.message_id,
                "reply": r.reply_id,
                "registration": r.registration_id,
                "recipient": r.recipient,
                "effect": r.effect,
                "action": r.action,
                "status": r.status,
                "detail": r.detail,
                "at": r.recorded_at.isoformat(),
            }
            for r in record.reports
        ],
        "history": [
            {"at": e.at.isoformat(), "event": e.event, "actor": e.actor, "rules_version": e.rules_version, "before": e.before, "after": e.after}
            for e in record.history
        ],
    }
    if record.readings:
        facts |= reading_facts(str(message.id), record.readings[-1].reading)
    return facts


def reading_facts(id: str, reading: Reading) -> dict[str, Any]:
    """What `explain` tells of a reading alone, with or without a store."""
    from parse.report import report

    parsed, sender = reading.parsed, reading.parsed.sender
    return {
        "reading": report(id, reading, zones=True),
        "rules": [{"rule": r.rule, "hit": r.hit} for r in reading.decision.rules],
        "because": [{"code": r.code, "detail": r.detail} for r in dict.fromkeys((*reading.decision.reasons, *reading.extraction.reasons))],
        "rules_version": reading.rules_version,
        "subject": parsed.subject,
        "body": parsed.body,
        "attachments": [{"filename": a.filename, "text": a.text} for a in parsed.attachments],
        "from": f"{sender.name} <{sender.address}>" if sender else "",
        "candidates": [
            {
                "field": str(c.slot),
                "value": c.value,
                "strength": c.strength,
                "chosen": c.chosen,
                "note": c.note,
                "where": c.evidence.where,
                "start": c.evidence.start,
                "end": c.evidence.end,
                "text": c.evidence.text,
                "rule": c.evidence.rule,
            }
            for c in reading.extraction.candidates
        ],
    }


def explain_file(path: str, *, schools: Sequence[str], programme: Path | None, config: Config | None) -> dict[str, Any]:
    """The same for a file, read now."""
    from mailroom.extracting import messages_in, open_reader

    name, content = next(messages_in([path]))
    return reading_facts(name, open_reader(schools=schools, programme=programme, config=config).read(content))


def print_explain(facts: Mapping[str, Any]) -> None:
    """Facts of ``explain_dict``, or of ``reading_facts`` alone where there is no store."""
    if "state" in facts:
        _print_place(facts)
    if "reading" in facts:
        _print_reading(facts)
    if "state" in facts:
        _print_after(facts)


def _print_place(facts: Mapping[str, Any]) -> None:
    click.secho(f"message {facts['id']} in {facts['mailbox']}, received {when(facts['received_at'])}", bold=True)
    click.echo(
        f"state: {message_words(facts['state'], facts['reason'])}" + (f": {reason_text(facts['reason'], facts['reason_detail'])}" if facts["reason"] else "")
    )


def _print_reading(facts: Mapping[str, Any]) -> None:
    reading = facts["reading"]
    click.echo(f"from: {printable(facts['from'])}\nsubject: {printable(facts['subject'])}\n")
    _print_body(facts)
    click.secho("\nunderstood", bold=True)
    for name in ("kind", "institutions", "authorities", "activities", "topics", "sessions", "missing"):
        value = reading[name]
        click.echo(f"  {name}: {printable('; '.join(value) if isinstance(value, list) else str(value)) or '-'}")
    click.secho("\nwhy (✓ chosen, · not)", bold=True)
    shown: Counter[tuple[str, str]] = Counter()
    for c in sorted(facts["candidates"], key=lambda c: (not c["chosen"], c["field"], -c["strength"])):
        of = (c["field"], c["value"] if c["chosen"] or c["note"] else "")  # what was not chosen, and has no reason of its own, counts together
        shown[of] += 1
        if shown[of] > MOST_SHOWN:
            continue
        mark, note = ("✓", "") if c["chosen"] else ("·", f"  [{reason_text(c['note'])}]" if c["note"] else "")
        text = " ".join(printable(c["text"]).split())
        text = text if len(text) <= 70 else text[:67] + "..."
        click.echo(f"  {mark} {c['field']}: {printable(c['value'])}  ← «{text}» in {c['where']}  ({c['rule']}, {c['strength']:.2f}){note}")
    if more := sum(max(0, count - MOST_SHOWN) for count in shown.values()):
        click.echo(f"    and {more} weaker signs (all of them with --json)")
    click.secho("\ndecision", bold=True)
    for rule in facts["rules"]:
        click.echo(f"  {'→' if rule['hit'] else ' '} {rule['rule']}")
    for reason in facts["because"]:
        click.echo(f"  because: {reason_text(reason['code'], reason['detail'])}")
        if reason["code"] == "stranger_in_conversation" and reason["detail"]:
            click.echo(f"      to see that conversation: mailroom register show {reason['detail']}")
            click.echo(f"      if it is the same person: mailroom register add-address {reason['detail']} ADDRESS")


def _print_after(facts: Mapping[str, Any]) -> None:
    from mailroom.timeline import print_conversation

    click.secho("\nreplies", bold=True)
    for reply in facts["replies"]:
        why = f" - {_why(reply)}" if _why(reply) else ""
        click.echo(f"  {reply['id']}: {reply['template']} to {printable(reply['recipient'])}: {STATE_WORDS[reply['state']]}{why}")
    if not facts["replies"]:
        click.echo("  none")
    if facts["reports"]:
        click.secho("\nreports that came in", bold=True)
        for report in facts["reports"]:
            click.echo(f"  {_reported(report)}")
    for conversation in facts["conversations"]:
        print_conversation(conversation, here=facts["id"], heading=f"conversation of registration {conversation['id']}")
    click.secho("\nhistory", bold=True)
    for event in facts["history"]:
        click.echo(f"  {when(event['at'])}  {event['event']}  by {event['actor']}")


def _print_body(facts: Mapping[str, Any]) -> None:
    """The body with each zone named in the margin and the chosen evidence in its field's colour."""
    chosen = [c for c in facts["candidates"] if c["chosen"] and c["where"] not in ("subject",) and ":" not in c["where"]]
    body = facts["body"]
    colour: dict[int, str] = {}
    for c in reversed(chosen):
        for index in range(c["start"], min(c["end"], len(body))):
            colour[index] = COLOURS[Slot(c["field"])]
    for zone in facts["reading"]["zones"]:
        click.secho(f"[{zone['kind']}]", dim=True)
        if zone["kind"] == "attachment":
            click.echo(printable(zone["text"]).rstrip())
            continue
        position, end, out = zone["start"], zone["end"], ""
        while position < end:
            shade, stop = colour.get(position), position
            while stop < end and colour.get(stop) == shade:
                stop += 1
            piece = printable(body[position:stop])
            out += click.style(piece, fg=shade, bold=True) if shade else piece
            position = stop
        click.echo(out.rstrip())


def flagged(store: Store, states: Iterable[MessageState]) -> list[Any]:
    """Every message in one of the states, oldest first."""
    found: list[Any] = []
    for state in states:
        before: int | None = None
        while page := store.messages(state=state, limit=500, before_id=before):
            found += page
            before = page[-1].id
    return sorted(found, key=lambda m: m.id)
