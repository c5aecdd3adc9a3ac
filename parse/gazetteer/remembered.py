"""Names that persons taught: initials, local and misspelt names, schools that no list has, and the domains of their addresses.

A remembered name may hold in one council only. Finding does not ask for that: a mention carries the aliases that it rests
on, and ``parse.institutions.remembered`` says which of them hold in this message.

Promise: a listed name that stands there in full is never hidden; without any alias nothing is looked up.

What it does badly: a remembered word without a form («Porty») counts wherever it is written with a capital letter, so
``refusal`` takes no word that members use otherwise.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from mailroom.model import AliasKind, Remembered
from parse.gazetteer.entries import Entry, Mention
from parse.gazetteer.index import Index
from parse.gazetteer.listed import ListedNames
from parse.gazetteer.passage import Passage
from parse.gazetteer.wordlists import BELONGS_BEHIND
from parse.schoolnames import School, take_apart, words

__all__ = ["RememberedNames", "are_initials"]


def are_initials(written: str) -> bool:
    plain = written.replace(".", "").strip()
    return plain.isalpha() and plain.isupper() and len(plain) <= 7


@dataclass(frozen=True, kw_only=True)
class _Name:
    """One remembered name: ``core`` and the words for the kind of school (``forms``) that it was written with."""

    alias: Remembered
    core: tuple[str, ...]
    forms: frozenset[str]
    initials: bool
    entries: tuple[Entry, ...]


class RememberedNames:
    """``RememberedNames(index, listed, aliases).at(passage, 3, 0)``: the remembered name that begins at word 3, or None."""

    def __init__(self, index: Index, listed: ListedNames, aliases: Sequence[Remembered] = ()) -> None:
        self.index, self.listed = index, listed
        self._by_first: defaultdict[str, list[_Name]] = defaultdict(list)
        self._domains: dict[str, tuple[Remembered, tuple[Entry, ...]]] = {}
        self._made: dict[tuple[str, str], Entry] = {}
        self._labels: defaultdict[str, list[Entry]] = defaultdict(list)
        self._former: defaultdict[str, list[Entry]] = defaultdict(list)
        for entry in index.entries if aliases else ():
            self._labels[entry.label.casefold()].append(entry)
            for former in entry.school.aliases if entry.school is not None else ():
                self._former[former.casefold()].append(entry)
        for alias in aliases:
            if alias.kind is AliasKind.INSTITUTION:
                self._add(alias)
            elif alias.kind is AliasKind.DOMAIN:
                self._domains[alias.written.lower().lstrip("@")] = alias, self.entries(alias.means, alias.stands_in)

    def _add(self, alias: Remembered) -> None:
        name = take_apart(alias.written, self.index.forms)
        plain = alias.written.replace("\u2019", "'")
        core = name.core or tuple(word.norm for word in words(plain))
        if not core:
            return
        forms = name.forms if name.core else frozenset[str]()
        entries = self.entries(alias.means, alias.stands_in)
        self._by_first[core[0]].append(_Name(alias=alias, core=core, forms=forms, initials=are_initials(alias.written), entries=entries))

    def entries(self, name: str, stands_in: str) -> tuple[Entry, ...]:
        """The listed institutions of this name (or former name), in this council if one is given; else one that stands for it."""
        wanted = name.casefold()
        listed = self._labels.get(wanted) or self._former.get(wanted) or []
        if stands_in:
            listed = [entry for entry in listed if entry.authority in (stands_in, "")]
        if listed:
            return tuple(listed)
        key = (wanted, stands_in)
        if key not in self._made:
            school = School(name=name, authority=stands_in)
            apart = take_apart(name, self.index.forms)
            levels = self.index.forms.level(apart.forms)
            self._made[key] = Entry(
                index=-1 - len(self._made),  # its own, and none of a listed one
                label=name,
                authority=stands_in,
                kind="school",
                school=school,
                name=apart,
                level=next(iter(levels)) if len(levels) == 1 else "",
            )
        return (self._made[key],)

    def of_domain(self, domain: str) -> tuple[Remembered, Entry] | None:
        """The institution whose people write from this domain, or from one under it."""
        labels = domain.lower().split(".")
        for start in range(len(labels) - 1):
            found = self._domains.get(".".join(labels[start:]))
            if found is not None and len(found[1]) == 1:
                return found[0], found[1][0]
        return None

    def at(self, passage: Passage, index: int, free: int, without: Collection[int]) -> Mention | None:
        best: Mention | None = None
        for name in self._by_first.get(passage.words[index].norm, ()):
            if name.alias.id in without:
                continue
            mention = self._mention(passage, index, free, name)
            if mention is None:
                continue
            if best is None or mention.last > best.last:
                best = mention
            elif mention.last == best.last:  # the same words, in several councils
                best = passage.mention(
                    index,
                    best.last,
                    kind=best.kind,
                    rule=best.rule,
                    entries=tuple(dict.fromkeys((*best.entries, *mention.entries))),
                    core=best.core,
                    forms=best.forms,
                    remembered=(*best.remembered, *mention.remembered),
                )
        return best

    def _mention(self, passage: Passage, index: int, free: int, name: _Name) -> Mention | None:
        found, end = passage.words, index + len(name.core)
        if tuple(word.norm for word in found[index:end]) != name.core or not all(passage.near(at) for at in range(index, end - 1)):
            return None
        first = found[index]
        introduced = name.initials and index > 0 and found[index - 1].norm in ("at", "from")  # «at phs»
        if not (passage.lower or introduced) and not (first.raw.isupper() if name.initials else first.capital):
            return None
        last = self.index.form_run(passage, end) if end < len(found) else end
        forms = self.index.forms.of([self.index.form(word.norm) for word in found[end:last]])
        levels = self.index.forms.level(forms)
        entries = tuple(entry for entry in name.entries if not levels or entry.level in ("", "special") or entry.level in levels)
        if not entries or bool(name.forms) > bool(forms):
            return None  # «Porty Primary» is not Portobello High; «Bridge» alone is not the Bridge Free School
        if not name.initials:
            belongs = not forms and last < len(found) and found[last].norm in BELONGS_BEHIND and passage.near(last - 1)
            if belongs or self.listed.longer_name(passage, index, free):
                return None
        kind = "college" if entries[0].kind == "college" else "school"
        core = entries[0].name.core if entries[0].name is not None and entries[0].name.core else name.core
        return passage.mention(index, last, kind=kind, rule=name.alias.rule, entries=entries, core=core, forms=forms, remembered=(name.alias,))
