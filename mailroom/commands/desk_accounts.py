"""`mailroom desk user`: accounts of the desk, made and mended by whoever has the machine.

A password is read from standard input or typed twice on a terminal; it never stands in an argument, where every
process of the machine could read it, and is never printed. What is done stands in the history with the name that is
logged in on the machine, or that ``--by`` gives.
"""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from mailroom.commands.opening import get_config, get_store
from mailroom.commands.options import config_option, emit, json_option
from mailroom.errors import MailroomError

if TYPE_CHECKING:
    from store import Account, DeskSession, Store

__all__ = ["user"]

ROLES = ("viewer", "coordinator", "administrator")
_NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,79}")
_RESERVED = ("mailroom", "operator")  # what the history calls mailroom itself, and whoever gives it no name

by_option = click.option("--by", metavar="NAME", help="Who does it, for the history; else the name that is logged in.")
stdin_option = click.option("--password-stdin", "from_stdin", is_flag=True, help="Read the password from standard input, its first line.")


def _store(config_file: str | None, *, write: bool = True, create: bool = False) -> Store:
    return get_store(get_config(config_file), write=write, create=create)


def _who(by: str | None) -> str:
    from mailroom.correcting import person

    return person(by)


def _name(given: str) -> str:
    name = given.strip().casefold()
    if not _NAME.fullmatch(name) or name in _RESERVED:
        raise MailroomError(f"«{given}» cannot be an account's name: letters a-z, digits and . _ @ + - are, such as anne or anne.smith; and not {_RESERVED[0]}")
    return name


def _password(name: str, from_stdin: bool) -> str:
    """The hash of a password that somebody gives."""
    from desk.passwords import Passwords, checked

    if from_stdin:
        given = sys.stdin.readline().rstrip("\r\n")
    elif sys.stdin.isatty():
        given = click.prompt("Password", hide_input=True, confirmation_prompt="The same again")
    else:
        raise click.UsageError("there is no terminal to ask for a password on; give it with --password-stdin")
    return Passwords().hash(checked(given, name))


@click.group()
def user() -> None:
    """Who may log in to the desk, and what they may do there."""


@user.command(short_help="A new account.")
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), required=True, help="viewer looks; coordinator also settles and answers; administrator also sees to people.")
@click.option("--shown", metavar="WORDS", help="How pages and letters call the person; else NAME.")
@click.option("--email", metavar="ADDRESS", help="The address that desk.oidc may vouch for.")
@click.option("--no-password", is_flag=True, help="Logs in by desk.oidc only; needs --email.")
@stdin_option
@by_option
@config_option
def add(name: str, role: str, shown: str | None, email: str | None, no_password: bool, from_stdin: bool, by: str | None, config_file: str | None) -> None:
    """Make an account. The password is typed twice, or comes from standard input."""
    from store import Role

    key = _name(name)
    if no_password and (from_stdin or not email):
        raise click.UsageError("--no-password goes with --email, and not with --password-stdin")
    with _store(config_file, create=True) as store:
        if store.people.find(key) is not None:  # before anybody types a password
            raise MailroomError(f"there is an account «{key}» already; the name of one is never given away again")
        password = None if no_password else _password(key, from_stdin)
        made = store.people.add(
            key, shown=shown or name.strip(), role=Role(role), password=password, now=datetime.now(UTC), actor=_who(by), email=_address(email)
        )
    click.echo(f"{made.name} can log in now, as {_a(made.role)}")


@user.command("list", short_help="All accounts.")
@json_option
@config_option
def list_accounts(as_json: bool, config_file: str | None) -> None:
    """All accounts with role, when last seen, and whether they can log in."""
    with _store(config_file, write=False) as store:
        every = store.people.all()
    if as_json:
        emit([_account_dict(account) for account in every])
        return
    for account in every:
        seen = f"last seen {account.last_seen_at:%Y-%m-%d %H:%M} UTC" if account.last_seen_at is not None else "never seen"
        ways = " and ".join(way for way, has in (("password", account.password), (account.email or "", account.email)) if has) or "no way in"
        click.echo(f"{account.name}  {account.role}  {account.shown}  {seen}  {'DISABLED' if account.disabled_at else ways}")
    if not every:
        click.echo("there are none yet; «mailroom desk user add NAME --role administrator» makes one")


@user.command(short_help="Another role.")
@click.argument("name")
@click.argument("role", type=click.Choice(ROLES))
@by_option
@config_option
def role(name: str, role: str, by: str | None, config_file: str | None) -> None:
    """Give an account another role. It holds from the person's next click."""
    from store import Role

    with _store(config_file) as store:
        changed = store.people.set_role(name, Role(role), datetime.now(UTC), actor=_who(by))
    click.echo(f"{name} is {_a(role)}{' now' if changed else ' already'}")


