"""From settings to running parts: the only place that knows which class serves which key of config.yaml."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.credentials import Bearer, Credentials, Password
from ingest.folder import FolderMailbox
from ingest.imap import ImapMailbox, ImapSettings
from ingest.mailbox import Mailbox
from ingest.maildir import MaildirMailbox
from ingest.sent import SentFolder
from mailroom.answering import Answering
from mailroom.config import Config, MailboxConfig, SentFolderConfig
from mailroom.delivering import SentPolicy
from mailroom.digesting import Digests
from mailroom.errors import Misconfigured
from mailroom.letters import Letters, SessionLetters
from mailroom.oauth import TokenSources, mailbox_login, sending_login
from mailroom.pipeline import Pipeline
from mailroom.programme import Programme, load_programme, reader_for
from mailroom.remembering import RememberingReader
from mailroom.wordings import Worded
from notify.pacing import PROVIDERS, Pace, provider_of
from notify.smtp import SmtpSender, SmtpSettings
from parse.reader import Reader

if TYPE_CHECKING:
    from store import Store

__all__ = ["assemble", "make_mailbox", "make_pace", "make_sender", "make_sent", "read_programme"]


def make_credentials(config: MailboxConfig, sources: TokenSources) -> Credentials:
    """A password or a token, as the settings of an IMAP mailbox say."""
    imap = config.imap
    assert imap is not None  # noqa: S101 - asked for IMAP mailboxes only
    if imap.oauth2 is not None:
        return Bearer(sources.of(mailbox_login(config.name, imap.user, imap.oauth2)), imap.host, imap.port)
    assert imap.password is not None  # noqa: S101 - validated: one of the two
    return Password(imap.password.reveal)


def make_mailbox(config: MailboxConfig, sources: TokenSources) -> Mailbox:
    if config.imap is not None:
        imap = config.imap
        settings = ImapSettings(
            host=imap.host,
            port=imap.port,
            tls=imap.tls,
            ca_file=imap.ca_file,
            user=imap.user,
            credentials=make_credentials(config, sources),
            folder=imap.folder,
            max_size=config.max_size,
            timeout=imap.timeout.total_seconds(),
        )
        return ImapMailbox(config.name, settings, move_to=config.move_to)
    if config.maildir is not None:
        return MaildirMailbox(config.name, config.maildir, max_size=config.max_size, move_to=config.move_to)
    assert config.folder is not None  # noqa: S101 - validated: one of the three
    return FolderMailbox(config.name, config.folder, max_size=config.max_size, move_to=config.move_to)


def make_sender(config: Config, sources: TokenSources) -> SmtpSender:
    """A sender that connects when it is entered. Raises Misconfigured where config.yaml names no server."""
    smtp = config.replies.smtp
    if smtp is None:
        raise Misconfigured("config.yaml: replies.smtp is missing, so nothing can be sent")
    return SmtpSender(
        SmtpSettings(
            host=smtp.host,
            port=smtp.port,
            tls=smtp.tls,
            ca_file=smtp.ca_file,
            user=smtp.user,
            password=smtp.password.reveal() if smtp.password else None,
            tokens=sources.of(sending_login(smtp.user or "", smtp.oauth2)) if smtp.oauth2 is not None else None,
            envelope_sender=smtp.envelope_sender,
            timeout=smtp.timeout.total_seconds(),
        )
    )


def make_pace(config: Config) -> Pace:
    """As fast as the provider takes answers, or as config.yaml says instead."""
    smtp = config.replies.smtp
    if smtp is None:
        return Pace()
    usual = PROVIDERS[smtp.provider or provider_of(smtp.host)]
    per_minute = usual.per_minute if smtp.per_minute is None else smtp.per_minute
    per_day = usual.per_day if smtp.per_day is None else smtp.per_day
    return Pace(per_minute=per_minute or None, per_day=per_day or None)


def make_sent(config: Config, sources: TokenSources) -> SentPolicy | None:
    """The folder of sent mail: the one that config.yaml names, or that of the account that sends, where the provider files there by itself."""
    smtp, named = config.replies.smtp, config.replies.sent_folder
    if smtp is None:
        return None
    files = (smtp.provider or provider_of(smtp.host)) != "other"
    if named is None:
        own = [box for box in config.mailboxes if box.imap is not None and smtp.user is not None and box.imap.user.casefold() == smtp.user.casefold()]
        if not files or not own:
            return None
        named = SentFolderConfig(mailbox=own[0].name)
    copies = not files if named.copies == "auto" else named.copies
    mailbox = make_mailbox(next(box for box in config.mailboxes if box.name == named.mailbox), sources)
    assert isinstance(mailbox, ImapMailbox)  # noqa: S101 - load_config makes sure of it
    folder = None if named.folder == "auto" else named.folder
    return SentPolicy(box=SentFolder(mailbox.name, mailbox.settings, folder=folder, make=copies), copies=copies, wait=named.wait)


def read_programme(config: Config) -> tuple[Programme, Reader]:
    """Knowledge and the reader that uses it; raises ProgrammeError with file and line."""
    folder = config.programme.folder
    assert folder is not None  # noqa: S101 - load_config always sets it
    programme = load_programme(Path(folder), config.programme.schools)
    return programme, reader_for(programme, config.replies)


def assemble(
    config: Config,
    store: Store,
    *,
    sessions_at: datetime | None = None,
    knowledge: tuple[Programme, Reader] | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Pipeline:
    """The pipeline over an open store. Secrets are read here; nothing is connected yet.

    ``knowledge`` is what ``read_programme`` gave for the same programme, where it was read already.
    """
    programme, reader = knowledge or read_programme(config)
    sources = TokenSources(now)
    mailboxes = [make_mailbox(mailbox, sources) for mailbox in config.mailboxes]  # first: what both share is told of by its place there
    sender: SmtpSender | None = make_sender(config, sources) if config.replies.smtp is not None else None

    def open_sender() -> AbstractContextManager[SmtpSender]:
        assert sender is not None  # noqa: S101 - only passed on where there is one
        return sender

    answering = Answering(
        programme,
        config.replies,
        store.secret(),
        conversations=config.conversations,
        reread=lambda parsed, received_at, councils: reading.extract(parsed, received_at=received_at, councils=councils),
        sessions_at=sessions_at,
    )
    reading = RememberingReader(reader, store, changed=answering.remember)
    worded = Worded(programme, store, answering.use, reader.know_own)

    def refresh() -> None:
        """What persons taught and worded anew meanwhile."""
        reading.refresh()
        worded.refresh()

    return Pipeline(
        mailboxes=mailboxes,
        store=store,
        reader=reading,
        refresh=refresh,
        answers=answering,
        letters=Letters(store, SessionLetters(answering), Digests(store, config, programme.facts, answering.from_, answering.secret)),
        open_sender=open_sender if sender is not None else None,
        pace=make_pace(config),
        sent=make_sent(config, sources),
        now=now,
    )
