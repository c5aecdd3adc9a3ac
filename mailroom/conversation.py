"""What a message does to the registration whose conversation it continues. Pure: no clock, no store, no mailbox.

Two steps. ``choose`` says which conversation a message continues, if any, and whether its sender may speak
in it. ``follow`` merges the message's words into what is known and decides by TABLE, read from top to
bottom; its last row hands the whole to the table of first messages (``parse.decide``), so that complete,
missing and contradictory mean the same in both. docs/adr/0007 has the rules and their reasons.

Promises. A stranger changes nothing and learns nothing. A value that a person gave is never overwritten. Each
value keeps the message and the words it came from, or the person. A question is asked once for a
registration. What is not plain goes to a person.

What it does badly: «also» is looked for in the sentence of the value that it adds; said in another, it is
taken for a change of mind.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mailroom.model import Candidate, Decision, Evidence, Extraction, Kind, Outcome, ParsedMessage, Reading, Reason, ReplyState, RuleHit, Slot, ZoneKind
from parse.decide import Policy, decide
from parse.shortanswers import Answered, Asked, Option
from store import Conversation, FieldValue, Lookup, Met, Registration, RegistrationState, RegistrationUpdate

__all__ = ["TABLE", "Case", "Followed", "Joined", "Row", "asked_of", "choose", "follow", "lookup", "subject_key", "token", "token_registration"]

FIELDS = (Slot.INSTITUTION, Slot.AUTHORITY, Slot.ACTIVITY, Slot.TOPIC, Slot.SESSION)
REQUIRED = (Slot.INSTITUTION, Slot.AUTHORITY, Slot.ACTIVITY)
ASK, ASK_BY_PERSON = "ask_member", "asked_by_person"
MAX_OPTIONS = 8  # as many as an answer lists
JOINED = {
    "identifier": "joined_by_identifier",
    "token": "joined_by_token",
    "subject": "joined_by_subject",
    "named": "joined_by_named",
    "address": "joined_by_address",
}
AGAIN = timedelta(days=1)  # the same words within this need no second answer
LONGEST_REQUEST = 400  # characters of a sentence
IDENTIFIERS = 20  # of a thread; the nearest ones
_STATED = (ZoneKind.OWN, ZoneKind.INLINE_ANSWER)
_DOUBTS = ("_unsure", "_several", "_doubtful", "_ambiguous", "_conflict")  # endings of reasons
_DROPPED = ("session_declines", "session_replaced", "session_unticked")
_LEFT_THE_HOUSE = (ReplyState.SENDING, ReplyState.UNKNOWN, ReplyState.SENT)  # may have been read


# --- finding


def token(secret: bytes, registration_id: str) -> str:
    """What stands after the + in the address that answers to us go to: the registration's id and a keyed digest of it."""
    body = registration_id.removeprefix("R-").lower()
    return f"{body}{_mac(secret, body)}"


def token_registration(secret: bytes, detail: str) -> str | None:
    """The registration of a token that is ours, or None."""
    body, mac = detail[:16].lower(), detail[16:].lower()
    if len(body) != 16 or not hmac.compare_digest(mac.encode(), _mac(secret, body).encode()):
        return None
    return f"R-{body.upper()}"


def _mac(secret: bytes, body: str) -> str:
    return hmac.new(secret, f"conversation\n{body}".encode(), hashlib.sha256).hexdigest()[:24]


def lookup(key: int, parsed: ParsedMessage, own: Iterable[str], secret: bytes) -> Lookup:
    """What to ask the store: In-Reply-To, then References from the end; tokens in the addresses that it went to; the sender."""
    identifiers = (*parsed.in_reply_to, *reversed(parsed.references))
    ours = {address.casefold() for address in own}
    registrations = []
    for address in (*(to.address for to in parsed.recipients), *parsed.header_values("Delivered-To"), *parsed.header_values("X-Original-To")):
        local, _, domain = address.strip("<> ").casefold().rpartition("@")
        base, plus, detail = local.partition("+")
        if plus and f"{base}@{domain}" in ours and (found := token_registration(secret, detail)) is not None:
            registrations.append(found)
    return Lookup(
        key=key,
        message_id=key,
        identifiers=tuple(dict.fromkeys(identifiers))[:IDENTIFIERS],
        registrations=tuple(dict.fromkeys(registrations)),
        address=parsed.sender.address if parsed.sender is not None else "",
    )


_PREFIX = re.compile(
    r"^\s*(?:(?:re|aw|sv|antw|vs|odp|ynt|fwd?|fw|wg|tr|rif|res|enc)\s*(?:\[\d+\])?\s*:|\[(?:ext|external|extern)\]|(?:ext|external)\s*:)\s*",
    re.IGNORECASE,
)


def subject_key(subject: str) -> str:
    """A subject as it is compared: without Re: and its like, case and double spaces."""
    while (match := _PREFIX.match(subject)) is not None:
        subject = subject[match.end() :]
    return " ".join(subject.casefold().split())


@dataclass(frozen=True, kw_only=True, slots=True)
class Joined:
    """The conversation that a message continues. ``by``: identifier, token, subject, named or address."""

    by: str
    conversation: Conversation
    known: bool  # the sender may speak in it
    others: int = 0  # further registrations of its sender, that it might as well be about


