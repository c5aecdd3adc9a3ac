"""Hands an answer to the SMTP server and says exactly what became of it.

One connection is reused and renewed after a number of messages or when it dropped. Outcomes:

    Sent       250 after DATA: the server has it
    Deferred   4xx, or the connection was lost before the message was complete: try again later
    Refused    5xx for this message or recipient: trying again changes nothing
    Unknown    the connection was lost after the last byte: the server may or may not have it

Without a connection at all it raises Temporary; a refused login, certificate or sender is Misconfigured,
because every message would meet it. RFC 5321 is followed by hand after EHLO, as smtplib's ``sendmail``
folds these cases together: its DATA cannot tell a drop before the final dot from one after it.

Promise: the final dot goes out in a write of its own, after all the rest; a drop before it is never
``Unknown``. The server then has ten minutes to say that it took the message, as RFC 5321 section 4.5.3.2.6
asks: one that filters while we wait would otherwise deliver what we take for lost. Content is 7-bit by
construction, so neither 8BITMIME nor SMTPUTF8 is asked for.

What it does badly: the time limit is for each read and write, so a server that drips single bytes can hold
one message for long.
"""

from __future__ import annotations

import base64
import contextlib
import re
import smtplib
import socket
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Literal

from mailroom.errors import Misconfigured, Temporary
from mailroom.sasl import Challenge, Mechanism, Tokens, choose, error_answer, initial_response, read_challenge
from notify.addresses import AddressError, checked_address
from notify.envelope import BounceAddress

__all__ = ["Deferred", "Refused", "SendOutcome", "Sent", "SmtpSender", "SmtpSettings", "Unknown"]


@dataclass(frozen=True, kw_only=True, slots=True)
class SmtpSettings:
    """Where answers are handed in. ``envelope_sender`` "" is the null reverse-path that RFC 3834 asks for:
    no bounce, no loop; for an address there, see ``notify.envelope``."""

    host: str
    port: int = 587
    tls: Literal["none", "starttls", "implicit"] = "starttls"
    ca_file: Path | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tokens: Tokens | None = field(default=None, repr=False)  # in place of the password
    envelope_sender: str = ""
    timeout: float = 30.0
    final_timeout: float = 600.0  # for the reply to the final dot
    helo: str | None = None  # None: this machine's name
    per_connection: int = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Sent:
    response: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Deferred:
    code: int | None  # None: no reply, the connection was lost
    error: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Refused:
    code: int | None  # None: refused here, without asking the server
    error: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Unknown:
    error: str


class _LoggedOut(Misconfigured):
    """530: the server does not know us, or no more."""


SendOutcome = Sent | Deferred | Refused | Unknown

# Exchange, and Postfix, which says so only at RCPT
_NOT_AS = re.compile(r"SendAsDenied|\b5\.7\.60\b|\b5\.2\.252\b|send as this sender|sender address rejected", re.IGNORECASE)
_LINE_END = re.compile(rb"\r\n|\r|\n")
_DOT = re.compile(rb"(?m)^\.")
_DROPPED = (smtplib.SMTPServerDisconnected, OSError)


