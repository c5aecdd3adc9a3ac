"""The export is streamed, complete, and safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io

import pytest

from mailroom.exporting import COLUMNS, export_csv, export_jsonl, safe_cell
from mailroom.model import MessageState
from store import FieldValue, RegistrationDraft, RegistrationState, Store
from tests.fixtures.stores import NOW, arrival, reading


@pytest.mark.parametrize("dangerous", ["=1+1", "+1", "-1", "@sum(a1)", "\t=1", "\r=1", " =1", "=cmd|' /C calc'!A0"])
def test_cell_that_a_spreadsheet_would_run_is_only_shown(dangerous: str) -> None:
    assert safe_cell(dangerous).startswith("'")


@pytest.mark.parametrize("harmless", ["Glenmarnoch Academy", "a=b", "St Mary's", "R-ABC", ""])
def test_ordinary_cell_is_left_as_it_is(harmless: str) -> None:
    assert safe_cell(harmless) == harmless


def test_member_cannot_plant_a_formula_or_a_line(store: Store) -> None:
    store.add_arrivals([arrival(1)], NOW)
    (message,) = store.waiting()
    values = (FieldValue(field="topic", value='=HYPERLINK("http://x")\r\nnew line', person="test"),)
    draft = RegistrationDraft(member_name="=evil()", member_address="anne@example.com", state=RegistrationState.REGISTERED, values=values)
    assert store.record(message.id, reading(), MessageState.REGISTERED, draft, now=NOW)
    out = io.StringIO()
    export_csv(store, out)
    heading, row = list(csv.reader(io.StringIO(out.getvalue())))
    assert tuple(heading) == COLUMNS
    assert row[1] == "'=evil()"
    assert row[COLUMNS.index("topics")] == '\'=HYPERLINK("http://x") new line'
    lines = io.StringIO()
    export_jsonl(store, lines)
    assert len(lines.getvalue().splitlines()) == 1
