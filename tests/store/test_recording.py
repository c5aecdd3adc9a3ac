"""A decision is written whole or not at all, once, and within the cap."""

from __future__ import annotations

import dataclasses
import random
from datetime import timedelta

import pytest

from mailroom.errors import Permanent
from mailroom.model import Decision, MessageState, Outcome, ReplyState
from store import Cap, FieldValue, Record, RegistrationDraft, RegistrationState, Store
from tests.fixtures.stores import DAY, MAILBOX, NOW, answer, arrival, draft, reading, record

THREE_A_DAY = Cap(per_address=3, window=DAY)


def waiting_ids(store: Store, count: int) -> list[int]:
    store.add_arrivals([arrival(uid) for uid in range(1, count + 1)], NOW)
    return [message.id for message in store.waiting(limit=count)]


def capped(message_id: int, recipient: str) -> Record:
    return dataclasses.replace(record(message_id, recipient=recipient), cap=THREE_A_DAY)


def test_a_decision_writes_everything_together(store: Store) -> None:
    """State, reading, registration with provenance, answer and history."""
    [message_id] = waiting_ids(store, 1)
    assert store.record(message_id, reading(), MessageState.REGISTERED, draft(), answer(), ReplyState.DUE, now=NOW)
    found = store.message(message_id)
    assert found is not None
    line = found.message
    assert (line.state, line.kind, line.reason, line.reason_detail) == (MessageState.REGISTERED, "expression_of_interest", "complete", "all there")
    assert (line.sender_address, line.subject) == ("anne@example.com", "Research")
    [registration] = found.registrations
    assert registration.state == RegistrationState.REGISTERED
    assert registration.values_of("topic") == ("reading", "play")
    assert {v.value: (v.message_id, v.person) for v in registration.values} == {
        "Whinhill Academy": (message_id, None),
        "reading": (message_id, None),
        "play": (None, "the coordinator"),
    }
    assert registration.values[0].evidence == draft().values[0].evidence
    assert registration.missing == ("activity",)
    assert registration.received_at == line.internal_date
    [reply] = found.replies
    assert (reply.state, reply.registration_id, reply.checks) == (ReplyState.DUE, registration.id, answer().checks)
    assert store.reply_content(reply.id) == answer().content
    [event] = found.history
    assert (event.event, event.rules_version, event.registration_id, event.reply_id) == ("message.recorded", "rules-1", registration.id, reply.id)


def test_a_decision_is_written_once(store: Store) -> None:
    """The second attempt is told no and changes nothing, also within one batch."""
    [message_id] = waiting_ids(store, 1)
    assert [r.recorded for r in store.record_many([record(message_id), record(message_id)], NOW)] == [True, False]
    assert not store.record(message_id, reading(), MessageState.IGNORED, now=NOW)
    assert store.balance(MAILBOX)[MessageState.REGISTERED] == 1
    assert sum(store.reply_counts().values()) == 1


def test_a_message_without_registration_or_answer(store: Store) -> None:
    [message_id] = waiting_ids(store, 1)
    ignored = dataclasses.replace(reading(), decision=Decision(outcome=Outcome.IGNORE))
    assert store.record(message_id, ignored, MessageState.IGNORED, now=NOW)
    found = store.message(message_id)
    assert found is not None
    assert (found.message.state, found.registrations, found.replies) == (MessageState.IGNORED, (), ())


def test_a_refused_record_takes_no_other_with_it(store: Store) -> None:
    """Two answers claim one Message-ID: the second is reported, the rest is written."""
    ids = waiting_ids(store, 3)
    batch = [record(ids[0], "ant"), record(ids[1], "ant"), record(ids[2], "bee")]
    results = store.record_many(batch, NOW)
    assert [r.recorded for r in results] == [True, False, True]
    assert results[1].error
    refused = store.message(ids[1])
    assert refused is not None
    assert (refused.message.state, refused.readings, refused.registrations, refused.history) == (MessageState.WAITING, (), (), ())


