"""The export is streamed, complete, and safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io

from mailroom.exporting import COLUMNS, export_csv, export_jsonl
from mailroom.model import MessageState
from store import FieldValue, RegistrationDraft, RegistrationState, Store
from tests.fixtures.stores import NOW, arrival, reading


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
