"""Whether the letter names another school in full and no word says whose it is.

«Kelso High. Fiona at Hawick High does a full half of it»: the words that make Hawick High a part of it, or a neighbour that was
only heard of, are more than any rule knows. Taking the first school for the only one was wrong in more letters than it was
right, so a person looks. A school that is told of (former, another's, denied) needs nobody, nor does one whose possessive it is («Hawick
High's survey»), nor a letter that says which school counts, or puts it in a form.

What it does badly: a name without its form is mostly a place, and is passed over here.
"""

from __future__ import annotations

from collections.abc import Sequence

from parse.institutions.letter import PASSED_OVER, Found, Letter

__all__ = ["untold"]

_SETTLED = ("institution.sole", "institution.member.label")


def untold(letter: Letter, founds: Sequence[Found], chosen: Sequence[Found]) -> list[Found]:
    """Listed schools of the member's own words that are neither chosen nor explained."""
    own = [found for found in chosen if found.text.zone == "own"]
    if not own or "alone" in letter.said or any(found.cue.startswith(_SETTLED) for found in own):
        return []
    told = {found.mention.core for found in chosen} | {found.mention.core for found in founds if found.role in PASSED_OVER}
    mine = {entry.label for found in chosen for entry in found.mention.entries}
    return [
        found
        for found in founds
        if found.text.zone == "own"
        and found.role not in PASSED_OVER
        and found.mention.kind in ("school", "college")
        and found.mention.rule in ("institution.exact", "institution.alias")
        and bool(found.mention.entries)
        and not {entry.label for entry in found.mention.entries} & mine
        and found.mention.core not in told
        and found.mention.forms != {"nursery"}
        and not found.mention.text.endswith(("'s", "s'", "\u2019s", "s\u2019"))
    ]
