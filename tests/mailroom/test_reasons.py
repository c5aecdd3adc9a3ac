"""A reason code is told in a sentence, and every sentence has a code that is used."""

from __future__ import annotations

from pathlib import Path

from mailroom.reasons import REASONS
from parse.decide import TABLE

SLOTS = ("institution", "authority", "activity")
ROOT = Path(__file__).parents[2]


def sources() -> str:
    code = [
        p.read_text(encoding="utf-8")
        for package in ("ingest", "parse", "store", "notify", "mailroom")
        for p in (ROOT / package).rglob("*.py")
        if p.name != "reasons.py"
    ]
    data = [p.read_text(encoding="utf-8") for p in (ROOT / "programme").rglob("*.yaml")]
    return "\n".join((*code, *data))


def test_every_sentence_belongs_to_a_code_in_use() -> None:
    text = sources()
    made = {f"decided_{row.id.replace('-', '_')}" for row in TABLE} | {f"missing_{slot}" for slot in SLOTS} | {f"unsure_{slot}" for slot in SLOTS}
    unused = [code for code in REASONS if code not in made and f'"{code}"' not in text and f" {code}" not in text and f"'{code}'" not in text]
    assert not unused


def test_every_sentence_is_a_sentence() -> None:
    wrong = [code for code, sentence in REASONS.items() if not sentence.endswith((".", "?")) or not sentence[0].isupper()]
    assert not wrong


def test_every_row_of_the_decision_table_has_its_sentence() -> None:
    assert not [row.id for row in TABLE if f"decided_{row.id.replace('-', '_')}" not in REASONS]
