"""`mailroom desk`: serves the coordinator's pages, on this machine only unless told otherwise; `mailroom desk user` sees to accounts."""

from __future__ import annotations

import click

from mailroom.commands.desk_accounts import user
from mailroom.commands.opening import get_config, get_store
from mailroom.commands.options import config_option
from mailroom.errors import Misconfigured

__all__ = ["desk"]

PORT = 8025


def _here(host: str) -> bool:
    import ipaddress

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@click.group(invoke_without_command=True, short_help="Serve the coordinator's pages; see to their accounts.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=PORT, show_default=True, type=click.IntRange(0, 65535), help="The port to listen on.")
@config_option
@click.pass_context
def desk(context: click.Context, host: str, port: int, config_file: str | None) -> None:
    """Serve the coordinator's pages until stopped. Accounts: «mailroom desk user»."""
    if context.invoked_subcommand is not None:
        return
    import uvicorn

    from desk.app import make_app
    from mailroom.config import DeskConfig
    from mailroom.desk_settings import settings_of
    from mailroom.office import HouseOffice

    config = get_config(config_file)
    given = config.desk or DeskConfig()
    if not _here(host) and given.url is None:
        raise Misconfigured(
            f"desk: on {host} others could reach it, and passwords would cross the network as they are; let a web server with a certificate stand "
            "before it, and set desk.url in config.yaml to its https address"
        )
    store = get_store(config, write=True, create=True)
    office = HouseOffice(config, store)
    office.warm_up()
    app = make_app(store, office, settings=settings_of(config, host))
    shown = f"[{host}]" if ":" in host else host
    click.echo(f"the desk is at {given.url or f'http://{shown}:{port}'} (Ctrl-C ends it)", err=True)
    if given.oidc is None and not store.people.any():
        click.echo("nobody can log in yet: «mailroom desk user add NAME --role coordinator» makes an account", err=True)
    uvicorn.run(
        app,
        host=host,
        port=port,
        log_level="warning",
        server_header=False,
        proxy_headers=True,
        forwarded_allow_ips=list(given.proxies),
        access_log=False,  # addresses and times of people's visits are in the history, where they are needed, and nowhere else
    )


desk.add_command(user)
