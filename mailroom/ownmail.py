"""A mail of ours as its reader gets it, read back from the exact bytes that go out."""

from __future__ import annotations

import email
import email.policy
from dataclasses import dataclass

__all__ = ["OwnMail", "own_mail"]


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnMail:
    """``attached``: name and content of each file that goes along; lines end in a bare line feed."""

    headers: tuple[tuple[str, str], ...]
    recipient: str
    subject: str
    text: str
    html: str
    attached: tuple[tuple[str, bytes], ...]


def own_mail(content: bytes) -> OwnMail:
    """Never raises for a mail that ``notify.compose`` made; a part that is not there is empty."""
    mail = email.message_from_bytes(content, policy=email.policy.default)
    plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
    return OwnMail(
        headers=tuple((name, str(value)) for name, value in mail.items()),
        recipient=str(mail["To"] or ""),
        subject=str(mail["Subject"] or ""),
        text=plain.get_content().replace("\r\n", "\n") if plain is not None else "",
        html=html.get_content().replace("\r\n", "\n") if html is not None else "",
        attached=tuple((part.get_filename() or "file", bytes(part.get_payload(decode=True) or b"")) for part in mail.iter_attachments()),
    )
