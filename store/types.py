"""What the store takes and gives: small frozen values, no database row among them.

Times are aware and in UTC. ``reason`` and ``event`` are codes; their sentences are looked up when shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from mailroom.model import AliasKind, Evidence, MessageState, Reading, Remembered, ReplyDraft, ReplyState, RuleHit

__all__ = [
    "OFF_THE_REGISTER",
    "Account",
    "Added",
    "AliasDraft",
    "Breaker",
    "BreakerNote",
    "Cap",
    "Conversation",
    "DaysCount",
    "Deed",
    "DeliveryNote",
    "DeskSession",
    "DigestFacts",
    "DigestNote",
    "Event",
    "Facet",
    "Facets",
    "FieldValue",
    "LinkedReport",
    "Lookup",
    "MailboxHealth",
    "MailboxStatus",
    "MessageFilter",
    "MessagePage",
    "MessageRecord",
    "MessageSummary",
    "Met",
    "Needs",
    "NeedsKind",
    "NeedsPage",
    "Occupancy",
    "OutboxFilter",
    "OutboxPage",
    "Page",
    "Picture",
    "PlaceState",
    "PollNote",
    "Present",
    "Record",
    "Recorded",
    "Registration",
    "RegistrationDraft",
    "RegistrationFilter",
    "RegistrationLine",
    "RegistrationPage",
    "RegistrationSort",
    "RegistrationState",
    "RegistrationUpdate",
    "RegressionCase",
    "Reply",
    "Role",
    "SavedView",
    "Seen",
    "SessionPlace",
    "Status",
    "StoredAlias",
    "StoredMessage",
    "StoredReading",
    "Throttle",
    "Today",
    "Turn",
    "UndeliverableAddress",
    "Wishes",
    "WordingVersion",
]


class RegistrationState(StrEnum):
    """The named place of a registration."""

    REGISTERED = "registered"
    ASK_MEMBER = "ask_member"  # waits for the member
    REVIEW = "review"
    WITHDRAWN = "withdrawn"
    MERGED = "merged"  # its member wrote twice: what it had is with ``merged_into``
    DISMISSED = "dismissed"  # no registration after all, says a person


OFF_THE_REGISTER = (RegistrationState.MERGED, RegistrationState.DISMISSED)  # lists leave them out, and no message continues them


class PlaceState(StrEnum):
    """What a member has in a session that they asked for."""

    PLACE = "place"
    WAITING = "waiting"  # it was full: on its waiting list
    LATE = "late"  # sign-up had closed


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionPlace:
    """What a registration has in a session. ``asked_at``: when the message that asked for it arrived."""

    session: str
    state: PlaceState
    asked_at: datetime
    message_id: int | None  # None: a person asked for it


@dataclass(frozen=True, kw_only=True, slots=True)
class Occupancy:
    """How full a session is."""

    taken: int = 0
    waiting: int = 0

    def next(self, places: int | None) -> PlaceState:
        """What whoever asks next gets. A place that became free belongs to those who wait, not to whoever comes next."""
        return PlaceState.PLACE if places is None or (self.taken < places and not self.waiting) else PlaceState.WAITING


@dataclass(frozen=True, kw_only=True, slots=True)
class Wishes:
    """What decides on the sessions that a record names.

    ``places`` has the sessions with a limit; ``late`` those whose sign-up had closed when the message arrived.
    ``told`` is what the record's answer says of each session: where it would come to something else, because
    another member was quicker, the record is not written and its message is decided on again.
    """

    places: Mapping[str, int]
    late: frozenset[str] = frozenset()
    told: Mapping[str, PlaceState] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Added:
    """What a batch of arrivals came to: ``new`` messages, and arrivals ``linked`` to messages already held."""

    new: int
    linked: int


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldValue:
    """One value of a registration's field, with its source: words in the message, or a person.

    ``message_id`` is filled in by the store for a draft, or a new value of an update: it is the message being recorded.
    """

    field: str  # a Slot's value: institution, authority, activity, topic, session
    value: str
    evidence: tuple[Evidence, ...] = ()
    person: str | None = None
    message_id: int | None = None

    def __post_init__(self) -> None:
        if not self.evidence and not self.person:
            raise ValueError(f"{self.field} «{self.value}» has neither evidence nor a person who said so")


@dataclass(frozen=True, kw_only=True, slots=True)
class RegistrationDraft:
    """A registration as decided from one message. Order of ``values`` within a field is kept."""

    member_name: str
    member_address: str
    state: RegistrationState
    values: tuple[FieldValue, ...]
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Registration:
    """A member's record as it stands."""

    id: str
    member_name: str
    member_address: str
    state: RegistrationState
    values: tuple[FieldValue, ...]
    missing: tuple[str, ...]
    messages: tuple[int, ...]  # ids of the messages it rests on, oldest first
    revision: int
    received_at: datetime
    created_at: datetime
    updated_at: datetime
    places: tuple[SessionPlace, ...] = ()  # in the sessions that it names
    merged_into: str | None = None

    def values_of(self, field: str) -> tuple[str, ...]:
        return tuple(v.value for v in self.values if v.field == field)


