"""An SMTP server that delivers nothing: it keeps what it is given and misbehaves on request.

For the demonstration and the tests. It listens on loopback, in a thread of its own, on a port that the
system picks. Faults are scripted for a recipient, one step for each attempt:

    sink.script("anne@example.org", "rcpt 450", "data 451", "data drop", "data stall", "data slow", "ok")
    sink.script("ben@example.org", "data 554 5.2.252 SendAsDenied")  # a reply in full
    sink.script_connections("421", "drop", "ehlo 421", "ok")      # one step for each connection

After its script a recipient is served normally. ``data drop`` and ``data stall`` keep the message first, as
servers do: that is the case in which a sender cannot know. ``data early-drop`` keeps nothing, which looks the same
from outside; ``data slow`` takes SLOW seconds before it says 250. aiosmtpd (extra «demo») is imported on use.
"""

from __future__ import annotations

import asyncio
import base64
import functools
import json
import re
import ssl
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

__all__ = ["Received", "Sink"]

_STEP = re.compile(r"ok|(?:mail|rcpt|data) (?:[45]\d\d(?: \S.*)?|drop|stall)|data (?:early-drop|slow)")
SLOW = 0.8
_CONNECTION_STEP = re.compile(r"ok|drop|stall|[45]\d\d|ehlo [45]\d\d")


@dataclass(frozen=True, kw_only=True, slots=True)
class Received:
    """One message as it came over the wire; ``content`` has CRLF line ends, dots unstuffed."""

    sender: str  # "" for the null reverse-path
    recipients: tuple[str, ...]
    content: bytes
    user: str | None
    encrypted: bool
    connection: int  # which connection brought it, from 1


