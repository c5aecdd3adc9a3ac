"""What stands between the network and the pages: whom we answer, who is signed in, and what every answer carries.

``Security`` goes round the whole application, errors included. Promises, for every request there is or will be:

- It is answered only under our own name (Host), so no stranger's name can be pointed at us.
- A request that changes something came from a page of ours: the browser says so (Sec-Fetch-Site, or else Origin), and
  ``desk.routing.page``, which makes every route, asks for the form's token before its handler runs. The token is bound to the session.
- Who somebody is comes from their session in the store and from nothing else, anew at each request.
- Nothing that a page shows is kept by a browser or a proxy, framed by another site, or told to one.

The session's token stands in a cookie that scripts cannot read, and only its digest in the store. It is made at
sign-in, whatever the browser had before. Reasons: docs/adr/0016.

What it does badly: over plain http (allowed on this machine only) the cookie has no ``__Host-`` name, so another
program on the same machine that serves a page under the same name could set it, though not read it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import json
import logging
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from desk.passwords import Passwords
from desk.rendering import render
from desk.routing import Person
from mailroom.errors import MailroomError
from store import Account, Store, Throttle

if TYPE_CHECKING:
    from desk.oidc import Provider

__all__ = ["CSP", "LOOPBACK", "Security", "Settings", "own_path"]

log = logging.getLogger(__name__)
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; "
    "frame-src 'self'; frame-ancestors 'none'; base-uri 'none'"
)
# What every answer carries; a handler that sets one of them itself (the frame around a member's HTML) keeps its own.
HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
HSTS = "max-age=31536000"
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
LARGEST_FORM = 4_000_000
_SAFE = ("GET", "HEAD", "OPTIONS")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
_OWN_PATH = re.compile(r"/(?:[!-.0-\[\]-~][!-\[\]-~]*)?")  # printable ASCII without «\\», which browsers take for «/»; not «//», which is another host


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """What an operator sets. ``hosts``: names that it is served under beside this machine's own and that of ``url``."""

    url: str = ""
    hosts: frozenset[str] = frozenset()
    idle: timedelta = timedelta(hours=12)
    longest: timedelta = timedelta(days=14)
    provider: Provider | None = None
    # Failed tries: an account's from browsers that never signed in to it; from one that did; an address's, whatever the account.
    # So a stranger who guesses at somebody's account makes other strangers wait, and not that person at their own desk.
    stranger: tuple[int, timedelta] = (5, timedelta(minutes=15))
    known: tuple[int, timedelta] = (10, timedelta(minutes=5))
    address: tuple[int, timedelta] = (30, timedelta(minutes=15))


def own_path(wanted: str | None, otherwise: str = "/") -> str:
    """Where to go after signing in: a path of ours, whatever somebody wrote into the link."""
    if not wanted or len(wanted) > 2000 or not _OWN_PATH.fullmatch(wanted) or urlsplit(wanted).path in ("/login", "/logout"):
        return otherwise
    return wanted


def digest(token: str) -> str:
    """What the store knows of a session's token."""
    return hashlib.sha256(token.encode()).hexdigest()


@dataclass(kw_only=True, slots=True)
class Visit:
    """One request: ``request.state.visit``."""

    https: bool
    client: str
    token: str | None  # of the session, where there is one
    form_secret: str  # the login form's, before there is a session
    cookies: list[tuple[str, str, int | None]] = field(default_factory=list)  # to be set with the answer: name, value ("" deletes), seconds