@dataclass(frozen=True, kw_only=True, slots=True)
class RegistrationUpdate:
    """A registration as it stands after another message of its conversation.

    ``revision`` is the one that this was decided on; where another has been written meanwhile the record is
    refused. ``values`` are all of them: what is kept carries the ``message_id`` it came from. Where nothing
    differs, the message is linked and the revision stays.
    """

    registration_id: str
    revision: int
    state: RegistrationState
    values: tuple[FieldValue, ...]
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Cap:
    """At most ``per_address`` answers to one address within ``window``, and (``same_words``) one to the same words;
    further ones are parked. Breakers: so many answers to a domain, or to anybody, in an hour; None for no limit."""

    per_address: int
    window: timedelta
    same_words: bool = False
    per_domain_an_hour: int | None = None
    per_hour: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Breaker:
    """A breaker that tripped. ``scope`` is a domain, or «*» for all mail; ``parked``: answers it holds back still."""

    id: int
    scope: str
    most: int
    tripped_at: datetime
    announced_at: datetime | None
    closed_at: datetime | None
    closed_by: str | None
    parked: int


@dataclass(frozen=True, kw_only=True, slots=True)
class DeliveryNote:
    """What a report says, for the answer that it is about: ``identifiers`` may name it, ``recipients`` are those it speaks of."""

    identifiers: tuple[str, ...]
    recipients: tuple[str, ...]
    action: str
    status: str
    detail: str
    permanent: bool  # it will not arrive
    address_gone: bool  # nor will anything else that is sent there


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkedReport:
    """A report that came in as ``message_id``, about the answer ``reply_id``; ``effect`` is a reason code."""

    message_id: int
    reply_id: int
    effect: str
    action: str
    status: str
    detail: str
    recorded_at: datetime
    recipient: str
    registration_id: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class UndeliverableAddress:
    """An address that takes no mail: since when, and by which answer (``reply_id``) and report (``message_id``) it is known."""

    address: str
    marked_at: datetime
    reason: str
    status: str
    detail: str
    reply_id: int
    message_id: int | None
    registration_id: str | None
    parked: int  # answers that wait because of it


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """Everything that one message's decision writes, all of it or nothing."""

    message_id: int
    reading: Reading
    state: MessageState
    registration: RegistrationDraft | None = None
    reply: ReplyDraft | None = None
    reply_state: ReplyState = ReplyState.HELD
    reply_reason: str = ""
    cap: Cap | None = None
    update: RegistrationUpdate | None = None  # instead of ``registration``: the message continues a conversation
    wishes: Wishes | None = None
    delivery: DeliveryNote | None = None  # the message reports on mail of ours


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """What became of one Record. ``recorded`` is False when the message was no longer waiting, ``error`` is set, or
    the answer says something of a session that is no longer so (``told_otherwise``)."""

    message_id: int
    recorded: bool
    registration_id: str | None = None
    reply_state: ReplyState | None = None
    reply_reason: str = ""
    error: str = ""
    told_otherwise: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredMessage:
    """A message to be read: ``content`` are the bytes as they arrived."""

    id: int
    mailbox: str
    sha256: str
    internal_date: datetime
    size: int
    attempts: int
    content: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class MessageSummary:
    """A line of the ledger. Sender and subject are known once the message was read."""

    id: int
    mailbox: str
    sha256: str
    size: int
    internal_date: datetime
    stored_at: datetime
    state: MessageState
    state_at: datetime
    kind: str | None
    reason: str
    reason_detail: str
    attempts: int
    sender_name: str | None
    sender_address: str | None
    subject: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """Where and when a mailbox showed the message."""

    mailbox: str
    uidvalidity: int
    uid: int
    internal_date: datetime
    fetched_at: datetime
    settled: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredReading:
    """A reading as it was stored, with the time."""

    id: int
    read_at: datetime
    reading: Reading


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """A row of the outbox, without its bytes (``Store.reply_content`` has them)."""

    id: int
    message_id: int | None  # None: a digest
    purpose: str
    registration_id: str | None
    template: str
    recipient: str
    subject: str
    identifier: str  # our Message-ID, with angle brackets
    checks: tuple[RuleHit, ...]
    state: ReplyState
    reason: str
    attempts: int
    last_error: str
    created_at: datetime
    next_attempt_at: datetime | None
    sent_at: datetime | None
    not_after: datetime | None = None  # not sent from then on
    handed_at: datetime | None = None  # when SMTP was begun for it last
    copy_at: datetime | None = None  # a copy is still to be put in Sent, from then on


