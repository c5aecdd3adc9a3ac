"""Narrowing: the listed schools that a name means here, by what the whole message says of council, town, postcode and e-mail domain."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace

from parse.authorities import PLACE, TOWN
from parse.gazetteer import Entry
from parse.gazetteer.wordlists import GAELIC
from parse.institutions.letter import PASSED_OVER, WEIGHT, Found, Letter
from parse.institutions.record import Record
from parse.institutions.stated import Stated

__all__ = ["Narrowing", "common_council"]

_QUARTERS = frozenset(["north", "south", "east", "west", "old", "new", "village"])
_POSTCODE = re.compile(r"\b([A-Z]{1,2}\d{1,2}[A-Z]?)\s?(\d[A-Z]{2})\b")


class Narrowing:
    """``Narrowing(letter, stated, record).narrow(entity, multiple=False)``."""

    def __init__(self, letter: Letter, stated: Stated, record: Record) -> None:
        self.letter, self.stated, self.record = letter, stated, record
        self.outdated = False  # whether the signature names a school that the member's own words rule out

    def narrow(self, entity: Sequence[Found], echoes: Sequence[Found] = (), *, multiple: bool, theirs: Collection[str] = ()) -> tuple[list[Entry], list[str]]:
        """The listed schools that are left when the whole message has been asked, and the councils stated for it.

        ``echoes``: the same name elsewhere in the message, as in the signature.
        ``multiple``: several institutions take part, so that not every council that is stated is this one's.
        ``theirs``: the councils of the others that take part.
        """
        entries: list[Entry] = []
        for found in entity:
            mine = list(found.mention.entries)
            if mine:
                entries = [entry for entry in entries if entry in mine] or (entries if entries else mine)
        near = list(dict.fromkeys(council for found in entity for council in found.sure or found.near))
        own = self.stated.councils("own", "subject", "attachment")
        if multiple:
            own_councils = {entry.authority for entry in entries}
            near = [council for council in near if council in own_councils or council not in theirs]  # «... and Hyndland, so we straddle X, Y and Glasgow»
            known = [council for council in own if council in own_councils]
            told = any(found.role for found in entity)  # «Sir E Scott School in Tarbert, Harris» names no academy of that name
            own = known or [council for council in own if not (told and council in theirs)]
        signature = [] if self.outdated else self.stated.councils("signature")
        # councils beside the name first, then those stated anywhere in the member's words, then the signature's
        said = near or own or signature
        if not entries:
            return [], self._unlisted([*entity, *echoes], near, said, signature, multiple=multiple)
        possible = {entry.authority for entry in entries}
        if len(possible) > 1:
            refused = self.stated.refused()
            entries = [entry for entry in entries if entry.authority not in refused] or entries
            possible = {entry.authority for entry in entries}
        if said and not near and len(possible) == 1 and not set(said) & possible:
            # A school that stands in one council is not gainsaid by another that is spoken of elsewhere: «if you've groups in Glasgow».
            aside = self.stated.aside([*entity, *echoes], alone=not multiple)
            said = [council for council in said if council not in aside]
        if said and not set(said) & possible:
            if len(possible) == 1 or len({entry.label for entry in entries}) == 1:
                self._contradicts(entries, said)
            return entries, said
        firm = self.stated.firmly() if len(possible) == 1 and not multiple and all(found.text.zone == "signature" for found in entity) else []
        if firm and not set(firm) & possible:
            self._contradicts(entries, firm)  # the school is signed with its council, and the letter says another
            return entries, said
        sure = {council for found in entity for council in found.sure}
        if not multiple and len(possible) == 1 and sure & possible and sure - possible:
            self._contradicts(entries, sorted(sure - possible))
        if len(possible) > 1 or said:
            agreed = [council for council in said if council in possible]
            form = self.stated.councils("attachment") if near else []
            other = [council for council in (*signature, *form) if council in possible and council not in agreed]
            if other and not multiple and len(possible) > 1 and (near or agreed):
                self.record.reason("authority_conflict", f"{agreed[0] if agreed else ''} | {other[0]}")
                return [entry for entry in entries if entry.authority in (*agreed, *other)], said
            if agreed:
                entries = [entry for entry in entries if entry.authority in agreed]
            if signature and not set(signature) & possible and not multiple:
                self.record.reason("authority_conflict", f"{entries[0].authority} | {signature[0]}")
        if len(entries) > 1:
            entries = self._of_part(entity, self._by_support(entity, entries))
        return entries, said

    def _of_part(self, entity: Sequence[Found], entries: list[Entry]) -> list[Entry]:
        """Of the schools with one name in one place, the one that has the member's classes: «the primary end of Mid Yell»."""
        if len(entries) < 2 or len({(entry.authority, _place(entry.name.core)) for entry in entries if entry.name}) > 1:
            return entries
        parts = [entry for entry in entries if entry.name and entry.name.part]
        spoken = frozenset(form for found in entity for form in found.mention.forms)
        stage = self.letter.stage or (next(iter(levels)) if parts and len(levels := self.letter.gazetteer.forms.level(spoken)) == 1 else "")
        return [entry for entry in entries if entry.level == stage] or entries

    def _unlisted(self, entity: Sequence[Found], near: list[str], said: list[str], signature: list[str], *, multiple: bool) -> list[str]:
        """The councils of a school that no list knows."""
        by_town = list(dict.fromkeys(c for found in entity if len(found.towns) == 1 for c in found.towns if c)) or self._town_in_name(entity)
        if said and by_town and not multiple and not set(said) & set(by_town):
            self.record.reason("authority_conflict", f"{entity[0].mention.text}: {' | '.join(by_town)}; written: {' | '.join(said)}")
            return by_town
        if not self._sure(entity, near, said, by_town, multiple=multiple):
            self.record.reason("authority_unsure", " | ".join(said or self.stated.of_towns(entity)))
        said = said or self.stated.of_towns(entity) or by_town
        if not near and signature and not multiple and not set(said) & set(signature):
            self.record.reason("authority_conflict", f"{' | '.join(said)} | {signature[0]}")
        if near and signature and not set(near) & set(signature) and not multiple:
            self.record.reason("authority_conflict", f"{near[0]} | {signature[0]}")
            return list(dict.fromkeys([*near, *signature]))
        if len(said) > 1 and not near:
            places = [place for place in self.stated.places if place.council.alias.kind != PLACE] or self.stated.places
            attached = [place for place in places if place.attached and place.text.zone in WEIGHT and place.role not in PASSED_OVER]
            said = list(dict.fromkeys(c for place in attached or places for c in place.council.alias.councils if c in said)) or said
        return said

    def _sure(self, entity: Sequence[Found], near: Sequence[str], said: Sequence[str], by_town: Sequence[str], *, multiple: bool) -> bool:
        """Whether the council is told as that of a school of no list, and not only by a town that is spoken of: «a lady from Aberdeen»."""
        if multiple or self.letter.gazetteer.by_authority:
            return True
        elsewhere = set(self.stated.written())
        if near:
            return any(found.sure for found in entity) or not elsewhere or bool(elsewhere & set(near))
        if said:
            return bool(elsewhere & set(said))
        return bool(by_town) or not self.stated.of_towns(entity) or self.stated.signs_town()

    def _town_in_name(self, entity: Sequence[Found]) -> list[str]:
        """The council of the town that an unlisted school is named after: «Blairgowrie High School»."""
        for found in entity:
            core = found.mention.core
            if len(core) == 2 and core[0] in _QUARTERS:
                core = core[1:]
            elif len(core) == 2 and core[1] in _QUARTERS:
                core = core[:1]
            alias = self.letter.authorities.aliases.get(core)
            if (
                alias is not None
                and alias.kind == TOWN
                and len(alias.councils) == 1
                and core[0] != "st"
                and found.mention.forms & {"high", "academy", "primary", "grammar"}
            ):
                return list(alias.councils)
        return []

    def _contradicts(self, entries: Sequence[Entry], written: Sequence[str]) -> None:
        """A school, and councils written for it that have none of that name."""
        possible = sorted({entry.authority for entry in entries})
        self.record.reason("authority_conflict", f"{entries[0].label}: {' | '.join(possible)}; written: {' | '.join(written)}")

    def _by_support(self, entity: Sequence[Found], entries: list[Entry]) -> list[Entry]:
        """Namesakes told apart by postcode, town and e-mail domain, in that order."""
        for text in self.letter.texts:
            if text.zone in WEIGHT:
                for match in _POSTCODE.finditer(text.view.folded[:20_000]):
                    same = [entry for entry in entries if entry.school and entry.school.postcode.replace(" ", "").upper() == match[1] + match[2]]
                    if same:
                        return same
        names = list(self.stated.town_words())
        said = [entry for entry in entries if entry.name and entry.name.qualifier and entry.name.qualifier in names]
        if said:
            return said
        plain = [entry for entry in entries if entry.name and not entry.name.qualifier]
        if len(plain) == 1 and len({entry.authority for entry in entries}) == 1 and any(found.towns for found in entity):
            return plain  # «Our Lady's High School, Motherwell», and another «- Cumbernauld»
        towns = self.stated.of_towns(entity)
        if same := [entry for entry in entries if entry.authority in towns]:
            return same
        if (
            self.letter.parsed.sender
            and (council := self.letter.authorities.of_domain(self.letter.parsed.sender.domain))
            and (same := [entry for entry in entries if entry.authority == council])
        ):
            self.record.domain_candidate(council)
            return same
        near = self.stated.spoken_of(frozenset(word for found in entity for word in found.mention.core), entity) & {entry.authority for entry in entries}
        return [entry for entry in entries if entry.authority in near] if len(near) == 1 else entries  # «looks out over Linlithgow Loch»


def _place(core: tuple[str, ...]) -> tuple[str, ...]:
    """The name without «Ardsgoil» or «Bunsgoil»."""
    return core[1:] if len(core) > 1 and core[0] in GAELIC else core


def common_council(groups: Sequence[Sequence[Found]]) -> None:
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
