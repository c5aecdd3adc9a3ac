"""Bytes of a message to a ParsedMessage, whatever the bytes.

mail-parser reads addresses and dates; the part tree is walked over the standard library's own parser,
because mail-parser flattens it: the text of an attached message would pass for the sender's own, and
delivery reports and calendars would be lost. It also loses Windows-1252 letters, raw 8-bit headers and the
tail of truncated base64, so decoding is done here.

Promise: never raises for what a sender can write. What could be read is returned, what could not is in
``defects`` (codes of mailroom.reasons). Every limit of ``Limits`` is applied before the work that it
bounds, and the work is linear.

What it does badly: charsets are not guessed beyond declared, UTF-8 and Windows-1252; encrypted mail and
winmail.dat stay unread (a defect says so); of several languages in multipart/alternative the plain one wins.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import email
import email.message
import quopri
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache

import mailparser

from mailroom.model import Address, Attachment, DeliveryReport, ParsedMessage
from parse import deliveryreport
from parse.attachments import AttachmentLimits, attachment_text
from parse.html import Mark, align, has_marks, marked_texts, render
from parse.zones import Envelope, Zoner

__all__ = ["Limits", "decode_header_value", "decode_text", "parse_message"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What is read of one message; beyond it a defect says so."""

    header_bytes: int = 64_000  # encoded words cost more than linear time in the libraries below
    multiparts: int = 200  # containers, nested or not
    parts: int = 500
    part_bytes: int = 2_000_000  # of one text part
    body_characters: int = 200_000
    attachments: int = 30
    documents: int = 8  # attachments that are opened (.docx, .pdf); the rest is only named
    attachment: AttachmentLimits = field(default_factory=AttachmentLimits)


# --- text


_CONTROL = re.compile("[\x80-\x9f]")
_DROPPED = dict.fromkeys([*range(9), 11, *range(14, 32), 127, 0xFEFF])
_NAMES = {
    "us-ascii": "",
    "ascii": "",
    "ansi_x3.4-1968": "",
    "unknown-8bit": "",
    "x-unknown": "",
    "default": "",
    "utf8": "utf-8",
    "iso-8859-8-i": "iso-8859-8",
    "ks_c_5601-1987": "cp949",
    "x-gbk": "gbk",
    "x-sjis": "cp932",
    "cp-850": "cp850",
}
# Codecs that are no charsets of mail, or that a sender could make slow.
_REFUSED = frozenset({"punycode", "idna", "unicode-escape", "raw-unicode-escape", "undefined", "mbcs", "oem", "utf-7"})


def decode_text(content: bytes, declared: str | None) -> tuple[str, bool]:
    """(text, whether the declared charset held): declared, then UTF-8, then Windows-1252."""
    name = (declared or "").strip().strip("\"'").lower()
    name = _NAMES.get(name, name)
    held = True
    if name and name != "utf-8":
        try:
            codec = codecs.lookup(name)
            if codec.name.replace("_", "-") in _REFUSED:
                raise LookupError(name)
            text = content.decode(name)
            if isinstance(text, str):
                return _repaired(text), True
        except (LookupError, UnicodeError, ValueError):
            held = False
    try:
        return _repaired(content.decode("utf-8")), held
    except UnicodeError:
        return _repaired(content.decode("cp1252", "replace").replace("\ufffd", "")), not name


def _repaired(text: str) -> str:
    """C1 controls are Windows-1252 letters under a wrong label; other controls say nothing."""
    if _CONTROL.search(text):
        text = _CONTROL.sub(lambda match: match[0].encode("latin-1").decode("cp1252", "ignore"), text)
    if not text.isprintable():
        text = text.replace("\r\n", "\n").replace("\r", "\n").translate(_DROPPED)
        text = text.encode("utf-8", "ignore").decode("utf-8")  # lone surrogates
    return text


_ENCODED_WORD = re.compile(r"=\?([^?\s]{1,40})\?([bBqQ])\?([^?]{0,2000})\?=")
_BETWEEN_WORDS = re.compile(r"(\?=)[ \t\r\n]+(?==\?)")


