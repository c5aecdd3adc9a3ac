"""The text of attachments, read with limits; a broken file is a defect, never an exception."""

from __future__ import annotations

import html
import io
import re
import zipfile
from dataclasses import dataclass

__all__ = ["AttachmentLimits", "attachment_text"]


@dataclass(frozen=True, kw_only=True, slots=True)
class AttachmentLimits:
    characters: int = 100_000
    unpacked: int = 20_000_000
    pages: int = 30


_PARAGRAPH = re.compile(r"</w:p>|<w:br/>|<w:cr/>")
_TAG = re.compile(r"<[^<>]*>")


def _docx(content: bytes, limits: AttachmentLimits) -> str:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        info = archive.getinfo("word/document.xml")
        if info.file_size > limits.unpacked:
            raise ValueError("too large")
        xml = archive.read(info).decode("utf-8", "replace")
    return html.unescape(_TAG.sub("", _PARAGRAPH.sub("\n", xml.replace("<w:tab/>", "\t"))))


def _pdf(content: bytes, limits: AttachmentLimits) -> str:
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(content))
    return "\n".join(page.extract_text() for page in reader.pages[: limits.pages])


def attachment_text(content: bytes, *, content_type: str, filename: str, limits: AttachmentLimits) -> tuple[str, tuple[str, ...]]:
    """(text, defects)."""
    name = filename.lower()
    try:
        if name.endswith(".docx") or content_type.endswith("wordprocessingml.document"):
            text = _docx(content, limits)
        elif name.endswith(".pdf") or content_type == "application/pdf":
            text = _pdf(content, limits)
        elif content_type.startswith("text/") or name.endswith((".txt", ".ics")):
            text = content.decode("utf-8", "replace")
        else:
            return "", ()
    except Exception:
        return "", ("attachment_unreadable",)
    return text.strip()[: limits.characters], ()
