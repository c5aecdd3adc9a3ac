"""`mailroom replies`: the outbox, and what would be sent, looked at beforehand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mailroom.commands.opening import get_config, get_store, settings_named
from mailroom.commands.options import config_option, emit, json_option
from mailroom.commands.states import StateName
from mailroom.errors import MailroomError

__all__ = ["PARKED", "replies"]

PARKED = ("cap_address", "same_words", "breaker_domain", "breaker_all", "undeliverable")  # a test compares it with the store's


@click.group()
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
    config = get_config(config_file) if settings_named(config_file) or stored else None
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
