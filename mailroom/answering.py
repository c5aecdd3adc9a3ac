"""From a reading to what is written down and answered: the registration it makes or changes, the reply it deserves.

A message that continues a conversation is decided on together with what is known there
(``mailroom.conversation``); any other by itself.

The order of the checks on a reply is fixed: no template, no answer; RFC 3834 says no, no answer; arrived
before the go-live mark, written and parked; otherwise held or due as the mode says. The cap for an address
is counted by the store, in the transaction that adds the reply.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parseaddr
from typing import TYPE_CHECKING

from mailroom import conversation
from mailroom.bounces import delivery_note
from mailroom.config import ConversationsConfig, RepliesConfig
from mailroom.errors import Permanent
from mailroom.model import (
    Address,
    Candidate,
    Decision,
    Extraction,
    Kind,
    Outcome,
    ParsedMessage,
    Reading,
    Reason,
    Remembered,
    ReplyDraft,
    ReplyState,
    RuleHit,
    Slot,
)
from mailroom.pipeline import Answer
from mailroom.programme import Programme
from notify.addresses import checked_address
from notify.compose import AnswerContext, Composer, Seats
from notify.digest import is_digest
from notify.envelope import BounceAddress
from notify.may_answer import may_answer
from notify.names import first_name, load_names
from parse.decide import decide, load_policy
from parse.shortanswers import Option, ShortAnswers
from store import (
    Cap,
    FieldValue,
    Lookup,
    Met,
    Occupancy,
    PlaceState,
    RegistrationDraft,
    RegistrationState,
    RegistrationUpdate,
    StoredMessage,
    Wishes,
    registration_id,
    sessions_of,
)

if TYPE_CHECKING:
    from store import Registration, Store

__all__ = ["Answering", "as_read", "registration_of"]

PERSONS = frozenset({Kind.EXPRESSION_OF_INTEREST, Kind.FOLLOW_UP, Kind.ENQUIRY, Kind.WITHDRAWAL})
MACHINES = frozenset({Kind.AUTO_REPLY, Kind.BOUNCE})
REGISTRABLE = frozenset({Kind.EXPRESSION_OF_INTEREST, Kind.FOLLOW_UP})
STATES = {
    Outcome.REGISTERED: RegistrationState.REGISTERED,
    Outcome.ASK_MEMBER: RegistrationState.ASK_MEMBER,
    Outcome.REVIEW: RegistrationState.REVIEW,
}
DAY = timedelta(days=1)
_THANKS = (Reason(code="only_thanks"),)


Rereads = Callable[[ParsedMessage, datetime, Sequence[str]], Extraction]


class Answering:
    """``sessions_at``: the time that tells open sessions from past ones; None is the time of answering.

    ``reread`` reads a message again that turned out to be a reply although no header says so, or whose member's councils are known.
    """

    def __init__(
        self,
        programme: Programme,
        replies: RepliesConfig,
        secret: bytes,
        *,
        conversations: ConversationsConfig | None = None,
        reread: Rereads | None = None,
        sessions_at: datetime | None = None,
    ) -> None:
        self.facts, self.replies, self.secret, self.sessions_at = programme.facts, replies, secret, sessions_at
        self.window, self.reread = (conversations or ConversationsConfig()).window, reread
        self.composer = programme.composer
        self.names = load_names(programme.folder / "replies" / "salutation.yaml")
        self.policy = load_policy(programme.folder)
        self.short_answers = ShortAnswers(programme.folder)
        self.teaches_by_council = False
        self.activities = tuple(Option(value=activity.id, label=activity.label) for activity in programme.facts.activities)
        name, address = parseaddr(replies.from_)
        self.from_ = Address(name=name, address=address)
        self.places: Mapping[str, int] = {session.id: session.places for session in programme.facts.sessions if session.places is not None}
        self.cap = Cap(
            per_address=replies.per_address_a_day,
            window=DAY,
            same_words=True,
            per_domain_an_hour=replies.per_domain_an_hour,
            per_hour=replies.per_hour,
        )
        self.bounces = BounceAddress(replies.smtp.envelope_sender if replies.smtp is not None else "", checked_address(address).rpartition("@")[2])

    def use(self, composer: Composer) -> None:
        """Answers are written with this from now on."""
        self.composer = composer

    def remember(self, aliases: Sequence[Remembered]) -> None:
        """What persons taught also helps to read short answers to our questions."""
        self.short_answers = self.short_answers.remembering(aliases)
        self.teaches_by_council = any(alias.council for alias in aliases)

    def lookup(self, message: StoredMessage, reading: Reading) -> Lookup | None:
        """What to ask the store about the conversation that a message may continue; None for what no person wrote."""
        if reading.extraction.kind in MACHINES or reading.parsed.sender is None:
            return None
        if reading.decision.outcome is Outcome.IGNORE and not (reading.parsed.in_reply_to or reading.parsed.references):
            return None  # bulk mail or spam, and no answer to anything
        return conversation.lookup(message.id, reading.parsed, self.replies.own, self.secret)

    def __call__(
        self, message: StoredMessage, reading: Reading, now: datetime, met: Sequence[Met] = (), occupancy: Mapping[str, Occupancy] | None = None
    ) -> Answer:
        # What answers the coordinator's digest is no member's mail: their «thanks», or their mail program's.
        digest = any(is_digest(self.secret, one) for one in (*reading.parsed.in_reply_to, *reading.parsed.references))
        if digest:
            decision = replace(reading.decision, missing=(), reasons=(Reason(code="no_answer_digest"), *reading.decision.reasons), template=None)
            reading = replace(reading, decision=decision if decision.outcome is Outcome.IGNORE else replace(decision, outcome=Outcome.REVIEW))
        followed = None if digest else self._follow(message, reading, met)
        if followed is None and not digest and self._is_only_thanks(reading):
            decision = replace(reading.decision, outcome=Outcome.REGISTERED, missing=(), reasons=_THANKS, template=None)
            reading = replace(reading, extraction=replace(reading.extraction, kind=Kind.FOLLOW_UP), decision=decision)
        draft = None
        if followed is None:
            whole, update, draft = reading.extraction, None, registration_of(reading) if not digest and reading.decision.reasons != _THANKS else None
        else:
            reading, whole, update = followed.reading, followed.whole, followed.update
            draft = registration_of(reading) if followed.registers else None
        person = reading.extraction.kind in PERSONS or update is not None
        verdict = may_answer(reading.parsed, self.replies.own, reads_as_person=person, bounces=self.bounces)
        if reading.decision.template is not None and not verdict.allowed:
            # Recorded with the decision, so that a person can see why this member got no answer.
            decision = replace(
                reading.decision, template=None, reasons=(*reading.decision.reasons, *verdict.reasons), rules=(*reading.decision.rules, *verdict.rules)
            )
            reading = replace(reading, decision=decision)
        told = update.registration_id if update is not None else registration_id(message.mailbox, message.sha256) if draft is not None else None
        wishes = self._wishes(message, now, update or draft, met, occupancy or {})
        seats = self.seats(wishes.told or {}, occupancy or {})
        reply = self.reply(message.sha256, reading, whole, told, now, verdict.rules, seats=seats)
        state, reason = self.begins, ""
        if self.replies.not_before is not None and message.internal_date < self.replies.not_before:
            state, reason = ReplyState.SUPPRESSED, "before_go_live"
        return Answer(
            reading=reading,
            registration=draft,
            update=update,
            reply=reply,
            reply_state=state,
            reply_reason=reason,
            cap=self.cap,
            wishes=wishes,
            delivery=delivery_note(reading.parsed, self.bounces),
        )

    def _follow(self, message: StoredMessage, reading: Reading, met: Sequence[Met]) -> conversation.Followed | None:
        joined = conversation.choose(reading, met, at=message.internal_date, window=self.window) if met else None
        if joined is None:
            return None
        if reading.decision.outcome is Outcome.IGNORE and not (joined.known and joined.by == "identifier"):
            return None  # bulk mail by its words; only a member who answers us may well say «Unsubscribe»
        asked = conversation.asked_of(joined.conversation, self.activities)
        if (
            self.reread is not None
            and joined.known
            and (asked or joined.by != "address")
            and reading.extraction.kind is Kind.UNRELATED
            and not reading.parsed.in_reply_to
        ):
            # One word is no registration, but as an answer it means something.
            extraction = self.reread(replace(reading.parsed, in_reply_to=("<conversation>",)), message.internal_date, ())
            reading = replace(reading, extraction=extraction, decision=decide(extraction, self.policy))
        councils = joined.conversation.registration.values_of(Slot.AUTHORITY.value)
        if self.reread is not None and joined.known and self.teaches_by_council and councils and not reading.extraction.institutions:
            # «PHS», to our question: remembered for the council that the member told before.
            extraction = self.reread(reading.parsed, message.internal_date, councils)
            if extraction.institutions:
                reading = replace(reading, extraction=extraction, decision=decide(extraction, self.policy))
        answered = self.short_answers.read(reading.parsed, asked)
        return conversation.follow(reading, joined, answered, asked, self.policy, at=message.internal_date)

    def _is_only_thanks(self, reading: Reading) -> bool:
        """«Thanks very much!» to our answer, from somebody who has no registration: whoever only asked something is not asked for a school."""
        parsed, outcome = reading.parsed, reading.decision.outcome
        replies = parsed.in_reply_to or parsed.references
        return bool(replies) and outcome in (Outcome.ASK_MEMBER, Outcome.REVIEW) and self.short_answers.read(parsed, ()).only_courtesy

    def _wishes(
        self,
        message: StoredMessage,
        now: datetime,
        registration: RegistrationUpdate | RegistrationDraft | None,
        met: Sequence[Met],
        occupancy: Mapping[str, Occupancy],
    ) -> Wishes:
        """What the sessions that are named come to, as things stand: what the member has stays, the rest is first come, first served.

        Whether it was in time is told by the arrival of the message, not by when we get to it; unless the session has begun.
        """
        asked, at = self.sessions_at or message.internal_date, self.sessions_at or now
        late = frozenset(session.id for session in self.facts.sessions if asked >= session.closes or at >= session.starts)
        has: dict[str, PlaceState] = {}
        if isinstance(registration, RegistrationUpdate):
            known = next(one.conversation.registration for one in met if one.conversation.registration.id == registration.registration_id)
            has = {place.session: place.state for place in known.places}
        told = {}
        for session in sessions_of(registration.state, registration.values) if registration is not None else ():
            told[session] = has.get(session) or (PlaceState.LATE if session in late else self._next(session, occupancy))
        return Wishes(places=self.places, late=late, told=told)

    def seats(self, has: Mapping[str, PlaceState], occupancy: Mapping[str, Occupancy]) -> Seats:
        """What an answer says of sessions: what the member has, and which have no room."""
        return Seats(has=has, full=frozenset(id for id in self.places if self._next(id, occupancy) is PlaceState.WAITING))

    def seats_of(self, registration: Registration, store: Store) -> Seats:
        """The same for an entry of the register as it stands."""
        return self.seats({place.session: place.state for place in registration.places}, store.occupancy(self.places))

    def _next(self, session: str, occupancy: Mapping[str, Occupancy]) -> PlaceState:
        return occupancy.get(session, Occupancy()).next(self.places.get(session))

    def reply(
        self,
        identity: str,
        reading: Reading,
        whole: Extraction,
        told: str | None,
        now: datetime,
        checks: tuple[RuleHit, ...] = (),
        *,
        seats: Seats | None = None,
    ) -> ReplyDraft | None:
        """The answer that the decision names, or None. ``identity``: the message's sha256; ``whole``: all that is known; ``told``: the registration."""
        parsed, decision = reading.parsed, reading.decision
        if decision.template is None or parsed.sender is None:
            return None
        try:
            return self.composer.compose(
                decision.template,
                self.context(whole, decision, parsed.sender, now, seats=seats),
                parsed,
                from_=self.from_,
                secret=self.secret,
                identity=identity,
                date=now,
                checks=checks,
                reply_to=self.reply_to(told),
            )
        except Permanent:
            return None  # no address that can be written to: the message is in the register or the queue all the same

    def context(self, whole: Extraction, decision: Decision, sender: Address, now: datetime, *, seats: Seats | None = None) -> AnswerContext:
        """What an answer to this sender can speak of."""
        return AnswerContext.of(
            whole,
            decision,
            self.facts,
            first_name=first_name(sender.name, sender.address, self.names),
            at=self.sessions_at or now.astimezone(UTC),
            employer_address=self.facts.is_employer(sender.address),
            seats=seats,
        )

    @property
    def begins(self) -> ReplyState:
        """How the life of an answer begins, as the mode says."""
        return ReplyState.DUE if self.replies.mode == "send" else ReplyState.HELD

    def reply_to(self, told: str | None) -> str | None:
        """Where the server knows plus-addressing, an address that names the conversation."""
        if not self.replies.plus_addressing or told is None:
            return None
        local, _, domain = self.from_.address.rpartition("@")
        return f"{local}+{conversation.token(self.secret, told)}@{domain}"


