"""Deeds of persons in the store: numbered, guarded, taken back whole; what only a session's limit or the outbox can spoil."""

from __future__ import annotations

import itertools
import threading
from dataclasses import replace

import pytest

from mailroom.errors import MailroomError
from mailroom.model import MessageState, ReplyState
from store import FieldValue, PlaceState, Record, RegistrationState, RegistrationUpdate, Stale, Store
from store.undoing import differences
from tests.fixtures.stores import DAY, MAILBOX, NOW, answer, arrival, draft, reading, record

WED = "2022-01-19"


def begun(store: Store, uid: int = 1, *, sessions: tuple[str, ...] = (), address: str = "anne@example.com") -> str:
    """A registration that a message made; its id."""
    store.add_arrivals([arrival(uid)], NOW)
    [waiting] = store.waiting(MAILBOX)
    one = record(waiting.id, f"m{uid}", recipient=address, reply_state=ReplyState.HELD)
    evidence = reading().extraction.candidates[0].evidence
    wanted = tuple(FieldValue(field="session", value=session, evidence=(evidence,)) for session in sessions)
    made = draft(address)
    one = replace(one, registration=replace(made, values=(*made.values, *wanted)))
    [done] = store.record_many([one], NOW)
    assert done.registration_id is not None, done
    return done.registration_id


def changed(store: Store, id: str, **fields: object) -> RegistrationUpdate:
    one = store.registration(id)
    assert one is not None
    update = RegistrationUpdate(registration_id=id, revision=one.revision, state=one.state, values=one.values, missing=one.missing)
    return replace(update, **fields)  # type: ignore[arg-type]


def test_a_deed_has_its_number_on_every_line_of_history_that_it_writes(store: Store) -> None:
    id = begun(store)
    did = store.change("withdraw", changed(store, id, state=RegistrationState.WITHDRAWN), NOW + DAY, actor="moira")
    assert did is not None
    lines = [event for event in store.history(registration_id=id) if event.deed_id == did.deed]
    assert {event.event for event in lines} == {"registration.corrected", "reply.withdrawn"}
    assert next(event.deed_id for event in store.history(registration_id=id)) is None  # what a round wrote is nobody's deed
    [deed] = store.deeds(registration_id=id)
    assert (deed.id, deed.kind, deed.actor, deed.registrations, len(deed.replies)) == (did.deed, "withdraw", "moira", (id,), 1)
    assert store.deed(did.deed) == deed
    assert store.deeds(message_id=999) == ()


def test_what_changes_nothing_is_no_deed(store: Store) -> None:
    id = begun(store)
    assert store.change("correct", changed(store, id), NOW, actor="moira") is None
    assert store.release_these([999], NOW, actor="moira") is None
    assert store.deeds() == ()


def test_a_place_that_went_to_somebody_else_is_not_taken_back(store: Store) -> None:
    """One place: whoever withdrew had it, and it was given away since."""
    limits = {WED: 1}
    first = begun(store, 1, sessions=(WED,))
    did = store.change("withdraw", changed(store, first, state=RegistrationState.WITHDRAWN), NOW, actor="moira", places=limits)
    assert did is not None
    assert store.occupancy([WED])[WED].taken == 0
    other = begun(store, 2, sessions=(WED,), address="bert@example.com")
    with pytest.raises(MailroomError, match="went to somebody else"):
        store.undo(did.deed, NOW, actor="moira", places=limits)
    kept = store.registration(first)
    assert kept is not None
    assert (kept.state, kept.places) == (RegistrationState.WITHDRAWN, ())
    gone = store.change("withdraw", changed(store, other, state=RegistrationState.WITHDRAWN), NOW, actor="moira", places=limits)
    assert gone is not None
    store.undo(did.deed, NOW, actor="moira", places=limits)
    back = store.registration(first)
    assert back is not None
    assert [(place.session, place.state) for place in back.places] == [(WED, PlaceState.PLACE)]


def test_a_place_moves_with_its_member_when_registrations_are_merged(store: Store) -> None:
    one, other = begun(store, 1, sessions=(WED,)), begun(store, 2)
    held = store.registration(one)
    assert held is not None
    into = changed(store, other)
    into = replace(into, values=(*into.values, *(value for value in held.values if value.field == "session")))
    did = store.merge(one, held.revision, into, NOW, actor="moira", places={WED: 1})
    assert did is not None
    merged, whole = store.registration(one), store.registration(other)
    assert merged is not None
    assert whole is not None
    assert (merged.places, [place.session for place in whole.places]) == ((), [WED])
    assert whole.places[0].asked_at == held.places[0].asked_at  # in the order of asking, as before
    store.undo(did.deed, NOW, actor="moira", places={WED: 1})
    assert store.occupancy([WED])[WED].taken == 1
    again = store.registration(one)
    assert again is not None
    assert again.places == held.places


