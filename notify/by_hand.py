"""What a person writes to a member: checked, and made into text and simple HTML.

Promise: nothing that is typed here can add a header, an address or a tag. A subject with a line break is refused in
words, not mended: whoever sees it should know.

What it does badly: there is no bold and no list, only paragraphs and lines; web addresses are not made into links.
"""

from __future__ import annotations

import re
from html import escape

from mailroom.errors import MailroomError
from notify.compose import Rendered

__all__ = ["checked_subject", "checked_text", "paragraphs", "written"]

LONGEST_SUBJECT, LONGEST_TEXT = 200, 20_000
_BREAKS = ("\r", "\n", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029")


def checked_subject(subject: str) -> str:
    """Raises MailroomError where it is empty, too long, or no single line of text."""
    if any(sign in subject for sign in _BREAKS):
        raise MailroomError("the subject has a line break in it; a subject is one line")
    line = " ".join(subject.split())
    if not line:
        raise MailroomError("the subject is empty")
    if not line.isprintable():
        raise MailroomError("the subject has a sign in it that cannot be printed")
    if len(line) > LONGEST_SUBJECT:
        raise MailroomError(f"the subject is longer than {LONGEST_SUBJECT} characters")
    return line


def checked_text(text: str) -> str:
    """With \\n for line ends and no space behind a line. Raises MailroomError where it says nothing, or is far too long."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if any(not (character.isprintable() or character == "\t") for line in lines for character in line):
        raise MailroomError("the text has a sign in it that cannot be printed; was it copied from somewhere?")
    kept = re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in lines)).strip("\n")
    if not kept.strip():
        raise MailroomError("the text is empty")
    if len(kept) > LONGEST_TEXT:
        raise MailroomError(f"the text is longer than {LONGEST_TEXT} characters")
    return kept


def paragraphs(text: str) -> tuple[str, ...]:
    """What stands between empty lines; a paragraph may have several lines."""
    return tuple(part for part in re.split(r"\n[ \t]*\n", text) if part.strip())


def written(subject: str, text: str) -> Rendered:
    """A mail of nothing but these words."""
    line, kept = checked_subject(subject), checked_text(text)
    body = "\n".join(f"<p>{'<br>'.join(escape(part.strip()) for part in paragraph.splitlines())}</p>" for paragraph in paragraphs(kept))
    head = f'<head>\n<meta charset="utf-8">\n<title>{escape(line)}</title>\n</head>'
    return Rendered(subject=line, text=kept + "\n", html=f'<!DOCTYPE html>\n<html lang="en-GB" dir="ltr">\n{head}\n<body>\n{body}\n</body>\n</html>\n')
