"""What commands open: the settings, the store, the office and the pipeline, each imported when it is first asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from mailroom.config import Config
    from mailroom.office import HouseOffice
    from mailroom.pipeline import Pipeline
    from store import Store

__all__ = ["build_pipeline", "get_config", "get_office", "get_store", "settings_named"]


def settings_named(config_file: str | None) -> str | None:
    """The file that the command's own ``--config`` names, or the nearest one before it, as in `mailroom --config FILE poll`."""
    context = click.get_current_context(silent=True)
    while not config_file and context is not None:
        config_file = context.params.get("config_file")
        context = context.parent
    return config_file


def get_config(config_file: str | None) -> Config:
    from mailroom.config import find_config, load_config

    return load_config(find_config(settings_named(config_file)))


def get_store(config: Config, *, write: bool = False, create: bool = False) -> Store:
    from store import Store

    store = Store(config.store.url, read_only=not write)
    store.ensure_current(first_run_ok=create)
    return store


def get_office(config_file: str | None) -> HouseOffice:
    """What a person does, by the same code as on the desk."""
    from mailroom.office import HouseOffice

    config = get_config(config_file)
    return HouseOffice(config, get_store(config, write=True))


def build_pipeline(config: Config, *, create: bool = True) -> Pipeline:
    from mailroom.assemble import assemble

    return assemble(config, get_store(config, write=True, create=create))
