"""Storms, counted where answers arrive: nobody gets more answers than RFC 3834 and the caps allow, and no message is lost.

Real Dovecot, real SMTP to a sink, the whole pipeline; mail is generated (tests/fixtures/storms). What runs here in hundreds
``bench/storms.py`` runs in ten thousands.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from itertools import count
from pathlib import Path

import pytest

from mailroom.model import MessageState, ReplyState
from mailroom.sink import Received, Sink
from tests.fixtures.bounces import FAILED, LATE, made
from tests.fixtures.dovecot import Dovecot
from tests.fixtures.storms import Mailroom, away, makers, member, notes, storm, utc

House = Callable[..., Mailroom]
_USERS = count(1)


@pytest.fixture
def house(dovecot: Dovecot, smtp_sink: Sink, tmp_path: Path) -> Iterator[House]:
    opened: list[Mailroom] = []

    def make(**options: str) -> Mailroom:
        number = next(_USERS)
        sink = options.pop("sink", smtp_sink)
        opened.append(Mailroom(tmp_path / f"house{number}", dovecot, sink, user=f"storm{number}", **options))  # type: ignore[arg-type]
        return opened[-1]

    yield make
    for one in opened:
        one.close()


def mail(sender: str, subject: str, body: str, number: int, **fields: str) -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, "car@union.example", subject
    message["Message-ID"], message["Date"] = f"<n{number}@mailbox.example>", f"Mon, 10 Jan 2022 09:{number // 60 % 60:02d}:{number % 60:02d} +0000"
    for name, value in fields.items():
        message[name.replace("_", "-")] = value
    message.set_content(body)
    return message.as_bytes(policy=policy.SMTP)


# --- out of office


def test_notes_of_people_who_are_away_are_not_answered(house: House) -> None:
    """Notes on our answers: under any program's headers none is answered; without any, the few that pass for a person's get one answer."""
    room = house(settings="  per_hour: 100000\n  per_domain_an_hour: 100000\n")
    room.take([member(n) for n in range(120)])
    first = room.sent
    assert len(first) == 120
    register = {r.id: (r.state, r.values) for r in room.store.registrations()}
    texts = notes()
    marked = [maker for maker in makers() if maker not in ("none", "suppress_only")]
    room.take([note for _, _, note in storm(first, texts, marked)])
    assert len(room.sent) == 120, "a program that says it is one was answered"

    bare = list(storm(first, texts, ["none", "suppress_only"]))
    assert len(bare) >= 2 * len(texts), "each text without a mark"
    room.take([note for _, _, note in bare])
    again = room.sent[120:]
    assert len(again) <= 0.08 * len(bare)
    room.take([away(ours, bare[first.index(before)][1], 1000 + n, maker="none") for n, (ours, before) in enumerate(_pairs(again, first))])
    assert max(room.answers_by_address().values()) <= 2, "the same note again is answered no more"
    assert {r.id: (r.state, r.values) for r in room.store.registrations()} == register, "a note changed what a member had said"


def _pairs(again: list[Received], first: list[Received]) -> Iterator[tuple[Received, Received]]:
    before = {received.recipients[0]: received for received in first}
    return ((received, before[received.recipients[0]]) for received in again)


def test_a_responder_that_answers_where_answers_left_from_is_known_by_it(house: House) -> None:
    """With a bounce address for each answer even a note without any mark, in words that no rule knows, is not answered."""
    room = house(smtp='envelope_sender: "car+b.{token}@union.example"')
    room.take([member(n) for n in range(6)])
    left = room.sent
    assert len({received.sender for received in left}) == 6
    room.take([away(ours, "The bee-keeping club meets in room nine.", n, maker="none", to=ours.sender) for n, ours in enumerate(left)])
    assert len(room.sent) == 6


def test_a_storm_of_notes_that_pass_for_people_is_stopped_by_the_breakers(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """What no rule recognises: every answer brings another note, from a new address, in new words."""
    room = house(settings="  per_hour: 60\n  per_domain_an_hour: 40\n")
    enquiries = [mail(f"p{n}@{'one' if n % 4 else 'two'}.example", "A question", f"Is cover paid on day {n}?", n) for n in range(120)]
    with caplog.at_level(logging.ERROR):
        room.take(enquiries)
    assert len(room.sent) == 60
    to_one = sum(count for address, count in room.answers_by_address().items() if address.endswith("@one.example"))
    assert to_one == 40
    assert {breaker.scope for breaker in room.store.breakers()} == {"one.example", "*"}
    assert [record.levelname for record in caplog.records if "BREAKER TRIPPED" in record.getMessage()] == ["ERROR", "ERROR"]
    assert {one["scope"] for one in room.reports[-1].as_dict()["breakers"]} == {"one.example", "*"}
    caplog.clear()
    with caplog.at_level(logging.ERROR):
        room.take([mail("late@three.example", "A question", "Is travel paid?", 500)])
    assert len(room.sent) == 60
    assert not [record for record in caplog.records if "BREAKER" in record.getMessage()], "it is said once"
    assert room.store.status().replies[ReplyState.SUPPRESSED] == 61


# --- two mailrooms


@pytest.mark.parametrize("stripped", [False, True], ids=["as sent", "a gateway takes the marks away"])
def test_two_mailrooms_stop_after_one_answer_each(house: House, stripped: bool) -> None:
    """Each is sent a member's mail that names the other as its sender; whatever one sends is put into the other's mailbox."""
    with Sink() as sink_a, Sink() as sink_b:
        a, b = house(sink=sink_a), house(sink=sink_b, address="research@guild.example")
        a.take([member(1, address="research@guild.example")])
        b.take([member(2, address="car@union.example")])
        carried = {id(a): 0, id(b): 0}
        for _ in range(6):
            for one, other in ((a, b), (b, a)):
                new = one.sent[carried[id(one)] :]
                carried[id(one)] += len(new)
                other.take([_through_gateway(received.content) if stripped else received.content for received in new])
        assert len(a.sent) == len(b.sent) == 1


def _through_gateway(content: bytes) -> bytes:
    message = message_from_bytes(content, policy=policy.SMTP)
    for name in ("Auto-Submitted", "X-Auto-Response-Suppress", "Precedence", "In-Reply-To", "References", "Return-Path"):
        del message[name]
    return message.as_bytes()


# --- an old mailbox


def test_an_old_mailbox_is_read_and_only_what_is_new_is_answered(house: House) -> None:
    """Five years of mail on a first start, and one that comes after the go-live mark."""
    room = house(settings="  not_before: 2022-01-01T00:00:00Z\n")
    old = [member(n) for n in range(100)]
    dates = [utc(2017, 1, 2) + timedelta(days=18 * n) for n in range(100)]
    room.take(old, [*dates[:99], utc(2021, 12, 31, 23)])
    assert room.sent == []
    assert len(list(room.store.registrations())) == 100
    room.take([member(900)], [utc(2022, 1, 1, 0)])
    assert [received.recipients for received in room.sent] == [("member900@glow.example",)]
    assert room.store.status().replies[ReplyState.SUPPRESSED] == 100
    assert room.store.breakers() == (), "what is not sent is no storm"


# --- our own bounces


@pytest.mark.parametrize("envelope", ["", "car@union.example", "car+b.{token}@union.example"], ids=["null", "plain", "keyed"])
def test_bounces_of_our_answers_are_linked_and_never_answered(house: House, envelope: str) -> None:
    room = house(smtp=f'envelope_sender: "{envelope}"')
    room.take([member(n) for n in range(len(FAILED) + len(LATE) + 2)])
    answers = room.sent
    assert all((received.sender == envelope) is (envelope != "car+b.{token}@union.example") for received in answers)
    reports = [made(name, ours.content, ours.recipients[0]) for name, ours in zip([*FAILED, *LATE], answers, strict=False)]
    spared = answers[len(reports) :]
    forged = [
        made("failed-postfix", spared[0].content, "victim@school.example"),
        made("failed-postfix", spared[1].content, spared[1].recipients[0], identifier=f"<mailroom.{'0' * 40}@union.example>"),
    ]
    room.take([*reports, *forged])
    assert len(room.sent) == len(answers), "a report was answered"
    lost = [ours.recipients[0] for ours in answers[: len(FAILED)]]
    assert [address.address for address in room.store.undeliverable()] == lost
    dead = room.store.replies(ReplyState.DEAD)
    assert [(reply.recipient, reply.reason) for reply in dead] == [(address, "bounced") for address in lost]
    for reply in dead:
        told = room.store.message(str(reply.registration_id))
        assert told is not None
        assert [report.effect for report in told.reports] == ["bounced"]
    room.take([mail(lost[0], "A question", "Is cover paid?", 1), mail(spared[0].recipients[0], "A question", "Is cover paid?", 2)])
    assert [received.recipients[0] for received in room.sent[len(answers) :]] == [spared[0].recipients[0]]
    assert room.store.undeliverable()[0].parked == 1
    parked = room.store.clear_address(lost[0], utc(2022, 1, 11), actor="the coordinator")
    assert parked is not None
    room.store.release(parked, utc(2022, 1, 11), actor="the coordinator")
    room.take([])
    assert room.sent[-1].recipients[0] == lost[0]


def test_a_mailbox_that_does_not_exist_is_marked_when_it_is_refused(house: House, smtp_sink: Sink) -> None:
    room = house()
    smtp_sink.script("member0@glow.example", "rcpt 550 5.1.1 no such user here")
    smtp_sink.script("member1@fife.example", "rcpt 550 5.7.1 refused by policy")
    room.take([member(0), member(1)])
    assert room.sent == []
    assert [(one.address, one.status) for one in room.store.undeliverable()] == [("member0@glow.example", "5.1.1")]
    assert {reply.reason for reply in room.store.replies(ReplyState.DEAD)} == {"refused"}


# --- forged mail

OURS = "car@union.example"
FORGED = {
    "From": {"sender": OURS},
    "From with a name": {"sender": f"Somebody <{OURS}>"},
    "From in capitals": {"sender": "CAR@Union.Example"},
    "From with a detail": {"sender": "car+anything@union.example"},
    "From with a bounce token": {"sender": f"car+b.{'0' * 40}@union.example"},
    "From with quotes": {"sender": '"car"@union.example'},
    "From an alias": {"sender": "research@union.example"},
    "From two, one of them ours": {"sender": f"a@mailbox.example, {OURS}"},
    "Sender": {"sender": "a1@mailbox.example", "Sender": OURS},
    "Sender an alias with a name": {"sender": "a2@mailbox.example", "Sender": "Team <Research@Union.example>"},
    "Return-Path": {"sender": "a3@mailbox.example", "Return_Path": f"<{OURS}>"},
}
ANSWERED = {  # somebody else's address whatever it is called: one answer, and it goes there
    "our address as a name": ({"sender": f'"{OURS}" <b1@mailbox.example>'}, "b1@mailbox.example"),
    "our name": ({"sender": "Action Research <b2@mailbox.example>"}, "b2@mailbox.example"),
    "Reply-To ours": ({"sender": "b3@mailbox.example", "Reply_To": OURS}, "b3@mailbox.example"),
    "Reply-To a stranger's": ({"sender": "b4@mailbox.example", "Reply_To": "victim@school.example"}, "b4@mailbox.example"),
    "a look-alike domain": ({"sender": "car@union.example.attacker.example"}, "car@union.example.attacker.example"),
}


def test_mail_forged_from_our_own_address_is_not_answered(house: House) -> None:
    room = house(settings="  own_addresses: [research@union.example]\n")
    body = "Please register me for the action research programme. I teach at Glenburn Academy in Fife; we have begun an enquiry into reading."
    forged = [mail(number=n, subject="Interest", body=f"{body} {n}", **fields) for n, fields in enumerate(FORGED.values())]  # type: ignore[arg-type]
    room.take(forged)
    assert [received.recipients for received in room.sent] == []
    honest = [mail(number=100 + n, subject="Interest", body=f"{body} {n}", **fields) for n, (fields, _) in enumerate(ANSWERED.values())]  # type: ignore[arg-type]
    room.take(honest)
    assert room.answers_by_address() == {address: 1 for _, address in ANSWERED.values()}
    room.take([received.content for received in room.sent], None)
    assert len(room.sent) == len(ANSWERED), "our own answers, come back, are not answered"


# --- one member, many times


def test_the_same_bytes_five_hundred_times_are_one_message_and_one_answer(house: House) -> None:
    room = house()
    report = room.take([member(1)] * 500)
    assert (report.mailboxes["m"].on_server, len(room.sent)) == (500, 1)
    assert sum(room.store.balance().values()) == 1


@pytest.mark.parametrize("kind", ["registration", "question"])
def test_the_same_words_over_and_over_get_one_answer(house: House, kind: str) -> None:
    """Each copy under a Message-ID and a Date of its own."""
    room = house()
    words = "Is cover paid for the training days?" if kind == "question" else message_from_bytes(member(3), policy=policy.default).get_content()
    copies = [mail("Isla Baird <isla@mailbox.example>", "My question", words, n) for n in range(60)]
    for start in (0, 30):
        room.take(copies[start : start + 30])
    assert len(room.sent) == 1
    registers = list(room.store.registrations())
    assert len(registers) == (0 if kind == "question" else 1)
    assert room.store.balance()[MessageState.QUARANTINED] == 0


def test_a_member_who_writes_new_words_each_time_meets_the_cap(house: House) -> None:
    room = house()
    room.take([mail("Isla Baird <isla@mailbox.example>", "My question", f"Is cover paid on day {n}?", n) for n in range(60)])
    assert len(room.sent) == 3
    assert room.store.status().replies[ReplyState.SUPPRESSED] == 57