def decode_header_value(value: str) -> str:
    """A header field's value on one line: RFC 2047 words decoded, raw 8-bit as UTF-8 or Windows-1252."""
    if not value.isascii():
        value = decode_text(value.encode("utf-8", "surrogateescape"), None)[0]
    if "=?" in value:
        value = "".join(_words(_BETWEEN_WORDS.sub(r"\1", value)))
    return " ".join(value.split())


def _words(value: str) -> Iterator[str]:
    """Plain stretches and decoded words; neighbours of one charset are joined first, since a letter may be split."""
    last = 0
    pending, charset = b"", ""
    for match in _ENCODED_WORD.finditer(value):
        content = _word(match[2].lower(), match[3])
        if content is None:
            continue
        name = match[1].partition("*")[0].lower()
        if pending and (match.start() > last or name != charset):
            yield decode_text(pending, charset)[0]
            pending = b""
        yield value[last : match.start()]
        pending, charset, last = pending + content, name, match.end()
    if pending:
        yield decode_text(pending, charset)[0]
    yield value[last:]


def _word(encoding: str, payload: str) -> bytes | None:
    if encoding == "b":
        return _from_base64(payload.encode("ascii", "ignore"))[0]
    try:
        return quopri.decodestring(payload.replace("_", " ").encode("utf-8", "surrogateescape"), header=True)
    except (binascii.Error, ValueError):
        return None


_NOT_BASE64 = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"))


def _from_base64(raw: bytes) -> tuple[bytes, bool]:
    """(what decodes, whether it was sound). A cut tail keeps its whole bytes; what follows the padding is no base64."""
    solid = b"".join(raw.split())
    try:
        return base64.b64decode(solid, validate=True), True
    except (binascii.Error, ValueError):
        pass
    padding = raw.find(b"=")
    cleaned = (raw if padding < 0 else raw[:padding]).translate(None, _NOT_BASE64)
    if len(cleaned) % 4 == 1:
        cleaned = cleaned[:-1]
    try:
        return base64.b64decode(cleaned + b"=" * (-len(cleaned) % 4)), False
    except (binascii.Error, ValueError):
        return b"", False


def _unflow(text: str, delsp: bool) -> str:
    """RFC 3676: a space before the line end continues the paragraph, within one depth of quoting."""
    paragraphs: list[list[str]] = []
    depth, goes_on = 0, False
    for line in text.split("\n"):
        level = len(line) - len(line.lstrip(">"))
        content = line[level:].removeprefix(" ")
        flows = content.endswith(" ") and content != "-- "
        piece = content[:-1] if flows and delsp else content
        if goes_on and level == depth and content != "-- ":
            paragraphs[-1].append(piece)
        else:
            paragraphs.append([f"{'>' * level} " if level else "", piece])
        depth, goes_on = level, flows
    return "\n".join("".join(pieces) for pieces in paragraphs)


# --- headers


_ADDRESS_FIELDS = frozenset({"from", "to", "cc", "reply-to", "date"})
_MESSAGE_ID = re.compile(r"<[^<>\s]{1,990}>")
_FIELD_START = re.compile(rb"[\x21-\x39\x3b-\x7e]{1,100}:|From ")
_HEADER_END = re.compile(rb"\r?\n\r?\n|\r\r")
_CONTAINER = re.compile(rb"(?im)^content-type:[ \t]{0,5}(?:\r?\n[ \t]{1,5})?[\"']?(?:multipart|message)/")


def _addresses(pairs: Iterable[tuple[str, str]] | None) -> tuple[Address, ...]:
    found = []
    for name, address in list(pairs or ())[:200]:
        local, at, domain = address.strip().rpartition("@")
        if at and local and domain:
            found.append(Address(name=" ".join(_repaired(name).split()), address=f"{local}@{domain.lower()}"))
    return tuple(found)


