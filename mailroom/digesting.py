"""The coordinator's digest: when it is due, what stands in it, and that it is made once.

A day has one digest, at ``digest.at`` by the programme's clock, or as soon after it as mailroom is up again that
day. At that moment it is settled: with nothing to tell none is sent, and what comes later is told of tomorrow.
What it covers and the mail itself are written in one transaction; the outbox sends it, also in hold mode, and
again as the same bytes after a crash.

Privacy: a name and a school for a registration, a name and the reason for what waits, and neither with
``digest.names: false``. At an employer's address the first words do not name the programme. Never a subject, a
member's words or an address. A link is signed, for reading, and ends.

What it does badly: mail that waits for a person is listed once, as new, and only counted from then on, until somebody settles it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from email.utils import parseaddr
from typing import TYPE_CHECKING

from mailroom.config import Config, DigestConfig, data_folder
from mailroom.errors import MailroomError, Misconfigured
from mailroom.model import Address, MessageState
from mailroom.oauth.expiry import Expiry, expiries
from mailroom.rosters import session_rows
from mailroom.show import reason_text
from notify.compose import Rendered
from notify.digest import DigestComposer, DigestLine, DigestSection
from notify.facts import Facts, load_facts
from notify.links import look_link

if TYPE_CHECKING:
    from store import DigestFacts, Registration, Store

__all__ = ["Digests", "open_composer", "open_digests"]

log = logging.getLogger(__name__)
MOST = 50  # lines of a section
STALE = timedelta(hours=1)  # a mailbox that could not be polled for longer is told of
TOLD_BEFORE = (30, 14, 7, 3, 2, 1, 0)  # days before a secret or a certificate ends
STATES = {
    "registered": "registered",
    "ask_member": "asked for what is missing",
    "review": "waits for a person",
    "withdrawn": "withdrawn",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Made:
    covers_from: datetime | None
    rendered: Rendered | None  # None: there is nothing to tell
    at_work: Rendered | None = None  # the same for an employer's address


class Digests:
    """``digest`` of config.yaml, over a store. Reads its templates at once, so that a mistake in them is told at the start."""

    def __init__(self, store: Store, config: Config, facts: Facts, from_: Address, secret: bytes) -> None:
        self.store, self.config, self.facts, self.from_, self.secret = store, config, facts, from_, secret
        self.composer = open_composer(config)

    @property
    def settings(self) -> DigestConfig:
        if self.config.digest is None:
            raise Misconfigured("config.yaml: there is no digest: section, so nobody gets a digest; add «digest: {to: [coordinator@...]}»")
        return self.config.digest

    def due(self, now: datetime) -> str | None:
        """The name of the digest that is to be made now; None where none is."""
        if self.config.digest is None:
            return None
        day = now.astimezone(self.facts.zone).date()
        hour, minute = map(int, self.config.digest.at.split(":"))
        # Where the clocks change, a time that the day has twice is the first, and one that it has not is an hour later.
        at = datetime.combine(day, time(hour, minute), tzinfo=self.facts.zone).astimezone(UTC)
        return day.isoformat() if now >= at and not self.store.digest_made(day.isoformat()) else None

    def write_if_due(self, now: datetime) -> bool:
        """Make today's, once; True when there was something to tell."""
        name = self.due(now)
        return name is not None and self._write(name, now)

    def write_now(self, now: datetime) -> bool:
        """One that a person asked for, whatever the hour; False (and nothing is noted) where there is nothing to tell."""
        return self._made(now).rendered is not None and self._write(f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}", now)

    def preview(self, now: datetime) -> Rendered | None:
        """What it would say now; writes nothing."""
        return self._made(now).rendered

    def _write(self, name: str, now: datetime) -> bool:
        made = self._made(now)
        drafts = []
        if made.rendered is not None and made.at_work is not None:
            to = [(address, made.at_work if self.facts.is_employer(address) else made.rendered) for address in self.settings.to]
            drafts = self.composer.drafts(to, from_=self.from_, secret=self.secret, name=name, date=now)
        return self.store.add_digest(name, made.covers_from, now, drafts, now) and bool(drafts)

    def _made(self, now: datetime) -> _Made:
        last = self.store.last_digest()
        since = last.covers_until if last is not None else None
        told = self.store.digest_facts(since, now, most=MOST)
        sections = [section for section in self._sections(told, now) if section.lines]
        if not sections:
            return _Made(covers_from=since, rendered=None)
        if told.waiting_before:  # no news, so it makes no digest; but whoever reads one sees that it waits still
            text = f"{told.waiting_before} {'message that was' if told.waiting_before == 1 else 'messages that were'} told of before."
            sections.append(DigestSection(title="Still waiting for you", lines=(DigestLine(text=text, command="mailroom messages list"),)))
        at_home, at_work = (
            self.composer.render(
                sections,
                headline=_headline(told),
                programme_name=self.facts.name,
                day=self._moment(now),
                since=self._moment(since) if since is not None else "the beginning",
                employer_address=employer,
            )
            for employer in (False, True)
        )
        return _Made(covers_from=since, rendered=at_home, at_work=at_work)

    # --- what stands in it

    def _sections(self, told: DigestFacts, now: datetime) -> Sequence[DigestSection]:
        waiting = [one for one in told.waiting if one.state is MessageState.REVIEW]
        return (
            DigestSection(title="What is wrong", lines=tuple(self._troubles(told, now))),
            DigestSection(
                title="For you to look at",
                lines=tuple(
                    DigestLine(text=f"{self._who(one.sender_name, one.id)}: {reason_text(one.reason)}", **self._where(f"message-{one.id}", str(one.id), now))
                    for one in waiting
                ),
                more=max(0, told.waiting_count - len(told.waiting)),
                more_command="mailroom messages list",
            ),
            DigestSection(
                title="New registrations",
                lines=tuple(DigestLine(text=self._registration(one), **self._where(one.id, one.id, now)) for one in told.registrations),
                more=told.registrations_count - len(told.registrations),
                more_command="mailroom export",
            ),
            DigestSection(
                title="Have withdrawn (please mend the lists that you keep elsewhere)",
                lines=tuple(DigestLine(text=self._registration(one, state=False), **self._where(one.id, one.id, now)) for one in told.withdrawn),
                more=told.withdrawn_count - len(told.withdrawn),
                more_command="mailroom register list --state withdrawn",
            ),
            DigestSection(title="Answers that have not gone out", lines=tuple(_unsent(told))),
            DigestSection(title="Sessions", lines=tuple(self._freed())),
        )

    def _troubles(self, told: DigestFacts, now: datetime) -> Sequence[DigestLine]:
        lines = []
        for name, poll in told.polls.items():
            if poll.last_error and (poll.last_success_at is None or now - poll.last_success_at >= STALE):
                last = f"since {self._moment(poll.last_success_at)}" if poll.last_success_at is not None else "yet"
                lines.append(DigestLine(text=f"The mailbox «{name}» could not be polled {last}: {poll.last_error}", command="mailroom check"))
        for breaker in told.breakers:
            whose = "all mail" if breaker.scope == "*" else f"the domain {breaker.scope}"
            stands = "is still open, and answers are parked" if breaker.open else "has closed again"
            text = f"Far more answers than usual were due to {whose}; the breaker tripped at {self._moment(breaker.tripped_at)} and {stands}."
            lines.append(DigestLine(text=text, command="mailroom breakers list"))
        for reason, registration in told.unreachable:
            who = self._registration(registration, state=False) if registration is not None else "Somebody who is not registered"
            where = self._where(registration.id, registration.id, now) if registration is not None else {"command": "mailroom addresses list"}
            lines.append(DigestLine(text=f"{who}: our mail does not arrive. {reason_text(reason)}", **where))
        for reply in told.dead:
            where = {"command": f"mailroom replies show {reply.id}"}
            if reply.registration_id is not None:
                where = self._where(reply.registration_id, reply.registration_id, now)
            lines.append(DigestLine(text=f"Answer {reply.id} was given up. {reason_text(reply.reason)}", **where))
        lines += [DigestLine(text=f"{expiry}.", command="mailroom check") for expiry in self._expiries(now)]
        quarantined = [one for one in told.waiting if one.state is MessageState.QUARANTINED]
        lines += [
            DigestLine(text=f"Message {one.id} could not be read. {reason_text(one.reason)}", **self._where(f"message-{one.id}", str(one.id), now))
            for one in quarantined
        ]
        return lines

    def _expiries(self, now: datetime) -> Sequence[Expiry]:
        """Secrets and certificates that end on a day worth a word; a mail a day for a month would not be read."""
        try:
            return [one for one in expiries(self.config, now.astimezone(self.facts.zone).date()) if one.over or one.days in TOLD_BEFORE]
        except MailroomError as error:
            log.warning("%s", error)  # a certificate that cannot be read has stopped the mailbox already, which is told of
            return []

    def _freed(self) -> Sequence[DigestLine]:
        return [
            DigestLine(text=f"{row['when']}: {row['free']} free, and {row['waiting']} on the waiting list.", command=f"mailroom sessions {row['session']}")
            for row in session_rows(self.store, self.facts)
            if row["free"] and row["waiting"]
        ]

    def _registration(self, one: Registration, *, state: bool = True) -> str:
        schools = ", ".join(one.values_of("institution"))
        who = ", ".join(part for part in (one.member_name or "no name", schools) if part) if self.settings.names else one.id
        return f"{who}: {STATES[str(one.state)]}" if state else who

    def _who(self, name: str | None, message_id: int) -> str:
        return name if name and self.settings.names else f"Message {message_id}"

    def _where(self, what: str, command_id: str, now: datetime) -> dict[str, str]:
        if self.config.desk is None or self.config.desk.url is None:
            return {"command": f"mailroom explain {command_id}"}
        return {"link": look_link(self.config.desk.url, self.secret, what, until=now + self.config.desk.links_valid)}

    def _moment(self, moment: datetime) -> str:
        local = moment.astimezone(self.facts.zone)
        return f"{local:%d %B %Y, %H:%M}".lstrip("0")


