"""What a letter says does not change with its dress: client, charset, wrap, banner, signature, disclaimer, thread.

The letters are the project's own; ``bench/mutations.py`` prints the rate of each mutation over any labelled mail.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parse.message import parse_message
from parse.reader import Reader
from parse.schoolnames import School
from tests.fixtures.mailers import CLIENTS, Item, render
from tests.fixtures.mutations import LAWFUL_LOSS, MUTATIONS, PERSON_KINDS, THREAD_SAYS_KIND, mutations

ROOT = Path(__file__).parents[2]
FIELDS = ("institutions", "authorities", "activities", "topics", "sessions")
HIGHEST_RATE = 0.02  # of one mutation, over every seventh letter; the bench prints the true rates
HIGHEST_OF_ALL = 0.003


def letters() -> list[Item]:
    lines = (ROOT / "tests" / "corpus" / name for name in ("fresh_a.jsonl", "fresh_c.jsonl"))
    items = [json.loads(line) for file in lines for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    return [item for item in items if not item["id"].startswith("fd")]


def schools(items: list[Item]) -> list[School]:
    """The schools that the labels name, where a label says for certain in which council they are."""
    sure = {
        (labels["institutions"][0], labels["authorities"][0])
        for labels in (item["labels"] for item in items)
        if labels["institution_type"] == "school" and len(labels["institutions"]) == len(labels["authorities"]) == 1
    }
    return [School(name=name, authority=authority) for name, authority in sorted(sure)]


LETTERS = letters()


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(ROOT / "programme", schools(LETTERS), own_addresses=["actionresearch@union.example"])


def values(reader: Reader, item: Item) -> dict[str, Any]:
    reading = reader.read(render(item))
    found: dict[str, Any] = {"kind": PERSON_KINDS.get(reading.extraction.kind, reading.extraction.kind), "outcome": reading.decision.outcome}
    return found | {field: sorted(value.casefold() for value in getattr(reading.extraction, field)) for field in FIELDS}


def differing(reader: Reader, name: str, base: Item, mutated: Item) -> list[str]:
    one, other = values(reader, base), values(reader, mutated)
    return sorted(field for field in one if one[field] != other[field] and not (field == "kind" and name in THREAD_SAYS_KIND))


@given(st.sampled_from(LETTERS), st.data())
@settings(max_examples=75, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_value_changes_with_the_dress(reader: Reader, item: Item, data: st.DataObject) -> None:
    """Any letter, any mutation that applies to it, but those of names: nothing read from it changes."""
    applying = [found for found in mutations(item) if found[0] not in LAWFUL_LOSS]
    name, base, mutated = data.draw(st.sampled_from(applying), label="mutation")
    assert differing(reader, name, base, mutated) == []


@given(st.sampled_from([item for item in LETTERS if not item.get("banner")]), st.sampled_from(CLIENTS), st.data())
@settings(max_examples=75, deadline=None, derandomize=True)
def test_nothing_is_lost_under_a_banner(item: Item, client: str, data: st.DataObject) -> None:
    """Under a banner, with whatever program, the own words are what they are without it."""
    applying = {name: mutated for name, _, mutated in mutations({**item, "client": client}, "banner")}
    assert own_words(applying["banner"]) == own_words({**item, "client": client})


def own_words(item: Item) -> str:
    parsed = parse_message(render(item))
    return "".join("".join(parsed.body[zone.start : zone.end] for zone in parsed.zones if zone.kind in ("own", "inline_answer")).split())


def test_each_mutation_is_rare_to_change_anything(reader: Reader) -> None:
    """Rates over every twenty-eighth letter, all mutations: next to none."""
    tried: Counter[str] = Counter()
    changed: Counter[str] = Counter()
    for item in LETTERS[::28]:
        for name, base, mutated in mutations(item):
            if name not in LAWFUL_LOSS:
                tried[name] += 1
                changed[name] += bool(differing(reader, name, base, mutated))
    assert set(tried) == set(MUTATIONS) - LAWFUL_LOSS
    assert {name: count for name, count in changed.items() if count > max(1, HIGHEST_RATE * tried[name])} == {}
    assert sum(changed.values()) <= HIGHEST_OF_ALL * sum(tried.values())
