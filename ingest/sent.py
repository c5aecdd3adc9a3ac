"""The folder of sent mail, next to a mailbox that is polled: what went out is looked for there, and copies are put there.

Promises, beyond those of ``ingest.imap`` (time limits, verified certificates, errors in words): the folder is
opened read-only; the only thing that ever changes in it is a copy that is added. A message is known by its
Message-ID, also where a provider replaced that and keeps ours in a field of its own, as Exchange and Gmail do.

The folder is found by its use (RFC 6154), else by its usual names, else it is the one that is named. It is made
where it is missing and copies are to go there, as any mail program does.

What it does badly: a search of a header is slow on a server that keeps no index of it and has a large folder. A
provider that replaces the Message-ID and forgets ours makes every message look unsent.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from imapclient.imapclient import SEEN, SENT

from ingest.imap import ImapSession, ImapSettings
from mailroom.errors import Misconfigured

__all__ = ["SentFolder", "SentSession"]

KEPT_IN = ("Message-ID", "X-Microsoft-Original-Message-ID", "X-Google-Original-Message-ID")
SEARCH_BACK = timedelta(days=2)  # SINCE counts whole days, in the server's time zone


class SentFolder:
    """Where sent mail is. ``folder`` None finds it by its use; ``make``: it may be made where it is missing. Holds no connection."""

    def __init__(self, name: str, settings: ImapSettings, *, folder: str | None = None, make: bool = False) -> None:
        self.name, self.settings, self.folder, self.make = name, settings, folder, make

    @contextmanager
    def connect(self) -> Iterator[SentSession]:
        session = SentSession(self)
        try:
            yield session
            session.logout()
        finally:
            session.close()

    def check(self) -> tuple[str, ...]:
        """Find it, touch nothing, and tell what was found."""
        looking = SentSession(self, make=False)
        try:
            looking.logout()
        finally:
            looking.close()
        if not looking.folder:
            return (f"{looking.where} has no folder of sent mail yet; it will be made with the first copy",)
        return (f"folder “{looking.folder}” of {looking.where} holds {looking.exists} messages",)


class SentSession(ImapSession):
    """One logged-in connection with the folder of sent mail open."""

    def __init__(self, sent: SentFolder, *, make: bool | None = None) -> None:
        self.folder = ""  # its name, once it is found
        self._sent, self._make = sent, sent.make if make is None else make
        super().__init__(sent.name, sent.settings, move_to=None, read_only=True)

    def _open(self, read_only: bool) -> None:
        with self._operation():
            self._log_in()
            found = self._find()
        if found is None and not self._sent.make:
            named = self._sent.folder
            raise Misconfigured(
                f"{self.where}: there is no folder “{named}” for {self._settings.user}; correct replies.sent_folder.folder"
                if named
                else f"{self.where}: no folder of sent mail was found for {self._settings.user}; name it in replies.sent_folder.folder"
            )
        if found is None:
            return
        self.folder = found
        self._settings = replace(self._settings, folder=found)  # for the words of errors
        with self._operation():
            self.exists = int(self._client.select_folder(found, readonly=read_only).get(b"EXISTS", 0))
        self._take_news()

    def _find(self) -> str | None:
        client: Any = self._client
        wanted = self._sent.folder
        if wanted is None:
            wanted = client.find_special_folder(SENT)
            if wanted is not None:
                return str(wanted)
            prefix = client.namespace().personal[0][0] if client.has_capability("NAMESPACE") and client.namespace().personal else ""
            wanted = f"{prefix}Sent"
        elif client.folder_exists(wanted):
            return wanted
        if not self._make:
            return None
        client.create_folder(wanted)
        return wanted

    def holds(self, *identifiers: str, since: datetime | None = None) -> bool:
        """Whether any of these Message-IDs (with angle brackets) is there. ``since``: none can be older, which makes the search short."""
        either: list[Any] = []
        for identifier in identifiers:
            for name in KEPT_IN:
                one = ["HEADER", name, identifier]
                either = ["OR", either, one] if either else one
        criteria = ["SINCE", (since - SEARCH_BACK).date(), *either] if since is not None else either
        with self._operation():
            self._client.noop()  # or what came since the folder was opened is not seen
            found = bool(self._client.search(criteria))
        self._take_news()
        return found

    def add(self, content: bytes, sent_at: datetime) -> None:
        """Put a copy there, read, with the time at which it was sent. Nothing is looked up: ask ``holds`` first."""
        with self._operation():
            self._client.append(self.folder, content, flags=(SEEN,), msg_time=sent_at)
        self._take_news()
