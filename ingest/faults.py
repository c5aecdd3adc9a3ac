"""What libraries and servers report, put into the three kinds of error and into words.

One table, read from the top: the first row whose exception type and pattern fit decides. Servers
differ in their wording, so the response codes of RFC 5530 come first and known phrases after them.
What fits no row is temporary: trying again is bounded and shown, giving up is not undone by anybody.

What it does badly: the phrases are those of the servers we know; another server's wrong password may
be reported as temporary, with the server's own words in it.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from imaplib import IMAP4
from typing import NamedTuple

from imapclient import exceptions

from mailroom.errors import MailroomError, Misconfigured, Temporary

__all__ = ["FAULTS", "Fault", "explain", "is_passing", "translated"]


PASSING = r"\[UNAVAILABLE\]|\[INUSE\]|\[LIMIT\]|\[OVERQUOTA\]|too many|exceeded|temporary|try again|throttl"


class Fault(NamedTuple):
    """A row of the table. ``words`` may name {where}, {user}, {folder} and {said}, the original text."""

    kind: type[Temporary] | type[Misconfigured]
    raised: type[BaseException] | tuple[type[BaseException], ...]
    pattern: str  # searched in the text of the exception, without case; "" fits all
    words: str


FAULTS: tuple[Fault, ...] = (
    # --- finding and reaching the server
    Fault(Temporary, socket.gaierror, r"temporary failure|try again", "{where}: the name could not be looked up just now; check that this machine's DNS works"),
    Fault(Misconfigured, socket.gaierror, "", "{where}: no such host name; correct imap.host"),
    Fault(Temporary, ConnectionRefusedError, "", "{where}: connection refused; check that the server is up and that imap.port is the right one"),
    Fault(Temporary, TimeoutError, "", "{where}: no answer in time; check host, port, firewall and imap.tls, or raise imap.timeout"),
    # --- encryption
    Fault(
        Misconfigured,
        ssl.SSLCertVerificationError,
        r"hostname mismatch|ip address mismatch|doesn't match|not valid for",
        "{where}: the certificate belongs to another name ({said}); set imap.host to the name in the certificate",
    ),
    Fault(Misconfigured, ssl.SSLCertVerificationError, "expired", "{where}: the server's certificate has expired; its administrator must renew it"),
    Fault(
        Misconfigured,
        ssl.SSLCertVerificationError,
        "",
        "{where}: the certificate is refused ({said}); name the issuing authority's certificate in imap.ca_file, or correct it there",
    ),
    Fault(
        Misconfigured,
        ssl.SSLError,
        r"wrong.version.number|unknown.protocol|record.layer",
        "{where}: this port does not begin with TLS; set imap.tls to starttls, or take the port for implicit TLS (993)",
    ),
    Fault(Temporary, ssl.SSLError, "", "{where}: the encrypted connection failed ({said})"),
    Fault(
        Misconfigured,
        exceptions.CapabilityError,
        "STARTTLS",
        "{where}: the server offers no STARTTLS on this port; set imap.tls to implicit (port 993), or to none on a trusted network",
    ),
    # --- logging in. Codes first (RFC 5530), then what servers say.
    Fault(
        Temporary,
        IMAP4.error,
        PASSING,
        "{where}: the server cannot serve us just now: {said}",
    ),
    Fault(
        Misconfigured,
        IMAP4.error,
        r"authenticated but not connected",
        "{where}: user {user} is known, but the mailbox did not open (“authenticated but not connected”); "
        "in Exchange, give the account FullAccess to this mailbox and turn IMAP on for it, and check that imap.user names the mailbox",
    ),
    Fault(
        Temporary,
        IMAP4.error,
        r"AccessTokenExpired|session invalidated",
        "{where}: the access token expired during the session; the next login takes a new one",
    ),
    Fault(
        Misconfigured,
        IMAP4.error,
        r"\[PRIVACYREQUIRED\]|LOGINDISABLED|plaintext authentication disallowed|plaintext authentication disabled",
        "{where}: the server takes no password over an unencrypted connection; set imap.tls to starttls or implicit",
    ),
    Fault(
        Misconfigured,
        IMAP4.error,
        r"application-specific password|app password|basic authentication is disabled|basic auth",
        "{where}: the provider does not take the ordinary password of {user}; make an app password for mailroom and use that ({said})",
    ),
    Fault(Misconfigured, IMAP4.error, r"\[EXPIRED\]", "{where}: the password of {user} has expired; set a new one"),
    Fault(
        Misconfigured,
        IMAP4.error,
        r"\[AUTHENTICATIONFAILED\]|\[AUTHORIZATIONFAILED\]|authentication failed|invalid credentials|login failed|authenticate failed|logon failure|"
        r"bad user|incorrect|invalid (?:login|user|password)",
        "{where}: user name or password refused for {user}; correct imap.user or the secret that imap.password names ({said})",
    ),
    # --- folders
    Fault(
        Misconfigured,
        IMAP4.error,
        r"\[NONEXISTENT\]|\[TRYCREATE\]|doesn't exist|does not exist|unknown mailbox|mailbox not found|no such mailbox|unknown namespace|non-?existent",
        "{where}: there is no folder “{folder}” for {user}; correct imap.folder (names are case-sensitive, and the server's separator counts)",
    ),
    Fault(Misconfigured, IMAP4.error, r"\[NOPERM\]|permission denied|access denied", "{where}: {user} may not do this with folder “{folder}”: {said}"),
    Fault(Misconfigured, IMAP4.readonly, "", "{where}: folder “{folder}” is read-only for {user}, so nothing can move; set after: leave, or give write access"),
    # --- the rest: the line dropped, or the server said no
    Fault(Temporary, IMAP4.abort, r"eof|reset|broken|bye|unterminated|closed|timed out", "{where}: the server closed the connection ({said})"),
    Fault(Temporary, IMAP4.error, "", "{where}: the server refused: {said}"),
    Fault(Temporary, OSError, "", "{where}: the connection broke ({said})"),
    Fault(Temporary, Exception, "", "{where}: something unexpected went wrong ({said})"),
)


def _said(error: BaseException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError) and error.verify_message:
        return error.verify_message
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    text = re.sub(r"""^b(['"])(.*)\1$""", r"\2", text.strip())
    return " ".join(text.split())[:300] or type(error).__name__


def explain(error: BaseException, *, where: str, user: str = "", folder: str = "") -> MailroomError:
    """The error to raise in place of ``error``."""
    if isinstance(error, MailroomError):
        return error
    said, text = _said(error), f"{error} {_said(error)}"
    for fault in FAULTS:
        if isinstance(error, fault.raised) and re.search(fault.pattern, text, re.IGNORECASE):
            return fault.kind(fault.words.format(where=where, user=user, folder=folder, said=said))
    raise AssertionError("the last row fits all exceptions")


def is_passing(error: BaseException) -> bool:
    """Whether a refusal has nothing to do with who asks."""
    return re.search(PASSING, str(error), re.IGNORECASE) is not None


@contextmanager
def translated(*, where: str, user: str = "", folder: str = "") -> Iterator[None]:
    """Whatever a lower library raises inside leaves as one of our errors, with its cause kept."""
    try:
        yield
    except MailroomError:
        raise
    except Exception as error:
        raise explain(error, where=where, user=user, folder=folder) from error
