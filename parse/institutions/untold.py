"""Whether the letter names another school in full and no word says whose it is.

«Kelso High. Fiona at Hawick High does a full half of it»: the words that make Hawick High a part of it, or a neighbour that was
only heard of, are more than any rule knows. Taking the first school for the only one was wrong in more letters than it was
right, so a person looks. A school that is told of (former, another's, denied) needs nobody, nor does one whose possessive it is («Hawick
High's survey»), nor a letter that says which school counts, or puts it in a form.

A name without its form is mostly a place: it only counts beside a single school that is itself told so, and in one list with the school.

What it does badly: it knows nothing of a school that no list has.
"""

from __future__ import annotations

from collections.abc import Sequence, Set

from parse.institutions.letter import PASSED_OVER, POSSESSIVE, Found, Letter

__all__ = ["in_short", "untold"]

_PARTNERS = ("institution.other.people", "institution.together.mate", "institution.together.kin")  # who may take part, where several do
_WITH_ME = tuple(f"institution.{name}" for name in ("member.ours", "together.each", "together.partner", "together.and-i", "together.named"))
_SETTLED = ("institution.sole", "institution.only", "institution.member.label")


def untold(letter: Letter, founds: Sequence[Found], chosen: Sequence[Found]) -> list[Found]:
    """Listed schools of the member's own words that are neither chosen nor explained."""
    own = [found for found in chosen if found.text.zone == "own"]
    told = {found.mention.core for found in chosen}
    mine_told = (found for found in (*own, *founds) if found.text.zone == "own" and found.mention.core in told)
    if not own or "alone" in letter.said or any(found.cue.startswith(_SETTLED) for found in mine_told):
        return []  # also «I'm shared with Elmbank. Put me under Ashmuir.»
    partners = _PARTNERS if letter.of_several else ()
    told |= {found.mention.core for found in founds if found.role in PASSED_OVER and found.cue not in partners}
    mine = {entry.label for found in chosen for entry in found.mention.entries}
    one_in_short = all(found.mention.kind == "bare" for found in own) and len({found.mention.core for found in own}) == 1
    groups = {found.group for found in own}
    no_list = not letter.gazetteer.by_authority
    campuses = {place for found in chosen for entry in found.mention.entries for place in entry.campuses}  # «Fife College (Levenmouth two days)»
    return _in_subject(founds, mine) + [
        found
        for found in founds
        if found.text.zone == "own"
        and (found.role not in PASSED_OVER or (found.cue in partners and _in_full(found)))
        and (bool(found.mention.entries) or (no_list and found.mention.kind == "unlisted"))
        and not {entry.label for entry in found.mention.entries} & mine
        and found.mention.core not in told
        and not (found.mention.kind == "bare" and found.mention.core in campuses)
        and (not found.mention.text.endswith(POSSESSIVE) or (found.role == "" and _joined(letter, found)))
        and (
            _in_full(found)
            or (found.cue in _WITH_ME and in_short(letter, found))
            or (no_list and found.mention.kind == "unlisted")
            or ((one_in_short or found.group in groups or _of_somebody(found)) and found.role == "" and in_short(letter, found))
        )
    ]


def _in_subject(founds: Sequence[Found], mine: Set[str]) -> list[Found]:
    """«Ashmuir Primary + Ashmuir Academy»: the other schools of a subject that names the chosen one."""
    named = [(found, {entry.label for entry in found.mention.entries}) for found in founds if found.text.zone == "subject" and _in_full(found)]
    if not any(labels & mine for _, labels in named):
        return []
    out = {entry.label for found in founds if found.role in ("former", "denied") for entry in found.mention.entries}
    return [found for found, labels in named if labels and not labels & (mine | out) and found.role in ("", "member", "together")]


def _in_full(found: Found) -> bool:
    mention = found.mention
    behind = mention.rule == "institution.bare" and bool(mention.forms) and found.text.words[mention.first].norm == mention.core[0]
    told = mention.rule in ("institution.exact", "institution.alias") or behind  # «Elmbank, the Academy», unlike «the primary in Elmbank»
    return mention.kind in ("school", "college") and told and mention.forms != {"nursery"}


def _of_somebody(found: Found) -> bool:
    """«with Tracey at Edenside»."""
    before = found.text.words[max(0, found.mention.first - 2) : found.mention.first]
    if len(before) < 2 or before[0].raw.endswith(POSSESSIVE):  # «when Anna's at Edenside» tells where she is
        return False
    return before[0].capital and before[0].norm != "i" and before[1].norm in ("at", "from") and not found.text.opens(before[0].start)


def in_short(letter: Letter, found: Found) -> bool:
    """A name without its form that is no town's, council's or person's."""
    core = found.mention.core
    return (
        found.mention.kind == "bare"
        and not core[-1].endswith("shire")
        and [word.norm for word in found.text.words[max(0, found.mention.first - 2) : found.mention.first]] != ["isle", "of"]
        and found.text.words[found.mention.first].capital
        and core not in letter.authorities.aliases
        and not (len(core) == 1 and _at_another(found))
        and not all(norm in letter.sender_words for norm in core)
        and not all(norm in letter.gazetteer.vocabulary.never_bare for norm in core)
    )


def _at_another(found: Found) -> bool:
    """«Gordon at Elmbank College»: a person, who is at the next name."""
    behind = found.text.words[found.mention.last : found.mention.last + 1]
    return bool(behind) and behind[0].norm in ("at", "from") and any(other.first == found.mention.last + 1 for other in found.text.mentions)


def _joined(letter: Letter, found: Found) -> bool:
    """«and Elmbank High's have been reading», «with Elmbank High's science department», unlike «I saw Elmbank High's survey»."""
    behind = found.text.words[found.mention.last : found.mention.last + 3]
    lists = letter.gazetteer.vocabulary.words
    if found.word_before == "and":
        return bool(behind) and behind[0].norm in ("have", "are", "do")
    return found.word_before == "with" and any(word.norm in lists["people"] or word.norm in lists["part_of_school"] for word in behind)
