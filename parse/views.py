"""A parsed message as the texts that rules read: the subject, each zone, each attachment."""

from __future__ import annotations

from mailroom.model import ParsedMessage
from parse.textview import TextView

__all__ = ["views"]


def views(parsed: ParsedMessage) -> tuple[TextView, ...]:
    """In reading order: subject, zones of the body, attachments. ``TextView.where`` names which."""
    found = [TextView(parsed.subject, where="subject")] if parsed.subject.strip() else []
    found += [TextView(parsed.body, where=zone.kind, start=zone.start, end=zone.end) for zone in parsed.zones]
    found += [TextView(a.text, where=f"attachment:{a.filename}") for a in parsed.attachments if a.text.strip()]
    return tuple(found)
