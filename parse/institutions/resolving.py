"""Resolving: what is recorded, offered or asked for each institution that was chosen, and which council goes with it.

What stays open is said: options and a reason, and the field is empty.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from spacy.lang.en.stop_words import STOP_WORDS

from mailroom.model import Candidate, Reason, Slot, ZoneKind
from parse.gazetteer import Entry, Mention
from parse.institutions.letter import PASSED_OVER, WEIGHT, Found, Letter
from parse.institutions.narrowing import Narrowing, common_council
from parse.institutions.record import Record
from parse.institutions.signed import another_signed
from parse.institutions.stated import Stated
from parse.institutions.tidy import tidy
from parse.institutions.unread import unread
from parse.institutions.untold import untold

__all__ = ["Institutions", "Resolving"]


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


@dataclass(kw_only=True)
class _Answer:
    """What comes together while one institution after another is resolved."""

    institutions: list[str] = field(default_factory=list)
    authorities: list[str] = field(default_factory=list)
    authority_options: list[str] = field(default_factory=list)
    institution_options: list[str] = field(default_factory=list)
    kinds: set[str] = field(default_factory=set)


class Resolving:
    """``Resolving(letter, stated).resolve(founds, chosen, undecided)``."""

    def __init__(self, letter: Letter, stated: Stated) -> None:
        self.letter, self.stated = letter, stated
        self.record = Record(letter)
        self.narrowing = Narrowing(letter, stated, self.record)
        self.answer = _Answer()

    def resolve(self, founds: Sequence[Found], chosen: Sequence[Found], undecided: Sequence[Found]) -> Institutions:
        """``chosen``: mentions that count; ``undecided``: those of which none could be chosen."""
        answer, record = self.answer, self.record
        groups, open_ones, alone = self._groups(chosen, undecided)
        self.narrowing.outdated = _signs_former(founds, chosen) or ("explained" in self.letter.said and _signs_another(founds, chosen))
        multiple = len(groups) > 1
        if multiple:
            common_council(groups)
        for entity in groups:
            _take_signed(entity, founds)
            theirs = {entry.authority for group in groups if group is not entity for found in group for entry in found.mention.entries}
            self._one(entity, _echoes(entity, founds), count=len(groups), theirs=theirs)
        if not groups:
            self._none(open_ones, alone)
        councils = list(dict.fromkeys(answer.authorities))
        record.council_candidates(self.stated, councils)
        proven = {candidate.value for candidate in record.candidates if candidate.chosen and candidate.slot is Slot.AUTHORITY}
        for council in councils:
            if council not in proven and groups:
                record.implied(next((f for group in groups for f in group if any(e.authority == council for e in f.mention.entries)), groups[0][0]), council)
        record.losers(founds, chosen)
        passed_on = any(zone.kind is ZoneKind.FORWARDED for zone in self.letter.parsed.zones)  # whose signature is it?
        if (
            "explained" not in self.letter.said
            and not passed_on
            and not _signs_former(founds, chosen)
            and (two := another_signed(record.candidates, self.letter.rules.vocabulary.forms, sure=self._sure()))
        ):
            record.reason("signed_elsewhere", " | ".join(two))
        if groups and (others := untold(self.letter, founds, chosen)):
            record.reason(
                "school_untold", " | ".join(dict.fromkeys(found.mention.entries[0].label if found.mention.entries else found.mention.text for found in others))
            )
        if groups and (unread_names := unread(self.letter, founds, [found for group in groups for found in group])):
            record.reason("institution_unread", " | ".join(dict.fromkeys(unread_names)))
        kinds = answer.kinds
        return Institutions(
            institutions=tuple(dict.fromkeys(answer.institutions)),
            institution_type=next(iter(kinds)) if len(kinds) == 1 else ("school" if kinds else self._generic_type()),
            authorities=tuple(councils),
            authority_options=tuple(council for council in dict.fromkeys(answer.authority_options) if council not in councils or multiple),
            institution_options=tuple(dict.fromkeys(answer.institution_options)),
            candidates=tuple(sorted(record.candidates, key=lambda candidate: not candidate.chosen)[: self.letter.rules.limits["candidates"]]),
            reasons=tuple(dict.fromkeys(record.reasons)),
        )

    def _sure(self) -> float:
        """The strength of a name in full: where no list is given, all names are in none."""
        return self.letter.rules.strength("institution.exact" if self.letter.gazetteer.by_authority else "institution.unlisted")

    def _groups(self, chosen: Sequence[Found], undecided: Sequence[Found]) -> tuple[list[list[Found]], Sequence[Found], set[str]]:
        """(mentions by institution, those left open, the councils of the one that was found where several were told of)."""
        groups = _entities(chosen)
        if len(groups) > self.letter.rules.limits["institutions"]:  # a list of schools, not a member's letter
            return [], [found for group in groups[:10] for found in group[:1]], set()
        if len(groups) == 1 and ("several" in self.letter.said or self._partner_unread(groups[0])) and groups[0][0].text.zone == "own":
            only = groups[0][0]  # «put in both schools», and only one was found
            return [], [only], {entry.authority for entry in only.mention.entries} - {""}
        return groups, undecided, set()

    def _one(self, entity: Sequence[Found], echoes: Sequence[Found], *, count: int, theirs: Collection[str]) -> None:
        """One institution and its ``echoes`` elsewhere in the message; ``count``: how many take part; ``theirs``: the councils of the others."""
        answer = self.answer
        best = max(entity, key=lambda found: (WEIGHT[found.text.zone], found.role == "member", found.mention.kind != "bare"))
        if best.mention.kind == "college":
            entry = best.mention.entries[0]
            answer.kinds.add("college")
            answer.institutions.append(entry.label)
            self.record.candidate(best, entry.label, best.mention.rule, chosen=True)
            return
        answer.kinds.add("school")
        entries, councils = self.narrowing.narrow(entity, echoes, multiple=count > 1, theirs=theirs)
        if entries:
            self._listed(best, entries, councils)
        elif best.doubtful:
            labels = list(dict.fromkeys(entry.label for entry in best.doubtful))
            self._ask(best, labels, labels[0], "institution.fuzzy", f"{best.mention.text} | {' | '.join(labels[:5])}", councils)
        elif best.spellings and not any(found.mention.core == best.mention.core and not found.spellings for found in entity):
            labels = list(dict.fromkeys(tidy(self.letter.gazetteer, text) for text in best.spellings))
            self._ask(best, labels, labels[-1], "institution.unlisted", f"{best.mention.text} | {' | '.join(labels)}", councils)
        else:
            self._unlisted(best, councils, count)

    def _ask(self, best: Found, labels: Sequence[str], shown: str, rule: str, detail: str, councils: Sequence[str]) -> None:
        """A name that may be a slip of the pen is offered, not recorded."""
        self.answer.institution_options.extend(labels)
        self.record.candidate(best, shown, rule, chosen=False, note="institution_doubtful")
        self.record.reason("institution_doubtful", detail)
        self.answer.authorities.extend(councils)

    def _unlisted(self, best: Found, councils: Sequence[str], count: int) -> None:
        """A name that no list knows is recorded as it is written."""
        answer, label = self.answer, tidy(self.letter.gazetteer, best.mention.text)
        if "college" in best.mention.forms and self.letter.only_lecturer:
            answer.kinds = answer.kinds - {"school"} | {"college"}
        answer.institutions.append(label)
        self.record.candidate(best, label, "institution.unlisted", chosen=True, note="institution_unlisted")
        self.record.reason("institution_unlisted", label)
        if len(councils) > count:
            answer.authority_options.extend(councils)
            self.record.reason("authority_several", " | ".join(councils))
        else:
            answer.authorities.extend(councils)

    def _listed(self, best: Found, entries: Sequence[Entry], councils: Collection[str]) -> None:
        answer, mention = self.answer, best.mention
        entries = _of_form(mention, entries)
        labels = list(dict.fromkeys(entry.label for entry in entries))
        bases = list(dict.fromkeys(map(_base, entries)))
        possible = list(dict.fromkeys(entry.authority for entry in entries))
        levels = {entry.level for entry in entries}
        kind_told = bool(mention.forms or self.letter.stage) and len(possible) > 1
        if len(bases) > 1 and len({entry.name.core for entry in entries if entry.name}) == 1 and len(levels - {"special"}) == 1 and kind_told:
            bases = [_common_name(entries, levels)]  # «Kirkhill School» here, «Kirkhill Primary» there: one name, several councils
        if len(bases) > 1:
            answer.institution_options.extend(labels)
            for label in labels[:10]:
                self.record.candidate(best, label, mention.rule, chosen=False, note="institution_ambiguous")
            self.record.reason("institution_ambiguous", " | ".join(labels[:10]))
            if len(possible) == 1 and possible[0]:
                answer.authorities.append(possible[0])
            return
        weak = self.letter.rules.strength(mention.rule) < self.letter.rules.thresholds["accept"]
        if weak or (mention.rule == "institution.form-differs" and not set(councils) & set(possible)):
            self._ask(best, labels, labels[0], mention.rule, f"{mention.text} | {labels[0]}", list(councils))
            return
        name = labels[0] if len(labels) == 1 else bases[0]
        answer.institutions.append(name)
        self.record.candidate(best, name, mention.rule, chosen=True)
        if len(possible) == 1 and len(labels) > 1 and len({entry.name.qualifier for entry in entries if entry.name}) > 1:
            answer.institution_options.extend(labels)
            self.record.reason("institution_shared", " | ".join(labels))
        if len(possible) > 1:
            answer.authority_options.extend(council for council in possible if council)
            self.record.reason("authority_ambiguous", f"{name}: {' | '.join(possible)}")
        elif possible[0]:
            answer.authorities.append(possible[0])

    def _none(self, undecided: Sequence[Found], alone: Collection[str]) -> None:
        """No institution: the councils that are known without one, and what is left to choose among."""
        answer = self.answer
        if len(alone) == 1 and self.stated.nowhere():
            answer.authorities.extend(alone)
            self.record.implied(undecided[0], *alone)
        else:
            councils, several = self.stated.without_a_school()
            sender = self.letter.parsed.sender
            if several:
                self.record.reason("authority_several", " | ".join(several))
            elif not undecided and sender and (known := self._of_address(sender.domain)) and not (councils and known[1].authority not in councils):
                rule, school = known
                self.record.domain_candidate(school.label, slot=Slot.INSTITUTION, rule=rule, note="institution_from_domain")
                answer.institutions.append(school.label)
                answer.kinds.add(school.kind)
                if school.authority:
                    self.record.domain_candidate(school.authority, rule=rule, note="authority_implied")
                    councils = [school.authority]
            elif not councils and sender and (council := self.letter.authorities.of_domain(sender.domain)):
                self.record.domain_candidate(council)
                councils = [council]
            answer.authorities.extend(councils)
        if undecided:
            names = [found.mention.entries[0].label if found.mention.entries else found.mention.text for found in undecided]
            answer.institution_options.extend(dict.fromkeys(names[:10]))
            self.record.reason("institution_several", " | ".join(dict.fromkeys(names[:10])))
            answer.kinds.add("school")

    def _of_address(self, domain: str) -> tuple[str, Entry] | None:
        """The one institution that the sender's domain is remembered for, or whose name it is («a.ross@lochaberhigh.example»), and by which rule."""
        if (taught := self.letter.gazetteer.remembered.of_domain(domain)) is not None:
            return taught[0].rule, taught[1]
        entries = {entry for label in domain.lower().split(".") for entry in self.letter.gazetteer.addresses.get(label.replace("-", ""), ())}
        return ("institution.address", entries.pop()) if len(entries) == 1 else None

    def _partner_unread(self, entity: Sequence[Found]) -> bool:
        """Without a list: «it is Reston and Swinton», where only Reston Primary was named in full."""
        if self.letter.gazetteer.by_authority or entity[0].mention.kind != "unlisted":
            return False
        core = entity[0].mention.core
        for text in self.letter.texts:
            norms = [word.norm for word in text.words] if text.zone == "own" else []
            for at in range(len(norms) - len(core) - 1):
                after = at + len(core)
                if norms[at] == core[0] and tuple(norms[at:after]) == core and norms[after] == "and":
                    other = text.words[after + 1]
                    common = other.norm in STOP_WORDS or other.norm in self.letter.rules.vocabulary.never_named or other.norm in self.letter.sender_words
                    if other.capital and len(other.norm) > 3 and not common and not other.raw.isupper():
                        return True
        return False

    def _generic_type(self) -> str | None:
        for text in self.letter.texts:
            if text.zone in ("own", "subject", "signature"):
                for word in text.words:
                    if word.norm in ("lecturer", "lecturers", "college", "fela"):
                        return "college"
                    if word.norm in ("primary", "school", "secondary", "nursery", "academy"):
                        return "school"
        return None


