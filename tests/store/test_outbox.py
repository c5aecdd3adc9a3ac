"""An answer's way from held or due to sent or dead, across crashes."""

from __future__ import annotations

from datetime import timedelta

from mailroom.model import ReplyState
from store import Store
from tests.fixtures.stores import NOW, answer, arrival, record

LATER = NOW + timedelta(minutes=5)


def answers(store: Store, *states: ReplyState) -> list[int]:
    """One message with an answer in each of these states; the replies' ids."""
    store.add_arrivals([arrival(uid) for uid in range(1, len(states) + 1)], NOW)
    waiting = store.waiting(limit=len(states))
    store.record_many([record(m.id, f"m{n}", reply_state=state) for n, (m, state) in enumerate(zip(waiting, states, strict=True))], NOW)
    return [reply.id for reply in store.replies()]


def state(store: Store, reply_id: int) -> ReplyState:
    reply = store.reply(reply_id)
    assert reply is not None
    return reply.state


def test_only_what_is_due_is_given_out(store: Store) -> None:
    held, due, suppressed = answers(store, ReplyState.HELD, ReplyState.DUE, ReplyState.SUPPRESSED)
    assert [reply.id for reply in store.due(NOW)] == [due]
    assert store.claim(held, NOW) is None
    assert store.claim(suppressed, NOW) is None


def test_a_reply_is_claimed_by_one_only(store: Store) -> None:
    [reply] = answers(store, ReplyState.DUE)
    assert store.claim(reply, NOW) == answer("m0").content
    assert store.claim(reply, NOW) is None
    assert store.due(LATER) == []


def test_sent_is_the_end(store: Store) -> None:
    [reply] = answers(store, ReplyState.DUE)
    store.claim(reply, NOW)
    assert store.mark_sent(reply, LATER)
    found = store.reply(reply)
    assert found is not None
    assert (found.state, found.sent_at, found.attempts) == (ReplyState.SENT, LATER, 1)
    assert not store.mark_dead(reply, "late news", LATER)
    assert store.claim(reply, LATER) is None
    assert store.release([reply], LATER) == []


def test_a_deferred_reply_waits_for_its_time(store: Store) -> None:
    [reply] = answers(store, ReplyState.DUE)
    store.claim(reply, NOW)
    assert store.mark_retry(reply, "451 try later", LATER, NOW)
    assert store.due(NOW) == []
    [again] = store.due(LATER)
    assert (again.attempts, again.last_error) == (1, "451 try later")


def test_a_refused_reply_is_kept_with_the_servers_words(store: Store) -> None:
    [reply] = answers(store, ReplyState.DUE)
    store.claim(reply, NOW)
    assert store.mark_dead(reply, "550 5.1.1 no such user", NOW, reason="refused")
    [dead] = store.replies(ReplyState.DEAD)
    assert (dead.last_error, dead.reason) == ("550 5.1.1 no such user", "refused")


def test_a_reply_left_in_sending_goes_out_as_the_very_same_bytes(store: Store) -> None:
    [reply] = answers(store, ReplyState.DUE)
    before = store.reply(reply)
    content = store.claim(reply, NOW)
    assert store.recover_sending(LATER) == [reply]
    assert store.recover_sending(LATER) == []
    assert (state(store, reply), store.due(LATER)) == (ReplyState.UNKNOWN, [])
    assert store.mark_not_found(reply, LATER) == ReplyState.DUE
    after = store.reply(reply)
    assert before is not None and after is not None
    assert (after.identifier, after.reason) == (before.identifier, "sent_again")
    assert [r.id for r in store.due(LATER)] == [reply]
    assert store.claim(reply, LATER) == content


def test_of_unknown_fate_and_found_is_sent_when_it_left_the_house(store: Store) -> None:
    [reply] = answers(store, ReplyState.DUE)
    store.claim(reply, NOW)
    assert store.mark_unknown(reply, "the line went dead", LATER, NOW)
    assert (store.unknown(NOW), [r.id for r in store.unknown(LATER)]) == ([], [reply])
    assert store.claim(reply, LATER) is None
    assert store.mark_found(reply, NOW, LATER)
    found = store.reply(reply)
    assert found is not None
    assert (found.state, found.sent_at, found.last_error, found.attempts) == (ReplyState.SENT, NOW, "", 1)
    assert not store.mark_found(reply, NOW, LATER)
    assert store.mark_not_found(reply, LATER) is None


def test_the_second_time_a_person_is_asked_and_may_release_it(store: Store) -> None:
    [reply] = answers(store, ReplyState.DUE)
    for expected in (ReplyState.DUE, ReplyState.UNKNOWN):
        content = store.claim(reply, NOW)
        store.mark_unknown(reply, "the line went dead", NOW, NOW)
        assert store.mark_not_found(reply, NOW) == expected
    found = store.reply(reply)
    assert found is not None
    assert (found.reason, found.attempts) == ("fate_unknown", 2)
    assert (store.unknown(LATER), store.due(LATER)) == ([], [])
    assert store.release(None, LATER) == []  # not with the held ones: it may have arrived
    assert store.release([reply], LATER, actor="the coordinator") == [reply]
    assert store.claim(reply, LATER) == content


