"""`mailroom sign-in`: the owner of a mailbox lets mailroom in, once; what comes of it goes into the token file.

Microsoft: the device code grant (RFC 8628): an address and a code are shown, any browser will do. Google and others: an
authorization code by the loop-back interface (RFC 8252) with PKCE (RFC 7636), or, where the browser is on another machine,
the address that it ends at is pasted here. Any provider: a refresh token got elsewhere is read from standard input, and
tried before it is kept.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode, urlsplit

from mailroom.errors import MailroomError, Misconfigured
from mailroom.oauth import Login, logins, make_issuer, make_profile
from mailroom.oauth.endpoint import ask
from mailroom.oauth.faults import Profile, claims_of, request_refused
from mailroom.oauth.google import AUTHORIZATION_ENDPOINT, SCOPE, TOKEN_ENDPOINT
from mailroom.oauth.microsoft import Microsoft
from mailroom.oauth.source import Issued
from mailroom.oauth.tokenfile import Stored, TokenFile

if TYPE_CHECKING:
    from mailroom.config import Config

__all__ = ["Console", "sign_in"]

PATIENCE = 600.0  # seconds for a person and a browser
PASTED_AT = "http://127.0.0.1:1/"  # nothing listens there; the browser's address bar keeps the answer


@dataclass(frozen=True, kw_only=True)
class Console:
    show: Callable[[str], None]
    prompt: Callable[[str], str]


def sign_in(config: Config, which: str | None, console: Console, *, paste: bool = False, refresh_token: str | None = None) -> str:
    """Sign in for one mailbox (or «sending») and keep the token; returns what to tell. Raises Misconfigured and Temporary."""
    login = _chosen(config, which)
    profile, oauth2 = make_profile(login), login.oauth2
    assert oauth2.token_file is not None  # noqa: S101 - chosen for it
    file = TokenFile(oauth2.token_file)
    with file.locked():  # first, so that a folder that cannot be written is told before anybody opens a browser
        pass
    issuer = make_issuer(login, profile)
    asked_at = datetime.now(UTC)
    if refresh_token is not None:
        issued = issuer.issue(refresh_token)
    elif isinstance(issuer, Microsoft):
        issued = issuer.sign_in(console.show)
    else:
        issued = _by_browser(login, profile, console, paste=paste)
    if oauth2.provider == "google" and issued.scope is not None and not set(oauth2.scope or (SCOPE,)) <= set(issued.scope.split()):
        raise request_refused(profile, "invalid_scope", f"given: {issued.scope or 'none'}")
    kept = issued.refresh_token or refresh_token
    if kept is None:
        raise Misconfigured(f"{profile.key}: {profile.endpoint} gave no refresh token, so the sign-in would not last; allow offline access and sign in again")
    stored = Stored(
        issued_for=profile.issued_for,
        refresh_token=kept,
        access_token=issued.access_token,
        issued_at=asked_at,
        expires_at=datetime.now(UTC) + issued.lifetime,
    )
    with file.locked():
        file.save(stored)
    claims = claims_of(issued.access_token)
    name = claims.get("upn") or claims.get("preferred_username") or claims.get("unique_name")
    return f"signed in{f' as {name}' if name else ''}; kept in {file.path}. Next: «mailroom check»."


def _chosen(config: Config, which: str | None) -> Login:
    every = [login for login in logins(config) if login.oauth2.delegated]
    if which is not None:
        every = [login for login in every if login.name == which]
    if not every:
        raise Misconfigured(
            f"nothing {f'called «{which}» ' if which else ''}in config.yaml signs in by a user: that is a mailbox (or replies.smtp, called «sending») "
            "with oauth2.token_file"
        )
    if len({login.oauth2 for login in every}) > 1:
        raise MailroomError("name one of: " + ", ".join(login.name for login in every))
    return every[0]


# --- by a browser


def _by_browser(login: Login, profile: Profile, console: Console, *, paste: bool) -> Issued:
    oauth2 = login.oauth2
    address = oauth2.authorization_endpoint or (AUTHORIZATION_ENDPOINT if oauth2.provider == "google" else None)
    if address is None:
        raise Misconfigured(f"{profile.key}: signing in by a browser needs authorization_endpoint; or hand over a refresh token with --refresh-token-stdin")
    verifier, state = secrets.token_urlsafe(64), secrets.token_urlsafe(24)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    listener = None if paste else _Listener(state)
    try:
        redirect = PASTED_AT if listener is None else f"http://127.0.0.1:{listener.server_port}/"
        query = {
            "response_type": "code",
            "client_id": oauth2.client_id or "",
            "redirect_uri": redirect,
            "scope": " ".join(oauth2.scope or ((SCOPE,) if oauth2.provider == "google" else ())),
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "login_hint": login.user,
        }
        if oauth2.provider == "google":
            query |= {"access_type": "offline", "prompt": "consent"}  # else there is no refresh token the second time
        console.show(f"Open this address in a browser{'' if paste else ' on this machine'} and sign in as {login.user}:\n\n{address}?{urlencode(query)}\n")
        if listener is None:
            console.show("The browser then says that it cannot open a page at 127.0.0.1; that is meant. Copy the address of that page.")
            answer = parse_qs(urlsplit(console.prompt("Address")).query)
        else:
            answer = listener.wait()
    finally:
        if listener is not None:
            listener.server_close()
    code = _code(answer, state, profile)
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect, "code_verifier": verifier}
    return ask(oauth2.token_endpoint or TOKEN_ENDPOINT, form, oauth2, profile)


def _code(answer: dict[str, list[str]], state: str, profile: Profile) -> str:
    if not answer:
        raise request_refused(profile, "authorization_pending")
    if not secrets.compare_digest(answer.get("state", [""])[0].encode(), state.encode()):
        raise Misconfigured(f"{profile.key}: this is no answer to this sign-in; start again with «mailroom sign-in»")
    if "error" in answer:
        raise request_refused(profile, answer["error"][0], answer.get("error_description", [""])[0])
    if "code" not in answer:
        raise Misconfigured(f"{profile.key}: the address holds no code; copy it whole, and start again with «mailroom sign-in»")
    return answer["code"][0]


class _Listener(HTTPServer):
    """Waits on the loop-back interface for the browser to come back with our ``state``; all else is turned away."""

    def __init__(self, state: str) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.state, self.answer = state, dict[str, list[str]]()

    def wait(self) -> dict[str, list[str]]:
        """The query of the answer; {} when time is up."""
        until = time.monotonic() + PATIENCE
        while not self.answer and (left := until - time.monotonic()) > 0:
            self.timeout = left
            self.handle_request()
        return self.answer

    def handle_error(self, request: object, client_address: object) -> None:
        """A connection that breaks is no answer; the wait goes on."""


class _Answer(BaseHTTPRequestHandler):
    timeout = 10  # seconds for one connection: a browser opens some that it does not use
    server: _Listener

    def do_GET(self) -> None:
        answer = parse_qs(urlsplit(self.path).query)
        if answer.get("state", [""])[0] != self.server.state:
            self.send_error(404)
            return
        self.server.answer = answer
        words = "mailroom was not let in. Go back to the terminal." if "error" in answer else "Thank you. Go back to the terminal and close this page."
        content = f"<!doctype html><meta charset=utf-8><title>mailroom</title><p>{words}</p>".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:
        """The address holds the code: it is not logged."""
