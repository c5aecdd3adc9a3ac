"""Conversations in the store: found by index, changed by revision, asked once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import event

from mailroom.errors import Permanent
from mailroom.model import MessageState, ReplyDraft, ReplyState
from store import Cap, FieldValue, Lookup, Record, RegistrationState, RegistrationUpdate, Store
from tests.fixtures.stores import DAY, NOW, answer, arrival, draft, reading, record


def begun(store: Store, *, reply_state: ReplyState = ReplyState.DUE, template: str = "registered") -> tuple[str, int]:
    """A registration from message 1; its id and the next message's."""
    store.add_arrivals([arrival(1), arrival(2), arrival(3)], NOW)
    first, second, _ = store.waiting(limit=3)
    made = record(first.id, "ant", reply_state=reply_state)
    assert made.reply is not None
    [done] = store.record_many([replace(made, reply=replace(made.reply, template=template))], NOW)
    assert done.registration_id is not None
    return done.registration_id, second.id


def update_of(store: Store, registration_id: str, **changes: object) -> RegistrationUpdate:
    registration = store.registration(registration_id)
    assert registration is not None
    base = RegistrationUpdate(
        registration_id=registration.id, revision=registration.revision, state=registration.state, values=registration.values, missing=registration.missing
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def follow_up(message_id: int, update: RegistrationUpdate, reply: ReplyDraft | None = None) -> Record:
    return Record(message_id=message_id, reading=reading("bee"), state=MessageState.REGISTERED, update=update, reply=reply, reply_state=ReplyState.DUE)


def lookup(**given: object) -> Lookup:
    return replace(Lookup(key=1, identifiers=(), registrations=(), address=""), **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "by"),
    [
        ({"identifiers": ("<nothing@example.com>", "<ant@example.com>")}, "identifier"),
        ({"identifiers": ("<reply-ant@union.example>",)}, "identifier"),
        ({"address": "Anne@Example.com"}, "address"),
        ({"identifiers": ("<ant@example.com>",), "address": "anne@example.com"}, "identifier"),
    ],
)
def test_a_conversation_is_found_by_their_message_by_our_answer_and_by_its_sender(store: Store, given: dict[str, object], by: str) -> None:
    registration_id, _ = begun(store)
    [met] = store.conversations([lookup(**given)])[1]
    assert (met.by, met.conversation.registration.id) == (by, registration_id)
    assert met.conversation.addresses == {"anne@example.com"}
    assert [turn.reading for turn in met.conversation.turns] == [reading("ant")]
    assert [reply.template for reply in met.conversation.replies] == ["registered"]


def test_a_token_names_a_registration_and_an_unknown_one_names_nothing(store: Store) -> None:
    registration_id, _ = begun(store)
    assert store.conversations([lookup(registrations=("R-AAAAAAAAAAAAAAAA",))]) == {}
    [met] = store.conversations([lookup(registrations=(registration_id,))])[1]
    assert met.by == "token"


