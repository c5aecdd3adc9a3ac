"""The `mailroom` command. Human output by default, ``--json`` for machines, progress only on a terminal.

Exit status: 0 done; 1 something is wrong that a person must mend (said on standard error, never as a
traceback); 2 wrong usage; 75 (EX_TEMPFAIL) try again later. Imports are inside the commands, so that
`mailroom --help` does not wait for spaCy.
"""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

import click

from mailroom import __version__
from mailroom.desk_command import desk
from mailroom.errors import MailroomError, Temporary
from mailroom.teaching import aliases_group

if TYPE_CHECKING:
    from desk.office import Done
    from mailroom.config import Config
    from mailroom.office import HouseOffice
    from mailroom.pipeline import Pipeline
    from store import Store

__all__ = ["cli", "main"]

PARKED = ("cap_address", "same_words", "breaker_domain", "breaker_all", "undeliverable")  # a test compares it with the store's

STATES = {  # as tables show them: as the store and --json have them
    "message": {
        "unread": "waiting",
        "registered": "registered",
        "asked": "ask_member",
        "waiting-for-person": "review",
        "ignored": "ignored",
        "unreadable": "quarantined",
    },
    "registration": {
        "registered": "registered",
        "waiting-for-member": "ask_member",
        "waiting-for-person": "review",
        "withdrawn": "withdrawn",
        "merged": "merged",
        "not-ours": "dismissed",
    },
    "reply": {
        "held": "held",
        "due": "due",
        "sending": "sending",
        "unknown": "unknown",
        "sent": "sent",
        "parked": "suppressed",
        "undeliverable": "dead",
    },
}

F = TypeVar("F", bound=Callable[..., Any])


class _Shared:
    """What options before the command's name said; the same option after it wins."""

    config: str | None = None


def config_option(command: F) -> F:
    return click.option("--config", "config_file", metavar="FILE", help="The settings; else $MAILROOM_CONFIG, else ./config.yaml.")(command)


def json_option(command: F) -> F:
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")(command)


class StateName(click.ParamType[str]):
    """A state, in the word that tables show or in the one that ``--json`` has."""

    name = "state"

    def __init__(self, of: str) -> None:
        self.words = STATES[of]

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        return f"[{'|'.join(self.words)}]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        word = str(value).strip().lower().replace(" ", "-")
        if word in self.words:
            return self.words[word]
        if str(value) in self.words.values():
            return str(value)
        self.fail(f"«{value}» is no state; there are {', '.join(self.words)}", param, ctx)


def emit(value: object) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, default=str))


def get_config(config_file: str | None) -> Config:
    from mailroom.config import find_config, load_config

    return load_config(find_config(config_file or _Shared.config))


def get_store(config: Config, *, write: bool = False, create: bool = False) -> Store:
    from store import Store

    store = Store(config.store.url, read_only=not write)
    store.ensure_current(first_run_ok=create)
    return store


def on_terminal(stream: IO[str] = sys.stderr) -> bool:
    return stream.isatty()


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="mailroom")
@click.option("--config", "config_file", metavar="FILE", help="The settings; may also stand after the command.")
@click.option("-v", "--verbose", is_flag=True, help="Say what happens, on standard error.")
def cli(config_file: str | None, verbose: bool) -> None:
    """Turns a programme mailbox into a tidy register, and answers each member.

    Start with «mailroom init», edit config.yaml, «mailroom check», «mailroom run». «mailroom demo» shows the whole job.
    """
    _Shared.config = config_file
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)


@cli.command(short_help="Write a commented config.yaml.")
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


@cli.command(short_help="Open all that config.yaml names; say what is wrong.")
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


@cli.command("sign-in", short_help="Let mailroom into a mailbox as its owner.")
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


@cli.command(short_help="The whole job on an embedded mail server.")
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), help="Keep register and replies here; else in a temporary folder.")
@click.option("--no-wait", is_flag=True, help="End after the story; else, on a terminal, the desk stays open until Ctrl-C.")
def demo(folder: Path | None, no_wait: bool) -> None:
    """The whole job on an embedded mail server, and the coordinator's desk open on it: no account, nothing to install."""
    from mailroom.demo import run_demo

    run_demo(folder, stay=on_terminal(sys.stdout) and on_terminal(sys.stdin) and not no_wait)


