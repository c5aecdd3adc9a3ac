"""Choosing: which of the institutions found are those that the member takes part for.

Weighs whose words a mention stands in (own words before subject before signature before attachments; quotes
and forwarded text never) and what the words around it say (``standing``).

What it does badly: a second school that takes part is only seen as such where the words say so.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import pairwise

from parse.gazetteer import Entry
from parse.institutions.bare import BareNames
from parse.institutions.counted import OF_LIST, Counted, of_a_town, tells_place
from parse.institutions.letter import PASSED_OVER, WEIGHT, Found, Letter
from parse.institutions.spellings import weigh_spellings
from parse.institutions.stated import Stated
from parse.institutions.untold import in_short
from parse.schoolnames import words

__all__ = ["Choosing"]


_WITH = "institution.member.with"
_PUT_DOWN = ("institution.sole", "institution.member.label")

_OF_PEOPLE = ("institution.other.people", "institution.together.mate")  # they may tell of a partner
_OF_SOMEBODY = (*_OF_PEOPLE, "institution.other.theirs")
_I_WORK = "institution.member.i-work"
_FIRST_PERSON = (_I_WORK, "institution.member.ours")
_SEAT, _COUNT, _EACH = "institution.seat", "institution.together.count", "institution.together.each"
_OF_ANOTHER = tuple(f"institution.together.{name}" for name in ("and-i", "counterpart", "partner", "named"))  # whose school it is
_STARTED = ("institution.former.started", "institution.former.moved-in", "institution.former.until-then")
_CLOSE = 6  # words before a name that tell how one came there
_TOLD_TO_COUNT = ("institution.sole", "institution.member.label", "institution.member.heads", "institution.marked")
_FIRST, _SECOND = "only-first", "only-second"
_SEVERAL = frozenset(("joint", "several", "persons", "proxy"))  # what the message says of several that take part
_NO_PART = ("institution.not.part", "institution.not.they", "institution.not.yet")
_LEFT_OUT = ("institution.not.leave-out", "institution.not.no-part", "institution.not.part")  # whatever else is told of the school
_FEW = 3  # words beside a name that stands by itself


def _meant(found: Found) -> tuple[str, ...]:
    """What a mention names: «FVC» and «Forth Valley College» are one, and so is a college's campus."""
    labels = {entry.label for entry in found.mention.entries}
    return tuple(labels) if found.mention.kind == "college" and len(labels) == 1 else found.mention.core


def _stands_alone(found: Found) -> bool:
    """Whether the name is all that its sentence says, but for a council and a word or two."""
    begin, stop = found.text.sentences[found.text.sentence(found.mention.start)]
    rest = found.text.view.folded[begin : found.mention.start] + " " + found.text.view.folded[found.mention.end : stop]
    return found.head and len(words(rest)) <= _FEW


def _described(founds: Sequence[Found]) -> set[tuple[str, ...]]:
    """«the Gaelic primary in Ashmuir (Bunsgoil Ashmuir)»: descriptions that a name in brackets follows."""
    return {
        one.mention.core
        for one, other in pairwise(founds)
        if one.text is other.text
        and one.mention.kind == other.mention.kind == "school"
        and other.bracketed
        and one.text.view.folded[one.mention.end : other.mention.start].strip() == "("
        and any(word.norm in one.mention.forms and not word.capital for word in one.text.words[one.mention.first : one.mention.last])
    }


def _narrow(found: Found, entries: Sequence[Entry], councils: Collection[str]) -> bool:
    """Keeps of ``entries`` those of the ``councils``, where they are one school."""
    there = tuple(entry for entry in entries if entry.authority in councils)
    if len({entry.label for entry in there}) != 1:
        return False
    found.mention = replace(found.mention, entries=there)
    return True


