"""The parts of a message as it came: what may be downloaded, the HTML that may be looked at, and safe answers for both.

Promises. Nothing here runs, opens or unpacks a part. Whatever a part is called, the name in the answer's header has no
path, no control character, no line end and no leading dot; whatever a part says it is, it leaves as bytes to be saved,
in a sandbox, and a browser may not guess. HTML keeps words, tables and emphasis and loses scripts, forms, styles,
pictures and every address that could be fetched or followed.

What it does badly: a message of many megabytes is taken apart anew for each download.
"""

from __future__ import annotations

import base64
import email
import email.header
import email.message
import email.policy
import hashlib
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote

import nh3

__all__ = ["HTML_POLICY", "Part", "disposition", "download_headers", "html_page", "html_text", "part_content", "parts", "plain_text", "safe_filename"]

MOST_PARTS = 500
MOST_HTML = 1_000_000  # bytes of a part that are shown
_READ_BY_US = {"text/plain", "text/html"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """Something that may be downloaded. ``index`` counts the parts of the message; ``name`` is safe to be shown and used."""

    index: int
    name: str
    content_type: str
    size: int


def parts(content: bytes) -> tuple[Part, ...]:
    """What is attached: named parts, and those that are no text of the message itself."""
    return tuple(
        Part(index=index, name=safe_filename(_filename(part), part.get_content_type()), content_type=_type(part), size=len(_bytes(part)))
        for index, part in _attached(content)
    )


def part_content(content: bytes, index: int) -> tuple[Part, bytes] | None:
    """The part with that index and its bytes; None where it is no attachment."""
    for at, part in _attached(content):
        if at == index:
            data = _bytes(part)
            return Part(index=at, name=safe_filename(_filename(part), part.get_content_type()), content_type=_type(part), size=len(data)), data
    return None


def html_text(content: bytes) -> str | None:
    """The HTML of the message itself, as it was written; None where it has none."""
    for _, part in _walk(content):
        if part.get_content_type() == "text/html" and not _is_attached(part):
            return _decoded(part, MOST_HTML)
    return None


def plain_text(content: bytes, *, most: int = 20_000) -> str:
    """What can be read of a message that was not read by rules: its first text, without mark-up; never raises."""
    html = ""
    for _, part in _walk(content):
        if _is_attached(part):
            continue
        if part.get_content_type() == "text/plain":
            return _decoded(part, most * 4)[:most]
        if part.get_content_type() == "text/html" and not html:
            html = _without_tags(_decoded(part, MOST_HTML))
    return html[:most]


# --- taking apart


def _walk(content: bytes) -> Iterator[tuple[int, email.message.Message]]:
    """Each part with its number, a message within a message as one. Iterative: nesting of any depth is no matter."""
    try:
        root = email.message_from_bytes(content, policy=email.policy.compat32)
    except Exception:  # whatever the library makes of broken bytes: then there is nothing to offer but the message as it came
        return
    stack, count = [root], 0
    while stack and count < MOST_PARTS:
        part = stack.pop()
        yield count, part
        count += 1
        if part.is_multipart() and part.get_content_maintype() == "multipart":
            payload = part.get_payload()
            stack.extend(child for child in reversed(payload if isinstance(payload, list) else []) if isinstance(child, email.message.Message))


def _attached(content: bytes) -> Iterator[tuple[int, email.message.Message]]:
    return ((index, part) for index, part in _walk(content) if _is_attached(part))


def _is_attached(part: email.message.Message) -> bool:
    if part.get_content_maintype() == "multipart":
        return False
    kind = str(part.get("Content-Disposition") or "").partition(";")[0].strip().lower()
    return kind == "attachment" or bool(_filename(part)) or part.get_content_type() not in _READ_BY_US


def _filename(part: email.message.Message) -> str:
    try:
        name = part.get_filename() or ""
        return str(email.header.make_header(email.header.decode_header(name))) if "=?" in name else name
    except Exception:  # a broken charset, a broken encoding: it has no name then
        return ""


def _type(part: email.message.Message) -> str:
    return part.get_content_type() if re.fullmatch(r"[a-z0-9.+-]{1,60}/[a-z0-9.+-]{1,90}", part.get_content_type()) else "application/octet-stream"


def _bytes(part: email.message.Message) -> bytes:
    try:
        if part.get_content_maintype() == "message" and part.is_multipart():
            inner = part.get_payload(0)
            return inner.as_bytes() if isinstance(inner, email.message.Message) else b""
        data = part.get_payload(decode=True)
    except Exception:  # what cannot be written back is offered as nothing; the message as it came has it
        return b""
    return data if isinstance(data, bytes) else b""


def _decoded(part: email.message.Message, most: int) -> str:
    data = _bytes(part)[:most]
    try:
        return data.decode(part.get_content_charset() or "utf-8")
    except (LookupError, UnicodeDecodeError, ValueError):
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            return data.decode("windows-1252", "replace")


# --- names

_PATHS = re.compile(r"[\\/:]+")
_ODD = re.compile(r'["<>|*?%;`$&=\x00-\x1f\x7f]')
_ENDINGS = {"message/rfc822": ".eml", "text/calendar": ".ics", "application/pdf": ".pdf", "image/png": ".png", "image/jpeg": ".jpg", "image/gif": ".gif"}


def safe_filename(name: str, content_type: str = "") -> str:
    """The last piece of a name, without what a system or a header could take for something else; never empty."""
    last = [piece for piece in _PATHS.split(name.replace("\x00", "")) if piece.strip(" .")]
    kept = "".join(c for c in _ODD.sub("_", last[-1] if last else "") if c.isprintable() and unicodedata.category(c)[0] != "C")
    kept = " ".join(kept.split()).strip(" .")
    if len(kept) > 120:
        stem, dot, ending = kept.rpartition(".")
        kept = f"{stem[: 118 - len(ending)]}.{ending}" if dot and len(ending) <= 10 else kept[:120]
    return kept or "attachment" + _ENDINGS.get(content_type, "")


def disposition(name: str) -> str:
    """The header that has a browser save it: RFC 6266, an ASCII name for old ones and the real one beside it."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode("ascii")
    plain = re.sub(r"[^A-Za-z0-9 ._()+-]", "_", plain).strip(" .") or "attachment"
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def download_headers(name: str) -> Mapping[str, str]:
    return {
        "Content-Disposition": disposition(name),
        "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }


# --- HTML on request

_STYLE = (
    ":root{color-scheme:light dark}body{margin:0;padding:.75rem;font:1rem/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'Liberation Sans',Arial,sans-serif;"
    "color:CanvasText;background:Canvas;overflow-wrap:anywhere}table{border-collapse:collapse;max-width:100%}td,th{padding:.2rem .4rem;vertical-align:top;"
    "text-align:left}blockquote{margin:.5rem 0;padding-left:.75rem;border-left:3px solid}pre{white-space:pre-wrap}h1,h2,h3,h4,h5,h6{font-size:1.1rem}"
)
# It stands in a frame of ours, sandboxed, so it has no origin and may fetch nothing, not even from us: our one style is in it, known by its digest.
HTML_POLICY = (
    f"sandbox; default-src 'none'; style-src 'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'; "
    "frame-ancestors 'self'; base-uri 'none'; form-action 'none'"
)
_TAGS = {
    *("p", "br", "div", "span", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre", "hr", "ul", "ol", "li", "dl", "dt", "dd", "a", "b", "strong"),
    *("i", "em", "u", "s", "del", "ins", "sub", "sup", "code", "table", "thead", "tbody", "tfoot", "tr", "th", "td", "caption", "small", "abbr", "q", "cite"),
}
_ATTRIBUTES: dict[str, set[str]] = {"td": {"colspan", "rowspan"}, "th": {"colspan", "rowspan"}, "ol": {"start"}}
_CUT_WHOLE = {"script", "style", "head", "title", "noscript", "template", "object", "embed", "iframe", "svg", "math", "form", "select", "textarea", "button"}


# To clean HTML costs time by the square of how deep it is nested, and room by how many unclosed emphases each paragraph takes
# up again: a message of half a megabyte can keep a processor for an hour. So there is an end to its tags, and emphasis keeps no
# attributes, for of equal ones a parser takes up three.
MOST_TAGS = 20_000
_TOO_MUCH = "<p>The layout of this message is too large to be shown here. Read its words, or download it as it came.</p>"
_EMPHASIS = re.compile(r"(?i)<(a|b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u)(?=[\s/])[^>]*>")


def _bearable(html: str) -> str | None:
    """The HTML, with as little in it as a parser can take; None where that is too much still."""
    html = html[: html.rfind(">") + 1] + html[html.rfind(">") + 1 :].partition("<")[0]  # each tag has an end, so looking for it is short
    return _EMPHASIS.sub(r"<\1>", html) if len(re.findall("<[A-Za-z]", html)) <= MOST_TAGS else None


def html_page(html: str) -> str:
    """A whole document with what is left of the sender's HTML."""
    bearable = _bearable(html)
    body = _TOO_MUCH if bearable is None else _cleaned(bearable)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8"><title>The message as HTML</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="referrer" content="no-referrer">'
        f"<style>{_STYLE}</style></head>\n<body>\n<main>\n" + body + "\n</main>\n</body>\n</html>\n"
    )


def _cleaned(html: str) -> str:
    return nh3.clean(html, tags=_TAGS, attributes=_ATTRIBUTES, clean_content_tags=_CUT_WHOLE - _TAGS, url_schemes=set(), strip_comments=True, link_rel=None)


def _without_tags(html: str) -> str:
    spaced = re.sub(r"(?i)<(?:br|/p|/div|/tr|/li|/h[1-6])[^<>]{0,200}>", "\n", html)
    bearable = _bearable(spaced)
    if bearable is None:
        text = re.sub(r"<[^>]*>", " ", spaced[: spaced.rfind(">") + 1])
    else:
        text = nh3.clean(bearable, tags=set(), clean_content_tags=_CUT_WHOLE, strip_comments=True)
    for entity, letter in (("&lt;", "<"), ("&gt;", ">"), ("&nbsp;", " "), ("&quot;", '"'), ("&amp;", "&")):
        text = text.replace(entity, letter)
    return re.sub(r"\n{3,}", "\n\n", text).strip()
