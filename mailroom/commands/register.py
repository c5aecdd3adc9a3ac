"""`mailroom register`: registrations listed, shown and changed by a person, with the same code as at the desk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from mailroom.commands.opening import get_config, get_office, get_store
from mailroom.commands.options import by_option, config_option, emit, json_option
from mailroom.commands.states import StateName

__all__ = ["register"]

F = TypeVar("F", bound=Callable[..., Any])


@click.group(short_help="List, show, correct, accept, withdraw, merge registrations.")
def register() -> None:
    """The register: list and show registrations; correct, accept, withdraw, reopen or merge one; let another address speak for it."""


def changing(command: F) -> F:
    """Who changes a registration, and what they had seen of it."""
    command = click.option("--revision", type=click.IntRange(min=1), help="Only if it is still at this revision, which «register show» tells.")(command)
    return by_option(command)


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
@by_option
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
