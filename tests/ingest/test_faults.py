"""The table of faults: what servers and libraries say, which kind it is, and the words that mend it."""

from __future__ import annotations

import socket
import ssl
from imaplib import IMAP4

import pytest
from imapclient.exceptions import CapabilityError, LoginError

from ingest.faults import FAULTS, explain, translated
from mailroom.errors import Misconfigured, Permanent, Temporary


def refused_certificate(message: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, f"[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: {message}")
    error.verify_message = message
    return error


CASES = [
    (socket.gaierror(-3, "Temporary failure in name resolution"), Temporary, "DNS"),
    (socket.gaierror(-2, "Name or service not known"), Misconfigured, "correct imap.host"),
    (ConnectionRefusedError(111, "Connection refused"), Temporary, "imap.port"),
    (TimeoutError("timed out"), Temporary, "imap.timeout"),
    (ConnectionResetError(104, "Connection reset by peer"), Temporary, "connection broke"),
    (refused_certificate("certificate has expired"), Misconfigured, "expired"),
    (refused_certificate("Hostname mismatch, certificate is not valid for 'a'."), Misconfigured, "another name"),
    (refused_certificate("IP address mismatch, certificate is not valid for '127.0.0.2'."), Misconfigured, "another name"),
    (refused_certificate("self-signed certificate in certificate chain"), Misconfigured, "imap.ca_file"),
    (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number"), Misconfigured, "imap.tls"),
    (ssl.SSLEOFError(8, "EOF occurred in violation of protocol"), Temporary, "failed"),
    (CapabilityError("Server does not support STARTTLS capability"), Misconfigured, "no STARTTLS"),
    (LoginError("b'[AUTHENTICATIONFAILED] Authentication failed.'"), Misconfigured, "user name or password refused for car"),
    (LoginError("LOGIN failed."), Misconfigured, "user name or password refused for car"),
    (LoginError("b'[UNAVAILABLE] Temporary authentication failure.'"), Temporary, "just now"),
    (LoginError("[ALERT] Too many simultaneous connections. (Failure)"), Temporary, "just now"),
    (LoginError("[ALERT] Application-specific password required"), Misconfigured, "app password"),
    (LoginError("[PRIVACYREQUIRED] Plaintext authentication disallowed on non-secure (SSL/TLS) connections."), Misconfigured, "imap.tls"),
    (LoginError("[EXPIRED] password expired"), Misconfigured, "has expired"),
    (IMAP4.error("select failed: User is authenticated but not connected."), Misconfigured, "FullAccess"),
    (IMAP4.error("select failed: [NONEXISTENT] Unknown Mailbox: Programe"), Misconfigured, "folder “Programme”"),
    (IMAP4.error("select failed: Mailbox doesn't exist: Programe"), Misconfigured, "folder “Programme”"),
    (IMAP4.error("create failed: [NOPERM] Permission denied"), Misconfigured, "may not do this"),
    (IMAP4.readonly("mailbox is read-only"), Misconfigured, "after: leave"),
    (IMAP4.abort("Session invalidated - AccessTokenExpired"), Temporary, "the next login takes a new one"),
    (IMAP4.abort("socket error: EOF"), Temporary, "closed the connection"),
    (IMAP4.error("fetch failed: [SERVERBUG] Internal error"), Temporary, "Internal error"),
    (ValueError("something odd"), Temporary, "something odd"),
]


@pytest.mark.parametrize(("error", "kind", "words"), CASES, ids=[f"{type(error).__name__}: {error}"[:60] for error, _, _ in CASES])
def test_every_fault_has_its_kind_and_words(error: Exception, kind: type[Exception], words: str) -> None:
    """The kind decides what is done, the words say where and how to mend it."""
    told = explain(error, where="mail.example:993", user="car", folder="Programme")
    assert type(told) is kind
    assert words in str(told)
    assert str(told).startswith("mail.example:993: ")
    assert "b'" not in str(told)


def test_every_row_is_reached() -> None:
    """A row that no case reaches is either dead or untested."""

    def row(error: Exception) -> str:
        told = str(explain(error, where="W", user="U", folder="F"))
        return next(fault.words for fault in FAULTS if told.startswith(fault.words.format(where="W", user="U", folder="F", said="\0").partition("\0")[0]))

    assert {row(error) for error, _, _ in CASES} == {fault.words for fault in FAULTS}


def test_our_own_errors_pass_unchanged() -> None:
    """What was told in words once is not told again in other words."""
    own = Permanent("as it was")
    assert explain(own, where="x") is own
    with pytest.raises(Permanent, match=r"^as it was$"), translated(where="x"):
        raise own


def test_cause_is_kept() -> None:
    """The library's own error stays reachable for whoever reads the log."""
    with pytest.raises(Temporary) as caught, translated(where="mail.example:993"):
        raise TimeoutError("timed out")
    assert isinstance(caught.value.__cause__, TimeoutError)
