"""A mail of ours as its reader gets it, from the exact bytes that go out."""

from __future__ import annotations

import email
import email.policy
from dataclasses import dataclass

from starlette.responses import HTMLResponse, Response

__all__ = ["OurMail", "framed", "our_mail"]

# The one place where a style inside a page is let through: what we wrote ourselves, in a frame that can do nothing.
_FRAMED = {
    "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; base-uri 'none'; form-action 'none'",
    "X-Frame-Options": "SAMEORIGIN",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class OurMail:
    """``attached``: name and size of each file that goes along."""

    sender: str
    recipient: str
    subject: str
    text: str
    html: str
    attached: tuple[tuple[str, int], ...]


def our_mail(content: bytes) -> OurMail:
    mail = email.message_from_bytes(content, policy=email.policy.default)
    plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
    return OurMail(
        sender=str(mail["From"] or ""),
        recipient=str(mail["To"] or ""),
        subject=str(mail["Subject"] or ""),
        text=plain.get_content().replace("\r\n", "\n") if plain is not None else "",
        html=html.get_content().replace("\r\n", "\n") if html is not None else "",
        attached=tuple((part.get_filename() or "file", len(part.get_payload(decode=True) or b"")) for part in mail.iter_attachments()),
    )


def framed(html: str, *, status: int = 200) -> Response:
    """A page for a frame of ours: no script, nothing fetched, nothing sent."""
    return HTMLResponse(html, status_code=status, headers=dict(_FRAMED))
