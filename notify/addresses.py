"""Addresses that an answer can go to, and header text that cannot be anything but text.

Promise: what ``checked_address`` returns is ASCII, has one @, and holds no character that could end a
header line or an SMTP command. SMTPUTF8 (RFC 6531) is not spoken: a local part beyond ASCII is refused
with the reason, a domain beyond ASCII goes as IDNA.
"""

from __future__ import annotations

import re
import unicodedata
from email.header import Header

__all__ = ["AddressError", "checked_address", "header_text", "mailbox"]


class AddressError(ValueError):
    """Why an address cannot be written to, in words."""


_DOT_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_QUOTED = re.compile(r'"(?:[ !#-\[\]-~]|\\[ -~])*"')
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?")
_NOWHERE = frozenset({"localhost", "localdomain", "invalid"})  # RFC 6761; test and example deliver to sinks


def checked_address(address: str) -> str:
    """The addr-spec as it may be written into a header and into RCPT TO; raises AddressError."""
    if len(address) > 254:
        raise AddressError("the address is longer than 254 characters")
    local, at, domain = address.rpartition("@")
    if not at or not local or not domain:
        raise AddressError("not an address")
    if not local.isascii():
        raise AddressError("the part before the @ holds a letter beyond ASCII, which our mail server cannot send to")
    if not _DOT_ATOM.fullmatch(local) and not _QUOTED.fullmatch(local):
        raise AddressError("the part before the @ is not well-formed")
    if len(local) > 64:
        raise AddressError("the part before the @ is longer than 64 characters")
    try:
        plain = domain.encode("idna").decode("ascii").lower() if not domain.isascii() else domain.lower()
    except UnicodeError as error:
        raise AddressError("the part after the @ is not well-formed") from error
    labels = plain.split(".")
    if len(labels) < 2 or labels[-1] in _NOWHERE or not all(_LABEL.fullmatch(label) and len(label) <= 63 for label in labels):
        raise AddressError("the part after the @ is no domain that mail can go to")
    return f"{local}@{plain}"


def header_text(text: str, limit: int = 200) -> str:
    """One bounded line without control, format or bidirectional characters and without encoded words."""
    kept = "".join(" " if unicodedata.category(c) in ("Zl", "Zp", "Zs", "Cc") else "" if unicodedata.category(c)[0] == "C" else c for c in text)
    kept = " ".join(kept.replace("=?", " ").replace("?=", " ").split())
    return kept if len(kept) <= limit else kept[: limit - 1].rstrip() + "…"


def mailbox(name: str, address: str, *, field: str) -> str:
    """``Name <address>`` for a header field. A name that looks like an address is left out: it could mislead."""
    spec = checked_address(address)
    name = header_text(name, 80)
    if not name or "@" in name or "<" in name:
        return spec
    if name.isascii():
        return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + f'" <{spec}>'
    return Header(name, "utf-8", header_name=field, maxlinelen=76).encode(linesep="\r\n") + f"\r\n <{spec}>"
