"""Which schools, colleges and councils a member takes part for: one, several or none, never a guess.

Finding and choosing are apart. Finding gives every mention in every zone with all that it may mean.
Choosing weighs whose words a mention stands in (own words before subject before signature before
attachments; quotes and forwarded text never) and what the words around it say (taught there, left it,
a neighbour's, denied, home), then settles namesakes by what the whole message says of council, town,
postcode and e-mail domain. What stays open is said: options and a reason, and the field is empty.

Promise: every candidate, also the losing ones, keeps its span; work is linear in the text, and bounded.

What it does badly: it reads sentence by sentence, so «my old school. Ashmuir Primary.» is not seen as
a former school; and a second school that takes part is only seen as such where the words say so.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

from rapidfuzz.distance import OSA
from spacy.lang.en.stop_words import STOP_WORDS

from mailroom.model import Candidate, Evidence, ParsedMessage, Reason, Slot
from parse.authorities import PLACE, STRONG, SUPPORT, TOWN
from parse.gazetteer import Entry, Mention
from parse.institutionrules import InstitutionRules
from parse.schoolnames import School, fold
from parse.standing import WEIGHT, Found, Place, Standing, Text
from parse.textview import TextView

__all__ = ["InstitutionFinder", "Institutions", "School"]

_QUARTERS = frozenset(["north", "south", "east", "west", "old", "new", "village"])
_STAGE = re.compile(r"(?:class |stage )?([ps])[1-7](?:[ps]?[1-7])?")
_POSTCODE = re.compile(r"\b([A-Z]{1,2}\d{1,2}[A-Z]?)\s?(\d[A-Z]{2})\b")


@dataclass(frozen=True, kw_only=True, slots=True)
class Institutions:
    """What was read of institution and council; the fields are those of ``Extraction``."""

    institutions: tuple[str, ...] = ()
    institution_type: str | None = None
    authorities: tuple[str, ...] = ()
    authority_options: tuple[str, ...] = ()
    institution_options: tuple[str, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    reasons: tuple[Reason, ...] = ()


class InstitutionFinder(InstitutionRules):
    """Reads institutions and councils with the data of one programme folder and, if given, lists of schools.

    ``InstitutionFinder(folder, schools).find(parsed, views)``; the gazetteer is built at the first message.
    """

    def find(self, parsed: ParsedMessage, views: tuple[TextView, ...]) -> Institutions:
        return _Choice(self, parsed, views).read()


class _Choice(Standing):
    """Choosing among what was found in one message."""

    def __init__(self, finder: InstitutionRules, parsed: ParsedMessage, views: Sequence[TextView]) -> None:
        super().__init__(finder, parsed, views)
        self.reasons: list[Reason] = []
        self.candidates: list[Candidate] = []
        self.undecided: list[Found] = []
        self.counted: set[int] = set()  # groups that hold a name without its form that counts

    # ------------------------------------------------------------------ reading
    def read(self) -> Institutions:
        founds, places = self.standing()
        stated = self._stated(places)
        chosen = self._choose(founds, stated)
        if "several" in self.said:
            chosen += self._others(founds, chosen)
        return self._resolve(founds, chosen, places, stated)

    # ------------------------------------------------------------------ councils
    def _stated(self, places: Sequence[Place]) -> dict[str, list[Place]]:
        """Councils named as the member's own, by zone; nicknames and initials only with support."""
        strong = {council for place in places if place.council.alias.kind in (STRONG, PLACE, TOWN) for council in place.council.alias.councils}
        stated: dict[str, list[Place]] = defaultdict(list)
        for place in places:
            alias = place.council.alias
            if place.role in ("home", "former", "other", "denied") or place.text.zone not in WEIGHT or alias.kind == TOWN:
                continue
            if alias.kind == SUPPORT and not (place.attached or alias.councils[0] in strong or self._council_behind(place)):
                continue
            stated[place.text.zone].append(place)
        return stated

    def _council_behind(self, place: Place) -> bool:
        found, council = place.text.words, place.council
        if council.last < len(found) and found[council.last].norm in ("council", "schools"):
            return True
        line = place.text.view.folded.rfind("\n", 0, council.start) + 1
        before = [word.norm for word in found[max(0, council.first - 4) : council.first] if word.start >= line]
        if {"council", "la", "authority", "employer"} & set(before):
            return True
        return len(found) <= 4 and place.text.zone == "own" and council.text.isupper()  # «NLC, sorry!» is an answer

    # ------------------------------------------------------------------ choosing
    def _choose(self, founds: list[Found], stated: dict[str, list[Place]]) -> list[Found]:
        councils = {council for several in stated.values() for place in several for council in place.council.alias.councils}
        tries = self.finder.limits["fuzzy"]
        limits = self.finder.thresholds
        for found in founds:
            mention = found.mention
            if mention.kind == "unlisted" and tries > 0 and found.text.zone in WEIGHT:
                tries -= 1
                found.mention = self.gazetteer.second_chance(
                    mention,
                    set(found.near) or councils | set(found.towns),
                    beside=bool(found.near),
                    before=[word.norm for word in found.text.words[max(0, mention.first - 2) : mention.first]],
                    score=limits["fuzzy_score"],
                    score_council=limits["fuzzy_score_council"],
                    margin=limits["fuzzy_margin"],
                )
        founds[:] = [found for found in founds if not (found.mention.weak and found.mention.kind == "unlisted")]
        for found in founds:
            if found.mention.rule == "institution.doubtful":
                found.doubtful, found.mention = found.mention.entries, replace(found.mention, rule="institution.unlisted", entries=())
        self._doubt_spellings([found for found in founds if found.mention.kind == "unlisted" and not found.doubtful and found.text.zone in WEIGHT])
        named = {found.mention.core for found in founds if found.mention.kind in ("school", "unlisted", "college") and found.text.zone in WEIGHT}
        usable = [
            found
            for found in founds
            if found.text.zone in WEIGHT
            and found.role not in ("former", "other", "denied", "home")
            and (found.mention.kind != "bare" or found.mention.core in named or self._bare_counts(found, alone=not named))
            and (found.mention.kind != "initials" or self._initials_count(found, councils))
            and (found.mention.kind != "college" or found.mention.rule != "institution.initials" or self.lecturer())
        ]
        refused = {found.mention.core for found in founds if found.role in ("former", "other", "denied") and found.text.zone == "own"}
        sole = {found.mention.core for found in usable if found.role == "sole" and found.text.zone == "own"}
        if sole:  # «but this is only about Ashmuir»
            for found in usable:
                found.role = "member" if found.mention.core in sole else found.role
            usable = [found for found in usable if found.mention.core in sole]
        own = [found for found in usable if found.text.zone == "own"]
        usable = [
            found for found in usable if found.text.zone == "own" or found.mention.core not in refused or any(o.mention.core == found.mention.core for o in own)
        ]
        own_named = [found for found in own if found.mention.kind != "bare" or found.mention.core not in named] or own
        if any(found.mention.kind in ("school", "college") and found.role != "other" for found in own_named):
            # Beside a school named in full, a name without its form is a place or a person's former school unless both are told in one breath.
            own_named = [
                found for found in own_named if found.mention.kind != "bare" or found.paired or found.listed or found.cue == "institution.member.label"
            ]
        if any(found.mention.kind == "school" for found in own_named):
            own_named = [found for found in own_named if found.mention.kind != "initials"]
        positive = [found for found in own_named if found.role in ("member", "together")]
        if positive:
            cores = {found.mention.core for found in positive}
            groups = {found.group for found in positive}
            groups |= {found.group for found in own_named if found.paired and any(o.group == found.group and o.mention.core in cores for o in own)}
            chosen = positive + [found for found in own_named if found.role == "" and found.group in groups]
            neutral = [found for found in own_named if found.role == "" and found.group not in groups]
            if neutral and all(found.role == "together" for found in positive):
                chosen += self._of_neutral(neutral, [])  # the partner is told of, and one's own without ado
        elif own_named:
            chosen = self._of_neutral(own_named, [found for found in usable if found.text.zone in ("subject", "signature")])
        else:
            chosen = []
            for zone in ("subject", "signature", "attachment"):
                chosen = [found for found in usable if found.text.zone == zone and (found.mention.kind != "bare" or zone == "subject")]
                if chosen:
                    better = [found for found in usable if found.text.zone in ("signature", "attachment") and found.mention.kind != "bare"]
                    if zone == "subject" and all(found.mention.kind == "bare" for found in chosen) and better:
                        continue
                    break
            cores = {found.mention.core for found in chosen}
            if len(cores) > 1:
                positive = [found for found in chosen if found.role == "member"]
                chosen = positive or [found for found in chosen if found.group == chosen[0].group]
        listed = [found for found in chosen if found.mention.entries]
        if listed and len(listed) < len(chosen):
            chosen = [
                found
                for found in chosen
                if found.mention.entries or found.role in ("member", "together") or any(found.group == other.group for other in listed)
            ]
        return chosen

    def _others(self, founds: Sequence[Found], chosen: Sequence[Found]) -> list[Found]:
        """Where several schools are said to take part: names without their form that only one school of the same council has."""
        councils = {entry.authority for found in chosen for entry in found.mention.entries}
        if len(councils) != 1:
            return []
        others: list[Found] = []
        for found in founds:
            if found.mention.kind != "bare" or found.text.zone != "own" or found.role in ("former", "denied", "home") or found in chosen:
                continue
            mine = [entry for entry in self._of_stage(found.mention.entries) if entry.authority in councils]
            if len(mine) == 1 and not all(norm in self.gazetteer.vocabulary.never_bare for norm in found.mention.core):
                found.mention = replace(found.mention, entries=tuple(mine))
                others.append(found)
        return others

    def _doubt_spellings(self, founds: Sequence[Found]) -> None:
        """A name in no list that is a letter from a known place, or is spelt in two ways, is asked about, not recorded.

        A signature is set once and with care: a name that stands there is spelt as its school spells it.
        """
        sure = {found.mention.core for found in founds if found.text.zone in ("signature", "attachment")}
        for found in founds:
            core, label = found.mention.core, found.mention.text
            if core in sure:
                continue
            if any(one == "st" and len(other.rstrip("s")) == 1 for one, other in pairwise(core)):
                found.spellings = (label,)  # «St A and St B's High»
                continue
            other = next((one.mention.text for one in founds if one.mention.core != core and _alike(core, one.mention.core)), None)
            if other is not None:
                found.spellings = (label, other)
            elif any(odd.search(norm) for norm in core for odd in self.finder.odd_letters if norm not in self.finder.place_names.known):
                found.spellings = (label,)
            elif (right := self.finder.place_names.meant(core)) is not None:
                found.spellings = (" ".join(_put(label, core, right)), label)

    def _bare_counts(self, found: Found, *, alone: bool) -> bool:
        """Whether a name without its form means the school: «at Gourdon», «P5, Gourdon», «Gourdon, Aberdeenshire», «Gourdon here».

        ``alone``: no school is named in full. A town is only a school behind «at» or where a class stands before it.
        """
        mention = found.mention
        if mention.core in self.gazetteer.vocabulary.councils or not (found.text.words[mention.first].capital or found.text.lower or len(mention.core) > 1):
            return False
        if found.listed and found.text.zone == "own":
            return True
        if found.paired and not all(norm in self.gazetteer.vocabulary.never_bare for norm in mention.core):
            return True
        fitting = self._of_stage(mention.entries)
        beside = [entry for entry in fitting if entry.authority in (*found.near, *found.towns)]
        if len({entry.label for entry in beside}) == 1 and found.near:
            fitting = tuple(beside)
        single = len({entry.label for entry in fitting}) == 1
        if found.cue == "institution.member.label" and single:
            found.mention = replace(mention, entries=fitting)
            return found.text.zone in ("own", "attachment")
        words, folded = found.text.words, found.text.view.folded
        if mention.last < len(words):
            follows = words[mention.last]
            gap = folded[mention.end : follows.start]
            if gap == " " and follows.capital and not follows.raw.isupper() and (follows.norm,) not in self.authorities.aliases:
                return False  # «Calderwood Loddge» is more than Calderwood
        if found.text.zone != "own":
            return False
        before = words[mention.first - 1] if mention.first else None
        gap = folded[before.end : mention.start] if before is not None else ""
        norm = before.norm if before is not None else ""
        if gap == "-" or norm in ("nan", "nam", "an", "na"):
            return False  # the end of a longer name
        town = mention.core in self.authorities.aliases
        introduced = gap.strip(" ") == "," and single and (bool(_STAGE.fullmatch(norm)) or norm in self.sender_words)
        introduced = introduced or (norm in ("is", "still", "now") and found.cue == "institution.member.school-is")
        here = found.cue == "institution.member.here" or (mention.last < len(words) and words[mention.last].norm == "here")
        counts = introduced or (gap == " " and norm == "at" and found.role in ("member", "together"))
        if not town:
            counts = counts or here or (gap == " " and norm in ("from", "of", "here") and found.role in ("member", "together") and single)
        if alone and not counts and len({entry.label for entry in beside}) == 1 and (not town or self._starts(found) or norm in ("its", "is", "school")):
            counts = single = True
        if not counts and norm in ("and", "plus") and found.group in self.counted:
            counts = True  # «at Ferryhill and Harlaw»
        if counts and not single and not alone:
            return False
        if counts:
            self.counted.add(found.group)
            found.mention = replace(mention, entries=fitting)
        return counts

    def _starts(self, found: Found) -> bool:
        return found.mention.start == found.text.sentences[found.text.sentence(found.mention.start)][0]

    @cached_property
    def stage(self) -> str:
        """primary or secondary, where the classes that the member tells of are all of one kind."""
        levels: set[str] = set()
        for text in self.texts:
            if text.zone in ("own", "subject", "signature"):
                for word in text.words:
                    if match := _STAGE.fullmatch(word.norm):
                        levels.add("primary" if match[1] == "p" else "secondary")
                levels |= {
                    one.norm for one, other in pairwise(text.words) if one.norm in ("primary", "secondary") and other.norm in ("teacher", "teachers", "sector")
                }
        return next(iter(levels)) if len(levels) == 1 else ""

    def _of_stage(self, entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
        if not self.stage:
            return entries
        return tuple(entry for entry in entries if entry.level == self.stage) or entries

    def _initials_count(self, found: Found, councils: Collection[str]) -> bool:
        """Initials name a school where the message names the council and the council has one such school."""
        if found.text.zone not in ("own", "subject"):
            return False
        here = set(found.near or councils)
        fitting = [entry for entry in found.mention.entries if entry.authority in here]
        before = found.text.words[found.mention.first - 1].norm if found.mention.first else ""
        if len(fitting) != 1 or not (found.near or (found.role == "member" and before in ("at", "from", "of", "in"))):
            return False
        found.mention = replace(found.mention, entries=tuple(fitting))
        return True

    def _of_neutral(self, own: list[Found], elsewhere: list[Found]) -> list[Found]:
        """Several schools named without a word on whose they are: the ones told first and alone."""
        cores = {found.mention.core for found in own}
        if len(cores) == 1:
            return own
        backed = [found for found in own if any(other.mention.core == found.mention.core for other in elsewhere)]
        if backed:
            groups = {found.group for found in backed}
            return [found for found in own if found.group in groups]
        heads = [found for found in own if found.head]
        if not heads:
            first = [found for found in own if found.group == own[0].group]
            if "joint" in self.said:
                number = own[0].text.sentence(own[0].mention.start)
                return [found for found in own if found.text is own[0].text and found.text.sentence(found.mention.start) == number]
            if len({found.mention.core for found in first}) < len(cores):
                self.undecided = own
                return []
            return first
        return [found for found in own if found.group == heads[0].group]

    # ------------------------------------------------------------------ resolving
    def _resolve(self, founds: list[Found], chosen: list[Found], places: list[Place], stated: dict[str, list[Place]]) -> Institutions:
        groups = self._entities(chosen)
        if len(groups) > self.finder.limits["institutions"]:  # a list of schools, not a member's letter
            self.undecided, groups = [found for group in groups[:10] for found in group[:1]], []
        alone: set[str] = set()
        if (
            len(groups) == 1 and ("several" in self.said or self._partner_unread(groups[0])) and groups[0][0].text.zone == "own"
        ):  # «put in both schools», and only one was found
            self.undecided, groups = [groups[0][0]], []
            alone = {entry.authority for entry in self.undecided[0].mention.entries} - {""}
        institutions: list[str] = []
        authorities: list[str] = []
        authority_options: list[str] = []
        institution_options: list[str] = []
        kinds: set[str] = set()
        refused = {council for place in places if place.role == "denied" for council in place.council.alias.councils} - {
            council for several in stated.values() for place in several for council in place.council.alias.councils
        }
        multiple = len(groups) > 1
        if multiple:
            self._common_council(groups)
        for entity in groups:
            best = max(entity, key=lambda found: (WEIGHT[found.text.zone], found.role == "member", found.mention.kind != "bare"))
            if best.mention.kind == "college":
                entry = best.mention.entries[0]
                kinds.add("college")
                institutions.append(entry.label)
                self._candidate(best, entry.label, best.mention.rule, chosen=True)
                continue
            kinds.add("school")
            entries, councils = self._narrow(entity, stated, places, refused, multiple)
            if not entries and best.doubtful:
                labels = list(dict.fromkeys(entry.label for entry in best.doubtful))
                institution_options.extend(labels)
                self._candidate(best, labels[0], "institution.fuzzy", chosen=False, note="institution_doubtful")
                self.reasons.append(Reason(code="institution_doubtful", detail=f"{best.mention.text} | {' | '.join(labels[:5])}"))
                authorities.extend(councils)
                continue
            if not entries and best.spellings and not any(found.mention.core == best.mention.core and not found.spellings for found in entity):
                labels = list(dict.fromkeys(self._tidy(text) for text in best.spellings))
                institution_options.extend(labels)
                self._candidate(best, labels[-1], "institution.unlisted", chosen=False, note="institution_doubtful")
                self.reasons.append(Reason(code="institution_doubtful", detail=f"{best.mention.text} | {' | '.join(labels)}"))
                authorities.extend(councils)
                continue
            if not entries:
                label = self._tidy(best.mention.text)
                if "college" in best.mention.forms and self.lecturer():
                    kinds = kinds - {"school"} | {"college"}
                institutions.append(label)
                self._candidate(best, label, "institution.unlisted", chosen=True, note="institution_unlisted")
                self.reasons.append(Reason(code="institution_unlisted", detail=label))
                if len(councils) > len(groups):
                    authority_options.extend(councils)
                    self.reasons.append(Reason(code="authority_several", detail=" | ".join(councils)))
                else:
                    authorities.extend(councils)
                continue
            labels = list(dict.fromkeys(entry.label for entry in entries))
            bases = list(dict.fromkeys(entry.name.base if entry.name else entry.label for entry in entries))
            found_councils = list(dict.fromkeys(entry.authority for entry in entries))
            strength = self.finder.strengths[best.mention.rule]
            levels = {entry.level for entry in entries}
            if len(bases) > 1 and len({entry.name.core for entry in entries if entry.name}) == 1 and len(levels - {"special"}) == 1 and best.mention.forms:
                bases = [_common_name(entries, levels)]  # «Kirkhill School» here, «Kirkhill Primary» there: one name, several councils
            if len(bases) > 1:
                institution_options.extend(labels)
                for label in labels[:10]:
                    self._candidate(best, label, best.mention.rule, chosen=False, note="institution_ambiguous")
                self.reasons.append(Reason(code="institution_ambiguous", detail=" | ".join(labels[:10])))
                if len(found_councils) == 1 and found_councils[0]:
                    authorities.append(found_councils[0])
                continue
            if strength < self.finder.thresholds["accept"] or (best.mention.rule == "institution.form-differs" and not set(councils) & set(found_councils)):
                institution_options.extend(labels)
                self._candidate(best, labels[0], best.mention.rule, chosen=False, note="institution_doubtful")
                self.reasons.append(Reason(code="institution_doubtful", detail=f"{best.mention.text} | {labels[0]}"))
                authorities.extend(councils)
                continue
            same_place = len(found_councils) == 1 and len(labels) > 1
            name = labels[0] if len(labels) == 1 else bases[0]
            institutions.append(name)
            self._candidate(best, name, best.mention.rule, chosen=True)
            if same_place and len({entry.name.qualifier for entry in entries if entry.name}) > 1:
                institution_options.extend(labels)
                self.reasons.append(Reason(code="institution_shared", detail=" | ".join(labels)))
            if len(found_councils) == 1:
                if found_councils[0]:
                    authorities.append(found_councils[0])
            else:
                authority_options.extend(council for council in found_councils if council)
                self.reasons.append(Reason(code="authority_ambiguous", detail=f"{name}: {' | '.join(found_councils)}"))
        if not groups:
            if len(alone) == 1 and not self._stated_own(stated):
                authorities.extend(alone)
                self._implied(self.undecided[0], *alone)
            else:
                authorities.extend(self._councils_alone(stated))
            if self.undecided:
                names = [found.mention.entries[0].label if found.mention.entries else found.mention.text for found in self.undecided]
                institution_options.extend(dict.fromkeys(names[:10]))
                self.reasons.append(Reason(code="institution_several", detail=" | ".join(dict.fromkeys(names[:10]))))
                kinds.add("school")
        kind = next(iter(kinds)) if len(kinds) == 1 else ("school" if kinds else self._generic_type())
        chosen_councils = list(dict.fromkeys(authorities))
        self._council_candidates(places, stated, chosen_councils)
        proven = {candidate.value for candidate in self.candidates if candidate.chosen and candidate.slot is Slot.AUTHORITY}
        for council in chosen_councils:
            if council not in proven and groups:
                self._implied(next((f for group in groups for f in group if any(e.authority == council for e in f.mention.entries)), groups[0][0]), council)
        self._losers(founds, chosen)
        return Institutions(
            institutions=tuple(dict.fromkeys(institutions)),
            institution_type=kind,
            authorities=tuple(chosen_councils),
            authority_options=tuple(council for council in dict.fromkeys(authority_options) if council not in chosen_councils or multiple),
            institution_options=tuple(dict.fromkeys(institution_options)),
            candidates=tuple(sorted(self.candidates, key=lambda candidate: not candidate.chosen)[: self.finder.limits["candidates"]]),
            reasons=tuple(dict.fromkeys(self.reasons)),
        )

    def _partner_unread(self, entity: Sequence[Found]) -> bool:
        """Without a list: «it is Reston and Swinton», where only Reston Primary was named in full."""
        if self.gazetteer.by_authority or entity[0].mention.kind != "unlisted":
            return False
        core = entity[0].mention.core
        for text in self.texts:
            norms = [word.norm for word in text.words] if text.zone == "own" else []
            for at in range(len(norms) - len(core) - 1):
                after = at + len(core)
                if norms[at] == core[0] and tuple(norms[at:after]) == core and norms[after] == "and":
                    other = text.words[after + 1]
                    common = other.norm in STOP_WORDS or other.norm in self.finder.vocabulary.never_named or other.norm in self.sender_words
                    if other.capital and len(other.norm) > 3 and not common and not other.raw.isupper():
                        return True
        return False

    def _common_council(self, groups: Sequence[Sequence[Found]]) -> None:
        """«Ferryhill and Harlaw»: a shared name goes with the school beside it, where only one council has both."""
        possible = [{entry.authority for found in group for entry in found.mention.entries} for group in groups]
        sure = {next(iter(councils)) for councils in possible if len(councils) == 1 and councils != {""}}
        if len(sure) != 1:
            return
        council = next(iter(sure))
        for group, councils in zip(groups, possible, strict=True):
            if len(councils) > 1 and council in councils and not any(found.near for found in group):
                for found in group:
                    if mine := tuple(entry for entry in found.mention.entries if entry.authority == council):
                        found.mention = replace(found.mention, entries=mine)

    def _entities(self, chosen: Sequence[Found]) -> list[list[Found]]:
        """Mentions that mean the same institution, in order of first mention."""
        groups: list[list[Found]] = []
        for found in sorted(chosen, key=lambda f: (f.mention.kind == "bare", f.text.order, f.mention.start)):
            for group in groups:
                if any(_same(found.mention, other.mention) for other in group):
                    group.append(found)
                    break
            else:
                if found.mention.kind == "bare" and any(found.mention.core == other.mention.core for group in groups for other in group):
                    continue
                groups.append([found])
        return groups

    def _narrow(
        self, entity: Sequence[Found], stated: dict[str, list[Place]], places: Sequence[Place], refused: Collection[str], multiple: bool
    ) -> tuple[list[Entry], list[str]]:
        """The listed schools that are left when the whole message has been asked, and the councils stated for it."""
        entries: list[Entry] = []
        for found in entity:
            mine = list(found.mention.entries)
            if mine:
                entries = [entry for entry in entries if entry in mine] or (entries if entries else mine)
        near = list(dict.fromkeys(council for found in entity for council in found.sure or found.near))
        own = list(dict.fromkeys(c for zone in ("own", "subject", "attachment") for place in stated.get(zone, ()) for c in place.council.alias.councils))
        signature = list(dict.fromkeys(c for place in stated.get("signature", ()) for c in place.council.alias.councils))
        # councils beside the name first, then those stated anywhere in the member's words, then the signature's
        said = near or (own if not multiple else [c for c in own if any(entry.authority == c for entry in entries)] or own) or signature
        if not entries:
            by_town = list(dict.fromkeys(c for found in entity if len(found.towns) == 1 for c in found.towns if c)) or self._town_in_name(entity)
            if said and by_town and not multiple and not set(said) & set(by_town):
                self.reasons.append(Reason(code="authority_conflict", detail=f"{entity[0].mention.text}: {' | '.join(by_town)}; written: {' | '.join(said)}"))
                return [], by_town
            if not said:
                said = self._towns(entity, places) or by_town
            if near and signature and not set(near) & set(signature) and not multiple:
                self.reasons.append(Reason(code="authority_conflict", detail=f"{near[0]} | {signature[0]}"))
                return [], list(dict.fromkeys([*near, *signature]))
            if len(said) > 1 and not near:
                places = [place for place in places if place.council.alias.kind != PLACE] or places
                attached = [
                    place for place in places if place.attached and place.text.zone in WEIGHT and place.role not in ("home", "former", "other", "denied")
                ]
                said = list(dict.fromkeys(c for place in attached or places for c in place.council.alias.councils if c in said)) or said
            return [], said
        possible = {entry.authority for entry in entries}
        if len(possible) > 1:
            entries = [entry for entry in entries if entry.authority not in refused] or entries
            possible = {entry.authority for entry in entries}
        if said and not near and len(possible) == 1 and not set(said) & possible:
            # A school that stands in one council is not gainsaid by a city that is spoken of elsewhere: «if you've groups in Glasgow».
            aside = {c for zone in ("own", "subject") for place in stated.get(zone, ()) if self._aside(place) for c in place.council.alias.councils}
            said = [council for council in said if council not in aside]
        if said and not set(said) & possible:
            if len(possible) == 1 or len({entry.label for entry in entries}) == 1:
                self.reasons.append(
                    Reason(code="authority_conflict", detail=f"{entries[0].label}: {' | '.join(sorted(possible))}; written: {' | '.join(said)}")
                )
            return entries, said
        if len(possible) > 1 or said:
            agreed = [council for council in said if council in possible]
            other = [council for council in signature if council in possible and council not in agreed]
            if near and other and not multiple and len(possible) > 1:
                self.reasons.append(Reason(code="authority_conflict", detail=f"{agreed[0] if agreed else ''} | {other[0]}"))
                return [entry for entry in entries if entry.authority in (*agreed, *other)], said
            if not near and not multiple and agreed and other and len(possible) > 1:
                self.reasons.append(Reason(code="authority_conflict", detail=f"{agreed[0]} | {other[0]}"))
                return [entry for entry in entries if entry.authority in (*agreed, *other)], said
            if agreed:
                entries = [entry for entry in entries if entry.authority in agreed]
            if signature and not set(signature) & possible and not multiple:
                self.reasons.append(Reason(code="authority_conflict", detail=f"{entries[0].authority} | {signature[0]}"))
        if len(entries) > 1:
            entries = self._by_support(entity, entries, places)
        return entries, said

    @staticmethod
    def _aside(place: Place) -> bool:
        """Whether a city stands by itself, neither beside the school nor called a council."""
        return place.council.alias.kind == PLACE and not place.attached

    def _town_in_name(self, entity: Sequence[Found]) -> list[str]:
        """The council of the town that an unlisted school is named after: «Blairgowrie High School»."""
        for found in entity:
            core = found.mention.core
            if len(core) == 2 and core[0] in _QUARTERS:
                core = core[1:]
            elif len(core) == 2 and core[1] in _QUARTERS:
                core = core[:1]
            alias = self.authorities.aliases.get(core)
            if (
                alias is not None
                and alias.kind == TOWN
                and len(alias.councils) == 1
                and core[0] != "st"
                and found.mention.forms & {"high", "academy", "primary", "grammar"}
            ):
                return list(alias.councils)
        return []

    def _by_support(self, entity: Sequence[Found], entries: list[Entry], places: Sequence[Place]) -> list[Entry]:
        """Namesakes told apart by postcode, town and e-mail domain, in that order."""
        for text in self.texts:
            if text.zone in WEIGHT:
                for match in _POSTCODE.finditer(text.view.folded[:20_000]):
                    same = [entry for entry in entries if entry.school and entry.school.postcode.replace(" ", "").upper() == match[1] + match[2]]
                    if same:
                        return same
        names = list(self._town_words(places))
        said = [entry for entry in entries if entry.name and entry.name.qualifier and entry.name.qualifier in names]
        if said:
            return said
        towns = self._towns(entity, places)
        if same := [entry for entry in entries if entry.authority in towns]:
            return same
        if (
            self.parsed.sender
            and (council := self.authorities.of_domain(self.parsed.sender.domain))
            and (same := [entry for entry in entries if entry.authority == council])
        ):
            self._domain_candidate(council)
            return same
        return entries

    def _town_words(self, places: Sequence[Place]) -> list[tuple[str, ...]]:
        return [
            tuple(word.norm for word in place.text.words[place.council.first : place.council.last])
            for place in places
            if place.role not in ("home", "former", "other", "denied") and place.text.zone in WEIGHT
        ]

    def _towns(self, entity: Sequence[Found], places: Sequence[Place]) -> list[str]:
        near = [council for found in entity for council in found.towns if council]
        if near:
            return list(dict.fromkeys(near))
        return list(
            dict.fromkeys(
                council
                for place in places
                if place.council.alias.kind == TOWN
                and place.role not in ("home", "former", "other", "denied")
                and place.text.zone in ("own", "signature", "subject")
                and (place.attached or place.text.zone == "signature" or place.role == "member")
                for council in place.council.alias.councils
                if council
            )
        )

    def _councils_alone(self, stated: dict[str, list[Place]]) -> list[str]:
        for zone in ("own", "subject", "signature", "attachment"):
            councils = list(dict.fromkeys(council for place in stated.get(zone, ()) for council in place.council.alias.councils))
            if len(councils) == 1:
                return councils
            if councils:
                sure = list(dict.fromkeys(c for place in stated[zone] if place.role == "member" for c in place.council.alias.councils))
                if len(sure) == 1:
                    return sure
                if self._one_breath(stated[zone]):
                    return councils  # «on supply in East and South Ayrshire»
                self.reasons.append(Reason(code="authority_several", detail=" | ".join(councils)))
                return []
        if self.parsed.sender and (council := self.authorities.of_domain(self.parsed.sender.domain)):
            self._domain_candidate(council)
            return [council]
        return []

    def _stated_own(self, stated: Mapping[str, list[Place]]) -> bool:
        return any(stated.get(zone) for zone in ("own", "subject", "signature", "attachment"))

    def _one_breath(self, places: Sequence[Place]) -> bool:
        """Whether councils are told as a list, as those of one who works for several."""
        return all(
            one.text is other.text and other.text.view.folded[one.council.end : other.council.start].strip(" ,/") in ("and", "&", "")
            for one, other in pairwise(sorted(places, key=lambda place: place.council.start))
        )

    def _generic_type(self) -> str | None:
        for text in self.texts:
            if text.zone in ("own", "subject", "signature"):
                for word in text.words:
                    if word.norm in ("lecturer", "lecturers", "college", "fela"):
                        return "college"
                    if word.norm in ("primary", "school", "secondary", "nursery", "academy"):
                        return "school"
        return None

    def _tidy(self, text: str) -> str:
        """The written name with white space, the usual abbreviations and the words for the kind of school put right."""
        saints, spelt = self.finder.vocabulary.saint_short, self.gazetteer.spelt
        pieces = text.split()
        while len(pieces) > 2 and pieces[-1].lower() in ("nursery", "class", "elc", "and", "&") and len(spelt(pieces[-2])) > 0 + (pieces[-1] == "class"):
            pieces.pop()  # «Ashmuir Primary nursery»: the class, not the school's name
        pieces = [piece for piece in pieces if piece.lower() not in ("(special)", "(asn)", "(primary)", "(secondary)")] or pieces
        if "special" in pieces and pieces[0][:1].isupper():
            pieces.remove("special")  # «Ashmuir special school»
        pieces = [_EXPAND.get(piece.lower().replace(".", ""), spelt(piece) or piece) for piece in pieces]
        pieces = [
            "High"
            if index + 1 < len(pieces) and pieces[index + 1].lower() == "school" and fold(piece) != "high" and self.gazetteer.is_high(fold(piece))
            else piece
            for index, piece in enumerate(pieces)
        ]
        for index in range(1, len(pieces)):
            if fold(pieces[index - 1]) == "st" and (long := saints.get(fold(pieces[index]))):
                pieces[index] = (long[:-1] + "'s" if long.endswith("s") else long).capitalize()
        plain = " ".join(pieces)
        return re.sub(r"(?<=\w)'S\b", "'s", plain.title()) if plain.isupper() or text.islower() else plain

    # ------------------------------------------------------------------ evidence
    def _evidence(self, text: Text, start: int, end: int, rule: str) -> Evidence:
        begin, stop = text.view.to_source(start, end)
        return Evidence(where=str(text.view.where), start=begin, end=stop, text=text.view.source[begin:stop], rule=rule)

    def _candidate(self, found: Found, value: str, rule: str, *, chosen: bool, note: str = "", slot: Slot = Slot.INSTITUTION) -> None:
        evidence = self._evidence(found.text, found.mention.start, found.mention.end, rule)
        self.candidates.append(Candidate(slot=slot, value=value, strength=self.finder.strengths[rule], evidence=evidence, chosen=chosen, note=note))

    def _implied(self, found: Found, council: str) -> None:
        self._candidate(found, council, "authority.implied", chosen=True, note="authority_implied", slot=Slot.AUTHORITY)

    def _domain_candidate(self, council: str) -> None:
        value = next(iter(self.parsed.header_values("From")), "")
        domain = self.parsed.sender.domain if self.parsed.sender else ""
        at = value.lower().find(domain)
        if domain and at >= 0:
            evidence = Evidence(where="header:From", start=at, end=at + len(domain), text=value[at : at + len(domain)], rule="authority.domain")
            self.candidates.append(
                Candidate(
                    slot=Slot.AUTHORITY,
                    value=council,
                    strength=self.finder.strengths["authority.domain"],
                    evidence=evidence,
                    chosen=True,
                    note="authority_from_domain",
                )
            )

    def _council_candidates(self, places: Sequence[Place], stated: dict[str, list[Place]], chosen: Collection[str]) -> None:
        counted = {id(place) for several in stated.values() for place in several}
        done: set[str] = set()
        for place in places:
            alias = place.council.alias
            rule = {STRONG: "authority.alias", PLACE: "authority.place", SUPPORT: "authority.support", TOWN: "authority.town"}[alias.kind]
            for council in alias.councils:
                if not council:
                    continue
                takes = council in chosen and (id(place) in counted or alias.kind == TOWN) and council not in done
                if takes:
                    done.add(council)
                note = "" if takes else _NOTES.get(place.role, "")
                self.candidates.append(
                    Candidate(
                        slot=Slot.AUTHORITY,
                        value=council,
                        strength=self.finder.strengths[rule],
                        evidence=self._evidence(place.text, place.council.start, place.council.end, rule),
                        chosen=takes,
                        note=note,
                    )
                )

    def _losers(self, founds: Sequence[Found], chosen: Sequence[Found]) -> None:
        taken = {id(found) for found in chosen}
        for found in founds:
            if id(found) in taken:
                continue
            mention = found.mention
            value = mention.entries[0].label if mention.entries else self._tidy(mention.text)
            if found.text.zone in ("quote", "forwarded"):
                note = "mentioned_in_quote" if found.text.zone == "quote" else "mentioned_in_forwarded"
            else:
                note = _NOTES.get(found.role, "mentioned_in_passing")
            self._candidate(found, value, mention.rule, chosen=False, note=note)


_NOTES = {"former": "mentioned_former", "other": "mentioned_other", "denied": "mentioned_denied", "home": "mentioned_home"}


def _alike(one: Sequence[str], other: Sequence[str]) -> bool:
    """Two spellings of one name, not two names: «Loudon» and «Loudoun»."""
    written, meant = " ".join(one), " ".join(other)
    return min(len(written), len(meant)) > 5 and OSA.distance(written, meant, score_cutoff=2) <= (1 if len(written) < 9 else 2)


def _put(label: str, core: Sequence[str], right: Sequence[str]) -> list[str]:
    """The words of the label with the misspelt ones exchanged."""
    swap = {one: other for one, other in zip(core, right, strict=True) if one != other}
    return [swap[fold(piece)].capitalize() if fold(piece) in swap else piece for piece in label.split()]


def _same(one: Mention, other: Mention) -> bool:
    if one.entries and other.entries:
        return bool({entry.index for entry in one.entries} & {entry.index for entry in other.entries})
    if one.core == other.core:
        return not (one.forms and other.forms) or bool(one.forms & other.forms - {"school"}) or one.forms <= {"school", "rc"} or other.forms <= {"school", "rc"}
    return False


def _common_name(entries: Sequence[Entry], levels: Collection[str]) -> str:
    """The name that most of the namesakes have."""
    bases = [entry.name.base for entry in entries if entry.name]
    if "primary" in levels:
        bases = [base for base in bases if "rimary" in base] or bases
    return max(dict.fromkeys(bases), key=lambda base: (bases.count(base), -len(base)))


_EXPAND = {
    "ps": "Primary School",
    "hs": "High School",
    "chs": "Community High School",
    "acad": "Academy",
    "prim": "Primary",
    "sec": "Secondary",
    "gs": "Grammar School",
}
