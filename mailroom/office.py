"""The office: what the desk asks of the house (``desk.office``), and what the command line does by the same code.

``HouseOffice(config, store)`` serves every page and any number of threads. It takes no worker's lock: a deed is one
transaction of the store (``store.deeds``), guarded by the revision that its person saw, and gives way to a round.

Promises are those of ``desk.office``. Nothing here sends; the next round does.

What it does badly: programme data that change on the disk are known after a restart.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from desk.office import Alias, Bulk, Conflict, Dismissal, Done, Letter, Offer, Place, Prospect, Sentence, Trial, Wording, Words
from mailroom.errors import MailroomError
from mailroom.model import ReplyState
from mailroom.officework.bulk import Bulks
from mailroom.officework.knowledge import Knowledge
from mailroom.officework.registering import Outcome, Registering
from mailroom.officework.writing import Writing
from mailroom.wordings import Wordings
from notify.links import LinkError, verified
from store import RegistrationState, RegressionCase, Stale
from store.outbox import RELEASABLE

if TYPE_CHECKING:
    from mailroom.config import Config
    from mailroom.remembering import Remembering
    from store import Store

__all__ = ["HouseOffice"]

log = logging.getLogger(__name__)

_DISMISSED = {Dismissal.NOT_OURS: "dismissed_not_ours", Dismissal.SPAM: "dismissed_spam"}


class HouseOffice:
    """The real ``desk.office.Office``."""

    def __init__(self, config: Config, store: Store, *, knowledge: Knowledge | None = None, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """``knowledge``: that of another office of the same programme, which need not be read twice."""
        self.config, self.store, self.now = config, store, now
        self.knowledge = knowledge or Knowledge(config)
        self.texts = Wordings(config, store, lambda: self.knowledge.programme, now=now)
        self.registering = Registering(store, self.knowledge, now)
        self.writing = Writing(config, store, self.knowledge, self.registering, lambda: self.texts.composer, now)

    def warm_up(self) -> None:
        """Read what takes seconds before anybody waits for it, beside whatever goes on; a mistake in it is told to whoever meets it then."""

        def read() -> None:
            with suppress(MailroomError):
                _ = (self.knowledge.reader, self.knowledge.programme, self.knowledge.places, self.remembering)

        threading.Thread(target=read, name="warm-up", daemon=True).start()

    @property
    def words(self) -> Words:
        return self.knowledge.words

    def opened_by(self, token: str) -> str:
        try:
            return verified(self.store.secret(), token, now=self.now())
        except LinkError as error:
            raise MailroomError(str(error)) from error

    def places(self, query: str, *, limit: int = 20) -> tuple[Place, ...]:
        taught = self.remembering.places(query)
        there = {(place.name, place.council) for place in taught}
        listed = [place for place in self.knowledge.places.find(query, limit=limit) if (place.name, place.council) not in there]
        return (*taught, *listed)[:limit]

    # --- deeds on registrations

    def correct(
        self,
        reference: str,
        revision: int | None,
        changes: Mapping[str, Sequence[str]],
        cleared: Sequence[str] = (),
        *,
        who: str,
        settle: bool = True,
        tell: bool = False,
    ) -> Done:
        with _told():
            outcome = self.registering.correct(reference, revision, changes, cleared, who=who, settle=settle, tell=self.writing.telling if tell else None)
        return _done(outcome, self._offers(outcome))

    def accept(self, reference: str, revision: int | None, *, who: str, incomplete: bool = False, tell: bool = False) -> Done:
        with _told():
            outcome = self.registering.accept(reference, revision, who=who, incomplete=incomplete, tell=self.writing.telling if tell else None)
        return _done(outcome, self._offers(outcome))

    def withdraw(self, reference: str, revision: int | None, *, who: str) -> Done:
        with _told():
            return _done(self.registering.withdraw(reference, revision, who=who))

    def reopen(self, reference: str, revision: int | None, *, who: str) -> Done:
        with _told():
            return _done(self.registering.reopen(reference, revision, who=who))

    def merge(self, reference: str, revision: int | None, into: str, into_revision: int | None, *, who: str) -> Done:
        with _told():
            return _done(self.registering.merge(reference, revision, into, into_revision, who=who))

    def enter(self, message_id: int, changes: Mapping[str, Sequence[str]], *, who: str) -> Done:
        with _told():
            outcome = self.registering.enter(message_id, changes, who=who)
        return _done(outcome, self._offers(outcome))

    def add(self, name: str, address: str, changes: Mapping[str, Sequence[str]], *, who: str) -> Done:
        with _told():
            outcome = self.registering.add(name, address, changes, who=who)
        return replace(_done(outcome), about=outcome.registration_id or "")

    # --- deeds on many at once

    @property
    def bulks(self) -> Bulks:
        return Bulks(self.store, self.registering, self.now)

    def prospects(self, bulk: Bulk, ids: Sequence[str]) -> tuple[Prospect, ...]:
        return self.bulks.prospects(bulk, ids)

    def do_many(self, bulk: Bulk, seen: Mapping[str, int], *, who: str) -> Done:
        with _told():
            return self.bulks.do(bulk, seen, who=who)

    # --- deeds on messages

    def dismiss(
        self, message_ids: Sequence[int], why: str, *, who: str, seen: Mapping[str, int] | None = None, touched: Mapping[int, int] | None = None
    ) -> Done:
        if why not in _DISMISSED:
            raise MailroomError(f"«{why}» is no reason to dismiss a message; there are {', '.join(_DISMISSED)}")
        with _told():
            did = self.store.dismiss(message_ids, _DISMISSED[why], self.now(), actor=who, seen=seen, touched=touched)
        if did is None:
            return Done(deed=None, said="These were dismissed already.")
        what = "as spam" if why == Dismissal.SPAM else "as not for us"
        gone = len(did.registrations)
        went = "" if not gone else " The entry went with it." if gone == 1 else f" {gone} entries went with that."
        return Done(deed=did.deed, said=f"{_count(len(message_ids), 'message')} dismissed {what}.{went}")

    def settle(self, message_ids: Sequence[int], *, who: str) -> Done:
        with _told():
            did = self.store.settle_these(message_ids, self.now(), actor=who)
        if did is None:
            return Done(deed=None, said="Nothing was waiting.")
        still = self.still_waiting(did.settled)
        said = "Dealt with." if len(did.settled) == 1 else f"{len(did.settled)} messages dealt with."
        return Done(deed=did.deed, said=said + (" The entry needs you still: accept it, ask the member, or withdraw it." if still else ""))

    def still_waiting(self, message_ids: Sequence[int]) -> tuple[str, ...]:
        """The registrations of these messages that wait for a person all the same."""
        records = [record for one in message_ids if (record := self.store.message(one)) is not None]
        return tuple(dict.fromkeys(one.id for record in records for one in record.registrations if one.state is RegistrationState.REVIEW))

    def read_again(self, message_ids: Sequence[int], *, who: str) -> Done:
        with _told():
            did = self.store.read_again(message_ids, self.now(), actor=who)
        assert did is not None  # noqa: S101 - it raises where there is nothing to read
        return Done(deed=did.deed, said=f"{_count(len(did.settled), 'message')} will be read again within a few minutes.")

    # --- mail

    def question(self, reference: str, fields: Sequence[str], text: str | None = None) -> Letter:
        return self.writing.question(reference, fields, text)

    def ask(self, reference: str, revision: int | None, fields: Sequence[str], text: str, *, who: str) -> Done:
        with _told():
            return _done(self.writing.ask(reference, revision, fields, text, who=who))

    def answer(self, message_id: int, subject: str, text: str, *, who: str, touched: int | None = None) -> Done:
        with _told():
            return _done(self.writing.answer(message_id, subject, text, who=who, touched=touched))

    def release(self, reply_ids: Sequence[int], *, who: str, states: Sequence[ReplyState] | None = None) -> Done:
        with _told():
            did = self.store.release_these(reply_ids, self.now(), actor=who, states=RELEASABLE if states is None else states)
        released = len(did.replies) if did is not None else 0
        rest = len(set(reply_ids)) - released
        left = f" {_count(rest, 'answer')} cannot be released: sent already, not so any more, or to an address that takes no mail." if rest else ""
        return Done(deed=did.deed if did is not None else None, said=f"{_count(released, 'answer')} will leave within a few minutes.{left}")

    def park(self, reply_ids: Sequence[int], *, who: str) -> Done:
        with _told():
            did = self.store.park_these(reply_ids, self.now(), actor=who)
        parked = len(did.replies) if did is not None else 0
        rest = len(set(reply_ids)) - parked
        return Done(
            deed=did.deed if did is not None else None,
            said=f"{_count(parked, 'answer')} parked." + (f" {_count(rest, 'answer')} were not waiting to go." if rest else ""),
        )

    # --- undo

    def undo(self, deed: int, *, who: str) -> Done:
        with _told():
            undone = self.store.undo(deed, self.now(), actor=who, places=self.knowledge.limits)
        return Done(deed=None, said=f"Taken back: {_KINDS.get(undone.kind, undone.kind)}.")

    # --- what corrections teach

    @cached_property
    def remembering(self) -> Remembering:
        from mailroom.remembering import Remembering

        return Remembering(self.store, lambda: self.knowledge.reader, own_domains=self.config.replies.own_domains, now=self.now)

    def try_out(self, offer: Offer, *, registration_id: str | None, last: int = 500) -> Trial:
        return self.remembering.try_out(offer, registration_id=registration_id, last=last)

    def remember(self, offer: Offer, *, registration_id: str | None, who: str) -> Done:
        return self.remembering.remember(offer, registration_id=registration_id, who=who)

    def forget(self, alias: int, *, who: str) -> Done:
        return self.remembering.forget(alias, who=who)

    def aliases(self) -> tuple[Alias, ...]:
        return self.remembering.aliases()

    def cases(self) -> tuple[RegressionCase, ...]:
        return self.remembering.cases()

    def measure_cases(self) -> tuple[RegressionCase, ...]:
        return self.remembering.measure_cases()

    # --- reply texts

    def answers(self) -> tuple[str, ...]:
        return self.texts.answers()

    def sentences(self) -> tuple[int, tuple[Sentence, ...]]:
        return self.texts.sentences()

    def wordings(self) -> tuple[Wording, ...]:
        return self.texts.wordings()

    def preview_text(self, template: str, changes: Mapping[str, str], reference: str | None) -> Letter:
        return self.texts.preview_text(template, changes, reference)

    def wrong_words(self, changes: Mapping[str, str]) -> dict[str, str]:
        return self.texts.wrong_words(changes)

    def reword(self, changes: Mapping[str, str], *, seen_version: int, who: str) -> Done:
        return self.texts.reword(changes, seen_version=seen_version, who=who)

    def restore_wording(self, version: int, *, seen_version: int, who: str) -> Done:
        return self.texts.restore_wording(version, seen_version=seen_version, who=who)

    def _offers(self, outcome: Outcome) -> tuple[Offer, ...]:
        """What the correction could teach. It is done by now, so nothing that goes wrong here is told of as its failure."""
        after = self.store.registration(outcome.registration_id) if outcome.did is not None and outcome.registration_id is not None else None
        if after is None:
            return ()
        try:
            return self.remembering.offers(outcome.before or replace(after, values=()), after)
        except MailroomError as error:
            log.warning("what the correction of %s could teach is not known: %s", after.id, type(error).__name__)
            return ()


_KINDS = {
    "correct": "the correction",
    "accept": "the acceptance",
    "withdraw": "the withdrawal",
    "reopen": "the reopening",
    "merge": "the merge",
    "enter": "the entry",
    "dismiss": "the dismissal",
    "settle": "that it was done",
    "read_again": "the wish to have it read again",
    "ask": "the question to the member",
    "answer": "the answer",
    "release": "the release",
    "park": "the parking",
}


@contextmanager
def _told() -> Iterator[None]:
    """The store's «somebody was quicker» is the desk's conflict."""
    try:
        yield
    except Stale as error:
        raise Conflict(str(error), now_at=error.now_at, who=error.who) from error


def _done(outcome: Outcome, offers: tuple[Offer, ...] = ()) -> Done:
    return Done(deed=outcome.did.deed if outcome.did is not None else None, said=outcome.said, offers=offers)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