@user.command(short_help="Another password.")
@click.argument("name")
@stdin_option
@by_option
@config_option
def password(name: str, from_stdin: bool, by: str | None, config_file: str | None) -> None:
    """Give an account another password. Whoever is logged in with it is logged out."""
    with _store(config_file) as store:
        account = _found(store, name)
        ended = store.people.set_password(account.name, _password(account.name, from_stdin), datetime.now(UTC), actor=_who(by))
    click.echo(f"{account.name} has a new password; logged out: {ended}")


@user.command(short_help="Another address for desk.oidc.")
@click.argument("name")
@click.argument("address", required=False)
@by_option
@config_option
def email(name: str, address: str | None, by: str | None, config_file: str | None) -> None:
    """Set the address that desk.oidc may vouch for (none: take it away). The tie to a person at the provider is made anew."""
    with _store(config_file) as store:
        account = _found(store, name)
        store.people.set_email(account.name, _address(address), datetime.now(UTC), actor=_who(by))
        if address is None and account.password is None:
            click.echo("this account has neither password nor address now, so nobody can log in with it", err=True)
    click.echo(f"{account.name} {f'logs in as {address}' if address else 'has no address'}")


@user.command(short_help="Let nobody in with it.")
@click.argument("name")
@by_option
@config_option
def disable(name: str, by: str | None, config_file: str | None) -> None:
    """Let nobody in with this account any more; whoever is logged in is logged out at once."""
    with _store(config_file) as store:
        changed = store.people.disable(name, datetime.now(UTC), actor=_who(by))
    click.echo(f"{name} cannot log in{' any more' if changed else ', as before'}")


@user.command(short_help="Let in again.")
@click.argument("name")
@by_option
@config_option
def enable(name: str, by: str | None, config_file: str | None) -> None:
    """Let a disabled account in again."""
    with _store(config_file) as store:
        changed = store.people.enable(name, datetime.now(UTC), actor=_who(by))
    click.echo(f"{name} can log in{' again' if changed else ', as before'}")


@user.command(short_help="Who is logged in.")
@click.argument("name", required=False)
@json_option
@config_option
def sessions(name: str | None, as_json: bool, config_file: str | None) -> None:
    """Who is logged in, since when, from where; of one account, or of all."""
    from mailroom.config import DeskConfig

    limits = get_config(config_file).desk or DeskConfig()
    with _store(config_file, write=False) as store:
        if name is not None:
            _found(store, name)
        open_ones = store.people.sessions(name, datetime.now(UTC), idle=limits.idle, longest=limits.longest)
    if as_json:
        emit([_session_dict(one) for one in open_ones])
        return
    for one in open_ones:
        client = "".join(c if c.isprintable() else "?" for c in f"{one.client}  {one.browser}")
        click.echo(f"{one.id}  {one.account}  since {one.made_at:%Y-%m-%d %H:%M} UTC  last seen {one.seen_at:%Y-%m-%d %H:%M} UTC  {client}")
    if not open_ones:
        click.echo("nobody is logged in")


@user.command(short_help="Log somebody out.")
@click.argument("name")
@click.option("--session", type=int, help="Only this one, by its number in «sessions».")
@by_option
@config_option
def revoke(name: str, session: int | None, by: str | None, config_file: str | None) -> None:
    """Log somebody out: everywhere, or in one place."""
    with _store(config_file) as store:
        account = _found(store, name)
        now, who = datetime.now(UTC), _who(by)
        ended = store.people.end_sessions(name, now, actor=who) if session is None else store.people.end_session(session, now, actor=who, account=account.name)
    if session is not None and not ended:
        raise MailroomError(f"{name} has no session {session} that is open; «mailroom desk user sessions {name}» lists them")
    click.echo(f"{account.name} is logged out ({int(ended)})")


def _found(store: Store, name: str) -> Account:
    account = store.people.find(name)
    if account is None:
        raise MailroomError(f"there is no account «{name}»; «mailroom desk user list» shows those there are")
    return account


def _address(given: str | None) -> str | None:
    if given is None:
        return None
    if not re.fullmatch(r"[^@\s<>,;]+@[^@\s<>,;]+\.[^@\s<>,;]+", given.strip()):
        raise MailroomError(f"«{given}» should be an address such as anne@union.example")
    return given.strip().casefold()


def _a(role: str) -> str:
    return f"an {role}" if role[0] in "aeiou" else f"a {role}"


def _account_dict(account: Account) -> dict[str, object]:
    return {
        "name": account.name,
        "shown": account.shown,
        "role": str(account.role),
        "email": account.email,
        "password": account.password is not None,
        "by_provider": account.by_provider,
        "created_at": account.created_at.isoformat(),
        "last_seen_at": account.last_seen_at.isoformat() if account.last_seen_at else None,
        "disabled_at": account.disabled_at.isoformat() if account.disabled_at else None,
    }


def _session_dict(one: DeskSession) -> dict[str, object]:
    return {
        "id": one.id,
        "account": one.account,
        "way": one.way,
        "made_at": one.made_at.isoformat(),
        "seen_at": one.seen_at.isoformat(),
        "client": one.client,
        "browser": one.browser,
    }
