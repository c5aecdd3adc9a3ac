"""`mailroom evaluate`: how well the rules read labelled mail, field by field, and what a change did to it.

Truth comes from a folder of .eml files with labels, or from the register itself: a registration of which a
person gave or mended a value is taken to be right as it stands. The same labels measure the same way in
both cases; a label that is not there is not measured.

What counts as the same: names of institutions and councils are compared as spellings of a name (case,
accents, apostrophes, St and Saint, a town behind the name, form words that lists use differently, and the
other names that the school list, colleges.csv and authorities.csv give); activities, sessions and missing
fields as ids; of the topic, how many words the first one found shares with the best label. Institutions,
authorities, activities, topics and sessions count only in expressions of interest and follow-ups. A message
is read right «straight through» when it is registered, should be, and institutions, authorities and
activities are all exact.

Promise: reading and measuring change nothing, but that the register's cases keep what came of them, which the
desk shows. What it does badly: a topic in other words than the label's counts as missed, and two institutions
whose names differ only in a form word (primary) count as one.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mailroom.errors import MailroomError
from mailroom.exporting import FIELDS
from mailroom.model import Kind, Outcome, Reading
from parse.schoolnames import words
from store import OFF_THE_REGISTER, RegressionCase

if TYPE_CHECKING:
    from parse.decide import Policy
    from parse.reader import Reader
    from parse.schoolnames import School
    from store import Store

__all__ = [
    "Compared",
    "Labelled",
    "Names",
    "Result",
    "case_labelled",
    "compare",
    "curve_points",
    "curve_svg",
    "evaluate",
    "figures",
    "labelled_folder",
    "measure",
    "print_evaluation",
    "read_saved",
    "read_whole",
    "reviewed_registrations",
    "run_evaluation",
    "saved",
]

SETS = ("institutions", "authorities", "activities", "sessions", "missing")
NAMED = ("institutions", "authorities")
COMPLETE = ("institutions", "authorities", "activities")  # what straight through needs exact
TOPIC_SHARED = 0.5  # a first topic that shares less than this with every label is listed as a difference
PERSONS = (Kind.EXPRESSION_OF_INTEREST.value, Kind.FOLLOW_UP.value)
_SAYS_LITTLE = frozenset("a an and for in of on our the to with".split())  # noqa: SIM905
_FORM_WORDS = frozenset("school council primary campus rc uhi".split())  # noqa: SIM905 - one list has them, another lacks them
_FORM = 1


# --- truth


@dataclass(frozen=True, kw_only=True, slots=True)
class Labelled:
    """A message and what is true of it; ``labels`` has any of kind, outcome, the fields, missing, topics."""

    id: str
    content: bytes
    labels: Mapping[str, Any]
    later: tuple[bytes, ...] = ()  # the other messages that the labels rest on, in their order


def labelled_folder(folder: Path, labels: Path | None = None) -> tuple[list[Labelled], list[str]]:
    """(messages with labels, names of those without). Labels: a .jsonl file, else .jsonl files in the folder, else NAME.json beside NAME.eml."""
    if not folder.is_dir():
        raise MailroomError(f"{folder}: there is no such folder")
    mail = {path.stem: path for path in sorted(folder.rglob("*.eml")) if path.is_file()}
    if not mail:
        raise MailroomError(f"{folder}: there is no .eml file in it")
    told: dict[str, Mapping[str, Any]] = {}
    files = [labels] if labels else sorted(folder.glob("*.jsonl"))
    for file in files:
        told.update(_jsonl(file))
    if not files:
        for name, path in mail.items():
            beside = path.with_suffix(".json")
            if beside.is_file():
                data = _json(beside.read_text(encoding="utf-8"), str(beside), 1)
                told[name] = _labels(data, str(beside), 1)
    found = [Labelled(id=name, content=mail[name].read_bytes(), labels=told[name]) for name in mail if name in told]
    if not found:
        raise MailroomError(f"{folder}: no message has labels; give them with --labels FILE.jsonl, or as NAME.json beside each NAME.eml")
    return found, [name for name in mail if name not in told] + [f"{name} (labels without .eml)" for name in told if name not in mail]


def _jsonl(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MailroomError(f"{path}: cannot be read ({error})") from error
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        data = _json(line, str(path), number)
        if not isinstance(data, dict) or not isinstance(data.get("id"), str):
            raise MailroomError(f"{path}:{number}: each line should be an object with «id» and «labels»")
        yield data["id"], _labels(data, str(path), number)


def _json(text: str, shown: str, number: int) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise MailroomError(f"{shown}:{number + error.lineno - 1}: not valid JSON ({error.msg})") from error


def _labels(data: Any, shown: str, number: int) -> Mapping[str, Any]:
    """The labels of one message, checked, so that a slip in them is not counted as the rules' mistake."""
    labels = data.get("labels", data) if isinstance(data, dict) else data
    if not isinstance(labels, dict):
        raise MailroomError(f"{shown}:{number}: the labels should be an object")
    for key, allowed in (("kind", list(Kind)), ("outcome", list(Outcome))):
        if key in labels and labels[key] not in [str(value) for value in allowed]:
            raise MailroomError(f"{shown}:{number}: «{key}: {labels[key]}» is none of {', '.join(allowed)}")
    for key in (*SETS, "topics"):
        if key in labels and not (isinstance(labels[key], list) and all(isinstance(value, str) for value in labels[key])):
            raise MailroomError(f"{shown}:{number}: «{key}» should be a list of texts")
    return labels


