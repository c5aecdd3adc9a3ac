"""HTML to the text that a reader sees, with the marks that mail programs leave in it.

``render`` gives the text and, over it, marks: block quotes, the line where a quoted message begins, the
sender's signature. Zones read them; nothing is cut here. Hidden text is dropped (it is how trackers and
preview lines are smuggled in), tables come row by row with a tab between cells, links and images are not shown.

Promise: never raises, linear in the page, bounded by ``CHARACTERS`` and ``ELEMENTS``. Pages that the tree
parser refuses (20,000 nested elements) are read by a plain tag stripper, without marks.

What it does badly: text hidden by a style sheet's class or by its colour is shown; floats and columns
come in source order.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import lxml.html
from inscriptis import Inscriptis
from inscriptis.css_profiles import CSS_PROFILES
from inscriptis.model.config import ParserConfig

__all__ = ["Mark", "MarkKind", "Rendered", "align", "has_marks", "marked_texts", "render"]

CHARACTERS = 2_000_000  # of HTML source; what is beyond is not read
ELEMENTS = 30_000
DEPTH = 200  # of nested elements, above which the tree is not walked


class MarkKind(StrEnum):
    """What a mail program said of a stretch of its own HTML."""

    QUOTE = "quote"  # a block quote; nested ones overlap
    HEAD = "head"  # a quoted message begins here: the intro line or the header block
    SIGNATURE = "signature"


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """A marked stretch ``[start, end)`` of a text."""

    kind: MarkKind
    start: int
    end: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Rendered:
    text: str
    marks: tuple[Mark, ...]


# Private-use characters stand for the marks while the page is laid out; any that the page itself holds go first.
_OPEN = {MarkKind.QUOTE: "\ue000", MarkKind.HEAD: "\ue001", MarkKind.SIGNATURE: "\ue002"}
_CLOSE = {MarkKind.QUOTE: "\ue010", MarkKind.HEAD: "\ue011", MarkKind.SIGNATURE: "\ue012"}
_BLANK = "\ue020"  # keeps the layout from dropping an empty line
_OPENED = {character: kind for kind, character in _OPEN.items()}
_CLOSED = {character: kind for kind, character in _CLOSE.items()}
_FOREIGN = re.compile("[\ue000-\ue0ff]")

_CELL = "\ue021"  # between two cells of a row: a tab, once the padding that makes columns of them is gone
_CELL_BORDER = re.compile(f" *{_CELL} *")

_CONFIG = ParserConfig(css=CSS_PROFILES["strict"], display_links=False, display_images=False, display_anchors=False, table_cell_separator=_CELL)
_HIDDEN = re.compile(r"display\s{0,3}:\s{0,3}none|visibility\s{0,3}:\s{0,3}hidden|mso-hide\s{0,3}:\s{0,3}all|(?:font-size|max-height)\s{0,3}:\s{0,3}0(?![.\d])")
_SIGNATURE_CLASSES = frozenset({"gmail_signature", "moz-signature", "x_gmail_signature", "protonmail_signature_block", "elementtoproof_signature"})
_SIGNATURE_IDS = frozenset({"signature", "x_signature", "ms-outlook-mobile-signature", "applemailsignature", "ios-signature", "divtagdefaultwrapper_signature"})
_HEAD_CLASSES = frozenset({"gmail_attr", "moz-cite-prefix", "yahoo_quoted", "protonmail_quote", "moz-forward-container", "zmail_extra", "x_gmail_attr"})
_HEAD_IDS = frozenset({"divrplyfwdmsg", "x_divrplyfwdmsg", "appendonsend", "reply-intro", "mail-editor-reference-message-container"})
_MARKERS = re.compile(r"signature|gmail_attr|moz-cite|yahoo_quoted|protonmail_quote|rplyfwdmsg|appendonsend|reply-intro", re.IGNORECASE)
_DROPPED = frozenset({"script", "style", "head", "title", "template", "noscript", "object", "iframe", "svg", "math", "select", "textarea"})
_NO_BREAK = dict.fromkeys(map(ord, "\u00a0\u202f\u2007"), " ")


def _kind(element: Any) -> MarkKind | None:
    """What the element's tag, class and id say of it."""
    if element.tag == "blockquote":
        return MarkKind.QUOTE
    classes = (element.get("class") or "").lower().split()
    name = (element.get("id") or "").lower()
    if name in _SIGNATURE_IDS or any(c in _SIGNATURE_CLASSES for c in classes):
        return MarkKind.SIGNATURE
    if name in _HEAD_IDS or any(c in _HEAD_CLASSES for c in classes):
        return MarkKind.HEAD
    return None