def _ids(values: Iterable[str], *, loose: bool = False) -> tuple[str, ...]:
    """Message-IDs in order, once each; ``loose`` keeps one without angle brackets as it is."""
    found: dict[str, None] = {}
    for value in values:
        ids = _MESSAGE_ID.findall(value)
        if not ids and loose and value.strip():
            ids = [value.strip()[:990]]
        found.update(dict.fromkeys(ids))
    return tuple(found)


class _Fields:
    """The header section, decoded."""

    def __init__(self, message: email.message.Message) -> None:
        raw = [(name, str(value)) for name, value in message.raw_items()]
        self.all = tuple((name, decode_header_value(value)) for name, value in raw)
        # mail-parser sees only the fields that it reads here: it would parse every Received as well.
        section = email.message.Message()
        section.set_payload("")
        for name, value in raw:
            if name.lower() in _ADDRESS_FIELDS and (plain := value.strip()):
                if not plain.isascii():
                    plain = decode_text(plain.encode("utf-8", "surrogateescape"), None)[0].encode("utf-8", "replace").decode("ascii", "surrogateescape")
                section.set_raw(name, plain)
        self.parsed = mailparser.MailParser(section)

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.all if key.lower() == name]

    def sent_at(self) -> datetime | None:
        date = self.parsed.date
        if not isinstance(date, datetime):
            return None
        return date if date.tzinfo is not None else date.replace(tzinfo=UTC)


# --- parts


@dataclass(slots=True)
class _Text:
    """A text part of the body. Parts of one multipart/alternative say the same: they share ``group``."""

    html: bool
    text: str
    group: int


