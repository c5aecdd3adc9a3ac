"""The register: values with their source, in an order that does not change, without filling memory."""

from __future__ import annotations

import dataclasses
import tracemalloc

import pytest
from sqlalchemy import text

from mailroom.errors import Permanent
from store import FieldValue, RegistrationState, Store, register
from store.database import Database
from tests.fixtures.stores import NOW, arrival, draft, record


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several of them with hundreds of registrations, where it would take thousands."""
    monkeypatch.setattr(register, "PAGE", 100)


def fill(store: Store, count: int, *, first: int = 1) -> None:
    for start in range(first, first + count, 500):
        store.add_arrivals([arrival(uid) for uid in range(start, min(start + 500, first + count))], NOW)
        store.record_many([record(m.id) for m in store.waiting(limit=500)], NOW)


def test_a_value_without_a_source_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="neither evidence nor a person"):
        FieldValue(field="topic", value="reading")


def test_a_value_without_a_source_cannot_be_stored(store: Store, current_url: str) -> None:
    """The database refuses it as well, whoever writes."""
    fill(store, 1)
    database = Database(current_url)
    statement = "INSERT INTO registration_values (registration_id, field, position, value) SELECT id, 'topic', 9, 'reading' FROM registrations"
    with pytest.raises(Permanent, match="provenance"), database.write() as connection:
        connection.execute(text(statement))
    database.close()


@pytest.mark.usefixtures("small_pages")
def test_the_order_is_that_of_arrival_and_pages_lose_nothing(store: Store) -> None:
    """More than one page; the later uid arrived later, however it was recorded."""
    store.add_arrivals([arrival(uid) for uid in range(1, 252)], NOW)
    first = store.waiting(limit=120)
    for message in reversed([first, store.waiting(limit=131, after=first[-1])]):
        store.record_many([record(m.id) for m in reversed(message)], NOW)
    found = list(store.registrations())
    assert len({r.id for r in found}) == 251
    assert [r.received_at for r in found] == sorted(r.received_at for r in found)
    assert list(store.registrations()) == found


def test_only_some_states(store: Store) -> None:
    store.add_arrivals([arrival(1), arrival(2)], NOW)
    one, two = store.waiting()
    store.record_many([record(one.id), dataclasses.replace(record(two.id), registration=draft(state=RegistrationState.REVIEW))], NOW)
    assert [r.messages for r in store.registrations([RegistrationState.REVIEW])] == [(two.id,)]
    assert store.status().registrations[RegistrationState.REVIEW] == 1


def test_one_registration_by_its_id(store: Store) -> None:
    fill(store, 2)
    first = next(store.registrations())
    assert store.registration(first.id) == first
    assert store.registration("R-NOBODY") is None


@pytest.mark.usefixtures("small_pages")
def test_an_export_is_a_snapshot_and_hinders_no_writer(store: Store) -> None:
    fill(store, 130)
    stream = store.registrations()
    next(stream)
    fill(store, 5, first=1000)
    assert len(list(stream)) == 129
    assert len(list(store.registrations())) == 135


@pytest.mark.usefixtures("small_pages")
def test_streaming_keeps_one_page_in_memory(store: Store) -> None:
    fill(store, 500)
    list(store.registrations())  # caches filled

    def peak(whole: bool) -> int:
        tracemalloc.start()
        try:
            len(list(store.registrations())) if whole else sum(1 for _ in store.registrations())
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(whole=False) < peak(whole=True) / 2
