"""`mailroom explain --html`: one message as one page to read, keep or print.

The facts are those of ``mailroom.show``. The page stands alone: no script, nothing fetched, and a content
security policy that forbids both. Whatever a member or a machine wrote is escaped, control characters and
changes of writing direction are made visible, and no link of the message is one on the page. Each zone is
named beside its text. Evidence carries its field's name and number as well as its own colour and underline,
so that nothing depends on seeing colours; the number leads to the row that says which rule found it.

What it does badly: the page holds what the member wrote; whoever keeps it keeps personal data.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mailroom.model import Slot
from mailroom.printing import printable
from mailroom.show import STATE_WORDS, reason_text, when
from mailroom.timeline import conversation_page

if TYPE_CHECKING:
    from mailroom.config import Config

__all__ = ["page", "value_labels"]

# Background, underline and its form for each field; all backgrounds are light enough for black text.
_FIELDS = {
    Slot.INSTITUTION: ("#d5f0d9", "#1b5e20", "solid"),
    Slot.AUTHORITY: ("#d2effa", "#01579b", "double"),
    Slot.ACTIVITY: ("#fff0b8", "#7a4f01", "dashed"),
    Slot.TOPIC: ("#f6dcf7", "#6a1b7a", "dotted"),
    Slot.SESSION: ("#dfe3fb", "#283593", "wavy"),
    Slot.KIND: ("#ececec", "#424242", "solid"),
    Slot.QUESTION: ("#fde0dc", "#a1180c", "wavy"),
}
_ZONES = {
    "own": "own words",
    "inline_answer": "answer between quoted lines",
    "own_quote": "quote of our own mail",
    "quote": "quote of somebody else",
    "forwarded": "forwarded message",
    "signature": "signature",
    "banner": "banner of a gateway",
    "disclaimer": "disclaimer",
    "tagline": "line added by a device",
    "attachment": "attachment",
}
_UNDERSTOOD = ("kind", "outcome", "institutions", "authorities", "activities", "topics", "sessions", "missing")
_STYLE = (
    "body{font:16px/1.5 sans-serif;color:#1b1b1b;background:#fff;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "h1{font-size:1.4rem}h2{font-size:1.15rem;margin-top:2rem;border-bottom:1px solid #767676}"
    "table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.25rem .75rem .25rem 0;border-bottom:1px solid #ddd}"
    "td,.text{overflow-wrap:anywhere}.text{white-space:pre-wrap}.scroll{overflow-x:auto}"
    ".zone{border-left:4px solid #767676;padding-left:.75rem;margin:.75rem 0}.zone h3{font-size:.85rem;font-weight:normal;color:#595959;margin:0}"
    ".zone.own,.zone.inline_answer{border-left-color:#1b1b1b}.zone.quote,.zone.own_quote,.zone.forwarded{border-left-style:dashed}"
    "mark{color:#1b1b1b;text-decoration-line:underline;text-decoration-thickness:2px}"
    "mark a{font-size:.75rem;color:#1b1b1b;margin-right:.25rem}.hit{font-weight:bold}.lost td{color:#4a4a4a}"
    "@media print{body{max-width:none}mark{border:1px solid #767676}}"
    + "".join(f".{slot}{{background:{fill};text-decoration-color:{line};text-decoration-style:{form}}}" for slot, (fill, line, form) in _FIELDS.items())
)


def value_labels(programme: Path | None, config: Config | None) -> dict[str, str]:
    """Names of the programme's activities and sessions, by id."""
    from mailroom.config import data_folder
    from notify.facts import load_facts

    facts = load_facts(programme or (config.programme.folder if config else None) or data_folder() / "programme")
    return {activity.id: activity.label for activity in facts.activities} | {session.id: session.when for session in facts.sessions}


def _safe(value: Any) -> str:
    return escape(printable(str(value)))


