"""Every school of a list in eight spellings, in neutral sentences with and without the council.

    python bench/spellings.py --schools FILE [--sample N] [--seeds 1,2,3] [--show N]

Prints, by spelling: right (that school and its council), several (the school or its council is left open
among options that hold the right one), none (nothing registered), and wrong (one answer, and not this one).
A spelling that leaves a name as it is is not counted. A slip that turns a name into exactly another listed
school's name cannot be told by any reader; it is counted apart, as «other's».

A last line tells how many names several councils share, and how many of them, written without the council,
were given a single one. Exit status 1 if there is a wrong single answer, or a shared name was given one.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from mailroom.model import Address, ParsedMessage, Zone, ZoneKind  # noqa: E402
from parse.institutions import InstitutionFinder, Institutions  # noqa: E402
from parse.schoollist import load_schools  # noqa: E402
from parse.schoolnames import School, take_apart, words  # noqa: E402
from parse.views import views  # noqa: E402

SENTENCES = (
    "I teach at {name} and would like to take part in the programme.",
    "I am a teacher at {name}. Please count us in.",
    "Hello, {name} would like to join.",
)
KEYS = {"q": "wa", "w": "qes", "e": "wrd", "r": "etf", "t": "ryg", "y": "tuh", "u": "yij", "i": "uok", "o": "ipl", "p": "ol"}
KEYS |= {"a": "qsz", "s": "adw", "d": "sfe", "f": "dgr", "g": "fht", "h": "gjy", "j": "hku", "k": "jli", "l": "ko", "z": "xa"}
KEYS |= {"x": "zcs", "c": "xvd", "v": "cbf", "b": "vng", "n": "bmh", "m": "nj"}


def town_off(name: str) -> str:
    """«St Mary's Primary School - Largs», «Hatton (Cruden) School» without the town."""
    return re.sub(r"\s+", " ", re.sub(r"\s+-\s.*$|\s*\([^()]*\)|(?<=School),.*$", "", name)).strip()


def saints(name: str) -> str:
    changed = re.sub(r"\bSt\.?\s", "Saint ", name)
    return re.sub(r"['\u2019]", "", changed) if zlib.crc32(name.encode()) % 2 or changed == name else changed


def typeless(name: str) -> str:
    base = town_off(name)
    if re.search(r"\bPrimary School\b", base):
        return base.replace("Primary School", "Primary" if zlib.crc32(name.encode()) % 2 else "School")
    return re.sub(r"(?<=High|demy) School$", "", base)


def short(name: str) -> str:
    base = re.sub(r"Primary School\b|Primary$", "PS", town_off(name))
    return re.sub(r"\bAcademy\b", "Acad", re.sub(r"High School\b|High$", "HS", base))


def faith(name: str) -> str:
    base = town_off(name)
    if re.search(r"\bR\.? ?C\.?\s", base):
        return re.sub(r"\bR\.? ?C\.?\s", "", base)
    return re.sub(r"(?=\b(?:Primary|High|Secondary)\b)", "RC ", base, count=1) if re.match(r"St\b|Our Lady|Holy|Sacred", base) else base


def slip(name: str, seed: int) -> str:
    """One letter swapped, dropped, doubled or hit beside the key, anywhere in a word of four letters or more."""
    rng = random.Random(f"{name}/{seed}")
    base = town_off(name)
    places = [at for word in re.finditer(r"[^\W\d_]{4,}", base) for at in range(word.start(), word.end())]
    for _ in range(20):
        at = rng.choice(places) if places else 0
        letter, after = base[at], base[at + 1 : at + 2]
        how = rng.choice(("swap", "drop", "double", "key"))
        if how == "swap" and after.isalpha():
            pair = (after.upper() + letter.lower()) if letter.isupper() else after + letter
            changed = base[:at] + pair + base[at + 2 :]
        elif how == "drop":
            changed = base[:at] + (after.upper() if letter.isupper() else after) + base[at + 2 :]
        elif how == "double":
            changed = base[: at + 1] + letter.lower() + base[at + 1 :]
        else:
            near = rng.choice(KEYS.get(letter.lower(), letter))
            changed = base[:at] + (near.upper() if letter.isupper() else near) + base[at + 1 :]
        if changed != base:
            return changed
    return base