class _Reader:
    """Walks one part tree; an attached message gets a reader of its own."""

    def __init__(self, limits: Limits, zoner: Zoner, *, count: int = 0) -> None:
        self.limits, self.zoner, self.count = limits, zoner, count
        self.defects: list[str] = []
        self.content_types: list[str] = []
        self.texts: list[_Text] = []
        self.attachments: list[Attachment] = []
        self.names: set[str] = set()
        self.report: DeliveryReport | None = None
        self.returned_id = ""
        self.calendar_method: str | None = None
        self.is_report = False
        self.documents = 0

    def defect(self, code: str) -> None:
        if code not in self.defects:
            self.defects.append(code)

    def walk(self, root: email.message.Message) -> None:
        stack: list[tuple[email.message.Message, int]] = [(root, 0)]
        groups = 0
        while stack:
            part, group = stack.pop()
            self.count += 1
            if self.count > self.limits.parts:
                self.defect("too_many_parts")
                return
            kind = part.get_content_type()
            self.content_types.append(kind)
            children = [child for child in part.get_payload() if isinstance(child, email.message.Message)] if part.is_multipart() else []
            try:
                if kind in ("message/rfc822", "message/global", "message/news") and children:
                    self.attached_message(part, children[0])
                elif kind in ("message/delivery-status", "message/disposition-notification", "message/global-delivery-status"):
                    self.delivery(part, children)
                elif children:
                    if kind == "multipart/alternative":
                        groups += 1
                        group = groups
                    elif kind == "multipart/report":
                        self.is_report = True
                    elif kind == "multipart/encrypted":
                        self.defect("encrypted")
                    stack.extend((child, group) for child in reversed(children))
                else:
                    self.leaf(part, kind, group)
            except Exception:  # whatever a library does on one part, the others are read
                self.defect("part_unreadable")

    # --- kinds of part

    def leaf(self, part: email.message.Message, kind: str, group: int) -> None:
        name = self.filename(part)
        disposition = str(part.get("Content-Disposition") or "").partition(";")[0].strip().lower()
        if kind.startswith("multipart/"):  # announced as a container, but no boundary was found
            kind = "text/plain"
            self.defect("broken_structure")
        if kind in ("text/plain", "text/html") and disposition != "attachment" and (not name or not self.texts):
            self.text(part, kind, group)
            return
        if kind == "text/rfc822-headers":
            self.returned(self.payload(part).decode("utf-8", "replace"))
            return
        if kind in ("application/pkcs7-mime", "application/x-pkcs7-mime"):
            self.defect("encrypted")
        elif kind == "application/ms-tnef" or name.lower() == "winmail.dat":
            self.defect("winmail")
        content = self.payload(part)
        if kind == "text/calendar" or name.lower().endswith(".ics"):
            self.calendar(part, content)
        self.attach(part, kind, name, content)

    def text(self, part: email.message.Message, kind: str, group: int) -> None:
        content = self.payload(part)
        if len(content) > self.limits.part_bytes:
            self.defect("body_cut")
            content = content[: self.limits.part_bytes]
        try:
            charset = part.get_content_charset()
        except Exception:  # RFC 2231 parameters with a broken charset of their own
            charset = None
        text, held = decode_text(content, charset)
        if not held:
            self.defect("charset_guessed")
        if kind == "text/plain" and self.parameter(part, "format") == "flowed":
            text = _unflow(text, self.parameter(part, "delsp") == "yes")
        self.texts.append(_Text(html=kind == "text/html", text=text, group=group))

    def attach(self, part: email.message.Message, kind: str, name: str, content: bytes) -> None:
        if len(self.attachments) >= self.limits.attachments:
            self.defect("too_many_attachments")
            return
        no_defects: tuple[str, ...] = ()
        if kind == "text/html":
            text, defects = render(decode_text(content[: self.limits.part_bytes], part.get_content_charset())[0]).text, no_defects
            text = text[: self.limits.attachment.characters]
        elif kind.startswith("text/"):
            text, _ = decode_text(content[: self.limits.attachment.characters * 4], part.get_content_charset())
            text, defects = text[: self.limits.attachment.characters], no_defects
        elif self.documents >= self.limits.documents:
            text, defects = "", no_defects
            self.defect("too_many_attachments")
        else:
            self.documents += kind == "application/pdf" or name.lower().endswith((".pdf", ".docx"))
            text, defects = attachment_text(content, content_type=kind, filename=name, limits=self.limits.attachment)
        self.add(Attachment(filename=name or _unnamed(kind), content_type=kind, size=len(content), text=text, defects=defects))

    def attached_message(self, part: email.message.Message, inner: email.message.Message) -> None:
        """Somebody else's message: its heading and text become an attachment, never own words."""
        fields = {name.lower(): str(value) for name, value in reversed(list(inner.raw_items()))}
        if not self.returned_id:
            self.returned_id = (_ids([fields.get("message-id", "")]) or ("",))[0]
        reader = _Reader(self.limits, self.zoner, count=self.count)
        reader.documents = self.documents
        reader.walk(inner)
        self.documents = reader.documents
        self.count = reader.count
        self.content_types += reader.content_types
        subject = decode_header_value(fields.get("subject", ""))
        text = ""
        if not self.is_report:  # what a report returns is mail of ours
            head = [f"{label}: {decode_header_value(fields[label.lower()])}" for label in ("From", "Date", "To", "Subject") if fields.get(label.lower())]
            text = "\n".join([*head, "", reader.body()[0].strip("\n")])[: self.limits.body_characters]
        name = self.filename(part) or (re.sub(r"[^\w .'-]+", "_", subject).strip()[:60] or "message") + ".eml"
        self.add(Attachment(filename=name, content_type="message/rfc822", size=len(text), text=text, defects=tuple(reader.defects)))
        for attachment in reader.attachments:
            if not self.is_report:
                self.add(attachment)

    def delivery(self, part: email.message.Message, blocks: list[email.message.Message]) -> None:
        """RFC 3464 status or RFC 8098 receipt."""
        if not blocks:
            text = self.payload(part)[:64_000].decode("utf-8", "replace").replace("\r\n", "\n")
            blocks = [email.message_from_string(section) for section in text.split("\n\n")[:20]]
        self.report = deliveryreport.from_status(
            [{name.lower(): decode_header_value(str(value)) for name, value in reversed(list(block.raw_items()))} for block in blocks[:50]]
        )

    def returned(self, section: str) -> None:
        """Header fields of our own message, sent back."""
        self.returned_id = self.returned_id or deliveryreport.returned_message_id(section)

    def calendar(self, part: email.message.Message, content: bytes) -> None:
        method = self.parameter(part, "method")
        if not method:
            found = re.search(rb"(?im)^METHOD:[ \t]{0,5}([A-Za-z-]{1,40})", content[:100_000])
            method = found[1].decode("ascii") if found else ""
        if method and self.calendar_method is None:
            self.calendar_method = method.upper()

    # --- what parts are made of

    def payload(self, part: email.message.Message) -> bytes:
        """The part's bytes, decoded as far as they can be."""
        encoding = str(part.get("Content-Transfer-Encoding") or "").strip().lower()
        if encoding == "base64":
            raw = part.get_payload()
            content, sound = _from_base64(raw.encode("ascii", "ignore") if isinstance(raw, str) else b"")
            if not sound:
                self.defect("broken_base64")
            return content
        decoded = part.get_payload(decode=True)
        return decoded if isinstance(decoded, bytes) else b""

    @staticmethod
    def parameter(part: email.message.Message, name: str) -> str:
        value = part.get_param(name)
        return value.strip().lower() if isinstance(value, str) else ""

    @staticmethod
    def filename(part: email.message.Message) -> str:
        try:
            name = part.get_filename()
        except Exception:  # RFC 2231 parameters that cannot be put together
            name = None
        text = decode_header_value(str(name)) if name else ""
        return re.split(r"[\\/]", text)[-1].strip()[-150:]

    def add(self, attachment: Attachment) -> None:
        """Names are made unique, since evidence points into an attachment by its name."""
        if len(self.attachments) >= self.limits.attachments:
            self.defect("too_many_attachments")
            return
        name, number = attachment.filename, 2
        while name in self.names:
            stem, dot, ending = attachment.filename.rpartition(".")
            name = f"{stem} ({number}).{ending}" if dot and stem else f"{attachment.filename} ({number})"
            number += 1
        self.names.add(name)
        self.attachments.append(replace(attachment, filename=name))

    # --- the body

    def body(self) -> tuple[str, tuple[Mark, ...]]:
        """The one body text, and what the HTML says of it."""
        pieces: list[str] = []
        marks: list[Mark] = []
        hints: list[str] = []
        offset = 0
        for texts in self.bundles():
            plain = "\n".join(part.text for part in texts if not part.html)
            pages = [part.text for part in texts if part.html]
            chosen: tuple[Mark, ...] = ()
            text = plain
            if pages and self.zoner.is_stub(plain):
                rendered = render("\n".join(pages))
                if rendered.text.strip():
                    text, chosen = rendered.text, rendered.marks
                    if pieces and _solid(text) in _solid("".join(pieces)):
                        text, chosen = "", ()  # beside a plain part that says the same, without a container that says so
                    else:
                        pages = []
            hints += pages
            marks += [Mark(kind=mark.kind, start=mark.start + offset, end=mark.end + offset) for mark in chosen]
            pieces.append(text)
            offset += len(text) + 1
        body = "\n".join(pieces)
        if len(body) > self.limits.body_characters:
            self.defect("body_cut")
            body = body[: self.limits.body_characters]
        if not marks:
            marks += align(body, [found for page in hints if has_marks(page) for found in marked_texts(page)])
        return body, tuple(mark for mark in marks if mark.end <= len(body))

    def bundles(self) -> Iterator[list[_Text]]:
        """Text parts that say the same, together; the others one by one."""
        seen: dict[int, list[_Text]] = {}
        order: list[list[_Text]] = []
        for part in self.texts:
            if part.group and part.group in seen:
                seen[part.group].append(part)
            else:
                order.append([part])
                if part.group:
                    seen[part.group] = order[-1]
        yield from order


