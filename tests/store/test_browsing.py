"""What the desk's lists show."""

from __future__ import annotations

from datetime import timedelta

from mailroom.model import MessageState, ReplyState
from store import MessageFilter, NeedsKind, OutboxFilter, Page, RegistrationFilter, RegistrationState, Store
from tests.fixtures.stores import DAY, NOW, arrival, record


def test_lists_of_a_small_register(store: Store) -> None:
    """Each verb on three members, one of whose answers is held."""
    store.add_arrivals([arrival(uid) for uid in (1, 2, 3)], NOW)
    for message in store.waiting():
        store.record_many([record(message.id, recipient=f"m{message.id}@example.com", reply_state=ReplyState.HELD)], NOW + DAY)
    page = store.find_registrations(RegistrationFilter(institutions=("Whinhill Academy",), text="whinhill pla"), page=Page(size=2))
    assert (page.total, page.first, page.last) == (3, 1, 2)
    following = store.find_registrations(RegistrationFilter(institutions=("Whinhill Academy",)), page=Page(size=2, after=page.next))
    assert (following.first, len(following.lines), following.next) == (3, 1, "")
    assert store.facets(RegistrationFilter()).councils[0].value == ""
    assert store.institutions_like("whin")[0].count == 3
    assert sum(count for _, count in store.picture().weeks) == 3
    queue = store.needs_you()
    assert queue.counts[NeedsKind.HELD] == 3
    assert [line.institution for line in queue.lines] == ["Whinhill Academy"] * 3
    second = store.next_in_queue(queue.lines[0].place)
    assert second is not None
    assert second.place == queue.lines[1].place
    came = store.today(NOW, now=NOW + timedelta(hours=1))
    assert came.messages[MessageState.REGISTERED] == 3
    assert came.days[-1].registrations == 3
    assert store.outbox_list(OutboxFilter(states=(ReplyState.HELD,), text="m2")).total == 1
    assert store.message_list(MessageFilter(states=(MessageState.REGISTERED,), text="anne")).total == 3
    assert store.find_registrations(RegistrationFilter(states=(RegistrationState.REVIEW,))).total == 0
