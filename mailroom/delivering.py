"""What becomes of answers that are due: sent at the pace, of unknown fate and looked for, copied to Sent.

    settle   what SMTP did not answer for is looked for in Sent: found, it was sent; not found after a decent
             wait, the same bytes go out once more; the second time a person is asked
    send     claim (its bytes are frozen and durable), send, mark; what exceeds the pace stays due
    copy     what was sent gets its copy in Sent, where the provider puts none there

Promises. A copy is promised in the transaction that marks the answer as sent, so a killed process makes it later,
and Sent is asked first, so there is never a second. A mailbox that cannot be reached delays no answer and repeats
none: one of unknown fate then waits for it, all others go. Nothing here sleeps: what has to wait is for the next
round, which the engine rings for when the pace leaves room again.

What it does badly: where no folder of sent mail is known (or the provider files nothing there), an answer of
unknown fate goes out a second time although it may have arrived: the same bytes, so a member sees it twice at
worst, never two different ones. The SMTP connection lives as long as the round: servers close idle ones within
minutes, and tokens expire, so one kept for the next round saves little and fails in more ways.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from mailroom.bounces import address_is_gone, enhanced_status
from mailroom.errors import MailroomError
from mailroom.model import ReplyState
from notify.backoff import next_attempt
from notify.pacing import Pace
from notify.smtp import Deferred, Refused, Sent, Unknown
from store import Reply, Store

__all__ = ["Delivery", "Sends", "SentBox", "SentPolicy"]

log = logging.getLogger(__name__)

AT_ONCE = 100
LONGEST_WAIT = timedelta(hours=6)
LOOK_EVERY = timedelta(minutes=1)  # providers put what was handed in into Sent within seconds, or minutes
COPY_AFTER, COPY_AT_LEAST_EVERY = timedelta(minutes=1), timedelta(hours=6)
COPIES_AT_ONCE = 20  # their Message-IDs fit in one command
COPYING = timedelta(seconds=30)  # of a round; a long backlog of copies is taken up again in the next


class Sends(Protocol):
    def send(self, recipient: str, content: bytes) -> Sent | Deferred | Refused | Unknown: ...


class SentSession(Protocol):
    def holds(self, *identifiers: str, since: datetime | None = None) -> bool: ...

    def add(self, content: bytes, sent_at: datetime) -> None: ...


class SentBox(Protocol):
    def connect(self) -> AbstractContextManager[SentSession]: ...

    def check(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class SentPolicy:
    """The folder of sent mail: where it is, whether copies are ours to make, and how long a message may take to show there."""

    box: SentBox
    copies: bool
    wait: timedelta


class Report(Protocol):
    """What a round tells of sending."""

    sent_now: int
    paced_until: datetime | None


class Delivery:
    """``open_sender`` is None where nothing may be sent, ``sent`` where no folder of sent mail is known."""

    def __init__(
        self,
        *,
        store: Store,
        open_sender: Callable[[], AbstractContextManager[Sends]] | None,
        pace: Pace,
        sent: SentPolicy | None,
        now: Callable[[], datetime],
    ) -> None:
        self.store, self.open_sender, self.pace, self.sent, self.now = store, open_sender, pace, sent, now

    # --- of unknown fate

    def settle(self, report: Report, stopping: Callable[[], bool]) -> None:
        """Look for what is of unknown fate, before anything of it goes again."""
        after_id = 0
        while not stopping() and (lost := self.store.unknown(self.now(), AT_ONCE, after_id=after_id)):
            after_id = lost[-1].id
            if self.sent is None:
                for reply in lost:
                    self._not_found(reply)
                continue
            try:
                with self.sent.box.connect() as session:
                    for reply in lost:
                        self._look(session, reply, self.sent.wait)
            except MailroomError:
                self.store.look_again([reply.id for reply in lost], self.now() + LOOK_EVERY)
                raise

    def _look(self, session: SentSession, reply: Reply, wait: timedelta) -> None:
        now, handed = self.now(), reply.handed_at or reply.created_at
        if session.holds(reply.identifier):
            self.store.mark_found(reply.id, handed, now)
            log.info("reply %d: of unknown fate, and found in Sent", reply.id)
        elif now < handed + wait:
            self.store.look_again([reply.id], min(now + LOOK_EVERY, handed + wait))
        else:
            self._not_found(reply)

    def _not_found(self, reply: Reply) -> None:
        match self.store.mark_not_found(reply.id, self.now()):
            case ReplyState.DUE:
                log.info("reply %d: of unknown fate, not known to be sent; it goes once more", reply.id)
            case ReplyState.UNKNOWN:
                log.warning("reply %d: of unknown fate, and not sent again; see «mailroom replies list --state unknown»", reply.id)

    # --- sending

    def send(self, report: Report, stopping: Callable[[], bool]) -> None:
        """Send what is due, as fast as the pace allows. A reply is claimed, durably, before its bytes leave; it is marked when SMTP has answered."""
        if self.open_sender is None or not (due := self.store.due(self.now(), limit=self.pace.burst)) or not self._room(report, len(due)):
            return
        with self.open_sender() as sender:
            while not stopping() and (due := self.store.due(self.now(), limit=AT_ONCE)):
                for done, reply in enumerate(due):
                    if stopping() or not self._room(report, len(due) - done):
                        return
                    if (content := self.store.claim(reply.id, self.now())) is None:
                        continue
                    try:
                        outcome = sender.send(reply.recipient, content)
                    except MailroomError as error:
                        # Nothing left the house: due again, later, and the server's trouble is reported.
                        self.store.mark_retry(reply.id, str(error), _later(reply.attempts + 1, self.now(), reply.identifier), self.now())
                        raise
                    report.sent_now += self._mark(reply, outcome)

    def _room(self, report: Report, wanted: int) -> bool:
        """Whether the pace leaves room for one more now; else the report tells when it is worth while again for so many."""
        if not self.pace.limited:
            return True
        now = self.now()
        free = self.pace.free_at(lambda nth: self.store.handed_over(nth, now))
        if free is None or free <= now:
            return True
        report.paced_until = self.pace.free_at(lambda nth: self.store.handed_over(nth, now), slots=min(wanted, self.pace.burst))
        return False

    def _mark(self, reply: Reply, outcome: Sent | Deferred | Refused | Unknown) -> int:
        now, attempts = self.now(), reply.attempts + 1
        match outcome:
            case Sent():
                self.store.mark_sent(reply.id, now, copy=self.sent is not None and self.sent.copies)
                return 1
            case Refused():
                status = enhanced_status(outcome.error)
                gone = outcome.code is not None and address_is_gone(status, outcome.error)
                self.store.mark_dead(reply.id, outcome.error, now, reason="refused", gone=status if gone else None)
            case Unknown():
                wait = LOOK_EVERY if self.sent is not None else _later(attempts, now, reply.identifier) - now
                self.store.mark_unknown(reply.id, outcome.error, now + wait, now)
            case Deferred():
                when = next_attempt(attempts, now=now, key=reply.identifier)
                if when is None:
                    self.store.mark_dead(reply.id, outcome.error, now, reason="out_of_attempts")
                else:
                    self.store.mark_retry(reply.id, outcome.error, when, now)
        return 0

    # --- copies

    def copy(self, report: Report, stopping: Callable[[], bool]) -> None:
        """Put copies of what was sent into Sent. Whatever goes wrong here is no matter of the answer's."""
        if self.sent is None or not self.store.copies(self.now(), limit=1):
            return
        until = self.now() + COPYING
        try:
            with self.sent.box.connect() as session:
                while not stopping() and self.now() < until and (waiting := self.store.copies(self.now(), COPIES_AT_ONCE)):
                    self._copy(session, waiting)
        except MailroomError:
            late = self.store.copies(self.now(), AT_ONCE)
            self.store.postpone_copies([reply.id for reply in late], self.now() + _patience(self.now(), late))
            raise

    def _copy(self, session: SentSession, waiting: list[Reply]) -> None:
        # Asked first: a process killed between a copy and its mark has made it, and some providers file it after all.
        oldest = min(reply.handed_at or reply.created_at for reply in waiting)
        some_are_there = session.holds(*(reply.identifier for reply in waiting), since=oldest)  # one search for all: mostly none is
        done = []
        try:
            for reply in waiting:
                content = self.store.reply_content(reply.id)
                if content is not None and not (some_are_there and session.holds(reply.identifier, since=oldest)):
                    session.add(content, reply.sent_at or self.now())
                done.append(reply.id)
        finally:
            self.store.mark_copied(done)


def _later(attempts: int, now: datetime, key: str) -> datetime:
    """When the server, not the reply, was at fault: never the end of the reply's attempts."""
    return next_attempt(attempts, now=now, key=key) or now + LONGEST_WAIT


def _patience(now: datetime, late: list[Reply]) -> timedelta:
    """The longer a copy has waited, the longer until it is tried again."""
    age = now - min((reply.sent_at or now for reply in late), default=now)
    return min(max(age / 2, COPY_AFTER), COPY_AT_LEAST_EVERY)