def _echoes(entity: Sequence[Found], founds: Sequence[Found]) -> list[Found]:
    """The same institution named once more, in another zone or without a word on whose it is."""
    taken = {id(found) for found in entity}
    return [
        found
        for found in founds
        if id(found) not in taken and found.text.zone in WEIGHT and found.role not in PASSED_OVER and any(_same(found.mention, one.mention) for one in entity)
    ]


def _of_form(mention: Mention, entries: Sequence[Entry]) -> Sequence[Entry]:
    """«in Ashmuir, at the Academy»: the Academy, where the High School is in the same council."""
    named = [entry for entry in entries if entry.name and mention.forms - {"school"} and mention.forms - {"school"} <= entry.name.forms]
    one_council = len({entry.authority for entry in entries}) == 1
    return named if one_council and len({entry.label for entry in named}) == 1 else entries


def _base(entry: Entry) -> str:
    """The name without the town behind it by which a list tells namesakes apart."""
    return entry.name.base if entry.name else entry.label


def _signs_former(founds: Sequence[Found], chosen: Sequence[Found]) -> bool:
    """«I am no longer at Ashmuir», above a signature of Ashmuir Primary: its council is no longer the member's either."""
    gone = {found.mention.core for found in founds if found.role in ("former", "denied") and found.text.zone == "own"}
    gone -= {found.mention.core for found in chosen}
    return any(found.text.zone == "signature" and found.mention.core in gone for found in founds)


