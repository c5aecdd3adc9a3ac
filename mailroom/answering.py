"""From a reading to what is written down and answered: the registration it makes, the reply it deserves.

The order of the checks on a reply is fixed: no template, no answer; RFC 3834 says no, no answer; arrived
before the go-live mark, written and parked; otherwise held or due as the mode says. The cap for an address
is counted by the store, in the transaction that adds the reply.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parseaddr

from mailroom.config import RepliesConfig
from mailroom.errors import Permanent
from mailroom.model import Address, Candidate, Kind, Outcome, Reading, ReplyDraft, ReplyState, RuleHit, Slot
from mailroom.pipeline import Answer
from mailroom.programme import Programme
from notify.compose import AnswerContext, Composer
from notify.may_answer import may_answer
from notify.names import first_name, load_names
from store import Cap, FieldValue, RegistrationDraft, RegistrationState, StoredMessage

__all__ = ["Answering", "registration_of"]

PERSONS = frozenset({Kind.EXPRESSION_OF_INTEREST, Kind.FOLLOW_UP, Kind.ENQUIRY, Kind.WITHDRAWAL})
REGISTRABLE = frozenset({Kind.EXPRESSION_OF_INTEREST, Kind.FOLLOW_UP})
STATES = {
    Outcome.REGISTERED: RegistrationState.REGISTERED,
    Outcome.ASK_MEMBER: RegistrationState.ASK_MEMBER,
    Outcome.REVIEW: RegistrationState.REVIEW,
}
DAY = timedelta(days=1)


class Answering:
    """``sessions_at``: the time that tells open sessions from past ones; None is the time of answering."""

    def __init__(self, programme: Programme, replies: RepliesConfig, secret: bytes, *, sessions_at: datetime | None = None) -> None:
        self.facts, self.replies, self.secret, self.sessions_at = programme.facts, replies, secret, sessions_at
        self.composer = Composer(programme.folder / "replies")
        self.names = load_names(programme.folder / "replies" / "salutation.yaml")
        name, address = parseaddr(replies.from_)
        self.from_ = Address(name=name, address=address)
        self.cap = Cap(per_address=replies.per_address_a_day, window=DAY)

    def __call__(self, message: StoredMessage, reading: Reading, now: datetime) -> Answer:
        verdict = may_answer(reading.parsed, self.replies.own, reads_as_person=reading.extraction.kind in PERSONS)
        if reading.decision.template is not None and not verdict.allowed:
            # Recorded with the decision, so that a person can see why this member got no answer.
            decision = replace(
                reading.decision, template=None, reasons=(*reading.decision.reasons, *verdict.reasons), rules=(*reading.decision.rules, *verdict.rules)
            )
            reading = replace(reading, decision=decision)
        reply = self._reply(message, reading, now, verdict.rules)
        state, reason = ReplyState.DUE if self.replies.mode == "send" else ReplyState.HELD, ""
        if self.replies.not_before is not None and message.internal_date < self.replies.not_before:
            state, reason = ReplyState.SUPPRESSED, "before_go_live"
        return Answer(reading=reading, registration=registration_of(reading), reply=reply, reply_state=state, reply_reason=reason, cap=self.cap)

    def _reply(self, message: StoredMessage, reading: Reading, now: datetime, checks: tuple[RuleHit, ...]) -> ReplyDraft | None:
        parsed, decision = reading.parsed, reading.decision
        if decision.template is None or parsed.sender is None:
            return None
        context = AnswerContext.of(
            reading.extraction,
            decision,
            self.facts,
            first_name=first_name(parsed.sender.name, parsed.sender.address, self.names),
            at=self.sessions_at or now.astimezone(UTC),
        )
        try:
            return self.composer.compose(
                decision.template, context, parsed, from_=self.from_, secret=self.secret, identity=message.sha256, date=now, checks=checks
            )
        except Permanent:
            return None  # no address that can be written to: the message is in the register or the queue all the same


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


def _value(slot: Slot, value: str, candidates: tuple[Candidate, ...]) -> FieldValue:
    same = [c for c in candidates if c.slot is slot and c.value == value]
    evidence = [c.evidence for c in same if c.chosen] or [c.evidence for c in same]
    return FieldValue(field=slot.value, value=value, evidence=tuple(evidence))
