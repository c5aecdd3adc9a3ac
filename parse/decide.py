"""From what was read to what is to be done: one table, read from top to bottom.

Each row has an id, a test and an outcome. The first row that holds decides; every row that was tried is
recorded in the Decision, so that each decision explains itself. The loop knows no row by name.

What counts as sure enough, and which reasons always need a person, is programme data
(``decision.yaml``): a value below its threshold is treated as not known, so that doubt asks and never
registers.

Promise: pure; the same Extraction gives the same Decision.

What it does badly: it looks at one message. What a conversation already knows is joined elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mailroom.errors import ProgrammeError
from mailroom.model import Decision, Extraction, Kind, Outcome, Reason, RuleHit, Slot
from parse.rulefile import load_yaml

__all__ = ["TABLE", "Facts", "Policy", "Row", "decide", "load_policy"]

REQUIRED = (Slot.INSTITUTION, Slot.AUTHORITY, Slot.ACTIVITY)
MACHINES = {"automatic_reply", "delivery_report", "bulk_mail", "spam"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """``accept``: the strength a field's value needs; ``review``: reasons that need a person; ``ask``: reasons that leave a field open;
    ``reads_like_review``: the share from which a complete letter goes to a person for its words (parse/reviewwords.py)."""

    accept: Mapping[str, float]
    review: frozenset[str]
    ask: Mapping[str, tuple[str, ...]]
    reads_like_review: float = 1.0


def load_policy(folder: Path) -> Policy:
    """Read ``folder/decision.yaml``. Raises ProgrammeError."""
    data = load_yaml(folder / "decision.yaml")
    line = data.get("__line__", 1)
    for key in data.keys() - {"accept", "review", "ask", "reads_like_review", "__line__"}:
        raise ProgrammeError("decision.yaml", line, f"unknown key «{key}»")
    for key in ("accept", "ask"):
        if not isinstance(data.get(key) or {}, dict):
            raise ProgrammeError("decision.yaml", line, f"«{key}» should be a mapping of fields")
    accept: dict[str, float] = {}
    for slot in REQUIRED:
        block = data.get("accept") or {}
        accept[slot.value] = _share(block.get(slot.value), f"accept: {slot.value}", block.get("__line__", line))
    review = data.get("review") or []
    asked = {key: value for key, value in (data.get("ask") or {}).items() if key != "__line__"}
    for codes in (review, *asked.values()):
        if not isinstance(codes, list) or not all(isinstance(code, str) for code in codes):
            raise ProgrammeError("decision.yaml", line, "«review» and each list under «ask» should hold reason codes")
    for key in asked:
        if key not in accept:
            raise ProgrammeError("decision.yaml", line, f"«ask: {key}» is none of {', '.join(accept)}")
    return Policy(
        accept=accept,
        review=frozenset(review),
        ask={key: tuple(codes) for key, codes in asked.items()},
        reads_like_review=_share(data.get("reads_like_review", 1.0), "reads_like_review", line),
    )


def _share(value: object, key: str, line: int) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ProgrammeError("decision.yaml", line, f"«{key}» should be a number from 0 to 1")
    return float(value)


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rows look at."""

    extraction: Extraction
    codes: frozenset[str]
    missing: tuple[str, ...]
    doubts: tuple[Reason, ...]
    policy: Policy


@dataclass(frozen=True, slots=True)
class Row:
    id: str
    when: Callable[[Facts], bool]
    outcome: Outcome


def _is(*kinds: Kind) -> Callable[[Facts], bool]:
    return lambda facts: facts.extraction.kind in kinds


def _says(*codes: str) -> Callable[[Facts], bool]:
    return lambda facts: bool(facts.codes & set(codes))


TABLE: tuple[Row, ...] = (
    # Machines are stored and never answered.
    Row("bounce", _is(Kind.BOUNCE), Outcome.IGNORE),
    Row("automatic-reply", _is(Kind.AUTO_REPLY), Outcome.IGNORE),
    Row("bulk-or-spam", _says("bulk_mail", "spam"), Outcome.IGNORE),
    # A person wrote: whatever is not plainly a registration, a person reads.
    Row("perhaps-a-machine", _says("perhaps_automatic"), Outcome.REVIEW),
    Row("complaint-safeguarding-or-data", _says("complaint", "safeguarding", "data_request"), Outcome.REVIEW),
    Row("unrelated", _is(Kind.UNRELATED), Outcome.REVIEW),
    Row("withdrawal", _is(Kind.WITHDRAWAL), Outcome.REVIEW),
    Row("perhaps-withdraws", _says("withdraws"), Outcome.REVIEW),
    Row("enquiry", _is(Kind.ENQUIRY), Outcome.REVIEW),
    Row("on-behalf-or-forwarded", _says("on_behalf", "forwarded"), Outcome.REVIEW),
    Row("question", lambda facts: facts.extraction.asks_question, Outcome.REVIEW),
    Row("contradiction", lambda facts: bool(facts.codes & facts.policy.review), Outcome.REVIEW),
    # Somebody wants to take part: all known, or asked for exactly what is not.
    Row("something-missing", lambda facts: bool(facts.missing), Outcome.ASK_MEMBER),
    Row("reads-like-review", _says("reads_like_review"), Outcome.REVIEW),
    Row("complete", lambda facts: True, Outcome.REGISTERED),
)


def decide(extraction: Extraction, policy: Policy) -> Decision:
    """The first row of TABLE that holds."""
    missing, doubts = _missing(extraction, policy)
    facts = Facts(extraction, frozenset(reason.code for reason in extraction.reasons), missing, doubts, policy)
    tried: list[RuleHit] = []
    for row in TABLE:
        hit = row.when(facts)
        tried.append(RuleHit(rule=row.id, hit=hit))
        if hit:
            break
    asking = row.outcome is Outcome.ASK_MEMBER
    return Decision(
        outcome=row.outcome,
        missing=missing if asking else (),
        reasons=(Reason(code=f"decided_{row.id.replace('-', '_')}"), *(doubts if asking else ())),
        rules=tuple(tried),
        template=None if row.outcome is Outcome.IGNORE else row.outcome.value,
    )


def _missing(extraction: Extraction, policy: Policy) -> tuple[tuple[str, ...], tuple[Reason, ...]]:
    """The required fields that are not known surely enough, and why."""
    codes = {reason.code for reason in extraction.reasons}
    values = {Slot.INSTITUTION: extraction.institutions, Slot.AUTHORITY: extraction.authorities, Slot.ACTIVITY: extraction.activities}
    missing: list[str] = []
    doubts: list[Reason] = []
    for slot in REQUIRED:
        if slot is Slot.AUTHORITY and extraction.institution_type == "college":
            continue  # a college has no council, and one that is not named has none to ask for
        if not values[slot]:
            missing.append(slot.value)
            doubts.append(Reason(code=f"missing_{slot.value}"))
            continue
        weak = [value for value in values[slot] if _strength(extraction, slot, value) < policy.accept[slot.value]]
        unsure = codes & set(policy.ask.get(slot.value, ()))
        if weak or unsure:
            missing.append(slot.value)
            doubts.append(Reason(code=f"unsure_{slot.value}", detail=", ".join(weak) or ", ".join(sorted(unsure))))
    return tuple(missing), tuple(doubts)


def _strength(extraction: Extraction, slot: Slot, value: str) -> float:
    """The best evidence of a chosen value; one without any candidate has none, and is not accepted."""
    return max((c.strength for c in extraction.candidates if c.slot is slot and c.value == value and c.chosen), default=0.0)
