"""Lists to hand on: `mailroom export` of the register, and `mailroom sessions` with who asked for each."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from mailroom.commands.opening import get_config, get_store
from mailroom.commands.options import config_option, emit, json_option

if TYPE_CHECKING:
    from mailroom.config import Config

__all__ = ["export", "sessions"]


@click.command()
@click.option("--format", "form", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True)
@config_option
@json_option
def export(form: str, config_file: str | None, as_json: bool) -> None:
    """Print the register, one registration a line."""
    from mailroom.exporting import export_csv, export_jsonl

    del as_json
    config = get_config(config_file)
    mark_for_spreadsheets(form)
    (export_csv if form == "csv" else export_jsonl)(get_store(config), sys.stdout)


@click.command(short_help="How full each session is, and who asked for it.")
@click.argument("session", metavar="[SESSION]", required=False)
@click.option("--format", "form", type=click.Choice(["table", "csv", "jsonl"]), default="table", show_default=True)
@click.option("--everybody", is_flag=True, help="Who asked, for all sessions in one list.")
@click.option("--give", metavar="REGISTRATION", help="Give that member, who waits, a place in SESSION, and tell them.")
@config_option
@json_option
def sessions(session: str | None, form: str, everybody: bool, give: str | None, config_file: str | None, as_json: bool) -> None:
    """How full each session is; with SESSION, who asked for it, in the order of asking."""
    from mailroom.rosters import print_roster, print_sessions, roster_rows, session_rows, write_rows
    from notify.facts import load_facts

    if (give is not None and session is None) or (everybody and session is not None):
        raise click.UsageError("--give needs a SESSION" if give is not None else "name one session, or give --everybody")
    config = get_config(config_file)
    if give is not None and session is not None:
        give_place(config, session, give)
        return
    assert config.programme.folder is not None  # noqa: S101 - load_config always sets it
    facts, store = load_facts(config.programme.folder), get_store(config)
    listed = everybody or session is not None
    rows = roster_rows(store, facts, session) if listed else session_rows(store, facts)
    if as_json:
        emit(rows)
    elif form != "table":
        mark_for_spreadsheets(form)
        write_rows(rows, form, sys.stdout)
    else:
        print_roster(rows) if listed else print_sessions(rows)


def give_place(config: Config, session: str, registration_id: str) -> None:
    from datetime import UTC, datetime

    from mailroom.answering import Answering
    from mailroom.assemble import read_programme
    from mailroom.letters import SessionLetters

    store = get_store(config, write=True)
    programme, _ = read_programme(config)
    with store.exclusive(timeout=60):
        SessionLetters(Answering(programme, config.replies, store.secret())).give_place(store, session, registration_id, datetime.now(UTC), actor="operator")
    held = "; the letter is held («mailroom replies list»)" if config.replies.mode == "hold" else "; they are told at the next round"
    click.echo(f"{registration_id} has a place in {session} now{held}")


def mark_for_spreadsheets(form: str) -> None:
    """Excel takes CSV for UTF-8 only where it begins with a byte order mark: without one it spoils «Àrainn»."""
    if form == "csv" and not sys.stdout.isatty() and sys.stdout.encoding.lower() == "utf-8":
        sys.stdout.write("\ufeff")
