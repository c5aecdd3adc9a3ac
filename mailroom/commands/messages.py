"""`mailroom messages`: what came in and waits for a person; and `mailroom undo`, which takes a person's deeds back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mailroom.commands.opening import get_config, get_office, get_store
from mailroom.commands.options import by_option, config_option, emit, json_option
from mailroom.commands.states import StateName

if TYPE_CHECKING:
    from desk.office import Done

__all__ = ["messages", "undo"]


@click.group(short_help="What came in, and what waits for you.")
def messages() -> None:
    """What came in: list what waits for you, settle what you have dealt with."""


def print_done(done: Done, as_json: bool) -> None:
    """What was done, and the number by which it is taken back."""
    if as_json:
        emit({"deed": done.deed, "said": done.said})
    else:
        click.echo(done.said + (f" (deed {done.deed})" if done.deed is not None else ""))


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
@by_option
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
@by_option
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
@by_option
@config_option
@json_option
def messages_read_again(message_ids: tuple[int, ...], by: str | None, config_file: str | None, as_json: bool) -> None:
    """Have messages that wait for you read again in the next round, for example after the rules have changed."""
    from mailroom.correcting import person

    print_done(get_office(config_file).read_again(message_ids, who=person(by)), as_json)


@click.command(short_help="Take back what a person did.")
@click.argument("deed", type=int, required=False, metavar="[NUMBER]")
@by_option
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
