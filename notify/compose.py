"""Writes the answer: a template and what was understood, to the exact bytes that go out.

Templates are programme data (``replies/NAME.txt.j2`` and ``NAME.html.j2``); the first line of the text one is
``Subject: ...``. They run in Jinja's sandbox, and a name that is not known is a ProgrammeError with file and line.

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
- Subject and first sentence say nothing of the programme or the union: many addresses are an employer's.
"""

from __future__ import annotations

import hashlib
import hmac
import quopri
import re
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from email.header import Header
from email.utils import format_datetime
from html.parser import HTMLParser
from itertools import combinations
from pathlib import Path
from typing import Any

import jinja2
from jinja2 import meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from mailroom.errors import MailroomError, Permanent, ProgrammeError
from mailroom.model import Address, Decision, Extraction, ParsedMessage, ReplyDraft, RuleHit
from notify.addresses import AddressError, checked_address, header_text, mailbox
from notify.facts import Activity, Facts, Session

__all__ = ["AnswerContext", "Composer", "SessionShown", "message_id", "normalised", "own_template_lines", "sample_contexts", "text_of_html"]

TEMPLATES = ("registered", "ask_member", "review")
MAX_OPTIONS = 8  # a longer choice helps nobody: then the question is open
_MAX_VALUE = 150
_MAX_REFERENCES = 12
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,248}>")
_MISSING = ("institution", "authority", "activity")


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionShown:
    """A session as templates see it."""

    title: str
    when: str
    open: bool


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
    missing: tuple[str, ...] = ()
    institution_options: tuple[str, ...] = ()
    authority_options: tuple[str, ...] = ()

    @classmethod
    def of(cls, extraction: Extraction, decision: Decision, facts: Facts, *, first_name: str | None = None, at: datetime | None = None) -> AnswerContext:
        """From what was read and decided. ``at``: the time that tells open sessions from closed; None takes all as open."""
        return cls(
            programme=facts,
            first_name=first_name,
            institutions=_shown(extraction.institutions),
            authorities=_shown(extraction.authorities),
            activities=tuple(facts.activity(id) for id in extraction.activities),
            topics=_shown(extraction.topics),
            sessions=tuple(_session(facts.session(id), at) for id in extraction.sessions),
            open_sessions=tuple(_session(session, at) for session in facts.sessions if session.is_open(at)),
            missing=tuple(slot for slot in _MISSING if slot in decision.missing),
            institution_options=_options(extraction.institution_options),
            authority_options=_options(extraction.authority_options),
        )

    def variables(self) -> dict[str, Any]:
        """The names that templates know."""
        return {
            "greeting": f"Dear {self.first_name}," if self.first_name else "Hello,",
            "institutions": self.institutions,
            "authorities": self.authorities,
            "activities": self.activities,
            "topics": self.topics,
            "sessions": self.sessions,
            "open_sessions": self.open_sessions,
            "missing": self.missing,
            "institution_options": self.institution_options,
            "authority_options": self.authority_options,
            "understood_anything": bool(self.institutions or self.authorities or self.activities or self.topics or self.sessions),
            "programme": self.programme,
            "page": f"the programme's page, {self.programme.page}" if self.programme.page else "the programme's page",
        }


def _session(session: Session, at: datetime | None) -> SessionShown:
    return SessionShown(title=session.title, when=session.when, open=session.is_open(at))