def spellings(seeds: Sequence[int]) -> dict[str, Callable[[str], str]]:
    found: dict[str, Callable[[str], str]] = {
        "official": lambda name: name,
        "saint, apostrophe": saints,
        "no type word": typeless,
        "HS, PS, Acad": short,
        "small letters": str.lower,
        "RC dropped, added": faith,
        "town dropped": town_off,
    }
    for seed in seeds:
        found[f"one slip ({seed})"] = lambda name, seed=seed: slip(name, seed)  # type: ignore[misc]
    return found


def message(body: str) -> ParsedMessage:
    sender = Address(name="Kim Bell", address="kim@example.org")
    zones = (Zone(kind=ZoneKind.OWN, start=0, end=len(body)),)
    nothing: tuple[()] = ()
    return ParsedMessage(
        message_ids=nothing,
        in_reply_to=nothing,
        references=nothing,
        sender=sender,
        from_addresses=nothing,
        reply_to=nothing,
        recipients=nothing,
        subject="",
        sent_at=None,
        return_path=None,
        headers=nothing,
        body=body,
        zones=zones,
        attachments=nothing,
        content_types=nothing,
        report=None,
        calendar_method=None,
        defects=nothing,
    )


class Judge:
    """Right, several, none or wrong: two names are one school's where core and kind agree."""

    def __init__(self, finder: InstitutionFinder, schools: Sequence[School]) -> None:
        self.finder = finder
        self.official: defaultdict[tuple[object, ...], list[School]] = defaultdict(list)
        for school in schools:
            for name in (school.name, town_off(school.name)):
                self.official[tuple(word.norm for word in words(name))].append(school)
            self.official[self.key(school.name)].append(school)

    def key(self, name: str) -> tuple[object, ...]:
        taken = take_apart(name, self.finder.vocabulary.forms)
        return taken.core or taken.full, self.finder.vocabulary.forms.level(taken.forms) - {"primary"}

    def same(self, one: str, other: str) -> bool:
        (core, level), (another, rank) = self.key(one), self.key(other)
        return core == another and (level == rank or not level or not rank)

    def of(self, school: School, read: Institutions, written: str, spelling: str) -> str:
        right = [name for name in read.institutions if self.same(name, school.name)]
        council = {school.authority} - {""}
        if len(read.institutions) == len(right) == 1 and set(read.authorities) == council:
            return "right"
        if any(self.same(name, school.name) for name in read.institution_options) or (right and school.authority in (*read.authority_options, "")):
            return "several" if not read.authorities or set(read.authorities) <= council else "wrong"
        wrong = len(right) < len(read.institutions) or not set(read.authorities) <= council
        if (
            wrong
            and spelling.startswith("one slip")
            and any(self.official.get(key) for key in (tuple(word.norm for word in words(written)), self.key(written)))
        ):
            return "other's"
        return "wrong" if wrong else "none"


def tries(schools: Sequence[School], seeds: Sequence[int]) -> Iterator[tuple[School, str, bool, str, str]]:
    """(school, spelling, with its council, the name as written, the sentence)."""
    for school in schools:
        sentence = SENTENCES[zlib.crc32(school.name.encode()) % len(SENTENCES)]
        for spelling, change in spellings(seeds).items():
            written = change(school.name)
            if written == school.name and spelling != "official":
                continue
            for council in (False, True):
                if council and not school.authority:
                    continue
                behind = f", {school.authority}" if council else ""
                text = sentence.replace("{name}", written + behind)
                yield school, spelling, council, written, text.lower() if spelling == "small letters" else text


