"""People of the desk: accounts, who is signed in, who tries to, who has what open, saved views, and who looked at what.

Promises. An account is never deleted and its name never given away again, because the history refers to it. A
session is looked up by the digest of its token and by nothing else; it ends when its account is disabled, when it was
idle or lived for too long, or when somebody ends it, and no copy in a process outlives that. A try to sign in is
counted as failed before the password is looked at, so that a hundred at once are not a hundred free ones. What a
person does to an account stands in the history.

Sessions that are over, tries and presence are swept after a while: they are about our own people's comings and
goings, and nobody needs them for longer. That is the one place where rows are deleted.

What it does badly: a look at something is noted once in ten minutes, so the history tells who looked, not how often.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, insert, literal, or_, select, text, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from mailroom.errors import MailroomError, Permanent, Temporary
from store import history
from store.database import Database, clean, clip
from store.tables import accounts, desk_sessions, presence, saved_views, sign_in_attempts
from store.tables import history as lines
from store.types import Account, DeskSession, Event, Present, Role, SavedView, Throttle

__all__ = ["HERE_FOR", "LOOKED", "LOOKED_ONCE_IN", "People"]

LOOKED = "viewed"
LOOKED_ONCE_IN = timedelta(minutes=10)
HERE_FOR = timedelta(minutes=2)
SEEN_EVERY = timedelta(minutes=1)
FORGIVEN_AFTER = timedelta(days=1)  # failed tries, when none came since
KEPT_FOR = timedelta(days=30)  # sessions that are over
_BY_A_PERSON = text("actor <> 'mailroom'")  # as the indexes have it, so that the planner sees it
_LOOK_LOCKS = 0x6D6C  # advisory locks of two keys


class People:
    """``store.people``. Times are arguments, like everywhere in the store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # --- accounts

    def add(
        self,
        name: str,
        *,
        shown: str,
        role: Role,
        password: str | None,
        now: datetime,
        actor: str,
        email: str | None = None,
        subject: str | None = None,
        by_provider: bool = False,
    ) -> Account:
        """A new account; ``password`` is a hash. MailroomError where the name or the address is somebody's."""
        key, email = _key(name), email.casefold() if email else None
        row = {
            "name": key,
            "shown": clean(shown).strip() or key,
            "role": str(role),
            "password": password,
            "email": email,
            "subject": subject,
            "by_provider": by_provider,
            "created_at": now,
            "password_at": now if password is not None else None,
        }
        with self._database.write() as connection:
            if _account(connection, key) is not None:
                raise MailroomError(f"there is an account «{key}» already; the name of one is never given away again")
            self._free(connection, email, but=key)
            connection.execute(insert(accounts).values(**row))
            _note(connection, "account.added", key, now, actor, after={"role": str(role), "email": email, "by_provider": by_provider})
            made = _account(connection, key)
            assert made is not None  # noqa: S101 - it was just written
            return made

    def find(self, name: str) -> Account | None:
        with self._database.read() as connection:
            return _account(connection, name.strip().casefold())

    def by_email(self, email: str) -> Account | None:
        with self._database.read() as connection:
            return next(iter(_accounts(connection, _of_accounts().where(accounts.c.email == email.casefold()))), None)

    def by_subject(self, subject: str) -> Account | None:
        with self._database.read() as connection:
            return next(iter(_accounts(connection, _of_accounts().where(accounts.c.subject == subject))), None)

    def all(self) -> tuple[Account, ...]:
        """All accounts by name, also those that are disabled, with when each was last seen."""
        with self._database.read() as connection:
            return _accounts(connection, _of_accounts().order_by(accounts.c.name))

    def any(self) -> bool:
        """Whether anybody could sign in."""
        with self._database.read() as connection:
            return connection.execute(select(accounts.c.name).where(accounts.c.disabled_at.is_(None)).limit(1)).first() is not None

    def set_role(self, name: str, role: Role, now: datetime, *, actor: str) -> bool:
        """False where it is so already."""
        return self._change(name, "account.role", {"role": str(role)}, now, actor)

    def set_shown(self, name: str, shown: str, now: datetime, *, actor: str) -> bool:
        return self._change(name, "account.renamed", {"shown": clean(shown).strip()}, now, actor)

    def set_email(self, name: str, email: str | None, now: datetime, *, actor: str) -> bool:
        """The address that a provider may vouch for; whoever signed in with it before has to be met anew."""
        email = email.casefold() if email else None
        with self._database.write() as connection:
            self._free(connection, email, but=_key(name))
            return _change(connection, name, "account.email", {"email": email, "subject": None}, now, actor)

    def bind(self, name: str, subject: str, now: datetime) -> bool:
        """Tie an account to the provider's own name for the person, once; False where it is tied to another."""
        with self._database.write() as connection:
            account = _account(connection, _key(name))
            if account is None or account.subject not in (None, subject):
                return False
            return account.subject == subject or _change(connection, name, "account.bound", {"subject": subject}, now, account.name)

    def set_password(self, name: str, password: str, now: datetime, *, actor: str, keep_session: int | None = None) -> int:
        """A new hash; every session but ``keep_session`` ends with the old one. Gives how many ended."""
        with self._database.write() as connection:
            key = self._must(connection, name)
            connection.execute(update(accounts).where(accounts.c.name == key).values(password=password, password_at=now))
            _note(connection, "account.password", key, now, actor)
            return len(_end(connection, desk_sessions.c.account == key, now, but=keep_session))

    def rehash(self, name: str, old: str, new: str) -> None:
        """The same password under today's parameters. Nothing that anybody needs to be told of."""
        with self._database.write() as connection:
            connection.execute(update(accounts).where(accounts.c.name == _key(name), accounts.c.password == old).values(password=new))

    def disable(self, name: str, now: datetime, *, actor: str) -> bool:
        """Nobody signs in with it any more, and whoever is, is out at once. False where it is so already."""
        with self._database.write() as connection:
            key = self._must(connection, name)
            here = (accounts.c.name == key) & accounts.c.disabled_at.is_(None)
            if not connection.execute(update(accounts).where(here).values(disabled_at=now)).rowcount:
                return False
            _end(connection, desk_sessions.c.account == key, now)
            connection.execute(delete(presence).where(presence.c.person == key))
            _note(connection, "account.disabled", key, now, actor)
            return True

    def enable(self, name: str, now: datetime, *, actor: str) -> bool:
        return self._change(name, "account.enabled", {"disabled_at": None}, now, actor)

    # --- tries to sign in

    def try_now(self, throttles: Sequence[Throttle], now: datetime) -> timedelta:
        """Count a try for each of these, as failed until ``succeeded`` says otherwise; how long to wait where it is too
        early for one of them, and then nothing is counted: whoever waits as told is not set back by those who do not."""
        with self._database.write() as connection:
            rows = {throttle.key: _attempts(connection, throttle.key, now) for throttle in sorted(throttles, key=lambda one: one.key)}
            wait = max((row.not_before - now for row in rows.values()), default=timedelta())
            if wait > timedelta():
                return wait
            for throttle in throttles:
                row = rows[throttle.key]
                failures = 1 + (row.failures if now - row.last_at < FORGIVEN_AFTER else 0)
                values = {"failures": failures, "last_at": now, "not_before": now + pause(failures, throttle)}
                connection.execute(update(sign_in_attempts).where(sign_in_attempts.c.key == throttle.key).values(**values))
            return timedelta()

    def succeeded(self, forget: Sequence[str], give_back: Sequence[str] = ()) -> None:
        """It was the right password: ``forget`` the failures of these keys; of ``give_back`` only this one try, so that
        nobody wipes an address's failures by signing in with a password of their own."""
        with self._database.write() as connection:
            connection.execute(delete(sign_in_attempts).where(sign_in_attempts.c.key.in_(forget)))
            given = {"failures": sign_in_attempts.c.failures - 1, "not_before": sign_in_attempts.c.last_at}
            connection.execute(update(sign_in_attempts).where(sign_in_attempts.c.key.in_(give_back), sign_in_attempts.c.failures > 0).values(**given))

    # --- sessions

    def open_session(self, account: str, token: str, now: datetime, *, way: str, client: str, browser: str, instead_of: str | None = None) -> DeskSession:
        """Sign somebody in; ``token`` and ``instead_of`` (a session that ends with it) are digests. Permanent where the account is disabled."""
        with self._database.write() as connection:
            known = _account(connection, _key(account))
            if known is None or known.disabled_at is not None:
                raise Permanent(f"there is no account «{account}» to sign in with")
            if instead_of is not None:
                _end(connection, desk_sessions.c.token == instead_of, now)
            client, browser = clip(client, 200), clip(browser, 400)
            row = {"account": known.name, "way": way, "made_at": now, "seen_at": now, "client": client, "browser": browser}
            made = connection.execute(insert(desk_sessions).values(token=token, **row)).inserted_primary_key
            assert made is not None  # noqa: S101 - one row was inserted
            _note(connection, "desk.signed_in", known.name, now, known.name, after={"session": made[0], "way": way})
            _sweep(connection, now)
            return DeskSession(id=made[0], account=known.name, way=way, made_at=now, seen_at=now, client=client, browser=browser, ended_at=None)

    def session(self, token: str, now: datetime, *, idle: timedelta, longest: timedelta, here: bool = True) -> tuple[Account, DeskSession] | None:
        """Whose it is, if it has not ended; ``token`` is a digest. That they were ``here`` is written down once in a minute."""
        condition = (desk_sessions.c.token == token) & desk_sessions.c.ended_at.is_(None)
        condition &= (desk_sessions.c.made_at > now - longest) & (desk_sessions.c.seen_at > now - idle)
        query = select(desk_sessions, *[column.label(f"account_{column.name}") for column in accounts.c])
        query = query.join(accounts, accounts.c.name == desk_sessions.c.account).where(condition, accounts.c.disabled_at.is_(None))
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        if here and now - row.seen_at >= SEEN_EVERY:
            with suppress(Temporary), self._database.write() as connection:  # locked: then at the next click, and nobody is turned away for it
                later = (desk_sessions.c.id == row.id) & (desk_sessions.c.seen_at < now) & desk_sessions.c.ended_at.is_(None)
                connection.execute(update(desk_sessions).where(later).values(seen_at=now))
        fields = {column.name: getattr(row, f"account_{column.name}") for column in accounts.c}
        return _as_account(fields, row.seen_at), _as_session(row)

    def sessions(self, account: str | None, now: datetime, *, idle: timedelta, longest: timedelta) -> tuple[DeskSession, ...]:
        """Those that are open, the last seen first."""
        query = select(desk_sessions).where(desk_sessions.c.ended_at.is_(None), desk_sessions.c.made_at > now - longest, desk_sessions.c.seen_at > now - idle)
        if account is not None:
            query = query.where(desk_sessions.c.account == _key(account))
        with self._database.read() as connection:
            return tuple(_as_session(row) for row in connection.execute(query.order_by(desk_sessions.c.seen_at.desc(), desk_sessions.c.id.desc())))

    def end_session(self, session_id: int, now: datetime, *, actor: str, account: str | None = None) -> bool:
        """False where it has ended already, or is not ``account``'s."""
        condition = desk_sessions.c.id == session_id
        if account is not None:
            condition &= desk_sessions.c.account == _key(account)
        with self._database.write() as connection:
            ended = _end(connection, condition, now)
            for one, whose in ended:
                _note(connection, "desk.signed_out" if actor == whose else "desk.session_ended", whose, now, actor, after={"session": one})
            return bool(ended)

    def end_sessions(self, account: str, now: datetime, *, actor: str, but: int | None = None) -> int:
        """All of a person, except one; gives how many ended."""
        with self._database.write() as connection:
            key = self._must(connection, account)
            ended = _end(connection, desk_sessions.c.account == key, now, but=but)
            if ended:
                _note(connection, "desk.session_ended", key, now, actor, after={"sessions": [one for one, _ in ended]})
            return len(ended)

    # --- who has what open

    def here(self, person: str, item: str, now: datetime) -> None:
        """They have it open; to be said again before ``HERE_FOR`` is over."""
        row = {"item": clip(item, 60), "person": _key(person), "since": now, "seen_at": now}
        with self._database.write() as connection:
            connection.execute(delete(presence).where(presence.c.seen_at <= now - HERE_FOR))
            dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
            statement = dialect.insert(presence).values(**row)
            connection.execute(statement.on_conflict_do_update(index_elements=["item", "person"], set_={"seen_at": now}))

    def gone(self, person: str, item: str) -> None:
        with self._database.write() as connection:
            connection.execute(delete(presence).where(presence.c.item == item, presence.c.person == _key(person)))

    def others(self, item: str, now: datetime, *, than: str) -> tuple[Present, ...]:
        """Who else has it open, the first to come first."""
        query = select(presence.c.person, accounts.c.shown, presence.c.since).join(accounts, accounts.c.name == presence.c.person)
        query = query.where(presence.c.item == item, presence.c.seen_at > now - HERE_FOR, presence.c.person != _key(than))
        with self._database.read() as connection:
            return tuple(Present(**row._mapping) for row in connection.execute(query.order_by(presence.c.since, presence.c.person)))

    # --- saved views

    def saved_views(self, person: str) -> tuple[SavedView, ...]:
        """A person's own, then those that others share."""
        mine = saved_views.c.person == _key(person)
        query = select(*[saved_views.c[name] for name in ("id", "person", "name", "query", "shared")]).where(mine | saved_views.c.shared)
        with self._database.read() as connection:
            return tuple(SavedView(**row._mapping) for row in connection.execute(query.order_by((~mine), saved_views.c.name, saved_views.c.id)))

    def save_view(self, person: str, name: str, query: str, now: datetime, *, shared: bool = False) -> SavedView:
        """A new one, or another filter under the same name."""
        row = {"person": _key(person), "name": clip(" ".join(name.split()), 320)[:80], "query": clean(query), "shared": shared, "made_at": now}
        if not row["name"]:
            raise MailroomError("a saved view needs a name")
        with self._database.write() as connection:
            dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
            statement = dialect.insert(saved_views).values(**row)
            statement = statement.on_conflict_do_update(index_elements=["person", "name"], set_={"query": row["query"], "shared": shared, "made_at": now})
            made: int = connection.execute(statement.returning(saved_views.c.id)).scalar_one()
        return SavedView(id=made, person=_key(person), name=str(row["name"]), query=str(row["query"]), shared=shared)

    def delete_view(self, person: str, view_id: int, *, anybodys: bool = False) -> bool:
        """A person's own; ``anybodys``: also one that somebody else shares."""
        mine = saved_views.c.person == _key(person)
        with self._database.write() as connection:
            gone = connection.execute(delete(saved_views).where(saved_views.c.id == view_id, or_(mine, saved_views.c.shared) if anybodys else mine))
            return bool(gone.rowcount)

    # --- who looked at what

    def looked(
        self,
        person: str,
        what: str,
        now: datetime,
        *,
        message_id: int | None = None,
        registration_id: str | None = None,
        reply_id: int | None = None,
        detail: Mapping[str, Any] | None = None,
        once_in: timedelta = LOOKED_ONCE_IN,
    ) -> bool:
        """Note that a person saw something; once in that time for the same thing, and then True."""
        after = {"what": what, **(detail or {})}
        same = (message_id, registration_id, reply_id, after)

        def noted(connection: Connection) -> bool:
            query = select(lines.c.message_id, lines.c.registration_id, lines.c.reply_id, lines.c.after)
            query = query.where(_BY_A_PERSON, lines.c.at > now - once_in, lines.c.actor == person, lines.c.event == LOOKED)
            return any((row.message_id, row.registration_id, row.reply_id, row.after) == same for row in connection.execute(query))

        with self._database.read() as connection:
            if noted(connection):
                return False
        with self._database.write() as connection:
            if connection.dialect.name == "postgresql":  # SQLite has one writer anyway
                connection.execute(text("SELECT pg_advisory_xact_lock(:space, hashtext(:key))"), {"space": _LOOK_LOCKS, "key": person})
            if noted(connection):
                return False
            line = history.entry(LOOKED, now, actor=person, message_id=message_id, registration_id=registration_id, reply_id=reply_id, after=after)
            history.add(connection, [line])
            return True

    def noted(self, person: str, event: str, now: datetime, detail: Mapping[str, Any]) -> None:
        """Note that a person did something that changes nothing here, each time: what was taken away as a file."""
        with self._database.write() as connection:
            history.add(connection, [history.entry(event, now, actor=person, after=dict(detail))])

    def audit(
        self,
        *,
        person: str | None = None,
        message_id: int | None = None,
        registration_id: str | None = None,
        reply_id: int | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        looks: bool | None = None,
        before_id: int | None = None,
        limit: int = 100,
    ) -> tuple[Event, ...]:
        """What persons looked at (``looks``), or changed (False), or both (None); the newest first. The next page starts ``before_id``."""
        query = select(lines).where(_BY_A_PERSON)
        for column, wanted in (
            (lines.c.actor, person),
            (lines.c.message_id, message_id),
            (lines.c.registration_id, registration_id),
            (lines.c.reply_id, reply_id),
        ):
            if wanted is not None:
                query = query.where(column == wanted)
        if since is not None:
            query = query.where(lines.c.at >= since)
        if until is not None:
            query = query.where(lines.c.at < until)
        if looks is not None:
            query = query.where(lines.c.event == LOOKED if looks else lines.c.event != LOOKED)
        query = query.order_by(lines.c.at.desc(), lines.c.id.desc()).limit(limit)
        with self._database.read() as connection:
            if before_id is not None:
                at = connection.execute(select(lines.c.at).where(lines.c.id == before_id)).scalar()
                if at is None:
                    return ()
                query = query.where(tuple_(lines.c.at, lines.c.id) < tuple_(literal(at, lines.c.at.type), literal(before_id)))
            return tuple(Event(**row._mapping) for row in connection.execute(query))

    # --- inside

    def _change(self, name: str, event: str, values: dict[str, Any], now: datetime, actor: str) -> bool:
        with self._database.write() as connection:
            return _change(connection, name, event, values, now, actor)

    def _must(self, connection: Connection, name: str) -> str:
        if (account := _account(connection, _key(name))) is None:
            raise MailroomError(f"there is no account «{name}»; «mailroom desk user list» shows those there are")
        return account.name

    def _free(self, connection: Connection, email: str | None, *, but: str) -> None:
        taken = email and connection.execute(select(accounts.c.name).where(accounts.c.email == email, accounts.c.name != but)).scalar()
        if taken:
            raise MailroomError(f"{email} is the address of the account «{taken}» already")


