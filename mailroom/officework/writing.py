"""Mail that a person writes to a member: a question about what is missing, or an answer in their own words.

It goes into the outbox like every answer, in the member's thread, with the address that names the conversation; but it is
due at once, also where answers are held, because a person has seen it. No cap applies to it. What is never answered
by itself because a machine wrote it, or because it is our own, is not answered by hand either.

What it does badly: letters of options («b») are understood in the reply also where the person took them out of the text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from desk.office import Letter
from mailroom.answering import Answering, as_read
from mailroom.errors import MailroomError, Permanent
from mailroom.model import MessageState, ParsedMessage, ReplyDraft, ReplyState, RuleHit
from mailroom.officework.knowledge import FIELDS, REQUIRED, Knowledge
from mailroom.officework.registering import FIELD_WORDS, Outcome, Registering, Telling
from mailroom.ownmail import own_mail
from mailroom.programme import Programme
from mailroom.reasons import REASONS
from notify.by_hand import checked_text, paragraphs, written
from notify.compose import Composer, Rendered
from notify.may_answer import may_answer
from store import OFF_THE_REGISTER, DeedLetter, Registration, RegistrationState, RegistrationUpdate, Turn

if TYPE_CHECKING:
    from mailroom.config import Config
    from store import Store

__all__ = ["Writing"]

ASKED, ANSWERED = "asked_by_person", "answered_by_person"  # templates, as the outbox names them
_TELL_THE_WHOLE = ("registered", "updated")  # templates
_ON_ITS_WAY = (ReplyState.SENT, ReplyState.SENDING, ReplyState.UNKNOWN)
# Never answered, whoever writes: a machine would answer back, or it is we.
_NEVER = frozenset(
    f"no_answer_{what}"
    for what in ("null_return_path", "auto_submitted", "own_address", "mailroom", "bounce_address", "loop", "report", "daemon", "responder", "no_address")
)


class Writing:
    """``composer`` gives the reply texts as they are worded now."""

    def __init__(
        self, config: Config, store: Store, knowledge: Knowledge, registering: Registering, composer: Callable[[], Composer], now: Callable[[], datetime]
    ) -> None:
        self.config, self.store, self.knowledge, self.registering = config, store, knowledge, registering
        self._composer, self.now = composer, now

    @property
    def answering(self) -> Answering:
        """What the house knows of writing answers; the texts are those of now."""
        self._answering.use(self._composer())
        return self._answering

    @cached_property
    def _answering(self) -> Answering:
        programme = Programme(folder=self.knowledge.folder, facts=self.knowledge.facts, schools=(), composer=self._composer(), own_lines=())
        return Answering(programme, self.config.replies, self.store.secret(), conversations=self.config.conversations)

    # --- telling the member

    def telling(self, registration: Registration, new: RegistrationUpdate) -> Telling:
        """How the entry stands now, in answer to the member's last message: held or due, as the answers of a round are."""
        try:
            turn = self._turn(registration)
            checks = self._may(turn.reading.parsed)
        except MailroomError as error:
            return Telling(letter=None, said=f"Nobody was told: {error}")
        answering, now, sender = self.answering, self.now(), turn.reading.parsed.sender
        before_mark = answering.replies.not_before is not None and turn.received_at < answering.replies.not_before
        if sender is None or before_mark:
            return Telling(letter=None, said="Nobody was told: the mail came before answers were to be written.")
        conversation = self.store.conversation(registration.id)
        sent = [reply.template for reply in conversation.replies if reply.state in _ON_ITS_WAY] if conversation is not None else []
        template = "updated" if set(sent) & set(_TELL_THE_WHOLE) else "registered"
        stands = replace(registration, values=new.values, state=new.state, missing=new.missing)
        if set(stands.values_of("session")) - {place.session for place in registration.places} & set(answering.places):
            return Telling(letter=None, said="Nobody was told: there are only so many places in a session that was added; write to them about theirs.")
        seats = answering.seats_of(registration, self.store)
        reading = replace(turn.reading, decision=replace(turn.reading.decision, missing=(), template=template))
        whole = as_read(stands, turn.reading.extraction)
        draft = answering.reply(f"{registration.id}\n{new.revision}\n{now.isoformat()}", reading, whole, registration.id, now, checks, seats=seats)
        if draft is None:
            return Telling(letter=None, said="Nobody was told: the member's message has no address that can be written to.")
        state = answering.begins
        said = "They are told with the next round." if state is ReplyState.DUE else "The answer that says so is held with the others."
        return Telling(letter=DeedLetter(draft=draft, message_id=turn.message_id, state=state), said=said)

    # --- asking the member

    def question(self, reference: str, fields: Sequence[str], text: str | None = None) -> Letter:
        """What asking for these fields would look like; ``text`` replaces the editable part."""
        registration = self.registering.on_register(reference, None)
        draft, words = self._question(registration, fields, text, self._turn(registration), self.now())
        return _letter(draft, words)

    def ask(self, reference: str, revision: int | None, fields: Sequence[str], text: str, *, who: str) -> Outcome:
        """Into the outbox, due; the registration waits for the member."""
        registration = self.registering.on_register(reference, revision)
        if registration.state is RegistrationState.WITHDRAWN:
            raise MailroomError(f"{registration.id} has withdrawn, so there is nothing to ask for; answer by hand, if something is to be said")
        turn, now = self._turn(registration), self.now()
        draft, _ = self._question(registration, fields, text, turn, now)
        missing = (*registration.missing, *(name for name in REQUIRED if name in fields and name not in registration.missing))
        asks = RegistrationUpdate(
            registration_id=registration.id,
            revision=registration.revision,
            state=RegistrationState.ASK_MEMBER,
            values=registration.values,
            missing=missing,
        )
        did = self.store.write_by_hand("ask", draft, turn.message_id, registration.id, now, actor=who, places=self.knowledge.limits, asks=asks)
        asked = ", ".join(FIELD_WORDS[name] for name in FIELDS if name in fields)
        said = f"The question leaves within a few minutes: {asked}. The entry waits for the member."
        return Outcome(did=did, said=said, registration_id=registration.id, before=registration)

    def _question(self, registration: Registration, fields: Sequence[str], text: str | None, turn: Turn, now: datetime) -> tuple[ReplyDraft, str]:
        """The mail, and its editable part."""
        if unknown := [name for name in fields if name not in FIELDS]:
            raise MailroomError(f"there is no field «{unknown[0]}»; there are {', '.join(FIELDS)}")
        if not fields:
            raise MailroomError("say what the member is to be asked for")
        parsed, answering = turn.reading.parsed, self.answering
        sender = parsed.sender
        if sender is None:
            raise MailroomError("the member's message has no address that a question could go to")
        checks = self._may(parsed)
        whole = as_read(registration, turn.reading.extraction, without=fields)
        context = replace(answering.context(whole, turn.reading.decision, sender, now), missing=tuple(name for name in FIELDS if name in fields), calendar=())
        words = checked_text(text) if text is not None else answering.composer.part(f"_{ASKED}.txt.j2", context)
        rendered = answering.composer.render(ASKED, replace(context, words=paragraphs(words)))
        return self._draft(ASKED, rendered, parsed, registration, now, checks), words

    def _turn(self, registration: Registration) -> Turn:
        """The latest message of somebody who may speak for the registration: the question answers that one."""
        conversation = self.store.conversation(registration.id)
        turns = conversation.turns if conversation is not None else ()
        for turn in reversed(turns):
            sender = turn.reading.parsed.sender
            if sender is not None and conversation is not None and sender.address.strip().casefold() in conversation.addresses:
                return turn
        raise MailroomError(f"{registration.id} rests on no message of its member, so there is none to answer; write to them by other means")

    # --- an answer in a person's own words

    def answer(self, message_id: int, subject: str, text: str, *, who: str, touched: int | None = None) -> Outcome:
        """Due, in the thread of the message, which is done with that. ``touched``: what had been done about it when it was seen."""
        record = self.store.message(message_id)
        if record is None:
            raise MailroomError(f"there is no message {message_id}")
        if not record.readings or record.message.state in (MessageState.WAITING, MessageState.QUARANTINED):
            raise MailroomError(f"message {message_id} could not be read, or not yet, so it is not known where an answer would go")
        parsed = record.readings[-1].reading.parsed
        rendered = written(subject, text)
        checks = self._may(parsed)
        about = next((one for one in record.registrations if one.state not in OFF_THE_REGISTER), None)
        now = self.now()
        draft = self._draft(ANSWERED, rendered, parsed, about, now, checks)
        did = self.store.write_by_hand("answer", draft, message_id, about.id if about is not None else None, now, actor=who, touched=touched)
        still = " The entry needs you still." if about is not None and about.state is RegistrationState.REVIEW else ""
        return Outcome(did=did, said=f"Your answer leaves within a few minutes.{still}", registration_id=about.id if about is not None else None)

    # --- both

    def _may(self, parsed: ParsedMessage) -> tuple[RuleHit, ...]:
        answering = self.answering
        verdict = may_answer(parsed, answering.replies.own, reads_as_person=True, bounces=answering.bounces)
        if never := [reason for reason in verdict.reasons if reason.code in _NEVER]:
            raise MailroomError(f"this is never answered, by hand either: {REASONS[never[0].code]}")
        return verdict.rules

    def _draft(
        self, template: str, rendered: Rendered, parsed: ParsedMessage, about: Registration | None, now: datetime, checks: tuple[RuleHit, ...]
    ) -> ReplyDraft:
        answering = self.answering
        identity = f"{about.id if about is not None else ''.join(parsed.message_ids)}\n{now.isoformat()}"
        try:
            return answering.composer.by_hand(
                template,
                rendered,
                parsed,
                from_=answering.from_,
                secret=answering.secret,
                identity=identity,
                date=now,
                checks=checks,
                reply_to=answering.reply_to(about.id if about is not None else None),
            )
        except Permanent as error:
            raise MailroomError(str(error)) from error


def _letter(draft: ReplyDraft, words: str) -> Letter:
    mail = own_mail(draft.content)
    return Letter(recipient=mail.recipient, subject=draft.subject, text=words, whole=mail.text, html=mail.html)