@dataclass(frozen=True, kw_only=True, slots=True)
class Lookup:
    """What a message says of the conversation it belongs to.

    ``identifiers``: Message-IDs, the likeliest first; ``registrations``: ids from tokens of ours that were
    verified; ``address``: its sender's.
    """

    key: int
    identifiers: tuple[str, ...]
    registrations: tuple[str, ...]
    address: str
    message_id: int | None = None  # its own number: what it made itself, when it is read again, is nothing that it continues


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """A message of a conversation, as it was read last."""

    message_id: int
    received_at: datetime
    reading: Reading


@dataclass(frozen=True, kw_only=True, slots=True)
class Conversation:
    """A registration with the addresses it knows, its latest messages and our answers, both oldest first."""

    registration: Registration
    addresses: frozenset[str]  # casefolded
    turns: tuple[Turn, ...]
    replies: tuple[Reply, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Met:
    """A conversation that a message may belong to, and what says so: identifier, token or address."""

    by: str
    conversation: Conversation


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """A line of the history."""

    id: int
    at: datetime
    event: str
    actor: str
    message_id: int | None
    registration_id: str | None
    reply_id: int | None
    rules_version: str | None
    before: Mapping[str, object] | None
    after: Mapping[str, object] | None
    deed_id: int | None = None  # what a person did, of which this is a part


@dataclass(frozen=True, kw_only=True, slots=True)
class Deed:
    """What a person did, in one transaction. ``registrations``, ``messages`` and ``replies``: those that it changed."""

    id: int
    at: datetime
    actor: str
    kind: str  # correct, accept, withdraw, reopen, merge, enter, dismiss, settle, read_again, ask, answer, release, park
    registration_id: str | None
    registrations: tuple[str, ...]
    messages: tuple[int, ...]
    replies: tuple[int, ...]
    undone_at: datetime | None
    undone_by: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class MessageRecord:
    """Everything known of one message, for ``explain``."""

    message: MessageSummary
    content: bytes | None  # None where it was too large to take
    identifiers: tuple[str, ...]
    arrivals: tuple[Seen, ...]
    readings: tuple[StoredReading, ...]
    registrations: tuple[Registration, ...]
    replies: tuple[Reply, ...]
    history: tuple[Event, ...]
    reports: tuple[LinkedReport, ...]  # what this message reports, and what is reported of its answers

    @property
    def touched(self) -> int:
        """The history's line of what a person did about it last; 0 where nobody has. A deed names the one that its person saw."""
        return max((line.id for line in self.history if line.actor != "mailroom" and line.event != "viewed"), default=0)


@dataclass(frozen=True, kw_only=True, slots=True)
class PollNote:
    """The last poll of a mailbox. ``last_error`` is "" when it went well.

    ``unaccounted`` is the closing balance of the last one that went well: of the messages ``on_server``, those that the
    ledger does not have. None before there was one.
    """

    last_poll_at: datetime
    last_success_at: datetime | None
    last_error: str
    on_server: int | None = None
    unaccounted: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class MailboxStatus:
    """One mailbox's totals; ``poll`` is None before the first."""

    mailbox: str
    messages: Mapping[MessageState, int]
    poll: PollNote | None


@dataclass(frozen=True, kw_only=True, slots=True)
class MailboxHealth:
    """How a mailbox that was polled fares: its last poll, and what of it is not read yet."""

    mailbox: str
    poll: PollNote
    waiting: int
    waiting_since: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class DigestNote:
    """A digest that was made. ``told`` is False where there was nothing to tell."""

    name: str
    made_at: datetime
    covers_from: datetime | None
    covers_until: datetime
    told: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class BreakerNote:
    """A breaker that has tripped. ``scope``: a domain, or «*» for all mail."""

    scope: str
    tripped_at: datetime
    open: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class DigestFacts:
    """What a digest tells of: what is new in its time, and what stands open. Lists may be cut; the counts are whole."""

    registrations: tuple[Registration, ...]  # new
    registrations_count: int
    waiting: tuple[MessageSummary, ...]  # new, for a person
    waiting_count: int
    waiting_before: int  # older ones, told of before
    held: int
    held_new: int
    parked: Mapping[str, int]  # new, by reason
    unknown: int
    dead: tuple[Reply, ...]  # new
    unreachable: tuple[tuple[str, Registration | None], ...]  # addresses marked as such since: why, and whose
    breakers: tuple[BreakerNote, ...]
    polls: Mapping[str, PollNote]
    withdrawn: tuple[Registration, ...] = ()  # since
    withdrawn_count: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Status:
    """Totals of the installation."""

    mailboxes: tuple[MailboxStatus, ...]
    registrations: Mapping[RegistrationState, int]
    replies: Mapping[ReplyState, int]
    breakers: tuple[Breaker, ...] = ()  # that are open
    undeliverable: int = 0  # addresses


@dataclass(frozen=True, kw_only=True, slots=True)
class AliasDraft:
    """Something to be remembered. ``key``: its words as they are compared."""

    kind: AliasKind
    written: str
    key: str
    means: str
    council: str = ""
    stands_in: str = ""
    registration_id: str | None = None  # the one whose correction taught it


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredAlias:
    """A remembered alias with who, when, and how many messages it helped to read."""

    remembered: Remembered
    key: str
    made_at: datetime
    made_by: str
    registration_id: str | None
    forgotten_at: datetime | None
    forgotten_by: str
    hits: int


@dataclass(frozen=True, kw_only=True, slots=True)
class RegressionCase:
    """What a person confirmed of a registration's messages, at their last correction.

    ``confirmed`` has the values by field: all fields where it was then registered, else the ``corrected`` ones. ``wrong``: what
    the rules of ``rules_version`` read otherwise (wanted, found); None where it was not measured yet.
    """

    registration_id: str
    messages: tuple[int, ...]
    confirmed: Mapping[str, tuple[str, ...]]
    corrected: tuple[str, ...]
    made_at: datetime
    made_by: str
    measured_at: datetime | None = None
    rules_version: str = ""
    wrong: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] | None = None