def pause(failures: int, throttle: Throttle) -> timedelta:
    """After so many failed tries in a row: none for the free ones, then 1 s, 2 s, 4 s and so on to the longest."""
    over = failures - throttle.free
    return timedelta() if over <= 0 else min(throttle.longest, timedelta(seconds=2 ** min(over - 1, 30)))


def _key(name: str) -> str:
    return clean(name).strip().casefold()


def _of_accounts() -> Select[Any]:
    seen = select(func.max(desk_sessions.c.seen_at)).where(desk_sessions.c.account == accounts.c.name).scalar_subquery()
    return select(accounts, seen.label("last_seen_at"))


def _accounts(connection: Connection, query: Select[Any]) -> tuple[Account, ...]:
    return tuple(_as_account({k: v for k, v in row._mapping.items() if k != "last_seen_at"}, row.last_seen_at) for row in connection.execute(query))


def _account(connection: Connection, key: str) -> Account | None:
    return next(iter(_accounts(connection, _of_accounts().where(accounts.c.name == key))), None)


def _as_account(fields: Mapping[str, Any], seen: datetime | None) -> Account:
    return Account(**{**fields, "role": Role(fields["role"])}, last_seen_at=seen)


def _as_session(row: Row[Any]) -> DeskSession:
    return DeskSession(**{name: getattr(row, name) for name in ("id", "account", "way", "made_at", "seen_at", "client", "browser", "ended_at")})


