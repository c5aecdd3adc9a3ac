"""What was found, chosen and passed over, with the place in the source that shows it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from mailroom.model import Candidate, Evidence, Reason, Slot
from parse.authorities import PLACE, STRONG, SUPPORT, TOWN
from parse.institutions.letter import Found, Letter, Text
from parse.institutions.stated import Stated
from parse.institutions.tidy import tidy

__all__ = ["Record"]

_NOTES = {"former": "mentioned_former", "other": "mentioned_other", "denied": "mentioned_denied", "home": "mentioned_home"}


class Record:
    """The candidates and reasons of one message. Every candidate, also a losing one, keeps its span."""

    def __init__(self, letter: Letter) -> None:
        self.letter = letter
        self.candidates: list[Candidate] = []
        self.reasons: list[Reason] = []

    def _evidence(self, text: Text, start: int, end: int, rule: str) -> Evidence:
        begin, stop = text.view.to_source(start, end)
        return Evidence(where=str(text.view.where), start=begin, end=stop, text=text.view.source[begin:stop], rule=rule)

    def candidate(self, found: Found, value: str, rule: str, *, chosen: bool, note: str = "", slot: Slot = Slot.INSTITUTION) -> None:
        evidence = self._evidence(found.text, found.mention.start, found.mention.end, rule)
        self.candidates.append(Candidate(slot=slot, value=value, strength=self.letter.rules.strength(rule), evidence=evidence, chosen=chosen, note=note))

    def reason(self, code: str, detail: str) -> None:
        self.reasons.append(Reason(code=code, detail=detail))

    def implied(self, found: Found, council: str) -> None:
        self.candidate(found, council, "authority.implied", chosen=True, note="authority_implied", slot=Slot.AUTHORITY)

    def domain_candidate(self, chosen: str, *, slot: Slot = Slot.AUTHORITY, rule: str = "authority.domain", note: str = "authority_from_domain") -> None:
        """A value that is known from the domain of the sender's address."""
        value = next(iter(self.letter.parsed.header_values("From")), "")
        domain = self.letter.parsed.sender.domain if self.letter.parsed.sender else ""
        at = value.lower().find(domain)
        if domain and at >= 0:
            evidence = Evidence(where="header:From", start=at, end=at + len(domain), text=value[at : at + len(domain)], rule=rule)
            self.candidates.append(
                Candidate(
                    slot=slot,
                    value=chosen,
                    strength=self.letter.rules.strength(rule),
                    evidence=evidence,
                    chosen=True,
                    note=note,
                )
            )

    def council_candidates(self, stated: Stated, chosen: Collection[str]) -> None:
        counted = {id(place) for several in stated.by_zone.values() for place in several}
        done: set[str] = set()
        for place in stated.places:
            alias = place.council.alias
            rule = alias.remembered or {STRONG: "authority.alias", PLACE: "authority.place", SUPPORT: "authority.support", TOWN: "authority.town"}[alias.kind]
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
                        strength=self.letter.rules.strength(rule),
                        evidence=self._evidence(place.text, place.council.start, place.council.end, rule),
                        chosen=takes,
                        note=note,
                    )
                )

    def losers(self, founds: Sequence[Found], chosen: Sequence[Found]) -> None:
        taken = {id(found) for found in chosen}
        for found in founds:
            if id(found) in taken:
                continue
            mention = found.mention
            value = mention.entries[0].label if mention.entries else tidy(self.letter.gazetteer, mention.text)
            if found.text.zone in ("quote", "forwarded"):
                note = "mentioned_in_quote" if found.text.zone == "quote" else "mentioned_in_forwarded"
            else:
                note = _NOTES.get(found.role, "mentioned_in_passing")
            self.candidate(found, value, mention.rule, chosen=False, note=note)
