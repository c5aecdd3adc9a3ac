"""Names of schools taken apart, so that one spelling finds all the others.

A name is a sequence of folded words: no case, no accents, no apostrophes, «Saint» and «St.» are «st»,
«&» is «and», «R.C.» and «Roman Catholic» are «rc», hyphens separate. A school's name is then its core
(«st marys»), its form (primary, school) and a qualifier («- Coatbridge»): the core is what the
gazetteer looks up, the form what narrows it, the qualifier what tells namesakes apart.

Promise: ``words`` keeps the offsets of each word in the text it was given; it is linear.

What it does badly: it knows nothing of Gaelic lenition, and a name that is all form («The High
School») has no core and is only found in full.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from rapidfuzz.distance import OSA

__all__ = ["Forms", "Name", "School", "Word", "fold", "words"]


@dataclass(frozen=True, kw_only=True, slots=True)
class School:
    """A listed school. ``authority`` is the short form, "" for schools that no council runs."""

    name: str
    authority: str
    sector: str = ""  # primary, secondary, special, or "" unknown
    postcode: str = ""
    aliases: tuple[str, ...] = ()  # other or former names, and remembered abbreviations
    seed_code: str = ""


class Word(NamedTuple):
    """A folded word and where it stands in the text. ``raw`` is as written."""

    norm: str
    raw: str
    start: int
    end: int

    @property
    def capital(self) -> bool:
        return self.raw[:1].isupper()


_WORD = re.compile(r"(?:[A-Za-z]\.){2,8}(?:[A-Za-z]\b)?|[^\W_]+(?:'[^\W_]+)*|&")
_TWO_WORDS = {("roman", "catholic"), ("r", "c")}
_SAME = {"saint": "st", "&": "and", "snt": "st"}


@lru_cache(maxsize=50_000)
def fold(word: str) -> str:
    """One word without case, accents, apostrophes and dots."""
    plain = word.lower() if word.isascii() else unicodedata.normalize("NFKD", word.lower()).encode("ascii", "ignore").decode()
    if "'" in plain:
        plain = re.sub(r"s's$", "s", plain).replace("'", "")
    plain = plain.replace(".", "")
    return _SAME.get(plain, plain)


def words(text: str) -> list[Word]:
    """The words of a text whose quotes are straight (a TextView's). «Roman Catholic» becomes one word."""
    found: list[Word] = []
    for match in _WORD.finditer(text):
        raw = match[0]
        norm = fold(raw)
        if not norm:
            continue
        if found and ((found[-1].norm, norm) in _TWO_WORDS or _roman_catholic(found[-1].norm, norm)) and match.start() - found[-1].end <= 2:
            first = found.pop()
            found.append(Word("rc", text[first.start : match.end()], first.start, match.end()))
        else:
            found.append(Word(norm, raw, match.start(), match.end()))
    return found


@lru_cache(maxsize=10_000)
def _roman_catholic(one: str, other: str) -> bool:
    """«Roman Catholic», also with a slip of the pen in each word, or cut short."""
    if one == "roman" and other.startswith("cat"):
        return True
    return (
        4 <= len(one) <= 6 and 7 <= len(other) <= 9 and OSA.distance(other, "catholic", score_cutoff=1) <= 1 and OSA.distance(one, "roman", score_cutoff=1) <= 1
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Forms:
    """The words that say what kind of school it is, from programme data.

    ``words`` maps each folded spelling to its form or forms (hs: high, school); ``levels`` each form to
    primary, secondary, college or "" (says nothing).
    """

    words: Mapping[str, tuple[str, ...]]
    levels: Mapping[str, str]

    def of(self, norms: Sequence[str]) -> frozenset[str]:
        return frozenset(form for norm in norms for form in self.words.get(norm, ()))

    def level(self, forms: frozenset[str]) -> frozenset[str]:
        return frozenset(level for form in forms if (level := self.levels.get(form, "")))


@dataclass(frozen=True, kw_only=True, slots=True)
class Name:
    """A school's name taken apart. ``base`` is the name as written, less its qualifier."""

    base: str
    core: tuple[str, ...]
    forms: frozenset[str]
    qualifier: tuple[str, ...]
    full: tuple[str, ...]  # all words of the base, for names that are all form
    part: str = ""  # primary, secondary: the department of a school for all ages that this is


_SUFFIX = re.compile(
    r"\s+-\s*(?P<dash>[^()]+)$|\s*-\s+(?P<dash2>[^()]+)$|\s*\((?P<bracket>[^()]*)\)\s*$|,\s*(?P<comma>[^,()]+)$|-(?P<level>Primary|Secondary)$"
)
_LEADING = frozenset({"the"})


def take_apart(name: str, forms: Forms) -> Name:
    """Split a listed name into core, form words and qualifier."""
    base = name.replace("\u2019", "'").strip()
    qualifier: tuple[str, ...] = ()
    extra: frozenset[str] = frozenset()
    while (match := _SUFFIX.search(base)) is not None and match.start() > 0:
        said = tuple(word.norm for word in words(next(group for group in match.groups() if group is not None)))
        if said and all(norm in forms.words for norm in said):
            extra |= forms.of(said)
        else:
            qualifier = said + qualifier
        base = base[: match.start()].rstrip(" ,-")
    norms = [word.norm for word in words(base)]
    part = _part(extra, norms, forms)
    core = [norm for norm in norms if norm not in _LEADING or norm != norms[0]]
    found = forms.of([norm for norm in core if norm in forms.words]) | extra
    middle = re.fullmatch(r"(.+?)\s*\(([^()]+)\)\s*(.+)", base)  # «St Monica's (Milton) Primary School»
    if middle is not None:
        qualifier += tuple(word.norm for word in words(middle[2]))
        norms = [word.norm for word in words(f"{middle[1]} {middle[3]}")]
        core = list(norms)
    while core and (core[-1] in forms.words or core[-1] in ("and", "class")):
        core.pop()
    lead = 0
    while lead < len(core) and (core[lead] in forms.words or core[lead] in ("the", "of", "for")):
        lead += 1
    if lead < len(core) and (lead == 0 or core[lead - 1] in ("of", "for", "the")):
        core = core[lead:]  # «Community School of Auchterarder», «The Mary Russell School»
    return Name(base=base, core=tuple(norm for norm in core if norm != "rc"), forms=found, qualifier=qualifier, full=tuple(norms), part=part)


def _part(extra: frozenset[str], norms: Sequence[str], forms: Forms) -> str:
    """«Mid Yell Junior High School - Primary», «Castlebay School Secondary»."""
    said = {form for form in extra if form in ("primary", "secondary")}
    if len(norms) > 2 and norms[-1] in ("primary", "secondary") and forms.of(norms[-2:-1]) & {"school", "campus"}:
        said.add(norms[-1])
    return said.pop() if len(said) == 1 else ""