def build_pipeline(config: Config, *, create: bool = True) -> Pipeline:
    from mailroom.assemble import assemble

    return assemble(config, get_store(config, write=True, create=create))


@cli.command(short_help="One round, then out.")
@config_option
@json_option
def poll(config_file: str | None, as_json: bool) -> None:
    """One round: take what is new, read it, record it, send what is due; then out."""
    from mailroom.rounds import print_round, progress_line

    pipeline = build_pipeline(get_config(config_file))
    with pipeline.store.exclusive(timeout=60):
        report = pipeline.round(progress=progress_line() if on_terminal() and not as_json else None)
    if as_json:
        emit(report.as_dict())
    else:
        print_round(report)
    if report.errors:
        raise Temporary("\n".join(report.errors))


@cli.command(short_help="Rounds on schedule, and at once when mail comes.")
@config_option
def run(config_file: str | None) -> None:
    """Poll on schedule, and at once when the server says mail came, until SIGTERM; a running round is finished."""
    from mailroom.service import serve

    logging.getLogger().setLevel(min(logging.INFO, logging.getLogger().level))
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells of its plugins, and of a database that it looked at
    serve(get_config(config_file), build_pipeline)


@cli.command(short_help="Totals, what waits, and the last polls.")
@config_option
@json_option
def status(config_file: str | None, as_json: bool) -> None:
    """How many messages and replies are in which state, and when each mailbox was last polled."""
    from mailroom.show import print_status, status_dict

    config = get_config(config_file)
    facts = status_dict(config, get_store(config))
    emit(facts) if as_json else print_status(facts)


@cli.command(short_help="Read .eml files, print JSON lines; no store needed.")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--schools", "schools", multiple=True, type=click.Path(dir_okay=False), help="A school list, .csv or the government's .xlsx; may be repeated.")
@click.option("--programme", type=click.Path(file_okay=False, path_type=Path), help="Another programme folder than the shipped one.")
@click.option("--zones", is_flag=True, help="Also print the zones of each body.")
@config_option
@json_option
def extract(paths: tuple[str, ...], schools: tuple[str, ...], programme: Path | None, zones: bool, config_file: str | None, as_json: bool) -> None:
    """Read .eml files and print one JSON line for each; folders are walked, «-» is standard input. No store needed."""
    from mailroom.extracting import extract_lines

    del as_json  # the output is JSON lines anyway
    chosen = config_file or _Shared.config
    for line in extract_lines(paths, schools=schools, programme=programme, config=get_config(chosen) if chosen else None, zones=zones):
        click.echo(line)


@cli.command(short_help="How a message was read, and why.")
@click.argument("which", metavar="[ID]", required=False)
@click.option("--file", "file", type=click.Path(exists=True, dir_okay=False), help="Explain this .eml file; no store needed.")
@click.option("--html", "html", type=click.Path(dir_okay=False, path_type=Path), help="Write a page of its own, with nothing fetched from outside.")
@click.option("--schools", multiple=True, type=click.Path(dir_okay=False), help="A school list for --file; may be repeated.")
@click.option("--programme", type=click.Path(file_okay=False, path_type=Path), help="Another programme folder for --file.")
@config_option
@json_option
def explain(
    which: str | None, file: str | None, html: Path | None, schools: tuple[str, ...], programme: Path | None, config_file: str | None, as_json: bool
) -> None:
    """Show a message with its zones and evidence, the rules that hit and missed, the decision, the replies.

    ID is a message's or registration's id (or its start), or a Message-ID.
    """
    from mailroom.show import explain_dict, explain_file, print_explain

    if (which is None) == (file is None):
        raise click.UsageError("name one message by its ID, or a file with --file")
    chosen = config_file or _Shared.config
    config = get_config(chosen) if chosen or which is not None else None
    if which is not None and config is not None:
        facts = explain_dict(config, get_store(config), which)
    else:
        facts = explain_file(str(file), schools=schools, programme=programme, config=config)
    if html is not None:
        from mailroom.explain_page import page, value_labels

        html.write_text(page(facts, value_labels(programme, config)), encoding="utf-8")
    if as_json:
        emit(facts)
    elif html is None:
        print_explain(facts)