def _solid(text: str) -> str:
    return "".join(text.split())


def _unnamed(kind: str) -> str:
    """A name that is the same every time: evidence and tests must be reproducible."""
    main, _, sub = kind.partition("/")
    return f"unnamed.{'ics' if sub == 'calendar' else 'txt' if sub == 'plain' else sub[:20] or main}"


# --- the whole


@lru_cache(maxsize=1)
def _default_zoner() -> Zoner:
    return Zoner()


def parse_message(content: bytes, *, zoner: Zoner | None = None, limits: Limits | None = None) -> ParsedMessage:
    """Take a message apart. Never raises for what a sender can write; see ``ParsedMessage.defects``."""
    limits = limits or Limits()
    zoner = zoner or _default_zoner()
    reader = _Reader(limits, zoner)
    content = content.lstrip(b"\r\n").removeprefix(b"\xef\xbb\xbf")
    content = _bounded(content, limits, reader)
    try:
        message = email.message_from_bytes(content)
    except Exception:  # RecursionError above all: nesting that escaped the count
        reader.defect("too_deep")
        end = _HEADER_END.search(content)
        message = email.message_from_bytes(content[: end.end()] if end else content[: limits.header_bytes])
    fields = _Fields(message)
    reader.walk(message)
    body, marks = reader.body()

    from_addresses = _addresses(fields.parsed.from_)
    if not from_addresses:
        reader.defect("no_sender")
    if not body.strip() and not any(attachment.text.strip() for attachment in reader.attachments):
        reader.defect("no_text")
    recipients = _addresses([*(fields.parsed.to or ()), *(fields.parsed.cc or ())])
    subject = (fields.values("subject") or [""])[0]
    in_reply_to, references = _ids(fields.values("in-reply-to")), _ids(fields.values("references"))
    returned = fields.values("return-path")
    envelope = Envelope(
        sender=from_addresses[0] if from_addresses else None,
        recipients=recipients,
        subject=subject,
        is_reply=bool(in_reply_to or references),
    )
    return ParsedMessage(
        message_ids=_ids(fields.values("message-id"), loose=True),
        in_reply_to=in_reply_to,
        references=references,
        sender=envelope.sender,
        from_addresses=from_addresses,
        reply_to=_addresses(fields.parsed.reply_to),
        recipients=recipients,
        subject=subject,
        sent_at=fields.sent_at(),
        return_path=returned[0].strip().strip("<>").strip() if returned else None,
        headers=fields.all,
        body=body,
        zones=zoner.zones(body, marks=marks, envelope=envelope),
        attachments=tuple(reader.attachments),
        content_types=tuple(reader.content_types),
        report=_report(reader, fields, body, envelope.sender),
        calendar_method=reader.calendar_method,
        defects=tuple(reader.defects),
    )


