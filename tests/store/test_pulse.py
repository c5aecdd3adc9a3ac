"""The pulse: still while nothing happens, another after each thing that a page shows."""

from __future__ import annotations

from collections.abc import Callable

from store import Store
from tests.fixtures.stores import DAY, MAILBOX, NOW, arrival, record


def test_the_pulse_moves_with_what_happens_and_with_nothing_else(store: Store) -> None:
    seen = [store.pulse()]

    def moved(what: Callable[[], object]) -> None:
        what()
        seen.append(store.pulse())
        assert seen[-1] == store.pulse()
        assert len(set(seen)) == len(seen), what

    moved(lambda: store.add_arrivals([arrival(1)], NOW))
    moved(lambda: store.record_many([record(store.waiting()[0].id)], NOW))
    moved(lambda: store.note_poll(MAILBOX, NOW + DAY, ok=True))
    moved(lambda: store.claim(store.due(NOW + DAY)[0].id, NOW + DAY))
    still = store.pulse()
    store.add_arrivals([arrival(1)], NOW + 2 * DAY)
    assert store.pulse() == still