@cli.command(short_help="Measure the reading on labelled mail.")
@click.argument("folder", required=False, type=click.Path(file_okay=False, path_type=Path))
@click.option("--labels", type=click.Path(dir_okay=False, path_type=Path), help="A .jsonl file with «id» and «labels» on each line.")
@click.option("--schools", multiple=True, type=click.Path(dir_okay=False), help="A school list; may be repeated.")
@click.option("--programme", type=click.Path(file_okay=False, path_type=Path), help="Another programme folder than the shipped one.")
@click.option("--save", type=click.Path(dir_okay=False, path_type=Path), help="Keep this run, to compare a later one with.")
@click.option("--against", type=click.Path(dir_okay=False, path_type=Path), help="An earlier run: say which messages got better and worse.")
@click.option("--curve", type=click.Path(dir_okay=False, path_type=Path), help="Draw precision against coverage over the accept threshold (.svg).")
@click.option("--wrong", type=click.IntRange(min=0), default=20, show_default=True, help="How many differences to list.")
@config_option
@json_option
def evaluate(folder: Path | None, config_file: str | None, **options: Any) -> None:
    """Measure the reading against labelled .eml files in FOLDER, or against the corrections that persons made in the register.

    Labels are a .jsonl file (--labels, or in the folder) or NAME.json beside each NAME.eml; without FOLDER the register is used.
    """
    from mailroom.evaluating import run_evaluation

    chosen = config_file or _Shared.config
    config = get_config(chosen) if chosen or folder is None else None
    run_evaluation(folder, config=config, open_store=(lambda: get_store(config, write=True)) if config else None, **options)


