"""The fields of an entry as the item page shows them: value, why, runners-up, and what is missing.

From a registration (or, before there is one, from a reading alone) and the readings of its messages, in the order
in which a person looks at them: what is missing or unsure comes first. A runner-up is a value that was found and not
taken; each has the key that picks it. Nothing here decides: what a person picks is checked by the office.

Keys. Digits pick runners-up, from the top of the page down. Activities and sessions are the programme's own few, so
each has a letter that is always the same one, whatever the message says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from desk.evidence import Mark
from desk.office import Place, Words
from desk.words import FIELD_ORDER, FIELD_TAGS, FIELD_WORDS, reason_words, rule_words, where_words
from mailroom.model import Candidate, Evidence, Kind, Reading, Slot
from mailroom.printing import printable
from store import FieldValue, Registration

__all__ = ["REQUIRED", "Box", "Field", "Option", "Taken", "Value", "Why", "fields_of", "marks_of", "taken_from"]

REQUIRED = ("institution", "authority", "activity")
DIGITS = "123456789"
BOX_KEYS = "zxcvbhjkl"  # of activities, then sessions
_MOST_OPTIONS = {"institution": 4, "authority": 3, "topic": 3}
_MOST_PHRASES = {"activity": 3}
_WEAK_TOPIC = 0.35


@dataclass(frozen=True, kw_only=True, slots=True)
class Why:
    """One reason for a value: their words, where they stand and what kind of sign it is; or the person who said so."""

    phrase: str = ""
    where: str = ""
    rule: str = ""
    person: str = ""
    message_id: int | None = None  # where that is another message than the one beside it


@dataclass(frozen=True, kw_only=True, slots=True)
class Value:
    value: str
    label: str
    hint: str = ""
    whys: tuple[Why, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    """A runner-up. ``use`` is what the button says to the form; ``note``: why it was not taken."""

    field: str
    value: str
    label: str
    hint: str
    use: str
    key: str = ""
    phrase: str = ""
    note: str = ""
    council: str = ""
    mark: tuple[str, int, int] | None = None  # where, start, end in the message shown


@dataclass(frozen=True, kw_only=True, slots=True)
class Box:
    """An activity or a session with its checkbox."""

    value: str
    label: str
    letter: str
    key: str
    checked: bool
    was: bool  # checked in the entry as it stands
    whys: tuple[Why, ...] = ()
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """``state``: missing, unsure, empty (and may be) or set. ``typed`` is what the inputs show, ``values`` what the entry has."""

    slot: str
    label: str
    state: str
    values: tuple[Value, ...]
    typed: tuple[str, ...]
    options: tuple[Option, ...] = ()
    boxes: tuple[Box, ...] = ()
    notes: tuple[str, ...] = ()
    found: tuple[Place, ...] = ()  # by the search that works without a script
    error: str = ""

    @property
    def urgent(self) -> bool:
        return self.state in ("missing", "unsure")


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """What the form sent, by field; nothing in it is checked yet."""

    values: Mapping[str, tuple[str, ...]]

    def changes(self, was: Mapping[str, tuple[str, ...]]) -> tuple[dict[str, tuple[str, ...]], tuple[str, ...]]:
        """(fields with other values than they had, fields that are empty now)."""
        changed: dict[str, tuple[str, ...]] = {}
        cleared: list[str] = []
        for field in FIELD_ORDER:
            before, now = was.get(field, ()), self.values.get(field, ())
            if now == before or (field in ("activity", "session") and sorted(now) == sorted(before)):
                continue
            if now:
                changed[field] = now
            else:
                cleared.append(field)
        return changed, tuple(cleared)


def taken_from(lists: Callable[[str], Sequence[str]], use: str = "") -> Taken:
    """The form's fields; ``use`` is the runner-up that was picked: it takes the place of its field's first value, or joins them."""
    values = {field: tuple(dict.fromkeys(" ".join(one.split()) for one in lists(field) if one.strip())) for field in FIELD_ORDER}
    try:
        picked = json.loads(use) if use else {}
    except ValueError:
        picked = {}
    if isinstance(picked, dict) and picked.get("field") in FIELD_ORDER and isinstance(picked.get("value"), str):
        council = picked.get("council") if isinstance(picked.get("council"), str) else ""
        for field, value in ((picked["field"], picked["value"]), ("authority", council)):
            if value:
                kept = values[field] if picked.get("also") else values[field][1:]
                values[field] = tuple(dict.fromkeys((*kept, value) if picked.get("also") else (value, *kept)))
    return Taken(values=values)


# --- the view


def fields_of(
    words: Words,
    readings: Sequence[tuple[int, Reading]],
    registration: Registration | None,
    *,
    places: Callable[[str], tuple[Place, ...]],
    search: Callable[[str], tuple[Place, ...]] = lambda query: (),
    typed: Mapping[str, Sequence[str]] | None = None,
) -> tuple[Field, ...]:
    """All five fields. ``readings``: those of the messages, the one that is shown first; ``places``: the listed schools of exactly that name;
    ``search``: those that words find."""
    candidates = [(message_id, c) for message_id, reading in readings for c in reading.extraction.candidates]
    shown = readings[0][0] if readings else None
    made = []
    for slot in FIELD_ORDER:
        values = _values(slot, words, readings, registration, shown, places)
        state = _state(slot, values, readings, registration, places)
        options = _options(slot, words, values, candidates, readings, shown, registration, places)
        if slot == "institution" and state in ("missing", "unsure") and len(options) < _MOST_OPTIONS[slot] and readings:
            options = (*options, *_by_initials(readings[0], registration, search, {option.value for option in options}))[: _MOST_OPTIONS[slot]]
        typed_here = tuple(typed[slot]) if typed is not None and slot in typed else tuple(value.value for value in values)
        made.append(
            Field(
                slot=slot,
                label=FIELD_WORDS[slot],
                state=state,
                values=values,
                typed=typed_here,
                options=options,
                boxes=_boxes(slot, words, values, typed_here, candidates, shown),
                notes=_notes(slot, readings, state),
            )
        )
    made.sort(key=lambda field: not field.urgent)  # stable: the order of the fields within
    digits = iter(DIGITS)
    return tuple(replace(field, options=tuple(replace(option, key=next(digits, "")) for option in field.options)) for field in made)


def marks_of(message_id: int, reading: Reading, registration: Registration | None, fields: Iterable[Field]) -> tuple[Mark, ...]:
    """What to mark in a message: the phrases that values rest on, and those of the runners-up."""
    phrases: dict[tuple[str, str, int, int], float] = {}
    for c in reading.extraction.candidates:
        if c.chosen and c.slot not in (Slot.KIND,):
            key = (str(c.slot), c.evidence.where, c.evidence.start, c.evidence.end)
            phrases[key] = max(phrases.get(key, 0.0), c.strength)
    for value in registration.values if registration is not None else ():
        if value.message_id == message_id:
            for e in value.evidence:
                phrases.setdefault((value.field, e.where, e.start, e.end), 0.0)
    marks = []
    for field in dict.fromkeys(key[0] for key in phrases):
        ranked = sorted((key for key in phrases if key[0] == field), key=lambda key: (-phrases[key], key[2]))
        # The word stands before the first phrase of a field only: a text full of words is hard to read, and each field has its own underline.
        kept = sorted(_apart(ranked)[: _MOST_PHRASES.get(field, 4)], key=lambda key: (key[1] != "subject", key[1].startswith("attachment:"), key[2]))
        for position, (_, where, start, end) in enumerate(kept):
            marks.append(Mark(field=field, where=where, start=start, end=end, tag="" if position else FIELD_TAGS.get(field, field)))
    for item in fields:
        for option in item.options:
            if option.mark is not None and option.key and option.field != "topic":
                where, start, end = option.mark
                marks.append(Mark(field=option.field, where=where, start=start, end=end, tag=option.key, chosen=False))
    return tuple(marks)


def _apart(ranked: Sequence[tuple[str, str, int, int]]) -> list[tuple[str, str, int, int]]:
    """Without those that overlap a stronger one of the same field."""
    kept: list[tuple[str, str, int, int]] = []
    for one in ranked:
        if not any(one[1] == other[1] and one[2] < other[3] and one[3] > other[2] for other in kept):
            kept.append(one)
    return kept


def _label(slot: str, words: Words, value: str) -> str:
    choices = {"activity": words.activities, "session": words.sessions}.get(slot, ())
    return next((choice.label for choice in choices if choice.id == value), value)


def _values(
    slot: str,
    words: Words,
    readings: Sequence[tuple[int, Reading]],
    registration: Registration | None,
    shown: int | None,
    places: Callable[[str], tuple[Place, ...]],
) -> tuple[Value, ...]:
    if registration is not None:
        return tuple(
            Value(value=v.value, label=_label(slot, words, v.value), hint=_hint(slot, v.value, places), whys=_whys(v, shown))
            for v in registration.values
            if v.field == slot
        )
    if not readings:
        return ()
    reading = readings[0][1]
    chosen: Mapping[str, tuple[str, ...]] = {
        "institution": reading.extraction.institutions,
        "authority": reading.extraction.authorities,
        "activity": reading.extraction.activities,
        "topic": reading.extraction.topics,
        "session": reading.extraction.sessions,
    }
    found = []
    for value in chosen[slot]:
        evidence = [c.evidence for c in sorted(reading.extraction.candidates, key=lambda c: -c.strength) if c.slot == slot and c.value == value and c.chosen]
        whys = tuple(_why(e, None) for e in evidence[:2])
        found.append(Value(value=value, label=_label(slot, words, value), hint=_hint(slot, value, places), whys=whys))
    return tuple(found)


def _hint(slot: str, value: str, places: Callable[[str], tuple[Place, ...]]) -> str:
    if slot != "institution":
        return ""
    found = places(value)
    if not found:
        return "in no list of schools"
    if len(found) == 1:
        return ", ".join(part for part in (found[0].town, found[0].council) if part)
    return f"{len(found)} of this name"


def _whys(value: FieldValue, shown: int | None) -> tuple[Why, ...]:
    said = tuple(_why(e, value.message_id if value.message_id != shown else None) for e in value.evidence[:2])
    return (Why(person=value.person), *said[:1]) if value.person else said


def _why(evidence: Evidence, message_id: int | None) -> Why:
    return Why(phrase=_short(evidence.text), where=where_words(evidence.where), rule=rule_words(evidence.rule), message_id=message_id)


def _short(text: str, most: int = 90) -> str:
    line = " ".join(printable(text).split())
    return line if len(line) <= most else line[: most - 1] + "…"


def _state(
    slot: str,
    values: tuple[Value, ...],
    readings: Sequence[tuple[int, Reading]],
    registration: Registration | None,
    places: Callable[[str], tuple[Place, ...]],
) -> str:
    missing = registration.missing if registration is not None else readings[0][1].decision.missing if readings else ()
    if slot in missing:
        return "unsure" if values else "missing"
    if values:
        return "set"
    if slot not in REQUIRED:
        return "empty"
    if registration is None and readings and readings[0][1].extraction.kind not in (Kind.EXPRESSION_OF_INTEREST, Kind.FOLLOW_UP):
        return "empty"  # nobody has registered, so nothing is missing
    if slot == "authority" and _at_college(readings, registration, places):
        return "empty"
    return "missing"


def _at_college(readings: Sequence[tuple[int, Reading]], registration: Registration | None, places: Callable[[str], tuple[Place, ...]]) -> bool:
    """A college has no council."""
    named = registration.values_of("institution") if registration is not None else readings[0][1].extraction.institutions if readings else ()
    return any(place.kind == "college" for name in named for place in places(name))


def _notes(slot: str, readings: Sequence[tuple[int, Reading]], state: str) -> tuple[str, ...]:
    """Doubts about this field, in sentences; where it is settled there are none to show."""
    if not readings or state == "set":
        return ()
    found = []
    for reason in (*readings[0][1].extraction.reasons, *readings[0][1].decision.reasons):
        code = reason.code
        if code.startswith((f"{slot}_", f"unsure_{slot}")) and not code.startswith(f"missing_{slot}"):
            found.append(reason_words(code))
    return tuple(dict.fromkeys(found))


# --- runners-up


def _options(
    slot: str,
    words: Words,
    values: tuple[Value, ...],
    candidates: Sequence[tuple[int, Candidate]],
    readings: Sequence[tuple[int, Reading]],
    shown: int | None,
    registration: Registration | None,
    places: Callable[[str], tuple[Place, ...]],
) -> tuple[Option, ...]:
    most = _MOST_OPTIONS.get(slot, 0)
    if not most:
        return ()
    have = {value.value for value in values}
    mine = sorted(((m, c) for m, c in candidates if str(c.slot) == slot and c.value not in have), key=lambda pair: (pair[0] != shown, *_rank(pair[1])))
    best: dict[str, tuple[int, Candidate]] = {}
    for message_id, c in mine:
        best.setdefault(c.value, (message_id, c))
    names = list(best)
    first = readings[0][1].extraction if readings else None
    if first is not None and slot == "institution":
        names = list(dict.fromkeys((*first.institution_options, *names)))
    if slot == "authority":
        named = registration.values_of("institution") if registration is not None else first.institutions if first is not None else ()
        stands = [place.council for name in named for place in places(name) if place.council]
        names = list(dict.fromkeys((*(first.authority_options if first is not None else ()), *stands, *names)))
    if slot == "topic":
        names = [name for name in names if best[name][1].strength >= _WEAK_TOPIC and best[name][1].note not in ("topic_ruled_out",)]
    made: list[Option] = []
    for name in names:
        if name in have or len(made) >= most:
            continue
        if slot == "institution":
            made += _institution(name, best.get(name), first.authority_options if first is not None else (), shown, places)
        else:
            made.append(_option(slot, name, name, "", "", best.get(name), shown))
    return tuple(made[:most])


_WORST_LAST = ("mentioned_denied", "mentioned_former", "mentioned_home")


def _rank(candidate: Candidate) -> tuple[bool, float, int]:
    return candidate.note in _WORST_LAST, -candidate.strength, candidate.evidence.start


def _institution(
    name: str, found: tuple[int, Candidate] | None, councils: Sequence[str], shown: int | None, places: Callable[[str], tuple[Place, ...]]
) -> Iterable[Option]:
    """The school once for each place that it may stand in; a name of many places once, its council left to be chosen."""
    there = places(name)
    named = [place for place in there if place.council in councils] or list(there)
    if not named or len(named) > 3:
        yield _option("institution", name, name, f"{len(named)} of this name" if named else "in no list", "", found, shown)
        return
    for place in named:
        yield _option("institution", name, name, ", ".join(part for part in (place.town, place.council) if part), place.council, found, shown)


_INITIALS = re.compile(r"(?<![\w.-])[A-Z]{2,6}(?![\w-])")
_MOST_TOKENS = 4


def _by_initials(
    reading: tuple[int, Reading], registration: Registration | None, search: Callable[[str], tuple[Place, ...]], have: Collection[str]
) -> list[Option]:
    """Schools that letters in the member's words may stand for, in a council that is known: what no rule may guess, a person may see at once."""
    parsed, extraction = reading[1].parsed, reading[1].extraction
    councils = registration.values_of("authority") if registration is not None else extraction.authorities
    councils = councils or tuple(dict.fromkeys(c.value for c in extraction.candidates if c.slot is Slot.AUTHORITY))[:2]
    found: list[Option] = []
    looked: set[str] = set()
    for where, text, start, end in (
        ("subject", parsed.subject, 0, len(parsed.subject)),
        *((str(zone.kind), parsed.body, zone.start, zone.end) for zone in parsed.zones if zone.kind in ("own", "inline_answer", "signature")),
    ):
        for token in _INITIALS.finditer(text, start, end):
            if token[0] in looked or len(looked) >= _MOST_TOKENS:
                continue
            looked.add(token[0])
            for council in councils:
                for place in search(f"{token[0]} {council}"):
                    if place.council == council and _initials_of(place.name) == token[0] and place.name not in have:
                        use = json.dumps({"field": "institution", "value": place.name, "council": place.council}, ensure_ascii=False)
                        hint = ", ".join(part for part in (place.town, place.council) if part)
                        mark = None if found else (where, token.start(), token.end())
                        found.append(
                            Option(
                                field="institution", value=place.name, label=place.name, hint=hint, use=use, phrase=token[0], council=place.council, mark=mark
                            )
                        )
    return found