def _unsent(told: DigestFacts) -> Sequence[DigestLine]:
    lines = []
    if told.held:
        new = f", {told.held_new} of them new" if 0 < told.held_new < told.held else ""
        text = f"{told.held} {'is' if told.held == 1 else 'are'} held until you release {'it' if told.held == 1 else 'them'}{new}."
        lines.append(DigestLine(text=text, command="mailroom replies list --state held"))
    for reason, count in sorted(told.parked.items()):
        text = f"{count} {'was' if count == 1 else 'were'} parked. {reason_text(reason)}"
        lines.append(DigestLine(text=text, command="mailroom replies list --state parked"))
    if told.unknown:
        text = f"Of {told.unknown} it is not known whether {'it' if told.unknown == 1 else 'they'} arrived."
        lines.append(DigestLine(text=text, command="mailroom replies list --state unknown"))
    return lines


def _headline(told: DigestFacts) -> str:
    parts = []
    if told.registrations_count:
        parts.append(f"{told.registrations_count} new {'registration' if told.registrations_count == 1 else 'registrations'}")
    if told.waiting_count:
        parts.append(f"{told.waiting_count} for you")
    if told.withdrawn_count:
        parts.append(f"{told.withdrawn_count} withdrawn")
    if told.held:
        parts.append(f"{told.held} {'answer' if told.held == 1 else 'answers'} held")
    return ", ".join(parts) or "something needs you"


def open_composer(config: Config) -> DigestComposer:
    """The programme's digest templates; the shipped ones where its folder is older than the digest."""
    shipped = data_folder() / "programme" / "digest"
    own = (config.programme.folder or shipped.parent) / "digest"
    return DigestComposer(own if own.is_dir() else shipped)


def open_digests(config: Config, store: Store) -> Digests:
    """For the command: with the programme's facts and nothing else read. Raises Misconfigured where nobody gets a digest."""
    assert config.programme.folder is not None  # noqa: S101 - load_config always sets it
    name, address = parseaddr(config.replies.from_)
    digests = Digests(store, config, load_facts(config.programme.folder), Address(name=name, address=address), store.secret())
    _ = digests.settings
    return digests