# --- people of the desk


class Role(StrEnum):
    """What a person may do at the desk; each may all that the ones before it may."""

    VIEWER = "viewer"  # looks
    COORDINATOR = "coordinator"  # settles, corrects, answers
    ADMINISTRATOR = "administrator"  # accounts, and who looked at what

    def may(self, needed: Role) -> bool:
        ranks = list(Role)
        return ranks.index(self) >= ranks.index(needed)


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """A person who may sign in. ``name`` is what the history calls them; it never changes and is never given away again."""

    name: str
    shown: str  # as pages and answers name the person
    role: Role
    password: str | None  # its argon2 hash; None: signs in by a provider only
    email: str | None  # casefolded; the address that a provider vouches for
    subject: str | None  # «issuer subject» of the provider's account, kept from its first sign-in
    by_provider: bool  # made at a first sign-in, because config.yaml allows the address
    created_at: datetime
    password_at: datetime | None
    disabled_at: datetime | None
    last_seen_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class DeskSession:
    """Somebody who is signed in. ``id`` is only a number; the token that opens it is kept nowhere, and its digest stays in the store."""

    id: int
    account: str
    way: str  # password, or provider
    made_at: datetime
    seen_at: datetime  # to within a minute
    client: str  # its network address
    browser: str
    ended_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Throttle:
    """Who is trying to sign in (``key``), how often they may fail freely, and how long they ever wait for the next try."""

    key: str
    free: int
    longest: timedelta


