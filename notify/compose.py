"""Writes the answer: a template and what was understood, to the exact bytes that go out.

Templates are programme data (``replies/NAME.txt.j2`` and ``NAME.html.j2``); the text one begins with a head:
``Subject: ...``, and ``Calendar: yes`` where the sessions that the member named go along as calendar files. They
run in Jinja's sandbox, and a name that is not known is a ProgrammeError with file and line. docs/answers.md is for
those who write them.

Promise: the same input gives the same bytes. Nothing a member wrote can add a header, an address or a tag:
header values are made of cleaned text, addresses are checked, HTML is escaped. Content is 7-bit and lines
end in CRLF.

Choices, with their reasons:
- The answer goes to the first mailbox of From. RFC 3834 section 4 sends it to Return-Path for a person's
  responder and leaves a service, as this is, the address that its task needs: the member registers with the
  address in From, and the register is kept by it. Reply-To is not followed: anyone can write anything there,
  and it would turn us into a relay for strangers' mail.
- ``Auto-Submitted: auto-replied`` marks it (section 5). ``X-Auto-Response-Suppress: OOF, AutoReply`` asks
  Exchange for no automatic answer; «All» would also ask it to hold back delivery reports, which we want.
- No ``Precedence``: it was never standardised, RFC 3834 section 3.1.8 leaves it optional, and filters read «bulk»
  as bulk mail, which this is not.
- To an employer's address (``employers.yaml``) subject and first words say nothing of the programme or the union:
  templates know ``employer_address``, and a test holds them to it.
- A paragraph is one line of quoted-printable, which every program wraps to its window, telephones too.
  ``format=flowed`` would wrap at 78 characters for Outlook and Gmail, which do not unwrap it.
- A calendar file is an attachment beside the body (multipart/mixed), not a third alternative of it: as an
  alternative Gmail and Exchange show it in place of the text.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import html
import quopri
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from email.header import Header
from email.utils import format_datetime
from functools import lru_cache
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment

from mailroom.errors import Permanent, ProgrammeError
from mailroom.model import Address, Decision, Extraction, ParsedMessage, ReplyDraft, RuleHit
from notify.addresses import AddressError, checked_address, header_text, mailbox
from notify.calendar import calendar_file
from notify.facts import Activity, Facts, Session
from notify.passages import edited
from notify.templates import check_templates, fill_in, sandbox, template_files

__all__ = [
    "AnswerContext",
    "Composer",
    "Rendered",
    "Seats",
    "SessionShown",
    "message_id",
    "normalised",
    "own_template_lines",
    "sample_contexts",
    "text_of_html",
]

TEMPLATES = ("registered", "ask_member", "review")
MAX_OPTIONS = 8  # a longer choice helps nobody: then the question is open
_MAX_VALUE = 150
_MAX_REFERENCES = 12
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,248}>")
_MISSING = ("institution", "authority", "activity")
_HEAD = ("subject", "calendar")


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionShown:
    """A session as templates see it. ``open``: the member can come, or can still sign up.

    ``seat`` is what the member has in a session that they named: place, waiting (it is full) or late (sign-up had
    closed), "" where nobody counts; ``limited``: there are only so many places.
    """

    title: str
    when: str
    open: bool
    place: str | None = None
    join: str | None = None
    seat: str = ""
    limited: bool = False
    over: bool = False  # it has begun


@dataclass(frozen=True, kw_only=True, slots=True)
class Seats:
    """``has``: what the member has in each session that they named; ``full``: the sessions that have no place for whoever asks next."""

    has: Mapping[str, str] = field(default_factory=dict)
    full: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class AnswerContext:
    """What a template may speak of; labels, not ids."""

    programme: Facts
    first_name: str | None = None
    institutions: tuple[str, ...] = ()
    authorities: tuple[str, ...] = ()
    activities: tuple[Activity, ...] = ()
    topics: tuple[str, ...] = ()
    sessions: tuple[SessionShown, ...] = ()  # those that the member named
    open_sessions: tuple[SessionShown, ...] = ()  # all that one can still sign up for
    full_sessions: tuple[SessionShown, ...] = ()  # all that one could sign up for if they were not full
    missing: tuple[str, ...] = ()
    institution_options: tuple[str, ...] = ()
    authority_options: tuple[str, ...] = ()
    employer_address: bool = False
    calendar: tuple[Session, ...] = ()  # the sessions that a calendar file is made of
    words: tuple[str, ...] = ()  # paragraphs that a person wrote, in place of the template's own

    @classmethod
    def of(
        cls,
        extraction: Extraction,
        decision: Decision,
        facts: Facts,
        *,
        first_name: str | None = None,
        at: datetime | None = None,
        employer_address: bool = False,
        seats: Seats | None = None,
    ) -> AnswerContext:
        """From what was read and decided. ``at``: the time that tells open sessions from closed; None takes all as open."""
        seats = seats or Seats()
        named = [(session, _session(session, at, seats.has.get(session.id, ""))) for session in map(facts.session, extraction.sessions)]
        still = [session for session in facts.sessions if session.is_open(at)]
        return cls(
            programme=facts,
            first_name=first_name,
            institutions=_shown(extraction.institutions),
            authorities=_shown(extraction.authorities),
            activities=tuple(facts.activity(id) for id in extraction.activities),
            topics=_shown(extraction.topics),
            sessions=tuple(shown for _, shown in named),
            open_sessions=tuple(_session(session, at) for session in still if session.id not in seats.full),
            full_sessions=tuple(_session(session, at) for session in still if session.id in seats.full),
            missing=tuple(slot for slot in _MISSING if slot in decision.missing),
            institution_options=_options(extraction.institution_options),
            authority_options=_options(extraction.authority_options),
            employer_address=employer_address,
            calendar=tuple(session for session, shown in named if shown.open),
        )

    @classmethod
    def of_session(cls, session: Session, facts: Facts, *, first_name: str | None = None, employer_address: bool = False) -> AnswerContext:
        """For a letter about a session that the member has a place in."""
        shown = _session(session, None, "place")
        return cls(programme=facts, first_name=first_name, sessions=(shown,), employer_address=employer_address, calendar=(session,))

    def variables(self) -> dict[str, Any]:
        """The names that templates know; a template adds ``calendar``, and ``subject`` for its HTML."""
        return {
            "greeting": f"Dear {self.first_name}," if self.first_name else "Hello,",
            "institutions": self.institutions,
            "authorities": self.authorities,
            "activities": self.activities,
            "topics": self.topics,
            "sessions": self.sessions,
            "open_sessions": self.open_sessions,
            "full_sessions": self.full_sessions,
            "missing": self.missing,
            "institution_options": self.institution_options,
            "authority_options": self.authority_options,
            "understood_anything": bool(self.institutions or self.authorities or self.activities or self.topics or self.sessions),
            "programme": self.programme,
            "employer_address": self.employer_address,
            "words": self.words,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Rendered:
    """A template filled in, before any mail is made of it: what a preview shows. ``calendar``: sessions that go along as files."""

    subject: str
    text: str
    html: str
    calendar: tuple[Session, ...] = ()


def _session(session: Session, at: datetime | None, seat: str = "") -> SessionShown:
    over = at is not None and at >= session.starts
    return SessionShown(
        title=session.title,
        when=session.when,
        open=seat == "place" and not over if seat else session.is_open(at),
        place=session.place,
        join=session.join,
        seat=str(seat),
        limited=session.places is not None,
        over=over,
    )


def _shown(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(text for value in values if (text := header_text(value, _MAX_VALUE)))


def _options(values: Sequence[str]) -> tuple[str, ...]:
    return _shown(values) if len(values) <= MAX_OPTIONS else ()


class _Checked(NamedTuple):
    """What templates of these texts come to; nothing in it depends on whom an answer is for."""

    environment: Environment
    names: tuple[str, ...]
    used: Mapping[str, frozenset[str]]  # what a file and those that it includes speak of
    with_calendar: frozenset[str]
    own_lines: dict[Facts, tuple[str, ...]]  # found when they are first asked for


@lru_cache(maxsize=8)  # texts of folders and of edited passages: a programme that is opened again has them at once (adr/0023)
def _checked(texts: tuple[tuple[str, str], ...], shown: str) -> _Checked:
    files = dict(texts)
    environment = sandbox(files)
    names = tuple(sorted(name.removesuffix(".txt.j2") for name in files if name.endswith(".txt.j2") and not name.startswith("_")))
    for name in TEMPLATES:
        if name not in names:
            raise ProgrammeError(f"{name}.txt.j2", None, f"the file is not there (looked in {shown}/)")
    used = check_templates(environment, files, _VARIABLES)
    for name in names:
        if f"{name}.html.j2" not in used:
            raise ProgrammeError(f"{name}.html.j2", None, f"the file is not there; each answer has one beside {name}.txt.j2")
    with_calendar = frozenset(name for name in names if _asks_for_calendar(f"{name}.txt.j2", files[f"{name}.txt.j2"]))
    return _Checked(environment, names, used, with_calendar, {})


def _asks_for_calendar(file: str, text: str) -> bool:
    """Whether the head of a text template asks for calendar files. Its lines are checked; the subject's value is not known yet."""
    calendar = False
    for number, line in enumerate(text.split("\n"), 1):
        label, colon, value = line.partition(":")
        label, value = label.strip().lower(), value.strip().lower()
        if number > 1 and not line.strip():
            break
        if not colon or label not in _HEAD or (label == "subject") != (number == 1):
            wanted = "the first line should be «Subject: ...»" if number == 1 else "the head is «Subject: ...», perhaps «Calendar: yes», and an empty line"
            raise ProgrammeError(file, number, wanted)
        if label == "calendar":
            if value not in ("yes", "no"):
                raise ProgrammeError(file, number, f"«Calendar» should be yes or no, not «{value}»")
            calendar = value == "yes"
    return calendar


