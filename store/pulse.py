"""Whether anything happened since somebody looked last, in one short word; and how the mailboxes fare, without counting all mail.

What the desk shows of mail and register moves with one of four things: a line of the history, a message that came, a
poll that ended, an answer that was handed over. The highest of each is at hand in an index.

What it does badly: a reading that failed and will be tried again moves none of them.
"""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from mailroom.model import MessageState
from store.tables import history, messages, outbox, polls
from store.types import MailboxHealth, PollNote

__all__ = ["beat", "health"]


def beat(connection: Connection) -> str:
    """The same as long as nothing happened; says nothing of what did."""
    latest = (select(func.max(column)).scalar_subquery() for column in (history.c.id, messages.c.id, polls.c.last_poll_at, outbox.c.handed_at))
    event, message, poll, handed = connection.execute(select(*latest)).one()
    return f"{event or 0}-{message or 0}-{poll.timestamp() if poll else 0:.0f}-{handed.timestamp() if handed else 0:.0f}"


def health(connection: Connection) -> tuple[MailboxHealth, ...]:
    """Every mailbox that was polled, by name."""
    found = []
    for row in connection.execute(select(polls).order_by(polls.c.mailbox)).all():
        waiting = select(func.count(), func.min(messages.c.internal_date)).where(messages.c.mailbox == row.mailbox, messages.c.state == MessageState.WAITING)
        count, since = connection.execute(waiting).one()
        poll = PollNote(**{name: getattr(row, name) for name in PollNote.__dataclass_fields__})
        found.append(MailboxHealth(mailbox=row.mailbox, poll=poll, waiting=count, waiting_since=since))
    return tuple(found)
