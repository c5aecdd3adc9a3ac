"""Whether the signature names another school than the letter, and the letter does not say why.

«My department at Madras College» above «Bell Baxter High School» is a slip or an old signature: a person looks. Who writes
that they moved, that the signature is old or that they share a post (``institution.explained``) has said why. A name without
its form («Elgin») in a signature is a town's, and schools with a name in common (a primary and its secondary) are one place.
"""

from __future__ import annotations

from collections.abc import Iterable

from mailroom.model import Candidate, Slot, ZoneKind
from parse.schoolnames import Forms, Name, take_apart

__all__ = ["another_signed"]

_OWN = {ZoneKind.OWN, ZoneKind.INLINE_ANSWER}
_KINDS = frozenset({"primary", "high", "academy", "grammar"})
_EVERYBODYS = frozenset({"st", "of", "the", "and"})


def another_signed(candidates: Iterable[Candidate], forms: Forms, *, sure: float = 1.0) -> tuple[str, str] | None:
    """(the school of the letter, the other one of the signature), where they are two places. ``sure``: the strength that a name of the signature needs."""
    schools = [one for one in candidates if one.slot is Slot.INSTITUTION]
    told = {one.value for one in schools if one.chosen and one.evidence.where in _OWN}
    signed = {
        one.value
        for one in schools
        if one.evidence.where == ZoneKind.SIGNATURE and one.strength >= sure and take_apart(one.evidence.text, forms).forms & _KINDS
    }
    if not told or not signed or any(_one_place(take_apart(one, forms), take_apart(another, forms)) for one in told for another in signed):
        return None
    return min(told), min(signed)


def _one_place(one: Name, another: Name) -> bool:
    """Alva Primary and Alva Academy are; Elgin High and Elgin Academy, two secondary schools of one town, are not."""
    if one.full == another.full:
        return True
    kinds = [name.forms & (_KINDS - {"primary"}) for name in (one, another)]
    two_secondaries = bool(kinds[0] and kinds[1]) and kinds[0] != kinds[1]
    return not two_secondaries and bool((set(one.core) & set(another.core)) - _EVERYBODYS)