class Composer:
    """All templates of a folder, read and checked once. Raises ProgrammeError.

    ``changes``: passages in other words (``notify.passages``), by their ids; those that no template has are in ``unused``.
    """

    def __init__(self, templates_folder: Path, changes: Mapping[str, str] | None = None) -> None:
        self.folder = templates_folder
        self.changes = dict(changes or {})
        self.files, self.unused = edited(template_files(templates_folder), self.changes)
        self._checked = _checked(tuple(self.files.items()), templates_folder.name)
        self.names = self._checked.names

    def render(self, template_name: str, context: AnswerContext) -> Rendered:
        if template_name not in self.names:
            raise ProgrammeError(f"{template_name}.txt.j2", None, f"there is no reply template of that name; there are {', '.join(self.names)}")
        calendar = context.calendar if template_name in self._checked.with_calendar else ()
        variables = {**context.variables(), "calendar": bool(calendar)}
        text = fill_in(self._checked.environment, f"{template_name}.txt.j2", {**variables, "subject": ""})
        head, _, body = text.partition("\n\n")
        subject = header_text(head.split("\n")[0].partition(":")[2], 120)
        if not subject:
            raise ProgrammeError(f"{template_name}.txt.j2", 1, "the subject is empty")
        body = re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in body.split("\n"))).strip() + "\n"
        page = fill_in(self._checked.environment, f"{template_name}.html.j2", {**variables, "subject": subject}).strip() + "\n"
        return Rendered(subject=subject, text=body, html=page, calendar=calendar)

    def part(self, file: str, context: AnswerContext) -> str:
        """A template that others include, filled in by itself: what a person is offered to edit."""
        text = fill_in(self._checked.environment, file, {**context.variables(), "calendar": False, "subject": ""})
        return re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in text.split("\n"))).strip("\n")

    def lines_of(self, facts: Facts) -> tuple[str, ...]:
        """``own_template_lines``."""
        known = self._checked.own_lines
        if facts not in known:
            known[facts] = _own_lines(self, facts)
        return known[facts]

    def samples(self, contexts: Sequence[AnswerContext]) -> Iterator[Rendered]:
        """Every template in every context, once for what it speaks of: contexts that look alike to a template are not filled in again."""
        values = [context.variables() | {"calendar": context.calendar} for context in contexts]
        for name in self.names:
            speaks_of = sorted((self._checked.used[f"{name}.txt.j2"] | self._checked.used[f"{name}.html.j2"]) & _VARIABLES)
            seen = []
            for context, known in zip(contexts, values, strict=True):
                looks = [known[variable] for variable in speaks_of]
                if looks not in seen:
                    seen.append(looks)
                    yield self.render(name, context)

    def compose(
        self,
        template_name: str,
        context: AnswerContext,
        parsed: ParsedMessage,
        *,
        from_: Address,
        secret: str | bytes,
        identity: str,
        date: datetime,
        checks: tuple[RuleHit, ...] = (),
        reply_to: str | None = None,
    ) -> ReplyDraft:
        """The answer to ``parsed``. ``identity`` names the message answered for good (its sha256); ``date`` is the
        Date field; ``reply_to`` an address of ours that names the conversation. Raises Permanent where there is no
        address to write to (may_answer says so first)."""
        if parsed.sender is None:
            raise Permanent("no answer can be written: the message has no From address")
        return self._mail(
            template_name,
            context,
            to=parsed.sender,
            from_=from_,
            secret=secret,
            identity=identity,
            date=date,
            checks=checks,
            reply_to=reply_to,
            threading=_threading(parsed),
            automatic="auto-replied",
        )

    def letter(
        self,
        template_name: str,
        context: AnswerContext,
        to: Address,
        *,
        from_: Address,
        secret: str | bytes,
        identity: str,
        date: datetime,
        reply_to: str | None = None,
    ) -> ReplyDraft:
        """A letter that answers nothing, such as a reminder: RFC 3834 section 5 calls it auto-generated. ``identity``
        names it for good, as that of an answer does. Raises Permanent where the address cannot be written to."""
        return self._mail(
            template_name,
            context,
            to=to,
            from_=from_,
            secret=secret,
            identity=identity,
            date=date,
            checks=(),
            reply_to=reply_to,
            threading=[],
            automatic="auto-generated",
        )

    def by_hand(
        self,
        template_name: str,
        rendered: Rendered,
        parsed: ParsedMessage,
        *,
        from_: Address,
        secret: str | bytes,
        identity: str,
        date: datetime,
        checks: tuple[RuleHit, ...] = (),
        reply_to: str | None = None,
    ) -> ReplyDraft:
        """What a person wrote in answer to ``parsed``: as any answer, but not marked as automatic, since it is not (RFC 3834 section 5)."""
        if parsed.sender is None:
            raise Permanent("no answer can be written: the message has no From address")
        own_id = message_id(secret, identity, template_name, checked_address(from_.address).rpartition("@")[2])
        return mail(
            template_name,
            rendered,
            to=parsed.sender,
            from_=from_,
            own_id=own_id,
            date=date,
            automatic=None,
            checks=checks,
            reply_to=reply_to,
            threading=_threading(parsed),
        )

    def _mail(
        self,
        template_name: str,
        context: AnswerContext,
        *,
        to: Address,
        from_: Address,
        secret: str | bytes,
        identity: str,
        date: datetime,
        checks: tuple[RuleHit, ...],
        reply_to: str | None,
        threading: list[tuple[str, str]],
        automatic: str,
    ) -> ReplyDraft:
        rendered = self.render(template_name, context)
        our_address = checked_address(from_.address)
        files = [
            calendar_file(session, context.programme, organiser=our_address, date=date, employer_address=context.employer_address)
            for session in rendered.calendar
        ]
        return mail(
            template_name,
            rendered,
            files,
            to=to,
            from_=from_,
            own_id=message_id(secret, identity, template_name, our_address.rpartition("@")[2]),
            date=date,
            checks=checks,
            reply_to=reply_to,
            threading=threading,
            automatic=automatic,
        )


