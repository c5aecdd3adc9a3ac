"""Which conversation a message continues, and what it does there: the tables, row by row, without a store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from mailroom.conversation import TABLE, Followed, Joined, choose, follow, lookup, subject_key, token, token_registration
from mailroom.model import (
    Address,
    Candidate,
    Decision,
    Evidence,
    Extraction,
    Kind,
    Outcome,
    ParsedMessage,
    Reading,
    Reason,
    ReplyState,
    Slot,
    Zone,
    ZoneKind,
)
from parse.decide import Policy
from parse.shortanswers import Answered, Asked, Option
from store import Conversation, FieldValue, Met, Registration, RegistrationState, Reply, Turn
from tests.fixtures.stores import NOW

ANNE = "anne@mail.example"
POLICY = Policy(accept={"institution": 0.5, "authority": 0.5, "activity": 0.5}, review=frozenset({"authority_conflict"}), ask={})
LISTED = {
    Slot.INSTITUTION: "institutions",
    Slot.AUTHORITY: "authorities",
    Slot.ACTIVITY: "activities",
    Slot.TOPIC: "topics",
    Slot.SESSION: "sessions",
}
HOUR = timedelta(hours=1)


def parsed(body: str, *, sender: str = ANNE, subject: str = "Re: your message", **given: object) -> ParsedMessage:
    base = ParsedMessage(
        message_ids=("<new@mail.example>",),
        in_reply_to=(),
        references=(),
        sender=Address(name="Anne Muir", address=sender),
        from_addresses=(Address(name="Anne Muir", address=sender),),
        reply_to=(),
        recipients=(Address(name="", address="car@union.example"),),
        subject=subject,
        sent_at=NOW,
        return_path=None,
        headers=(),
        body=body,
        zones=(Zone(kind=ZoneKind.OWN, start=0, end=len(body)),),
        attachments=(),
        content_types=("text/plain",),
        report=None,
        calendar_method=None,
        defects=(),
    )
    return replace(base, **given)  # type: ignore[arg-type]


def said(body: str, words: Mapping[Slot, str] | None = None, *, where: str = "own", kind: Kind = Kind.FOLLOW_UP, **extra: object) -> Reading:
    """A reading in which each value stands in the body as it is."""
    words = words or {}
    candidates = tuple(
        Candidate(
            slot=slot,
            value=value,
            strength=0.9,
            evidence=Evidence(where=where, start=(at := body.index(value)), end=at + len(value), text=value, rule="r"),
            chosen=True,
        )
        for slot, value in words.items()
    )
    listed = {LISTED[slot]: (value,) for slot, value in words.items()}
    extraction = replace(Extraction(kind=kind, candidates=candidates, **listed), **extra)  # type: ignore[arg-type]
    return Reading(parsed=parsed(body), extraction=extraction, decision=Decision(outcome=Outcome.ASK_MEMBER), rules_version="1")


def sentence(body: str) -> tuple[Evidence, ...]:
    return (Evidence(where="own", start=0, end=len(body), text=body, rule="sentence"),)


def answered(body: str, *cues: str, candidates: tuple[Candidate, ...] = (), neither: bool = False, courtesy: bool = False) -> Answered:
    return Answered(candidates=candidates, cues={cue: sentence(body) for cue in cues}, sentences=sentence(body), neither=neither, only_courtesy=courtesy)


def value(field: str, text: str, *, person: str | None = None) -> FieldValue:
    if person:
        return FieldValue(field=field, value=text, person=person)
    return FieldValue(field=field, value=text, evidence=(Evidence(where="own", start=0, end=len(text), text=text, rule="r"),), message_id=1)


COMPLETE = (value("institution", "Whinfold Primary"), value("authority", "Fife"), value("activity", "own_enquiry"), value("session", "19"))
NO_COUNCIL = (COMPLETE[0], COMPLETE[2])


def conversation(
    values: tuple[FieldValue, ...] = COMPLETE,
    *,
    state: RegistrationState = RegistrationState.REGISTERED,
    missing: tuple[str, ...] = (),
    replies: tuple[Reply, ...] = (),
    first: str = "Hello, here is all about us.",
    id: str = "R-AAAAAAAAAAAAAAAA",
) -> Conversation:
    registration = Registration(
        id=id,
        member_name="Anne Muir",
        member_address=ANNE,
        state=state,
        values=values,
        missing=missing,
        messages=(1,),
        revision=3,
        received_at=NOW,
        created_at=NOW,
        updated_at=NOW,
    )
    opened = Turn(message_id=1, received_at=NOW, reading=replace(said(first), parsed=parsed(first, subject="Research")))
    return Conversation(registration=registration, addresses=frozenset({ANNE}), turns=(opened,), replies=replies)


def reply(template: str, state: ReplyState = ReplyState.SENT, subject: str = "Re: your message") -> Reply:
    return Reply(
        id=1,
        message_id=1,
        purpose="answer",
        registration_id="R-AAAAAAAAAAAAAAAA",
        template=template,
        recipient=ANNE,
        subject=subject,
        identifier="<ours@union.example>",
        checks=(),
        state=state,
        reason="",
        attempts=1,
        last_error="",
        created_at=NOW,
        next_attempt_at=None,
        sent_at=NOW,
    )


def waiting_for_council(state: ReplyState = ReplyState.SENT) -> Conversation:
    return conversation(NO_COUNCIL, state=RegistrationState.ASK_MEMBER, missing=("authority",), replies=(reply("ask_member", state),))


COUNCILS = (Asked(slot=Slot.AUTHORITY, options=(Option(value="Angus", label="Angus"), Option(value="Fife", label="Fife"))),)


def run(
    reading: Reading, there: Conversation, words: Answered | None = None, asked: tuple[Asked, ...] = (), *, by: str = "identifier", **given: object
) -> Followed:
    joined = replace(Joined(by=by, conversation=there, known=True), **given)  # type: ignore[arg-type]
    done = follow(reading, joined, words or answered(reading.parsed.body), asked, POLICY, at=NOW + HOUR)
    assert done is not None
    return done


COUNCIL_OF_HERS = {Slot.INSTITUTION: "Whinhill Primary", Slot.AUTHORITY: "Angus"}


def told(done: Followed) -> tuple[str | None, str, str]:
    """(template, first reason, the registration's state afterwards)."""
    decision = done.reading.decision
    return decision.template, decision.reasons[0].code, str(done.update.state) if done.update else "-"


def values_of(done: Followed, field: str) -> list[str]:
    assert done.update is not None
    return [one.value for one in done.update.values if one.field == field]


# --- joining


def test_threading_headers_are_asked_nearest_first() -> None:
    message = parsed("x", in_reply_to=("<b@x>",), references=("<a@x>", "<b@x>", "<c@x>"))
    assert lookup(1, message, ["car@union.example"], b"k").identifiers == ("<b@x>", "<c@x>", "<a@x>")


def test_a_token_is_read_back_only_with_the_key_and_only_from_our_address() -> None:
    registration_id = "R-ABCDEFGHIJKLMNOP"
    made = token(b"key", registration_id)
    assert token_registration(b"key", made) == registration_id
    assert token_registration(b"key", made.upper()) == registration_id
    assert token_registration(b"other", made) is None
    assert token_registration(b"key", made[:-1] + ("0" if made[-1] != "0" else "1")) is None
    assert token_registration(b"key", "") is None
    assert len(f"car+{made}") <= 64  # RFC 5321 section 4.5.3.1.1
    for to, found in ((f"car+{made}@union.example", (registration_id,)), (f"other+{made}@union.example", ()), (f"car+{made}@elsewhere.example", ())):
        message = parsed("x", recipients=(Address(name="", address=to),))
        assert lookup(1, message, ["car@union.example"], b"key").registrations == found


@pytest.mark.parametrize(
    ("subject", "key"),
    [("Re: Your message", "your message"), ("AW: WG: [EXT] your  message", "your message"), ("Re[2]: x", "x"), ("Research: x", "research: x"), ("Re:", "")],
)
def test_subjects_compare_without_what_programs_put_before_them(subject: str, key: str) -> None:
    assert subject_key(subject) == key


@pytest.mark.parametrize(
    ("by", "sender", "subject", "after", "joined"),
    [
        ("identifier", ANNE, "anything", HOUR, ("identifier", True)),
        ("token", ANNE, "anything", HOUR, ("token", True)),
        ("identifier", "mallory@x.example", "Research", HOUR, ("identifier", False)),
        ("token", "mallory@x.example", "Research", HOUR, ("token", False)),
        ("address", ANNE, "Re: Research", HOUR, ("subject", True)),
        ("address", ANNE, "AW: your message", HOUR, ("subject", True)),
        ("address", ANNE, "Re: Research", timedelta(days=90), ("address", True)),
        ("address", ANNE, "Something else", HOUR, ("address", True)),
        ("address", ANNE, "", HOUR, ("address", True)),
        ("address", "mallory@x.example", "Research", HOUR, None),
    ],
)
def test_how_a_message_joins(by: str, sender: str, subject: str, after: timedelta, joined: tuple[str, bool] | None) -> None:
    met = [Met(by=by, conversation=conversation(replies=(reply("registered"),)))]
    found = choose(replace(said("x"), parsed=parsed("x", sender=sender, subject=subject)), met, at=NOW + after, window=timedelta(days=60))
    assert (None if found is None else (found.by, found.known)) == joined


def test_of_several_registrations_the_address_alone_names_none() -> None:
    met = [Met(by="address", conversation=conversation(id=f"R-{letter * 16}")) for letter in "AB"]
    found = choose(replace(said("x"), parsed=parsed("x", subject="other")), met, at=NOW, window=HOUR)
    assert found is not None
    assert found.others == 1
    assert told(run(said("x"), found.conversation, by="address", others=1)) == ("review", "several_registrations", "-")


@pytest.mark.parametrize(
    ("reading", "found"),
    [
        (said("It is about Whinhill Primary.", {Slot.INSTITUTION: "Whinhill Primary"}), ("named", "B", 0)),
        (said("The one on number talks: it is done."), ("named", "B", 0)),
        (said("About Whinfold Primary School.", {Slot.INSTITUTION: "Whinfold Primary School"}), ("named", "A", 0)),
        (said("Both are fine: Whinfold Primary and number talks.", {Slot.INSTITUTION: "Whinfold Primary"}), ("address", "A", 1)),
        (said("It is numbered."), ("address", "A", 1)),
    ],
)
def test_of_several_registrations_the_one_that_is_named_is_meant(reading: Reading, found: tuple[str, str, int]) -> None:
    other = conversation((value("institution", "Whinhill Primary"), value("topic", "number talks")), id="R-BBBBBBBBBBBBBBBB")
    met = [Met(by="address", conversation=one) for one in (conversation(id="R-AAAAAAAAAAAAAAAA"), other)]
    joined = choose(replace(reading, parsed=replace(reading.parsed, subject="other")), met, at=NOW, window=HOUR)
    assert joined is not None
    assert (joined.by, joined.conversation.registration.id[2], joined.others) == found


def test_a_withdrawn_registration_does_not_stand_in_the_way_of_the_other() -> None:
    left = conversation(state=RegistrationState.WITHDRAWN, id="R-BBBBBBBBBBBBBBBB")
    met = [Met(by="address", conversation=one) for one in (left, conversation())]
    joined = choose(replace(said("x"), parsed=parsed("x", subject="other")), met, at=NOW, window=HOUR)
    assert joined is not None
    assert (joined.conversation.registration.id, joined.others) == ("R-AAAAAAAAAAAAAAAA", 0)


# --- what a message does


def test_a_stranger_changes_nothing_and_is_linked_to_nothing() -> None:
    done = run(said("Angus, please.", {Slot.AUTHORITY: "Angus"}), conversation(), known=False)
    assert told(done) == ("review", "stranger_in_conversation", "-")
    assert done.reading.decision.reasons[0].detail == "R-AAAAAAAAAAAAAAAA"  # for the coordinator; no answer shows a reason
    assert not done.registers


def wants_in(body: str, where: str = "own") -> Candidate:
    return Candidate(slot=Slot.KIND, value="interest", strength=1.0, evidence=replace(sentence(body)[0], where=where))


@pytest.mark.parametrize(
    ("where", "kind", "code", "registers"),
    [
        ("own", Kind.FOLLOW_UP, "asks_question", True),
        ("own_quote", Kind.FOLLOW_UP, "asks_question", False),  # the member's wish, quoted
        ("own", Kind.FOLLOW_UP, "withdraws", False),
        ("own", Kind.FOLLOW_UP, "on_behalf", False),
        ("own", Kind.ENQUIRY, "asks_question", False),
    ],
)
def test_a_strangers_own_registration_is_kept_apart_for_a_person(where: str, kind: Kind, code: str, registers: bool) -> None:
    body = "I am at Whinhill Primary in Angus and want to join as well."
    reading = said(body, COUNCIL_OF_HERS, kind=kind, reasons=(Reason(code=code),))
    reading = replace(reading, extraction=replace(reading.extraction, candidates=(*reading.extraction.candidates, wants_in(body, where))))
    done = run(reading, conversation(), known=False)
    assert told(done) == ("review", "stranger_in_conversation", "-")
    assert done.registers is registers
    assert not run(reading, conversation(), known=False, others=1).registers  # theirs is there already


def test_a_stranger_in_a_thread_who_has_a_registration_elsewhere_is_known_to_have_it() -> None:
    elsewhere = replace(conversation(id="R-BBBBBBBBBBBBBBBB"), addresses=frozenset({"una@mail.example"}))
    met = [Met(by="identifier", conversation=conversation()), Met(by="address", conversation=elsewhere)]
    joined = choose(replace(said("x"), parsed=parsed("x", sender="una@mail.example")), met, at=NOW, window=HOUR)
    assert joined is not None
    assert (joined.known, joined.others, joined.conversation.registration.id) == (False, 1, "R-AAAAAAAAAAAAAAAA")


def test_an_answer_completes_and_brings_its_own_words() -> None:
    done = run(said("It is Fife.", {Slot.AUTHORITY: "Fife"}), waiting_for_council(), asked=COUNCILS)
    assert told(done) == ("registered", "record_completed", "registered")
    assert done.whole.institutions == ("Whinfold Primary",)
    assert done.update is not None
    [council] = [one for one in done.update.values if one.field == "authority"]
    assert (council.message_id, council.evidence[0].text) == (None, "Fife")  # the store puts this message's number there
    assert [one.message_id for one in done.update.values if one.field == "institution"] == [1]


@pytest.mark.parametrize(
    ("state", "template", "reason"),
    [
        (ReplyState.SENT, "review", "asked_before"),
        (ReplyState.SENDING, "review", "asked_before"),
        (ReplyState.UNKNOWN, "review", "asked_before"),
        (ReplyState.DEAD, "review", "asked_before"),
        (ReplyState.HELD, "ask_member", "decided_something_missing"),
        (ReplyState.DUE, "ask_member", "decided_something_missing"),
        (ReplyState.SUPPRESSED, "ask_member", "decided_something_missing"),
    ],
)
def test_a_question_that_left_the_house_is_the_only_one(state: ReplyState, template: str, reason: str) -> None:
    """One that is still here is withdrawn by this message's answer: it was never asked."""
    done = run(said("We are new_group now.", {Slot.ACTIVITY: "new_group"}), waiting_for_council(state), answered("x", "instead"))
    assert told(done)[:2] == (template, reason)


@pytest.mark.parametrize(
    ("body", "words", "cues", "field", "after"),
    [
        ("On 25 please, instead.", {Slot.SESSION: "25"}, ("instead",), "session", ["25"]),
        ("On 25 please.", {Slot.SESSION: "25"}, (), "session", ["25"]),
        ("On 25 as well.", {Slot.SESSION: "25"}, ("also",), "session", ["19", "25"]),
        ("See you on 19.", {Slot.SESSION: "19"}, ("thanks",), "session", ["19"]),
        ("It is Angus.", {Slot.AUTHORITY: "Angus"}, (), "authority", ["Angus"]),
        ("Also a new_group.", {Slot.ACTIVITY: "new_group"}, ("also",), "activity", ["own_enquiry", "new_group"]),
        ("We are a new_group.", {Slot.ACTIVITY: "new_group"}, (), "activity", ["new_group"]),
        ("Moved to Glenfold High.", {Slot.INSTITUTION: "Glenfold High"}, ("moved",), "institution", ["Glenfold High"]),
        ("Also Glenfold High.", {Slot.INSTITUTION: "Glenfold High"}, ("also",), "institution", ["Whinfold Primary", "Glenfold High"]),
        ("Whinfold Primary School it is.", {Slot.INSTITUTION: "Whinfold Primary School"}, (), "institution", ["Whinfold Primary"]),
        ("On spelling.", {Slot.TOPIC: "spelling"}, (), "topic", ["spelling"]),
    ],
)
def test_later_words_replace_and_also_adds(body: str, words: dict[Slot, str], cues: tuple[str, ...], field: str, after: list[str]) -> None:
    assert values_of(run(said(body, words), conversation(), answered(body, *cues)), field) == after


def test_another_school_takes_its_council_with_it() -> None:
    done = run(said("Moved to Glenfold High.", {Slot.INSTITUTION: "Glenfold High"}), conversation(), answered("Moved to Glenfold High.", "moved"))
    assert values_of(done, "authority") == []
    assert told(done) == ("ask_member", "decided_something_missing", "ask_member")


def test_a_signature_fills_gaps_and_replaces_nothing() -> None:
    assert values_of(run(said("Angus", {Slot.AUTHORITY: "Angus"}, where="signature"), conversation()), "authority") == ["Fife"]
    assert values_of(run(said("Fife", {Slot.AUTHORITY: "Fife"}, where="signature"), waiting_for_council()), "authority") == ["Fife"]


def test_the_subject_of_a_reply_is_not_the_members_word() -> None:
    reading = said("Angus", {Slot.AUTHORITY: "Angus"}, where="subject")
    assert values_of(run(reading, conversation()), "authority") == ["Fife"]
    anew = replace(reading, parsed=parsed("Angus", subject="Angus"))
    assert values_of(run(anew, conversation()), "authority") == ["Angus"]


def test_a_persons_correction_is_never_overwritten() -> None:
    there = conversation((*COMPLETE[:1], value("authority", "Moray", person="the co-ordinator"), *COMPLETE[2:]))
    done = run(said("It is Angus.", {Slot.AUTHORITY: "Angus"}), there)
    assert told(done) == ("review", "contradicts_correction", "review")
    assert values_of(done, "authority") == ["Moray"]
    same = run(said("It is Moray.", {Slot.AUTHORITY: "Moray"}), there)
    assert values_of(same, "authority") == ["Moray"]
    assert same.reading.decision.reasons[0].code != "contradicts_correction"


def test_a_school_without_a_word_on_why_is_a_persons_to_place() -> None:
    done = run(said("We are at Glenfold High.", {Slot.INSTITUTION: "Glenfold High"}), conversation())
    assert told(done) == ("review", "another_registration", "registered")
    assert values_of(done, "institution") == ["Whinfold Primary"]


@pytest.mark.parametrize(
    ("cues", "extra", "ends"),
    [
        (("withdraws",), {}, ("withdrawn", "withdrawn", "withdrawn")),
        (("withdraws", "unsure"), {}, ("review", "withdrawal_unclear", "review")),
        ((), {"kind": Kind.WITHDRAWAL}, ("review", "withdrawal_unclear", "review")),
        (("withdraws",), {"asks_question": True}, ("review", "withdrawal_unclear", "review")),
        (("withdraws",), {"reasons": (Reason(code="on_behalf"),)}, ("review", "decided_on_behalf_or_forwarded", "registered")),
        (("wrong",), {}, ("review", "says_wrong", "review")),
        ((), {"asks_question": True}, ("review", "decided_question", "registered")),
        ((), {"reasons": (Reason(code="complaint"),)}, ("review", "decided_complaint_safeguarding_or_data", "registered")),
        ((), {"reasons": (Reason(code="perhaps_automatic"),)}, ("review", "decided_perhaps_a_machine", "registered")),
        ((), {"reasons": (Reason(code="bulk_mail"),)}, (None, "decided_perhaps_a_machine", "registered")),
        ((), {"reasons": (Reason(code="spam"),)}, (None, "decided_perhaps_a_machine", "registered")),
        (("withdraws",), {"reasons": (Reason(code="bulk_mail"),)}, ("withdrawn", "withdrawn", "withdrawn")),
        ((), {}, ("review", "not_understood", "registered")),
    ],
)
def test_what_goes_to_a_person_and_what_is_plain(cues: tuple[str, ...], extra: dict[str, object], ends: tuple[str | None, str, str]) -> None:
    assert told(run(said("Some words.", **extra), conversation(), answered("Some words.", *cues))) == ends  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("body", "phrase", "cues", "topic"),
    [
        ("The topic is wrong, it should be phonics.", "wrong, it should be phonics", {"wrong": "topic is wrong", "instead": "should be phonics"}, ["phonics"]),
        ("The topic is wrong.", "wrong", {"wrong": "topic is wrong"}, ["spelling"]),
        ("Please add numeracy.", "add numeracy", {}, ["spelling", "numeracy"]),
    ],
)
def test_the_topic_is_what_stands_behind_the_words_of_a_correction(body: str, phrase: str, cues: dict[str, str], topic: list[str]) -> None:
    found = {label: (Evidence(where="own", start=body.index(text), end=body.index(text) + len(text), text=text, rule="r"),) for label, text in cues.items()}
    words = Answered(candidates=(), cues=found, sentences=sentence(body), neither=False, only_courtesy=False)
    done = run(said(body, {Slot.TOPIC: phrase}), conversation((*COMPLETE, value("topic", "spelling"))), words)
    assert values_of(done, "topic") == topic


