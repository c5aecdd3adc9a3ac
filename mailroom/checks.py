"""`mailroom check`: opens everything that the settings name, touches nothing, and says how to mend what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mailroom.assemble import make_mailbox, make_pace, make_sender, make_sent, read_programme
from mailroom.config import Config
from mailroom.desk_settings import settings_of
from mailroom.digesting import open_composer
from mailroom.errors import MailroomError, Misconfigured
from mailroom.oauth import TokenSources
from mailroom.oauth.expiry import expiries, unwatched
from mailroom.officework.tiles import load_tiles
from mailroom.previewing import load_samples
from mailroom.wordings import changes_of
from notify.compose import Composer
from parse.authorities import Authorities
from store import Store

__all__ = ["Finding", "run_checks"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    part: str
    ok: bool
    text: str


def run_checks(config: Config) -> Iterator[Finding]:
    """One or more findings for each part; a part that fails does not stop the next."""

    def tried(part: str, look: Callable[[], tuple[str, ...]]) -> Iterator[Finding]:
        try:
            facts = look()
        except MailroomError as error:
            for line in str(error).splitlines():
                yield Finding(part=part, ok=False, text=line)
        else:
            for fact in facts:
                yield Finding(part=part, ok=True, text=fact)

    yield from tried("programme", lambda: _programme(config))
    yield from _expiries(config)
    sources = TokenSources()
    for mailbox in config.mailboxes:
        yield from tried(f"mailbox {mailbox.name}", lambda mailbox=mailbox: make_mailbox(mailbox, sources).check())  # type: ignore[misc]
    yield from tried("sending", lambda: _smtp(config, sources))
    yield from tried("sent mail", lambda: _sent(config, sources))
    yield from tried("store", lambda: _store(config))
    if config.desk is not None:
        yield from tried("desk", lambda: _desk(config))


def _expiries(config: Config) -> Iterator[Finding]:
    """The dates of secrets and certificates; that one is near is said, that it is past is wrong."""
    try:
        for expiry in expiries(config):
            yield Finding(part="oauth2", ok=not expiry.over, text=str(expiry))
    except MailroomError as error:
        yield Finding(part="oauth2", ok=False, text=str(error))
    for text in unwatched(config):
        yield Finding(part="oauth2", ok=True, text=text)


def _programme(config: Config) -> tuple[str, ...]:
    programme, _ = read_programme(config)
    facts = programme.facts
    tiles = load_tiles(programme.folder / "council_tiles.csv", Authorities.load(programme.folder).names)
    samples = load_samples(programme.folder / "replies", facts, programme.composer.names)
    schools = f"{len(programme.schools)} listed schools" if programme.schools else "no school list: schools are read by the form of their names"
    digest: tuple[str, ...] = ()
    if config.digest is not None:
        open_composer(config)
        digest = (f"the digest goes to {', '.join(config.digest.to)} at {config.digest.at}; «mailroom digest --preview» shows it",)
    return (
        f"«{facts.name}» in {programme.folder}: {len(facts.activities)} activities, {len(facts.sessions)} sessions, {schools}",
        f"{len(programme.composer.names)} answers; «mailroom replies preview» shows them for {len(samples)} members made up",
        f"the desk's map has {len(tiles)} councils" if tiles else "no council_tiles.csv: the desk has no map",
        *digest,
    )


def _store(config: Config) -> tuple[str, ...]:
    with Store(config.store.url, read_only=True) as store:
        if wrong := store.check():
            raise Misconfigured("\n".join(one.removeprefix("store ").removeprefix("store: ") for one in wrong))
        if store.missing:
            return (f"{store.shown}: there is no database yet; the first round makes it",)
        return (f"{store.shown}: in order", *_wording(config, store))


def _desk(config: Config) -> tuple[str, ...]:
    """Where its pages are, and whether people can log in by the provider."""
    settings = settings_of(config)
    facts = [f"its pages are at {settings.url}" if settings.url else "its pages are for this machine only (no desk.url)"]
    return (*facts, settings.provider.check()) if settings.provider is not None else tuple(facts)


def _wording(config: Config, store: Store) -> tuple[str, ...]:
    """Whether what persons say in answers still fits the programme's files."""
    version = store.wording()
    if version is None or config.programme.folder is None:
        return ()
    unused = Composer(config.programme.folder / "replies", changes_of(version)).unused
    told = f"version {version.version} of the reply texts: {len(version.changes)} sentences in words of your own"
    return (told + (f"; {len(unused)} of them replaced what the files no longer say, and are not used: word them anew at the desk" if unused else ""),)


def _smtp(config: Config, sources: TokenSources) -> tuple[str, ...]:
    if config.replies.smtp is None:
        return ("no replies.smtp: answers are written, and none can go out",)
    with make_sender(config, sources) as sender:
        sender.connect()
    mode = "answers are held until released" if config.replies.mode == "hold" else "answers go out at once"
    pace = make_pace(config)
    limits = [f"{most} a {unit}" for unit, most in (("minute", pace.per_minute), ("day", pace.per_day)) if most is not None]
    return (
        f"{config.replies.smtp.host}:{config.replies.smtp.port} takes our login; {mode}",
        f"at most {' and '.join(limits)}" if limits else "as fast as the server takes them",
    )


def _sent(config: Config, sources: TokenSources) -> tuple[str, ...]:
    sent = make_sent(config, sources)
    if sent is None:
        return ("no replies.sent_folder: no copies are made, and an answer of unknown fate goes out a second time unseen",)
    copies = "copies of answers are put there" if sent.copies else "the provider files what is sent; no copies are made"
    return (*sent.box.check(), f"{copies}; an answer of unknown fate is looked for there before it goes again")