_VARIABLES = frozenset(
    (
        *("greeting", "institutions", "authorities", "activities", "topics", "sessions", "open_sessions", "full_sessions", "missing"),
        *("institution_options", "authority_options", "understood_anything", "programme", "employer_address", "calendar", "words"),
    )
)


def message_id(secret: str | bytes, identity: str, template_name: str, domain: str) -> str:
    """Derived, so that writing the same answer again gives the same; keyed, so that nobody can guess it."""
    key = secret.encode() if isinstance(secret, str) else secret
    if not key:
        raise ValueError("the secret is empty")
    digest = hmac.new(key, f"{identity}\n{template_name}".encode(), hashlib.sha256).hexdigest()
    return f"<mailroom.{digest[:40]}@{domain}>"


def mail(
    template_name: str,
    rendered: Rendered,
    files: Sequence[bytes] = (),
    *,
    to: Address,
    from_: Address,
    own_id: str,
    date: datetime,
    automatic: str | None,
    checks: tuple[RuleHit, ...] = (),
    reply_to: str | None = None,
    threading: Sequence[tuple[str, str]] = (),
) -> ReplyDraft:
    """What is rendered as the bytes that go out. ``automatic``: what Auto-Submitted says; None where a person wrote it."""
    if date.tzinfo is None:
        raise ValueError("date needs a time zone")
    try:
        recipient = checked_address(to.address)
        sender = mailbox(from_.name, from_.address, field="From")
    except AddressError as error:
        raise Permanent(f"no mail can be written to {to.address!r}: {error}") from error
    subject = rendered.subject
    fields = [
        ("Date", format_datetime(date.replace(microsecond=0))),
        ("From", sender),
        *((("Reply-To", checked_address(reply_to)),) if reply_to is not None else ()),
        ("To", mailbox(to.name, recipient, field="To")),
        ("Subject", subject if subject.isascii() else Header(subject, "utf-8", header_name="Subject", maxlinelen=76).encode(linesep="\r\n")),
        ("Message-ID", own_id),
        *threading,
        *((("Auto-Submitted", automatic), ("X-Auto-Response-Suppress", "OOF, AutoReply")) if automatic is not None else ()),
        ("Content-Language", "en-GB"),
        ("MIME-Version", "1.0"),
    ]
    return ReplyDraft(
        template=template_name,
        recipient=recipient,
        subject=subject,
        message_id=own_id,
        content=_message(fields, rendered, files, seed=own_id),
        checks=checks,
    )


