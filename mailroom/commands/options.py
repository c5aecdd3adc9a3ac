"""What most commands take, and how they answer ``--json``."""

from __future__ import annotations

import click

__all__ = ["by_option", "config_option", "emit", "json_option"]

config_option = click.option("--config", "config_file", metavar="FILE", help="The settings; else $MAILROOM_CONFIG, else ./config.yaml.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
by_option = click.option("--by", metavar="NAME", help="Who you are, for the history; else the name that is logged in.")


def emit(value: object) -> None:
    import json

    click.echo(json.dumps(value, ensure_ascii=False, default=str))
