"""The values that cross a stage border, and nothing else does.

Everything here is frozen, keyword-only and free of library objects: a stage can be read, tested and
replaced knowing only this module. Times are timezone-aware. Identifiers of programme knowledge
(activities, authorities, sessions) are ids from programme data; labels are looked up when shown.

What it does badly: it has no behaviour, so an invariant that spans two values (an Evidence slices
back to its text) is checked by ``ParsedMessage.slice`` and the tests, not by the types.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

__all__ = [
    "Address",
    "AliasKind",
    "Arrival",
    "Attachment",
    "Candidate",
    "Decision",
    "DeliveryReport",
    "Evidence",
    "Extraction",
    "Kind",
    "MessageState",
    "Outcome",
    "ParsedMessage",
    "Reading",
    "Reason",
    "Remembered",
    "ReplyDraft",
    "ReplyState",
    "RuleHit",
    "Slot",
    "Zone",
    "ZoneKind",
    "alias_of_rule",
]


class Kind(StrEnum):
    """What a message is."""

    EXPRESSION_OF_INTEREST = "expression_of_interest"
    FOLLOW_UP = "follow_up"
    ENQUIRY = "enquiry"
    WITHDRAWAL = "withdrawal"
    AUTO_REPLY = "auto_reply"
    BOUNCE = "bounce"
    UNRELATED = "unrelated"


class Outcome(StrEnum):
    """What is to be done with a message."""

    REGISTERED = "registered"
    ASK_MEMBER = "ask_member"
    REVIEW = "review"
    IGNORE = "ignore"


class MessageState(StrEnum):
    """The named place of a message in the ledger; every stored message is in exactly one."""

    WAITING = "waiting"  # stored raw, not read yet
    REGISTERED = "registered"
    ASK_MEMBER = "ask_member"
    REVIEW = "review"
    IGNORED = "ignored"
    QUARANTINED = "quarantined"  # could not be read; kept, shown, never dropped


class ReplyState(StrEnum):
    """The named place of a reply in the outbox."""

    HELD = "held"  # waits for the operator (mode: hold)
    DUE = "due"  # to be sent, now or after ``next_attempt_at``
    SENDING = "sending"  # bytes frozen and durable, SMTP under way; «unknown» at the next round if the process died here
    UNKNOWN = "unknown"  # the line went after the last byte: Sent is asked before it goes again
    SENT = "sent"  # the SMTP server took it (250 after DATA)
    SUPPRESSED = "suppressed"  # parked by a cap or the go-live mark; listed, may be released
    DEAD = "dead"  # refused for good (5xx), or out of attempts


class Slot(StrEnum):
    """A field of a registration that rules look for."""

    INSTITUTION = "institution"
    AUTHORITY = "authority"
    ACTIVITY = "activity"
    TOPIC = "topic"
    SESSION = "session"
    KIND = "kind"
    QUESTION = "question"


class ZoneKind(StrEnum):
    """Whose words a stretch of the body is. Nothing is cut: zones are labelled and weighed."""

    OWN = "own"  # what the member typed
    INLINE_ANSWER = "inline_answer"  # typed by the member between quoted lines
    OWN_QUOTE = "own_quote"  # quote of our own mail or page
    QUOTE = "quote"  # quote of anybody else, with its intro line
    FORWARDED = "forwarded"
    SIGNATURE = "signature"
    BANNER = "banner"  # a gateway's warning
    DISCLAIMER = "disclaimer"
    TAGLINE = "tagline"  # «Sent from my ...»
    ATTACHMENT = "attachment"


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """A mailbox of RFC 5322 section 3.4: display name ("" if none) and addr-spec, domain lowered."""

    name: str
    address: str

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2].lower()

    @property
    def local_part(self) -> str:
        return self.address.rpartition("@")[0]


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrival:
    """One message as a mailbox handed it over.

    ``mailbox``, ``uidvalidity`` and ``uid`` are the transport identity (RFC 9051 section 2.3.1.1);
    ``sha256`` (hex) of ``content`` is the message's own. ``content`` is never altered; it is None only
    where the message was larger than the mailbox's limit and was left on the server (``size`` is then
    the server's RFC822.SIZE). ``internal_date`` is the server's INTERNALDATE, never the sender's clock.
    """

    mailbox: str
    uidvalidity: int
    uid: int
    internal_date: datetime
    fetched_at: datetime
    size: int
    sha256: str
    content: bytes | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Zone:
    """A labelled stretch ``[start, end)`` of ``ParsedMessage.body``, in characters."""

    kind: ZoneKind
    start: int
    end: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Attachment:
    """A named part. ``text`` is what could be read of it, "" where nothing could (see ``defects``)."""

    filename: str
    content_type: str
    size: int
    text: str = ""
    defects: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class DeliveryReport:
    """What a bounce or receipt says of the message it is about (RFC 3464, RFC 8098, or a look-alike)."""

    action: str  # failed, delayed, delivered, relayed, expanded, displayed; "" unknown
    status: str  # RFC 3463 code such as 5.1.1, or ""
    recipient: str  # Final-Recipient's address, or ""
    original_message_id: str  # with angle brackets, or ""
    recipients: tuple[str, ...] = ()  # every address that it names as the one in question: final, original, forwarded
    detail: str = ""  # what the mail system said, on one line


@dataclass(frozen=True, kw_only=True, slots=True)
class ParsedMessage:
    """A message taken apart: headers decoded, one body text, zones over it, attachments read.

    ``body`` is the one text that all zone offsets point into: the text/plain part(s), or the HTML
    part(s) rendered to text where there is no (useful) plain part. ``zones`` are in reading order, do
    not overlap, and cover everything but white space. ``headers`` are all fields in order, name as
    written, value decoded and unfolded. ``return_path`` is None when the field is absent, "" when it is
    the null reverse-path. ``content_types`` names every part in order, lower case.
    """

    message_ids: tuple[str, ...]
    in_reply_to: tuple[str, ...]
    references: tuple[str, ...]
    sender: Address | None  # the From field's first mailbox
    from_addresses: tuple[Address, ...]
    reply_to: tuple[Address, ...]
    recipients: tuple[Address, ...]  # To and Cc
    subject: str
    sent_at: datetime | None
    return_path: str | None
    headers: tuple[tuple[str, str], ...]
    body: str
    zones: tuple[Zone, ...]
    attachments: tuple[Attachment, ...]
    content_types: tuple[str, ...]
    report: DeliveryReport | None
    calendar_method: str | None  # METHOD of a text/calendar part, upper case
    defects: tuple[str, ...]

    def header_values(self, name: str) -> tuple[str, ...]:
        """All values of a header field, in order; names compare without case."""
        wanted = name.lower()
        return tuple(value for key, value in self.headers if key.lower() == wanted)

    def source(self, where: str) -> str:
        """The text that offsets of an Evidence with this ``where`` point into."""
        if where == "subject":
            return self.subject
        if where.startswith("attachment:"):
            name = where.removeprefix("attachment:")
            return next(a.text for a in self.attachments if a.filename == name)
        if where.startswith("header:"):
            return next(iter(self.header_values(where.removeprefix("header:"))), "")
        return self.body

    def slice(self, evidence: Evidence) -> str:
        return self.source(evidence.where)[evidence.start : evidence.end]


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """Where a value was read: ``source[start:end] == text`` always.

    ``where`` is ``subject``, a zone kind (offsets into the body), ``attachment:<filename>``, or
    ``header:<name>`` for what is known from a header alone (offsets into that value).
    """

    where: str
    start: int
    end: int
    text: str
    rule: str  # id of the rule in programme data


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A value that a rule found, chosen or not. Losing candidates are kept for the person who reviews.

    ``strength`` is a number from 0 to 1; the thresholds that read it are in programme data.
    ``value`` for institutions is the official (or, if unlisted, the written) name, for authorities the
    short form, for activities and sessions the id, for topics the cleaned phrase.
    """

    slot: Slot
    value: str
    strength: float
    evidence: Evidence
    chosen: bool = False
    note: str = ""  # why it lost, or what supports it: a reason code