def _threading(parsed: ParsedMessage) -> list[tuple[str, str]]:
    """In-Reply-To and References by RFC 5322 section 3.6.4; of a long thread its start and its end."""
    answered = [id for id in parsed.message_ids if _MESSAGE_ID.fullmatch(id)][:2]
    if not answered:
        return []
    earlier = [id for id in parsed.references if _MESSAGE_ID.fullmatch(id)]
    if not earlier and len(parents := [id for id in parsed.in_reply_to if _MESSAGE_ID.fullmatch(id)]) == 1:
        earlier = parents
    chain = list(dict.fromkeys(id for id in earlier if id not in answered))
    if len(chain) > _MAX_REFERENCES:
        chain = chain[:1] + chain[-(_MAX_REFERENCES - 1) :]
    return [("In-Reply-To", "\r\n ".join(answered)), ("References", "\r\n ".join((*chain, *answered)))]


def _message(fields: Iterable[tuple[str, str]], rendered: Rendered, calendar: Sequence[bytes], *, seed: str) -> bytes:
    """Laid out by hand: the email package folds long message ids into encoded words, which breaks threads."""
    body = _multipart("alternative", [_text("plain", rendered.text), _text("html", rendered.html)], seed)
    if calendar:
        names = ["session.ics"] if len(calendar) == 1 else [f"session-{number}.ics" for number in range(1, len(calendar) + 1)]
        body = _multipart("mixed", [body, *(_calendar(name, file) for name, file in zip(names, calendar, strict=True))], seed)
    lines = [f"{name}: {value}" for name, value in fields]
    return "\r\n".join([*lines, body, ""]).encode("ascii")