def test_a_chain_of_merges_ends_in_the_one_that_stands(store: Store) -> None:
    ids = [begun(store, uid) for uid in (1, 2, 3)]
    for one, other in itertools.pairwise(ids):
        revision = changed(store, one).revision
        assert store.merge(one, revision, changed(store, other), NOW, actor="moira")
    conversation = store.conversation(ids[2])
    assert conversation is not None
    assert len(conversation.turns) == 3
    assert {reply.registration_id for reply in conversation.replies} == set(ids)  # what was asked there was asked
    found = store.find_registration("anne@example.com")
    assert found is not None
    assert found.id == ids[2]


def test_a_message_is_not_linked_to_what_was_merged_while_it_was_read(store: Store) -> None:
    """Also where it changes nothing: the round decides on it again."""
    one, other = begun(store, 1), begun(store, 2)
    store.add_arrivals([arrival(3)], NOW)
    [waiting] = store.waiting(MAILBOX)
    decided_on = changed(store, one)
    assert store.merge(one, decided_on.revision, changed(store, other), NOW, actor="moira")
    follow_up = Record(message_id=waiting.id, reading=reading("m3"), state=MessageState.REGISTERED, update=decided_on)
    [result] = store.record_many([follow_up], NOW)
    assert not result.recorded
    assert "changed while it was read" in result.error


def test_an_answer_that_left_is_not_taken_back(store: Store) -> None:
    begun(store)
    [reply] = store.replies()
    did = store.release_these([reply.id], NOW, actor="moira")
    assert did is not None
    assert store.claim(reply.id, NOW) is not None
    with pytest.raises(MailroomError, match="has left"):
        store.undo(did.deed, NOW, actor="moira")
    assert store.mark_retry(reply.id, "try later", NOW + DAY, NOW)
    store.undo(did.deed, NOW, actor="moira")  # it was not taken, so it has not left after all
    [after] = store.replies()
    assert after.state is ReplyState.HELD


def test_mail_by_hand_is_not_written_to_an_address_that_takes_none(store: Store) -> None:
    id = begun(store)
    [reply] = store.replies()
    store.release([reply.id], NOW)
    store.claim(reply.id, NOW)
    assert store.mark_dead(reply.id, "no such user", NOW, gone="5.1.1")
    with pytest.raises(MailroomError, match="came back"):
        store.write_by_hand("answer", answer("by-hand"), 1, id, NOW, actor="moira")
    assert len(store.replies()) == 1


def test_of_many_at_once_exactly_one_wins_each_time(store: Store) -> None:
    id = begun(store)
    for turn in range(5):
        new = changed(store, id)
        barrier, results = threading.Barrier(4), list[object]()

        def work(number: int, turn: int = turn, new: RegistrationUpdate = new, barrier: threading.Barrier = barrier, results: list[object] = results) -> None:
            values = (*new.values[:2], FieldValue(field="topic", value=f"topic {turn} {number}", person=f"person {number}"))
            barrier.wait()
            try:
                results.append(store.change("correct", replace(new, values=values), NOW, actor=f"person {number}"))
            except Stale as error:
                results.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        winners = [result for result in results if not isinstance(result, Stale)]
        assert (len(results), len(winners)) == (4, 1), results
        assert changed(store, id).revision == new.revision + 1


def test_a_deed_gives_way_to_a_transaction_that_holds_its_rows(store: Store) -> None:
    """Longer than a deed waits for a row at a time: it begins anew until it can."""
    id = begun(store)
    new = changed(store, id, state=RegistrationState.WITHDRAWN)
    held, result = threading.Event(), list[object]()

    def hold() -> None:
        from sqlalchemy import text

        with store._database.write() as connection:
            connection.execute(text("UPDATE registrations SET updated_at = updated_at WHERE id = :id"), {"id": id})
            held.set()
            threading.Event().wait(1.3)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(10)
    result.append(store.change("withdraw", new, NOW, actor="moira"))
    holder.join(10)
    assert result[0] is not None


def test_differences_name_what_differs_and_what_is_new() -> None:
    before = {"messages": {"1": {"state": "review", "reason": "x"}}, "replies": {}, "registrations": {}}
    after = {"messages": {"1": {"state": "ignored", "reason": "x"}}, "replies": {"5": {"state": "due"}}, "registrations": {}}
    assert differences(before, after) == {
        "messages": {"1": {"before": {"state": "review"}, "after": {"state": "ignored"}}},
        "replies": {"5": {"before": None, "after": {"state": "due"}}},
    }