def reviewed_registrations(store: Store) -> tuple[list[Labelled], list[str]]:
    """(registrations that a person corrected, with their messages; ids of those that cannot be measured).

    What the person confirmed is the truth, as it stood at their last correction; where they gave a value without correcting one, as
    it stands. One that has a message that was too large to take cannot be read again. Kind and outcome are not measured: a person
    may have learnt by telephone what no message said.
    """
    found: list[Labelled] = []
    left_out: list[str] = []
    cases = {case.registration_id: case for case in store.regression_cases()}
    for registration in store.registrations():
        if registration.id not in cases and registration.state not in OFF_THE_REGISTER and any(value.person for value in registration.values):
            cases[registration.id] = RegressionCase(
                registration_id=registration.id,
                messages=registration.messages,
                confirmed={field: registration.values_of(field) for field in FIELDS.values()},
                corrected=(),
                made_at=registration.updated_at,
                made_by="",
            )
    for case in cases.values():
        records = [store.message(number) for number in case.messages]
        content = tuple(record.content for record in records if record is not None and record.content is not None)
        if not content or len(content) < len(case.messages):
            left_out.append(case.registration_id)
        else:
            found.append(case_labelled(case, content))
    return sorted(found, key=lambda item: item.id), sorted(left_out)


def case_labelled(case: RegressionCase, content: Sequence[bytes]) -> Labelled:
    """A case of the installation's own regression set as a labelled message; several count as one."""
    labels = {key: list(case.confirmed[field]) for key, field in FIELDS.items() if field in case.confirmed}
    return Labelled(id=case.registration_id, content=content[0], labels=labels, later=tuple(content[1:]))


def read_whole(item: Labelled, reader: Reader) -> Reading:
    """The message read; where several count as one, what a later one says of a field takes the place of what was said before."""
    reading = reader.read(item.content)
    for content in item.later:
        said = reader.read(content).extraction  # «It is in Fife.» registers nobody, and says something all the same
        chosen = {key: tuple(dict.fromkeys(c.value for c in said.candidates if c.chosen and c.slot.value == field)) for key, field in FIELDS.items()}
        newer: dict[str, Any] = {key: values for key in FIELDS if (values := getattr(said, key) or chosen[key])}
        extraction = replace(reading.extraction, candidates=(*reading.extraction.candidates, *said.candidates), **newer)
        reading = replace(reading, extraction=extraction)
    return reading


# --- the same name, the same topic