def _tree(page: str) -> Any:
    """The parsed page, or None where it is empty, too deep or too large to lay out."""
    page = page[:CHARACTERS]
    if not page.strip():
        return None
    try:
        # Bytes, because a page given as text may not declare an encoding of its own.
        parser = lxml.html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True)
        tree = lxml.html.document_fromstring(page.encode("utf-8", "replace"), parser=parser)
    except (ValueError, lxml.etree.LxmlError, AssertionError):
        return None
    depth = count = 0
    for event, element in lxml.etree.iterwalk(tree, events=("start", "end")):
        if event == "start":
            depth, count = depth + 1, count + 1
            if depth > DEPTH or count > ELEMENTS:
                return None
        else:
            depth -= 1
        del element
    return tree


def _is_hidden(element: Any) -> bool:
    style = element.get("style")
    return (style is not None and _HIDDEN.search(style.lower()) is not None) or element.get("hidden") is not None


def _is_blank(element: Any) -> bool:
    """An empty line: a paragraph that holds a no-break space, or nothing but a line break."""
    if len(element) > 2 or any(len(child) for child in element):
        return False
    texts = [element.text, *(text for child in element for text in (child.text, child.tail))]
    text = "".join(text for text in texts if text)
    return not text.strip() and ("\u00a0" in text or any(child.tag == "br" for child in element))


def _prepare(tree: Any) -> None:
    """Drop what is not shown, set the marks, give Word's paragraphs the height they have in Outlook."""
    for element in list(tree.iter()):
        if not isinstance(element.tag, str):
            continue
        if element.tag in _DROPPED or _is_hidden(element):
            if element.getparent() is not None:
                element.drop_tree()
            continue
        if element.tag == "p" and "msonormal" in (element.get("class") or "").lower():
            element.tag = "div"
        if element.tag in ("p", "div") and _is_blank(element):
            element.text = _BLANK + (element.text or "")
        kind = _kind(element)
        if kind is not None:
            element.text = _OPEN[kind] + (element.text or "")
            if len(element):
                element[-1].tail = (element[-1].tail or "") + _CLOSE[kind]
            else:
                element.text += _CLOSE[kind]


def _collect(text: str) -> Rendered:
    """Take the mark characters out of a laid-out text."""
    pieces: list[str] = []
    marks: list[Mark] = []
    opened: list[tuple[MarkKind, int]] = []
    offset = last = 0
    for found in _FOREIGN.finditer(text):
        piece = text[last : found.start()]
        pieces.append(piece)
        offset += len(piece)
        last = found.end()
        character = found[0]
        if character in _OPENED:
            opened.append((_OPENED[character], offset))
        elif character in _CLOSED:
            kind = _CLOSED[character]
            for index in range(len(opened) - 1, max(-1, len(opened) - 50), -1):
                if opened[index][0] is kind:
                    marks.append(Mark(kind=kind, start=opened.pop(index)[1], end=offset))
                    break
    pieces.append(text[last:])
    return Rendered(text="".join(pieces), marks=tuple(sorted(marks, key=lambda mark: (mark.start, -mark.end))))


