"""One message as a page shows it: the member's own words open, everything else folded under a line that says what it is.

Nothing is left out: what a rule did not take for the member's words stands behind a line that opens it, and is open
already where a value rests on it. A message that could not be read is shown as far as its bytes can be.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup, escape

from desk.attachments import Part, html_text, parts, plain_text
from desk.evidence import Mark, marked
from desk.words import KIND_WORDS, ZONE_WORDS, reason_words
from mailroom.model import MessageState, Reading, ZoneKind
from mailroom.printing import printable
from store import MessageRecord, MessageSummary

__all__ = ["AttachedText", "LetterView", "Section", "letter_view", "reasons_of"]

OPEN = (ZoneKind.OWN, ZoneKind.INLINE_ANSWER)
WAITS = (MessageState.REVIEW, MessageState.QUARANTINED)


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """A stretch of the message. ``folded`` ones stand behind ``label``, which also says how much there is."""

    label: str
    folded: bool
    open: bool
    text: Markup


@dataclass(frozen=True, kw_only=True, slots=True)
class AttachedText:
    """What was read in an attachment."""

    name: str
    open: bool
    text: Markup


@dataclass(frozen=True, kw_only=True, slots=True)
class LetterView:
    id: int
    state: str
    waits: bool  # for a person
    received_at: datetime
    sender_name: str
    sender_address: str
    reply_to: tuple[str, ...]  # where that is another address
    recipients: tuple[str, ...]
    sent_at: datetime | None
    subject: Markup
    plain_subject: str
    kind: str
    sections: tuple[Section, ...]
    attachments: tuple[Part, ...]
    texts: tuple[AttachedText, ...]
    has_html: bool
    too_large: bool
    reasons: tuple[str, ...]
    defects: tuple[str, ...]


def reasons_of(message: MessageSummary, reading: Reading | None) -> tuple[str, ...]:
    """Why the message is where it is, in sentences, what decided it first."""
    found = [reason_words(message.reason, message.reason_detail if message.state is MessageState.QUARANTINED else "")] if message.reason else []
    if reading is not None and message.state is not MessageState.QUARANTINED:
        found += [reason_words(reason.code) for reason in reading.decision.reasons]
    return tuple(dict.fromkeys(found))


def letter_view(record: MessageRecord, marks: Sequence[Mark]) -> LetterView:
    """The message of ``record`` as it was read last, with ``marks``."""
    message, content = record.message, record.content
    reading = record.readings[-1].reading if record.readings else None
    parsed = reading.parsed if reading is not None else None
    sections: tuple[Section, ...] = ()
    if parsed is not None:
        sections = tuple(_sections(reading, marks)) if reading is not None else ()
    elif content is not None:
        text = plain_text(content)
        sections = (Section(label="", folded=False, open=True, text=escape(printable(text))),) if text.strip() else ()
    subject = parsed.subject if parsed is not None else message.subject or ""
    sender = parsed.sender.address if parsed is not None and parsed.sender is not None else message.sender_address or ""
    look = content is not None and (parsed is None or bool(parsed.attachments) or len(parsed.content_types) > 1)
    return LetterView(
        id=message.id,
        state=str(message.state),
        waits=message.state in WAITS,
        received_at=message.internal_date,
        sender_name=(parsed.sender.name if parsed is not None and parsed.sender is not None else message.sender_name) or "",
        sender_address=sender,
        reply_to=tuple(one.address for one in parsed.reply_to if one.address.casefold() != sender.casefold()) if parsed is not None else (),
        recipients=tuple(one.address for one in parsed.recipients[:10]) if parsed is not None else (),
        sent_at=parsed.sent_at if parsed is not None else None,
        subject=marked(subject, 0, len(subject), [mark for mark in marks if mark.where == "subject"]),
        plain_subject=subject,
        kind=KIND_WORDS.get(message.kind or "", ""),
        sections=sections,
        attachments=parts(content) if look and content is not None else (),
        texts=tuple(_attached(reading, marks)) if reading is not None else (),
        has_html=content is not None and ("text/html" in parsed.content_types if parsed is not None else html_text(content) is not None),
        too_large=content is None,
        reasons=reasons_of(message, reading),
        defects=tuple(reason_words(code) for code in parsed.defects) if parsed is not None else (),
    )


def _sections(reading: Reading, marks: Sequence[Mark]) -> Iterable[Section]:
    parsed = reading.parsed
    in_body = [mark for mark in marks if mark.where != "subject" and ":" not in mark.where]
    for zone in parsed.zones:
        if zone.kind is ZoneKind.ATTACHMENT:
            continue
        start, end = _trimmed(parsed.body, zone.start, zone.end)
        if start == end:
            continue
        here = [mark for mark in in_body if mark.start < end and mark.end > start]
        folded = zone.kind not in OPEN
        lines = parsed.body.count("\n", start, end) + 1
        label = ZONE_WORDS.get(str(zone.kind), "") + (f" ({lines} line{'s' if lines > 1 else ''})" if folded else "")
        if zone.kind is ZoneKind.OWN:
            label = ""
        yield Section(label=label, folded=folded, open=any(mark.chosen for mark in here), text=marked(parsed.body, start, end, here))


def _trimmed(body: str, start: int, end: int) -> tuple[int, int]:
    """Without the empty lines around it; what indents its first line stays."""
    while start < end and body[start:end].lstrip(" \t").startswith(("\n", "\r")):
        start = body.index("\n", start) + 1 if "\n" in body[start:end] else end
    while end > start and body[end - 1].isspace():
        end -= 1
    return start, end


def _attached(reading: Reading, marks: Sequence[Mark]) -> Iterable[AttachedText]:
    for attachment in reading.parsed.attachments:
        if attachment.text.strip():
            here = [mark for mark in marks if mark.where == f"attachment:{attachment.filename}"]
            yield AttachedText(
                name=printable(attachment.filename),
                open=any(mark.chosen for mark in here),
                text=marked(attachment.text, 0, len(attachment.text), here),
            )
