"""A report finds its answer, marks the address where it is dead, and what does not fit changes nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest

from mailroom.model import MessageState, ReplyState
from store import DeliveryNote, Store
from store.undeliverable import BOUNCED, UNDELIVERABLE
from tests.fixtures.stores import NOW, arrival, record

LATER = NOW + timedelta(hours=1)
_UIDS = count(1)


def message(store: Store) -> int:
    store.add_arrivals([arrival(next(_UIDS))], NOW)
    return store.waiting(limit=1)[0].id


def answered(store: Store, name: str, recipient: str, *, state: ReplyState = ReplyState.DUE, sent: bool = True) -> int:
    """The id of an answer, sent or not."""
    of = message(store)
    store.record_many([record(of, name, recipient=recipient, reply_state=state)], NOW)
    [reply] = [r for r in store.replies() if r.message_id == of]
    if sent:
        assert store.claim(reply.id, NOW)
        assert store.mark_sent(reply.id, NOW)
    return reply.id


def note(*identifiers: str, to: tuple[str, ...] = ("anne@x.example",), action: str = "failed", gone: bool = True) -> DeliveryNote:
    return DeliveryNote(
        identifiers=identifiers,
        recipients=to,
        action=action,
        status="5.1.1",
        detail="550 5.1.1 no such user",
        permanent=action == "failed",
        address_gone=gone and action == "failed",
    )


def comes_in(store: Store, told: DeliveryNote) -> int:
    of = message(store)
    [result] = store.record_many([replace(record(of, f"n{of}"), state=MessageState.IGNORED, registration=None, reply=None, delivery=told)], LATER)
    assert result.recorded
    return of


def place(store: Store, reply_id: int) -> tuple[ReplyState, str]:
    reply = store.reply(reply_id)
    assert reply is not None
    return reply.state, reply.reason


def test_a_failure_is_tied_to_its_answer_and_the_address_is_marked(store: Store) -> None:
    reply = answered(store, "a", "Anne@x.example")
    report = comes_in(store, note("<unknown@x.example>", "<reply-a@union.example>"))
    assert place(store, reply) == (ReplyState.DEAD, BOUNCED)
    [address] = store.undeliverable()
    assert (address.address, address.reason, address.status, address.reply_id, address.message_id) == ("Anne@x.example", BOUNCED, "5.1.1", reply, report)
    assert store.status().undeliverable == 1
    answer = store.reply(reply)
    assert answer is not None
    assert answer.registration_id == address.registration_id
    assert answer.last_error == "550 5.1.1 no such user"
    record_of_it = store.message(answer.message_id or 0)
    assert record_of_it is not None
    assert [(r.message_id, r.effect) for r in record_of_it.reports] == [(report, BOUNCED)]
    assert {"reply.bounced", "address.undeliverable"} <= {event.event for event in record_of_it.history}
    of_report = store.message(report)
    assert of_report is not None
    assert [(r.reply_id, r.registration_id) for r in of_report.reports] == [(reply, answer.registration_id)]


def test_later_answers_wait_until_a_person_clears_the_address(store: Store) -> None:
    answered(store, "a", "anne@x.example")
    comes_in(store, note("<reply-a@union.example>"))
    second = answered(store, "b", "ANNE@x.example", sent=False)
    assert place(store, second) == (ReplyState.SUPPRESSED, UNDELIVERABLE)
    assert store.undeliverable()[0].parked == 1
    assert store.parked(UNDELIVERABLE) == ()
    assert store.clear_address("anne@X.example", LATER, actor="the coordinator") == (second,)
    assert store.clear_address("anne@x.example", LATER, actor="the coordinator") is None
    assert (store.undeliverable(), store.parked(UNDELIVERABLE)) == ((), (second,))
    third = answered(store, "c", "anne@x.example")
    assert place(store, third)[0] == ReplyState.SENT
    comes_in(store, note("<reply-c@union.example>"))
    assert [one.reply_id for one in store.undeliverable()] == [third], "it can be marked again"


def test_what_was_still_to_go_there_is_parked_with_it(store: Store) -> None:
    answered(store, "a", "anne@x.example")
    due = answered(store, "b", "anne@x.example", sent=False)
    held = answered(store, "c", "anne@x.example", state=ReplyState.HELD, sent=False)
    other = answered(store, "d", "bob@x.example", sent=False)
    comes_in(store, note("<reply-a@union.example>"))
    assert [place(store, reply) for reply in (due, held)] == [(ReplyState.SUPPRESSED, UNDELIVERABLE)] * 2
    assert place(store, other) == (ReplyState.DUE, "")
    assert store.release(None, LATER) == [], "«release --all» does not wake them"


def test_a_report_and_an_answer_of_one_batch(store: Store) -> None:
    answered(store, "a", "anne@x.example")
    of = [message(store)]
    store.add_arrivals([arrival(next(_UIDS))], NOW)
    of.append(store.waiting(limit=2)[1].id)
    first = record(of[0], "b", recipient="anne@x.example")
    report = replace(record(of[1], "n"), state=MessageState.IGNORED, registration=None, reply=None, delivery=note("<reply-a@union.example>"))
    placed = store.record_many([first, report], LATER)
    assert (placed[0].reply_state, placed[0].reply_reason) == (ReplyState.SUPPRESSED, UNDELIVERABLE)


@pytest.mark.parametrize(
    ("told", "effect"),
    [
        (note("<forged@union.example>"), None),
        (note(), None),
        (note("<reply-a@union.example>", to=("victim@x.example",)), "report_of_another_address"),
        (note("<reply-a@union.example>", to=()), "report_unclear"),
        (note("<reply-a@union.example>", action="delayed"), "report_delayed"),
        (note("<reply-a@union.example>", action="delivered"), "report_delivered"),
        (note("<reply-a@union.example>", action=""), "report_unclear"),
    ],
    ids=["unknown Message-ID", "none", "another address", "no address", "late", "delivered", "says nothing"],
)
def test_what_is_no_failure_of_that_address_changes_nothing(store: Store, told: DeliveryNote, effect: str | None) -> None:
    reply = answered(store, "a", "anne@x.example")
    answered(store, "v", "victim@x.example")
    report = comes_in(store, told)
    assert place(store, reply)[0] == ReplyState.SENT
    assert store.undeliverable() == ()
    found = store.message(report)
    assert found is not None
    assert [r.effect for r in found.reports] == ([effect] if effect else [])


def test_an_answer_that_never_left_cannot_have_come_back(store: Store) -> None:
    reply = answered(store, "a", "anne@x.example", sent=False)
    comes_in(store, note("<reply-a@union.example>"))
    assert place(store, reply)[0] == ReplyState.DUE
    assert store.undeliverable() == ()


def test_a_policy_refusal_loses_the_answer_and_spares_the_address(store: Store) -> None:
    reply = answered(store, "a", "anne@x.example")
    comes_in(store, note("<reply-a@union.example>", gone=False))
    assert place(store, reply) == (ReplyState.DEAD, BOUNCED)
    assert store.undeliverable() == ()


def test_a_failure_ends_the_attempts_of_an_answer_that_was_due_again(store: Store) -> None:
    reply = answered(store, "a", "anne@x.example", sent=False)
    store.claim(reply, NOW)
    store.mark_retry(reply, "connection lost", LATER, NOW)
    comes_in(store, note("<reply-a@union.example>"))
    assert place(store, reply) == (ReplyState.DEAD, BOUNCED)


def test_the_same_report_twice_marks_once(store: Store) -> None:
    answered(store, "a", "anne@x.example")
    first = comes_in(store, note("<reply-a@union.example>"))
    comes_in(store, note("<reply-a@union.example>"))
    [address] = store.undeliverable()
    assert address.message_id == first


def test_a_refusal_at_the_door_marks_the_address_where_it_says_so(store: Store) -> None:
    gone, spam = answered(store, "a", "anne@x.example", sent=False), answered(store, "b", "bob@x.example", sent=False)
    for reply, status in ((gone, "5.1.1"), (spam, None)):
        store.claim(reply, NOW)
        assert store.mark_dead(reply, "550 no", NOW, reason="refused", gone=status)
        assert not store.mark_dead(reply, "550 no", NOW, reason="refused", gone=status)
    assert [(one.address, one.reason, one.status, one.message_id) for one in store.undeliverable()] == [("anne@x.example", "refused", "5.1.1", None)]


@pytest.mark.parametrize("gone", [True, False])
def test_the_digest_tells_of_an_answer_that_came_back_whatever_the_fault(store: Store, gone: bool) -> None:
    """A full mailbox leaves the address as it is, and the member without an answer all the same."""
    reply = answered(store, "a", "anne@x.example")
    comes_in(store, note("<reply-a@union.example>", gone=gone))
    told = store.digest_facts(NOW, LATER)
    assert [(one.id, one.reason) for one in told.dead] == [(reply, BOUNCED)]
    assert len(told.unreachable) == (1 if gone else 0)
