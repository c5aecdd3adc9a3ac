"""Which of the remembered aliases that a message uses hold in it.

One that was remembered for a council holds where that council is stated, or known by the sender's address, by another school
that is named or from an earlier message. One that was remembered for everywhere holds unless the message states councils
that the institution is not in: there the words must mean another one.

What it does badly: it is said of a message as a whole; two schools that share their initials in one message are taken for one.
"""

from __future__ import annotations

from collections.abc import Sequence

from mailroom.model import Remembered
from parse.institutions.letter import PASSED_OVER, WEIGHT, Found, Letter
from parse.institutions.stated import Stated

__all__ = ["that_do_not_hold"]


def that_do_not_hold(letter: Letter, founds: Sequence[Found], stated: Stated, told: Sequence[str] = ()) -> frozenset[int]:
    """The numbers of the aliases that mentions rest on here and should not. ``told``: councils that are known from an earlier message."""
    met = {alias.id for found in founds for alias in found.mention.remembered}
    if not met:
        return frozenset()
    others = _of_other_schools(founds) | frozenset(told)
    holding: set[int] = set()
    for found in founds:
        if found.text.zone in WEIGHT and found.mention.remembered:
            councils = _councils(letter, found, stated, others)
            mine = [alias for alias in found.mention.remembered if _holds(alias, *councils)]
            nearer = [alias for alias in mine if alias.council]  # what was said of this council outdoes what was said of all
            holding |= {alias.id for alias in nearer or mine}
    return frozenset(met - holding)


def _councils(letter: Letter, found: Found, stated: Stated, others: frozenset[str]) -> tuple[frozenset[str], frozenset[str]]:
    """(councils that are stated for a mention, those that are known without being stated)."""
    said = frozenset(found.near) or (stated.everywhere() - stated.aside()) | frozenset(filter(None, stated.of_towns([found])))
    sender = letter.parsed.sender
    domain = letter.authorities.of_domain(sender.domain) if sender is not None else None
    known = others | ({domain} if domain else set())
    return said, said or frozenset(known) or stated.everywhere()


def _of_other_schools(founds: Sequence[Found]) -> frozenset[str]:
    """The councils of schools that are named besides, and stand in one council only."""
    councils: set[str] = set()
    for found in founds:
        if found.text.zone in WEIGHT and found.role not in PASSED_OVER and found.mention.kind == "school" and not found.mention.remembered:
            mine = {entry.authority for entry in found.mention.entries}
            councils |= mine if len(mine) == 1 else set()
    return frozenset(councils - {""})


def _holds(alias: Remembered, said: frozenset[str], known: frozenset[str]) -> bool:
    if alias.council:
        return alias.council in known
    return not said or not alias.stands_in or alias.stands_in in said
