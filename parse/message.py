"""Bytes of a message to a ParsedMessage, whatever the bytes.

mail-parser reads the header fields (addresses, date); the part tree is walked over the standard
library's own parser, because mail-parser flattens it: the text of an attached message would pass for
the sender's own, and delivery reports and calendars would be lost.

Promise: never raises for bad mail. What could be read is returned, what could not is in ``defects``
(codes of mailroom.reasons). Every limit is applied before the work that it bounds; everything is linear.

What it does badly: charsets are never guessed beyond declared, UTF-8 and Windows-1252; encrypted and
TNEF (winmail.dat) parts stay unread.
"""

from __future__ import annotations

import binascii
import email
import email.message
import quopri
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import policy

import mailparser

from mailroom.model import Address, Attachment, DeliveryReport, ParsedMessage
from parse.attachments import AttachmentLimits, attachment_text
from parse.html import Mark, align, has_marks, marked_texts, render
from parse.zones import Envelope, Zoner

__all__ = ["Limits", "parse_message"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What is read of one message; beyond it a defect says so."""

    header_bytes: int = 64_000
    multiparts: int = 200
    parts: int = 300
    body_characters: int = 200_000
    attachments: int = 30
    attachment_bytes: int = 10_000_000
    attachment: AttachmentLimits = field(default_factory=AttachmentLimits)


_CONTROL = re.compile("[\x80-\x9f]")
_DROPPED = dict.fromkeys([*range(9), 11, 14, *range(15, 32), 127])
_ENCODED_WORD = re.compile(r"=\?([^?\s]{1,40})\?([bBqQ])\?([^?\s]*)\?=")
_BETWEEN_WORDS = re.compile(r"(\?=)[ \t\r\n]+(?==\?)")
_FOLD = re.compile(r"\r?\n[ \t]")
_MESSAGE_ID = re.compile(r"<[^<>\s]{1,990}>")
_MULTIPART = re.compile(rb"(?im)^content-type:[ \t]{0,5}(?:\r?\n[ \t])?[ \t]{0,5}(?:multipart|message)/")
_HEADER_END = re.compile(rb"\r?\n\r?\n|\r\r")
_ALIASES = {"x-unknown": "", "unknown-8bit": "", "us-ascii": "", "ascii": "", "ansi_x3.4-1968": "", "utf8": "utf-8", "iso-8859-8-i": "iso-8859-8"}


def decode_text(content: bytes, declared: str | None) -> tuple[str, bool]:
    """(text, whether the declared charset held): declared, then UTF-8, then Windows-1252."""
    name = (declared or "").strip().strip("\"'").lower()
    name = _ALIASES.get(name, name)
    held = True
    if name and name not in ("utf-8",):
        try:
            text = content.decode(name)
            if isinstance(text, str):
                return _repaired(text), True
        except (LookupError, UnicodeError, ValueError, AssertionError):
            held = False
    try:
        text = content.decode("utf-8")
        return _repaired(text), held
    except UnicodeError:
        return _repaired(content.decode("cp1252", "replace").replace("\ufffd", "")), held and not name


def _repaired(text: str) -> str:
    """C1 controls are Windows-1252 in disguise; other controls say nothing."""
    if _CONTROL.search(text):
        text = _CONTROL.sub(lambda match: match[0].encode("latin-1").decode("cp1252", "ignore"), text)
    return text.replace("\r\n", "\n").replace("\r", "\n").translate(_DROPPED).removeprefix("\ufeff")


def decode_header_value(value: str) -> str:
    """RFC 2047 and raw 8-bit, unfolded, on one line."""
    value = _FOLD.sub(" ", value)
    if not value.isascii():
        raw = value.encode("utf-8", "surrogateescape")
        value = decode_text(raw, None)[0]

    def word(match: re.Match[str]) -> str:
        charset, encoding, payload = match[1].split("*")[0], match[2].lower(), match[3]
        try:
            if encoding == "b":
                content = binascii.a2b_base64(payload + "=" * (-len(payload) % 4))
            else:
                content = quopri.decodestring(payload.replace("_", " ").encode("ascii", "replace"), header=True)
        except (binascii.Error, ValueError):
            return match[0]
        return decode_text(content, charset)[0]

    if "=?" in value:
        value = _ENCODED_WORD.sub(word, _BETWEEN_WORDS.sub(r"\1", value))
    return " ".join(value.split())


def _unflow(text: str, delsp: bool) -> str:
    """RFC 3676: a space before the line end continues the paragraph."""
    out: list[str] = []
    current, depth, open_ = "", 0, False
    for line in text.split("\n"):
        level = len(line) - len(line.lstrip(">"))
        content = line[level:].removeprefix(" ")
        flows = content.endswith(" ") and content != "-- "
        piece = content[:-1] if flows and delsp else content
        if open_ and level == depth and content != "-- ":
            out[-1] += piece
        else:
            out.append(">" * level + (" " if level else "") + piece if level else piece)
        depth, open_ = level, flows
    return "\n".join(out)


def _addresses(pairs: list[tuple[str, str]]) -> tuple[Address, ...]:
    found = []
    for name, address in pairs:
        local, at, domain = address.strip().rpartition("@")
        if at and local:
            found.append(Address(name=decode_header_value(name), address=f"{local}@{domain.lower()}"))
    return tuple(found)


class _Reader:
    def __init__(self, limits: Limits, zoner: Zoner) -> None:
        self.limits, self.zoner = limits, zoner
        self.defects: list[str] = []
        self.content_types: list[str] = []
        self.plain: list[str] = []
        self.html: list[str] = []
        self.attachments: list[Attachment] = []
        self.report: DeliveryReport | None = None
        self.calendar_method: str | None = None
        self.original_message_id = ""
        self.count = 0

    def defect(self, code: str) -> None:
        if code not in self.defects:
            self.defects.append(code)

    def payload(self, part: email.message.Message) -> bytes:
        content = part.get_payload(decode=True)
        if any("Base64" in type(d).__name__ for d in part.defects):
            self.defect("broken_base64")
        return content if isinstance(content, bytes) else b""

    def walk(self, part: email.message.Message, *, attached: bool = False) -> None:
        stack: list[tuple[email.message.Message, bool]] = [(part, attached)]
        while stack:
            part, attached = stack.pop()
            self.count += 1
            if self.count > self.limits.parts:
                self.defect("too_many_parts")
                return
            kind = part.get_content_type()
            self.content_types.append(kind)
            payload = part.get_payload()
            if kind in ("message/rfc822", "message/global") and isinstance(payload, list):
                self.forwarded(part, payload[0])
            elif kind == "message/delivery-status" or kind == "message/disposition-notification":
                self.delivery(part)
            elif part.is_multipart():
                stack.extend((child, attached) for child in reversed(payload) if isinstance(child, email.message.Message))
            else:
                self.leaf(part, kind)

    def forwarded(self, part: email.message.Message, inner: email.message.Message) -> None:
        if not self.original_message_id:
            match = _MESSAGE_ID.search(str(inner.get("Message-ID", "")))
            self.original_message_id = match[0] if match else ""
        reader = _Reader(self.limits, self.zoner)
        reader.count = self.count
        reader.walk(inner)
        self.count = reader.count
        subject = decode_header_value(str(inner.get("Subject", "")))
        head = [f"{name}: {decode_header_value(str(inner[name]))}" for name in ("From", "Date", "Subject") if inner[name]]
        text = "\n".join(head) + "\n\n" + reader.body(self.zoner)[0]
        self.add_attachment(Attachment(filename=self.filename(part) or (subject[:80] or "message") + ".eml", content_type="message/rfc822", size=0, text=text))

    def delivery(self, part: email.message.Message) -> None:
        blocks = part.get_payload()
        fields: dict[str, str] = {}
        for block in blocks if isinstance(blocks, list) else []:
            for name, value in block.items():
                fields.setdefault(name.lower(), str(value))
        if not fields:
            for line in self.payload(part).decode("utf-8", "replace").splitlines():
                name, colon, value = line.partition(":")
                if colon:
                    fields.setdefault(name.strip().lower(), value.strip())
        match = _MESSAGE_ID.search(fields.get("original-message-id", ""))
        self.report = DeliveryReport(
            action=fields.get("action", fields.get("disposition", "").rpartition(";")[2]).strip().lower(),
            status=fields.get("status", "").split(" ")[0],
            recipient=fields.get("final-recipient", "").rpartition(";")[2].strip(),
            original_message_id=match[0] if match else "",
        )

    def filename(self, part: email.message.Message) -> str:
        try:
            name = part.get_filename()
        except Exception:
            name = None
        return decode_header_value(str(name))[-200:] if name else ""

    def add_attachment(self, attachment: Attachment) -> None:
        if len(self.attachments) >= self.limits.attachments:
            self.defect("too_many_attachments")
            return
        taken = {a.filename for a in self.attachments}
        name, number = attachment.filename, 2
        while name in taken:
            name = f"{attachment.filename} ({number})"
            number += 1
        self.attachments.append(
            Attachment(filename=name, content_type=attachment.content_type, size=attachment.size, text=attachment.text, defects=attachment.defects)
        )

    def leaf(self, part: email.message.Message, kind: str) -> None:
        name = self.filename(part)
        disposition = (part.get("Content-Disposition") or "").split(";")[0].strip().lower()
        if kind == "text/calendar" or name.lower().endswith(".ics"):
            method = part.get_param("method")
            content = self.payload(part)
            if not method:
                found = re.search(rb"(?im)^METHOD:[ \t]{0,5}([A-Za-z-]{1,40})", content[:100_000])
                method = found[1].decode() if found else None
            self.calendar_method = self.calendar_method or (str(method).upper() if method else None)
        if kind in ("text/plain", "text/html") and disposition != "attachment" and not name:
            content = self.payload(part)
            text, held = decode_text(content[: self.limits.body_characters * 6], self.charset(part))
            if not held:
                self.defect("wrong_charset")
            if kind == "text/plain" and str(part.get_param("format", "")).lower() == "flowed":
                text = _unflow(text, str(part.get_param("delsp", "")).lower() == "yes")
            (self.plain if kind == "text/plain" else self.html).append(text)
            return
        if kind == "text/rfc822-headers":
            match = re.search(rb"(?im)^message-id:[ \t\r\n]{0,5}(<[^<>\s]{1,990}>)", self.payload(part)[:100_000])
            if match:
                self.original_message_id = match[1].decode("ascii", "replace")
        if name or disposition == "attachment" or not kind.startswith(("multipart/", "text/rfc822")):
            content = self.payload(part)
            if len(content) > self.limits.attachment_bytes:
                text, defects = "", ("attachment_too_large",)
            else:
                text, defects = attachment_text(content, content_type=kind, filename=name, limits=self.limits.attachment)
            self.add_attachment(Attachment(filename=name or f"unnamed-{self.count}", content_type=kind, size=len(content), text=text, defects=defects))

    def charset(self, part: email.message.Message) -> str | None:
        try:
            return part.get_content_charset()
        except Exception:
            return None

    def body(self, zoner: Zoner) -> tuple[str, tuple[Mark, ...]]:
        """The one body text, and what the HTML says of it."""
        plain = "\n".join(self.plain)
        marks: tuple[Mark, ...] = ()
        if self.html and zoner.is_stub(plain):
            pages = [render(page) for page in self.html]
            text = "\n".join(page.text for page in pages)
            if len(text.strip()) > len(plain.strip()) or not plain.strip():
                offset, found = 0, []
                for page in pages:
                    found += [Mark(kind=m.kind, start=m.start + offset, end=m.end + offset) for m in page.marks]
                    offset += len(page.text) + 1
                plain, marks = text, tuple(found)
        elif self.html:
            texts = [item for page in self.html if has_marks(page) for item in marked_texts(page)]
            marks = align(plain[: self.limits.body_characters], texts)
        if len(plain) > self.limits.body_characters:
            self.defect("body_cut")
            plain = plain[: self.limits.body_characters]
        return plain, marks


_default_zoner: Zoner | None = None


def _zoner() -> Zoner:
    global _default_zoner
    if _default_zoner is None:
        _default_zoner = Zoner()
    return _default_zoner


def parse_message(content: bytes, *, zoner: Zoner | None = None, limits: Limits | None = None) -> ParsedMessage:
    """Take a message apart. Never raises for what a sender can write."""
    limits = limits or Limits()
    zoner = zoner or _zoner()
    reader = _Reader(limits, zoner)
    match = _HEADER_END.search(content)
    head = content[: match.end()] if match else content
    if len(head) > limits.header_bytes:
        reader.defect("header_cut")
        cut = head.rfind(b"\n", 0, limits.header_bytes)
        rest = content[match.start() :] if match else b"\n\n"
        head = head[: cut if cut > 0 else limits.header_bytes] + b"\r\n\r\n"
        content = head.rstrip(b"\r\n") + rest
    for number, found in enumerate(_MULTIPART.finditer(content)):
        if number >= limits.multiparts:
            reader.defect("too_deep")
            content = content[: found.start()]
            break
    try:
        message = email.message_from_bytes(content, policy=policy.compat32)
    except Exception:
        reader.defect("unreadable")
        message = email.message_from_bytes(head)
    headers = tuple((name, decode_header_value(str(value))) for name, value in message.raw_items())

    def values(name: str) -> list[str]:
        return [value for key, value in headers if key.lower() == name]

    fields = None
    try:
        fields = mailparser.parse_from_bytes(head)
    except Exception:
        reader.defect("bad_headers")
    from_ = _addresses(fields.from_) if fields else ()
    sent_at: datetime | None = fields.date if fields else None
    if sent_at is not None and sent_at.tzinfo is None:
        sent_at = sent_at.replace(tzinfo=UTC)
    reader.walk(message)
    body, marks = reader.body(zoner)
    report = reader.report
    if report is not None and not report.original_message_id:
        report = DeliveryReport(action=report.action, status=report.status, recipient=report.recipient, original_message_id=reader.original_message_id)
    if not from_:
        reader.defect("no_sender")
    recipients = _addresses([*(fields.to or []), *(fields.cc or [])]) if fields else ()
    subject = (values("subject") or [""])[0]
    envelope = Envelope(sender=from_[0] if from_ else None, recipients=recipients, subject=subject, is_reply=bool(values("in-reply-to") or values("references")))
    returned = values("return-path")
    ids = [m for value in values("message-id") for m in (_MESSAGE_ID.findall(value) or [value.strip()]) if m]
    return ParsedMessage(
        message_ids=tuple(dict.fromkeys(ids)),
        in_reply_to=tuple(dict.fromkeys(m for value in values("in-reply-to") for m in _MESSAGE_ID.findall(value))),
        references=tuple(dict.fromkeys(m for value in values("references") for m in _MESSAGE_ID.findall(value))),
        sender=from_[0] if from_ else None,
        from_addresses=from_,
        reply_to=_addresses(fields.reply_to) if fields and fields.reply_to else (),
        recipients=recipients,
        subject=subject,
        sent_at=sent_at,
        return_path=returned[0].strip("<> ") if returned else None,
        headers=headers,
        body=body,
        zones=zoner.zones(body, marks=marks, envelope=envelope),
        attachments=tuple(reader.attachments),
        content_types=tuple(reader.content_types),
        report=report,
        calendar_method=reader.calendar_method,
        defects=tuple(reader.defects),
    )