def _bounded(content: bytes, limits: Limits, reader: _Reader) -> bytes:
    """Cut what the parsers below must not see: a huge header section, bottomless nesting."""
    if _FIELD_START.match(content):
        end = _HEADER_END.search(content)
        head = content[: end.start()] if end else content
        if len(head) > limits.header_bytes:
            reader.defect("header_cut")
            cut = head.rfind(b"\n", 0, limits.header_bytes)
            rest = content[end.start() :] if end else b"\r\n\r\n"
            content = head[: cut if cut > 0 else limits.header_bytes].rstrip(b"\r\n") + rest
    for number, found in enumerate(_CONTAINER.finditer(content)):
        if number >= limits.multiparts:
            reader.defect("too_deep")
            return content[: found.start()]
    return content


def _report(reader: _Reader, fields: _Fields, body: str, sender: Address | None) -> DeliveryReport | None:
    """The report in the message's parts, or what a mail server wrote in prose."""
    report = reader.report
    if report is not None:
        return report if report.original_message_id else replace(report, original_message_id=reader.returned_id)
    return deliveryreport.from_prose(
        body,
        failed=fields.values("x-failed-recipients"),
        sender=sender.address if sender is not None else "",
        null_return_path=[value.strip().strip("<>").strip() for value in fields.values("return-path")[:1]] == [""],
        own=[address.address for address in _addresses(fields.parsed.to)],
        subject=(fields.values("subject") or [""])[0],
        message_id=reader.returned_id,
    )