class SmtpSender:
    """A context manager that connects on entry, so that nothing is begun where no server is; renews by itself."""

    def __init__(self, settings: SmtpSettings) -> None:
        self.settings = settings
        self._bounces = BounceAddress(settings.envelope_sender)
        self._smtp: smtplib.SMTP | None = None
        self._sent = 0  # over this connection

    def __enter__(self) -> SmtpSender:
        self.connect()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Say QUIT if anybody listens; never raises."""
        smtp, self._smtp, self._sent = self._smtp, None, 0
        if smtp is not None:
            with contextlib.suppress(smtplib.SMTPException, OSError, ValueError):
                smtp.quit()
            smtp.close()

    def _drop(self) -> None:
        smtp, self._smtp, self._sent = self._smtp, None, 0
        if smtp is not None:
            smtp.close()

    # --- the connection

    def connect(self) -> None:
        """Open and log in, if not done yet. Raises Temporary or Misconfigured."""
        if self._smtp is not None:
            return
        settings, where = self.settings, f"SMTP server {self.settings.host}:{self.settings.port}"
        try:
            self._smtp = self._opened(where)
            self._hello(where)
            if settings.tls == "starttls":
                self._starttls(where)
            if settings.user is not None and settings.tokens is not None:
                self._login_by_token(where, settings.user, settings.tokens)
            elif settings.user is not None:
                self._login(where, settings.user, settings.password or "")
        except ssl.SSLCertVerificationError as error:
            self._drop()
            raise Misconfigured(f"{where}: its certificate is refused ({error.verify_message}); name the authority that signed it with ca_file") from error
        except ssl.SSLError as error:
            self._drop()
            if "WRONG_VERSION_NUMBER" in str(error) or "UNKNOWN_PROTOCOL" in str(error):
                raise Misconfigured(f"{where}: does not speak TLS there; «tls: starttls» (port 587) may be meant") from error
            raise Temporary(f"{where}: TLS failed ({error}); check replies.smtp.tls if this goes on") from error
        except smtplib.SMTPResponseException as error:
            self._drop()
            raise Temporary(f"{where}: answered {error.smtp_code} {_text(error.smtp_error)} to the connection") from error
        except _DROPPED as error:
            self._drop()
            hint = "; «tls: implicit» (port 465) may be meant" if settings.tls != "implicit" and settings.port == 465 else ""
            raise Temporary(f"{where}: no connection ({_plain(error)}){hint}; check replies.smtp.host and port if this goes on") from error
        except BaseException:
            self._drop()
            raise

    def _context(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=str(self.settings.ca_file) if self.settings.ca_file else None)
        except (OSError, ssl.SSLError) as error:
            raise Misconfigured(f"SMTP: the certificate authority file {self.settings.ca_file} cannot be read ({error})") from error

    def _opened(self, where: str) -> smtplib.SMTP:
        settings = self.settings
        name = settings.helo or socket.gethostname()
        if not re.fullmatch(r"[A-Za-z0-9.\-\[\]:]+", name):
            name = "localhost"
        if settings.tls == "implicit":
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(local_hostname=name, timeout=settings.timeout, context=self._context())
        else:
            smtp = smtplib.SMTP(local_hostname=name, timeout=settings.timeout)
        smtp._host = settings.host  # type: ignore[attr-defined]  # smtplib checks the certificate against it
        code, greeting = smtp.connect(settings.host, settings.port)
        if code != 220:
            smtp.close()
            raise smtplib.SMTPConnectError(code, greeting)
        with contextlib.suppress(OSError, AttributeError):  # the final dot shall not wait for an acknowledgement
            assert smtp.sock is not None  # noqa: S101
            smtp.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return smtp

    def _hello(self, where: str) -> None:
        """EHLO by hand: smtplib falls back to HELO on 421 and reports the wrong error."""
        smtp = self._open()
        code, text = smtp.ehlo()
        if code in (500, 501, 502, 504):
            code, text = smtp.helo()
        if not 200 <= code <= 299:
            raise smtplib.SMTPHeloError(code, text)

    def _starttls(self, where: str) -> None:
        smtp = self._open()
        if not smtp.has_extn("starttls"):
            raise Misconfigured(f"{where}: offers no STARTTLS; «tls: implicit» (port 465) may be meant")
        code, text = smtp.starttls(context=self._context())
        if code != 220:
            raise smtplib.SMTPResponseException(code, text)
        self._hello(where)

    def _login(self, where: str, user: str, password: str) -> None:
        smtp = self._open()
        if not smtp.has_extn("auth"):
            hint = "; it may do so after TLS only («tls: starttls»)" if self.settings.tls == "none" else "; leave out user and password if it needs none"
            raise Misconfigured(f"{where}: offers no login{hint}")
        try:
            if (user + password).isascii():
                smtp.login(user, password)
            else:  # smtplib knows ASCII only; RFC 4616 is UTF-8
                token = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
                code, text = smtp.docmd("AUTH", f"PLAIN {token}")
                if code != 235:
                    raise smtplib.SMTPAuthenticationError(code, text)
        except smtplib.SMTPAuthenticationError as error:
            if 400 <= error.smtp_code <= 499:
                raise
            said = f"{error.smtp_code} {_text(error.smtp_error)}"
            if re.search(r"5\.7\.(139|30)\b|basic auth", said, re.IGNORECASE):
                raise Misconfigured(
                    f"{where}: the provider takes no password ({said}); sign in by OAuth2: set replies.smtp.oauth2 in place of password"
                ) from error
            raise Misconfigured(f"{where}: refuses the login of {user} ({said}); check user and password") from error
        except smtplib.SMTPNotSupportedError as error:
            raise Misconfigured(f"{where}: offers no login by password ({error})") from error

    def _login_by_token(self, where: str, user: str, tokens: Tokens) -> None:
        """One attempt, and at once another with a new token where the server may have refused an old one."""
        mechanism = choose(self._open().esmtp_features.get("auth", "").split())
        if mechanism is None:
            hint = "; it may do so after TLS only («tls: starttls»)" if self.settings.tls == "none" else "; use password there"
            raise Misconfigured(f"{where}: offers no login by OAuth2 (neither OAUTHBEARER nor XOAUTH2){hint}")
        token = tokens.current()
        refused = self._attempt(mechanism, user, token)
        if refused is not None and (fresh := tokens.instead_of(token)) is not None:
            refused = self._attempt(mechanism, user, fresh)
        if refused is None:
            return
        code, text, challenge = refused
        if 400 <= code <= 499:
            raise smtplib.SMTPResponseException(code, text)
        raise tokens.refusal("smtp", where=where, user=user, said=f"{code} {_text(text)}", challenge=challenge)

    def _attempt(self, mechanism: Mechanism, user: str, token: str) -> tuple[int, bytes, Challenge | None] | None:
        """None when we are in; else the server's last word, and why (RFC 4954, RFC 7628)."""
        smtp, settings, challenge = self._open(), self.settings, None
        first = initial_response(mechanism, user=user, token=token, host=settings.host, port=settings.port)
        code, text = smtp.docmd("AUTH", f"{mechanism} {base64.b64encode(first).decode()}")
        if code == 334:
            with contextlib.suppress(ValueError):
                challenge = read_challenge(base64.b64decode(text))
            code, text = smtp.docmd(base64.b64encode(error_answer(mechanism)).decode())
        if code in (421, -1):
            raise smtplib.SMTPResponseException(code, text)
        return None if code == 235 else (code, text, challenge)

    def _open(self) -> smtplib.SMTP:
        if self._smtp is None:
            raise smtplib.SMTPServerDisconnected("not connected")
        return self._smtp

    # --- one message

    def send(self, recipient: str, content: bytes) -> SendOutcome:
        """Hand in ``content`` for ``recipient``. Raises Temporary and Misconfigured as the module says."""
        try:
            recipient = checked_address(recipient)
        except AddressError as error:
            return Refused(code=None, error=f"not sent to {recipient!r}: {error}")
        if self._sent >= self.settings.per_connection:
            self.close()
        fresh = self._smtp is None or self._sent == 0
        self.connect()
        lines = _LINE_END.sub(b"\r\n", content)
        try:
            outcome = self._transaction(recipient, lines)
        except _LoggedOut:
            if fresh or self.settings.tokens is None:
                raise
            self.connect()  # the login ran out with its token; the next is by one that is good now
            outcome = self._transaction(recipient, lines)
        if isinstance(outcome, Deferred) and outcome.code is None and not fresh:
            self.connect()  # an idle connection that the server had closed; nothing of the message was taken
            outcome = self._transaction(recipient, lines)
        return outcome

    def _transaction(self, recipient: str, content: bytes) -> SendOutcome:
        smtp = self._open()
        try:
            size = [f"size={len(content)}"] if smtp.has_extn("size") else []
            if (refusal := self._refusal(smtp.mail(self._bounces.sender_of(content), size), at_sender=True)) is not None:
                return refusal
            if (refusal := self._refusal(smtp.rcpt(recipient))) is not None:
                return refusal
            reply = smtp.docmd("DATA")
            if reply[0] != 354 and (refusal := self._refusal(reply)) is not None:
                return refusal
            if not content.endswith(b"\r\n"):
                content += b"\r\n"
            smtp.send(_DOT.sub(b"..", content))
        except _DROPPED as error:
            self._drop()
            return Deferred(code=None, error=f"the connection was lost before the message was complete ({error})")
        try:
            smtp.send(b".\r\n")
            self._patient(smtp, max(self.settings.timeout, self.settings.final_timeout))
            code, text = smtp.getreply()
            self._patient(smtp, self.settings.timeout)
        except _DROPPED as error:
            self._drop()
            return Unknown(error=f"the connection was lost after the message, before the server said that it has it ({error})")
        self._sent += 1
        if (refusal := self._refusal((code, text))) is not None:
            return refusal
        return Sent(response=f"{code} {_text(text)}")

    @staticmethod
    def _patient(smtp: smtplib.SMTP, seconds: float) -> None:
        if smtp.sock is not None:
            smtp.sock.settimeout(seconds)

    def _refusal(self, reply: tuple[int, bytes], *, at_sender: bool = False) -> Deferred | Refused | None:
        """None for a 2xx. A connection that the server closes (421) is dropped, any other is reset."""
        code, text = reply[0], _text(reply[1])
        if 200 <= code <= 299:
            return None
        if code == 421 or code < 0:
            self._drop()
        else:
            self._reset()
        if code == 530:
            self._drop()
            raise _LoggedOut(f"SMTP server {self.settings.host}:{self.settings.port}: asks for a login ({code} {text}); check user and password (or oauth2)")
        if at_sender and (500 <= code <= 599 and code != 552):
            self._drop()
            sender = self.settings.envelope_sender
            raise Misconfigured(
                f"SMTP server {self.settings.host}:{self.settings.port}: refuses the envelope sender <{sender}> ({code} {text}); "
                + ("set replies.smtp.envelope_sender to the mailbox's own address" if not sender else "check replies.smtp.envelope_sender and user")
            )
        if 500 <= code <= 599 and _NOT_AS.search(text):
            # Said at any stage, yet about us and not about this member: every answer would meet it, and die of it.
            self._drop()
            raise Misconfigured(
                f"SMTP server {self.settings.host}:{self.settings.port}: {self.settings.user or 'mailroom'} may not send as the address in replies.from "
                f"({code} {text}); set replies.from to the mailbox itself, or let it send as that address (in Exchange, «Add-RecipientPermission … SendAs»)"
            )
        if 500 <= code <= 599:
            return Refused(code=code, error=text)
        return Deferred(code=code if code > 0 else None, error=text or "an answer that is no SMTP reply")

    def _reset(self) -> None:
        try:
            code, _ = self._open().rset()
        except _DROPPED:
            code = -1
        if code != 250:
            self._drop()


def _text(reply: bytes | str) -> str:
    """A reply on one line, bounded, fit for a log."""
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= 300 else text[:299] + "…"


def _plain(error: Exception) -> str:
    """What the system says, without its number: «Connection refused»."""
    return (error.strerror if isinstance(error, OSError) else None) or _text(str(error)) or type(error).__name__