def render(page: str) -> Rendered:
    """Lay out a page. Line ends have no white space before them; no-break spaces are spaces."""
    page = _FOREIGN.sub("", page)
    tree = _tree(page)
    text = ""
    if tree is not None:
        try:
            _prepare(tree)
            text = Inscriptis(tree, _CONFIG).get_text()
        except Exception:  # a layout library on hostile input: whatever it raises, the stripper reads the page
            text = ""
    if not text.strip():
        text = _strip_tags(page[:CHARACTERS])
    lines = [_CELL_BORDER.sub("\t", line.translate(_NO_BREAK)).rstrip() for line in text.split("\n")]
    return _collect("\n".join(lines))


_BLOCKS = frozenset(("p", "div", "br", "tr", "li", "ul", "ol", "table", "blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "pre", "dl", "dt", "dd"))
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:]{0,20})[^<>]*>|<[!?/][^<>]*>")


def _strip_tags(page: str) -> str:
    """The last resort: text between tags, a line end for each block."""
    pieces: list[str] = []
    last, skipping = 0, ""
    for found in _TAG.finditer(_without_comments(page)):
        if not skipping:
            pieces.append(" ".join(found.string[last : found.start()].split("\n")))
        last = found.end()
        name = (found[2] or "").lower()
        if skipping:
            skipping = "" if found[1] and name == skipping else skipping
        elif name in ("script", "style", "title") and not found[1]:
            skipping = name
        elif name in _BLOCKS:
            pieces.append("\n")
        elif name in ("td", "th"):
            pieces.append(" ")
    if not skipping:
        pieces.append(_without_comments(page)[last:])
    lines = [" ".join(line.split()) for line in html.unescape("".join(pieces)).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))


def _without_comments(page: str) -> str:
    pieces, position = [], 0
    while (start := page.find("<!--", position)) >= 0:
        pieces.append(page[position:start])
        end = page.find("-->", start + 4)
        if end < 0:
            return "".join(pieces)
        position = end + 3
    pieces.append(page[position:])
    return "".join(pieces)


def has_marks(page: str) -> bool:
    """Whether ``marked_texts`` could find anything; cheap."""
    return _MARKERS.search(page) is not None


def marked_texts(page: str) -> Iterator[tuple[MarkKind, str]]:
    """The signature and the beginnings of quoted messages, for a body that was sent as plain text as well."""
    tree = _tree(page)
    if tree is None:
        return
    for element in tree.iter():
        if not isinstance(element.tag, str) or element.tag == "blockquote":
            continue
        kind = _kind(element)
        if kind is not None:
            text = element.text_content()
            if kind is MarkKind.HEAD and not text.strip():  # an empty anchor: what follows it is meant
                following = element.getnext()
                text = following.text_content() if following is not None else ""
            yield kind, text[:5_000]


_SPACE = re.compile(r"[\s>\u00a0*_]+")


def align(body: str, texts: Sequence[tuple[MarkKind, str]]) -> tuple[Mark, ...]:
    """Find marked HTML text again in the plain body, white space and quote signs aside; the last place counts."""
    if not texts:
        return ()
    offsets: list[int] = []
    pieces: list[str] = []
    last = 0
    for found in _SPACE.finditer(body):
        pieces.append(body[last : found.start()])
        offsets.extend(range(last, found.start()))
        last = found.end()
    pieces.append(body[last:])
    offsets.extend(range(last, len(body)))
    solid = "".join(pieces)
    marks: list[Mark] = []
    for kind, text in texts[:20]:
        wanted = _SPACE.sub("", text)
        if kind is MarkKind.HEAD:
            wanted = wanted[:60]
        if len(wanted) < 4:
            continue
        start = solid.rfind(wanted)
        if start >= 0:
            marks.append(Mark(kind=kind, start=offsets[start], end=offsets[start + len(wanted) - 1] + 1))
    return tuple(sorted(marks, key=lambda mark: (mark.start, -mark.end)))
