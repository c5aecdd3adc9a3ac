"""The coordinator's digest: one mail a day about what is new and what waits, as plain text and simple HTML.

The texts are programme data (``digest/digest.txt.j2`` and ``digest.html.j2``), in the same sandbox as the
answers'. It says of itself that a machine wrote it (``Auto-Submitted: auto-generated``), asks for no automatic
answer, and its Message-ID is known again (``is_digest``): nothing that answers it is ever answered.

Promise: the same news give the same bytes. No subject, no words of a member's mail and no address stand in it; names
and schools only where that is wished, since the coordinator's mailbox may be an employer's; there the first words do
not name the programme either.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from mailroom.errors import ProgrammeError
from mailroom.model import Address, ReplyDraft
from notify.addresses import checked_address, header_text
from notify.compose import Rendered, mail
from notify.templates import check_templates, fill_in, sandbox, template_files

__all__ = ["DigestComposer", "DigestLine", "DigestSection", "is_digest"]

TEMPLATE = "digest"
_VARIABLES = frozenset(("sections", "headline", "programme_name", "day", "since", "subject", "employer_address"))
_ID = re.compile(r"<mailroom\.digest\.([0-9A-Z]{1,40}-[0-9]{1,3})\.([0-9a-f]{40})@[^@<>\s]{1,255}>")


@dataclass(frozen=True, kw_only=True, slots=True)
class DigestLine:
    """One line: what it says, and where more of it is: a web address, or the words of a command ("" for neither)."""

    text: str
    link: str = ""
    command: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class DigestSection:
    """``more``: further lines that were left out; the command that lists them all."""

    title: str
    lines: tuple[DigestLine, ...]
    more: int = 0
    more_command: str = ""


class DigestComposer:
    """Its two templates, read and checked once. Raises ProgrammeError."""

    def __init__(self, folder: Path) -> None:
        files = template_files(folder)
        self._environment = sandbox(files)
        for ending in ("txt", "html"):
            if not (folder / f"{TEMPLATE}.{ending}.j2").is_file():
                raise ProgrammeError(f"{TEMPLATE}.{ending}.j2", None, f"the file is not there (looked in {folder.name}/)")
        check_templates(self._environment, files, _VARIABLES)

    def render(
        self, sections: Sequence[DigestSection], *, headline: str, programme_name: str, day: str, since: str, employer_address: bool = False
    ) -> Rendered:
        variables: dict[str, Any] = {
            "sections": [_clean(section) for section in sections],
            "headline": headline,
            "programme_name": programme_name,
            "day": day,
            "since": since,
            "subject": "",
            "employer_address": employer_address,
        }
        head, _, body = fill_in(self._environment, f"{TEMPLATE}.txt.j2", variables).partition("\n\n")
        label, _, subject = head.split("\n")[0].partition(":")
        subject = header_text(subject, 120)
        if label.strip().lower() != "subject" or not subject:
            raise ProgrammeError(f"{TEMPLATE}.txt.j2", 1, "the first line should be «Subject: ...», then an empty one")
        text = re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in body.split("\n"))).strip() + "\n"
        page = fill_in(self._environment, f"{TEMPLATE}.html.j2", {**variables, "subject": subject}).strip() + "\n"
        return Rendered(subject=subject, text=text, html=page)

    def drafts(self, to: Iterable[tuple[str, Rendered]], *, from_: Address, secret: bytes, name: str, date: datetime) -> list[ReplyDraft]:
        """One mail for each address, with what it says there. ``name`` is that of the digest, for good."""
        domain = checked_address(from_.address).rpartition("@")[2]
        label = re.sub(r"[^0-9A-Z]", "", name.upper())
        return [
            mail(
                TEMPLATE,
                rendered,
                to=Address(name="", address=address),
                from_=from_,
                own_id=_identifier(secret, f"{label}-{number}", domain),
                date=date,
                automatic="auto-generated",
            )
            for number, (address, rendered) in enumerate(to)
        ]


def is_digest(secret: bytes, identifier: str) -> bool:
    """Whether a Message-ID is that of a digest of ours."""
    match = _ID.fullmatch(identifier)
    return match is not None and hmac.compare_digest(match[2], _mac(secret, match[1]))


def _identifier(secret: bytes, label: str, domain: str) -> str:
    return f"<mailroom.digest.{label}.{_mac(secret, label)}@{domain}>"


def _mac(secret: bytes, label: str) -> str:
    if not secret:
        raise ValueError("the secret is empty")
    return hmac.new(secret, f"digest\n{label}".encode(), hashlib.sha256).hexdigest()[:40]


def _clean(section: DigestSection) -> DigestSection:
    """A display name is anybody's text: one bounded line of it, without control characters."""
    lines = tuple(DigestLine(text=header_text(line.text, 400), link=line.link, command=line.command) for line in section.lines)
    return DigestSection(title=section.title, lines=lines, more=section.more, more_command=section.more_command)
