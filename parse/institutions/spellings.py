"""Names that no list has as they are written: which listed school they must mean, and which are asked about."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import pairwise

from rapidfuzz.distance import OSA

from parse.institutions.letter import WEIGHT, Found, Letter
from parse.institutions.rules import InstitutionRules
from parse.schoolnames import fold

__all__ = ["weigh_spellings"]


def weigh_spellings(letter: Letter, founds: list[Found], councils: Collection[str]) -> None:
    """Gives the unlisted their second chance, in place; ``councils``: those that the message states."""
    _short_forms(founds)
    rules, tries = letter.rules, letter.rules.limits["fuzzy"]
    for found in founds:
        mention = found.mention
        if mention.kind == "unlisted" and tries > 0 and found.text.zone in WEIGHT:
            tries -= 1
            found.mention = letter.gazetteer.misspelt.second_chance(
                mention,
                set(found.near) or {*councils, *found.towns},
                beside=bool(found.near),
                before=[word.norm for word in found.text.words[max(0, mention.first - 2) : mention.first]],
                score=rules.thresholds["fuzzy_score"],
                score_council=rules.thresholds["fuzzy_score_council"],
                margin=rules.thresholds["fuzzy_margin"],
            )
    founds[:] = [found for found in founds if not (found.mention.weak and found.mention.kind == "unlisted")]
    for found in founds:
        if found.mention.rule == "institution.doubtful":
            found.doubtful, found.mention = found.mention.entries, replace(found.mention, rule="institution.unlisted", entries=())
    _doubt(rules, [found for found in founds if found.mention.kind == "unlisted" and not found.doubtful and found.text.zone in WEIGHT])


def _short_forms(founds: Sequence[Found]) -> None:
    """«Lossie High» above a signature with Lossiemouth High School is that school."""
    whole = [found for found in founds if found.mention.kind == "school" and found.mention.entries and found.text.zone in WEIGHT]
    for found in founds:
        short = found.mention.core
        if found.mention.kind != "unlisted" or found.text.zone not in WEIGHT or len(short[0]) < 4:
            continue
        for other in whole:
            long = other.mention.core
            kinds = found.mention.forms & other.mention.forms - {"school"}
            if kinds and len(short) == len(long) and short != long and all(one == two or two.startswith(one) for one, two in zip(short, long, strict=True)):
                found.mention = replace(found.mention, kind="school", rule="institution.alias", entries=other.mention.entries, core=long)
                break


def _doubt(rules: InstitutionRules, founds: Sequence[Found]) -> None:
    """A name in no list that is a letter from a known place, or is spelt in two ways, is asked about, not recorded.

    A signature is set once and with care: a name that stands there is spelt as its school spells it.
    """
    sure = {found.mention.core for found in founds if found.text.zone in ("signature", "attachment")}
    for found in founds:
        core, label = found.mention.core, found.mention.text
        if core in sure:
            continue
        if not rules.gazetteer.by_authority and len(core) == 1 and core[0] in rules.no_names and found.mention.forms <= {"school", "primary"}:
            found.spellings = (label,)  # «the Royal School»
            continue
        if any(one == "st" and len(other.rstrip("s")) == 1 for one, other in pairwise(core)):
            found.spellings = (label,)  # «St A and St B's High»
            continue
        other = next((one.mention.text for one in founds if one.mention.core != core and _alike(core, one.mention.core)), None)
        if other is not None:
            found.spellings = (label, other)
        elif any(odd.search(norm) for norm in core for odd in rules.odd_letters if norm not in rules.place_names.known):
            found.spellings = (label,)
        elif (right := rules.place_names.meant(core)) is not None:
            found.spellings = (" ".join(_put(label, core, right)), label)


def _alike(one: Sequence[str], other: Sequence[str]) -> bool:
    """Two spellings of one name, not two names: «Loudon» and «Loudoun»."""
    written, meant = " ".join(one), " ".join(other)
    return min(len(written), len(meant)) > 5 and OSA.distance(written, meant, score_cutoff=2) <= (1 if len(written) < 9 else 2)


def _put(label: str, core: Sequence[str], right: Sequence[str]) -> list[str]:
    """The words of the label with the misspelt ones exchanged."""
    swap = {one: other for one, other in zip(core, right, strict=True) if one != other}
    return [swap[fold(piece)].capitalize() if fold(piece) in swap else piece for piece in label.split()]