def _shown(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(text for value in values if (text := header_text(value, _MAX_VALUE)))


def _options(values: Sequence[str]) -> tuple[str, ...]:
    return _shown(values) if len(values) <= MAX_OPTIONS else ()


def _listed(values: Iterable[str]) -> str:
    """«A, B and C»."""
    items = list(values)
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + f" and {items[-1]}" if items else ""


def _letter(index: int) -> str:
    return "abcdefghijklmnopqrstuvwxyz"[(index - 1) % 26]


class Composer:
    """All templates of a folder, read and checked once. Raises ProgrammeError."""

    def __init__(self, templates_folder: Path) -> None:
        self.folder = templates_folder
        self._environment = ImmutableSandboxedEnvironment(
            loader=jinja2.FileSystemLoader(templates_folder),
            undefined=jinja2.StrictUndefined,
            autoescape=lambda name: name is not None and name.endswith(".html.j2"),
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            auto_reload=False,
        )
        self._environment.filters.update(listed=_listed, letter=_letter)
        self.names = tuple(sorted(path.name.removesuffix(".txt.j2") for path in templates_folder.glob("[!_]*.txt.j2")))
        for name in TEMPLATES:
            if name not in self.names:
                raise ProgrammeError(f"{name}.txt.j2", None, f"the file is not there (looked in {templates_folder.name}/)")
        self._check()

    def _check(self) -> None:
        """Every file parses and speaks of known names only."""
        known = {*_VARIABLES, "subject"}
        for path in sorted(self.folder.glob("*.j2")):
            try:
                tree = self._environment.parse(path.read_text(encoding="utf-8"), path.name, str(path))
            except UnicodeDecodeError as error:
                raise ProgrammeError(path.name, None, "not UTF-8 text; save it as UTF-8") from error
            except jinja2.TemplateSyntaxError as error:
                raise ProgrammeError(path.name, error.lineno, error.message or "cannot be read") from error
            for name in sorted(meta.find_undeclared_variables(tree) - known):
                line = next((node.lineno for node in tree.find_all(nodes.Name) if node.name == name), None)
                raise ProgrammeError(path.name, line, f"there is nothing called «{name}»; templates know {', '.join(sorted(_VARIABLES))}")
            for call in tree.find_all(nodes.Filter):
                if call.name not in self._environment.filters:
                    raise ProgrammeError(path.name, call.lineno, f"there is no filter called «{call.name}»")
            others: list[nodes.Include | nodes.Extends] = [*tree.find_all(nodes.Include), *tree.find_all(nodes.Extends)]
            for other in others:
                target = other.template.value if isinstance(other.template, nodes.Const) else None
                if not isinstance(target, str) or not (self.folder / target).is_file():
                    raise ProgrammeError(path.name, other.lineno, f"there is no template «{target}» to include")
        for name in self.names:
            if not (self.folder / f"{name}.html.j2").is_file():
                raise ProgrammeError(f"{name}.html.j2", None, f"the file is not there; each answer has one beside {name}.txt.j2")

    def render(self, template_name: str, context: AnswerContext) -> tuple[str, str, str]:
        """(subject, plain text, HTML), before any mail is made of them: what a preview shows."""
        if template_name not in self.names:
            raise ProgrammeError(f"{template_name}.txt.j2", None, f"there is no reply template of that name; there are {', '.join(self.names)}")
        variables = context.variables()
        text = self._render(f"{template_name}.txt.j2", {**variables, "subject": ""})
        first, _, body = text.lstrip().partition("\n")
        label, _, subject = first.partition(":")
        subject = header_text(subject, 120)
        if label.strip().lower() != "subject" or not subject:
            raise ProgrammeError(f"{template_name}.txt.j2", 1, "the first line should be «Subject: ...»")
        body = re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in body.split("\n"))).strip() + "\n"
        html = self._render(f"{template_name}.html.j2", {**variables, "subject": subject}).strip() + "\n"
        return subject, body, html

    def _render(self, file: str, variables: dict[str, Any]) -> str:
        try:
            return self._environment.get_template(file).render(variables)
        except MailroomError:
            raise
        except jinja2.TemplateSyntaxError as error:
            raise ProgrammeError(error.name or file, error.lineno, error.message or "cannot be read") from error
        except jinja2.TemplateNotFound as error:
            raise ProgrammeError(file, None, f"there is no template «{error.name}»") from error
        except Exception as error:
            where = next((frame for frame in reversed(traceback.extract_tb(error.__traceback__)) if frame.filename.endswith(".j2")), None)
            name = Path(where.filename).name if where else file
            raise ProgrammeError(name, where.lineno if where else None, f"cannot be filled in: {error}") from error

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
        if date.tzinfo is None:
            raise ValueError("date needs a time zone")
        if parsed.sender is None:
            raise Permanent("no answer can be written: the message has no From address")
        try:
            recipient = checked_address(parsed.sender.address)
            sender = mailbox(from_.name, from_.address, field="From")
        except AddressError as error:
            raise Permanent(f"no answer can be written to {parsed.sender.address!r}: {error}") from error
        subject, text, html = self.render(template_name, context)
        own_id = message_id(secret, identity, template_name, checked_address(from_.address).rpartition("@")[2])
        fields = [
            ("Date", format_datetime(date.replace(microsecond=0))),
            ("From", sender),
            *((("Reply-To", checked_address(reply_to)),) if reply_to is not None else ()),
            ("To", mailbox(parsed.sender.name, recipient, field="To")),
            ("Subject", subject if subject.isascii() else Header(subject, "utf-8", header_name="Subject", maxlinelen=76).encode(linesep="\r\n")),
            ("Message-ID", own_id),
            *_threading(parsed),
            ("Auto-Submitted", "auto-replied"),
            ("X-Auto-Response-Suppress", "OOF, AutoReply"),
            ("Content-Language", "en-GB"),
            ("MIME-Version", "1.0"),
        ]
        return ReplyDraft(
            template=template_name,
            recipient=recipient,
            subject=subject,
            message_id=own_id,
            content=_message(fields, text, html, seed=own_id),
            checks=checks,
        )


_VARIABLES = frozenset(
    (
        *("greeting", "institutions", "authorities", "activities", "topics", "sessions", "open_sessions", "missing"),
        *("institution_options", "authority_options", "understood_anything", "programme", "page"),
    )
)