@dataclass(frozen=True, kw_only=True, slots=True)
class Present:
    """A person who has an item open. ``since`` is when they opened it."""

    person: str
    shown: str
    since: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class SavedView:
    """A filter of the register that somebody gave a name. ``shared`` ones are everybody's to use."""

    id: int
    person: str
    name: str
    query: str
    shared: bool


# --- what the desk's lists take and give (store.browsing)


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """Which lines of a list: those next ``after`` a place, or those ``before`` it; the first ones where neither is given.

    A place is what a page gave as ``next`` or ``previous``: it names a line and nothing personal, so it may stand in an
    address. Whatever is written meanwhile, no line between is left out or shown twice, unless the line itself moved.
    """

    size: int = 50
    after: str = ""
    before: str = ""


class RegistrationSort(StrEnum):
    """The order of the register. «-»: the other way round. Equal lines stand in the order in which they were first written."""

    NEWEST = "-received"
    OLDEST = "received"
    CHANGED = "-updated"  # changed last first
    CHANGED_LONG_AGO = "updated"
    NAME = "name"  # by the last word of the name
    NAME_DOWN = "-name"
    COUNCIL = "council"  # those without one come first
    COUNCIL_DOWN = "-council"
    INSTITUTION = "institution"
    INSTITUTION_DOWN = "-institution"


