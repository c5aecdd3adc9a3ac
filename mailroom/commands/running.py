"""The work itself, and how it goes: `mailroom poll`, `run`, `status`, `digest`."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import click

from mailroom.commands.opening import build_pipeline, get_config, get_store
from mailroom.commands.options import config_option, emit, json_option
from mailroom.errors import Temporary

__all__ = ["digest", "poll", "run", "status"]


@click.command(short_help="One round, then out.")
@config_option
@json_option
def poll(config_file: str | None, as_json: bool) -> None:
    """One round: take what is new, read it, record it, send what is due; then out."""
    from mailroom.rounds import print_round, progress_line

    pipeline = build_pipeline(get_config(config_file))
    with pipeline.store.exclusive(timeout=60):
        report = pipeline.round(progress=progress_line() if sys.stderr.isatty() and not as_json else None)
    if as_json:
        emit(report.as_dict())
    else:
        print_round(report)
    if report.errors:
        raise Temporary("\n".join(report.errors))


@click.command(short_help="Rounds on schedule, and at once when mail comes.")
@config_option
def run(config_file: str | None) -> None:
    """Poll on schedule, and at once when the server says mail came, until SIGTERM; a running round is finished."""
    from mailroom.service import serve

    logging.getLogger().setLevel(min(logging.INFO, logging.getLogger().level))
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells of its plugins, and of a database that it looked at
    serve(get_config(config_file), build_pipeline)


@click.command(short_help="Totals, what waits, and the last polls.")
@config_option
@json_option
def status(config_file: str | None, as_json: bool) -> None:
    """How many messages and replies are in which state, and when each mailbox was last polled."""
    from mailroom.show import print_status, status_dict

    config = get_config(config_file)
    facts = status_dict(config, get_store(config))
    emit(facts) if as_json else print_status(facts)


@click.command(short_help="The coordinator's daily mail.")
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
