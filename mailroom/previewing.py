"""What an answer would look like, without anything being stored or sent: `mailroom replies preview`, and the desk.

A preview is made by the same code as the answer itself and is read back from its very bytes. It shows a member
of ``replies/samples.yaml``, a message or a registration of the store, or an .eml file.

What it does badly: for a message that was read before, the answer tells what its registration says now; what it
said on that day is in the reply itself (`mailroom replies show`).
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parseaddr
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mailroom.answering import Answering, as_read
from mailroom.config import Config, RepliesConfig, data_folder
from mailroom.errors import MailroomError, ProgrammeError
from mailroom.model import Address, Decision, Extraction, Kind, Outcome, ParsedMessage, Reading, ReplyDraft, Slot
from mailroom.ownmail import own_mail
from mailroom.programme import Programme, load_programme, reader_for
from mailroom.reasons import REASONS
from mailroom.yamlfile import Lined, load_yaml
from notify.compose import TEMPLATES, Seats
from notify.facts import Facts
from parse.reader import Reader
from store import OFF_THE_REGISTER, RegistrationState, StoredMessage

if TYPE_CHECKING:
    from store import Store

__all__ = ["Preview", "Previewer", "Sample", "gallery", "load_samples", "print_previews", "run_preview"]

FILE = "samples.yaml"
FROM = "Action Research <programme@example.org>"  # where no config.yaml says better
BEFORE = timedelta(days=7)
_SECRET = b"preview"  # no Message-ID of a preview ever leaves the house
_WORDS = ("institutions", "authorities", "activities", "topics", "missing", "institution_options", "authority_options")
_KEYS = ("case", "about", "answers", "from", *_WORDS, "sessions", "when", "seat", "full")
_SESSIONS = ("none", "first", "all")
_SEATS = ("", "place", "waiting", "late")
_WHEN = ("before", "first_over", "all_over")
_SLOTS = (Slot.INSTITUTION.value, Slot.AUTHORITY.value, Slot.ACTIVITY.value)
_TEMPLATE_OF = {
    RegistrationState.REGISTERED: "registered",
    RegistrationState.ASK_MEMBER: "ask_member",
    RegistrationState.REVIEW: "review",
    RegistrationState.WITHDRAWN: "withdrawn",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Preview:
    """An answer as its reader gets it; everything is read from ``content``, the bytes that would go out."""

    case: str
    about: str
    template: str
    recipient: str
    subject: str
    text: str
    html: str
    attachments: tuple[tuple[str, bytes], ...]
    content: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """A member of ``samples.yaml``."""

    case: str
    about: str
    answers: tuple[str, ...]
    sender: Address
    extraction: Extraction
    missing: tuple[str, ...]
    at: datetime
    seats: Seats | None = None  # None: no session has a limit


# --- the members made up


def load_samples(folder: Path, facts: Facts, answers: Sequence[str]) -> tuple[Sample, ...]:
    """``folder/samples.yaml``. Raises ProgrammeError with file and line."""
    data = load_yaml(folder / FILE)
    _known(data, ("samples",), data["__line__"])
    items = data.get("samples")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise ProgrammeError(FILE, data["__line__"], "«samples» should be a list of cases")
    samples: list[Sample] = []
    for item in items:
        sample = _sample(item, facts, answers)
        if sample.case in {other.case for other in samples}:
            raise ProgrammeError(FILE, _line(item, "case"), f"the case «{sample.case}» is there twice")
        samples.append(sample)
    return tuple(samples)


def _sample(item: dict[str, Any], facts: Facts, answers: Sequence[str]) -> Sample:
    _known(item, _KEYS, item["__line__"])
    for key in ("case", "about", "from"):
        if not isinstance(item.get(key), str) or not item[key].strip():
            raise ProgrammeError(FILE, _line(item, key), f"«{key}» should be a text")
    name, address = parseaddr(item["from"])
    if "@" not in address:
        raise ProgrammeError(FILE, _line(item, "from"), "«from» should be a name and address, such as Anna Reid <anna.reid@example.net>")
    words = {key: _words(item, key) for key in _WORDS}
    _among(item, "answers", _words(item, "answers"), answers)
    _among(item, "activities", words["activities"], [activity.id for activity in facts.activities])
    _among(item, "missing", words["missing"], _SLOTS)
    named, when, seat, full = item.get("sessions", "none"), item.get("when", "before"), item.get("seat", ""), item.get("full", "none")
    for key, value, known in (("sessions", named, _SESSIONS), ("when", when, _WHEN), ("seat", seat, _SEATS), ("full", full, _SESSIONS)):
        _among(item, key, [value], known)
    ids = [session.id for session in facts.sessions]
    chosen = {"none": ids[:0], "first": ids[:1], "all": ids}
    closes, ends = [session.closes for session in facts.sessions], [session.ends for session in facts.sessions]
    return Sample(
        case=item["case"],
        about=" ".join(item["about"].split()),
        answers=_words(item, "answers"),
        sender=Address(name=name, address=address),
        extraction=Extraction(
            kind=Kind.EXPRESSION_OF_INTEREST,
            institutions=words["institutions"],
            authorities=words["authorities"],
            activities=words["activities"],
            topics=words["topics"],
            sessions=tuple(chosen[named]),
            institution_options=words["institution_options"],
            authority_options=words["authority_options"],
        ),
        missing=words["missing"],
        at={"before": min(closes) - BEFORE, "first_over": ends[0], "all_over": max(ends)}[when],
        seats=Seats(has=dict.fromkeys(chosen[named], seat) if seat else {}, full=frozenset(chosen[full])) if seat or full != "none" else None,
    )


def _words(item: Mapping[str, Any], key: str) -> tuple[str, ...]:
    values = item.get(key) or []
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ProgrammeError(FILE, _line(item, key), f"«{key}» should be a list of texts")
    return tuple(values)


def _among(item: Mapping[str, Any], key: str, values: Sequence[object], known: Sequence[str]) -> None:
    for value in values:
        if value not in known:
            raise ProgrammeError(FILE, _line(item, key), f"«{key}»: there is no «{value}»; known here: {', '.join(known)}")


def _known(item: Mapping[str, Any], keys: Sequence[str], line: int) -> None:
    for key in item.keys() - set(keys) - {"__line__"}:
        near = difflib.get_close_matches(str(key), keys, n=1)
        raise ProgrammeError(
            FILE, _line(item, key) or line, f"unknown key «{key}»; " + (f"did you mean «{near[0]}»?" if near else f"known here: {', '.join(keys)}")
        )


def _line(item: Mapping[str, Any], key: str) -> int | None:
    line: int | None = item.get("__line__")
    return item.lines.get(key, line) if isinstance(item, Lined) else line


# --- previews


class Previewer:
    """``open_reader`` and ``store`` are only opened where a preview needs them."""

    def __init__(
        self,
        programme: Programme,
        replies: RepliesConfig | None = None,
        *,
        config: Config | None = None,
        open_reader: Callable[[], Reader] | None = None,
        open_store: Callable[[], Store] | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.programme, self.now = programme, now
        self.replies = replies or (config.replies if config else RepliesConfig.model_validate({"from": FROM}))
        self.config, self._open_reader, self._open_store = config, open_reader, open_store

    def _answering(self, at: datetime | None = None, reader: Reader | None = None, programme: Programme | None = None) -> Answering:
        return Answering(
            programme or self.programme,
            self.replies,
            _SECRET,
            conversations=self.config.conversations if self.config else None,
            reread=(lambda parsed, received_at, councils: reader.extract(parsed, received_at=received_at, councils=councils)) if reader else None,
            sessions_at=at,
        )

    def samples(self, template: str | None = None, case: str | None = None) -> Iterator[Preview]:
        """Each case with the answers that suit it; a case or an answer asked for by name alone."""
        samples = load_samples(self.programme.folder / "replies", self.programme.facts, self.programme.composer.names)
        if case is not None:
            chosen = [sample for sample in samples if sample.case == case]
            if not chosen:
                raise MailroomError(f"there is no case «{case}»; {FILE} has {', '.join(sample.case for sample in samples)}")
            samples = tuple(chosen)
        for name in self.programme.composer.names if template is None else (template,):
            for sample in samples:
                if name in sample.answers or (case is not None and template is not None):
                    reading = _made_up(sample, name)
                    identity = hashlib.sha256(sample.case.encode()).hexdigest()
                    answering = self._answering(at=sample.at, programme=self._limited() if sample.seats else None)
                    draft = answering.reply(identity, reading, reading.extraction, None, sample.at, seats=sample.seats)
                    yield _preview(draft, f"{name}, {sample.case}", sample.about, reading)

    def _limited(self) -> Programme:
        """The programme as it would be if each session had only so many places."""
        sessions = tuple(replace(session, places=session.places or 20) for session in self.programme.facts.sessions)
        return replace(self.programme, facts=replace(self.programme.facts, sessions=sessions))

    def file(self, content: bytes, name: str, template: str | None = None) -> Preview:
        """The answer to a message that stands alone, read now."""
        assert self._open_reader is not None  # noqa: S101 - given with --file
        reader = self._open_reader()
        now = self.now()
        message = StoredMessage(
            id=0, mailbox="preview", sha256=hashlib.sha256(content).hexdigest(), internal_date=now, size=len(content), attempts=0, content=content
        )
        return self._first(message, reader, now, name, template)

    def _first(self, message: StoredMessage, reader: Reader, now: datetime, name: str, template: str | None, store: Store | None = None) -> Preview:
        answering = self._answering(reader=reader)
        reading = reader.read(message.content, received_at=message.internal_date)
        lookup = answering.lookup(message, reading) if store is not None else None
        met = store.conversations([lookup]).get(lookup.key, ()) if store is not None and lookup is not None else ()
        answer = answering(message, reading, now, met, store.occupancy(answering.places) if store is not None else None)
        if template is not None:
            named = _with_template(answer.reading, template)
            return _preview(answering.reply(message.sha256, named, reading.extraction, None, now), f"{template}, {name}", "", named)
        return _preview(answer.reply, f"{answer.reading.decision.template}, {name}", "", answer.reading)

    def message(self, which: str, template: str | None = None) -> Preview:
        """The answer to a message of the store, with what its registration says now."""
        store, now = self._store(), self.now()
        record = store.message(which)
        if record is None:
            raise MailroomError(f"no message «{which}»; give an id, a Message-ID or the start of a sha256")
        name, summary = f"message {record.message.id}", record.message
        if not record.readings:
            if record.content is None:
                raise MailroomError(f"{name} is larger than the mailbox's limit and was never fetched, so it has no answer")
            assert self._open_reader is not None  # noqa: S101 - given with a store
            waiting = StoredMessage(
                id=summary.id,
                mailbox=summary.mailbox,
                sha256=summary.sha256,
                internal_date=summary.internal_date,
                size=summary.size,
                attempts=summary.attempts,
                content=record.content,
            )
            return self._first(waiting, self._open_reader(), now, name, template, store)
        reading = record.readings[-1].reading
        if template is not None:
            reading = _with_template(reading, template)
        whole = reading.extraction
        if record.registrations and reading.decision.template != "review":
            whole = as_read(record.registrations[0], whole)
        told = record.registrations[0].id if record.registrations else None
        answering = self._answering()
        seats = answering.seats_of(record.registrations[0], store) if record.registrations else None
        draft = answering.reply(summary.sha256, reading, whole, told, now, seats=seats)
        return _preview(draft, f"{reading.decision.template}, {name}", "", reading)

    def registration(self, which: str, template: str | None = None) -> Preview:
        """The answer that would tell what the registration says now, to its last message."""
        found = self._store().find_registration(which)
        conversation = self._store().conversation(found.id) if found is not None else None
        if conversation is None or not conversation.turns:
            raise MailroomError(f"no registration «{which}»; «mailroom register list» shows them")
        registration, last = conversation.registration, conversation.turns[-1]
        if registration.state in OFF_THE_REGISTER:
            raise MailroomError(f"{registration.id} is off the register, so nobody is told anything of it")
        name = template or _TEMPLATE_OF[registration.state]
        decision = Decision(outcome=last.reading.decision.outcome, missing=registration.missing, template=name)
        reading = replace(last.reading, decision=decision)
        whole = as_read(registration, last.reading.extraction)
        answering = self._answering()
        seats = answering.seats_of(registration, self._store())
        draft = answering.reply(hashlib.sha256(which.encode()).hexdigest(), reading, whole, registration.id, self.now(), seats=seats)
        return _preview(draft, f"{name}, registration {registration.id}", "", reading)

    def _store(self) -> Store:
        assert self._open_store is not None  # noqa: S101 - given with --message and --registration
        return self._open_store()


def _with_template(reading: Reading, template: str) -> Reading:
    return replace(reading, decision=replace(reading.decision, template=template))


def _made_up(sample: Sample, template: str) -> Reading:
    sender = sample.sender
    parsed = ParsedMessage(
        message_ids=(f"<{sample.case}@example.org>",),
        in_reply_to=(),
        references=(),
        sender=sender,
        from_addresses=(sender,),
        reply_to=(),
        recipients=(),
        subject="",
        sent_at=None,
        return_path=None,
        headers=(),
        body="",
        zones=(),
        attachments=(),
        content_types=("text/plain",),
        report=None,
        calendar_method=None,
        defects=(),
    )
    outcome = Outcome(template) if template in TEMPLATES else Outcome.REGISTERED
    decision = Decision(outcome=outcome, missing=sample.missing, template=template)
    return Reading(parsed=parsed, extraction=sample.extraction, decision=decision, rules_version="")


def _preview(draft: ReplyDraft | None, case: str, about: str, reading: Reading) -> Preview:
    if draft is None:
        because = "; ".join(REASONS.get(reason.code, reason.code) for reason in reading.decision.reasons)
        raise MailroomError(f"{case.partition(', ')[2]}: no answer would be sent" + (f" ({because})" if because else ""))
    mail = own_mail(draft.content)
    return Preview(
        case=case,
        about=about,
        template=draft.template,
        recipient=mail.recipient,
        subject=draft.subject,
        text=mail.text,
        html=mail.html,
        attachments=mail.attached,
        content=draft.content,
    )


# --- the command


def run_preview(
    template: str | None,
    *,
    case: str | None,
    message: str | None,
    registration: str | None,
    file: Path | None,
    programme: Path | None,
    config: Config | None,
    open_store: Callable[[], Store] | None,
) -> list[Preview]:
    """The previews that the options ask for."""
    folder = programme or (config.programme.folder if config else None) or data_folder() / "programme"
    real = message is not None or registration is not None or file is not None
    own = config is not None and programme is None and config.programme.folder == folder  # another folder's words are looked at as they stand
    knowledge = load_programme(folder, list(config.programme.schools) if config and real else [], _worded(config) if own and config is not None else None)
    replies = config.replies if config else RepliesConfig.model_validate({"from": FROM})
    if template is not None and template not in knowledge.composer.names:
        raise MailroomError(f"there is no answer «{template}»; replies/ has {', '.join(knowledge.composer.names)}")

    def open_reader() -> Reader:
        return reader_for(knowledge, replies)

    previewer = Previewer(knowledge, replies, config=config, open_reader=open_reader, open_store=open_store)
    if message is not None:
        return [previewer.message(message, template)]
    if registration is not None:
        return [previewer.registration(registration, template)]
    if file is not None:
        return [previewer.file(file.read_bytes(), file.name, template)]
    found = list(previewer.samples(template, case))
    if not found:
        raise MailroomError(f"no case of {FILE} goes with «{template}»; add one, or name one with --case")
    return found


def _worded(config: Config) -> dict[str, str]:
    """What persons say in answers instead of the shipped words, where there is a store already."""
    from mailroom.wordings import changes_of
    from store import Store

    with Store(config.store.url, read_only=True) as store:
        if store.missing or store.check():
            return {}
        return changes_of(store.wording())


def print_previews(previews: Sequence[Preview], echo: Callable[[str], None]) -> None:
    from mailroom.printing import printable

    for number, preview in enumerate(previews):
        echo(("\n\n" if number else "") + f"=== {preview.case}" + (f": {preview.about}" if preview.about else ""))
        echo(f"To: {printable(preview.recipient)}\nSubject: {printable(preview.subject)}")
        for name, content in preview.attachments:
            echo(f"Attached: {name} ({len(content)} bytes)")
        echo("\n" + printable(preview.text).rstrip("\n"))


def gallery(previews: Sequence[Preview]) -> str:
    """One page with all of them beside each other, each in a frame as wide as a telephone. Nothing is fetched from outside."""
    frames = "\n".join(
        f"<figure><figcaption><b>{escape(p.case)}</b><br>{escape(p.about)}<br>Subject: {escape(p.subject)}"
        f"{''.join('<br>Attached: ' + escape(name) for name, _ in p.attachments)}</figcaption>"
        f'<iframe sandbox srcdoc="{escape(p.html)}" title="{escape(p.case)}" width="390" height="844"></iframe></figure>'
        for p in previews
    )
    style = "body{font-family:sans-serif;display:flex;flex-wrap:wrap;gap:24px}figure{margin:0;width:390px}figcaption{min-height:6em}"
    head = f'<head><meta charset="utf-8"><title>Answers</title><style>{style}</style></head>'
    return f'<!DOCTYPE html>\n<html lang="en-GB">{head}\n<body>\n{frames}\n</body></html>\n'