def test_nothing_goes_again_to_an_address_that_takes_no_mail(store: Store) -> None:
    lost, refused = answers(store, ReplyState.DUE, ReplyState.DUE)
    store.claim(lost, NOW)
    store.mark_unknown(lost, "the line went dead", NOW, NOW)
    store.claim(refused, NOW)
    store.mark_dead(refused, "550 5.1.1 no such user", NOW, reason="refused", gone="5.1.1")
    assert store.mark_not_found(lost, NOW) == ReplyState.SUPPRESSED
    found = store.reply(lost)
    assert found is not None
    assert found.reason == "undeliverable"


def test_looking_again_later_is_no_change_of_state(store: Store) -> None:
    [reply, other] = answers(store, ReplyState.DUE, ReplyState.DUE)
    store.claim(reply, NOW)
    store.mark_unknown(reply, "the line went dead", NOW, NOW)
    store.look_again([reply, other], LATER)
    assert (store.unknown(NOW), [r.id for r in store.unknown(LATER)]) == ([], [reply])
    assert [r.id for r in store.due(NOW)] == [other]


def test_a_page_of_unknown_ones_begins_after_the_last(store: Store) -> None:
    ids = answers(store, *[ReplyState.DUE] * 3)
    for reply in ids:
        store.claim(reply, NOW)
    store.recover_sending(NOW)
    assert [r.id for r in store.unknown(NOW, 2)] == ids[:2]
    assert [r.id for r in store.unknown(NOW, 2, after_id=ids[1])] == ids[2:]


def test_handed_over_counts_what_was_claimed_whatever_became_of_it(store: Store) -> None:
    sent, dead, deferred, waiting = answers(store, *[ReplyState.DUE] * 4)
    for minutes, reply in enumerate((sent, dead, deferred)):
        store.claim(reply, NOW + timedelta(minutes=minutes))
    store.mark_sent(sent, LATER)
    store.mark_dead(dead, "550", LATER)
    store.mark_retry(deferred, "450", LATER, LATER)
    assert [store.handed_over(nth, LATER) for nth in (1, 2, 3, 4)] == [NOW + timedelta(minutes=2), NOW + timedelta(minutes=1), NOW, None]
    assert (store.handed_over_since(NOW), store.handed_over_since(NOW - timedelta(seconds=1))) == (2, 3)
    assert store.handed_over(1, NOW) == NOW  # the clock was set back: what is to come is no matter of the pace
    assert waiting in [r.id for r in store.due(LATER)]


def test_a_copy_is_promised_with_the_mark_and_made_once(store: Store) -> None:
    with_copy, without = answers(store, ReplyState.DUE, ReplyState.DUE)
    for reply in (with_copy, without):
        store.claim(reply, NOW)
    assert store.copies(LATER) == []
    store.mark_sent(with_copy, NOW, copy=True)
    store.mark_sent(without, NOW)
    assert [r.id for r in store.copies(NOW)] == [with_copy]
    store.postpone_copies([with_copy, without], LATER)
    assert (store.copies(NOW), [r.id for r in store.copies(LATER)], store.copies_waiting()) == ([], [with_copy], 1)
    store.mark_copied([with_copy])
    assert (store.copies(LATER), store.copies_waiting()) == ([], 0)
    store.postpone_copies([with_copy], LATER)  # nothing to postpone
    assert store.copies(LATER) == []


def test_release_of_all_means_the_held_ones(store: Store) -> None:
    """What a cap parked is released by number only."""
    held, suppressed, due = answers(store, ReplyState.HELD, ReplyState.SUPPRESSED, ReplyState.DUE)
    assert store.release(None, LATER, actor="the coordinator") == [held]
    assert state(store, suppressed) == ReplyState.SUPPRESSED
    assert store.release([suppressed, due, 999], LATER) == [suppressed]
    assert {reply.id for reply in store.due(LATER)} == {held, suppressed, due}


def test_a_released_reply_counts_from_its_release(store: Store) -> None:
    [held] = answers(store, ReplyState.HELD)
    store.release([held], LATER)
    assert store.answers_since("anne@example.com", LATER) == 1


def test_every_change_of_a_reply_is_in_the_history(store: Store) -> None:
    [reply] = answers(store, ReplyState.HELD)
    store.release(None, NOW, actor="the coordinator")
    store.claim(reply, NOW)
    store.mark_retry(reply, "451", NOW, NOW)
    store.claim(reply, NOW)
    store.recover_sending(NOW)
    store.mark_not_found(reply, NOW)
    store.claim(reply, NOW)
    store.mark_unknown(reply, "the line went dead", NOW, NOW)
    store.mark_found(reply, NOW, NOW)
    found = store.message(1)
    assert found is not None
    assert [(e.event, e.actor) for e in found.history] == [
        ("message.recorded", "mailroom"),
        ("reply.released", "the coordinator"),
        ("reply.deferred", "mailroom"),
        ("reply.recovered", "mailroom"),
        ("reply.again", "mailroom"),
        ("reply.unknown", "mailroom"),
        ("reply.found", "mailroom"),
    ]


def test_counts_name_every_state_and_pages_do_not_overlap(store: Store) -> None:
    ids = answers(store, *[ReplyState.HELD] * 5)
    assert store.reply_counts() == {**dict.fromkeys(ReplyState, 0), ReplyState.HELD: 5}
    assert [r.id for r in store.replies(ReplyState.HELD, limit=2, offset=2)] == ids[2:4]
