"""The first name in «Dear Anna», where the display name leaves no doubt; otherwise none.

A wrong name is worse than none. The words it goes by are programme data (``replies/salutation.yaml``).

What it does badly: names written family name first without a comma («Wei Zhang» or «Zhang Wei») are told
apart only where the address shows the order; people who go by another name than the one displayed are
greeted by the displayed one.
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
    titles: frozenset[str]
    particles: frozenset[str]
    not_people: frozenset[str]
    second_halves: frozenset[str]


_KEYS = ("titles", "particles", "not_people", "second_halves")
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
        for value in values:
            if not isinstance(value, str):
                raise ProgrammeError(path.name, lines.get(key), f"«{key}»: {value!r} is no text (put it in quotation marks)")
        words[key] = frozenset(value.casefold() for value in values)
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
    if name.casefold() in rules.particles or _family_first(words, address):
        return None
    return _given(name, shouted=text.isupper(), whispered=text.islower())


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
        if bare.casefold() in rules.not_people or not all("LATIN" in unicodedata.name(c, "") for c in bare if c.isalpha()):
            return None
        if re.search(r"[a-z][A-Z]", bare) and not re.match(r"(?:Mac|Mc|Nic|De|Di|La|Le|Fitz|O['’])[A-Z]", bare):  # ThinkSchool
            return None
    return words


def _given(name: str, *, shouted: bool, whispered: bool) -> str | None:
    if len(name.rstrip(".")) < 2 or (name.isupper() and not shouted) or len(name) > 30:  # initials: «J», «JD Smith»
        return None
    if not re.search("[aeiouyàáèéìíòóùúâêîôûäëïöüæøå]", name.casefold()):
        return None
    if shouted or whispered:
        return re.sub(r"[^\W\d_]+", lambda match: match[0].capitalize(), name)
    return name if name[0].isupper() else None


def _family_first(words: list[str], address: str) -> bool:
    """Whether the address says ``last.first`` of what the display name says ``first last``."""
    parts = [part for part in re.split(r"[._-]", address.partition("@")[0].casefold()) if part]
    first, last = words[0].casefold(), words[-1].casefold()
    return len(parts) >= 2 and parts[0] == last and parts[-1] == first
