"""The register as JSON lines or CSV, streamed. CSV is safe from formula injection (``mailroom.cells``)."""

from __future__ import annotations

import csv
import json
from typing import IO, TYPE_CHECKING, Any

from mailroom.cells import safe_cell

if TYPE_CHECKING:
    from store import Registration, Store

__all__ = ["COLUMNS", "export_csv", "export_jsonl", "register_row"]

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
