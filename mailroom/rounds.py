"""What a round tells while it runs and when it is done, as `mailroom poll` and `mailroom demo` print it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from mailroom.pipeline import RoundReport

__all__ = ["print_round", "progress_line"]


def progress_line() -> Callable[[str, int, int | None], None]:
    def show(what: str, done: int, total: int | None) -> None:
        sys.stderr.write(f"\r\033[K{what} {done}{f' of {total}' if total is not None else ''}")
        if total is not None and done >= total:
            sys.stderr.write("\r\033[K")
        sys.stderr.flush()

    return show


def print_round(report: RoundReport) -> None:
    for name, box in report.mailboxes.items():
        if box.error:
            click.echo(f"{name}: could not be polled")
            continue
        click.echo(
            f"{name}: {box.on_server} on the server, {box.new} new, {box.unaccounted} unaccounted: {box.registered} registered, "
            f"{box.ask_member} asked for what is missing, {box.review} for a person, {box.ignored} ignored, {box.quarantined} could not be read, "
            f"{box.waiting} not read yet"
        )
    r = report.replies
    for breaker in report.breakers:
        click.echo(_breaker_line(breaker))
    click.echo(
        f"replies: {r['sent']} sent, {r['held']} held, {r['due']} due, {r['suppressed']} parked, {r['dead']} undeliverable"
        + (f", {r['unknown']} of unknown fate" if r["unknown"] else "")
    )
    if report.paced_until is not None:
        click.echo("sending is paced (mailroom status says how); what is due goes in the next rounds")


def _breaker_line(breaker: Mapping[str, Any]) -> str:
    from mailroom.show import breaker_text  # wanted at an alarm only, and it brings much with it

    return click.style(f"ALARM: {breaker_text(breaker)}", fg="red", bold=True)
