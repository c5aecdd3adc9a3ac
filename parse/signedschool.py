"""Whether the signature names another school than the letter, and the letter does not say why.

«My department at Madras College» above «Bell Baxter High School» is a slip or an old signature: a person looks. Who writes
that they moved, that the signature is old or that they share a post has said why. A name without its form («Elgin») in
a signature is a town's, and schools with a name in common (a primary and its secondary) are one place.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from mailroom.model import Candidate, ParsedMessage, Reason, Slot, ZoneKind

__all__ = ["signed_elsewhere"]

_OWN = {ZoneKind.OWN, ZoneKind.INLINE_ANSWER}
_SECONDARY = re.compile(r"\b(?:high|academy|grammar)\b", re.I)
_FORM = re.compile(r"\b(?:high|academy|grammar|primary)\b", re.I)
_COMMON = re.compile(
    r"\b(?:primary|school|high|academy|nursery|secondary|campus|rc|community|the|of|grammar|college|junior|and|unit|st|saint|sgoil)\b|[^a-z ]", re.I
)
_WHY = re.compile(
    r"\b(?:mov(?:ed|ing|e)|new (?:school|post|job)|signature|former(?:ly)?|no longer|second(?:ed|ment)|swapped|supply|peripatetic|visiting|transfer(?:red)?"
    r"|split|both|cover(?:ing)?|shared?|acting|other school|old (?:school|post|address)|last (?:school|post)|changed? (?:school|post)s?"
    r"|(?:from|since|as of|until|till) (?:today|monday|august|january|february|easter|christmas|last)|on behalf|used to)\b",
    re.I,
)


def signed_elsewhere(parsed: ParsedMessage, candidates: Iterable[Candidate]) -> Reason | None:
    schools = [c for c in candidates if c.slot is Slot.INSTITUTION]
    told = {c.value for c in schools if c.chosen and c.evidence.where in _OWN}
    signed = {c.value for c in schools if c.evidence.where == ZoneKind.SIGNATURE and c.strength >= 1.0 and _FORM.search(c.evidence.text)}
    if not told or not signed or any(not _other(one, another) for one in told for another in signed):
        return None
    own = (parsed.body[zone.start : zone.end] for zone in parsed.zones if zone.kind in _OWN)
    if any(_WHY.search(text) for text in own) or any(zone.kind is ZoneKind.FORWARDED for zone in parsed.zones):
        return None
    return Reason(code="signed_elsewhere", detail=f"{min(told)} | {min(signed)}")


def _other(one: str, another: str) -> bool:
    """Whether these are two places: nothing in common, or two secondary schools of one town."""
    if one == another:
        return False
    forms = [_SECONDARY.search(name) for name in (one, another)]
    two_secondaries = forms[0] is not None and forms[1] is not None and forms[0][0].lower() != forms[1][0].lower()
    return two_secondaries or not (_names(one) & _names(another))


def _names(school: str) -> set[str]:
    return set(_COMMON.sub(" ", school.lower()).split())