def measure(
    finder: InstitutionFinder, schools: Sequence[School], seeds: Sequence[int], chosen: Sequence[School]
) -> tuple[dict[tuple[str, bool], Counter[str]], dict[tuple[str, bool, str], list[str]]]:
    """(counts, examples of what is not right) by spelling; ``chosen`` are those of ``schools`` to be tried."""
    judge = Judge(finder, schools)
    counts: defaultdict[tuple[str, bool], Counter[str]] = defaultdict(Counter)
    examples: defaultdict[tuple[str, bool, str], list[str]] = defaultdict(list)
    for school, spelling, council, written, text in tries(chosen, seeds):
        parsed = message(text)
        read = finder.find(parsed, views(parsed))
        verdict = judge.of(school, read, written, spelling)
        counts[spelling, council][verdict] += 1
        if verdict != "right":
            said = " + ".join(read.institutions) or "-"
            options = "" if not read.institution_options else f" ({len(read.institution_options)} options)"
            examples[spelling, council, verdict].append(f"{written} [{school.name}, {school.authority}] -> {said}, {' + '.join(read.authorities)}{options}")
    return counts, examples


def shared_names(finder: InstitutionFinder, schools: Sequence[School]) -> tuple[list[str], list[str]]:
    """(names that schools of several councils have, those of them that were read as one council's without a word on which)."""
    councils: defaultdict[tuple[str, ...], set[str]] = defaultdict(set)
    written: dict[tuple[str, ...], str] = {}
    for school in schools:
        key = tuple(word.norm for word in words(town_off(school.name)))
        councils[key].add(school.authority)
        written[key] = town_off(school.name)
    shared = [written[key] for key, several in councils.items() if len(several) > 1]
    guessed = []
    for name in shared:
        parsed = message(f"I teach at {name} and would like to take part in the programme.")
        if finder.find(parsed, views(parsed)).authorities:
            guessed.append(name)
    return shared, guessed


def sample(schools: Sequence[School], number: int) -> list[School]:
    """A part that stays the same while the list grows: by hash of code and name."""
    return sorted(schools, key=lambda school: zlib.crc32(f"{school.seed_code}{school.name}".encode()))[:number] if number else list(schools)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--schools", type=Path, required=True)
    parser.add_argument("--programme", type=Path, default=ROOT / "programme")
    parser.add_argument("--sample", type=int, default=0, help="that many schools, by hash; 0 is all")
    parser.add_argument("--seeds", default="1,2,3", help="of the slips")
    parser.add_argument("--show", type=int, default=0, help="examples of each verdict but right")
    options = parser.parse_args()
    schools = load_schools(options.schools, options.programme)
    finder = InstitutionFinder(options.programme, schools)
    begun = time.perf_counter()
    seeds = [int(seed) for seed in options.seeds.split(",") if seed]
    chosen = sample(schools, options.sample)
    counts, examples = measure(finder, schools, seeds, chosen)
    shared, guessed = shared_names(finder, schools)
    verdicts = ("right", "several", "none", "other's", "wrong")
    print(f"{len(chosen)} of {len(schools)} schools, {sum(sum(c.values()) for c in counts.values())} sentences, {time.perf_counter() - begun:.0f} s")
    print(f"{'spelling':<20}{'council':<9}{'tried':>7}" + "".join(f"{verdict:>9}" for verdict in verdicts) + f"{'recall':>9}")
    for (spelling, council), count in counts.items():
        total = sum(count.values())
        row = "".join(f"{count[verdict]:>9}" for verdict in verdicts)
        print(f"{spelling:<20}{'yes' if council else 'no':<9}{total:>7}{row}{(count['right'] + count['several']) / total:>9.3f}")
    print(f"names that several councils share: {len(shared)}; written alone and given one council: {len(guessed)} {guessed[: options.show]}")
    for (spelling, council, verdict), several in sorted(examples.items()):
        for line in several[: options.show if verdict != "several" else options.show // 4]:
            print(f"{verdict}: {spelling}, {'with' if council else 'without'} council: {line}")
    return int(bool(guessed) or any(count["wrong"] for count in counts.values()))


if __name__ == "__main__":
    sys.exit(main())
