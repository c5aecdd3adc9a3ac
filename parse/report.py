"""A Reading as the JSON object that ``mailroom extract`` prints on a line."""

from __future__ import annotations

from typing import Any

from mailroom.model import Candidate, Reading, Slot

__all__ = ["report"]

_NAMES = {
    Slot.INSTITUTION: "institutions",
    Slot.AUTHORITY: "authorities",
    Slot.ACTIVITY: "activities",
    Slot.TOPIC: "topics",
    Slot.SESSION: "sessions",
    Slot.KIND: "kind",
    Slot.QUESTION: "question",
}


def report(id: str, reading: Reading, *, zones: bool = False) -> dict[str, Any]:
    """Keys as documented for ``extract``. Evidence of what was chosen stands first; the rest says ``"chosen": false``."""
    extraction, decision = reading.extraction, reading.decision
    candidates = sorted(extraction.candidates, key=lambda c: not c.chosen)  # stable: reading order within each
    found: dict[str, Any] = {
        "id": id,
        "kind": extraction.kind.value,
        "outcome": decision.outcome.value,
        "institutions": list(extraction.institutions),
        "authorities": list(extraction.authorities),
        "activities": list(extraction.activities),
        "topics": list(extraction.topics),
        "sessions": list(extraction.sessions),
        "missing": list(decision.missing),
        "evidence": [_evidence(candidate) for candidate in candidates],
        "reasons": list(dict.fromkeys(reason.code for reason in (*decision.reasons, *extraction.reasons))),
    }
    if zones:
        parsed = reading.parsed
        found["zones"] = [{"kind": z.kind.value, "start": z.start, "end": z.end, "text": parsed.body[z.start : z.end]} for z in parsed.zones]
        found["zones"] += [{"kind": "attachment", "start": 0, "end": len(a.text), "text": a.text} for a in parsed.attachments if a.text]
    return found


def _evidence(candidate: Candidate) -> dict[str, Any]:
    evidence = candidate.evidence
    found: dict[str, Any] = {
        "field": _NAMES[candidate.slot],
        "value": candidate.value,
        "where": str(evidence.where),
        "start": evidence.start,
        "end": evidence.end,
        "text": evidence.text,
        "rule": evidence.rule,
        "strength": candidate.strength,
    }
    if not candidate.chosen:
        found["chosen"] = False
        if candidate.note:
            found["note"] = candidate.note
    return found