class Names:
    """Spellings of a name brought to one form; other names that the lists give, to the listed one's."""

    def __init__(self, folder: Path | None = None, schools: Sequence[School] = ()) -> None:
        from parse.authorities import read_rows, split

        self._main: dict[str, str] = {}
        if folder is not None:
            for file, main in (("colleges.csv", "name"), ("authorities.csv", "id")):
                for _, row in read_rows(folder / file, (main, "aliases")):
                    self._add(row[main], split(row["aliases"]))
        owners: dict[str, set[str]] = {}  # an alias that several schools have stands for none of them
        for school in schools:
            for alias in school.aliases:
                owners.setdefault(self.plain(alias), set()).add(self.plain(school.name))
        for school in schools:
            self._add(school.name, [alias for alias in school.aliases if len(owners[self.plain(alias)]) == 1])

    def _add(self, main: str, others: Iterable[str]) -> None:
        for other in others:
            if self.plain(other):
                self._main.setdefault(self.plain(other), self.plain(main))

    @staticmethod
    def plain(name: str) -> str:
        """«St. Jude's R.C. Primary School (Ashmuir)» and «Saint Judes Primary» are both «st judes»."""
        base = name.replace("\u2019", "'").strip()
        base = base.split("(", 1)[0].rstrip() + base.rpartition(")")[2] if ")" in base else base
        base = base.partition(" - ")[0]
        head, comma, _ = base.partition(",")
        base = head if comma and head.rstrip().lower().endswith("school") else base
        norms = ["and" if word.raw == "&" else word.norm for word in words(base)]
        said = [norm for norm in norms if norm not in _SAYS_LITTLE | _FORM_WORDS]
        return " ".join(said or norms)

    def __call__(self, name: str) -> str:
        plain = self.plain(name)
        return self._main.get(plain, plain)


def shared_words(one: str, other: str) -> float:
    """From 0 to 1: twice the words that two phrases share over the words of both; a plural is its singular."""
    little = _SAYS_LITTLE | {"school", "council"}
    bags = [Counter(w.norm.rstrip("s") for w in words(text.replace("\u2019", "'")) if w.norm not in little) for text in (one, other)]
    total = sum(bag.total() for bag in bags)
    return 2 * (bags[0] & bags[1]).total() / total if total else 0.0


# --- measuring


@dataclass(frozen=True, kw_only=True, slots=True)
class Compared:
    """One field of one message: values in compared form. ``wanted`` and ``found`` are equal when it was read right."""

    wanted: tuple[str, ...]
    found: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """One message measured."""

    id: str
    outcome: str
    wanted_outcome: str | None
    fields: Mapping[str, Compared]  # only those that were measured
    topic: float | None = None  # share of words with the label; None where no topic is labelled
    topic_invented: bool | None = None  # None where a topic is labelled
    wrong: Mapping[str, Compared] = field(default_factory=dict)
    reading: Reading | None = None
    same_as: Mapping[tuple[str, str], str] = field(default_factory=dict)  # (field, value found) in compared form

    @property
    def complete(self) -> bool:
        """Whether everything that a registration needs is exact."""
        return not any(name in self.wrong for name in COMPLETE)

    @property
    def due(self) -> bool:
        """Whether the message can be registered without a person."""
        return self.wanted_outcome in (Outcome.REGISTERED.value, None)


def measure(item: Labelled, reading: Reading, names: Names) -> Result:
    extraction, decision, labels = reading.extraction, reading.decision, item.labels
    outcome = decision.outcome.value
    have: dict[str, Sequence[str]] = {
        "institutions": extraction.institutions,
        "authorities": extraction.authorities,
        "activities": extraction.activities,
        "sessions": extraction.sessions,
        "missing": decision.missing,
    }
    fields: dict[str, Compared] = {}
    same_as: dict[tuple[str, str], str] = {}
    for key, value in (("kind", extraction.kind.value), ("outcome", outcome)):
        if key in labels:
            fields[key] = Compared(wanted=(labels[key],), found=(value,))
    topic: float | None = None
    invented: bool | None = None
    if labels.get("kind", PERSONS[0]) in PERSONS:
        for key in SETS:
            if key not in labels or (key == "missing" and not labels.get("outcome") == outcome == Outcome.ASK_MEMBER.value):
                continue
            same: Callable[[str], str] = names if key in NAMED else str
            same_as |= {(key, value): same(value) for value in have[key]}
            fields[key] = Compared(wanted=_distinct(map(same, labels[key])), found=_distinct(same_as[key, value] for value in have[key]))
        if labels.get("topics"):
            topic = max((shared_words(label, found) for label in labels["topics"] for found in extraction.topics[:1]), default=0.0)
            fields["topics"] = Compared(wanted=tuple(labels["topics"]), found=extraction.topics)
        elif "topics" in labels:
            invented = bool(extraction.topics)
    wrong = {key: compared for key, compared in fields.items() if key != "topics" and compared.wanted != compared.found}
    if topic is not None and topic < TOPIC_SHARED:
        wrong["topics"] = fields["topics"]
    return Result(
        id=item.id,
        outcome=outcome,
        wanted_outcome=labels.get("outcome"),
        fields=fields,
        topic=topic,
        topic_invented=invented,
        wrong=wrong,
        reading=reading,
        same_as=same_as,
    )


