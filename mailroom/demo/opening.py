"""The end of the demo: the coordinator's desk, open on what the demo registered.

On a terminal it stays open, and mailroom goes on running beside it, until Ctrl-C: what is answered there is sent to the
demo's own sink. Elsewhere (in a script, in CI) it is opened, logged in to, looked at, and closed.

What it does badly: whoever can read the terminal can log in; the account is an administrator's, and the demo's alone.
"""

from __future__ import annotations

import re
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.cookiejar import CookieJar
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, ProxyHandler, build_opener

import click

from mailroom.errors import MailroomError

if TYPE_CHECKING:
    from mailroom.config import Config
    from store import Store

__all__ = ["NAME", "look", "make_account", "open_desk", "stay_open", "tell_how"]

NAME = "demo"
PATIENCE = 20.0  # seconds until the desk is there
# Passwords that one can read off a terminal and type: no letter twice in different shapes, nothing that looks alike.
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


def make_account(store: Store) -> str:
    """The demo's account; gives its password, which is made now and kept nowhere."""
    from desk.passwords import Passwords, checked
    from store import Role

    password = "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(4))
    hashed = Passwords().hash(checked(password, NAME))
    store.people.add(NAME, shown="Demo", role=Role.ADMINISTRATOR, password=hashed, now=datetime.now(UTC), actor=NAME)
    return password


@contextmanager
def open_desk(config: Config, store: Store) -> Iterator[str]:
    """The desk on a free port of this machine; gives its address."""
    import uvicorn

    from desk.app import make_app
    from mailroom.desk_settings import settings_of
    from mailroom.office import HouseOffice

    office = HouseOffice(config, store)
    app = make_app(store, office, settings=settings_of(config))
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", lifespan="off", server_header=False, access_log=False))
    thread = threading.Thread(target=server.run, name="desk", daemon=True)
    thread.start()
    try:
        deadline = time.monotonic() + PATIENCE
        while not server.started:
            if not thread.is_alive() or time.monotonic() > deadline:
                raise MailroomError("the desk could not be opened on this machine")
            time.sleep(0.02)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)


def look(address: str, password: str) -> None:
    """Log in as a person would, and look at today's page. Raises MailroomError where that is not to be had."""
    opener = build_opener(ProxyHandler({}), HTTPCookieProcessor(CookieJar()))

    def read(path: str, form: dict[str, str] | None = None) -> str:
        with opener.open(address + path, data=urlencode(form).encode() if form else None, timeout=PATIENCE) as answer:
            return str(answer.read().decode("utf-8"))

    found = re.search(r'name="csrf" value="([^"]+)"', read("/login"))
    if found is None:
        raise MailroomError("the desk's login page has no form")
    page = read("/login", {"csrf": found.group(1), "name": NAME, "password": password, "next": "/"})
    if "<h1>Today" not in page or "/logout" not in page:
        raise MailroomError("the desk could not be logged in to")


def stay_open(folder: Path, address: str, password: str) -> None:
    """Say where the desk is, and stay until Ctrl-C."""
    _tell(address, password)
    click.echo(f"   What you answer there is sent to {folder / 'replies'}. Ctrl-C ends it.")
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        click.echo("\n   The desk is closed.")


def _tell(address: str, password: str) -> None:
    click.echo(f"   Open     {address}\n   Name     {NAME}\n   Password {password}")


def tell_how(config_file: Path, password: str) -> None:
    """How to open the desk again."""
    click.echo(f"   mailroom desk --config {config_file}")
    click.echo(f"   Name     {NAME}\n   Password {password}")