@dataclass(frozen=True, kw_only=True, slots=True)
class RegistrationFilter:
    """Which registrations. Values of one field are alternatives; fields, and words, must all be met.

    Without ``states`` all but merged and dismissed ones. ``text`` is looked for in the members' own words, subjects,
    names, addresses and all values; ``topic`` in topics, ``member`` in name and addresses; case and accents do not
    matter, and the last word may be the beginning of one. ``topics`` and ``themes`` are whole values. In each of the
    lists of values, "" asks for those that have none.
    """

    states: tuple[RegistrationState, ...] = ()
    councils: tuple[str, ...] = ()
    institutions: tuple[str, ...] = ()
    activities: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    themes: tuple[str, ...] = ()  # ids
    topic: str = ""
    member: str = ""
    text: str = ""
    received_from: datetime | None = None
    received_before: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RegistrationLine:
    """A registration as a list shows it: without evidence."""

    id: str
    member_name: str
    member_address: str
    state: RegistrationState
    institutions: tuple[str, ...]
    councils: tuple[str, ...]
    activities: tuple[str, ...]
    topics: tuple[str, ...]
    sessions: tuple[str, ...]
    missing: tuple[str, ...]
    messages: int
    revision: int
    received_at: datetime
    updated_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class RegistrationPage:
    """Lines ``first`` to ``last`` of ``total``, which is exact. ``previous`` and ``next`` are places for ``Page``, "" where nothing is."""

    lines: tuple[RegistrationLine, ...]
    total: int
    first: int  # counted from 1; 0 where there is none
    previous: str = ""
    next: str = ""

    @property
    def last(self) -> int:
        return self.first + len(self.lines) - 1 if self.lines else 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Facet:
    """A value, and how many registrations have it; "" for those that have none."""

    value: str
    count: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Facets:
    """What may be chosen next to a filter, the commonest first. Each list leaves its own field's choice out of account, so that
    another value can be chosen; ``total`` is of the whole filter."""

    total: int
    states: tuple[Facet, ...]
    councils: tuple[Facet, ...]
    activities: tuple[Facet, ...]
    sessions: tuple[Facet, ...]
    themes: tuple[Facet, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """Counts of registrations. A registration with two activities counts in both; ``weeks`` are by the day on which each begins (Monday),
    without gaps from the first to the last; the rest has the commonest first. ``topics`` are the commonest only, chosen among those that
    are commonest in the whole register: of a narrow choice, one that is rare elsewhere may be left out."""

    total: int
    weeks: tuple[tuple[date, int], ...]
    councils: tuple[Facet, ...]
    activities: tuple[Facet, ...]
    sessions: tuple[Facet, ...]
    themes: tuple[Facet, ...]
    topics: tuple[Facet, ...]
    states: tuple[Facet, ...]


class NeedsKind(StrEnum):
    """What waits for a person."""

    REVIEW = "review"  # a message, with or without a registration
    QUARANTINED = "quarantined"  # a message that could not be read
    REGISTRATION = "registration"  # a registration in review, none of whose messages is
    UNDELIVERABLE = "undeliverable"  # an address
    HELD = "held"  # a reply


@dataclass(frozen=True, kw_only=True, slots=True)
class Needs:
    """A line of what needs a person. ``place`` names it, for ``Page`` and ``next_in_queue``."""

    kind: NeedsKind
    place: str
    since: datetime
    reason: str  # a code, or ""
    reason_detail: str
    who: str  # a name, else an address, else ""
    address: str
    subject: str
    institution: str
    council: str
    message_id: int | None
    registration_id: str | None
    reply_id: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class NeedsPage:
    """What waits longest, first. ``counts`` has every kind, whatever was asked for; ``total`` is of what was."""

    lines: tuple[Needs, ...]
    counts: Mapping[NeedsKind, int]
    total: int
    next: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class DaysCount:
    """A day and what came in on it, by what became of it. Every state has its number."""

    day: date
    messages: Mapping[MessageState, int]
    registrations: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Today:
    """What came in since a time, by what became of it, and day by day before it."""

    messages: Mapping[MessageState, int]
    registrations: int
    days: tuple[DaysCount, ...]  # without gaps, the latest last


@dataclass(frozen=True, kw_only=True, slots=True)
class OutboxFilter:
    """Which replies. ``text``: recipient and subject; the beginning of a word is enough."""

    states: tuple[ReplyState, ...] = ()
    templates: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    text: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class OutboxPage:
    """Replies, the newest first; ``counts`` by state are of all that the rest of the filter leaves.

    ``total`` is exact up to 10,000; where ``more`` it is that number, and there are more.
    """

    lines: tuple[Reply, ...]
    total: int
    more: bool
    counts: Mapping[ReplyState, int]
    next: str = ""
    previous: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class MessageFilter:
    """Which messages. ``text``: sender, subject and the sender's own words."""

    states: tuple[MessageState, ...] = ()
    kinds: tuple[str, ...] = ()
    mailbox: str = ""
    text: str = ""
    received_from: datetime | None = None
    received_before: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class MessagePage:
    """Messages, the newest first (as they were stored). ``total`` as in ``OutboxPage``."""

    lines: tuple[MessageSummary, ...]
    total: int
    more: bool
    next: str = ""
    previous: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class WordingVersion:
    """A version of the reply texts. ``changes``: by a passage's id, the shipped words and what is said instead; all of them, not only the latest."""

    version: int
    made_at: datetime
    made_by: str
    changes: Mapping[str, tuple[str, str]]