def choose(reading: Reading, met: Sequence[Met], *, at: datetime, window: timedelta) -> Joined | None:
    """The conversation, or None for a message that stands alone."""
    parsed = reading.parsed
    sender = parsed.sender.address.strip().casefold() if parsed.sender is not None else ""
    threads = [one for one in met if one.by != "address"]
    for one in threads:
        if sender in one.conversation.addresses:
            return Joined(by=one.by, conversation=one.conversation, known=True)
    mine = [one.conversation for one in met if sender in one.conversation.addresses]
    if threads:
        return Joined(by=threads[0].by, conversation=threads[0].conversation, known=False, others=len(mine))
    subject = subject_key(parsed.subject)
    same = [one for one in mine if subject and subject in _subjects(one, since=at - window)]
    if len(same) == 1:
        return Joined(by="subject", conversation=same[0], known=True)
    if len(mine) > 1:
        named = [one for one in mine if _names(reading, one.registration)]
        if len(named) == 1:
            return Joined(by="named", conversation=named[0], known=True)
        mine = [one for one in mine if one.registration.state is not RegistrationState.WITHDRAWN] or mine
    if mine:
        return Joined(by="address", conversation=mine[0], known=True, others=len(mine) - 1)
    return None


def _names(reading: Reading, registration: Registration) -> bool:
    """Whether the message speaks of the school, or in the very words of the topic, of this registration."""
    schools = {_key(Slot.INSTITUTION, name) for name in reading.extraction.institutions}
    words = f" {_key(Slot.TOPIC, _own_words(reading.parsed))} "
    return any(_key(Slot.INSTITUTION, name) in schools for name in registration.values_of(Slot.INSTITUTION.value)) or any(
        f" {_key(Slot.TOPIC, topic)} " in words for topic in registration.values_of(Slot.TOPIC.value)
    )


def _subjects(conversation: Conversation, *, since: datetime) -> set[str]:
    said = [(turn.received_at, turn.reading.parsed.subject) for turn in conversation.turns]
    told = [(reply.sent_at or reply.created_at, reply.subject) for reply in conversation.replies]
    return {subject_key(subject) for when, subject in (*said, *told) if when >= since}


def asked_of(conversation: Conversation, activities: Sequence[Option]) -> tuple[Asked, ...]:
    """What our last question asked, with what it offered; () where we asked nothing that is still open."""
    stands = (reply for reply in conversation.replies if reply.template != ASK_BY_PERSON or reply.state is not ReplyState.SUPPRESSED)
    asked = {reply.message_id: reply.template for reply in stands if reply.template in (ASK, ASK_BY_PERSON)}
    turn = next((turn for turn in reversed(conversation.turns) if turn.message_id in asked), None)
    if turn is None or not conversation.registration.missing:
        return ()
    extraction, decision = turn.reading.extraction, turn.reading.decision
    offered = {
        Slot.INSTITUTION: [Option(value=name, label=name) for name in extraction.institution_options],
        Slot.AUTHORITY: [Option(value=name, label=name) for name in extraction.authority_options],
        Slot.ACTIVITY: list(activities),
    }
    wanted = decision.missing if asked[turn.message_id] == ASK else conversation.registration.missing  # a person asks for what they choose
    points = [slot for slot in REQUIRED if slot.value in wanted]
    return tuple(Asked(slot=slot, options=tuple(offered[slot]) if len(offered[slot]) <= MAX_OPTIONS else ()) for slot in points)


# --- what the message says