def _multipart(subtype: str, parts: Sequence[str], seed: str) -> str:
    boundary = "=_" + hashlib.sha256(f"{subtype}\n{seed}".encode()).hexdigest()[:32]  # «=_» stands neither in quoted-printable nor in base64
    out = [f'Content-Type: multipart/{subtype};\r\n boundary="{boundary}"', ""]
    for part in parts:
        out += [f"--{boundary}", part]
    return "\r\n".join([*out, f"--{boundary}--"])


def _text(subtype: str, text: str) -> str:
    encoded = quopri.encodestring(text.encode("utf-8")).decode("ascii").rstrip("\n").replace("\n", "\r\n")
    return f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n{encoded}"


def _calendar(name: str, content: bytes) -> str:
    """In base64: a calendar file has line ends of its own, and gateways change those of text."""
    encoded = base64.encodebytes(content).decode("ascii").rstrip("\n").replace("\n", "\r\n")
    return (
        f'Content-Type: text/calendar; charset=utf-8; method=PUBLISH;\r\n name="{name}"\r\nContent-Transfer-Encoding: base64\r\n'
        f'Content-Disposition: attachment; filename="{name}"\r\n\r\n{encoded}'
    )


# --- our own words, so that a quote of them is never taken for the member's


def sample_contexts(facts: Facts, *, mark: str = "Sample") -> tuple[AnswerContext, ...]:
    """One context for each way in which the templates branch; ``mark`` stands for every member's value."""
    named = tuple(_session(session, None) for session in facts.sessions)
    closed = tuple(replace(session, open=False) for session in named)
    base = AnswerContext(programme=facts, open_sessions=named)
    full = replace(
        base,
        institutions=(mark,),
        authorities=(mark,),
        activities=facts.activities[:1],
        topics=(mark,),
        sessions=named[:1],
        calendar=facts.sessions[:1],
    )
    several = replace(
        full,
        institutions=(mark, mark),
        authorities=(mark, mark),
        activities=facts.activities,
        topics=(mark, mark),
        sessions=named,
        calendar=facts.sessions,
    )
    asked = [replace(base, missing=missing) for n in range(4) for missing in combinations(_MISSING, n)]
    offered = [
        replace(full, missing=missing, institution_options=(mark,) * n, authority_options=(mark,) * n)
        for n in (0, 1, 3)
        for missing in combinations(_MISSING, 2)
    ]
    seasons = [
        replace(full, sessions=sessions, open_sessions=open_, calendar=()) for sessions in ((), closed[:1], named[1:]) for open_ in (named, named[:1], ())
    ]
    kept, waits, late = (replace(named[0], limited=True, seat=seat, open=seat == "place") for seat in ("place", "waiting", "late"))
    places = [
        replace(full, sessions=sessions, open_sessions=open_, full_sessions=full_, calendar=())
        for sessions in ((kept,), (waits,), (late,), (replace(late, over=True),), (kept, waits), ())
        for open_, full_ in ((named, ()), (named[1:], named[:1]), (named[-1:], named[:1]), ((), named), ((), named[:1]))
    ]
    by_person = [replace(base, missing=missing, open_sessions=open_) for missing in (("topic",), ("session",), ("topic", "session")) for open_ in (named, ())]
    at_work = [replace(context, employer_address=True) for context in (full, *asked)]
    return (base, full, replace(full, first_name=mark), replace(full, topics=()), several, *asked, *by_person, *offered, *seasons, *places, *at_work)