def _distinct(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(values)))


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def figures(results: Sequence[Result]) -> dict[str, Any]:
    """The figures of a run; a share is None where there is nothing to measure it on."""
    made: dict[str, Any] = {"messages": len(results)}
    for key in ("kind", "outcome"):
        measured = [r for r in results if key in r.fields]
        made[f"{key}_accuracy"] = _ratio(sum(key not in r.wrong for r in measured), len(measured))
    for key in SETS:
        right = extra = lost = 0
        for compared in (r.fields[key] for r in results if key in r.fields):
            wanted, found = set(compared.wanted), set(compared.found)
            right, extra, lost = right + len(wanted & found), extra + len(found - wanted), lost + len(wanted - found)
        made[key] = {"precision": _ratio(right, right + extra), "recall": _ratio(right, right + lost), "right": right, "extra": extra, "lost": lost}
    topics = [r.topic for r in results if r.topic is not None]
    topicless = [r.topic_invented for r in results if r.topic_invented is not None]
    made["topics"] = {"overlap": _ratio(sum(topics), len(topics)), "invented": sum(topicless), "without": len(topicless)}
    registered = [r for r in results if r.outcome == Outcome.REGISTERED.value]
    due = [r for r in results if r.wanted_outcome == Outcome.REGISTERED.value]
    right = sum(r.due and r.complete for r in registered)
    due_right = sum(r.outcome == Outcome.REGISTERED.value and r.complete for r in due)
    made["straight_through"] = {
        "precision": _ratio(right, len(registered)),
        "recall": _ratio(due_right, len(due)),
        "registered": len(registered),
        "right": right,
        "due": len(due),
        "due_right": due_right,
    }
    machines = [r for r in results if r.wanted_outcome == Outcome.IGNORE.value]
    answered = sum(r.outcome in (Outcome.REGISTERED.value, Outcome.ASK_MEMBER.value) for r in machines)
    made["machines"] = {"answered": answered, "seen": len(machines)}
    return made


# --- an earlier run


def saved(results: Sequence[Result], rules_version: str) -> dict[str, Any]:
    """What ``--save`` keeps: the figures, and of each message what was wrong."""
    return {
        "mailroom_evaluation": _FORM,
        "rules_version": rules_version,
        "figures": figures(results),
        "messages": {r.id: {key: [list(c.wanted), list(c.found)] for key, c in r.wrong.items()} for r in results},
    }