class Sink:
    """A context manager. ``folder``: also write each message there as .eml. ``users``: ask for a login by password.

    ``bearer``: ask for a login by token (XOAUTH2, OAUTHBEARER); told user and token, it says "" for yes, or a reply such as
    "535 5.7.8 no". ``mechanisms`` are those that are offered.
    """

    def __init__(
        self,
        *,
        folder: Path | None = None,
        port: int = 0,
        tls: Literal["none", "starttls", "implicit"] = "none",
        context: ssl.SSLContext | None = None,
        users: Mapping[str, str] | None = None,
        bearer: Callable[[str, str], str] | None = None,
        mechanisms: Sequence[str] = ("XOAUTH2", "OAUTHBEARER"),
        refuse_null_sender: bool = False,
        size_limit: int = 35_000_000,
    ) -> None:
        if tls != "none" and context is None:
            raise ValueError("TLS needs a context with a certificate")
        self.folder, self.host, self.port = folder, "127.0.0.1", port
        self.tls, self.context, self.users = tls, context, users
        self.bearer, self.mechanisms = bearer, mechanisms
        self.logged_out = 0  # connections up to this one are logged in no more
        self.logins: list[str] = []  # the mechanism of each attempt to log in by token
        self.answers: list[object] = []  # to the challenge that says why a token is refused
        self.refuse_null_sender, self.size_limit = refuse_null_sender, size_limit
        self.messages: list[Received] = []
        self.connections = 0
        self.commands: list[str] = []  # MAIL and RCPT as they came, for tests of the envelope
        self._steps: defaultdict[str, deque[str]] = defaultdict(deque)
        self._connection_steps: deque[str] = deque()
        self._arrived = threading.Condition()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    # --- scripting and looking

    def script(self, recipient: str, *steps: str) -> None:
        for step in steps:
            if not _STEP.fullmatch(step):
                raise ValueError(f"no such step: {step}")
        self._steps[recipient.casefold()].extend(steps)

    def script_connections(self, *steps: str) -> None:
        for step in steps:
            if not _CONNECTION_STEP.fullmatch(step):
                raise ValueError(f"no such step: {step}")
        self._connection_steps.extend(steps)

    def log_out(self) -> None:
        """What logins there are run out, as they do where a token ends during a session."""
        self.logged_out = self.connections

    def wait_for(self, count: int, timeout: float = 10.0) -> bool:
        """Until ``count`` messages are here; False when time is up."""
        with self._arrived:
            return self._arrived.wait_for(lambda: len(self.messages) >= count, timeout)

    def to(self, recipient: str) -> list[Received]:
        return [message for message in self.messages if recipient.casefold() in (r.casefold() for r in message.recipients)]

    # --- running

    def __enter__(self) -> Sink:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def start(self) -> None:
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
        started: threading.Event = threading.Event()
        failure: list[BaseException] = []
        self._thread = threading.Thread(target=self._run, args=(started, failure), name="smtp-sink", daemon=True)
        self._thread.start()
        started.wait()
        if failure:
            self._thread.join()
            raise failure[0]

    def stop(self) -> None:
        if self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop = self._thread = None

    def _run(self, started: threading.Event, failure: list[BaseException]) -> None:
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        loop.set_exception_handler(lambda *_: None)  # dropped connections are this server's trade
        try:
            server = loop.run_until_complete(
                loop.create_server(lambda: self._protocol(loop), self.host, self.port, ssl=self.context if self.tls == "implicit" else None)
            )
            self.port = server.sockets[0].getsockname()[1]
            self._loop = loop
        except BaseException as error:
            failure.append(error)
            loop.close()
            started.set()
            return
        started.set()
        try:
            loop.run_forever()
        finally:
            server.close()
            tasks = asyncio.all_tasks(loop)
            for task in tasks:
                task.cancel()
            loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()

    def _protocol(self, loop: asyncio.AbstractEventLoop) -> asyncio.BaseProtocol:
        from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

        self.connections += 1
        step = self._connection_steps.popleft() if self._connection_steps else "ok"
        if step in ("drop", "stall") or step.isdigit():
            return _Closed(None if step in ("drop", "stall") else int(step), stays=step == "stall")

        users = self.users

        def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> Any:
            if isinstance(data, LoginPassword):
                user, password = data.login.decode("utf-8", "replace"), data.password.decode("utf-8", "replace")
                if users is not None and users.get(user) == password:
                    session.mailroom_user = user
                    return AuthResult(success=True)
            return AuthResult(success=False, handled=False)

        handler = _Handler(self, self.connections, step)
        if self.bearer is not None:
            for mechanism in self.mechanisms:
                setattr(handler, f"auth_{mechanism}", functools.partial(handler.by_token, mechanism))
        protocol: asyncio.BaseProtocol = SMTP(
            handler,
            hostname="sink.example",
            ident="mailroom sink",
            loop=loop,
            data_size_limit=self.size_limit,
            enable_SMTPUTF8=False,
            tls_context=self.context if self.tls == "starttls" else None,
            require_starttls=self.tls == "starttls",
            authenticator=authenticate if users is not None else None,
            auth_require_tls=users is None and self.bearer is None,  # without users no login is offered
            auth_exclude_mechanism=["PLAIN", "LOGIN"] if users is None and self.bearer is not None else None,
        )
        return protocol

    def _next_step(self, recipient: str) -> str:
        steps = self._steps.get(recipient.casefold())
        return steps.popleft() if steps else "ok"

    def _keep(self, message: Received) -> None:
        if self.folder is not None:
            first = re.sub(r"[^A-Za-z0-9.@_+-]", "_", message.recipients[0])[:80]
            (self.folder / f"{len(self.messages) + 1:04d}-{first}.eml").write_bytes(message.content)
        with self._arrived:
            self.messages.append(message)
            self._arrived.notify_all()


class _Closed(asyncio.Protocol):
    """A server that greets with a refusal, or not at all."""

    def __init__(self, code: int | None, *, stays: bool) -> None:
        self.code, self.stays = code, stays

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport) and not self.stays:
            if self.code is not None:
                transport.write(f"{self.code} sink.example does not serve now\r\n".encode())
            transport.close()