def _note(
    connection: Connection, event: str, account: str, now: datetime, actor: str, *, before: object = None, after: Mapping[str, Any] | None = None
) -> None:
    told = dict(before) if isinstance(before, Mapping) else None
    history.add(connection, [history.entry(event, now, actor=actor, before=told, after={"account": account, **(after or {})})])


def _change(connection: Connection, name: str, event: str, values: dict[str, Any], now: datetime, actor: str) -> bool:
    query = select(accounts).where(accounts.c.name == _key(name)).with_for_update()
    row = connection.execute(query).one_or_none()
    if row is None:
        raise MailroomError(f"there is no account «{name}»; «mailroom desk user list» shows those there are")
    before = {key: row._mapping[key] for key in values}
    if before == values:
        return False
    connection.execute(update(accounts).where(accounts.c.name == row.name).values(**values))
    told = {key for key in values if key in ("role", "email", "shown")}
    _note(connection, event, row.name, now, actor, before={key: before[key] for key in told} or None, after={key: values[key] for key in told})
    return True


def _attempts(connection: Connection, key: str, now: datetime) -> Row[Any]:
    """The row of a key, made if need be, and nobody else's until the end of the transaction."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    fresh = dialect.insert(sign_in_attempts).values(key=key, failures=0, last_at=now, not_before=now)
    connection.execute(fresh.on_conflict_do_nothing(index_elements=["key"]))
    return connection.execute(select(sign_in_attempts).where(sign_in_attempts.c.key == key).with_for_update()).one()


def _end(connection: Connection, condition: Any, now: datetime, *, but: int | None = None) -> list[tuple[int, str]]:
    """Which sessions ended by this, and whose they were."""
    here = condition & desk_sessions.c.ended_at.is_(None)
    if but is not None:
        here &= desk_sessions.c.id != but
    rows = connection.execute(update(desk_sessions).where(here).values(ended_at=now).returning(desk_sessions.c.id, desk_sessions.c.account)).all()
    return sorted((row.id, row.account) for row in rows)


def _sweep(connection: Connection, now: datetime) -> None:
    """At each sign-in: what nobody needs any more. ``seen_at`` of a session that was never ended tells when it was over."""
    last = func.coalesce(desk_sessions.c.ended_at, desk_sessions.c.seen_at)
    connection.execute(delete(desk_sessions).where(last < now - KEPT_FOR))
    connection.execute(delete(sign_in_attempts).where(sign_in_attempts.c.last_at < now - 2 * FORGIVEN_AFTER))
