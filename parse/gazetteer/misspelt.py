"""Names that no list has as they are written: the listed school that a slip of the pen must mean.

Promise: one slip in one name explains what was written, or the answer is «doubtful» with all that it may mean.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

from rapidfuzz import process
from rapidfuzz.distance import OSA

from parse.gazetteer.entries import Entry, Mention
from parse.gazetteer.index import MAIN, Index
from parse.gazetteer.wordlists import GAELIC
from parse.schoolnames import words

__all__ = ["Misspelt"]


class Misspelt:
    """``Misspelt(index).second_chance(mention, councils, ...)``: the mention with the listed schools that its spelling must mean."""

    def __init__(self, index: Index) -> None:
        self.index = index

    def second_chance(
        self, mention: Mention, councils: Collection[str], *, beside: bool, before: Sequence[str], score: float, score_council: float, margin: float
    ) -> Mention:
        """The mention with the listed schools that its spelling must mean; if it may mean several, those, as doubtful.

        ``beside``: whether one of the councils stands right beside the name, so that a school elsewhere is no sure answer.
        ``before``: the words before the name, which may belong to it.
        """
        if not self.index.by_authority:
            return mention
        if any(one == "st" and len(norm.rstrip("s")) == 1 for one, norm in zip(mention.core, mention.core[1:], strict=False)):
            short = self._shortened(mention, councils)
            return replace(mention, kind="school", rule="institution.initials", entries=short) if short else mention
        whole = self._whole(mention, before)
        if len(whole) > 1 and len(local := [entry for entry in whole if entry.authority in councils]) == 1:
            whole = local
        if len({entry.label for entry in whole}) == 1 and (not beside or whole[0].authority in councils):
            return replace(mention, kind="school", rule="institution.fuzzy", entries=tuple(whole))
        doubtful: tuple[Entry, ...] = tuple(whole)
        for pool, least, here in ((self._pool(councils), score_council, True), (self._everything, score, False)):
            if not pool:
                continue
            near, sure = self._nearest(mention, pool, least / 100, margin / 100, here=here)
            if sure and (here or not beside):
                return replace(mention, kind="school", rule="institution.fuzzy", entries=near)
            doubtful = doubtful or near
        return replace(mention, rule="institution.doubtful", entries=doubtful) if doubtful else mention

    def _shortened(self, mention: Mention, councils: Collection[str]) -> tuple[Entry, ...]:
        """«St A and St B's High School»: letters for words, only within the councils that the message names."""
        found: list[Entry] = []
        for council in councils:
            for entry in self.index.by_authority.get(council, ()):
                core = entry.name.core if entry.name is not None else ()
                if len(core) == len(mention.core) and all(
                    one == other or (len(one.rstrip("s")) == 1 and other[0] == one[0]) for one, other in zip(mention.core, core, strict=True)
                ):
                    found.append(entry)
        entries, rule = self.index.fitting([(entry, entry.name.forms) for entry in found if entry.name], mention.forms)
        return entries if len({entry.label for entry in entries}) == 1 and rule != "institution.form-differs" else ()

    @cached_property
    def _full_names(self) -> dict[str, list[Entry]]:
        """All words of each listed name, with and without «school» at the end."""
        names: defaultdict[str, list[Entry]] = defaultdict(list)
        for several in self.index.by_authority.values():
            for entry in several:
                full = entry.name.full if entry.name is not None else ()
                for norms in {full, full[:-1] if full[-1:] == ("school",) else full}:
                    if len(" ".join(norms)) > 9:
                        names[" ".join(norms)].append(entry)
        return dict(names)

    def _whole(self, mention: Mention, before: Sequence[str]) -> list[Entry]:
        """Listed schools whose whole name, form words and all, is one letter away: «High Blanyre Primary School»."""
        mine = [word.norm for word in words(mention.text)]
        for count in range(len(before), -1, -1):
            wanted = " ".join([*before[len(before) - count :], *mine])
            hits = [key for key, _, _ in process.extract(wanted, self._full_names.keys(), scorer=OSA.distance, limit=5, score_cutoff=1)]
            if hits:
                return list(dict.fromkeys(entry for key in hits for entry in self._full_names[key]))
        return []

    def _pool(self, councils: Collection[str]) -> dict[str, list[Entry]]:
        pool: defaultdict[str, list[Entry]] = defaultdict(list)
        for council in councils:
            for entry in self.index.by_authority.get(council, ()):
                if entry.name is not None and entry.name.core:
                    core = entry.name.core
                    pool[" ".join(core)].append(entry)
                    if entry.index in self.index.heads:
                        pool[" ".join(self.index.heads[entry.index])].append(entry)
                    while core and core[0] in GAELIC:
                        core = core[1:]
                        if core:
                            pool[" ".join(core)].append(entry)
        return pool

    @cached_property
    def _everything(self) -> dict[str, list[Entry]]:
        return self._pool(self.index.by_authority.keys())

    def _nearest(self, mention: Mention, pool: Mapping[str, list[Entry]], least: float, margin: float, *, here: bool) -> tuple[tuple[Entry, ...], bool]:
        """(the nearest schools, whether one slip of the pen in one name explains what was written).

        One letter off and the only such name of its kind is sure; two letters off only where the name is long
        and the runner-up far. ``here``: the pool is that of the council named, so that a short name may do.
        """
        wanted = " ".join(mention.core)
        if len(wanted) < 3:
            return (), False
        fitting: list[tuple[int, float, tuple[Entry, ...]]] = []
        others: list[tuple[int, tuple[Entry, ...]]] = []
        for key, distance, _ in process.extract(wanted, pool.keys(), scorer=OSA.distance, limit=12, score_cutoff=3):
            likeness = 1 - distance / max(len(key), len(wanted))
            if distance > 1 and (likeness < least - margin or key[0] != wanted[0] or not _same_words(mention.core, key.split())):
                continue
            entries, rule = self.index.fitting([(entry, entry.name.forms) for entry in pool[key] if entry.name], mention.forms)
            alike = tuple(entry for entry in entries if entry.name and entry.name.forms - {"rc"} == mention.forms - {"rc"})
            if alike and not mention.forms & MAIN:
                entries = alike  # «Dycw School»: the one that is called School, not the academy
            plain = mention.forms & MAIN or not any(e.name and e.name.forms & MAIN - {"primary"} for e in entries)
            if entries and rule == "institution.exact" and plain:
                fitting.append((int(distance), likeness, entries))
            elif distance <= 1:
                others.append((int(distance), entries or tuple(pool[key])))
        if not fitting:
            return tuple(entry for _, several in others for entry in several), False
        best, likeness, entries = fitting[0]
        rivals = [several for distance, like, several in fitting[1:] if distance <= 1 or (best > 1 and likeness - like < margin)]
        enough = (len(wanted) > 4 or here) if best <= 1 else likeness >= least and not others
        if enough and not rivals:
            return entries, True
        return tuple(entry for distance, like, several in fitting if distance <= 1 or like >= least for entry in several), False


def _same_words(written: Sequence[str], listed: Sequence[str]) -> bool:
    """A misspelling changes letters within words: no word is added, dropped or exchanged for another."""
    if len(written) != len(listed):
        one, other = "".join(written), "".join(listed)
        return OSA.distance(one, other, score_cutoff=1) <= 1
    return all(
        one == other or (len(one) > 3 and OSA.normalized_similarity(one, other) >= 0.6 and OSA.distance(one, other) <= 1 + len(one) // 5)
        for one, other in zip(written, listed, strict=True)
    )