class Security:
    """ASGI, round everything else. ``now`` is the clock."""

    def __init__(self, app: ASGIApp, store: Store, settings: Settings, now: Callable[[], datetime]) -> None:
        self.app, self.store, self.settings, self.now = app, store, settings, now
        parts = urlsplit(settings.url)
        self.own_host = (parts.hostname or "").casefold()
        self.behind_tls = parts.scheme == "https"
        self.hosts = LOOPBACK | {host.casefold() for host in settings.hosts} | ({self.own_host} if self.own_host else set())
        self.passwords = Passwords()
        self._secret = b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # there is none of the other kinds here
            await send({"type": "websocket.close", "code": 1008})
            return
        connection = HTTPConnection(scope)
        host = connection.headers.get("host", "")
        https = scope.get("scheme") == "https" or (self.behind_tls and _name_of(host) == self.own_host)
        visit = Visit(https=https, client=(scope.get("client") or ("", 0))[0], token=None, form_secret="")
        scope.setdefault("state", {}).update(visit=visit, security=self, person=None, csrf="")
        send = self._finishing(send, scope, visit)
        if _name_of(host) not in self.hosts:
            told = "This desk is not served under that name. Whoever runs mailroom here can set it: desk.url in config.yaml.\n"
            await PlainTextResponse(told, status_code=400)(scope, receive, send)
            return
        if scope["method"] not in _SAFE and not _from_here(connection, f"{'https' if https else 'http'}://{host}"):
            await self._refuse(scope, 403, "That came from another site, so nothing was done.")(scope, receive, send)
            return
        if not scope["path"].startswith("/static/"):
            try:
                await run_in_threadpool(self._recognise, connection, visit)
            except MailroomError as error:
                log.warning("nobody can be recognised: %s", error)
                await self._refuse(scope, 503, "The register cannot be reached at this moment. Try it again in a minute.")(scope, receive, send)
                return
        await self.app(scope, _bounded(receive), send)

    # --- who it is

    def _recognise(self, connection: HTTPConnection, visit: Visit) -> None:
        state = connection.scope["state"]
        token = connection.cookies.get(self.cookie(visit))
        if token is not None and _TOKEN.fullmatch(token):
            asked_by_page = connection.headers.get("x-desk") == "live"  # a page left open asks by itself, and is no sign of a person
            found = self.store.people.session(digest(token), self.now(), idle=self.settings.idle, longest=self.settings.longest, here=not asked_by_page)
            if found is not None and self._allowed(found[0]):
                account, session = found
                visit.token = token
                state["person"] = Person(name=account.name, shown=account.shown, role=account.role, session=session.id)
                state["csrf"] = self.form_token(token)
        if visit.token is None:
            visit.form_secret = connection.cookies.get(self.cookie(visit, "form"), "")

    def _allowed(self, account: Account) -> bool:
        """Whoever is here only because config.yaml allows their address, is so no longer than it does."""
        provider = self.settings.provider
        return not account.by_provider or (provider is not None and provider.role_of(account.email or "") is not None)

    def cookie(self, visit: Visit, what: str = "") -> str:
        return ("__Host-" if visit.https else "") + "mailroom" + (f"-{what}" if what else "")

    # --- forms

    def form_token(self, token: str) -> str:
        """What every form of this session carries."""
        return self._mac("form of a session", digest(token))

    def login_form(self, request: Request) -> str:
        """The token of a form for whoever is not signed in, bound to a cookie of its own."""
        visit: Visit = request.state.visit
        if not _TOKEN.fullmatch(visit.form_secret):
            visit.form_secret = secrets.token_urlsafe(32)
            visit.cookies.append((self.cookie(visit, "form"), visit.form_secret, None))
        return self._mac("form before a session", visit.form_secret)

    def check_form(self, request: Request, given: object, *, public: bool) -> None:
        """HTTPException 403 unless the form came from a page that we made for this very browser and session."""
        visit: Visit = request.state.visit
        wanted = [request.state.csrf] if visit.token is not None else []
        secret = visit.form_secret or request.cookies.get(self.cookie(visit, "form"), "")
        if public and _TOKEN.fullmatch(secret):
            wanted.append(self._mac("form before a session", secret))
        if not isinstance(given, str) or not any(hmac.compare_digest(given.encode("utf-8", "replace"), one.encode()) for one in wanted if one):
            raise HTTPException(403, detail="form")

    # --- signing in and out

    def throttles(self, request: Request, name: str) -> tuple[Throttle, Throttle]:
        """The brakes for a try at an account: the account's (or that of a browser that is known to it), and the address's."""
        visit: Visit = request.state.visit
        name = name.strip().casefold()
        mine = self._known_to(request, name)
        free, longest = self.settings.known if mine else self.settings.stranger
        account = Throttle(key=self._mac("try", f"browser\n{mine}\n{name}" if mine else f"account\n{name}"), free=free, longest=longest)
        free, longest = self.settings.address
        return account, Throttle(key=self._mac("try", f"address\n{_network(visit.client)}"), free=free, longest=longest)

    def sign_in(self, request: Request, account: Account, way: str) -> None:
        """A session with a new token, whatever this browser had before; the answer will carry its cookies."""
        visit: Visit = request.state.visit
        token = secrets.token_urlsafe(32)
        old = request.cookies.get(self.cookie(visit), "")
        self.store.people.open_session(
            account.name,
            digest(token),
            self.now(),
            way=way,
            client=visit.client,
            browser=request.headers.get("user-agent", ""),
            instead_of=digest(old) if old else None,
        )
        nonce = secrets.token_urlsafe(16)
        known = f"{nonce}.{self._mac('known browser', f'{nonce}.{account.name}')}"
        visit.cookies += [
            (self.cookie(visit), token, None),
            (self.cookie(visit, "known"), known, 180 * 86400),
            (self.cookie(visit, "form"), "", 0),
        ]

    def sign_out(self, request: Request) -> None:
        visit: Visit = request.state.visit
        person: Person | None = request.state.person
        if person is not None:
            self.store.people.end_session(person.session, self.now(), actor=person.name)
        visit.cookies.append((self.cookie(visit), "", 0))

    def _known_to(self, request: Request, name: str) -> str:
        nonce, _, mac = request.cookies.get(self.cookie(request.state.visit, "known"), "").partition(".")
        good = nonce and hmac.compare_digest(mac.encode("utf-8", "replace"), self._mac("known browser", f"{nonce}.{name}").encode())
        return nonce if good else ""

    # --- what is sealed for the browser to keep

    def seal(self, purpose: str, facts: Mapping[str, Any], until: datetime) -> str:
        body = base64.urlsafe_b64encode(json.dumps({**facts, "until": until.timestamp()}).encode()).decode().rstrip("=")
        return f"{body}.{self._mac(purpose, body)}"

    def unseal(self, purpose: str, sealed: str) -> Mapping[str, Any] | None:
        """None where it is not ours, was changed, or is too old."""
        body, _, mac = sealed.partition(".")
        if not hmac.compare_digest(mac.encode("utf-8", "replace"), self._mac(purpose, body).encode()):
            return None
        facts: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        return facts if facts["until"] > self.now().timestamp() else None

    def set_cookie(self, request: Request, what: str, value: str, seconds: int) -> None:
        visit: Visit = request.state.visit
        visit.cookies.append((self.cookie(visit, what), value, seconds))

    def _mac(self, purpose: str, text: str) -> str:
        if not self._secret:
            self._secret = self.store.secret()
        key = hmac.new(self._secret, f"desk: {purpose}".encode(), hashlib.sha256).digest()  # a mac for one purpose is none for another
        return hmac.new(key, text.encode("utf-8", "replace"), hashlib.sha256).hexdigest()

    # --- every answer

    def _finishing(self, send: Send, scope: Scope, visit: Visit) -> Send:
        async def finish(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if scope["path"].startswith("/static/") and message["status"] in (200, 304):
                    headers["Cache-Control"] = "no-cache"  # nothing personal; its ETag is asked about each time
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if visit.https:
                    headers["Strict-Transport-Security"] = HSTS
                for name, value, seconds in visit.cookies:
                    lasting = "" if seconds is None else f"; Max-Age={seconds}"
                    headers.append("Set-Cookie", f"{name}={value}; Path=/; HttpOnly; SameSite=Lax{'; Secure' if visit.https else ''}{lasting}")
            await send(message)

        return finish

    def _refuse(self, scope: Scope, status: int, told: str) -> Response:
        return render(Request(scope), "error.html", status=status, code=status, told=told)


def _bounded(receive: Receive) -> Receive:
    had = 0

    async def bounded() -> Message:
        nonlocal had
        message = await receive()
        had += len(message.get("body", b""))
        if had > LARGEST_FORM:
            raise HTTPException(413)
        return message

    return bounded


def _name_of(host: str) -> str:
    """The name in a Host header, without its port; "" where it is no such thing."""
    match = re.fullmatch(r"(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+))(?::[0-9]{1,5})?", host)
    return (match[1] or match[2]).casefold().rstrip(".") if match else ""


def _from_here(connection: HTTPConnection, origin: str) -> bool:
    """Whether a page of ours sent it. A browser that says nothing of where is told from others by the form's token alone;
    «null» is what an old one says under our Referrer-Policy."""
    site = connection.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    return connection.headers.get("origin", "null").casefold() in ("null", origin.casefold())


def _network(client: str) -> str:
    """An address, or for IPv6 its network: one machine has many of those."""
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return client
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return client
