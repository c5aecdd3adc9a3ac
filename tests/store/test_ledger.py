"""The ledger: arrivals once, one place for each message, and the closing balance."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import timedelta

import pytest

from mailroom.errors import Permanent
from mailroom.model import MessageState
from store import Added, Store
from tests.fixtures.stores import DAY, MAILBOX, NOW, arrival, record


def test_new_mail_waits_with_its_very_bytes(store: Store) -> None:
    """What comes out is what came in, oldest first."""
    batch = [arrival(2, "second\0\xff"), arrival(5, "fifth")]
    assert store.add_arrivals(batch, NOW) == Added(new=2, linked=0)
    held = store.waiting()
    assert [m.content for m in held] == [a.content for a in batch]
    assert [m.internal_date for m in held] == [a.internal_date for a in batch]
    assert held[0].internal_date.utcoffset() == timedelta(0)


def test_an_arrival_offered_again_changes_nothing(store: Store) -> None:
    """Fetched twice because the process died before the cursor moved: still one message."""
    store.add_arrivals([arrival(1), arrival(2)], NOW)
    assert store.add_arrivals([arrival(2), arrival(3), arrival(3)], NOW) == Added(new=1, linked=0)
    assert store.known_uids(MAILBOX, 7) == {1, 2, 3}
    assert store.balance(MAILBOX)[MessageState.WAITING] == 3


def test_same_bytes_under_a_new_uidvalidity_are_the_same_message(store: Store) -> None:
    """A mailbox made anew adds no message to be read."""
    store.add_arrivals([arrival(1, "a"), arrival(2, "b")], NOW)
    moved = [arrival(11, "b", uidvalidity=8), arrival(12, "a", uidvalidity=8)]
    assert store.add_arrivals(moved, NOW) == Added(new=0, linked=2)
    assert store.known_uids(MAILBOX, 8) == {11, 12}
    assert len(store.waiting()) == 2


def test_two_copies_in_one_batch_are_one_message(store: Store) -> None:
    assert store.add_arrivals([arrival(1, "a"), arrival(2, "a")], NOW) == Added(new=1, linked=1)


def test_mailboxes_keep_their_own_copies(store: Store) -> None:
    """The same bytes in two mailboxes are two messages: each mailbox has its own balance."""
    assert store.add_arrivals([arrival(1, "a"), arrival(1, "a", mailbox="other")], NOW) == Added(new=2, linked=0)
    assert [m.mailbox for m in store.waiting("other")] == ["other"]


def test_mail_left_on_the_server_is_quarantined_each_by_itself(store: Store) -> None:
    """Too large to take: in a named place with a reason, and never confused with another such message."""
    assert store.add_arrivals([arrival(1, taken=False), arrival(2, taken=False)], NOW) == Added(new=2, linked=0)
    assert store.waiting() == []
    listed = store.messages(MessageState.QUARANTINED)
    assert [m.reason for m in listed] == ["too_large", "too_large"]
    assert store.unaccounted(MAILBOX, 7, [1, 2]) == []


def test_large_batches_are_taken_whole(store: Store) -> None:
    """More rows than one statement can name."""
    assert store.add_arrivals([arrival(uid) for uid in range(1, 1802)], NOW) == Added(new=1801, linked=0)
    assert store.add_arrivals([arrival(uid, f"message {uid}", uidvalidity=9) for uid in range(1, 1802)], NOW) == Added(new=0, linked=1801)


def test_waiting_is_paged_in_the_order_of_arrival(store: Store) -> None:
    """Whatever the order in which a mailbox showed them; two of the same second too."""
    shown = [arrival(uid) for uid in (4, 7, 1, 6, 3, 5, 2)]
    store.add_arrivals([*shown, dataclasses.replace(arrival(8), internal_date=arrival(3).internal_date)], NOW)
    pages, after = [], None
    while page := store.waiting(limit=3, after=after):
        pages.append([message.sha256 for message in page])
        after = page[-1]
    assert pages == [[arrival(uid).sha256 for uid in some] for some in ((1, 2, 3), (8, 4, 5), (6, 7))]


def test_unaccounted_is_what_the_server_has_and_the_ledger_has_not(store: Store) -> None:
    store.add_arrivals([arrival(1), arrival(2)], NOW)
    assert store.unaccounted(MAILBOX, 7, [4, 1, 3]) == [3, 4]
    assert store.unaccounted(MAILBOX, 8, [1]) == [1]


def test_only_decided_messages_are_to_be_moved_and_only_once(store: Store) -> None:
    store.add_arrivals([arrival(1), arrival(2)], NOW)
    store.record_many([record(store.waiting()[0].id)], NOW)
    assert store.unsettled_uids(MAILBOX, 7) == [1]
    store.mark_settled(MAILBOX, 7, [1])
    assert store.unsettled_uids(MAILBOX, 7) == []


def test_a_message_that_fails_is_quarantined_after_so_many_attempts(store: Store) -> None:
    store.add_arrivals([arrival(1)], NOW)
    message = store.waiting()[0]
    assert [store.failed_attempt(message.id, "boom\0", NOW, 3) for _ in range(4)] == [False, False, True, False]
    found = store.message(message.id)
    assert found is not None
    assert (found.message.state, found.message.reason, found.message.attempts) == (MessageState.QUARANTINED, "unreadable", 3)
    assert found.content == message.content
    assert [event.event for event in found.history] == ["message.quarantined"]


def test_only_a_waiting_message_is_quarantined(store: Store) -> None:
    store.add_arrivals([arrival(1)], NOW)
    message = store.waiting()[0]
    assert store.quarantine(message.id, "nested_too_deep", NOW, detail="200 parts")
    assert not store.quarantine(message.id, "another", NOW)
    assert store.messages()[0].reason == "nested_too_deep"


def test_balance_names_every_state(store: Store) -> None:
    assert store.balance(MAILBOX) == dict.fromkeys(MessageState, 0)


@pytest.mark.parametrize(
    "reference",
    [
        lambda m, r: m.id,
        lambda m, r: str(m.id),
        lambda m, r: m.sha256,
        lambda m, r: m.sha256[:12],
        lambda m, r: "<ant@example.com>",
        lambda m, r: "ant@example.com",
        lambda m, r: "reply-ant@union.example",
        lambda m, r: r,
        lambda m, r: r[:6],
    ],
    ids=["number", "digits", "sha256", "prefix", "message-id", "bare message-id", "our message-id", "registration", "its start"],
)
def test_a_message_is_found_by(store: Store, reference: Callable[..., int | str]) -> None:
    """Whatever a person has at hand finds the message and all that is known of it."""
    store.add_arrivals([arrival(1), arrival(2)], NOW)
    message = store.waiting()[0]
    result = store.record_many([record(message.id, "ant")], NOW)[0]
    found = store.message(reference(message, result.registration_id))
    assert found is not None
    assert found.message.id == message.id
    assert found.identifiers == ("<ant@example.com>",)
    assert [seen.uid for seen in found.arrivals] == [1]
    assert found.readings[0].reading == record(1, "ant").reading
    assert found.registrations[0].id == result.registration_id
    assert found.replies[0].identifier == "<reply-ant@union.example>"


def test_an_unknown_reference_is_none_and_an_ambiguous_one_says_so(store: Store) -> None:
    store.add_arrivals([arrival(1)], NOW)
    store.add_arrivals([arrival(1, "message 1", mailbox="other")], NOW)
    assert store.message("<nobody@example.com>") is None
    with pytest.raises(Permanent, match="several messages"):
        store.message(store.waiting()[0].sha256[:10])


def test_polls_are_noted_and_a_failure_keeps_the_last_success(store: Store) -> None:
    store.note_poll(MAILBOX, NOW, ok=True, on_server=41, unaccounted=1)
    store.note_poll(MAILBOX, NOW + DAY, ok=False, error="refused")
    poll = store.status().mailboxes[0].poll
    assert poll is not None
    assert (poll.last_poll_at, poll.last_success_at, poll.last_error) == (NOW + DAY, NOW, "refused")
    assert (poll.on_server, poll.unaccounted) == (41, 1), "the closing balance of the last poll that went well"
