"""Letters about a session: a reminder some time before it, and the news that a place has become free.

They go through the outbox like every answer: held in hold mode, parked by nobody's cap, sent once.

A reminder goes to those who have a place, and is written when its time has come and the session has not
begun. Only the last one whose time has come is ever written, so that a mailroom that was down for a week does
not send two at once; one that is still unsent when the next is due, or the session begins, is parked for good
(``not_after``). Nobody is reminded of what they asked for less than a day before the reminder (less than
its own length, for one of hours): they have just been told. Mail from before the go-live mark gets no
reminder either, because it never got an answer.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from mailroom.errors import MailroomError, Misconfigured, Permanent, Temporary
from mailroom.model import Address, ReplyDraft
from notify.compose import AnswerContext
from notify.facts import Session
from notify.names import first_name

if TYPE_CHECKING:
    from mailroom.answering import Answering
    from mailroom.digesting import Digests
    from store import Registration, Store

__all__ = ["Letters", "SessionLetters"]

log = logging.getLogger(__name__)
QUIET = timedelta(days=1)


class SessionLetters:
    """Writes them; what ``Answering`` knows of the programme and the house serves here too."""

    def __init__(self, answering: Answering) -> None:
        self.answering = answering

    def write_reminders(self, store: Store, now: datetime) -> int:
        """Into the outbox, all that are due and not written yet; gives how many."""
        written, unwritten = 0, []
        for session in self.answering.facts.sessions:
            due = [reminder for reminder in session.reminders if reminder.due(session.starts) <= now]
            if not due or now >= session.starts:
                continue
            reminder, later = due[-1], session.reminders[len(due) :]
            not_after = later[0].due(session.starts) if later else session.starts
            asked_before = reminder.due(session.starts) - min(QUIET, reminder.length)
            for registration in store.to_remind(session.id, reminder.name, asked_before=asked_before, asked_from=self.answering.replies.not_before):
                try:
                    draft = self._draft("reminder", registration, session, f"{session.id}\n{reminder.name}", now)
                except Permanent as error:
                    log.info("registration %s is not reminded: %s", registration.id, type(error).__name__)
                    continue
                except MailroomError:
                    raise
                except Exception as error:  # what one member's letter meets stops nobody else's
                    log.warning("registration %s is not reminded: %s", registration.id, type(error).__name__, exc_info=log.isEnabledFor(logging.DEBUG))
                    unwritten.append(f"registration {registration.id} could not be reminded ({type(error).__name__})")
                    continue
                written += store.add_reminder(registration, session.id, reminder.name, draft, self.answering.begins, not_after=not_after, now=now)
        if unwritten:
            raise Temporary("; ".join(unwritten[:5]) + (f"; and {len(unwritten) - 5} more" if len(unwritten) > 5 else "") + "; tried again")
        return written

    def give_place(self, store: Store, session_id: str, registration_id: str, now: datetime, *, actor: str) -> None:
        """A person gives a place to somebody who waits. Raises MailroomError in words where that cannot be."""
        session = next((one for one in self.answering.facts.sessions if one.id == session_id), None)
        if session is None:
            known = ", ".join(one.id for one in self.answering.facts.sessions)
            raise MailroomError(f"there is no session «{session_id}» in sessions.yaml; there are {known}")
        if now >= session.starts:
            raise MailroomError(f"the session «{session_id}» has begun; there are no places to give any more")
        registration = store.find_registration(registration_id)
        if registration is None:
            raise MailroomError(f"there is no registration {registration_id}; «mailroom sessions {session_id}» lists them")
        registration_id = registration.id
        draft = self._draft("place", registration, session, f"{session.id}\n{now.isoformat()}", now)
        if not store.give_place(registration, session.id, draft, self.answering.begins, not_after=session.starts, now=now, actor=actor):
            raise MailroomError(f"{registration_id} has a place in «{session_id}» already, or never asked for one; nothing was changed")

    def _draft(self, template: str, registration: Registration, session: Session, what: str, now: datetime) -> ReplyDraft:
        known = self.answering
        context = AnswerContext.of_session(
            session,
            known.facts,
            first_name=first_name(registration.member_name, registration.member_address, known.names),
            employer_address=known.facts.is_employer(registration.member_address),
        )
        return known.composer.letter(
            template,
            context,
            Address(name=registration.member_name, address=registration.member_address),
            from_=known.from_,
            secret=known.secret,
            identity=f"{registration.id}\n{what}",
            date=now,
            reply_to=known.reply_to(registration.id),
        )


class Letters:
    """All that goes out by the clock and not in answer to anything. Called in every round; what was written once is not written again."""

    def __init__(self, store: Store, sessions: SessionLetters, digests: Digests) -> None:
        self.store, self.sessions, self.digests = store, sessions, digests

    def write(self, now: datetime) -> None:
        """All three, each by itself: reminders that cannot be written must not keep back the digest, which tells of trouble."""
        wrong: list[MailroomError] = []
        steps = (lambda: self.store.expire_letters(now), lambda: self.sessions.write_reminders(self.store, now), lambda: self.digests.write_if_due(now))
        for step in steps:
            try:
                step()
            except MailroomError as error:
                wrong.append(error)
            except Exception as error:
                log.warning("a letter could not be written: %s", type(error).__name__, exc_info=log.isEnabledFor(logging.DEBUG))
                wrong.append(Temporary(f"they could not be written ({type(error).__name__}); tried again"))
        if wrong:
            kind = Misconfigured if any(isinstance(error, Misconfigured) for error in wrong) else Temporary
            raise kind("; ".join(str(error) for error in wrong))

    def due(self, now: datetime) -> bool:
        """Whether something waits for its hour that a round should see to now."""
        return self.digests.due(now) is not None
