"""The pulse: still while nothing happens, another after each thing that a page shows."""

from __future__ import annotations

from collections.abc import Callable

from store import Store
from tests.fixtures.stores import DAY, MAILBOX, NOW, arrival, record


def test_a_mailbox_says_what_of_it_is_not_read_yet_and_how_its_last_poll_ended(store: Store) -> None:
    assert store.health() == ()
    store.add_arrivals([arrival(2), arrival(1), arrival(3)], NOW)
    store.note_poll(MAILBOX, NOW, ok=True, on_server=3, unaccounted=0)
    store.note_poll("another", NOW, ok=False, error="refused")
    store.record_many([record(store.waiting()[0].id)], NOW)
    another, box = store.health()
    assert (another.mailbox, another.poll.last_error, another.poll.unaccounted, another.waiting, another.waiting_since) == ("another", "refused", None, 0, None)
    assert (box.mailbox, box.poll.on_server, box.poll.unaccounted, box.waiting) == (MAILBOX, 3, 0, 2)
    assert box.waiting_since == arrival(2).internal_date


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
