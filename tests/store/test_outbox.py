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
    after = store.reply(reply)
    assert before is not None and after is not None
    assert after.identifier == before.identifier
    assert [r.id for r in store.due(LATER)] == [reply]
    assert store.claim(reply, LATER) == content


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
    store.claim(reply, NOW)
    store.mark_sent(reply, NOW)
    found = store.message(1)
    assert found is not None
    assert [(e.event, e.actor) for e in found.history] == [
        ("message.recorded", "mailroom"),
        ("reply.released", "the coordinator"),
        ("reply.deferred", "mailroom"),
        ("reply.recovered", "mailroom"),
        ("reply.sent", "mailroom"),
    ]


def test_counts_name_every_state_and_pages_do_not_overlap(store: Store) -> None:
    ids = answers(store, *[ReplyState.HELD] * 5)
    assert store.reply_counts() == {**dict.fromkeys(ReplyState, 0), ReplyState.HELD: 5}
    assert [r.id for r in store.replies(ReplyState.HELD, limit=2, offset=2)] == ids[2:4]
