"""The text of attachments, read with limits; a broken file is a defect, never an exception.

.docx is read from its own XML with a tag scanner, so no XML parser sees a sender's entities, and what a zip
says of its size is checked before anything is unpacked. .pdf goes through pypdf with caps on the file, the
pages and the bytes of each page. Pictures, sheets and old .doc files are not read: ``text`` is "".

Promise: never raises; time and memory are bounded by ``AttachmentLimits``.
What it does badly: scanned pages have no text; text boxes in .docx come where they are anchored.
"""

from __future__ import annotations

import html
import io
import logging
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

__all__ = ["AttachmentLimits", "attachment_text"]


@dataclass(frozen=True, kw_only=True, slots=True)
class AttachmentLimits:
    """What is read of one attachment."""

    bytes: int = 10_000_000  # of the file as it came
    characters: int = 100_000  # of text kept
    unpacked: int = 30_000_000  # all members of a zip together
    ratio: int = 200  # of unpacked to packed, for members above a megabyte
    members: int = 2_000
    xml: int = 5_000_000  # of one XML part
    pages: int = 30
    forms: int = 50  # drawings that a page may repeat
    page_bytes: int = 300_000  # of one page's content, unpacked
    content_bytes: int = 1_000_000  # of all pages' content together


class _TooLarge(Exception):
    """A limit was met before anything was read."""


_WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def attachment_text(content: bytes, *, content_type: str, filename: str, limits: AttachmentLimits | None = None) -> tuple[str, tuple[str, ...]]:
    """(text, defects). The name's ending counts where the type says nothing (application/octet-stream)."""
    limits = limits or AttachmentLimits()
    ending = filename.lower().rpartition(".")[2]
    try:
        if content_type == _WORD or ending == "docx":
            pieces = _docx(content, limits)
        elif content_type == "application/pdf" or ending == "pdf":
            pieces = _pdf(content, limits)
        elif ending in ("txt", "text", "ics", "csv", "md"):
            pieces = iter([_plain(content[: limits.characters * 4])])
        else:
            return "", ()
        if len(content) > limits.bytes:
            return "", ("attachment_too_large",)
        return _gather(pieces, limits.characters)
    except _TooLarge:
        return "", ("attachment_too_large",)
    except Exception:  # broken files make these libraries raise anything; RecursionError and MemoryError included
        return "", ("attachment_unreadable",)


def _gather(pieces: Iterator[str], limit: int) -> tuple[str, tuple[str, ...]]:
    kept: list[str] = []
    length = 0
    for piece in pieces:
        kept.append(piece)
        length += len(piece)
        if length > limit:
            break
    text = _tidy("".join(kept))
    return (text[:limit], ("attachment_cut",)) if len(text) > limit else (text, ())


_CONTROLS = {**dict.fromkeys([*range(9), *range(14, 32), 0xFEFF]), 11: "\n", 12: "\n", 0xA0: " "}


def _tidy(text: str) -> str:
    """No control characters, no white space at line ends, at most one empty line together."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").translate(_CONTROLS)
    lines = [line.rstrip() for line in text.split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _plain(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "cp1252", "replace").replace("\ufffd", "")


# --- .docx

_TOKEN = re.compile(r"<(/?)(?:[A-Za-z0-9]{1,20}:)?([A-Za-z0-9]{1,40})([^<>]*)>|([^<]+)")
_CHECKED = re.compile(r"""\bval="(?:1|true|on)\"""")


