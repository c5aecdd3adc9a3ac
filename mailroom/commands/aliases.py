"""`mailroom aliases`: what persons taught, listed, added, forgotten and exported from the command line.

Promises and refusals are those of ``mailroom.remembering``.

What it does badly: `export` gives what holds now; who said what and when is in `list --all` and the history.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from mailroom.commands.opening import get_config, get_store
from mailroom.commands.options import by_option, config_option, emit, json_option

if TYPE_CHECKING:
    from desk.office import Alias
    from mailroom.config import Config
    from store import Store

__all__ = ["aliases"]

KINDS = ("institution", "authority", "domain", "activity")
COLUMNS = ("kind", "written", "means", "council", "stands_in")


@click.group(short_help="What corrections taught, such as «PHS».")
def aliases() -> None:
    """What corrections taught: initials, local names, schools that no list has, domains of schools, phrases for an activity.

    The running mailroom takes a change up at its next round.
    """


@aliases.command("list", short_help="What is remembered, by whom, and how often it helped.")
@click.option("--all", "everything", is_flag=True, help="Also those that were forgotten.")
@config_option
@json_option
def list_aliases(everything: bool, config_file: str | None, as_json: bool) -> None:
    """List what is remembered, the newest first."""
    config = get_config(config_file)
    found = _remembering(config, get_store(config)).aliases()
    found = tuple(one for one in found if everything or one.forgotten_at is None)
    emit([_as_dict(one) for one in found]) if as_json else _print(found)


@aliases.command("add", short_help="Remember that words mean something.")
@click.argument("written")
@click.argument("means")
@click.option("--kind", type=click.Choice(KINDS), default="institution", show_default=True, help="What MEANS is; for a domain, whose it is.")
@click.option("--council", default="", help="Only where this council is meant; else everywhere.")
@click.option("--stands-in", default="", help="The institution's council, where its name alone does not tell.")
@click.option("--try", "only_try", is_flag=True, help="Say what it would change among the last messages; remember nothing.")
@by_option
@config_option
@json_option
def add(written: str, means: str, kind: str, council: str, stands_in: str, only_try: bool, by: str | None, config_file: str | None, as_json: bool) -> None:
    """Remember that WRITTEN means MEANS, as in «mailroom aliases add PHS "Portobello High School" --council "City of Edinburgh"».

    WRITTEN is what members write; MEANS an institution's name, a council's short form or an activity's id.
    """
    from desk.office import Offer
    from mailroom.correcting import person

    config = get_config(config_file)
    taught = _remembering(config, get_store(config, write=not only_try))
    offer = Offer(written=written, means=means, council=council, kind=kind, stands_in=stands_in or (council if kind == "institution" else ""))
    if only_try:
        trial = taught.try_out(offer, registration_id=None)
        if as_json:
            emit({"looked_at": trial.looked_at, "changes": [{"message": e.message_id, "registration": e.registration_id} for e in trial.effects]})
            return
        click.echo(trial.said)
        for effect in trial.effects:
            after = "; ".join(f"{field}: {', '.join(values) or 'nothing'}" for field, values in effect.after.items())
            click.echo(f"  message {effect.message_id}: {after or 'registered without asking'}")
        return
    done = taught.remember(offer, registration_id=None, who=person(by))
    emit({"said": done.said}) if as_json else click.echo(done.said)


@aliases.command("forget", short_help="Take back what was remembered.")
@click.argument("number", type=int)
@by_option
@config_option
@json_option
def forget(number: int, by: str | None, config_file: str | None, as_json: bool) -> None:
    """Forget alias NUMBER of «aliases list»; what was registered by it stays as it is."""
    from mailroom.correcting import person

    config = get_config(config_file)
    done = _remembering(config, get_store(config, write=True)).forget(number, who=person(by))
    emit({"said": done.said}) if as_json else click.echo(done.said)


@aliases.command("export", short_help="What holds now, as CSV.")
@config_option
def export(config_file: str | None) -> None:
    """Print what is remembered as CSV, to look at or keep elsewhere."""
    import csv

    from mailroom.cells import safe_cell

    config = get_config(config_file)
    writer = csv.writer(sys.stdout, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for one in reversed(_remembering(config, get_store(config)).aliases()):
        if one.forgotten_at is None:
            writer.writerow([safe_cell(str(getattr(one, column))) for column in COLUMNS])


def _remembering(config: Config, store: Store) -> Any:
    from mailroom.remembering import of_installation

    return of_installation(config, store)


def _as_dict(one: Alias) -> dict[str, Any]:
    return {
        "id": one.id,
        **{column: getattr(one, column) for column in COLUMNS},
        "made_at": one.made_at.isoformat(),
        "made_by": one.made_by,
        "registration": one.registration_id,
        "hits": one.hits,
        "forgotten_at": one.forgotten_at.isoformat() if one.forgotten_at else None,
        "forgotten_by": one.forgotten_by or None,
    }


def _print(found: Sequence[Alias]) -> None:
    from mailroom.show import table, when

    if not found:
        click.echo("nothing is remembered yet")
        return
    table(
        ("no.", "members write", "means", "where", "helped", "since", "by", "forgotten"),
        (
            (
                str(one.id),
                one.written,
                one.means,
                one.council or "everywhere",
                str(one.hits),
                when(one.made_at),
                one.made_by,
                f"{when(one.forgotten_at)}, {one.forgotten_by}" if one.forgotten_at else "",
            )
            for one in found
        ),
    )
