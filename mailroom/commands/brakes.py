"""What holds answers back until a person looks: `mailroom breakers` and `mailroom addresses`."""

from __future__ import annotations

import click

from mailroom.commands.opening import get_config, get_store
from mailroom.commands.options import config_option, emit, json_option
from mailroom.errors import MailroomError

__all__ = ["addresses", "breakers"]


@click.group()
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


@click.group()
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