def test_a_batch_that_continues_nothing_costs_two_look_ups(store: Store) -> None:
    begun(store)
    statements: list[str] = []
    event.listen(store._database.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    lookups = [lookup(key=n, identifiers=(f"<{n}@example.com>",), address=f"m{n}@example.com") for n in range(25)]
    assert store.conversations(lookups) == {}
    assert len([s for s in statements if s.startswith("SELECT")]) == 2


def test_an_update_replaces_values_links_the_message_and_keeps_what_was(store: Store) -> None:
    registration_id, second = begun(store)
    old = store.registration(registration_id)
    assert old is not None
    kept = tuple(value for value in old.values if value.field != "topic")
    said = FieldValue(field="authority", value="Fife", evidence=old.values[0].evidence)
    new = update_of(store, registration_id, values=(*kept, said), missing=(), state=RegistrationState.REGISTERED)
    [done] = store.record_many([follow_up(second, new, answer("bee"))], NOW + DAY)
    assert (done.recorded, done.registration_id) == (True, registration_id)
    now = store.registration(registration_id)
    assert now is not None
    assert (now.revision, now.missing, now.messages, now.updated_at) == (2, (), (old.messages[0], second), NOW + DAY)
    assert now.values_of("topic") == ()
    sources = {value.value: value.message_id for value in now.values}
    assert sources == {"Whinhill Academy": old.messages[0], "Fife": second}
    [changed] = [line for line in store.history(registration_id=registration_id) if line.event == "registration.updated"]
    assert changed.before is not None and changed.after is not None
    assert changed.before["values"] == {"institution": ["Whinhill Academy"], "topic": ["reading", "play"]}
    assert changed.after["values"] == {"institution": ["Whinhill Academy"], "authority": ["Fife"]}
    assert (changed.before["revision"], changed.after["revision"]) == (1, 2)


def test_an_update_that_changes_nothing_links_and_leaves_the_revision(store: Store) -> None:
    registration_id, second = begun(store)
    store.record_many([follow_up(second, update_of(store, registration_id))], NOW)
    now = store.registration(registration_id)
    assert now is not None
    assert (now.revision, len(now.messages)) == (1, 2)


def test_an_update_on_an_older_revision_is_refused_whole(store: Store) -> None:
    """The message goes on waiting, so that it is read again with what is known now."""
    registration_id, second = begun(store)
    stale = update_of(store, registration_id, state=RegistrationState.WITHDRAWN)
    assert store.correct(update_of(store, registration_id, missing=()), NOW, actor="the co-ordinator")
    [done] = store.record_many([follow_up(second, stale, answer("bee"))], NOW)
    assert not done.recorded
    assert "changed while it was read" in done.error
    now = store.registration(registration_id)
    assert now is not None
    assert (now.state, now.revision, len(now.messages)) == (RegistrationState.REGISTERED, 2, 1)
    assert [reply.reason for reply in store.replies()] == ["corrected_meanwhile"]  # by the person, not by the refused record
    assert next(message.id for message in store.waiting()) == second


@pytest.mark.parametrize("state", [ReplyState.HELD, ReplyState.DUE])
def test_a_newer_answer_withdraws_the_unsent_one_and_it_is_never_released(store: Store, state: ReplyState) -> None:
    registration_id, second = begun(store, reply_state=state, template="ask_member")
    store.record_many([follow_up(second, update_of(store, registration_id), answer("bee"))], NOW)
    question, told = store.replies()
    assert (question.state, question.reason, told.state) == (ReplyState.SUPPRESSED, "answered_meanwhile", ReplyState.DUE)
    assert store.release([question.id], NOW) == []
    events = [(line.event, line.reply_id) for line in store.history(registration_id=registration_id)]
    assert events == [("message.recorded", question.id), ("reply.withdrawn", question.id), ("message.recorded", told.id)]


@pytest.mark.parametrize(
    ("template", "changes", "reasons"),
    [
        ("registered", False, [""]),  # a person will answer; what the entry says is told all the same
        ("registered", True, ["answered_meanwhile"]),  # it would tell what is no longer so
        ("ask_member", False, ["answered_meanwhile"]),
    ],
)
def test_the_answer_that_a_person_will_write_overtakes_only_what_is_not_so_any_more(store: Store, template: str, changes: bool, reasons: list[str]) -> None:
    registration_id, second = begun(store, template=template)
    old = store.registration(registration_id)
    assert old is not None
    values = tuple(value for value in old.values if value.field != "topic") if changes else old.values
    record = follow_up(second, update_of(store, registration_id, values=values), replace(answer("bee"), template="review"))
    store.record_many([record], NOW)
    assert [reply.reason for reply in store.replies() if reply.template == template] == reasons


def test_what_was_withdrawn_takes_no_place_under_the_cap(store: Store) -> None:
    registration_id, second = begun(store)
    capped = replace(follow_up(second, update_of(store, registration_id), answer("bee")), cap=Cap(per_address=1, window=DAY))
    [done] = store.record_many([capped], NOW)
    assert done.reply_state is ReplyState.DUE


def test_broken_off_at_any_statement_an_update_leaves_nothing(store: Store) -> None:
    """Registration, values, history, link, both replies and the message's state: all of it or nothing."""
    registration_id, second = begun(store, reply_state=ReplyState.HELD, template="ask_member")
    said = FieldValue(field="topic", value="maths", person="the co-ordinator")
    change = follow_up(second, update_of(store, registration_id, values=(said,), missing=()), answer("bee"))
    before = (store.conversation(registration_id), store.history(registration_id=registration_id), store.balance())
    left = 0

    def breaks(*_: object) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise InterruptedError

    event.listen(store._database.engine, "before_cursor_execute", breaks)
    for broken_off in range(1, 100):
        left = broken_off
        try:
            store.record_many([change], NOW)
            break
        except InterruptedError:
            left = 0
            assert (store.conversation(registration_id), store.history(registration_id=registration_id), store.balance()) == before
    assert broken_off > 10
    left = 0
    now = store.registration(registration_id)
    assert now is not None
    assert (now.values_of("topic"), now.revision) == (("maths",), 2)
    assert [reply.state for reply in store.replies()] == [ReplyState.SUPPRESSED, ReplyState.DUE]


def test_an_answer_that_was_sent_stays_sent(store: Store) -> None:
    registration_id, second = begun(store)
    [reply] = store.due(NOW)
    store.claim(reply.id, NOW)
    store.mark_sent(reply.id, NOW)
    store.record_many([follow_up(second, update_of(store, registration_id), answer("bee"))], NOW)
    assert [reply.state for reply in store.replies()] == [ReplyState.SENT, ReplyState.DUE]


def test_the_database_itself_refuses_a_second_question(store: Store) -> None:
    registration_id, second = begun(store, template="ask_member")
    [reply] = store.due(NOW)
    store.claim(reply.id, NOW)
    store.mark_sent(reply.id, NOW)
    again = follow_up(second, update_of(store, registration_id), replace(answer("bee"), template="ask_member"))
    [done] = store.record_many([again], NOW)
    assert not done.recorded
    assert done.error
    assert len(store.replies()) == 1


def test_a_person_adds_an_address_once(store: Store) -> None:
    registration_id, _ = begun(store)
    assert store.add_address(registration_id, "Anne.Home@example.org", NOW, actor="the co-ordinator")
    assert not store.add_address(registration_id, "anne.home@example.org", NOW, actor="the co-ordinator")
    conversation = store.conversation(registration_id)
    assert conversation is not None
    assert conversation.addresses == {"anne@example.com", "anne.home@example.org"}
    assert store.history(registration_id=registration_id)[-1].actor == "the co-ordinator"


def test_a_correction_needs_a_person_for_each_new_value(store: Store) -> None:
    registration_id, _ = begun(store)
    nobody = replace(draft().values[0], value="Another School", message_id=None)
    with pytest.raises(Permanent, match="without a message or a person"):
        store.correct(update_of(store, registration_id, values=(nobody,)), NOW, actor="the co-ordinator")
    said = FieldValue(field="institution", value="Another School", person="the co-ordinator")
    assert store.correct(update_of(store, registration_id, values=(said,)), NOW, actor="the co-ordinator")
    now = store.registration(registration_id)
    assert now is not None
    assert now.values_of("institution") == ("Another School",)
    assert [line.event for line in store.history(registration_id=registration_id)][-2:] == ["registration.corrected", "reply.withdrawn"]
    assert [(reply.state, reply.reason) for reply in store.replies()] == [(ReplyState.SUPPRESSED, "corrected_meanwhile")]
    assert store.release([store.replies()[0].id], NOW) == []


def test_a_person_settles_what_waits_in_a_registration_and_nothing_else(store: Store) -> None:
    registration_id, second = begun(store)
    waits = replace(follow_up(second, update_of(store, registration_id)), state=MessageState.REVIEW)
    store.record_many([waits], NOW)
    [other] = [message.id for message in store.waiting()]
    store.record_many([replace(waits, message_id=other, update=None, reading=reading("cat"))], NOW)
    assert store.settle(registration_id, NOW + DAY, actor="the co-ordinator") == [second]
    assert store.settle(registration_id, NOW + DAY, actor="the co-ordinator") == []
    assert [message.id for message in store.messages(state=MessageState.REVIEW)] == [other]
    line = store.history(registration_id=registration_id)[-1]
    assert (line.event, line.actor, line.message_id) == ("message.settled", "the co-ordinator", second)
    assert [message.id for message in store.messages_of(registration_id)] == [store.messages_of(registration_id)[0].id, second]


def test_a_registration_is_found_by_the_start_of_its_id_or_by_an_address(store: Store) -> None:
    registration_id, _ = begun(store)
    for reference in (registration_id, registration_id[:6], registration_id[2:9].lower(), "Anne@Example.com"):
        found = store.find_registration(reference)
        assert found is not None and found.id == registration_id, reference
    assert [store.find_registration(nothing) for nothing in ("", "R-", "R-%", "R-0000", "nobody@example.com")] == [None] * 5
    assert store.addresses(registration_id) == (("anne@example.com", None),)


def test_a_record_cannot_both_begin_and_continue(store: Store) -> None:
    registration_id, second = begun(store)
    both = replace(follow_up(second, update_of(store, registration_id)), registration=draft())
    [done] = store.record_many([both], NOW)
    assert "cannot both" in done.error


@pytest.mark.parametrize("template", ["ask_member", "registered"])
def test_an_answer_of_unknown_fate_goes_no_second_time_once_another_has_told_more(store: Store, template: str) -> None:
    registration_id, second = begun(store, template=template)
    [first] = store.replies()
    store.claim(first.id, NOW)
    store.mark_unknown(first.id, "the line went dead", NOW, NOW)
    reply = replace(answer("bee"), template="registered")
    store.record_many([follow_up(second, update_of(store, registration_id, missing=()), reply)], NOW)
    assert [r.state for r in store.replies()] == [ReplyState.UNKNOWN, ReplyState.DUE]  # not withdrawn: it may have arrived
    left = ReplyState.UNKNOWN if template == "ask_member" else ReplyState.SUPPRESSED  # a question that may have been read was asked
    assert store.mark_not_found(first.id, NOW) is left
    assert [(r.state, r.reason) for r in store.replies()] == [(left, "answered_meanwhile"), (ReplyState.DUE, "")]
    assert store.unknown(NOW + DAY) == []
    assert store.release([first.id], NOW) == []
    assert store.digest_facts(None, NOW).unknown == 0


def test_an_answer_of_unknown_fate_goes_no_second_time_once_a_person_has_changed_what_it_tells(store: Store) -> None:
    registration_id, _ = begun(store)
    [told] = store.replies()
    store.claim(told.id, NOW)
    store.mark_unknown(told.id, "the line went dead", NOW, NOW)
    assert store.correct(update_of(store, registration_id, missing=()), NOW + DAY, actor="the coordinator")
    assert store.mark_not_found(told.id, NOW + DAY) is ReplyState.SUPPRESSED
    [told] = store.replies()
    assert told.reason == "corrected_meanwhile"


def test_an_answer_of_unknown_fate_goes_no_second_time_where_the_newer_one_is_parked(store: Store) -> None:
    """What it tells is not so any more, whatever holds the newer one back; had it not left yet, it would have been withdrawn."""
    registration_id, second = begun(store)
    [first] = store.replies()
    store.claim(first.id, NOW)
    store.mark_unknown(first.id, "the line went dead", NOW, NOW)
    capped = replace(follow_up(second, update_of(store, registration_id, missing=()), answer("bee")), cap=Cap(per_address=1, window=DAY))
    assert store.record_many([capped], NOW)[0].reply_reason == "cap_address"
    assert store.mark_not_found(first.id, NOW) is ReplyState.SUPPRESSED
    assert [r.reason for r in store.replies()] == ["answered_meanwhile", "cap_address"]


@pytest.mark.parametrize("template", ["ask_member", "registered"])
@pytest.mark.parametrize("newer", ["answer", "correction", "neither"])
def test_an_answer_of_unknown_fate_is_not_released_once_it_says_what_is_not_so(store: Store, newer: str, template: str) -> None:
    registration_id, second = begun(store, template=template)
    [first] = store.replies()
    for _ in range(2):
        store.claim(first.id, NOW)
        store.mark_unknown(first.id, "the line went dead", NOW, NOW)
        store.mark_not_found(first.id, NOW)
    assert [(r.state, r.reason) for r in store.replies()] == [(ReplyState.UNKNOWN, "fate_unknown")]
    if newer == "answer":
        store.record_many([follow_up(second, update_of(store, registration_id, missing=()), answer("bee"))], NOW)
    elif newer == "correction":
        assert store.correct(update_of(store, registration_id, missing=()), NOW + DAY, actor="the coordinator")
    assert store.release([first.id], NOW + DAY, actor="the coordinator") == ([first.id] if newer == "neither" else [])
    told = store.reply(first.id)
    assert told is not None
    left = ReplyState.UNKNOWN if template == "ask_member" else ReplyState.SUPPRESSED
    assert told.state is (ReplyState.DUE if newer == "neither" else left)
    assert told.reason == {"answer": "answered_meanwhile", "correction": "corrected_meanwhile", "neither": ""}[newer]  # nobody need decide on it any more
    assert [line.after for line in store.history(registration_id=registration_id) if line.event == "reply.withdrawn"] == (
        [] if newer == "neither" else [{"state": str(left), "reason": told.reason}]
    )


def test_an_answer_that_is_still_looked_for_is_not_released_once_it_says_what_is_not_so(store: Store) -> None:
    registration_id, second = begun(store)
    [first] = store.replies()
    store.claim(first.id, NOW)
    store.mark_unknown(first.id, "the line went dead", NOW, NOW)
    store.record_many([follow_up(second, update_of(store, registration_id, missing=()), answer("bee"))], NOW)
    assert store.release([first.id], NOW, actor="the coordinator") == []


@pytest.mark.parametrize(
    ("template", "changes", "again"),
    [
        ("registered", False, ReplyState.DUE),  # «a person will answer» tells nothing of the entry
        ("registered", True, ReplyState.SUPPRESSED),
        ("ask_member", False, ReplyState.UNKNOWN),
    ],
)
def test_what_a_person_will_answer_overtakes_is_the_same_for_an_answer_of_unknown_fate(store: Store, template: str, changes: bool, again: ReplyState) -> None:
    registration_id, second = begun(store, template=template)
    [first] = store.replies()
    store.claim(first.id, NOW)
    store.mark_unknown(first.id, "the line went dead", NOW, NOW)
    now = update_of(store, registration_id)
    kept = tuple(value for value in now.values if value.field != "topic") if changes else now.values
    record = follow_up(second, replace(now, values=kept, state=RegistrationState.REVIEW), replace(answer("bee"), template="review"))
    assert store.record_many([record], NOW)[0].recorded
    assert store.mark_not_found(first.id, NOW) is again


def test_the_change_that_an_answer_tells_of_does_not_overtake_it(store: Store) -> None:
    registration_id, second = begun(store)
    third = store.waiting(limit=3)[-1].id
    store.record_many([follow_up(second, update_of(store, registration_id, missing=(), values=()), answer("bee"))], NOW)
    told = store.replies()[-1]
    store.claim(told.id, NOW)
    store.mark_unknown(told.id, "the line went dead", NOW, NOW)
    assert store.record_many([follow_up(third, update_of(store, registration_id), replace(answer("cat"), template="review"))], NOW)[0].recorded
    assert store.mark_not_found(told.id, NOW) is ReplyState.DUE
