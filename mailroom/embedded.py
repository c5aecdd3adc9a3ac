"""An IMAP server in a thread, for the demo and for tests: pymap with its mailboxes in memory.

It listens on the loopback interface only, knows one user, pushes new mail to clients in IDLE, and hands
back exactly the bytes that it was given. Everything is gone when the context ends.

What it does badly: it is a prop. No TLS, no CONDSTORE, no keywords; UIDVALIDITY is another one at each
start. It needs the extra ``demo`` (``pip install '.[demo]'``).
"""

from __future__ import annotations

import asyncio
import logging
import threading
from argparse import Namespace
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import AsyncExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

from mailroom.errors import Misconfigured, Temporary

__all__ = ["EmbeddedImap", "embedded_imap"]

T = TypeVar("T")
PATIENCE = 20.0  # seconds for anything the server is asked from outside


class EmbeddedImap:
    """A running server; ``deliver`` from any thread."""

    def __init__(self, *, port: int, user: str, password: str, put: Callable[[bytes, datetime, str], int]) -> None:
        self.host = "127.0.0.1"
        self.port = port
        self.user = user
        self.password = password
        self._put = put

    def deliver(self, content: bytes, when: datetime | None = None, *, folder: str = "INBOX") -> int:
        """Put a message into the mailbox, as a mail server would; returns its UID. Clients in IDLE are told at once."""
        return self._put(content, when or datetime.now(UTC), folder)


@contextmanager
def embedded_imap(messages: Iterable[tuple[bytes, datetime]] = (), user: str = "car@union.example", password: str = "demo") -> Iterator[EmbeddedImap]:  # noqa: S107 - of a server that lives for minutes
    """A server whose INBOX holds ``messages`` (content, time of arrival)."""
    try:
        from pymap.backend.dict import DictBackend
        from pymap.imap import IMAPService
        from pymap.parsing.message import AppendMessage
    except ImportError as error:
        raise Misconfigured(
            "the embedded IMAP server needs pymap; install it with pip install '.[demo]' in mailroom's folder, or run «make demo» there"
        ) from error

    # Its warnings are about its own client connections being dropped, which is what ending a demo does.
    logging.getLogger("pymap").setLevel(logging.CRITICAL)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="embedded-imap", daemon=True)
    stack = AsyncExitStack()
    backends: list[Any] = []

    def run(work: Coroutine[Any, Any, T]) -> T:
        try:
            return asyncio.run_coroutine_threadsafe(work, loop).result(PATIENCE)
        except TimeoutError as error:
            raise Temporary(f"the embedded IMAP server did not answer in {PATIENCE:g} s") from error

    async def append(some: list[tuple[bytes, datetime]], folder: str) -> int:
        async with backends[0].login.demo_user_identity.new_session() as session:
            added, _ = await session.append_messages(folder, [AppendMessage(content, when, frozenset()) for content, when in some])
        return max((int(uid) for uid in added.uids), default=0)

    async def start() -> int:
        # What the command line of pymap would have set; port 0 lets the system choose a free one.
        arguments = Namespace(
            host=["127.0.0.1"], port="0", debug=False, cert=None, key=None, tls=False, inherited_sockets=None, proxy_protocol=None,
            passlib_cfg=None, demo_data=False, demo_user=user, demo_password=password,
        )  # fmt: skip
        backend, config = await DictBackend.init(arguments)
        config.apply_context()
        backends.append(backend)
        await backend.start(stack)
        listening = _Listening()
        with listening:
            await IMAPService(backend, config).start(stack)
        return listening.port

    async def finish() -> None:
        # Closing begins first, so that nobody new is let in; since Python 3.12 it ends only when every client's line has ended.
        closing = asyncio.ensure_future(stack.aclose())
        await asyncio.sleep(0)
        others = [task for task in asyncio.all_tasks() if task not in (asyncio.current_task(), closing)]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await closing
        await loop.shutdown_default_executor()

    thread.start()
    try:
        port = run(start())
        there = list(messages)
        if there:
            run(append(there, "INBOX"))
        yield EmbeddedImap(port=port, user=user, password=password, put=lambda content, when, folder: run(append([(content, when)], folder)))
    finally:
        try:
            run(finish())
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join(PATIENCE)
            if not thread.is_alive():
                loop.close()


class _Listening:
    """Finds the port of the server that is started inside: pymap does not tell it."""

    def __enter__(self) -> _Listening:
        self._original = asyncio.start_server
        self.port = 0

        async def start_server(*args: Any, **options: Any) -> asyncio.Server:
            server = await self._original(*args, **options)
            self.port = int(server.sockets[0].getsockname()[1])
            return server

        asyncio.start_server = start_server
        return self

    def __exit__(self, *exc: object) -> None:
        asyncio.start_server = self._original