def test_a_decision_cannot_leave_the_message_waiting_nor_start_as_sent(store: Store) -> None:
    [message_id] = waiting_ids(store, 1)
    with pytest.raises(Permanent, match="waiting"):
        store.record(message_id, reading(), MessageState.WAITING, now=NOW)
    with pytest.raises(Permanent, match="cannot be sent"):
        store.record(message_id, reading(), MessageState.REGISTERED, reply=answer(), reply_state=ReplyState.SENT, now=NOW)
    assert store.balance()[MessageState.WAITING] == 1


def test_the_cap_parks_the_fourth_answer_whether_in_one_batch_or_several(store: Store) -> None:
    """Three a day for an address, written any way; another address is not touched by it."""
    ids = waiting_ids(store, 6)
    first = store.record_many([capped(ids[0], "anne@example.com"), capped(ids[1], "Anne@Example.com")], NOW)
    second = store.record_many([capped(ids[2], "ANNE@example.com"), capped(ids[3], "anne@example.com"), capped(ids[4], "bart@example.com")], NOW)
    assert [r.reply_state for r in first + second] == [ReplyState.DUE] * 3 + [ReplyState.SUPPRESSED, ReplyState.DUE]
    assert second[1].reply_reason == "cap_address"
    assert store.answers_since("anne@EXAMPLE.com", NOW - DAY) == 3
    later = NOW + DAY + timedelta(seconds=1)
    assert store.record_many([capped(ids[5], "anne@example.com")], later)[0].reply_state == ReplyState.DUE


def test_dead_and_suppressed_answers_do_not_count(store: Store) -> None:
    ids = waiting_ids(store, 2)
    store.record_many([record(ids[0]), record(ids[1], reply_state=ReplyState.SUPPRESSED)], NOW)
    assert store.answers_since("anne@example.com", NOW) == 1
    [due] = store.due(NOW)
    store.claim(due.id, NOW)
    store.mark_dead(due.id, "550 no such user", NOW)
    assert store.answers_since("anne@example.com", NOW) == 0


def test_text_that_databases_refuse_is_stored_all_the_same(store: Store) -> None:
    """NUL and lone surrogates: readable in the columns, exact in the reading."""
    [message_id] = waiting_ids(store, 1)
    base = reading()
    hostile = dataclasses.replace(base, parsed=dataclasses.replace(base.parsed, subject="a\0b\udce9", message_ids=("<\0>", "<\0>", "<" + "x" * 5000 + ">")))
    registration = dataclasses.replace(draft(), member_name="\0\ud800")
    assert store.record(message_id, hostile, MessageState.REGISTERED, registration, now=NOW)
    found = store.message(message_id)
    assert found is not None
    assert "\0" not in (found.message.subject or "")
    assert found.readings[0].reading == hostile


def test_text_too_long_for_an_index_is_stored_all_the_same(store: Store) -> None:
    """Random letters, so that no compression hides their length; the reading keeps all of it."""
    letters = random.Random(4)
    long = "".join(chr(letters.randrange(0x4E00, 0x9FFF)) for _ in range(20_000))
    [message_id] = waiting_ids(store, 1)
    base = reading(sender=f"{long}@example.com")
    hostile = dataclasses.replace(base, parsed=dataclasses.replace(base.parsed, subject=long, message_ids=(f"<{long}>",)))
    evidence = base.extraction.candidates[0].evidence
    registration = RegistrationDraft(
        member_name=long,
        member_address=f"{long}@example.com",
        state=RegistrationState.REVIEW,
        values=(FieldValue(field="topic", value=long, evidence=(evidence,)),),
    )
    assert store.record(message_id, hostile, MessageState.REVIEW, registration, answer(recipient=f"{long}@example.com"), now=NOW)
    found = store.message(message_id)
    assert found is not None
    assert found.readings[0].reading == hostile
    assert len((found.message.subject or "").encode()) <= 1000


def test_the_registration_id_follows_from_the_message(store: Store) -> None:
    """A run repeated from the same mail gives the same id; another mailbox gives another."""
    from store.register import registration_id

    [message_id] = waiting_ids(store, 1)
    result = store.record_many([record(message_id)], NOW)[0]
    sha = arrival(1).sha256
    assert result.registration_id == registration_id(MAILBOX, sha)
    assert registration_id("other", sha) != registration_id(MAILBOX, sha)