@cli.command(short_help="The rules, with file and line, and their hits.")
@click.option("--programme", type=click.Path(file_okay=False, path_type=Path), help="Another programme folder than the shipped one.")
@click.option("--hits", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Count over the .eml files of this folder, not over the store.")
@click.option("--schools", multiple=True, type=click.Path(dir_okay=False), help="A school list for --hits; may be repeated.")
@config_option
@json_option
def rules(config_file: str | None, **options: Any) -> None:
    """List every rule of the programme with file and line, and how often it hit: in the store (--config) or in a folder (--hits)."""
    from mailroom.rulebook import run_rules

    chosen = config_file or _Shared.config
    config = get_config(chosen) if chosen else None
    run_rules(config=config, open_store=(lambda: get_store(config)) if config else None, **options)


def mark_for_spreadsheets(form: str) -> None:
    """Excel takes CSV for UTF-8 only where it begins with a byte order mark: without one it spoils «Àrainn»."""
    if form == "csv" and not sys.stdout.isatty() and sys.stdout.encoding.lower() == "utf-8":
        sys.stdout.write("\ufeff")


@cli.command()
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


@cli.command(short_help="How full each session is, and who asked for it.")
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


@cli.command(short_help="The coordinator's daily mail.")
@click.option("--preview", is_flag=True, help="Print what it would say now; sends and notes nothing.")
@click.option("--now", "at_once", is_flag=True, help="Send one now, whatever the hour; the next one begins where it ends.")
@click.option("--html", "html", type=click.Path(dir_okay=False, path_type=Path), help="With --preview: also write its HTML there.")
@config_option
@json_option
def digest(preview: bool, at_once: bool, html: Path | None, config_file: str | None, as_json: bool) -> None:
    """The coordinator's daily mail: what is new, what waits for a person, what failed. «poll» and «run» send it at its hour."""
    from datetime import UTC, datetime

    from mailroom.digesting import open_digests

    if preview == at_once or (html is not None and not preview):
        raise click.UsageError("give --preview or --now" if preview == at_once else "--html goes with --preview")
    config, now = get_config(config_file), datetime.now(UTC)
    if preview:
        rendered = open_digests(config, get_store(config)).preview(now)
        if html is not None and rendered is not None:
            html.write_text(rendered.html, encoding="utf-8")
        if as_json:
            emit({"told": rendered is not None, **({"subject": rendered.subject, "text": rendered.text} if rendered is not None else {})})
        else:
            click.echo(f"Subject: {rendered.subject}\n\n{rendered.text}".rstrip() if rendered is not None else "There is nothing to tell.")
        return
    from mailroom.errors import Misconfigured
    from mailroom.pipeline import RoundReport

    pipeline = build_pipeline(config, create=False)
    with pipeline.store.exclusive(timeout=60):
        told = open_digests(config, pipeline.store).write_now(now)
        report, wrong = RoundReport(), list[Misconfigured]()
        if told:
            pipeline.deliver(report, wrong)
    if wrong:
        raise wrong[0]
    if report.errors:
        raise Temporary("\n".join(report.errors))
    if as_json:
        emit({"told": told})
    else:
        click.echo("the digest is on its way" if told else "There is nothing to tell, so nothing was sent.")


@cli.command(short_help="Bring an older database up to this version.")
@config_option
def upgrade(config_file: str | None) -> None:
    """Bring an older database up to this version (make a copy of it first)."""
    from store import Store

    config = get_config(config_file)
    store = Store(config.store.url)
    store.upgrade()
    click.echo("the database is up to date")


@cli.group()
def schools() -> None:
    """The list of schools that the reading knows: import."""


@schools.command("import", short_help="Turn a workbook or CSV into the school list.")
@click.argument("source", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--into", type=click.Path(dir_okay=False, path_type=Path), default=Path("lists/schools.csv"), show_default=True, help="The list to write.")
@click.option("--against", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Compare with this list; else with the one that --into replaces.")
@click.option("--programme", type=click.Path(file_okay=False, path_type=Path), help="Another programme folder than the shipped one: it knows the councils.")
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
@config_option
@json_option
def schools_import(source: Path, programme: Path | None, config_file: str | None, **options: Any) -> None:
    """Take the government's «School contact details» workbook (.xlsx) or a CSV as the school list, and say what changed.

    Renamed and closed schools keep their old names.
    """
    from mailroom.config import data_folder
    from mailroom.schools import run_import

    chosen = config_file or _Shared.config
    config = get_config(chosen) if chosen and not programme else None
    run_import(source, folder=programme or (config.programme.folder if config else None) or data_folder() / "programme", **options)


@cli.group(short_help="List, show, correct, accept, withdraw, merge registrations.")
def register() -> None:
    """The register: list and show registrations; correct, accept, withdraw, reopen or merge one; let another address speak for it."""


def changing(command: F) -> F:
    """Who changes a registration, and what they had seen of it."""
    command = click.option("--revision", type=click.IntRange(min=1), help="Only if it is still at this revision, which «register show» tells.")(command)
    return click.option("--by", metavar="NAME", help="Who you are, for the history; else the name that is logged in.")(command)


def get_office(config_file: str | None) -> HouseOffice:
    """What a person does, by the same code as on the desk."""
    from mailroom.office import HouseOffice

    config = get_config(config_file)
    return HouseOffice(config, get_store(config, write=True))


def print_done(done: Done, as_json: bool) -> None:
    """What was done, and the number by which it is taken back."""
    if as_json:
        emit({"deed": done.deed, "said": done.said})
    else:
        click.echo(done.said + (f" (deed {done.deed})" if done.deed is not None else ""))


def print_changed(facts: dict[str, Any], as_json: bool) -> None:
    from mailroom.show import STATE_WORDS

    if as_json:
        emit(facts)
        return
    done = "changed" if facts["changed"] else "left as it was"
    settled = f"; {len(facts['settled'])} waiting {'message is' if len(facts['settled']) == 1 else 'messages are'} done" if facts["settled"] else ""
    deed = f" (deed {facts['deed']})" if facts["deed"] else ""
    click.echo(f"{facts['id']} {done}: {STATE_WORDS[facts['state']]}, revision {facts['revision']}{settled}{deed}")


@register.command("list")
@click.option("--state", type=StateName("registration"), help="Only those.")
@config_option
@json_option
def register_list(state: str | None, config_file: str | None, as_json: bool) -> None:
    """List registrations, oldest first."""
    from mailroom.correcting import list_dicts, print_list

    rows = list_dicts(get_store(get_config(config_file)), state)
    emit(rows) if as_json else print_list(rows)


@register.command("show", short_help="Values with their sources, and the conversation.")
@click.argument("which", metavar="ID")
@config_option
@json_option
def register_show(which: str, config_file: str | None, as_json: bool) -> None:
    """Show a registration: where each value comes from, who may speak for it, and its conversation step by step.

    ID is the registration's id, the start of it, or an address.
    """
    from mailroom.correcting import print_registration, registration_dict

    facts = registration_dict(get_store(get_config(config_file)), which)
    emit(facts) if as_json else print_registration(facts)


@register.command("correct", short_help="Set or clear fields.")
@click.argument("which", metavar="ID")
@click.option("--institution", multiple=True, metavar="NAME", help="School or college; may be repeated, as may all of these.")
@click.option("--authority", multiple=True, metavar="NAME", help="Council area.")
@click.option("--activity", multiple=True, metavar="ID", help="An id of activities.yaml.")
@click.option("--topic", multiple=True, metavar="WORDS")
@click.option("--session", multiple=True, metavar="ID", help="An id of sessions.yaml.")
@click.option(
    "--clear", "cleared", multiple=True, type=click.Choice(["institution", "authority", "activity", "topic", "session"]), help="Take a field's values away."
)
@click.option("--keep-open", is_flag=True, help="What waits for a person goes on waiting.")
@changing
@config_option
@json_option
def register_correct(
    which: str,
    cleared: tuple[str, ...],
    keep_open: bool,
    by: str | None,
    revision: int | None,
    config_file: str | None,
    as_json: bool,
    **given: tuple[str, ...],
) -> None:
    """Set fields of a registration. What you set is never overwritten by a later mail; a mail that says otherwise comes to you.

    Each field that is named gets the values given, in place of all it had. The member is not told.
    """
    from mailroom.correcting import correct

    print_changed(correct(get_office(config_file), which, given, cleared, by=by, revision=revision, settle=not keep_open), as_json)


@register.command("accept", short_help="It is in order as it stands.")
@click.argument("which", metavar="ID")
@click.option("--incomplete", is_flag=True, help="Although something that is required is not known.")
@click.option("--back", is_flag=True, help="Although the member has withdrawn: they are on the list again.")
@changing
@config_option
@json_option
def register_accept(which: str, by: str | None, revision: int | None, config_file: str | None, as_json: bool, **although: bool) -> None:
    """A registration that waited for you is in order as it stands."""
    from mailroom.correcting import accept

    print_changed(accept(get_office(config_file), which, by=by, revision=revision, **although), as_json)


@register.command("withdraw", short_help="Take a member off.")
@click.argument("which", metavar="ID")
@changing
@config_option
@json_option
def register_withdraw(which: str, by: str | None, revision: int | None, config_file: str | None, as_json: bool) -> None:
    """Take a member off, for example after a telephone call. The values stay, for the record; the member is not told."""
    from mailroom.correcting import withdraw

    print_changed(withdraw(get_office(config_file), which, by=by, revision=revision), as_json)


@register.command("reopen", short_help="It needs a person again.")
@click.argument("which", metavar="ID")
@changing
@config_option
@json_option
def register_reopen(which: str, by: str | None, revision: int | None, config_file: str | None, as_json: bool) -> None:
    """A registration needs a person again, also one that was withdrawn or dismissed."""
    from mailroom.correcting import reopen

    print_changed(reopen(get_office(config_file), which, by=by, revision=revision), as_json)


@register.command("merge", short_help="The same member wrote twice.")
@click.argument("which", metavar="ID")
@click.argument("into", metavar="INTO")
@changing
@config_option
@json_option
def register_merge(which: str, into: str, by: str | None, revision: int | None, config_file: str | None, as_json: bool) -> None:
    """Merge the registration ID into INTO: messages, addresses and places go over, and values that INTO lacks."""
    from mailroom.correcting import merge

    print_changed(merge(get_office(config_file), which, into, by=by, revision=revision), as_json)


@register.command("add-address", short_help="Let another address of the member speak for it.")
@click.argument("which", metavar="ID")
@click.argument("address", metavar="ADDRESS")
@click.option("--by", metavar="NAME", help="Who you are, for the history; else the name that is logged in.")
@config_option
@json_option
def register_add_address(which: str, address: str, by: str | None, config_file: str | None, as_json: bool) -> None:
    """Let another address of the same person speak for a registration, from its next mail on."""
    from mailroom.correcting import add_address

    facts = add_address(get_store(get_config(config_file), write=True), which, address, by=by)
    if as_json:
        emit(facts)
    else:
        click.echo(f"{facts['address']} {'may now write about' if facts['added'] else 'could already write about'} {facts['id']}")


@cli.group(short_help="What came in, and what waits for you.")
def messages() -> None:
    """What came in: list what waits for you, settle what you have dealt with."""


@messages.command("list", short_help="What waits for a person, and why.")
@click.option("--state", type=StateName("message"), help="Those, in place of what waits for a person.")
@click.option("--all", "everything", is_flag=True, help="Every message.")
@config_option
@json_option
def messages_list(state: str | None, everything: bool, config_file: str | None, as_json: bool) -> None:
    """List the messages that wait for a person, and why, oldest first; «mailroom explain ID» shows one."""
    from mailroom.messages import FOR_A_PERSON, message_dicts, print_messages
    from mailroom.model import MessageState

    if everything and state:
        raise click.UsageError("give --state or --all")
    states = tuple(MessageState) if everything else (MessageState(state),) if state else FOR_A_PERSON
    rows = message_dicts(get_store(get_config(config_file)), states)
    emit(rows) if as_json else print_messages(rows, none="no messages" if everything or state else "nothing waits for a person")


@messages.command("settle", short_help="Say that you have dealt with a message.")
@click.argument("message_ids", type=int, nargs=-1, required=True, metavar="ID...")
@click.option("--by", metavar="NAME", help="Who you are, for the history; else the name that is logged in.")
@config_option
@json_option
def messages_settle(message_ids: tuple[int, ...], by: str | None, config_file: str | None, as_json: bool) -> None:
    """Say that you have dealt with a message that waited for you, such as a question that you have answered.

    Nothing is sent, and no registration is changed: for that there is «mailroom register».
    """
    from mailroom.messages import settle

    settled, still = settle(get_office(config_file), message_ids, by=by)
    if as_json:
        emit({"settled": settled, "registrations_waiting": still})
        return
    click.echo(f"{len(settled)} {'message is' if len(settled) == 1 else 'messages are'} done")
    for one in still:
        click.echo(f"registration {one} waits for you still: «mailroom register accept {one}», or correct or withdraw it")


@messages.command("dismiss", short_help="Say that a message is not for the programme.")
@click.argument("message_ids", type=int, nargs=-1, required=True, metavar="ID...")
@click.option("--spam", is_flag=True, help="It is spam.")
@click.option("--by", metavar="NAME", help="Who you are, for the history; else the name that is logged in.")
@config_option
@json_option
def messages_dismiss(message_ids: tuple[int, ...], spam: bool, by: str | None, config_file: str | None, as_json: bool) -> None:
    """Say that messages are not for the programme. A registration that rests on nothing else goes with them, and its unsent answers stay here."""
    from desk.office import Dismissal
    from mailroom.correcting import person

    done = get_office(config_file).dismiss(message_ids, Dismissal.SPAM if spam else Dismissal.NOT_OURS, who=person(by))
    print_done(done, as_json)


@messages.command("read-again", short_help="Have a message read again in the next round.")
@click.argument("message_ids", type=int, nargs=-1, required=True, metavar="ID...")
@click.option("--by", metavar="NAME", help="Who you are, for the history; else the name that is logged in.")
@config_option
@json_option
def messages_read_again(message_ids: tuple[int, ...], by: str | None, config_file: str | None, as_json: bool) -> None:
    """Have messages that wait for you read again in the next round, for example after the rules have changed."""
    from mailroom.correcting import person

    print_done(get_office(config_file).read_again(message_ids, who=person(by)), as_json)


@cli.command(short_help="Take back what a person did.")
@click.argument("deed", type=int, required=False, metavar="[NUMBER]")
@click.option("--by", metavar="NAME", help="Who you are, for the history; else the name that is logged in.")
@config_option
@json_option
def undo(deed: int | None, by: str | None, config_file: str | None, as_json: bool) -> None:
    """Take back what a person did, whole, by its number; without one, list the latest.

    It cannot be taken back once something else builds on it, or its mail has left.
    """
    from mailroom.correcting import deed_dicts, person, print_deeds

    if deed is not None:
        print_done(get_office(config_file).undo(deed, who=person(by)), as_json)
        return
    rows = deed_dicts(get_store(get_config(config_file)))
    emit(rows) if as_json else print_deeds(rows)


@cli.group()
def replies() -> None:
    """The outbox: list, show and release answers."""


@replies.command("list")
@click.option("--state", type=StateName("reply"), help="Only those.")
@config_option
@json_option
def replies_list(state: str | None, config_file: str | None, as_json: bool) -> None:
    """List answers, oldest first."""
    from mailroom.show import print_replies, reply_dicts

    rows = reply_dicts(get_store(get_config(config_file)), state)
    emit(rows) if as_json else print_replies(rows)


@replies.command("show")
@click.argument("reply_id", type=int, metavar="ID")
@config_option
@json_option
def replies_show(reply_id: int, config_file: str | None, as_json: bool) -> None:
    """Show one answer as the member will see it."""
    from mailroom.show import print_reply, reply_dict

    facts = reply_dict(get_store(get_config(config_file)), reply_id)
    emit(facts) if as_json else print_reply(facts)


@replies.command("preview", short_help="Show what would be sent; nothing is.")
@click.argument("template", required=False)
@click.option("--case", help="A member made up, of replies/samples.yaml.")
@click.option("--message", help="A message of the store, by its ID, Message-ID or sha256.")
@click.option("--registration", help="A registration of the store, by its id or an address: what it says now.")
@click.option("--file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="An .eml file, read now; no store needed.")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write the HTML; of several answers, a page with all of them.")
@click.option("--programme", type=click.Path(file_okay=False, path_type=Path), help="Another programme folder than the shipped one.")
@config_option
@json_option
def replies_preview(template: str | None, html: Path | None, config_file: str | None, as_json: bool, **options: Any) -> None:
    """Show what would be sent; nothing is stored or sent.

    Without an option: TEMPLATE (or every answer) for the members made up in replies/samples.yaml.
    """
    from mailroom.previewing import gallery, print_previews, run_preview

    stored = options["message"] is not None or options["registration"] is not None
    if sum(options[name] is not None for name in ("case", "message", "registration", "file")) > 1:
        raise click.UsageError("give one of --case, --message, --registration and --file")
    chosen = config_file or _Shared.config
    config = get_config(chosen) if chosen or stored else None
    previews = run_preview(template, config=config, open_store=(lambda: get_store(config)) if config else None, **options)
    if html is not None:
        html.write_text(previews[0].html if len(previews) == 1 else gallery(previews), encoding="utf-8")
    if as_json:
        shown = ("case", "about", "template", "recipient", "subject", "text", "html")
        emit([{**{name: getattr(p, name) for name in shown}, "attachments": [name for name, _ in p.attachments]} for p in previews])
    elif html is None:
        print_previews(previews, click.echo)


@replies.command("release")
@click.argument("reply_ids", type=int, nargs=-1, metavar="[ID...]")
@click.option("--all", "everything", is_flag=True, help="All that are held (not those parked by a cap).")
@click.option("--parked", type=click.Choice(PARKED), help="All that were parked for this reason (see «mailroom replies list --state parked --json»).")
@config_option
@json_option
def replies_release(reply_ids: tuple[int, ...], everything: bool, parked: str | None, config_file: str | None, as_json: bool) -> None:
    """Let held or parked answers go out at the next round."""
    from datetime import UTC, datetime

    from mailroom.show import reply_words

    if (bool(reply_ids), everything, parked is not None).count(True) != 1:
        raise click.UsageError("name the replies, or give --all, or --parked with a reason")
    config = get_config(config_file)
    store = get_store(config, write=True)
    with store.exclusive(timeout=60):
        if unknown := [str(one) for one in reply_ids if store.reply(one) is None]:
            raise MailroomError(f"there is no reply {', '.join(unknown)}; «mailroom replies list» shows them. Nothing was released")
        if parked is not None:
            reply_ids = store.parked(parked)
        released = store.release(None if everything else list(reply_ids), datetime.now(UTC), actor="operator")
    unsent = "" if config.replies.smtp is not None else ", but there is no replies.smtp in config.yaml: until there is, nothing goes out"
    stay = [store.reply(one) for one in reply_ids if one not in released]
    if as_json:
        emit({"released": released})
    else:
        for reply in stay:
            if reply is not None:
                click.echo(f"{reply.id} stays as it is: {reply_words(reply.state, reply.reason)}")
        click.echo(f"{len(released)} {'reply' if len(released) == 1 else 'replies'} will go out at the next round{unsent}")


@cli.group()
def breakers() -> None:
    """What stops a storm of answers: list, close."""


@breakers.command("list", short_help="Which tripped, and what they hold back.")
@click.option("--days", type=click.IntRange(min=0), default=7, show_default=True, help="Also those that tripped within so many days and are closed.")
@config_option
@json_option
def breakers_list(days: int, config_file: str | None, as_json: bool) -> None:
    """List the breakers that tripped, and how many answers each still holds back."""
    from datetime import UTC, datetime, timedelta

    from mailroom.show import breaker_dicts, print_breakers

    rows = breaker_dicts(get_store(get_config(config_file)), datetime.now(UTC) - timedelta(days=days))
    emit(rows) if as_json else print_breakers(rows)


@breakers.command("close", short_help="Let answers out again.")
@click.argument("scope", metavar="DOMAIN|all")
@config_option
@json_option
def breakers_close(scope: str, config_file: str | None, as_json: bool) -> None:
    """Let answers out again; it counts anew from now on. What it parked waits for «mailroom replies release»."""
    from datetime import UTC, datetime

    store = get_store(get_config(config_file), write=True)
    with store.exclusive(timeout=60):
        closed = store.close_breaker("*" if scope == "all" else scope, datetime.now(UTC), actor="operator")
    if not closed:
        raise MailroomError(f"no breaker is open for «{scope}»; «mailroom breakers list» shows them")
    emit({"closed": scope}) if as_json else click.echo(f"closed; answers to {'anybody' if scope == 'all' else scope} go out again")


@cli.group()
def addresses() -> None:
    """Addresses that take no mail: list, clear."""


@addresses.command("list", short_help="Those that take no mail, and why.")
@config_option
@json_option
def addresses_list(config_file: str | None, as_json: bool) -> None:
    """List the addresses from which an answer came back, or that were refused as unknown."""
    from mailroom.show import address_dicts, print_addresses

    rows = address_dicts(get_store(get_config(config_file)))
    emit(rows) if as_json else print_addresses(rows)


@addresses.command("clear", short_help="Say that an address works again.")
@click.argument("address")
@config_option
@json_option
def addresses_clear(address: str, config_file: str | None, as_json: bool) -> None:
    """Say that an address works again: later answers go there. What was parked for it is named, to be released."""
    from datetime import UTC, datetime

    store = get_store(get_config(config_file), write=True)
    with store.exclusive(timeout=60):
        parked = store.clear_address(address, datetime.now(UTC), actor="operator")
    if parked is None:
        raise MailroomError(f"«{address}» is not marked as undeliverable; «mailroom addresses list» shows those that are")
    if as_json:
        emit({"cleared": address, "parked": parked})
        return
    click.echo(f"{address} gets answers again")
    if parked:
        click.echo(f"parked for it: «mailroom replies release {' '.join(map(str, parked))}» lets them go")


cli.add_command(aliases_group(config_option=config_option, json_option=json_option, get_config=get_config, get_store=get_store, emit=emit), name="aliases")
cli.add_command(desk)


def main(arguments: list[str] | None = None) -> None:
    """Entry point: errors that mailroom raises on purpose become one clear paragraph and an exit status."""
    for stream in (sys.stdout, sys.stderr):
        # Under a locale that is not UTF-8 a Gaelic name would end the command, and an export would not be UTF-8.
        if isinstance(stream, io.TextIOWrapper) and stream.encoding.lower() != "utf-8":
            stream.reconfigure(encoding=None if stream.isatty() else "utf-8", errors="backslashreplace")
    try:
        cli.main(args=arguments, prog_name="mailroom", standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("stopped", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except Temporary as error:
        click.echo(f"mailroom: {error}", err=True)
        sys.exit(75)
    except MailroomError as error:
        click.echo(f"mailroom: {error}", err=True)
        sys.exit(1)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)
    except Exception as error:
        logging.getLogger(__name__).debug("unexpected", exc_info=True)
        if logging.getLogger().isEnabledFor(logging.INFO):
            logging.getLogger(__name__).exception("unexpected error")
        click.echo(
            f"mailroom: this should not happen: {type(error).__name__}: {error}\nNothing is lost. Run it again with -v and report what it prints.",
            err=True,
        )
        sys.exit(70)


if __name__ == "__main__":
    main()