def page(facts: Mapping[str, Any], labels: Mapping[str, str] | None = None) -> str:
    """The page for the facts of ``explain_dict``, or of ``reading_facts`` alone. ``labels``: names of ids (activities, sessions)."""
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    subject = str(facts.get("subject") or "message without subject")
    out = [
        '<!DOCTYPE html>\n<html lang="en-GB">\n<head>\n<meta charset="utf-8">',
        f"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'\">",
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="referrer" content="no-referrer">',
        f"<title>{_safe(subject)}: how it was read</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>",
        f"<h1>{_safe(subject)}</h1>",
        *_place(facts),
    ]
    if "reading" in facts:
        numbered = _numbered(facts["candidates"])
        out += _understood(facts, labels or {})
        out += _message(facts, numbered)
        out += _candidates(numbered, labels or {})
        out += _decision(facts)
    if "state" in facts:
        out += _replies(facts["replies"])
        for conversation in facts["conversations"]:
            out += conversation_page(conversation, here=facts["id"])
        out += _history(facts["history"])
    return "\n".join([*out, "</main>\n</body>\n</html>", ""])


def _table(headings: Sequence[str], rows: Iterable[str], *, caption: str) -> list[str]:
    head = "".join(f'<th scope="col">{heading}</th>' for heading in headings)
    return [f'<div class="scroll"><table aria-label="{caption}"><thead><tr>{head}</tr></thead><tbody>', *rows, "</tbody></table></div>"]


def _pairs(rows: Iterable[tuple[str, str]], *, caption: str) -> list[str]:
    return [f'<table aria-label="{caption}"><tbody>', *(f'<tr><th scope="row">{name}</th><td>{value}</td></tr>' for name, value in rows), "</tbody></table>"]


def _place(facts: Mapping[str, Any]) -> list[str]:
    rows = [("from", _safe(facts["from"]))] if "from" in facts else []
    if "state" in facts:
        state = STATE_WORDS[facts["state"]] + (f": {reason_text(facts['reason'], facts['reason_detail'])}" if facts["reason"] else "")
        rows += [
            ("message", f"{_safe(facts['id'])} in {_safe(facts['mailbox'])}"),
            ("received", _safe(when(facts["received_at"]))),
            ("state", _safe(state)),
        ]
    if "rules_version" in facts:
        rows.append(("read with rules", _safe(facts["rules_version"])))
    return _pairs(rows, caption="the message")


def _understood(facts: Mapping[str, Any], labels: Mapping[str, str]) -> list[str]:
    reading = facts["reading"]
    rows = []
    for name in _UNDERSTOOD:
        values = reading[name] if isinstance(reading[name], list) else [reading[name]]
        rows.append((name, "; ".join(_labelled(value, labels) for value in values) or "-"))
    return ["<h2>Understood</h2>", *_pairs(rows, caption="what was understood")]


def _labelled(value: str, labels: Mapping[str, str]) -> str:
    return f"{_safe(labels[value])} ({_safe(value)})" if value in labels else _safe(value.replace("_", " ") if value in STATE_WORDS else value)


# --- the text with its evidence

Numbered = Sequence[tuple[int, Mapping[str, Any]]]


def _numbered(candidates: Sequence[Mapping[str, Any]]) -> Numbered:
    """Chosen ones first, in reading order within each; the number is the row's and the mark's name."""
    return list(enumerate(sorted(candidates, key=lambda c: (not c["chosen"], c["field"], -c["strength"])), 1))


def _message(facts: Mapping[str, Any], numbered: Numbered) -> list[str]:
    chosen = [(number, c) for number, c in numbered if c["chosen"]]
    out = ["<h2>The message</h2>", '<section class="zone subject"><h3>subject</h3>']
    out.append(f'<div class="text">{_marked(facts["subject"], 0, len(facts["subject"]), [n for n in chosen if n[1]["where"] == "subject"])}</div></section>')
    zones = [zone for zone in facts["reading"]["zones"] if zone["kind"] != "attachment"]
    for zone in zones:
        here = [n for n in chosen if n[1]["where"] in _ZONES and n[1]["start"] < zone["end"] and n[1]["end"] > zone["start"]]
        out += _section(zone["kind"], _ZONES[zone["kind"]], _marked(facts["body"], zone["start"], zone["end"], here))
    for attachment in facts["attachments"]:
        here = [n for n in chosen if n[1]["where"] == f"attachment:{attachment['filename']}"]
        text = _marked(attachment["text"], 0, len(attachment["text"]), here) if attachment["text"] else "<em>nothing could be read of it</em>"
        out += _section("attachment", f"attachment {_safe(attachment['filename'])}", text)
    return out