_REQUEST = re.compile(r"\W*(?:(?:hi|hello|please|sorry|so|and|but)\W+)*(?:could|can|would|will) you\b", re.IGNORECASE)
_SECOND_REQUEST = re.compile(
    r"\b(?:and|or|but)\b.*\b(?:is|are|was|will|would|do|does|did|can|could|should|who|what|when|where|how|why|whether|if)\b", re.IGNORECASE
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """What the rows look at."""

    joined: Joined
    reading: Reading
    answered: Answered
    asked: tuple[Asked, ...]
    at: datetime
    policy: Policy
    same: int | None  # the message of the conversation that it repeats
    changes: Mapping[Slot, tuple[FieldValue, ...]]  # fields whose values differ now
    contradicts: tuple[Slot, ...]  # fields that a person corrected, and the member now says otherwise
    other_school: bool  # another institution, and no words that make it a correction
    stands: bool = False  # a correction, and the register says so already

    @property
    def registration(self) -> Registration:
        return self.joined.conversation.registration

    @property
    def threaded(self) -> bool:
        return self.joined.by != "address"

    @property
    def codes(self) -> frozenset[str]:
        return frozenset(reason.code for reason in self.reading.extraction.reasons)

    @property
    def open_for_member(self) -> bool:
        """It waits for what only the member can say; also where a person has it because the one question was used up."""
        return bool(self.registration.missing)

    @property
    def asks(self) -> bool:
        """Something that a person has to answer: not «could you change me to the 25th?», which is done."""
        extraction = self.reading.extraction
        if not extraction.asks_question:
            return extraction.kind is Kind.ENQUIRY and not self.changes
        asked = [c.evidence for c in extraction.candidates if c.slot is Slot.QUESTION and c.chosen]
        return not asked or not all(self._is_done(question) for question in asked)

    def _is_done(self, question: Evidence) -> bool:
        """Whether the sentence asks for a change and holds the value that is changed."""
        sentence = next((s for s in self.answered.sentences if s.where == question.where and s.start <= question.start < s.end), None)
        if (
            sentence is None
            or _SECOND_REQUEST.search(sentence.text[:LONGEST_REQUEST])
            or not (self.answered.beside("instead", question) or self.answered.beside("also", question))
        ):
            return False
        new = [e for values in self.changes.values() for value in values if value.message_id is None for e in value.evidence]
        return any(e.where == sentence.where and sentence.start <= e.start < sentence.end for e in new)

    @property
    def question_goes_out(self) -> bool:
        """A question that still waits is withdrawn by the answer to this message: it was never asked."""
        return not any(r.template in (ASK, ASK_BY_PERSON) and r.state in (*_LEFT_THE_HOUSE, ReplyState.DEAD) for r in self.joined.conversation.replies)


@dataclass(frozen=True, kw_only=True, slots=True)
class Followed:
    """What comes of it. ``whole``: all that is known then, for the answer; ``update`` None where nothing is linked.

    ``registers``: it makes a registration of its own, for a person to look at.
    """

    reading: Reading
    whole: Extraction
    update: RegistrationUpdate | None
    registers: bool = False


Then = Callable[[Case], Followed]


@dataclass(frozen=True, slots=True)
class Row:
    id: str
    when: Callable[[Case], bool]
    then: Then


def follow(
    reading: Reading,
    joined: Joined,
    answered: Answered,
    asked: tuple[Asked, ...],
    policy: Policy,
    *,
    at: datetime,
) -> Followed | None:
    """The first row of TABLE that holds; None where the message stands alone after all. Pure."""
    case = _case(reading, joined, answered, asked, policy, at)
    tried: list[RuleHit] = []
    for row in TABLE:
        hit = row.when(case)
        tried.append(RuleHit(rule=f"conversation.{row.id}", hit=hit))
        if hit:
            break
    if row.id == "stands-alone":
        return None
    done = row.then(case)
    decision = done.reading.decision
    reasons = list(decision.reasons)
    if case.joined.known:
        reasons.append(Reason(code=JOINED[joined.by], detail=case.registration.id))
    return replace(done, reading=replace(done.reading, decision=replace(decision, reasons=tuple(reasons), rules=(*tried, *decision.rules))))


def _case(reading: Reading, joined: Joined, answered: Answered, asked: tuple[Asked, ...], policy: Policy, at: datetime) -> Case:
    changes: dict[Slot, tuple[FieldValue, ...]] = {}
    contradicts: list[Slot] = []
    other_school = stands = False
    registration = joined.conversation.registration
    if joined.known:
        said = {slot: _said(slot, reading, answered) for slot in FIELDS}
        guessed = any(reason.code == "topic_unsure" for reason in reading.extraction.reasons)
        if guessed and (asked or registration.values_of(Slot.TOPIC.value)):
            said[Slot.TOPIC] = []  # from the form of the words alone: «a group that is running»
        said[Slot.TOPIC] = [one for one in said[Slot.TOPIC] if not _is_about_our_words(one, answered, reading.parsed)]
        schools = {_key(Slot.INSTITUTION, one.value.value) for one in said[Slot.INSTITUTION]} | {
            _key(Slot.INSTITUTION, name) for name in registration.values_of(Slot.INSTITUTION.value)
        }
        if len({one.value.value for one in said[Slot.AUTHORITY] if one.stated}) > max(1, len(schools)):
            said[Slot.AUTHORITY] = []  # one school has one council: «on the border of Fife and Perth and Kinross» is no answer
        for slot in FIELDS:
            known = tuple(value for value in registration.values if value.field == slot.value)
            gone = _gone(slot, reading)
            if slot is Slot.SESSION:
                said[slot] += (wished := _wished(reading, answered, known))
                gone -= {one.value.value for one in wished}
            new = _merged(slot, known, said[slot], gone, answered, open_=slot.value in registration.missing)
            if new is None:
                continue
            if slot is Slot.INSTITUTION and _is_other_school(known, said[slot], answered, asked, registration):
                other_school = True
            if any(value.person for value in known) and not _covers(slot, new, known):
                contradicts.append(slot)
                continue
            changes[slot] = new
        stated = [slot for slot in FIELDS if any(one.stated for one in said[slot])]
        corrects = answered.says("instead", "wrong", "moved") and not answered.says("others")
        doubtful = any(reason.code.endswith(_DOUBTS) for reason in reading.extraction.reasons)  # perhaps it corrects what was not understood
        stands = any(slot is not Slot.TOPIC for slot in stated) and corrects and not changes and not contradicts and not doubtful
        if not any(one.stated for one in said[Slot.AUTHORITY]):
            _council_of_another_school(registration, changes)
    return Case(
        joined=joined,
        reading=reading,
        answered=answered,
        asked=asked,
        at=at,
        policy=policy,
        same=_same_words(reading.parsed, joined.conversation),
        changes=changes,
        contradicts=tuple(contradicts),
        other_school=other_school,
        stands=stands,
    )


@dataclass(frozen=True, slots=True)
class _Said:
    value: FieldValue
    stated: bool  # in the member's own words, not in a signature or a domain
    also: bool


def _said(slot: Slot, reading: Reading, answered: Answered) -> list[_Said]:
    """The values that the message has for a field: an answer to our question first, else what the rules read."""
    extraction = reading.extraction
    mine = [c for c in answered.candidates if c.slot is slot]
    chosen = [c for c in extraction.candidates if c.slot is slot and c.chosen]
    listed: tuple[str, ...] = {
        Slot.INSTITUTION: extraction.institutions,
        Slot.AUTHORITY: extraction.authorities,
        Slot.ACTIVITY: extraction.activities,
        Slot.TOPIC: extraction.topics,
        Slot.SESSION: extraction.sessions,
    }[slot]
    # The rules know a listed school by a bare answer's name; a choice among what we offered beats them.
    if mine and not (slot is Slot.INSTITUTION and listed and all(c.evidence.rule == "answer.name" for c in mine)):
        values = tuple(dict.fromkeys(c.value for c in mine))
        chosen = mine
    else:
        values = listed or tuple(dict.fromkeys(c.value for c in chosen if extraction.kind is Kind.UNRELATED))
    found = []
    choices = [c.evidence for c in answered.candidates if c.slot is not slot and c.evidence.rule in ("answer.choice", "answer.yes")]
    for value in values:
        evidence = [c.evidence for c in chosen if c.value == value and not any(_overlaps(c.evidence, choice) for choice in choices)]
        if not evidence and any(c.value == value for c in chosen):
            continue  # «option c» answered what we asked, and nothing else
        evidence = evidence or [c.evidence for c in extraction.candidates if c.slot is slot and c.value == value]
        if not evidence:
            continue
        kept = _BEFORE_TOPIC.sub("", value) if slot is Slot.TOPIC else value
        stated = [e for e in evidence if _is_stated(e, reading.parsed)]
        also = any(answered.beside("also", e) for e in stated) and not (slot is Slot.INSTITUTION and answered.says("moved"))
        found.append(_Said(FieldValue(field=slot.value, value=kept, evidence=tuple(stated or evidence)), bool(stated), also))
    return found


# «Could you add numeracy?», «The topic is wrong, it should be phonics»: the topic is what follows.
_BEFORE_TOPIC = re.compile(r"^(?:(?:add|include|put)|(?:.{0,80}\b)?(?:should|ought to|must) (?:be|say|read|have been|have said))\s+(?=\S)", re.IGNORECASE)


def _gone(slot: Slot, reading: Reading) -> frozenset[str]:
    """Sessions that the member's own words decline."""
    if slot is not Slot.SESSION:
        return frozenset()
    losers = (c for c in reading.extraction.candidates if c.slot is slot and not c.chosen and c.note in _DROPPED)
    return frozenset(c.value for c in losers if _is_stated(c.evidence, reading.parsed))


def _is_about_our_words(topic: _Said, answered: Answered, parsed: ParsedMessage) -> bool:
    """«The activity is wrong»: no research on wrong. What stands behind the cue is another matter: «it should be phonics»."""
    cues = [cue for label in ("wrong", "right", "thanks") for cue in answered.cues.get(label, ())]
    for evidence in topic.value.evidence:
        place = parsed.source(evidence.where).find(topic.value.value, evidence.start, evidence.end)
        words = evidence if place < 0 else replace(evidence, start=place, end=place + len(topic.value.value))
        if any(_overlaps(words, cue) for cue in cues):
            return True
    return False


def _wished(reading: Reading, answered: Answered, known: Sequence[FieldValue]) -> list[_Said]:
    """«I can't make the 19th, could I do the 25th?»: read as one refusal by the rules, which do not know what is registered."""
    asked_for = answered.cues.get("requests", ())
    held = {value.value for value in known}
    found = []
    for c in reading.extraction.candidates:
        if c.slot is not Slot.SESSION or c.chosen or c.note not in _DROPPED or c.value in held:
            continue
        if any(_overlaps(c.evidence, cue) for cue in asked_for):
            found.append(_Said(FieldValue(field=Slot.SESSION.value, value=c.value, evidence=(c.evidence,)), True, answered.beside("also", c.evidence)))
    return found


def _overlaps(one: Evidence, other: Evidence) -> bool:
    return one.where == other.where and one.start < other.end and other.start < one.end


def _is_stated(evidence: Evidence, parsed: ParsedMessage) -> bool:
    if evidence.where == "subject":
        return not _is_reply(parsed)  # the subject of a reply is an older one's
    return evidence.where in _STATED or evidence.where.startswith("attachment:")


def _is_reply(parsed: ParsedMessage) -> bool:
    return _PREFIX.match(parsed.subject) is not None


def _merged(
    slot: Slot, known: tuple[FieldValue, ...], said: Sequence[_Said], gone: frozenset[str], answered: Answered, *, open_: bool
) -> tuple[FieldValue, ...] | None:
    """The field's values afterwards, or None where nothing changes. ``gone``: values that the member no longer wants."""
    kept = tuple(value for value in known if value.value not in gone)
    less = kept if kept != known else None
    stated = [one for one in said if one.stated]
    if not stated:
        return tuple(one.value for one in said) if said and not known else less
    replacing = tuple(_older(slot, kept, one.value) for one in stated)
    if open_:
        return replacing  # asked for: said again it is sure
    fresh = [one for one in stated if not _covers(slot, kept, (one.value,))]
    instead = answered.says("instead", "wrong")
    if not fresh:
        return replacing if instead and slot is not Slot.TOPIC and len(stated) < len(kept) else less
    if all(one.also for one in fresh) or (slot is Slot.TOPIC and not instead):
        return (*kept, *(one.value for one in fresh))
    return replacing


def _older(slot: Slot, known: Sequence[FieldValue], value: FieldValue) -> FieldValue:
    """A value that was known keeps its source; what is new brings its own."""
    return next((one for one in known if _key(slot, one.value) == _key(slot, value.value)), value)


def _key(slot: Slot, value: str) -> str:
    folded = " ".join(re.sub(r"[^\w]+", " ", value.casefold().replace("\u2019", "'").replace("'", "")).split())
    if slot is Slot.INSTITUTION:
        words = [word for word in folded.split() if word not in ("school", "the", "rc")]
        return " ".join(words)
    return folded


def _covers(slot: Slot, known: Sequence[FieldValue], values: Sequence[FieldValue]) -> bool:
    """Whether all of ``values`` are among ``known``."""
    keys = {_key(slot, one.value) for one in known}
    if slot is Slot.TOPIC:
        return all(any(_key(slot, one.value) in key for key in keys) for one in values)
    return all(_key(slot, one.value) in keys for one in values)


def _is_other_school(known: Sequence[FieldValue], said: Sequence[_Said], answered: Answered, asked: Sequence[Asked], registration: Registration) -> bool:
    if not known or Slot.INSTITUTION.value in registration.missing or any(point.slot is Slot.INSTITUTION for point in asked):
        return False
    fresh = [one for one in said if one.stated and not _covers(Slot.INSTITUTION, known, (one.value,))]
    if any(answered.beside("others", evidence) for one in fresh for evidence in one.value.evidence):
        return True
    return bool(fresh) and not answered.says("instead", "moved", "wrong") and not all(one.also for one in fresh)


def _council_of_another_school(registration: Registration, changes: dict[Slot, tuple[FieldValue, ...]]) -> None:
    """The council of a school that was replaced says nothing of the new one."""
    if Slot.INSTITUTION not in changes or Slot.AUTHORITY in changes or Slot.INSTITUTION.value in registration.missing:
        return
    old = [value for value in registration.values if value.field == Slot.INSTITUTION.value]
    council = [value for value in registration.values if value.field == Slot.AUTHORITY.value]
    if old and council and not any(_covers(Slot.INSTITUTION, changes[Slot.INSTITUTION], (one,)) for one in old) and not any(value.person for value in council):
        changes[Slot.AUTHORITY] = ()


def _same_words(parsed: ParsedMessage, conversation: Conversation) -> int | None:
    words = _words(parsed)
    if not words[0] and not words[1]:
        return None
    return next((turn.message_id for turn in reversed(conversation.turns) if _words(turn.reading.parsed) == words), None)


def _words(parsed: ParsedMessage) -> tuple[str, tuple[str, ...]]:
    return " ".join(_own_words(parsed).casefold().split()), tuple(f"{a.filename} {a.size}" for a in parsed.attachments)


def _own_words(parsed: ParsedMessage) -> str:
    return " ".join(parsed.body[zone.start : zone.end] for zone in parsed.zones if zone.kind in _STATED)


# --- what comes of it


def _kept(
    case: Case, *, state: RegistrationState | None = None, values: tuple[FieldValue, ...] | None = None, missing: tuple[str, ...] | None = None
) -> RegistrationUpdate:
    """The registration as it is, with the message linked to it, but for what is given."""
    old = case.registration
    return RegistrationUpdate(
        registration_id=old.id,
        revision=old.revision,
        state=old.state if state is None else state,
        values=old.values if values is None else values,
        missing=old.missing if missing is None else missing,
    )


def _values_then(case: Case) -> tuple[FieldValue, ...]:
    return tuple(
        value for slot in FIELDS for value in (case.changes[slot] if slot in case.changes else (v for v in case.registration.values if v.field == slot.value))
    )


def _whole(case: Case, values: tuple[FieldValue, ...]) -> Extraction:
    """All that is known, as one message would have said it: what an answer tells, and the table of decisions reads."""
    doubtful = {slot for slot in case.registration.missing if Slot(slot) not in case.changes}
    own = case.reading.extraction
    candidates = []
    for value in values:
        strength = 0.0 if value.field in doubtful else 1.0
        mine = [c for c in (*case.answered.candidates, *own.candidates) if c.slot.value == value.field and c.value == value.value]
        if value.message_id is None and value.person is None and mine:
            strength = max(c.strength for c in mine)
        evidence = value.evidence[0] if value.evidence else Evidence(where="own", start=0, end=0, text="", rule="person")
        candidates.append(Candidate(slot=Slot(value.field), value=value.value, strength=strength, evidence=evidence, chosen=True))
    institutions = _of(values, Slot.INSTITUTION)
    offered = _options(case)
    watched = case.policy.review | {code for codes in case.policy.ask.values() for code in codes}
    return Extraction(
        kind=Kind.FOLLOW_UP,
        institutions=institutions,
        institution_type=_type(case, institutions),
        authorities=_of(values, Slot.AUTHORITY),
        authority_options=offered[Slot.AUTHORITY],
        institution_options=offered[Slot.INSTITUTION],
        activities=_of(values, Slot.ACTIVITY),
        topics=_of(values, Slot.TOPIC),
        sessions=_of(values, Slot.SESSION),
        candidates=tuple(candidates),
        reasons=tuple(reason for reason in own.reasons if reason.code in watched and case.changes),
    )


def _of(values: Iterable[FieldValue], slot: Slot) -> tuple[str, ...]:
    return tuple(value.value for value in values if value.field == slot.value)


def _type(case: Case, institutions: tuple[str, ...]) -> str | None:
    for extraction in (case.reading.extraction, *(turn.reading.extraction for turn in reversed(case.joined.conversation.turns))):
        if extraction.institution_type and set(extraction.institutions) & set(institutions):
            return extraction.institution_type
    return None


def _options(case: Case) -> dict[Slot, tuple[str, ...]]:
    """What to offer if it is asked now: the message's own, else what the withdrawn question offered."""
    own = case.reading.extraction
    earlier = {point.slot: tuple(option.label for option in point.options) for point in case.asked}
    found = {Slot.AUTHORITY: own.authority_options, Slot.INSTITUTION: own.institution_options}
    return {slot: options or (earlier.get(slot, ()) if Slot.INSTITUTION not in case.changes else ()) for slot, options in found.items()}


def _to_person(code: str, *, update: bool = True, demote: bool = False, merge: bool = False, detail: str = "", answer: bool = True) -> Then:
    """Review. ``demote``: the register's entry is in doubt until a person has looked."""

    def then(case: Case) -> Followed:
        values = _values_then(case) if merge else case.registration.values
        state = case.registration.state
        if demote and state is not RegistrationState.WITHDRAWN:
            state = RegistrationState.REVIEW
        missing = case.registration.missing
        if merge:
            whole = decide(_whole(case, values), case.policy)
            missing = whole.missing
            if state is RegistrationState.ASK_MEMBER and whole.outcome is not Outcome.ASK_MEMBER:
                state = RegistrationState.REVIEW
        said = ", ".join(slot.value for slot in case.contradicts) if code == "contradicts_correction" else detail
        decision = Decision(
            outcome=Outcome.REVIEW, missing=missing if merge else (), reasons=(Reason(code=code, detail=said),), template="review" if answer else None
        )
        return Followed(
            reading=_read(case, decision),
            whole=case.reading.extraction,
            update=_kept(case, state=state, values=values, missing=missing) if update else None,
        )

    return then


def _read(case: Case, decision: Decision) -> Reading:
    """The message's own reading, with the short answers among its candidates."""
    extraction = case.reading.extraction
    if case.answered.candidates and case.joined.known:
        extraction = replace(extraction, candidates=(*extraction.candidates, *case.answered.candidates))
    return replace(case.reading, extraction=extraction, decision=decision)


def _stranger(case: Case) -> Followed:
    """Nothing changes. A whole registration of the stranger's own («a colleague passed this on, I'd like to join too») is kept for a person,
    unless they have one already."""
    done = _to_person("stranger_in_conversation", update=False, detail=case.registration.id)(case)
    extraction = case.reading.extraction
    wants = any(
        c.slot is Slot.KIND
        and c.value == "interest"
        and (c.evidence.where in _STATED or (c.evidence.where == "subject" and not _is_reply(case.reading.parsed)))
        for c in extraction.candidates
    )
    whole = wants and not case.joined.others and extraction.institutions and extraction.kind in (Kind.EXPRESSION_OF_INTEREST, Kind.FOLLOW_UP)
    return replace(done, registers=bool(whole) and not case.codes & {"withdraws", "on_behalf", "forwarded"})


def _nothing_to_do(code: str) -> Then:
    """Linked, changes nothing, and is not answered. It waits for nobody, unless the member has still to answer us."""

    def then(case: Case) -> Followed:
        asked = case.registration.state is RegistrationState.ASK_MEMBER
        decision = Decision(outcome=Outcome.ASK_MEMBER if asked else Outcome.REGISTERED, reasons=(Reason(code=code),))
        return Followed(reading=_read(case, decision), whole=case.reading.extraction, update=_kept(case))

    return then


def _says_again(case: Case) -> Followed:
    """The same mail after a while: perhaps our answer never arrived. What is registered is told again; a question is a person's now."""
    whole = _whole(case, case.registration.values)
    if case.registration.state is RegistrationState.REGISTERED:
        decision = Decision(outcome=Outcome.REGISTERED, reasons=(Reason(code="same_again"),), template="registered")
    else:
        decision = Decision(outcome=Outcome.REVIEW, reasons=(Reason(code="same_again"),), template="review")
    return Followed(reading=_read(case, decision), whole=whole, update=_kept(case))


def _withdraw(case: Case) -> Followed:
    # Done, like a registration that is written down: the register says so and the member is told. No person has to act for it to be true.
    decision = Decision(outcome=Outcome.REGISTERED, reasons=(Reason(code="withdrawn"),), template="withdrawn")
    values = case.registration.values
    return Followed(reading=_read(case, decision), whole=_whole(case, values), update=_kept(case, state=RegistrationState.WITHDRAWN, missing=()))


def _back(case: Case) -> Followed:
    return _decide(case, told="registered")


def _decide(case: Case, *, told: str | None = None) -> Followed:
    """The whole through the table of first messages; asked once, then a person."""
    values = _values_then(case)
    whole = _whole(case, values)
    decision = decide(whole, case.policy)
    was = case.registration.state
    if decision.outcome is Outcome.ASK_MEMBER and was is RegistrationState.REGISTERED and decision.missing == ("activity",):
        # What is registered was sure: new words that are less so do not undo it, and no question would help.
        decision = replace(decision, outcome=Outcome.REVIEW, reasons=(Reason(code="change_unsure"), *decision.reasons[1:]), template="review", missing=())
        return Followed(
            reading=_read(case, decision), whole=_whole(case, case.registration.values), update=_kept(case, state=RegistrationState.REVIEW, missing=())
        )
    if decision.outcome is Outcome.ASK_MEMBER:
        if case.question_goes_out:
            state = RegistrationState.ASK_MEMBER
        else:
            reasons = (Reason(code="asked_before", detail=", ".join(decision.missing)), *decision.reasons[1:])
            decision = replace(decision, outcome=Outcome.REVIEW, reasons=reasons, template="review")
            state = RegistrationState.REVIEW
    elif decision.outcome is Outcome.REGISTERED:
        state = RegistrationState.REGISTERED
        template = told or ("updated" if was is RegistrationState.REGISTERED else "registered")
        code = "record_changed" if was is RegistrationState.REGISTERED else "record_completed"
        decision = replace(decision, reasons=(Reason(code=code, detail=", ".join(case.changes)),), template=template)
    else:
        state = RegistrationState.REVIEW
    missing = decision.missing
    reading = _read(case, decision)
    if decision.template == ASK:  # what was offered is kept with the message that the question answers
        extraction = replace(reading.extraction, authority_options=whole.authority_options, institution_options=whole.institution_options)
        reading = replace(reading, extraction=extraction)
    return Followed(reading=reading, whole=whole, update=_kept(case, state=state, values=values, missing=missing))


def _plainly_leaves(case: Case) -> bool:
    if not case.answered.says("withdraws") or case.changes or _asks_besides(case):
        return False
    return not any(case.answered.beside("unsure", cue) for cue in case.answered.cues["withdraws"])


def _reads_like_bulk(case: Case) -> bool:
    """A known sender answers us in words of newsletters or of fraud: «Unsubscribe», or an account that was taken over."""
    return bool(case.codes & {"bulk_mail", "spam"})


def _asks_besides(case: Case, met: str = "withdraws") -> bool:
    """Whether anything is asked but to be taken off (or put back): «please take me off» is a request that we can meet."""
    extraction = case.reading.extraction
    asked = [c.evidence for c in extraction.candidates if c.slot is Slot.QUESTION and c.chosen]
    if not extraction.asks_question or not asked:
        return extraction.asks_question
    plain = (
        case.answered.beside(met, q) and ("?" not in q.text or _REQUEST.match(q.text)) and not _SECOND_REQUEST.search(q.text[:LONGEST_REQUEST]) for q in asked
    )
    return not all(plain)


def _plainly_returns(case: Case) -> bool:
    """«Please put me back on the list»: what our farewell says they may ask for."""
    if not case.answered.says("returns") or case.answered.says("withdraws") or case.contradicts or case.other_school or _asks_besides(case, "returns"):
        return False
    return not any(case.answered.beside("unsure", cue) for cue in case.answered.cues["returns"])


def _leaves(case: Case) -> bool:
    return case.reading.extraction.kind is Kind.WITHDRAWAL or "withdraws" in case.codes or case.answered.says("withdraws")


def _waits_for_person(case: Case) -> bool:
    return case.registration.state is RegistrationState.REVIEW and not case.open_for_member


def _stands_alone(case: Case) -> bool:
    """Found by the address alone, and nothing in it that concerns what is registered."""
    if case.threaded or case.joined.others:
        return False
    kind = case.reading.extraction.kind
    if kind is Kind.ENQUIRY:
        return True
    return kind is Kind.UNRELATED and not case.changes and not case.answered.candidates


def _is_withdrawn(case: Case) -> bool:
    return case.registration.state is RegistrationState.WITHDRAWN


def _soon(case: Case) -> bool:
    same = next(turn for turn in case.joined.conversation.turns if turn.message_id == case.same)
    answered = [r for r in case.joined.conversation.replies if r.state in (*_LEFT_THE_HOUSE, ReplyState.HELD, ReplyState.DUE)]
    return bool(answered) and case.at - same.received_at < AGAIN


def _says_the_same(case: Case) -> bool:
    return case.same is not None and not _says_anew(case)


def _later_turns(case: Case) -> bool:
    """Whether anything was said between those words and now."""
    return case.joined.conversation.turns[-1].message_id != case.same


def _says_anew(case: Case) -> bool:
    """The same words, and yet something new: «please take me off» once more after coming back, «the 25th instead» once more after
    the 19th. Not a mail program's second copy: that has the first one's Message-ID, or answers the same message as the first."""
    earlier = next((turn.reading.parsed for turn in case.joined.conversation.turns if turn.message_id == case.same), None)
    parsed = case.reading.parsed
    if earlier is None or set(parsed.message_ids) & set(earlier.message_ids):
        return False
    if _leaves(case):
        return not _is_withdrawn(case) and (_later_turns(case) or not _soon(case))
    if not _later_turns(case):
        return False
    return _plainly_returns(case) if _is_withdrawn(case) else bool(case.changes) and parsed.in_reply_to != earlier.in_reply_to


def _undone(case: Case) -> bool:
    """What they said was changed since, so it may be a late copy or meant: the member is told how things stand, or a person looks."""
    registers = _is_withdrawn(case) and case.reading.decision.outcome is Outcome.REGISTERED
    return _later_turns(case) and (bool(case.changes) or registers)


def _not_offered(case: Case) -> bool:
    """None of our options, and nothing in their place; or a council that has no such school, said without «none of them»."""
    if case.answered.neither:
        return not case.changes
    point = next((point for point in case.asked if point.slot is Slot.AUTHORITY and point.options), None)
    if point is None or Slot.AUTHORITY not in case.changes or Slot.INSTITUTION in case.changes:
        return False
    offered = {option.value for option in point.options}
    return any(value.value not in offered for value in case.changes[Slot.AUTHORITY])


TABLE: tuple[Row, ...] = (
    # Who speaks, and about what.
    Row("stranger", lambda case: not case.joined.known, _stranger),
    Row("stands-alone", _stands_alone, _to_person("not_understood", update=False)),
    Row("several-registrations", lambda case: bool(case.joined.others), _to_person("several_registrations", update=False)),
    # Nothing new.
    Row("same-again-soon", lambda case: _says_the_same(case) and _soon(case) and not _undone(case), _nothing_to_do("same_again")),
    Row("same-again", _says_the_same, _says_again),
    # What a person reads whatever else it says.
    Row(
        "perhaps-a-machine",
        lambda case: "perhaps_automatic" in case.codes,
        _to_person("decided_perhaps_a_machine"),
    ),
    Row("reads-like-bulk", lambda case: _reads_like_bulk(case) and not _plainly_leaves(case), _to_person("decided_perhaps_a_machine", answer=False)),
    Row(
        "complaint-safeguarding-or-data",
        lambda case: bool(case.codes & {"complaint", "safeguarding", "data_request"}),
        _to_person("decided_complaint_safeguarding_or_data"),
    ),
    Row("forwarded-or-on-behalf", lambda case: bool(case.codes & {"forwarded", "on_behalf"}), _to_person("decided_on_behalf_or_forwarded")),
    # Leaving, and coming back.
    Row("withdrawn-and-thanks", lambda case: _is_withdrawn(case) and case.answered.only_courtesy, _nothing_to_do("only_thanks")),
    Row("comes-back", lambda case: _is_withdrawn(case) and (case.reading.decision.outcome is Outcome.REGISTERED or _plainly_returns(case)), _back),
    Row("after-withdrawal", _is_withdrawn, _to_person("after_withdrawal")),
    Row("withdraws", _plainly_leaves, _withdraw),
    Row("perhaps-withdraws", _leaves, _to_person("withdrawal_unclear", demote=True)),
    # Contradictions.
    Row("contradicts-correction", lambda case: bool(case.contradicts), _to_person("contradicts_correction", demote=True)),
    Row("another-school", lambda case: case.other_school, _to_person("another_registration")),
    Row("wrong", lambda case: case.answered.says("wrong") and not case.changes and not case.stands, _to_person("says_wrong", demote=True)),
    Row("not-offered", _not_offered, _to_person("answer_not_offered", demote=True)),
    # The member's turn, or a person's.
    Row("question", lambda case: case.asks, _to_person("decided_question", merge=True)),
    Row("thanks", lambda case: not case.changes and case.answered.only_courtesy, _nothing_to_do("only_thanks")),
    Row("later", lambda case: not case.changes and case.answered.says("later") and case.open_for_member, _nothing_to_do("answer_follows")),
    Row("stands-already", lambda case: case.stands and case.registration.state is RegistrationState.REGISTERED, _says_again),
    Row("waits-for-person", _waits_for_person, _to_person("waits_for_person", merge=True)),
    Row("nothing-understood", lambda case: not case.changes, _to_person("not_understood", merge=True)),
    Row("what-is-known-now", lambda case: True, _decide),
)
