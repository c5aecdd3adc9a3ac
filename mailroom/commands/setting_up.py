"""Before the first message and between versions: `mailroom init`, `check`, `sign-in`, `demo`, `upgrade`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from mailroom.commands.opening import get_config
from mailroom.commands.options import config_option, emit, json_option
from mailroom.errors import MailroomError

__all__ = ["check", "demo", "init", "sign_in_command", "upgrade"]


@click.command(short_help="Write a commented config.yaml.")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=".")
@click.option("--programme", "with_programme", is_flag=True, help="Also copy the programme folder, to edit rules, sessions and reply texts.")
def init(folder: Path, with_programme: bool) -> None:
    """Write a commented config.yaml into FOLDER (here, unless named)."""
    import re
    import shutil
    from datetime import UTC, datetime

    from mailroom.config import data_folder

    target = folder / "config.yaml"
    there = target.exists()
    if there and not with_programme:
        raise MailroomError(f"{target} is there already and is left as it is; move it away, or name another folder")
    if with_programme and (folder / "programme").exists():
        raise MailroomError(f"{folder / 'programme'} is there already and is left as it is; move it away, or name another folder")
    folder.mkdir(parents=True, exist_ok=True)
    if with_programme:
        shutil.copytree(data_folder() / "programme", folder / "programme")
        click.echo(f"wrote {folder / 'programme'}")
    if there:
        click.echo(f"{target} is there already and is left as it is. Next: edit what you want to change, then run «mailroom check».")
        return
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:00Z}"
    shipped = (data_folder() / "config.yaml").read_text(encoding="utf-8")
    target.write_text(re.sub(r"(?m)^(  not_before: )\S+", rf"\g<1>{now}", shipped), encoding="utf-8")
    click.echo(f"wrote {target}")
    click.echo(f"replies.not_before is {now}: mail that came earlier is registered and not answered; set it back if it is to be answered.")
    click.echo("Next: edit it, set the environment variables that it names, then run «mailroom check».")


@click.command(short_help="Open all that config.yaml names; say what is wrong.")
@config_option
@json_option
def check(config_file: str | None, as_json: bool) -> None:
    """Open every mailbox, the SMTP server, the store and the programme data; touch nothing."""
    from mailroom.checks import run_checks

    findings = list(run_checks(get_config(config_file)))
    if as_json:
        emit([{"part": f.part, "ok": f.ok, "text": f.text} for f in findings])
    else:
        for finding in findings:
            click.echo(f"{'ok   ' if finding.ok else 'WRONG'} {finding.part}: {finding.text}")
    if not all(finding.ok for finding in findings):
        raise SystemExit(1)


@click.command("sign-in", short_help="Let mailroom into a mailbox as its owner.")
@click.argument("which", metavar="[MAILBOX]", required=False)
@click.option("--paste", is_flag=True, help="The browser is on another machine: paste the address that it ends at (not needed for Microsoft).")
@click.option("--refresh-token-stdin", "from_stdin", is_flag=True, help="Keep a refresh token got elsewhere, read from standard input; it is tried first.")
@config_option
def sign_in_command(which: str | None, paste: bool, from_stdin: bool, config_file: str | None) -> None:
    """Let mailroom into a mailbox as its owner (oauth2.token_file). MAILBOX is its name, or «sending»."""
    from mailroom.oauth.signin import Console, sign_in

    refresh_token = sys.stdin.readline().strip() if from_stdin else None
    if refresh_token == "":
        raise click.UsageError("there is no refresh token on standard input")
    console = Console(show=click.echo, prompt=lambda words: str(click.prompt(words)))
    click.echo(sign_in(get_config(config_file), which, console, paste=paste, refresh_token=refresh_token))


@click.command(short_help="The whole job on an embedded mail server.")
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), help="Keep register and replies here; else in a temporary folder.")
@click.option("--no-wait", is_flag=True, help="End after the story; else, on a terminal, the desk stays open until Ctrl-C.")
def demo(folder: Path | None, no_wait: bool) -> None:
    """The whole job on an embedded mail server, and the coordinator's desk open on it: no account, nothing to install."""
    from mailroom.demo import run_demo

    run_demo(folder, stay=sys.stdout.isatty() and sys.stdin.isatty() and not no_wait)


@click.command(short_help="Bring an older database up to this version.")
@config_option
def upgrade(config_file: str | None) -> None:
    """Bring an older database up to this version (make a copy of it first)."""
    from store import Store

    config = get_config(config_file)
    store = Store(config.store.url)
    store.upgrade()
    click.echo("the database is up to date")