_QUOTES = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-", "\u00a0": " "})
_LEAD = re.compile(r"^(?:[>|\s]|[-*•·]\s|(?:\d{1,2}|[a-z])[.)]\s)+")


def normalised(line: str) -> str:
    """How lines are compared: straight quotes, single spaces, lower case, no quote marks, bullets or numbering in front."""
    return _LEAD.sub("", " ".join(line.translate(_QUOTES).casefold().split())).strip()


def own_template_lines(composer: Composer, facts: Facts) -> tuple[str, ...]:
    """What our answers say in words of our own, ``normalised``: whole lines (a paragraph is one line) and their
    sentences, since clients wrap and cut.

    Left out is what a member may well type: anything under six words but for headings, labels such as «Topic:», an
    option or a session's date by itself. An option with its description is ours.
    """
    return composer.lines_of(facts)


def _own_lines(composer: Composer, facts: Facts) -> tuple[str, ...]:
    mark = "Qqqmark"
    lines: set[str] = set()
    for rendered in composer.samples(sample_contexts(facts, mark=mark)):
        lines.update(rendered.text.split("\n"))
        lines.update(text_of_html(rendered.html))
    own: set[str] = set()
    for line in lines:
        if mark not in line and not re.match(r"\s*(?:- )?[^:.]{4,40}: ", line):  # not «- Council area: ...»
            own.add(normalised(line))
            own.update(normalised(sentence) for sentence in re.split(r"(?<=[.!?])\s+", line.strip()))
    typed = {normalised(label) for activity in facts.activities for label in (activity.label, activity.label + ".")}
    typed |= {normalised(session.when) for session in facts.sessions}
    return tuple(sorted(line for line in own - typed if len(line.split()) > 5 or (line.endswith(":") and len(line.split()) > 2)))


_UNSEEN = re.compile(r"<!--.*?-->|<(title|style|head)\b.*?</\1>", re.DOTALL)
_BLOCK = re.compile(r"</?(?:p|li|ul|ol|div|table|tr|td|h[1-6]|body)\b[^>]*>|<br\b[^>]*>", re.IGNORECASE)


def text_of_html(text: str) -> list[str]:
    """The text of our own HTML, a line for each block. Of nobody else's: it relies on escaped values and on tags that are closed."""
    blocks = _BLOCK.split(_UNSEEN.sub("", text))
    return [line for block in blocks if (line := " ".join(html.unescape(re.sub(r"<[^>]*>", "", block)).split()))]