def _section(kind: str, heading: str, text: str) -> list[str]:
    return [f'<section class="zone {kind}"><h3>{heading}</h3>', f'<div class="text" dir="auto">{text}</div></section>']


def _marked(source: str, start: int, end: int, evidence: Numbered) -> str:
    """``source[start:end]`` escaped, with the evidence in it marked; where several overlap, the one that began last gives the colour."""
    spans = [(max(c["start"], start), min(c["end"], end), number, c["field"]) for number, c in evidence if c["end"] > c["start"]]
    spans.sort(key=lambda span: (span[0], -span[1], span[2]))
    cuts = sorted({start, end, *(edge for span in spans for edge in span[:2])})
    out = []
    for left, right in pairwise(cuts):
        text = _safe(source[left:right])
        covering = [span for span in spans if span[0] <= left and span[1] >= right]
        if not covering:
            out.append(text)
            continue
        opened = "".join(f'<a href="#c{number}">{field} {number}</a>' for begin, _, number, field in covering if begin == left)
        out.append(f'<mark class="{covering[-1][3]}">{opened}{text}</mark>')
    return "".join(out)


# --- why


def _candidates(numbered: Numbered, labels: Mapping[str, str]) -> list[str]:
    out = []
    headings = ("no.", "field", "value", "words", "where", "rule", "strength")
    for heading, chosen in (("What was chosen, and by which rule", True), ("What was found and not chosen, and why", False)):
        rows = []
        for number, c in numbered:
            if c["chosen"] is not chosen:
                continue
            cells = [
                str(number),
                f'<span class="{c["field"]}">{c["field"]}</span>',
                _labelled(c["value"], labels),
                _safe(" ".join(c["text"].split())),
                _safe(c["where"].replace("_", " ")),
                f"<code>{_safe(c['rule'])}</code>",
                f"{c['strength']:.2f}",
            ]
            if not chosen:
                cells.append(_safe(reason_text(c["note"])) if c["note"] else "another value was stronger, or it was not strong enough")
            lost = "" if chosen else ' class="lost"'
            rows.append(f'<tr id="c{number}"{lost}>' + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
        out.append(f"<h2>{heading}</h2>")
        out += _table(headings if chosen else (*headings, "why not"), rows, caption=heading) if rows else ["<p>Nothing.</p>"]
    return out


def _decision(facts: Mapping[str, Any]) -> list[str]:
    out = ["<h2>Decision</h2>", "<ol>"]
    for rule in facts["rules"]:
        hit = ' class="hit"' if rule["hit"] else ""
        out.append(f"<li{hit}>{_safe(rule['rule'])}: {'held, and decided' if rule['hit'] else 'did not hold'}</li>")
    out.append("</ol>")
    if facts["because"]:
        out += ["<ul>", *(f"<li>{_safe(reason_text(reason['code'], reason['detail']))}</li>" for reason in facts["because"]), "</ul>"]
    return out


def _replies(replies: Sequence[Mapping[str, Any]]) -> list[str]:
    if not replies:
        return ["<h2>Replies</h2>", "<p>None.</p>"]
    rows = []
    for reply in replies:
        why = reply["last_error"] or (reason_text(reply["reason"]) if reply["reason"] else "")
        cells = (reply["id"], reply["template"], reply["recipient"], reply["subject"], STATE_WORDS[reply["state"]], why)
        rows.append("<tr>" + "".join(f"<td>{_safe(cell)}</td>" for cell in cells) + "</tr>")
    return ["<h2>Replies</h2>", *_table(("no.", "answer", "to", "subject", "state", "why"), rows, caption="replies")]


def _history(events: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = [f"<tr><td>{_safe(when(e['at']))}</td><td>{_safe(e['event'].replace('_', ' '))}</td><td>{_safe(e['actor'])}</td></tr>" for e in events]
    return ["<h2>History</h2>", *_table(("when", "what", "by"), rows, caption="history")]