def _initials_of(name: str) -> str:
    return "".join(word[0] for word in re.findall(r"[\w']+", name) if word.casefold() not in ("the", "of", "and", "for", "at", "in")).upper()


def _option(slot: str, value: str, label: str, hint: str, council: str, found: tuple[int, Candidate] | None, shown: int | None) -> Option:
    use = json.dumps({"field": slot, "value": value, "council": council}, ensure_ascii=False)
    mark = None
    phrase = note = ""
    if found is not None:
        message_id, c = found
        phrase = _short(c.evidence.text, 60)
        note = reason_words(c.note) if c.note else ""
        mark = (c.evidence.where, c.evidence.start, c.evidence.end) if message_id == shown else None
    return Option(field=slot, value=value, label=printable(label), hint=hint, use=use, phrase=phrase, note=note, council=council, mark=mark)


def _boxes(
    slot: str, words: Words, values: tuple[Value, ...], typed: tuple[str, ...], candidates: Sequence[tuple[int, Candidate]], shown: int | None
) -> tuple[Box, ...]:
    choices = {"activity": words.activities, "session": words.sessions}.get(slot, ())
    offset = len(words.activities) if slot == "session" else 0
    has = {value.value: value for value in values}
    made = []
    for position, choice in enumerate(choices):
        whys: tuple[Why, ...] = has[choice.id].whys if choice.id in has else ()
        note = ""
        if choice.id not in has:
            mine = sorted(((m, c) for m, c in candidates if str(c.slot) == slot and c.value == choice.id), key=lambda pair: _rank(pair[1]))
            signs = [(m, c) for m, c in mine if c.strength >= 0.15]
            whys = tuple(_why(c.evidence, m if m != shown else None) for m, c in signs[:1])
            note = reason_words(signs[0][1].note) if signs and signs[0][1].note else ""
        key = BOX_KEYS[offset + position] if offset + position < len(BOX_KEYS) else ""
        made.append(
            Box(value=choice.id, label=choice.label, letter=choice.letter, key=key, checked=choice.id in typed, was=choice.id in has, whys=whys, note=note)
        )
    return tuple(made)