def test_two_councils_for_one_school_are_no_answer() -> None:
    body = "We are on the border of Fife and Angus."
    reading = said(body, {Slot.AUTHORITY: "Fife"})
    other = replace(reading.extraction.candidates[0], value="Angus", evidence=Evidence(where="own", start=33, end=38, text="Angus", rule="r"))
    extraction = replace(reading.extraction, authorities=("Fife", "Angus"), candidates=(*reading.extraction.candidates, other))
    done = run(replace(reading, extraction=extraction), waiting_for_council(), asked=COUNCILS)
    assert told(done) == ("review", "not_understood", "ask_member")
    assert values_of(done, "authority") == []


def test_a_correction_that_stands_already_is_told_again_and_a_word_about_a_colleague_is_not() -> None:
    body = "It should be Whinfold Primary."
    reading = said(body, {Slot.INSTITUTION: "Whinfold Primary"})
    assert told(run(reading, conversation(), answered(body, "instead")))[:2] == ("registered", "same_again")
    assert told(run(reading, conversation(), answered(body)))[1] == "not_understood"
    assert told(run(reading, conversation(), answered(body, "instead", "others")))[1] == "not_understood"
    unsure = replace(reading, extraction=replace(reading.extraction, reasons=(Reason(code="activity_unsure"),)))
    assert told(run(unsure, conversation(), answered(body, "instead")))[1] == "not_understood"