class Choosing:
    """``Choosing(letter).choose(founds, stated)``; what it could not choose among is in ``undecided``."""

    def __init__(self, letter: Letter) -> None:
        self.letter = letter
        self.bare = BareNames(letter)
        self.counted = Counted(letter)
        self.undecided: list[Found] = []

    def choose(self, founds: list[Found], stated: Stated) -> list[Found]:
        """The mentions of the institutions that take part; ``founds`` loses those that are no names."""
        self._started(founds)
        self._seated(founds)
        self._said_before(founds)
        weigh_spellings(self.letter, founds, stated.everywhere())
        self.bare.tell(founds, stated)
        self.counted.mark(founds, stated)
        named = {found.mention.core for found in founds if found.mention.kind in ("school", "unlisted", "college") and found.text.zone in WEIGHT}
        usable = self._usable(founds, named, stated)
        own = [found for found in usable if found.text.zone == "own"]
        own_named = self._in_full(own)
        if any(found.role in ("member", "together") for found in own_named):
            chosen = self._told(own_named, own)
        elif own_named:
            chosen = self._of_neutral(own_named, [found for found in usable if found.text.zone in ("subject", "signature")])
        else:
            chosen = self._elsewhere(usable)
        listed = [found for found in chosen if found.mention.entries]
        if listed and len(listed) < len(chosen):
            chosen = [
                found
                for found in chosen
                if found.mention.entries or found.role in ("member", "together") or any(found.group == other.group for other in listed)
            ]
        if "nowhere" in self.letter.said and not any(found.role == "sole" or found.cue in _PUT_DOWN for found in chosen):
            self.undecided, chosen = chosen, []  # «I don't belong to a school: Ashmuir Primary on Mondays, Elmbank High midweek»
        if "several" in self.letter.said:
            chosen += self._others(founds, chosen)
        elif "joint" in self.letter.said and self._both_in_subject(founds):
            chosen += self._partner(founds, chosen)
        else:
            chosen += self._rest_of_subject(founds, chosen)
        if "alone" in self.letter.said:
            chosen = self._mine_alone(chosen)
        chosen = self._by_order(chosen)
        if self._told_apart(chosen) and not self._both_in_subject(founds):
            self.undecided, chosen = chosen, []
            return chosen
        chosen += self._told_with(founds, chosen)
        if chosen and all(found.cue in _OF_ANOTHER for found in chosen):
            mine = self._elsewhere([found for found in usable if found.text.zone != "own"])
            if not mine:
                self.undecided, chosen = chosen, []  # «Jo at Elmbank and I have been researching it», and no word of one's own school
            chosen += mine
        return chosen

    def _started(self, founds: Sequence[Found]) -> None:
        """«I started at Ashmuir in 1989»: the member's own still, where no other school is told as that."""
        started = [found for found in founds if found.cue in _STARTED]
        if started and not any(found.role in ("member", "sole") and found.text.zone == "own" for found in founds):
            for found in started:
                before = {word.norm for word in found.text.words[max(0, found.mention.first - _CLOSE) : found.mention.first]}
                if not before.isdisjoint(self.letter.gazetteer.vocabulary.words["starting"]):
                    found.role = "member"

    def _said_before(self, founds: Sequence[Found]) -> None:
        """«on supply at Ashmuir Academy till Easter ... put me under Ashmuir»: the short name of one that is told in full."""
        full: dict[tuple[str, ...], set[tuple[Entry, ...]]] = {}
        for found in founds:
            if found.text.zone == "own" and found.mention.kind == "school" and found.mention.rule == "institution.exact" and found.role != "denied":
                full.setdefault(found.mention.core, set()).add(found.mention.entries)
        for found in founds:
            meant = full.get(found.mention.core, set())
            if found.mention.kind == "bare" and found.text.zone == "own" and found.role in ("member", "sole") and len(meant) == 1:
                ((entries),) = meant
                if set(entries) < set(found.mention.entries):
                    found.mention = replace(found.mention, entries=entries)

    def _seated(self, founds: Sequence[Found]) -> None:
        """«I do two days at Elmbank. At Ashmuir four of us have been researching»: the school at which it is done is the one that takes part.

        Another that was only told as a place of work gives way, but for one that is told in one breath with it or has its own people in it.
        """
        own = [found for found in founds if found.text.zone == "own"]
        full = {found.mention.core for found in own if found.mention.kind in ("school", "college") and found.mention.rule != "institution.bare"}
        seats = [found for found in own if found.seat == "seat" and found.mention.core in full and found.role not in ("other", "denied", "home")]
        if not seats or "nowhere" in self.letter.said:
            return
        cores, groups = {found.mention.core for found in seats}, {found.group for found in seats}
        entries = {entry for found in seats for entry in found.mention.entries}
        if len(cores) > 1:
            return
        mine = {id(found) for found in own if found.mention.core in cores and entries.issuperset(found.mention.entries)}
        beside = {found.group for found in own if id(found) in mine} - groups  # «I work at Elmbank and Ashmuir. At Ashmuir four of us ...»
        for found in own:
            if id(found) in mine:
                if found.role in ("", "former") or (found.cue == _COUNT and found.seat):
                    found.role, found.cue = "member", _SEAT
            elif (found.role == "member" or (found.role == "" and found.group in beside)) and not (
                found.seat or found.group in groups or found.listed or found.cue.startswith(_TOLD_TO_COUNT)
            ):
                found.role, found.cue = "other", _SEAT

    def _told_apart(self, chosen: Sequence[Found]) -> bool:
        """Whether several schools were each taken for the member's own, in different breaths, and nothing says that several take part.

        Of such letters by others more had one school than two, so the member is asked.
        """
        if len({_meant(found) for found in chosen}) < 2 or self.letter.said & _SEVERAL:
            return False
        groups: dict[int, set[tuple[str, ...]]] = {}
        for found in chosen:
            if found.text.zone != "own" or found.role == "together" or found.listed or found.paired or found.answer or found.cue.startswith(_TOLD_TO_COUNT):
                return False
            groups.setdefault(found.group, set()).add(_meant(found))
        return all(len(meant) == 1 for meant in groups.values())

    def _mine_alone(self, chosen: list[Found]) -> list[Found]:
        """«I teach at Ashmuir ... a teacher from Elmbank High ... this is for my school only»: the one that is told in the first person."""
        if len({_meant(found) for found in chosen}) < 2:
            return chosen
        mine = {_meant(found) for found in chosen if found.cue in _FIRST_PERSON}
        return [found for found in chosen if _meant(found) in mine] if len(mine) == 1 else chosen

    def _by_order(self, chosen: list[Found]) -> list[Found]:
        """«I teach at Elmbank on Mondays and at Ashmuir midweek ... this concerns only the second»: of two that could be meant."""
        said = self.letter.said & {_FIRST, _SECOND}
        order = list(dict.fromkeys(_meant(found) for found in chosen if found.text.zone == "own"))
        if len(said) != 1 or len(order) != 2:
            return chosen
        meant = order[0 if _FIRST in said else 1]
        return [replace(found, role="sole", cue=f"institution.{_FIRST if _FIRST in said else _SECOND}") for found in chosen if _meant(found) == meant]

    def _usable(self, founds: Sequence[Found], named: Collection[tuple[str, ...]], stated: Stated) -> list[Found]:
        """Mentions that may be the member's own; ``named``: names that stand somewhere in full."""
        colleges = {found.mention.core for found in founds if found.mention.kind == "college"}
        alone = not any(found.mention.core in named and (found.role not in PASSED_OVER or found.mention.core in colleges) for found in founds)
        self._backed(founds)
        places = self._places(founds)
        usable = [
            found
            for found in founds
            if found.text.zone in WEIGHT
            and id(found) not in places
            and found.role not in PASSED_OVER
            and (found.mention.kind != "bare" or found.mention.core in named or self.bare.count(found, alone=alone))
            and (found.mention.kind != "initials" or self.bare.initials_count(found, stated.everywhere()))
            and (self.letter.may_name_college(found.mention) or self._at_college(found))
            and (found.mention.rule != "institution.campus" or "campus" in found.mention.forms or bool(found.role))  # «the college in Gala» may be anybody's
        ]
        refused = {
            found.mention.core
            for found in founds
            # «We are not in Moray» says nothing of Moray Primary School in the signature.
            if found.role in ("former", "other", "denied")
            and found.text.zone == "own"
            and not (found.mention.kind == "bare" and found.mention.core in self.letter.gazetteer.vocabulary.councils)
        }
        left = {(*found.sentence, found.mention.core) for found in founds if found.role == "former"}
        gone = {found.mention.core for found in founds if found.role == "former" and found.text.zone == "own" and found.mention.kind == "school"}
        usable = [
            found  # «I left Boclair for Turnbull High, and then Turnbull for where I am now»; «Treat Killin Primary as history. Killin folk ...»
            for found in usable
            if found.role or not ((*found.sentence, found.mention.core) in left or (found.mention.kind == "bare" and found.mention.core in gone))
        ]
        sole = {found.mention.core for found in usable if found.role == "sole" and found.text.zone == "own"}
        if sole:  # «but this is only about Ashmuir»
            for found in usable:
                found.role = "member" if found.mention.core in sole else found.role
            usable = [found for found in usable if found.mention.core in sole]
        ruled_out = self._ruled_out(founds) | _described(founds)
        usable = [found for found in usable if found.mention.core not in ruled_out]
        own = {found.mention.core for found in usable if found.text.zone == "own"}
        return [found for found in usable if found.text.zone == "own" or found.mention.core not in refused or found.mention.core in own]

    def _ruled_out(self, founds: Sequence[Found]) -> set[tuple[str, ...]]:
        """Schools of which a later sentence says that they take no part: «Ashmuir three days, Elmbank two. Elmbank aren't part of this.»

        «I'm at Ashmuir High until June ... it is in Elmbank, not Ashmuir, that I'd take part»: denied in short behind the full name, only where
        another is told as the member's own in the same sentence.
        """
        named = {found.mention.core: found for found in reversed(founds) if found.mention.kind == "school" and found.text.zone == "own"}
        mine = {found.mention.core for found in founds if found.role in ("member", "sole")}
        told = {found.mention.core for found in founds if found.text.zone == "own" and found.role in ("member", "together", "sole")}
        out: set[tuple[str, ...]] = set()
        for found in (one for one in founds if one.role == "denied"):
            if found.text.zone == "own" and found.cue in _NO_PART and found.mention.core not in mine:
                out.add(found.mention.core)
            if found.text.zone == "own" and found.cue in _LEFT_OUT and not told <= {found.mention.core}:
                out.add(found.mention.core)
            first = named.get(found.mention.core)
            if found.mention.kind == "bare" and first is not None and first.mention.start < found.mention.start:
                others = [one for one in founds if one.sentence == found.sentence and one.mention.core != found.mention.core]
                if any(one.mention.core in named and one.role not in PASSED_OVER for one in others):
                    out.add(found.mention.core)
        return out

    def _at_college(self, found: Found) -> bool:
        """«I'm at FVC», unlike «I'm at SLC», which is a council's as well."""
        return found.role == "member" and found.word_before == "at" and found.mention.core not in self.letter.authorities.aliases

    def _places(self, founds: Sequence[Found]) -> set[int]:
        """The ids of the names that only tell where the school before them is."""
        return {id(other) for one, other in pairwise(founds) if tells_place(one, other) and not other.listed and self._is_place(one, other)}

    def _is_place(self, one: Found, other: Found) -> bool:
        """Whether a name behind another is where that is: a town's, or «Ashmuir Primary in Elmbank»."""
        gap = one.text.view.folded[one.mention.end : other.mention.start]
        return self.letter.is_town(other.mention.core) or (one.mention.kind == "school" and gap == " in ")

    def _backed(self, founds: Sequence[Found]) -> None:
        """A school told of in passing that the signature or the subject names, and no other, is the member's own after all."""
        own = [found for found in founds if found.text.zone == "own" and found.mention.kind in ("school", "college", "unlisted")]
        cores = {found.mention.core for found in own}
        elsewhere = {
            found.mention.core
            for found in founds
            if (found.text.zone == "signature" and found.mention.kind == "school") or (found.text.zone == "subject" and found.role not in PASSED_OVER)
        }
        if any(found.text.zone == "own" and found.role in ("member", "together", "sole") for found in founds):
            return
        if len(cores) == 1 and "proxy" in self.letter.said and all(found.role == "other" and found.cue in _OF_SOMEBODY for found in own):
            elsewhere = cores  # «for my colleague Jo, who's at Ashmuir High»
        if len(cores) == 1 and cores <= elsewhere and all(found.role == "other" and found.cue != "institution.together.kin" for found in own):
            for found in own:
                found.role = ""

    def _in_full(self, own: list[Found]) -> list[Found]:
        """The member's own words without the names that are only repeated in short, or stand for a place."""
        full = {found.mention.core for found in own if found.mention.kind != "bare"}
        if not any(found.role in ("member", "sole") for found in own if found.mention.kind != "bare"):
            self._told_in_short(own)
        kept = [found for found in own if found.mention.kind != "bare" or found.mention.core not in full] or own
        told = {found.role for found in kept if found.mention.kind in ("school", "college")}
        i_work_at = any(found.mention.kind == "bare" and found.cue == _I_WORK for found in kept)
        if told - {"other"} and (told & {"member", "together", "sole"} or not i_work_at):
            # Beside a school named in full, a name without its form is a place or a person's former school unless both are told in one breath.
            groups = {found.group for found in kept if found.mention.kind != "bare"}
            each = (_EACH, _I_WORK) if self.letter.said & {"joint", "persons"} else (_EACH,)  # «Kev is at Ashmuir Academy, I'm at Elmbank»
            kept = [
                found
                for found in kept
                if found.mention.kind != "bare"
                or found.paired
                or found.listed
                or found.answer
                or (found.cue in each and len({entry.label for entry in found.mention.entries}) == 1 and in_short(self.letter, found))
                or (told == {"together"} and (found.role == "member" or self.bare.opens_letter(found)))
                or found.cue in ("institution.together.pairing", "institution.member.school-is")
                or (found.cue == "institution.member.label" and found.group not in groups)
            ]
        if any(found.mention.kind == "school" for found in kept):
            kept = [found for found in kept if found.mention.kind != "initials"]
        return kept

    def _told_in_short(self, own: Sequence[Found]) -> None:
        """«Ashmuir Primary is in Fife ... the teachers at Ashmuir have worked ...»: what is said of the short name holds for the school."""
        for found in own:
            if found.mention.kind == "school" and not found.role:
                same = (other for other in own if other.mention.kind == "bare" and other.mention.core == found.mention.core and other.word_before == "at")
                told = next((other for other in same if other.role in ("member", "together")), None)
                if told is not None:
                    in_list = any(other.group == found.group and other.mention.core != found.mention.core for other in own)
                    found.role, found.group = told.role, found.group if in_list else told.group

    def _told(self, own_named: Sequence[Found], own: Sequence[Found]) -> list[Found]:
        """Institutions of which the words around say that they take part, and those told in one breath with them."""
        positive = [found for found in own_named if found.role in ("member", "together")]
        if all(found.cue == _WITH for found in positive) and (alone := [found for found in own_named if found.role == "" and _stands_alone(found)]):
            return self._of_neutral(alone, [])  # «Ashmuir Primary. I would research it with colleagues at Elmbank High.»
        cores = {found.mention.core for found in positive}
        groups = {found.group for found in positive}
        groups |= {found.group for found in own_named if found.paired and any(o.group == found.group and o.mention.core in cores for o in own)}
        chosen = positive + [found for found in own_named if found.role == "" and found.group in groups]
        neutral = [found for found in own_named if found.role == "" and found.group not in groups]
        if neutral and all(found.role == "together" for found in positive):
            chosen += self._of_neutral(neutral, [])  # the partner is told of, and one's own without ado
        return chosen

    def _elsewhere(self, usable: Sequence[Found]) -> list[Found]:
        """Where the member's own words name none: those of the subject, the signature or the attachments."""
        chosen: list[Found] = []
        better = [found for found in usable if found.text.zone in ("signature", "attachment") and found.mention.kind != "bare"]
        for zone in ("subject", "signature", "attachment"):
            chosen = [found for found in usable if found.text.zone == zone and (found.mention.kind != "bare" or zone == "subject")]
            if chosen and not (zone == "subject" and better and all(found.mention.kind == "bare" for found in chosen)):
                break
        if len({found.mention.core for found in chosen}) > 1:
            positive = [found for found in chosen if found.role in ("member", "together")]
            chosen = positive or [found for found in chosen if found.group == chosen[0].group]
        return chosen

    def _others(self, founds: Sequence[Found], chosen: Sequence[Found]) -> list[Found]:
        """Where several schools are said to take part: names without their form that only one school of the same council has."""
        others = self._partner(founds, chosen)
        councils = {entry.authority for found in chosen for entry in found.mention.entries}
        if len(councils) != 1 or others or len({_meant(found) for found in chosen}) in self.counted.told:
            return others
        places = self._places(founds)
        for found in founds:
            if found.mention.kind != "bare" or found.text.zone != "own" or found.role in PASSED_OVER or found in chosen:
                continue
            if id(found) in places or found.mention.core in self.letter.gazetteer.vocabulary.councils or of_a_town(self.letter, found):
                continue
            mine = [entry for entry in self.letter.of_stage(found.mention.entries) if entry.authority in councils]
            if len(mine) == 1 and not all(norm in self.letter.gazetteer.vocabulary.never_bare for norm in found.mention.core):
                found.mention = replace(found.mention, entries=tuple(mine))
                others.append(found)
        return others

    def _both_in_subject(self, founds: Sequence[Found]) -> bool:
        """«Ashmuir Primary + Ashmuir Academy»: whether the subject names in full two that take part."""
        named = [found for found in founds if found.text.zone == "subject" and found.mention.kind in ("school", "college")]
        return len({_meant(found) for found in named}) == 2 and not any(found.role in PASSED_OVER for found in named)

    def _rest_of_subject(self, founds: Sequence[Found], chosen: Sequence[Found]) -> list[Found]:
        """«Friendship: Ashmuir, Elmbank and Fairlea»: the others of a list in the subject, of which the letter tells besides the chosen one."""
        lists: dict[int, set[tuple[str, ...]]] = {}
        for found in founds:
            town = found.mention.kind == "bare" and self.letter.is_town(found.mention.core)
            if found.text.zone == "subject" and found.role not in PASSED_OVER and found.mention.entries and not town:
                lists.setdefault(found.group, set()).add(found.mention.core)
        mine = {found.mention.core for found in chosen if found.text.zone == "own"}
        rest = {core for cores in lists.values() if len(cores) > 1 and cores & mine for core in cores} - mine
        out = {found.mention.core for found in founds if found.text.zone == "own" and found.role in ("former", "denied", "home")}
        told = [found for found in founds if found.text.zone == "own" and found.mention.core in rest - out and found.mention.kind in ("school", "bare")]
        councils = {entry.authority for found in chosen for entry in found.mention.entries}
        for found in told:
            _narrow(found, found.mention.entries, councils)
        return told

    def _partner(self, founds: Sequence[Found], chosen: Sequence[Found]) -> list[Found]:
        """«Jo, who has P7 at Elmbank Primary ... put both schools in»: beside the one that was chosen, the one other that is named in full."""
        mine = {_meant(found) for found in chosen}
        if len(mine) != 1:
            return []
        named = [found for found in founds if found.text.zone == "own" and found.mention.kind in ("school", "college") and _meant(found) not in mine]
        full = [found for found in named if found.role in ("", "together") or (found.role == "other" and found.cue in _OF_PEOPLE)]
        return full if len({_meant(found) for found in named}) == 1 else []

    def _told_with(self, founds: Sequence[Found], chosen: Sequence[Found]) -> list[Found]:
        """«the teachers of Ashmuir, Elmbank and Fairlea (Fife)»: names in one list with one that is chosen, of schools that only its council has."""
        councils = {entry.authority for found in chosen for entry in found.mention.entries}
        cores = {found.mention.core for found in chosen}
        mates: list[Found] = []
        if len(councils) != 1 or any(found.cue in _PUT_DOWN for found in chosen):
            return mates
        first: dict[int, Found] = {}
        for found in founds:
            first.setdefault(found.group, found)
        groups = {found.group for found in chosen if found.text.zone == "own" and first[found.group].word_before in OF_LIST}
        places = self._places(founds) if groups else ()
        for found in founds:
            if found.group not in groups or id(found) in places or found.mention.core in cores or found.role in PASSED_OVER or not in_short(self.letter, found):
                continue
            if _narrow(found, self.letter.of_stage(found.mention.entries), councils):
                mates.append(found)
        return mates

    def _of_neutral(self, own: list[Found], elsewhere: list[Found]) -> list[Found]:
        """Several schools named without a word on whose they are: the ones told first and alone."""
        cores = {found.mention.core for found in own}
        if len({_meant(found) for found in own}) == 1:
            return own
        backed = [found for found in own if any(other.mention.core == found.mention.core for other in elsewhere)]
        if backed:
            groups = {found.group for found in backed}
            if "several" in self.letter.said:
                sentences = {found.sentence for found in backed}
                return [found for found in own if found.sentence in sentences]
            return [found for found in own if found.group in groups]
        heads = [found for found in own if found.head]
        if "joint" in self.letter.said and len(cores) == 2 and {found.mention.core for found in heads if found.mention.kind == "school"} == cores:
            return own  # «Ashmuir Primary is on this side (that's me). Elmbank Primary is on that side (that's Paul).»
        full = [found for found in own if found.mention.kind in ("school", "college")]
        if "several" in self.letter.said and len({_meant(found) for found in full}) == 2 and len({found.sentence for found in full}) == 1:
            return full  # «I split my week: Ashmuir High on Mondays, Elmbank Academy the rest. Put down both schools.»
        if not heads:
            first = [found for found in own if found.group == own[0].group]
            if "joint" in self.letter.said:
                together: dict[tuple[int, int], list[Found]] = {}
                for found in own:
                    together.setdefault(found.sentence, []).append(found)
                return max(together.values(), key=lambda beside: len({_meant(found) for found in beside}))  # of equals the first
            if len({found.mention.core for found in first}) < len(cores):
                self.undecided = own
                return []
            return first
        return [found for found in own if found.group == heads[0].group]
