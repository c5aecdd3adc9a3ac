"""The register as JSON lines or CSV, streamed.

CSV is safe from formula injection: a cell that a spreadsheet would run (it starts with = + - @, a tab
or a carriage return) gets an apostrophe in front (OWASP, «CSV injection»).
"""

from __future__ import annotations

import csv
import json
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from store import Registration, Store

__all__ = ["COLUMNS", "export_csv", "export_jsonl", "register_row", "safe_cell"]

COLUMNS = (
    "id",
    "member_name",
    "member_address",
    "institutions",
    "authorities",
    "activities",
    "topics",
    "sessions",
    "state",
    "missing",
    "messages",
    "updated_at",
)
FIELDS = {"institutions": "institution", "authorities": "authority", "activities": "activity", "topics": "topic", "sessions": "session"}
_RUNS = ("=", "+", "-", "@", "\t", "\r")


def register_row(registration: Registration) -> dict[str, Any]:
    """One registration in the form of the export."""
    return {
        "id": registration.id,
        "member": {"name": registration.member_name, "address": registration.member_address},
        **{column: list(registration.values_of(field)) for column, field in FIELDS.items()},
        "state": str(registration.state),
        "missing": list(registration.missing),
        "messages": list(registration.messages),
        "updated_at": registration.updated_at.isoformat(),
    }


def safe_cell(text: str) -> str:
    """Text that a spreadsheet shows and does not run; line breaks become spaces."""
    text = text.replace("\r\n", " ").replace("\n", " ").replace("\x00", "")
    return f"'{text}" if text.lstrip(" ").startswith(_RUNS) else text.replace("\r", " ").replace("\t", " ")


def export_jsonl(store: Store, out: IO[str]) -> None:
    for registration in store.registrations():
        out.write(json.dumps(register_row(registration), ensure_ascii=False) + "\n")


def export_csv(store: Store, out: IO[str]) -> None:
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for registration in store.registrations():
        row = register_row(registration)
        row["member_name"], row["member_address"] = row["member"]["name"], row["member"]["address"]
        writer.writerow(safe_cell("; ".join(map(str, row[key])) if isinstance(row[key], list) else str(row[key])) for key in COLUMNS)