def test_thanks_need_nothing() -> None:
    assert told(run(said("Thanks!"), conversation(), answered("Thanks!", "thanks", courtesy=True))) == (None, "only_thanks", "registered")
    assert told(run(said("Thanks!"), waiting_for_council(), answered("Thanks!", "thanks", courtesy=True))) == (None, "only_thanks", "ask_member")


def test_a_withdrawn_member_comes_back_with_a_whole_registration_and_else_through_a_person() -> None:
    there = conversation(state=RegistrationState.WITHDRAWN)
    assert told(run(said("Let me stay."), there)) == ("review", "after_withdrawal", "withdrawn")
    whole = replace(said("Whinfold Primary", {Slot.INSTITUTION: "Whinfold Primary"}), decision=Decision(outcome=Outcome.REGISTERED))
    assert told(run(whole, there))[2] == "registered"


@pytest.mark.parametrize(
    ("cues", "extra", "ends"),
    [
        (("returns",), {}, ("registered", "record_completed", "registered")),
        (("returns", "unsure"), {}, ("review", "after_withdrawal", "withdrawn")),
        (("returns", "withdraws"), {}, ("review", "after_withdrawal", "withdrawn")),
        (("returns",), {"asks_question": True}, ("review", "after_withdrawal", "withdrawn")),
    ],
)
def test_plain_words_bring_a_member_back(cues: tuple[str, ...], extra: dict[str, object], ends: tuple[str, str, str]) -> None:
    there = conversation(state=RegistrationState.WITHDRAWN, replies=(reply("withdrawn"),))
    assert told(run(said("Put me back.", **extra), there, answered("Put me back.", *cues))) == ends  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("there", "cues", "outcome"),
    [
        (conversation(), ("withdraws",), Outcome.REGISTERED),
        (conversation(state=RegistrationState.WITHDRAWN), ("thanks",), Outcome.REGISTERED),
        (conversation(state=RegistrationState.REVIEW), ("thanks",), Outcome.REGISTERED),
        (waiting_for_council(), ("thanks",), Outcome.ASK_MEMBER),
    ],
)
def test_what_needs_nobody_does_not_wait_for_a_person(there: Conversation, cues: tuple[str, ...], outcome: Outcome) -> None:
    done = run(said("Words."), there, answered("Words.", *cues, courtesy="thanks" in cues))
    assert done.reading.decision.outcome is outcome