def message_id(secret: str | bytes, identity: str, template_name: str, domain: str) -> str:
    """Derived, so that writing the same answer again gives the same; keyed, so that nobody can guess it."""
    key = secret.encode() if isinstance(secret, str) else secret
    if not key:
        raise ValueError("the secret is empty")
    digest = hmac.new(key, f"{identity}\n{template_name}".encode(), hashlib.sha256).hexdigest()
    return f"<mailroom.{digest[:40]}@{domain}>"


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


def _message(fields: Iterable[tuple[str, str]], text: str, html: str, *, seed: str) -> bytes:
    """Laid out by hand: the email package folds long message ids into encoded words, which breaks threads."""
    boundary = "=_" + hashlib.sha256(seed.encode()).hexdigest()[:32]  # «=_» cannot stand in quoted-printable
    lines = [f"{name}: {value}" for name, value in fields]
    lines.append(f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"')
    out = ["\r\n".join(lines), ""]
    for subtype, body in (("plain", text), ("html", html)):
        encoded = quopri.encodestring(body.encode("utf-8")).decode("ascii").rstrip("\n").replace("\n", "\r\n")
        out += [f"--{boundary}", f"Content-Type: text/{subtype}; charset=utf-8", "Content-Transfer-Encoding: quoted-printable", "", encoded]
    out += [f"--{boundary}--", ""]
    return "\r\n".join(out).encode("ascii")


# --- our own words, so that a quote of them is never taken for the member's


def sample_contexts(facts: Facts, *, mark: str = "Sample") -> tuple[AnswerContext, ...]:
    """One context for each way in which the templates branch; ``mark`` stands for every member's value."""
    named = tuple(_session(session, None) for session in facts.sessions)
    closed = tuple(replace(session, open=False) for session in named)
    base = AnswerContext(programme=facts, open_sessions=named)
    full = replace(base, institutions=(mark,), authorities=(mark,), activities=facts.activities[:1], topics=(mark,), sessions=named[:1])
    several = replace(full, institutions=(mark, mark), authorities=(mark, mark), activities=facts.activities, topics=(mark, mark), sessions=named)
    asked = [replace(base, missing=missing) for n in range(4) for missing in combinations(_MISSING, n)]
    offered = [replace(context, institution_options=(mark, mark, mark), authority_options=(mark, mark, mark)) for context in asked]
    seasons = [replace(full, sessions=sessions, open_sessions=open_) for sessions in ((), closed, named[1:]) for open_ in (named, named[:1], ())]
    return (base, full, replace(full, first_name=mark), several, *asked, *offered, *seasons)


class _Blocks(HTMLParser):
    """The text of HTML, a line for each block."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[str] = [""]
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("title", "style"):
            self._silent += 1
        if tag in ("p", "li", "br", "div", "ul", "body"):
            self.lines.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("title", "style"):
            self._silent -= 1
        if tag in ("p", "li", "div", "ul"):
            self.lines.append("")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.lines[-1] += data


_QUOTES = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-", "\u00a0": " "})
_LEAD = re.compile(r"^(?:[>|\s]|[-*•·]\s|(?:\d{1,2}|[a-z])[.)]\s)+")


def normalised(line: str) -> str:
    """How lines are compared: straight quotes, single spaces, lower case, no quote marks, bullets or numbering in front."""
    return _LEAD.sub("", " ".join(line.translate(_QUOTES).casefold().split())).strip()


def own_template_lines(templates_folder: Path, facts: Facts) -> tuple[str, ...]:
    """What our answers say in words of our own, ``normalised``: whole lines (a paragraph is one line) and their
    sentences, since clients wrap and cut.

    Left out is what a member may well type: anything under six words, labels such as «Topic:», an option or a
    session's date by itself. An option with its description is ours.
    """
    composer = Composer(templates_folder)
    mark = "Qqqmark"
    lines: set[str] = set()
    for context in sample_contexts(facts, mark=mark):
        for name in composer.names:
            _, text, html = composer.render(name, context)
            lines.update(text.split("\n"))
            lines.update(text_of_html(html))
    own: set[str] = set()
    for line in lines:
        if mark not in line and not re.match(r"\s*(?:- )?[^:.]{4,40}: ", line):  # not «- Council area: ...»
            own.add(normalised(line))
            own.update(normalised(sentence) for sentence in re.split(r"(?<=[.!?])\s+", line.strip()))
    typed = {normalised(label) for activity in facts.activities for label in (activity.label, activity.label + ".")}
    typed |= {normalised(session.when) for session in facts.sessions}
    return tuple(sorted(line for line in own - typed if len(line.split()) > 5))


def text_of_html(html: str) -> list[str]:
    """The text of our own HTML, a line for each block."""
    blocks = _Blocks()
    blocks.feed(html)
    blocks.close()
    return [line for block in blocks.lines if (line := " ".join(block.split()))]