def _signs_another(founds: Sequence[Found], chosen: Sequence[Found]) -> bool:
    """Whether the signature names a school in full, and none of those that were chosen in the member's own words."""
    own = {entry for found in chosen if found.text.zone == "own" for entry in found.mention.entries}
    signed = [found for found in founds if found.text.zone == "signature"]
    in_full = any(found.mention.kind == "school" for found in signed)
    return bool(own) and in_full and not any(own & set(found.mention.entries) for found in signed)


def _take_signed(entity: Sequence[Found], founds: Sequence[Found]) -> None:
    """«There's an Ashmuir in Paisley and one in Renfrew», signed «Ashmuir Primary, Paisley»: of namesakes told apart, the one that is signed with.

    Only where no word says whose the other is.
    """
    cores = {found.mention.core for found in entity}
    mine = {entry for found in entity for entry in found.mention.entries}
    signed = {
        found.mention.entries
        for found in founds
        if found.text.zone == "signature" and found.mention.kind == "school" and len(found.mention.entries) == 1 and found.mention.core in cores
    }
    if len(signed) != 1 or len(mine) != 1 or any(found.role for found in entity):
        return
    ((other,),) = signed
    if other not in mine and _base(other) == _base(next(iter(mine))):  # «Ashmuir High» is no namesake of «Ashmuir Academy»
        for found in entity:
            found.mention = replace(found.mention, entries=(other,))


def _entities(chosen: Sequence[Found]) -> list[list[Found]]:
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