def test_an_answer_outside_what_was_offered_is_looked_at_unless_the_member_says_none_of_them() -> None:
    reading = said("Moray", {Slot.AUTHORITY: "Moray"})
    assert told(run(reading, waiting_for_council(), asked=COUNCILS)) == ("review", "answer_not_offered", "review")
    assert told(run(reading, waiting_for_council(), answered("Moray", neither=True), COUNCILS))[0] == "registered"
    assert told(run(said("None."), waiting_for_council(), answered("None.", neither=True), COUNCILS))[1] == "answer_not_offered"


def test_the_same_words_again_are_answered_once_a_day_at_most() -> None:
    words = "Hello, here is all about us."
    there = conversation(replies=(reply("registered"),))
    assert told(run(said(words), there)) == (None, "same_again", "registered")
    done = follow(said(words), Joined(by="address", conversation=there, known=True), answered(words), (), POLICY, at=NOW + timedelta(days=3))
    assert done is not None
    assert told(done) == ("registered", "same_again", "registered")


def test_what_a_person_has_already_is_added_to_and_stays_there() -> None:
    there = conversation(NO_COUNCIL, state=RegistrationState.REVIEW)
    done = run(said("It is Fife.", {Slot.AUTHORITY: "Fife"}), there)
    assert told(done) == ("review", "waits_for_person", "review")
    assert values_of(done, "authority") == ["Fife"]


def test_a_request_that_is_done_is_no_question() -> None:
    body = "Could I come on 25 instead?"
    asks = Candidate(slot=Slot.QUESTION, value="asks", strength=1.0, evidence=sentence(body)[0], chosen=True)
    reading = said(body, {Slot.SESSION: "25"}, asks_question=True)
    reading = replace(reading, extraction=replace(reading.extraction, candidates=(*reading.extraction.candidates, asks)))
    assert told(run(reading, conversation(), answered(body, "instead")))[:2] == ("updated", "record_changed")


def test_a_question_by_a_known_address_alone_stands_alone() -> None:
    joined = Joined(by="address", conversation=conversation(), known=True)
    assert follow(said("Is it paid?", kind=Kind.ENQUIRY), joined, answered("Is it paid?"), (), POLICY, at=NOW) is None


def test_every_row_of_the_table_is_tried_in_order_and_recorded() -> None:
    done = run(said("Some words."), conversation())
    tried = [hit.rule.removeprefix("conversation.") for hit in done.reading.decision.rules if hit.rule.startswith("conversation.")]
    assert tried == [row.id for row in TABLE][: len(tried)]
    assert [hit.hit for hit in done.reading.decision.rules][: len(tried)] == [False] * (len(tried) - 1) + [True]