def registration_of(reading: Reading) -> RegistrationDraft | None:
    """The registration that a reading makes, each value with the words it rests on; None for other mail."""
    extraction, parsed = reading.extraction, reading.parsed
    state = STATES.get(reading.decision.outcome)
    if extraction.kind not in REGISTRABLE or state is None or parsed.sender is None:
        return None
    values = [
        _value(slot, value, extraction.candidates)
        for slot, chosen in (
            (Slot.INSTITUTION, extraction.institutions),
            (Slot.AUTHORITY, extraction.authorities),
            (Slot.ACTIVITY, extraction.activities),
            (Slot.TOPIC, extraction.topics),
            (Slot.SESSION, extraction.sessions),
        )
        for value in chosen
    ]
    return RegistrationDraft(
        member_name=parsed.sender.name, member_address=parsed.sender.address, state=state, values=tuple(values), missing=reading.decision.missing
    )


def as_read(registration: Registration, last: Extraction, *, without: Collection[str] = ()) -> Extraction:
    """What the register says now, as if the last message had said it; ``without`` leaves fields out."""
    values = {slot: registration.values_of(slot.value) if slot.value not in without else () for slot in Slot}
    return replace(
        last,
        institutions=values[Slot.INSTITUTION],
        authorities=values[Slot.AUTHORITY],
        activities=values[Slot.ACTIVITY],
        topics=values[Slot.TOPIC],
        sessions=values[Slot.SESSION],
    )


def _value(slot: Slot, value: str, candidates: tuple[Candidate, ...]) -> FieldValue:
    same = sorted((c for c in candidates if c.slot is slot and c.value == value), key=lambda c: -c.strength)  # what says most comes first
    evidence = [c.evidence for c in same if c.chosen] or [c.evidence for c in same]
    return FieldValue(field=slot.value, value=value, evidence=tuple(evidence))