def read_saved(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise MailroomError(f"{path}: cannot be read as a saved evaluation ({error})") from error
    if not isinstance(data, dict) or data.get("mailroom_evaluation") != _FORM:
        raise MailroomError(f"{path}: this is no evaluation saved with «mailroom evaluate --save»")
    return data


def compare(now: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Which messages got better, worse or otherwise wrong since an earlier run; only those that both runs have."""
    found: dict[str, Any] = {"before": before["rules_version"], "now": now["rules_version"], "better": {}, "worse": {}, "otherwise": {}}
    for name, wrong in now["messages"].items():
        earlier = before["messages"].get(name)
        if earlier is None or earlier == wrong:
            continue
        mended, spoilt = sorted(earlier.keys() - wrong.keys()), sorted(wrong.keys() - earlier.keys())
        if mended and not spoilt:
            found["better"][name] = mended
        elif spoilt and not mended:
            found["worse"][name] = spoilt
        else:
            found["otherwise"][name] = sorted({*mended, *spoilt, *(key for key in earlier.keys() & wrong.keys() if earlier[key] != wrong[key])})
    found["only_now"] = sorted(now["messages"].keys() - before["messages"].keys())
    found["only_before"] = sorted(before["messages"].keys() - now["messages"].keys())
    return found


# --- the curve


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """At this accept threshold: the share that is accepted, and how much of that is right (None where nothing is)."""

    threshold: float
    coverage: float | None
    precision: float | None


THRESHOLDS = tuple(step / 20 for step in range(21))


def curve_points(results: Sequence[Result], policy: Policy, thresholds: Sequence[float] = THRESHOLDS) -> dict[str, list[Point]]:
    """Precision and coverage for each accept threshold: of whole registrations, and of each required field's values.

    Coverage is the share of registrable messages that are registered, or of wanted values that are accepted
    and right. Only what the finders chose is weighed again: what they refuse themselves no threshold brings back.
    """
    from parse.decide import REQUIRED, decide

    lines: dict[str, list[Point]] = {"straight through": []}
    readings = [(r, r.reading) for r in results if r.reading is not None]
    due = sum(r.wanted_outcome == Outcome.REGISTERED.value for r in results)
    for threshold in thresholds:
        at = replace(policy, accept={slot.value: threshold for slot in REQUIRED})
        taken = [r for r, reading in readings if decide(reading.extraction, at).outcome is Outcome.REGISTERED]
        covered = sum(r.wanted_outcome == Outcome.REGISTERED.value for r in taken)
        right = sum(r.due and r.complete for r in taken)
        lines["straight through"].append(Point(threshold=threshold, coverage=_ratio(covered, due), precision=_ratio(right, len(taken))))
    for slot, key in zip(REQUIRED, COMPLETE, strict=True):
        lines[key] = []
        for threshold in thresholds:
            right = accepted = wanted = 0
            for r, reading in readings:
                if key not in r.fields:
                    continue
                truth = Counter(r.fields[key].wanted)
                strongest: dict[str, float] = {}
                for c in reading.extraction.candidates:
                    if c.slot is slot and c.chosen:
                        strongest[c.value] = max(strongest.get(c.value, 0.0), c.strength)
                extracted = getattr(reading.extraction, key)
                kept = {value for value in extracted if strongest.get(value, 0.0) >= threshold}
                compared = {r.same_as[key, value] for value in kept}
                right += len(compared & set(truth))
                accepted += len(compared)
                wanted += len(truth)
            lines[key].append(Point(threshold=threshold, coverage=_ratio(right, wanted), precision=_ratio(right, accepted)))
    return lines


# Each line has its own dashes and its own mark as well as its colour.
_STYLES = {
    "straight through": ("#1b1b1b", "", "circle"),
    "institutions": ("#00695c", "7 3", "square"),
    "authorities": ("#b34700", "2 3", "diamond"),
    "activities": ("#4527a0", "9 3 2 3", "triangle"),
}
_WIDTH, _HEIGHT, _LEFT, _TOP, _PLOT_W, _PLOT_H = 720, 440, 64, 48, 440, 320


def curve_svg(lines: Mapping[str, Sequence[Point]], *, title: str = "Precision against coverage over the accept threshold") -> str:
    """The curves as a picture of its own: no script, no font and nothing else from outside."""
    from html import escape

    points = [p for line in lines.values() for p in line if p.precision is not None and p.coverage is not None]
    lowest = min((p.precision for p in points if p.precision is not None), default=0.0)
    floor = max(0.0, min(0.9, int(lowest * 20) / 20))  # the busy part is near 1: begin at the next twentieth below

    def x(value: float) -> float:
        return round(_LEFT + value * _PLOT_W, 1)

    def y(value: float) -> float:
        return round(_TOP + (1 - value) / (1 - floor) * _PLOT_H, 1)

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}" role="img" '
        f'aria-labelledby="t d" font-family="sans-serif" font-size="12">',
        f'<title id="t">{escape(title)}</title>',
        f'<desc id="d">{escape(_described(lines))}</desc>',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
        f'<text x="{_LEFT}" y="24" font-size="15" fill="#1b1b1b">{escape(title)}</text>',
    ]
    for step in range(6):
        across, up = step / 5, floor + (1 - floor) * step / 5
        out.append(f'<line x1="{x(across)}" y1="{_TOP}" x2="{x(across)}" y2="{_TOP + _PLOT_H}" stroke="#ddd"/>')
        out.append(f'<line x1="{_LEFT}" y1="{y(up)}" x2="{_LEFT + _PLOT_W}" y2="{y(up)}" stroke="#ddd"/>')
        out.append(f'<text x="{x(across)}" y="{_TOP + _PLOT_H + 18}" text-anchor="middle" fill="#444">{across:.1f}</text>')
        out.append(f'<text x="{_LEFT - 8}" y="{y(up) + 4}" text-anchor="end" fill="#444">{up:.2f}</text>')
    out.append(f'<text x="{_LEFT + _PLOT_W / 2}" y="{_TOP + _PLOT_H + 40}" text-anchor="middle" fill="#1b1b1b">coverage</text>')
    out.append(f'<text x="18" y="{_TOP + _PLOT_H / 2}" text-anchor="middle" fill="#1b1b1b" transform="rotate(-90 18 {_TOP + _PLOT_H / 2})">precision</text>')
    for index, (name, line) in enumerate(lines.items()):
        colour, dashes, mark = _STYLES[name]
        places: dict[tuple[float, float], list[float]] = {}
        for p in line:
            if p.precision is not None and p.coverage is not None:
                places.setdefault((x(p.coverage), y(p.precision)), []).append(p.threshold)
        path = " ".join(f"{a},{b}" for a, b in places)
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5" stroke-dasharray="{dashes or "none"}"/>')
        for (a, b), thresholds in places.items():
            said = f"{thresholds[0]:.2f}" + (f" to {thresholds[-1]:.2f}" if len(thresholds) > 1 else "")
            out.append(f"<g>{_mark(mark, a, b, colour)}<title>{escape(name)}: accept from {said}</title></g>")
            if index == 0:
                out.append(f'<text x="{a - 6}" y="{b + 16 + 0}" text-anchor="end" font-size="10" fill="#444">{said}</text>')
        row = _TOP + 14 + index * 24
        out.append(f'<line x1="{_LEFT + _PLOT_W + 24}" y1="{row - 4}" x2="{_LEFT + _PLOT_W + 60}" y2="{row - 4}" stroke="{colour}" stroke-width="1.5" ')
        out[-1] += f'stroke-dasharray="{dashes or "none"}"/>'
        out.append(_mark(mark, _LEFT + _PLOT_W + 42, row - 4, colour))
        out.append(f'<text x="{_LEFT + _PLOT_W + 68}" y="{row}" fill="#1b1b1b">{escape(name)}</text>')
    return "\n".join([*out, "</svg>", ""])


def _described(lines: Mapping[str, Sequence[Point]]) -> str:
    parts = []
    for name, line in lines.items():
        whole = [p for p in line if p.precision is not None and p.coverage is not None]
        if whole:
            ends = [whole[0], whole[-1]]
            parts.append(f"{name}: " + ", ".join(f"precision {p.precision:.3f} at coverage {p.coverage:.3f} from threshold {p.threshold:.2f}" for p in ends))
    return "; ".join(parts) or "nothing to draw"


def _mark(kind: str, x: float, y: float, colour: str) -> str:
    shapes = {
        "circle": f'<circle cx="{x}" cy="{y}" r="4"',
        "square": f'<rect x="{x - 3.5}" y="{y - 3.5}" width="7" height="7"',
        "diamond": f'<path d="M{x} {y - 5}l5 5l-5 5l-5 -5z"',
        "triangle": f'<path d="M{x} {y - 5}l5 9h-10z"',
    }
    return f'{shapes[kind]} fill="{colour}"/>'


# --- the command


def evaluate(items: Sequence[Labelled], reader: Reader, names: Names) -> list[Result]:
    return [measure(item, read_whole(item, reader), names) for item in items]


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _difference(now: Any, before: Any) -> str:
    if now is None or before is None or abs(now - before) < 0.0005:
        return ""
    return f" ({now - before:+.3f})"


def print_evaluation(results: Sequence[Result], *, wrong: int, before: Mapping[str, Any] | None, comparison: Mapping[str, Any] | None) -> None:
    from mailroom.printing import printable
    from mailroom.show import table

    made, earlier = figures(results), before["figures"] if before else {}

    def cell(*path: str) -> str:
        now: Any = made
        then: Any = earlier
        for key in path:
            now, then = now[key], then.get(key) if isinstance(then, Mapping) else None
        return _share(now) + (_difference(now, then) if before else "")

    straight, topics, machines = made["straight_through"], made["topics"], made["machines"]
    click.echo(f"{made['messages']} messages with labels\n")
    table(
        ("field", "precision", "recall"),
        [
            ("straight through", cell("straight_through", "precision"), cell("straight_through", "recall")),
            *((key, cell(key, "precision"), cell(key, "recall")) for key in SETS),
        ],
    )
    click.echo(f"kind: {cell('kind_accuracy')} right; outcome: {cell('outcome_accuracy')} right")
    click.echo(f"topic: {cell('topics', 'overlap')} of the words shared; a topic where there is none: {topics['invented']} of {topics['without']}")
    click.echo(
        f"registered without a person: {straight['registered']}, of them {straight['right']} all right; "
        f"registrable: {straight['due']}, of them {straight['due_right']} registered and all right"
    )
    click.echo(f"machines answered: {machines['answered']} of {machines['seen']}")
    if comparison:
        _print_comparison(comparison)
    different = [r for r in results if r.wrong]
    shown = different[:wrong]
    if different:
        click.echo(f"\n{len(different)} messages differ from their labels" + (f"; the first {len(shown)}:" if len(shown) < len(different) else ":"))
    for r in shown:
        click.echo(f"  {printable(r.id)}")
        for key, c in r.wrong.items():
            click.echo(f"    {key}: {printable('; '.join(c.found)) or 'nothing'}; should be {printable('; '.join(c.wanted)) or 'nothing'}")


def _print_comparison(comparison: Mapping[str, Any]) -> None:
    click.echo(f"\nsince the earlier run (rules {comparison['before']}, now {comparison['now']}):")
    for key in ("better", "worse", "otherwise"):
        changed = comparison[key]
        word = "wrong in another way" if key == "otherwise" else key
        click.echo(f"  {word}: {len(changed) or 'none'}" + "".join(f"\n    {name}: {', '.join(fields)}" for name, fields in changed.items()))
    for key, word in (("only_now", "not in the earlier run"), ("only_before", "no longer there")):
        if comparison[key]:
            click.echo(f"  {word}: {len(comparison[key])} (not compared)")


def run_evaluation(
    folder: Path | None,
    *,
    labels: Path | None,
    schools: Sequence[str],
    programme: Path | None,
    config: Any,
    open_store: Callable[[], Store] | None,
    as_json: bool,
    save: Path | None,
    against: Path | None,
    curve: Path | None,
    wrong: int,
) -> None:
    """The whole command; ``open_store`` is only called where no folder is given."""
    from mailroom.config import data_folder
    from mailroom.extracting import open_reader
    from mailroom.programme import load_programme
    from parse.decide import load_policy

    store: Store | None = None
    before = read_saved(against) if against else None  # before the work, so that a slip costs no waiting
    if folder is not None:
        items, left_out = labelled_folder(folder, labels)
    elif open_store is None:
        raise MailroomError("name a folder of labelled .eml files, or the settings (--config) whose register is to be measured against")
    else:
        store = open_store()
        items, left_out = reviewed_registrations(store)
    where = programme or (config.programme.folder if config else None) or data_folder() / "programme"
    knowledge = load_programme(where, [Path(s) for s in schools] or (list(config.programme.schools) if config else []))
    if not items:
        said = "No registration has been mended by a person yet, so there is nothing to measure the rules by; give a folder of labelled .eml files."
        if left_out:
            mended = "1 registration was" if len(left_out) == 1 else f"{len(left_out)} registrations were"
            said = f"{mended} mended by a person, but from a message that is not kept: there is nothing to measure."
        click.echo(json.dumps({"messages": 0, "note": said}) if as_json else said)
        return
    reader = open_reader(schools=schools, programme=programme, config=config)
    if store is not None:
        reader = reader.remembering(store.remembered()[1])  # as the next message is read
    results = evaluate(items, reader, Names(where, knowledge.schools))
    if store is not None:
        wrongly = {r.id: {FIELDS[key]: (c.wanted, c.found) for key, c in r.wrong.items() if key in FIELDS} for r in results}
        store.note_measured(wrongly, reader.rules_version, datetime.now(UTC))
    made = saved(results, reader.rules_version)
    comparison = compare(made, before) if before else None
    if save:
        save.write_text(json.dumps(made, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    if curve:
        curve.write_text(curve_svg(curve_points(results, load_policy(where))), encoding="utf-8")
    if as_json:
        different = {name: {key: {"wanted": pair[0], "found": pair[1]} for key, pair in bad.items()} for name, bad in made["messages"].items() if bad}
        click.echo(
            json.dumps(
                {**made["figures"], "rules_version": reader.rules_version, "differences": different, "left_out": left_out, "compared": comparison},
                ensure_ascii=False,
            )
        )
        return
    print_evaluation(results, wrong=wrong, before=before, comparison=comparison)
    if left_out:
        click.echo(f"\nleft out: {len(left_out)} ({', '.join(left_out[:5])}{', ...' if len(left_out) > 5 else ''})")
