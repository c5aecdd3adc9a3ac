"""The first name in «Dear Anna», where the display name leaves no doubt; otherwise none.

A wrong name is worse than none. The words it goes by are programme data (``replies/salutation.yaml``).

Two things have to be sure: that a person is meant, and which word is the first name. «Smith Jane» is how some
address books write Jane Smith, and «Gordon Ross» is one person or the other. So the first word counts where it
is hardly ever anything else («Jane»), where a comma turns the order («Smith, Jane»), or where the address says
it (gordon.ross@, gross@).

What it does badly: an address in the order family.first (Zhang Wei, zhang.wei@) is believed; people who go by
another name than the one displayed are greeted by the displayed one.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from mailroom.errors import ProgrammeError
from mailroom.yamlfile import Lined, load_yaml

__all__ = ["NameRules", "first_name", "load_names"]


@dataclass(frozen=True, kw_only=True, slots=True)
class NameRules:
    given_names: frozenset[str]  # without accents
    titles: frozenset[str]
    particles: frozenset[str]
    not_people: frozenset[str]
    second_halves: frozenset[str]


_KEYS = ("given_names", "titles", "particles", "not_people", "second_halves")
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_BRACKETS_AT_END = re.compile(r"\s*[(\[][^()\[\]]*[)\]]\s*$")
_MAX_WORDS = 5


def load_names(path: Path) -> NameRules:
    """Read salutation.yaml; raises ProgrammeError."""
    data = load_yaml(path)
    lines = data.lines if isinstance(data, Lined) else {}
    for key in data.keys() - {*_KEYS, "__line__"}:
        raise ProgrammeError(path.name, lines.get(key), f"unknown key «{key}»; known here: {', '.join(_KEYS)}")
    words: dict[str, frozenset[str]] = {}
    for key in _KEYS:
        values = data.get(key)
        if not isinstance(values, list):
            raise ProgrammeError(path.name, lines.get(key), f"«{key}» should be a list of words")
        flat = [word for value in values for word in (value if isinstance(value, list) else [value])]
        for value in flat:
            if not isinstance(value, str):
                raise ProgrammeError(path.name, lines.get(key), f"«{key}»: {value!r} is no text (put it in quotation marks)")
        words[key] = frozenset(_bare(value) if key == "given_names" else value.casefold() for value in flat)
    return NameRules(**words)


def first_name(display_name: str, address: str, rules: NameRules) -> str | None:
    """The name to greet with, or None. ``address`` helps to tell the order of names."""
    text = unicodedata.normalize("NFC", " ".join(display_name.split())).strip("\"' ")
    text = _BRACKETS_AT_END.sub("", text)
    head, comma, tail = (part.strip() for part in text.partition(","))
    if comma:
        return _after_comma(head, tail, rules)
    words = _words(text, rules)
    if words is None or len(words) < 2:  # one word may be a family name, a user name, a team
        return None
    name = words[0]
    if len(words) > 2 and (words[1].casefold() in rules.second_halves):
        return None
    if name.casefold() in rules.particles or not _is_first(words, address, rules):
        return None
    return _given(name, shouted=text.isupper(), whispered=text.islower())


def _is_first(words: list[str], address: str, rules: NameRules) -> bool:
    """Whether the first word is the first name, and not the family's."""
    family = words[1:] if words[1].casefold() in rules.particles else words[-1:]  # «Ó Briain», «van der Berg»
    first, last = _bare(words[0]), _bare("".join(family))
    order = _order(re.sub(r"[^a-z]", "", first), re.sub(r"[^a-z]", "", last), address)
    if order is not None:
        return order
    halves = (first, *(first.split("-") if words[0].count("-") == 1 else ()))  # «Kelly-Marie»
    return any(half in rules.given_names for half in halves) and last not in rules.given_names


def _order(first: str, last: str, address: str) -> bool | None:
    """What the address says: True for first.last, first-last, firstlast and flast, False for the two the other way round."""
    local = _bare(address.rpartition("@")[0])
    parts = [part for part in re.split(r"[^a-z]+", local) if part]
    if len(parts) == 3 and parts[0] + parts[1] in (first, last):  # anne-marie.reid@
        parts = [parts[0] + parts[1], parts[2]]
    if first == last or not parts:
        return None
    for one, other, said in ((first, last, True), (last, first, False)):
        initial = len(other) > 2 and parts in ([one[0], other], [one[0] + other])
        if (parts[0], parts[-1]) == (one, other) or parts == [one + other] or initial:
            return said
    return None


def _after_comma(family: str, given: str, rules: NameRules) -> str | None:
    """«McCubbin, Wilma» and «VAN DER BERG, Anna», but not «Anna Reid, Perth» or «Anna Reid, BEd»."""
    family_words, given_words = _words(family, rules), _words(given, rules)
    if not family_words or not given_words or len(given_words) > 2:
        return None
    if len(family_words) > 1 and not family.isupper() and family_words[0].casefold() not in rules.particles:
        return None
    name = given_words[0]
    if len(given_words) > 1 and given_words[1].casefold() in rules.second_halves:
        return None
    if name.casefold() in rules.particles:
        return None
    return _given(name, shouted=given.isupper(), whispered=given.islower())


def _words(text: str, rules: NameRules) -> list[str] | None:
    """The words of a name without titles; None where a word or sign shows that it is no person's name."""
    words = text.split()
    while words and words[0].rstrip(".").casefold() in rules.titles:
        words = words[1:]
    if not words or len(words) > _MAX_WORDS:
        return None
    for word in words:
        bare = word.rstrip(".") if len(word.rstrip(".")) == 1 else word
        if not _WORD.fullmatch(bare) and not re.fullmatch(r"[^\W\d_]['’]", bare):  # «a'» as in Mac a' Ghobhainn
            return None
        if (
            bare.casefold() in rules.not_people
            or re.search(r"['’]s$", bare.casefold())
            or not all("LATIN" in unicodedata.name(c, "") for c in bare if c.isalpha())
        ):
            return None
        if re.search(r"[a-z][A-Z]", bare) and not re.match(r"(?:Mac|Mc|Nic|De|Di|La|Le|Fitz|O['’])[A-Z]", bare):  # ThinkSchool
            return None
    return words


def _given(name: str, *, shouted: bool, whispered: bool) -> str | None:
    if len(name.rstrip(".")) < 2 or (name.isupper() and not shouted) or len(name) > 30:  # initials: «J», «JD Smith»
        return None
    if not re.search("[aeiouy]", _bare(name)):
        return None
    if shouted or whispered:
        return re.sub(r"[^\W\d_]+", lambda match: match[0].capitalize(), name)
    return name if name[0].isupper() else None


_LETTERS = str.maketrans({"ł": "l", "ø": "o", "æ": "ae", "œ": "oe", "đ": "d", "ð": "d", "þ": "th", "’": "'", "ı": "i"})


def _bare(word: str) -> str:
    """Lower case, without accents: how a name stands in an address."""
    return "".join(c for c in unicodedata.normalize("NFD", word.casefold()).translate(_LETTERS) if not unicodedata.combining(c))