@dataclass(frozen=True, kw_only=True, slots=True)
class Reason:
    """Why something was decided: a code of ``mailroom.reasons`` and, where it helps, a detail."""

    code: str
    detail: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleHit:
    """A row of a decision table and whether it held."""

    rule: str
    hit: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Extraction:
    """What was read from one message, before anything is decided."""

    kind: Kind
    institutions: tuple[str, ...] = ()
    institution_type: str | None = None  # school, college, None
    authorities: tuple[str, ...] = ()
    authority_options: tuple[str, ...] = ()  # where the same school name stands in several councils
    institution_options: tuple[str, ...] = ()  # where a name or initials may mean several institutions
    activities: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    themes: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    asks_question: bool = False
    candidates: tuple[Candidate, ...] = ()
    reasons: tuple[Reason, ...] = ()  # conflicts and doubts, worst first


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """The outcome for one message, with every row of the decision table that was tried."""

    outcome: Outcome
    missing: tuple[str, ...] = ()  # of institution, authority, activity
    reasons: tuple[Reason, ...] = ()
    rules: tuple[RuleHit, ...] = ()
    template: str | None = None  # name of the reply template, None where no answer is due


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """The whole result of the pure stage ``parse`` for one message."""

    parsed: ParsedMessage
    extraction: Extraction
    decision: Decision
    rules_version: str  # digest of rules and programme data that read it


@dataclass(frozen=True, kw_only=True, slots=True)
class ReplyDraft:
    """A composed answer: ``content`` are the exact bytes that will go out (CRLF line ends)."""

    template: str
    recipient: str
    subject: str
    message_id: str
    content: bytes
    checks: tuple[RuleHit, ...] = field(default=())


class AliasKind(StrEnum):
    """What the words of a remembered alias stand for."""

    INSTITUTION = "institution"  # initials, a local or misspelt name, or the name of a school that is in no list
    AUTHORITY = "authority"  # a local name of a council's area
    DOMAIN = "domain"  # of e-mail addresses: the institution that writes from it
    ACTIVITY = "activity"  # a whole phrase


@dataclass(frozen=True, kw_only=True, slots=True)
class Remembered:
    """What a person taught after a correction: ``written`` means ``means`` (a name, a council's short form, an activity's id).

    It holds where ``council`` is known to be meant, or everywhere (""). ``stands_in``: the council of the institution
    that is meant, "" for a college.
    """

    id: int
    kind: AliasKind
    written: str
    means: str
    council: str = ""
    stands_in: str = ""

    @property
    def rule(self) -> str:
        """The rule that evidence of it names."""
        return f"{_REMEMBERED}{self.id}"


_REMEMBERED = "remembered."


def alias_of_rule(rule: str) -> int | None:
    """The remembered alias that a rule's id names, or None."""
    number = rule.removeprefix(_REMEMBERED)
    return int(number) if number != rule and number.isdecimal() else None