class _Handler:
    """aiosmtpd's hooks for one connection."""

    def __init__(self, sink: Sink, connection: int, step: str) -> None:
        self.sink, self.connection, self.connection_step = sink, connection, step
        self.data_step = "ok"

    async def handle_EHLO(self, server: Any, session: Any, envelope: Any, hostname: str, responses: list[str]) -> list[str]:
        session.host_name = hostname
        if self.connection_step.startswith("ehlo "):
            server.transport.write(f"{self.connection_step[5:]} sink.example closes\r\n".encode())
            server.transport.close()
            raise ConnectionResetError
        return responses

    async def by_token(self, mechanism: str, server: Any, arguments: list[str]) -> Any:
        """RFC 7628: on refusal a challenge that says why, an answer of the client's, and only then the failure."""
        from aiosmtpd.smtp import AuthResult

        self.sink.logins.append(mechanism)
        assert self.sink.bearer is not None  # noqa: S101 - registered only then
        first = base64.b64decode(arguments[1]) if len(arguments) > 1 else await server.challenge_auth("")
        fields = first.split(b"\x01") if isinstance(first, bytes) else []
        pattern = rb"user=(.*)" if mechanism == "XOAUTH2" else rb"n,a=(.*),"
        user = re.fullmatch(pattern, fields[0]) if fields else None
        token = next((f[len(b"auth=Bearer ") :] for f in fields if f.startswith(b"auth=Bearer ")), None)
        if user is None or token is None:
            return AuthResult(success=False, handled=False, message="501 5.5.2 not as the mechanism says")
        name = user[1].replace(b"=2C", b",").replace(b"=3D", b"=").decode()
        if not (refusal := self.sink.bearer(name, token.decode())):
            server.session.mailroom_user = name
            return AuthResult(success=True)
        why = {"status": "401", "schemes": "bearer", "scope": "mail"} if mechanism == "XOAUTH2" else {"status": "invalid_token", "scope": "mail"}
        self.sink.answers.append(await server.challenge_auth(json.dumps(why)))
        if refusal == "drop":
            server.transport.abort()
            raise ConnectionResetError
        return AuthResult(success=False, handled=False, message=refusal)

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        address = "" if address in (None, "<>") else address
        self.sink.commands.append(f"MAIL FROM:<{address}> {' '.join(options)}".rstrip())
        if (self.sink.users is not None or self.sink.bearer is not None) and (not session.authenticated or self.connection <= self.sink.logged_out):
            return "530 5.7.0 log in first"
        if self.sink.refuse_null_sender and not address:
            return "550 5.7.60 the null sender may not submit"
        envelope.mail_from = address or "<>"  # aiosmtpd takes "" for no MAIL at all
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str | None:
        self.sink.commands.append(f"RCPT TO:<{address}>")
        step = self.sink._next_step(address)
        stage, _, what = step.partition(" ")
        if stage == "rcpt":
            return await self._fault(server, what)
        self.data_step = step
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str | None:
        what, self.data_step = self.data_step.partition(" ")[2], "ok"
        content = envelope.content if isinstance(envelope.content, bytes) else str(envelope.content).encode()
        if what == "slow":
            await asyncio.sleep(SLOW)
            what = ""
        if not what or what in ("drop", "stall"):
            self.sink._keep(
                Received(
                    sender="" if envelope.mail_from == "<>" else envelope.mail_from,
                    recipients=tuple(envelope.rcpt_tos),
                    content=content,
                    user=getattr(session, "mailroom_user", None),
                    encrypted=self.sink.tls == "implicit" or session.ssl is not None,
                    connection=self.connection,
                )
            )
        return await self._fault(server, what) if what else "250 2.0.0 kept"

    async def _fault(self, server: Any, what: str) -> str:
        if what in ("drop", "early-drop"):
            server.transport.abort()
            raise ConnectionResetError
        if what == "stall":
            await asyncio.Event().wait()  # until the sink stops
        return what if " " in what else f"{what} {what[0]}.0.0 scripted"