def _docx(content: bytes, limits: AttachmentLimits) -> Iterator[str]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = archive.infolist()
        if len(members) > limits.members or sum(member.file_size for member in members) > limits.unpacked:
            raise _TooLarge
        if any(member.file_size > 1_000_000 and member.file_size > member.compress_size * limits.ratio for member in members):
            raise _TooLarge
        names = [member.filename for member in members]
        parts = [name for name in sorted(names) if re.fullmatch(r"word/header\d{0,3}\.xml", name)][:5]
        parts += [name for name in ("word/document.xml", "word/document2.xml") if name in names][:1]
        parts += [name for name in ("word/footnotes.xml", "word/endnotes.xml") if name in names]
        if not any(name.startswith("word/document") for name in parts):
            raise ValueError("no document in it")
        texts = []
        for name in parts:
            # The size in the directory may lie, so no more than the limit is ever unpacked.
            with archive.open(name) as member:
                xml = member.read(limits.xml + 1)
            if len(xml) > limits.xml:
                raise _TooLarge
            texts.append(_word_text(xml.decode("utf-16" if xml[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8", "replace")))
    for text in texts:
        if text.strip():
            yield text.rstrip("\n") + "\n"


def _word_text(xml: str) -> str:
    """Paragraphs by line, table rows by line with their cells parted; deleted text and field codes left out."""
    pieces: list[str] = []
    in_text = False
    skipped = cells = 0
    for closing, name, attributes, text in _TOKEN.findall(xml):
        if text:
            if in_text and not skipped:
                pieces.append(html.unescape(text))
        elif name == "t":
            in_text = not closing and not attributes.endswith("/")
        elif name in ("del", "Fallback", "moveFrom"):  # what was deleted, and the second copy of a text box
            if not attributes.endswith("/"):
                skipped = max(0, skipped - 1) if closing else skipped + 1
        elif skipped:
            continue
        elif name == "tab" and not closing and attributes.endswith("/") and "pos=" not in attributes:
            pieces.append("\t")
        elif name in ("br", "cr") and not closing:
            pieces.append("\n")
        elif name == "noBreakHyphen":
            pieces.append("-")
        elif name == "p" and (closing or attributes.endswith("/")):
            pieces.append(" " if cells else "\n")
        elif name == "tc":
            cells = max(0, cells - 1) if closing else cells + 1
            if closing and not cells:
                pieces.append("\t")
        elif name == "tr" and closing and not cells:
            pieces.append("\n")
        elif name == "default" and not closing and "val=" in attributes:  # an old form's tick box
            pieces.append("\u2612 " if _CHECKED.search(attributes) else "\u2610 ")
    return "\n".join(re.sub(r" ?\t ?", "\t", line).strip(" \t") for line in "".join(pieces).split("\n"))


# --- .pdf


def _pdf(content: bytes, limits: AttachmentLimits) -> Iterator[str]:
    if len(content) > limits.bytes:
        raise _TooLarge
    from pypdf import apply_configuration  # 0.2 s, paid by the first message that has one

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # one warning for each oddity of a file; a defect says enough
    length = limits.content_bytes * 4
    with apply_configuration(
        stream_parsing_work_maximum_count=200_000,
        array_based_stream_maximum_output_length=length,
        lzw_maximum_output_length=length,
        run_length_maximum_output_length=length,
        zlib_maximum_output_length=length,
        zlib_maximum_recovery_input_length=length,
        stream_decoding_work_maximum_length=length * 2,
    ):
        return iter(_pages(content, limits))


def _largest_form(page: Any, limits: AttachmentLimits) -> int:
    """Bytes of the largest stretch of content that the page may draw again and again (form XObjects)."""
    waiting = [page]
    largest = seen = 0
    while waiting:
        resources = waiting.pop().get("/Resources")
        forms = resources.get_object().get("/XObject") if resources is not None else None
        for value in forms.get_object().values() if forms is not None else ():
            form = value.get_object()
            if form.get("/Subtype") == "/Form":
                seen += 1
                if seen > limits.forms:
                    raise _TooLarge
                largest = max(largest, len(form.get_data()))
                waiting.append(form)
    return largest


def _pages(content: bytes, limits: AttachmentLimits) -> list[str]:
    from pypdf import PdfReader, apply_configuration

    reader = PdfReader(io.BytesIO(content), strict=False)
    if reader.is_encrypted and not reader.decrypt(""):
        raise ValueError("needs a password")
    texts: list[str] = []
    total = 0
    for number in range(min(limits.pages, len(reader.pages))):
        page = reader.pages[number]
        contents = page.get_contents()
        size = len(contents.get_data()) if contents is not None else 0
        total += size
        if size > limits.page_bytes or total > limits.content_bytes:
            if texts:
                break  # what was read so far is kept
            raise _TooLarge
        # Each drawing of a form is read anew: all drawings together may cost no more than a long page.
        drawings = max(1, min(100, limits.page_bytes // max(1, _largest_form(page, limits))))
        with apply_configuration(xform_maximum_invocations_per_extraction=drawings):
            texts.append(page.extract_text() + "\n")
    return texts
